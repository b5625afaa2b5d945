//! What the plots of a distribution function and of quantiles show of one number-like column.
//!
//! # Definition
//! `groups`: means of equally many groups of neighbouring values, see [`super::groups`], of train, holdout and
//! sample; at most [`GROUPS_MAX`], as many as the smallest table can make. `at`: different means of train;
//! `below`: how many present values of each table are not above each.
//!
//! # Limits
//! Points are left out of `at` until between any two neighbours, below the first and above the last, there are
//! either no real rows or at least five. Fewer than ten values in train or sample: null. Fewer than ten in holdout:
//! its groups are empty.

use super::groups;
use super::histogram::{in_own_unit, merge};
use serde_json::{Value, json};
use synthfleet_table::Table;

/// Most groups of a table.
const GROUPS_MAX: usize = 99;
/// Fewest groups worth a plot.
const GROUPS_MIN: usize = 2;

/// Groups and counts of column `place` in `[train, holdout, sample]`, in the column's own unit (instants: units of its
/// grain): `{"groups": {"train": [groups], "holdout", "sample"}, "at": [points], "below": {"train": [points], "holdout",
/// "sample"}, "present": {"train", "holdout", "sample"}}`.
pub fn of(tables: [&Table; 3], place: usize) -> Value {
    let values = tables.map(|table| {
        let mut values = in_own_unit(table, place);
        values.sort_unstable_by(f64::total_cmp);
        values
    });
    let possible = values.each_ref().map(|values| groups::count(values.len(), GROUPS_MAX));
    let with_holdout = possible[1] >= GROUPS_MIN;
    let count = if with_holdout { possible[0].min(possible[1]) } else { possible[0] }.min(possible[2]);
    if count < GROUPS_MIN {
        return Value::Null;
    }
    let shown = |which: usize| -> Vec<f64> {
        if which == 1 && !with_holdout { Vec::new() } else { groups::means(&values[which], count).into_iter().map(groups::short).collect() }
    };
    let (at, below) = counts(&values, &groups::means(&values[0], groups::count(values[0].len(), GROUPS_MAX)));
    let column = |which: usize| below.iter().map(|point| point[which]).collect::<Vec<u64>>();
    json!({
        "groups": { "train": shown(0), "holdout": shown(1), "sample": shown(2) },
        "at": at, "below": { "train": column(0), "holdout": column(1), "sample": column(2) },
        "present": { "train": super::histogram::hidden(values[0].len() as u64), "holdout": super::histogram::hidden(values[1].len() as u64), "sample": values[2].len() },
    })
}

/// Points that may be shown, and how many values of each table are not above them.
fn counts(values: &[Vec<f64>; 3], means: &[f64]) -> (Vec<f64>, Vec<[u64; 3]>) {
    let mut points: Vec<f64> = means.iter().copied().map(groups::short).collect();
    points.dedup();
    let not_above = |values: &[f64], point: f64| values.partition_point(|value| *value <= point) as u64;
    let below: Vec<[u64; 3]> = points.iter().map(|&point| values.each_ref().map(|values| not_above(values, point))).collect();
    let ends = below.iter().copied().chain([values.each_ref().map(|values| values.len() as u64)]);
    let mut last = [0; 3];
    let between: Vec<[u64; 3]> = ends
        .map(|end| {
            let step = std::array::from_fn(|which| end[which] - last[which]);
            last = end;
            step
        })
        .collect();
    let (ends, _) = merge(&between);
    // the last bin ends at infinity, not at a point
    ends.iter().filter(|end| **end <= points.len()).map(|&end| (points[end - 1], below[end - 1])).unzip()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata};
    use synthfleet_table::{Column, Values};

    fn table(values: Vec<f64>) -> Table {
        let metadata = Arc::new(Metadata::plain("t", vec![ColumnMeta::plain("x", Kind::Continuous)]));
        Table::new(metadata, values.len(), vec![Column::new(Values::Real(values.into()), None).expect("column")]).expect("table")
    }

    fn numbers(value: &Value) -> Vec<f64> {
        value.as_array().expect("a list").iter().map(|number| number.as_f64().expect("a number")).collect()
    }

    #[test]
    fn counts_are_those_of_all_values_and_never_tell_a_few_real_rows() {
        let real: Vec<f64> = (0..103).map(|i| f64::from(i * i)).collect();
        let few: Vec<f64> = (0..31).map(|i| f64::from(i * 300)).collect();
        let found = of([&table(real.clone()), &table(few.clone()), &table(real.clone())], 0);
        let at = numbers(&found["at"]);
        for (name, values) in [("train", &real), ("holdout", &few)] {
            let below = numbers(&found["below"][name]);
            for (point, below) in at.iter().zip(&below) {
                assert_eq!(values.iter().filter(|value| *value <= point).count() as f64, *below);
            }
            let ends = [vec![0.0], below, vec![values.len() as f64]].concat();
            assert!(ends.windows(2).all(|two| two[1] == two[0] || two[1] - two[0] >= 5.0), "{name}: {ends:?}");
        }
        assert!(at.len() >= 4, "{at:?}");
        assert_eq!(found["groups"]["train"].as_array().map(Vec::len), Some(6), "as many groups as the smallest table makes");
    }

    #[test]
    fn no_group_mean_is_that_of_one_row() {
        let mut real = vec![1.0; 20];
        real.push(1e6);
        let found = of([&table(real.clone()), &table(real.clone()), &table(real)], 0);
        assert!(numbers(&found["groups"]["train"]).iter().all(|mean| *mean < 1e6), "{found}");
        assert!(numbers(&found["at"]).iter().all(|point| *point < 1e6), "{found}");
    }

    #[test]
    fn row_order_changes_nothing_and_few_values_show_nothing() {
        let real: Vec<f64> = (0..60).map(|i| f64::from(i) / 7.0).collect();
        let turned: Vec<f64> = real.iter().rev().copied().collect();
        let [a, b] = [real, turned].map(table);
        assert_eq!(of([&a, &b, &a], 0), of([&b, &a, &b], 0));
        let few = table(vec![1.0; 9]);
        assert_eq!(of([&a, &few, &few], 0), Value::Null);
        assert!(of([&a, &few, &a], 0)["groups"]["holdout"].as_array().is_some_and(Vec::is_empty));
    }
}
