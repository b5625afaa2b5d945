//! Samples of a tree network under evidence: messages from the leaves up, then draws from the roots down.
//!
//! **Definition.** With `s_i(x)` the allowed share of code x of column i, `l_i(x) = s_i(x) · Π m_c(x)` over the
//! children c of i and `m_c(p) = Σ_x P(x | p) l_c(x)`. A root is drawn with weight `P(x) l(x)`, a child with
//! `P(x | p) l_c(x)`: exactly the network's law given the evidence. Columns with no evidence below them are
//! drawn as without.
//! **Reference.** Pearl 1988, ISBN 1558604790, chapter 4.

use super::{ClbnModel, Table};
use crate::member::{Block, Evidence, Given};
use std::collections::BTreeMap;
use synthfleet_proto::{Result, Seed};
use synthfleet_stats::alias::Alias;
use synthfleet_table::encode::Coded;
use synthfleet_table::random::Draw;
use synthfleet_table::{Budget, SeedExt};

/// Rows of a block under conditions.
pub(super) fn sample(model: &ClbnModel, block: Block, given: &Given, seed: &Seed, budget: &Budget) -> Result<Vec<Coded>> {
    let mut columns: Vec<Vec<u32>> = vec![vec![0; block.rows]; model.nodes.len()];
    let mut randoms: Vec<_> = (0..model.nodes.len() as u64).map(|column| seed.index(column).rng()).collect();
    for (evidence, rows) in given.groups(block.rows) {
        budget.go_on()?;
        let likelihoods = likelihoods(model, &evidence);
        for node in &model.nodes {
            let random = &mut randoms[node.column];
            let mut laws: BTreeMap<u32, Option<Alias>> = BTreeMap::new();
            for &row in &rows {
                let parent = node.parent.map_or(0, |parent| columns[parent][row as usize]);
                let uniform = random.uniform();
                let law = match &likelihoods[node.column] {
                    None => None,
                    Some(likelihood) => laws.entry(parent).or_insert_with(|| weighted(&node.table, parent, likelihood)).as_ref(),
                };
                columns[node.column][row as usize] = match law {
                    Some(law) => node.table.row(parent).0[law.place(uniform) as usize],
                    // no evidence below, or evidence that the network rules out: as without
                    None => node.table.draw(parent, uniform),
                };
            }
        }
    }
    let allowed = |place: usize, row: usize| given.at(place, row);
    Ok(model.codes.decode_given(&columns, allowed, &mut seed.child("decode").rng()))
}

/// How likely the evidence at and below each column is for each of its codes; none where there is none.
pub(super) fn likelihoods(model: &ClbnModel, evidence: &Evidence) -> Vec<Option<Vec<f64>>> {
    let shares = model.codes.columns().iter().map(|column| column.shares(|place| evidence.at(place)));
    let mut likelihoods: Vec<Option<Vec<f64>>> = shares.collect();
    for node in model.nodes.iter().rev() {
        let (Some(parent), Some(likelihood)) = (node.parent, &mut likelihoods[node.column]) else { continue };
        // the scale of a message is free: keep it near 1, whatever the depth
        let most = likelihood.iter().copied().fold(0.0, f64::max);
        if most > 0.0 {
            likelihood.iter_mut().for_each(|share| *share /= most);
        }
        let levels = model.codes.columns()[parent].levels;
        let message: Vec<f64> = (0..levels).map(|code| expected(&node.table, code, likelihood)).collect();
        match &mut likelihoods[parent] {
            Some(of_parent) => of_parent.iter_mut().zip(&message).for_each(|(share, message)| *share *= message),
            none => *none = Some(message),
        }
    }
    likelihoods
}

/// Mean of a likelihood over the children of a parent code; 0 for a code that was never met.
fn expected(table: &Table, parent: u32, likelihood: &[f64]) -> f64 {
    let (children, counts) = table.row(parent);
    let total: f64 = counts.iter().map(|&count| f64::from(count)).sum();
    let sum: f64 = children.iter().zip(counts).map(|(&child, &count)| f64::from(count) * likelihood[child as usize]).sum();
    if total > 0.0 { sum / total } else { 0.0 }
}

