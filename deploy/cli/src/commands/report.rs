//! `report`: the page and the card of a finished output folder, drawn again from its results.

use super::Surroundings;
use crate::{arguments, say};
use std::io::Read as _;
use std::path::Path;
use synthfleet_intake::read::{Tokenizer, first_records};
use synthfleet_proto::profile::Profile;
use synthfleet_proto::results::Results;
use synthfleet_proto::{Error, Result};
use synthfleet_report::{Bundle, SampleRows, render};
use synthfleet_worker::members;

/// Rows of the sample that a page shows.
const ROWS: usize = 20;
/// Most bytes of the delivered table that are looked at for them.
const HEAD_BYTES: u64 = 1 << 20;

/// Draws `report.html` and `card.md` anew.
pub fn run(flags: &arguments::Report, surroundings: &Surroundings) -> Result<u8> {
    let folder = &flags.folder;
    if !folder.join("manifest.json").exists() {
        let message = format!("{} holds no finished output: it has no manifest.json", folder.display());
        return Err(Error::data("report::unfinished", message).help("run the job to its end first"));
    }
    let results: Results = read(&folder.join("results.json"))?;
    let profile: Profile = read(&folder.join("profile.json"))?;
    let manifest: serde_json::Value = read(&folder.join("manifest.json"))?;
    let sample = sample(&folder.join("synthetic.csv"), &profile);
    let documents = members();
    let command = manifest["command"].as_str().unwrap_or_default().to_owned();
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
fn sample(path: &Path, profile: &Profile) -> SampleRows {
    let mut bytes = Vec::new();
    let is_read = std::fs::File::open(path).and_then(|file| file.take(HEAD_BYTES).read_to_end(&mut bytes)).is_ok();
    if !is_read {
        return SampleRows::default();
    }
    let whole = (bytes.len() as u64) < HEAD_BYTES;
    let text = String::from_utf8_lossy(&bytes);
    let dialect = &profile.source.dialect;
    let text = text.trim_start_matches('\u{feff}');
    let mut rows = first_records(&Tokenizer::of(dialect), text, ROWS + usize::from(dialect.header), whole);
    let header = match dialect.header && !rows.is_empty() {
        true => rows.remove(0),
        false => profile.columns.iter().map(|column| column.name.clone()).collect(),
    };
    SampleRows { header, rows }
}

/// Asks the desktop to show a page.
fn open(page: &Path) -> Result<()> {
    let status = std::process::Command::new("xdg-open").arg(page).status();
    if status.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    Err(Error::unavailable("report::no_browser", "no browser could be started").help(format!("open {} by hand", page.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(header: bool, delimiter: char) -> Profile {
        let mut value = serde_json::json!({
            "schema": Profile::SCHEMA,
            "table": {"id": "tbl_x", "name": "t", "rows": 2, "columns": 2, "bytes": 9, "sha256": "", "duplicate_rows": 0, "disclosure": "protected"},
            "source": {"format": "csv", "compression": "none", "encoding": "utf-8", "dialect": {}, "blank_lines": 0, "rejected_rows": 0, "rejected_cells": 0},
            "split": {"holdout": 0.2, "seed": "0", "train_rows": 1, "holdout_rows": 1, "strategy": "random"},
            "key": [], "columns": [], "hints": [], "notes": [],
        });
        let dialect = synthfleet_proto::metadata::Dialect { header, delimiter, ..Default::default() };
        value["source"]["dialect"] = serde_json::to_value(dialect).expect("plain data");
        serde_json::from_value(value).expect("a profile")
    }

    #[test]
    fn sample_rows_are_read_in_the_table_s_own_dialect() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("synthetic.csv");
        std::fs::write(&path, "\u{feff}a;b\n\"x;\"\"y\"\"\nz\";1,5\n").expect("room");
        let rows = sample(&path, &profile(true, ';'));
        assert_eq!(rows.header, ["a", "b"]);
        assert_eq!(rows.rows, [["x;\"y\"\nz", "1,5"]]);
        assert!(sample(&folder.path().join("absent.csv"), &profile(true, ';')).rows.is_empty());
    }

    #[test]
    fn without_a_header_the_first_record_is_a_row() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("synthetic.csv");
        std::fs::write(&path, "1,2\n3,4\n").expect("room");
        assert_eq!(sample(&path, &profile(false, ',')).rows.len(), 2);
    }
}
