//! The train distribution of one coded column, for members that draw columns by a probability.

use std::borrow::Cow;
use synthfleet_proto::{Error, Result};
use synthfleet_stats::alias::Alias;
use synthfleet_stats::quantiles::{KNOTS_MAX, Quantiles};
use synthfleet_table::Arrays;
use synthfleet_table::encode::{Allowed, Coded, CodedColumn, Encoded, Sort};

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

    /// Share of the law that may come: of levels those that are allowed, of numbers those within the ends.
    pub(crate) fn share(&self, allowed: Option<&Allowed>) -> f64 {
        match (self, allowed) {
            (Self::Levels(counts, _), Some(Allowed::Levels(held))) => {
                let total: f64 = counts.iter().map(|&count| f64::from(count)).sum();
                let kept: f64 = counts.iter().zip(held.iter()).filter(|(_, held)| **held).map(|(&count, _)| f64::from(count)).sum();
                kept / total
            }
            (Self::Value(quantiles), Some(Allowed::Within { low, high })) => {
                let (first, last) = quantiles.within(*low, *high);
                (last - first).clamp(0.0, 1.0)
            }
            _ => 1.0,
        }
    }

    /// The law of what may come; of a State, `regular` is the share that its Value leaves of the regular level.
    /// The whole law where nothing may.
    pub(crate) fn given(&self, allowed: Option<&Allowed>, regular: f64) -> Conditioned<'_> {
        match (self, allowed) {
            (Self::Levels(counts, whole), Some(Allowed::Levels(held))) => {
                let weights = |regular: f64| -> Vec<f64> {
                    let weight = |(level, (&count, &held)): (usize, (&u32, &bool))| match (held, level) {
                        (false, _) => 0.0,
                        (true, 0) => f64::from(count) * regular,
                        (true, _) => f64::from(count),
                    };
                    counts.iter().zip(held.iter()).enumerate().map(weight).collect()
                };
                // a single number has no share: where only regular cells may come, they come
                let law = Alias::new(&weights(regular)).or_else(|| Alias::new(&weights(1.0)));
                Conditioned::Levels(law.map_or(Cow::Borrowed(whole), Cow::Owned))
            }
            (Self::Levels(_, whole), _) => Conditioned::Levels(Cow::Borrowed(whole)),
            (Self::Value(quantiles), Some(Allowed::Within { low, high })) => {
                let (first, last) = quantiles.within(*low, *high);
                let (first, last) = if first <= last { (first, last) } else { (0.0, 1.0) };
                Conditioned::Value { quantiles, first, last, low: *low, high: *high }
            }
            (Self::Value(quantiles), _) => {
                let (low, high) = (f64::NEG_INFINITY, f64::INFINITY);
                Conditioned::Value { quantiles, first: 0.0, last: 1.0, low, high }
            }
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

/// The law of a coded column under a condition.
pub(crate) enum Conditioned<'a> {
    /// Levels.
    Levels(Cow<'a, Alias>),
    /// Numbers between two probabilities and two ends.
    Value { quantiles: &'a Quantiles, first: f64, last: f64, low: f64, high: f64 },
}

impl Conditioned<'_> {
    /// A level; 0 of numbers.
    pub(crate) fn level(&self, uniform: f64) -> u32 {
        if let Self::Levels(alias) = self { alias.place(uniform) } else { 0 }
    }

    /// A number; 0 of levels.
    pub(crate) fn number(&self, uniform: f64) -> f64 {
        match self {
            Self::Levels(_) => 0.0,
            Self::Value { quantiles, first, last, low, high } => {
                quantiles.quantile(first * (1.0 - uniform) + last * uniform).clamp(*low, *high)
            }
        }
    }
}

fn constant(value: f64) -> Quantiles {
    Quantiles::fit(&[value], 1).expect("one value")
}
