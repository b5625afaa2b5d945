//! `run`: the whole job in one process, from a table to the output folder.

use super::{Surroundings, single};
use crate::present::{board, progress::Progress};
use crate::roles::embedded::{Ended, Hashes, Run, Wishes, is_unreadable, set_aside};
use crate::source::Spooled;
use crate::{arguments, jobfile, machine, say, source, tell};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use synthfleet_coordinator::deliver::{check_folder, deliver};
use synthfleet_coordinator::{Catalogue, intake};
use synthfleet_proto::event::Event;
use synthfleet_proto::fact::PublishedFact;
use synthfleet_proto::job::{JobSpec, JobState};
use synthfleet_proto::results::Results;
use synthfleet_proto::verdict::Decision;
use synthfleet_proto::{Error, Result, id};
use synthfleet_store::fetch;
use synthfleet_worker::{check_options, members};
use tokio::sync::{broadcast, watch};

/// Exit code of a job without a release, or below a floor.
pub const NO_RELEASE: u8 = 4;
/// Exit code of an interrupted command.
pub const INTERRUPTED: u8 = 130;

/// Runs the job of the flags.
pub fn run(flags: &arguments::Run, surroundings: &Surroundings) -> Result<u8> {
    one(flags, surroundings, true).map(|(code, _)| code)
}

/// The same; `told`: what came of it is said on stdout. Gives the exit code and the results; a dry run has none.
pub fn one(flags: &arguments::Run, surroundings: &Surroundings, told: bool) -> Result<(u8, Option<Results>)> {
    let threads = single::threads(flags.running.threads, surroundings)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|e| Error::internal("cli::runtime", e.to_string()))?;
    let setting = flags.running.work_dir.as_deref().unwrap_or(&surroundings.config.run.work_dir);
    let work_dir = machine::work_dir(setting, &crate::variable);
    let mut job = jobfile::of_flags(flags.source.as_deref(), &flags.wishes)?;
    let _spooled = spool(&mut job, &work_dir)?;
    let job = JobSpec::read(&job).map_err(|error| error.and(wrong_names(&job)))?;
    let output = flags.output.clone().unwrap_or_else(|| Path::new("synthfleet-out").join(stem(&job.source.uri)));
    check_folder(&output, flags.force)?;
    let isolate = flags.isolate.as_deref().unwrap_or(&surroundings.config.run.isolate);
    if !["pool", "child"].contains(&isolate) {
        return Err(Error::invalid("cli::flag", format!("--isolate takes pool or child, not {isolate:?}"))
            .help("leave it out to use threads of this process"));
    }
    let memory = flags.running.memory.as_deref().map(|size| jobfile::bytes("--memory", size)).transpose()?;
    let memory_bytes = machine::memory_of_tasks(memory.unwrap_or(surroundings.config.run.memory_bytes));
    if flags.dry_run {
        return super::plan::show(job, &flags.running, surroundings).map(|code| (code, None));
    }
    let hashes = Hashes { source: hash(&job.source.uri)?, holdout: job.holdout_source.as_deref().map(hash).transpose()?.flatten() };
    super::work_folder::sweep(&work_dir, surroundings.config.run.keep_days);
    let wishes = Wishes { work_dir, threads, memory_bytes, children: isolate == "child", fresh: flags.no_cache };
    runtime.block_on(async {
        let whole = || once(&job, &hashes, &wishes, (&output, flags, told), surroundings);
        match whole().await {
            Err(error) if is_unreadable(&error) => {
                let aside = set_aside(&job, &hashes, &wishes.work_dir)?;
                let why = crate::present::style::safe(error.message());
                tell!("  note     {why}: the work is set aside in {} and begins anew (work_set_aside)", aside.display());
                whole().await
            }
            ended => ended,
        }
    })
}

/// One try at the job, from its submission to the output folder.
async fn once(
    job: &JobSpec,
    hashes: &Hashes,
    wishes: &Wishes,
    place: (&Path, &arguments::Run, bool),
    surroundings: &Surroundings,
) -> Result<(u8, Option<Results>)> {
    let run = Run::submit(job.clone(), hashes.clone(), wishes.clone()).await?;
    let (ended, interrupted) = watched(&run, job.seed, surroundings).await?;
    finish(&run, ended, job, place, interrupted, surroundings).await
}

