//! The dialect of delimited text: the one whose reading is the most regular.
//!
//! # Definition
//! For every candidate (delimiter, quote, escape) at most 1,000 records are read; k is the modal number of
//! fields, c the share of records behind the preamble that have k, t the mean over columns of the share of
//! the commonest cell class. Score = c² t (1 - 1/(2k)); the best wins, ties in the order listed.
//! Ours: the first record does not count for t, it may be a header; cells of no class count half; a seldom
//! delimiter counts .8, and half of that if the first record does not have k fields; a preamble of several
//! fields counts .7; lines that are dates or times as a whole are one column.
//!
//! # Reference
//! The idea of row pattern times type score: van den Burg, Nazábal, Sutton 2019, doi:10.1007/s10618-019-00646-y.

use super::class::{CLASSES, Class, class};
use crate::read::{Field, Found, ReadOptions, Tokenizer};
use std::borrow::Cow;
use synthfleet_proto::metadata::Dialect;
use synthfleet_proto::score::Finding;
use synthfleet_proto::{Error, Result};

/// Records that are looked at.
const RECORDS_MAX: usize = 1_000;
/// Leading records that may be skipped.
const PREAMBLE_MAX: usize = 20;
const DELIMITERS: [u8; 8] = [b',', b'\t', b';', b'|', b' ', b'^', b'~', b':'];
/// The first so many delimiters are common ones.
const COMMON: usize = 4;
const SELDOM_WEIGHT: f64 = 0.8;
const PREAMBLE_WEIGHT: f64 = 0.7;
const OTHER_WEIGHT: f64 = 0.5;

/// A cell of the sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell<'a> {
    /// Its text without quotes and escapes.
    pub text: Cow<'a, str>,
    /// It was quoted.
    pub quoted: bool,
}

/// The dialect of a sample and the sample read by it.
#[derive(Debug, Clone)]
pub struct Sniffed<'a> {
    /// The dialect; `header` is not decided yet, `encoding` and `bom` are the caller's.
    pub dialect: Dialect,
    /// Number of columns.
    pub width: usize,
    /// The records of that width, the header first if there is one, `[records, width]`.
    pub records: Vec<Vec<Cell<'a>>>,
    /// What was noticed.
    pub notes: Vec<Finding>,
}

/// A reading of the sample by one candidate.
struct Survey<'a> {
    delimiter: u8,
    quote: Option<u8>,
    escape: Option<u8>,
    skip_space: bool,
    records: Vec<Record<'a>>,
    width: usize,
    preamble: usize,
    agreeing: f64,
    score: f64,
    quoted: usize,
    broken: usize,
    trailing: bool,
}

struct Record<'a> {
    start: usize,
    cells: Vec<Cell<'a>>,
    broken: bool,
}

/// Finds the dialect of a text's beginning. `complete`: the sample is the whole text. What `options`
/// state is taken as stated. Fails with `csv::dialect` if nothing explains the text.
pub fn dialect<'a>(sample: &'a str, complete: bool, options: &ReadOptions) -> Result<Sniffed<'a>> {
    let start = start_of(sample, options);
    let body = &sample[start..];
    let mut best: Option<Survey<'a>> = None;
    let mut tried = Vec::new();
    let alone = class_of_lines(body);
    for (place, &delimiter) in DELIMITERS.iter().enumerate() {
        let delimiter = match options.delimiter {
            Some(stated) if place == 0 => stated,
            Some(_) => break,
            None if place > 0 && memchr::memchr(delimiter, body.as_bytes()).is_none() => continue,
            None => delimiter,
        };
        let weight = if place < COMMON { 1.0 } else { SELDOM_WEIGHT };
        let mut doubled: Option<(usize, usize)> = None;
        for (quote, escape) in marks(body, delimiter, options) {
            // quotes are data only where reading them as quotes fails often
            if quote.is_none() && options.quote.is_none() && doubled.is_some_and(|(quoted, broken)| broken * 4 <= quoted || broken == 0) {
                continue;
            }
            let mut survey = Survey::new(body, complete, (delimiter, quote, escape), options);
            if quote == Some(b'\'') && survey.quoted == 0 && options.quote.is_none() {
                continue;
            }
            if quote == Some(b'"') && escape.is_none() {
                doubled = Some((survey.quoted, survey.broken));
            }
            survey.weigh(weight, alone);
            let is_better = best.as_ref().is_none_or(|best| {
                survey.score > best.score + 1e-9 || (survey.score > best.score - 1e-9 && survey.broken == 0 && survey.quoted > best.quoted)
            });
            if survey.width > 1 {
                tried.push((delimiter, survey.agreeing));
            }
            if is_better {
                best = Some(survey);
            }
        }
    }
    let Some(best) = best.filter(|best| !best.records.is_empty()) else {
        return Err(Error::data("input::empty", "the source has only blank lines").help("name a file that holds a table"));
    };
    if best.width == 1 && options.delimiter.is_none() && best.is_unclear() {
        return Err(no_dialect(&tried));
    }
    Ok(best.into_sniffed(sample, start, options))
}

