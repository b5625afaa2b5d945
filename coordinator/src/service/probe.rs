//! One message a minute through each pool: an answer says that queue, worker and way back work, whatever the
//! queue's length says.

use super::{Options, Parts};
use std::time::Duration;
use synthfleet_broker::Route;
use synthfleet_proto::Result;
use synthfleet_proto::class::Class;
use synthfleet_proto::envelope::{Body, Envelope, PROBE_TENANT, ProbeHint};

/// Time between two probes of a pool.
const EVERY: Duration = Duration::from_secs(60);

/// Probes all pools again and again, while this replica is the one that does it.
pub async fn watch(options: Options, parts: Parts) {
    loop {
        let fleet = parts.roster.now();
        if fleet.is_owner(&options.id, PROBE_TENANT) {
            let answers = parts.roster.answers();
            for (name, pool) in &fleet.pools {
                if pool.scale_to_zero {
                    // nobody there is no fault, and a message more would be a worker more
                    parts.roster.note_answer(name, parts.clock.now_ms());
                    continue;
                }
                if pool.workers == 0 {
                    continue;
                }
                if !answers.contains_key(name) {
                    // its time to answer begins
                    parts.roster.note_answer(name, parts.clock.now_ms());
                }
                if let Err(error) = send(&parts, name).await {
                    tracing::warn!(pool = name, code = error.code(), "a pool could not be probed");
                }
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn send(parts: &Parts, pool: &str) -> Result<()> {
    let body = Body::Probe(ProbeHint { pool: pool.to_owned(), sent_at: parts.clock.now_ms() as i64 });
    let envelope = Envelope::new(parts.clock.as_ref(), parts.entropy.as_ref(), PROBE_TENANT, (None, None), body);
    let route = Route::Pool { pool: pool.to_owned(), class: Class::Interactive };
    parts.broker.publish(&route, &envelope.encode()?).await
}
