//! Tables as delimited text in the dialect of their input: delimiter, quotes, header bytes, line end,
//! byte-order mark, initial space, number and date forms, missing tokens. Always UTF-8.

use super::{Packing, date, number};
use rayon::prelude::*;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use synthfleet_proto::metadata::{ColumnMeta, Dialect, Kind, Metadata, NumberForm, Role};
use synthfleet_proto::{Error, Result};
use synthfleet_table::{Column, Table, Values};

/// Rows that are turned into text at once by one thread.
const CHUNK_ROWS: usize = 8_192;
/// Chunks that are held as text at once.
const CHUNKS_MAX: usize = 16;

/// How a table is written beyond what its metadata says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CsvOptions {
    /// Compression.
    pub packing: Packing,
    /// Put `'` before labels, ids and text that a spreadsheet would take for a formula.
    pub csv_safe: bool,
}

/// Writes a whole table to a file.
pub fn write_csv(path: &Path, table: &Table, options: &CsvOptions) -> Result<()> {
    let mut writer = CsvWriter::create(path, table.metadata(), options)?;
    writer.append(table)?;
    writer.finish()
}

/// A table as delimited text in memory, without compression.
pub fn to_text(table: &Table, csv_safe: bool) -> String {
    let rows = Rows { metadata: table.metadata(), csv_safe };
    let mut out = String::new();
    rows.start(&mut out);
    rows.write(&mut out, table, 0..table.rows());
    rows.end(&mut out);
    out
}

/// Writes tables of one description one after the other into one file.
pub struct CsvWriter {
    path: PathBuf,
    metadata: Arc<Metadata>,
    csv_safe: bool,
    // the line end of the row before: held back, since the last row may have none
    pending: String,
    inner: super::Packer<BufWriter<File>>,
}

impl CsvWriter {
    /// Starts a file with its header.
    pub fn create(path: &Path, metadata: &Arc<Metadata>, options: &CsvOptions) -> Result<Self> {
        let file = File::create(path).map_err(|e| Error::io(path.display(), e))?;
        let inner =
            super::Packer::new(BufWriter::with_capacity(1 << 16, file), options.packing).map_err(|e| Error::io(path.display(), e))?;
        let mut writer =
            Self { path: path.to_owned(), metadata: Arc::clone(metadata), csv_safe: options.csv_safe, pending: String::new(), inner };
        let mut head = String::new();
        Rows { metadata, csv_safe: options.csv_safe }.start(&mut head);
        writer.write(head)?;
        Ok(writer)
    }

    /// Adds the rows of a table of the same description.
    pub fn append(&mut self, table: &Table) -> Result<()> {
        let metadata = Arc::clone(&self.metadata);
        let rows = Rows { metadata: &metadata, csv_safe: self.csv_safe };
        for first in (0..table.rows()).step_by(CHUNK_ROWS * CHUNKS_MAX) {
            let end = table.rows().min(first + CHUNK_ROWS * CHUNKS_MAX);
            let starts: Vec<usize> = (first..end).step_by(CHUNK_ROWS).collect();
            let texts: Vec<String> = starts
                .into_par_iter()
                .map(|start| {
                    let mut out = String::new();
                    rows.write(&mut out, table, start..end.min(start + CHUNK_ROWS));
                    out
                })
                .collect();
            for text in texts {
                self.write(text)?;
            }
        }
        Ok(())
    }

    /// Writes what is left and closes the file.
    pub fn finish(mut self) -> Result<()> {
        let mut tail = std::mem::take(&mut self.pending);
        Rows { metadata: &self.metadata, csv_safe: self.csv_safe }.end(&mut tail);
        let path = self.path;
        let mut inner = self.inner;
        let written = inner.write_all(tail.as_bytes()).and_then(|()| inner.finish()).and_then(|mut file| file.flush());
        written.map_err(|e| Error::io(path.display(), e))
    }

    fn write(&mut self, mut text: String) -> Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        let line_end = self.metadata.dialect.line_end.as_str();
        let kept = text.strip_suffix(line_end).map_or(text.len(), str::len);
        let held = text.split_off(kept);
        self.inner
            .write_all(self.pending.as_bytes())
            .and_then(|()| self.inner.write_all(text.as_bytes()))
            .map_err(|e| Error::io(self.path.display(), e))?;
        self.pending = held;
        Ok(())
    }
}