/// The law of a child under a parent code, weighted by a likelihood; none if nothing is left.
fn weighted(table: &Table, parent: u32, likelihood: &[f64]) -> Option<Alias> {
    let (children, counts) = table.row(parent);
    let weights: Vec<f64> = children.iter().zip(counts).map(|(&child, &count)| f64::from(count) * likelihood[child as usize]).collect();
    Alias::new(&weights)
}

#[cfg(test)]
mod tests {
    use crate::clbn::{Clbn, ClbnModel, ClbnOptions};
    use crate::conformance::tables;
    use crate::member::{BLOCK_ROWS, Block, Given, Model, Synthesizer, Train};
    use std::sync::Arc;
    use synthfleet_proto::Seed;
    use synthfleet_proto::options::Checked;
    use synthfleet_table::encode::{Encoder, Protection};
    use synthfleet_table::{Budget, Cell, Condition, Wanted};

    fn fitted() -> (ClbnModel, Arc<Encoder>) {
        let (table, seed, budget) = (tables::asia(20_000), Seed::shared(1), Budget::quiet(1));
        let encoder = Arc::new(Encoder::fit(&table, Protection::On, &seed, &budget).expect("fits"));
        let train = Train::new(encoder.encode(&table).expect("codes"));
        (Clbn::fit(&train, &Checked::new(ClbnOptions::default()).expect("defaults"), &seed, &budget).expect("fits"), encoder)
    }

    /// Probability of all rows of codes, with the codes, by the fitted tables.
    fn enumerated(model: &ClbnModel) -> Vec<(Vec<u32>, f64)> {
        let levels: Vec<u32> = model.codes.columns().iter().map(|column| column.levels).collect();
        let rows: u32 = levels.iter().product();
        let row = |mut number: u32| -> Vec<u32> {
            levels
                .iter()
                .map(|&levels| {
                    let code = number % levels;
                    number /= levels;
                    code
                })
                .collect()
        };
        let probability = |codes: &[u32]| -> f64 {
            let of_node = |node: &crate::clbn::Node| {
                let (children, counts) = node.table.row(node.parent.map_or(0, |parent| codes[parent]));
                let total: f64 = counts.iter().map(|&count| f64::from(count)).sum();
                let own = children.iter().position(|&child| child == codes[node.column]).map_or(0, |place| counts[place]);
                if total > 0.0 { f64::from(own) / total } else { 0.0 }
            };
            model.nodes.iter().map(of_node).product()
        };
        (0..rows)
            .map(row)
            .map(|codes| {
                let p = probability(&codes);
                (codes, p)
            })
            .collect()
    }

    #[test]
    fn frequencies_given_evidence_are_those_of_the_networks_own_enumeration() {
        let (model, encoder) = fitted();
        let all = enumerated(&model);
        assert!((all.iter().map(|(_, p)| p).sum::<f64>() - 1.0).abs() < 1e-9);
        let is = |column, code| Condition { column, wanted: Wanted::OneOf(vec![Cell::Code(code)]) };
        // effects known, a cause and an effect known, a rare cause known
        for conditions in [vec![is(6, 1), is(7, 1)], vec![is(2, 0), is(5, 1)], vec![is(0, 1)]] {
            let given = Given::same(&conditions, &encoder).expect("possible");
            let evidence: f64 = all
                .iter()
                .filter(|(codes, _)| conditions.iter().all(|c| c.wanted == is(c.column, codes[c.column]).wanted))
                .map(|(_, p)| p)
                .sum();
            let blocks = 25u64;
            let drawn: Vec<_> = (0..blocks)
                .map(|index| {
                    let seed = Seed::shared(2).child("block").index(index);
                    model.sample_block(Block { index, rows: BLOCK_ROWS }, &given, &seed, &Budget::quiet(1)).expect("samples")
                })
                .collect();
            let rows = (blocks as usize * BLOCK_ROWS) as f64;
            for column in 0..8 {
                let met = all
                    .iter()
                    .filter(|(codes, _)| codes[column] == 1 && conditions.iter().all(|c| c.wanted == is(c.column, codes[c.column]).wanted));
                let expected = met.map(|(_, p)| p).sum::<f64>() / evidence;
                let ones = drawn.iter().flat_map(|block| block[column].codes().expect("levels")).filter(|&&code| code == 1).count() as f64;
                let error = (expected * (1.0 - expected) / rows).sqrt().max(1e-12);
                assert!((ones / rows - expected).abs() <= 3.0 * error, "column {column}: {} for {expected}", ones / rows);
            }
        }
    }
}
