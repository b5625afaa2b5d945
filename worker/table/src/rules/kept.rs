//! How many rows of a sample keep a rule, with real rows as the law of what belongs together.

use super::{Key, Rule, is_one, is_ordered, is_within, key};
use crate::budget::Budget;
use crate::table::{Table, Values};
use std::collections::BTreeMap;
use synthfleet_proto::Result;

/// Rows between two looks at whether to go on.
const ROWS_PER_LOOK: usize = 4_096;

/// Rows of a sample that a rule speaks of, and those among them that keep it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kept {
    /// Rows that keep it.
    pub kept: u64,
    /// Rows whose cells in all its columns are present; the others are neutral.
    pub of: u64,
}

impl Kept {
    /// Kept of all; none if every row is neutral.
    pub fn share(&self) -> Option<f64> {
        (self.of > 0).then(|| self.kept as f64 / self.of as f64)
    }
}

/// Holds the rows of `sample` against a rule. Legal combinations are those of the `real` tables. Cells that decide and
/// that no real row has may decide anything, but all alike: of such rows the commonest decision counts as kept. All
/// tables have the description that the rule is bound to.
///
/// # Errors
/// `Stopped` as the budget says.
pub fn kept(rule: &Rule, real: &[&Table], sample: &Table, budget: &Budget) -> Result<Kept> {
    let law = Law::of(rule, real, sample, budget)?;
    let (mut counted, mut cells) = (Kept::default(), Vec::new());
    let mut unseen: BTreeMap<Vec<Key>, BTreeMap<Key, u64>> = BTreeMap::new();
    let places = rule.places();
    for row in 0..sample.rows() {
        if row % ROWS_PER_LOOK == 0 {
            budget.go_on()?;
        }
        if places.iter().any(|&place| sample.column(place).is_missing(row)) {
            continue;
        }
        counted.of += 1;
        counted.kept += match rule {
            Rule::Ordered { low, high, strict } => {
                u64::from(is_ordered(sample.column(*low).values(), sample.column(*high).values(), row, *strict))
            }
            Rule::Within { column, low, high } => u64::from(is_within(sample.column(*column).values(), row, *low, *high)),
            Rule::OneHot(places) => {
                let ones = places.iter().map(|&place| is_one(&sample.metadata().columns[place], sample.column(place), row));
                u64::from(ones.sum::<Option<u32>>() == Some(1))
            }
            Rule::Combinations(places) => {
                law.read(sample, places, row, &mut cells);
                u64::from(law.decided.contains_key(&cells[..]))
            }
            Rule::Decides { by, column } => {
                law.read(sample, by, row, &mut cells);
                let decided = law.key(sample, *column, row);
                match law.decided.get(&cells[..]) {
                    Some(real) => u64::from(*real == decided),
                    None => {
                        *unseen.entry(cells.clone()).or_default().entry(decided).or_default() += 1;
                        0
                    }
                }
            }
        };
    }
    counted.kept += unseen.values().filter_map(|decisions| decisions.values().max()).sum::<u64>();
    Ok(counted)
}

/// What real rows tell of a rule.
struct Law {
    /// By combination of complete cells: what it decides, or nothing of worth.
    decided: BTreeMap<Vec<Key>, Key>,
    /// Columns that some table holds as numbers with decimals, by place.
    with_decimals: Vec<usize>,
}

impl Law {
    fn of(rule: &Rule, real: &[&Table], sample: &Table, budget: &Budget) -> Result<Self> {
        let holds_decimals = |place: &usize| {
            let mut tables = real.iter().copied().chain([sample]);
            tables.any(|table| matches!(table.column(*place).values(), Values::Real(_)))
        };
        let with_decimals = rule.places().into_iter().filter(holds_decimals).collect();
        let mut law = Self { decided: BTreeMap::new(), with_decimals };
        let (by, column) = match rule {
            Rule::Ordered { .. } | Rule::Within { .. } | Rule::OneHot(_) => return Ok(law),
            Rule::Combinations(places) => (places, None),
            Rule::Decides { by, column } => (by, Some(*column)),
        };
        let (places, mut cells) = (rule.places(), Vec::new());
        for table in real {
            for row in 0..table.rows() {
                if row % ROWS_PER_LOOK == 0 {
                    budget.go_on()?;
                }
                if places.iter().all(|&place| !table.column(place).is_missing(row)) {
                    law.read(table, by, row, &mut cells);
                    if !law.decided.contains_key(&cells[..]) {
                        let decided = column.map_or((false, 0), |column| law.key(table, column, row));
                        law.decided.insert(cells.clone(), decided);
                    }
                }
            }
        }
        Ok(law)
    }

