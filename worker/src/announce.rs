//! What a worker says of itself: which members it has, what its pool takes, that it lives. Coordinators route by
//! it; nothing depends on it that a later message or look would not mend.

use crate::context::Context;
use bytes::Bytes;
use std::sync::Arc;
use synthfleet_proto::about::MemberDoc;
use synthfleet_proto::envelope::MemberNote;
use synthfleet_proto::fleet::{AboutDoc, POOL_BEAT, POOL_SILENT_MAX, PoolDoc, WORKER_BEAT, WorkerDoc};
use synthfleet_proto::key::{self, MarkerKey};
use synthfleet_proto::pool::{Selector, Take};
use synthfleet_proto::task::TaskKind;
use synthfleet_proto::{Error, Result, fact, id};
use synthfleet_store::{create_fact, read_fact};

/// Refuses selectors that name a member which this program does not have.
pub fn check_take(take: &Take, members: &[MemberDoc]) -> Result<()> {
    for selector in take.selectors() {
        let Selector::Member(kind, name) = selector else { continue };
        let of_kind = || members.iter().filter(|member| member.task == kind.name()).map(|member| member.name.as_str());
        if of_kind().any(|known| known == name) {
            continue;
        }
        let error = Error::invalid("worker::no_member", format!("this program has no {}:{name}", kind.name()));
        return Err(match id::nearest(name, of_kind()) {
            Some(near) => error.help(format!("did you mean {}:{near}?", kind.name())),
            None => error.help(format!("known: {}", of_kind().collect::<Vec<_>>().join(", "))),
        });
    }
    Ok(())
}

/// The members among what a worker takes.
fn taken(take: &Take, members: Vec<MemberDoc>) -> Vec<MemberDoc> {
    let kind = |member: &MemberDoc| if member.task == TaskKind::Benchmark.name() { TaskKind::Benchmark } else { TaskKind::Synthesize };
    members.into_iter().filter(|member| take.width(kind(member), &member.name).is_some()).collect()
}

/// A worker's word on itself and its pool.
pub struct Card {
    worker: WorkerDoc,
    pool: PoolDoc,
}

impl Card {
    /// Stores what the members say of themselves, and makes sure that the pool's name stands for the same
    /// selectors everywhere. Before it returns, no task is taken.
    pub async fn introduce(context: &Context, members: Vec<MemberDoc>) -> Result<Self> {
        let options = &context.options;
        check_take(&options.take, &members)?;
        let mut notes = Vec::new();
        for member in taken(&options.take, members) {
            let (kind, name, version) = (member.task.clone(), member.name.clone(), member.version.clone());
            let (about, about_sha256) = AboutDoc::of(member)?;
            create_fact(context.store(), &key::about(&about_sha256)?, &about, context.nonce()).await?;
            notes.push(MemberNote { kind, name, version, about_sha256 });
        }
        let pool = PoolDoc {
            v: fact::VERSION,
            pool: options.pool.clone(),
            take: options.take.clone(),
            members: notes,
            slots: options.slots as u32,
            memory_bytes: options.memory_bytes,
            scale_to_zero: options.scale_to_zero,
        };
        let worker = WorkerDoc {
            v: fact::VERSION,
            id: options.name.clone(),
            host: options.host.clone(),
            pool: options.pool.clone(),
            take: options.take.clone(),
            slots: options.slots as u32,
            memory_bytes: options.memory_bytes,
            draining: false,
            started_at: context.now(),
            version: options.version.clone(),
        };
        let card = Self { worker, pool };
        let (own, bytes) = card.pool_document()?;
        card.check_pool(context, None).await?;
        context.store().put(&own, bytes).await?;
        // of two that came at once one stays
        if let Err(refused) = card.check_pool(context, Some(own.last())).await {
            context.store().delete(own.key()).await?;
            return Err(refused);
        }
        card.say(context).await?;
        Ok(card)
    }

    fn pool_document(&self) -> Result<(MarkerKey, Bytes)> {
        let bytes = fact::encode(&self.pool)?;
        Ok((key::pool(&self.pool.pool, &id::sha256_hex(&bytes))?, Bytes::from(bytes)))
    }

    /// Refuses a pool name that other workers use for other selectors; of those that came at once (`own` is there
    /// already) the one whose document sorts last gives way.
    async fn check_pool(&self, context: &Context, own: Option<&str>) -> Result<()> {
        let (pool, take) = (&self.pool.pool, &self.pool.take);
        for entry in context.store().list(&key::pool_documents(pool)?, None, 1_000).await? {
            if entry.age > POOL_SILENT_MAX || own.is_some_and(|own| own <= entry.key.last()) {
                continue;
            }
            let Some(other) = read_fact::<PoolDoc>(context.store(), &entry.key).await? else { continue };
            if other.fact.take != *take {
                let message = format!("the pool {pool} takes {} and this worker would take {take}", other.fact.take);
                return Err(Error::invalid("worker::pool_taken", message).help("give this worker another pool name with --pool"));
            }
        }
        Ok(())
    }

    async fn say(&self, context: &Context) -> Result<()> {
        context.store().put(&key::worker(&self.worker.id)?, fact::encode(&self.worker)?.into()).await
    }

    /// Says again and again that the worker lives and what its pool takes.
    pub async fn repeat(mut self, context: Arc<Context>) {
        let mut since_pool = POOL_BEAT;
        loop {
            self.worker.draining = context.stay.is_leaving();
            let said = async {
                self.say(&context).await?;
                if since_pool >= POOL_BEAT {
                    let (own, bytes) = self.pool_document()?;
                    context.store().put(&own, bytes).await?;
                }
                Ok::<(), Error>(())
            };
            match said.await {
                Ok(()) if since_pool >= POOL_BEAT => since_pool = WORKER_BEAT,
                Ok(()) => since_pool += WORKER_BEAT,
                Err(error) => tracing::warn!(code = error.code(), "no sign of life could be given"),
            }
            context.stay.leaving_or(WORKER_BEAT).await;
        }
    }
}

/// Takes the word back: the worker is gone.
pub async fn leave(context: &Context) {
    let gone = async { context.store().delete(key::worker(&context.options.name)?.key()).await };
    if let Err(error) = gone.await {
        tracing::warn!(code = error.code(), "the sign of life stays for a while");
    }
}
