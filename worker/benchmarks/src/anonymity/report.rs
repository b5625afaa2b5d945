//! Scores and details from the attacks' counts.

use super::attack::{Attack, worst};
use super::linkability::{self, Halves};
use super::{INFERENCE, LINKABILITY, SINGLING_OUT, WORST};
use serde_json::{Value, json};
use synthfleet_proto::score::Score;

/// All attacks.
pub struct Found {
    /// Forms of predicates.
    pub singled_out: Vec<Attack>,
    /// Splits of the columns.
    pub linked: Vec<Attack>,
    /// Secrets.
    pub inferred: Vec<Attack>,
}

impl Found {
    /// The scores, headline first.
    pub fn scores(&self) -> Vec<Score> {
        let mean: Vec<Attack> = linkability::mean(&self.linked).into_iter().collect();
        let families = [
            (&SINGLING_OUT, &self.singled_out, "too few predicates match one sample row"),
            (&LINKABILITY, &mean, "there are no two halves"),
            (&INFERENCE, &self.inferred, "no secret column varies and has another to tell it"),
        ];
        let risks =
            families.map(|(about, family, why)| worst(about, family).unwrap_or_else(|| Score::undefined(about, "not_applicable", why)));
        let bounded = risks.iter().rev().filter_map(|risk| Some((risk.bound_low?, risk)));
        let proven = bounded.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, risk)| Score { name: WORST.id.to_owned(), ..risk.clone() });
        let headline = proven.unwrap_or_else(|| Score::undefined(&WORST, "not_applicable", "no attack can be tried"));
        std::iter::once(headline).chain(risks).collect()
    }

    /// What tables show; `name` tells the name of a column by its place among the modelled ones.
    pub fn details<'a>(&self, halves: &[Halves], name: impl Fn(usize) -> &'a str) -> Value {
        let told = |family: &[Attack]| family.iter().map(|attack| attack.details(family.len())).collect::<Vec<_>>();
        let mut linked: Vec<_> = self.linked.iter().map(|attack| attack.details(1)).collect();
        for (split, halves) in linked.iter_mut().zip(halves) {
            let halves = halves.each_ref().map(|half| half.iter().map(|&column| name(column)).collect::<Vec<_>>());
            split.insert("columns".to_owned(), json!(halves));
        }
        json!({ "singling_out": told(&self.singled_out), "linkability": linked, "inference": told(&self.inferred) })
    }
}