/// Runs while events are shown and Ctrl-C is heard: once ends with what is finished, twice ends at once.
async fn watched(run: &Run, seed: u64, surroundings: &Surroundings) -> Result<(Ended, bool)> {
    let (events, mut heard) = broadcast::channel::<Event>(crate::roles::EVENTS_MAX);
    let (interrupt, interrupted) = watch::channel(false);
    let (style, as_lines) = (surroundings.style, surroundings.events);
    let quiet = surroundings.quiet || surroundings.json || as_lines;
    let shown = tokio::spawn(async move {
        let progress = Progress::new(style, quiet, Some(seed));
        loop {
            match heard.recv().await {
                Ok(event) if as_lines => match serde_json::to_string(&event) {
                    Ok(line) => say!("{line}"),
                    Err(error) => tracing::warn!(%error, "an event could not be written"),
                },
                Ok(event) => progress.show(&event),
                Err(broadcast::error::RecvError::Lagged(missed)) => tracing::debug!(missed, "events were missed"),
                Err(broadcast::error::RecvError::Closed) => break,
            }
        }
        progress.end();
    });
    let signals = tokio::spawn(async move {
        let mut times = 0;
        while tokio::signal::ctrl_c().await.is_ok() {
            times += 1;
            if times > 1 {
                crate::leave(INTERRUPTED);
            }
            tell!("  stopping; what is finished is judged and kept (Ctrl-C again to end at once)");
            interrupt.send_replace(true);
        }
    });
    let ended = run.finish(&events, interrupted.clone()).await;
    signals.abort();
    drop(events);
    if shown.await.is_err() {
        tracing::debug!("the progress display ended early");
    }
    let was_interrupted = *interrupted.borrow();
    Ok((ended?, was_interrupted))
}

/// Writes the output folder and says how it went.
async fn finish(
    run: &Run,
    ended: Ended,
    job: &JobSpec,
    (output, flags, told): (&Path, &arguments::Run, bool),
    interrupted: bool,
    surroundings: &Surroundings,
) -> Result<(u8, Option<Results>)> {
    let Some(published) = ended.published else {
        let error = ended.last.error.map(Error::from);
        return Err(error.unwrap_or_else(|| Error::internal("run::unpublished", format!("the job ended as {}", ended.last.state.name()))));
    };
    deliver(run.store(), &published, output, flags.force).await?;
    let Some(file) = published.files.iter().find(|file| file.path == "results.json") else {
        // a release of what a privacy guarantee covers holds no scores
        if told && !surroundings.events {
            say!("  wrote    {}/{{{}}}", output.display(), first_files(&published).join(", "));
        }
        let is_done = ended.last.state == JobState::Done && published.files.iter().any(|file| file.path.starts_with("synthetic."));
        return Ok((
            if interrupted {
                INTERRUPTED
            } else if is_done {
                0
            } else {
                NO_RELEASE
            },
            None,
        ));
    };
    let object = fetch(run.store(), &synthfleet_proto::key::Key::parse(&file.key)?, &file.sha256).await?;
    let results: Results = serde_json::from_slice(&object.bytes).map_err(|e| Error::internal("run::results", e.to_string()))?;
    let below = below_floor(&results, &job.fail_under);
    if flags.layout.is_some() {
        super::layout::original(output, &results, &single::budget(&flags.running, surroundings)?)?;
    }
    if !told {
        // whoever asked reads the folder
    } else if surroundings.json {
        let mut value = serde_json::to_value(&results).map_err(|e| Error::internal("run::results", e.to_string()))?;
        if let Some(object) = value.as_object_mut() {
            object.remove("tasks");
        }
        say!("{value}");
    } else if !surroundings.events {
        say!("{}", board::text(&results, surroundings.style));
        below.iter().for_each(|line| say!("  below    {line}"));
        say!("  wrote    {}/{{{}}}", output.display(), first_files(&published).join(", "));
        say!("  next     synthfleet report {} --open", output.display());
    }
    let code = match (ended.last.state, results.verdict.outcome) {
        _ if interrupted => INTERRUPTED,
        (JobState::Done, Decision::Winner) if below.is_empty() => 0,
        (JobState::Done, _) => NO_RELEASE,
        _ => 1,
    };
    Ok((code, Some(results)))
}

