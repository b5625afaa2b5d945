//! From concentrated privacy loss (rho-zCDP) to (epsilon, delta) and back, and which delta is allowed.
//!
//! **Definition.** A mechanism of loss rho is (epsilon, delta)-private with
//! `delta = min over a > 1 of exp((a-1)(a·rho - epsilon) + a·ln(1-1/a)) / (a-1)`.
//! The minimum lies where `(2a-1)·rho - epsilon + ln(1-1/a)` is 0, found by bisection; rho and epsilon by
//! bisection on delta, which grows with rho and falls with epsilon.
//! **Reference.** Canonne, Kamath, Steinke 2020, arXiv 2004.00010, corollary 13; Bun, Steinke 2016,
//! doi 10.1007/978-3-662-53641-4_24, for the loss itself.

use synthfleet_proto::{Error, Result};

const STEPS: u32 = 200;
/// Orders nearer to 1 lose digits and are never the best for a delta below 1/2.
const ORDER_MIN: f64 = 1.01;

/// The failure probability at which a loss of `rho` is `epsilon`-private.
pub fn delta_of(rho: f64, epsilon: f64) -> f64 {
    if rho <= 0.0 {
        return 0.0;
    }
    let slope = |order: f64| (2.0 * order - 1.0) * rho - epsilon + libm::log1p(-1.0 / order);
    let order = root(ORDER_MIN, (epsilon + 1.0) / (2.0 * rho) + 2.0, |order| slope(order) < 0.0);
    let log = (order - 1.0) * (order * rho - epsilon) + order * libm::log1p(-1.0 / order) - libm::log(order - 1.0);
    libm::exp(log).min(1.0)
}

/// The largest loss that is (`epsilon`, `delta`)-private.
pub fn rho_of(epsilon: f64, delta: f64) -> f64 {
    root(0.0, epsilon + 1.0, |rho| delta_of(rho, epsilon) <= delta)
}

/// The smallest epsilon at which a loss of `rho` fails with at most `delta`.
pub fn epsilon_of(rho: f64, delta: f64) -> f64 {
    let most = rho + 2.0 * (rho * libm::log(1.0 / delta)).sqrt();
    // bisection from above: the bound itself holds
    most - root(0.0, most, |less| delta_of(rho, most - less) <= delta)
}

/// The last place of `low..=high` at which `holds`, which must turn from true to false once.
fn root(mut low: f64, mut high: f64, holds: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..STEPS {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            break;
        }
        *(if holds(middle) { &mut low } else { &mut high }) = middle;
    }
    low
}

/// The delta of a table of so many rows: 1/n^1.5 rounded down to a power of ten.
pub fn delta_default(rows: u64) -> f64 {
    let cube = u128::from(rows.clamp(1, 1_000_000_000_000)).pow(3);
    let digits = (0..).find(|&k| 100u128.pow(k) >= cube).unwrap_or(18);
    libm::pow(10.0, -f64::from(digits))
}

/// The delta to be used: the one asked for, or the default. More than one row in `rows` is refused.
pub fn delta(asked: Option<f64>, rows: u64) -> Result<f64> {
    let delta = asked.unwrap_or_else(|| delta_default(rows));
    if delta > 0.0 && delta * rows as f64 <= 1.0 {
        return Ok(delta);
    }
    let message = format!("delta is {delta}, allowed: above 0, at most 1/{rows} (one over the number of rows)");
    Err(Error::invalid("privacy::delta", message).at_pointer("/delta").help("leave it out: the default is 1/n^1.5"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the best order is known: epsilon is chosen so that the slope at `order` is 0.
    fn closed(rho: f64, order: f64) -> (f64, f64) {
        let epsilon = (2.0 * order - 1.0) * rho + libm::log(1.0 - 1.0 / order);
        let moment = libm::exp((order - 1.0) * (order * rho - epsilon));
        (epsilon, moment * libm::pow(1.0 - 1.0 / order, order) / (order - 1.0))
    }

    #[test]
    fn losses_and_pairs_agree_with_the_closed_form() {
        for (rho, order) in [(0.01, 40.0), (0.1, 12.0), (0.5, 6.0), (2.0, 4.0), (0.001, 120.0)] {
            let (epsilon, delta) = closed(rho, order);
            assert!((delta_of(rho, epsilon) / delta - 1.0).abs() < 1e-6);
            assert!((rho_of(epsilon, delta) / rho - 1.0).abs() < 1e-6, "{} for {rho}", rho_of(epsilon, delta));
            assert!((epsilon_of(rho, delta) / epsilon - 1.0).abs() < 1e-6, "{} for {epsilon}", epsilon_of(rho, delta));
        }
    }

    #[test]
    fn the_pair_is_never_worse_than_the_simple_bound() {
        // rho + 2·sqrt(rho·ln(1/delta)), Bun and Steinke 2016
        for (epsilon, delta) in [(0.1, 1e-9), (1.0, 1e-7), (10.0, 1e-5)] {
            let log = libm::log(1.0 / delta);
            let simple = ((epsilon + log).sqrt() - log.sqrt()).powi(2);
            let rho = rho_of(epsilon, delta);
            assert!(rho > simple && rho < 2.0 * simple, "{rho}, simple {simple}");
            assert!(delta_of(rho, epsilon) <= delta);
        }
    }

    #[test]
    fn the_default_delta_is_a_power_of_ten() {
        for (rows, delta) in [(1, 1.0), (10, 1e-2), (100, 1e-3), (32_561, 1e-7), (1_000_000, 1e-9)] {
            assert!((delta_default(rows) / delta - 1.0f64).abs() < 1e-12, "{rows}: {}", delta_default(rows));
        }
    }

    #[test]
    fn a_delta_above_one_row_is_refused() {
        assert_eq!(delta(Some(0.01), 1_000).expect_err("too large").code(), "privacy::delta");
        assert!(delta(Some(f64::NAN), 1_000).is_err() && delta(Some(0.0), 1_000).is_err());
        assert_eq!(delta(Some(1e-4), 1_000).ok(), Some(1e-4));
    }
}
