//! Tests of `aim.rs`.

use super::growth::closure;
use super::*;
use crate::conformance::tables;
use crate::{AnyModel, Given, Seeds, find};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use synthfleet_proto::privacy::NoiseKey;
use synthfleet_table::budget::Listener;
use synthfleet_table::random::Draw;
use synthfleet_table::{Arrays, SeedExt, Table, Values};

/// Three fair coins whose product is heads nine times of ten (no pair shows it), and a fourth like the first.
fn coins(rows: usize) -> Table {
    let mut random = Seed::shared(12).child("coins").rng();
    let tossed: Vec<[u32; 4]> = (0..rows)
        .map(|_| {
            let [a, b, noise, like] = [0.5, 0.5, 0.1, 0.2].map(|share| u32::from(random.uniform() < share));
            [a, b, a ^ b ^ noise, a ^ like]
        })
        .collect();
    let builder = tables::Builder::new(rows);
    let coin = |builder: tables::Builder, place: usize| builder.labels(&format!("c{place}"), &["tails", "heads"], |row| tossed[row][place]);
    tables::with_declared_labels(&(0..4).fold(builder, coin).build())
}

fn fitted(table: &Table, options: &Value) -> Box<dyn AnyModel> {
    let seeds = Seeds::of_task(1, "syn-aim-r0").with_noise(NoiseKey::new([3; 32]));
    find("aim").expect("listed").fit_any(table, options, &seeds, &Budget::quiet(2)).expect("fits")
}

/// Share of rows in which an even number of the columns is heads.
fn even(table: &Table, columns: &[usize]) -> f64 {
    let is_even = |row: &usize| {
        let heads = columns.iter().map(|&place| match table.column(place).values() {
            Values::Code(codes) => codes[*row],
            _ => panic!("labels"),
        });
        heads.sum::<u32>() % 2 == 0
    };
    (0..table.rows()).filter(is_even).count() as f64 / table.rows() as f64
}

#[test]
fn all_of_rho_is_spent_and_no_more() {
    for options in [json!({}), json!({"epsilon": 5.0, "rounds": 4})] {
        let model = fitted(&coins(3_000), &options);
        let bill = model.privacy().expect("private");
        let spent: f64 = bill.ledger.iter().filter_map(|spend| spend.rho).sum();
        assert!((spent / bill.rho.expect("in rho") - 1.0).abs() < 1e-9, "{spent} of {:?}", bill.rho);
    }
}

/// Raises its flag when half of the rounds' loss is spent.
struct StopHalfway(Arc<AtomicBool>);

impl Listener for StopHalfway {
    fn progress(&self, fraction: f64, phase: &'static str) {
        self.0.fetch_or(phase == "rounds" && fraction > 0.5, Ordering::Relaxed);
    }
    fn measure(&self, _: &'static str, _: u64, _: f64) {}
    fn checkpoint(&self, _: u64, _: &Arrays) -> Result<()> {
        Ok(())
    }
    fn checkpoint_due(&self) -> bool {
        false
    }
}

#[test]
fn a_stop_halfway_leaves_a_model_of_what_was_counted_and_its_bill() {
    let (table, stop) = (coins(8_000), Arc::<AtomicBool>::default());
    let budget = Budget::new(2, 4 << 30, Arc::clone(&stop), Box::new(StopHalfway(stop)), None);
    let seeds = Seeds::of_task(1, "syn-aim-r0").with_noise(NoiseKey::new([3; 32]));
    let model = find("aim").expect("listed").fit_any(&table, &json!({"epsilon": 5.0}), &seeds, &budget).expect("fits");
    assert!(model.findings().iter().any(|finding| finding.code == "stopped_by_deadline" && finding.number > Some(0.0)));
    let bill = model.privacy().expect("private");
    let spent: f64 = bill.ledger.iter().filter_map(|spend| spend.rho).sum();
    assert!(bill.rho.is_some_and(|rho| (0.3..0.95).contains(&(spent / rho))), "{spent} of {:?}", bill.rho);
    let sample = model.sample(0..20_000, &Given::NOTHING, &Budget::quiet(2)).expect("samples");
    assert!((even(&sample, &[0]) - 0.5).abs() < 0.05 && even(&sample, &[0, 3]) > 0.7, "{}", even(&sample, &[0, 3]));
}

#[test]
fn rounds_go_on_with_the_same_noise_and_the_same_bill() {
    crate::conformance::goes_on("aim", &coins(3_000), &json!({"epsilon": 5.0, "rounds": 4}), &coins(2_999));
}

#[test]
fn sets_of_three_show_what_no_pair_does() {
    let table = coins(8_000);
    let shares = |degree: u32| {
        let sample = fitted(&table, &json!({"degree": degree})).sample(0..20_000, &Given::NOTHING, &Budget::quiet(2)).expect("samples");
        (even(&sample, &[0, 1, 2]), even(&sample, &[0, 3]))
    };
    let (pairs, triples) = (shares(2), shares(3));
    assert!((pairs.0 - 0.5).abs() < 0.05 && (triples.0 - 0.9).abs() < 0.05, "{pairs:?}, {triples:?}");
    assert!((pairs.1 - 0.8).abs() < 0.04 && (triples.1 - 0.8).abs() < 0.04, "{pairs:?}, {triples:?}");
}

#[test]
fn candidates_are_the_closure_of_the_pairs_that_are_small_enough() {
    let found = closure(&[10, 20, 6], 2, 120);
    // of the pairs only (0, 2) and (1, 2) have at most 120 cells
    let expected = [(vec![0], 1.0), (vec![1], 1.0), (vec![2], 2.0), (vec![0, 2], 3.0), (vec![1, 2], 3.0)];
    assert_eq!(found, expected);
}

#[test]
fn sets_of_three_bring_their_pairs() {
    let found = closure(&[2, 2, 2, 2], 3, 100);
    let count = |length: usize| found.iter().filter(|(set, _)| set.len() == length).count();
    assert_eq!((count(1), count(2), count(3)), (4, 6, 4));
    // each column stands in three of the four sets
    assert!(found.iter().all(|(set, weight)| *weight == 3.0 * set.len() as f64));
}

#[test]
fn one_column_is_its_own_workload() {
    assert_eq!(closure(&[7], 2, 100), [(vec![0], 1.0)]);
    assert!(closure(&[], 2, 100).is_empty());
}
