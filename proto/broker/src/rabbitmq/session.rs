//! The supervisor: connects, declares, watches, and builds everything again when anything unexpected
//! happens. Whoever needs the broker waits for a life of it.

use super::{
    gauges::{Counters, count},
    held::Held,
    live::{Live, lock},
    options::{Declare, Options, place},
    suspects::Suspects,
    taker::Lingering,
    topics::Feed,
};
use crate::Topic;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use synthfleet_proto::error::WireError;
use synthfleet_proto::{Error, Result, Seed};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// The first pause between two tries, before the dice.
const BACKOFF: Duration = Duration::from_millis(200);
/// A life that lasted so long starts the pauses afresh.
const STABLE: Duration = Duration::from_secs(10);
/// One line in the log per this time while the broker is away.
const LINE_EVERY: Duration = Duration::from_secs(60);

/// What all handles, takers and deliveries share.
pub(super) struct Session {
    pub options: Options,
    pub place: String,
    pub counters: Arc<Counters>,
    /// Deliveries without a verb yet.
    pub held: Mutex<HashMap<u64, Held>>,
    pub last_tag: AtomicU64,
    /// Takers' places that outlive a dropped `take` for a moment.
    pub lingering: Mutex<Vec<Lingering>>,
    pub feeds: Mutex<BTreeMap<Topic, Arc<Feed>>>,
    pub suspects: Mutex<Suspects>,
    pub runtime: tokio::runtime::Handle,
    state: watch::Sender<State>,
    stop: watch::Sender<bool>,
}

/// What the session is.
#[derive(Clone)]
enum State {
    /// Trying; how often it failed since it last worked, and why.
    Away {
        failures: u32,
        error: Option<Arc<WireError>>,
    },
    Ready(Arc<Live>),
    Closed,
}

impl Session {
    /// Starts the supervisor on the runtime that calls.
    pub fn start(options: Options) -> Result<Arc<Self>> {
        let place = place(&options.uri()?);
        let (state, _) = watch::channel(State::Away { failures: 0, error: None });
        let (stop, _) = watch::channel(false);
        let session = Arc::new(Self {
            options,
            place,
            counters: Arc::default(),
            held: Mutex::default(),
            last_tag: AtomicU64::new(0),
            lingering: Mutex::default(),
            feeds: Mutex::default(),
            suspects: Mutex::default(),
            runtime: tokio::runtime::Handle::current(),
            state,
            stop,
        });
        tokio::spawn(supervise(Arc::clone(&session)));
        Ok(session)
    }

    /// Waits for a life, however long it takes. One that is over is not given though the supervisor has not said so
    /// yet: whoever would come back with it at once would never let the supervisor run.
    pub async fn live(&self) -> Result<Arc<Live>> {
        self.until(|state| match state {
            State::Ready(live) if live.is_over() => None,
            State::Ready(live) => Some(Ok(Arc::clone(live))),
            State::Closed => Some(Err(self.closed())),
            State::Away { .. } => None,
        })
        .await
    }

    /// Waits for a life for a while; then says why there is none.
    pub async fn live_within(&self, time: Duration) -> Result<Arc<Live>> {
        timeout(time, self.live()).await.unwrap_or_else(|_| Err(self.away()))
    }

    /// Waits for a life, but gives up after some failed tries.
    pub async fn live_after(&self, tries: u32) -> Result<()> {
        self.until(|state| match state {
            State::Ready(_) => Some(Ok(())),
            State::Closed => Some(Err(self.closed())),
            State::Away { failures, .. } if *failures >= tries => Some(Err(self.away())),
            State::Away { .. } => None,
        })
        .await
    }

    /// The life of now.
    pub fn now(&self) -> Option<Arc<Live>> {
        match &*self.state.borrow() {
            State::Ready(live) if !live.is_over() => Some(Arc::clone(live)),
            _ => None,
        }
    }

    /// Asks the supervisor to close everything.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until everything is closed.
    pub async fn stopped(&self) {
        self.until(|state| matches!(state, State::Closed).then_some(())).await;
    }

    /// Waits until a state says something.
    async fn until<T>(&self, mut says: impl FnMut(&State) -> Option<T>) -> T {
        let mut states = self.state.subscribe();
        loop {
            if let Some(said) = says(&states.borrow_and_update()) {
                return said;
            }
            // the sender lives in this very object
            let _ = states.changed().await;
        }
    }

    pub fn closed(&self) -> Error {
        Error::unavailable("broker::unavailable", "the connection to the broker was closed").in_source(&self.place)
    }

    /// Why there is no life, as far as known.
    fn away(&self) -> Error {
        match &*self.state.borrow() {
            State::Away { error: Some(wire), .. } => Error::from(WireError::clone(wire)),
            State::Closed => self.closed(),
            _ => Error::unavailable("broker::unavailable", "the broker is away").in_source(&self.place),
        }
    }
}

