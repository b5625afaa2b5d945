//! Groups of columns of 0 and 1 of which exactly one is 1 in every row.
//!
//! **Definition.** Columns that stand next to each other among all columns of 0 and 1 without a missing cell, no two of
//! which are ever 1 together and whose ones are as many as rows. Two columns are no group: they decide each other.

use std::collections::BTreeSet;
use synthfleet_table::Table;
use synthfleet_table::rules::is_one;

/// Fewest columns of a group.
const COLUMNS_MIN: usize = 3;

/// What rows say of columns of 0 and 1.
pub(super) struct OneHot {
    /// Columns of 0 and 1 so far, with their ones.
    columns: Vec<(usize, u64)>,
    /// Columns that were 1 together.
    together: BTreeSet<(usize, usize)>,
    rows: u64,
}

impl OneHot {
    /// For these columns, ascending.
    pub(super) fn new(columns: Vec<usize>) -> Self {
        Self { columns: columns.into_iter().map(|place| (place, 0)).collect(), together: BTreeSet::new(), rows: 0 }
    }

    /// Looks at further rows.
    pub(super) fn take(&mut self, table: &Table) {
        let metas = &table.metadata().columns;
        let of_column = |(place, _): &(usize, u64)| {
            let ones: Option<Vec<u32>> = (0..table.rows()).map(|row| is_one(&metas[*place], table.column(*place), row)).collect();
            ones.map(|ones| (*place, ones))
        };
        let known: Vec<(usize, Vec<u32>)> = self.columns.iter().filter_map(of_column).collect();
        self.columns.retain(|(place, _)| known.iter().any(|(other, _)| other == place));
        for ((_, count), (_, ones)) in self.columns.iter_mut().zip(&known) {
            *count += ones.iter().map(|&one| u64::from(one)).sum::<u64>();
        }
        for (at, (a, ones)) in known.iter().enumerate() {
            for (b, others) in &known[at + 1..] {
                if !self.together.contains(&(*a, *b)) && ones.iter().zip(others).any(|(one, other)| one & other == 1) {
                    self.together.insert((*a, *b));
                }
            }
        }
        self.rows += table.rows() as u64;
    }

    /// The groups, if there are enough rows.
    pub(super) fn finish(self, rows_min: u64) -> Vec<Vec<usize>> {
        let mut groups = Vec::new();
        let mut start = 0;
        while self.rows >= rows_min && start < self.columns.len() {
            match self.group(start) {
                Some(end) => {
                    groups.push(self.columns[start..end].iter().map(|(place, _)| *place).collect());
                    start = end;
                }
                None => start += 1,
            }
        }
        groups
    }

    /// The end of a group that begins here.
    fn group(&self, start: usize) -> Option<usize> {
        let mut ones = 0;
        for (at, &(place, count)) in self.columns.iter().enumerate().skip(start) {
            if self.columns[start..at].iter().any(|(other, _)| self.together.contains(&(*other, place))) {
                return None;
            }
            ones += count;
            if ones == self.rows {
                return Some(at + 1).filter(|end| end - start >= COLUMNS_MIN);
            }
        }
        None
    }
}
