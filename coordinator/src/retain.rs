//! What may go: data of finished jobs that nothing published names, whole jobs after a longer time, documents of
//! processes that are long gone. Pure decisions over listed entries, and one walk that performs them. Nothing of a
//! job without the fact `final` ever goes.

use futures::{StreamExt, TryStreamExt, stream};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use synthfleet_proto::Result;
use synthfleet_proto::envelope::PROBE_TENANT;
use synthfleet_proto::fact::PublishedFact;
use synthfleet_proto::key::{JobKeys, Key, Named, Prefix};
use synthfleet_store::{Entry, Store, read_fact};

/// One day.
const DAY: Duration = Duration::from_secs(86_400);

/// Time between two walks.
const EVERY: Duration = Duration::from_secs(6 * 3_600);

/// Objects of one job that are removed at once.
const AT_ONCE: usize = 16;

/// How long things are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Data and checkpoints of attempts after the end of their job.
    pub data: Duration,
    /// Whole jobs after their end; zero: for ever.
    pub jobs: Duration,
    /// Uploads that belong to no job.
    pub uploads: Duration,
    /// Documents of workers, pools and coordinators.
    pub documents: Duration,
    /// Buried messages.
    pub dead: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self { data: DAY * 7, jobs: DAY * 90, uploads: DAY, documents: DAY * 30, dead: DAY * 14 }
    }
}

/// How long things are kept: by everybody, and by tenants that have times of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Retention {
    /// For tenants that are not named, and for what belongs to none.
    pub rules: Rules,
    /// Times for data and for whole jobs, by tenant.
    pub tenants: BTreeMap<String, (Duration, Duration)>,
}

impl Retention {
    /// The rules for what belongs to a tenant.
    pub fn of(&self, tenant: &str) -> Rules {
        match self.tenants.get(tenant) {
            Some(&(data, jobs)) => Rules { data, jobs, ..self.rules },
            None => self.rules,
        }
    }
}

/// Hears of each object that went, or would go, with its bytes.
pub type Told<'a> = &'a mut (dyn FnMut(&Key, u64) + Send);

/// What a walk found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    /// Objects that went, or would go.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Jobs of which nothing is left.
    pub jobs: u64,
}

/// Which keys of one job go, in the order in which they go: data, published files, facts. `entries` are all of the
/// job; `published` names what stays while the job stays.
pub fn of_job(entries: &[Entry], published: Option<&PublishedFact>, rules: Rules) -> Vec<Key> {
    if let Some(tombstone) = entries.iter().find(|entry| is_tombstone(entry)) {
        // what is left beside it was to go at once
        let rest = in_order(entries.iter().filter(|entry| !is_tombstone(entry)));
        let is_over = !rules.jobs.is_zero() && tombstone.age >= rules.jobs;
        return if rest.is_empty() && is_over { vec![tombstone.key.clone()] } else { rest };
    }
    let last = entries.iter().find(|entry| matches!(entry.key.named(), Some(Named::Final)));
    let Some(age) = last.map(|last| last.age) else { return Vec::new() };
    if !rules.jobs.is_zero() && age >= rules.jobs {
        return in_order(entries.iter());
    }
    let named: BTreeSet<&str> = published.into_iter().flat_map(|published| &published.files).map(|file| file.key.as_str()).collect();
    if age >= rules.data {
        let is_data = |entry: &&Entry| matches!(entry.key.named(), Some(Named::Data { .. }));
        let gone = entries.iter().filter(is_data).filter(|entry| !named.contains(entry.key.as_str()));
        return gone.map(|entry| entry.key.clone()).collect();
    }
    Vec::new()
}

fn is_tombstone(entry: &Entry) -> bool {
    matches!(entry.key.named(), Some(Named::Deleted))
}

/// Keys of a whole job in the order in which they go: data, published files, facts. `final` is the very last: without
/// it the job would look unfinished.
fn in_order<'a>(entries: impl Iterator<Item = &'a Entry>) -> Vec<Key> {
    let mut keys: Vec<Key> = entries.map(|entry| entry.key.clone()).collect();
    let rank = |key: &Key| match key.named() {
        Some(Named::Data { .. }) => 0,
        Some(Named::Publication { .. }) => 1,
        Some(Named::Final) => 3,
        _ => 2,
    };
    keys.sort_by_key(rank);
    keys
}

