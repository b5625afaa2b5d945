//! The contract of a broker, and the shapes that cross it.

use crate::{Delivery, Properties};
use async_trait::async_trait;
use bytes::Bytes;
use std::time::Duration;
use synthfleet_proto::{Error, Result, class::Class};
use tokio::sync::broadcast;

/// Longest message in bytes.
pub const BODY_BYTES_MAX: usize = 64 << 10;

/// Refuses a message that is too long.
pub(crate) fn check_size(body: &[u8]) -> Result<()> {
    if body.len() <= BODY_BYTES_MAX {
        return Ok(());
    }
    Err(Error::invalid("broker::too_large", format!("message of {} bytes, at most {BODY_BYTES_MAX}", body.len())))
}

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Route {
    /// To the workers of a pool, in one of its two queues.
    Pool {
        /// Pool name.
        pool: String,
        /// Which queue.
        class: Class,
    },
    /// To the coordinators: something happened to a task.
    Result,
    /// To one coordinator, by its name: something happened to a task of its. Its queue is there as long as the
    /// coordinator takes from it over one connection; without it the message is `broker::unroutable` and goes to
    /// [`Route::Result`] instead.
    ResultOf(String),
    /// To the coordinators: a job is asked for.
    Submit,
}

/// Where messages are taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inbox {
    /// The queues of a pool; earlier classes first.
    Pool {
        /// Pool name.
        pool: String,
        /// Which queues, most urgent first.
        classes: Vec<Class>,
    },
    /// Results.
    Result,
    /// Results for one coordinator, by its name: its own queue, which the first take makes.
    ResultOf(String),
    /// Submissions.
    Submit,
    /// Buried messages, with their reason.
    Dead,
    /// Replies: the taker's own queue, which the first take makes. Its name is what a message carries in
    /// [`Properties::reply_to`].
    Reply(String),
}

/// How long a parked message stays hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// 5 seconds.
    Five,
    /// 30 seconds.
    Thirty,
    /// 120 seconds.
    TwoMinutes,
    /// 600 seconds.
    TenMinutes,
}

impl Wait {
    /// Every step, shortest first.
    pub const ALL: [Self; 4] = [Self::Five, Self::Thirty, Self::TwoMinutes, Self::TenMinutes];

    /// Its length.
    pub const fn duration(self) -> Duration {
        Duration::from_secs(match self {
            Self::Five => 5,
            Self::Thirty => 30,
            Self::TwoMinutes => 120,
            Self::TenMinutes => 600,
        })
    }

    /// The shortest step that lasts at least so long; beyond the longest: the longest.
    pub fn covering(duration: Duration) -> Self {
        Self::ALL.into_iter().find(|wait| wait.duration() >= duration).unwrap_or(Self::TenMinutes)
    }
}

/// What becomes of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settle {
    /// Done: forget it.
    Ack,
    /// Back at once.
    Requeue,
    /// Back later.
    Park(Wait),
    /// To the dead list, with a reason of at most 200 bytes.
    Bury(String),
}

/// What can be listened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// What coordinators tell everybody: cancel, drain, wake.
    Control,
    /// Progress, measures, notes.
    Events,
}

/// A running subscription. Late messages may be missed; it never blocks a sender.
#[derive(Debug)]
pub struct Listener {
    source: broadcast::Receiver<Bytes>,
    missed: u64,
}

impl Listener {
    /// A listener over a channel.
    pub fn new(source: broadcast::Receiver<Bytes>) -> Self {
        Self { source, missed: 0 }
    }

    /// The next message; `None` when the broker is gone.
    pub async fn next(&mut self) -> Option<Bytes> {
        loop {
            match self.source.recv().await {
                Ok(body) => return Some(body),
                Err(broadcast::error::RecvError::Lagged(count)) => self.missed += count,
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    /// Messages that came faster than they were read.
    pub fn missed(&self) -> u64 {
        self.missed
    }
}

/// How full an inbox is. What a broker cannot tell is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depth {
    /// Messages that wait to be taken.
    pub ready: u64,
    /// Messages that were taken and not settled.
    pub unacked: Option<u64>,
    /// Takers: waiting ones and holders of a delivery.
    pub consumers: Option<u64>,
    /// Age of the oldest ready message.
    pub oldest_age: Option<Duration>,
}

/// Whether the broker answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Whether messages pass now.
    pub ready: bool,
    /// Time since the last good round trip.
    pub last_good: Duration,
}

/// What the connections to a broker are and did, for measures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Line {
    /// Whether they are open.
    pub connected: bool,
    /// Whether the broker takes no messages for want of memory or disk.
    pub blocked: bool,
    /// Times that they were built again.
    pub reconnects: u64,
    /// Time of the last question and its answer, where the broker is asked.
    pub round_trip: Option<Duration>,
}

/// Carries hints, at least once, in order per queue for messages that never came back.
///
/// Every future may be dropped at any time without harm. Dropping an unsettled [`Delivery`] returns
/// it to its queue.
///
/// # Errors
/// `Unavailable` with the code `broker::unroutable` (nobody ever took from that queue),
/// `broker::rejected` (the queue is full) or `broker::unavailable`; `Invalid` with
/// `broker::too_large` beyond [`BODY_BYTES_MAX`].
#[async_trait]
pub trait Broker: Send + Sync {
    /// Sends one of our own messages. `Ok` says that the broker has it. What the broker shows of it beside
    /// the body comes from the envelope.
    async fn publish(&self, route: &Route, body: &[u8]) -> Result<()>;

    /// Sends a message that has properties of its own, for example a submission that wishes a reply.
    /// A real broker tells [`Properties::user`] and [`Properties::tenant`] itself; in one process, where
    /// everybody is trusted, they travel as given.
    async fn publish_with(&self, route: &Route, body: &[u8], properties: &Properties) -> Result<()>;

    /// Answers to the queue that a message named in [`Properties::reply_to`]. A queue that is gone is
    /// `broker::unroutable`: to be counted, not to be tried again.
    async fn reply(&self, to: &str, body: &[u8], properties: &Properties) -> Result<()>;

    /// Waits for one message.
    async fn take(&self, inbox: &Inbox) -> Result<Delivery>;

    /// Says what becomes of a delivery: once, hence by value. After a disconnect nothing happens, as
    /// the message has gone back already.
    async fn settle(&self, delivery: Delivery, verb: Settle) -> Result<()>;

    /// Says that a delivery is still worked on.
    async fn extend(&self, delivery: &Delivery) -> Result<()>;

    /// Tells everybody who listens to [`Topic::Control`].
    async fn broadcast(&self, body: &[u8]) -> Result<()>;

    /// Tells everybody who listens to [`Topic::Events`]; droppable, hence cannot fail.
    async fn emit(&self, event: &[u8]);

    /// Subscribes from now on.
    async fn listen(&self, topic: Topic) -> Result<Listener>;

    /// How full an inbox is.
    async fn depth(&self, inbox: &Inbox) -> Result<Depth>;

    /// Whether the broker answers.
    fn health(&self) -> Health;

    /// Whether coordinators can have queues of results of their own: [`Inbox::ResultOf`].
    fn has_own_queues(&self) -> bool {
        true
    }

    /// What its connections are and did. A broker that has none says whether it answers.
    fn line(&self) -> Line {
        Line { connected: self.health().ready, ..Line::default() }
    }
}
