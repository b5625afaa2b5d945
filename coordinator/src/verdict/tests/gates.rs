//! Who may win: each gate, each profile, what cannot be assessed.

use super::build::{gate, gated, job, judged, repeated, row, score, scores, undefined, warnings, with};
use crate::verdict::Row;
use crate::verdict::rule::GATES;
use synthfleet_proto::score::Score;
use synthfleet_proto::verdict::{Decision, GateState};

fn bounded(name: &str, value: f64, low: f64, high: f64) -> Score {
    Score { bound_low: Some(low), bound_high: Some(high), ..score(name, value) }
}

#[test]
fn each_gate_fails_beyond_its_limit_and_passes_at_it() {
    let cases = [
        ("structure", score("diagnostic.structure", 0.99), score("diagnostic.structure", 1.0)),
        ("validity", score("diagnostic.validity", 0.989), score("diagnostic.validity", 0.99)),
        ("constraints", score("diagnostic.constraint_validity", 0.998), score("diagnostic.constraint_validity", 0.999)),
        ("pii_copy", bounded("diagnostic.pii_copy", 0.02, 0.001, 0.03), bounded("diagnostic.pii_copy", 0.02, 0.0, 0.04)),
        ("identical", bounded("distances.identical_excess", 0.01, 0.0051, 0.02), bounded("distances.identical_excess", 0.01, 0.005, 0.02)),
        ("dcr_share", bounded("distances", 0.53, 0.521, 0.54), bounded("distances", 0.53, 0.52, 0.54)),
        ("nndr", bounded("distances.nndr_ratio", 0.88, 0.86, 0.899), bounded("distances.nndr_ratio", 0.88, 0.86, 0.90)),
        ("membership_nn", bounded("membership.nn_attack", 0.53, 0.521, 0.54), bounded("membership.nn_attack", 0.53, 0.52, 0.54)),
    ];
    for (name, failing, passing) in cases {
        let verdict = judged(&job(vec![row("a", with(scores(0.9), failing))]));
        assert_eq!(verdict.outcome, Decision::NoRelease, "{name}");
        assert_eq!(gate(&verdict, "a", name).state, GateState::Fail, "{name}");
        assert_eq!(verdict.ranking[0].gates.iter().filter(|gate| !gate.passed).count(), 1, "{name}");
        assert!(verdict.ranking[0].why.starts_with(&format!("Not released: {name} is")), "{}", verdict.ranking[0].why);
        let verdict = judged(&job(vec![row("a", with(scores(0.9), passing))]));
        assert_eq!(gate(&verdict, "a", name).state, GateState::Pass, "{name}");
    }
}

#[test]
fn the_worst_statistic_of_a_gate_counts() {
    let leaking = bounded("distances.dcr_share_full", 0.60, 0.58, 0.62);
    let verdict = judged(&job(vec![row("a", with(scores(0.9), leaking))]));
    let share = gate(&verdict, "a", "dcr_share");
    assert_eq!((share.score.as_str(), share.value, share.limit), ("distances.dcr_share_full", Some(0.60), 0.52));
    assert!(verdict.ranking[0].risk.is_some_and(|risk| (risk - 5.0).abs() < 1e-9), "{:?}", verdict.ranking[0].risk);
}

#[test]
fn a_bound_without_one_of_its_own_is_one_sided_95_per_cent() {
    let verdict = judged(&job(vec![row("a", with(scores(0.9), Score { error: Some(0.01), ..score("membership.nn_attack", 0.53) }))]));
    let low = gate(&verdict, "a", "membership_nn").low.expect("a bound");
    assert!((low - (0.53 - 0.016_448_536_269_514_72)).abs() < 1e-15, "{low}");
}

#[test]
fn a_gate_that_lost_one_of_its_statistics_is_no_pass() {
    let verdict = judged(&job(vec![row("a", with(scores(0.9), undefined("distances.dcr_share_full", "over_budget")))]));
    let share = gate(&verdict, "a", "dcr_share");
    assert_eq!((share.state, share.why.as_deref(), verdict.winner.as_deref()), (GateState::Fail, Some("over_budget"), None));
    assert_eq!(verdict.ranking[0].why, "Not released: dcr_share was lost (over_budget).");
    assert!(verdict.advice[0].starts_with("A benchmark was lost"), "{:?}", verdict.advice);
}

#[test]
fn keys_must_be_unique_whatever_the_validity() {
    let verdict = judged(&job(vec![row("a", with(scores(0.9), score("diagnostic.keys", 0.999)))]));
    let validity = gate(&verdict, "a", "validity");
    assert_eq!((validity.state, validity.score.as_str(), validity.limit), (GateState::Fail, "diagnostic.keys", 1.0));
}

#[test]
fn strict_limits_are_stricter() {
    let slight = with(scores(0.9), bounded("membership.nn_attack", 0.52, 0.51, 0.53));
    assert_eq!(judged(&gated("balanced", vec![row("a", slight.clone())])).winner.as_deref(), Some("a"));
    let verdict = judged(&gated("strict", vec![row("a", slight)]));
    assert_eq!((verdict.winner.as_deref(), gate(&verdict, "a", "membership_nn").limit), (None, 0.50));
}

