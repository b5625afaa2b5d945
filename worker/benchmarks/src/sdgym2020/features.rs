//! Tables as features, as SDGym of 2020 made them.
//!
//! # Definition
//! Numbers with `low = trunc(train min) - 1` and `high = trunc(train max) + 1`: `ln max(x, .01)` if `low >= 0` and
//! `high >= 1000`, else `5 (x - low) / (high - low)`; instants are seconds. Ordinal levels: their place. Other
//! columns of two levels or fewer: the level's rank by falling count in train (ties: by text). Columns of more: a
//! feature of 0 and 1 for each level among the rows learnt from; other levels are 0 throughout.
//! 2020's tables had no missing cell. Here a missing number or ordinal level is the mean of the rows learnt from,
//! and a column's missing cells are one more level elsewhere. Features are held within ±1e12.
//!
//! # Order
//! Columns are taken in the order of their names and rows in the order of a digest of their cells, then shuffled:
//! the order of columns, rows and levels in the files decides nothing.

use crate::ml_efficacy::task::{Problem, Task};
use crate::parts::addresses::mixed;
use crate::parts::design::linear::{LinearRows, NO_FEATURE};
use crate::parts::side;
use synthfleet_proto::metadata::{ColumnMeta, Kind};
use synthfleet_proto::{Result, Seed};
use synthfleet_table::random::Draw;
use synthfleet_table::{Budget, SeedExt, Table};

/// Features stay within this.
const FEATURE_MAX: f64 = 1e12;
/// The least number that a logarithm is taken of.
const LOG_MIN: f64 = 0.01;
/// Bounds from which numbers are taken to the logarithm.
const LOG_FROM: (f64, f64) = (0.0, 1_000.0);

/// How a column becomes features.
#[derive(Debug, Clone, PartialEq)]
enum Way {
    /// The logarithm.
    Log,
    /// The place between `low` and `high`, times five.
    Scaled { low: f64, high: f64 },
    /// The place of an ordinal level.
    Place,
    /// The rank of a level, by its code; the last is a missing cell's.
    Rank(Vec<u32>),
    /// A feature a level, by its rank.
    Hot(Vec<u32>),
}

/// How the columns of a table become features: what train and the description tell.
#[derive(Debug, Clone)]
pub struct Encoder {
    /// Place and way of each column, by name: numbers first, then columns with a feature a level.
    ways: Vec<(usize, Way)>,
    /// The target and, if it has levels, their ranks.
    target: (usize, Vec<u32>),
}

/// Features of rows, with what they mean.
#[derive(Debug, Clone)]
pub struct Features {
    /// The features.
    pub rows: LinearRows,
    /// First feature of each column with a feature a level, and the end of the last.
    pub starts: Vec<u32>,
}

/// What the rows learnt from tell beyond the encoder.
#[derive(Debug, Clone)]
pub struct Learnt {
    /// What a missing cell is, for each number column.
    means: Vec<f64>,
    /// Ranks with a feature, ascending, for each column with a feature a level.
    levels: Vec<Vec<u32>>,
}

impl Encoder {
    /// Learns bounds and counts from train.
    pub fn new(train: &Table, task: &Task, budget: &Budget) -> Result<Self> {
        let columns = &train.metadata().columns;
        let mut places = task.places.clone();
        places.sort_by(|&a, &b| columns[a].name.cmp(&columns[b].name));
        let mut ways = Vec::with_capacity(places.len());
        for place in places {
            budget.go_on()?;
            ways.push((place, Way::of(train, place)));
        }
        ways.sort_by_key(|(_, way)| matches!(way, Way::Hot(_)));
        let has_levels = task.problem != Problem::Regression;
        let ranks = if has_levels { ranks(&side::levels(train, task.target), &columns[task.target]) } else { Vec::new() };
        Ok(Self { ways, target: (task.target, ranks) })
    }

    /// Number columns, then columns with a feature a level.
    fn widths(&self) -> (usize, usize) {
        let hot = self.ways.iter().filter(|(_, way)| matches!(way, Way::Hot(_))).count();
        (self.ways.len() - hot, hot)
    }

    /// The rank of a target level by falling count in train.
    pub fn rank(&self, code: u32) -> u32 {
        self.target.1.get(code as usize).copied().unwrap_or(code)
    }

