//! Scores: a number in range with its interval, or undefined with a reason. Never NaN.

use crate::about::{Reason, ScoreAbout};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One score of one sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Score {
    /// The id, `<benchmark>` or `<benchmark>.<score>`.
    pub name: String,
    /// The value; `None`: undefined, see `undefined` and `why`.
    pub value: Option<f64>,
    /// Lower end of the interval.
    #[serde(default)]
    pub low: Option<f64>,
    /// Upper end of the interval.
    #[serde(default)]
    pub high: Option<f64>,
    /// Standard error, where one is known; gates bound with it.
    #[serde(default)]
    pub error: Option<f64>,
    /// One-sided lower bound at the level its gate states, where it has its own.
    #[serde(default)]
    pub bound_low: Option<f64>,
    /// One-sided upper bound at the level its gate states, where it has its own.
    #[serde(default)]
    pub bound_high: Option<f64>,
    /// The value without each fold of rows, `[20]`; empty where there are no folds. The verdict's replicates are
    /// made of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub folds: Vec<f64>,
    /// `up` or `down`.
    pub goal: Goal,
    /// Smallest and largest possible value.
    pub range: (Option<f64>, Option<f64>),
    /// Value of an honest copy of the law, if a constant.
    #[serde(default)]
    pub fair: Option<f64>,
    /// Unit.
    pub unit: String,
    /// Columns, pairs or models that entered a mean.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<u32>,
    /// Columns, pairs or models there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u32>,
    /// Which formula, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Computed on fewer rows than there are: how many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limited: Option<u64>,
    /// Why there is no value: code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undefined: Option<String>,
    /// Why there is no value: sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Which direction is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// More is better.
    Up,
    /// Less is better.
    Down,
}

impl Score {
    /// A value. Rounding may leave a range by a hair: it is clipped; what is not a number becomes
    /// undefined with the code `failed`.
    pub fn new(about: &ScoreAbout, value: f64) -> Self {
        let mut score = Self::empty(about);
        if value.is_finite() {
            let low = about.range.0.unwrap_or(f64::NEG_INFINITY);
            let high = about.range.1.unwrap_or(f64::INFINITY);
            score.value = Some(value.clamp(low, high));
        } else {
            score.undefined = Some("failed".to_owned());
            score.why = Some(format!("the formula gave {value}"));
        }
        score
    }

    /// No value, and why.
    pub fn undefined(about: &ScoreAbout, code: &str, why: impl Into<String>) -> Self {
        let mut score = Self::empty(about);
        score.undefined = Some(code.to_owned());
        score.why = Some(why.into());
        score
    }

    /// No value for a reason that is already at hand.
    pub fn undefined_for(about: &ScoreAbout, reason: &Reason) -> Self {
        Self::undefined(about, &reason.code, reason.why.clone())
    }

    fn empty(about: &ScoreAbout) -> Self {
        Self {
            name: about.id.to_owned(),
            value: None,
            low: None,
            high: None,
            error: None,
            bound_low: None,
            bound_high: None,
            folds: Vec::new(),
            goal: if about.up { Goal::Up } else { Goal::Down },
            range: about.range,
            fair: about.fair,
            unit: about.unit.to_owned(),
            used: None,
            total: None,
            profile: None,
            limited: None,
            undefined: None,
            why: None,
        }
    }

    /// Adds a standard error and the 95 % interval that follows from it, clipped to the range.
    #[must_use]
    pub fn with_error(mut self, error: f64) -> Self {
        if let Some(value) = self.value.filter(|_| error.is_finite()) {
            let low = self.range.0.unwrap_or(f64::NEG_INFINITY);
            let high = self.range.1.unwrap_or(f64::INFINITY);
            self.error = Some(error);
            self.low = Some((value - 1.96 * error).clamp(low, high));
            self.high = Some((value + 1.96 * error).clamp(low, high));
        }
        self
    }

    /// Adds the value without each fold of rows, `[20]`, if every one is a number.
    #[must_use]
    pub fn with_folds(mut self, without: &[f64]) -> Self {
        if self.value.is_some() && without.iter().all(|value| value.is_finite()) {
            self.folds = without.to_vec();
        }
        self
    }

    /// Says how many parts entered a mean.
    #[must_use]
    pub fn over(mut self, used: usize, total: usize) -> Self {
        self.used = Some(used as u32);
        self.total = Some(total as u32);
        self
    }

    /// Says which formula.
    #[must_use]
    pub fn in_profile(mut self, profile: &str) -> Self {
        self.profile = Some(profile.to_owned());
        self
    }
}

/// All that one benchmark says of one sample.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    /// Scores, headline first.
    pub scores: Vec<Score>,
    /// Per column, pair, model, group: what plots and tables show. At most 4 MiB.
    pub details: Value,
}

/// A remark of best-effort work: something was left out, replaced or cut, and the rest went on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Stable code, for example `replanned_as_text`.
    pub code: String,
    /// Column, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// A number that belongs to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<f64>,
    /// One sentence without cell values.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARE: ScoreAbout = ScoreAbout { id: "x", up: true, range: (Some(0.0), Some(1.0)), fair: None, unit: "share" };

    #[test]
    fn a07_a_score_is_in_range_or_undefined() {
        assert_eq!(Score::new(&SHARE, 1.000_000_1).value, Some(1.0));
        let nan = Score::new(&SHARE, f64::NAN);
        assert_eq!((nan.value, nan.undefined.as_deref()), (None, Some("failed")));
    }

    #[test]
    fn folds_are_kept_whole_or_not_at_all() {
        assert_eq!(Score::new(&SHARE, 0.5).with_folds(&[0.4, 0.6]).folds, [0.4, 0.6]);
        assert!(Score::new(&SHARE, 0.5).with_folds(&[0.4, f64::NAN]).folds.is_empty());
        assert!(Score::undefined(&SHARE, "constant", "one value").with_folds(&[0.4]).folds.is_empty());
    }

    #[test]
    fn an_interval_stays_in_range() {
        let score = Score::new(&SHARE, 0.99).with_error(0.1);
        assert_eq!(score.high, Some(1.0));
        assert!(score.low.is_some_and(|low| (low - 0.794).abs() < 1e-12));
    }
}
