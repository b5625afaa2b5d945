//! Removing the queues of a pool that is gone: `synthfleet queue prune`. Only what is empty goes, and only where nobody
//! takes. RabbitMQ cannot be asked to hold quorum queues to either (3.10 answers `not_implemented`), so it is looked at
//! just before; a hint that comes in between is lost with its queue, and sent again as any lost one is.

use super::{
    fault::{Meaning, fault, meaning, silent},
    live::{connect, open, within},
    options::{Options, place},
};
use crate::topology::Queue;
use lapin::Connection;
use lapin::options::{QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use synthfleet_proto::Result;
use synthfleet_proto::class::Class;
use tokio::time::timeout;

/// What became of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pruned {
    /// There is none.
    Absent,
    /// It stays: somebody needs it.
    Kept {
        /// Messages that wait.
        ready: u32,
        /// Takers that wait.
        consumers: u32,
    },
    /// It would go.
    Idle,
    /// It went.
    Removed,
}

/// Removes the queues of some pools, or only says which would go. The names of the pools are legal ones, and no worker
/// takes from them: one that holds a message and does not wait for another is not seen here.
///
/// # Errors
/// `broker::unavailable` when nobody answers, `broker::denied` when the user or the virtual host is refused. What is
/// wrong with one queue is told beside its name.
pub async fn prune(options: &Options, pools: &[String], dry: bool) -> Result<Vec<(String, Result<Pruned>)>> {
    let connection = connect(options, "prune").await?;
    let mut told = Vec::new();
    for queue in pools.iter().flat_map(|pool| Class::ALL.map(|class| Queue::pool(pool, class))) {
        let pruned = of(&connection, &queue.name, options, dry).await;
        told.push((queue.name, pruned));
    }
    // what does not answer to a goodbye is dropped
    let _ = timeout(options.times.close, connection.close(200, "goodbye".into())).await;
    Ok(told)
}

async fn of(connection: &Connection, name: &str, options: &Options, dry: bool) -> Result<Pruned> {
    let (place, time) = (place(&options.uri()?), options.times.answer);
    let step = format!("look at the queue {name}");
    // a refusal closes the channel, hence one for each queue
    let channel = open(connection, &place, time).await?;
    let look = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let seen = match timeout(time, channel.queue_declare(name.into(), look, FieldTable::default())).await {
        Err(_) => return Err(silent(&place, &step)),
        Ok(Err(error)) if meaning(&error) == Meaning::Missing => return Ok(Pruned::Absent),
        Ok(seen) => seen.map_err(|error| fault(&place, &step, error))?,
    };
    let (ready, consumers) = (seen.message_count(), seen.consumer_count());
    if ready > 0 || consumers > 0 {
        return Ok(Pruned::Kept { ready, consumers });
    }
    if dry {
        return Ok(Pruned::Idle);
    }
    let step = format!("delete the queue {name}");
    within(time, &place, &step, channel.queue_delete(name.into(), QueueDeleteOptions::default())).await?;
    Ok(Pruned::Removed)
}
