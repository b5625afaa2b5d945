//! From made files to the outcome: verify, upload below the attempt, create the fact. First come, first kept.

use crate::TaskFolder;
use crate::attempt::{Attempt, Ran, Stop};
use crate::context::{Context, blocking};
use crate::metrics;
use crate::perform::{FINDINGS, HOLDOUT, METADATA, MODEL, PREPARED, PRIVACY, SAMPLE, SCORES, SUMMARY, TRAIN};
use std::time::Duration;
use synthfleet_intake::parquet;
use synthfleet_proto::fact::{self, Group, OutcomeFact, OutcomeStatus, Output, ProfileSummary};
use synthfleet_proto::privacy::Privacy;
use synthfleet_proto::score::{Finding, Score, Scored};
use synthfleet_proto::task::{PREPARE, TaskKind};
use synthfleet_proto::{Error, ErrorKind, Result};
use synthfleet_store::{Created, create_fact, upload_file};

/// Most findings of one outcome.
const FINDINGS_MAX: usize = 64;

/// What a member tells whose fit ended with its time: another run gets further.
const CUT: &str = "stopped_by_deadline";
/// What a sample tells that has fewer rows than were asked for.
const UNMET: &str = "condition_unmet";
/// First pause before a commit is tried again; doubled each time.
const DELAY_FIRST: Duration = Duration::from_millis(200);
/// Longest pause.
const DELAY_MAX: Duration = Duration::from_secs(15);

/// What was found in `out/`.
#[derive(Debug, Default)]
struct Made {
    files: Vec<(String, Option<u64>)>,
    scores: Vec<Score>,
    findings: Vec<Finding>,
    privacy: Option<Box<Privacy>>,
    profile: Option<ProfileSummary>,
}

/// Verifies and uploads what an attempt made, then creates the outcome. Gives the status and SHA-256 of the
/// outcome that holds: our own, or an earlier one. While the store is away what was made stays here, and the
/// commit is tried again until somebody says stop.
pub async fn commit(context: &Context, attempt: &Attempt, folder: &TaskFolder, ran: &Ran, stop: &Stop) -> Result<(OutcomeStatus, String)> {
    let (group, open) = (attempt.group.clone(), folder.clone());
    let rows = group.rows_of(&attempt.task);
    let made = blocking(move || verify(&group, rows.end - rows.start, &open)).await?;
    let keys = attempt.keys.attempt(attempt.task.as_str(), attempt.number, &attempt.nonce)?;
    let mut fact = outcome(attempt, context, ran, OutcomeStatus::Ok);
    for (name, rows) in made.files {
        let key = keys.output(&name)?;
        let path = folder.made(&name);
        let stored = persist(stop, || upload_file(context.store(), &key, &path)).await?;
        context.note_verified(&stored.sha256);
        let content_type = content_type(&name).to_owned();
        fact.outputs.push(Output { role: name, key: key.to_string(), bytes: stored.length, sha256: stored.sha256, content_type, rows });
    }
    fact.scores = made.scores;
    fact.profile = made.profile;
    fact.limited = made.findings.iter().any(|finding| finding.code == CUT);
    fact.findings = made.findings;
    fact.privacy = made.privacy;
    if attempt.is_mixed {
        let text = "the worker had another version of the member than the plan was made for".to_owned();
        fact.findings.insert(0, Finding { code: "version_mixed".to_owned(), column: None, number: None, text });
    }
    fact.findings.truncate(FINDINGS_MAX);
    let key = attempt.keys.outcome(attempt.task.as_str())?;
    let nonce = context.nonce();
    let (created, sha256) = persist(stop, || create_fact(context.store(), &key, &fact, nonce)).await?;
    note(context, attempt, &fact, created);
    if created == Created::New {
        return Ok((OutcomeStatus::Ok, sha256));
    }
    let earlier = context.fact::<OutcomeFact>(&key).await?;
    earlier.map(|earlier| (earlier.fact.status, earlier.sha256)).ok_or_else(|| Error::conflict("store::race", "an outcome came and went"))
}

/// Says and counts how a task ended here.
pub fn note(context: &Context, attempt: &Attempt, fact: &OutcomeFact, created: Created) {
    if created == Created::Exists {
        tracing::info!("another attempt was first");
        metrics::duplicate(&context.book, attempt.group.kind);
        return;
    }
    // a message may hold what stands in a cell: the code says enough
    let code = fact.error.as_ref().map(|error| error.code.as_str());
    let seconds = (fact.ended_at - fact.started_at) as f64 / 1e3;
    tracing::info!(outcome = fact.status.name(), code, seconds, cpu_seconds = fact.cpu_seconds, "task ended");
    metrics::outcome(&context.book, &attempt.group, fact, context.now());
}