#[test]
fn the_weights_profile_brings_its_gate_unless_the_job_names_one() {
    let slight = with(scores(0.9), bounded("membership.nn_attack", 0.52, 0.51, 0.53));
    let mut input = job(vec![row("a", slight)]);
    input.weights.profile = Some("strict-privacy".to_owned());
    assert_eq!(judged(&input).gate, "strict");
    input.gate.profile = Some("balanced".to_owned());
    let verdict = judged(&input);
    assert_eq!((verdict.gate.as_str(), verdict.winner.as_deref()), ("balanced", Some("a")));
}

#[test]
fn a_limit_of_the_jobs_own_replaces_the_profiles_and_is_told() {
    let leaking = with(scores(0.9), bounded("distances", 0.56, 0.55, 0.57));
    let mut input = job(vec![row("a", leaking)]);
    assert_eq!(judged(&input).winner, None);
    input.gate.limits = [("dcr_share".to_owned(), 0.6)].into();
    let verdict = judged(&input);
    assert_eq!(verdict.winner.as_deref(), Some("a"));
    assert_eq!((verdict.limits.get("dcr_share"), gate(&verdict, "a", "dcr_share").limit), (Some(&0.6), 0.6));
    // risk keeps the balanced limit: it compares jobs
    assert!(verdict.ranking[0].risk.is_some_and(|risk| (risk - 3.0).abs() < 1e-9));
}

#[test]
fn without_a_gate_everything_is_shown_and_a_banner_says_so() {
    let leaking = with(scores(0.9), bounded("distances", 0.9, 0.88, 0.92));
    let verdict = judged(&gated("off", vec![row("a", leaking), Row { baseline: true, ..row("b", scores(0.99)) }]));
    assert_eq!((verdict.winner.as_deref(), verdict.delivered_repeat), (Some("a"), Some(0)));
    assert_eq!(gate(&verdict, "a", "dcr_share").state, GateState::Fail);
    assert_eq!(warnings(&verdict), ["published_without_gate"]);
}

#[test]
fn a_wide_interval_is_weak_evidence() {
    let wide = with(scores(0.9), bounded("membership.nn_attack", 0.53, 0.44, 0.62));
    let verdict = judged(&gated("balanced", vec![row("a", wide.clone())]));
    assert_eq!(gate(&verdict, "a", "membership_nn").state, GateState::WeakEvidence);
    assert_eq!((verdict.winner.as_deref(), warnings(&verdict)), (Some("a"), vec!["weak_evidence"]));
    let verdict = judged(&gated("strict", vec![row("a", wide)]));
    assert_eq!(verdict.winner, None);
    assert_eq!(verdict.advice, ["Give more holdout rows, or judge with the balanced gate."]);
}

#[test]
fn a_risk_fails_where_it_is_proven_and_is_weak_evidence_where_it_is_not() {
    let state = |value: f64, low: f64, high: f64| {
        let verdict = judged(&gated("balanced", vec![row("a", with(scores(0.9), bounded("anonymity.inference", value, low, high)))]));
        gate(&verdict, "a", "inference").state
    };
    assert_eq!(state(0.05, 0.01, 0.10), GateState::Pass);
    assert_eq!(state(0.06, 0.01, 0.11), GateState::Fail, "beyond the limit, and more than chance");
    assert_eq!(state(0.05, 0.01, 0.11), GateState::WeakEvidence, "low, but it may be high");
    assert_eq!(state(0.19, -0.01, 0.39), GateState::WeakEvidence, "high, but chance may do it");
}

/// Scores of a table of ten rows.
fn tiny() -> Vec<Score> {
    let names = ["distances", "distances.dcr_share", "distances.dcr_share_full", "distances.identical_excess", "distances.nndr_ratio"];
    let all = names.iter().fold(scores(0.9), |all, name| with(all, undefined(name, "too_few_rows")));
    with(all, undefined("membership.nn_attack", "too_few_rows"))
}

#[test]
fn ten_rows_are_released_with_a_banner_and_not_under_the_strict_gate() {
    let verdict = judged(&gated("balanced", vec![row("a", tiny())]));
    assert_eq!((verdict.winner.as_deref(), warnings(&verdict)), (Some("a"), vec!["privacy_not_assessed"]));
    assert_eq!(gate(&verdict, "a", "dcr_share").why.as_deref(), Some("too_few_rows"));
    assert_eq!(verdict.ranking[0].risk, None);
    assert_eq!(judged(&gated("strict", vec![row("a", tiny())])).winner, None);
}

#[test]
fn a_gate_that_has_no_meaning_for_the_table_passes() {
    let verdict = judged(&gated("strict", vec![row("a", with(scores(0.9), undefined("distances.nndr_ratio", "not_applicable")))]));
    assert_eq!(gate(&verdict, "a", "nndr").state, GateState::NotApplicable);
    assert!(gate(&verdict, "a", "nndr").passed);
}