/// Removes a job that ended, all but its tombstone, which stands already: whoever dies here leaves the rest to the
/// next walk.
pub(crate) async fn erase(store: &dyn Store, keys: &JobKeys, submitted_ms: u64) -> Result<()> {
    store.delete(keys.index(submitted_ms)?.key()).await?;
    let entries = crate::fleet::all(store, &keys.everything()?).await?;
    let doomed = in_order(entries.iter().filter(|entry| !is_tombstone(entry)));
    let is_last = |key: &Key| matches!(key.named(), Some(Named::Final));
    let (last, others): (Vec<Key>, Vec<Key>) = doomed.into_iter().partition(is_last);
    let deleted = stream::iter(others).map(|key| async move { store.delete(&key).await });
    deleted.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    for key in last {
        store.delete(&key).await?;
    }
    store.delete(keys.live()?.key()).await
}

/// Whether an object outside any job goes.
pub fn of_others(entry: &Entry, retention: &Retention) -> bool {
    let segments: Vec<&str> = entry.key.segments().collect();
    let rules = match segments.as_slice() {
        ["t", tenant, ..] => retention.of(tenant),
        _ => retention.rules,
    };
    match segments.as_slice() {
        ["fleet", "dead", ..] => entry.age >= rules.dead,
        ["fleet", "pools" | "workers" | "coordinators", ..] => entry.age >= rules.documents,
        // what an earlier result could be found by goes with the jobs
        ["t", _, "c", _] => !rules.jobs.is_zero() && entry.age >= rules.jobs,
        _ => false,
    }
}

/// Walks again and again, while this replica is the one that does it.
pub(crate) async fn watch(options: crate::Options, parts: crate::Parts) {
    let Some(retention) = options.retains else { return };
    loop {
        tokio::time::sleep(EVERY).await;
        if !parts.roster.now().is_owner(&options.id, PROBE_TENANT) {
            continue;
        }
        match sweep(parts.store.as_ref(), &retention, false, &mut |_, _| {}).await {
            Ok(swept) if swept.objects > 0 => {
                tracing::info!(objects = swept.objects, bytes = swept.bytes, jobs = swept.jobs, "old data went")
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(code = error.code(), "old data could not be looked for"),
        }
    }
}

/// Walks over everything and removes what may go; with `dry` only says what that would be. `told` hears of each
/// object, in the order in which they go.
///
/// # Errors
/// Those of the store. What went until then is gone; another walk goes on with the rest.
pub async fn sweep(store: &dyn Store, retention: &Retention, dry: bool, told: Told<'_>) -> Result<Swept> {
    let (swept, entries, files) = (Swept::default(), Vec::new(), Vec::new());
    let mut walk = Walk { store, retention, dry, told, swept, job: None, entries, upload: None, files };
    let mut after: Option<Key> = None;
    loop {
        let page = store.list(&Prefix::all(), after.as_ref(), 1_000).await?;
        let is_last = page.len() < 1_000;
        after = page.last().map(|entry| entry.key.clone());
        for entry in page {
            walk.meet(entry).await?;
        }
        if is_last {
            walk.close_job().await?;
            walk.close_upload().await?;
            return Ok(walk.swept);
        }
    }
}

struct Walk<'a> {
    store: &'a dyn Store,
    retention: &'a Retention,
    dry: bool,
    told: Told<'a>,
    swept: Swept,
    job: Option<(String, String)>,
    entries: Vec<Entry>,
    upload: Option<(String, String)>,
    files: Vec<Entry>,
}

