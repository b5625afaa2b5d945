//! The benchmarks. A member is one file and two lines here: its module and its place in the list.
//!
//! `member` is the contract, `reference` builds the cases of reference rows, `folds` the intervals,
//! `parts` what several members compute alike, `conformance` the battery that every member passes.

pub mod accuracy;
pub mod column_shapes;
pub mod conformance;
pub mod detection;
pub mod diagnostic;
pub mod distances;
pub mod folds;
pub mod likelihood;
pub mod member;
pub mod membership;
pub mod ml_efficacy;
pub mod pair_trends;
pub mod parts;
pub mod reference;

pub use member::{AnyBenchmark, Benchmark, Case, Real};

/// Every benchmark, in the order of their names.
#[rustfmt::skip]
pub static BENCHMARKS: &[&dyn AnyBenchmark] = &[
    &accuracy::Accuracy,
    &column_shapes::ColumnShapes,
    &detection::Detection,
    &diagnostic::Diagnostic,
    &distances::Distances,
    &likelihood::Likelihood,
    &membership::Membership,
    &ml_efficacy::MlEfficacy,
    &pair_trends::PairTrends,
];

/// The benchmark that answers to `name`: its own name or an alias, case-blind.
pub fn find(name: &str) -> Option<&'static dyn AnyBenchmark> {
    BENCHMARKS.iter().copied().find(|benchmark| benchmark.about().answers_to(name))
}
