//! What each column of the sample has of the real one, on all rows and without each fold.
//!
//! # Definition
//! Ranges, statistics, labels and gaps as in [`crate::parts::univariate`]. `rare_coverage` = share of labels that
//! at least 5 real cells but fewer than 1 % of those present hold, and that the sample has too; which labels are
//! rare is decided on all rows.

use crate::folds::{Estimate, FOLDS};
use crate::parts::each::each;
use crate::parts::side::Side;
use crate::parts::univariate::{STATISTICS, range_coverage, statistic_similarity};
use synthfleet_proto::Result;
use synthfleet_proto::about::Reason;
use synthfleet_table::Budget;

/// Measures of number-like columns beside the statistics.
pub const RANGE: &str = "range_coverage";
/// Measure of columns with labels.
pub const CATEGORY: &str = "category_coverage";
/// Measure of columns with labels.
pub const RARE: &str = "rare_coverage";
/// Measure of all columns.
pub const MISSING: &str = "missing_similarity";

/// A rare label has fewer than this share of the cells present, and at least that many.
const RARE_BELOW: f64 = 0.01;
const RARE_COUNT: u32 = 5;

/// All rows, then without each fold.
const CASES: usize = FOLDS + 1;

/// One column.
#[derive(Debug, Clone)]
pub struct ColumnCoverage {
    /// Its place.
    pub place: usize,
    /// Each measure that applies to its kind, or why it has no value.
    pub measures: Vec<(&'static str, Result<Estimate, Reason>)>,
}

/// Measures of the columns at `places`, in order.
pub fn all(real: &Side, sample: &Side, places: &[usize], budget: &Budget) -> Result<Vec<ColumnCoverage>> {
    each(budget, places.len(), |index| Ok(one(real, sample, places[index])))
}

fn one(real: &Side, sample: &Side, place: usize) -> ColumnCoverage {
    let mut measures = if real.table.metadata().columns[place].kind.is_number_like() {
        of_numbers(&Numbers::of(real, place), &Numbers::of(sample, place))
    } else {
        of_labels(&Labels::of(real, place), &Labels::of(sample, place))
    };
    measures.push((MISSING, gaps(real, sample, place)));
    ColumnCoverage { place, measures }
}

fn because<T>(code: &str, why: &str) -> Result<T, Reason> {
    Err(Reason { code: code.to_owned(), why: why.to_owned() })
}

/// A value on all rows and without each fold; not a number where a fold leaves nothing.
fn estimate(value: impl Fn(usize) -> Option<f64>) -> Option<Estimate> {
    let mut estimate = Estimate::fixed(value(0)?);
    estimate.without.iter_mut().enumerate().for_each(|(fold, slot)| *slot = value(fold + 1).unwrap_or(f64::NAN));
    Some(estimate)
}

/// Values present, ascending, with their folds.
struct Numbers(Vec<(f64, u8)>);

impl Numbers {
    fn of(side: &Side, place: usize) -> Self {
        let mut values: Vec<(f64, u8)> = side.numbers(place).into_iter().zip(side.fold.iter().copied()).collect();
        values.retain(|(value, _)| !value.is_nan());
        values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        Self(values)
    }

    fn in_case(&self, case: usize) -> Vec<f64> {
        self.0.iter().filter(|(_, fold)| usize::from(*fold) + 1 != case).map(|(value, _)| *value).collect()
    }
}

fn of_numbers(real: &Numbers, sample: &Numbers) -> Vec<(&'static str, Result<Estimate, Reason>)> {
    let measure = |real: &[f64], sample: &[f64]| -> [Option<f64>; STATISTICS.len() + 1] {
        let mut found = [range_coverage(real, sample); STATISTICS.len() + 1];
        STATISTICS.iter().zip(&mut found[1..]).for_each(|((_, of), slot)| *slot = statistic_similarity(real, sample, *of));
        found
    };
    let cases: Vec<_> = (0..CASES).map(|case| measure(&real.in_case(case), &sample.in_case(case))).collect();
    let why_not = || match (real.0.first(), real.0.last()) {
        (Some(low), Some(high)) if low.0 < high.0 && sample.0.is_empty() => because("all_missing", "no synthetic cell has a value"),
        (Some(low), Some(high)) if low.0 < high.0 => because("too_few_rows", "needs two values of both tables"),
        (Some(_), Some(_)) => because("constant", "all real values are equal"),
        _ => because("all_missing", "no real cell has a value"),
    };
    let names = std::iter::once(RANGE).chain(STATISTICS.iter().map(|(name, _)| *name));
    names.enumerate().map(|(which, name)| (name, estimate(|case| cases[case][which]).map_or_else(why_not, Ok))).collect()
}

/// Rows with each level by fold, `[levels][folds]`.
struct Labels(Vec<[u32; FOLDS]>);

impl Labels {
    fn of(side: &Side, place: usize) -> Self {
        let missing = side.table.metadata().columns[place].levels.len();
        let mut counts = vec![[0; FOLDS]; missing + 1];
        side.levels(place).iter().zip(&side.fold).for_each(|(&level, &fold)| counts[level as usize][usize::from(fold)] += 1);
        counts.truncate(missing);
        Self(counts)
    }

