//! One battery for every broker. A check panics, naming what it saw, when the contract is broken.
//!
//! Waits of minutes are part of it where the broker's time is that of a paused runtime; on a server the
//! pace is shorter.

mod deliveries;
mod queues;
mod submissions;
mod topics;

use crate::{Broker, Delivery, Inbox, Route, Settle, Wait};
use std::{ops::Deref, pin::Pin, sync::Arc, time::Duration};
use synthfleet_proto::class::Class;
use tokio::time::Instant;

/// How patient the checks are, and how much they send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Longest wait for a message that must come at once.
    pub at_once: Duration,
    /// How long nothing must come where nothing may come any more.
    pub quiet: Duration,
    /// Waits that are sat out.
    pub waits: &'static [Wait],
    /// Messages of the largest check.
    pub messages: u32,
    /// Time for a first take to make its queue.
    pub declared: Duration,
    /// Whether the broker tells everybody; if not, its listeners stay silent.
    pub broadcasts: bool,
}

impl Pace {
    /// On a paused runtime, for brokers whose time is that of the runtime.
    pub const SIMULATED: Self = Self {
        at_once: Duration::from_millis(1_500),
        quiet: Duration::from_secs(700),
        waits: &Wait::ALL,
        messages: 10_000,
        declared: Duration::from_millis(10),
        broadcasts: true,
    };

    /// On a server, in real time.
    pub const REAL: Self = Self {
        at_once: Duration::from_secs(6),
        quiet: Duration::from_secs(3),
        waits: &[Wait::Five],
        messages: 1_000,
        declared: Duration::from_millis(300),
        broadcasts: true,
    };
}

/// A broker that holds nothing, and how patient to be with it.
#[derive(Clone)]
pub struct Bench {
    /// The broker.
    pub broker: Arc<dyn Broker>,
    /// The patience.
    pub pace: Pace,
}

impl Deref for Bench {
    type Target = Arc<dyn Broker>;

    fn deref(&self) -> &Self::Target {
        &self.broker
    }
}

/// One check.
pub type Check = fn(Bench) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// Every check with its name.
pub fn checks(pace: &Pace) -> Vec<(&'static str, Check)> {
    let topics = if pace.broadcasts { topics::CHECKS } else { &[] };
    [deliveries::CHECKS, queues::CHECKS, submissions::CHECKS, topics].concat()
}

/// Lists checks under their own names.
macro_rules! battery {
    ($($name:ident),* $(,)?) => {
        pub(super) const CHECKS: &[(&str, super::Check)] = &[$((stringify!($name), |broker| Box::pin($name(broker)))),*];
    };
}
use battery;

fn route(pool: &str, class: Class) -> Route {
    Route::Pool { pool: pool.to_owned(), class }
}

fn inbox(pool: &str) -> Inbox {
    Inbox::Pool { pool: pool.to_owned(), classes: Class::ALL.to_vec() }
}

/// Takes once without success, so that the queues exist.
async fn declare(broker: &Bench, inbox: &Inbox) {
    let nothing = tokio::time::timeout(broker.pace.declared, broker.take(inbox)).await;
    assert!(nothing.is_err(), "a fresh inbox gave {nothing:?}");
}

/// A broker where the queues of pool `p` exist.
async fn with_pool(broker: &Bench) -> (Route, Inbox) {
    declare(broker, &inbox("p")).await;
    (route("p", Class::Interactive), inbox("p"))
}

async fn publish(broker: &Bench, route: &Route, body: impl AsRef<[u8]>) {
    let begun = Instant::now();
    while let Err(error) = broker.publish(route, body.as_ref()).await {
        // a server may still be making the queue
        assert!(error.code() == "broker::unroutable" && begun.elapsed() < broker.pace.at_once, "{error}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn take(broker: &Bench, inbox: &Inbox) -> Delivery {
    let delivery = tokio::time::timeout(broker.pace.at_once, broker.take(inbox)).await;
    delivery.expect("a message is there").expect("the broker answers")
}

async fn settle(broker: &Bench, delivery: Delivery, verb: Settle) {
    broker.settle(delivery, verb).await.expect("the broker answers");
}

/// Asserts that nothing comes for a while.
async fn nothing_within(broker: &Bench, inbox: &Inbox, time: Duration) {
    let nothing = tokio::time::timeout(time, broker.take(inbox)).await;
    assert!(nothing.is_err(), "{nothing:?} came from {inbox:?}");
}
