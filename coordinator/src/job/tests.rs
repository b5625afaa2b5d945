//! Each phase, each event; order and repetition of facts change nothing.

use super::*;
use crate::fleet::Fleet;
use crate::testing::{catalogue, done, failed, spec};
use proptest::prelude::*;
use serde_json::{Value, json};
use synthfleet_proto::fact::{self, Cancel, Claim, OutcomeFact, OutcomeStatus, PublishedFact, SelectionFact, SpecFact, Winner};
use synthfleet_proto::id::sha256_hex;
use synthfleet_proto::job::JobState;
use synthfleet_proto::task::TaskId;

fn known<T: serde::Serialize>(fact: T) -> Known<T> {
    let sha256 = sha256_hex(&fact::encode(&fact).expect("small"));
    Known::new(fact, sha256)
}

fn judge(view: &View) -> synthfleet_proto::Result<SelectionFact> {
    Ok(SelectionFact {
        v: fact::VERSION,
        plan_sha256: view.plan(1).map(|plan| plan.sha256.clone()).unwrap_or_default(),
        outcomes: view.outcomes().map(|(task, outcome)| (task.to_string(), outcome.sha256.clone())).collect(),
        rule_version: "test".into(),
        winner: Some(Winner { candidate: "clbn".into(), repeat: 0 }),
        verdict: Value::Null,
    })
}

fn moved(view: View, event: Event) -> (View, Vec<Effect>) {
    step(view, event, &Rules { fleet: &Fleet::embedded(catalogue(), "local", 2), waits_for_pools: false, delivered: None, judge: &judge })
}

fn small_job() -> SpecFact {
    spec(json!({"source": "a.csv", "synthesizers": ["clbn"], "benchmarks": ["accuracy", "ml_efficacy"]}))
}

/// What a store would hold after the created facts of some effects.
fn facts_of(effects: &[Effect]) -> Vec<Fact> {
    let fact = |effect: &Effect| match effect {
        Effect::Create(new) => Some(match new.as_ref() {
            NewFact::Plan(plan) => Fact::Plan(known(plan.clone())),
            NewFact::Outcome(outcome) => Fact::Outcome(known(outcome.clone())),
            NewFact::CancelTask(task, _) => Fact::CancelTask(task.clone()),
            NewFact::Selection(selection) => Fact::Selection(known(selection.clone())),
            NewFact::Final(last) => Fact::Final(known(last.clone())),
        }),
        Effect::Publish => Some(Fact::Published(known(PublishedFact { v: 1, files: Vec::new() }))),
        Effect::StopTask(_) | Effect::StopJob | Effect::DropMarker | Effect::Deliver => None,
    };
    effects.iter().filter_map(fact).collect()
}

/// Runs a job to its end with workers that end each ready task by `end`; all facts in the order they came.
fn run(spec: SpecFact, end: impl Fn(TaskId) -> OutcomeFact) -> (View, Vec<Fact>) {
    let mut facts = vec![Fact::Spec(known(spec))];
    let mut view = fold(facts.clone());
    for _ in 0..200 {
        let (next, effects) = moved(view, Event::Sweep);
        view = next;
        let mut new = facts_of(&effects);
        new.extend(view.ready().map(|task| Fact::Outcome(known(end(task.clone())))));
        for fact in new {
            view = view.with(fact.clone());
            facts.push(fact);
        }
        if view.phase() == Phase::Ended {
            break;
        }
    }
    (view, facts)
}

#[test]
fn a_job_passes_its_phases_in_order() {
    let mut view = fold([Fact::Spec(known(small_job()))]);
    let mut phases = vec![view.phase()];
    for _ in 0..40 {
        let (next, effects) = moved(view, Event::Sweep);
        let ready: Vec<_> = next.ready().cloned().collect();
        view = facts_of(&effects).into_iter().chain(ready.into_iter().map(|task| Fact::Outcome(known(done(task))))).fold(next, View::with);
        if phases.last() != Some(&view.phase()) {
            phases.push(view.phase());
        }
    }
    use Phase::{Ended, Judging, Planning, Profiling, Publishing, Queued, Running};
    assert_eq!(phases, [Queued, Profiling, Planning, Running, Judging, Publishing, Ended]);
    assert_eq!(view.state(), JobState::Done);
}

