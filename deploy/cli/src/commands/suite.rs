//! `suite`: many tables by the same synthesizers, one job each, to one leaderboard. Here or on a server.

use super::follow::{self, End};
use super::run::{self, NO_RELEASE};
use super::{Surroundings, layout, single, submit};
use crate::arguments;
use crate::client::Client;
use crate::present::{error, list};
use crate::roles::parts::WallClock;
use crate::{jobfile, say, tell};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use synthfleet_proto::calendar::date_of_days;
use synthfleet_proto::outside::Clock;
use synthfleet_proto::results::Results;
use synthfleet_proto::{Error, Result};
use synthfleet_report::File;
use synthfleet_report::suite::{self, Board, sdgym};

/// The suite of February 2020: its simulated sets. Its real tables are named beside it.
const SDGYM2020: &str = "sdgym2020";
const SIMULATED: [&str; 7] = ["grid", "gridr", "ring", "asia", "alarm", "child", "insurance"];
/// As many rows to learn from as to test on, as in 2020.
const SIMULATED_HOLDOUT: f64 = 0.5;
/// Ends of file names that are tables, alone or with a packing behind them.
const TABLES: [&str; 5] = ["csv", "tsv", "parquet", "txt", "jsonl"];
const PACKINGS: [&str; 4] = ["gz", "zst", "bz2", "xz"];

/// A table of the suite.
#[derive(Debug, Clone, PartialEq)]
struct Entry {
    /// Path or address.
    source: String,
    /// Name of its folder.
    name: String,
    /// Share of rows kept as holdout, if the suite says so.
    holdout: Option<f64>,
}

/// Runs the suite of the flags; the exit code is that of the worst job.
pub fn run(flags: &arguments::Suite, surroundings: &Surroundings) -> Result<u8> {
    let entries = entries(&flags.what)?;
    std::fs::create_dir_all(&flags.output).map_err(|e| Error::io(flags.output.display(), e))?;
    let wishes = wishes(flags);
    let ran = if flags.fleet {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| Error::internal("cli::runtime", e.to_string()))?;
        runtime.block_on(on_fleet(&entries, &wishes, flags, surroundings))?
    } else {
        here(&entries, &wishes, flags, surroundings)?
    };
    if ran.results.is_empty() {
        // each error was told where it came up
        if surroundings.json {
            say!("{}", json!({ "tables": 0, "failed": entries.len(), "files": [] }));
        }
        return Ok(ran.code);
    }
    let (name, results) = (title(flags), &ran.results);
    write(&flags.output, suite::render(&suite::Suite { name: &name, results }))?;
    if flags.layout.is_some() {
        lay_out(flags, &ran, surroundings)?;
    }
    if surroundings.json {
        let paths = ["leaderboard.csv", "leaderboard.html"].map(|file| flags.output.join(file).display().to_string());
        say!("{}", json!({ "tables": results.len(), "failed": entries.len() - results.len(), "files": paths }));
    } else if !surroundings.events {
        say!("{}", summary(&Board::of(results)));
        say!("  wrote    {}/{{leaderboard.csv, leaderboard.html}}", flags.output.display());
    }
    Ok(ran.code)
}

/// What came of the jobs.
#[derive(Default)]
struct Ran {
    results: Vec<Results>,
    /// Folders of the results, where they lie here.
    folders: Vec<PathBuf>,
    code: u8,
}

impl Ran {
    fn failed(&mut self, entry: &Entry, wrong: &Error, surroundings: &Surroundings) {
        tell!("  failed   {}", entry.source);
        tell!("{}", error::text(wrong, surroundings.style).trim_end());
        self.code = submit::worse(self.code, wrong.kind().exit_code());
    }
}

