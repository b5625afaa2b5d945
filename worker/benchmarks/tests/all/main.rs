//! Tests of whole benchmarks: golden values and the conformance battery. One binary, a file per matter.

mod accuracy;
mod conformance;
mod detection;
mod diagnostic;
mod distances;
mod known_errors;
mod likelihood;
mod loading;
mod membership;
mod ml_efficacy;
mod quality;
mod support;
