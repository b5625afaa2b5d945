//! What the plots of one column show: counts of train, holdout and sample in shared bins or levels.
//!
//! # Limits
//! Real rows are never shown in groups of one to four: bins are merged until train and holdout have none
//! or at least [`ROWS_MIN`] rows, and rarer levels are counted together. The first and the last edge are the fifth
//! smallest and the fifth largest real value, as everywhere where extremes are protected; values beyond belong to the
//! outer bins. Fewer than five real values have no bins.

use super::side;
use serde_json::{Value, json};
use synthfleet_table::Table;

/// Smallest group of real rows shown.
pub const ROWS_MIN: u64 = 5;
/// Bins of a histogram before merging.
const BINS: usize = 33;
/// Most levels shown by name.
const LEVELS_MAX: usize = 25;

/// Train, holdout, sample.
pub type Three = [u64; 3];

/// Counts of column `place` in `[train, holdout, sample]`. Number-like: `{"edges": [bins + 1], "train": [bins],
/// "holdout", "sample", "below", "above", "missing", "rows"}`, edges in the column's own unit (instants: units
/// of its grain) and `below`, `above` the sample's cells outside the real range. Discrete: `{"levels": [..],
/// "train": [levels], ..}`, commonest first, and the rest in `other`.
pub fn of(tables: [&Table; 3], place: usize) -> Value {
    let missing = tables.map(|table| table.column(place).missing_count());
    let rows = tables.map(Table::rows);
    let mut plot = if tables[0].metadata().columns[place].kind.is_number_like() { bins(tables, place) } else { levels(tables, place) };
    plot["missing"] = json!({"train": hidden(missing[0] as u64), "holdout": hidden(missing[1] as u64), "sample": missing[2]});
    plot["rows"] = json!({"train": rows[0], "holdout": rows[1], "sample": rows[2]});
    plot
}

/// A count of real rows as it may be shown: one to four are told as none.
pub fn hidden(count: u64) -> u64 {
    if count < ROWS_MIN { 0 } else { count }
}

fn bins(tables: [&Table; 3], place: usize) -> Value {
    let values = tables.map(|table| in_own_unit(table, place));
    let mut real = [values[0].as_slice(), &values[1]].concat();
    real.sort_unstable_by(f64::total_cmp);
    let fifth = ROWS_MIN as usize - 1;
    let (Some(&lowest), Some(&highest), true) = (real.first(), real.last(), real.len() > fifth) else {
        return json!({"edges": [], "train": [], "holdout": [], "sample": [], "below": 0, "above": 0});
    };
    let ends = [real[fifth], real[real.len() - 1 - fifth]];
    let (low, high) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
    let width = (high - low) / BINS as f64;
    let mut counts = [[0u64; 3]; BINS];
    let (mut below, mut above) = (0u64, 0u64);
    for (which, values) in values.iter().enumerate() {
        for &value in values {
            match value {
                value if value < lowest => below += 1,
                value if value > highest => above += 1,
                // below the first edge the place is negative, which becomes 0
                value if width > 0.0 => counts[(((value - low) / width) as usize).min(BINS - 1)][which] += 1,
                _ => counts[0][which] += 1,
            }
        }
    }
    let (ends, merged) = merge(&counts);
    let edge = |bin: usize| if bin == BINS { high } else { low + width * bin as f64 };
    let edges: Vec<f64> = std::iter::once(low).chain(ends.into_iter().map(edge)).collect();
    let column = |which: usize| merged.iter().map(|bin| bin[which]).collect::<Vec<_>>();
    json!({"edges": edges, "train": column(0), "holdout": column(1), "sample": column(2), "below": below, "above": above})
}

/// Bins `[train, holdout, sample]` merged until each has none or at least [`ROWS_MIN`] real rows: the ends of what is left, and
/// its counts.
pub fn merge(counts: &[Three]) -> (Vec<usize>, Vec<Three>) {
    let (mut ends, mut merged) = (Vec::new(), Vec::<Three>::new());
    let mut open = [0; 3];
    for (bin, count) in counts.iter().enumerate() {
        (0..3).for_each(|which| open[which] += count[which]);
        if showable(&open) {
            ends.push(bin + 1);
            merged.push(open);
            open = [0; 3];
        }
    }
    if ends.last() != Some(&counts.len()) {
        // what is left joins the last bins until it may be shown
        while let Some(last) = merged.pop() {
            ends.pop();
            (0..3).for_each(|which| open[which] += last[which]);
            if showable(&open) {
                break;
            }
        }
        ends.push(counts.len());
        merged.push(open);
    }
    (ends, merged)
}

