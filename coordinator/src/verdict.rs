//! The verdict: a pure function of scores. Same input, same bytes, whatever the order of candidates.
//!
//! # Definition
//! 1. *Pool* the scores of a candidate's repeats ([`pool`]).
//! 2. *Gates* ([`gate`], limits in [`rule`]): bounds against limits. A job whose own holdout row fails a
//!    privacy gate at the level .001, or repeats train rows, cannot judge privacy: its privacy gates count as not assessed.
//! 3. *Eligible*: passes every gate, and some repeat passes them all by itself; the lowest such repeat is
//!    delivered. Baselines and members that copy real rows never are.
//! 4. *Score* ([`score`]): weighted geometric mean of the components, with its replicates ([`replicate`]).
//! 5. *Order* ([`order`]): candidates that cannot be told from the top score are tied; within them lower risk
//!    step, lower declared cost, higher score, name. Never measured time.
//! 6. No eligible candidate: no release, with the nearest one and advice. Never a silent winner.
//!
//! In profile `sdgym2020` the gate `structure` alone decides who is ranked. A first row that fails another gate is
//! `research_only`: it is released with gate `off` and not otherwise.

pub mod calibration;
pub mod gate;
pub mod input;
pub mod order;
pub mod pool;
pub mod replicate;
pub mod rule;
pub mod score;
#[cfg(test)]
mod tests;
mod words;

pub use input::{Input, ReferenceRow, Repeat, Row};

use gate::Gates;
use order::Placed;
use pool::Pool;
use replicate::Replicates;
use rule::{GateProfile, Rule, Scale};
use score::{Basis, Scores};
use std::collections::{BTreeMap, BTreeSet};
use synthfleet_proto::Result;
use synthfleet_proto::verdict::{Decision, Failure, GateState, Ranked, Reference, SCHEMA, Verdict};

/// Baselines whose row is also a reference row: (reference, synthesizer).
const REFERENCE_BASELINES: [(&str, &str); 2] = [("train_copy", "identity"), ("independent", "independent")];

/// A row with everything that was found of it.
pub(crate) struct Judged<'a> {
    row: &'a Row,
    /// Whether some repeat gave a sample.
    sampled: bool,
    failures: Vec<Failure>,
    gates: Gates,
    /// The lowest repeat that may be delivered.
    delivered: Option<u32>,
    eligible: bool,
    scores: Scores,
    /// Whether a gate that its profile only shows is failed.
    research_only: bool,
    /// Whether some score saw fewer rows than there are.
    limited: bool,
}

/// Judges a job.
///
/// # Errors
/// `Invalid` if a profile, gate or component has an unknown name, or no weight is above 0.
pub fn judge(input: &Input) -> Result<Verdict> {
    let rule = Rule::of(&input.gate, &input.weights)?;
    let known = known_scores(input);
    let gates_of = |pool: &Pool, trusted: bool| Gates::of(&rule, pool, &input.benchmarks, &known, trusted);

    let holdout = input.references.iter().find(|row| row.name == "holdout").map(Pool::of_reference);
    let proven = |pool: &Pool| gates_of(&pool.widened(rule::Z_TRUST), true).any_privacy_failure();
    let trusted = holdout.as_ref().is_none_or(|pool| !proven(pool) && !shares_rows(pool));

    let mut judged: Vec<Judged<'_>> = input.candidates.iter().map(|row| examine(row, &rule, &|pool| gates_of(pool, trusted))).collect();
    judged.sort_by(|a, b| a.row.candidate.cmp(&b.row.candidate));
    let basis = Basis::of(&rule, &judged);
    let replicates = Replicates::of(input.seed);
    for one in &mut judged {
        one.scores.complete(&basis, &replicates, &one.row.candidate);
        // a measure that is no share has no least value that could stand in for it
        one.eligible &= rule.scale == Scale::Geometric || one.scores.value().is_some();
    }

    let board = order::ranking(judged.iter().map(placed).collect());
    let mut verdict = Verdict {
        schema: SCHEMA.to_owned(),
        rule_version: rule::VERSION.to_owned(),
        outcome: Decision::NoRelease,
        winner: None,
        delivered_repeat: None,
        profile: rule.weights_profile.clone(),
        gate: rule.gate_profile.name().to_owned(),
        limits: rule.limits.clone(),
        weights: rule.weights.clone(),
        components: basis.components(&rule),
        tied: board.rows[..board.tied].iter().map(|row| row.candidate.clone()).collect(),
        ranking: board.rows,
        references: references(input, &rule, (&basis, &replicates), &judged, &|pool| gates_of(pool, trusted)),
        nearest: None,
        advice: Vec::new(),
        why: String::new(),
        warnings: Vec::new(),
        regret: board.regret,
        stable: board.stable,
        research_only: false,
        partial: input.partial,
    };
    decide(&mut verdict, &judged);
    verdict.warnings = words::warnings(&verdict, trusted, &judged);
    words::explain(&mut verdict);
    Ok(verdict)
}

