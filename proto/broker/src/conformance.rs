//! One battery for every broker. A check panics, naming what it saw, when the contract is broken.
//!
//! Waits of minutes are part of it: run it on a runtime with paused time where the broker's time is
//! that of the runtime.

mod deliveries;
mod queues;
mod submissions;
mod topics;

use crate::{Broker, Delivery, Inbox, Route, Settle};
use std::{pin::Pin, sync::Arc, time::Duration};
use synthfleet_proto::class::Class;

/// One check over a broker that holds nothing.
pub type Check = fn(Arc<dyn Broker>) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// Every check with its name.
pub fn checks() -> Vec<(&'static str, Check)> {
    [deliveries::CHECKS, queues::CHECKS, submissions::CHECKS, topics::CHECKS].concat()
}

/// Lists checks under their own names.
macro_rules! battery {
    ($($name:ident),* $(,)?) => {
        pub(super) const CHECKS: &[(&str, super::Check)] = &[$((stringify!($name), |broker| Box::pin($name(broker)))),*];
    };
}
use battery;

/// Longest wait for a message that must come at once.
const AT_ONCE: Duration = Duration::from_millis(1_500);

fn route(pool: &str, class: Class) -> Route {
    Route::Pool { pool: pool.to_owned(), class }
}

fn inbox(pool: &str) -> Inbox {
    Inbox::Pool { pool: pool.to_owned(), classes: Class::ALL.to_vec() }
}

/// Takes once without success, so that the queues exist.
async fn declare(broker: &Arc<dyn Broker>, inbox: &Inbox) {
    let nothing = tokio::time::timeout(Duration::from_millis(10), broker.take(inbox)).await;
    assert!(nothing.is_err(), "a fresh inbox gave {nothing:?}");
}

/// A broker where the queues of pool `p` exist.
async fn with_pool(broker: &Arc<dyn Broker>) -> (Route, Inbox) {
    declare(broker, &inbox("p")).await;
    (route("p", Class::Interactive), inbox("p"))
}

async fn publish(broker: &Arc<dyn Broker>, route: &Route, body: impl AsRef<[u8]>) {
    broker.publish(route, body.as_ref()).await.expect("the queue exists and has room");
}

async fn take(broker: &Arc<dyn Broker>, inbox: &Inbox) -> Delivery {
    let delivery = tokio::time::timeout(AT_ONCE, broker.take(inbox)).await;
    delivery.expect("a message is there").expect("the broker answers")
}

async fn settle(broker: &Arc<dyn Broker>, delivery: Delivery, verb: Settle) {
    broker.settle(delivery, verb).await.expect("the broker answers");
}

/// Asserts that nothing comes for a while.
async fn nothing_within(broker: &Arc<dyn Broker>, inbox: &Inbox, time: Duration) {
    let nothing = tokio::time::timeout(time, broker.take(inbox)).await;
    assert!(nothing.is_err(), "{nothing:?} came from {inbox:?}");
}
