//! One column against itself in another table: Kolmogorov–Smirnov and total variation.
//!
//! # Definition
//! Number-like: `1 - sup |F_real - F_sample|` over values present, each rounded to 14 decimals. Discrete:
//! `1 - sum |p_real - p_sample| / 2` over levels present, where a level that only the sample has counts
//! as 1e-6 real rows.
//!
//! # Reference
//! KSComplement and TVComplement of SDMetrics 0.32.

use super::each::each;
use super::side::Side;
use crate::folds::{Estimate, FOLDS};
use synthfleet_proto::Result;
use synthfleet_proto::about::Reason;
use synthfleet_table::{Budget, Column, Values};

/// The agreement of one column.
#[derive(Debug, Clone)]
pub struct Marginal {
    /// Place of the column.
    pub place: usize,
    /// `KSComplement` or `TVComplement`.
    pub measure: &'static str,
    /// The agreement, or why there is none.
    pub estimate: Result<Estimate, Reason>,
}

/// Agreement of every modelled column, in order.
pub fn all(real: &Side, sample: &Side, budget: &Budget) -> Result<Vec<Marginal>> {
    let places: Vec<usize> = real.table.metadata().modelled().collect();
    each(budget, places.len(), |index| Ok(one(real, sample, places[index])))
}

/// Agreement of column `place`.
pub fn one(real: &Side, sample: &Side, place: usize) -> Marginal {
    let number_like = real.table.metadata().columns[place].kind.is_number_like();
    let measure = if number_like { "KSComplement" } else { "TVComplement" };
    let present = |side: &Side| side.table.column(place).missing_count() < side.table.rows();
    let estimate = match (present(real), present(sample)) {
        (true, true) if number_like => Ok(kolmogorov_smirnov(real, sample, place)),
        (true, true) => Ok(total_variation(real, sample, place)),
        (false, _) => Err(missing("no real cell has a value")),
        (_, false) => Err(missing("no synthetic cell has a value")),
    };
    Marginal { place, measure, estimate }
}

/// The mean over columns that have a value, and how many those are.
pub fn mean(marginals: &[Marginal]) -> (Result<Estimate, Reason>, usize) {
    let defined: Vec<Estimate> = marginals.iter().filter_map(|marginal| marginal.estimate.clone().ok()).collect();
    let reason = || match marginals.iter().find_map(|marginal| marginal.estimate.clone().err()) {
        Some(reason) => reason,
        None => Reason { code: "no_columns".to_owned(), why: "the table has no modelled column".to_owned() },
    };
    (if defined.is_empty() { Err(reason()) } else { Ok(Estimate::mean(&defined)) }, defined.len())
}

fn missing(why: &str) -> Reason {
    Reason { code: "all_missing".to_owned(), why: why.to_owned() }
}

/// Sorted keys of the values present, with their folds. Keys are in the order of the values.
fn keys(side: &Side, place: usize, whole: bool) -> Vec<(i64, u8)> {
    let column = side.table.column(place);
    let key = |row: usize| match column.values() {
        Values::Whole(values) if whole => values[row],
        Values::Whole(values) => ordered(rounded(values[row] as f64)),
        Values::Real(values) => ordered(rounded(values[row])),
        Values::Code(_) | Values::Text(_) => 0,
    };
    let mut keys: Vec<(i64, u8)> = (0..column.len()).filter(|&row| !column.is_missing(row)).map(|row| (key(row), side.fold[row])).collect();
    keys.sort_unstable();
    keys
}

/// Rounded to 14 decimals the way NumPy does: scale, round half to even, scale back.
fn rounded(value: f64) -> f64 {
    let scaled = (value * 1e14).round_ties_even() / 1e14;
    if scaled.is_finite() { scaled } else { value }
}

/// A whole number in the order of floating-point numbers; both zeros are one.
fn ordered(value: f64) -> i64 {
    let bits = (value + 0.0).to_bits() as i64;
    if bits < 0 { i64::MIN - bits } else { bits }
}

fn is_whole(column: &Column) -> bool {
    matches!(column.values(), Values::Whole(_))
}

fn kolmogorov_smirnov(real: &Side, sample: &Side, place: usize) -> Estimate {
    let whole = is_whole(real.table.column(place)) && is_whole(sample.table.column(place));
    let (a, b) = (keys(real, place, whole), keys(sample, place, whole));
    let (total_a, total_b) = (Counted::of(&a), Counted::of(&b));
    let (mut seen_a, mut seen_b) = (Counted::default(), Counted::default());
    let mut widest = Estimate::fixed(0.0);
    let (mut i, mut j) = (0, 0);
    while i < a.len() || j < b.len() {
        let next = match (a.get(i), b.get(j)) {
            (Some(x), Some(y)) => x.0.min(y.0),
            (Some(x), None) => x.0,
            (_, y) => y.map_or(i64::MAX, |y| y.0),
        };
        i += seen_a.take_while(&a[i..], next);
        j += seen_b.take_while(&b[j..], next);
        let gap = |at: &dyn Fn(&Counted) -> f64| (at(&seen_a) / at(&total_a) - at(&seen_b) / at(&total_b)).abs();
        widest.value = widest.value.max(gap(&|counted| f64::from(counted.all)));
        for fold in 0..FOLDS {
            widest.without[fold] = widest.without[fold].max(gap(&|counted| f64::from(counted.all - counted.by_fold[fold])));
        }
    }
    Estimate::combine(|at| 1.0 - at(&widest))
}