fn showable(count: &Three) -> bool {
    count[..2].iter().all(|count| *count == 0 || *count >= ROWS_MIN)
}

/// Values present of a number-like column in its own unit, in the order of the rows; instants in units of their grain.
pub fn in_own_unit(table: &Table, place: usize) -> Vec<f64> {
    use synthfleet_table::Values;
    let column = table.column(place);
    let value = |row: usize| match column.values() {
        Values::Whole(values) => values[row] as f64,
        Values::Real(values) => values[row],
        Values::Code(_) | Values::Text(_) => 0.0,
    };
    (0..column.len()).filter(|&row| !column.is_missing(row)).map(value).collect()
}

fn levels(tables: [&Table; 3], place: usize) -> Value {
    let names = &tables[0].metadata().columns[place].levels;
    let mut counts = vec![[0u64; 3]; names.len()];
    for (which, table) in tables.into_iter().enumerate() {
        for code in side::levels(table, place) {
            if let Some(count) = counts.get_mut(code as usize) {
                count[which] += 1;
            }
        }
    }
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_by(|&a, &b| counts[b][0].cmp(&counts[a][0]).then_with(|| names[a].cmp(&names[b])));
    let (shown, rest): (Vec<usize>, Vec<usize>) = {
        let fit = order.iter().take(LEVELS_MAX).take_while(|&&level| counts[level][0] >= ROWS_MIN).count();
        (order[..fit].to_vec(), order[fit..].to_vec())
    };
    let cell = |level: usize, which: usize| if which == 1 { hidden(counts[level][1]) } else { counts[level][which] };
    let column = |which: usize| shown.iter().map(|&level| cell(level, which)).collect::<Vec<_>>();
    let other = |which: usize| rest.iter().map(|&level| counts[level][which]).sum::<u64>();
    json!({
        "levels": shown.iter().map(|&level| names[level].as_str()).collect::<Vec<_>>(),
        "train": column(0), "holdout": column(1), "sample": column(2),
        "other": {"train": hidden(other(0)), "holdout": hidden(other(1)), "sample": other(2), "levels": rest.len()},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_bin_shows_one_to_four_real_rows() {
        let counts = [[3, 0, 9], [1, 0, 0], [2, 1, 4], [9, 9, 9], [0, 0, 2], [40, 3, 1], [1, 2, 0]];
        let (ends, merged) = merge(&counts);
        assert!(merged.iter().all(showable), "{merged:?}");
        assert_eq!(ends.last(), Some(&7));
        let total: u64 = merged.iter().map(|bin| bin[0]).sum();
        assert_eq!(total, 56);
    }

    #[test]
    fn the_ends_are_not_the_values_of_single_rows() {
        use std::sync::Arc;
        use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata};
        use synthfleet_table::{Column, Values};
        let table = |values: Vec<f64>| {
            let metadata = Arc::new(Metadata::plain("t", vec![ColumnMeta::plain("x", Kind::Continuous)]));
            Table::new(metadata, values.len(), vec![Column::new(Values::Real(values.into()), None).expect("column")]).expect("table")
        };
        let real = table((0..50).map(|i| if i == 49 { 1e6 } else { f64::from(i) }).collect());
        let none = table(Vec::new());
        let plot = of([&real, &none, &table(vec![-1.0, 0.0, 1e6, 2e6])], 0);
        let edges = plot["edges"].as_array().expect("edges");
        assert_eq!((edges[0].as_f64(), edges[edges.len() - 1].as_f64()), (Some(4.0), Some(45.0)));
        let all: u64 = plot["train"].as_array().expect("counts").iter().filter_map(Value::as_u64).sum();
        assert_eq!((all, &plot["below"], &plot["above"]), (50, &json!(1), &json!(1)));
        assert_eq!(of([&table(vec![1.0, 2.0]), &none, &real], 0)["edges"], json!([]), "two rows");
    }

    #[test]
    fn empty_bins_between_full_ones_stay_apart() {
        let (ends, merged) = merge(&[[9, 9, 0], [0, 0, 0], [9, 9, 0]]);
        assert_eq!((ends, merged.len()), (vec![1, 2, 3], 3));
    }
}
