//! Tests of whole benchmarks: golden values and the conformance battery. One binary, a file per matter.

mod accuracy;
mod anonymity;
mod conformance;
mod detection;
mod diagnostic;
mod disclosure;
mod distances;
mod known_errors;
mod law;
mod likelihood;
mod loading;
mod membership;
mod ml_efficacy;
mod quality;
mod sdgym2020;
mod support;
