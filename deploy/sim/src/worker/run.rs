//! One attempt: inputs, time, signs of life, outputs, outcome.

use super::{Done, Place, Process};
use crate::members;
use bytes::Bytes;
use std::time::Duration;
use synthfleet_broker::{Delivery, Settle};
use synthfleet_proto::Result;
use synthfleet_proto::attempts::{After, Ended, Seen, StopCause, after, lease_interval};
use synthfleet_proto::envelope::ResultStatus;
use synthfleet_proto::fact::{self, Group, Lease, OutcomeFact, OutcomeStatus, Output};
use synthfleet_proto::outside::Clock;
use synthfleet_proto::task::{TaskId, TaskKind};
use synthfleet_store::{Created, Store, create_fact, upload_bytes};
use tokio::time::Instant;

/// An attempt that is less far gives way to a newer one.
const NEARLY_DONE: f64 = 0.5;

/// Counts an attempt when it is over, also when its slot dies.
struct Running<'a> {
    process: &'a Process,
    begun: Instant,
    is_useful: bool,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut tally = self.process.ground.tally();
        tally.running = tally.running.saturating_sub(1);
        tally.runs += 1;
        let time = self.begun.elapsed();
        if self.is_useful {
            tally.useful += time;
        } else {
            tally.wasted += time;
        }
    }
}

/// Files that a kind of task is given, of those that the needed tasks made.
fn wanted(kind: TaskKind) -> &'static [&'static str] {
    match kind {
        TaskKind::Profile => &[],
        TaskKind::Synthesize => &["train.parquet", "metadata.json"],
        TaskKind::Benchmark => &["train.parquet", "holdout.parquet", "metadata.json", "sample.parquet"],
        TaskKind::Generate => &["metadata.json", "sample.parquet", "model.bin"],
    }
}

/// Files that a kind of task makes.
fn made(kind: TaskKind) -> &'static [&'static str] {
    match kind {
        TaskKind::Profile => &["train.parquet", "holdout.parquet", "metadata.json", "metadata.sdv.json", "profile.json", "rows.jsonl"],
        TaskKind::Synthesize => &["sample.parquet", "rows.jsonl", "model.bin"],
        TaskKind::Benchmark => &["scores.json"],
        TaskKind::Generate => &["synthetic.csv", "synthetic.parquet", "rows.json"],
    }
}

/// What somebody reads of such a file; of others, only their name matters.
fn content(role: &str) -> Option<String> {
    match role {
        "metadata.sdv.json" => Some("{}".to_owned()),
        "profile.json" => Some(members::profile().to_string()),
        "rows.jsonl" => Some("{\"a\":1}\n".to_owned()),
        "scores.json" => Some("{\"scores\":[],\"details\":null}".to_owned()),
        "rows.json" => Some("{\"header\":[\"a\"],\"rows\":[[\"1\"]]}".to_owned()),
        _ => None,
    }
}

impl Process {
    /// Runs a claimed attempt to its end.
    pub(super) async fn run(&self, place: &Place<'_>, number: u16, nonce: String, delivery: &Delivery, seen: &[Seen]) -> Result<Done> {
        let Some(group) = place.planned.group_of(place.task) else { return Ok(Settle::Ack.into()) };
        let started_at = self.ground.now_ms();
        self.inputs(place, group).await?;
        self.ground.tally().running += 1;
        let mut running = Running { process: self, begun: Instant::now(), is_useful: false };
        let length = self.ground.work.of(self.ground.settings.task_law());
        if self.compute(place, number, length, delivery).await? {
            return self.give_way(place, number, seen).await;
        }
        // the slot's time ends here; what follows is the store's
        let computed = running.begun.elapsed();
        let outcome = self.outcome(place, group, (number, &nonce), (started_at, computed)).await?;
        let key = place.keys.outcome(place.task.as_str())?;
        let (created, sha256) = create_fact(&self.store, &key, &outcome, self.bits()).await?;
        running.is_useful = created == Created::New;
        self.say(place, ResultStatus::Ok, number, Some(sha256))
    }

