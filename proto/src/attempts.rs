//! The rules of attempts, pure: what the history of a task's attempts allows now, and what an ended attempt
//! leads to. Workers decide by them before a run, reconcilers when a run went silent.

use crate::error::WireError;
use crate::fact::{Checkpoint, End, EndCause, OutcomeStatus, VERSION};
use crate::{Error, ErrorKind};
use std::time::Duration;

/// Beats of a lease: no lease before 15 s, then every eighth of the elapsed time, at most 60 s.
pub fn lease_interval(elapsed: Duration) -> Duration {
    (elapsed / 8).clamp(Duration::from_secs(15), Duration::from_secs(60))
}

/// How often a task may be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Attempts that may end by a crash or an internal error.
    pub crashes_max: u16,
    /// Attempts that may end because something outside was away.
    pub unavailable_max: u16,
    /// Attempts that may run out of memory.
    pub out_of_memory_max: u16,
}

impl Limits {
    /// Many machines: another one may have more luck.
    pub const FLEET: Self = Self { crashes_max: 3, unavailable_max: 8, out_of_memory_max: 2 };
    /// One process: the same code on the same bytes would fail alike.
    pub const EMBEDDED: Self = Self { crashes_max: 1, unavailable_max: 3, out_of_memory_max: 1 };

    /// The limits of a job that asks for so many attempts.
    #[must_use]
    pub fn asked(self, attempts: Option<u16>) -> Self {
        Self { crashes_max: attempts.unwrap_or(self.crashes_max), ..self }
    }
}

/// One attempt as it is seen from outside.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// From 1.
    pub number: u16,
    /// The embedded run that owns it, if one does.
    pub owner: Option<String>,
    /// Time since it was claimed, by the store's clock.
    pub age: Duration,
    /// Time since its last sign of life: lease, or claim if there is no lease, by the store's clock.
    pub silent: Duration,
    /// Time between its signs of life.
    pub interval: Duration,
    /// How it ended without an outcome, and how long ago.
    pub end: Option<(End, Duration)>,
    /// The newest state that it left.
    pub checkpoint: Option<Checkpoint>,
}

impl Seen {
    /// Whether the attempt may still be running. `run` is the embedded run that asks: it holds the store
    /// alone, so what another run left open is dead.
    pub fn is_alive(&self, run: Option<&str>) -> bool {
        if self.end.is_some() || self.is_orphan(run) {
            return false;
        }
        self.silent < self.interval * 3 + Duration::from_secs(5)
    }

    fn is_orphan(&self, run: Option<&str>) -> bool {
        run.is_some() && self.owner.as_deref() != run
    }
}

/// What a task's history allows now.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Claim attempt `n` and run.
    Run(u16),
    /// Look again after some time.
    Wait(Duration),
    /// No further attempt: the task fails with this error.
    GiveUp(Box<WireError>),
}

/// Decides what comes next for a task without an outcome. `seen` in the order of the attempts.
pub fn next(seen: &[Seen], limits: Limits, run: Option<&str>) -> Next {
    let Some(newest) = seen.last() else { return Next::Run(1) };
    if newest.is_alive(run) {
        // who has run for minutes is not looked at twice a minute
        return Next::Wait(Duration::from_secs(if newest.age < Duration::from_secs(120) { 30 } else { 120 }));
    }
    if let Some(error) = exhausted(seen, limits, run) {
        return Next::GiveUp(Box::new(error.to_wire()));
    }
    if let Some((end, age)) = &newest.end {
        let delay = Duration::from_secs(u64::from(end.delay_seconds));
        if let Some(left) = delay.checked_sub(*age).filter(|left| !left.is_zero()) {
            return Next::Wait(left);
        }
    }
    match newest.number.checked_add(1).filter(|number| *number <= 999) {
        Some(number) => Next::Run(number),
        None => Next::GiveUp(Box::new(Error::internal("task::crash_loop", "999 attempts").to_wire())),
    }
}

/// Attempts that ended counted, by limit; a silent one died.
fn exhausted(seen: &[Seen], limits: Limits, run: Option<&str>) -> Option<Error> {
    let (mut crashes, mut unavailable, mut memory) = (0, 0, 0);
    for attempt in seen {
        match &attempt.end {
            Some((end, _)) if !end.counted => {}
            Some((end, _)) => match limit_of(end) {
                Counter::Crash => crashes += 1,
                Counter::Unavailable => unavailable += 1,
                Counter::Memory => memory += 1,
            },
            None if attempt.is_orphan(run) => {}
            None => crashes += 1,
        }
    }
    let last = seen.iter().rev().find_map(|attempt| attempt.end.as_ref().and_then(|(end, _)| end.error.clone()));
    let over = crashes >= limits.crashes_max || unavailable >= limits.unavailable_max || memory >= limits.out_of_memory_max;
    over.then(|| match last {
        Some(last) => Error::from(last),
        None => Error::internal("task::crash_loop", format!("{crashes} attempts died without a word")),
    })
}

