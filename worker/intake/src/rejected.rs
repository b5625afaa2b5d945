//! `rejected.csv`: records and cells that were left out, with their place, text and reason. Holds real
//! values: it stays where only the owner of the table reads.

use crate::read::Batch;
use crate::stage::RejectedCell;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use synthfleet_proto::{Error, Result};

/// The side file; it appears with its first line.
pub(crate) struct Rejects {
    path: PathBuf,
    names: Vec<String>,
    cells: u64,
    inner: Option<BufWriter<File>>,
}

impl Rejects {
    /// Nothing rejected yet; `names` are the columns' headers.
    pub(crate) fn new(path: &Path, names: Vec<String>) -> Self {
        Self { path: path.to_owned(), names, cells: 0, inner: None }
    }

    /// Adds what a batch left out.
    pub(crate) fn add(&mut self, batch: &Batch, cells: &[RejectedCell]) -> Result<()> {
        self.cells += cells.len() as u64;
        for record in batch.rejected() {
            self.write(record.line, "", &record.text, record.fault.code())?;
        }
        for cell in cells {
            let name = self.names[cell.column].clone();
            self.write(cell.line, &name, &cell.cell, cell.reason)?;
        }
        Ok(())
    }

    /// Cells that became missing.
    pub(crate) fn cells(&self) -> u64 {
        self.cells
    }

    /// Writes what is left.
    pub(crate) fn finish(&mut self) -> Result<()> {
        match &mut self.inner {
            Some(inner) => inner.flush().map_err(|e| Error::io(self.path.display(), e)),
            None => Ok(()),
        }
    }

    fn write(&mut self, line: u64, column: &str, text: &str, reason: &str) -> Result<()> {
        let broken = |e| Error::io(self.path.display(), e);
        let inner = match &mut self.inner {
            Some(inner) => inner,
            None => {
                let mut file = BufWriter::new(File::create(&self.path).map_err(broken)?);
                file.write_all(b"line,column,cell,reason\n").map_err(broken)?;
                self.inner.insert(file)
            }
        };
        writeln!(inner, "{line},{},{},{}", quoted(column), quoted(text), quoted(reason)).map_err(broken)
    }
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_written_with_place_and_reason_and_nothing_makes_no_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("rejected.csv");
        let mut rejects = Rejects::new(&path, vec!["a,b".into()]);
        rejects.finish().expect("nothing to write");
        assert!(!path.exists());
        let cell = RejectedCell { line: 7, column: 0, cell: "say \"x\"".into(), reason: "not a number" };
        rejects.add(&Batch::of_rows::<&str>(1, &[]), &[cell]).expect("writes");
        rejects.finish().expect("writes");
        let text = std::fs::read_to_string(&path).expect("there");
        assert_eq!(text, "line,column,cell,reason\n7,\"a,b\",\"say \"\"x\"\"\",not a number\n");
    }
}
