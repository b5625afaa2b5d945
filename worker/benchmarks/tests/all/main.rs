//! Tests of whole benchmarks: golden values and the conformance battery. One binary, a file per matter.

mod accuracy;
mod alpha_beta;
mod conformance;
mod coverage;
mod detection;
mod diagnostic;
mod distances;
mod known_errors;
mod laws;
mod loading;
mod long;
mod membership;
mod ml_efficacy;
mod quality;
mod sdmetrics;
mod support;