enum Counter {
    Crash,
    Unavailable,
    Memory,
}

fn limit_of(end: &End) -> Counter {
    let kind = end.error.as_ref().map(|error| error.kind);
    match end.cause {
        EndCause::OutOfMemory => Counter::Memory,
        EndCause::Error if matches!(kind, Some(ErrorKind::Unavailable | ErrorKind::Conflict)) => Counter::Unavailable,
        _ => Counter::Crash,
    }
}

/// Why a running attempt was stopped from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopCause {
    /// Job or task was cancelled.
    Cancel,
    /// It took longer than planned.
    Timeout,
    /// The worker leaves.
    Drain,
    /// A newer attempt runs, and this one is further from its end.
    Superseded,
}

/// How an attempt ended, as its executor saw it.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "one exists per attempt")]
pub enum Ended {
    /// With outputs.
    Well,
    /// With an error of its own.
    Error(WireError),
    /// Stopped from outside.
    Stopped(StopCause),
    /// Its process died.
    Crash(String),
    /// It ran out of memory.
    OutOfMemory(String),
}

/// What is stored after an attempt that did not end well.
#[derive(Debug, Clone, PartialEq)]
pub enum After {
    /// The task is over.
    Outcome(OutcomeStatus, WireError),
    /// Another attempt may follow.
    End(End),
}

/// What becomes of a message after its attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Forget it.
    Ack,
    /// Back at once.
    Requeue,
    /// Back after so many seconds.
    Park(u32),
}

/// Whether an error outside stays until somebody mends it: a file of this machine that may not be read. Rights to links
/// are another matter, as credentials are renewed by themselves.
fn is_lasting(error: &WireError) -> bool {
    let is_file = |source: &str| !source.contains("://");
    error.code == "source::denied" && error.place.source.as_deref().is_some_and(is_file)
}

/// What follows from an attempt that did not end well. `seen` are the attempts before it; options never
/// change between attempts.
pub fn after(ended: &Ended, seen: &[Seen], limits: Limits, run: Option<&str>) -> (After, Verb) {
    let (cause, error, counted, delays): (_, _, _, &[u32]) = match ended {
        Ended::Well => return (outcome(OutcomeStatus::Ok, Error::internal("task::ended_well", "nothing went wrong").to_wire()), Verb::Ack),
        Ended::Stopped(StopCause::Cancel) => {
            let error = Error::stopped("task::cancelled", "told to stop").to_wire();
            return (outcome(OutcomeStatus::Cancelled, error), Verb::Ack);
        }
        Ended::Stopped(StopCause::Timeout) => {
            let error = Error::stopped("task::timeout", "the task's time was over").help("allow more with --task-time").to_wire();
            return (outcome(OutcomeStatus::Failed, error), Verb::Ack);
        }
        Ended::Stopped(StopCause::Superseded) => {
            let end = End { v: VERSION, cause: EndCause::Superseded, counted: false, error: None, delay_seconds: 0, checkpoint: None };
            return (After::End(end), Verb::Ack);
        }
        Ended::Stopped(StopCause::Drain) => (EndCause::Released, None, false, &[0]),
        Ended::Crash(what) => (EndCause::Crash, Some(Error::internal("task::crash", what.clone()).to_wire()), true, &[5, 30]),
        Ended::OutOfMemory(what) => {
            let error = Error::unsupported("task::out_of_memory", what.clone()).help("allow more with --task-memory");
            (EndCause::OutOfMemory, Some(error.to_wire()), true, &[5])
        }
        Ended::Error(error) => match error.kind {
            ErrorKind::Invalid | ErrorKind::Data => return (outcome(OutcomeStatus::Failed, error.clone()), Verb::Ack),
            ErrorKind::Unsupported => return (outcome(OutcomeStatus::Skipped, error.clone()), Verb::Ack),
            _ if is_lasting(error) => return (outcome(OutcomeStatus::Failed, error.clone()), Verb::Ack),
            ErrorKind::Unavailable | ErrorKind::Conflict => (EndCause::Error, Some(error.clone()), true, &[5, 30, 120, 600]),
            ErrorKind::NoSpace => (EndCause::NoSpace, Some(error.clone()), false, &[30]),
            ErrorKind::Stopped => (EndCause::Released, Some(error.clone()), false, &[0]),
            ErrorKind::Internal => (EndCause::Error, Some(error.clone()), true, &[5, 30]),
        },
    };
    let tries = seen.iter().filter(|attempt| attempt.end.as_ref().is_some_and(|(end, _)| end.counted)).count();
    let delay_seconds = delays[tries.min(delays.len() - 1)];
    let end = End { v: VERSION, cause, counted, error, delay_seconds, checkpoint: None };
    let mut history = seen.to_vec();
    let number = seen.last().map_or(1, |attempt| attempt.number.saturating_add(1));
    history.push(Seen {
        number,
        owner: run.map(str::to_owned),
        age: Duration::ZERO,
        silent: Duration::ZERO,
        interval: Duration::ZERO,
        end: Some((end.clone(), Duration::ZERO)),
        checkpoint: None,
    });
    match exhausted(&history, limits, run) {
        Some(error) => (outcome(OutcomeStatus::Failed, error.to_wire()), Verb::Ack),
        None if delay_seconds == 0 => (After::End(end), Verb::Requeue),
        None => (After::End(end), Verb::Park(delay_seconds)),
    }
}

