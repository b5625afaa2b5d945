//! What the plot of a pair shows: joint counts of train, holdout and sample.
//!
//! # Definition
//! A number-like column is cut into at most [`BINS`] bins that hold about equally many train rows; cuts are means of
//! neighbouring values, see [`super::groups`], bins are closed on the right and the outer ones open. A column with
//! levels keeps its [`LEVELS_MAX`] commonest ones of train (ties by name), none with fewer than five rows. What is left
//! is `other`, what is missing `missing`, each only where a row has it.
//!
//! # Limits
//! Every count is rounded down to a multiple of five: no cell, and no difference between a cell and what the plots of
//! single columns tell, points at one to four rows.

use super::groups;
use super::histogram::{ROWS_MIN, in_own_unit};
use super::side;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use synthfleet_table::Table;

/// Most bins of a number.
const BINS: usize = 8;
/// Most levels with a name.
const LEVELS_MAX: usize = 8;
/// Groups that cuts are chosen from.
const GROUPS_MAX: usize = 80;

/// One column in few codes on `[train, holdout, sample]`.
pub struct Axis {
    /// `{"column", "edges": [bins - 1]}` or `{"column", "levels": [..]}`, and `"rest"`: which of `other` and `missing`
    /// follow.
    told: Value,
    count: usize,
    /// `[tables][rows]`, below `count`.
    codes: [Vec<u8>; 3],
}

impl Axis {
    /// Column `place` of the tables.
    pub fn of(tables: [&Table; 3], place: usize) -> Self {
        let meta = &tables[0].metadata().columns[place];
        let number_like = meta.kind.is_number_like();
        let (own, raw, mut told) = if number_like { bins(tables, place) } else { levels(tables, place) };
        told["column"] = json!(meta.name);
        // codes from `own` on: other, missing
        let has = |code: usize| raw.iter().flatten().any(|&found| usize::from(found) == code);
        let (other, missing) = (has(own), has(own + 1));
        let rest: Vec<&str> = [(other, "other"), (missing, "missing")].into_iter().filter_map(|(has, name)| has.then_some(name)).collect();
        told["rest"] = json!(rest);
        let count = own + rest.len();
        let codes =
            raw.map(|codes| codes.into_iter().map(|code| if usize::from(code) == own + 1 { count as u8 - 1 } else { code }).collect());
        Self { told, count, codes }
    }
}

/// Joint counts of two columns: `{"axes": [x, y], "train": [x * y], "holdout", "sample", "rows": {..}}`, cell `(i, j)` at
/// `i * count of y + j`.
pub fn joint(x: &Axis, y: &Axis) -> Value {
    let counts = |table: usize| {
        let mut counts = vec![0u64; x.count * y.count];
        x.codes[table].iter().zip(&y.codes[table]).for_each(|(&i, &j)| counts[usize::from(i) * y.count + usize::from(j)] += 1);
        counts.into_iter().map(rounded).collect::<Vec<u64>>()
    };
    let rows = [0, 1, 2].map(|table| x.codes[table].len());
    json!({
        "axes": [x.told, y.told], "train": counts(0), "holdout": counts(1), "sample": counts(2),
        "rows": { "train": rows[0], "holdout": rows[1], "sample": rows[2] },
    })
}

/// A count as it may be shown.
pub fn rounded(count: u64) -> u64 {
    count / ROWS_MIN * ROWS_MIN
}

type Coded = (usize, [Vec<u8>; 3], Value);

fn bins(tables: [&Table; 3], place: usize) -> Coded {
    let mut sorted = in_own_unit(tables[0], place);
    sorted.sort_unstable_by(f64::total_cmp);
    let groups = groups::count(sorted.len(), GROUPS_MAX);
    let means = groups::means(&sorted, groups);
    let mut edges: Vec<f64> = Vec::new();
    let below = |edge: f64| sorted.partition_point(|value| *value <= edge);
    for cut in 1..BINS {
        let Some(&mean) = means.get(cut * groups / BINS) else { continue };
        let (edge, before) = (groups::short(mean), edges.last().map_or(0, |&last| below(last)));
        if below(edge) > before && below(edge) < sorted.len() {
            edges.push(edge);
        }
    }
    let own = if sorted.is_empty() { 0 } else { edges.len() + 1 };
    let code = |table: &Table| -> Vec<u8> {
        let mut values = in_own_unit(table, place).into_iter();
        let column = table.column(place);
        let one = |row: usize| if column.is_missing(row) { None } else { values.next() };
        let found: Vec<Option<f64>> = (0..table.rows()).map(one).collect();
        let place = |value: f64| if own == 0 { 0 } else { edges.partition_point(|edge| *edge < value) };
        found.into_iter().map(|value| value.map_or(own + 1, place) as u8).collect()
    };
    (own, tables.map(code), json!({ "edges": edges }))
}

