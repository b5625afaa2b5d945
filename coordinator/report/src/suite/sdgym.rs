//! The layout `sdgym`: results as SDGym 0.15 lays them out, for tools that read those.
//!
//! `SDGym_results_MM_DD_YYYY/` holds `metainfo.yaml`, `results.csv` (SDGym's columns alone, a record for each candidate's
//! first repeat) and `<dataset>_MM_DD_YYYY/<synthesizer>/<synthesizer>_benchmark_result.csv`. The samples,
//! `<synthesizer>_synthetic_data.csv`, are for the caller to put beside the last: [`Folder`] says where.

use crate::File;
use crate::results::{push_record, sdgym_records};
use std::collections::BTreeSet;
use std::fmt::Write;
use synthfleet_proto::results::Results;

/// A day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    /// Year.
    pub year: i64,
    /// Month, from 1.
    pub month: u32,
    /// Day, from 1.
    pub day: u32,
}

/// Where a candidate's sample belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Place of the results in the list that was given.
    pub results: usize,
    /// Candidate.
    pub candidate: String,
    /// Path of the sample as CSV: of repeat 0.
    pub sample: String,
}

/// The files, and where samples belong.
pub fn files(results: &[Results], date: Date) -> (Vec<File>, Vec<Folder>) {
    let day = format!("{:02}_{:02}_{:04}", date.month, date.day, date.year);
    let top = format!("SDGym_results_{day}");
    let (mut files, mut folders, mut taken) = (Vec::new(), Vec::new(), BTreeSet::new());
    let (mut all, mut jobs) = (String::new(), String::new());
    for (place, results) in results.iter().enumerate() {
        let (header, records) = sdgym_records(results);
        if all.is_empty() {
            push_record(&mut all, header.clone());
        }
        let dataset = free(&format!("{}_{day}", name(&results.table.name)), &mut taken);
        for record in records {
            let candidate = record[0].clone();
            let folder = format!("{top}/{dataset}/{}", name(&candidate));
            let mut text = String::new();
            push_record(&mut text, header.clone());
            push_record(&mut text, record.clone());
            push_record(&mut all, record);
            files.push(File { path: format!("{folder}/{}_benchmark_result.csv", name(&candidate)), bytes: text.into_bytes() });
            let _ = writeln!(jobs, "- [{}, {}]", quoted(&results.table.name), quoted(&candidate));
            folders.push(Folder { results: place, sample: format!("{folder}/{}_synthetic_data.csv", name(&candidate)), candidate });
        }
    }
    let versions: BTreeSet<&str> = results.iter().map(|results| results.job.version.as_str()).collect();
    let versions = versions.into_iter().collect::<Vec<_>>().join(", ");
    let list = if jobs.is_empty() { "jobs: []\n".to_owned() } else { format!("jobs:\n{jobs}") };
    let info = format!("run_id: run_{day}\ndate: {day}\nsynthfleet_version: {}\n{list}", quoted(&versions));
    files.push(File { path: format!("{top}/metainfo.yaml"), bytes: info.into_bytes() });
    files.push(File { path: format!("{top}/results.csv"), bytes: all.into_bytes() });
    (files, folders)
}

/// A name that is legal in any path.
fn name(text: &str) -> String {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-') { letter } else { '_' };
    let name: String = text.chars().map(letter).take(100).collect();
    if name.is_empty() { "_".to_owned() } else { name }
}

/// The name itself, or with `_2`, `_3`, .. if it is taken.
fn free(name: &str, taken: &mut BTreeSet<String>) -> String {
    let numbered = |number: u32| if number == 1 { name.to_owned() } else { format!("{name}_{number}") };
    let free = (1..).map(numbered).find(|name| !taken.contains(name)).unwrap_or_default();
    taken.insert(free.clone());
    free
}

/// Text as YAML takes it: JSON's strings are YAML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