#[test]
fn a_benchmark_that_the_job_left_out_is_not_assessed() {
    let unasked: Vec<Score> = scores(0.9).into_iter().filter(|score| !score.name.starts_with("membership")).collect();
    let mut input = gated("balanced", vec![row("a", unasked)]);
    input.benchmarks.retain(|name| name != "membership");
    input.references.clear();
    let verdict = judged(&input);
    assert_eq!((verdict.winner.as_deref(), warnings(&verdict)), (Some("a"), vec!["privacy_not_assessed"]));
    assert_eq!(gate(&verdict, "a", "membership_nn").why.as_deref(), Some("not_chosen"));
}

#[test]
fn gates_of_absent_benchmarks_are_not_mentioned() {
    let verdict = judged(&job(vec![row("a", scores(0.9))]));
    let names: Vec<_> = verdict.ranking[0].gates.iter().map(|gate| gate.name.as_str()).collect();
    assert_eq!(names, ["structure", "validity", "pii_copy", "identical", "dcr_share", "nndr", "membership_nn"]);
    let density = with(scores(0.9), bounded("membership.density_attack", 0.5, 0.49, 0.51));
    assert_eq!(judged(&job(vec![row("a", density)])).ranking[0].gates.len(), 8);
}

#[test]
fn a_holdout_that_fails_makes_privacy_unassessable() {
    let mut input = job(vec![row("a", scores(0.9))]);
    input.references[0].scores = with(scores(0.99), bounded("distances", 0.60, 0.58, 0.62));
    let verdict = judged(&input);
    assert_eq!(warnings(&verdict), ["privacy_not_assessed", "split_not_exchangeable"]);
    assert_eq!(gate(&verdict, "a", "membership_nn").why.as_deref(), Some("split_not_exchangeable"));
    assert_eq!(verdict.winner.as_deref(), Some("a"));
    input.gate.profile = Some("strict".to_owned());
    assert_eq!(judged(&input).winner, None);
}

#[test]
fn gates_are_those_that_jobs_and_reports_know() {
    let named = |privacy: bool| GATES.iter().filter(|gate| !privacy || gate.privacy).map(|gate| gate.name).collect::<Vec<_>>();
    assert_eq!(named(false), synthfleet_proto::job::GATES);
    assert_eq!(named(true), synthfleet_proto::job::PRIVACY_GATES);
}

#[test]
fn a_holdout_that_fails_by_chance_costs_nothing() {
    let by = |errors: f64| Score { error: Some(0.1), ..bounded("anonymity.singling_out", 0.1 * errors, 0.1 * (errors - 1.645), 1.0) };
    let mut input = job(vec![row("a", with(scores(0.9), bounded("anonymity.singling_out", 0.01, -0.01, 0.03)))]);
    input.references[0].scores = with(scores(0.99), by(2.6));
    assert_eq!(warnings(&judged(&input)), [] as [&str; 0]);
    input.references[0].scores = with(scores(0.99), by(3.2));
    assert_eq!(warnings(&judged(&input)), ["privacy_not_assessed", "split_not_exchangeable"]);
}

#[test]
fn a_holdout_that_repeats_train_rows_makes_privacy_unassessable() {
    let overlap = |low: f64| {
        let mut input = job(vec![row("a", scores(0.9))]);
        input.references[0].scores = with(scores(0.99), bounded("distances.overlap_excess", low + 0.01, low, low + 0.02));
        judged(&input)
    };
    assert_eq!(warnings(&overlap(0.1)), ["privacy_not_assessed", "split_not_exchangeable"]);
    assert_eq!(warnings(&overlap(0.004)), [] as [&str; 0]);
}

#[test]
fn references_are_rejected_or_pass_as_they_should() {
    let copy = with(scores(1.0), bounded("distances", 0.98, 0.97, 0.99));
    let identity = Row { baseline: true, real_rows: true, ..row("identity", copy) };
    let independent = Row { baseline: true, ..row("independent", scores(0.3)) };
    let verdict = judged(&job(vec![row("a", scores(0.9)), identity, independent]));
    assert_eq!(verdict.winner.as_deref(), Some("a"));
    let passed: Vec<_> = verdict.references.iter().map(|(name, row)| (name.as_str(), row.passed, row.candidate.as_deref())).collect();
    assert_eq!(passed, [("holdout", true, None), ("independent", true, Some("independent")), ("train_copy", false, Some("identity"))]);
    assert!(verdict.references["holdout"].score >= verdict.ranking[0].score);
}

#[test]
fn the_lowest_repeat_that_passes_by_itself_is_delivered() {
    let leaking = with(scores(0.99), Score { error: Some(0.004), ..score("membership.nn_attack", 0.54) });
    let verdict = judged(&job(vec![repeated("a", vec![leaking.clone(), scores(0.9), scores(0.95)])]));
    assert_eq!((verdict.winner.as_deref(), verdict.delivered_repeat), (Some("a"), Some(1)));
    // pooled, the first could pass; by itself it may not be delivered
    assert_eq!(gate(&verdict, "a", "membership_nn").state, GateState::Pass);
    let verdict = judged(&job(vec![repeated("a", vec![leaking.clone(), leaking])]));
    assert_eq!(verdict.winner, None);
}