/// Turns rows into text.
struct Rows<'a> {
    metadata: &'a Metadata,
    csv_safe: bool,
}

impl Rows<'_> {
    fn start(&self, out: &mut String) {
        let dialect = &self.metadata.dialect;
        if dialect.bom {
            out.push('\u{feff}');
        }
        if !dialect.header {
            return;
        }
        for (place, meta) in self.shown() {
            self.separate(out, place);
            cell(out, &meta.header, meta.header_quoted, place == 0, dialect);
        }
        self.end_row(out);
    }

    /// Drops the last line end where the input had none.
    fn end(&self, out: &mut String) {
        let dialect = &self.metadata.dialect;
        if !dialect.final_line_end
            && let Some(kept) = out.strip_suffix(dialect.line_end.as_str())
        {
            out.truncate(kept.len());
        }
    }

    fn write(&self, out: &mut String, table: &Table, rows: std::ops::Range<usize>) {
        let dialect = &self.metadata.dialect;
        let plain = NumberForm::default();
        let columns: Vec<(usize, &ColumnMeta, &Column)> = self
            .shown()
            .map(|(place, meta)| (place, meta, self.metadata.position(&meta.name).unwrap_or(place)))
            .map(|(place, meta, at)| (place, meta, table.column(at)))
            .collect();
        let mut text = String::new();
        for row in rows {
            for &(place, meta, column) in &columns {
                self.separate(out, place);
                if meta.role == Role::Null || column.is_missing(row) {
                    cell(out, &meta.missing_token, meta.missing_quoted, place == 0, dialect);
                    continue;
                }
                text.clear();
                let written = match column.values() {
                    Values::Code(codes) => meta.levels.get(codes[row] as usize).map_or("", String::as_str),
                    Values::Text(texts) => texts.get(row),
                    Values::Real(values) => {
                        number::real(&mut text, values[row], meta.number.as_ref().unwrap_or(&plain));
                        &text
                    }
                    Values::Whole(values) => {
                        match &meta.date {
                            Some(form) if meta.kind == Kind::Datetime => date::instant(&mut text, values[row], form),
                            _ => number::whole(&mut text, values[row], meta.number.as_ref().unwrap_or(&plain)),
                        }
                        &text
                    }
                };
                let is_text = matches!(column.values(), Values::Code(_) | Values::Text(_));
                if self.csv_safe && is_text && is_formula(written) {
                    cell(out, &format!("'{written}"), meta.quoted, place == 0, dialect);
                } else {
                    cell(out, written, meta.quoted, place == 0, dialect);
                }
            }
            self.end_row(out);
        }
    }

    /// Columns that the file has, with their place in it.
    fn shown(&self) -> impl Iterator<Item = (usize, &ColumnMeta)> {
        self.metadata.columns.iter().filter(|meta| meta.role != Role::Drop).enumerate()
    }

    fn separate(&self, out: &mut String, place: usize) {
        if place > 0 {
            out.push(self.metadata.dialect.delimiter);
            if self.metadata.dialect.skip_initial_space {
                out.push(' ');
            }
        }
    }

    fn end_row(&self, out: &mut String) {
        if self.metadata.dialect.trailing_delimiter {
            out.push(self.metadata.dialect.delimiter);
        }
        out.push_str(&self.metadata.dialect.line_end);
    }
}

