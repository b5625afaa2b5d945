//! `run --dry-run`: what would be done, and about how long it would take.

use super::{Surroundings, single};
use crate::arguments::Running;
use crate::present::style::safe;
use crate::say;
use serde_json::json;
use synthfleet_coordinator::Catalogue;
use synthfleet_coordinator::intake::{Resolved, preset_notes, resolve};
use synthfleet_proto::Result;
use synthfleet_proto::about::{Cost, Shape};
use synthfleet_proto::job::{JobSpec, References};
use synthfleet_worker::{check_options, members};

/// What a row of the plan costs by the estimates of its members.
struct Line {
    candidate: String,
    synthesizer: String,
    repeats: u32,
    fit: Cost,
    score: Cost,
}

/// Prints candidates, benchmarks, tasks and their estimated cost. The table is read and described in a folder of this
/// command alone; nothing is fitted and nothing is kept.
pub fn show(job: JobSpec, running: &Running, surroundings: &Surroundings) -> Result<u8> {
    let resolved = resolve(&job, &Catalogue::of(members()), &check_options)?;
    let (uri, notes) = (job.source.uri.clone(), preset_notes(&job));
    let references = if job.references == References::All { 2 } else { 1 };
    let shape = shape(job, running, surroundings)?;
    let lines = lines(&resolved, &shape)?;
    let scoring = benchmarks(&resolved, &shape)?.cpu_seconds;
    let of_line = |line: &Line| f64::from(line.repeats) * (line.fit.cpu_seconds + line.score.cpu_seconds);
    let seconds: f64 = lines.iter().map(of_line).sum::<f64>() + f64::from(references) * scoring;
    let peak = lines.iter().map(|line| line.fit.peak_bytes.max(line.score.peak_bytes)).max().unwrap_or(0);
    let fits: u32 = lines.iter().map(|line| line.repeats).sum();
    let tasks = 1 + fits as usize * (1 + resolved.benchmarks.len()) + references as usize * resolved.benchmarks.len();
    if surroundings.json {
        let object = json!({
            "candidates": resolved.candidates, "benchmarks": resolved.benchmarks, "tasks": tasks, "notes": notes,
            "train_rows": shape.train_rows, "estimate": {"cpu_seconds": seconds, "peak_bytes_per_task": peak},
        });
        say!("{object}");
        return Ok(0);
    }
    single::tell_notes(&notes, surroundings);
    say!("source      {}   {} train / {} holdout rows", safe(&uri), shape.train_rows, shape.holdout_rows);
    for line in &lines {
        let each = format!("about {:.1} s to fit, {:.1} s to score", line.fit.cpu_seconds, line.score.cpu_seconds);
        say!("candidate   {:<24} {:<16} x {}   {each}", line.candidate, line.synthesizer, line.repeats);
    }
    let names: Vec<&str> = resolved.benchmarks.iter().map(|benchmark| benchmark.name.as_str()).collect();
    say!("benchmarks  {}", names.join(", "));
    say!("tasks       about {tasks}, {seconds:.0} s of one core, {} MB in the largest; nothing was fitted or written", peak / 1_000_000);
    Ok(0)
}

/// The shape of the table, by reading all of it.
fn shape(job: JobSpec, running: &Running, surroundings: &Surroundings) -> Result<Shape> {
    let scratch = single::Scratch::new(running, surroundings)?;
    let budget = single::budget(running, surroundings)?;
    let profiled = single::profile(job, &scratch.folder("out")?, &scratch.folder("scratch")?, &budget)?;
    single::tell_notes(&profiled.summary.notes, surroundings);
    Ok(profiled.summary.shape)
}

fn lines(resolved: &Resolved, shape: &Shape) -> Result<Vec<Line>> {
    let score = benchmarks(resolved, shape)?;
    let line = |candidate: &synthfleet_proto::fact::Candidate| {
        let member = synthfleet_synthesizers::find(&candidate.synthesizer)?;
        Ok(Line {
            candidate: candidate.name.clone(),
            synthesizer: candidate.synthesizer.clone(),
            repeats: candidate.repeats,
            fit: member.estimate_any(shape, &candidate.options)?,
            score,
        })
    };
    resolved.candidates.iter().map(line).collect()
}

/// All benchmarks of one row that take the table: seconds together, and the largest memory.
fn benchmarks(resolved: &Resolved, shape: &Shape) -> Result<Cost> {
    let mut all = Cost::default();
    for chosen in &resolved.benchmarks {
        let known = synthfleet_benchmarks::find(&chosen.name);
        let Some(member) = known.filter(|member| member.about().accepts.fits(shape).is_ok()) else { continue };
        let cost = member.estimate_any(shape, &chosen.options)?;
        all.cpu_seconds += cost.cpu_seconds;
        all.peak_bytes = all.peak_bytes.max(cost.peak_bytes);
    }
    Ok(all)
}
