//! What went silent: hints that were lost, attempts that died, tasks that no attempt will end.
//! Pure; the service measures ages and depths and performs what is due.

use crate::job::View;
use std::collections::BTreeMap;
use std::time::Duration;
use synthfleet_proto::attempts::{self, Limits, Next, Seen};
use synthfleet_proto::fact::{OutcomeFact, OutcomeStatus};
use synthfleet_proto::task::TaskId;

/// How a task was last hinted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hinted {
    /// How long ago.
    pub ago: Duration,
    /// How often.
    pub times: u32,
    /// Messages that wait in the queues of its pool.
    pub waiting: u64,
    /// Nobody takes from its pool, and others could.
    pub deserted: bool,
}

/// What the service measured for one job.
#[derive(Debug, Clone, Default)]
pub struct Measured {
    /// Hinted tasks.
    pub hinted: BTreeMap<TaskId, Hinted>,
    /// Attempts of tasks without an outcome, in the order of their numbers, with ages of the store's clock.
    pub attempts: BTreeMap<TaskId, Vec<Seen>>,
    /// A task waits so long at most in a healthy queue.
    pub wait_usual: Duration,
    /// The embedded run that owns the store, if there is one.
    pub run: Option<String>,
}

/// What is due.
#[derive(Debug, Clone, PartialEq)]
pub enum Due {
    /// Hint a task again, with the reason that is counted.
    Republish(TaskId, &'static str),
    /// End a task that no attempt will end.
    Fail(Box<OutcomeFact>),
}

/// Time before a hint that nobody took is repeated: 30 s, doubled each time, at most 10 minutes.
pub fn spacing(times: u32) -> Duration {
    Duration::from_secs((30u64 << times.saturating_sub(1).min(10)).min(600))
}

/// What is due for a job, in the order of the tasks.
pub fn due(view: &View, measured: &Measured, limits: Limits) -> Vec<Due> {
    let mut due = Vec::new();
    for task in view.ready() {
        let seen = measured.attempts.get(task).map(Vec::as_slice).unwrap_or_default();
        let hinted = measured.hinted.get(task);
        match attempts::next(seen, limits, measured.run.as_deref()) {
            Next::GiveUp(error) => {
                due.push(Due::Fail(Box::new(OutcomeFact::not_run(task.clone(), OutcomeStatus::Failed, *error))));
            }
            Next::Wait(_) => {}
            // a dead attempt: its message went with its worker, or comes back when the broker sees it dead
            Next::Run(number) if number > 1 => {
                if hinted.is_none_or(|hinted| hinted.ago >= spacing(hinted.times)) {
                    due.push(Due::Republish(task.clone(), "stale"));
                }
            }
            Next::Run(_) => {
                let patience = |hinted: &Hinted| Duration::from_secs(30).max(measured.wait_usual * 4).max(spacing(hinted.times));
                if hinted.is_some_and(|hinted| hinted.deserted) {
                    due.push(Due::Republish(task.clone(), "deserted"));
                } else if hinted.is_some_and(|hinted| hinted.waiting == 0 && hinted.ago >= patience(hinted)) {
                    due.push(Due::Republish(task.clone(), "lost"));
                }
            }
        }
    }
    due
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Fact, Known, fold};
    use crate::testing::spec;
    use serde_json::json;

    fn profiling() -> View {
        let spec = spec(json!({"source": "a"}));
        let plan = crate::plan::first(&spec, "s");
        fold([Fact::Spec(Known::new(spec, "s")), Fact::Plan(Known::new(plan, "p"))])
    }

    fn hinted(seconds: u64, times: u32) -> Measured {
        let hint = Hinted { ago: Duration::from_secs(seconds), times, waiting: 0, deserted: false };
        Measured { hinted: BTreeMap::from([(TaskId::profile(), hint)]), ..Measured::default() }
    }

    fn queued(seconds: u64, change: impl FnOnce(&mut Hinted)) -> Measured {
        let mut measured = hinted(seconds, 1);
        if let Some(hint) = measured.hinted.values_mut().next() {
            change(hint);
        }
        measured
    }

    fn seen(number: u16, silent: u64) -> Seen {
        let (silent, interval) = (Duration::from_secs(silent), Duration::from_secs(15));
        Seen { number, owner: None, age: silent, silent, interval, end: None, checkpoint: None }
    }

    #[test]
    fn a_lost_hint_is_repeated_only_when_its_queue_is_empty_and_time_went_by() {
        let again = [Due::Republish(TaskId::profile(), "lost")];
        assert_eq!(due(&profiling(), &hinted(31, 1), Limits::FLEET), again);
        assert!(due(&profiling(), &hinted(29, 1), Limits::FLEET).is_empty());
        assert!(due(&profiling(), &queued(99, |hint| hint.waiting = 1), Limits::FLEET).is_empty());
        assert!(due(&profiling(), &Measured { wait_usual: Duration::from_secs(60), ..hinted(99, 1) }, Limits::FLEET).is_empty());
    }

    #[test]
    fn repeats_come_at_doubled_distances_up_to_ten_minutes() {
        let seconds: Vec<_> = (1..8).map(|times| spacing(times).as_secs()).collect();
        assert_eq!(seconds, [30, 60, 120, 240, 480, 600, 600]);
        assert!(due(&profiling(), &hinted(59, 2), Limits::FLEET).is_empty());
    }

    #[test]
    fn a_hint_in_a_deserted_pool_goes_elsewhere_at_once() {
        let deserted = queued(1, |hint| (hint.waiting, hint.deserted) = (5, true));
        assert_eq!(due(&profiling(), &deserted, Limits::FLEET), [Due::Republish(TaskId::profile(), "deserted")]);
    }

    #[test]
    fn a_dead_attempt_is_followed_and_a_fresh_one_left_alone() {
        let with = |silent| Measured {
            attempts: BTreeMap::from([(TaskId::profile(), vec![seen(1, silent)])]),
            ..queued(99, |hint| hint.waiting = 7)
        };
        assert_eq!(due(&profiling(), &with(60), Limits::FLEET), [Due::Republish(TaskId::profile(), "stale")]);
        assert!(due(&profiling(), &with(5), Limits::FLEET).is_empty());
    }

    #[test]
    fn a_task_that_died_too_often_fails() {
        let dead = vec![seen(1, 999), seen(2, 999), seen(3, 999)];
        let measured = Measured { attempts: BTreeMap::from([(TaskId::profile(), dead)]), ..hinted(99, 1) };
        let [Due::Fail(outcome)] = &due(&profiling(), &measured, Limits::FLEET)[..] else { panic!("fails") };
        assert_eq!(outcome.error.as_ref().map(|error| error.code.as_str()), Some("task::crash_loop"));
    }

    #[test]
    fn a_task_that_was_never_hinted_is_left_to_the_dispatcher() {
        assert!(due(&profiling(), &Measured::default(), Limits::FLEET).is_empty());
    }
}
