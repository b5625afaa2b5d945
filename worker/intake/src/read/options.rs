//! How a source is to be read: what the user knows of it, what happens to bad rows and bytes, limits.

use synthfleet_proto::job;
use synthfleet_proto::metadata::Format;
use synthfleet_proto::{Error, Result};

/// What happens to records of the wrong length and to records with text after a closing quote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BadRows {
    /// The whole table is read, then refused with every sort of fault counted.
    #[default]
    Fail,
    /// They are left out and counted.
    Skip,
    /// They are left out, counted and handed over with their original text.
    Save,
    /// Short ones are filled with missing cells; the others are handed over as for `Save`.
    Pad,
}

/// What happens to bytes that are not text in the file's encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BadBytes {
    /// The table is refused.
    #[default]
    Fail,
    /// Each is replaced by U+FFFD and counted.
    Replace,
    /// NUL bytes are left out and counted; other bad bytes are refused.
    Strip,
}

/// Bounds on what is read. Bytes are counted after decompression.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Most data rows.
    pub rows_max: u64,
    /// Fewest data rows.
    pub rows_min: u64,
    /// Most columns.
    pub columns_max: usize,
    /// Longest cell in bytes.
    pub cell_bytes_max: usize,
    /// Longest record in bytes.
    pub record_bytes_max: usize,
    /// Longest source in bytes.
    pub input_bytes_max: u64,
    /// Most bytes out per byte in, checked past `ratio_from_bytes`.
    pub ratio_max: u64,
    /// From how many bytes on the ratio is checked.
    pub ratio_from_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rows_max: (1 << 31) - 1,
            rows_min: 5,
            columns_max: 16_384,
            cell_bytes_max: 1 << 20,
            record_bytes_max: 16 << 20,
            input_bytes_max: 64 << 30,
            ratio_max: 1_000,
            ratio_from_bytes: 1 << 30,
        }
    }
}

/// How a source is to be read. What is `None` is found out.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadOptions {
    /// Form of the source.
    pub format: Option<Format>,
    /// Field separator.
    pub delimiter: Option<u8>,
    /// Quote; `Some(None)`: there is none.
    pub quote: Option<Option<u8>>,
    /// Escape; `Some(None)`: quotes are doubled.
    pub escape: Option<Option<u8>>,
    /// Whether the first record names the columns.
    pub header: Option<bool>,
    /// Lines before the header.
    pub skip_lines: Option<u32>,
    /// Lines that start with this byte are left out.
    pub comment: Option<u8>,
    /// Decimal mark.
    pub decimal: Option<char>,
    /// Thousands mark.
    pub thousands: Option<char>,
    /// Encoding label (WHATWG).
    pub encoding: Option<String>,
    /// What happens to bad records.
    pub bad_rows: BadRows,
    /// Largest share of bad records that is let pass, except under [`BadRows::Fail`].
    pub bad_rows_max: f64,
    /// What happens to bad bytes.
    pub bad_bytes: BadBytes,
    /// Bounds.
    pub limits: Limits,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            format: None,
            delimiter: None,
            quote: None,
            escape: None,
            header: None,
            skip_lines: None,
            comment: None,
            decimal: None,
            thousands: None,
            encoding: None,
            bad_rows: BadRows::Fail,
            bad_rows_max: 0.01,
            bad_bytes: BadBytes::Fail,
            limits: Limits::default(),
        }
    }
}

impl ReadOptions {
    /// The options that a job's source asks for. Fails with `Invalid` and the option's pointer.
    pub fn of(source: &job::Source) -> Result<Self> {
        let wish = &source.dialect;
        let mut options = Self {
            delimiter: one_byte(wish.delimiter.as_deref(), "delimiter")?,
            quote: byte_or_none(wish.quote.as_deref(), "quote")?,
            escape: byte_or_none(wish.escape.as_deref(), "escape")?,
            header: wish.header,
            skip_lines: wish.skip_lines,
            comment: one_byte(wish.comment.as_deref(), "comment")?,
            decimal: one_char(wish.decimal.as_deref(), "decimal")?,
            thousands: one_char(wish.thousands.as_deref(), "thousands")?,
            encoding: wish.encoding.clone(),
            bad_rows_max: source.bad_rows_max.unwrap_or(0.01),
            ..Self::default()
        };
        options.format = match source.format.as_deref() {
            None => None,
            Some("csv") => Some(Format::Csv),
            Some("tsv") => {
                options.delimiter = options.delimiter.or(Some(b'\t'));
                Some(Format::Csv)
            }
            Some("parquet") => Some(Format::Parquet),
            Some(other) => return Err(unknown("/source/format", other, "csv, tsv, parquet")),
        };
        options.bad_rows = match source.bad_rows.as_deref() {
            None | Some("fail") => BadRows::Fail,
            Some("skip") => BadRows::Skip,
            Some("save") => BadRows::Save,
            Some("pad") => BadRows::Pad,
            Some(other) => return Err(unknown("/source/bad_rows", other, "fail, skip, save, pad")),
        };
        options.bad_bytes = match source.bad_bytes.as_deref() {
            None | Some("fail") => BadBytes::Fail,
            Some("replace") => BadBytes::Replace,
            Some("strip") => BadBytes::Strip,
            Some(other) => return Err(unknown("/source/bad_bytes", other, "fail, replace, strip")),
        };
        Ok(options)
    }
}

fn unknown(pointer: &str, value: &str, allowed: &str) -> Error {
    Error::invalid("job::option", format!("{value} is not one of {allowed}")).at_pointer(pointer)
}

fn one_char(text: Option<&str>, name: &str) -> Result<Option<char>> {
    let Some(text) = text else { return Ok(None) };
    let text = if matches!(text, "tab" | "\\t") { "\t" } else { text };
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(one), None) => Ok(Some(one)),
        _ => Err(Error::invalid("job::option", format!("{name} must be one character"))
            .at_pointer(format!("/source/dialect/{name}"))
            .help("write `tab` for a tab, and `none` for no quote or escape")),
    }
}

fn one_byte(text: Option<&str>, name: &str) -> Result<Option<u8>> {
    match one_char(text, name)? {
        None => Ok(None),
        Some(one) if one.is_ascii() && !matches!(one, '\n' | '\r' | '\0') => Ok(Some(one as u8)),
        Some(_) => {
            let message = format!("{name} must be an ASCII character other than a line end");
            Err(Error::invalid("job::option", message).at_pointer(format!("/source/dialect/{name}")))
        }
    }
}

fn byte_or_none(text: Option<&str>, name: &str) -> Result<Option<Option<u8>>> {
    match text {
        Some("none" | "") => Ok(Some(None)),
        text => Ok(one_byte(text, name)?.map(Some)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_states_its_dialect_in_words() {
        let mut source = job::Source { format: Some("tsv".into()), bad_rows: Some("pad".into()), ..job::Source::default() };
        source.dialect.quote = Some("none".into());
        let options = ReadOptions::of(&source).expect("legal");
        assert_eq!((options.delimiter, options.quote, options.bad_rows), (Some(b'\t'), Some(None), BadRows::Pad));
    }

    #[test]
    fn a_delimiter_of_two_characters_names_its_option() {
        let mut source = job::Source::default();
        source.dialect.delimiter = Some("||".into());
        let error = ReadOptions::of(&source).expect_err("two characters");
        assert_eq!(error.place().pointer.as_deref(), Some("/source/dialect/delimiter"));
    }
}
