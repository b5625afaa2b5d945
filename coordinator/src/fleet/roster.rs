//! The snapshot of who is there, renewed from the documents of the store. Nothing here is needed for a right
//! result: a snapshot that is old costs a detour or a wait.

use super::{Fleet, Pool, WorkerSeen};
use crate::Catalogue;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use synthfleet_proto::Result;
use synthfleet_proto::about::MemberDoc;
use synthfleet_proto::fact::PlanFact;
use synthfleet_proto::fleet::{AboutDoc, COORDINATOR_SILENT_MAX, POOL_SILENT_MAX, PoolDoc, WORKER_SILENT_MAX, WorkerDoc};
use synthfleet_proto::key::{self, Key, Prefix};
use synthfleet_proto::pool::POOL_NAME_MAX;
use synthfleet_proto::task::TaskKind;
use synthfleet_store::{Entry, Store, read_fact};

/// Most pools.
const POOLS_MAX: usize = 64;
/// Documents of workers that are read at once.
const READ_AT_ONCE: usize = 64;

/// Who is there. Clones of the `Arc` around it share the snapshot.
pub struct Roster {
    now: RwLock<Arc<Fleet>>,
    known: Mutex<Known>,
    fixed: bool,
}

/// Documents that never change, or whose changes do not matter here, read once.
#[derive(Default)]
struct Known {
    abouts: BTreeMap<String, Arc<MemberDoc>>,
    pools: BTreeMap<String, PoolDoc>,
    workers: BTreeMap<String, WorkerDoc>,
    /// When each pool last answered a probe.
    answers: BTreeMap<String, u64>,
}

impl Roster {
    /// One process: all members in one pool, for ever.
    pub fn fixed(catalogue: Catalogue, pool: &str, slots: usize) -> Self {
        Self { now: RwLock::new(Arc::new(Fleet::embedded(catalogue, pool, slots))), known: Mutex::default(), fixed: true }
    }

    /// A fleet; empty before the first [`Roster::renew`].
    pub fn watched() -> Self {
        Self { now: RwLock::default(), known: Mutex::default(), fixed: false }
    }

    /// Whether there is nothing to renew.
    pub fn is_fixed(&self) -> bool {
        self.fixed
    }

