//! Writes the delivered table: the scored rows first, then more of the winner's model, in the wanted forms
//! and in the input's dialect. Rows beyond the scored ones are drawn and written piece by piece.

use super::{MODEL, SAMPLE, metadata, table, timed};
use crate::TaskFolder;
use serde::Deserialize;
use std::sync::Arc;
use synthfleet_intake::parquet::TableWriter;
use synthfleet_intake::read::{Tokenizer, first_records};
use synthfleet_intake::write::{CsvOptions, CsvWriter, Packing, to_text};
use synthfleet_proto::metadata::{Dialect, Format, Metadata, Role};
use synthfleet_proto::task::TaskFile;
use synthfleet_proto::{Error, Result, fact};
use synthfleet_synthesizers::private::domain::relabelled;
use synthfleet_synthesizers::{BLOCK_ROWS, Given, find};
use synthfleet_table::{Budget, Table};

/// The part of a plan that says what is written.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wish {
    /// Forms; the input's own if empty.
    formats: Vec<String>,
    /// Seed of the job.
    seed: u64,
    /// Put `'` before what a spreadsheet would take for a formula.
    csv_safe: bool,
}

/// The first delivered rows as text.
const ROWS: &str = "rows.json";
/// How many of them.
const ROWS_SHOWN: usize = 20;
/// Rows that are drawn at once: whole blocks.
const PIECE_ROWS: u64 = 32 * BLOCK_ROWS as u64;

pub fn perform(folder: &TaskFolder, task: &TaskFile, budget: &Budget) -> Result<()> {
    let wish: Wish = serde_json::from_value(task.options.clone())
        .map_err(|e| Error::invalid("task::options", format!("cannot read what is to be written: {e}")))?;
    let metadata = metadata(folder)?;
    let scored = table(folder, SAMPLE, &metadata)?;
    let scored_rows = (scored.rows() as u64).min(task.rows);
    let head = if scored_rows < scored.rows() as u64 { scored.head(scored_rows as usize) } else { scored };
    let formats = match (wish.formats.is_empty(), metadata.format) {
        (false, _) => wish.formats.clone(),
        (true, Format::Csv) => vec!["csv".to_owned()],
        (true, Format::Parquet) => vec!["parquet".to_owned()],
    };
    let mut sinks = formats.iter().map(|format| Sink::create(folder, format, &wish, task, &head)).collect::<Result<Vec<_>>>()?;
    timed(budget, "write_seconds", || sinks.iter_mut().try_for_each(|sink| sink.append(&head)))?;
    if task.rows > scored_rows {
        let model = read_model(folder, task)?;
        let mut next = scored_rows;
        while next < task.rows {
            budget.go_on()?;
            budget.progress(next as f64 / task.rows as f64, "generate");
            // the piece ends on a block border, so that later pieces draw no block twice
            let end = (next / PIECE_ROWS + 1) * PIECE_ROWS;
            let piece = model.sample(next..end.min(task.rows), &Given::NOTHING, budget)?;
            // a private model knows its own labels alone: codes differ, texts agree
            let piece = if model.privacy().is_some() { relabelled(&piece, &metadata)? } else { described(&piece, &metadata)? };
            sinks.iter_mut().try_for_each(|sink| sink.append(&piece))?;
            next = end;
        }
    }
    folder.write(ROWS, &fact::encode_pretty(&shown_rows(&head)?)?)?;
    sinks.into_iter().try_for_each(Sink::finish)
}

/// The first delivered rows as text, for reports: nobody else has to decode a table for them.
fn shown_rows(head: &Table) -> Result<serde_json::Value> {
    let mut metadata = (**head.metadata()).clone();
    metadata.dialect = Dialect::default();
    let few = described(&head.head(ROWS_SHOWN), &Arc::new(metadata))?;
    let mut records = first_records(&Tokenizer::of(&Dialect::default()), &to_text(&few, false), usize::MAX, true);
    let header = if records.is_empty() { Vec::new() } else { records.remove(0) };
    Ok(serde_json::json!({ "header": header, "rows": records }))
}

fn read_model(folder: &TaskFolder, task: &TaskFile) -> Result<Box<dyn synthfleet_synthesizers::AnyModel>> {
    let member = find(&task.name)?;
    let path = folder.given(MODEL);
    member.load_any(&std::fs::read(&path).map_err(|e| Error::io(path.display(), e))?)
}

/// A stored model names labels that are rare by placeholders; the job's description knows them.
fn described(table: &Table, metadata: &Arc<Metadata>) -> Result<Table> {
    Table::new(Arc::clone(metadata), table.rows(), table.columns().to_vec())
}

enum Sink {
    Csv(Box<CsvWriter>),
    Parquet(Box<TableWriter>),
}

impl Sink {
    fn create(folder: &TaskFolder, format: &str, wish: &Wish, task: &TaskFile, head: &Table) -> Result<Self> {
        let path = folder.made(&format!("synthetic.{format}"));
        if format == "parquet" {
            let extra = [
                ("synthfleet.synthetic".to_owned(), "true".to_owned()),
                ("synthfleet.method".to_owned(), task.name.clone()),
                ("synthfleet.seed".to_owned(), wish.seed.to_string()),
            ];
            return Ok(Self::Parquet(Box::new(TableWriter::create(&path, &shown(head)?, &extra)?)));
        }
        let mut metadata = (**head.metadata()).clone();
        let tabs = format.starts_with("tsv");
        if metadata.format != Format::Csv {
            metadata.dialect = Dialect { delimiter: if tabs { '\t' } else { ',' }, ..Dialect::default() };
        } else if tabs {
            metadata.dialect.delimiter = '\t';
        } else if metadata.dialect.delimiter == '\t' {
            metadata.dialect.delimiter = ',';
        }
        let options = CsvOptions { packing: Packing::of_name(&path), csv_safe: wish.csv_safe };
        Ok(Self::Csv(Box::new(CsvWriter::create(&path, &Arc::new(metadata), &options)?)))
    }

    fn append(&mut self, table: &Table) -> Result<()> {
        match self {
            Self::Csv(writer) => writer.append(table),
            Self::Parquet(writer) => writer.append(&shown(table)?),
        }
    }

    fn finish(self) -> Result<()> {
        match self {
            Self::Csv(writer) => writer.finish(),
            Self::Parquet(writer) => writer.finish(),
        }
    }
}

/// The table without dropped columns. Columns of role `null` are missing in every sample already.
fn shown(table: &Table) -> Result<Table> {
    let kept = || table.described().filter(|(meta, _)| meta.role != Role::Drop);
    let metadata = Metadata { columns: kept().map(|(meta, _)| meta.clone()).collect(), ..(**table.metadata()).clone() };
    Table::new(Arc::new(metadata), table.rows(), kept().map(|(_, column)| column.clone()).collect())
}
