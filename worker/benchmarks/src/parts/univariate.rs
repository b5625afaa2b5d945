//! Further measures of one column: ranges, levels, gaps and moments covered.
//!
//! # Definition
//! * range coverage = `max(0, 1 - max((min_s - min_r)/w, 0) - max((max_r - max_s)/w, 0))`, w = max_r - min_r;
//! * category coverage = share of real levels that the sample has;
//! * missing similarity = 1 - difference of the shares of missing cells;
//! * statistic similarity = `max(0, 1 - |difference| / w)` for mean, median and sample standard deviation.
//!
//! # Reference
//! RangeCoverage, CategoryCoverage, MissingValueSimilarity, StatisticSimilarity of SDMetrics 0.32.

use super::side;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use synthfleet_table::Table;

/// Everything that applies to column `place`; what is undefined is null.
pub fn of(real: &Table, sample: &Table, place: usize) -> Map<String, Value> {
    let mut found = Map::new();
    found.insert("missing_similarity".to_owned(), json!(missing_similarity(real, sample, place)));
    if real.metadata().columns[place].kind.is_number_like() {
        let (a, b) = (present(real, place), present(sample, place));
        found.insert("range_coverage".to_owned(), json!(range_coverage(&a, &b)));
        for (name, statistic) in STATISTICS {
            found.insert(name.to_owned(), json!(statistic_similarity(&a, &b, statistic)));
        }
    } else {
        found.insert("category_coverage".to_owned(), json!(category_coverage(real, sample, place)));
    }
    found
}

/// A statistic of ascending values.
pub type Statistic = fn(&[f64]) -> f64;

/// Statistics that are compared.
pub const STATISTICS: [(&str, Statistic); 3] = [("statistic_mean", mean), ("statistic_median", median), ("statistic_std", deviation)];

/// Values present, ascending.
fn present(table: &Table, place: usize) -> Vec<f64> {
    let mut values = side::numbers(table, place);
    values.retain(|value| !value.is_nan());
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// 1 - difference of the shares of missing cells; `None` if a table has no row.
pub fn missing_similarity(real: &Table, sample: &Table, place: usize) -> Option<f64> {
    let share = |table: &Table| table.column(place).missing_count() as f64 / table.rows() as f64;
    let similarity = 1.0 - (share(real) - share(sample)).abs();
    similarity.is_finite().then_some(similarity)
}

fn width(real: &[f64]) -> Option<f64> {
    let width = real.last()? - real.first()?;
    (width > 0.0).then_some(width)
}

/// The share of the real range that the sample spans; values ascending. `None` without values or width.
pub fn range_coverage(real: &[f64], sample: &[f64]) -> Option<f64> {
    let width = width(real)?;
    let low = (sample.first()? - real.first()?) / width;
    let high = (real.last()? - sample.last()?) / width;
    Some((1.0 - low.max(0.0) - high.max(0.0)).max(0.0))
}

/// How near a statistic of the sample is, as a share of the real range; values ascending.
pub fn statistic_similarity(real: &[f64], sample: &[f64], statistic: Statistic) -> Option<f64> {
    let gap = (statistic(real) - statistic(sample)).abs() / width(real)?;
    gap.is_finite().then(|| (1.0 - gap).max(0.0))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn median(values: &[f64]) -> f64 {
    let half = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[half],
        _ => f64::midpoint(values[half - 1], values[half]),
    }
}

fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    (values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / (values.len() as f64 - 1.0)).sqrt()
}

fn category_coverage(real: &Table, sample: &Table, place: usize) -> Option<f64> {
    let missing = real.metadata().columns[place].levels.len() as u32;
    let set = |table: &Table| -> BTreeSet<u32> { side::levels(table, place).into_iter().filter(|code| *code != missing).collect() };
    let (real, sample) = (set(real), set(sample));
    (!real.is_empty()).then(|| real.intersection(&sample).count() as f64 / real.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_narrower_range_covers_its_share() {
        assert_eq!(range_coverage(&[0.0, 10.0], &[1.0, 8.0]), Some(0.7));
        assert_eq!(range_coverage(&[0.0, 10.0], &[-5.0, 20.0]), Some(1.0));
        assert_eq!(range_coverage(&[3.0, 3.0], &[3.0]), None);
    }

    #[test]
    fn statistics_are_those_of_the_sample() {
        assert_eq!(median(&[1.0, 2.0, 4.0, 9.0]), 3.0);
        assert!((deviation(&[1.0, 2.0, 3.0]) - 1.0).abs() < 1e-15);
    }
}
