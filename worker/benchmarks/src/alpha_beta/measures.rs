//! Alpha-precision, beta-recall and authenticity of two sides, on all rows and without each fold.
//!
//! # Definition
//! See [`crate::alpha_beta`]. Without a fold, its rows are missing from both sides: as rows that are counted, as
//! neighbours, and behind quantiles. Centres stay where they are.

use super::centre;
use crate::folds::{Estimate, FOLDS};
use crate::parts::addresses::fold_of;
use crate::parts::embedding::{Embedding, NearestTwo, Points, REAL, SAMPLE};
use crate::parts::neighbours::Space;
use synthfleet_proto::Result;
use synthfleet_stats::quantiles::linear;
use synthfleet_table::Budget;

/// Steps of alpha from 0 to 1.
pub const STEPS: usize = 29;

/// What was found.
#[derive(Debug, Clone)]
pub struct Measures {
    /// Alpha-precision.
    pub alpha: Estimate,
    /// Beta-recall.
    pub beta: Estimate,
    /// Authenticity.
    pub authenticity: Estimate,
    /// Share of the sample within each quantile of the real side, `[steps + 1]`.
    pub precision_curve: Vec<f64>,
    /// Share of the real side recalled within each quantile of the sample, `[steps + 1]`.
    pub recall_curve: Vec<f64>,
}

/// Compares the sides of an embedding of at least three rows each; with fewer a row may have no neighbour left.
pub fn of(embedding: &Embedding, budget: &Budget) -> Result<Option<Measures>> {
    if embedding.rows.iter().any(|&rows| rows < 3) {
        return Ok(None);
    }
    let space = Space::new(&embedding.columns, u16::MAX);
    let points = Points::new(&space, embedding.rows);
    let radius = points.nearest(REAL, REAL, budget)?;
    let to_sample = points.nearest(REAL, SAMPLE, budget)?;
    let to_real = points.nearest(SAMPLE, REAL, budget)?;
    let from = |centre, side| centre::distances(&embedding.columns, centre, side);
    let by_centre = [Ranked::of(&from(REAL, REAL)), Ranked::of(&from(REAL, SAMPLE))];
    let own = from(SAMPLE, SAMPLE);
    let cases: Vec<Option<u8>> = std::iter::once(None).chain((0..FOLDS as u8).map(Some)).collect();
    let curves: Vec<[Vec<f64>; 2]> =
        cases.iter().map(|&fold| [precision(&by_centre, fold), recall(&radius, &to_sample, &own, fold)]).collect();
    let of_curve = |which: usize| estimate(|case| 1.0 - distance_from_diagonal(&curves[case][which]));
    Ok(Some(Measures {
        alpha: of_curve(0),
        beta: of_curve(1),
        authenticity: estimate(|case| authenticity(&radius, &to_real, cases[case])),
        precision_curve: curves[0][0].clone(),
        recall_curve: curves[0][1].clone(),
    }))
}

/// Case 0 is on all rows, case `g + 1` without fold `g`.
fn estimate(value: impl Fn(usize) -> f64) -> Estimate {
    let mut estimate = Estimate::fixed(value(0));
    estimate.without.iter_mut().enumerate().for_each(|(fold, slot)| *slot = value(fold + 1));
    estimate
}

/// The levels alpha.
pub fn alphas() -> impl Iterator<Item = f64> {
    (0..=STEPS).map(|step| step as f64 / STEPS as f64)
}

fn distance_from_diagonal(curve: &[f64]) -> f64 {
    alphas().zip(curve).map(|(alpha, share)| (alpha - share).abs()).sum::<f64>() / alphas().sum::<f64>()
}

/// Values in ascending order with their folds.
struct Ranked(Vec<(f64, u8)>);

impl Ranked {
    fn of(values: &[f64]) -> Self {
        let mut ranked: Vec<(f64, u8)> = values.iter().enumerate().map(|(place, &value)| (value, fold_of(place))).collect();
        ranked.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        Self(ranked)
    }

    fn without(&self, fold: Option<u8>) -> Vec<f64> {
        self.0.iter().filter(|(_, own)| Some(*own) != fold).map(|(value, _)| *value).collect()
    }
}

fn share_upto(sorted: &[f64], most: f64, of: usize) -> f64 {
    sorted.partition_point(|value| *value <= most) as f64 / of as f64
}

fn precision([real, sample]: &[Ranked; 2], fold: Option<u8>) -> Vec<f64> {
    let (real, sample) = (real.without(fold), sample.without(fold));
    alphas().map(|alpha| share_upto(&sample, linear(&real, alpha), sample.len())).collect()
}

fn recall(radius: &[NearestTwo], to_sample: &[NearestTwo], own: &[f64], fold: Option<u8>) -> Vec<f64> {
    let (mut all, mut near) = (Vec::with_capacity(radius.len()), Vec::new());
    for place in (0..radius.len()).filter(|&place| Some(fold_of(place)) != fold) {
        let nearest = to_sample[place].without(fold);
        let depth = own[nearest.place as usize];
        all.push(depth);
        if nearest.squared <= radius[place].without(fold).squared {
            near.push(depth);
        }
    }
    all.sort_unstable_by(f64::total_cmp);
    near.sort_unstable_by(f64::total_cmp);
    alphas().map(|alpha| share_upto(&near, linear(&all, alpha), all.len())).collect()
}

fn authenticity(radius: &[NearestTwo], to_real: &[NearestTwo], fold: Option<u8>) -> f64 {
    let (mut authentic, mut rows) = (0usize, 0usize);
    for place in (0..to_real.len()).filter(|&place| Some(fold_of(place)) != fold) {
        let nearest = to_real[place].without(fold);
        rows += 1;
        authentic += usize::from(nearest.squared > radius[nearest.place as usize].without(fold).squared);
    }
    authentic as f64 / rows as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::mixed;
    use crate::parts::embedding::modelled;
    use synthfleet_table::Table;

    #[test]
    fn authenticity_without_a_fold_is_that_of_the_rows_that_are_left() {
        let (real, sample) = mixed(160, 40, 140);
        let budget = Budget::quiet(1);
        let measured = |train: &Table, sample: &Table| {
            let embedding = Embedding::of(&real, train, sample, &modelled(sample), &budget).expect("no error");
            of(&embedding, &budget).expect("no error").expect("enough rows").authenticity
        };
        let whole = measured(&real.train, &sample);
        let kept = |table: &Table, fold: u8| {
            table.take(&(0..table.rows() as u32).filter(|&row| fold_of(row as usize) != fold).collect::<Vec<u32>>())
        };
        for fold in [0, 7, 19] {
            assert_eq!(whole.without[usize::from(fold)], measured(&kept(&real.train, fold), &kept(&sample, fold)).value);
        }
    }

    #[test]
    fn the_curve_on_the_diagonal_is_perfect_and_the_lowest_is_not() {
        let diagonal: Vec<f64> = alphas().collect();
        assert_eq!(distance_from_diagonal(&diagonal), 0.0);
        assert_eq!(distance_from_diagonal(&[0.0; STEPS + 1]), 1.0);
    }
}
