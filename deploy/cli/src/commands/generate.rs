//! `generate`: rows from a stored model. A longer sample starts with the shorter one.

use super::{Surroundings, single};
use crate::{arguments, say};
use std::io::Write;
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
            let mut first = true;
            pieces(&*model, flags.rows, &budget, |piece| {
                let text = to_text(&piece, false);
                // every piece carries the header; only the first one's is wanted
                let body = if first || !piece.metadata().dialect.header {
                    text.as_str()
                } else {
                    after_header(&text, &piece.metadata().dialect.line_end)
                };
                first = false;
                stdout.write_all(body.as_bytes()).map_err(|e| Error::io("stdout", e))
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

/// The text behind the first record; header names hold no line end.
fn after_header<'a>(text: &'a str, line_end: &str) -> &'a str {
    text.split_once(line_end).map_or("", |(_, body)| body)
}