/// Whether the holdout, by its own row, repeats train rows beyond what chance explains.
fn shares_rows(holdout: &Pool) -> bool {
    let (score, most) = rule::SHARED_ROWS;
    holdout.get(score).is_some_and(|found| found.as_ref().is_ok_and(|excess| excess.low > most))
}

/// Says who is released, or who is nearest to it.
fn decide(verdict: &mut Verdict, judged: &[Judged<'_>]) {
    let Some(first) = verdict.ranking.first().filter(|row| row.eligible) else {
        verdict.nearest = order::nearest(&verdict.ranking).map(|row| row.candidate.clone());
        verdict.advice = words::advice(verdict);
        return;
    };
    verdict.research_only = judged.iter().any(|one| one.research_only && one.row.candidate == first.candidate);
    if verdict.research_only && verdict.gate != GateProfile::Off.name() {
        verdict.nearest = Some(first.candidate.clone());
        verdict.advice = words::advice(verdict);
    } else {
        verdict.outcome = Decision::Winner;
        verdict.winner = Some(first.candidate.clone());
        verdict.delivered_repeat = first.delivered_repeat;
    }
}

/// Every score id that some row of the job carries.
fn known_scores(input: &Input) -> BTreeSet<&str> {
    let of_candidates = input.candidates.iter().flat_map(|row| &row.repeats).flat_map(|repeat| &repeat.scores);
    let of_references = input.references.iter().flat_map(|row| &row.scores);
    of_candidates.chain(of_references).map(|score| score.name.as_str()).collect()
}

/// Pools a row and puts it before the gates.
fn examine<'a>(row: &'a Row, rule: &Rule, gates_of: &dyn Fn(&Pool) -> Gates) -> Judged<'a> {
    let pool = Pool::of(row);
    let gates = gates_of(&pool);
    let passes = |repeat: &u32| gates_of(&Pool::of_repeats(row, &[*repeat])).passed();
    let delivered = pool.repeats().iter().copied().find(|repeat| passes(repeat));
    let eligible = !row.baseline && !row.real_rows && gates.passed() && delivered.is_some();
    let research_only = rule.weights_profile == rule::RESEARCH && !gates.all_passed();
    let scores = Scores::of(rule, &pool, row);
    let (sampled, limited) = (!pool.repeats().is_empty(), pool.limited());
    Judged { row, sampled, failures: pool.failures().to_vec(), gates, delivered, eligible, scores, research_only, limited }
}

fn placed(one: &Judged<'_>) -> Placed {
    let replicates = one.scores.replicates().filter(|_| one.sampled).map(<[f64]>::to_vec);
    Placed { row: ranked(one), replicates }
}

fn ranked(one: &Judged<'_>) -> Ranked {
    let sampled = |gates: Vec<_>| if one.sampled { gates } else { Vec::new() };
    let interval = one.scores.interval().filter(|_| one.sampled);
    Ranked {
        candidate: one.row.candidate.clone(),
        synthesizer: one.row.synthesizer.clone(),
        rank: None,
        eligible: one.eligible,
        baseline: one.row.baseline,
        on_pareto: false,
        score: one.scores.value().filter(|_| one.sampled),
        score_low: interval.map(|ends| ends.0),
        score_high: interval.map(|ends| ends.1),
        win_share: None,
        risk: one.gates.risk().filter(|_| one.sampled),
        cost: one.row.cost,
        components: if one.sampled { one.scores.components() } else { BTreeMap::new() },
        undefined: if one.sampled { one.scores.undefined() } else { BTreeMap::new() },
        gates: sampled(one.gates.wire()),
        delivered_repeat: one.delivered,
        repeats_ok: one.row.repeats.iter().filter(|repeat| repeat.sampled).count() as u32,
        repeats: one.row.planned,
        failures: one.failures.clone(),
        why: String::new(),
    }
}

fn references(
    input: &Input,
    rule: &Rule,
    (basis, replicates): (&Basis, &Replicates),
    judged: &[Judged<'_>],
    gates_of: &dyn Fn(&Pool) -> Gates,
) -> BTreeMap<String, Reference> {
    let mut references = BTreeMap::new();
    for row in &input.references {
        let pool = Pool::of_reference(row);
        let (gates, mut scores) = (gates_of(&pool), Scores::of_reference(rule, &pool, row));
        scores.complete_without_penalty(basis, replicates, &format!("reference:{}", row.name));
        references.insert(row.name.clone(), reference(None, &gates, &scores));
    }
    for (name, synthesizer) in REFERENCE_BASELINES {
        if let Some(one) = judged.iter().find(|one| one.row.baseline && one.row.synthesizer == synthesizer && one.sampled) {
            references.insert(name.to_owned(), reference(Some(one.row.candidate.clone()), &one.gates, &one.scores));
        }
    }
    references
}

fn reference(candidate: Option<String>, gates: &Gates, scores: &Scores) -> Reference {
    Reference {
        candidate,
        score: scores.value(),
        score_low: scores.interval().map(|ends| ends.0),
        score_high: scores.interval().map(|ends| ends.1),
        risk: gates.risk(),
        components: scores.components(),
        gates: gates.wire(),
        passed: gates.wire().iter().all(|gate| gate.state != GateState::Fail),
    }
}
