//! All columns of a table together.

use super::column::{Evidence, Gathering};
use super::kind::{ColumnFacts, Context, at_least_99, describe};
use super::options::{ColumnOverride, Overrides};
use super::target::{target, unknown};
use crate::read::{Accounting, Batch, Opened, Records};
use crate::sniff::{HeaderCell, Layout};
use rayon::prelude::*;
use synthfleet_proto::metadata::{ColumnMeta, Dialect, Format, Kind, Metadata};
use synthfleet_proto::score::Finding;
use synthfleet_proto::{Error, Result};

/// Distinct cells of one column that are kept, and bytes over all columns.
const LEVELS_EXACT_MAX: usize = 1_000_000;
const LEVELS_BYTES_MAX: usize = 256 << 20;
/// Fewer rows than this are told.
const TINY_ROWS: u64 = 100;
/// Cells from which a batch is worth several threads.
const PARALLEL_CELLS: usize = 20_000;

/// A table while its rows are added; rows of several sources may be, for example of a given holdout.
pub struct Inference {
    columns: Vec<Gathering>,
    headers: Vec<HeaderCell>,
    overrides: Overrides,
    rows: u64,
}

/// A table whose rows are all seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Inferred {
    /// The exact description. `train_rows` holds all rows until the split is made.
    pub metadata: Metadata,
    /// Facts of each column, in table order.
    pub columns: Vec<ColumnFacts>,
    /// What was noticed.
    pub notes: Vec<Finding>,
    /// What became of every record.
    pub accounting: Accounting,
}

impl Inference {
    /// A table of these columns without rows.
    pub fn new(headers: &[HeaderCell], overrides: &Overrides, thousands: Option<char>) -> Self {
        let gathering = |header: &HeaderCell| Gathering::new(overrides.missing_words(&header.name), thousands);
        Self { columns: headers.iter().map(gathering).collect(), headers: headers.to_vec(), overrides: overrides.clone(), rows: 0 }
    }

    /// Adds rows.
    pub fn add(&mut self, batch: &Batch) {
        let rows = batch.rows();
        self.rows += rows as u64;
        let add = |(place, column): (usize, &mut Gathering)| {
            for row in 0..rows {
                column.add(batch.cell(row, place), batch.quoted(row, place));
            }
        };
        if rows * self.columns.len() >= PARALLEL_CELLS {
            self.columns.par_iter_mut().enumerate().for_each(add);
        } else {
            self.columns.iter_mut().enumerate().for_each(add);
        }
        self.bound();
    }

