//! Train cells as small whole numbers: levels as they are, numbers as places in the list of their column.

use crate::gaps::ATOM_ROWS;
use rayon::prelude::*;
use synthfleet_proto::Result;
use synthfleet_table::Budget;
use synthfleet_table::encode::{Coded, Encoded, Sort};

/// The code of a number that is not regular.
pub(super) const NOT_REGULAR: u32 = u32::MAX;

/// One coded column of the train table.
pub(super) enum Cells<'a> {
    /// Level of each row, `[rows]`.
    Levels(&'a [u32]),
    /// Numbers.
    Value(Numbers),
}

/// The numbers of a Value.
pub(super) struct Numbers {
    /// Place of each row's number in `distinct`, or [`NOT_REGULAR`], `[rows]`.
    pub codes: Vec<u32>,
    /// The regular numbers, ascending, each once.
    pub distinct: Vec<f64>,
    /// Which of them are atoms, `[distinct]`.
    pub atoms: Vec<bool>,
}

/// All coded columns, `[columns]`.
pub(super) fn cells<'a>(encoded: &'a Encoded, budget: &Budget) -> Result<Vec<Cells<'a>>> {
    let one = |place: usize| {
        budget.go_on()?;
        Ok(match &encoded.columns()[place] {
            Coded::Levels(codes) => Cells::Levels(codes),
            Coded::Value(numbers) => Cells::Value(Numbers::of(numbers, &encoded.regular_rows(place))),
        })
    };
    (0..encoded.width()).into_par_iter().map(one).collect()
}

impl Numbers {
    fn of(numbers: &[f64], regular: &[u32]) -> Self {
        let mut sorted: Vec<(f64, u32)> = regular.iter().map(|&row| (numbers[row as usize], row)).collect();
        sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let (mut codes, mut distinct, mut atoms) = (vec![NOT_REGULAR; numbers.len()], Vec::new(), Vec::new());
        for run in sorted.chunk_by(|a, b| a.0 == b.0) {
            run.iter().for_each(|&(_, row)| codes[row as usize] = distinct.len() as u32);
            distinct.push(run[0].0);
            atoms.push(run.len() >= ATOM_ROWS);
        }
        Self { codes, distinct, atoms }
    }
}

/// Whether a column takes the same rows as the column before it: a number and its State belong together.
pub(super) fn follows(sort: &Sort) -> bool {
    matches!(sort, Sort::Value { state: Some(_), .. })
}
