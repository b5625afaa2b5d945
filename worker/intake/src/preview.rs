//! A look at the beginning of a table: how it is written, what its columns seem to hold, its first rows. A guess from
//! the first MiB, for people who are about to ask for a job; a job itself reads every row.

use crate::infer::{Inference, Overrides};
use crate::read::{Batch, ReadOptions, Source, open};
use crate::rows::{Rows, layout};
use crate::simulated;
use serde_json::{Value, json};
use synthfleet_proto::metadata::Format;
use synthfleet_proto::{Result, job};

/// Text of rows that is looked at, in bytes; what a batch holds beyond it is looked at too.
const LOOKED_AT_BYTES: usize = 1 << 20;
/// First rows that are shown.
const ROWS_SHOWN: usize = 50;
/// Characters of a cell that are shown.
const CELL_SHOWN: usize = 1_000;
/// Rows that are drawn of a simulated set.
const SIMULATED_ROWS_MAX: u64 = 1_000;

/// What was seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    /// Dialect, columns, notes: nothing in it is a cell of a row.
    pub told: Value,
    /// The first rows, cells as they are written; long ones are cut.
    pub rows: Vec<Vec<String>>,
}

/// The simulated set that an address names, cut to its first rows; `None`: it names something else.
pub fn simulated(address: &str) -> Option<Result<Source>> {
    simulated::Request::parse(address).map(|request| {
        let mut request = request?;
        request.rows = request.rows.min(SIMULATED_ROWS_MAX);
        Ok(Source::Bytes(format!("{}.csv", request.name), request.csv()?.into()))
    })
}

/// Looks at the beginning of a source. `cut`: its bytes end somewhere inside of the table, so that a fault after the
/// first rows is the cut's and not the table's.
///
/// # Errors
/// Those of reading the whole, as far as the beginning shows them.
pub fn preview(source: &Source, wish: &job::Source, cut: bool) -> Result<Preview> {
    let opened = open(source, &ReadOptions::of(wish)?)?;
    let (layout, typed) = layout(&opened)?;
    let mut overrides = Overrides::of(wish, None)?;
    for (name, typed) in typed {
        overrides.columns.entry(name).or_default().typed = Some(typed);
    }
    if opened.format == Format::Parquet && overrides.missing_only.is_none() {
        // a null is a null there; words are values
        overrides.missing_only = Some(vec![String::new()]);
    }
    let mut inference = Inference::new(&layout.columns, &overrides, opened.options().thousands);
    let (mut records, mut batch) = (Rows::new(&opened, &layout)?, Batch::default());
    let (mut seen, mut bytes, mut whole) = (0, 0, !cut);
    let mut rows: Vec<Vec<String>> = Vec::new();
    loop {
        match records.next_batch(&mut batch) {
            Ok(true) => {}
            Ok(false) => break,
            Err(_) if cut && seen > 0 => break,
            Err(error) => return Err(error),
        }
        inference.add(&batch);
        seen += batch.rows();
        let cells = |row: usize| (0..layout.columns.len()).map(move |column| (row, column));
        bytes += (0..batch.rows()).flat_map(cells).map(|(row, column)| batch.cell(row, column).len() + 1).sum::<usize>();
        let shown =
            |row| cells(row).map(|(row, column)| batch.cell(row, column).chars().take(CELL_SHOWN).collect::<String>()).collect::<Vec<_>>();
        let more = ROWS_SHOWN.saturating_sub(rows.len()).min(batch.rows());
        rows.extend((0..more).map(shown));
        if bytes >= LOOKED_AT_BYTES {
            whole = whole && !records.next_batch(&mut batch)?;
            break;
        }
    }
    let accounting = records.finish()?;
    let mut dialect = layout.dialect.clone();
    dialect.encoding.clone_from(&accounting.encoding);
    let (blank, rejected) = (accounting.blank, accounting.rejected);
    let inferred = inference
        .finish(&source.table_name(), opened.format, dialect, accounting)
        .map_err(|error| if error.place().source.is_some() { error } else { error.in_source(source.name()) })?;
    let metadata = &inferred.metadata;
    let columns = metadata.columns.iter().zip(&inferred.columns).map(|(meta, facts)| {
        json!({
            "name": meta.name, "header": meta.header, "kind": meta.kind, "role": meta.role, "missing": facts.missing,
            "distinct": facts.distinct, "bad_cells": facts.bad_cells,
        })
    });
    let notes: Vec<_> = layout.notes.iter().chain(&inferred.notes).collect();
    let told = json!({
        "format": opened.format, "compression": opened.compression.name(), "dialect": metadata.dialect, "rows_seen": seen, "whole": whole,
        "blank_lines": blank, "rejected_rows": rejected, "columns": columns.collect::<Value>(), "target": metadata.target,
        "problem_type": metadata.problem_type, "notes": notes,
    });
    Ok(Preview { told, rows })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(text: &str, cut: bool) -> Result<Preview> {
        let source = Source::Bytes("t.csv".to_owned(), text.as_bytes().into());
        preview(&source, &job::Source { uri: "t.csv".to_owned(), ..job::Source::default() }, cut)
    }

    fn lines(rows: usize) -> String {
        let rows = (0..rows).map(|row| format!("{};x{}\n", row % 40, row % 3));
        std::iter::once("a;b\n".to_owned()).chain(rows).collect()
    }

    #[test]
    fn dialect_columns_and_first_rows_are_told() {
        let seen = look(&lines(200), false).expect("read");
        assert_eq!((seen.rows.len(), &seen.rows[1]), (50, &vec!["1".to_owned(), "x1".to_owned()]));
        assert_eq!(
            (&seen.told["dialect"]["delimiter"], &seen.told["rows_seen"], &seen.told["whole"]),
            (&json!(";"), &json!(200), &json!(true))
        );
        assert_eq!(seen.told["columns"][1]["kind"], "categorical");
    }

    #[test]
    fn a_long_table_is_looked_at_by_its_beginning_alone() {
        let seen = look(&lines(1_000_000), false).expect("read");
        let rows = seen.told["rows_seen"].as_u64().expect("a number");
        assert!(rows < 1_000_000 && seen.told["whole"] == json!(false), "{rows}");
    }

    #[test]
    fn a_cut_is_not_taken_for_a_fault_and_a_fault_is_told() {
        let seen = look(&lines(300), true).expect("read");
        assert_eq!((&seen.told["whole"], &seen.told["rows_seen"]), (&json!(false), &json!(300)));
        assert_eq!(look(&format!("{}1;2;3\n", lines(300)), false).expect_err("ragged").code(), "csv::ragged");
        assert_eq!(look("", false).expect_err("empty").code(), "input::empty");
    }

    #[test]
    fn simulated_sets_are_drawn_short() {
        let source = simulated("sim:demo?rows=100000000").expect("simulated").expect("known");
        let seen = preview(&source, &job::Source::default(), false).expect("read");
        assert_eq!((&seen.told["rows_seen"], simulated("a.csv").is_none()), (&json!(1_000), true));
    }
}