    /// At most `rows_max` of `rows`, shuffled, in an order that hangs on their cells and `seed` alone.
    pub fn shuffled(&self, table: &Table, rows: Vec<u32>, rows_max: usize, seed: &Seed, budget: &Budget) -> Result<Vec<u32>> {
        let mut keys = vec![0u64; rows.len()];
        for (place, ranks) in self.ways.iter().map(|(place, way)| (*place, way.ranks())).chain([(self.target.0, &self.target.1[..])]) {
            budget.go_on()?;
            if table.metadata().columns[place].kind.is_number_like() {
                let numbers = side::numbers(table, place);
                // -0 and 0 are one number
                keys.iter_mut().zip(&rows).for_each(|(key, &row)| *key = mixed(*key ^ (numbers[row as usize] + 0.0).to_bits()));
            } else {
                let codes = side::levels(table, place);
                let rank = |row: u32| ranks.get(codes[row as usize] as usize).copied().unwrap_or(codes[row as usize]);
                keys.iter_mut().zip(&rows).for_each(|(key, &row)| *key = mixed(*key ^ u64::from(rank(row))));
            }
        }
        let mut sorted: Vec<(u64, u32)> = keys.into_iter().zip(rows).collect();
        sorted.sort_unstable();
        budget.go_on()?;
        Ok(seed.rng().permutation(sorted.len()).into_iter().take(rows_max).map(|place| sorted[place as usize].1).collect())
    }

    /// What the rows learnt from tell.
    pub fn learn(&self, table: &Table, rows: &[u32], budget: &Budget) -> Result<Learnt> {
        let (mut means, mut levels) = (Vec::new(), Vec::new());
        for (place, way) in &self.ways {
            budget.go_on()?;
            if let Way::Hot(ranks) = way {
                let codes = side::levels(table, *place);
                let mut present: Vec<u32> = rows.iter().map(|&row| ranks[codes[row as usize] as usize]).collect();
                present.sort_unstable();
                present.dedup();
                levels.push(present);
            } else {
                let present = way.numbers(table, *place, rows).into_iter().filter(|number| !number.is_nan());
                let (count, sum) = present.fold((0.0, 0.0), |(count, sum), number| (count + 1.0, sum + number));
                means.push(if count > 0.0 { sum / count } else { 0.0 });
            }
        }
        Ok(Learnt { means, levels })
    }

    /// Encodes rows of a table.
    pub fn apply(&self, table: &Table, rows: &[u32], learnt: &Learnt, budget: &Budget) -> Result<Features> {
        let (p, q) = self.widths();
        let mut values = vec![0.0; rows.len() * p];
        let mut hot = vec![NO_FEATURE; rows.len() * q];
        let mut starts = vec![p as u32];
        for (index, (place, way)) in self.ways.iter().enumerate() {
            budget.go_on()?;
            let Way::Hot(ranks) = way else {
                let mean = learnt.means[index];
                let numbers = way.numbers(table, *place, rows).into_iter().map(|number| if number.is_nan() { mean } else { number });
                values.iter_mut().skip(index).step_by(p).zip(numbers).for_each(|(value, number)| *value = number);
                continue;
            };
            let (start, levels) = (starts[index - p], &learnt.levels[index - p]);
            let codes = side::levels(table, *place);
            let feature = |row: u32| levels.binary_search(&ranks[codes[row as usize] as usize]).map_or(NO_FEATURE, |at| start + at as u32);
            hot.iter_mut().skip(index - p).step_by(q).zip(rows).for_each(|(hot, &row)| *hot = feature(row));
            starts.push(start + levels.len() as u32);
        }
        let features = starts[q] as usize;
        Ok(Features { rows: LinearRows { rows: rows.len(), numbers: p, levels: q, features, values, hot }, starts })
    }
}

impl Way {
    fn of(train: &Table, place: usize) -> Self {
        let meta = &train.metadata().columns[place];
        if meta.kind.is_number_like() {
            let present = || side::numbers(train, place).into_iter().map(|number| in_seconds(number, meta)).filter(|x| !x.is_nan());
            let low = present().fold(f64::INFINITY, f64::min).trunc() - 1.0;
            let high = present().fold(f64::NEG_INFINITY, f64::max).trunc() + 1.0;
            let log = low >= LOG_FROM.0 && low.is_finite() && high >= LOG_FROM.1;
            return if log { Self::Log } else { Self::Scaled { low, high } };
        }
        if meta.kind == Kind::Ordinal {
            return Self::Place;
        }
        let ranks = ranks(&side::levels(train, place), meta);
        let size = meta.levels.len() + usize::from(meta.nullable);
        if size <= 2 { Self::Rank(ranks) } else { Self::Hot(ranks) }
    }

