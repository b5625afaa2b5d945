//! What failed is a row with a reason, and never sinks the others.

use super::build::{broken, failure, gate, job, judged, repeated, row, score, scores, warnings, with};
use crate::verdict::{Repeat, Row};
use synthfleet_proto::score::Score;
use synthfleet_proto::verdict::{Decision, GateState, Verdict};

#[test]
fn a_failed_candidate_is_a_row_with_phase_and_reason() {
    let verdict = judged(&job(vec![broken("slow"), row("a", scores(0.9))]));
    assert_eq!(verdict.winner.as_deref(), Some("a"));
    let row = verdict.row("slow").expect("a row");
    assert_eq!((row.rank, row.eligible, row.score, row.repeats_ok), (None, false, None, 0));
    assert_eq!((row.failures[0].phase.as_str(), row.failures[0].code.as_str()), ("fit", "task::timeout"));
    assert_eq!(row.why, "No sample: fit failed with task::timeout, time ran out after 60 s.");
    assert!(verdict.why.contains("Without a sample: slow."), "{}", verdict.why);
}

#[test]
fn a_skipped_candidate_is_a_row_too() {
    let refused = failure("plan", "too_many_levels", "takes 100 levels a column, the table has 200");
    let skipped = Row { repeats: Vec::new(), skipped: Some(refused), ..row("clbn", Vec::new()) };
    let verdict = judged(&job(vec![skipped, row("a", scores(0.9))]));
    assert_eq!(
        verdict.row("clbn").expect("a row").why,
        "No sample: plan failed with too_many_levels, takes 100 levels a column, the table has 200."
    );
}

#[test]
fn nobody_with_a_sample_is_no_release() {
    let verdict = judged(&job(vec![broken("a"), broken("b")]));
    assert_eq!((verdict.outcome, verdict.nearest.as_deref()), (Decision::NoRelease, None));
    assert_eq!(verdict.why, "Nothing is released: no candidate has a sample. Without a sample: a, b.");
    assert_eq!(verdict.advice.len(), 1);
}

#[test]
fn all_failing_the_gate_is_no_release_with_the_nearest_and_advice() {
    let share = |value: f64| Score { error: Some(0.001), ..score("distances", value) };
    let twice = with(with(scores(0.99), share(0.7)), Score { error: Some(0.001), ..score("membership.nn_attack", 0.7) });
    let verdict =
        judged(&job(vec![row("seqtree", with(scores(0.9), share(0.6))), row("other", with(scores(0.8), share(0.65))), row("b", twice)]));
    assert_eq!((verdict.outcome, verdict.winner.as_deref(), verdict.delivered_repeat), (Decision::NoRelease, None, None));
    assert_eq!(verdict.nearest.as_deref(), Some("seqtree"), "fewest failed gates, then the smaller risk");
    assert_eq!(verdict.advice, ["seqtree: double leaf_rows and keep honest on."]);
    assert!(verdict.why.starts_with("Nothing is released; seqtree is nearest to it."), "{}", verdict.why);
    assert!(verdict.why.contains("seqtree: dcr_share is 0.600 [0.598, 0.602], limit 0.52."), "{}", verdict.why);
}

#[test]
fn a_baseline_never_wins_however_good() {
    let verdict = judged(&job(vec![Row { baseline: true, ..row("independent", scores(0.99)) }]));
    assert_eq!((verdict.outcome, verdict.nearest.as_deref()), (Decision::NoRelease, None));
    let copying = Row { real_rows: true, ..row("copier", scores(0.99)) };
    let mut input = job(vec![copying]);
    input.gate.profile = Some("off".to_owned());
    assert_eq!(judged(&input).winner, None, "real rows never leave, gate or not");
}

fn without(prefix: &str, quality: f64) -> Vec<Score> {
    scores(quality).into_iter().filter(|score| !score.name.starts_with(prefix)).collect()
}

#[test]
fn a_lost_privacy_benchmark_is_never_a_pass() {
    let lost = failure("benchmark:distances", "task::crash_loop", "crashed three times");
    let repeat = Repeat { number: 0, sampled: true, scores: without("distances", 0.99), failures: vec![lost] };
    let verdict = judged(&job(vec![Row { repeats: vec![repeat], ..row("a", Vec::new()) }, row("b", scores(0.8))]));
    assert_eq!(verdict.winner.as_deref(), Some("b"));
    let share = gate(&verdict, "a", "dcr_share");
    assert_eq!((share.state, share.why.as_deref(), share.passed), (GateState::Fail, Some("failed"), false));
    assert!(verdict.row("a").is_some_and(|row| row.why.contains("dcr_share was lost (failed)") && row.score.is_some()));
}

