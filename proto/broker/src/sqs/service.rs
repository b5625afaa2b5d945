//! What is asked of a queue service: the few verbs of SQS that the broker and the intake of bucket events
//! need. [`super::Aws`] asks the real one; a simulated one proves what takes half a day.

use async_trait::async_trait;
use std::{collections::BTreeMap, time::Duration};
use synthfleet_proto::Result;

/// Longest time that a message stays with one holder, counted from its receipt, whatever is extended.
pub const HOLD_MAX: Duration = Duration::from_secs(12 * 3_600);
/// Longest delay of a new message.
pub const DELAY_MAX: Duration = Duration::from_secs(900);
/// Most messages of one receive.
pub const BATCH_MAX: usize = 10;
/// Most attributes of one message.
pub const ATTRIBUTES_MAX: usize = 10;

/// A message on its way in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Letter {
    /// Text; never empty.
    pub body: String,
    /// Text attributes, at most [`ATTRIBUTES_MAX`].
    pub attributes: BTreeMap<String, String>,
}

/// A message in the hands of its receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The message.
    pub letter: Letter,
    /// What its receiver names it by.
    pub receipt: String,
    /// How often it was received, this time included.
    pub receives: u32,
    /// When it was first received, in milliseconds since 1970, where the service tells it.
    pub first_received: Option<i64>,
    /// When it was sent, likewise.
    pub sent: Option<i64>,
    /// Who sent it, as the service knows them.
    pub sender: Option<String>,
}

/// How full a queue is, about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages that wait to be received.
    pub ready: u64,
    /// Messages that somebody holds or that are hidden for a while.
    pub hidden: u64,
}

/// A queue service. Queues are named by their address, which the service chooses.
///
/// # Errors
/// `Unavailable`: `broker::unroutable` when there is no such queue, `broker::over_limit` when too many
/// messages are in flight, `broker::denied` when the caller may not, else `broker::unavailable`.
/// A receipt that is no longer valid is no error: the message went back before.
#[async_trait]
pub trait Service: Send + Sync {
    /// The address of a queue, if there is one of that name.
    async fn find(&self, name: &str) -> Result<Option<String>>;

    /// Makes a queue; one that exists is as good.
    async fn create(&self, name: &str, visibility: Duration) -> Result<String>;

    /// Sends a message that nobody sees before a delay of whole seconds is over.
    async fn send(&self, queue: &str, letter: &Letter, delay: Duration) -> Result<()>;

    /// Receives at most `most` messages, hidden from others for `visibility`; waits for the first one.
    async fn receive(&self, queue: &str, most: usize, wait: Duration, visibility: Duration) -> Result<Vec<Received>>;

    /// Hides a held message for so long from now on; 0 gives it back.
    async fn hide(&self, queue: &str, receipt: &str, time: Duration) -> Result<()>;

    /// Forgets a held message.
    async fn delete(&self, queue: &str, receipt: &str) -> Result<()>;

    /// How full a queue is; `None`: there is no such queue.
    async fn counts(&self, queue: &str) -> Result<Option<Counts>>;
}