impl Walk<'_> {
    /// Entries come in the order of their keys, so those of one job and of one upload come together.
    async fn meet(&mut self, entry: Entry) -> Result<()> {
        let of = |part: &str| {
            let segments: Vec<&str> = entry.key.segments().collect();
            match segments.as_slice() {
                ["t", tenant, kind, name, ..] if *kind == part => Some(((*tenant).to_owned(), (*name).to_owned())),
                _ => None,
            }
        };
        let (job, upload) = (of("j"), of("u"));
        if self.job != job {
            self.close_job().await?;
            self.job.clone_from(&job);
        }
        if self.upload != upload {
            self.close_upload().await?;
            self.upload.clone_from(&upload);
        }
        match (job, upload) {
            (Some(_), _) => self.entries.push(entry),
            (_, Some(_)) => self.files.push(entry),
            _ if of_others(&entry, self.retention) => self.remove(&entry.key, entry.length).await?,
            _ => {}
        }
        Ok(())
    }

    async fn close_job(&mut self) -> Result<()> {
        let entries = std::mem::take(&mut self.entries);
        let Some((tenant, job)) = self.job.take() else { return Ok(()) };
        let (keys, rules) = (JobKeys::new(&tenant, &job)?, self.retention.of(&tenant));
        let first = rules.data.min(if rules.jobs.is_zero() { Duration::MAX } else { rules.jobs });
        let is_old = |entry: &Entry| matches!(entry.key.named(), Some(Named::Final)) && entry.age >= first;
        let is_deleted = entries.iter().any(is_tombstone);
        if !is_deleted && !entries.iter().any(is_old) {
            return Ok(());
        }
        let published = read_fact::<PublishedFact>(self.store, keys.published()?.key()).await?;
        let gone = of_job(&entries, published.as_ref().map(|kept| &kept.fact), rules);
        for key in &gone {
            let length = entries.iter().find(|entry| entry.key == *key).map_or(0, |entry| entry.length);
            self.remove(key, length).await?;
        }
        if !gone.is_empty() && (is_deleted || gone.len() == entries.len()) {
            self.swept.jobs += 1;
            self.forget(&tenant, &job).await?;
        }
        Ok(())
    }

    /// The job's entry in the newest-first list goes after its facts.
    async fn forget(&mut self, tenant: &str, job: &str) -> Result<()> {
        for entry in crate::fleet::all(self.store, &synthfleet_proto::key::jobs_of(tenant)?).await? {
            if matches!(entry.key.named(), Some(Named::Index { job: of, .. }) if of == job) {
                self.remove(&entry.key, entry.length).await?;
            }
        }
        Ok(())
    }

    /// An upload goes when it is old: jobs that use it are finished within their deadline, and keep what they read.
    async fn close_upload(&mut self) -> Result<()> {
        let files = std::mem::take(&mut self.files);
        let Some((tenant, _)) = self.upload.take() else { return Ok(()) };
        let (is_complete, rules) = (files.iter().any(|entry| entry.key.last() == "done"), self.retention.of(&tenant));
        let keep = if is_complete { rules.data } else { rules.uploads };
        if files.iter().all(|entry| entry.age >= keep) {
            for entry in files {
                self.remove(&entry.key, entry.length).await?;
            }
        }
        Ok(())
    }

    async fn remove(&mut self, key: &Key, length: u64) -> Result<()> {
        self.swept.objects += 1;
        self.swept.bytes += length;
        if !self.dry {
            self.store.delete(key).await?;
        }
        (self.told)(key, length);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use synthfleet_proto::fact::PublishedFile;
    use synthfleet_store::{create_fact, upload_bytes};

    fn keys() -> JobKeys {
        JobKeys::new("t", "job_0").expect("legal")
    }

    fn entry(key: Key, days: u64) -> Entry {
        Entry { key, length: 10, sha256: None, age: DAY * days as u32 }
    }

    /// A finished job with two outputs, of which one is published under its own key.
    fn job(days: u64) -> (Vec<Entry>, PublishedFact) {
        let (keys, attempt) = (keys(), keys().attempt("profile", 1, "00000000").expect("legal"));
        let (kept, lost) = (attempt.output("a").expect("legal"), attempt.output("b").expect("legal"));
        let copied = keys.publication(&"ab".repeat(32), "c").expect("legal");
        let entries: Vec<Key> = vec![
            kept.clone().into(),
            lost.into(),
            keys.spec().expect("legal").into(),
            keys.last().expect("legal").into(),
            copied.clone().into(),
        ];
        let file = |key: String| PublishedFile { path: "x".into(), key, bytes: 1, sha256: String::new(), deterministic: true };
        let published = PublishedFact { v: 1, files: vec![file(kept.to_string()), file(copied.to_string())] };
        (entries.into_iter().map(|key| entry(key, days)).collect(), published)
    }

    #[test]
    fn data_goes_after_a_week_and_what_is_published_stays() {
        let (entries, published) = job(8);
        let gone = of_job(&entries, Some(&published), Rules::default());
        assert_eq!(gone.iter().map(|key| key.last()).collect::<Vec<_>>(), ["b"]);
        assert!(of_job(&job(6).0, Some(&published), Rules::default()).is_empty());
    }

    #[test]
    fn a_whole_job_goes_after_its_time_and_its_end_last() {
        let (entries, published) = job(91);
        let gone = of_job(&entries, Some(&published), Rules::default());
        assert_eq!((gone.len(), gone.last().map(Key::last)), (entries.len(), Some("final")));
        assert!(matches!(gone[0].named(), Some(Named::Data { .. })));
        assert_eq!(of_job(&entries, Some(&published), Rules { jobs: Duration::ZERO, ..Rules::default() }).len(), 1, "kept for ever");
    }

    #[test]
    fn nothing_of_an_unfinished_job_goes() {
        let (mut entries, _) = job(999);
        entries.retain(|entry| !matches!(entry.key.named(), Some(Named::Final)));
        assert!(of_job(&entries, None, Rules::default()).is_empty());
    }

    #[test]
    fn what_a_deletion_left_goes_at_once_and_its_tombstone_in_its_time() {
        let (mut entries, published) = job(1);
        entries.push(entry(keys().deleted().expect("legal").into(), 1));
        let gone = of_job(&entries, Some(&published), Rules::default());
        assert_eq!((gone.len(), gone.last().map(Key::last)), (entries.len() - 1, Some("final")));
        let tombstone = |days| of_job(&[entry(keys().deleted().expect("legal").into(), days)], None, Rules::default()).len();
        assert_eq!((tombstone(89), tombstone(91)), (0, 1));
    }

    #[test]
    fn a_tenant_may_have_times_of_its_own() {
        let own = Retention { tenants: BTreeMap::from([("a".to_owned(), (DAY, DAY * 2))]), ..Retention::default() };
        assert_eq!((own.of("a").data, own.of("a").jobs, own.of("a").dead), (DAY, DAY * 2, DAY * 14));
        assert_eq!(own.of("b"), Rules::default());
        let found = |tenant: &str| entry(Key::parse(&format!("t/{tenant}/c/ab")).expect("legal"), 3);
        assert!(of_others(&found("a"), &own) && !of_others(&found("b"), &own), "what results are found by goes with the jobs");
    }

    #[tokio::test]
    async fn a_dry_walk_tells_what_a_walk_removes_and_removes_nothing() {
        let store = crate::testing::memory();
        let attempt = keys().attempt("profile", 1, "00000000").expect("legal");
        for name in ["a", "b"] {
            upload_bytes(&store, &attempt.output(name).expect("legal"), "ten bytes.".into()).await.expect("room");
        }
        create_fact(&store, &keys().published().expect("legal"), &job(0).1, [1; 16]).await.expect("created");
        create_fact(&store, &keys().last().expect("legal"), &serde_json::json!({"v": 1}), [2; 16]).await.expect("created");
        let rules = Rules { data: Duration::ZERO, ..Rules::default() };
        let retention = Retention { rules, ..Retention::default() };
        let walk = async |dry| {
            let mut told = Vec::new();
            let swept = sweep(&store, &retention, dry, &mut |key, bytes| told.push((key.clone(), bytes))).await.expect("walked");
            assert_eq!((swept.objects, swept.bytes), (told.len() as u64, told.iter().map(|(_, bytes)| bytes).sum()));
            told
        };
        let would_go = walk(true).await;
        assert_eq!(would_go.iter().map(|(key, _)| key.last()).collect::<Vec<_>>(), ["b"]);
        assert_eq!((walk(false).await, walk(true).await), (would_go, Vec::new()));
    }

    #[test]
    fn documents_of_the_dead_go_in_their_time() {
        let worker: Key = synthfleet_proto::key::worker("w-1").expect("legal").into();
        let kept = Retention::default();
        assert!(of_others(&entry(worker.clone(), 31), &kept) && !of_others(&entry(worker, 1), &kept));
        let about: Key = synthfleet_proto::key::about("00").expect("legal").into();
        assert!(!of_others(&entry(about, 9_999), &kept), "descriptions outlive the workers");
    }

    proptest! {
        #[test]
        fn no_published_key_goes_while_its_job_stays(days in 0u64..90, data in 0u32..90) {
            let (entries, published) = job(days);
            let rules = Rules { data: DAY * data, ..Rules::default() };
            let gone = of_job(&entries, Some(&published), rules);
            prop_assert!(published.files.iter().all(|file| gone.iter().all(|key| key.as_str() != file.key)));
        }
    }
}