    /// Reads what the needed tasks made, as far as this process has not got it.
    async fn inputs(&self, place: &Place<'_>, group: &Group) -> Result<()> {
        for need in &group.needs {
            let key = place.keys.outcome(need.as_str())?;
            let is_new = self.shelf().wants_outcome(key.as_str());
            if is_new {
                self.store.get(key.key(), None).await?;
            }
            for role in wanted(group.kind).iter().filter(|role| made(need.kind()).contains(role)) {
                let name = format!("{}/{need}/{role}", place.keys.job());
                let is_new = self.shelf().wants_input(&name);
                if is_new {
                    // the key of the input is in the outcome; one GET either way
                    self.store.get(key.key(), None).await?;
                }
            }
        }
        Ok(())
    }

    /// Computes for so long and gives signs of life; says whether a newer attempt makes it give way.
    async fn compute(&self, place: &Place<'_>, number: u16, length: Duration, delivery: &Delivery) -> Result<bool> {
        let begun = Instant::now();
        let end = begun + length;
        let (mut next, mut seq) = (begun + lease_interval(Duration::ZERO), 0);
        while next < end {
            tokio::time::sleep_until(next).await;
            let interval = lease_interval(begun.elapsed());
            (next, seq) = (Instant::now() + interval, seq + 1);
            let fraction = begun.elapsed().as_secs_f64() / length.as_secs_f64();
            let lease = Lease {
                v: fact::VERSION,
                seq,
                worker: self.name.clone(),
                interval_seconds: u32::try_from(interval.as_secs()).unwrap_or(u32::MAX),
                fraction,
                phase: "fit".to_owned(),
                draining: false,
                checkpoint: None,
            };
            self.store.put(&place.keys.lease(place.task.as_str(), number)?, fact::encode(&lease)?.into()).await?;
            self.ground.tally().beats += 1;
            self.broker.extend(delivery).await?;
            let newer = place.keys.claim(place.task.as_str(), number.saturating_add(1))?;
            let is_told = self.is_cancelled(place).await?;
            if is_told || self.store.head(newer.key()).await?.is_some() && fraction < NEARLY_DONE {
                return Ok(true);
            }
        }
        tokio::time::sleep_until(end).await;
        Ok(false)
    }

    async fn give_way(&self, place: &Place<'_>, number: u16, seen: &[Seen]) -> Result<Done> {
        let (follows, _) = after(&Ended::Stopped(StopCause::Superseded), seen, synthfleet_proto::attempts::Limits::FLEET, None);
        if let After::End(end) = follows {
            create_fact(&self.store, &place.keys.end(place.task.as_str(), number)?, &end, self.bits()).await?;
        }
        self.say(place, ResultStatus::Ended, number, None)
    }

    /// Uploads what the attempt made and tells of it.
    async fn outcome(
        &self,
        place: &Place<'_>,
        group: &Group,
        (attempt, nonce): (u16, &str),
        (started_at, computed): (u64, Duration),
    ) -> Result<OutcomeFact> {
        let folder = place.keys.attempt(place.task.as_str(), attempt, nonce)?;
        let mut outputs = Vec::new();
        for &role in made(group.kind) {
            let key = folder.output(role)?;
            let content = content(role).unwrap_or_else(|| format!("{}/{}/{role}", place.keys.job(), place.task));
            let stored = upload_bytes(&self.store, &key, Bytes::from(content)).await?;
            outputs.push(Output {
                role: role.to_owned(),
                key: key.to_string(),
                bytes: stored.length,
                sha256: stored.sha256,
                content_type: "application/octet-stream".to_owned(),
                rows: None,
            });
        }
        let benchmark = if group.kind == TaskKind::Benchmark { group.name.as_str() } else { "" };
        let blank = synthfleet_proto::Error::internal("task::ended_well", "nothing went wrong").to_wire();
        Ok(OutcomeFact {
            status: OutcomeStatus::Ok,
            attempt,
            nonce: nonce.to_owned(),
            worker: self.name.clone(),
            member: group.name.clone(),
            started_at: i64::try_from(started_at).unwrap_or(i64::MAX),
            ended_at: i64::try_from(self.ground.now_ms()).unwrap_or(i64::MAX),
            cpu_seconds: computed.as_secs_f64(),
            memory_peak_bytes: 1 << 30,
            outputs,
            scores: members::score(benchmark, 0.5 + self.ground.work.uniform() / 2.0),
            profile: (*place.task == TaskId::profile()).then(members::profile_summary),
            error: None,
            ..OutcomeFact::not_run(place.task.clone(), OutcomeStatus::Ok, blank)
        })
    }
}
