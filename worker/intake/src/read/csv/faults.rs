//! Records that cannot be read: what is wrong, where, and what to do.

use super::Records;
use crate::read::bad_rows::excerpt;
use synthfleet_proto::{Error, Place, Result};

impl Records {
    pub(super) fn check_sizes(&self, next: usize) -> Result<()> {
        let limits = &self.options.limits;
        if next - self.at <= limits.cell_bytes_max {
            return Ok(());
        }
        for field in &self.fields {
            self.check_cell(field.start, field.end - field.start, field.quoted)?;
        }
        self.check_record(next - self.at)
    }

    pub(super) fn check_open(&self, field: usize, quoted: bool) -> Result<()> {
        self.check_cell(field, self.text.len().saturating_sub(field), quoted)?;
        self.check_record(self.text.len() - self.at)
    }

    fn check_cell(&self, start: usize, bytes: usize, quoted: bool) -> Result<()> {
        let limit = self.options.limits.cell_bytes_max;
        if bytes <= limit + usize::from(quoted) * 2 {
            return Ok(());
        }
        let place = place_in(&self.name, self.line, &self.text[self.at..], start - self.at);
        let line = place.line.unwrap_or_default();
        let tail = if quoted { format!("; quote opened at line {line}") } else { String::new() };
        let message = format!("more than {limit} bytes in a cell at line {line}{tail}");
        Err(Error::data("csv::cell_too_large", message)
            .at(place)
            .help("if the quote is data: --quote none")
            .help("leave the column of long texts out"))
    }

    fn check_record(&self, bytes: usize) -> Result<()> {
        let limit = self.options.limits.record_bytes_max;
        if bytes <= limit {
            return Ok(());
        }
        let message = format!("more than {limit} bytes in a record at line {}", self.line);
        let place = Place { source: Some(self.name.clone()), line: Some(self.line), ..Place::default() };
        Err(Error::data("csv::record_too_large", message).at(place).help("state the delimiter: --delimiter"))
    }

    pub(super) fn nul_byte(&self, at: usize) -> Error {
        let column = self.fields.iter().position(|field| (field.start..=field.end).contains(&at)).unwrap_or_default();
        let column = self.names.get(column).cloned().unwrap_or_else(|| format!("{}", column + 1));
        let mut place = place_in(&self.name, self.line, &self.text[self.at..], at - self.at);
        let message = format!("NUL byte at line {}, column {column}", place.line.unwrap_or_default());
        place.column = Some(column);
        Error::data("csv::nul_byte", message).at(place).help("leave such bytes out: --bad-bytes strip")
    }

    pub(super) fn unterminated(&self, at: usize) -> Error {
        let place = place_in(&self.name, self.line, &self.text[self.at..], at - self.at);
        let message = format!("quote opened at {}:{} never closes", place.line.unwrap_or_default(), place.position.unwrap_or_default());
        Error::data("csv::unterminated_quote", message).at(place).help("close it, or read quotes as data: --quote none")
    }
}

/// Line ends in a text: LF, CRLF or CR each count once.
pub(crate) fn lines_in(text: &[u8]) -> u64 {
    memchr::memchr2_iter(b'\n', b'\r', text).filter(|&place| text[place] == b'\n' || text.get(place + 1) != Some(&b'\n')).count() as u64
}

/// The place of byte `at` of a record that starts at `line`.
pub(super) fn place_in(source: &str, line: u64, record: &str, at: usize) -> Place {
    let before = &record[..at.min(record.len())];
    let start = before.rfind(['\n', '\r']).map_or(0, |end| end + 1);
    let end = record[before.len()..].find(['\n', '\r']).map_or(record.len(), |end| before.len() + end);
    Place {
        source: Some(source.to_owned()),
        line: Some(line + lines_in(before.as_bytes())),
        position: Some(before[start..].chars().count() as u64 + 1),
        excerpt: Some(excerpt(&record[start..end], before.len() - start)),
        ..Place::default()
    }
}