/// Where the text begins behind stated lines and comments.
fn start_of(sample: &str, options: &ReadOptions) -> usize {
    let bytes = sample.as_bytes();
    let mut start = 0;
    for _ in 0..options.skip_lines.unwrap_or(0) {
        start = line_behind(bytes, start);
    }
    start
}

fn line_behind(bytes: &[u8], start: usize) -> usize {
    match memchr::memchr2(b'\n', b'\r', &bytes[start..]) {
        None => bytes.len(),
        Some(step) => start + step + if bytes[start + step..].starts_with(b"\r\n") { 2 } else { 1 },
    }
}

/// Quote and escape candidates that could make a difference in this text.
fn marks(body: &str, delimiter: u8, options: &ReadOptions) -> Vec<(Option<u8>, Option<u8>)> {
    let bytes = body.as_bytes();
    let has = |pair: &[u8]| memchr::memmem::find(bytes, pair).is_some();
    let mut all = Vec::new();
    let quotes: Vec<Option<u8>> = match options.quote {
        Some(stated) => vec![stated],
        None => {
            let single = memchr::memchr(b'\'', bytes).is_some();
            let double = memchr::memchr(b'"', bytes).is_some();
            [Some(Some(b'"')), single.then_some(Some(b'\'')), double.then_some(None)].into_iter().flatten().collect()
        }
    };
    for quote in quotes {
        let escapes: Vec<Option<u8>> = match options.escape {
            Some(stated) => vec![stated.filter(|&escape| Some(escape) != quote)],
            None => {
                let pair = has(&[b'\\', quote.unwrap_or(delimiter)]) || (quote.is_some() && has(&[b'\\', delimiter]));
                [Some(None), pair.then_some(Some(b'\\'))].into_iter().flatten().collect()
            }
        };
        all.extend(escapes.into_iter().map(|escape| (quote, escape)));
    }
    // backslashes may stand before delimiters where nothing is quoted
    if options.quote.is_none() && options.escape.is_none() && !all.iter().any(|mark| mark.0.is_none()) && has(&[b'\\', delimiter]) {
        all.push((None, Some(b'\\')));
    }
    all
}

/// The class of whole lines behind the first, if nearly all have the same one of a date, a time, or a
/// number with a comma below a header without one.
fn class_of_lines(body: &str) -> Option<Class> {
    let mut lines = body.split(['\n', '\r']).filter(|line| !line.trim().is_empty()).take(RECORDS_MAX);
    let first = lines.next()?;
    let classes: Vec<Class> = lines.map(class).collect();
    let share = |wanted: Class| classes.iter().filter(|&&found| found == wanted).count() * 100 >= classes.len() * 99 && !classes.is_empty();
    [Class::Date, Class::Time].into_iter().find(|&wanted| share(wanted)).or_else(|| {
        let numbers = classes.iter().all(|found| matches!(found, Class::Decimal | Class::Integer | Class::Empty)) && !classes.is_empty();
        (numbers && class(first) == Class::Text && !first.contains(',')).then_some(Class::Decimal)
    })
}

impl<'a> Survey<'a> {
    fn new(body: &'a str, complete: bool, marks: (u8, Option<u8>, Option<u8>), options: &ReadOptions) -> Self {
        let delimiter = marks.0;
        let bytes = body.as_bytes();
        let spaced = delimiter != b' ' && {
            let places: Vec<usize> = memchr::memchr_iter(delimiter, bytes).take(10_000).collect();
            let with = places.iter().filter(|&&place| bytes.get(place + 1) == Some(&b' ')).count();
            !places.is_empty() && with * 10 >= places.len() * 9
        };
        let mut survey = Self::read(body, complete, marks, spaced, options);
        if spaced && !survey.is_spaced(bytes) {
            survey = Self::read(body, complete, marks, false, options);
        }
        survey
    }

