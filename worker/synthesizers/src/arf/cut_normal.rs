//! The normal law cut to an interval.
//!
//! # Reference
//! Inverse distribution function between the two ends; beyond the middle both ends are mirrored, so that
//! shares near 1 lose no digits. Johnson, Kotz, Balakrishnan 1994, doi 10.1002/9780471584940, section 10.1.

use rand_chacha::ChaCha8Rng;
use synthfleet_stats::normal;
use synthfleet_table::random::Draw as _;

/// Numbers that describe a law: mean, deviation, low, high.
pub(super) const NUMBERS: usize = 4;

/// A normal law of `mean` and `deviation` above 0, of which only `low ..= high` may occur.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct CutNormal {
    pub mean: f64,
    pub deviation: f64,
    pub low: f64,
    pub high: f64,
}

impl CutNormal {
    /// The law with the mean and sample deviation of `numbers`, the latter at least `deviation_min`, within
    /// `low ..= high`; without numbers the middle is the mean.
    pub fn fit(numbers: impl Iterator<Item = f64> + Clone, deviation_min: f64, (low, high): (f64, f64)) -> Self {
        let count = numbers.clone().count() as f64;
        let mean = if count > 0.0 { numbers.clone().map(|number| number / count).sum() } else { low / 2.0 + high / 2.0 };
        // scaled by the largest distance, so that squares stay finite
        let far = numbers.clone().map(|number| (number - mean).abs()).fold(0.0, f64::max);
        let mut deviation = 0.0;
        if far > 0.0 && count > 1.0 {
            let squares: f64 = numbers.map(|number| (number - mean) / far).map(|distance| distance * distance).sum();
            deviation = far * (squares / (count - 1.0)).sqrt();
        }
        Self { mean, deviation: deviation.max(deviation_min).max(f64::MIN_POSITIVE), low, high }
    }

    /// One number of the law.
    pub fn draw(&self, rng: &mut ChaCha8Rng) -> f64 {
        let uniform = rng.uniform();
        let (a, b) = (self.standard(self.low), self.standard(self.high));
        let mirrored = a > 0.0;
        let (a, b) = if mirrored { (-b, -a) } else { (a, b) };
        let (below, above) = (normal::cdf(a), normal::cdf(b));
        let z = normal::quantile(below + (above - below) * uniform).clamp(a, b);
        let number = self.mean + self.deviation * if mirrored { -z } else { z };
        if number.is_finite() { number.clamp(self.low, self.high) } else { self.mean.clamp(self.low, self.high) }
    }

    /// The law cut further, to a range; `None` if they do not meet.
    pub fn within(&self, (low, high): (f64, f64)) -> Option<Self> {
        let cut = Self { low: self.low.max(low), high: self.high.min(high), ..*self };
        (cut.low <= cut.high).then_some(cut)
    }

    /// The share of the law in a range. A law of one point has it all or nothing.
    pub fn share(&self, range: (f64, f64)) -> f64 {
        let Some(cut) = self.within(range) else { return 0.0 };
        let all = self.mass();
        if all > 0.0 { (cut.mass() / all).min(1.0) } else { 1.0 }
    }

    /// The uncut law's share between the ends, from the side where no digits are lost.
    fn mass(&self) -> f64 {
        let (a, b) = (self.standard(self.low), self.standard(self.high));
        let (a, b) = if a > 0.0 { (-b, -a) } else { (a, b) };
        normal::cdf(b) - normal::cdf(a)
    }

    fn standard(&self, number: f64) -> f64 {
        (number - self.mean) / self.deviation
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use synthfleet_proto::Seed;
    use synthfleet_table::SeedExt;

    fn moments(law: CutNormal) -> (f64, f64) {
        let mut rng = Seed::from_task_seed(3).rng();
        let drawn: Vec<f64> = (0..40_000).map(|_| law.draw(&mut rng)).collect();
        assert!(drawn.iter().all(|number| (law.low..=law.high).contains(number)));
        let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
        (mean, drawn.iter().map(|number| (number - mean) * (number - mean)).sum::<f64>() / drawn.len() as f64)
    }

    #[test]
    fn half_a_normal_law_has_its_known_moments() {
        let (mean, variance) = moments(CutNormal { mean: 0.0, deviation: 1.0, low: 0.0, high: 50.0 });
        assert!((mean - 0.797_884_6).abs() < 0.01, "{mean}");
        assert!((variance - 0.363_380_2).abs() < 0.01, "{variance}");
    }

    #[test]
    fn a_far_tail_has_its_known_mean_on_both_sides() {
        // beyond 10 deviations: mean of the tail is 10 + 1/10 - 2/1000 + ..
        let (upper, _) = moments(CutNormal { mean: 0.0, deviation: 1.0, low: 10.0, high: 100.0 });
        let (lower, _) = moments(CutNormal { mean: 0.0, deviation: 1.0, low: -100.0, high: -10.0 });
        assert!((upper - 10.098).abs() < 0.004, "{upper}");
        assert!((lower + 10.098).abs() < 0.004, "{lower}");
    }

    #[test]
    fn shares_of_a_range_are_those_of_the_law() {
        let law = CutNormal { mean: 1.0, deviation: 2.0, low: 1.0, high: 1e6 };
        assert!((law.share((1.0, 3.0)) - 0.682_689_492_137_085_9).abs() < 1e-12);
        assert_eq!((law.share((-5.0, 0.0)), law.share((-5.0, 2e6))), (0.0, 1.0));
        assert!(law.within((2.0, 3.0)).is_some_and(|cut| (cut.low, cut.high) == (2.0, 3.0)));
        let point = CutNormal { low: 4.0, high: 4.0, ..law };
        assert_eq!((point.share((3.0, 5.0)), point.share((5.0, 6.0))), (1.0, 0.0));
    }

    #[test]
    fn equal_numbers_get_the_least_deviation_and_ends_of_the_scale_stay_finite() {
        let law = CutNormal::fit([2.0; 5].into_iter(), 0.25, (0.0, 4.0));
        assert_eq!(law, CutNormal { mean: 2.0, deviation: 0.25, low: 0.0, high: 4.0 });
        let wide = CutNormal::fit([-1e300, 1e300].into_iter(), 1e294, (-1e300, 1e300));
        assert!(wide.deviation.is_finite() && moments(wide).0.is_finite());
        let sample = CutNormal::fit([1.0, 2.0, 3.0, 4.0].into_iter(), 0.0, (0.0, 5.0));
        assert!((sample.deviation - (5.0f64 / 3.0).sqrt()).abs() < 1e-12);
    }
}
