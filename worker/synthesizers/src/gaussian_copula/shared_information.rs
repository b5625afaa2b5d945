//! Correlation of a State with a number, from the information that they share.
//!
//! **Definition.** The number is cut into tenths of the normal law. Neighbouring tenths are pooled until the
//! State's mean score rises from pool to pool, and once more until it falls; I₊ and I₋ are the mutual
//! information of pools and levels, in nats. The correlation has the sign of I₊ - I₋, and the size for which
//! two normal numbers, one cut into tenths and one at the State's thresholds, share |I₊ - I₋|. A humped
//! dependence, which no correlation can hold, has I₊ ≈ I₋ and gives 0. On normal numbers this is the
//! polyserial correlation; where cells go missing by a step it is the one correlation that keeps what the
//! missing flag tells; the covariance of scores keeps 0.18 of 0.27 nats where 85 % turn to 15 %.
//! **Reference.** Linfoot 1957, doi 10.1016/S0019-9958(57)90116-X, for a correlation told by information;
//! Ayer, Brunk, Ewing, Reid, Silverman 1955, doi 10.1214/aoms/1177728423, for pooling; Olsson, Drasgow,
//! Dorans 1982, doi 10.1007/BF02294164, for the polyserial correlation.

use super::levels::{Levels, Scores};
use synthfleet_stats::information::Pair;
use synthfleet_stats::normal;

/// Parts of the number.
const PARTS: usize = 10;
/// Points of the normal law inside each part.
const POINTS: usize = 16;
/// Correlations at which information is known, but for the greatest.
const STEPS: usize = 64;
const CORRELATION_MAX: f64 = 0.99;
/// Part of rows without a number.
const NONE: u8 = u8::MAX;

/// What is asked of a State.
pub(super) struct State {
    /// Stretch of each row's level, `[rows]`.
    places: Vec<u8>,
    /// Score of each stretch.
    scores: Vec<f64>,
    /// Square roots of the information at the known correlations, ascending.
    roots: Vec<f64>,
}

/// The part of each row's number, `[rows]`; scores of rows that are absent are not looked at.
pub(super) fn parts(scores: &[f32], present: Option<&[f32]>) -> Vec<u8> {
    let cuts: [f64; PARTS - 1] = std::array::from_fn(|cut| normal::quantile((cut + 1) as f64 / PARTS as f64));
    let part = |score: f32| cuts.iter().filter(|&&cut| cut < f64::from(score)).count() as u8;
    let is_present = |row: usize| present.is_none_or(|present| present[row] > 0.0);
    scores.iter().enumerate().map(|(row, &score)| if is_present(row) { part(score) } else { NONE }).collect()
}

impl State {
    /// A State's codes, with its fitted stretches. None for more levels than a State can have.
    pub(super) fn new(codes: &[u32], levels: &Levels, scores: &Scores) -> Option<Self> {
        if levels.order.len() > usize::from(NONE) {
            return None;
        }
        let mut place_of = vec![0u8; scores.of_code.len()];
        levels.order.iter().enumerate().for_each(|(place, &code)| place_of[code as usize] = place as u8);
        let points: Vec<f64> = (0..PARTS * POINTS).map(|i| normal::quantile((i as f64 + 0.5) / (PARTS * POINTS) as f64)).collect();
        Some(Self {
            places: codes.iter().map(|&code| place_of[code as usize]).collect(),
            scores: levels.order.iter().map(|&code| scores.of_code[code as usize]).collect(),
            roots: (0..=STEPS).map(|step| expected(correlation_at(step as f64), &levels.thresholds, &points).sqrt()).collect(),
        })
    }

    /// The correlation with a number in parts.
    pub(super) fn correlation(&self, parts: &[u8]) -> f64 {
        let levels = self.scores.len();
        let mut counts = vec![0u32; PARTS * levels];
        for (&part, &place) in parts.iter().zip(&self.places).filter(|(part, _)| **part != NONE) {
            counts[usize::from(part) * levels + usize::from(place)] += 1;
        }
        let balance = self.pooled(&counts, 1.0) - self.pooled(&counts, -1.0);
        let root = balance.abs().sqrt();
        let above = self.roots.partition_point(|&known| known < root);
        let correlation = match above {
            0 => 0.0,
            above if above > STEPS => CORRELATION_MAX,
            above => {
                let (low, high) = (self.roots[above - 1], self.roots[above]);
                correlation_at(above as f64 - (high - root) / (high - low))
            }
        };
        correlation.copysign(balance)
    }

