//! The simulated sets have the law they claim: identity's likelihoods and the exact mean log density agree
//! with an independent prototype, within the tolerances that cover data and fitting noise.
//!
//! S is the mean log density of sampled rows, T that of test rows under a model refitted to sampled rows.

use synthfleet_intake::simulated;
use synthfleet_laws::{Law, Network, law};
use synthfleet_stats::means::Points;
use synthfleet_stats::mixture::Mixture;

const ROWS: usize = 10_000;
/// What keeps the logarithm of an impossible row finite.
const FLOOR: f64 = 1e-8;

fn records(name: &str, seed: u64) -> Vec<Vec<String>> {
    let text = String::from_utf8(simulated::csv(name, 2 * ROWS as u64, seed).expect("a known set")).expect("UTF-8");
    text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

fn points(records: &[Vec<String>]) -> Vec<f64> {
    records.iter().flatten().map(|cell| cell.parse::<f64>().expect("a number")).collect()
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0u32), |(sum, count), value| (sum + value, count + 1));
    sum / f64::from(count)
}

fn near(what: &str, value: f64, expected: f64, tolerance: f64) {
    assert!((value - expected).abs() <= tolerance, "{what}: {value:.4}, expected {expected} within {tolerance}");
}

/// Mean S and T of identity under mixtures of 10 and 30 components, 3 seeds each.
fn gaussian(name: &str, exact: f64, s: f64, t: f64, tolerance: f64) {
    let Ok(Some(Law::Mixture(law))) = law(name) else { panic!("{name} is a mixture") };
    let records = records(name, 0);
    let (test, sample) = records.split_at(ROWS);
    let truth = mean(points(sample).chunks(2).map(|point| law.log_density([point[0], point[1]])));
    near(&format!("{name} exact"), truth, exact, tolerance.min(0.05));
    let (test, sample) = (points(test), points(sample));
    let (test, sample) = (Points::new(&test, 2).expect("pairs"), Points::new(&sample, 2).expect("pairs"));
    let fits: Vec<(usize, u64)> = [10, 30].into_iter().flat_map(|k| (0..3).map(move |seed| (k, seed))).collect();
    let scores: Vec<(f64, f64)> = fits
        .into_iter()
        .map(|(k, seed)| {
            let on_test = Mixture::fit(test, k, seed).expect("enough points");
            let on_sample = Mixture::fit(sample, k, seed).expect("enough points");
            (on_test.mean_log_density(sample), on_sample.mean_log_density(test))
        })
        .collect();
    near(&format!("{name} S"), mean(scores.iter().map(|score| score.0)), s, tolerance);
    near(&format!("{name} T"), mean(scores.iter().map(|score| score.1)), t, tolerance);
}

#[test]
fn grid_has_its_published_likelihoods() {
    gaussian("grid", -3.061, -3.53, -3.46, 0.15);
}

#[test]
fn gridr_has_its_published_likelihoods() {
    gaussian("gridr", -3.059, -3.62, -3.61, 0.15);
}

#[test]
fn ring_has_its_published_likelihoods() {
    gaussian("ring", -1.698, -1.70, -1.71, 0.05);
}

fn states(network: &Network, records: &[Vec<String>]) -> Vec<Vec<u32>> {
    let state = |(cell, place): (&String, usize)| {
        let states = &network.variables()[place].states;
        states.iter().position(|state| state == cell).expect("a state of the list") as u32
    };
    records.iter().map(|record| record.iter().zip(0..).map(state).collect()).collect()
}

fn floored(network: &Network, rows: &[Vec<u32>]) -> f64 {
    mean(rows.iter().map(|row| libm::log(network.density(row) + FLOOR)))
}

/// S under the true tables and T under tables refitted to the sample.
fn bayesian(name: &str, exact: f64, s: f64, t: f64, tolerance: f64) {
    let Ok(Some(Law::Network(network))) = law(name) else { panic!("{name} is a network") };
    let rows = states(&network, &records(name, 0));
    let (test, sample) = rows.split_at(ROWS);
    near(&format!("{name} exact"), floored(&network, &rows), exact, tolerance);
    near(&format!("{name} S"), floored(&network, sample), s, tolerance);
    near(&format!("{name} T"), floored(&network.refitted(sample.iter().map(Vec::as_slice)), test), t, tolerance);
}

#[test]
fn asia_has_its_published_likelihoods() {
    bayesian("asia", -2.235, -2.24, -2.23, 0.06);
}

#[test]
fn alarm_has_its_published_likelihoods() {
    bayesian("alarm", -10.283, -10.25, -10.30, 0.12);
}

#[test]
fn child_has_its_published_likelihoods() {
    bayesian("child", -12.061, -12.13, -12.07, 0.12);
}

#[test]
fn insurance_has_its_published_likelihoods() {
    bayesian("insurance", -12.893, -12.92, -12.87, 0.12);
}
