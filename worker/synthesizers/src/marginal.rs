//! The train distribution of one coded column, for members that draw columns by a probability.

use synthfleet_proto::{Error, Result};
use synthfleet_stats::alias::Alias;
use synthfleet_stats::quantiles::{KNOTS_MAX, Quantiles};
use synthfleet_table::Arrays;
use synthfleet_table::encode::{Coded, CodedColumn, Encoded, Sort};

/// Counts of levels, or quantiles of regular numbers.
pub(crate) enum Marginal {
    /// Counts and their draw, `[levels]`.
    Levels(Vec<u32>, Alias),
    /// Numbers.
    Value(Quantiles),
}

impl Marginal {
    /// Fits coded column `place`.
    pub(crate) fn fit(encoded: &Encoded, place: usize) -> Self {
        match (&encoded.columns()[place], &encoded.encoder().columns()[place].sort) {
            (Coded::Levels(codes), Sort::Levels { levels, .. }) => {
                let mut counts = vec![0u32; *levels as usize];
                codes.iter().for_each(|&code| counts[code as usize] += 1);
                Self::of_counts(counts)
            }
            (coded, sort) => {
                let numbers = coded.numbers().unwrap_or_default();
                let mut regular: Vec<f64> = encoded.regular_rows(place).iter().map(|&row| numbers[row as usize]).collect();
                regular.sort_unstable_by(f64::total_cmp);
                let middle = if let Sort::Value { low, .. } = sort { *low } else { 0.0 };
                Self::Value(Quantiles::fit(&regular, KNOTS_MAX).unwrap_or_else(|| constant(middle)))
            }
        }
    }

    /// Levels by their counts; without any count the first level.
    fn of_counts(mut counts: Vec<u32>) -> Self {
        if counts.iter().all(|&count| count == 0) {
            counts[0] = 1;
        }
        let alias = Alias::of_counts(&counts).expect("some count is above 0");
        Self::Levels(counts, alias)
    }

    /// One cell for each uniform number.
    pub(crate) fn cells(&self, uniforms: impl Iterator<Item = f64>) -> Coded {
        match self {
            Self::Levels(_, alias) => Coded::Levels(uniforms.map(|uniform| alias.place(uniform)).collect()),
            Self::Value(quantiles) => Coded::Value(uniforms.map(|uniform| quantiles.quantile(uniform)).collect()),
        }
    }

    pub(crate) fn save(&self, place: usize, arrays: &mut Arrays) {
        match self {
            Self::Levels(counts, _) => arrays.put_u32(&format!("marginal/{place}"), counts.clone()),
            Self::Value(quantiles) => arrays.put_f64(&format!("marginal/{place}"), quantiles.knots().to_vec()),
        }
    }

    /// Reads what `save` stored, for a coded column; nothing is trusted.
    pub(crate) fn load(place: usize, column: &CodedColumn, arrays: &Arrays) -> Result<Self> {
        let name = format!("marginal/{place}");
        let damaged = || Error::data("model::damaged", format!("array {name} does not fit its column")).help("fit the model again");
        match column.levels() {
            Some(levels) => {
                let counts = arrays.u32s(&name)?.to_vec();
                if counts.len() == levels as usize && levels > 0 { Ok(Self::of_counts(counts)) } else { Err(damaged()) }
            }
            None => Quantiles::of_knots(arrays.f64s(&name)?).map(Self::Value).ok_or_else(damaged),
        }
    }
}

fn constant(value: f64) -> Quantiles {
    Quantiles::fit(&[value], 1).expect("one value")
}