async fn supervise(session: Arc<Session>) {
    let mut stop = session.stop.subscribe();
    // an owner that is gone means the same as one that says stop
    let ended = async move {
        let _ = stop.wait_for(|stop| *stop).await;
    };
    let mut ended = std::pin::pin!(ended);
    let mut backoff = Backoff::new(&session.options);
    let (mut number, mut lives, mut last_line) = (0, 0u64, None);
    loop {
        number += 1;
        let begun = tokio::select! {
            () = &mut ended => break,
            begun = Live::begin(&session.options, number, &session.counters) => begun,
        };
        match begun {
            Ok(live) => {
                lives += 1;
                if lives == 1 {
                    tracing::info!(place = session.place, "the broker is there");
                } else {
                    tracing::info!(place = session.place, lives, "the broker is back");
                    count(&session.counters.reconnects);
                }
                let since = Instant::now();
                session.renew(&live).await;
                session.show(&live);
                let reason = tokio::select! {
                    () = &mut ended => None,
                    reason = live.over() => Some(reason),
                    reason = self_test(&session, &live) => Some(reason),
                };
                session.counters.connected.store(false, Ordering::Relaxed);
                session.counters.blocked.store(false, Ordering::Relaxed);
                let Some(reason) = reason else {
                    live.close(session.options.times.close).await;
                    break;
                };
                tracing::warn!(place = session.place, reason, "the broker is lost");
                session.state.send_replace(State::Away { failures: 0, error: None });
                live.close(session.options.times.close).await;
                if since.elapsed() > STABLE {
                    backoff.tries = 0;
                    lock(&session.suspects).acquit();
                }
            }
            Err(error) => {
                if last_line.is_none_or(|last: Instant| last.elapsed() > LINE_EVERY) {
                    tracing::warn!(place = session.place, code = error.code(), cause = error.message(), "no broker");
                    last_line = Some(Instant::now());
                }
                let wire = Arc::new(error.to_wire());
                session.state.send_modify(|state| {
                    let failures = if let State::Away { failures, .. } = state { failures.saturating_add(1) } else { 1 };
                    *state = State::Away { failures, error: Some(wire) };
                });
            }
        }
        tokio::select! {
            () = &mut ended => break,
            () = tokio::time::sleep(backoff.next()) => {}
        }
    }
    session.state.send_replace(State::Closed);
}

impl Session {
    /// Makes a queue anew that the broker lists and cannot serve. Its messages are lost already.
    async fn renew(&self, live: &Live) {
        let Some(queue) = lock(&self.suspects).convicted() else { return };
        if self.options.declare == Declare::Never || !queue.holds_hints_only() {
            tracing::error!(queue = queue.name, "the broker lists a queue that it cannot serve: delete it and declare it again");
            return;
        }
        tracing::warn!(queue = queue.name, "the broker lists a queue that it cannot serve: it is made anew");
        if let Err(error) = live.renew(&queue, &self.options).await {
            tracing::warn!(queue = queue.name, code = error.code(), cause = error.message(), "the queue cannot be made anew");
        }
    }

    fn show(&self, live: &Arc<Live>) {
        self.counters.connected.store(true, Ordering::Relaxed);
        self.state.send_replace(State::Ready(Arc::clone(live)));
    }
}

/// Asks something every few seconds; ends with the reason when there is no answer.
async fn self_test(session: &Session, live: &Live) -> String {
    loop {
        let asked = Instant::now();
        if let Err(error) = super::depth::result(live).await {
            return error.to_string();
        }
        session.counters.note_round_trip(asked.elapsed());
        tokio::time::sleep(session.options.times.self_test).await;
    }
}

/// Full jitter below a doubling bound. The dice are this process's own, so that a fleet spreads out.
struct Backoff {
    dice: Seed,
    rolls: u64,
    tries: u32,
    longest: Duration,
}

impl Backoff {
    fn new(options: &Options) -> Self {
        Self { dice: Seed::of_task(0, &options.id).child("backoff"), rolls: 0, tries: 0, longest: options.times.backoff_max }
    }

    fn next(&mut self) -> Duration {
        let bound = BACKOFF.saturating_mul(1 << self.tries.min(16)).min(self.longest);
        self.tries = self.tries.saturating_add(1);
        self.rolls += 1;
        bound.mul_f64((self.dice.index(self.rolls).number() % 1_000) as f64 / 1_000.0)
    }
}

impl Session {
    /// A number for the next delivery.
    pub fn tag(&self) -> u64 {
        self.last_tag.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Takes a delivery out of the list of unsettled ones.
    pub fn release(&self, tag: u64) -> Option<Held> {
        lock(&self.held).remove(&tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_bound_and_differ_between_processes() {
        let pauses = |id: &str| {
            let mut backoff = Backoff::new(&Options { id: id.to_owned(), ..Options::default() });
            (0..40).map(|_| backoff.next()).collect::<Vec<_>>()
        };
        let (one, two) = (pauses("w-1"), pauses("w-2"));
        assert_ne!(one, two);
        assert!(one[0] < BACKOFF && one.iter().all(|pause| *pause <= Duration::from_secs(30)));
        assert!(one[20..].iter().any(|pause| *pause > Duration::from_secs(5)), "{one:?}");
    }
}