    /// Ranks by code; none of columns without.
    fn ranks(&self) -> &[u32] {
        match self {
            Self::Rank(ranks) | Self::Hot(ranks) => ranks,
            Self::Log | Self::Scaled { .. } | Self::Place => &[],
        }
    }

    /// The column's feature in each row; not a number where it is to be the mean.
    fn numbers(&self, table: &Table, place: usize, rows: &[u32]) -> Vec<f64> {
        let meta = &table.metadata().columns[place];
        let all = |of: &dyn Fn(u32) -> f64| rows.iter().map(|&row| of(row)).collect::<Vec<f64>>();
        match self {
            Self::Log | Self::Scaled { .. } => {
                let numbers = side::numbers(table, place);
                all(&|row| self.number(in_seconds(numbers[row as usize], meta)))
            }
            Self::Place => {
                let (codes, missing) = (side::levels(table, place), meta.levels.len() as u32);
                all(&|row| if codes[row as usize] == missing { f64::NAN } else { f64::from(codes[row as usize]) })
            }
            Self::Rank(ranks) | Self::Hot(ranks) => {
                let codes = side::levels(table, place);
                all(&|row| f64::from(ranks[codes[row as usize] as usize]))
            }
        }
    }

    /// The feature of a number.
    fn number(&self, x: f64) -> f64 {
        let feature = match *self {
            _ if x.is_nan() => return x,
            Self::Log => libm::log(x.max(LOG_MIN)),
            // halves: the difference of two large bounds must not overflow
            Self::Scaled { low, high } => 5.0 * ((x / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0)),
            Self::Place | Self::Rank(_) | Self::Hot(_) => x,
        };
        if feature.is_nan() { 0.0 } else { feature.clamp(-FEATURE_MAX, FEATURE_MAX) }
    }
}

/// Instants come in nanoseconds.
fn in_seconds(number: f64, meta: &ColumnMeta) -> f64 {
    if meta.kind == Kind::Datetime { number / 1e9 } else { number }
}