#[derive(Default)]
struct Counted {
    all: u32,
    by_fold: [u32; FOLDS],
}

impl Counted {
    fn of(keys: &[(i64, u8)]) -> Self {
        let mut counted = Self::default();
        keys.iter().for_each(|&(_, fold)| counted.add(fold));
        counted
    }

    fn add(&mut self, fold: u8) {
        self.all += 1;
        self.by_fold[fold as usize] += 1;
    }

    /// Counts the leading keys that equal `key`; returns how many.
    fn take_while(&mut self, keys: &[(i64, u8)], key: i64) -> usize {
        let equal = keys.iter().take_while(|next| next.0 == key);
        equal.map(|&(_, fold)| self.add(fold)).count()
    }
}

/// What a level counts in the real table if only the sample has it.
const UNSEEN: f64 = 1e-6;

fn total_variation(real: &Side, sample: &Side, place: usize) -> Estimate {
    let levels = real.table.metadata().columns[place].levels.len();
    let (a, b) = (level_counts(real, place, levels), level_counts(sample, place, levels));
    let of = |at: &dyn Fn(&Counted) -> f64| {
        let of_real = |level: usize| if at(&a[level]) == 0.0 && at(&b[level]) > 0.0 { UNSEEN } else { at(&a[level]) };
        let total_real: f64 = (0..levels).map(of_real).sum();
        let total_sample: f64 = b.iter().map(at).sum();
        1.0 - 0.5 * (0..levels).map(|level| (of_real(level) / total_real - at(&b[level]) / total_sample).abs()).sum::<f64>()
    };
    let mut estimate = Estimate::fixed(of(&|counted| f64::from(counted.all)));
    for fold in 0..FOLDS {
        estimate.without[fold] = of(&|counted| f64::from(counted.all - counted.by_fold[fold]));
    }
    estimate
}

fn level_counts(side: &Side, place: usize, levels: usize) -> Vec<Counted> {
    let mut counts: Vec<Counted> = (0..levels).map(|_| Counted::default()).collect();
    for (row, code) in side.levels(place).into_iter().enumerate() {
        if let Some(count) = counts.get_mut(code as usize) {
            count.add(side.fold[row]);
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use synthfleet_proto::Seed;
    use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata};
    use synthfleet_table::random::Draw;
    use synthfleet_table::{SeedExt, Table};

    fn table(values: &[f64]) -> Table {
        let metadata = Arc::new(Metadata::plain("t", vec![ColumnMeta::plain("x", Kind::Continuous)]));
        Table::new(metadata, values.len(), vec![Column::new(Values::Real(values.into()), None).expect("column")]).expect("table")
    }

    fn agreement(a: &[f64], b: &[f64]) -> Estimate {
        let (a, b) = (table(a), table(b));
        let seed = Seed::of_task(1, "t");
        one(&Side::new(&a, &seed), &Side::new(&b, &seed), 0).estimate.expect("defined")
    }

    #[test]
    fn a_column_agrees_with_itself_and_not_at_all_with_a_disjoint_one() {
        assert_eq!(agreement(&[1.0, 2.0, -0.0], &[0.0, 2.0, 1.0]).value, 1.0);
        assert_eq!(agreement(&[1.0, 2.0], &[3.0, 4.0]).value, 0.0);
    }

    #[test]
    fn a_thousand_small_columns_equal_the_quadratic_definition() {
        let mut rng = Seed::of_task(2, "t").rng();
        for _ in 0..1_000 {
            let (n, m) = (1 + rng.below(12), 1 + rng.below(12));
            let mut draw = |n: u64| (0..n).map(|_| rng.below(9) as f64 - 4.0).collect::<Vec<f64>>();
            let (a, b) = (draw(n), draw(m));
            let below = |v: &[f64], x: f64| v.iter().filter(|y| **y <= x).count() as f64 / v.len() as f64;
            let widest = a.iter().chain(&b).map(|x| (below(&a, *x) - below(&b, *x)).abs()).fold(0.0, f64::max);
            assert!((agreement(&a, &b).value - (1.0 - widest)).abs() < 1e-12);
        }
    }

    #[test]
    fn leaving_a_fold_out_is_computing_without_its_rows() {
        let (a, b): (Vec<f64>, Vec<f64>) = ((0..60).map(f64::from).collect(), (0..45).map(|i| f64::from(i * 7 % 50)).collect());
        let whole = agreement(&a, &b);
        let seed = Seed::of_task(1, "t");
        let keep = |v: &[f64]| -> Vec<f64> {
            let folds = crate::folds::assign(&seed.child("folds"), v.len());
            v.iter().zip(folds).filter(|(_, fold)| *fold != 3).map(|(x, _)| *x).collect()
        };
        assert!((whole.without[3] - agreement(&keep(&a), &keep(&b)).value).abs() < 1e-12);
    }
}
