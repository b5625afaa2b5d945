//! Tests of whole benchmarks: golden values and the conformance battery. One binary, a file per matter.

mod accuracy;
mod alpha_beta;
mod anonymity;
mod conformance;
mod coverage;
mod detection;
mod diagnostic;
mod disclosure;
mod distances;
mod known_errors;
mod law;
mod laws;
mod likelihood;
mod loading;
mod long;
mod membership;
mod ml_efficacy;
mod quality;
mod sdgym2020;
mod sdmetrics;
mod support;
