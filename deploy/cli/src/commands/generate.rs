//! `generate`: rows from a stored model, perhaps under conditions. A longer sample starts with the shorter one.

use super::{Surroundings, single};
use crate::{arguments, say};
use std::io::Write as _;
use std::sync::Arc;
use synthfleet_intake::asked;
use synthfleet_intake::parquet::TableWriter;
use synthfleet_intake::write::{CsvOptions, CsvWriter, Packing, to_text};
use synthfleet_proto::score::Finding;
use synthfleet_proto::{Error, Result, Seed};
use synthfleet_synthesizers::{AnyModel, BLOCK_ROWS, Given, load_model, seed_of_rows};
use synthfleet_table::{Budget, Table};

/// Rows drawn at once: whole blocks, so that no block is drawn twice.
const PIECE_ROWS: u64 = 32 * BLOCK_ROWS as u64;

/// What is drawn from a model.
struct Wish {
    model: Box<dyn AnyModel>,
    rows: u64,
    seed: Option<Seed>,
    given: Given,
    budget: Budget,
}

/// Writes the rows to a file, or as text to stdout.
pub fn run(flags: &arguments::Generate, surroundings: &Surroundings) -> Result<u8> {
    let wish = Wish::read(flags, surroundings)?;
    let made = match &flags.output {
        None => {
            let mut stdout = std::io::stdout().lock();
            wish.draw(|piece, place| {
                stdout.write_all(to_text(&part_of(&piece, place)?, false).as_bytes()).map_err(|e| Error::io("stdout", e))
            })?
        }
        Some(path) if path.extension().is_some_and(|ending| ending == "parquet") => {
            let method = wish.model.about().name.to_owned();
            let extra = [("synthfleet.synthetic".to_owned(), "true".to_owned()), ("synthfleet.method".to_owned(), method)];
            let mut writer = TableWriter::create(path, &wish.model.sample(0..0, &Given::NOTHING, &wish.budget)?, &extra)?;
            let made = wish.draw(|piece, _| writer.append(&piece))?;
            writer.finish()?;
            made
        }
        Some(path) => {
            let options = CsvOptions { packing: Packing::of_name(path), csv_safe: false };
            let mut writer = CsvWriter::create(path, &Arc::clone(wish.model.metadata()), &options)?;
            let made = wish.draw(|piece, _| writer.append(&piece))?;
            writer.finish()?;
            made
        }
    };
    if let Some(path) = flags.output.as_ref().filter(|_| !surroundings.quiet) {
        say!("wrote    {made} rows to {}", path.display());
    }
    if made < wish.rows {
        single::tell_notes(&[unmet(wish.rows, made)], surroundings);
    }
    Ok(0)
}

impl Wish {
    /// Reads model and conditions; all that could be wrong is told before a row is drawn.
    fn read(flags: &arguments::Generate, surroundings: &Surroundings) -> Result<Self> {
        let bytes = std::fs::read(&flags.model).map_err(|e| Error::io(flags.model.display(), e))?;
        let model = load_model(&bytes).map_err(|error| error.in_source(flags.model.display().to_string()))?;
        let conditions = flags.conditions.iter().map(|text| asked::condition(text, model.metadata())).collect::<Result<Vec<_>>>()?;
        let (rows, given) = match &flags.given {
            None => (flags.rows.unwrap_or(0), model.given(&conditions)?),
            Some(path) => {
                let mut rows = asked::rows(path, model.metadata())?;
                if flags.rows.is_some_and(|asked| asked > rows.len() as u64) {
                    let message = format!("--rows asks for more rows than the {} of {}", rows.len(), path.display());
                    return Err(Error::invalid("cli::flag", message).help("leave --rows out: one row is made for each row of the file"));
                }
                rows.iter_mut().for_each(|row| row.extend(conditions.iter().cloned()));
                let given = model.given_rows(&rows).map_err(|error| error.in_source(path.display().to_string()))?;
                (flags.rows.unwrap_or(rows.len() as u64), given)
            }
        };
        let seed = flags.seed.map(seed_of_rows);
        Ok(Self { model, rows, seed, given, budget: single::budget(&flags.running, surroundings)? })
    }

    /// Draws all rows piece by piece; `take` learns whether a piece is the first and the last. How many were made.
    fn draw(&self, mut take: impl FnMut(Table, (bool, bool)) -> Result<()>) -> Result<u64> {
        let (mut next, mut made) = (0, 0);
        loop {
            let end = (next + PIECE_ROWS).min(self.rows);
            let piece = match &self.seed {
                Some(seed) => self.model.sample_with(seed, next..end, &self.given, &self.budget)?,
                None => self.model.sample(next..end, &self.given, &self.budget)?,
            };
            made += piece.rows() as u64;
            take(piece, (next == 0, end >= self.rows))?;
            next = end;
            if next >= self.rows {
                return Ok(made);
            }
        }
    }
}

fn unmet(asked: u64, made: u64) -> Finding {
    let text = format!("asked for {asked} rows, made {made}: too few rows of the model meet the conditions");
    Finding { code: "condition_unmet".to_owned(), column: None, number: Some(made as f64), text }
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
