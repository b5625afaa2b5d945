//! The self-test of gates and score: judges verdicts of jobs whose right answer is known. Pure.
//!
//! # Definition
//! Each run is the verdict of one job with all references. A run meets
//! - `holdout_first` if no candidate's score lies above the interval of the holdout's score;
//! - `train_copy_rejected`, `flip10_rejected` if that reference fails a privacy gate by its value;
//! - `independent_below` if the reference `independent` scores no higher than any eligible candidate above .5. Tables
//!   whose true law is a product of columns are exempt: there independent columns are the truth.
//!
//! A reference that was not computed, or privacy that was not assessed, meets nothing. A line is passed if every run
//! of its table met it; the calibration, if every line is.

use super::rule::GATES;
use std::collections::BTreeSet;
use synthfleet_proto::calibration::{Calibration, Line, SCHEMA};
use synthfleet_proto::verdict::{Gate, GateState, Reference, Verdict};

/// Candidates above this score have learned something; below it nothing is compared with them.
const LEARNED: f64 = 0.5;

/// The verdict of one job of a calibration.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Name of the table.
    pub table: String,
    /// Seed of the job.
    pub seed: u64,
    /// Whether the table's true law is a product of its columns.
    pub independent_by_law: bool,
    /// Its `verdict.json`.
    pub verdict: Verdict,
}

type Ask = fn(&Run) -> std::result::Result<(), String>;

/// Every check: name, what it asks, how.
const CHECKS: [(&str, &str, Ask); 4] = [
    ("holdout_first", "no candidate scores above the interval of the held-out rows", holdout_first),
    ("train_copy_rejected", "a copy of train fails a privacy gate", |run| rejected(run, "train_copy")),
    ("flip10_rejected", "a copy of train with a tenth of its cells redrawn fails a privacy gate", |run| rejected(run, "flip10")),
    ("independent_below", "independent columns score no higher than a released candidate above .5", independent_below),
];

/// Judges the runs of a calibration. Their order does not matter. Without runs nothing is passed.
pub fn calibrate(runs: &[Run]) -> Calibration {
    let tables: BTreeSet<&str> = runs.iter().map(|run| run.table.as_str()).collect();
    let lines: Vec<Line> = CHECKS.iter().flat_map(|check| tables.iter().map(|table| line(check, table, runs))).collect();
    Calibration {
        schema: SCHEMA.to_owned(),
        rule_version: super::rule::VERSION.to_owned(),
        passed: !lines.is_empty() && lines.iter().all(|line| line.passed),
        runs: runs.len() as u32,
        lines,
    }
}

fn line((check, asks, ask): &(&str, &str, Ask), table: &str, runs: &[Run]) -> Line {
    let mut asked: Vec<&Run> =
        runs.iter().filter(|run| run.table == table && !(*check == "independent_below" && run.independent_by_law)).collect();
    asked.sort_by_key(|run| run.seed);
    let failures: Vec<String> = asked.iter().filter_map(|run| Some(format!("seed {}: {}", run.seed, ask(run).err()?))).collect();
    Line {
        check: (*check).to_owned(),
        asks: (*asks).to_owned(),
        table: table.to_owned(),
        met: (asked.len() - failures.len()) as u32,
        of: asked.len() as u32,
        passed: failures.is_empty(),
        failures,
    }
}

fn reference<'a>(run: &'a Run, name: &str) -> std::result::Result<&'a Reference, String> {
    run.verdict.references.get(name).ok_or_else(|| format!("the reference {name} was not computed"))
}

fn holdout_first(run: &Run) -> std::result::Result<(), String> {
    let holdout = reference(run, "holdout")?;
    let score = holdout.score.ok_or("the holdout has no score")?;
    let reach = holdout.score_high.unwrap_or(score);
    let above = run.verdict.ranking.iter().filter(|row| !row.baseline).filter_map(|row| Some((row, row.score?)));
    match above.filter(|(_, other)| *other > reach).max_by(|a, b| a.1.total_cmp(&b.1)) {
        None => Ok(()),
        Some((row, other)) => Err(format!("{} scores {other:.4}, the holdout {score:.4} to {reach:.4}", row.candidate)),
    }
}

fn rejected(run: &Run, name: &str) -> std::result::Result<(), String> {
    let row = reference(run, name)?;
    let privacy = || row.gates.iter().filter(|gate| GATES.iter().any(|rule| rule.privacy && rule.name == gate.name));
    if privacy().any(Gate::fails_by_value) {
        return Ok(());
    }
    let unassessed = privacy().filter(|gate| gate.value.is_none() || gate.state == GateState::NotAssessed).count();
    Err(format!("{name} fails no privacy gate; {unassessed} of {} were not assessed", privacy().count()))
}

fn independent_below(run: &Run) -> std::result::Result<(), String> {
    let independent = reference(run, "independent")?.score.ok_or("independent has no score")?;
    let eligible = run.verdict.ranking.iter().filter(|row| row.eligible).filter_map(|row| Some((row, row.score?)));
    match eligible.filter(|(_, score)| *score > LEARNED && independent > *score).min_by(|a, b| a.1.total_cmp(&b.1)) {
        None => Ok(()),
        Some((row, score)) => Err(format!("independent scores {independent:.4}, {} {score:.4}", row.candidate)),
    }
}
