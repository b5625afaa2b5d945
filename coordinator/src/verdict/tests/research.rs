//! The profile of 2020: one measure ranks, structure alone refuses, and who leaks is for research only.

use super::build::{gate, job, judged, row, score, scores, undefined, warnings, with};
use crate::verdict::{Input, Row};
use synthfleet_proto::score::Score;
use synthfleet_proto::verdict::{Decision, GateState};

/// Harmless scores with a value of the 2020 evaluator.
fn measured(value: f64) -> Vec<Score> {
    with(scores(0.9), score("sdgym2020", value))
}

fn leaking(value: f64) -> Vec<Score> {
    with(measured(value), Score { error: Some(0.001), ..score("distances", 0.9) })
}

fn research(candidates: Vec<Row>) -> Input {
    let mut input = job(candidates);
    input.weights.profile = Some("sdgym2020".to_owned());
    input
}

#[test]
fn the_measure_itself_ranks_and_structure_alone_refuses() {
    let unsound = with(measured(0.9), score("diagnostic.structure", 0.5));
    let verdict = judged(&research(vec![row("a", measured(0.6)), row("b", leaking(0.5)), row("c", unsound)]));
    assert_eq!((verdict.winner.as_deref(), verdict.gate.as_str(), verdict.research_only), (Some("a"), "structure", false));
    let found: Vec<_> = verdict.ranking.iter().map(|row| (row.candidate.as_str(), row.rank, row.score)).collect();
    assert_eq!(found, [("a", Some(1), Some(0.6)), ("b", Some(2), Some(0.5)), ("c", None, Some(0.9))]);
    assert_eq!(gate(&verdict, "b", "dcr_share").state, GateState::Fail, "shown");
}

#[test]
fn a_first_that_leaks_is_for_research_and_not_released() {
    let mut input = research(vec![row("a", measured(0.5)), row("b", leaking(0.6))]);
    let verdict = judged(&input);
    assert_eq!((verdict.outcome, verdict.winner.as_deref(), verdict.research_only), (Decision::NoRelease, None, true));
    assert_eq!((verdict.nearest.as_deref(), warnings(&verdict)), (Some("b"), vec!["research_only"]));
    assert_eq!((verdict.ranking[0].candidate.as_str(), verdict.ranking[0].rank), ("b", Some(1)));
    assert!(verdict.why.starts_with("b is first: score 0.600, first of 2 eligible of 2."), "{}", verdict.why);
    input.gate.profile = Some("off".to_owned());
    let verdict = judged(&input);
    assert_eq!((verdict.winner.as_deref(), verdict.research_only), (Some("b"), true));
    assert_eq!(warnings(&verdict), ["published_without_gate", "research_only"]);
}

#[test]
fn a_gate_of_the_job_s_own_replaces_structure() {
    let mut input = research(vec![row("a", measured(0.5)), row("b", leaking(0.6))]);
    input.gate.profile = Some("balanced".to_owned());
    let verdict = judged(&input);
    assert_eq!((verdict.winner.as_deref(), verdict.gate.as_str(), verdict.research_only), (Some("a"), "balanced", false));
}

#[test]
fn a_measure_below_zero_ranks_as_it_is_and_a_missing_one_does_not() {
    let lost = with(scores(0.9), undefined("sdgym2020", "failed"));
    let verdict = judged(&research(vec![row("a", measured(-6.47)), row("b", measured(-0.25)), row("c", lost)]));
    assert_eq!((verdict.winner.as_deref(), verdict.ranking[0].score), (Some("b"), Some(-0.25)));
    let missing = verdict.row("c").expect("a row");
    assert_eq!((missing.rank, missing.score), (None, None));
    assert!(missing.why.starts_with("Not ranked: the measure of the profile has no value."), "{}", missing.why);
}

#[test]
fn simulated_sets_are_ranked_by_likelihood() {
    let likely = |value: f64| {
        let all = with(scores(0.9), undefined("sdgym2020", "no_target"));
        with(all, score("likelihood.t", value))
    };
    let verdict = judged(&research(vec![row("a", likely(-3.5)), row("b", likely(-4.0))]));
    assert_eq!((verdict.winner.as_deref(), verdict.ranking[0].score), (Some("a"), Some(-3.5)));
    let used: Vec<&str> = verdict.components.iter().filter(|one| one.used).map(|one| one.name.as_str()).collect();
    assert_eq!(used, ["likelihood"]);
    assert_eq!(verdict.components[0].why.as_deref(), Some("no_target"));
}