    fn read(body: &'a str, complete: bool, marks: (u8, Option<u8>, Option<u8>), skip_space: bool, options: &ReadOptions) -> Self {
        let (delimiter, quote, escape) = marks;
        let tokenizer = Tokenizer::new(delimiter, quote, escape, skip_space);
        let (mut at, mut fields, mut records) = (0, Vec::new(), Vec::new());
        let (mut quoted, mut broken_count) = (0, 0);
        while records.len() < RECORDS_MAX {
            if options.comment.is_some() && body.as_bytes().get(at).copied() == options.comment {
                at = line_behind(body.as_bytes(), at);
                continue;
            }
            match tokenizer.record(body.as_bytes(), at, complete, &mut fields) {
                Found::Record { next, after_quote, .. } => {
                    quoted += fields.iter().filter(|field| field.quoted).count();
                    broken_count += usize::from(after_quote.is_some());
                    let cells: Vec<Cell<'a>> = fields.iter().map(|&field| cell(&tokenizer, body, field)).collect();
                    if !matches!(cells.as_slice(), [only] if !only.quoted && only.text.trim().is_empty()) {
                        records.push(Record { start: at, cells, broken: after_quote.is_some() });
                    }
                    at = next;
                }
                Found::End | Found::Cut { .. } => break,
            }
        }
        // a text that ends inside a quote, or one record longer than the sample: what there is
        if records.is_empty()
            && let Found::Record { .. } = Tokenizer::new(delimiter, None, None, skip_space).record(body.as_bytes(), 0, true, &mut fields)
        {
            let cells = fields.iter().map(|&field| cell(&tokenizer, body, field)).collect();
            records.push(Record { start: 0, cells, broken: true });
        }
        let mut survey = Self {
            delimiter,
            quote,
            escape,
            skip_space,
            records,
            width: 0,
            preamble: 0,
            agreeing: 0.0,
            score: 0.0,
            quoted,
            broken: broken_count,
            trailing: false,
        };
        survey.measure();
        survey
    }

    /// Modal width, preamble, share of records that agree.
    fn measure(&mut self) {
        let mut widths = std::collections::BTreeMap::new();
        for record in &self.records {
            *widths.entry(record.cells.len()).or_insert(0usize) += 1;
        }
        self.width = widths.iter().max_by_key(|&(&width, &count)| (count, width)).map_or(0, |(&width, _)| width);
        let is_comment = |record: &Record<'_>| record.cells.first().is_some_and(|cell| !cell.quoted && cell.text.starts_with('#'));
        let fits = |record: &Record<'_>| {
            record.cells.len() >= self.width && !(is_comment(record) && (self.width == 1 || record.cells.len() != self.width))
        };
        let first = self.records.iter().take(PREAMBLE_MAX + 1).position(fits);
        self.preamble = first.filter(|_| self.records.len() > 1).unwrap_or(0);
        let body = &self.records[self.preamble.min(self.records.len())..];
        let agreeing = body.iter().filter(|record| record.cells.len() == self.width && !record.broken).count();
        self.agreeing = agreeing as f64 / body.len().max(1) as f64;
        let ends_empty = |record: &Record<'_>| record.cells.last().is_some_and(|last| last.text.is_empty() && !last.quoted);
        self.trailing = self.width > 1 && body.iter().all(|record| record.cells.len() == self.width && ends_empty(record));
        // the header may go without the extra delimiter
        if self.trailing && self.preamble > 0 && self.records[self.preamble - 1].cells.len() + 1 == self.width {
            self.preamble -= 1;
        }
    }

    fn weigh(&mut self, weight: f64, alone: Option<Class>) {
        let width = self.width;
        let mut counts = vec![[0u32; CLASSES]; width];
        let (mut records, mut first_fits) = (0u32, true);
        for (place, record) in self.records[self.preamble..].iter().enumerate() {
            if record.cells.len() != width {
                first_fits &= place > 0;
                continue;
            }
            if place == 0 && self.records.len() > 2 {
                continue;
            }
            records += 1;
            for (counts, cell) in counts.iter_mut().zip(&record.cells) {
                counts[class(&cell.text) as usize] += 1;
            }
        }
        let share = |counts: &[u32; CLASSES]| {
            let weighed = |place: usize| f64::from(counts[place]) * if place == Class::Other as usize { OTHER_WEIGHT } else { 1.0 };
            (0..CLASSES).map(weighed).fold(0.0, f64::max) / f64::from(records.max(1))
        };
        let purity = counts.iter().map(share).sum::<f64>() / width.max(1) as f64;
        let wide = if width == 1 && alone.is_some() { 0.95 } else { 1.0 - 0.5 / width.max(1) as f64 };
        let doubtful = weight < 1.0 && width > 1 && (self.preamble > 0 || !first_fits);
        let odd = self.preamble > 0 && self.records[..self.preamble].iter().any(|record| record.cells.len() > 1);
        let seldom = if width > 1 { weight } else { 1.0 } * if doubtful { 0.5 } else { 1.0 } * if odd { PREAMBLE_WEIGHT } else { 1.0 };
        self.score = self.agreeing * self.agreeing * purity * wide * seldom;
    }

    /// Whether a space follows nearly every delimiter.
    fn is_spaced(&self, body: &[u8]) -> bool {
        let (mut all, mut spaced) = (0usize, 0usize);
        for record in &self.records {
            let tokenizer = Tokenizer::new(self.delimiter, self.quote, self.escape, true);
            let mut fields = Vec::new();
            tokenizer.record(body, record.start, true, &mut fields);
            for field in fields.iter().skip(1) {
                all += 1;
                spaced += usize::from(body[field.start - 1 - usize::from(field.quoted)] == b' ');
            }
        }
        all > 0 && spaced * 100 >= all * 99
    }

    /// One column whose lines look like nothing in particular.
    fn is_unclear(&self) -> bool {
        let other =
            self.records.iter().filter(|record| record.cells.iter().all(|cell| !cell.quoted && class(&cell.text) == Class::Other)).count();
        other * 2 > self.records.len()
    }

    fn into_sniffed(self, sample: &str, start: usize, options: &ReadOptions) -> Sniffed<'a> {
        let mut notes = Vec::new();
        let body = &sample[start..];
        let header_start = self.records.get(self.preamble).map_or(0, |record| record.start);
        let before = if self.preamble > 0 { crate::read::csv::lines_in(&body.as_bytes()[..header_start]) } else { 0 };
        if before > 0 {
            let text = format!("{before} lines before the table are skipped");
            notes.push(Finding { code: "preamble_skipped".to_owned(), column: None, number: Some(before as f64), text });
        }
        let first = self.records.get(self.preamble).map_or(self.width, |record| record.cells.len());
        // a longer header sets the width: every row is then short, and told so
        let full = if self.trailing { self.width } else { first.max(self.width) };
        let width = full - usize::from(self.trailing);
        let dialect = Dialect {
            delimiter: char::from(self.delimiter),
            quote: self.quote.map(char::from),
            escape: self.escape.map(char::from),
            line_end: line_end(body).to_owned(),
            skip_initial_space: self.skip_space,
            skipped_lines: options.skip_lines.unwrap_or(0) + before as u32,
            comment: options.comment.map(char::from),
            trailing_delimiter: self.trailing,
            ..Dialect::default()
        };
        let fits = |record: &Record<'_>| (record.cells.len() == full || record.cells.len() == width) && !record.broken;
        let fitting = self.records.into_iter().skip(self.preamble).filter(fits);
        let records = fitting.map(|mut record| {
            record.cells.truncate(width);
            record.cells
        });
        Sniffed { dialect, width, records: records.collect(), notes }
    }
}