    /// Information of levels and pools of parts, pooled until the mean score times `sign` rises.
    fn pooled(&self, counts: &[u32], sign: f64) -> f64 {
        let levels = self.scores.len();
        let mean = |pool: &[u32]| {
            let rows = pool.iter().sum::<u32>();
            sign * pool.iter().zip(&self.scores).map(|(&count, score)| f64::from(count) * score).sum::<f64>() / f64::from(rows)
        };
        let mut pools: Vec<u32> = Vec::with_capacity(counts.len());
        for part in counts.chunks_exact(levels).filter(|part| part.iter().any(|&count| count > 0)) {
            pools.extend(part);
            while let Some(before) = pools.len().checked_sub(2 * levels) {
                if mean(&pools[before..before + levels]) < mean(&pools[before + levels..]) {
                    break;
                }
                let last = pools.split_off(before + levels);
                pools[before..].iter_mut().zip(last).for_each(|(sum, count)| *sum += count);
            }
        }
        Pair::of(&pools, levels).information()
    }
}

/// The correlation of a step, which may lie between two known ones.
fn correlation_at(step: f64) -> f64 {
    CORRELATION_MAX * step / STEPS as f64
}

/// Information of two normal numbers of this correlation, one in parts and one at thresholds; `points` are
/// those of all parts, ascending.
fn expected(correlation: f64, thresholds: &[f64], points: &[f64]) -> f64 {
    let width = (1.0 - correlation * correlation).sqrt();
    let mut whole = vec![0.0; thresholds.len() + 1];
    let (mut inside, shares) = (0.0, points.chunks_exact(POINTS).map(|points| shares(correlation / width, width, thresholds, points)));
    for part in shares {
        inside += entropy(&part);
        whole.iter_mut().zip(&part).for_each(|(sum, share)| *sum += share / PARTS as f64);
    }
    (entropy(&whole) - inside / PARTS as f64).max(0.0)
}

/// Shares of the stretches where the other number is one of the points; the slope is correlation / width.
fn shares(slope: f64, width: f64, thresholds: &[f64], points: &[f64]) -> Vec<f64> {
    let below =
        |threshold: f64| points.iter().map(|point| normal::cdf(threshold / width - slope * point)).sum::<f64>() / points.len() as f64;
    let ends = thresholds.iter().map(|&threshold| below(threshold)).chain([1.0]);
    let share = |before: &mut f64, end: f64| Some((end - std::mem::replace(before, end)).max(0.0));
    ends.scan(0.0, share).collect()
}

fn entropy(shares: &[f64]) -> f64 {
    -shares.iter().filter(|share| **share > 0.0).map(|&share| share * libm::log(share)).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: usize = 10_000;

    /// The correlation of an even number with a flag whose share at each place of the number is told.
    fn found(share: impl Fn(f64) -> f64) -> f64 {
        // a flag for every tenth row's share, laid out evenly inside each tenth of the number
        let place = |row: usize| (row as f64 + 0.5) / ROWS as f64;
        let mut carried = 0.0;
        let flag = |row: usize| {
            carried += share(place(row));
            if carried >= 1.0 {
                carried -= 1.0;
                return 1;
            }
            0
        };
        let codes: Vec<u32> = (0..ROWS).map(flag).collect();
        let counts = [0, 1].map(|code| codes.iter().filter(|&&flag| flag == code).count() as u32);
        let (levels, scores) = Levels::fit(&counts, 0..2);
        let numbers: Vec<f32> = (0..ROWS).map(|row| normal::quantile(place(row)) as f32).collect();
        State::new(&codes, &levels, &scores).expect("two levels").correlation(&parts(&numbers, None))
    }

    #[test]
    fn normal_numbers_give_back_their_correlation() {
        for correlation in [-0.9f64, -0.5, -0.1, 0.05, 0.3, 0.7, 0.95] {
            let width = (1.0 - correlation * correlation).sqrt();
            let threshold = 0.6;
            let share = |place: f64| 1.0 - normal::cdf((threshold - correlation * normal::quantile(place)) / width);
            let found = found(share);
            assert!((found - correlation).abs() < 0.01, "{found} for {correlation}");
        }
    }

    #[test]
    fn a_step_keeps_its_information_and_a_hump_gives_nothing() {
        let step = found(|place| if place < 0.5 { 0.85 } else { 0.15 });
        let points: Vec<f64> = (0..160).map(|i| normal::quantile((f64::from(i) + 0.5) / 160.0)).collect();
        let known = libm::log(2.0) - entropy(&[0.15, 0.85]);
        assert!(step < 0.0 && (expected(step, &[0.0], &points) - known).abs() < 0.002, "{step}");
        let hump = found(|place| if (place - 0.5).abs() < 0.25 { 0.85 } else { 0.15 });
        assert!(hump.abs() < 0.05, "{hump}");
    }

    #[test]
    fn a_certain_flag_has_the_greatest_correlation() {
        assert_eq!(found(|place| if place < 0.5 { 0.0 } else { 1.0 }), CORRELATION_MAX);
    }
}
