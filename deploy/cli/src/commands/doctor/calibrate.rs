//! `doctor --calibrate`: do gates and score give the answer that is known? Held-out rows must rank first, copies of
//! train must be rejected, independent columns must lose to whatever has learned something.

use super::FAILED;
use crate::arguments::{Reading, Run, Running, Wishes};
use crate::commands::{Surroundings, run};
use crate::present::{list, style::safe};
use crate::{machine, say, tell};
use std::fmt::Write as _;
use std::path::Path;
use synthfleet_coordinator::verdict::calibration;
use synthfleet_proto::{Error, Result, Seed};
use synthfleet_table::SeedExt;
use synthfleet_table::random::Draw;

/// Rows and columns of the wide table; hidden factors that tie its columns.
const WIDE: (usize, usize, usize) = (2_000, 100, 5);
/// The table of categories alone.
const CATEGORIES: &str = "sim:insurance?rows=6000";

/// Runs every table with every seed and judges the verdicts.
pub fn run(tables: &[String], seeds: u64, surroundings: &Surroundings) -> Result<u8> {
    let work = machine::work_dir(&surroundings.config.run.work_dir, &crate::variable).join("calibration");
    std::fs::create_dir_all(&work).map_err(|e| Error::io(work.display(), e))?;
    let wide = work.join("wide.csv");
    std::fs::write(&wide, wide_table()).map_err(|e| Error::io(wide.display(), e))?;
    let ours = [wide.display().to_string(), CATEGORIES.to_owned()];
    let mut runs = Vec::new();
    for source in tables.iter().chain(&ours) {
        for seed in 0..seeds {
            if !surroundings.quiet {
                tell!("  table    {source}   seed {seed}");
            }
            let output = work.join("out").join(format!("{}-{seed}", run::stem(source)));
            let (_, results) = run::one(&job(source, seed, &output), surroundings, false)?;
            let verdict = results.map(|results| calibration::Run {
                table: run::stem(source),
                seed,
                independent_by_law: false,
                verdict: results.verdict,
            });
            runs.extend(verdict);
        }
    }
    let found = calibration::calibrate(&runs);
    if surroundings.json {
        say!("{}", serde_json::to_string(&found).map_err(|e| Error::internal("run::results", e.to_string()))?);
    } else {
        let rows = found.lines.iter().map(|line| {
            let state = if line.passed { "ok" } else { "fail" };
            vec![state.to_owned(), line.table.clone(), line.check.clone(), format!("{} of {}", line.met, line.of), line.asks.clone()]
        });
        say!("{}", list::text(&["", "table", "check", "met", "asks"], rows));
        found.lines.iter().flat_map(|line| &line.failures).for_each(|failure| say!("  failed   {}", safe(failure)));
    }
    Ok(if found.passed { 0 } else { FAILED })
}

/// The job of a table: every reference row, one fit of each candidate.
fn job(source: &str, seed: u64, output: &Path) -> Run {
    let wishes = Wishes {
        preset: Some("quick".to_owned()),
        references: Some("all".to_owned()),
        reading: Reading { seed: Some(seed), ..Reading::default() },
        ..Wishes::default()
    };
    Run {
        source: Some(source.to_owned()),
        isolate: None,
        output: Some(output.to_owned()),
        force: false,
        resume: true,
        no_cache: false,
        layout: None,
        dry_run: false,
        wishes,
        running: Running::default(),
    }
}

/// About normal, with variance 1: a sum of twelve uniform draws.
fn bell(rng: &mut impl Draw) -> f64 {
    (0..12).map(|_| rng.uniform()).sum::<f64>() - 6.0
}

/// Columns that are noisy sums of a few hidden factors, their products and their squares. No member contains this
/// law: one that is the law itself would beat held-out rows by the size of its sample alone, which is four times
/// theirs.
fn wide_table() -> String {
    let (rows, columns, factors) = WIDE;
    let seed = Seed::of_task(0, "calibration").child("wide");
    let mut rng = seed.child("weights").rng();
    let weights: Vec<f64> = (0..columns * factors).map(|_| bell(&mut rng)).collect();
    let mut rng = seed.child("rows").rng();
    let mut text = (0..columns).map(|column| format!("c{column}")).collect::<Vec<_>>().join(",");
    for _ in 0..rows {
        let hidden: Vec<f64> = (0..factors).map(|_| bell(&mut rng)).collect();
        let sum = |weights: &[f64]| weights.iter().zip(&hidden).map(|(weight, hidden)| weight * hidden).sum::<f64>();
        let sums: Vec<f64> = weights.chunks(factors).map(sum).collect();
        for (column, &sum) in sums.iter().enumerate() {
            let value = match column % 3 {
                0 => sum,
                1 => sum * sums[column - 1],
                _ => sum * sum,
            };
            text.push(if column == 0 { '\n' } else { ',' });
            // a text buffer takes everything
            let _ = write!(text, "{:.3}", value + bell(&mut rng));
        }
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wide_table_is_always_the_same_and_as_wide_as_it_says() {
        let text = wide_table();
        assert_eq!(text, wide_table());
        assert_eq!(text.lines().count(), WIDE.0 + 1);
        assert!(text.lines().all(|line| line.split(',').count() == WIDE.1));
    }
}
