//! Audits of the private members from outside: what somebody learns who may run a fit as often as he likes.
//!
//! Each table is fitted anew in each of 2,000 runs.

use serde_json::{Value, json};
use std::sync::Arc;
use synthfleet_proto::metadata::{ColumnMeta, DeclaredDomain, Kind, Metadata};
use synthfleet_proto::privacy::NoiseKey;
use synthfleet_stats::beta::exact_limits;
use synthfleet_synthesizers::{AnyModel, Given, Seeds, find};
use synthfleet_table::{Budget, Column, Table, Values};

const MEMBERS: [&str; 3] = ["aim", "mst", "privbn"];

/// Fits of each table.
const RUNS: u64 = 2_000;

/// A table of label columns, `[columns][rows]`, whose labels are declared or not.
fn table(labels: &[&str], columns: &[Vec<u32>], declared: bool) -> Table {
    let meta = |place: usize| {
        let levels: Vec<String> = labels.iter().map(|label| (*label).to_owned()).collect();
        let domain = DeclaredDomain { levels: levels.clone(), ..DeclaredDomain::default() };
        ColumnMeta { levels, declared: declared.then_some(domain), ..ColumnMeta::plain(&format!("c{place}"), Kind::Categorical) }
    };
    let metadata = Metadata::plain("audit", (0..columns.len()).map(meta).collect());
    let cells = columns.iter().map(|codes| Column::new(Values::Code(codes.clone().into()), None).expect("legal"));
    Table::new(Arc::new(metadata), columns[0].len(), cells.collect()).expect("legal")
}

fn fitted(member: &str, table: &Table, options: &Value, run: u64) -> Box<dyn AnyModel> {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&run.to_le_bytes());
    let seeds = Seeds::of_task(run, "syn-audit-r0").with_noise(NoiseKey::new(key));
    find(member).expect("listed").fit_any(table, options, &seeds, &Budget::quiet(1)).expect("fits")
}

/// How often the canary's combination of labels is drawn.
fn canaries(member: &str, table: &Table, epsilon: f64, run: u64) -> u64 {
    let sample =
        fitted(member, table, &json!({ "epsilon": epsilon }), run).sample(0..400, &Given::NOTHING, &Budget::quiet(1)).expect("samples");
    let codes = |place: usize| match sample.column(place).values() {
        Values::Code(codes) => codes.clone(),
        _ => panic!("labels"),
    };
    let (a, b) = (codes(0), codes(1));
    a.iter().zip(b.iter()).filter(|&(&a, &b)| (a, b) == (1, 1)).count() as u64
}

/// Two tables differ in one row, the only one that holds the canary. However the threshold is set on the first
/// half of the runs, the second half must not show more than the claim.
#[test]
fn a_canary_shows_no_more_than_the_claim() {
    let epsilon = 1.0;
    let rows = 40;
    for member in MEMBERS {
        let without = table(&["no", "yes"], &[vec![0; rows], vec![0; rows]], true);
        let one = |canary: u32| (0..rows).map(|row| if row == 7 { canary } else { 0 }).collect::<Vec<u32>>();
        let with = table(&["no", "yes"], &[one(1), one(1)], true);
        let count = |table: &Table, first: u64| (first..first + RUNS).map(|run| canaries(member, table, epsilon, run)).collect::<Vec<_>>();
        let (tried, other) = (count(&with, 0), count(&without, 1 << 32));
        let half = tried.len() / 2;
        let rate = |counts: &[u64], least: u64| counts.iter().filter(|&&count| count >= least).count() as u64;
        let gap = |least: &u64| rate(&tried[..half], *least) as i64 - rate(&other[..half], *least) as i64;
        let least = (1..=400).max_by_key(gap).unwrap_or(1);
        let trials = (tried.len() - half) as u64;
        let (low, _) = exact_limits(rate(&tried[half..], least), trials, 0.005);
        let (_, high) = exact_limits(rate(&other[half..], least), trials, 0.005);
        let found = libm::log(low / high);
        assert!(found <= epsilon, "{member}: epsilon is at least {found}");
    }
}

/// The same look at a member that tells its rows is caught: the audit can fail.
#[test]
fn a_leak_would_be_caught() {
    let trials = RUNS / 2;
    let (low, _) = exact_limits(trials, trials, 0.005);
    let (_, high) = exact_limits(0, trials, 0.005);
    assert!(libm::log(low / high) > 1.0);
}

/// A label of a single row is shown with a chance of at most delta.
#[test]
fn a_label_of_one_row_is_shown_as_rarely_as_said() {
    let (rows, delta) = (400usize, 0.0025);
    for member in MEMBERS {
        let codes = (0..rows).map(|row| u32::from(row == 77)).collect();
        let single = table(&["common", "secret"], &[codes], false);
        let options = json!({ "epsilon": 10.0, "delta": delta });
        let shows = |run: u64| fitted(member, &single, &options, run).metadata().columns[0].levels.iter().any(|label| label == "secret");
        let shown = (0..RUNS).filter(|&run| shows(run)).count() as f64 / RUNS as f64;
        let part = delta / 2.0;
        assert!(shown <= part + 3.0 * (part * (1.0 - part) / RUNS as f64).sqrt(), "{member}: {shown}");
    }
}

/// A task that is tried again repeats its noise: nothing is spent twice. Another key is other noise.
#[test]
fn a_retry_spends_nothing_and_changes_no_byte() {
    let columns: Vec<Vec<u32>> = (0..4u32).map(|place| (0..600u32).map(|row| (row * 7 + row / (place + 2)) % 2).collect()).collect();
    let table = table(&["no", "yes"], &columns, false);
    let turned = table.take(&(0..600).rev().collect::<Vec<_>>());
    for member in MEMBERS {
        let fit = |table: &Table, run: u64| {
            let model = fitted(member, table, &json!({ "epsilon": 5.0 }), run);
            (model.privacy().cloned(), model.save().expect("saves"))
        };
        let (bill, bytes) = fit(&table, 3);
        assert!(fit(&table, 3) == (bill.clone(), bytes.clone()), "{member}: a retry differs");
        assert!(fit(&turned, 3).1 == bytes, "{member}: the order of rows matters");
        assert!(fit(&table, 4).1 != bytes, "{member}: the key does not matter");
        let bill = bill.expect("a private member has a bill");
        // in the unit in which the member adds up
        let paid = bill.ledger.iter().filter(|spend| spend.part_of.is_none());
        let (total, claim) = match bill.rho {
            Some(rho) => (paid.filter_map(|spend| spend.rho).sum::<f64>(), rho),
            None => (paid.filter_map(|spend| spend.epsilon).sum(), bill.epsilon),
        };
        assert!((total - claim).abs() < 1e-9, "{member}: {total} of {claim}");
        assert!(bill.delta > 0.0 && bill.delta <= 1e-4, "{member}: {}", bill.delta);
    }
}

/// With every label declared nothing is measured, and the claim is pure.
#[test]
fn declared_labels_need_no_delta() {
    let columns: Vec<Vec<u32>> = (0..3u32).map(|place| (0..500u32).map(|row| (row / (place + 1)) % 2).collect()).collect();
    let table = table(&["no", "yes"], &columns, true);
    let model = fitted("privbn", &table, &Value::Null, 1);
    let bill = model.privacy().expect("private");
    assert_eq!((bill.epsilon, bill.delta, bill.relation.name()), (1.0, 0.0, "replace_one"));
    assert!(bill.ledger.iter().all(|spend| spend.delta == 0.0 && !spend.id.starts_with("labels")));
}
