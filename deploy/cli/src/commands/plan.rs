//! `run --dry-run`: what would be done, and about how long it would take.

use super::Surroundings;
use crate::say;
use serde_json::json;
use synthfleet_coordinator::{Catalogue, intake};
use synthfleet_proto::Result;
use synthfleet_proto::job::JobSpec;
use synthfleet_worker::{check_options, members};

/// Prints candidates, benchmarks and the number of tasks; reads no row and writes nothing.
pub fn show(job: &JobSpec, surroundings: &Surroundings) -> Result<u8> {
    let resolved = intake::resolve(job, &Catalogue::of(members()), &check_options)?;
    let fits: u32 = resolved.candidates.iter().map(|candidate| candidate.repeats).sum();
    let tasks = 1 + fits as usize * (1 + resolved.benchmarks.len()) + resolved.benchmarks.len();
    if surroundings.json {
        say!("{}", json!({"candidates": resolved.candidates, "benchmarks": resolved.benchmarks, "tasks": tasks}));
        return Ok(0);
    }
    say!("source      {}", crate::present::style::safe(&job.source.uri));
    for candidate in &resolved.candidates {
        say!("candidate   {:<24} {} x {}", candidate.name, candidate.synthesizer, candidate.repeats);
    }
    let names: Vec<&str> = resolved.benchmarks.iter().map(|benchmark| benchmark.name.as_str()).collect();
    say!("benchmarks  {}", names.join(", "));
    say!("tasks       about {tasks}; nothing was read or written");
    Ok(0)
}
