//! What a broker has of the topology, looked at queue by queue: `synthfleet doctor broker`. Nothing is made, and no
//! message is touched.

use super::{
    declare::declare_queue,
    fault::{Meaning, fault, meaning, silent},
    live::{connect, open, within},
    options::{Options, place},
};
use crate::topology::{self, Queue};
use lapin::Connection;
use std::time::Duration;
use synthfleet_proto::Result;
use tokio::time::timeout;

/// What was found of one queue.
#[derive(Debug)]
pub struct Probed {
    /// Its name.
    pub what: String,
    /// What was found, or what is wrong: `broker::queue_missing`, `broker::mismatch`, `broker::denied`.
    pub found: Result<String>,
}

/// Connects once and looks at every durable queue of a fleet with the pools and tenants of the options.
///
/// # Errors
/// `broker::unavailable` when nobody answers, `broker::denied` when the user or the virtual host is refused.
pub async fn probe(options: &Options) -> Result<Vec<Probed>> {
    let place = place(&options.uri()?);
    let connection = connect(options, "probe").await?;
    let mut probed = Vec::new();
    for queue in topology::queues(&options.pools, &options.tenants) {
        let found = look(&connection, &queue, &place, options.times.answer).await;
        probed.push(Probed { what: queue.name, found });
    }
    // what does not answer to a goodbye is dropped
    let _ = timeout(options.times.close, connection.close(200, "goodbye".into())).await;
    Ok(probed)
}

/// A refusal closes the channel, hence one for each question.
async fn look(connection: &Connection, queue: &Queue, place: &str, time: Duration) -> Result<String> {
    let step = format!("find the queue {}", queue.name);
    let channel = open(connection, place, time).await?;
    let ready = within(time, place, &step, declare_queue(&channel, queue, true)).await?;
    // it is there: to declare it again compares its form and changes nothing
    let channel = open(connection, place, time).await?;
    match timeout(time, declare_queue(&channel, queue, false)).await {
        Ok(Ok(_)) => Ok(format!("{ready} ready, in our form")),
        Ok(Err(error)) if meaning(&error) == Meaning::Denied => Ok(format!("{ready} ready; this user may not compare its form")),
        Ok(Err(error)) => Err(fault(place, &step, error)),
        Err(_) => Err(silent(place, &step)),
    }
}
