//! How sure the pick is: intervals, ties and win shares by replicates, and what they cost.

use super::build::{COMPONENTS, Spread, job, judged, repeated, row, score, scores, with};
use crate::verdict::replicate::{Measured, REPLICATES, Replicated, Replicates};
use crate::verdict::rule::{Scale, TIE};
use crate::verdict::{Input, Row};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::time::{Duration, Instant};
use synthfleet_proto::Seed;
use synthfleet_proto::about::CostClass;
use synthfleet_proto::score::Score;
use synthfleet_proto::verdict::Verdict;

fn spread(shared: f64, own: f64, turn: usize) -> Spread {
    Spread { shared, own, turn }
}

/// A good sample whose share is nearer to its limit.
fn riskier(quality: f64) -> Vec<Score> {
    with(scores(quality), Score { error: Some(0.004), ..score("distances", 0.515) })
}

#[test]
fn the_interval_of_the_score_is_that_of_its_folds() {
    // all four components move together: error .01, so 1.96 times as much to either side
    let verdict = judged(&job(vec![row("a", spread(0.01, 0.0, 0).over(scores(0.8)))]));
    let (low, high) = (verdict.ranking[0].score_low.expect("folds"), verdict.ranking[0].score_high.expect("folds"));
    assert!((low - 0.8 + 0.0196).abs() < 0.003 && (high - 0.8 - 0.0196).abs() < 0.003, "{low} {high}");
}

#[test]
fn what_moves_all_candidates_alike_ties_nobody() {
    let noisy = spread(0.02, 0.0, 0);
    let verdict = judged(&job(vec![row("a", noisy.over(riskier(0.91))), row("b", noisy.over(scores(0.90)))]));
    assert_eq!((verdict.winner.as_deref(), verdict.tied.as_slice()), (Some("a"), &["a".to_owned()][..]));
    assert_eq!(verdict.ranking[0].win_share, Some(1.0));
}

#[test]
fn a_difference_that_chance_explains_is_a_tie() {
    let noisy = |turn| spread(0.0, 0.02, turn);
    let verdict = judged(&job(vec![row("a", noisy(0).over(riskier(0.91))), row("b", noisy(9).over(scores(0.90)))]));
    assert_eq!((verdict.winner.as_deref(), verdict.tied.len()), (Some("b"), 2), "the lower risk decides");
    assert_eq!(verdict.ranking[1].why, "Score 0.910, tied with the first; the first has the lower risk.");
    let share = |name: &str| verdict.row(name).and_then(|row| row.win_share).expect("eligible");
    assert!(share("a") > share("b") && (share("a") + share("b") - 1.0).abs() < 1e-12);
    assert_eq!(verdict.stable, Some(true), "those tied win together");
    assert!(verdict.regret.is_some_and(|regret| (0.005..0.03).contains(&regret)), "{:?}", verdict.regret);
}

#[test]
fn a_pick_that_many_beat_by_chance_is_not_stable() {
    // each of ten is told from the first, and each beats it in one or two replicates of a hundred
    let wild = (0..10).map(|turn| row(&format!("w{turn}"), spread(0.0, 0.15, 2 * turn).over(scores(0.57))));
    let verdict = judged(&job(wild.chain([row("a", scores(0.90))]).collect()));
    assert_eq!((verdict.winner.as_deref(), verdict.tied.len()), (Some("a"), 1));
    let share = verdict.ranking[0].win_share.expect("eligible");
    assert!((0.7..0.95).contains(&share), "{share}");
    assert_eq!(verdict.stable, Some(false), "{:?}", verdict.regret);
    assert!(verdict.why.contains(": not stable."), "{}", verdict.why);
}

#[test]
fn repeats_that_differ_are_drawn() {
    let verdict = judged(&job(vec![repeated("a", vec![scores(0.80), scores(0.90)]), row("b", scores(0.84))]));
    // the mean of a is .85; half of its replicates are .80, below b
    assert_eq!(verdict.tied.len(), 2);
    let share = verdict.row("a").and_then(|row| row.win_share).expect("eligible");
    assert!((0.45..0.55).contains(&share), "{share}");
}

#[test]
fn a_refused_candidate_wins_no_replicate() {
    let leaking = with(scores(0.99), Score { error: Some(0.001), ..score("distances", 0.9) });
    let verdict = judged(&job(vec![row("leaking", leaking), row("a", spread(0.01, 0.0, 0).over(scores(0.5)))]));
    assert_eq!(verdict.row("leaking").expect("a row").win_share, None);
    assert_eq!(verdict.row("a").expect("a row").win_share, Some(1.0));
}

#[test]
fn the_seed_of_the_job_names_the_replicates() {
    let noisy = |turn| spread(0.0, 0.02, turn);
    let mut input = job(vec![row("a", noisy(0).over(scores(0.905))), row("b", noisy(9).over(scores(0.90)))]);
    let first = judged(&input).regret;
    assert_eq!(judged(&input).regret, first);
    input.seed = 1;
    assert_ne!(judged(&input).regret, first);
}