#[test]
fn a_failed_profile_ends_the_job_with_its_error() {
    let (view, _) = run(small_job(), failed);
    let last = view.last().expect("ended");
    assert_eq!((last.fact.state, last.fact.error.as_ref().map(|e| e.code.as_str())), (JobState::Failed, Some("test::failed")));
}

#[test]
fn a_failed_candidate_costs_its_own_rows_only() {
    let end = |task: TaskId| if task == TaskId::synthesize("clbn", 0) { failed(task) } else { done(task) };
    let (view, _) = run(small_job(), end);
    let status = |task: TaskId| view.outcome(&task).map(|outcome| outcome.fact.status.name());
    assert_eq!(status(TaskId::benchmark("clbn", 0, "accuracy")), Some("skipped"));
    assert_eq!(status(TaskId::benchmark("uniform", 0, "accuracy")), Some("ok"));
    assert!(view.selection().is_some());
}

#[test]
fn a_lost_preparation_skips_what_needs_it() {
    let prepare = TaskId::benchmark("ref_prepare", 0, "ml_efficacy");
    let end = |task: TaskId| if task == prepare { failed(task) } else { done(task) };
    let (view, _) = run(small_job(), end);
    let scoring = view.outcome(&TaskId::benchmark("clbn", 0, "ml_efficacy")).expect("skipped");
    assert_eq!(scoring.fact.error.as_ref().map(|error| error.code.as_str()), Some("task::needs"));
}

#[test]
fn a_held_job_waits_for_its_release() {
    let mut spec = small_job();
    spec.request.hold = true;
    let view = fold([Fact::Spec(known(spec.clone())), Fact::Plan(known(crate::plan::first(&spec, "s")))]);
    let view = view.with(Fact::Outcome(known(done(TaskId::profile()))));
    let (view, effects) = moved(view, Event::Sweep);
    assert_eq!((view.state(), effects), (JobState::OnHold, Vec::new()));
    assert_eq!(view.with(Fact::Release).phase(), Phase::Planning);
}

fn running() -> View {
    let (mut view, mut effects) = moved(fold([Fact::Spec(known(small_job()))]), Event::Sweep);
    view = facts_of(&effects).into_iter().fold(view, View::with);
    (view, effects) = moved(view.with(Fact::Outcome(known(done(TaskId::profile())))), Event::Sweep);
    facts_of(&effects).into_iter().fold(view, View::with)
}

#[test]
fn planning_waits_for_a_pool_and_not_for_ever() {
    let mut fleet = Fleet::embedded(catalogue(), "local", 2);
    fleet.pools.get_mut("local").expect("there").take = synthfleet_proto::pool::Take::parse("profile").expect("legal");
    let mut view = fold([Fact::Spec(known(small_job())), Fact::Plan(known(crate::plan::first(&small_job(), "s")))]);
    view = view.with(Fact::Outcome(known(done(TaskId::profile()))));
    let (view, effects) = step(view, Event::Sweep, &Rules { fleet: &fleet, waits_for_pools: true, delivered: None, judge: &judge });
    assert_eq!((view.phase(), effects), (Phase::Planning, Vec::new()));
    let (_, effects) = step(view, Event::Sweep, &Rules { fleet: &fleet, waits_for_pools: false, delivered: None, judge: &judge });
    let [Fact::Plan(plan)] = &facts_of(&effects)[..] else { panic!("planned") };
    assert!(plan.fact.groups.is_empty() && plan.fact.skipped.iter().all(|part| part.reason.code == "no_pool"));
}

#[test]
fn a_deadline_ends_open_tasks_and_what_exists_is_judged() {
    let view = running().with(Fact::Outcome(known(done(TaskId::synthesize("clbn", 0)))));
    let (view, effects) = moved(view, Event::CutOff(DEADLINE));
    let view = facts_of(&effects).into_iter().fold(view, View::with);
    assert_eq!(view.phase(), Phase::Judging);
    let (view, effects) = moved(view, Event::Sweep);
    let view = facts_of(&effects).into_iter().fold(view, View::with);
    let (view, _) = run_on(view);
    assert!(view.last().expect("ended").fact.partial);
}

