//! Records of delimited text, in batches, every one accounted for: rows + rejected + blank = records.

mod faults;

use super::bad_rows::{Fault, Faults, Rejected};
use super::batch::Batch;
use super::decode::TextReader;
use super::options::{BadRows, ReadOptions};
use super::source::Opened;
use super::tokenize::{Field, Found, Tokenizer};
use crate::sniff::Layout;
pub(crate) use faults::lines_in;
use faults::place_in;
use synthfleet_proto::score::Finding;
use synthfleet_proto::{Error, Place, Result};

/// Text that is read at once.
const READ_BYTES: usize = 256 << 10;

/// What became of every record of a file.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Accounting {
    /// Records behind the header: rows, rejected and blank ones.
    pub records: u64,
    /// Records that became rows.
    pub rows: u64,
    /// Records that were left out.
    pub rejected: u64,
    /// Blank lines.
    pub blank: u64,
    /// Rows that were filled with missing cells.
    pub padded: u64,
    /// Comment lines, no records.
    pub comments: u64,
    /// Bytes after decompression.
    pub bytes: u64,
    /// Bytes that were replaced or left out.
    pub mended_bytes: u64,
    /// Encoding that was met, a lower-case WHATWG name.
    pub encoding: String,
    /// The source began with a byte-order mark.
    pub bom: bool,
    /// The last record ended with a line end.
    pub final_line_end: bool,
    /// Sorts of bad records with counts, commonest first.
    pub faults: Vec<(String, u64)>,
    /// What was noticed.
    pub notes: Vec<Finding>,
}

/// The records of a source from its first to its last.
pub struct Records {
    name: String,
    reader: TextReader,
    tokenizer: Tokenizer,
    options: ReadOptions,
    names: Vec<String>,
    trailing: bool,
    has_header: bool,
    text: String,
    at: usize,
    line: u64,
    last: bool,
    /// The text's last byte so far.
    last_byte: Option<u8>,
    fields: Vec<Field>,
    faults: Faults,
    accounting: Accounting,
}

impl Records {
    /// Starts at the first record behind the header.
    pub fn new(opened: &Opened, layout: &Layout) -> Result<Self> {
        let mut records = Self {
            name: opened.source.name(),
            reader: opened.text()?,
            tokenizer: Tokenizer::of(&layout.dialect),
            options: opened.options().clone(),
            names: layout.columns.iter().map(|column| column.name.clone()).collect(),
            trailing: layout.dialect.trailing_delimiter,
            has_header: layout.dialect.header,
            text: String::new(),
            at: 0,
            line: 1,
            last: false,
            last_byte: None,
            fields: Vec::new(),
            faults: Faults::default(),
            accounting: Accounting::default(),
        };
        records.options.comment = layout.dialect.comment.and_then(|mark| u8::try_from(mark).ok());
        for _ in 0..layout.dialect.skipped_lines {
            records.skip_line()?;
        }
        if records.has_header {
            records.skip_header()?;
        }
        Ok(records)
    }

    /// Fills `batch` with the next rows; `false` when there are none left.
    pub fn next_batch(&mut self, batch: &mut Batch) -> Result<bool> {
        batch.clear(self.names.len());
        while !batch.is_full() {
            let Some((next, after_quote)) = self.record()? else { break };
            self.take(next, after_quote, batch)?;
        }
        Ok(batch.rows() > 0 || !batch.rejected.is_empty())
    }

    /// What became of all records; call it when [`Records::next_batch`] has nothing left. Fails if the
    /// policy on bad rows says so or if there are too few rows.
    pub fn finish(self) -> Result<Accounting> {
        let Self { mut accounting, faults, reader, options, .. } = self;
        accounting.bytes = reader.bytes();
        accounting.mended_bytes = reader.mended();
        accounting.encoding = reader.encoding();
        accounting.bom = reader.bom();
        accounting.notes = reader.notes().to_vec();
        accounting.final_line_end = matches!(self.text.as_bytes().last().copied().or(self.last_byte), Some(b'\n' | b'\r'));
        accounting.faults = faults.counts(self.names.len());
        debug_assert_eq!(accounting.rows + accounting.rejected + accounting.blank, accounting.records);
        let in_source = |error: Error| error.in_source(&self.name);
        if accounting.rejected > 0 {
            if options.bad_rows == BadRows::Fail {
                let error = faults.into_error(self.names.len(), accounting.records);
                let place = error.place().clone();
                return Err(error.at(Place { source: Some(self.name), ..place }));
            }
            if accounting.rejected as f64 > options.bad_rows_max * accounting.records as f64 {
                let counts = accounting.faults.iter().map(|(words, count)| format!("{count} {words}")).collect::<Vec<_>>().join(", ");
                let share = options.bad_rows_max * 100.0;
                let message = format!("{} of {} rows bad, limit {share} %", accounting.rejected, accounting.records);
                return Err(in_source(Error::data("csv::too_many_bad_rows", message).help(counts).help("raise --bad-rows-max")));
            }
        }
        if accounting.rows == 0 && self.has_header {
            return Err(in_source(Error::data("csv::header_only", "header but no rows").help("if the first row is data: --header no")));
        }
        if accounting.rows < options.limits.rows_min {
            let message = format!("{} data rows, need at least {}", accounting.rows, options.limits.rows_min);
            let help = if self.has_header { "if the first row is data: --header no" } else { "give more rows" };
            return Err(in_source(Error::data("input::too_few_rows", message).help(help)));
        }
        Ok(accounting)
    }

