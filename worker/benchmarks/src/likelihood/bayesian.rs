//! Networks: rows under the true tables, and real rows under tables counted on the sample.

use super::form::OfStates;
use super::outcome::{Defined, Measured, Sides, enough};
use super::rows::{Caps, chosen};
use super::truth::{Truth, at_floor, described, floored};
use crate::member::Case;
use crate::parts::side;
use serde_json::json;
use synthfleet_laws::Network;
use synthfleet_proto::{Result, Seed};
use synthfleet_table::{Budget, Table};

/// Measures a sample of a network's set.
pub fn measure(case: &Case, posed: &OfStates, caps: &Caps, seed: &Seed, budget: &Budget) -> Result<Measured> {
    let shared = &case.real.shared;
    let (sample_folds, holdout_folds) = (seed.child("sample"), shared.child("holdout"));
    let rows = case.sample.rows().min(case.real.train.rows()).min(caps.rows);
    let sample = States::of(&case.sample, posed, rows, &sample_folds);
    let train = States::of(&case.real.train, posed, rows, &shared.child("train"));
    budget.go_on()?;
    let holdout = States::of(&case.real.holdout, posed, caps.rows, &holdout_folds);
    budget.go_on()?;
    let (has_sample, has_holdout) = (enough(rows, 1, "sample and train"), enough(holdout.len(), 1, "holdout"));
    let (of_sample, of_holdout) = (sample.densities(&posed.law), holdout.densities(&posed.law));
    let s = Sides {
        sample: has_sample.clone().map(|()| floored(&of_sample, &sample_folds)),
        reference: has_holdout.clone().map(|()| floored(&of_holdout, &holdout_folds)),
    };
    let mut t_floor = Vec::new();
    let mut explained = |side: &States| -> Result<Defined> {
        budget.go_on()?;
        let densities = holdout.densities(&posed.law.refitted(side.iter()));
        t_floor.push(at_floor(&densities));
        Ok(has_sample.clone().and_then(|()| has_holdout.clone()).map(|()| floored(&densities, &holdout_folds)))
    };
    let t = Sides { sample: explained(&sample)?, reference: explained(&train)? };
    let truth = has_sample.map(|()| Truth::of(&of_sample, &sample_folds));
    let details = json!({
        "rows": { "sample": sample.len(), "train": train.len(), "holdout": holdout.len() },
        "truth": { "sample": described(&of_sample), "reference": described(&of_holdout) },
        "t_floor": { "sample": t_floor[0], "reference": t_floor[1] },
    });
    Ok(Measured { form: "bayesian", s, t, truth, details })
}

/// Rows as states of the law, `[rows, variables]`; what is no state is the one after the last.
struct States {
    states: Vec<u32>,
    variables: usize,
}

impl States {
    fn of(table: &Table, posed: &OfStates, most: usize, seed: &Seed) -> Self {
        let variables = posed.places.len();
        let columns: Vec<Vec<u32>> = posed
            .places
            .iter()
            .zip(posed.law.variables())
            .map(|(&place, variable)| {
                let states = &variable.states;
                let state_of = |level: &String| states.iter().position(|state| state == level).unwrap_or(states.len()) as u32;
                let mut codes: Vec<u32> = table.metadata().columns[place].levels.iter().map(state_of).collect();
                // a missing cell has the code after the last level
                codes.push(states.len() as u32);
                side::levels(table, place).into_iter().map(|level| codes[level as usize]).collect()
            })
            .collect();
        let compare = |a: usize, b: usize| columns.iter().map(|column| column[a]).cmp(columns.iter().map(|column| column[b]));
        let rows = chosen(&seed.child("rows"), table.rows(), most, compare);
        let states = rows.iter().flat_map(|&row| columns.iter().map(move |column| column[row])).collect();
        Self { states, variables }
    }

    fn len(&self) -> usize {
        self.states.len() / self.variables
    }

    fn iter(&self) -> impl Iterator<Item = &[u32]> {
        self.states.chunks_exact(self.variables)
    }

    fn densities(&self, law: &Network) -> Vec<f64> {
        self.iter().map(|row| law.density(row)).collect()
    }
}
