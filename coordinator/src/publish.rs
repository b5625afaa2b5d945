//! From a judged job to its published files: copies by key, rendered reports, manifest last. Every file is
//! named by its content, so each step may be repeated.

use crate::heavy::heavy;
use crate::job::View;
use crate::results::{self, Details};
use crate::{Catalogue, command, judgement};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use synthfleet_proto::about::MemberDoc;
use synthfleet_proto::fact::{self, Candidate, OutcomeFact, OutcomeStatus, Output, PublishedFact, PublishedFile, SpecFact};
use synthfleet_proto::job::Release;
use synthfleet_proto::key::{JobKeys, Key};
use synthfleet_proto::profile::Profile;
use synthfleet_proto::results::Results;
use synthfleet_proto::score::Scored;
use synthfleet_proto::task::TaskId;
use synthfleet_proto::{Error, Result, Seed, id};
use synthfleet_report::bundle::{Bundle, SampleRows};
use synthfleet_store::{Store, fetch, upload_bytes};

/// The schema name of `manifest.json`.
const MANIFEST: &str = "synthfleet.manifest.v1";

/// Details of benchmarks that are read at once.
const READ_AT_ONCE: usize = 32;

/// What publishing needs besides the view.
pub struct Press<'a> {
    /// Data and facts.
    pub store: &'a Arc<dyn Store>,
    /// Members, for what they say of themselves.
    pub catalogue: &'a Catalogue,
    /// Version of the program.
    pub version: &'a str,
    /// Milliseconds since 1970.
    pub now: i64,
}

/// Publishes all files of a judged job and gives the fact that lists them.
pub async fn publish(press: &Press<'_>, keys: &JobKeys, view: &View) -> Result<PublishedFact> {
    let mut files = Files { press, keys, files: Vec::new() };
    let spec = &view.spec().ok_or_else(|| missing("spec"))?.fact;
    if spec.request.release == Release::DpOnly {
        return guaranteed(files, spec, view).await;
    }
    let profile_outcome = view.outcome(&TaskId::profile()).ok_or_else(|| missing("profile"))?;
    let profile: Profile = decode("profile.json", &read(press, &profile_outcome.fact, "profile.json").await?)?;
    let results = results::assemble(view, details(press, view).await?, press.version, profile.table.bytes, press.now)?;
    delivered(&mut files, view).await?;
    for (name, role) in
        [("metadata.json", "metadata.sdv.json"), ("metadata.sdgym2020.json", "metadata.sdgym2020.json"), ("profile.json", "profile.json")]
    {
        if let Some(output) = profile_outcome.fact.output(role) {
            files.copy(name, output, true).await?;
        }
    }
    files.write("verdict.json", fact::encode_pretty(&results.verdict)?, true).await?;
    candidates(&mut files, view, &results).await?;
    let rows = sample_rows(press, view).await?;
    for (path, bytes) in render(results, profile, rows, press.catalogue, view).await? {
        files.write(&path, bytes, false).await?;
    }
    let manifest = manifest(press, view, &files.files)?;
    files.write("manifest.json", fact::encode_pretty(&manifest)?, false).await?;
    Ok(PublishedFact { v: fact::VERSION, files: files.files })
}

/// What a privacy guarantee covers, and nothing else: samples, models and bills of private candidates, and the
/// delivered table if one of them won. No file holds a number that was computed on real rows; who won was.
async fn guaranteed(mut files: Files<'_>, spec: &SpecFact, view: &View) -> Result<PublishedFact> {
    let private: Vec<&Candidate> = spec.candidates.iter().filter(|candidate| candidate.private).collect();
    let winner = view.selection().and_then(|selection| selection.fact.winner.as_ref());
    if winner.is_some_and(|winner| private.iter().any(|candidate| candidate.name == winner.candidate)) {
        delivered(&mut files, view).await?;
    }
    for candidate in private {
        let folder = format!("candidates/{}", candidate.name);
        if let Some(fitted) = fitted(view, &candidate.name, 0..candidate.repeats) {
            models(&mut files, &folder, &fitted).await?;
        }
    }
    let mut manifest = manifest(files.press, view, &files.files)?;
    if let Some(fields) = manifest.as_object_mut() {
        // the hash of the input would tell whether a guessed table is the real one
        fields.remove("input_sha256");
        fields.insert("outside".to_owned(), "which candidate was delivered was chosen by scores on real rows".into());
    }
    files.write("manifest.json", fact::encode_pretty(&manifest)?, false).await?;
    Ok(PublishedFact { v: fact::VERSION, files: files.files })
}

