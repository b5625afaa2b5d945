//! What takes a minute, or the machine to itself: the long shelf.

use crate::distances::false_alarms;
use crate::laws::Law;
use crate::support::value;
use serde_json::json;
use std::time::Instant;
use synthfleet_benchmarks::alpha_beta::measures;
use synthfleet_benchmarks::parts::embedding::{Embedding, modelled};
use synthfleet_table::Budget;

/// Most memory that this process ever held, in MiB; `None` where the system does not tell.
fn peak_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib / 1_024)
}

#[test]
#[ignore = "long: five billion distances, and peak memory of a process of its own"]
fn known_error_23_neighbours_of_fifty_thousand_rows_fit_into_half_a_gigabyte() {
    let law = Law { numbers: 8, labels: 7 };
    let (real, sample, budget) = (law.real(50_000), law.draw(50_000, "sample"), Budget::quiet(2));
    let start = Instant::now();
    let embedding = Embedding::of(&real, &real.train, &sample, &modelled(&sample), &budget).expect("nobody stops it");
    let found = measures::of(&embedding, &budget).expect("nobody stops it").expect("enough rows");
    println!("50,000 x 50,000 x 15, three searches: {:.1} s, peak {:?} MiB", start.elapsed().as_secs_f64(), peak_mib());
    assert!(found.alpha.value > 0.97);
    assert!(peak_mib().is_none_or(|mib| mib <= 512), "{:?} MiB", peak_mib());
}

#[test]
#[ignore = "long: a timing, which needs the machine to itself"]
fn thirty_two_thousand_rows_of_fifteen_columns_take_seconds() {
    let law = Law { numbers: 7, labels: 8 };
    let (real, sample) = (law.real(32_000), law.draw(32_000, "sample"));
    let mut total = 0.0;
    for benchmark in ["alpha_beta", "coverage"] {
        let start = Instant::now();
        let scored = law.score_on(benchmark, &real, &sample, &json!({}));
        let seconds = start.elapsed().as_secs_f64();
        println!("{benchmark}: {seconds:.2} s");
        assert!(value(&scored, benchmark).is_some_and(|value| value > 0.9));
        total += seconds;
    }
    // aim: 1.2 s for both on an idle machine with two cores
    assert!(total < 6.0, "{total} s");
}

#[test]
#[ignore = "long: 500 runs of two sizes"]
fn known_error_04_innocent_samples_are_accused_no_more_often_than_their_level() {
    for rows in [400, 5_000] {
        let share = false_alarms(500, rows);
        println!("{rows} rows: {share} of 500 runs");
        assert!(share <= 0.06, "{rows} rows: {share}");
    }
}
