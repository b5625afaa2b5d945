//! A delimited file's dialect and columns, from its beginning.

use super::dialect::{Sniffed, dialect};
use super::header::{self, Verdict};
use crate::read::Opened;
use synthfleet_proto::metadata::Dialect;
use synthfleet_proto::score::Finding;
use synthfleet_proto::{Error, Result};

/// Text that is looked at.
const SAMPLE_BYTES: usize = 1 << 20;

/// A column as the header shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderCell {
    /// Unique name inside synthfleet.
    pub name: String,
    /// Header text as it stands in the file; empty without header.
    pub header: String,
    /// The header cell was quoted.
    pub quoted: bool,
}

/// How a delimited file is written and what its columns are called.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    /// The dialect. `encoding` may still change while the file is read to its end.
    pub dialect: Dialect,
    /// Columns in file order.
    pub columns: Vec<HeaderCell>,
    /// What was noticed.
    pub notes: Vec<Finding>,
}

/// Finds out dialect, header and column names by the first MiB.
pub fn layout(opened: &Opened) -> Result<Layout> {
    find(opened).map_err(|error| if error.place().source.is_some() { error } else { error.in_source(opened.source.name()) })
}

fn find(opened: &Opened) -> Result<Layout> {
    let options = opened.options();
    let mut reader = opened.text()?;
    let mut sample = String::new();
    let mut more = reader.read(SAMPLE_BYTES, &mut sample)?;
    // one record may be longer than the sample
    while more
        && sample.len() < options.limits.record_bytes_max
        && memchr::memchr2_iter(b'\n', b'\r', sample.as_bytes()).take(3).count() < 3
    {
        more = reader.read(SAMPLE_BYTES, &mut sample)?;
    }
    let complete = !reader.read(1, &mut sample)?;
    if sample.trim().is_empty() && complete {
        return Err(Error::data("input::empty", "the source has only blank lines").help("name a file that holds a table"));
    }
    let mut sniffed = dialect(&sample, complete, options)?;
    if sniffed.width > options.limits.columns_max {
        let message = format!("{} columns, limit {}", sniffed.width, options.limits.columns_max);
        return Err(Error::data("input::too_many_columns", message)
            .help("state the delimiter: --delimiter")
            .help("give the columns that matter as a smaller table"));
    }
    sniffed.dialect.encoding = reader.encoding();
    sniffed.dialect.bom = reader.bom();
    let mut notes = std::mem::take(&mut sniffed.notes);
    sniffed.dialect.header = match (options.header, header::judge(&sniffed.records)) {
        (Some(stated), _) => stated,
        (None, Verdict::Header) => true,
        (None, Verdict::Data) => false,
        (None, Verdict::Assumed) => {
            notes.push(note("header_assumed", "nothing tells whether the first row is a header: taken as one; --header no says otherwise"));
            true
        }
    };
    let columns = columns(&sniffed, &mut notes)?;
    Ok(Layout { dialect: sniffed.dialect, columns, notes })
}

fn columns(sniffed: &Sniffed<'_>, notes: &mut Vec<Finding>) -> Result<Vec<HeaderCell>> {
    if !sniffed.dialect.header {
        return Ok((1..=sniffed.width)
            .map(|number| HeaderCell { name: format!("c{number}"), header: String::new(), quoted: false })
            .collect());
    }
    let first = sniffed.records.first().map(Vec::as_slice).unwrap_or_default();
    let (names, twins) = header::names(first.iter().map(|cell| cell.text.as_ref()))?;
    if twins {
        notes.push(note("duplicate_header", "some columns have the same name: later ones are called name__2, name__3"));
    }
    let cells = names.into_iter().zip(first);
    Ok(cells.map(|(name, cell)| HeaderCell { name, header: cell.text.clone().into_owned(), quoted: cell.quoted }).collect())
}

fn note(code: &str, text: &str) -> Finding {
    Finding { code: code.to_owned(), column: None, number: None, text: text.to_owned() }
}