fn levels(tables: [&Table; 3], place: usize) -> Coded {
    let names = &tables[0].metadata().columns[place].levels;
    let codes = tables.map(|table| side::levels(table, place));
    let mut counts: BTreeMap<u32, u64> = BTreeMap::new();
    codes[0].iter().filter(|code| (**code as usize) < names.len()).for_each(|&code| *counts.entry(code).or_insert(0) += 1);
    let mut order: Vec<(u32, u64)> = counts.into_iter().filter(|(_, count)| *count >= ROWS_MIN).collect();
    let name = |code: u32| names[code as usize].as_str();
    order.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| name(a.0).cmp(name(b.0))));
    order.truncate(LEVELS_MAX);
    let own = order.len();
    let place_of: BTreeMap<u32, u8> = order.iter().enumerate().map(|(place, (code, _))| (*code, place as u8)).collect();
    let code = |codes: Vec<u32>| -> Vec<u8> {
        let one = |code: u32| if code as usize == names.len() { own as u8 + 1 } else { place_of.get(&code).copied().unwrap_or(own as u8) };
        codes.into_iter().map(one).collect()
    };
    (own, codes.map(code), json!({ "levels": order.iter().map(|(code, _)| name(*code)).collect::<Vec<_>>() }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata};
    use synthfleet_table::{Bits, Column, Values};

    fn table(numbers: Vec<f64>, codes: Vec<u32>, missing: &[usize]) -> Table {
        let mut label = ColumnMeta::plain("label", Kind::Categorical);
        label.levels = ["rare", "b", "a"].map(str::to_owned).to_vec();
        let metadata = Arc::new(Metadata::plain("t", vec![ColumnMeta::plain("x", Kind::Continuous), label]));
        let bits = Bits::collect((0..numbers.len()).map(|row| missing.contains(&row)));
        let rows = numbers.len();
        let columns = vec![
            Column::new(Values::Real(numbers.into()), Some(bits)).expect("column"),
            Column::new(Values::Code(codes.into()), None).expect("column"),
        ];
        Table::new(metadata, rows, columns).expect("table")
    }

    fn shown() -> Value {
        let numbers = || (0..80).map(f64::from).collect::<Vec<f64>>();
        let train = table(numbers(), (0..80).map(|row| if row < 3 { 0 } else { 1 + u32::from(row >= 40) }).collect(), &[]);
        let sample = table(numbers(), vec![2; 80], &[7, 8, 9, 10, 11, 12]);
        let [x, y] = [0, 1].map(|place| Axis::of([&train, &train, &sample], place));
        joint(&x, &y)
    }

    #[test]
    fn bins_hold_equally_many_rows_and_levels_come_commonest_first() {
        let found = shown();
        assert_eq!(found["axes"][1], json!({"column": "label", "levels": ["a", "b"], "rest": ["other"]}));
        assert_eq!(found["axes"][0]["edges"].as_array().map(Vec::len), Some(7));
        assert_eq!(found["axes"][0]["rest"], json!(["missing"]));
        assert_eq!(found["rows"], json!({"train": 80, "holdout": 80, "sample": 80}));
    }

    #[test]
    fn counts_are_multiples_of_five_and_rows_that_are_few_vanish() {
        let found = shown();
        for name in ["train", "holdout", "sample"] {
            let counts = found[name].as_array().expect("counts");
            assert_eq!(counts.len(), 9 * 3);
            assert!(counts.iter().all(|count| count.as_u64().is_some_and(|count| count % 5 == 0)), "{name}: {counts:?}");
        }
        let cell = |name: &str, x: usize, y: usize| found[name][x * 3 + y].as_u64();
        assert_eq!(cell("train", 0, 2), Some(0), "three rows of a rare label");
        assert_eq!(cell("sample", 8, 0), Some(5), "six missing cells");
    }

    #[test]
    fn two_values_make_two_bins_and_none_makes_no_bin() {
        let two = table((0..40).map(|row| f64::from(u8::from(row % 2 == 0))).collect(), vec![1; 40], &[]);
        let axis = Axis::of([&two, &two, &two], 0);
        assert_eq!((axis.count, axis.told["edges"].as_array().map(Vec::len)), (2, Some(1)));
        let none = table(vec![1.0; 6], vec![1; 6], &[0, 1, 2, 3, 4, 5]);
        let axis = Axis::of([&none, &none, &two], 0);
        assert_eq!((axis.count, &axis.told["rest"]), (2, &json!(["other", "missing"])));
    }
}
