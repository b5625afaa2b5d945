//! Takes tasks, runs them, commits outcomes. Sees rows, decides nothing about a job.
//!
//! [`Service`] is the loop of a worker: take a hint, claim the task, give its folder to an [`execute`]
//! executor, verify and upload what it made, create the outcome, acknowledge. [`perform`] is the
//! work itself, and [`execute::run_task`] is what `synthfleet task <folder>` does.

mod announce;
mod attempt;
mod commit;
mod context;
pub mod execute;
mod folder;
mod inputs;
pub mod metrics;
mod perform;
mod service;
mod shelf;
mod spans;
mod stay;
mod take;
#[cfg(test)]
mod tests;

pub use announce::check_take;
pub use context::{Options, Parts};
pub use folder::TaskFolder;
pub use perform::perform;
pub use service::Service;
pub use stay::Term;

use synthfleet_proto::about::MemberDoc;

/// Measures whose name ends so are seconds of a part of a task.
pub const SECONDS: &str = "_seconds";

/// What the members of this program say of themselves: synthesizers, then benchmarks.
pub fn members() -> Vec<MemberDoc> {
    let synthesizers = synthfleet_synthesizers::SYNTHESIZERS.iter().map(|member| member.doc());
    synthesizers.chain(synthfleet_benchmarks::BENCHMARKS.iter().map(|member| member.doc())).collect()
}

/// The version of a member of this program; `None`: it has none of that name, or the kind has no members.
fn version(kind: synthfleet_proto::task::TaskKind, name: &str) -> Option<&'static str> {
    use synthfleet_proto::task::TaskKind;
    match kind {
        TaskKind::Synthesize => synthfleet_synthesizers::find(name).ok().map(|member| member.about().version),
        TaskKind::Benchmark => synthfleet_benchmarks::find(name).map(|member| member.about().version),
        TaskKind::Profile | TaskKind::Generate => None,
    }
}

/// All problems of some options of a member: `task` is `synthesize` or `benchmark`.
pub fn check_options(task: &str, name: &str, options: &serde_json::Value) -> Vec<synthfleet_proto::options::Problem> {
    match task {
        "benchmark" => synthfleet_benchmarks::find(name).map(|member| member.check(options)).unwrap_or_default(),
        _ => synthfleet_synthesizers::find(name).map(|member| member.check(options)).unwrap_or_default(),
    }
}
