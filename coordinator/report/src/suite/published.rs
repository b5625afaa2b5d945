//! What was published in 2020: SDGym's leaderboard of release 0.2.2.
//!
//! # Reference
//! SDGym v0.2.2 (MIT), means over models and three repeats, on its own splits. F1 of the rarer class for adult, census
//! and credit; macro F1 for covtype and intrusion; R² for news; mean log likelihoods of simulated tables.

/// One published figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figure {
    /// Synthesizer, by its name here.
    pub synthesizer: &'static str,
    /// Table.
    pub table: &'static str,
    /// Measure, see [`super::measures`].
    pub measure: &'static str,
    /// Value.
    pub value: f64,
}

/// Release of the evaluator that the figures are of.
pub const EVALUATOR: &str = "v0.2.2";

/// Tables with their ranking measure.
const TABLES: [(&str, &str); 6] =
    [("adult", "f1"), ("census", "f1"), ("credit", "f1"), ("covtype", "macro_f1"), ("intrusion", "macro_f1"), ("news", "r2")];

/// Figures by synthesizer, in the order of [`TABLES`].
const EFFICACY: [(&str, [Option<f64>; 6]); 6] = [
    ("clbn", [Some(0.305), Some(0.286), Some(0.441), Some(0.330), Some(0.385), Some(-6.47)]),
    ("ctgan", [Some(0.602), Some(0.379), Some(0.523), Some(0.330), Some(0.511), Some(-0.513)]),
    ("identity", [Some(0.663), Some(0.464), Some(0.545), Some(0.653), Some(0.863), Some(0.134)]),
    ("independent", [Some(0.151), Some(0.060), Some(0.002), Some(0.113), Some(0.198), Some(-0.061)]),
    ("privbn", [Some(0.429), Some(0.245), Some(0.011), Some(0.215), Some(0.383), None]),
    ("tvae", [Some(0.619), Some(0.382), Some(0.0), Some(0.456), Some(0.433), Some(-0.245)]),
];

/// Simulated tables.
const SIMULATED: [&str; 7] = ["grid", "gridr", "ring", "asia", "alarm", "child", "insurance"];

/// Likelihoods of sample rows and of test rows, in the order of [`SIMULATED`].
const LIKELIHOOD: [(&str, [(f64, f64); 7]); 3] = [
    ("identity", [(-3.47, -3.49), (-3.59, -3.64), (-1.71, -1.70), (-2.24, -2.24), (-10.23, -10.30), (-12.03, -12.04), (-12.85, -12.96)]),
    ("independent", [(-3.47, -3.49), (-5.12, -4.03), (-2.47, -1.96), (-4.97, -2.99), (-18.24, -15.82), (-17.96, -16.03), (-18.38, -17.57)]),
    ("uniform", [(-7.33, -4.54), (-7.22, -4.57), (-5.34, -2.50), (-14.28, -5.52), (-18.42, -18.42), (-18.41, -18.32), (-18.42, -18.42)]),
];

/// Every published figure, by synthesizer.
pub fn figures() -> Vec<Figure> {
    let efficacy = EFFICACY.iter().flat_map(|(synthesizer, values)| {
        let of = TABLES.iter().zip(values);
        of.filter_map(|((table, measure), value)| Some(Figure { synthesizer, table, measure, value: (*value)? }))
    });
    let likelihood = LIKELIHOOD.iter().flat_map(|(synthesizer, values)| {
        SIMULATED.iter().zip(values).flat_map(|(table, (syn, test))| {
            [("syn_likelihood", *syn), ("test_likelihood", *test)].map(|(measure, value)| Figure { synthesizer, table, measure, value })
        })
    });
    efficacy.chain(likelihood).collect()
}

/// The figures of one table.
pub fn figures_of(table: &str) -> Vec<Figure> {
    figures().into_iter().filter(|figure| figure.table.eq_ignore_ascii_case(table)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_those_of_the_leaderboard() {
        let value = |synthesizer: &str, table: &str, measure: &str| {
            let all = figures_of(table);
            all.into_iter().find(|figure| figure.synthesizer == synthesizer && figure.measure == measure).map(|figure| figure.value)
        };
        assert_eq!(value("ctgan", "Adult", "f1"), Some(0.602));
        assert_eq!(value("clbn", "news", "r2"), Some(-6.47));
        assert_eq!(value("privbn", "news", "r2"), None);
        assert_eq!(value("uniform", "asia", "syn_likelihood"), Some(-14.28));
        assert_eq!(figures().len(), 35 + 42);
    }
}