/// Whether a spreadsheet would take a cell for a formula.
pub fn is_formula(text: &str) -> bool {
    text.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

fn cell(out: &mut String, text: &str, quoted: bool, first: bool, dialect: &Dialect) {
    let special = |c: char| c == dialect.delimiter || c == '\n' || c == '\r';
    let is_comment = first && dialect.comment.is_some_and(|mark| text.starts_with(mark));
    match dialect.quote {
        Some(quote) if quoted || is_comment || text.contains(|c| c == quote || special(c)) => {
            out.push(quote);
            for c in text.chars() {
                if c == quote || Some(c) == dialect.escape {
                    out.push(dialect.escape.unwrap_or(quote));
                }
                out.push(c);
            }
            out.push(quote);
        }
        Some(_) => match dialect.escape {
            Some(escape) if text.contains(escape) => text.chars().for_each(|c| {
                if c == escape {
                    out.push(escape);
                }
                out.push(c);
            }),
            _ => out.push_str(text),
        },
        // without quotes a delimiter inside a cell is escaped, or cannot be written at all
        None if text.contains(special) => text.chars().for_each(|c| match (special(c), dialect.escape) {
            (true, Some(escape)) => out.extend([escape, c]),
            (true, None) => out.push('_'),
            (false, _) => out.push(c),
        }),
        None => out.push_str(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use synthfleet_table::Bits;

    fn table(dialect: Dialect) -> Table {
        let mut label = ColumnMeta::plain("label", Kind::Categorical);
        label.levels = vec!["a;b".into(), "say \"x\"".into(), "=1+1".into()];
        label.header = " label ".into();
        let mut size = ColumnMeta::plain("size", Kind::Continuous);
        size.number = Some(NumberForm { decimals: Some(1), decimal_mark: ',', ..NumberForm::default() });
        size.missing_token = "NA".into();
        let mut dropped = ColumnMeta::plain("dropped", Kind::Text);
        dropped.role = Role::Drop;
        let mut metadata = Metadata::plain("t", vec![label, dropped, size]);
        metadata.dialect = dialect;
        let columns = vec![
            Column::new(Values::Code([0, 1, 2].into()), None).expect("legal"),
            Column::new(Values::Text(["x", "y", "z"].into_iter().collect()), None).expect("legal"),
            Column::new(Values::Real([1.5, 0.0, -2.0].into()), Some(Bits::collect([false, true, false].into_iter()))).expect("legal"),
        ];
        Table::new(Arc::new(metadata), 3, columns).expect("legal")
    }

    #[test]
    fn cells_are_quoted_only_where_they_must_be() {
        let dialect = Dialect { delimiter: ';', ..Dialect::default() };
        assert_eq!(to_text(&table(dialect), false), " label ;size\n\"a;b\";1,5\n\"say \"\"x\"\"\";NA\n=1+1;-2\n");
    }

    #[test]
    fn the_dialect_is_written_back() {
        let dialect = Dialect {
            delimiter: ';',
            escape: Some('\\'),
            line_end: "\r\n".into(),
            bom: true,
            skip_initial_space: true,
            header: false,
            trailing_delimiter: true,
            final_line_end: false,
            ..Dialect::default()
        };
        assert_eq!(to_text(&table(dialect), false), "\u{feff}\"a;b\"; 1,5;\r\n\"say \\\"x\\\"\"; NA;\r\n=1+1; -2;");
    }

    #[test]
    fn formulas_are_defused_on_request_alone() {
        assert!(
            to_text(&table(Dialect::default()), true).contains("'=1+1,\"-2\"\n")
                || to_text(&table(Dialect::default()), true).contains("'=1+1,-2\n")
        );
        assert!(to_text(&table(Dialect::default()), false).contains("\n=1+1,-2\n"));
    }

    #[test]
    fn without_quotes_a_delimiter_is_escaped_or_replaced() {
        let bare = Dialect { delimiter: ';', quote: None, ..Dialect::default() };
        assert!(to_text(&table(bare.clone()), false).contains("\na_b;1,5\nsay \"x\";NA\n"));
        let escaped = Dialect { escape: Some('\\'), ..bare };
        assert!(to_text(&table(escaped), false).contains("\na\\;b;1,5\n"));
    }

    #[test]
    fn a_file_in_pieces_equals_the_text_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("t.csv");
        let table = table(Dialect { final_line_end: false, ..Dialect::default() });
        let mut writer = CsvWriter::create(&path, table.metadata(), &CsvOptions::default()).expect("starts");
        for row in 0..3 {
            writer.append(&table.take(&[row])).expect("writes");
        }
        writer.finish().expect("ends");
        assert_eq!(std::fs::read_to_string(&path).expect("there"), to_text(&table, false));
    }
}