fn run_on(mut view: View) -> (View, usize) {
    for round in 0..20 {
        let (next, effects) = moved(view, Event::Sweep);
        let ready: Vec<_> = next.ready().cloned().collect();
        view = facts_of(&effects).into_iter().chain(ready.into_iter().map(|task| Fact::Outcome(known(done(task))))).fold(next, View::with);
        if view.phase() == Phase::Ended {
            return (view, round);
        }
    }
    (view, 20)
}

fn claim(attempt: u16) -> Claim {
    Claim {
        v: 1,
        worker: "w".into(),
        host: String::new(),
        nonce: "00".repeat(16),
        attempt,
        hint_id: String::new(),
        member_version: "1.0".into(),
        owner: None,
        resumed_from: None,
    }
}

#[test]
fn a_cancelled_job_waits_for_its_running_tasks_but_not_for_ever() {
    let cancel = Cancel { v: 1, by: "me".into(), reason: "enough".into() };
    let view = running().with(Fact::Claim(TaskId::synthesize("clbn", 0), claim(1))).with(Fact::Cancel(cancel));
    assert_eq!(view.phase(), Phase::Cancelling);
    let ends = |effects: &[Effect]| effects.iter().any(|e| matches!(e, Effect::Create(new) if matches!(**new, NewFact::Final(_))));
    let (view, effects) = moved(view, Event::Sweep);
    assert!(effects.contains(&Effect::StopJob) && !ends(&effects));
    let (view, effects) = moved(view, Event::CancelOverdue);
    let (view, effects) = moved(facts_of(&effects).into_iter().fold(view, View::with), Event::Sweep);
    assert!(ends(&effects));
    let view = facts_of(&effects).into_iter().fold(view, View::with);
    assert_eq!(view.state(), JobState::Cancelled);
    // the end counts what was cancelled with it
    let (counts, tasks) = (&view.last().expect("ended").fact.counts, view.tasks().count());
    assert_eq!((counts["ok"], counts["cancelled"] as usize), (1, tasks - 1));
}

#[test]
fn a_cancel_after_the_judgement_changes_nothing() {
    let (view, facts) = run(small_job(), done);
    let judged = facts.iter().position(|fact| matches!(fact, Fact::Selection(_))).expect("judged");
    let cancel = Fact::Cancel(Cancel { v: 1, by: "me".into(), reason: "late".into() });
    let late = fold(facts[..=judged].iter().cloned().chain([cancel]));
    assert_eq!(late.phase(), Phase::Publishing);
    assert_eq!(run_on(late).0.state(), view.state());
}

#[test]
fn an_outcome_of_an_unplanned_task_is_counted_and_not_used() {
    let view = running().with(Fact::Outcome(known(done(TaskId::synthesize("forged", 0)))));
    assert_eq!(view.strays(), 1);
    assert!(view.outcome(&TaskId::synthesize("forged", 0)).is_none());
}

#[test]
fn an_ended_job_only_drops_its_marker() {
    let (view, _) = run(small_job(), done);
    assert_eq!(moved(view, Event::Sweep).1, [Effect::DropMarker]);
}

#[test]
fn no_winner_publishes_without_a_delivery_plan() {
    let nobody = |view: &View| judge(view).map(|selection| SelectionFact { winner: None, ..selection });
    let mut view = running();
    let tasks: Vec<_> = view.tasks().cloned().collect();
    view = tasks.into_iter().map(|task| Fact::Outcome(known(done(task)))).fold(view, View::with);
    let (view, effects) = step(
        view,
        Event::Sweep,
        &Rules { fleet: &Fleet::embedded(catalogue(), "local", 2), waits_for_pools: false, delivered: None, judge: &nobody },
    );
    let view = facts_of(&effects).into_iter().fold(view, View::with);
    assert_eq!(moved(view, Event::Sweep).1, [Effect::Publish]);
}

