//! Samples under conditions: proposals of the model, of which those are kept that are as asked.
//!
//! **Definition.** Block b of a conditional sample takes proposals in rounds of whole blocks, drawn at
//! `sample/<b>/given/<round>`. Members that know the conditions propose rows that meet them almost always, all
//! others are refused until enough are left: at most 100 proposals a row asked, and 10,000 more for the first
//! block. A block hangs on nothing outside it, so longer samples start with shorter ones and parts join. Where
//! the proposals do not suffice, the rows made so far are given with the finding `condition_unmet`; no row ever
//! fails its condition. Rows with conditions of their own take proposals in turn.

use crate::member::{BLOCK_ROWS, Block, Given, Model};
use crate::sample::{blocks_of, join, with_threads};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use synthfleet_proto::metadata::Kind;
use synthfleet_proto::score::Finding;
use synthfleet_proto::{Error, Result, Seed};
use synthfleet_table::encode::{Coded, Encoder};
use synthfleet_table::{Budget, Table};

/// Proposals for each row asked.
const PROPOSALS_PER_ROW: usize = 100;
/// Proposals of a sample besides.
const PROPOSALS_MORE: usize = 10_000;

/// A model with its encoder and what is asked of it.
struct Conditioned<'a, M> {
    model: &'a M,
    encoder: &'a Encoder,
    seed: &'a Seed,
    given: &'a Given,
    budget: &'a Budget,
}

/// Rows `rows` of the sample of a model under conditions; fewer if too few proposals meet them.
pub(crate) fn rows<M: Model>(model: &M, encoder: &Encoder, seed: &Seed, rows: Range<u64>, given: &Given, budget: &Budget) -> Result<Table> {
    if let Some(most) = given.rows().filter(|&most| rows.end > most) {
        let message = format!("rows {} to {} are asked, conditions are given for {most}", rows.start, rows.end);
        return Err(Error::invalid("condition::rows", message).help("ask for as many rows as there are conditions"));
    }
    let blocks = blocks_of(&rows);
    // cells of the sample, as much again while blocks are joined, and proposals of each thread
    let in_work = blocks.len() as u64 + 4 * budget.threads() as u64;
    budget.claim(in_work * BLOCK_ROWS as u64 * 16 * (encoder.metadata().columns.len() as u64 + 1))?;
    budget.progress(0.0, "sample");
    let conditioned = Conditioned { model, encoder, seed, given, budget };
    let (size, done) = (BLOCK_ROWS as u64, AtomicU64::new(0));
    let one = |&index: &u64| {
        let first = rows.start.saturating_sub(index * size).min(size) as u32;
        let asked = (rows.end - index * size).min(size) as usize;
        let (table, places) = conditioned.block(index, asked)?;
        budget.progress((done.fetch_add(1, Ordering::Relaxed) + 1) as f64 / blocks.len() as f64, "sample");
        let kept: Vec<u32> = (0..places.len() as u32).filter(|&row| places[row as usize] >= first).collect();
        Ok(if kept.len() == table.rows() { table } else { table.take(&kept) })
    };
    let parts = with_threads(budget, || blocks.par_iter().map(one).collect::<Result<Vec<_>>>())?;
    let table = join(encoder, &parts)?;
    let asked = rows.end.saturating_sub(rows.start);
    if (table.rows() as u64) < asked {
        budget.find(Finding {
            code: "condition_unmet".to_owned(),
            column: None,
            number: Some(table.rows() as f64),
            text: format!("asked for {asked} rows, made {}: too few proposals of the model meet the conditions", table.rows()),
        });
    }
    Ok(table)
}

impl<M: Model> Conditioned<'_, M> {
    /// Rows of a block, as many of the first `asked` as can be made, and their places, ascending.
    fn block(&self, index: u64, asked: usize) -> Result<(Table, Vec<u32>)> {
        let first_row = index * BLOCK_ROWS as u64;
        let mut left = PROPOSALS_PER_ROW * asked + if index == 0 { PROPOSALS_MORE } else { 0 };
        let mut open: Vec<u32> = (0..asked as u32).collect();
        let (mut coded, mut tables, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0.. {
            if open.is_empty() || left == 0 {
                break;
            }
            self.budget.go_on()?;
            let seed = self.seed.child("sample").index(index).child("given").index(round);
            let given = self.given.of_proposals(first_row, &open, BLOCK_ROWS);
            let block = Block { index: index + round, rows: BLOCK_ROWS };
            let proposed = self.model.sample_block(block, &given, &seed, self.budget)?;
            let restored = self.encoder.restore(&proposed, BLOCK_ROWS, first_row, &seed.child("restore"))?;
            let counted = left.min(BLOCK_ROWS);
            let picks = self.accepted(&given, &restored, counted, open.len());
            let rows: Vec<u32> = picks.iter().map(|&(_, row)| row).collect();
            tables.push(restored.take(&rows));
            coded.push(proposed.iter().map(|column| column.take(&rows)).collect::<Vec<_>>());
            places.extend(picks.iter().map(|&(slot, _)| open[slot]));
            let mut is_open = vec![true; open.len()];
            picks.iter().for_each(|&(slot, _)| is_open[slot] = false);
            open = open.iter().zip(&is_open).filter(|(_, is_open)| **is_open).map(|(&place, _)| place).collect();
            left -= counted;
        }
        let mut order: Vec<u32> = (0..places.len() as u32).collect();
        order.sort_unstable_by_key(|&row| places[row as usize]);
        let table = join(self.encoder, &tables)?.take(&order);
        places.sort_unstable();
        Ok((self.numbered(&coded, &order, table, first_row)?, places))
    }

    /// Pairs of an open row and a proposal that is as asked, at most one for each.
    fn accepted(&self, given: &Given, proposals: &Table, counted: usize, open: usize) -> Vec<(usize, u32)> {
        let mut picks: Vec<(usize, u32)> = Vec::new();
        let mut is_made = vec![false; open];
        for row in 0..counted {
            let slot = if given.is_each() { row % open } else { picks.len() };
            if slot >= open {
                break;
            }
            if !is_made[slot] && given.of_row(row).is_none_or(|evidence| evidence.holds(proposals, row)) {
                is_made[slot] = true;
                picks.push((slot, row as u32));
            }
        }
        picks
    }

    /// The table with ids that follow from places in the sample, not from proposals: each once.
    fn numbered(&self, coded: &[Vec<Coded>], order: &[u32], table: Table, first_row: u64) -> Result<Table> {
        let is_id: Vec<bool> = table.described().map(|(meta, _)| meta.kind == Kind::Id).collect();
        if !is_id.contains(&true) || table.rows() == 0 {
            return Ok(table);
        }
        let width = self.encoder.columns().len();
        let parts = |place: usize| coded.iter().map(move |columns| &columns[place]);
        let joined = (0..width).map(|place| Coded::join(parts(place)).map(|column| column.take(order)));
        let joined = joined.collect::<Option<Vec<_>>>().ok_or_else(|| Error::internal("encode::broken", "proposals of two sorts"))?;
        let restored = self.encoder.restore(&joined, order.len(), first_row, &self.seed.child("restore"))?;
        let columns = is_id.iter().enumerate().map(|(place, is_id)| if *is_id { restored.column(place) } else { table.column(place) });
        let columns = columns.cloned().collect();
        Table::new(table.metadata().clone(), table.rows(), columns)
    }
}
