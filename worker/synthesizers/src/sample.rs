//! Samples: whole blocks in parallel, each seeded by its place, restored and cut.
//!
//! Block b of a sample draws at `sample/<b>` of the task's seed, whoever makes it and in whatever
//! company; the rows asked for are cut from whole blocks. So a longer sample starts with the shorter
//! one, and parts made apart join to the same bytes.

use crate::conditioned;
use crate::member::{BLOCK_ROWS, Block, Given, Model};
use rayon::prelude::*;
use std::ops::Range;
use synthfleet_proto::{Error, Result, Seed};
use synthfleet_table::encode::Encoder;
use synthfleet_table::{Bits, Budget, Column, Strings, Table, Values};

/// The seed that draws rows where someone names a number for them: another sample of the same model.
pub fn seed_of_rows(seed: u64) -> Seed {
    Seed::of_task(seed, "generate")
}

/// Runs `work` on as many threads as the budget allows.
pub(crate) fn with_threads<T: Send>(budget: &Budget, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(budget.threads()).build();
    pool.map_err(|error| Error::unavailable("task::threads", format!("cannot start threads: {error}")))?.install(work)
}

/// Blocks that hold rows of a sample.
pub(crate) fn blocks_of(rows: &Range<u64>) -> Vec<u64> {
    let size = BLOCK_ROWS as u64;
    if rows.is_empty() { Vec::new() } else { (rows.start / size..(rows.end - 1) / size + 1).collect() }
}

/// Rows `rows` of the endless sample of a model.
pub(crate) fn rows<M: Model>(model: &M, encoder: &Encoder, seed: &Seed, rows: Range<u64>, given: &Given, budget: &Budget) -> Result<Table> {
    if !given.is_nothing() {
        return conditioned::rows(model, encoder, seed, rows, given, budget);
    }
    let (size, blocks) = (BLOCK_ROWS as u64, blocks_of(&rows));
    // cells of the sample and as much again while blocks are joined
    budget.claim(blocks.len() as u64 * size * 16 * (encoder.metadata().columns.len() as u64 + 1))?;
    budget.progress(0.0, "sample");
    let one = |&index: &u64| {
        budget.go_on()?;
        let block = Block { index, rows: BLOCK_ROWS };
        let coded = model.sample_block(block, given, &seed.child("sample").index(index), budget)?;
        let table = encoder.restore(&coded, BLOCK_ROWS, index * size, &seed.child("restore"))?;
        budget.progress((index + 1 - blocks[0]) as f64 / blocks.len() as f64, "sample");
        let first = rows.start.saturating_sub(index * size).min(size) as u32;
        let last = (rows.end - index * size).min(size) as u32;
        Ok(if (first, last) == (0, size as u32) { table } else { table.take(&(first..last).collect::<Vec<_>>()) })
    };
    let parts = with_threads(budget, || blocks.par_iter().map(one).collect::<Result<Vec<_>>>())?;
    join(encoder, &parts)
}

/// Parts one below the other.
pub(crate) fn join(encoder: &Encoder, parts: &[Table]) -> Result<Table> {
    if let [only] = parts {
        return Ok(only.clone());
    }
    if parts.is_empty() {
        return encoder.empty();
    }
    let rows = parts.iter().map(Table::rows).sum();
    let columns = (0..parts[0].width()).map(|place| join_column(&parts.iter().map(|part| part.column(place)).collect::<Vec<_>>()));
    Table::new(parts[0].metadata().clone(), rows, columns.collect::<Result<Vec<_>>>()?)
}

fn join_column(parts: &[&Column]) -> Result<Column> {
    macro_rules! joined {
        ($variant:ident) => {{
            let cells = parts.iter().flat_map(|part| match part.values() {
                Values::$variant(cells) => cells.iter().copied(),
                _ => [].iter().copied(),
            });
            Values::$variant(cells.collect::<Vec<_>>().into())
        }};
    }
    let values = match parts[0].values() {
        Values::Real(_) => joined!(Real),
        Values::Whole(_) => joined!(Whole),
        Values::Code(_) => joined!(Code),
        Values::Text(_) => {
            let texts = parts.iter().filter_map(|part| if let Values::Text(texts) = part.values() { Some(texts) } else { None });
            Values::Text(texts.flat_map(|texts| texts.iter()).collect::<Strings>())
        }
    };
    let missing = parts.iter().any(|part| part.missing().is_some()).then(|| {
        let flags: Vec<bool> = parts.iter().flat_map(|part| (0..part.len()).map(|row| part.is_missing(row))).collect();
        Bits::collect(flags.into_iter())
    });
    Column::new(values, missing)
}
