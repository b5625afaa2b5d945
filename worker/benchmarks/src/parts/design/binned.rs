//! Rows for boosting.
//!
//! # Definition
//! Numbers are binned where they stand. Up to eight levels are tested one against the rest. More levels are
//! placed by their smoothed rate `(sum + 20 prior) / (rows + 20)` of what is to be learnt among the rows
//! learnt from; levels unseen there stand at the prior. Missing cells have bin 0. With a grain, a number
//! column gets a second column: on the grid or not.

use super::grain::Grain;
use crate::parts::side;
use std::collections::BTreeMap;
use synthfleet_table::Table;
use synthfleet_trees::boost::{BINS_MAX, BinnedColumn, BinnedMatrix, Cuts, Order};

/// More levels than this are placed by their rate.
const ONE_HOT_MAX: usize = 8;

/// Weight of the prior in a smoothed rate, in rows.
const PRIOR_ROWS: f64 = 20.0;

/// A learnt encoding of some columns.
#[derive(Debug, Clone)]
pub struct BinnedEncoder {
    features: Vec<Feature>,
}

/// One column of the matrix.
#[derive(Debug, Clone)]
struct Feature {
    place: usize,
    name: String,
    coding: Coding,
}

#[derive(Debug, Clone)]
enum Coding {
    Number(Cuts),
    Grid(Grain),
    OneHot(BTreeMap<u32, u8>),
    Rate { bins: BTreeMap<u32, u8>, prior: u8 },
}

impl BinnedEncoder {
    /// Learns from the rows `rows` of `table`. `aims` are what is to be learnt, `[aims][rows]`; each gives a
    /// column of rates. `grains`: the grid of each of `places`, if unrounded numbers are to be seen.
    pub fn fit(table: &Table, places: &[usize], rows: &[u32], aims: &[Vec<f64>], grains: &[Option<Grain>]) -> Self {
        let mut features = Vec::new();
        for (index, &place) in places.iter().enumerate() {
            let meta = &table.metadata().columns[place];
            let name = &meta.name;
            if meta.kind.is_number_like() {
                let all = side::numbers(table, place);
                let present: Vec<f64> = rows.iter().map(|&row| all[row as usize]).filter(|number| !number.is_nan()).collect();
                if let Some(grain) = grains.get(index).copied().flatten()
                    && present.iter().any(|&number| !grain.holds(number))
                {
                    features.push(Feature { place, name: format!("{name} (grid)"), coding: Coding::Grid(grain) });
                }
                features.push(Feature { place, name: name.clone(), coding: Coding::Number(Cuts::fit(present, BINS_MAX)) });
            } else {
                let codings = level_codings(table, place, rows, aims);
                features.extend(codings.into_iter().map(|coding| Feature { place, name: name.clone(), coding }));
            }
        }
        Self { features }
    }

    /// The name of each column of the matrix.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.features.iter().map(|feature| feature.name.as_str())
    }

    /// The place in the table of each column of the matrix.
    pub fn places(&self) -> impl Iterator<Item = usize> {
        self.features.iter().map(|feature| feature.place)
    }

    /// Encodes the rows `rows` of a table.
    pub fn apply(&self, table: &Table, rows: &[u32]) -> BinnedMatrix {
        let column = |feature: &Feature| {
            let (order, bins): (Order, Vec<u8>) = match &feature.coding {
                Coding::Number(cuts) => {
                    let all = side::numbers(table, feature.place);
                    (Order::Ordered, rows.iter().map(|&row| cuts.bin(present(all[row as usize]))).collect())
                }
                Coding::Grid(grain) => {
                    let all = side::numbers(table, feature.place);
                    let bin = |number: f64| if number.is_nan() { 0 } else { 1 + u8::from(grain.holds(number)) };
                    (Order::Ordered, rows.iter().map(|&row| bin(all[row as usize])).collect())
                }
                Coding::OneHot(bins) => (Order::OneAgainstRest, levels(table, feature.place, rows, bins, 0)),
                Coding::Rate { bins, prior } => (Order::Ordered, levels(table, feature.place, rows, bins, *prior)),
            };
            BinnedColumn::new(bins, order)
        };
        BinnedMatrix::new(rows.len(), self.features.iter().map(column).collect())
    }
}

fn present(number: f64) -> Option<f64> {
    (!number.is_nan()).then_some(number)
}

