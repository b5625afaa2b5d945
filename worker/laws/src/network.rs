//! A discrete Bayesian network: its exact law, draws from it, and tables refitted to rows.

use rand_chacha::ChaCha8Rng;
use synthfleet_proto::{Error, Result};
use synthfleet_table::random::Draw;

/// One variable.
#[derive(Debug, Clone, PartialEq)]
pub struct Variable {
    /// Name, also the column's.
    pub name: String,
    /// States, also the column's labels.
    pub states: Vec<String>,
    /// Places of the parents.
    pub parents: Vec<usize>,
    /// Probabilities, `[settings of the parents, states]`; the last parent moves fastest.
    pub table: Vec<f64>,
}

/// Variables with their tables, without cycles.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    variables: Vec<Variable>,
    order: Vec<usize>,
}

impl Network {
    /// A network; refuses absent tables, rows that do not sum to 1 and cycles.
    pub fn new(variables: Vec<Variable>) -> Result<Self> {
        let wrong = |name: &str, what: &str| Err(Error::internal("simulated::network", format!("variable {name}: {what}")));
        for variable in &variables {
            let settings: usize = variable.parents.iter().map(|&parent| variables[parent].states.len()).product();
            if variable.table.len() != settings * variable.states.len() || variable.states.is_empty() {
                return wrong(&variable.name, "has no full table");
            }
            for row in variable.table.chunks(variable.states.len()) {
                if !((row.iter().sum::<f64>() - 1.0).abs() <= 1e-6 && row.iter().all(|p| (0.0..=1.0).contains(p))) {
                    return wrong(&variable.name, "has a row that does not sum to 1");
                }
            }
        }
        let mut order: Vec<usize> = Vec::new();
        while order.len() < variables.len() {
            let ready = |place: &usize| !order.contains(place) && variables[*place].parents.iter().all(|parent| order.contains(parent));
            match (0..variables.len()).find(ready) {
                Some(next) => order.push(next),
                None => return wrong("", "parents form a cycle"),
            }
        }
        Ok(Self { variables, order })
    }

    /// Variables in the order of the columns.
    pub fn variables(&self) -> &[Variable] {
        &self.variables
    }

    /// Parent-child pairs.
    pub fn edges(&self) -> usize {
        self.variables.iter().map(|variable| variable.parents.len()).sum()
    }

    /// Numbers that a fit must choose: (states - 1) for each setting of the parents.
    pub fn free_parameters(&self) -> usize {
        self.variables.iter().map(|variable| variable.table.len() / variable.states.len() * (variable.states.len() - 1)).sum()
    }

    /// The probability of one row of states, `[variables]`; a state beyond the list has probability 0.
    pub fn density(&self, row: &[u32]) -> f64 {
        let factor = |(place, variable): (usize, &Variable)| {
            let state = row[place] as usize;
            let inside = variable.parents.iter().chain([&place]).all(|&v| (row[v] as usize) < self.variables[v].states.len());
            if inside { variable.table[self.setting(variable, row) * variable.states.len() + state] } else { 0.0 }
        };
        self.variables.iter().enumerate().map(factor).product()
    }

    /// Draws one row of states, `[variables]`.
    pub fn draw(&self, rng: &mut ChaCha8Rng) -> Vec<u32> {
        let mut row = vec![0; self.variables.len()];
        for &place in &self.order {
            let variable = &self.variables[place];
            let width = variable.states.len();
            let table = &variable.table[self.setting(variable, &row) * width..][..width];
            let mut left = rng.uniform();
            let drawn = table.iter().position(|p| {
                left -= p;
                left < 0.0
            });
            // rounding may leave a hair: it belongs to the last state that can occur
            row[place] = drawn.or_else(|| table.iter().rposition(|p| *p > 0.0)).unwrap_or(0) as u32;
        }
        row
    }

    /// The same structure with tables counted on `rows`: no pseudo-count, a setting never seen is
    /// uniform. Rows are states, `[variables]`; those with states beyond the lists are left out.
    #[must_use]
    pub fn refitted<'a>(&self, rows: impl Iterator<Item = &'a [u32]>) -> Self {
        let is_inside = |row: &&[u32]| row.iter().zip(&self.variables).all(|(&s, v)| (s as usize) < v.states.len());
        let rows: Vec<&[u32]> = rows.filter(is_inside).collect();
        let mut variables = self.variables.clone();
        for (place, variable) in variables.iter_mut().enumerate() {
            let width = variable.states.len();
            let mut counts = vec![0.0; variable.table.len()];
            for row in &rows {
                counts[self.setting(variable, row) * width + row[place] as usize] += 1.0;
            }
            for (table, counts) in variable.table.chunks_mut(width).zip(counts.chunks(width)) {
                let sum: f64 = counts.iter().sum();
                for (p, count) in table.iter_mut().zip(counts) {
                    *p = if sum > 0.0 { count / sum } else { 1.0 / width as f64 };
                }
            }
        }
        Self { variables, order: self.order.clone() }
    }

    fn setting(&self, variable: &Variable, row: &[u32]) -> usize {
        variable.parents.iter().fold(0, |setting, &parent| setting * self.variables[parent].states.len() + row[parent] as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rain, then wet.
    fn rain() -> Network {
        let variable = |name: &str, parents: &[usize], table: &[f64]| Variable {
            name: name.to_owned(),
            states: ["yes", "no"].map(str::to_owned).to_vec(),
            parents: parents.to_vec(),
            table: table.to_vec(),
        };
        Network::new(vec![variable("rain", &[], &[0.2, 0.8]), variable("wet", &[0], &[0.9, 0.1, 0.25, 0.75])]).expect("a law")
    }

    #[test]
    fn tables_are_counted_and_settings_never_seen_are_uniform() {
        let rows = [[0, 0], [0, 0], [0, 1], [0, 2]];
        let refitted = rain().refitted(rows.iter().map(<[u32; 2]>::as_slice));
        assert_eq!(refitted.variables()[0].table, [1.0, 0.0]);
        assert_eq!(refitted.variables()[1].table, [2.0 / 3.0, 1.0 / 3.0, 0.5, 0.5]);
    }

    #[test]
    fn a_state_beyond_the_list_is_impossible() {
        assert_eq!(rain().density(&[0, 2]), 0.0);
        assert!((rain().density(&[0, 1]) - 0.02).abs() < 1e-15);
    }
}
