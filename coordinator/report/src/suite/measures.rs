//! The measures of 2020: their names on leaderboards and the scores that they are.

use synthfleet_proto::score::Score;

/// A measure of SDGym's leaderboard of 2020; more is better in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measure {
    /// The name, as 2020's columns spell it.
    pub name: &'static str,
    /// The score that it is.
    pub score: &'static str,
    /// Profiles in which that score is the measure; empty: all.
    profiles: &'static [&'static str],
}

/// Likelihoods of 2020 are those of simulated tables.
const SIMULATED: &[&str] = &["gaussian", "bayesian"];

/// Every measure, in the order of columns.
pub const MEASURES: [Measure; 7] = [
    Measure { name: "accuracy", score: "sdgym2020.accuracy", profiles: &[] },
    Measure { name: "f1", score: "sdgym2020.f1", profiles: &[] },
    Measure { name: "macro_f1", score: "sdgym2020.macro_f1", profiles: &[] },
    Measure { name: "micro_f1", score: "sdgym2020.micro_f1", profiles: &[] },
    Measure { name: "r2", score: "sdgym2020.r2", profiles: &[] },
    Measure { name: "syn_likelihood", score: "likelihood.s", profiles: SIMULATED },
    Measure { name: "test_likelihood", score: "likelihood.t", profiles: SIMULATED },
];

impl Measure {
    /// The value, if the score is this measure and defined.
    pub fn value(&self, score: &Score) -> Option<f64> {
        let profile = score.profile.as_deref().unwrap_or_default();
        let fits = score.name == self.score && (self.profiles.is_empty() || self.profiles.contains(&profile));
        score.value.filter(|_| fits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_error_22_distances_in_one_direction_rank_nobody() {
        let distances: Vec<&str> = MEASURES.iter().map(|measure| measure.score).filter(|score| score.contains("distance")).collect();
        assert_eq!(distances, [] as [&str; 0]);
    }
}
