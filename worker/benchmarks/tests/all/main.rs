//! Tests of whole benchmarks: golden values and the conformance battery. One binary, a file per matter.

mod loading;
mod support;