    fn count(&self, level: usize, case: usize) -> u32 {
        let counts = &self.0[level];
        counts.iter().sum::<u32>() - case.checked_sub(1).map_or(0, |fold| counts[fold])
    }
}

fn of_labels(real: &Labels, sample: &Labels) -> Vec<(&'static str, Result<Estimate, Reason>)> {
    let share = |levels: &[usize], case: usize| {
        let found = levels.iter().filter(|&&level| sample.count(level, case) > 0).count();
        (!levels.is_empty()).then(|| found as f64 / levels.len() as f64)
    };
    let present: u32 = (0..real.0.len()).map(|level| real.count(level, 0)).sum();
    let is_rare = |&level: &usize| {
        let count = real.count(level, 0);
        count >= RARE_COUNT && f64::from(count) < RARE_BELOW * f64::from(present)
    };
    let rare: Vec<usize> = (0..real.0.len()).filter(is_rare).collect();
    let of_case = |case: usize| -> Vec<usize> { (0..real.0.len()).filter(|&level| real.count(level, case) > 0).collect() };
    let category = estimate(|case| share(&of_case(case), case));
    vec![
        (CATEGORY, category.map_or_else(|| because("all_missing", "no real cell has a label"), Ok)),
        (RARE, estimate(|case| share(&rare, case)).map_or_else(|| because("not_applicable", "no label is rare"), Ok)),
    ]
}

fn gaps(real: &Side, sample: &Side, place: usize) -> Result<Estimate, Reason> {
    let share = |side: &Side| -> [Option<f64>; CASES] {
        let mut missing = [0u32; FOLDS];
        let column = side.table.column(place);
        (0..column.len()).filter(|&row| column.is_missing(row)).for_each(|row| missing[usize::from(side.fold[row])] += 1);
        std::array::from_fn(|case| {
            let left = |all: &[u32; FOLDS]| f64::from(all.iter().sum::<u32>() - case.checked_sub(1).map_or(0, |fold| all[fold]));
            let rows = left(&side.sizes);
            (rows > 0.0).then(|| left(&missing) / rows)
        })
    };
    let (real, sample) = (share(real), share(sample));
    let similarity = |case: usize| real[case].zip(sample[case]).map(|(real, sample)| 1.0 - (real - sample).abs());
    estimate(similarity).map_or_else(|| because("empty_table", "one of the tables has no rows"), Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row a fold and level.
    fn labels(folds_with: &[&[usize]]) -> Labels {
        let mut all = Labels(vec![[0; FOLDS]; folds_with.len()]);
        for (level, folds) in folds_with.iter().enumerate() {
            folds.iter().for_each(|&fold| all.0[level][fold] += 1);
        }
        all
    }

    fn value<'a>(measures: &'a [(&'static str, Result<Estimate, Reason>)], name: &str) -> &'a Result<Estimate, Reason> {
        &measures.iter().find(|measure| measure.0 == name).expect("a measure of this name").1
    }

    #[test]
    fn a_label_of_one_fold_is_lost_with_it() {
        let found = of_labels(&labels(&[&[0, 1], &[1, 2]]), &labels(&[&[3, 4], &[7]]));
        let category = value(&found, CATEGORY).as_ref().expect("labels");
        assert_eq!((category.value, category.without[7], category.without[3]), (1.0, 0.5, 1.0));
    }

    #[test]
    fn rare_labels_are_below_a_hundredth_and_at_least_five() {
        let counts = [996, 5, 4, 11].map(|count| std::array::from_fn(|fold| if fold == 0 { count } else { 0 }));
        let real = Labels(counts.to_vec());
        let found = |held: &[&[usize]]| value(&of_labels(&real, &labels(held)), RARE).clone().map(|rare| rare.value);
        assert_eq!(found(&[&[1], &[1], &[], &[]]), Ok(1.0));
        assert_eq!(found(&[&[1], &[], &[1], &[1]]), Ok(0.0));
    }

    #[test]
    fn a_range_without_a_fold_is_that_of_the_other_rows() {
        let real = Numbers(vec![(0.0, 0), (5.0, 1), (10.0, 2)]);
        let sample = Numbers(vec![(0.0, 3), (5.0, 4), (10.0, 5)]);
        let found = of_numbers(&real, &sample);
        let range = value(&found, RANGE).as_ref().expect("values");
        assert_eq!((range.value, range.without[3], range.without[2]), (1.0, 0.5, 1.0));
    }
}