#[test]
fn a_place_that_cannot_be_written_is_told_and_the_job_is_done() {
    let mut spec = small_job();
    spec.request.output = Some("s3://bucket/out/".into());
    let (view, _) = run(spec, done);
    assert_eq!(view.phase(), Phase::Publishing, "the copy comes first");
    let fleet = Fleet::embedded(catalogue(), "local", 2);
    let rules = |delivered| Rules { fleet: &fleet, waits_for_pools: false, delivered, judge: &judge };
    assert_eq!(step(view.clone(), Event::Sweep, &rules(None)).1, [Effect::Deliver]);
    let denied = Err(synthfleet_proto::Error::unavailable("output::denied", "no").to_wire());
    let (_, effects) = step(view, Event::Sweep, &rules(Some(&denied)));
    let [Fact::Final(last)] = &facts_of(&effects)[..] else { panic!("ended") };
    assert_eq!((last.fact.state, last.fact.publish_failed.as_ref().map(|e| e.code.as_str())), (JobState::Done, Some("output::denied")));
}

#[test]
fn ten_thousand_tasks_fold_quickly() {
    let names: Vec<Value> = (0..64).map(|i| json!({"name": "clbn", "as": format!("c{i}"), "repeats": 20})).collect();
    let (view, facts) = run(spec(json!({"source": "a", "synthesizers": names})), done);
    assert!(view.tasks().count() > 5_000);
    let start = std::time::Instant::now();
    let folded = fold(facts);
    assert!(start.elapsed().as_millis() < 500, "{:?}", start.elapsed());
    assert_eq!(folded, view);
}

/// Open tasks of the phase by how what they need stands: the definition, by a walk over all of them.
fn with_needs(view: &View, wanted: impl Fn(&[Option<OutcomeStatus>]) -> bool) -> Vec<TaskId> {
    let needs = |task: &TaskId| view.group(task).map(|(_, group)| group.needs.clone()).unwrap_or_default();
    let status = |need: TaskId| view.outcome(&need).map(|outcome| outcome.fact.status);
    view.open_now().iter().filter(|task| wanted(&needs(task).into_iter().map(status).collect::<Vec<_>>())).cloned().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn order_and_repetition_of_facts_change_nothing(
        shuffle in prop::collection::vec(any::<u32>(), 200),
        doubled in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        cut in any::<prop::sample::Index>(),
    ) {
        let (_, facts) = run(small_job(), done);
        let known = &facts[..=cut.index(facts.len())];
        let straight = fold(known.iter().cloned());
        let mut mixed: Vec<Fact> = known.to_vec();
        mixed.extend(doubled.iter().map(|index| known[index.index(known.len())].clone()));
        let mut keyed: Vec<(u32, Fact)> = mixed.into_iter().enumerate().map(|(i, fact)| (shuffle[i % shuffle.len()], fact)).collect();
        keyed.sort_by_key(|(key, _)| *key);
        let folded = fold(keyed.into_iter().map(|(_, fact)| fact));
        prop_assert_eq!(folded.phase(), straight.phase());
        prop_assert_eq!(folded, straight);
    }

    #[test]
    fn the_state_never_goes_back(outcomes in prop::collection::vec(any::<bool>(), 64)) {
        let count = std::cell::Cell::new(0);
        let end = |task: TaskId| {
            let ok = task == TaskId::profile() || outcomes[count.get() % outcomes.len()];
            count.set(count.get() + 1);
            if ok { done(task) } else { failed(task) }
        };
        let (_, facts) = run(small_job(), end);
        let mut view = View::default();
        let mut before = view.phase();
        for fact in facts {
            view = view.with(fact);
            prop_assert_eq!(view.ready().cloned().collect::<Vec<_>>(), with_needs(&view, |statuses| statuses.iter().all(|s| *s == Some(OutcomeStatus::Ok))));
            let lost = |statuses: &[Option<OutcomeStatus>]| statuses.iter().any(|s| s.is_some_and(|s| s != OutcomeStatus::Ok));
            prop_assert_eq!(view.hopeless().map(|(task, _)| task.clone()).collect::<Vec<_>>(), with_needs(&view, lost));
            prop_assert!(view.phase() >= before, "{:?} after {before:?}", view.phase());
            before = view.phase();
        }
    }
}
