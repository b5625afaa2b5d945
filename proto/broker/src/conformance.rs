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

/// Hands the name of every check that any broker passes to a macro that makes a test of each, so that a
/// listed test is one check over one broker.
#[macro_export]
macro_rules! every_check {
    ($tests:ident) => {
        $tests! {
            a_message_arrives_as_it_was_sent,
            a_fresh_message_is_not_called_redelivered,
            an_acked_message_is_gone,
            a_dropped_delivery_returns,
            a_requeued_message_returns_at_once,
            a_message_returns_as_often_as_it_is_requeued,
            a_parked_message_is_hidden_and_comes_back,
            a_longer_wait_comes_back_later,
            parked_messages_do_not_block_the_queue,
            a_buried_message_lies_in_the_dead_list,
            a_long_reason_is_cut,
            a_dead_message_can_be_acked,
            a_lost_taker_loses_nothing,
            an_extended_delivery_stays_with_its_holder,
            a_held_delivery_blocks_nobody,
            a_taker_waits_for_its_message,
            messages_come_in_order,
            returned_messages_come_before_later_ones,
            each_message_goes_to_one_taker,
            a_pool_without_takers_is_unroutable,
            results_and_submissions_need_no_taker,
            results_for_one_coordinator_reach_it_alone,
            pools_do_not_mix,
            interactive_comes_first,
            a_taker_of_one_class_sees_no_other,
            a_message_of_the_largest_size_passes,
            a_larger_message_is_refused,
            depth_counts_ready_and_held,
            depth_tells_the_age_of_the_oldest,
            depth_counts_takers,
            a_healthy_broker_says_so,
            nobody_need_listen,
            a_submission_keeps_its_properties,
            a_returned_submission_keeps_its_properties,
            a_reply_reaches_the_queue_that_was_named,
            a_reply_to_nobody_is_unroutable,
            a_buried_submission_tells_its_reason,
        }
    };
}

/// The same for checks of brokers that tell everybody something.
#[macro_export]
macro_rules! every_broadcast_check {
    ($tests:ident) => {
        $tests! {
            a_broadcast_reaches_every_listener,
            events_reach_every_listener,
            topics_do_not_mix,
            a_listener_hears_from_now_on,
            a_slow_listener_stops_nobody,
        }
    };
}

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
