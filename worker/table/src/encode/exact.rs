//! Exact codes, unprotected: one level for each distinct cell. For members whose samples are real rows.

use super::shelf::{Reader, Writer};
use super::{Coded, Sort};
use crate::Bits;
use crate::table::{Column, Values};
use std::collections::BTreeMap;
use synthfleet_proto::Result;

/// Distinct cells in order; missing is the last level.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Exact {
    distinct: Values,
    missing: bool,
}

impl Exact {
    pub(crate) fn fit(column: &Column) -> Self {
        let present = || (0..column.len()).filter(|&row| !column.is_missing(row));
        let distinct = match column.values() {
            Values::Real(cells) => Values::Real(sorted(present().map(|row| Bitwise(cells[row]))).into_iter().map(|b| b.0).collect()),
            Values::Whole(cells) => Values::Whole(sorted(present().map(|row| cells[row])).into()),
            Values::Code(cells) => Values::Code(sorted(present().map(|row| cells[row])).into()),
            Values::Text(cells) => Values::Text(sorted(present().map(|row| cells.get(row))).into_iter().collect()),
        };
        Self { missing: column.missing_count() > 0 || distinct.is_empty(), distinct }
    }

    fn levels(&self) -> u32 {
        self.distinct.len() as u32 + u32::from(self.missing)
    }

    pub(crate) fn missing_level(&self) -> Option<u32> {
        self.missing.then_some(self.distinct.len() as u32)
    }

    pub(crate) fn sort(&self) -> Sort {
        Sort::Levels { levels: self.levels(), ordered: !matches!(self.distinct, Values::Text(_)) }
    }

    pub(crate) fn encode(&self, column: &Column) -> Coded {
        let last = self.levels().saturating_sub(1);
        let code = |row: usize| -> u32 {
            let place = match (&self.distinct, column.values()) {
                (Values::Real(known), Values::Real(cells)) => known.partition_point(|v| v.total_cmp(&cells[row]).is_lt()),
                (Values::Whole(known), Values::Whole(cells)) => known.partition_point(|v| v < &cells[row]),
                (Values::Code(known), Values::Code(cells)) => known.partition_point(|v| v < &cells[row]),
                _ => 0,
            };
            if column.is_missing(row) { last } else { (place as u32).min(last) }
        };
        if let (Values::Text(known), Values::Text(cells)) = (&self.distinct, column.values()) {
            let places: BTreeMap<&str, u32> = known.iter().zip(0..).collect();
            let code = |row: usize| if column.is_missing(row) { last } else { places.get(cells.get(row)).copied().unwrap_or(last) };
            return Coded::Levels((0..column.len()).map(code).collect());
        }
        Coded::Levels((0..column.len()).map(code).collect())
    }

    pub(crate) fn decode(&self, codes: &[u32]) -> (Values, Option<Bits>) {
        let known = self.distinct.len();
        let is_missing = |code: u32| code as usize >= known;
        let values = match &self.distinct {
            Values::Real(cells) => Values::Real(codes.iter().map(|&code| cells.get(code as usize).copied().unwrap_or(0.0)).collect()),
            Values::Whole(cells) => Values::Whole(codes.iter().map(|&code| cells.get(code as usize).copied().unwrap_or(0)).collect()),
            Values::Code(cells) => Values::Code(codes.iter().map(|&code| cells.get(code as usize).copied().unwrap_or(0)).collect()),
            Values::Text(cells) => {
                Values::Text(codes.iter().map(|&code| if is_missing(code) { "" } else { cells.get(code as usize) }).collect())
            }
        };
        (values, self.missing.then(|| Bits::collect(codes.iter().map(|&code| is_missing(code)))))
    }

    pub(crate) fn save(&self, out: &mut Writer) {
        out.flag("missing", self.missing);
        match &self.distinct {
            Values::Real(cells) => out.reals("distinct", cells),
            Values::Whole(cells) => out.wholes("distinct", cells),
            Values::Code(cells) => out.codes("distinct", cells),
            Values::Text(cells) => out.texts("distinct", cells),
        }
    }

    /// Reads exact codes of a column whose cells are like `like`.
    pub(crate) fn load(reader: &Reader, like: &Values, labels: usize) -> Result<Self> {
        let distinct = match like {
            Values::Real(_) => Values::Real(reader.reals("distinct")?.into()),
            Values::Whole(_) => Values::Whole(reader.wholes("distinct")?.into()),
            Values::Code(_) => Values::Code(reader.codes("distinct")?.into()),
            Values::Text(_) => Values::Text(reader.texts("distinct")?),
        };
        let missing = reader.flag("missing")?;
        let is_right = match &distinct {
            Values::Code(codes) => codes.iter().all(|&code| (code as usize) < labels),
            _ => true,
        };
        if !is_right || (distinct.is_empty() && !missing) {
            return Err(reader.damaged("distinct"));
        }
        Ok(Self { distinct, missing })
    }
}

/// Floating-point numbers by total order, so that each bit pattern is its own cell.
struct Bitwise(f64);

impl PartialEq for Bitwise {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Bitwise {}

impl PartialOrd for Bitwise {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Bitwise {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

fn sorted<T: Ord>(cells: impl Iterator<Item = T>) -> Vec<T> {
    let mut all: Vec<T> = cells.collect();
    all.sort_unstable();
    all.dedup();
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_comes_back_exactly() {
        let missing = Some(Bits::collect([false, true, false, false].into_iter()));
        for values in [
            Values::Real([1.5, 0.0, -0.0, 1e300].into()),
            Values::Whole([i64::MAX, 0, i64::MIN, 7].into()),
            Values::Code([3, 0, 2, 3].into()),
            Values::Text(["b", "", "ÿ", "a"].into_iter().collect()),
        ] {
            let column = Column::new(values, missing.clone()).expect("legal");
            let exact = Exact::fit(&column);
            let coded = exact.encode(&column);
            let (values, missing) = exact.decode(coded.codes().expect("levels"));
            assert_eq!(Column::new(values, missing).expect("legal"), column);
        }
    }
}
