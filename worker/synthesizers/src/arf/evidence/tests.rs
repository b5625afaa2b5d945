//! Rows that are partly known follow the model's own law.

use super::*;
use crate::arf::{Arf, ArfModel, ArfOptions};
use crate::conformance::tables;
use crate::member::{Block, Given, Model, Synthesizer, Train};
use std::collections::BTreeMap;
use std::sync::Arc;
use synthfleet_proto::options::Checked;
use synthfleet_table::encode::{Encoder, Protection, Sort};

const ROWS: usize = 20_000;

fn fitted(table: &synthfleet_table::Table, options: ArfOptions) -> (ArfModel, Arc<Encoder>) {
    let (seed, budget) = (Seed::shared(3), Budget::quiet(2));
    let encoder = Arc::new(Encoder::fit(table, Protection::On, &seed, &budget).expect("fits"));
    let train = Train::new(encoder.encode(table).expect("codes"));
    (Arf::fit(&train, &Checked::new(options).expect("legal"), &seed, &budget).expect("fits"), encoder)
}

fn given(model: &ArfModel, evidence: &[Known]) -> Vec<Coded> {
    let drawn = model.tables.sample_given(ROWS, evidence, &Seed::from_task_seed(8), &Budget::quiet(1)).expect("nobody stops it");
    drawn.expect("possible evidence")
}

fn plain(model: &ArfModel) -> Vec<Coded> {
    let block = Block { index: 0, rows: ROWS };
    model.sample_block(block, &Given::NOTHING, &Seed::from_task_seed(9), &Budget::quiet(1)).expect("samples")
}

fn is(place: usize, levels: &[u32]) -> Known {
    Known { place, holds: Holds::Levels(levels.to_vec()) }
}

/// Fails unless `count` of [`ROWS`] lies within 4.5 standard errors of its share.
fn near(what: &str, count: usize, share: f64) {
    let error = (share * (1.0 - share) * ROWS as f64).sqrt().max(1.0);
    assert!((count as f64 - share * ROWS as f64).abs() <= 4.5 * error, "{what}: {count} of {ROWS} for a share of {share}");
}

#[test]
fn levels_given_levels_are_as_frequent_as_the_forest_itself_counts() {
    let (model, _) = fitted(&tables::tree_network(3_000, 4, 1).0, ArfOptions { pseudo_count: 0.3, ..ArfOptions::default() });
    let known = is(1, &[0, 2]);
    let of_known = model.tables.probability(std::slice::from_ref(&known));
    let count = |rows: &[Coded]| {
        let mut counts: BTreeMap<Vec<u32>, usize> = BTreeMap::new();
        for row in 0..ROWS {
            *counts.entry(rows.iter().map(|column| column.codes().expect("levels")[row]).collect()).or_default() += 1;
        }
        counts
    };
    let (free, held) = (count(&plain(&model)), count(&given(&model, &[known])));
    assert!(held.keys().all(|row| row[1] != 1));
    let mut total = 0.0;
    for cell in 0..81u32 {
        let row: Vec<u32> = (0..4).map(|place| cell / 3u32.pow(place) % 3).collect();
        let evidence: Vec<Known> = row.iter().enumerate().map(|(place, level)| is(place, &[*level])).collect();
        let share = model.tables.probability(&evidence);
        total += share;
        near("free", free.get(&row).copied().unwrap_or(0), share);
        near("held", held.get(&row).copied().unwrap_or(0), if row[1] == 1 { 0.0 } else { share / of_known });
    }
    assert!((total - 1.0).abs() < 1e-9, "{total}");
}

#[test]
fn numbers_in_a_range_or_missing_are_drawn_and_weighed_alike() {
    for density in [Density::Gap, Density::TruncatedNormal] {
        let (model, encoder) = fitted(&tables::plain(3_000), ArfOptions { density, ..ArfOptions::default() });
        let place = |name: &str| encoder.columns().iter().position(|column| column.name == name).expect("a column");
        let (size, colour) = (place("size"), place("colour"));
        assert!(matches!(encoder.columns()[size].sort, Sort::Value { state: Some(_), .. }), "the test needs a State");
        let known = Known { place: size, holds: Holds::Number { states: vec![1], range: Some((-0.3, 0.4)) } };
        let holds = |rows: &[Coded], row: usize| {
            let (states, numbers) = (rows[size - 1].codes().expect("a State"), rows[size].numbers().expect("a Value"));
            states[row] == 1 || (states[row] == 0 && (-0.3..=0.4).contains(&numbers[row]))
        };
        let (free, held) = (plain(&model), given(&model, std::slice::from_ref(&known)));
        assert!((0..ROWS).all(|row| holds(&held, row)), "{density:?}");
        near("range", (0..ROWS).filter(|&row| holds(&free, row)).count(), model.tables.probability(std::slice::from_ref(&known)));
        for level in 0..3 {
            let both = model.tables.probability(&[known.clone(), is(colour, &[level])]);
            let colours = held[colour].codes().expect("levels");
            near(
                "colour",
                (0..ROWS).filter(|&row| colours[row] == level).count(),
                both / model.tables.probability(std::slice::from_ref(&known)),
            );
        }
    }
}

#[test]
fn impossible_evidence_has_no_rows() {
    let (model, _) = fitted(&tables::tree_network(500, 3, 1).0, ArfOptions::default());
    for evidence in [is(0, &[]), is(0, &[77]), is(99, &[0])] {
        let drawn = model.tables.sample_given(10, &[evidence], &Seed::from_task_seed(8), &Budget::quiet(1)).expect("nobody stops it");
        assert!(drawn.is_none());
    }
}