/// The outcome of the first repeat that fitted well.
fn fitted(view: &View, candidate: &str, mut repeats: std::ops::Range<u32>) -> Option<Arc<OutcomeFact>> {
    repeats.find_map(|repeat| {
        let outcome = view.outcome(&TaskId::synthesize(candidate, repeat))?;
        (outcome.fact.status == OutcomeStatus::Ok).then(|| Arc::clone(&outcome.fact))
    })
}

/// Sample, model and, of a private candidate, its bill.
async fn models(files: &mut Files<'_>, folder: &str, fitted: &OutcomeFact) -> Result<()> {
    for role in ["sample.parquet", "model.bin", "privacy.json"] {
        if let Some(output) = fitted.output(role) {
            files.copy(&format!("{folder}/{role}"), output, true).await?;
        }
    }
    Ok(())
}

fn missing(what: &str) -> Error {
    Error::internal("publish::missing", format!("a judged job has no {what}"))
}

struct Files<'a> {
    press: &'a Press<'a>,
    keys: &'a JobKeys,
    files: Vec<PublishedFile>,
}

impl Files<'_> {
    /// Publishes an object that a task made.
    async fn copy(&mut self, path: &str, output: &Output, deterministic: bool) -> Result<()> {
        let target = self.keys.publication(&output.sha256, last(path))?;
        if self.press.store.head(target.key()).await?.is_none() {
            self.press.store.concat(&[Key::parse(&output.key)?], &target).await?;
        }
        self.note(path, target.to_string(), output.bytes, output.sha256.clone(), deterministic);
        Ok(())
    }

    /// Publishes objects that tasks made as one file, one after the other.
    async fn join(&mut self, path: &str, parts: &[&Output]) -> Result<()> {
        // named by what it is made of: its own SHA-256 is known only when it is there
        let hashes: Vec<&str> = parts.iter().map(|part| part.sha256.as_str()).collect();
        let target = self.keys.publication(&id::sha256_hex(hashes.join(" ").as_bytes()), last(path))?;
        let known = self.press.store.head(target.key()).await?.and_then(|entry| Some((entry.length, entry.sha256?)));
        let (length, sha256) = match known {
            Some(known) => known,
            None => {
                let keys = parts.iter().map(|part| Key::parse(&part.key)).collect::<Result<Vec<_>>>()?;
                let stored = self.press.store.concat(&keys, &target).await?;
                (stored.length, stored.sha256)
            }
        };
        self.note(path, target.to_string(), length, sha256, true);
        Ok(())
    }

    /// Publishes bytes.
    async fn write(&mut self, path: &str, bytes: Vec<u8>, deterministic: bool) -> Result<()> {
        let sha256 = id::sha256_hex(&bytes);
        let target = self.keys.publication(&sha256, last(path))?;
        let length = bytes.len() as u64;
        if self.press.store.head(target.key()).await?.is_none() {
            upload_bytes(self.press.store.as_ref(), &target, Bytes::from(bytes)).await?;
        }
        self.note(path, target.to_string(), length, sha256, deterministic);
        Ok(())
    }

    fn note(&mut self, path: &str, key: String, bytes: u64, sha256: String, deterministic: bool) {
        self.files.push(PublishedFile { path: path.to_owned(), key, bytes, sha256, deterministic });
    }
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

