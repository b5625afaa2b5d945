//! K-means: points in groups around their means.
//!
//! # Definition
//! The first centre is a random point, each further one a point drawn with probability proportional to its
//! squared distance from the centres so far. Then points join their nearest centre (ties: the lowest) and
//! centres move to their points' mean, until no point changes or `STEPS_MAX` is reached. A centre without
//! points stays where it is.
//!
//! # Cost
//! points · centres · dimensions a step.
//!
//! # Reference
//! Lloyd 1982, doi 10.1109/TIT.1982.1056489; start: Arthur, Vassilvitskii 2007, k-means++, SODA.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::convert::Infallible;

/// Most steps.
const STEPS_MAX: usize = 300;

/// Points row by row, `[points, dimensions]`.
#[derive(Debug, Clone, Copy)]
pub struct Points<'a> {
    numbers: &'a [f64],
    dimensions: usize,
}

impl<'a> Points<'a> {
    /// Points of finite numbers; `None` if a point is cut or a number is not finite.
    pub fn new(numbers: &'a [f64], dimensions: usize) -> Option<Self> {
        let whole = dimensions > 0 && numbers.len().is_multiple_of(dimensions);
        (whole && numbers.iter().all(|number| number.is_finite())).then_some(Self { numbers, dimensions })
    }

    /// Number of points.
    pub fn len(&self) -> usize {
        self.numbers.len() / self.dimensions
    }

    /// Whether there are no points.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Numbers of a point.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// One point.
    pub fn at(&self, place: usize) -> &'a [f64] {
        &self.numbers[place * self.dimensions..(place + 1) * self.dimensions]
    }

    /// All points in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a [f64]> + use<'a> {
        self.numbers.chunks_exact(self.dimensions)
    }
}

/// The group of each point, `[points]`, below `groups`; all 0 if there are no points or no groups.
pub fn k_means(points: Points<'_>, groups: usize, seed: u64) -> Vec<u32> {
    match k_means_while(points, groups, seed, || Ok::<(), Infallible>(())) {
        Ok(of_point) => of_point,
        Err(never) => match never {},
    }
}

/// [`k_means`] that asks `go_on` before each step.
///
/// # Errors
/// Those of `go_on`.
pub fn k_means_while<E>(points: Points<'_>, groups: usize, seed: u64, mut go_on: impl FnMut() -> Result<(), E>) -> Result<Vec<u32>, E> {
    let mut of_point = vec![0u32; points.len()];
    if points.is_empty() || groups == 0 {
        return Ok(of_point);
    }
    let mut centres = spread(points, groups, seed);
    for step in 0..STEPS_MAX {
        go_on()?;
        let mut changed = false;
        for (point, group) in points.iter().zip(&mut of_point) {
            let near = nearest(point, &centres) as u32;
            changed |= near != *group;
            *group = near;
        }
        if !changed && step > 0 {
            break;
        }
        move_centres(points, &of_point, &mut centres);
    }
    Ok(of_point)
}

/// Starting centres, far apart by chance.
fn spread(points: Points<'_>, groups: usize, seed: u64) -> Vec<Vec<f64>> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let first = random.random_range(0..points.len());
    let mut centres = vec![points.at(first).to_vec()];
    let mut distances: Vec<f64> = points.iter().map(|point| squared(point, &centres[0])).collect();
    while centres.len() < groups {
        let total: f64 = distances.iter().sum();
        let mut left = random.random::<f64>() * total;
        let mut chosen = points.len() - 1;
        for (place, distance) in distances.iter().enumerate() {
            left -= distance;
            if left < 0.0 {
                chosen = place;
                break;
            }
        }
        let centre = points.at(chosen).to_vec();
        for (distance, point) in distances.iter_mut().zip(points.iter()) {
            *distance = distance.min(squared(point, &centre));
        }
        centres.push(centre);
    }
    centres
}

fn nearest(point: &[f64], centres: &[Vec<f64>]) -> usize {
    let mut best = (0, f64::INFINITY);
    for (place, centre) in centres.iter().enumerate() {
        let distance = squared(point, centre);
        if distance < best.1 {
            best = (place, distance);
        }
    }
    best.0
}

fn move_centres(points: Points<'_>, of_point: &[u32], centres: &mut [Vec<f64>]) {
    let mut sums = vec![vec![0.0; points.dimensions()]; centres.len()];
    let mut counts = vec![0u32; centres.len()];
    for (point, &group) in points.iter().zip(of_point) {
        counts[group as usize] += 1;
        sums[group as usize].iter_mut().zip(point).for_each(|(sum, number)| *sum += number);
    }
    for ((centre, sum), &count) in centres.iter_mut().zip(sums).zip(&counts) {
        if count > 0 {
            *centre = sum.iter().map(|sum| sum / f64::from(count)).collect();
        }
    }
}

fn squared(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separate_clouds_are_separate_groups() {
        let numbers: Vec<f64> = (0..300).flat_map(|i| [f64::from(i % 3) * 10.0 + f64::from(i) / 300.0, f64::from(i % 7) / 10.0]).collect();
        let points = Points::new(&numbers, 2).expect("whole points");
        let groups = k_means(points, 3, 7);
        assert!((3..300).all(|i| groups[i] == groups[i - 3]));
        assert!(groups[0] != groups[1] && groups[1] != groups[2] && groups[0] != groups[2]);
    }

    #[test]
    fn equal_points_need_no_more_than_one_group() {
        let groups = k_means(Points::new(&[1.0; 8], 2).expect("whole points"), 3, 1);
        assert_eq!(groups, [0; 4]);
    }

    #[test]
    fn cut_points_and_points_that_are_not_finite_are_refused() {
        assert!(Points::new(&[1.0, 2.0, 3.0], 2).is_none());
        assert!(Points::new(&[1.0, f64::NAN], 2).is_none());
        assert!(Points::new(&[], 0).is_none());
    }
}
