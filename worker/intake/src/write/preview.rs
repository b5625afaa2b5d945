//! The first rows of a table as JSON lines: what a page shows of it.

use super::date;
use serde_json::{Map, Value, json};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use synthfleet_proto::metadata::{ColumnMeta, Kind};
use synthfleet_proto::{Error, Result};
use synthfleet_table::{Column, Table, Values};

/// Rows of a preview.
pub const PREVIEW_ROWS: usize = 1_000;

/// Writes the first [`PREVIEW_ROWS`] rows of tables that come one after the other: one object a line,
/// keys are column names, missing cells null, instants as their column writes them.
pub struct Preview {
    path: PathBuf,
    left: usize,
    inner: BufWriter<File>,
}

impl Preview {
    /// Starts the file.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).map_err(|e| Error::io(path.display(), e))?;
        Ok(Self { path: path.to_owned(), left: PREVIEW_ROWS, inner: BufWriter::new(file) })
    }

    /// Adds rows while there is room.
    pub fn append(&mut self, table: &Table) -> Result<()> {
        for row in 0..table.rows().min(self.left) {
            let cells = table.described().map(|(meta, column)| (meta.name.clone(), cell(meta, column, row)));
            let line = Value::Object(cells.collect::<Map<_, _>>());
            writeln!(self.inner, "{line}").map_err(|e| Error::io(self.path.display(), e))?;
            self.left -= 1;
        }
        Ok(())
    }

    /// Closes the file.
    pub fn finish(mut self) -> Result<()> {
        self.inner.flush().map_err(|e| Error::io(self.path.display(), e))
    }
}

fn cell(meta: &ColumnMeta, column: &Column, row: usize) -> Value {
    if column.is_missing(row) {
        return Value::Null;
    }
    match column.values() {
        Values::Real(values) => json!(values[row]),
        Values::Whole(values) => match &meta.date {
            Some(form) if meta.kind == Kind::Datetime => {
                let mut text = String::new();
                date::instant(&mut text, values[row], form);
                Value::String(text)
            }
            _ => json!(values[row]),
        },
        Values::Code(codes) => json!(meta.levels.get(codes[row] as usize)),
        Values::Text(texts) => json!(texts.get(row)),
    }
}

/// Writes the preview of a whole table.
pub fn write_preview(path: &Path, table: &Table) -> Result<()> {
    let mut preview = Preview::create(path)?;
    preview.append(table)?;
    preview.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use synthfleet_proto::metadata::Metadata;

    #[test]
    fn the_first_thousand_rows_are_kept() {
        let metadata = Arc::new(Metadata::plain("t", vec![ColumnMeta::plain("x", Kind::Continuous)]));
        let column = Column::new(Values::Real((0..1_500).map(f64::from).collect()), None).expect("finite");
        let table = Table::new(metadata, 1_500, vec![column]).expect("legal");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rows.jsonl");
        write_preview(&path, &table).expect("writes");
        let text = std::fs::read_to_string(&path).expect("there");
        assert_eq!((text.lines().count(), text.lines().last()), (1_000, Some("{\"x\":999.0}")));
    }
}
