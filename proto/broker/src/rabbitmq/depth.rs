//! How full a queue is, by a question that changes nothing.

use super::{
    declare::declare_queue,
    fault::{Meaning, meaning},
    live::{Failure, Live},
};
use crate::topology::Queue;
use synthfleet_proto::Result;

/// Ready messages of a queue; one that does not exist has none.
pub(super) async fn ready(live: &Live, queue: &Queue) -> Result<u64> {
    let step = format!("ask for the depth of {}", queue.name);
    match live.ask(&step, async |channel| declare_queue(channel, queue, true).await).await {
        Ok(count) => Ok(u64::from(count)),
        Err(Failure::Theirs(error)) if meaning(&error) == Meaning::Missing => Ok(0),
        Err(failure) => Err(failure.into_error(&live.place, &step)),
    }
}

/// The same of the results: the session's test of itself.
pub(super) async fn result(live: &Live) -> Result<u64> {
    ready(live, &Queue::result()).await
}