    /// Adds cells of one column, `None` where missing; tell the rows with [`Inference::add_rows`].
    pub fn add_cells<'a>(&mut self, column: usize, cells: impl Iterator<Item = Option<&'a str>>) {
        cells.for_each(|cell| self.columns[column].add(cell.unwrap_or_default(), false));
        self.bound();
    }

    /// Counts rows whose cells were added column by column.
    pub fn add_rows(&mut self, rows: u64) {
        self.rows += rows;
    }

    fn bound(&mut self) {
        for column in self.columns.iter_mut().filter(|column| column.distinct() > LEVELS_EXACT_MAX) {
            column.give_up();
        }
        while self.columns.iter().map(Gathering::bytes).sum::<usize>() > LEVELS_BYTES_MAX {
            let Some(largest) = (0..self.columns.len()).rev().max_by_key(|&place| self.columns[place].bytes()) else { return };
            self.columns[largest].give_up();
        }
    }

    /// Describes the table. Fails if the overrides name unknown columns or do not fit the data, or if no
    /// column is left to model.
    pub fn finish(self, table: &str, format: Format, mut dialect: Dialect, accounting: Accounting) -> Result<Inferred> {
        let Self { columns, headers, overrides, rows } = self;
        let evidence: Vec<Evidence> = columns.into_par_iter().map(Gathering::finish).collect();
        if dialect.delimiter != ',' || dialect.decimal == ',' {
            dialect.decimal = decimal_of(&evidence, dialect.decimal);
        }
        let day_first = dialect.delimiter == ';' || dialect.decimal == ',';
        let context = Context { rows, decimal: dialect.decimal, day_first, bad_cells: overrides.bad_cells };
        let nothing = ColumnOverride::default();
        let described = evidence.par_iter().zip(&headers).map(|(evidence, header)| {
            let mut meta = ColumnMeta::plain(&header.name, Kind::Text);
            meta.header.clone_from(&header.header);
            meta.header_quoted = header.quoted;
            let stated = overrides.columns.get(&header.name).or_else(|| overrides.columns.get(header.header.trim())).unwrap_or(&nothing);
            describe(meta, evidence, stated, context)
        });
        let (mut metas, mut facts, mut notes) = (Vec::new(), Vec::new(), accounting.notes.clone());
        for column in described.collect::<Vec<_>>() {
            let (meta, fact, note) = column?;
            metas.push(meta);
            facts.push(fact);
            notes.extend(note);
        }
        if let Some(name) =
            overrides.columns.keys().find(|name| !metas.iter().any(|meta| meta.name == **name || meta.header.trim() == **name))
        {
            return Err(unknown(name, &metas));
        }
        if !metas.iter().any(ColumnMeta::is_modelled) {
            let error = Error::data("columns::none_left", "no column to model: all are id, text, empty or dropped");
            return Err(error.help("state the role or kind of a column: --role, --kind"));
        }
        if rows < TINY_ROWS {
            let text = format!("{rows} rows are very few: scores are uncertain");
            notes.push(Finding { code: "tiny_table".to_owned(), column: None, number: Some(rows as f64), text });
        }
        let mut metadata = Metadata::plain(table, metas);
        (metadata.target, metadata.problem_type) = target(&metadata.columns, &overrides, &mut notes)?;
        metadata.key = key(&metadata.columns);
        metadata.format = format;
        metadata.dialect = dialect;
        metadata.train_rows = rows;
        Ok(Inferred { metadata, columns: facts, notes, accounting })
    }
}

/// Comma if more columns are numbers with a decimal comma than with a point.
fn decimal_of(evidence: &[Evidence], otherwise: char) -> char {
    let columns = |mark: char| {
        let is_number = |evidence: &&Evidence| {
            evidence.numbers.reading(mark).is_some_and(|reading| at_least_99(reading.sums.cells, evidence.split.values))
        };
        evidence.iter().filter(is_number).count()
    };
    let (point, comma) = (columns('.'), columns(','));
    match comma.cmp(&point) {
        std::cmp::Ordering::Greater => ',',
        std::cmp::Ordering::Less => '.',
        std::cmp::Ordering::Equal => otherwise,
    }
}

fn key(columns: &[ColumnMeta]) -> Vec<String> {
    columns.iter().find(|column| column.kind == Kind::Id && !column.nullable).map(|column| column.name.clone()).into_iter().collect()
}

/// Reads all records of a delimited source and describes the table.
pub fn columns(opened: &Opened, layout: &Layout, overrides: &Overrides) -> Result<Inferred> {
    let mut inference = Inference::new(&layout.columns, overrides, opened.options().thousands);
    let mut records = Records::new(opened, layout)?;
    let mut batch = Batch::default();
    while records.next_batch(&mut batch)? {
        inference.add(&batch);
    }
    let accounting = records.finish()?;
    let mut dialect = layout.dialect.clone();
    dialect.encoding.clone_from(&accounting.encoding);
    dialect.final_line_end = accounting.final_line_end;
    let mut inferred = inference
        .finish(&opened.source.table_name(), Format::Csv, dialect, accounting)
        .map_err(|error| if error.place().source.is_some() { error } else { error.in_source(opened.source.name()) })?;
    // what the beginning showed comes first
    let mut notes = layout.notes.clone();
    notes.append(&mut inferred.notes);
    inferred.notes = notes;
    Ok(inferred)
}