    /// The newest snapshot.
    pub fn now(&self) -> Arc<Fleet> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the documents of members, pools, workers and coordinators again.
    pub async fn renew(&self, store: &dyn Store) -> Result<()> {
        if self.fixed {
            return Ok(());
        }
        let abouts = self.abouts(store).await?;
        let workers = self.workers(store).await?;
        let pools = pools(&self.pool_docs(store).await?, &workers);
        let silent = |entry: &Entry| entry.age > COORDINATOR_SILENT_MAX;
        let beats = all(store, &key::coordinators()?).await?;
        let coordinators = beats.iter().filter(|entry| !silent(entry)).map(|entry| entry.key.last().to_owned()).collect();
        let noted = noted(&self.known().pools, &pools);
        let (catalogue, current) = catalogue(&abouts, &noted);
        let fleet = Fleet { catalogue, current, pools, workers, coordinators };
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fleet);
        Ok(())
    }

    /// A pool answered a probe, at an instant of this process's clock.
    pub fn note_answer(&self, pool: &str, now_ms: u64) {
        let mut known = self.known();
        // anyone may send an answer
        if self.now().pools.contains_key(pool) {
            known.answers.insert(pool.to_owned(), now_ms);
        }
    }

    /// When each pool last answered a probe, in milliseconds since 1970.
    pub fn answers(&self) -> BTreeMap<String, u64> {
        self.known().answers.clone()
    }

    /// The members as a plan was made for: every replica judges and reports by the same words.
    pub async fn catalogue_of(&self, store: &dyn Store, plan: Option<&PlanFact>) -> Result<Catalogue> {
        let now = self.now();
        let Some(plan) = plan.filter(|_| !self.fixed) else { return Ok(now.catalogue.clone()) };
        let mut planned: Vec<MemberDoc> = Vec::new();
        for sha256 in plan.members.iter().map(|member| &member.about_sha256).filter(|sha256| !sha256.is_empty()) {
            let known = self.known().abouts.get(sha256).cloned();
            let about = match known {
                Some(about) => Some(about),
                None => readable::<AboutDoc>(store, key::about(sha256)?.key()).await?.map(|about| Arc::new(about.member)),
            };
            planned.extend(about.map(|about| MemberDoc::clone(&about)));
        }
        let is_planned = |doc: &MemberDoc| planned.iter().any(|known| known.task == doc.task && known.name == doc.name);
        let others = now.catalogue.synthesizers().iter().chain(now.catalogue.benchmarks()).filter(|doc| !is_planned(doc)).cloned();
        let others: Vec<MemberDoc> = others.collect();
        Ok(Catalogue::of(others.into_iter().chain(planned)))
    }

    async fn abouts(&self, store: &dyn Store) -> Result<BTreeMap<String, Arc<MemberDoc>>> {
        for entry in all(store, &key::abouts()?).await? {
            let sha256 = entry.key.last().to_owned();
            if !self.known().abouts.contains_key(&sha256)
                && let Some(about) = readable::<AboutDoc>(store, &entry.key).await?
            {
                self.known().abouts.insert(sha256, Arc::new(about.member));
            }
        }
        Ok(self.known().abouts.clone())
    }

    /// Documents of pools that are fresh, or the newest of a pool that may have no worker.
    async fn pool_docs(&self, store: &dyn Store) -> Result<Vec<PoolDoc>> {
        let mut by_pool: BTreeMap<String, Vec<(Duration, PoolDoc)>> = BTreeMap::new();
        let entries = all(store, &key::pools()?).await?;
        self.known().pools.retain(|key, _| entries.iter().any(|entry| entry.key.as_str() == key));
        for entry in entries {
            let known = self.known().pools.get(entry.key.as_str()).cloned();
            let doc = match known {
                Some(doc) => doc,
                None => match readable::<PoolDoc>(store, &entry.key).await? {
                    Some(doc) if doc.pool.len() <= POOL_NAME_MAX => doc,
                    _ => continue,
                },
            };
            self.known().pools.insert(entry.key.to_string(), doc.clone());
            by_pool.entry(doc.pool.clone()).or_default().push((entry.age, doc));
        }
        if by_pool.len() > POOLS_MAX {
            tracing::warn!(pools = by_pool.len(), "more pools than {POOLS_MAX}: the last are not used");
        }
        let of_pool = |mut docs: Vec<(Duration, PoolDoc)>| {
            docs.sort_by_key(|(age, _)| *age);
            let newest = docs.first().cloned();
            docs.retain(|(age, _)| *age <= POOL_SILENT_MAX);
            if docs.is_empty() { newest.into_iter().filter(|(_, doc)| doc.scale_to_zero).collect() } else { docs }
        };
        Ok(by_pool.into_values().take(POOLS_MAX).flat_map(of_pool).map(|(_, doc)| doc).collect())
    }

    /// Workers that live. What a worker says once, it says for its whole life, but for its leaving.
    async fn workers(&self, store: &dyn Store) -> Result<Vec<WorkerSeen>> {
        let entries: Vec<Entry> = all(store, &key::workers()?).await?.into_iter().filter(|entry| entry.age <= WORKER_SILENT_MAX).collect();
        self.known().workers.retain(|key, _| entries.iter().any(|entry| entry.key.as_str() == key));
        let unread: Vec<&Key> = {
            let known = self.known();
            entries.iter().map(|entry| &entry.key).filter(|key| !known.workers.contains_key(key.as_str())).collect()
        };
        // a coordinator that starts meets a whole fleet
        for some in unread.chunks(READ_AT_ONCE) {
            let read = futures::future::join_all(some.iter().map(|key| readable::<WorkerDoc>(store, key))).await;
            for (key, doc) in some.iter().zip(read) {
                if let Some(doc) = doc? {
                    self.known().workers.insert(key.to_string(), doc);
                }
            }
        }
        let known = self.known();
        let seen = |entry: &Entry| Some(WorkerSeen { doc: known.workers.get(entry.key.as_str())?.clone(), silent: entry.age });
        Ok(entries.iter().filter_map(seen).collect())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All entries below a prefix.
pub(crate) async fn all(store: &dyn Store, prefix: &Prefix) -> Result<Vec<Entry>> {
    let mut entries: Vec<Entry> = Vec::new();
    loop {
        let page = store.list(prefix, entries.last().map(|entry| &entry.key), 1_000).await?;
        let is_full = page.len() == 1_000;
        entries.extend(page);
        if !is_full {
            return Ok(entries);
        }
    }
}

/// A document, if it is there and this program can read it: others are of other versions, or forged.
async fn readable<T: serde::de::DeserializeOwned>(store: &dyn Store, key: &Key) -> Result<Option<T>> {
    match read_fact::<T>(store, key).await {
        Ok(kept) => Ok(kept.map(|kept| kept.fact)),
        Err(error) if ["fact::corrupt", "fact::version"].contains(&error.code()) => {
            tracing::warn!(%key, code = error.code(), "a document of the fleet cannot be read");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Pools: of several documents only what all of them take.
fn pools(docs: &[PoolDoc], workers: &[WorkerSeen]) -> BTreeMap<String, Pool> {
    let mut pools: BTreeMap<String, Pool> = BTreeMap::new();
    for doc in docs {
        let kind = |name: &str| TaskKind::ALL.into_iter().find(|kind| kind.name() == name);
        let members: BTreeSet<(TaskKind, String)> =
            doc.members.iter().filter_map(|member| Some((kind(&member.kind)?, member.name.clone()))).collect();
        match pools.get_mut(&doc.pool) {
            Some(pool) => {
                if let Some(known) = &mut pool.members {
                    known.retain(|member| members.contains(member));
                }
                pool.memory_bytes = pool.memory_bytes.min(doc.memory_bytes);
                pool.scale_to_zero |= doc.scale_to_zero;
            }
            None => {
                let living: Vec<&WorkerSeen> = workers.iter().filter(|worker| worker.doc.pool == doc.pool).collect();
                let slots = living.iter().map(|worker| worker.doc.slots as usize).sum();
                let (workers, memory_bytes) = (living.len(), doc.memory_bytes);
                let (take, scale_to_zero) = (doc.take.clone(), doc.scale_to_zero);
                pools.insert(doc.pool.clone(), Pool { take, members: Some(members), slots, memory_bytes, workers, scale_to_zero });
            }
        }
    }
    pools
}

/// SHA-256 of the descriptions that pools in use announce.
fn noted(docs: &BTreeMap<String, PoolDoc>, pools: &BTreeMap<String, Pool>) -> BTreeSet<String> {
    let in_use = docs.values().filter(|doc| pools.contains_key(&doc.pool));
    in_use.flat_map(|doc| doc.members.iter().map(|member| member.about_sha256.clone())).collect()
}

type Current = BTreeMap<(String, String), String>;

/// Of each member one description: announced before not announced, then the highest version.
fn catalogue(abouts: &BTreeMap<String, Arc<MemberDoc>>, noted: &BTreeSet<String>) -> (Catalogue, Current) {
    let number = |version: &str| -> Vec<u32> { version.split('.').map(|part| part.parse().unwrap_or(0)).collect() };
    let mut best: BTreeMap<(String, String), (bool, Vec<u32>, &String)> = BTreeMap::new();
    for (sha256, doc) in abouts {
        let rank = (noted.contains(sha256), number(&doc.version), sha256);
        let entry = best.entry((doc.task.clone(), doc.name.clone())).or_insert_with(|| rank.clone());
        if rank > *entry {
            *entry = rank;
        }
    }
    let current: Current = best.into_iter().map(|(name, (_, _, sha256))| (name, sha256.clone())).collect();
    let docs = current.values().filter_map(|sha256| abouts.get(sha256)).map(|doc| MemberDoc::clone(doc));
    (Catalogue::of(docs), current)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::memory;
    use bytes::Bytes;
    use synthfleet_proto::about::About;
    use synthfleet_proto::envelope::MemberNote;
    use synthfleet_proto::fact;
    use synthfleet_proto::pool::Take;
    use synthfleet_store::{Memory, create_fact};

    async fn announce(store: &Memory, pool: &str, take: &str, members: &[(&str, &'static str)], workers: usize) {
        let take = Take::parse(take).expect("legal");
        let mut notes = Vec::new();
        for (name, version) in members {
            let about = About { name: name.to_string().leak(), version, ..About::LIGHT };
            let (doc, sha256) = AboutDoc::of(MemberDoc::of("synthesize", &about, serde_json::Value::Null)).expect("plain");
            create_fact(store, &key::about(&sha256).expect("legal"), &doc, [1; 16]).await.expect("created");
            notes.push(MemberNote { kind: "synthesize".into(), name: (*name).into(), version: (*version).into(), about_sha256: sha256 });
        }
        let doc =
            PoolDoc { v: 1, pool: pool.into(), take: take.clone(), members: notes, slots: 2, memory_bytes: 1 << 30, scale_to_zero: false };
        let bytes = fact::encode(&doc).expect("plain");
        let sha256 = synthfleet_proto::id::sha256_hex(&bytes);
        store.put(&key::pool(pool, &sha256).expect("legal"), Bytes::from(bytes)).await.expect("put");
        for number in 0..workers {
            let id = format!("{pool}-{number}");
            let doc = WorkerDoc {
                v: 1,
                id: id.clone(),
                host: String::new(),
                pool: pool.into(),
                take: take.clone(),
                slots: 2,
                memory_bytes: 1 << 30,
                draining: false,
                started_at: 0,
                version: "0".into(),
            };
            store.put(&key::worker(&id).expect("legal"), fact::encode(&doc).expect("plain").into()).await.expect("put");
        }
    }

    #[tokio::test]
    async fn pools_take_what_all_their_workers_have() {
        let store = memory();
        announce(&store, "all", "*", &[("clbn", "1.0"), ("seqtree", "1.0")], 2).await;
        announce(&store, "all", "*", &[("clbn", "1.0")], 0).await;
        let roster = Roster::watched();
        roster.renew(&store).await.expect("renewed");
        let fleet = roster.now();
        assert!(fleet.covers(TaskKind::Synthesize, "clbn", 1) && !fleet.covers(TaskKind::Synthesize, "seqtree", 1));
        assert_eq!((fleet.pools["all"].slots, fleet.pools["all"].workers, fleet.slots()), (4, 2, 4));
        assert!(fleet.catalogue.synthesizer("seqtree").is_ok(), "known though nobody takes it");
    }

    #[tokio::test]
    async fn the_catalogue_has_the_version_that_workers_announce_now() {
        let store = memory();
        announce(&store, "old", "synthesize:clbn", &[("clbn", "1.9")], 1).await;
        announce(&store, "new", "*", &[("clbn", "1.10")], 1).await;
        let roster = Roster::watched();
        roster.renew(&store).await.expect("renewed");
        assert_eq!(roster.now().catalogue.synthesizer("clbn").expect("known").version, "1.10");
    }

    #[tokio::test]
    async fn a_garbled_document_harms_nobody() {
        let store = memory();
        announce(&store, "all", "*", &[("clbn", "1.0")], 1).await;
        for key in [key::pool("all", "00").expect("legal"), key::worker("w").expect("legal"), key::coordinator("c").expect("legal")] {
            store.put(&key, Bytes::from_static(b"\xff{")).await.expect("put");
        }
        let roster = Roster::watched();
        roster.renew(&store).await.expect("renewed");
        assert_eq!((roster.now().workers.len(), roster.now().pools.len()), (1, 1));
    }
}
