//! Who wins: scores, ties, weights, front, and what must not change the winner.

use super::build::{Spread, broken, job, judged, row, score, scores, undefined, with};
use crate::verdict::{Input, Row, judge};
use proptest::prelude::*;
use synthfleet_proto::about::CostClass;
use synthfleet_proto::score::Score;
use synthfleet_proto::verdict::Decision;

/// Scores of a harmless sample with a share that is nearer to its limit.
fn riskier(quality: f64, share: f64) -> Vec<Score> {
    with(scores(quality), Score { error: Some(0.004), ..score("distances", share) })
}

#[test]
fn the_highest_score_wins_clearly() {
    let verdict = judged(&job(vec![row("a", scores(0.90)), row("b", scores(0.95)), row("c", scores(0.80))]));
    assert_eq!((verdict.outcome, verdict.winner.as_deref(), verdict.delivered_repeat), (Decision::Winner, Some("b"), Some(0)));
    let order: Vec<_> = verdict.ranking.iter().map(|row| (row.candidate.as_str(), row.rank)).collect();
    assert_eq!(order, [("b", Some(1)), ("a", Some(2)), ("c", Some(3))]);
    assert!(verdict.why.starts_with("b wins: score 0.950, first of 3 eligible of 3. a follows at 0.900; accuracy decides. It is first in 100.0 % of replicates, mean regret 0.0000: stable."), "{}", verdict.why);
    assert_eq!(verdict.ranking[1].why, "Score 0.900, 0.050 below the best.");
    assert!(verdict.warnings.is_empty(), "{:?}", verdict.warnings);
}

#[test]
fn the_score_is_the_weighted_geometric_mean() {
    let own = [("accuracy.component", 0.9), ("detection.gbt", 0.5), ("ml_efficacy", 0.8), ("accuracy.nmi", 0.95)];
    let all = own.iter().fold(scores(0.0), |all, (name, value)| with(all, score(name, *value)));
    let found = judged(&job(vec![row("a", all)])).ranking[0].score.expect("a score");
    let expected = (0.9_f64 * 0.5 * 0.8 * 0.95).sqrt().sqrt();
    assert!((found - expected).abs() < 1e-15, "{found} {expected}");
}

#[test]
fn the_interval_of_a_score_without_folds_follows_from_its_error() {
    let all = with(scores(0.8), Score { error: Some(0.04), ..score("detection.gbt", 0.8) });
    let verdict = judged(&job(vec![row("a", all)]));
    let row = &verdict.ranking[0];
    // a quarter of the weight, relative error 5 %; a thousand draws tell a percentile roughly
    let reach = 0.8 * 0.25 * 0.05 * 1.96;
    assert!(row.score_high.is_some_and(|high| (high - 0.8 - reach).abs() < 0.15 * reach), "{:?}", row.score_high);
}

#[test]
fn a_tie_goes_to_the_lower_risk() {
    let verdict = judged(&job(vec![row("a", riskier(0.9010, 0.515)), row("b", scores(0.9000))]));
    assert_eq!(verdict.winner.as_deref(), Some("b"));
    assert_eq!(verdict.ranking[1].why, "Score 0.901, tied with the first; the first has the lower risk.");
    assert!(verdict.why.contains("a is tied with it; the first has the lower risk."), "{}", verdict.why);
}

#[test]
fn beyond_the_tie_risk_does_not_count() {
    let verdict = judged(&job(vec![row("a", riskier(0.9030, 0.515)), row("b", scores(0.9000))]));
    assert_eq!(verdict.winner.as_deref(), Some("a"));
}

#[test]
fn a_tie_of_risk_goes_to_the_lower_cost() {
    let dear = Row { cost: CostClass::Medium, ..row("a", scores(0.9010)) };
    let verdict = judged(&job(vec![dear, row("b", scores(0.9000))]));
    assert_eq!(verdict.winner.as_deref(), Some("b"));
    assert!(verdict.ranking[1].why.ends_with("the first costs less."), "{}", verdict.ranking[1].why);
}

#[test]
fn then_the_higher_score_decides_and_last_the_name() {
    let verdict = judged(&job(vec![row("a", scores(0.9000)), row("b", scores(0.9010))]));
    assert_eq!(verdict.winner.as_deref(), Some("b"));
    let verdict = judged(&job(vec![row("b", scores(0.9001)), row("a", scores(0.9000))]));
    assert_eq!(verdict.winner.as_deref(), Some("a"), "equal when rounded to .001");
    assert!(verdict.ranking[1].why.ends_with("the name decides."), "{}", verdict.ranking[1].why);
}

#[test]
fn own_weights_replace_those_of_the_profile() {
    let accurate = with(scores(0.5), score("accuracy.component", 0.99));
    let useful = with(scores(0.5), score("ml_efficacy", 0.90));
    let mut input = job(vec![row("accurate", accurate), row("useful", useful)]);
    assert_eq!(judged(&input).winner.as_deref(), Some("accurate"));
    input.weights.profile = Some("utility".to_owned());
    assert_eq!(judged(&input).winner.as_deref(), Some("useful"));
    input.weights.components = [("accuracy".to_owned(), 3.0)].into();
    let verdict = judged(&input);
    assert_eq!(verdict.winner.as_deref(), Some("accurate"));
    assert_eq!(verdict.ranking[0].score.map(|score| (score * 1e12).round() / 1e12), Some(0.99));
    assert_eq!(verdict.components.iter().filter(|component| component.used).count(), 1);
}