/// The rank of each level by falling count, then by text; a missing cell is one more level, the last of its count.
fn ranks(codes: &[u32], meta: &ColumnMeta) -> Vec<u32> {
    let mut counts = vec![0u64; meta.levels.len() + 1];
    codes.iter().for_each(|&code| counts[code as usize] += 1);
    let mut order: Vec<usize> = (0..counts.len()).collect();
    let text = |level: usize| meta.levels.get(level);
    order.sort_by(|&a, &b| counts[b].cmp(&counts[a]).then(text(a).is_none().cmp(&text(b).is_none())).then(text(a).cmp(&text(b))));
    let mut ranks = vec![0; counts.len()];
    order.into_iter().zip(0..).for_each(|(level, rank)| ranks[level] = rank);
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::member::Real;
    use std::sync::Arc;
    use synthfleet_proto::metadata::Metadata;
    use synthfleet_table::{Bits, Column, Values};

    /// Wealth, age, grade, side, colour, and a target.
    fn table(colours: [u32; 4], missing: bool) -> Table {
        let levels = |name: &str, kind: Kind, levels: &[&str]| {
            let mut meta = ColumnMeta::plain(name, kind);
            meta.levels = levels.iter().map(|level| (*level).to_owned()).collect();
            meta
        };
        let columns = vec![
            ColumnMeta::plain("wealth", Kind::Continuous),
            ColumnMeta::plain("age", Kind::Continuous),
            levels("grade", Kind::Ordinal, &["low", "mid", "high"]),
            levels("side", Kind::Categorical, &["left", "right"]),
            levels("colour", Kind::Categorical, &["red", "green", "blue"]),
            levels("target", Kind::Boolean, &["no", "yes"]),
        ];
        let mut metadata = Metadata::plain("t", columns);
        metadata.target = Some("target".to_owned());
        let gap = || missing.then(|| Bits::collect([false, true, false, false].into_iter()));
        let column = |values, gap| Column::new(values, gap).expect("column");
        let columns = vec![
            column(Values::Real([1.5, 0.0, 20.0, 2_000.9].into()), None),
            column(Values::Whole([0, 8, 4, 2].into()), gap()),
            column(Values::Code([2, 0, 1, 1].into()), None),
            column(Values::Code([1, 1, 0, 1].into()), None),
            column(Values::Code(colours.into()), None),
            column(Values::Code([0, 1, 0, 1].into()), None),
        ];
        Table::new(Arc::new(metadata), 4, columns).expect("table")
    }

    fn encoder(train: &Table) -> Encoder {
        let real = Real { train: train.clone(), holdout: train.head(0), shared: Seed::shared(1) };
        Encoder::new(train, &Task::of(&real).expect("a target of two levels"), &Budget::quiet(1)).expect("nobody stops it")
    }

    #[test]
    fn features_are_those_of_2020() {
        let train = table([0, 0, 1, 2], false);
        let encoder = encoder(&train);
        let rows = [0, 1, 2, 3];
        let learnt = encoder.learn(&train, &rows, &Budget::quiet(1)).expect("nobody stops it");
        let found = encoder.apply(&train, &rows, &learnt, &Budget::quiet(1)).expect("nobody stops it");
        // by name: age between -1 and 9 times five; grade; side by count; wealth from -1 to 2001, not to the logarithm
        let expected = [[0.5, 2.0, 0.0, 5.0 * 2.5 / 2_002.0], [4.5, 0.0, 0.0, 5.0 / 2_002.0]];
        for (row, expected) in expected.iter().enumerate() {
            for (found, expected) in found.rows.values_of(row).iter().zip(expected) {
                assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
            }
        }
        assert_eq!(found.rows.values_of(2)[2], 1.0, "the rarer side has rank 1");
        // red is commonest, then blue before green: equal counts go by text
        assert_eq!((found.rows.hot, found.starts), (vec![4, 4, 6, 5], vec![4, 7]));
    }

    #[test]
    fn large_numbers_from_one_on_are_taken_to_the_logarithm() {
        let one = |low: f64, high: f64| {
            let mut metadata = Metadata::plain("t", vec![ColumnMeta::plain("x", Kind::Continuous)]);
            metadata.train_rows = 2;
            let column = Column::new(Values::Real([low, high].into()), None).expect("column");
            Way::of(&Table::new(Arc::new(metadata), 2, vec![column]).expect("table"), 0)
        };
        assert_eq!(one(1.0, 999.0), Way::Log);
        assert_eq!(one(0.9, 5_000.0), Way::Scaled { low: -1.0, high: 5_001.0 });
        assert_eq!(one(1.0, 998.9), Way::Scaled { low: 0.0, high: 999.0 });
        assert_eq!(one(-2.7, -0.5), Way::Scaled { low: -3.0, high: 1.0 });
        assert_eq!((Way::Log.number(0.0), Way::Log.number(1.0)), (libm::log(0.01), 0.0));
        assert_eq!(Way::Scaled { low: -1e308, high: 1.7e308 }.number(1.7e308), 5.0);
    }

    #[test]
    fn levels_unseen_among_the_rows_learnt_from_are_zero_and_gaps_are_means() {
        let (train, gapped) = (table([0, 0, 1, 2], false), table([0, 0, 1, 2], true));
        let encoder = encoder(&train);
        let learnt = encoder.learn(&gapped, &[0, 1, 2], &Budget::quiet(1)).expect("nobody stops it");
        let found = encoder.apply(&gapped, &[1, 3], &learnt, &Budget::quiet(1)).expect("nobody stops it");
        assert_eq!(found.rows.hot, [4, NO_FEATURE]);
        assert!((found.rows.values_of(0)[0] - (0.5 + 2.5) / 2.0).abs() < 1e-12);
    }

    #[test]
    fn the_order_of_rows_decides_nothing() {
        let train = table([0, 1, 1, 2], false);
        let encoder = encoder(&train);
        let (there, back) = ([0, 1, 2, 3], [3, 2, 1, 0]);
        let turned = train.take(&back);
        let order = |table: &Table| encoder.shuffled(table, there.to_vec(), 3, &Seed::shared(4), &Budget::quiet(1)).expect("goes on");
        let mirrored: Vec<u32> = order(&turned).into_iter().map(|row| back[row as usize]).collect();
        assert_eq!(order(&train), mirrored);
    }
}
