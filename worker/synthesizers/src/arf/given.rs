//! Conditions as members get them, as evidence in leaves.
//!
//! **Definition.** What a State and its Value may hold is one piece of evidence of the number: levels of the State, or
//! a regular number within the range. A single number has no probability where leaves hold no such atom; it counts
//! by its density then, as the share of a narrow stretch around it. Evidence that the forest gives no probability
//! leaves rows free: none of them is accepted.

use super::ArfModel;
use super::evidence::{Holds, Known};
use super::tables::Column;
use crate::member::Evidence;
use synthfleet_proto::{Error, Result, Seed};
use synthfleet_table::Budget;
use synthfleet_table::encode::Coded;

/// Half the width of the stretch that stands for a single number, as a share of its column's range.
const STRETCH: f64 = 1e-9;

/// Rows of a block, by their evidence.
pub(super) fn sample(
    model: &ArfModel,
    groups: &[(std::sync::Arc<Evidence>, Vec<u32>)],
    rows: usize,
    seed: &Seed,
    budget: &Budget,
) -> Result<Vec<Coded>> {
    let one = |(place, (evidence, rows)): (usize, &(std::sync::Arc<Evidence>, Vec<u32>))| {
        of_evidence(model, evidence, rows.len(), &seed.child("group").index(place as u64), budget)
    };
    let parts = groups.iter().enumerate().map(one).collect::<Result<Vec<_>>>()?;
    // the row of the block at which each row of the joined groups belongs, turned round
    let mut order = vec![0; rows];
    groups.iter().flat_map(|(_, rows)| rows).zip(0..).for_each(|(&row, place)| order[row as usize] = place);
    let column = |place: usize| {
        let joined = Coded::join(parts.iter().map(|part| &part[place]));
        Ok(joined.ok_or_else(|| Error::internal("encode::broken", "groups of rows of two sorts"))?.take(&order))
    };
    (0..model.tables.columns.len()).map(column).collect()
}

fn of_evidence(model: &ArfModel, evidence: &Evidence, rows: usize, seed: &Seed, budget: &Budget) -> Result<Vec<Coded>> {
    let known = known(&model.tables.columns, evidence, 0.0);
    if let Some(drawn) = model.tables.sample_given(rows, &known, seed, budget)? {
        return Ok(drawn);
    }
    let wide = self::known(&model.tables.columns, evidence, STRETCH);
    match model.tables.sample_given(rows, &wide, seed, budget)? {
        Some(mut drawn) if wide != known => {
            for (place, column) in drawn.iter_mut().enumerate() {
                let (low, high) = evidence.within(place);
                if let Coded::Value(numbers) = column {
                    *column = Coded::Value(numbers.iter().map(|number| number.clamp(low, high)).collect());
                }
            }
            Ok(drawn)
        }
        _ => model.tables.sample(rows, seed, budget),
    }
}

/// What is known of each column, single numbers wider by a share of their column's range.
fn known(columns: &[Column], evidence: &Evidence, wider: f64) -> Vec<Known> {
    let is_state =
        |place: usize| columns.iter().any(|column| matches!(column, Column::Value { state: Some(state), .. } if *state == place));
    let allowed = |place: usize, levels: u32| -> Vec<u32> { (0..levels).filter(|&level| evidence.allows(place, level)).collect() };
    let of = |(place, column): (usize, &Column)| match column {
        Column::Levels { levels, .. } => {
            let is_asked = evidence.at(place).is_some() && !is_state(place);
            is_asked.then(|| Known { place, holds: Holds::Levels(allowed(place, *levels)) })
        }
        Column::Value { state, range, .. } => {
            let state = *state;
            if evidence.at(place).is_none() && state.is_none_or(|state| evidence.at(state).is_none()) {
                return None;
            }
            let states = state.map_or(Vec::new(), |state| match columns[state] {
                Column::Levels { levels, .. } => allowed(state, levels),
                Column::Value { .. } => Vec::new(),
            });
            let regular = state.is_none() || states.contains(&0);
            let (low, high) = evidence.within(place);
            let more = if low < high { 0.0 } else { wider * (range.1 - range.0) };
            let states = states.into_iter().filter(|&level| level != 0).collect();
            Some(Known { place, holds: Holds::Number { states, range: regular.then_some((low - more, high + more)) } })
        }
    };
    columns.iter().enumerate().filter_map(of).collect()
}
