//! An attack by its counts: rates, residual, and whether it was worth trying.

use serde_json::{Map, Value, json};
use synthfleet_proto::about::ScoreAbout;
use synthfleet_proto::score::Score;
use synthfleet_stats::normal;
use synthfleet_stats::rates::{Rate, rate, residual};

/// Level of an attack that is the only one of its family.
const LEVEL: f64 = 0.05;

/// Successes on one side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Successes {
    /// How many; fractions where ties were split.
    pub count: f64,
    /// Standard error of the count where several attacks may hit one row, else 0.
    pub error: f64,
}

impl Successes {
    /// Attacks each of which has a row of its own.
    pub fn own(count: f64) -> Self {
        Self { count, error: 0.0 }
    }

    /// Attacks that hit the rows `hit` of `rows` rows, in any order: rows that many attacks hit make the
    /// binomial error too small, `error² = N/(N-1) sum (hits of a row - mean)²`, N = rows.
    pub fn of_rows(mut hit: Vec<usize>, rows: usize) -> Self {
        hit.sort_unstable();
        let (count, n) = (hit.len() as f64, rows as f64);
        let squares: f64 = hit.chunk_by(|a, b| a == b).map(|hits| (hits.len() * hits.len()) as f64).sum();
        Self { count, error: ((squares - count * count / n) * n / (n - 1.0).max(1.0)).max(0.0).sqrt() }
    }
}

/// How often an attack succeeded.
#[derive(Debug, Clone, PartialEq)]
pub struct Attack {
    /// Which: a form, a split, a secret column.
    pub name: String,
    /// Attacks on each side.
    pub trials: usize,
    /// Successes on train rows, block by block.
    pub train: Vec<Successes>,
    /// Successes on rows that the synthesizer did not see.
    pub control: Successes,
    /// Successes of somebody who guesses.
    pub guesser: f64,
}

impl Attack {
    fn rate(&self, successes: Successes) -> Rate {
        let z = point(LEVEL / 2.0);
        let wilson = rate(successes.count, self.trials as f64, z);
        Rate { half_width: wilson.half_width.max(z * successes.error / self.trials as f64), ..wilson }
    }

    /// The residual risk, its half-width at the two-sided level .05 / `family`. The centre of a rate is that of
    /// level .05 whatever the family: a risk does not depend on how many were tried.
    pub fn residual(&self, family: usize) -> Rate {
        let wider = point(LEVEL / (2.0 * family as f64)) / point(LEVEL / 2.0);
        let rates: Vec<Rate> = self.train.iter().map(|&successes| self.rate(successes)).collect();
        let residual = residual(&rates, self.rate(self.control));
        Rate { half_width: residual.half_width * wider, ..residual }
    }

    /// No better than guessing: the lower end of every train rate is not above the guesser's rate.
    pub fn is_weak(&self) -> bool {
        let guesser = self.rate(Successes::own(self.guesser)).value;
        let low = |&successes: &Successes| self.rate(successes).value - self.rate(successes).half_width;
        self.train.iter().all(|successes| low(successes) <= guesser)
    }

    /// What a table of attacks shows; `family` as in [`Attack::residual`].
    pub fn details(&self, family: usize) -> Map<String, Value> {
        let risk = self.residual(family);
        let train: Vec<f64> = self.train.iter().map(|successes| successes.count).collect();
        let rates: Vec<f64> = self.train.iter().map(|&successes| self.rate(successes).value).collect();
        let told = json!({
            "name": self.name, "attacks": self.trials,
            "successes": { "train": train, "control": self.control.count, "guesser": self.guesser },
            "rates": { "train": rates, "control": self.rate(self.control).value, "guesser": self.rate(Successes::own(self.guesser)).value },
            "risk": risk.value, "low": risk.value - risk.half_width, "high": risk.value + risk.half_width, "weak": self.is_weak(),
        });
        match told {
            Value::Object(told) => told,
            _ => Map::new(),
        }
    }
}

/// The score of a family of attacks: the risk that is best proven, which has the largest lower bound, with its
/// intervals at the level that the family shares. `None` if there is no attack.
///
/// The largest residual would be that of the attack that succeeds most often on anybody: the fewer rows it
/// misses, the further chance moves what is left.
pub fn worst(about: &ScoreAbout, family: &[Attack]) -> Option<Score> {
    let low = |attack: &Attack| attack.residual(family.len()).value - attack.residual(family.len()).half_width;
    // of equals the first
    let proven = family.iter().rev().max_by(|a, b| low(a).total_cmp(&low(b)))?;
    let risk = proven.residual(family.len());
    let z = |level: f64| point(level / family.len() as f64);
    let one_sided = risk.half_width * z(LEVEL) / z(LEVEL / 2.0);
    let mut score = Score::new(about, risk.value);
    score.error = Some(proven.residual(1).half_width / point(LEVEL / 2.0));
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
        Attack { name: "a".to_owned(), trials: 2_000, train: vec![Successes::own(train)], control: Successes::own(control), guesser: 10.0 }
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
    fn the_best_proven_risk_counts_and_the_level_is_shared() {
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
    fn a_risk_that_chance_explains_hides_none_that_is_proven() {
        // misses 10 of 2,000 and 4 of 2,000: a residual of .4 that proves nothing
        let family = [attack(1_996.0, 1_990.0), attack(420.0, 300.0)];
        assert!(family[0].residual(1).value > family[1].residual(1).value);
        assert_eq!(worst(&ABOUT, &family).and_then(|score| score.value), Some(family[1].residual(2).value));
    }

    #[test]
    fn rows_that_many_attacks_hit_widen_the_interval() {
        // two hits each on 2 of 4 rows: mean 1, squares 4
        let hubs = Successes::of_rows(vec![3, 1, 3, 1], 4);
        assert_eq!((hubs.count, hubs.error), (4.0, (4.0f64 * 4.0 / 3.0).sqrt()));
        let alone = attack(420.0, 300.0);
        let hit = Attack { control: Successes { count: 300.0, error: 40.0 }, ..alone.clone() };
        assert_eq!(alone.residual(1).value, hit.residual(1).value);
        assert!(hit.residual(1).half_width > 1.5 * alone.residual(1).half_width);
    }

    #[test]
    fn no_attack_gives_no_score() {
        assert!(worst(&ABOUT, &[]).is_none());
    }
}