/// A table with five candidates, by a documented law: qualities are `.95 - gap · k`, k = 0..4, in a seeded order; each
/// component adds `N(0, .01²)` of its own; folds have the error `.3/sqrt(rows)` that candidates share and a fifth of it
/// of their own; risk and cost are drawn, so ties have something to decide.
fn lawful(table: u64) -> Input {
    let mut rng = ChaCha8Rng::from_seed(Seed::of_task(table, "replay").key());
    let mut uniform = || (rng.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0;
    let rows = [500.0, 2_000.0, 10_000.0, 40_000.0][(table % 4) as usize];
    let gap = 0.01 + 0.02 * uniform();
    let error = 0.3 / f64::sqrt(rows);
    let candidates = (0..5_u8).map(|k| {
        let quality = 0.95 - gap * f64::from(k);
        let share = 0.5 + 0.015 * uniform();
        let all = with(scores(quality), Score { error: Some(0.004), ..score("distances", share) });
        let all = COMPONENTS.iter().fold(all, |all, name| {
            let wobble = 0.01 * ((0..12).map(|_| uniform()).sum::<f64>() - 6.0);
            with(all, score(name, (quality + wobble).min(0.999)))
        });
        let turn = (uniform() * 20.0) as usize;
        let cost = if uniform() < 0.5 { CostClass::Light } else { CostClass::Medium };
        Row { cost, ..row(&format!("c{k}"), spread(error, error / 5.0, turn).over(all)) }
    });
    let candidates: Vec<Row> = candidates.collect();
    Input { seed: table, ..job(candidates) }
}

/// Replicates of a judged job in which the pick is within .002 of the best eligible candidate.
fn near_the_best(input: &Input, verdict: &Verdict) -> usize {
    let replicates = Replicates::of(input.seed);
    let scores = |candidate: &str| {
        let row = input.candidates.iter().find(|row| row.candidate == candidate).expect("a row");
        let singles = COMPONENTS.map(|name| {
            let score = row.repeats[0].scores.iter().find(|score| score.name == name).expect("a component");
            (name, [Measured::of(score)], score.value.expect("a value"))
        });
        let parts: Vec<Replicated<'_>> =
            singles.iter().map(|(score, repeats, value)| Replicated { score, weight: 1.0, repeats, otherwise: *value }).collect();
        replicates.scores(candidate, Scale::Geometric, &parts).expect("folds")
    };
    let all: Vec<Vec<f64>> = verdict.ranking.iter().filter(|row| row.eligible).map(|row| scores(&row.candidate)).collect();
    let best = |replicate: usize| all.iter().map(|scores| scores[replicate]).fold(0.0, f64::max);
    (0..REPLICATES).filter(|replicate| best(*replicate) - all[0][*replicate] <= TIE).count()
}

#[test]
fn replayed_the_pick_is_near_the_best_in_95_of_100_replicates() {
    let tables = 20;
    let near: Vec<usize> = (0..tables)
        .map(|table| {
            let input = lawful(table);
            near_the_best(&input, &judged(&input))
        })
        .collect();
    let share = near.iter().sum::<usize>() as f64 / (near.len() * REPLICATES) as f64;
    assert!(share >= 0.95, "{share}: {near:?}");
}

#[test]
fn five_hundred_candidates_of_twenty_scores_take_less_than_a_second() {
    let value = |place: usize| 0.5 + 0.4 * ((place * 37 % 101) as f64 / 101.0);
    let measured = |place: usize| {
        let folds = spread(0.01, 0.01, place).folds(value(place));
        [Measured::of(&Score { folds, range: (Some(0.0), Some(1.0)), ..score("x", value(place)) })]
    };
    let candidates: Vec<Vec<[Option<Measured>; 1]>> = (0..500).map(|c| (0..20).map(|s| measured(c * 20 + s)).collect()).collect();
    let run = || {
        let start = Instant::now();
        let replicates = Replicates::of(1);
        let mut total = 0.0;
        for (place, components) in candidates.iter().enumerate() {
            let parts: Vec<Replicated<'_>> =
                components.iter().map(|repeats| Replicated { score: "x", weight: 1.0, repeats, otherwise: 0.5 }).collect();
            let scores = replicates.scores(&format!("c{place}"), Scale::Geometric, &parts).expect("folds");
            total += scores.iter().sum::<f64>();
        }
        assert!(total > 0.0);
        start.elapsed()
    };
    // the machine may be busy with other tests: the best of five counts
    let best = (0..5).map(|_| run()).min().unwrap_or_default();
    println!("500 candidates x 20 scores x {REPLICATES} replicates: {best:?}");
    assert!(best <= Duration::from_secs(1), "{best:?}");
}
