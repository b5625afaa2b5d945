//! Samples of a Gaussian copula under conditions on its columns.
//!
//! **Definition.** A condition leaves stretches of a column's hidden normal number: those of the allowed levels,
//! or the interval behind an allowed range; a single number leaves a point. Let E be the columns with conditions.
//! Points are fixed; the other numbers of E follow the normal law of R over E, cut to their stretches, by Gibbs
//! sampling: each in turn from its law given the rest of E, 50 sweeps from a start drawn in sequence. One
//! condition beside points needs a single draw and is exact. The columns outside E follow given E by the factor of
//! R with E first (Schur complement). The range of a Value counts where its State is regular: while it is not, the
//! Value's number is free, and a State becomes regular only while its Value's number lies in the range.
//! **Cost.** d³/6 for each set E in a block, 100·|E|² + d² a row.
//! **Reference.** Geweke 1991, Computing Science and Statistics 23, 571-578, for Gibbs sampling of a cut normal law.

use super::{GaussianCopulaModel, Hidden};
use crate::member::{Block, Evidence, Given};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use synthfleet_proto::{Error, Result, Seed};
use synthfleet_stats::{matrix, normal};
use synthfleet_table::encode::{Allowed, Coded};
use synthfleet_table::random::Draw;
use synthfleet_table::{Budget, SeedExt};

/// Sweeps of the Gibbs sampler.
const SWEEPS: usize = 50;
/// Rows between two looks at the budget.
const CHUNK: usize = 64;

/// R with some columns first.
struct System {
    /// Places of coded columns: those with conditions, then the other dependent ones.
    order: Vec<usize>,
    /// Lower factor of R in this order, rows without what lies above the diagonal.
    lower: Vec<f64>,
    /// Inverse of R over the columns with conditions, `[conditions, conditions]`.
    precision: Vec<f64>,
}

/// What a condition leaves of a hidden number.
struct Stretches {
    /// Intervals, ascending; a point has equal ends.
    intervals: Vec<[f64; 2]>,
    /// Of a State: which interval is the regular one, and where its Value stands in E, if it has a range.
    regular: Option<(usize, usize)>,
    /// Of a Value with a range: where its State stands in E, if it has a condition.
    state: Option<usize>,
}

/// Rows of a block under conditions.
pub(super) fn sample(model: &GaussianCopulaModel, block: Block, given: &Given, seed: &Seed, budget: &Budget) -> Result<Vec<Coded>> {
    let mut numbers: Vec<Vec<f64>> = vec![vec![0.0; block.rows]; model.columns.len()];
    let mut random = seed.child("given").rng();
    let mut systems: BTreeMap<Vec<usize>, System> = BTreeMap::new();
    for (evidence, rows) in given.groups(block.rows) {
        let asked: Vec<usize> = evidence.asked().map(|(place, _)| place).collect();
        if !systems.contains_key(&asked) {
            let system = System::new(model, &asked).ok_or_else(|| Error::data("model::damaged", "lower is no factor"))?;
            systems.insert(asked.clone(), system);
        }
        let system = &systems[&asked];
        let stretches = stretches(model, &evidence, &asked);
        for chunk in rows.chunks(CHUNK) {
            budget.go_on()?;
            for &row in chunk {
                let fixed = cut_normals(system, &stretches, &mut random);
                system.complete(&fixed, &mut random, |place, number| numbers[place][row as usize] = number);
            }
        }
    }
    // columns outside R, in rows that ask nothing of them
    for (place, numbers) in numbers.iter_mut().enumerate().filter(|(place, _)| model.joint.binary_search(&(*place as u32)).is_err()) {
        let mut random = seed.index(place as u64).rng();
        for (row, number) in numbers.iter_mut().enumerate() {
            let drawn = normal::quantile(random.open_uniform());
            *number = if given.at(place, row).is_some() { *number } else { drawn };
        }
    }
    let cells = |(place, (hidden, numbers)): (usize, (&Hidden, &Vec<f64>))| match hidden {
        Hidden::Levels(levels) => Coded::Levels(numbers.iter().map(|&number| levels.code(number)).collect()),
        Hidden::Value(law) => {
            let cell = |(row, &number): (usize, &f64)| {
                let cell = law.quantile(normal::cdf(number));
                match given.at(place, row) {
                    Some(Allowed::Within { low, high }) => cell.clamp(*low, *high),
                    _ => cell,
                }
            };
            Coded::Value(numbers.iter().enumerate().map(cell).collect())
        }
    };
    Ok(model.columns.iter().zip(&numbers).enumerate().map(cells).collect())
}