#[test]
fn a_chosen_benchmark_without_a_trace_is_lost_too() {
    let verdict = judged(&job(vec![row("a", without("membership", 0.9))]));
    assert_eq!(gate(&verdict, "a", "membership_nn").why.as_deref(), Some("failed"));
    assert_eq!(verdict.winner, None);
}

#[test]
fn a_failed_repeat_is_told_and_the_others_count() {
    let mut row = repeated("a", vec![scores(0.2), scores(0.9), scores(0.8)]);
    row.repeats[0] =
        Repeat { number: 0, sampled: false, scores: Vec::new(), failures: vec![failure("fit", "task::crash_loop", "crashed")] };
    let verdict = judged(&job(vec![row]));
    let first = &verdict.ranking[0];
    assert_eq!((first.repeats_ok, first.repeats, first.delivered_repeat), (2, 3, Some(1)));
    assert!(first.score.is_some_and(|score| (score - 0.85).abs() < 1e-12), "{:?}", first.score);
    assert_eq!(warnings(&verdict), ["repeats_failed"]);
    assert_eq!(first.failures[0].repeat, Some(0));
}

#[test]
fn repeats_widen_the_interval_by_their_spread() {
    let membership = |value: f64| with(scores(0.9), Score { error: Some(0.003), ..score("membership.nn_attack", value) });
    let verdict = judged(&job(vec![repeated("a", vec![membership(0.50), membership(0.51)])]));
    let found = gate(&verdict, "a", "membership_nn");
    // error² = .003² + s²/2 with s² = .005² + .005²
    let error = (0.003_f64.powi(2) + 0.005_f64.powi(2)).sqrt();
    assert!(found.low.is_some_and(|low| (low - (0.505 - 1.644_853_626_951_472_2 * error)).abs() < 1e-12), "{:?}", found.low);
}

#[test]
fn what_is_not_a_number_is_refused() {
    for poisoned in [score("accuracy.component", f64::NAN), Score { bound_low: Some(f64::INFINITY), ..score("distances", 0.5) }] {
        let verdict = judged(&job(vec![row("a", with(scores(0.9), poisoned)), row("b", scores(0.5))]));
        assert_eq!(verdict.winner.as_deref(), Some("b"));
        let row = verdict.row("a").expect("a row");
        assert_eq!((row.score, row.failures[0].code.as_str()), (None, "not_a_number"));
        assert!(row.failures[0].phase.starts_with("benchmark:"), "{}", row.failures[0].phase);
    }
}

#[test]
fn all_scores_not_a_number_is_no_release_without_one_in_the_file() {
    let poisoned = || scores(0.9).into_iter().map(|score| Score { value: Some(f64::NAN), ..score }).collect();
    let mut input = job(vec![row("a", poisoned()), row("b", poisoned())]);
    input.references[0].scores = poisoned();
    let verdict = judged(&input);
    assert_eq!(verdict.outcome, Decision::NoRelease);
    let text = serde_json::to_string(&verdict).expect("plain data");
    assert!(!text.to_lowercase().contains("nan,") && verdict.ranking.iter().all(|row| row.score.is_none()), "{text}");
}

#[test]
fn a_deadline_makes_the_verdict_partial() {
    let mut input = job(vec![row("a", scores(0.9)), broken("b")]);
    input.partial = true;
    let verdict = judged(&input);
    assert_eq!((verdict.partial, warnings(&verdict), verdict.winner.as_deref()), (true, vec!["partial"], Some("a")));
}

#[test]
fn a_limited_score_of_the_winner_is_told() {
    let limited = Score { limited: Some(5_000), ..score("accuracy.component", 0.9) };
    let verdict = judged(&job(vec![row("a", with(scores(0.9), limited))]));
    assert_eq!(warnings(&verdict), ["limited"]);
}

#[test]
fn a_job_without_candidates_is_no_release() {
    assert_eq!(judged(&job(Vec::new())).outcome, Decision::NoRelease);
}

#[test]
fn a_verdict_reads_back_from_its_file() {
    let verdict = judged(&job(vec![row("a", scores(0.9)), broken("b")]));
    let text = serde_json::to_string(&verdict).expect("plain data");
    let read: Verdict = serde_json::from_str(&text).expect("own text");
    assert_eq!((read.winner.as_deref(), read.outcome, read.ranking.len()), (Some("a"), Decision::Winner, 2));
    assert_eq!((&read.ranking[1], &read.components, &read.why), (&verdict.ranking[1], &verdict.components, &verdict.why));
    for field in ["\"schema\":\"synthfleet.verdict.v1\"", "\"rule_version\":\"verdict.v2\"", "\"outcome\":\"winner\"", "\"winner\":\"a\""] {
        assert!(text.contains(field), "{field}");
    }
}
