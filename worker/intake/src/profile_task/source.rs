//! A source of a profile task: opened, its form known, with what is stated beside it.

use crate::forms::Given;
use crate::infer::{Overrides, Typed};
use crate::read::{Accounting, Opened, ReadOptions, Source, open};
use crate::rows;
use crate::simulated;
use crate::sniff::Layout;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use synthfleet_proto::job::JobSpec;
use synthfleet_proto::{Error, Result};

/// A source whose form is known.
pub(super) struct SourcePart {
    pub opened: Opened,
    pub layout: Layout,
    pub typed: BTreeMap<String, Typed>,
    stamp: Option<Stamp>,
}

impl SourcePart {
    pub fn open(source: &Source, options: &ReadOptions) -> Result<Self> {
        let stamp = stamp(source);
        let read = open(source, options).and_then(|opened| {
            let (layout, typed) = rows::layout(&opened)?;
            Ok(Self { opened, layout, typed, stamp })
        });
        // a source that was not there before is none that changed
        if read.is_err() && stamp.is_some() {
            unchanged(source, stamp)?;
        }
        read
    }

    /// A further part of the same table: it must have the same columns.
    pub fn like(self, first: &Self) -> Result<Self> {
        let names = |part: &Self| part.layout.columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>();
        let (wanted, has) = (names(first), names(&self));
        if wanted == has {
            return Ok(self);
        }
        let without =
            |these: &[String], those: &[String]| these.iter().filter(|name| !those.contains(name)).cloned().collect::<Vec<_>>().join(", ");
        let (lacks, extra) = (without(&wanted, &has), without(&has, &wanted));
        let name = self.opened.source.name();
        let message = if lacks.is_empty() && extra.is_empty() {
            format!("{name} has its columns in another order")
        } else {
            format!("{name} lacks {lacks:?}, has extra {extra:?}")
        };
        Err(Error::data("source::parts_differ", message).in_source(name))
    }

    pub fn unchanged(&self) -> Result<()> {
        unchanged(&self.opened.source, self.stamp)
    }
}

/// A source is opened more than once: what changes meanwhile fails in many ways, of which the change is the one to tell.
///
/// # Errors
/// `source::changed` if it is no longer what `before` says.
fn unchanged(source: &Source, before: Option<Stamp>) -> Result<()> {
    if stamp(source) == before {
        return Ok(());
    }
    let name = source.name();
    Err(Error::data("source::changed", format!("{name} changed while it was read"))
        .in_source(name)
        .help("read it again once nobody writes it"))
}

/// Length and time of change of a file.
type Stamp = (u64, std::time::SystemTime);

fn stamp(source: &Source) -> Option<Stamp> {
    match source {
        Source::Path(path) => std::fs::metadata(path).ok().and_then(|file| Some((file.len(), file.modified().ok()?))),
        Source::Bytes(..) => None,
    }
}

pub(super) fn source_of(uri: &str, simulated: Option<&simulated::Request>) -> Result<Source> {
    match simulated {
        Some(request) => Ok(Source::Bytes(format!("{}.csv", request.name), request.csv()?.into())),
        None => Ok(Source::Path(PathBuf::from(uri.strip_prefix("file://").unwrap_or(uri)))),
    }
}

/// What a given description, or one that lies beside the source, says.
pub(super) fn given(job: &JobSpec, source: &SourcePart) -> Result<Given> {
    let headers: Vec<&str> = source
        .layout
        .columns
        .iter()
        .map(|column| if column.header.trim().is_empty() { column.name.as_str() } else { column.header.trim() })
        .collect();
    let parse = |path: &Path| {
        let text = std::fs::read_to_string(path).map_err(|e| Error::io(path.display(), e));
        text.and_then(|text| Given::parse(&text, job.table.as_deref())).map_err(|e| e.in_source(path.display().to_string()))
    };
    let file = match &job.metadata {
        Some(value) => match value.get("uri").and_then(serde_json::Value::as_str) {
            Some(uri) => PathBuf::from(uri),
            None => {
                let given = Given::read(value, job.table.as_deref());
                return given.and_then(|given| given.check_names(&headers).map(|()| given)).map_err(within_job);
            }
        },
        None => match beside(&source.opened.source, &headers) {
            Some(path) => path,
            None => return Ok(Given::default()),
        },
    };
    let given = parse(&file)?;
    given.check_names(&headers).map_err(|e| e.in_source(file.display().to_string()))?;
    Ok(given)
}

