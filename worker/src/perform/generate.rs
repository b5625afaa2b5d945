//! Writes the delivered table or a part of it: the scored rows first, then more of the winner's model, in the
//! wanted forms and in the input's dialect. Rows beyond the scored ones are drawn and written piece by piece, so that
//! memory does not grow with the rows. Parts of delimited text join to the text of the whole: the first alone has
//! the header, and only the last may lack its line end. Rows under conditions or with a seed of their own are another
//! sample: all of them are drawn.

use super::{MODEL, SAMPLE, metadata, table, timed};
use crate::TaskFolder;
use serde::Deserialize;
use std::sync::Arc;
use synthfleet_intake::asked;
use synthfleet_intake::parquet::TableWriter;
use synthfleet_intake::read::{Tokenizer, first_records};
use synthfleet_intake::write::{CsvOptions, CsvWriter, Packing, to_text};
use synthfleet_proto::metadata::{Dialect, Format, Metadata, Role};
use synthfleet_proto::task::TaskFile;
use synthfleet_proto::{Error, Result, fact};
use synthfleet_synthesizers::private::domain::relabelled;
use synthfleet_synthesizers::{BLOCK_ROWS, find, seed_of_rows};
use synthfleet_table::{Budget, Table};

/// The part of a plan that says what is written.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wish {
    /// Forms; the input's own if empty.
    formats: Vec<String>,
    /// Seed of the job.
    seed: u64,
    /// What each row must be.
    #[serde(rename = "where")]
    conditions: Vec<String>,
    /// Seed of the rows in place of the model's own.
    rows_seed: Option<u64>,
    /// Put `'` before what a spreadsheet would take for a formula.
    csv_safe: bool,
    /// First row of the part.
    first_row: u64,
    /// Whether the part ends the table; absent where there is one part only.
    last: Option<bool>,
}

impl Wish {
    /// Whether the scored rows are the first of what is asked for.
    fn starts_with_the_scored(&self) -> bool {
        self.conditions.is_empty() && self.rows_seed.is_none()
    }
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
    let (first, end) = (wish.first_row, wish.first_row.saturating_add(task.rows));
    let scored_end = if wish.starts_with_the_scored() { (scored.rows() as u64).min(end) } else { 0 };
    let head = match first {
        0 if scored_end == scored.rows() as u64 => scored,
        _ => scored.take(&(first.min(scored_end) as u32..scored_end as u32).collect::<Vec<_>>()),
    };
    let formats = match (wish.formats.is_empty(), metadata.format) {
        (false, _) => wish.formats.clone(),
        (true, Format::Csv) => vec!["csv".to_owned()],
        (true, Format::Parquet) => vec!["parquet".to_owned()],
    };
    let mut sinks = formats.iter().map(|format| Sink::create(folder, format, &wish, task, &head)).collect::<Result<Vec<_>>>()?;
    timed(budget, "write_seconds", || sinks.iter_mut().try_for_each(|sink| sink.append(&head)))?;
    let mut shown = (first == 0).then_some(head);
    if end > scored_end {
        let model = read_model(folder, task)?;
        let conditions = wish.conditions.iter().map(|text| asked::condition(text, model.metadata())).collect::<Result<Vec<_>>>()?;
        let given = model.given(&conditions)?;
        let own_seed = wish.rows_seed.map(seed_of_rows);
        let mut next = first.max(scored_end);
        while next < end {
            budget.go_on()?;
            budget.progress((next - first) as f64 / task.rows as f64, "generate");
            // the piece ends on a block border, so that later pieces draw no block twice
            let border = (next / PIECE_ROWS + 1) * PIECE_ROWS;
            let rows = next..border.min(end);
            let piece = match &own_seed {
                Some(seed) => model.sample_with(seed, rows, &given, budget)?,
                None => model.sample(rows, &given, budget)?,
            };
            // a private model knows its own labels alone: codes differ, texts agree
            let piece = if model.privacy().is_some() { relabelled(&piece, &metadata)? } else { described(&piece, &metadata)? };
            sinks.iter_mut().try_for_each(|sink| sink.append(&piece))?;
            shown = shown.map(|head| if head.rows() == 0 { piece } else { head });
            next = border;
        }
    }
    if let Some(head) = shown {
        folder.write(ROWS, &fact::encode_pretty(&shown_rows(&head)?)?)?;
    }
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
        let dialect = &mut metadata.dialect;
        dialect.bom &= wish.first_row == 0;
        dialect.header &= wish.first_row == 0;
        dialect.final_line_end |= wish.last == Some(false);
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use synthfleet_proto::metadata::{ColumnMeta, Kind};
    use synthfleet_synthesizers::{Given, Seeds};
    use synthfleet_table::{Column, Values};

    const TRAIN_ROWS: usize = 300;

