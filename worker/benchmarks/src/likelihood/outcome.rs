//! From mean log densities to scores.

use super::rows::{LN_FLOOR, SIDE_MIN};
use super::truth::Truth;
use super::{AT_FLOOR, S, SCORE, T, TRUE_S};
use crate::folds::Estimate;
use serde_json::{Value, json};
use synthfleet_proto::about::{Reason, ScoreAbout};
use synthfleet_proto::score::Score;

/// A code and a sentence.
pub fn reason(code: &str, why: impl Into<String>) -> Reason {
    Reason { code: code.to_owned(), why: why.into() }
}

/// Whether a side has rows enough: `least`, and never fewer than one a fold.
pub fn enough(rows: usize, least: usize, side: &str) -> Result<(), Reason> {
    let least = least.max(SIDE_MIN);
    match rows {
        0 if side == "holdout" => Err(reason("no_holdout", "there are no holdout rows")),
        rows if rows < least => Err(reason("too_few_rows", format!("needs {least} usable rows of {side}, has {rows}"))),
        _ => Ok(()),
    }
}

/// A mean log density or why there is none.
pub type Defined = Result<Estimate, Reason>;

/// One quantity of the sample, and of honest rows in its place.
pub struct Sides {
    /// Of the sample.
    pub sample: Defined,
    /// Of honest rows.
    pub reference: Defined,
}

impl Sides {
    fn values(&self) -> Value {
        let value = |side: &Defined| side.as_ref().ok().map(|estimate| estimate.value).filter(|value| value.is_finite());
        json!({ "sample": value(&self.sample), "reference": value(&self.reference) })
    }
}

/// All that one form measures.
pub struct Measured {
    /// Its name.
    pub form: &'static str,
    /// Sample rows under a model of real rows.
    pub s: Sides,
    /// Real rows under a model of sample rows.
    pub t: Sides,
    /// Sample rows under the exact law, or why there is none.
    pub truth: Result<Truth, Reason>,
    /// What belongs to the form alone.
    pub details: Value,
}

impl Measured {
    /// Scores in the order of `ABOUT`.
    pub fn scores(&self) -> Vec<Score> {
        let range = if self.form == "bayesian" { (Some(LN_FLOOR), Some(0.0)) } else { (None, None) };
        let truth = |of: fn(&Truth) -> Estimate| self.truth.as_ref().map(of).map_err(Clone::clone);
        let scores = [
            scored(&SCORE, &self.score()),
            scored(&ScoreAbout { range, ..S }, &self.s.sample),
            scored(&ScoreAbout { range, ..T }, &self.t.sample),
            scored(&TRUE_S, &truth(|truth| truth.mean)),
            scored(&AT_FLOOR, &truth(|truth| truth.floor)),
        ];
        scores.into_iter().map(|score| score.in_profile(self.form)).collect()
    }

    /// `exp(-(max(0, T_ref - T) + |S_ref - S|))`.
    fn score(&self) -> Defined {
        let [s, s_reference, t, t_reference] =
            [&self.s.sample, &self.s.reference, &self.t.sample, &self.t.reference].map(|side| side.as_ref().map_err(Clone::clone));
        let (s, s_reference, t, t_reference) = (s?, s_reference?, t?, t_reference?);
        Ok(Estimate::combine(|at| libm::exp(-((at(t_reference) - at(t)).max(0.0) + (at(s_reference) - at(s)).abs()))))
    }

    /// The details, with the values of S and T beside those of the reference.
    pub fn described(&self) -> Value {
        let mut details = self.details.clone();
        details["form"] = json!(self.form);
        details["s"] = self.s.values();
        details["t"] = self.t.values();
        details
    }
}

fn scored(about: &ScoreAbout, value: &Defined) -> Score {
    match value {
        Err(reason) => Score::undefined_for(about, reason),
        Ok(estimate) => {
            let score = Score::new(about, estimate.value);
            estimate.error().map_or(score.clone(), |error| score.with_error(error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(s: [f64; 2], t: [f64; 2]) -> f64 {
        let sides =
            |[sample, reference]: [f64; 2]| Sides { sample: Ok(Estimate::fixed(sample)), reference: Ok(Estimate::fixed(reference)) };
        let truth = Err(reason("not_applicable", "no law"));
        let measured = Measured { form: "fitted", s: sides(s), t: sides(t), truth, details: json!({}) };
        measured.scores()[0].value.expect("defined")
    }

    #[test]
    fn a_rise_of_s_costs_as_much_as_a_fall() {
        assert_eq!(score([-2.0, -3.0], [-3.0, -3.0]), score([-4.0, -3.0], [-3.0, -3.0]));
        assert!((score([-4.0, -3.0], [-3.5, -3.0]) - libm::exp(-1.5)).abs() < 1e-15);
    }

    #[test]
    fn a_better_t_earns_nothing() {
        assert_eq!(score([-3.0, -3.0], [-2.0, -3.0]), 1.0);
    }

    #[test]
    fn a_side_without_rows_says_so() {
        let code = |rows: usize, side: &str| enough(rows, 30, side).err().map(|reason| reason.code);
        assert_eq!(code(0, "holdout").as_deref(), Some("no_holdout"));
        assert_eq!(code(29, "sample").as_deref(), Some("too_few_rows"));
        assert_eq!(code(30, "sample"), None);
        assert_eq!(enough(19, 1, "sample").err().map(|reason| reason.code).as_deref(), Some("too_few_rows"));
    }
}