/// The files of an output that a person opens first.
fn first_files(published: &PublishedFact) -> Vec<&str> {
    let of_table = |path: &&str| path.starts_with("synthetic.") || *path == "synthetic/parts.json";
    let paths = published.files.iter().map(|file| file.path.as_str());
    let is_there = |known: &&str| published.files.iter().any(|file| file.path == *known);
    let known = ["results.csv", "metadata.json", "report.html", "card.md"].into_iter().filter(is_there);
    paths.filter(of_table).chain(known).collect()
}

/// Scores of the winner that lie below their floor.
pub fn below_floor(results: &Results, floors: &BTreeMap<String, f64>) -> Vec<String> {
    let winner = results.verdict.winner.as_deref();
    let row = results.candidates.iter().find(|candidate| Some(candidate.name.as_str()) == winner);
    let delivered = results.verdict.delivered_repeat;
    let repeat = row.and_then(|row| row.repeats.iter().find(|repeat| Some(repeat.repeat) == delivered));
    let value = |score: &str| match score {
        "quality" => repeat.and_then(|repeat| repeat.value("pair_trends.quality")),
        "score" => results.verdict.winning_row().and_then(|row| row.score),
        name => repeat.and_then(|repeat| repeat.value(name)),
    };
    let told = |(score, floor): (&String, &f64)| match value(score) {
        Some(value) if value >= *floor => None,
        Some(value) => Some(format!("{score} is {value:.4}, floor {floor}")),
        None => Some(format!("{score} has no value, floor {floor}")),
    };
    floors.iter().filter_map(told).collect()
}

/// Standard input is kept in a file first: reading looks at it twice. Paths become absolute, since tasks
/// run in folders of their own.
fn spool(job: &mut serde_json::Value, work_dir: &Path) -> Result<Option<Spooled>> {
    let mut spooled = None;
    for pointer in ["/source/uri", "/holdout_source"] {
        let Some(uri) = job.pointer(pointer).and_then(|uri| uri.as_str()).map(str::to_owned) else { continue };
        let path = source::path(&uri, &work_dir.join("stdin"))?;
        if uri == "-" {
            spooled = path.clone().map(Spooled::hold).transpose()?;
        }
        if let (Some(place), Some(path)) = (job.pointer_mut(pointer), path) {
            *place = serde_json::json!(path);
        }
    }
    Ok(spooled)
}

/// Problems of names that are found even though other fields of the job are wrong.
fn wrong_names(job: &serde_json::Value) -> Option<Error> {
    let fields = ["source", "preset", "synthesizers", "benchmarks", "set"];
    let part: serde_json::Map<_, _> = fields.iter().filter_map(|field| Some(((*field).to_owned(), job.get(field)?.clone()))).collect();
    let job = JobSpec::read(&serde_json::Value::Object(part)).ok()?;
    intake::resolve(&job, &Catalogue::of(members()), &check_options).err()
}

/// SHA-256 of a file's bytes; none for simulated sets. A missing file is told by the task that reads it.
fn hash(uri: &str) -> Result<Option<String>> {
    let Ok(mut file) = std::fs::File::open(uri) else { return Ok(None) };
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer).map_err(|e| Error::io(uri, e))?;
        if read == 0 {
            return Ok(Some(id::hex(&digest.finalize())));
        }
        digest.update(&buffer[..read]);
    }
}

/// Name of the output folder: the source's file name up to its first dot.
pub fn stem(uri: &str) -> String {
    let name = uri.rsplit(['/', ':']).next().unwrap_or(uri);
    let stem: String =
        name.split(['.', '?']).next().unwrap_or(name).chars().map(|c| if c.is_alphanumeric() || c == '-' { c } else { '_' }).collect();
    if stem.is_empty() { "table".to_owned() } else { stem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_folder_is_named_after_its_source() {
        assert_eq!(stem("/data/adult.csv.gz"), "adult");
        assert_eq!(stem("sim:demo?rows=100"), "demo");
        assert_eq!(stem("my table.csv"), "my_table");
    }
}