impl System {
    /// `asked` first, ascending; `None` if the stored factor is none.
    fn new(model: &GaussianCopulaModel, asked: &[usize]) -> Option<Self> {
        let joint: BTreeMap<usize, usize> = model.joint.iter().enumerate().map(|(row, &place)| (place as usize, row)).collect();
        let rest = model.joint.iter().map(|&place| place as usize).filter(|place| !asked.contains(place));
        let order: Vec<usize> = asked.iter().copied().chain(rest).collect();
        let row = |place: usize| joint.get(&place).map(|&row| &model.lower[row * (row + 1) / 2..(row + 1) * (row + 2) / 2]);
        let correlation = |a: usize, b: usize| match (row(a), row(b)) {
            (Some(left), Some(right)) => {
                let shared = left.len().min(right.len());
                matrix::dot(&left[..shared], &right[..shared])
            }
            _ => f64::from(u8::from(a == b)),
        };
        let size = order.len();
        let mut all = vec![0.0; size * size];
        for (i, &a) in order.iter().enumerate() {
            for (j, &b) in order.iter().enumerate().take(i + 1) {
                let value = correlation(a, b);
                (all[i * size + j], all[j * size + i]) = (value, value);
            }
        }
        let factor = matrix::cholesky(&all, size)?;
        let lower = (0..size).flat_map(|row| factor[row * size..row * size + row + 1].to_vec()).collect();
        let precision = inverse(&factor, size, asked.len());
        Some(Self { order, lower, precision })
    }

    fn row(&self, row: usize) -> &[f64] {
        &self.lower[row * (row + 1) / 2..(row + 1) * (row + 2) / 2]
    }

    /// Tells the hidden numbers of all columns of the system, the first of which are fixed.
    fn complete(&self, fixed: &[f64], random: &mut ChaCha8Rng, mut tell: impl FnMut(usize, f64)) {
        let mut normals = vec![0.0; self.order.len()];
        for (row, &place) in self.order.iter().enumerate() {
            let weights = self.row(row);
            let mean: f64 = weights[..row].iter().zip(&normals).map(|(weight, normal)| weight * normal).sum();
            let number = match fixed.get(row) {
                Some(&number) => {
                    normals[row] = (number - mean) / weights[row];
                    number
                }
                None => {
                    normals[row] = normal::quantile(random.open_uniform());
                    mean + weights[row] * normals[row]
                }
            };
            tell(place, number);
        }
    }
}

/// Inverse of the leading `part` columns of the matrix with a lower factor `[size, size]`.
fn inverse(factor: &[f64], size: usize, part: usize) -> Vec<f64> {
    // rows of the factor's inverse
    let mut rows = vec![0.0; part * part];
    for column in 0..part {
        for row in column..part {
            let sum: f64 = (column..row).map(|k| factor[row * size + k] * rows[k * part + column]).sum();
            rows[row * part + column] = (f64::from(u8::from(row == column)) - sum) / factor[row * size + row];
        }
    }
    let cell = |i: usize, j: usize| (i.max(j)..part).map(|k| rows[k * part + i] * rows[k * part + j]).sum();
    (0..part * part).map(|place| cell(place / part, place % part)).collect()
}

