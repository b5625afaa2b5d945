//! `generate`: rows from a stored model. A longer sample starts with the shorter one.

use super::{Surroundings, single};
use crate::{arguments, say};
use std::io::Write as _;
use std::sync::Arc;
use synthfleet_intake::parquet::TableWriter;
use synthfleet_intake::write::{CsvOptions, CsvWriter, Packing, to_text};
use synthfleet_proto::{Error, Result};
use synthfleet_synthesizers::{AnyModel, BLOCK_ROWS, Given, load_model};
use synthfleet_table::{Budget, Table};

/// Rows drawn at once: whole blocks, so that no block is drawn twice.
const PIECE_ROWS: u64 = 32 * BLOCK_ROWS as u64;

/// Writes the rows to a file, or as text to stdout.
pub fn run(flags: &arguments::Generate, surroundings: &Surroundings) -> Result<u8> {
    let bytes = std::fs::read(&flags.model).map_err(|e| Error::io(flags.model.display(), e))?;
    let model = load_model(&bytes).map_err(|error| error.in_source(flags.model.display().to_string()))?;
    let budget = single::budget(&flags.running, surroundings)?;
    match &flags.output {
        None => {
            let mut stdout = std::io::stdout().lock();
            let mut done = 0;
            pieces(&*model, flags.rows, &budget, |piece| {
                let place = (done == 0, done + piece.rows() as u64 >= flags.rows);
                done += piece.rows() as u64;
                stdout.write_all(to_text(&part_of(&piece, place)?, false).as_bytes()).map_err(|e| Error::io("stdout", e))
            })?;
        }
        Some(path) if path.extension().is_some_and(|ending| ending == "parquet") => {
            let extra =
                [("synthfleet.synthetic".to_owned(), "true".to_owned()), ("synthfleet.method".to_owned(), model.about().name.to_owned())];
            let mut writer = TableWriter::create(path, &model.sample(0..0, &Given::NOTHING, &budget)?, &extra)?;
            pieces(&*model, flags.rows, &budget, |piece| writer.append(&piece))?;
            writer.finish()?;
        }
        Some(path) => {
            let options = CsvOptions { packing: Packing::of_name(path), csv_safe: false };
            let mut writer = CsvWriter::create(path, &Arc::clone(model.metadata()), &options)?;
            pieces(&*model, flags.rows, &budget, |piece| writer.append(&piece))?;
            writer.finish()?;
        }
    }
    if let Some(path) = flags.output.as_ref().filter(|_| !surroundings.quiet) {
        say!("wrote    {} rows to {}", flags.rows, path.display());
    }
    Ok(0)
}

fn pieces(model: &dyn AnyModel, rows: u64, budget: &Budget, mut take: impl FnMut(Table) -> Result<()>) -> Result<()> {
    let mut next = 0;
    loop {
        let end = (next + PIECE_ROWS).min(rows);
        take(model.sample(next..end, &Given::NOTHING, budget)?)?;
        next = end;
        if next >= rows {
            return Ok(());
        }
    }
}

/// A piece of a text: only the first has mark and header, and only the last may lack its line end.
fn part_of(piece: &Table, (first, last): (bool, bool)) -> Result<Table> {
    let mut metadata = (**piece.metadata()).clone();
    let dialect = &mut metadata.dialect;
    dialect.bom &= first;
    dialect.header &= first;
    dialect.final_line_end |= !last;
    Table::new(Arc::new(metadata), piece.rows(), piece.columns().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata};
    use synthfleet_table::{Column, Values};

    #[test]
    fn pieces_join_to_the_text_of_the_whole() {
        let mut metadata = Metadata::plain("t", vec![ColumnMeta::plain("x", Kind::Ordinal)]);
        metadata.columns[0].kind = Kind::Continuous;
        (metadata.dialect.bom, metadata.dialect.final_line_end) = (true, false);
        let column = |rows: std::ops::Range<i64>| Column::new(Values::Whole(rows.collect()), None).expect("a column");
        let table =
            |rows: std::ops::Range<i64>| Table::new(Arc::new(metadata.clone()), rows.clone().count(), vec![column(rows)]).expect("a table");
        let places = [(0..2, (true, false)), (2..5, (false, false)), (5..6, (false, true))];
        let parts = places.map(|(rows, place)| to_text(&part_of(&table(rows), place).expect("a piece"), false));
        assert_eq!(parts.concat(), to_text(&table(0..6), false));
        assert_eq!(parts.concat(), "\u{feff}x\n0\n1\n2\n3\n4\n5");
    }
}