/// One job after the other in this process; each uses all cores. A table that fails costs itself only.
fn here(entries: &[Entry], wishes: &arguments::Wishes, flags: &arguments::Suite, surroundings: &Surroundings) -> Result<Ran> {
    let mut ran = Ran::default();
    for entry in entries {
        let output = flags.output.join("tables").join(&entry.name);
        if !surroundings.quiet && !surroundings.json {
            tell!("  table    {}", entry.source);
        }
        let mut wishes = wishes.clone();
        wishes.reading.holdout = wishes.reading.holdout.or(entry.holdout);
        let job = arguments::Run {
            source: Some(entry.source.clone()),
            isolate: None,
            output: Some(output.clone()),
            force: false,
            resume: true,
            no_cache: flags.no_cache,
            layout: None,
            dry_run: false,
            wishes,
            running: flags.running.clone(),
        };
        // one object on stdout is the suite's own
        match run::one(&job, surroundings, !surroundings.json) {
            Ok((run::INTERRUPTED, _)) => {
                ran.code = run::INTERRUPTED;
                break;
            }
            Ok((code, results)) => {
                // tables without a release are results like others
                ran.code = submit::worse(ran.code, if code == NO_RELEASE { 0 } else { code });
                ran.folders.extend(results.is_some().then_some(output));
                ran.results.extend(results);
            }
            Err(wrong) => ran.failed(entry, &wrong, surroundings),
        }
    }
    Ok(ran)
}

/// All jobs at once on a server.
async fn on_fleet(entries: &[Entry], wishes: &arguments::Wishes, flags: &arguments::Suite, surroundings: &Surroundings) -> Result<Ran> {
    let client = Client::open(&surroundings.config.client, None)?;
    let (mut ran, mut accepted) = (Ran::default(), Vec::new());
    for entry in entries {
        let mut wishes = wishes.clone();
        wishes.reading.holdout = wishes.reading.holdout.or(entry.holdout);
        let mut job = jobfile::of_flags(Some(&entry.source), &wishes)?;
        if let (true, Some(fields)) = (flags.no_cache, job.as_object_mut()) {
            fields.insert("cache".into(), json!(false));
        }
        match submit::send(&client, job, None, surroundings).await {
            Ok(told) => accepted.push((entry, told["id"].as_str().unwrap_or_default().to_owned())),
            Err(wrong) => ran.failed(entry, &wrong, surroundings),
        }
    }
    for (entry, job) in accepted {
        let Some(ended) = follow::follow(&client, &job, surroundings).await? else {
            ran.code = follow::LEFT;
            break;
        };
        match follow::end(&client, ended, surroundings).await {
            Ok(End { results: Some(value), code, .. }) => {
                ran.code = submit::worse(ran.code, if code == NO_RELEASE { 0 } else { code });
                ran.results.push(results(with_tasks(value))?);
            }
            Ok(End { code, .. }) => ran.code = submit::worse(ran.code, code),
            Err(wrong) => ran.failed(entry, &wrong, surroundings),
        }
    }
    Ok(ran)
}

/// What is told of a job's end leaves its tasks out; the leaderboard needs none of them.
fn with_tasks(mut value: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        fields.entry("tasks").or_insert_with(|| json!([]));
    }
    value
}

/// The wishes of every job: those of the suite, overridden by flags.
fn wishes(flags: &arguments::Suite) -> arguments::Wishes {
    let mut wishes = flags.wishes.clone();
    if flags.what.iter().any(|what| is_sdgym2020(what)) {
        wishes.weights.get_or_insert_with(|| SDGYM2020.to_owned());
    }
    wishes
}

fn is_sdgym2020(what: &str) -> bool {
    matches!(what, "sdgym2020" | "sdgym-2020" | "sdgym_2020")
}

fn title(flags: &arguments::Suite) -> String {
    if flags.what.iter().any(|what| is_sdgym2020(what)) { "SDGym, February 2020".to_owned() } else { flags.what.join(", ") }
}

/// The tables that the words of a command name: a suite, a folder of tables, a table.
fn entries(what: &[String]) -> Result<Vec<Entry>> {
    let (mut entries, mut taken) = (Vec::new(), BTreeSet::new());
    for what in what {
        let mut sources = Vec::new();
        if is_sdgym2020(what) {
            sources.extend(SIMULATED.iter().map(|name| (format!("sim:{name}"), Some(SIMULATED_HOLDOUT))));
        } else if Path::new(what).is_dir() {
            sources.extend(tables(Path::new(what))?.into_iter().map(|path| (path.display().to_string(), None)));
        } else {
            sources.push((what.clone(), None));
        }
        for (source, holdout) in sources {
            let stem = run::stem(&source);
            let numbered = |number: u32| if number == 1 { stem.clone() } else { format!("{stem}-{number}") };
            let name = (1..).map(numbered).find(|name| !taken.contains(name)).unwrap_or_default();
            taken.insert(name.clone());
            entries.push(Entry { source, name, holdout });
        }
    }
    Ok(entries)
}

