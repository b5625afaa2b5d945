//! Signs of life of a long attempt. There is none before 15 s: the claim is the first.

use super::voice::Voice;
use super::{Attempt, Stop};
use crate::context::Context;
use crate::take;
use std::time::Duration;
use synthfleet_broker::Delivery;
use synthfleet_proto::Result;
use synthfleet_proto::attempts::{StopCause, lease_interval};
use synthfleet_proto::fact::{self, Checkpoint, Lease};
use tokio::time::Instant;

/// An attempt that is less far goes on only while it is alone.
const NEARLY_DONE: f64 = 0.5;

/// When the next sign is due, and what it tells.
pub struct Beat {
    pub next: Instant,
    pub checkpoint: Option<Checkpoint>,
    begun: Instant,
    seq: u64,
}

impl Beat {
    /// The attempt begins now.
    pub fn begin() -> Self {
        let begun = Instant::now();
        Self { next: begun + lease_interval(Duration::ZERO), checkpoint: None, begun, seq: 0 }
    }

    /// Does some work, and gives signs of life meanwhile.
    pub async fn during<T>(
        &mut self,
        context: &Context,
        attempt: &Attempt,
        delivery: &Delivery,
        stop: &Stop,
        work: impl Future<Output = T>,
    ) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep_until(self.next) => self.strike(context, attempt, delivery, &Voice::done(), stop).await,
            }
        }
    }

    /// One sign of life, and a look at what could stop the attempt.
    pub async fn strike(&mut self, context: &Context, attempt: &Attempt, delivery: &Delivery, voice: &Voice, stop: &Stop) {
        let interval = lease_interval(self.begun.elapsed());
        self.seq += 1;
        self.next = Instant::now() + interval;
        let lease = Lease {
            v: fact::VERSION,
            seq: self.seq,
            worker: context.options.name.clone(),
            interval_seconds: interval.as_secs() as u32,
            fraction: voice.fraction,
            phase: voice.phase.clone(),
            draining: context.stay.is_leaving(),
            checkpoint: self.checkpoint.clone(),
        };
        let put = async {
            let key = attempt.keys.lease(attempt.task.as_str(), attempt.number)?;
            context.store().put(&key, fact::encode(&lease)?.into()).await?;
            context.parts.broker.extend(delivery).await?;
            reason_to_stop(context, attempt, voice).await
        };
        match put.await {
            Ok(Some(cause)) => stop.say(cause),
            Ok(None) => {}
            // the attempt goes on: its claim and its outcome are what counts
            Err(error) => tracing::warn!(code = error.code(), "no sign of life could be given"),
        }
    }
}

/// A cancel, or a newer attempt while this one is far from its end: finishing is often nearest.
async fn reason_to_stop(context: &Context, attempt: &Attempt, voice: &Voice) -> Result<Option<StopCause>> {
    if take::is_cancelled(context, &attempt.keys, &attempt.task).await? {
        return Ok(Some(StopCause::Cancel));
    }
    let next = attempt.keys.claim(attempt.task.as_str(), attempt.number.saturating_add(1))?;
    let is_followed = context.store().head(next.key()).await?.is_some();
    Ok((is_followed && voice.fraction < NEARLY_DONE).then_some(StopCause::Superseded))
}
