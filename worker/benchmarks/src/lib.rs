//! The benchmarks. A member is one file and two lines here: its module and its place in the list.

pub mod member;

pub use member::{AnyBenchmark, Benchmark, Case, Real};