async fn read(press: &Press<'_>, outcome: &OutcomeFact, role: &str) -> Result<Bytes> {
    let output = outcome.output(role).ok_or_else(|| missing(role))?;
    Ok(fetch(press.store.as_ref(), &Key::parse(&output.key)?, &output.sha256).await?.bytes)
}

fn decode<T: serde::de::DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|e| Error::internal("publish::form", format!("cannot read {what}: {e}")))
}

/// Details of every benchmark that ended well.
async fn details(press: &Press<'_>, view: &View) -> Result<Details> {
    let is_scored = |fact: &OutcomeFact| fact.status == OutcomeStatus::Ok && fact.output("scores.json").is_some();
    let scored = view.outcomes().filter(|(_, outcome)| is_scored(&outcome.fact));
    let scored: Vec<(TaskId, Arc<OutcomeFact>)> = scored.map(|(task, outcome)| (task.clone(), Arc::clone(&outcome.fact))).collect();
    let reading = scored.into_iter().map(|(task, fact)| async move {
        let scored: Scored = decode("scores.json", &read(press, &fact, "scores.json").await?)?;
        Ok((task, scored.details))
    });
    futures::stream::iter(reading).buffer_unordered(READ_AT_ONCE).try_collect().await
}

/// The delivered table, in every form; absent without a winner. Parts of delimited text are joined to one file; parts
/// of Parquet stay files of their own, listed in order beside them.
async fn delivered(files: &mut Files<'_>, view: &View) -> Result<()> {
    let Some(plan) = view.plan(2) else { return Ok(()) };
    let tasks: Vec<TaskId> = plan.fact.groups.iter().flat_map(|group| group.tasks()).collect();
    let outcomes: Vec<_> = tasks.iter().filter_map(|task| view.outcome(task)).collect();
    if let [only] = &outcomes[..] {
        for output in only.fact.outputs.iter().filter(|output| output.role.starts_with(DELIVERED)) {
            files.copy(&output.role, output, true).await?;
        }
        return Ok(());
    }
    let Some(first) = outcomes.first() else { return Ok(()) };
    for role in first.fact.outputs.iter().map(|output| output.role.as_str()).filter(|role| role.starts_with(DELIVERED)) {
        let parts = outcomes.iter().map(|outcome| outcome.fact.output(role).ok_or_else(|| missing(role)));
        let parts = parts.collect::<Result<Vec<&Output>>>()?;
        if outcomes.len() < tasks.len() {
            return Err(missing(role));
        }
        match role.strip_prefix(DELIVERED) {
            Some("parquet") => side_by_side(files, &parts).await?,
            _ => files.join(role, &parts).await?,
        }
    }
    Ok(())
}

/// How the names of delivered tables begin.
const DELIVERED: &str = "synthetic.";

/// Parts as files of their own, and the list of them.
async fn side_by_side(files: &mut Files<'_>, parts: &[&Output]) -> Result<()> {
    let mut listed = Vec::with_capacity(parts.len());
    for (place, part) in parts.iter().enumerate() {
        let path = format!("synthetic/part-{place:07}.parquet");
        files.copy(&path, part, true).await?;
        listed.push(json!({ "path": path, "rows": part.rows, "bytes": part.bytes, "sha256": part.sha256 }));
    }
    let rows: u64 = parts.iter().filter_map(|part| part.rows).sum();
    let list = json!({ "schema": "synthfleet.parts.v1", "rows": rows, "parts": listed });
    files.write("synthetic/parts.json", fact::encode_pretty(&list)?, true).await
}