fn cell<'a>(tokenizer: &Tokenizer, body: &'a str, field: Field) -> Cell<'a> {
    let content = &body[field.start..field.end];
    if !field.escaped {
        return Cell { text: Cow::Borrowed(content), quoted: field.quoted };
    }
    let mut text = String::new();
    tokenizer.unescape(content, field, &mut text);
    Cell { text: Cow::Owned(text), quoted: field.quoted }
}

/// The commonest line end; LF if there is none.
fn line_end(text: &str) -> &'static str {
    let bytes = text.as_bytes();
    let mut counts = [0usize; 3];
    for place in memchr::memchr2_iter(b'\n', b'\r', bytes) {
        match (bytes[place], bytes.get(place + 1)) {
            (b'\r', Some(b'\n')) => counts[1] += 1,
            (b'\r', _) => counts[2] += 1,
            _ if place > 0 && bytes[place - 1] == b'\r' => {}
            _ => counts[0] += 1,
        }
    }
    let most = counts.iter().copied().max().unwrap_or(0);
    match counts.iter().position(|&count| count == most) {
        Some(1) => "\r\n",
        Some(2) => "\r",
        _ => "\n",
    }
}

fn no_dialect(tried: &[(u8, f64)]) -> Error {
    let shown = |delimiter: u8| if delimiter == b'\t' { "TAB".to_owned() } else { format!("'{}'", char::from(delimiter)) };
    let best =
        tried.iter().fold(None, |best: Option<(u8, f64)>, &one| if best.is_some_and(|best| best.1 >= one.1) { best } else { Some(one) });
    let message = match best {
        Some((delimiter, share)) => {
            format!("no dialect explains this file (best {}: {:.0} % of rows agree)", shown(delimiter), share * 100.0)
        }
        None => "no dialect explains this file".to_owned(),
    };
    let mut delimiters: Vec<String> = tried.iter().map(|&(delimiter, _)| shown(delimiter)).collect();
    delimiters.dedup();
    Error::data("csv::dialect", message).help(format!("state the delimiter: --delimiter   (tried: {})", delimiters.join(" ")))
}