/// The tables of a folder, by name.
fn tables(folder: &Path) -> Result<Vec<PathBuf>> {
    let broken = |e| Error::io(folder.display(), e);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(broken)? {
        let path = entry.map_err(broken)?.path();
        if path.is_file() && is_table(&path) {
            paths.push(path);
        }
    }
    paths.sort();
    if paths.is_empty() {
        return Err(Error::data("suite::no_tables", format!("the folder {} holds no table", folder.display()))
            .help(format!("tables end with .{}, packed or not", TABLES.join(", ."))));
    }
    Ok(paths)
}

fn is_table(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let mut ends = name.rsplit('.');
    match ends.next() {
        Some(packing) if PACKINGS.contains(&packing) => ends.next().is_some_and(|end| TABLES.contains(&end)),
        Some(end) => TABLES.contains(&end) && name.contains('.'),
        None => false,
    }
}

fn results(value: Value) -> Result<Results> {
    serde_json::from_value(value).map_err(|e| Error::internal("run::results", e.to_string()))
}

fn write(folder: &Path, files: Vec<File>) -> Result<()> {
    for file in files {
        let path = folder.join(&file.path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|e| Error::io(parent.display(), e))?;
        }
        std::fs::write(&path, file.bytes).map_err(|e| Error::io(path.display(), e))?;
    }
    Ok(())
}

/// Adds the layout of SDGym, with the samples drawn again from their models.
fn lay_out(flags: &arguments::Suite, ran: &Ran, surroundings: &Surroundings) -> Result<()> {
    let (year, month, day) = date_of_days((WallClock.now_ms() / 86_400_000) as i64);
    let (files, places) = sdgym::files(&ran.results, sdgym::Date { year, month, day });
    write(&flags.output, files)?;
    let budget = single::budget(&flags.running, surroundings)?;
    for place in places {
        let model = ran.folders[place.results].join(format!("candidates/{}/model.bin", place.candidate));
        if model.exists() {
            layout::sample(&model, ran.results[place.results].table.train_rows, &flags.output.join(place.sample), &budget)?;
        }
    }
    Ok(())
}

/// The leaderboard in the terminal.
fn summary(board: &Board) -> String {
    let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.3}"));
    let rows = board.rows.iter().map(|row| {
        let wins = if row.baseline { "baseline".to_owned() } else { format!("{:.1}", row.wins) };
        let tables = format!("{} of {}", row.tables - row.failed.min(row.tables), board.tables.len());
        vec![row.candidate.clone(), wins, number(row.mean_rank), number(row.mean_adjusted_score), tables]
    });
    list::text(&["synthesizer", "wins of 2020", "mean rank", "mean score", "tables"], rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(what: &[&str]) -> Vec<String> {
        let what: Vec<String> = what.iter().map(|&what| what.to_owned()).collect();
        entries(&what).expect("tables").into_iter().map(|entry| entry.name).collect()
    }

    #[test]
    fn the_suite_of_2020_is_its_simulated_sets_and_the_tables_named_beside_it() {
        assert_eq!(names(&["sdgym-2020", "data/adult.csv.gz"]), ["grid", "gridr", "ring", "asia", "alarm", "child", "insurance", "adult"]);
    }

    #[test]
    fn tables_of_one_name_have_folders_of_their_own() {
        assert_eq!(names(&["a/t.csv", "b/t.csv", "t.parquet"]), ["t", "t-2", "t-3"]);
    }

    #[test]
    fn a_folder_is_its_tables_and_one_without_any_is_refused() {
        let place = tempfile::tempdir().expect("temporary folder");
        let empty = place.path().display().to_string();
        assert_eq!(entries(std::slice::from_ref(&empty)).expect_err("none").code(), "suite::no_tables");
        for name in ["b.csv.gz", "a.CSV", "notes.md", "csv", "x.gz"] {
            std::fs::write(place.path().join(name), "x").expect("written");
        }
        assert_eq!(names(&[&empty]), ["a", "b"]);
    }
}