fn outcome(status: OutcomeStatus, error: WireError) -> After {
    After::Outcome(status, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(number: u16, silent: u64, owner: Option<&str>) -> Seen {
        let (silent, interval) = (Duration::from_secs(silent), Duration::from_secs(15));
        Seen { number, owner: owner.map(str::to_owned), age: silent, silent, interval, end: None, checkpoint: None }
    }

    fn ended(number: u16, error: Error, delay_seconds: u32, age: u64) -> Seen {
        let end = End { v: 1, cause: EndCause::Error, counted: true, error: Some(error.to_wire()), delay_seconds, checkpoint: None };
        Seen { end: Some((end, Duration::from_secs(age))), ..open(number, age, None) }
    }

    #[test]
    fn a_new_task_is_claimed_at_once() {
        assert_eq!(next(&[], Limits::FLEET, None), Next::Run(1));
    }

    #[test]
    fn a_fresh_attempt_is_left_alone_and_a_silent_one_is_followed() {
        assert_eq!(next(&[open(1, 49, None)], Limits::FLEET, None), Next::Wait(Duration::from_secs(30)));
        assert_eq!(next(&[open(1, 50, None)], Limits::FLEET, None), Next::Run(2));
    }

    #[test]
    fn a_job_may_ask_for_more_attempts() {
        let died: Vec<Seen> = (1..4).map(|number| open(number, 99, None)).collect();
        assert!(matches!(next(&died, Limits::FLEET, None), Next::GiveUp(_)));
        assert_eq!(next(&died, Limits::FLEET.asked(Some(5)), None), Next::Run(4));
        assert_eq!(Limits::FLEET.asked(None), Limits::FLEET);
    }

    #[test]
    fn who_runs_for_minutes_is_looked_at_less_often() {
        let long = Seen { age: Duration::from_secs(300), ..open(1, 10, None) };
        assert_eq!(next(&[long], Limits::FLEET, None), Next::Wait(Duration::from_secs(120)));
    }

    #[test]
    fn what_a_killed_run_left_open_is_dead_at_once_and_does_not_count() {
        let left: Vec<_> = (1..=5).map(|n| open(n, 0, Some("earlier"))).collect();
        assert_eq!(next(&left, Limits::EMBEDDED, Some("this")), Next::Run(6));
        assert_eq!(next(&[open(1, 0, Some("this"))], Limits::EMBEDDED, Some("this")), Next::Wait(Duration::from_secs(30)));
    }

    #[test]
    fn a_delay_is_waited_for() {
        let away = || Error::unavailable("store::away", "away");
        assert_eq!(next(&[ended(1, away(), 30, 10)], Limits::FLEET, None), Next::Wait(Duration::from_secs(20)));
        assert_eq!(next(&[ended(1, away(), 30, 31)], Limits::FLEET, None), Next::Run(2));
    }

    #[test]
    fn three_deaths_are_the_end() {
        let dead = [open(1, 999, None), open(2, 999, None), open(3, 999, None)];
        let Next::GiveUp(error) = next(&dead, Limits::FLEET, None) else { panic!("gives up") };
        assert_eq!(error.code, "task::crash_loop");
    }

    #[test]
    fn every_kind_has_its_outcome_and_verb() {
        use ErrorKind::{Conflict, Data, Internal, Invalid, NoSpace, Stopped, Unavailable, Unsupported};
        let table = [
            (Invalid, Some(OutcomeStatus::Failed), Verb::Ack),
            (Data, Some(OutcomeStatus::Failed), Verb::Ack),
            (Unsupported, Some(OutcomeStatus::Skipped), Verb::Ack),
            (Unavailable, None, Verb::Park(5)),
            (Conflict, None, Verb::Park(5)),
            (NoSpace, None, Verb::Park(30)),
            (Stopped, None, Verb::Requeue),
            (Internal, None, Verb::Park(5)),
        ];
        assert_eq!(table.map(|row| row.0).len(), ErrorKind::ALL.len());
        for (kind, status, verb) in table {
            let error = Error::new(kind, "test::kind", "x").to_wire();
            let (after, found) = after(&Ended::Error(error), &[], Limits::FLEET, None);
            let outcome = if let After::Outcome(status, _) = after { Some(status) } else { None };
            assert_eq!((outcome, found), (status, verb), "{kind:?}");
        }
    }

    #[test]
    fn a_file_that_may_not_be_read_fails_its_task_at_once_and_a_link_is_tried_again() {
        let denied = |source: &str| {
            let io = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
            after(&Ended::Error(Error::io(source, io).in_source(source).to_wire()), &[], Limits::FLEET, None)
        };
        let (file, verb) = denied("/data/t.csv");
        let After::Outcome(OutcomeStatus::Failed, error) = file else { panic!("{file:?}") };
        assert_eq!((error.code.as_str(), error.help.len(), verb), ("source::denied", 1, Verb::Ack));
        for link in ["s3://bucket/t.csv", "https://host/t.csv"] {
            assert!(matches!(denied(link), (After::End(_), Verb::Park(5))), "{link}");
        }
        // nobody says what may not be read: it may be the store
        let (after, _) = after(&Ended::Error(Error::unavailable("source::denied", "x").to_wire()), &[], Limits::FLEET, None);
        assert!(matches!(after, After::End(_)), "{after:?}");
    }

    #[test]
    fn an_internal_error_fails_the_task_at_the_third_time_and_embedded_at_once() {
        let bug = || Error::internal("member::panic", "x");
        let (first, _) = after(&Ended::Error(bug().to_wire()), &[], Limits::FLEET, None);
        assert!(matches!(first, After::End(End { delay_seconds: 5, counted: true, .. })));
        let before = [ended(1, bug(), 5, 9), ended(2, bug(), 30, 9)];
        let (third, verb) = after(&Ended::Error(bug().to_wire()), &before, Limits::FLEET, None);
        assert!(matches!(third, After::Outcome(OutcomeStatus::Failed, error) if error.code == "member::panic"));
        assert_eq!(verb, Verb::Ack);
        let (embedded, _) = after(&Ended::Error(bug().to_wire()), &[], Limits::EMBEDDED, Some("run"));
        assert!(matches!(embedded, After::Outcome(OutcomeStatus::Failed, _)));
    }

    #[test]
    fn stops_end_as_their_cause_says() {
        let of = |cause| after(&Ended::Stopped(cause), &[], Limits::FLEET, None);
        assert!(matches!(of(StopCause::Cancel), (After::Outcome(OutcomeStatus::Cancelled, _), Verb::Ack)));
        assert!(
            matches!(of(StopCause::Timeout), (After::Outcome(OutcomeStatus::Failed, error), Verb::Ack) if error.code == "task::timeout")
        );
        assert!(matches!(of(StopCause::Superseded), (After::End(End { cause: EndCause::Superseded, counted: false, .. }), Verb::Ack)));
        assert!(matches!(of(StopCause::Drain), (After::End(End { cause: EndCause::Released, counted: false, .. }), Verb::Requeue)));
    }

    #[test]
    fn memory_is_tried_twice() {
        let (first, _) = after(&Ended::OutOfMemory("x".into()), &[], Limits::FLEET, None);
        let After::End(end) = first else { panic!("one retry") };
        let before = [Seen { end: Some((end, Duration::from_secs(9))), ..open(1, 9, None) }];
        let (second, _) = after(&Ended::OutOfMemory("x".into()), &before, Limits::FLEET, None);
        assert!(matches!(second, After::Outcome(OutcomeStatus::Failed, error) if error.code == "task::out_of_memory"));
    }

    #[test]
    fn leases_beat_each_eighth_of_the_elapsed_time() {
        let of = |seconds| lease_interval(Duration::from_secs(seconds)).as_secs();
        assert_eq!([of(0), of(240), of(9_999)], [15, 30, 60]);
    }
}
