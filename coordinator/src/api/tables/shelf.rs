//! What is kept of jobs and their tables between two requests: facts of a job that ended never change, and neither
//! does a description or the drift between two of them.

use super::super::doors::Doors;
use crate::afterwards::Afterwards;
use crate::drift::{Drift, drift};
use crate::heavy::heavy;
use crate::job::View;
use futures::{StreamExt, TryStreamExt, stream};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use synthfleet_proto::fact::{EditFact, FinalFact, OutcomeFact, Output, SelectionFact, SpecFact};
use synthfleet_proto::job::JobState;
use synthfleet_proto::key::{self, JobKeys, Key, Named};
use synthfleet_proto::profile::Profile;
use synthfleet_proto::task::TaskId;
use synthfleet_proto::verdict::Verdict;
use synthfleet_proto::{Error, Result};
use synthfleet_store::{Store, fetch, read_fact};

/// Jobs that are kept, of all tenants.
const JOBS_KEPT_MAX: usize = 8_192;
/// Drifts that are kept.
const DRIFTS_KEPT_MAX: usize = 512;
/// Jobs that are read at once.
const AT_ONCE: usize = 16;
/// The file that describes a table.
const PROFILE: &str = "profile.json";

/// What was read: a table by its content and its description.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    /// `tbl_` and 26 characters.
    pub id: String,
    /// Name.
    pub name: String,
    /// Rows.
    pub rows: u64,
    /// Columns.
    pub columns: u64,
    /// Bytes of the source.
    pub bytes: u64,
    /// SHA-256 of the source.
    pub sha256: String,
    /// Its description.
    file: Output,
}

/// A job as tables know it.
#[derive(Debug, Clone)]
pub struct Job {
    /// Id.
    pub id: String,
    /// Milliseconds since 1970.
    pub submitted_at: i64,
    /// Where it stands.
    pub state: JobState,
    /// How it was decided.
    pub outcome: Option<String>,
    /// The winning candidate.
    pub winner: Option<String>,
    /// Its score.
    pub score: Option<f64>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// One line for people.
    pub summary: Option<String>,
    /// The table; `None`: it was not read, or its description is no longer kept.
    pub read: Option<Arc<Read>>,
}

/// A tenant with two tables.
type Pair = (String, String, String);

/// What is kept.
#[derive(Default)]
pub struct Shelf {
    jobs: Mutex<BTreeMap<JobKeys, Job>>,
    drifts: Mutex<BTreeMap<Pair, Arc<Drift>>>,
}

impl Shelf {
    /// The newest jobs of a tenant, and whether there are no others.
    pub async fn jobs(&self, doors: &Doors, tenant: &str, most: u16) -> Result<(Vec<Job>, bool)> {
        let entries = doors.store().list(&key::jobs_of(tenant)?, None, most).await?;
        let whole = entries.len() < usize::from(most);
        let found = stream::iter(entries).map(|entry| self.job(doors, tenant, entry.key)).buffered(AT_ONCE);
        Ok((found.try_filter_map(async |job| Ok(job)).try_collect().await?, whole))
    }

    async fn job(&self, doors: &Doors, tenant: &str, entry: Key) -> Result<Option<Job>> {
        let Some(Named::Index { job, .. }) = entry.named() else { return Ok(None) };
        let keys = JobKeys::new(tenant, job)?;
        let afterwards = Afterwards::of(doors.store(), &keys).await?;
        if afterwards.deleted {
            return Ok(None);
        }
        let kept = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).get(&keys).cloned();
        let mut job = match kept {
            Some(job) => job,
            None => match self.fresh(doors, &keys).await? {
                Some(job) => job,
                None => return Ok(None),
            },
        };
        if let Some(key) = &afterwards.edit
            && let Some(edit) = read_fact::<EditFact>(doors.store(), key).await?
        {
            (job.labels, job.summary) = (edit.fact.labels, edit.fact.summary);
        }
        Ok(Some(job))
    }

    async fn fresh(&self, doors: &Doors, keys: &JobKeys) -> Result<Option<Job>> {
        let store = doors.store();
        let Some(spec) = read_fact::<SpecFact>(store, keys.spec()?.key()).await? else { return Ok(None) };
        let last = read_fact::<FinalFact>(store, keys.last()?.key()).await?.map(|kept| kept.fact);
        let state = match &last {
            Some(last) => last.state,
            None => doors.views.of(keys, View::state).await?.unwrap_or(JobState::Queued),
        };
        let read = read_fact::<OutcomeFact>(store, keys.outcome(TaskId::profile().as_str())?.key()).await?;
        let read = match read.and_then(|outcome| outcome.fact.output(PROFILE).cloned()) {
            Some(file) => described(store, file).await?.map(Arc::new),
            None => None,
        };
        let selection = read_fact::<SelectionFact>(store, keys.selection()?.key()).await?;
        let score = selection.and_then(|kept| serde_json::from_value::<Verdict>(kept.fact.verdict).ok()?.winning_row()?.score);
        let job = Job {
            id: keys.job().to_owned(),
            submitted_at: spec.fact.submitted_at,
            state,
            outcome: last.as_ref().and_then(|last| last.outcome.clone()),
            winner: last.as_ref().and_then(|last| last.winner.clone()),
            score,
            labels: spec.fact.request.labels,
            summary: spec.fact.request.summary,
            read,
        };
        if last.is_some() {
            keep(&self.jobs, JOBS_KEPT_MAX, keys.clone(), job.clone());
        }
        Ok(Some(job))
    }

    /// The drift from one table to another.
    pub async fn drift(&self, store: &dyn Store, tenant: &str, earlier: &Read, later: &Read) -> Result<Arc<Drift>> {
        let pair = (tenant.to_owned(), earlier.id.clone(), later.id.clone());
        let kept = self.drifts.lock().unwrap_or_else(PoisonError::into_inner).get(&pair).cloned();
        if let Some(found) = kept {
            return Ok(found);
        }
        let files = [&earlier.file, &later.file];
        let [one, other] = [bytes(store, files[0]).await?, bytes(store, files[1]).await?];
        // megabytes of JSON
        let work = move || Ok::<Drift, Error>(drift(&decode(&one)?, &decode(&other)?));
        let found = Arc::new(heavy(work).await??);
        keep(&self.drifts, DRIFTS_KEPT_MAX, pair, Arc::clone(&found));
        Ok(found)
    }
}

/// Keeps something; where there is no room all is forgotten, and read again when it is asked for.
fn keep<K: Ord, V>(kept: &Mutex<BTreeMap<K, V>>, most: usize, key: K, value: V) {
    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() >= most {
        kept.clear();
    }
    kept.insert(key, value);
}

/// The table that a description is of; `None`: it is no longer kept.
async fn described(store: &dyn Store, file: Output) -> Result<Option<Read>> {
    if store.head(&Key::parse(&file.key)?).await?.is_none() {
        return Ok(None);
    }
    let bytes = bytes(store, &file).await?;
    let table = heavy(move || decode(&bytes)).await??.table;
    let (rows, columns) = (table.rows, table.columns);
    Ok(Some(Read { id: table.id, name: table.name, rows, columns, bytes: table.bytes, sha256: table.sha256, file }))
}

async fn bytes(store: &dyn Store, file: &Output) -> Result<bytes::Bytes> {
    Ok(fetch(store, &Key::parse(&file.key)?, &file.sha256).await?.bytes)
}

fn decode(bytes: &[u8]) -> Result<Profile> {
    serde_json::from_slice(bytes).map_err(|error| Error::internal("publish::form", format!("cannot read {PROFILE}: {error}")))
}
