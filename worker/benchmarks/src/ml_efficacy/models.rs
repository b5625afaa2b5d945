//! The three models: learnt from some rows, asked about others.

use super::task::{Aims, Problem, Task};
use crate::parts::design::binned::BinnedEncoder;
use crate::parts::design::linear::LinearEncoder;
use crate::parts::logistic::Logistic;
use crate::parts::ridge::Ridge;
use synthfleet_proto::Result;
use synthfleet_table::{Budget, Table};
use synthfleet_trees::boost::{BinnedMatrix, Booster, Order, Settings, Target};
use synthfleet_trees::cart::{Predictor, Response, Settings as TreeSettings, Tree};

/// A class rate of this many commonest classes places levels where there are more than eight.
const RATED_CLASSES: usize = 4;

/// A model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Model {
    /// Boosting, 200 rounds by default, otherwise as in `detection`.
    Gbt,
    /// Logistic or softmax regression with C = 1, ridge with alpha = 1.
    Linear,
    /// One tree of depth 15; rows of rarer classes repeat until all classes weigh alike.
    Tree,
}

/// Predictions and what they hang on.
#[derive(Debug, Clone, PartialEq)]
pub struct Learnt {
    /// Shares of the positive class, shares of classes `[rows, classes]`, or numbers.
    pub predictions: Vec<f64>,
    /// Importance of each column predicted from: summed gain (`gbt`), span of weights (`linear`), rows split
    /// (`tree`).
    pub importances: Vec<f64>,
}

impl Model {
    /// All models, the one that utility is made of first.
    pub const ALL: [Self; 3] = [Self::Gbt, Self::Linear, Self::Tree];

    /// The name in score ids.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gbt => "gbt",
            Self::Linear => "linear",
            Self::Tree => "tree",
        }
    }

    /// Learns from the rows `fit` of one table and predicts the rows `test` of another.
    pub fn learn(self, task: &Task, fit: (&Table, &[u32]), test: (&Table, &[u32]), rounds: usize, budget: &Budget) -> Result<Learnt> {
        let aims = task.aims(fit.0, fit.1);
        if fit.1.is_empty() {
            let predictions = vec![0.0; test.1.len() * task.problem.outputs()];
            return Ok(Learnt { predictions, importances: vec![0.0; task.places.len()] });
        }
        if self == Self::Linear {
            return linear(task, &aims, fit, test, budget);
        }
        let encoder = BinnedEncoder::fit(fit.0, &task.places, fit.1, &rated(task, &aims), &[]);
        let (known, asked) = (encoder.apply(fit.0, fit.1), encoder.apply(test.0, test.1));
        let (predictions, by_feature) = match self {
            Self::Tree => tree(task, &aims, &known, &asked),
            Self::Gbt | Self::Linear => gbt(task, &aims, &known, &asked, rounds, budget)?,
        };
        let mut importances = vec![0.0; task.places.len()];
        for (place, importance) in encoder.places().zip(by_feature) {
            if let Some(column) = task.places.iter().position(|&other| other == place) {
                importances[column] += importance;
            }
        }
        Ok(Learnt { predictions, importances })
    }
}

/// What rates of levels are of.
fn rated(task: &Task, aims: &Aims) -> Vec<Vec<f64>> {
    match (aims, &task.problem) {
        (Aims::Numbers(numbers), _) => vec![numbers.clone()],
        (Aims::Classes(codes), Problem::Multiclass { classes }) => {
            let mut counts = vec![0usize; *classes];
            codes.iter().for_each(|&code| counts[code as usize] += 1);
            let mut commonest: Vec<u32> = (0..*classes as u32).collect();
            commonest.sort_by_key(|&class| (usize::MAX - counts[class as usize], class));
            commonest
                .iter()
                .take(RATED_CLASSES)
                .map(|&class| codes.iter().map(|&code| f64::from(u8::from(code == class))).collect())
                .collect()
        }
        (Aims::Classes(codes), _) => vec![codes.iter().map(|&code| f64::from(code)).collect()],
    }
}

fn gbt(
    task: &Task,
    aims: &Aims,
    known: &BinnedMatrix,
    asked: &BinnedMatrix,
    rounds: usize,
    budget: &Budget,
) -> Result<(Vec<f64>, Vec<f64>)> {
    let labels: Vec<bool>;
    let target = match (aims, &task.problem) {
        (Aims::Numbers(numbers), _) => Target::Real(numbers),
        (Aims::Classes(codes), Problem::Multiclass { classes }) => Target::Classes { codes, classes: *classes },
        (Aims::Classes(codes), _) => {
            labels = codes.iter().map(|&code| code == 1).collect();
            Target::Binary(&labels)
        }
    };
    let settings = Settings { rounds, ..Settings::default() };
    let booster = Booster::fit_while(known, &target, &settings, |_| budget.go_on())?;
    Ok((booster.predict(asked), booster.gains()))
}

