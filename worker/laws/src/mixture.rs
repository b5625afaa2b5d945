//! Two-dimensional mixtures of round normals: the sets grid, gridr and ring.
//!
//! Definition: K centres of equal weight, variance 0.05 on each axis. Grid centres are
//! {-4, -2, 0, 2, 4} x {-4, -2, 0, 2, 4}; gridr moves each by U(-.5, .5) per coordinate, once and for
//! all; ring has 8 centres at radius 1.
//! Reference: L. Xu and others, doi:10.48550/arXiv.1907.00503, section 5.

use rand_chacha::ChaCha8Rng;
use synthfleet_proto::Seed;
use synthfleet_table::SeedExt;
use synthfleet_table::random::Draw;

/// Variance on each axis.
const VARIANCE: f64 = 0.05;

/// Equal-weight round normals in the plane.
#[derive(Debug, Clone, PartialEq)]
pub struct Mixture {
    centres: Vec<[f64; 2]>,
}

impl Mixture {
    /// Names of the two coordinates.
    pub const COLUMNS: [&str; 2] = ["x", "y"];

    /// 25 centres on a grid: a product law.
    pub fn grid() -> Self {
        let steps = [-4.0, -2.0, 0.0, 2.0, 4.0];
        Self { centres: steps.iter().flat_map(|&x| steps.map(|y| [x, y])).collect() }
    }

    /// The grid with every centre moved; the moves are part of the law and the same for every seed.
    pub fn gridr() -> Self {
        let mut rng = Seed::of_task(0, "simulated").child("gridr").rng();
        let mut mixture = Self::grid();
        mixture.centres.iter_mut().flatten().for_each(|coordinate| *coordinate += rng.uniform() - 0.5);
        mixture
    }

    /// 8 centres on the unit circle.
    pub fn ring() -> Self {
        let turn = |place: u32| std::f64::consts::TAU * f64::from(place) / 8.0;
        Self { centres: (0..8).map(|place| [libm::cos(turn(place)), libm::sin(turn(place))]).collect() }
    }

    /// Natural logarithm of the density at a point.
    pub fn log_density(&self, point: [f64; 2]) -> f64 {
        let exponent = |centre: &[f64; 2]| {
            let (x, y) = (point[0] - centre[0], point[1] - centre[1]);
            -(x * x + y * y) / (2.0 * VARIANCE)
        };
        let largest = self.centres.iter().map(exponent).fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = self.centres.iter().map(|centre| libm::exp(exponent(centre) - largest)).sum();
        largest + libm::log(sum / self.centres.len() as f64) - libm::log(std::f64::consts::TAU * VARIANCE)
    }

    /// Draws one point: a centre, then a normal step by Box and Muller (doi:10.1214/aoms/1177706645).
    pub fn draw(&self, rng: &mut ChaCha8Rng) -> [f64; 2] {
        let centre = self.centres[rng.below(self.centres.len() as u64) as usize];
        let radius = (-2.0 * VARIANCE * libm::log(rng.open_uniform())).sqrt();
        let angle = std::f64::consts::TAU * rng.uniform();
        [centre[0] + radius * libm::cos(angle), centre[1] + radius * libm::sin(angle)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_density_integrates_to_one() {
        let mixture = Mixture::ring();
        let step = 0.02;
        let axis = || (-150..150).map(|i| f64::from(i) * step);
        let sum: f64 = axis().flat_map(|x| axis().map(move |y| [x, y])).map(|point| libm::exp(mixture.log_density(point))).sum();
        assert!((sum * step * step - 1.0).abs() < 1e-6, "{}", sum * step * step);
    }

    #[test]
    fn gridr_moves_no_centre_by_more_than_a_half() {
        let (grid, moved) = (Mixture::grid(), Mixture::gridr());
        let moves = grid.centres.iter().flatten().zip(moved.centres.iter().flatten()).map(|(a, b)| (a - b).abs());
        assert!(moves.clone().all(|by| by <= 0.5) && moves.sum::<f64>() > 5.0);
    }
}
