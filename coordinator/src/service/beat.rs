//! Signs of life of a coordinator, and the newest word of everybody else. Who looks after a tenant follows from
//! them; correctness does not.

use super::{Options, Parts};
use bytes::Bytes;
use synthfleet_proto::fact;
use synthfleet_proto::fleet::{COORDINATOR_BEAT, CoordinatorDoc};
use synthfleet_proto::{Result, key};
use tokio::sync::watch;

/// Says again and again that this coordinator lives, and reads who else does. `renewed` counts the readings.
pub async fn beat(options: Options, parts: Parts, renewed: watch::Sender<u64>) {
    let started_at = parts.clock.now_ms() as i64;
    loop {
        if let Err(error) = once(&options, &parts, started_at).await {
            tracing::warn!(code = error.code(), "no sign of life could be given");
        }
        renewed.send_modify(|count| *count += 1);
        tokio::time::sleep(COORDINATOR_BEAT).await;
    }
}

async fn once(options: &Options, parts: &Parts, started_at: i64) -> Result<()> {
    let doc = CoordinatorDoc {
        v: fact::VERSION,
        id: options.id.clone(),
        host: options.host.clone(),
        started_at,
        version: options.version.clone(),
    };
    parts.store.put(&key::coordinator(&options.id)?, Bytes::from(fact::encode(&doc)?)).await?;
    parts.roster.renew(parts.store.as_ref()).await
}

/// Takes the sign of life back: others take over at once.
pub async fn leave(options: &Options, parts: &Parts) {
    let gone = async { parts.store.delete(key::coordinator(&options.id)?.key()).await };
    if let Err(error) = gone.await {
        tracing::warn!(code = error.code(), "the sign of life stays for a while");
    }
}