/// Bins of levels; a missing cell has bin 0.
fn levels(table: &Table, place: usize, rows: &[u32], bins: &BTreeMap<u32, u8>, unseen: u8) -> Vec<u8> {
    let codes = side::levels(table, place);
    let missing = table.metadata().columns[place].levels.len();
    let mut dense = vec![unseen; missing + 1];
    bins.iter().for_each(|(&level, &bin)| dense[level as usize] = bin);
    dense[missing] = 0;
    rows.iter().map(|&row| dense[codes[row as usize] as usize]).collect()
}

fn level_codings(table: &Table, place: usize, rows: &[u32], aims: &[Vec<f64>]) -> Vec<Coding> {
    let codes = side::levels(table, place);
    let missing = table.metadata().columns[place].levels.len() as u32;
    let mut counts = BTreeMap::<u32, f64>::new();
    rows.iter().map(|&row| codes[row as usize]).filter(|&code| code != missing).for_each(|code| *counts.entry(code).or_default() += 1.0);
    if counts.len() <= ONE_HOT_MAX || aims.is_empty() {
        return vec![Coding::OneHot(counts.into_keys().take(BINS_MAX).zip(1u8..).collect())];
    }
    let by_aim = |aim: &Vec<f64>| {
        let prior = aim.iter().sum::<f64>() / aim.len().max(1) as f64;
        let mut sums = BTreeMap::<u32, f64>::new();
        rows.iter().zip(aim).for_each(|(&row, aim)| *sums.entry(codes[row as usize]).or_default() += aim);
        let rates: BTreeMap<u32, f64> =
            counts.iter().map(|(&code, count)| (code, (sums[&code] + PRIOR_ROWS * prior) / (count + PRIOR_ROWS))).collect();
        let of_rows = rows.iter().filter_map(|&row| rates.get(&codes[row as usize]).copied());
        let cuts = Cuts::fit(of_rows, BINS_MAX);
        Coding::Rate { bins: rates.iter().map(|(&code, &rate)| (code, cuts.bin(Some(rate)))).collect(), prior: cuts.bin(Some(prior)) }
    };
    aims.iter().map(by_aim).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata};
    use synthfleet_table::{Bits, Column, Values};

    fn table(levels: usize, codes: &[u32], missing: &[usize]) -> Table {
        let mut meta = ColumnMeta::plain("c", Kind::Categorical);
        meta.levels = (0..levels).map(|i| format!("l{i:02}")).collect();
        let bits = Bits::collect((0..codes.len()).map(|row| missing.contains(&row)));
        let column = Column::new(Values::Code(codes.into()), Some(bits)).expect("column");
        Table::new(Arc::new(Metadata::plain("t", vec![meta])), codes.len(), vec![column]).expect("table")
    }

    #[test]
    fn few_levels_have_a_bin_each_and_unseen_ones_go_with_missing() {
        let table = table(4, &[0, 2, 2, 3, 1], &[4]);
        let encoder = BinnedEncoder::fit(&table, &[0], &[0, 1, 2, 4], &[vec![0.0; 4]], &[]);
        let matrix = encoder.apply(&table, &[0, 1, 3, 4]);
        assert_eq!((matrix.columns()[0].bins(), matrix.columns()[0].order()), (&[1, 2, 0, 0][..], Order::OneAgainstRest));
    }

    #[test]
    fn many_levels_stand_in_the_order_of_their_rates() {
        let codes: Vec<u32> = (0..200).map(|row| row % 10).collect();
        let table = table(11, &codes, &[]);
        let rows: Vec<u32> = (0..200).collect();
        let aim: Vec<f64> = codes.iter().map(|&code| f64::from(9 - code)).collect();
        let encoder = BinnedEncoder::fit(&table, &[0], &rows, &[aim], &[]);
        let bins = encoder.apply(&table, &rows[..10]).columns()[0].bins().to_vec();
        assert_eq!(bins, (1..=10).rev().collect::<Vec<u8>>());
    }

    #[test]
    fn a_grid_column_appears_only_where_a_number_leaves_the_grid() {
        let metadata = Arc::new(Metadata::plain("t", vec![ColumnMeta::plain("x", Kind::Continuous)]));
        let table = |values: &[f64]| {
            Table::new(Arc::clone(&metadata), values.len(), vec![Column::new(Values::Real(values.into()), None).expect("column")])
                .expect("table")
        };
        let grains = [Grain::of(&[1.0, 2.0])];
        let columns = |values: &[f64]| BinnedEncoder::fit(&table(values), &[0], &[0, 1], &[], &grains).names().count();
        assert_eq!((columns(&[1.0, 3.0]), columns(&[1.0, 3.5])), (1, 2));
    }
}
