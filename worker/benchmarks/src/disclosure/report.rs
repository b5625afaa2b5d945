//! Scores and details from what was counted.

use super::attribution::Counted;
use super::keys::Tuples;
use super::{CAP, CORRECT, CORRECT_EXCESS, EXCESS, GENERALIZED, UNIQUES, UNIQUES_EXCESS, ZERO_CAP};
use serde_json::{Value, json};
use synthfleet_proto::about::ScoreAbout;
use synthfleet_proto::score::Score;

/// `1 - 1/k`, k = product of the different values of the secret columns in train.
fn baseline(secrets: &Tuples) -> f64 {
    let different = |column: &Vec<Vec<u32>>| {
        let mut codes = column[0].clone();
        codes.sort_unstable();
        codes.dedup();
        codes.len() as f64
    };
    1.0 - 1.0 / secrets.codes.iter().map(different).product::<f64>()
}

/// A mean over rows and its variance.
#[derive(Debug, Clone, Copy)]
struct Means {
    mean: f64,
    variance: f64,
}

impl Means {
    /// Of the values present; `None` if there are none.
    fn of(values: &[f64]) -> Option<Self> {
        let n = values.len() as f64;
        if values.is_empty() {
            return None;
        }
        let mean = values.iter().sum::<f64>() / n;
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        Some(Self { mean, variance: squares / (n - 1.0).max(1.0) / n })
    }

    fn of_share(count: usize, rows: usize) -> Option<Self> {
        let (n, p) = (rows as f64, count as f64 / rows as f64);
        (rows > 0).then(|| Self { mean: p, variance: p * (1.0 - p) / n })
    }
}

/// What T or H gives.
struct Side {
    rows: usize,
    cap: Option<Means>,
    uniques: Option<Means>,
    correct: Option<Means>,
}

impl Side {
    fn of(counted: &Counted, side: usize, rows: usize) -> Self {
        let cap = counted.cap(side, rows);
        let matched: Vec<f64> = cap.iter().copied().flatten().collect();
        Self {
            rows,
            cap: Means::of(&matched),
            uniques: Means::of_share(counted.replicated(side, rows), rows),
            correct: Means::of_share(correct(&cap), rows),
        }
    }
}

/// Rows whose key has one secret in the sample, the right one.
fn correct(cap: &[Option<f64>]) -> usize {
    cap.iter().filter(|cap| **cap == Some(1.0)).count()
}

/// All that was counted.
pub struct Found {
    /// Of the train rows.
    cap: Vec<Option<f64>>,
    generalized: Vec<f64>,
    uniques: Option<Means>,
    baseline: f64,
    /// T and H.
    sides: [Side; 2],
}

impl Found {
    /// From the counted sample, `train` and `holdout` real rows, and the attribution by nearest keys.
    pub fn of(counted: &Counted, train: usize, holdout: usize, generalized: Vec<f64>) -> Self {
        Self {
            cap: counted.cap(0, train),
            sides: [0, 1].map(|side| Side::of(counted, side, train.min(holdout))),
            uniques: Means::of_share(counted.replicated(0, train), train),
            generalized,
            baseline: baseline(counted.secrets()),
        }
    }

    fn matched(&self) -> Vec<f64> {
        self.cap.iter().copied().flatten().collect()
    }

    /// Attribution in the three forms.
    fn forms(&self) -> [Option<Means>; 3] {
        let zero: Vec<f64> = self.cap.iter().map(|cap| cap.unwrap_or(0.0)).collect();
        [Means::of(&self.matched()), Means::of(&zero), Means::of(&self.generalized)]
    }

    /// The scores, headline first.
    pub fn scores(&self) -> Vec<Score> {
        let [cap, zero_cap, generalized] = self.forms();
        let share = |about: &ScoreAbout, means: Option<Means>| match means {
            Some(means) => Score::new(about, means.mean).with_error(means.variance.sqrt()),
            None => Score::undefined(about, "too_few_rows", "there are no rows"),
        };
        vec![
            self.excess(&EXCESS, |side| side.cap),
            self.protection(&CAP, cap),
            self.protection(&ZERO_CAP, zero_cap),
            self.protection(&GENERALIZED, generalized),
            share(&UNIQUES, self.uniques),
            self.excess(&UNIQUES_EXCESS, |side| side.uniques),
            share(&CORRECT, Means::of_share(correct(&self.cap), self.cap.len())),
            self.excess(&CORRECT_EXCESS, |side| side.correct),
        ]
    }

    fn protection(&self, about: &ScoreAbout, attribution: Option<Means>) -> Score {
        match attribution {
            _ if self.baseline <= 0.0 => Score::undefined(about, "constant", "the secret has one value"),
            None => Score::undefined(about, "not_applicable", "no sample row has the key of a train row"),
            Some(found) => {
                Score::new(about, ((1.0 - found.mean) / self.baseline).min(1.0)).with_error(found.variance.sqrt() / self.baseline)
            }
        }
    }

    fn excess(&self, about: &ScoreAbout, of: impl Fn(&Side) -> Option<Means>) -> Score {
        let [train, holdout] = &self.sides;
        match (of(train), of(holdout)) {
            _ if holdout.rows == 0 => Score::undefined(about, "no_holdout", "there are no holdout rows"),
            (Some(a), Some(b)) => Score::new(about, a.mean - b.mean).with_error((a.variance + b.variance).sqrt()),
            _ => Score::undefined(about, "not_applicable", "no sample row has the key of a row of train, or of holdout"),
        }
    }

    /// Adds what tables show.
    pub fn tell(&self, details: &mut Value) {
        let [cap, zero_cap, generalized] = self.forms().map(|means| means.map(|means| means.mean));
        let [train, holdout] = self.sides.each_ref().map(|side| side.cap.map(|means| means.mean));
        details["attribution"] =
            json!({ "cap": cap, "zero_cap": zero_cap, "generalized_cap": generalized, "train": train, "holdout": holdout });
        let protection = |mean: Option<f64>| mean.map(|mean| 1.0 - mean);
        details["protection"] =
            json!({ "cap": protection(cap), "zero_cap": protection(zero_cap), "generalized_cap": protection(generalized) });
        details["baseline"] = json!(self.baseline);
        details["matched"] = json!(self.matched().len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_has_the_error_of_a_mean() {
        let means = Means::of(&[0.0, 1.0, 1.0, 0.0]).expect("values");
        assert_eq!((means.mean, means.variance), (0.5, 1.0 / 3.0 / 4.0));
        assert!(Means::of(&[]).is_none());
        assert_eq!(Means::of_share(1, 4).map(|means| means.variance), Some(0.1875 / 4.0));
    }
}
