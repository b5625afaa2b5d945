//! Small jobs: candidates with chosen numbers, everything else harmless.

use crate::verdict::{Input, ReferenceRow, Repeat, Row, judge};
use synthfleet_proto::about::CostClass;
use synthfleet_proto::score::{Goal, Score};
use synthfleet_proto::verdict::{Failure, Gate, Verdict};

/// A score without error.
pub fn score(name: &str, value: f64) -> Score {
    Score {
        name: name.to_owned(),
        value: Some(value),
        low: None,
        high: None,
        error: None,
        bound_low: None,
        bound_high: None,
        folds: Vec::new(),
        goal: Goal::Up,
        range: (None, None),
        fair: None,
        unit: "share".to_owned(),
        used: None,
        total: None,
        profile: None,
        limited: None,
        undefined: None,
        why: None,
    }
}

/// A score that could not be computed.
pub fn undefined(name: &str, code: &str) -> Score {
    Score { value: None, undefined: Some(code.to_owned()), why: Some("for a reason".to_owned()), ..score(name, 0.0) }
}

/// Scores of a good and harmless sample; all components are `quality`.
pub fn scores(quality: f64) -> Vec<Score> {
    let harmless = [
        ("diagnostic.structure", 1.0, 0.0),
        ("diagnostic.validity", 1.0, 0.0),
        ("diagnostic.pii_copy", 0.0, 0.001),
        ("distances", 0.502, 0.004),
        ("distances.dcr_share", 0.501, 0.004),
        ("distances.dcr_share_full", 0.502, 0.004),
        ("distances.identical_excess", 0.0, 0.001),
        ("distances.nndr_ratio", 1.0, 0.01),
        ("membership.nn_attack", 0.501, 0.004),
    ];
    let mut all: Vec<Score> = harmless.iter().map(|(name, value, error)| Score { error: Some(*error), ..score(name, *value) }).collect();
    all.extend(COMPONENTS.iter().map(|name| score(name, quality)));
    all
}

/// The four components of the default score.
pub const COMPONENTS: [&str; 4] = ["accuracy.component", "accuracy.nmi", "detection.gbt", "ml_efficacy"];

/// Jackknife error of folds that climb from -1 to 1 in twenty equal steps: `sqrt(19/20 sum a_g^2)`.
const LADDER_ERROR: f64 = 2.645_751_311_064_590_7;

/// How folds of a score lie about its value: by a ladder that all candidates share, and one of its own, turned.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spread {
    /// Jackknife error of the shared part.
    pub shared: f64,
    /// Jackknife error of the own part.
    pub own: f64,
    /// How far the own ladder is turned, in folds.
    pub turn: usize,
}

impl Spread {
    /// `v_(-g) = v + shared a_g + own a_(7g + turn)`, a the ladder; the own one in an order that is not the shared one's.
    pub fn folds(self, value: f64) -> Vec<f64> {
        let ladder = |g: usize| (2.0 * (g % 20) as f64 - 19.0) / 19.0 / LADDER_ERROR;
        (0..20).map(|g| value + self.shared * ladder(g) + self.own * ladder(7 * g + self.turn)).collect()
    }

    /// Gives the components folds.
    pub fn over(self, scores: Vec<Score>) -> Vec<Score> {
        let spread = |score: Score| match score.value.filter(|_| COMPONENTS.contains(&score.name.as_str())) {
            Some(value) => Score { folds: self.folds(value), range: (Some(0.0), Some(1.0)), ..score },
            None => score,
        };
        scores.into_iter().map(spread).collect()
    }
}

/// Replaces or adds a score.
pub fn with(mut scores: Vec<Score>, score: Score) -> Vec<Score> {
    scores.retain(|known| known.name != score.name);
    scores.push(score);
    scores
}

/// A candidate with one repeat.
pub fn row(name: &str, scores: Vec<Score>) -> Row {
    repeated(name, vec![scores])
}

/// A candidate with some repeats.
pub fn repeated(name: &str, repeats: Vec<Vec<Score>>) -> Row {
    let planned = repeats.len() as u32;
    let repeat = |(number, scores): (usize, Vec<Score>)| Repeat { number: number as u32, sampled: true, scores, failures: Vec::new() };
    Row {
        candidate: name.to_owned(),
        synthesizer: name.to_owned(),
        cost: CostClass::Light,
        baseline: false,
        real_rows: false,
        planned,
        repeats: repeats.into_iter().enumerate().map(repeat).collect(),
        skipped: None,
    }
}

/// A candidate whose only repeat gave no sample.
pub fn broken(name: &str) -> Row {
    let failure = failure("fit", "task::timeout", "time ran out after 60 s");
    let repeat = Repeat { number: 0, sampled: false, scores: Vec::new(), failures: vec![failure] };
    Row { planned: 1, repeats: vec![repeat], ..row(name, Vec::new()) }
}

/// A failure.
pub fn failure(phase: &str, code: &str, reason: &str) -> Failure {
    Failure { repeat: None, phase: phase.to_owned(), code: code.to_owned(), reason: reason.to_owned() }
}

/// A job over some candidates with a holdout that behaves.
pub fn job(candidates: Vec<Row>) -> Input {
    let benchmarks = ["diagnostic", "accuracy", "detection", "ml_efficacy", "distances", "membership"].map(str::to_owned).to_vec();
    let references = vec![ReferenceRow { name: "holdout".to_owned(), scores: scores(0.99), failures: Vec::new() }];
    Input { benchmarks, candidates, references, ..Input::default() }
}

/// A job under a gate profile.
pub fn gated(gate: &str, candidates: Vec<Row>) -> Input {
    let mut input = job(candidates);
    input.gate.profile = Some(gate.to_owned());
    input
}

/// The verdict of a legal job.
pub fn judged(input: &Input) -> Verdict {
    judge(input).expect("legal profiles and weights")
}

/// A gate of a candidate.
pub fn gate<'a>(verdict: &'a Verdict, candidate: &str, gate: &str) -> &'a Gate {
    let row = verdict.row(candidate).expect("a row");
    row.gates.iter().find(|known| known.name == gate).expect("a gate")
}

/// Codes of the warnings.
pub fn warnings(verdict: &Verdict) -> Vec<&str> {
    verdict.warnings.iter().map(|warning| warning.code.as_str()).collect()
}
