//! `report`: the page and the card of a finished output folder, drawn again from its results.

use super::Surroundings;
use crate::{arguments, say};
use std::path::Path;
use synthfleet_proto::results::Results;
use synthfleet_proto::{Error, Result};
use synthfleet_report::{Bundle, SampleRows, render};
use synthfleet_worker::members;

/// Rows of the sample that a page shows.
const ROWS: usize = 20;

/// Draws `report.html` and `card.md` anew.
pub fn run(flags: &arguments::Report, surroundings: &Surroundings) -> Result<u8> {
    let folder = &flags.folder;
    if !folder.join("manifest.json").exists() {
        let message = format!("{} holds no finished output: it has no manifest.json", folder.display());
        return Err(Error::data("report::unfinished", message).help("run the job to its end first"));
    }
    let results: Results = read(&folder.join("results.json"))?;
    let profile = read(&folder.join("profile.json"))?;
    let sample = sample(folder)?;
    let documents = members();
    let command = format!("synthfleet report {}", folder.display());
    let bundle = Bundle { results: &results, profile: &profile, members: &documents, sample: &sample, command: &command };
    let mut written = Vec::new();
    for file in render(&bundle) {
        let path = folder.join(&file.path);
        std::fs::write(&path, &file.bytes).map_err(|e| Error::io(path.display(), e))?;
        written.push(path.display().to_string());
    }
    if !surroundings.quiet {
        say!("wrote    {}", written.join(" "));
    }
    if flags.open {
        open(&folder.join("report.html"))?;
    }
    Ok(0)
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = std::fs::read(path).map_err(|e| Error::io(path.display(), e))?;
    let wrong = |e: serde_json::Error| {
        Error::data("report::unreadable", e.to_string()).in_source(path.display().to_string()).help("run the job again")
    };
    serde_json::from_slice(&bytes).map_err(wrong)
}

/// The first rows of the delivered table, as text; none if nothing was released or it is no plain CSV.
fn sample(folder: &Path) -> Result<SampleRows> {
    let path = folder.join("synthetic.csv");
    let Ok(text) = std::fs::read_to_string(&path) else { return Ok(SampleRows::default()) };
    let cells = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
    let mut lines = text.lines().map(cells);
    let header = lines.next().unwrap_or_default();
    Ok(SampleRows { header, rows: lines.take(ROWS).collect() })
}

/// Asks the desktop to show a page.
fn open(page: &Path) -> Result<()> {
    let status = std::process::Command::new("xdg-open").arg(page).status();
    if status.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    Err(Error::unavailable("report::no_browser", "no browser could be started").help(format!("open {} by hand", page.display())))
}