#[test]
fn a_component_that_nobody_has_is_left_out_with_its_reason() {
    let untargeted = |quality| with(scores(quality), undefined("ml_efficacy", "no_target"));
    let verdict = judged(&job(vec![row("a", untargeted(0.9)), row("b", untargeted(0.8))]));
    assert!(verdict.ranking[0].score.is_some_and(|score| (score - 0.9).abs() < 1e-12));
    let utility = verdict.components.iter().find(|component| component.name == "ml_efficacy").expect("listed");
    assert_eq!((utility.used, utility.why.as_deref()), (false, Some("no_target")));
}

#[test]
fn a_component_that_one_alone_lacks_counts_least() {
    let verdict = judged(&job(vec![row("a", with(scores(0.9), undefined("detection.gbt", "failed"))), row("b", scores(0.5))]));
    assert_eq!(verdict.winner.as_deref(), Some("b"));
    let expected = (0.9_f64.powi(3) * 0.01).sqrt().sqrt();
    assert!(verdict.ranking[1].score.is_some_and(|score| (score - expected).abs() < 1e-12));
}

#[test]
fn the_front_holds_who_is_not_dominated() {
    let cheap = row("cheap", scores(0.7));
    let dear = |name: &str, quality| Row { cost: CostClass::Heavy, ..row(name, scores(quality)) };
    let baseline = Row { baseline: true, ..row("baseline", scores(0.99)) };
    let verdict = judged(&job(vec![cheap, dear("good", 0.9), dear("worse", 0.6), baseline, broken("broken")]));
    let front: Vec<_> = verdict.ranking.iter().filter(|row| row.on_pareto).map(|row| row.candidate.as_str()).collect();
    assert_eq!(front, ["good", "cheap"]);
}

#[test]
fn unknown_names_are_refused_with_their_neighbours() {
    let mut input = job(vec![row("a", scores(0.9))]);
    input.weights.components = [("acuracy".to_owned(), 1.0)].into();
    let error = judge(&input).expect_err("unknown component");
    assert_eq!((error.code(), error.helps()), ("verdict::unknown_name", &["did you mean \"accuracy\"?".to_owned()][..]));
    input.weights.components = [("accuracy".to_owned(), 0.0)].into();
    assert_eq!(judge(&input).expect_err("all 0").code(), "verdict::weights");
    input.weights.components.clear();
    input.weights.profile = Some("sdgym2021".to_owned());
    assert_eq!(judge(&input).expect_err("unknown profile").helps(), ["did you mean \"sdgym2020\"?".to_owned()]);
    input.weights.profile = None;
    input.gate.limits = [("dcr".to_owned(), 0.6)].into();
    assert_eq!(judge(&input).expect_err("unknown gate").code(), "verdict::unknown_name");
}

fn any_row(name: String) -> impl Strategy<Value = Row> {
    let numbers = (0.3..1.0_f64, 0.45..0.6_f64, 0.0..0.02_f64, 0..4_u8, any::<bool>(), 0..20_usize);
    numbers.prop_map(move |(quality, share, error, cost, lost, turn)| {
        let cost = [CostClass::Light, CostClass::Medium, CostClass::Heavy, CostClass::Huge][usize::from(cost)];
        let mut all = with(scores((quality * 500.0).round() / 500.0), Score { error: Some(error), ..score("distances", share) });
        if lost {
            all = with(all, undefined("ml_efficacy", "failed"));
        }
        Row { cost, ..row(&name, Spread { shared: error, own: error / 2.0, turn }.over(all)) }
    })
}

fn any_job() -> impl Strategy<Value = Input> {
    (1..7_usize).prop_flat_map(|count| (0..count).map(|i| any_row(format!("c{i}"))).collect::<Vec<_>>()).prop_map(job)
}

proptest! {
    #[test]
    fn the_order_of_candidates_changes_no_byte(input in any_job(), turn in 0..7_usize) {
        let mut other = input.clone();
        other.candidates.reverse();
        let length = other.candidates.len();
        other.candidates.rotate_left(turn % length);
        let bytes = |input: &Input| serde_json::to_string(&judged(input)).expect("plain data");
        prop_assert_eq!(bytes(&input), bytes(&other));
    }

    #[test]
    fn a_dominated_candidate_that_fails_its_gates_changes_no_winner(input in any_job()) {
        let leaking = Score { error: Some(0.001), ..score("distances", 0.9) };
        let mut other = input.clone();
        other.candidates.push(row("leaking", with(scores(0.2), leaking)));
        other.candidates.push(broken("broken"));
        prop_assert_eq!(judged(&input).winner, judged(&other).winner);
    }

    #[test]
    fn a_winner_passed_every_gate_and_none_is_above_it_beyond_chance(input in any_job()) {
        let verdict = judged(&input);
        if let Some(first) = verdict.winning_row() {
            prop_assert!(first.gate_passed() && !first.baseline);
            let best = verdict.ranking.iter().filter(|row| row.eligible).filter_map(|row| row.score).fold(0.0, f64::max);
            let is_best = |name: &String| verdict.row(name).is_some_and(|row| row.score == Some(best));
            prop_assert_eq!(&verdict.tied[0], &first.candidate);
            prop_assert!(verdict.tied.iter().any(is_best));
            let shares: f64 = verdict.ranking.iter().filter_map(|row| row.win_share).sum();
            prop_assert!((shares - 1.0).abs() < 1e-9);
        }
        prop_assert_eq!(verdict.winner.is_none(), verdict.ranking.iter().all(|row| !row.eligible));
    }
}