/// The first delivered rows as text, made by the task that wrote the table.
async fn sample_rows(press: &Press<'_>, view: &View) -> Result<SampleRows> {
    let Some(plan) = view.plan(2) else { return Ok(SampleRows::default()) };
    for task in plan.fact.groups.iter().flat_map(|group| group.tasks()) {
        if let Some(outcome) = view.outcome(&task).filter(|outcome| outcome.fact.output("rows.json").is_some()) {
            #[derive(serde::Deserialize)]
            struct Rows {
                header: Vec<String>,
                rows: Vec<Vec<String>>,
            }
            let Rows { header, rows } = decode("rows.json", &read(press, &outcome.fact, "rows.json").await?)?;
            return Ok(SampleRows { header, rows });
        }
    }
    Ok(SampleRows::default())
}

/// `candidates/<name>/`: scores of all repeats; sample and model of the lowest repeat that has them, unless its
/// samples hold real rows.
async fn candidates(files: &mut Files<'_>, view: &View, results: &Results) -> Result<()> {
    for candidate in &results.candidates {
        let folder = format!("candidates/{}", candidate.name);
        let fitted = fitted(view, &candidate.name, 0..candidate.repeats.len() as u32);
        if let Some(fitted) = fitted.filter(|_| !candidate.real_rows) {
            models(files, &folder, &fitted).await?;
        }
        let repeats: Vec<Value> = candidate
            .repeats
            .iter()
            .map(|repeat| json!({ "repeat": repeat.repeat, "seed": repeat.seed, "rows": repeat.rows, "scores": repeat.scores }))
            .collect();
        let scores = json!({
            "schema": "synthfleet.scores.v1", "candidate": candidate.name, "synthesizer": candidate.synthesizer,
            "options": candidate.options, "repeats": repeats,
        });
        files.write(&format!("{folder}/scores.json"), fact::encode_pretty(&scores)?, true).await?;
    }
    Ok(())
}

/// Report, card and results, rendered off the async threads.
async fn render(
    results: Results,
    profile: Profile,
    sample: SampleRows,
    catalogue: &Catalogue,
    view: &View,
) -> Result<Vec<(String, Vec<u8>)>> {
    let members: Vec<MemberDoc> = catalogue.synthesizers().iter().chain(catalogue.benchmarks()).cloned().collect();
    let command = view.spec().map(|spec| command::of(&spec.fact.request)).transpose()?.unwrap_or_default();
    let work = move || {
        let bundle = Bundle { results: &results, profile: &profile, members: &members, sample: &sample, command: &command };
        let mut files: Vec<_> = synthfleet_report::render(&bundle).into_iter().map(|file| (file.path, file.bytes)).collect();
        files.push(("results.csv".to_owned(), synthfleet_report::results::csv(&results)));
        files.push(("results.json".to_owned(), synthfleet_report::results::json(&results)?));
        Ok(files)
    };
    heavy(work).await?
}

fn manifest(press: &Press<'_>, view: &View, files: &[PublishedFile]) -> Result<Value> {
    let spec = &view.spec().ok_or_else(|| missing("spec"))?.fact;
    let listed: Vec<Value> = files
        .iter()
        .map(|file| json!({ "path": file.path, "bytes": file.bytes, "sha256": file.sha256, "deterministic": file.deterministic }))
        .collect();
    let members: BTreeMap<&str, &str> = press
        .catalogue
        .synthesizers()
        .iter()
        .chain(press.catalogue.benchmarks())
        .map(|member| (member.name.as_str(), member.version.as_str()))
        .collect();
    let mut request = spec.request.clone();
    request.callback_url = None; // may hold a secret
    let seconds = (press.now - spec.submitted_at).max(0) as f64 / 1e3;
    Ok(json!({
        "schema": MANIFEST,
        "files": listed,
        "version": press.version,
        "members": members,
        "job": spec.job,
        "request": request,
        "seed": spec.request.seed.to_string(),
        "shared_seed": Seed::shared(spec.request.seed).task_seed().to_string(),
        "submitted_at": spec.submitted_at,
        "seconds": seconds,
        "input_sha256": spec.source_sha256,
        "partial": view.outcomes().any(|(_, outcome)| judgement::is_cut_off(&outcome.fact)),
        "command": command::of(&spec.request)?,
    }))
}