    fn read(&self, table: &Table, places: &[usize], row: usize, cells: &mut Vec<Key>) {
        cells.clear();
        cells.extend(places.iter().map(|&place| self.key(table, place, row)));
    }

    /// Equal numbers are equal keys, however a table holds them.
    fn key(&self, table: &Table, place: usize, row: usize) -> Key {
        let column = table.column(place);
        match column.values() {
            Values::Whole(cells) if self.with_decimals.contains(&place) && !column.is_missing(row) => {
                (false, (cells[row] as f64 + 0.0).to_bits())
            }
            _ => key(column, row),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::bind;
    use crate::{Bits, Column};
    use std::sync::Arc;
    use synthfleet_proto::constraint::Constraint;
    use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata};

    fn tables(rule: &str) -> (Rule, [Table; 2]) {
        let kinds = [("low", Kind::Continuous), ("high", Kind::Continuous), ("town", Kind::Categorical), ("land", Kind::Categorical)];
        let mut metadata = Metadata::plain("t", kinds.map(|(name, kind)| ColumnMeta::plain(name, kind)).to_vec());
        metadata.columns[2].levels = ["a", "b", "c"].map(str::to_owned).to_vec();
        metadata.columns[3].levels = ["x", "y"].map(str::to_owned).to_vec();
        metadata.constraints = vec![Constraint::parse(rule).expect("legal")];
        let bound = bind(&metadata).expect("fits").remove(0);
        let metadata = Arc::new(metadata);
        let table = |low: Values, high: &[f64], town: &[u32], land: &[u32], gap: usize| {
            let rows = town.len();
            let code = |codes: &[u32]| Column::new(Values::Code(codes.into()), None).expect("legal");
            let land = Column::new(Values::Code(land.into()), Some(Bits::collect((0..rows).map(|row| row == gap)))).expect("legal");
            let high = Column::new(Values::Real(high.into()), Some(Bits::collect((0..rows).map(|row| row == gap)))).expect("legal");
            let columns = vec![Column::new(low, None).expect("legal"), high, code(town), land];
            Table::new(Arc::clone(&metadata), rows, columns).expect("legal")
        };
        let real = table(Values::Whole([1, 2].into()), &[1.0, 3.0], &[0, 1], &[0, 1], 9);
        let low = Values::Real([1.0, 2.0, 4.0, 2.0, 9.0].into());
        let sample = table(low, &[1.0, 1.5, 5.0, 2.0, 0.0], &[0, 1, 2, 2, 0], &[0, 0, 1, 0, 0], 4);
        (bound, [real, sample])
    }

    fn counted(rule: &str) -> (u64, u64) {
        let (bound, [real, sample]) = tables(rule);
        let found = kept(&bound, &[&real], &sample, &Budget::quiet(1)).expect("nobody stops it");
        (found.kept, found.of)
    }

    #[test]
    fn rows_with_a_missing_cell_are_neutral_and_the_rest_are_counted() {
        assert_eq!(counted("low <= high"), (3, 4));
        assert_eq!(counted("low < high"), (1, 4));
        assert_eq!(counted("1.5 <= high <= 2"), (2, 4));
    }

    #[test]
    fn combinations_are_those_of_real_rows() {
        assert_eq!(counted("combinations of town, land"), (1, 4));
        assert_eq!(counted("combinations of low, town"), (2, 5), "whole numbers and numbers with decimals are the same numbers");
    }

    #[test]
    fn what_no_real_row_decides_is_decided_by_most_of_its_rows() {
        // a -> x is real, b -> x is not b -> y, and the two rows of c disagree
        assert_eq!(counted("town -> land"), (2, 4));
    }

    #[test]
    fn a_sample_of_neutral_rows_has_no_share() {
        let (bound, [real, sample]) = tables("low <= high");
        let neutral = kept(&bound, &[&real], &sample.take(&[4, 4]), &Budget::quiet(1)).expect("nobody stops it");
        assert_eq!((neutral, neutral.share()), (Kept { kept: 0, of: 0 }, None));
    }
}