    /// Lets more text in, behind what is not consumed yet.
    fn more(&mut self) -> Result<()> {
        self.last_byte = self.text.as_bytes().last().copied().or(self.last_byte);
        self.text.drain(..self.at);
        self.at = 0;
        // a long record doubles the step, so that scanning it again stays linear
        let wanted = READ_BYTES.max(self.text.len());
        self.last = !self.reader.read(wanted, &mut self.text)?;
        Ok(())
    }

    fn skip_line(&mut self) -> Result<()> {
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            let end = memchr::memchr2(b'\n', b'\r', rest);
            match end {
                Some(end) if rest[end] == b'\n' || end + 1 < rest.len() || self.last => {
                    self.at += end + if rest[end..].starts_with(b"\r\n") { 2 } else { 1 };
                    self.line += 1;
                    return Ok(());
                }
                _ if self.last => {
                    self.at = self.text.len();
                    return Ok(());
                }
                _ => self.more()?,
            }
        }
    }

    fn skip_header(&mut self) -> Result<()> {
        while let Some((next, _)) = self.record()? {
            let blank = self.is_blank();
            self.advance(next);
            if !blank {
                break;
            }
            self.accounting.blank += 1;
            self.accounting.records += 1;
        }
        Ok(())
    }

    /// Tokenizes the next record: its end, and where text follows a closing quote.
    fn record(&mut self) -> Result<Option<(usize, Option<usize>)>> {
        loop {
            if let Some(mark) = self.options.comment
                && self.text.as_bytes().get(self.at) == Some(&mark)
            {
                self.skip_line()?;
                self.accounting.comments += 1;
                continue;
            }
            match self.tokenizer.record(self.text.as_bytes(), self.at, self.last, &mut self.fields) {
                Found::Record { next, after_quote, nul } => {
                    if let Some(place) = nul {
                        return Err(self.nul_byte(place));
                    }
                    self.check_sizes(next)?;
                    return Ok(Some((next, after_quote)));
                }
                Found::End => return Ok(None),
                Found::Cut { field, quoted } => {
                    self.check_open(field, quoted)?;
                    if self.last {
                        return Err(self.unterminated(field));
                    }
                    self.more()?;
                }
            }
        }
    }

    fn take(&mut self, next: usize, after_quote: Option<usize>, batch: &mut Batch) -> Result<()> {
        let width = self.names.len();
        self.accounting.records += 1;
        if self.is_blank() && width > 1 {
            self.accounting.blank += 1;
            self.advance(next);
            return Ok(());
        }
        if self.trailing
            && self.fields.len() == width + 1
            && self.fields.last().is_some_and(|field| field.start == field.end && !field.quoted)
        {
            self.fields.pop();
        }
        let short = self.fields.len() < width;
        let fault = match after_quote {
            Some(_) => Some(Fault::AfterQuote),
            None if self.fields.len() == width || (short && self.options.bad_rows == BadRows::Pad) => None,
            None => Some(Fault::Ragged(self.fields.len())),
        };
        match fault {
            Some(fault) => self.reject(fault, next, after_quote, batch),
            None => {
                self.accounting.rows += 1;
                self.accounting.padded += u64::from(short);
                self.push(batch);
                if self.accounting.rows > self.options.limits.rows_max {
                    let message = format!("more than {} rows", self.options.limits.rows_max);
                    return Err(Error::data("input::too_many_rows", message).in_source(&self.name).help("give a part of the rows"));
                }
            }
        }
        self.advance(next);
        Ok(())
    }

    fn push(&self, batch: &mut Batch) {
        for &field in &self.fields {
            self.tokenizer.unescape(&self.text[field.start..field.end], field, &mut batch.text);
            batch.ends.push(batch.text.len() as u32);
            batch.quoted.push(field.quoted);
        }
        for _ in self.fields.len()..self.names.len() {
            batch.ends.push(batch.text.len() as u32);
            batch.quoted.push(false);
        }
        batch.lines.push(self.line);
    }

    fn reject(&mut self, fault: Fault, next: usize, after_quote: Option<usize>, batch: &mut Batch) {
        self.accounting.rejected += 1;
        let record = self.text[self.at..next].trim_end_matches(['\n', '\r']);
        let surplus = self.fields.get(self.names.len()).map(|field| field.start);
        let byte = after_quote.or(surplus).map_or(record.len(), |place| place - self.at);
        let (name, line) = (&self.name, self.line);
        self.faults.add(fault, || place_in(name, line, record, byte));
        if matches!(self.options.bad_rows, BadRows::Save | BadRows::Pad) {
            batch.rejected.push(Rejected { line, fault, text: record.to_owned() });
        }
    }

    fn advance(&mut self, next: usize) {
        let lines =
            if self.fields.iter().any(|field| field.quoted || field.escaped) { lines_in(&self.text.as_bytes()[self.at..next]) } else { 1 };
        self.line += lines;
        self.at = next;
    }

    fn is_blank(&self) -> bool {
        match self.fields.as_slice() {
            [field] => !field.quoted && self.text[field.start..field.end].trim_matches([' ', '\t']).is_empty(),
            _ => false,
        }
    }
}