    /// A description that ends without a line end, and a sample and a model of it.
    fn given() -> (Arc<Metadata>, Table, Vec<u8>) {
        let mut colour = ColumnMeta::plain("colour", Kind::Categorical);
        colour.levels = vec!["red".to_owned(), "green".to_owned()];
        let mut metadata =
            Metadata::plain("t", vec![colour, ColumnMeta::plain("size", Kind::Continuous), ColumnMeta::plain("key", Kind::Id)]);
        metadata.dialect.final_line_end = false;
        let (metadata, rows) = (Arc::new(metadata), TRAIN_ROWS as u32);
        let columns = vec![
            Column::new(Values::Code((0..rows).map(|row| row % 2).collect()), None).expect("legal"),
            Column::new(Values::Real((0..rows).map(|row| f64::from(row * 7 % 90)).collect()), None).expect("legal"),
            Column::new(Values::Text((0..rows).map(|row| format!("k{}", 100_000 + row * 2_999)).collect()), None).expect("legal"),
        ];
        let train = Table::new(Arc::clone(&metadata), TRAIN_ROWS, columns).expect("legal");
        let budget = Budget::quiet(1);
        let clbn = find("clbn").expect("listed");
        let model = clbn.fit_any(&train, &serde_json::Value::Null, &Seeds::of_task(0, "syn-clbn-r0"), &budget).expect("fits");
        let sample = model.sample(0..TRAIN_ROWS as u64, &Given::NOTHING, &budget).expect("samples");
        (metadata, sample, model.save().expect("saves"))
    }

    fn written(rows: std::ops::Range<u64>, last: bool, threads: usize) -> (String, usize) {
        let (folder, done) = performed(rows, last, threads, json!({}));
        done.expect("generates");
        let folder = folder.path();
        let parquet = synthfleet_intake::parquet::rows(&folder.join("out/synthetic.parquet")).expect("a table");
        (std::fs::read_to_string(folder.join("out/synthetic.csv")).expect("a text"), parquet as usize)
    }

    fn performed(rows: std::ops::Range<u64>, last: bool, threads: usize, more: Value) -> (tempfile::TempDir, Result<()>) {
        let (metadata, sample, model) = given();
        let place = tempfile::tempdir().expect("a folder");
        let mut options = json!({ "formats": ["csv", "parquet"], "seed": 0, "first_row": rows.start, "last": last });
        more.as_object().expect("an object").iter().for_each(|(field, value)| options[field] = value.clone());
        let task = TaskFile {
            op: "generate".to_owned(),
            name: "clbn".to_owned(),
            options,
            seed: 0,
            shared_seed: 0,
            rows: rows.end - rows.start,
            ..crate::folder::tests::task()
        };
        let folder = TaskFolder::create(place.path(), &task).expect("made");
        std::fs::write(folder.given(super::super::METADATA), fact::encode(&*metadata).expect("small")).expect("written");
        std::fs::write(folder.given(MODEL), model).expect("written");
        synthfleet_intake::parquet::write_table(&folder.given(SAMPLE), &sample, &[]).expect("written");
        let done = perform(&folder, &task, &Budget::quiet(threads));
        (place, done)
    }

    /// The text of the part `rows` of what is drawn under `more`.
    fn text(rows: std::ops::Range<u64>, last: bool, threads: usize, more: Value) -> String {
        let (folder, done) = performed(rows, last, threads, more);
        done.expect("generates");
        std::fs::read_to_string(folder.path().join("out/synthetic.csv")).expect("a text")
    }

    #[test]
    fn parts_under_conditions_join_to_what_the_model_draws_under_them() {
        let more = || json!({ "where": ["colour=red", "size>=30"], "rows_seed": 3 });
        let whole = text(0..5_000, true, 2, more());
        assert_eq!(whole, text(0..4_096, false, 1, more()) + &text(4_096..5_000, true, 1, more()));

        let model = find("clbn").expect("listed").load_any(&given().2).expect("a model");
        let conditions = ["colour=red", "size>=30"].map(|text| asked::condition(text, model.metadata()).expect("legal"));
        let given = model.given(&conditions).expect("possible");
        let drawn = |seed| model.sample_with(&seed_of_rows(seed), 0..5_000, &given, &Budget::quiet(1)).expect("samples");
        assert_eq!((whole == to_text(&drawn(3), false), whole == to_text(&drawn(4), false)), (true, false));
        let colours: Vec<&str> = whole.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
        assert_eq!((colours.len(), colours.iter().all(|colour| *colour == "red")), (5_000, true));
    }

    #[test]
    fn rows_shown_are_those_that_are_drawn_under_conditions() {
        let (folder, done) = performed(0..50, true, 1, json!({ "where": ["colour=green"] }));
        done.expect("generates");
        let shown: Value = serde_json::from_slice(&std::fs::read(folder.path().join("out/rows.json")).expect("a file")).expect("JSON");
        let rows = shown["rows"].as_array().expect("rows");
        assert_eq!((rows.len(), rows.iter().all(|row| row[0] == "green")), (ROWS_SHOWN, true));
    }

    #[test]
    fn what_no_row_can_be_is_refused_with_what_could_be_asked() {
        let refused = |condition: &str| performed(0..50, true, 1, json!({ "where": [condition] })).1.expect_err("refused");
        let label = refused("colour=blue");
        assert_eq!((label.code(), label.helps()), ("condition::value", &["it is one of \"red\", \"green\"".to_owned()][..]));
        let range = refused("size>1000");
        assert_eq!(range.code(), "condition::impossible");
        assert!(range.helps()[0].starts_with("it lies between"), "{range:?}");
    }

    #[test]
    fn parts_join_to_the_text_of_the_whole_whoever_writes_them() {
        let (whole, rows) = written(0..20_000, true, 2);
        assert_eq!((rows, whole.lines().count(), whole.ends_with('\n')), (20_000, 20_001, false));
        let parts = [(0..8_192, false, 1), (8_192..16_384, false, 2), (16_384..20_000, true, 1)]
            .map(|(rows, last, threads)| written(rows, last, threads));
        assert_eq!(parts.iter().map(|part| part.1).collect::<Vec<_>>(), [8_192, 8_192, 3_616]);
        assert!(parts.map(|part| part.0).concat() == whole);
    }
}
