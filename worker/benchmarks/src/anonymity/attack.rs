//! An attack by its counts: rates, residual, and whether it was worth trying.

use serde_json::{Map, Value, json};
use synthfleet_proto::about::ScoreAbout;
use synthfleet_proto::score::Score;
use synthfleet_stats::normal;
use synthfleet_stats::rates::{Rate, rate, residual};

/// Level of an attack that is the only one of its family.
const LEVEL: f64 = 0.05;

/// How often an attack succeeded.
#[derive(Debug, Clone, PartialEq)]
pub struct Attack {
    /// Which: a form, a split, a secret column.
    pub name: String,
    /// Attacks on each side.
    pub trials: usize,
    /// Successes on train rows, block by block; fractions where ties were split.
    pub train: Vec<f64>,
    /// Successes on rows that the synthesizer did not see.
    pub control: f64,
    /// Successes of somebody who guesses.
    pub guesser: f64,
}

impl Attack {
    fn rate(&self, successes: f64) -> Rate {
        rate(successes, self.trials as f64, point(LEVEL / 2.0))
    }

    /// The residual risk, its half-width at the two-sided level .05 / `family`.
    pub fn residual(&self, family: usize) -> Rate {
        let z = point(LEVEL / (2.0 * family as f64));
        let scaled = |successes: f64| {
            // the centre is that of level .05 whatever the family: a risk does not depend on how many were tried
            let one = self.rate(successes);
            Rate { half_width: one.half_width * z / point(LEVEL / 2.0), ..one }
        };
        residual(&self.train.iter().map(|&k| scaled(k)).collect::<Vec<_>>(), scaled(self.control))
    }

    /// No better than guessing: the lower end of every train rate is not above the guesser's rate.
    pub fn is_weak(&self) -> bool {
        let guesser = self.rate(self.guesser).value;
        let low = |&k: &f64| self.rate(k).value - self.rate(k).half_width;
        self.train.iter().all(|k| low(k) <= guesser)
    }

    /// What a table of attacks shows; `family` as in [`Attack::residual`].
    pub fn details(&self, family: usize) -> Map<String, Value> {
        let risk = self.residual(family);
        let mut told = Map::new();
        told.insert("name".to_owned(), json!(self.name));
        told.insert("attacks".to_owned(), json!(self.trials));
        told.insert("successes".to_owned(), json!({ "train": self.train, "control": self.control, "guesser": self.guesser }));
        let rates: Vec<f64> = self.train.iter().map(|&k| self.rate(k).value).collect();
        told.insert("rates".to_owned(), json!({ "train": rates, "control": self.rate(self.control).value, "guesser": self.rate(self.guesser).value }));
        told.insert("risk".to_owned(), json!(risk.value));
        told.insert("low".to_owned(), json!(risk.value - risk.half_width));
        told.insert("high".to_owned(), json!(risk.value + risk.half_width));
        told.insert("weak".to_owned(), json!(self.is_weak()));
        told
    }
}

/// The score of a family of attacks: the largest residual, its intervals at the level that the family shares.
/// `None` if there is no attack.
pub fn worst(about: &ScoreAbout, family: &[Attack]) -> Option<Score> {
    // of equals the first
    let largest = family.iter().rev().max_by(|a, b| a.residual(1).value.total_cmp(&b.residual(1).value))?;
    let risk = largest.residual(family.len());
    let z = |level: f64| point(level / family.len() as f64);
    let one_sided = risk.half_width * z(LEVEL) / z(LEVEL / 2.0);
    let mut score = Score::new(about, risk.value);
    score.error = Some(largest.residual(1).half_width / point(LEVEL / 2.0));
    (score.low, score.high) = (Some((risk.value - risk.half_width).min(1.0)), Some((risk.value + risk.half_width).min(1.0)));
    (score.bound_low, score.bound_high) = (Some((risk.value - one_sided).min(1.0)), Some((risk.value + one_sided).min(1.0)));
    Some(score.over(family.iter().filter(|attack| !attack.is_weak()).count(), family.len()))
}

/// The point of the normal law that is exceeded with probability `level`.
fn point(level: f64) -> f64 {
    normal::quantile(1.0 - level)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABOUT: ScoreAbout = ScoreAbout { id: "x", up: false, range: (None, Some(1.0)), fair: Some(0.0), unit: "risk" };

    fn attack(train: f64, control: f64) -> Attack {
        Attack { name: "a".to_owned(), trials: 2_000, train: vec![train], control, guesser: 10.0 }
    }

    #[test]
    fn a_single_attack_has_the_interval_of_its_residual() {
        let score = worst(&ABOUT, &[attack(420.0, 300.0)]).expect("an attack");
        let same = |found: Option<f64>, expected: f64| assert!((found.expect("a value") - expected).abs() < 1e-12, "{found:?}");
        same(score.value, 0.070_508_571_830_825_28);
        same(score.low, 0.070_508_571_830_825_28 - 0.027_103_403_371_519_68);
        same(score.bound_low, 0.070_508_571_830_825_28 - 0.027_103_403_371_519_68 * point(0.05) / point(0.025));
    }

    #[test]
    fn the_largest_risk_counts_and_the_level_is_shared() {
        let family = [attack(300.0, 300.0), attack(420.0, 300.0), attack(310.0, 300.0)];
        let (alone, shared) = (worst(&ABOUT, &family[1..2]).expect("one"), worst(&ABOUT, &family).expect("three"));
        assert_eq!(alone.value, shared.value);
        assert!(shared.bound_low < alone.bound_low && shared.high > alone.high);
    }

    #[test]
    fn an_attack_that_a_guesser_equals_is_weak() {
        assert!(!attack(420.0, 300.0).is_weak());
        assert!(Attack { guesser: 420.0, ..attack(420.0, 300.0) }.is_weak());
    }

    #[test]
    fn no_attack_gives_no_score() {
        assert!(worst(&ABOUT, &[]).is_none());
    }
}
