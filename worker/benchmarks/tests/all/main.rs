//! Tests of whole benchmarks: golden values and the conformance battery. One binary, a file per matter.

mod accuracy;
mod conformance;
mod diagnostic;
mod distances;
mod loading;
mod quality;
mod support;
