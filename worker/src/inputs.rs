//! Fills a task folder: `task.json`, and what the needed tasks made, linked where the store is a folder.

mod larder;
mod source;

pub use larder::Larder;

use crate::TaskFolder;
use crate::attempt::{Attempt, RESUME, resume};
use crate::context::{Context, blocking};
use crate::perform::{HOLDOUT, METADATA, MODEL, NOISE, PREPARED, SAMPLE, TRAIN};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use synthfleet_proto::attempts::Seen;
use synthfleet_proto::fact::{Group, NoiseFact, OutcomeFact, Output};
use synthfleet_proto::key::Key;
use synthfleet_proto::task::{FLIP10, HOLDOUT as HOLDOUT_ROW, PREPARE, TaskFile, TaskId, TaskKind};
use synthfleet_proto::{Error, Result, Seed, id};

/// Files that a kind of task is given, of those that the needed tasks made.
const fn wanted(kind: TaskKind) -> &'static [&'static str] {
    match kind {
        TaskKind::Profile => &[],
        TaskKind::Synthesize => &[TRAIN, METADATA],
        TaskKind::Benchmark => &[TRAIN, HOLDOUT, METADATA, SAMPLE, PREPARED],
        TaskKind::Generate => &[METADATA, SAMPLE, MODEL],
    }
}

/// Makes the folder of an attempt with everything that belongs into it; `seen` are the attempts before it.
pub async fn fill(context: &Context, attempt: &Attempt, path: &Path, seen: &[Seen]) -> Result<TaskFolder> {
    let mut task = task_file(attempt, context.options.threads);
    let mut given: Vec<Output> = Vec::new();
    for need in &attempt.group.needs {
        let outcome = needed(context, attempt, need).await?;
        if let Some(profile) = &outcome.profile {
            task.target.clone_from(&profile.target);
            task.problem = profile.problem_type;
        }
        given.extend(outcome.outputs.iter().filter(|output| wanted(attempt.group.kind).contains(&output.role.as_str())).cloned());
    }
    let (place, file) = (path.to_owned(), task.clone());
    let mut folder = context.parts.executor.prepare(blocking(move || TaskFolder::create(&place, &file)).await?);
    for output in &given {
        give(context, &mut folder, output).await?;
    }
    if attempt.group.kind == TaskKind::Profile {
        source::bring(context, attempt, &folder, &mut task).await?;
        folder.tell(&task)?;
    }
    if is_private(attempt) {
        let known = context.fact::<NoiseFact>(&attempt.keys.noise()?).await?;
        let known = known.ok_or_else(|| Error::unavailable("privacy::key_absent", "the job has no noise key").help("submit it again"))?;
        folder.confide(NOISE, &known.fact.key()?.secret_text())?;
    }
    if attempt.group.checkpoint && resume(context, attempt, &folder, seen).await.is_some() {
        task.resume = Some(RESUME.to_owned());
        folder.tell(&task)?;
    }
    Ok(folder)
}

/// Whether the attempt fits a differentially private candidate.
fn is_private(attempt: &Attempt) -> bool {
    let fitted = attempt.group.candidate.as_ref().filter(|_| attempt.group.kind == TaskKind::Synthesize);
    fitted.is_some_and(|name| attempt.spec.candidates.iter().any(|candidate| candidate.name == *name && candidate.private))
}

fn task_file(attempt: &Attempt, threads: u32) -> TaskFile {
    let Attempt { group, spec, task, .. } = attempt;
    let job_seed = spec.request.seed;
    // the delivered table goes on where the scored sample ended: same streams
    let seed = match (group.kind, &group.candidate) {
        (TaskKind::Generate, Some(candidate)) => Seed::of_task(job_seed, TaskId::synthesize(candidate, group.repeat).as_str()),
        _ => Seed::of_task(job_seed, task.as_str()),
    };
    let rows = group.rows_of(task);
    let mut options = serde_json::Value::clone(&group.options);
    if group.kind == TaskKind::Generate
        && let Some(options) = options.as_object_mut()
    {
        options.insert("first_row".to_owned(), rows.start.into());
        options.insert("last".to_owned(), (rows.end == group.rows).into());
    }
    TaskFile {
        schema: TaskFile::SCHEMA.to_owned(),
        op: group.kind.name().to_owned(),
        name: group.name.clone(),
        options,
        seed: seed.task_seed(),
        shared_seed: Seed::shared(job_seed).task_seed(),
        rows: rows.end - rows.start,
        seconds: group.task_seconds,
        memory_bytes: group.memory_bytes,
        threads,
        target: None,
        problem: None,
        reference: reference(group),
        resume: None,
        checkpoint: group.checkpoint,
    }
}

fn reference(group: &Group) -> Option<String> {
    match group.candidate.as_deref() {
        Some(PREPARE) => Some("prepare".to_owned()),
        Some(HOLDOUT_ROW) => Some("holdout".to_owned()),
        Some(FLIP10) => Some("flip10".to_owned()),
        _ => None,
    }
}

async fn needed(context: &Context, attempt: &Attempt, need: &TaskId) -> Result<Arc<OutcomeFact>> {
    let outcome = context.good_outcome(&attempt.keys.outcome(need.as_str())?).await?;
    outcome.ok_or_else(|| Error::conflict("task::needs", format!("{need} has no good outcome yet")))
}

/// Gives one object: linked where it lies as a file, else brought from the store once for all tasks of this worker.
/// Its SHA-256 is checked once a process.
async fn give(context: &Context, folder: &mut TaskFolder, output: &Output) -> Result<()> {
    let key = Key::parse(&output.key)?;
    let Some(file) = context.store().local_path(&key) else {
        context.larder.link(context.store(), &key, &output.sha256, &folder.given(&output.role)).await?;
        folder.note(&output.role, &output.sha256);
        return Ok(());
    };
    if !context.is_verified(&output.sha256) {
        let (path, expected) = (file.clone(), output.sha256.clone());
        blocking(move || verify(&path, &expected)).await?;
        context.note_verified(&output.sha256);
    }
    folder.link(&output.role, &file, &output.sha256)
}

fn verify(path: &PathBuf, expected: &str) -> Result<()> {
    use std::io::Read;
    let broken = |e| Error::io(path.display(), e);
    let mut file =
        std::fs::File::open(path).map_err(|e| Error::unavailable("store::absent", format!("an object that a fact names is gone: {e}")))?;
    let mut hash = id::Hasher::default();
    let mut piece = vec![0; 1 << 20];
    loop {
        match file.read(&mut piece).map_err(broken)? {
            0 => break,
            length => hash.add(&piece[..length]),
        }
    }
    if hash.hex() == expected {
        return Ok(());
    }
    Err(Error::unavailable("store::corrupt", "an object does not have the SHA-256 that a fact names for it")
        .help("set the work folder aside and run again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_object_is_noticed() {
        let place = tempfile::tempdir().expect("temporary folder");
        let path = place.path().join("x");
        std::fs::write(&path, "abc").expect("written");
        assert!(verify(&path, &id::sha256_hex(b"abc")).is_ok());
        assert_eq!(verify(&path, &id::sha256_hex(b"abd")).expect_err("changed").code(), "store::corrupt");
    }
}