/// What the evidence leaves of the hidden numbers of the columns with conditions.
fn stretches(model: &GaussianCopulaModel, evidence: &Evidence, asked: &[usize]) -> Vec<Stretches> {
    let position = |place: usize| asked.iter().position(|&other| other == place);
    let stretch = |&place: &usize| match &model.columns[place] {
        Hidden::Levels(levels) => {
            let end = |at: usize| levels.thresholds.get(at).copied().unwrap_or(f64::INFINITY);
            let start = |at: usize| at.checked_sub(1).map_or(f64::NEG_INFINITY, end);
            let kept = levels.order.iter().enumerate().filter(|(_, level)| evidence.allows(place, **level));
            let (mut intervals, mut regular) = (Vec::new(), None);
            for (at, &level) in kept {
                if level == 0 && model.is_state_of_next(place) {
                    regular = position(place + 1).map(|value| (intervals.len(), value));
                }
                intervals.push([start(at), end(at)]);
            }
            Stretches { intervals, regular, state: None }
        }
        Hidden::Value(law) => {
            let (low, high) = evidence.within(place);
            let (first, last) = law.within(low, high);
            let intervals = if first <= last {
                vec![[normal::quantile(first.clamp(0.0, 1.0)), normal::quantile(last.clamp(0.0, 1.0))]]
            } else {
                Vec::new()
            };
            let state = place.checked_sub(1).filter(|&state| model.is_state_of_next(state)).and_then(position);
            Stretches { intervals, regular: None, state }
        }
    };
    asked.iter().map(stretch).collect()
}

/// Hidden numbers of the columns with conditions, inside their stretches as far as they can be.
fn cut_normals(system: &System, stretches: &[Stretches], random: &mut ChaCha8Rng) -> Vec<f64> {
    let count = stretches.len();
    let mut numbers = vec![0.0; count];
    let mut normals = vec![0.0; count];
    for row in 0..count {
        let weights = system.row(row);
        let mean: f64 = weights[..row].iter().zip(&normals).map(|(weight, normal)| weight * normal).sum();
        // a State comes before its Value: what the Value may be is known, not where it is
        numbers[row] = cut(mean, weights[row], &open(stretches, &numbers[..row], row), random);
        normals[row] = (numbers[row] - mean) / weights[row];
    }
    let is_point = |stretch: &Stretches| matches!(stretch.intervals[..], [[low, high]] if low == high);
    if stretches.iter().filter(|stretch| !is_point(stretch)).count() <= 1 {
        return points_first(system, stretches, numbers, random);
    }
    for _ in 0..SWEEPS {
        for row in 0..count {
            redraw(system, stretches, &mut numbers, row, random);
        }
    }
    numbers
}

/// All points stand: the only other number is drawn given them.
fn points_first(system: &System, stretches: &[Stretches], mut numbers: Vec<f64>, random: &mut ChaCha8Rng) -> Vec<f64> {
    let free = (0..numbers.len()).find(|&row| !matches!(stretches[row].intervals[..], [[low, high]] if low == high));
    if let Some(row) = free {
        redraw(system, stretches, &mut numbers, row, random);
    }
    numbers
}

/// Draws one number given the others.
fn redraw(system: &System, stretches: &[Stretches], numbers: &mut [f64], row: usize, random: &mut ChaCha8Rng) {
    let count = stretches.len();
    let weights = &system.precision[row * count..(row + 1) * count];
    let others: f64 = (0..count).filter(|&other| other != row).map(|other| weights[other] * numbers[other]).sum();
    numbers[row] = cut(-others / weights[row], 1.0 / weights[row].sqrt(), &open(stretches, numbers, row), random);
}