/// The place of a fault in a description that the job itself holds.
fn within_job(error: Error) -> Error {
    match error.place().pointer.as_deref() {
        Some("/") | None => error.at_pointer("/metadata"),
        Some(pointer) => {
            let pointer = format!("/metadata{pointer}");
            error.at_pointer(pointer)
        }
    }
}

/// `X.csv.metadata.json`, or a `metadata.json` in the same folder that names exactly these columns.
fn beside(source: &Source, headers: &[&str]) -> Option<PathBuf> {
    let Source::Path(path) = source else { return None };
    let own = PathBuf::from(format!("{}.metadata.json", path.display()));
    if own.is_file() {
        return Some(own);
    }
    let common = path.with_file_name("metadata.json");
    let text = std::fs::read_to_string(&common).ok()?;
    let given = Given::parse(&text, None).ok()?;
    let names: Vec<&str> = given.columns.keys().map(String::as_str).collect();
    let mut wanted = headers.to_vec();
    wanted.sort_unstable();
    (names == wanted).then_some(common)
}

/// Puts a description under what flags state.
pub(super) fn merge(overrides: &mut Overrides, given: &Given) {
    for (name, column) in &given.columns {
        let stated = overrides.columns.entry(name.clone()).or_default();
        stated.dates_too = stated.kind.is_none() && column.dates_too;
        stated.kind = stated.kind.or(column.wish.kind);
        stated.role = stated.role.or(column.wish.role);
        if stated.order.is_none() {
            stated.order.clone_from(&column.wish.order);
        }
        if stated.regex.is_none() {
            stated.regex.clone_from(&column.regex);
        }
    }
}

pub(super) fn add_accounts(mut first: Accounting, second: Accounting) -> Accounting {
    first.records += second.records;
    first.rows += second.rows;
    first.rejected += second.rejected;
    first.blank += second.blank;
    first.padded += second.padded;
    first.comments += second.comments;
    first.bytes += second.bytes;
    first.mended_bytes += second.mended_bytes;
    first.faults.extend(second.faults);
    first.notes.extend(second.notes);
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_that_cannot_be_read_is_named() {
        let options = ReadOptions::of(&synthfleet_proto::job::Source::default()).expect("options");
        let source = SourcePart::open(&Source::Bytes("t.csv".into(), b"a,b\n1,2\n3,4\n".to_vec().into()), &options).expect("a table");
        let job = JobSpec { metadata: Some(serde_json::json!({ "uri": "/nowhere/m.json" })), ..JobSpec::default() };
        let error = given(&job, &source).map(drop).expect_err("refused");
        assert_eq!((error.code(), error.place().source.as_deref()), ("source::not_found", Some("/nowhere/m.json")));
    }

    #[test]
    fn what_changes_meanwhile_is_told_and_what_was_never_there_is_missing() {
        let folder = tempfile::tempdir().expect("room");
        let path = folder.path().join("t.csv");
        let source = Source::Path(path.clone());
        let options = ReadOptions::of(&synthfleet_proto::job::Source::default()).expect("options");
        let code = |read: Result<()>| read.expect_err("refused").code().to_owned();
        assert_eq!(code(SourcePart::open(&source, &options).map(drop)), "source::not_found");
        std::fs::write(&path, "a,b\n1,2\n3,4\n").expect("room");
        let part = SourcePart::open(&source, &options).expect("a table");
        part.unchanged().expect("as it was");
        std::fs::remove_file(&path).expect("own file");
        assert_eq!(code(part.unchanged()), "source::changed");
        assert_eq!(code(unchanged(&source, part.stamp)), "source::changed");
    }
}