fn linear(task: &Task, aims: &Aims, fit: (&Table, &[u32]), test: (&Table, &[u32]), budget: &Budget) -> Result<Learnt> {
    let encoder = LinearEncoder::fit(fit.0, &task.places, fit.1, fit.1, fit.1);
    let (known, asked) = (encoder.apply(fit.0, fit.1), encoder.apply(test.0, test.1));
    let (predictions, weights, outputs) = match aims {
        Aims::Numbers(numbers) => {
            let model = Ridge::fit(&known, numbers, 1.0, budget)?;
            (model.predict(&asked), model.weights().to_vec(), 1)
        }
        Aims::Classes(codes) => {
            let classes = task.problem.outputs().max(2);
            let model = Logistic::fit(&known, codes, classes, 1.0, budget)?;
            (model.predict(&asked), model.weights(), model.outputs())
        }
    };
    Ok(Learnt { predictions, importances: encoder.spans(&task.places, &weights, outputs) })
}

/// Leaf shares of classes or leaf means.
fn tree(task: &Task, aims: &Aims, known: &BinnedMatrix, asked: &BinnedMatrix) -> (Vec<f64>, Vec<f64>) {
    let codes: Vec<Vec<u16>> = known.columns().iter().map(|column| column.bins().iter().map(|&bin| u16::from(bin)).collect()).collect();
    let ordered = |column: usize| known.columns()[column].order() == Order::Ordered;
    let predictors: Vec<Predictor> =
        codes.iter().enumerate().map(|(column, codes)| Predictor { codes, bins: 256, ordered: ordered(column) }).collect();
    let classes = task.problem.outputs().max(2);
    let (response, rows) = match aims {
        Aims::Numbers(numbers) => (Response::Real(numbers), (0..known.rows() as u32).collect()),
        Aims::Classes(codes) => (Response::Classes { codes, classes: classes as u32 }, balanced(codes, classes)),
    };
    let tree = Tree::fit(&predictors, response, &rows, &TreeSettings { leaf_rows: 1, depth_max: 15, ..TreeSettings::default() });
    let width = if matches!(aims, Aims::Numbers(_)) { 1 } else { classes };
    let mut sums = vec![0.0; tree.nodes().len() * width];
    let mut counts = vec![0.0; tree.nodes().len()];
    for &row in &rows {
        let leaf = tree.leaf(|column| codes[column as usize][row as usize]) as usize;
        counts[leaf] += 1.0;
        match aims {
            Aims::Numbers(numbers) => sums[leaf] += numbers[row as usize],
            Aims::Classes(codes) => sums[leaf * width + codes[row as usize] as usize] += 1.0,
        }
    }
    let mut predictions = Vec::with_capacity(asked.rows() * task.problem.outputs());
    for row in 0..asked.rows() {
        let leaf = tree.leaf(|column| u16::from(asked.columns()[column as usize].bins()[row])) as usize;
        let shares = sums[leaf * width..][..width].iter().map(|sum| sum / f64::max(counts[leaf], 1.0));
        predictions.extend(shares.skip(usize::from(task.problem.outputs() == 1 && width == 2)));
    }
    // rows that pass a node, from the leaves up: children stand behind their parents
    for node in (1..tree.nodes().len()).rev() {
        counts[tree.nodes()[node].parent as usize] += counts[node];
    }
    let mut importances = vec![0.0; codes.len()];
    for (node, count) in tree.nodes().iter().zip(&counts) {
        if let Some(split) = &node.split {
            importances[split.column as usize] += count;
        }
    }
    (predictions, importances)
}

/// All rows, those of rarer classes repeated in turn until every class has as many as the commonest, or its
/// share of four times the rows.
fn balanced(codes: &[u32], classes: usize) -> Vec<u32> {
    let mut by_class = vec![Vec::new(); classes];
    codes.iter().zip(0u32..).for_each(|(&code, row)| by_class[code as usize].push(row));
    let present = by_class.iter().filter(|rows| !rows.is_empty()).count().max(1);
    let most = by_class.iter().map(Vec::len).max().unwrap_or(0).min(4 * codes.len() / present);
    by_class.iter().filter(|rows| !rows.is_empty()).flat_map(|rows| rows.iter().cycle().take(most.max(rows.len()))).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_weigh_alike_after_balancing() {
        assert_eq!(balanced(&[0, 0, 0, 1], 3), [0, 1, 2, 3, 3, 3]);
    }
}