/// The intervals that are open to a number, given the numbers of the columns known so far.
fn open(stretches: &[Stretches], numbers: &[f64], row: usize) -> Vec<[f64; 2]> {
    let stretch = &stretches[row];
    let inside = |interval: &[f64; 2], number: f64| interval[0] <= number && number <= interval[1];
    if let Some((regular, value)) = stretch.regular
        && let Some(&number) = numbers.get(value)
        && !stretches[value].intervals.iter().any(|interval| inside(interval, number))
    {
        return stretch.intervals.iter().enumerate().filter(|(at, _)| *at != regular).map(|(_, interval)| *interval).collect();
    }
    if let Some(state) = stretch.state
        && let Some(&number) = numbers.get(state)
        && let Some((regular, _)) = stretches[state].regular
        && !inside(&stretches[state].intervals[regular], number)
    {
        return vec![[f64::NEG_INFINITY, f64::INFINITY]];
    }
    stretch.intervals.clone()
}

/// A normal number inside intervals; the nearest end where their mass is lost to rounding; free without intervals.
fn cut(mean: f64, deviation: f64, intervals: &[[f64; 2]], random: &mut ChaCha8Rng) -> f64 {
    let scaled = |end: f64| (end - mean) / deviation;
    // far above the mean, masses are told by the mirrored law, which keeps their digits
    let mass = |interval: &[f64; 2]| {
        let (low, high) = (scaled(interval[0]), scaled(interval[1]));
        if low > 0.0 { normal::cdf(-low) - normal::cdf(-high) } else { normal::cdf(high) - normal::cdf(low) }
    };
    let total: f64 = intervals.iter().map(mass).sum();
    let (mut left, inside) = (random.uniform() * total, random.open_uniform());
    if let [[point, end]] = intervals
        && point == end
    {
        return *point;
    }
    if total <= 0.0 {
        let nearest =
            intervals.iter().flatten().filter(|end| end.is_finite()).min_by(|a, b| (*a - mean).abs().total_cmp(&(*b - mean).abs()));
        return nearest.copied().unwrap_or(mean + deviation * normal::quantile(inside));
    }
    let mut chosen = intervals[intervals.len() - 1];
    for interval in intervals {
        let mass = mass(interval);
        if left < mass {
            chosen = *interval;
            break;
        }
        left -= mass;
    }
    let (low, high) = (scaled(chosen[0]), scaled(chosen[1]));
    let unit = if low > 0.0 {
        let (near, far) = (normal::cdf(-low), normal::cdf(-high));
        -normal::quantile(near + (far - near) * inside)
    } else {
        let (below, upto) = (normal::cdf(low), normal::cdf(high));
        normal::quantile(below + (upto - below) * inside)
    };
    (mean + deviation * unit).clamp(chosen[0], chosen[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_normal_number_has_the_mean_of_its_stretch() {
        let mut random = Seed::shared(1).rng();
        let mean =
            |intervals: &[[f64; 2]], random: &mut ChaCha8Rng| (0..20_000).map(|_| cut(0.0, 1.0, intervals, random)).sum::<f64>() / 20_000.0;
        // density(1) / share beyond 1
        assert!((mean(&[[1.0, f64::INFINITY]], &mut random) - 1.525_135).abs() < 0.01);
        let both = [[f64::NEG_INFINITY, -1.0], [1.0, f64::INFINITY]];
        assert!(mean(&both, &mut random).abs() < 0.04);
        assert_eq!(cut(0.0, 1.0, &[[2.0, 2.0]], &mut random), 2.0);
        let far: Vec<f64> = (0..100).map(|_| cut(0.0, 1.0, &[[12.0, 13.0]], &mut random)).collect();
        assert!(far.iter().all(|number| (12.0..12.7).contains(number)), "{far:?}");
    }

    #[test]
    fn the_inverse_of_a_part_is_that_of_its_own_matrix() {
        let matrix = [1.0, 0.5, 0.2, 0.5, 1.0, 0.3, 0.2, 0.3, 1.0];
        let factor = matrix::cholesky(&matrix, 3).expect("positive");
        let found = inverse(&factor, 3, 2);
        let expected = [1.0 / 0.75, -0.5 / 0.75, -0.5 / 0.75, 1.0 / 0.75];
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{found:?}");
    }
}
