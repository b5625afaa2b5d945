//! Would the same candidate have been picked on other rows? Verdicts of real, simulated and generated tables, replayed
//! from their folds: the pick is hardly ever further than a tie from the best.
//!
//! The generated tables follow written laws. Each has 1,500 rows; the simulated ones have 3,000.

mod support;

use std::fmt::Write;
use support::{Desk, Dice, shared};
use synthfleet_coordinator::verdict::replicate::{Measured, REPLICATES, Replicated, Replicates};
use synthfleet_coordinator::verdict::rule::{COMPONENTS, Scale, TIE};
use synthfleet_proto::results::{CandidateResult, Results};

const ROWS: usize = 1_500;

/// A plane with noise: `y = 2 a - b + e`, a and b uniform, e uniform on a tenth of their range.
fn plane() -> String {
    written("a,b,y", 1, |dice| {
        let (a, b) = (dice.share(), dice.share());
        format!("{a:.4},{b:.4},{:.4}", 2.0 * a - b + 0.2 * (dice.share() - 0.5))
    })
}

/// A chain of labels: each repeats the one before with probability .7, else any of four.
fn chain() -> String {
    written("p,q,r,s,t", 2, |dice| {
        let mut label = dice.below(4);
        let mut cells = Vec::new();
        for _ in 0..5 {
            label = if dice.share() < 0.7 { label } else { dice.below(4) };
            cells.push(["ant", "bee", "cat", "dog"][label as usize]);
        }
        cells.join(",")
    })
}

/// Two groups: a label says which of two squares a point lies in.
fn groups() -> String {
    written("x,y,group", 3, |dice| {
        let first = dice.share() < 0.4;
        let centre = if first { 0.0 } else { 3.0 };
        format!("{:.3},{:.3},{}", centre + dice.share(), centre + 2.0 * dice.share(), if first { "low" } else { "high" })
    })
}

/// Amounts that are 0 in three rows of ten, else `20 + 128 u^2`, and missing in a fifth of the rows of one region.
fn amounts() -> String {
    written("region,amount,paid", 4, |dice| {
        let region = dice.pick(&["north", "south", "east"]);
        let amount = if dice.share() < 0.3 {
            0.0
        } else {
            {
                let u = dice.share();
                20.0 + 128.0 * u * u
            }
        };
        let missing = region == "east" && dice.share() < 0.2;
        let paid = if amount * (0.5 + dice.share()) > 60.0 { "yes" } else { "no" };
        format!("{region},{},{paid}", if missing { String::new() } else { format!("{amount:.2}") })
    })
}

/// Days of a year with a count that is a third higher in summer.
fn seasons() -> String {
    written("day,visits,open", 5, |dice| {
        let (month, day) = (1 + dice.below(12), 1 + dice.below(28));
        let visits = (60.0 + 40.0 * dice.share()) * if (5..=8).contains(&month) { 4.0 / 3.0 } else { 1.0 };
        format!("2023-{month:02}-{day:02},{visits:.0},{}", if dice.share() < 0.9 { "yes" } else { "no" })
    })
}

fn written(header: &str, seed: u64, mut row: impl FnMut(&mut Dice) -> String) -> String {
    let mut dice = Dice(seed);
    let mut text = format!("{header}\n");
    for _ in 0..ROWS {
        writeln!(text, "{}", row(&mut dice)).expect("memory");
    }
    text
}

/// Score of a candidate in each replicate, by the balanced rule.
fn replayed(replicates: &Replicates, candidate: &CandidateResult, results: &Results) -> Option<Vec<f64>> {
    let present = |id: &str| results.verdict.components.iter().any(|component| component.score == id && component.used);
    let measured: Vec<(&str, Vec<Option<Measured>>)> = COMPONENTS
        .iter()
        .filter(|(_, id)| present(id))
        .map(|(_, id)| {
            let of_repeat =
                |scores: &[synthfleet_proto::score::Score]| scores.iter().find(|score| score.name == *id).and_then(Measured::of);
            (*id, candidate.repeats.iter().map(|repeat| of_repeat(&repeat.scores)).collect())
        })
        .collect();
    let parts: Vec<Replicated<'_>> =
        measured.iter().map(|(score, repeats)| Replicated { score, weight: 1.0, repeats, otherwise: 0.01 }).collect();
    replicates.scores(&candidate.name, Scale::Geometric, &parts)
}

/// Share of replicates in which the pick is within a tie of the best eligible candidate; `None`: nobody was picked.
fn near_the_best(results: &Results) -> Option<f64> {
    let winner = results.verdict.winner.as_deref()?;
    let replicates = Replicates::of(results.job.seed.parse().expect("a decimal seed"));
    let eligible = |candidate: &&CandidateResult| results.verdict.row(&candidate.name).is_some_and(|row| row.eligible);
    let all: Vec<(&str, Vec<f64>)> = results
        .candidates
        .iter()
        .filter(eligible)
        .filter_map(|candidate| Some((candidate.name.as_str(), replayed(&replicates, candidate, results)?)))
        .collect();
    let own = all.iter().find(|(name, _)| *name == winner).map(|(_, scores)| scores)?;
    let best = |replicate: usize| all.iter().map(|(_, scores)| scores[replicate]).fold(0.0, f64::max);
    Some((0..REPLICATES).filter(|&replicate| best(replicate) - own[replicate] <= TIE).count() as f64 / REPLICATES as f64)
}

#[test]
fn replayed_on_fifteen_tables_the_pick_is_near_the_best() {
    let desk = Desk::new();
    let mut sources: Vec<String> = ["data/adult.csv.gz", "data/california_housing.csv.gz", "data/titanic.csv"]
        .map(|name| shared(name).to_string_lossy().into_owned())
        .to_vec();
    let sets = ["grid", "gridr", "ring", "asia", "alarm", "child", "insurance"];
    sources.extend(sets.map(|set| format!("sim:{set}?rows=3000")));
    for (name, text) in [("plane", plane()), ("chain", chain()), ("groups", groups()), ("amounts", amounts()), ("seasons", seasons())] {
        sources.push(desk.file(&format!("{name}.csv"), text).to_string_lossy().into_owned());
    }
    let mut shares = Vec::new();
    for source in &sources {
        desk.run(&["run", source, "--preset", "quick", "--force", "-o", "out"]).must_be_done();
        let results: Results = serde_json::from_str(&desk.text("out/results.json")).expect("results");
        let share = near_the_best(&results);
        println!("{}: {:?} of {}, near the best in {share:?}", results.table.name, results.verdict.winner, results.verdict.tied.len());
        shares.extend(share);
    }
    assert!(shares.len() >= 12, "only {} of {} tables had a winner", shares.len(), sources.len());
    let mean = shares.iter().sum::<f64>() / shares.len() as f64;
    assert!(mean >= 0.95, "{mean}: {shares:?}");
}