/// Tries while the store is away: a finished task is not thrown away for a gap.
async fn persist<T, F: Future<Output = Result<T>>>(stop: &Stop, mut work: impl FnMut() -> F) -> Result<T> {
    let mut delay = DELAY_FIRST;
    loop {
        let error = match work().await {
            Err(error) if error.kind() == ErrorKind::Unavailable => error,
            ended => return ended,
        };
        tracing::warn!(code = error.code(), "what a task made cannot be stored yet");
        tokio::select! {
            () = tokio::time::sleep(delay) => delay = (delay * 2).min(DELAY_MAX),
            () = stop.heard() => return Err(error),
        }
    }
}

/// An outcome of an attempt, without what it made.
pub fn outcome(attempt: &Attempt, context: &Context, ran: &Ran, status: OutcomeStatus) -> OutcomeFact {
    let Attempt { group, .. } = attempt;
    OutcomeFact {
        v: fact::VERSION,
        task: attempt.task.clone(),
        status,
        attempt: attempt.number,
        nonce: attempt.nonce.clone(),
        worker: context.options.name.clone(),
        member: group.name.clone(),
        started_at: ran.started_at,
        ended_at: ran.ended_at.max(ran.started_at),
        wait_seconds: attempt.wait_seconds,
        cpu_seconds: ran.usage.cpu_seconds,
        phase_seconds: ran.phase_seconds.clone(),
        memory_peak_bytes: ran.usage.memory_peak_bytes,
        outputs: Vec::new(),
        scores: Vec::new(),
        profile: None,
        error: None,
        phase: None,
        findings: Vec::new(),
        privacy: None,
        from_cache: false,
        limited: false,
    }
}

/// `asked`: rows that the task was to make.
fn verify(group: &Group, asked: u64, folder: &TaskFolder) -> Result<Made> {
    let names = folder.made_names()?;
    for needed in required(group) {
        if !names.iter().any(|name| name == needed) {
            return Err(bad(format!("the task made no {needed}")));
        }
    }
    if group.kind == TaskKind::Generate && !names.iter().any(|name| name.starts_with("synthetic.")) {
        return Err(bad("the task made no table"));
    }
    let mut made = Made::default();
    for name in names {
        match name.as_str() {
            FINDINGS => made.findings = read(folder, &name)?,
            PRIVACY => {
                made.privacy = Some(read(folder, &name)?);
                made.files.push((name, None));
            }
            SUMMARY => made.profile = Some(read(folder, &name)?),
            SCORES => {
                made.scores = read::<Scored>(folder, &name)?.scores;
                made.files.push((name, None));
            }
            SAMPLE => {
                let rows = parquet::rows(&folder.made(&name))?;
                if rows != asked {
                    return Err(bad(format!("the sample has {rows} rows, {asked} were asked for")));
                }
                made.files.push((name, Some(rows)));
            }
            TRAIN | HOLDOUT => {
                let rows = parquet::rows(&folder.made(&name))?;
                made.files.push((name, Some(rows)));
            }
            _ => {
                let rows = name.starts_with("synthetic.").then_some(asked);
                made.files.push((name, rows));
            }
        }
    }
    // where conditions were met by too few rows, nobody counted those of a text
    if made.findings.iter().any(|finding| finding.code == UNMET) {
        made.files.iter_mut().filter(|(name, _)| name.starts_with("synthetic.")).for_each(|(_, rows)| *rows = None);
    }
    Ok(made)
}

fn required(group: &Group) -> &'static [&'static str] {
    match group.kind {
        TaskKind::Profile => &[TRAIN, HOLDOUT, METADATA, SUMMARY],
        TaskKind::Synthesize => &[SAMPLE, MODEL],
        TaskKind::Benchmark if group.candidate.as_deref() == Some(PREPARE) => &[PREPARED],
        TaskKind::Benchmark => &[SCORES],
        TaskKind::Generate => &[],
    }
}

fn read<T: serde::de::DeserializeOwned>(folder: &TaskFolder, name: &str) -> Result<T> {
    let path = folder.made(name);
    let bytes = std::fs::read(&path).map_err(|e| Error::io(path.display(), e))?;
    serde_json::from_slice(&bytes).map_err(|e| bad(format!("cannot read {name}: {e}")))
}

fn bad(message: impl Into<String>) -> Error {
    Error::internal("task::bad_output", message)
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("json") => "application/json",
        Some("jsonl") => "application/jsonl",
        Some("parquet") => "application/vnd.apache.parquet",
        Some("csv") => "text/csv",
        Some("tsv") => "text/tab-separated-values",
        Some("gz") => "application/gzip",
        Some("zst") => "application/zstd",
        _ => "application/octet-stream",
    }
}
