//! A perceptron of one hidden layer.
//!
//! # Model
//! `a = max(0, W x + b)`, `s = V a + c`; the share of class 1 is `1 / (1 + e^-s)` for two classes, shares are the
//! softmax of `s` for more, numbers are `s` itself.
//!
//! # Definition
//! The loss of a batch of `m` rows is the mean log loss (numbers: half the mean square) plus
//! `alpha / (2 m) · (|W|² + |V|²)`, alpha = 1e-4. Weights and constants start uniform within
//! `±sqrt(6 / (in + out))` of their layer. Adam (rate 1e-3, .9, .999, 1e-8) steps after each batch of
//! `min(200, rows)` rows, in an order drawn anew each epoch. Training ends after `epochs_max` epochs, or when the
//! mean loss of more than ten epochs in a row was not 1e-4 below the best before.
//!
//! # Shapes
//! Parameters lie in one list: `W` `[features, hidden]`, `b` `[hidden]`, `V` `[outputs, hidden]`, `c` `[outputs]`.
//!
//! # Cost
//! `4 · epochs · rows · hidden · (numbers + level columns)` operations, and one Adam step over all parameters a
//! batch. One thread; sums run in the order of rows, sums of products in eight strands: fixed bytes.
//!
//! # Reference
//! Glorot, Bengio 2010 (start); Kingma, Ba 2015, arXiv 1412.6980 (Adam). The settings are those that
//! scikit-learn 0.21 has for its multi-layer perceptrons.

use super::design::linear::{LinearRows, NO_FEATURE};
use super::logistic::{dot, share, softmax};
use rayon::prelude::*;
use synthfleet_proto::{Result, Seed};
use synthfleet_table::random::Draw;
use synthfleet_table::{Budget, SeedExt};
use synthfleet_trees::exponential::exp;

/// Rows of a batch, at most.
const BATCH: usize = 200;
/// Weight of the penalty.
const ALPHA: f64 = 1e-4;
/// Adam: rate, decay of the mean slope, decay of the mean squared slope, added to its root.
const RATE: f64 = 1e-3;
const DECAYS: [f64; 2] = [0.9, 0.999];
const ROOT_MIN: f64 = 1e-8;
/// Epochs in a row without progress that are borne.
const PATIENCE: usize = 10;
/// What counts as progress.
const PROGRESS: f64 = 1e-4;
/// Rows predicted at once.
const CHUNK: usize = 4_096;

/// What is learnt, `[rows]`.
#[derive(Debug, Clone, Copy)]
pub enum Aim<'a> {
    /// Class codes below `classes`.
    Classes {
        /// Class of each row.
        codes: &'a [u32],
        /// Number of classes, at least 2.
        classes: usize,
    },
    /// Numbers.
    Numbers(&'a [f64]),
}

/// How large it is and how long it learns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Hidden units.
    pub hidden: usize,
    /// Most passes over the rows.
    pub epochs_max: usize,
}

/// A fitted model.
#[derive(Debug, Clone)]
pub struct Perceptron {
    shape: Shape,
    parameters: Vec<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shape {
    features: usize,
    hidden: usize,
    outputs: usize,
    link: Link,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    Logistic,
    Softmax,
    Identity,
}

/// What one row leaves behind on its way through.
struct Scratch {
    /// `[hidden]`.
    activations: Vec<f64>,
    /// Slopes of the loss by hidden scores, `[hidden]`.
    back: Vec<f64>,
    /// Scores, then slopes by scores, `[outputs]`.
    outputs: Vec<f64>,
}

impl Perceptron {
    /// Learns from all rows. Start and order come from `seed`.
    pub fn fit(rows: &LinearRows, aim: Aim<'_>, settings: &Settings, seed: &Seed, budget: &Budget) -> Result<Self> {
        let (outputs, link) = match aim {
            Aim::Classes { classes: 0..=2, .. } => (1, Link::Logistic),
            Aim::Classes { classes, .. } => (classes, Link::Softmax),
            Aim::Numbers(_) => (1, Link::Identity),
        };
        let shape = Shape { features: rows.features, hidden: settings.hidden, outputs, link };
        let mut model = Self { shape, parameters: shape.start(&seed.child("start")) };
        let mut adam = Adam::new(model.parameters.len());
        let mut slopes = vec![0.0; model.parameters.len()];
        let mut scratch = shape.scratch();
        let (mut best, mut without) = (f64::INFINITY, 0);
        let mut rng = seed.child("order").rng();
        for _ in 0..settings.epochs_max {
            let order = rng.permutation(rows.rows);
            let mut sum = 0.0;
            for batch in order.chunks(BATCH) {
                budget.go_on()?;
                sum += batch.len() as f64 * model.slopes(rows, aim, batch, &mut slopes, &mut scratch);
                adam.step(&mut model.parameters, &slopes);
            }
            let loss = sum / rows.rows.max(1) as f64;
            without = if loss > best - PROGRESS { without + 1 } else { 0 };
            best = best.min(loss);
            if without > PATIENCE {
                break;
            }
        }
        Ok(model)
    }

    /// Shares of class 1 `[rows]`, shares of classes `[rows, classes]`, or numbers `[rows]`.
    pub fn predict(&self, rows: &LinearRows) -> Vec<f64> {
        let outputs = self.shape.outputs;
        let mut found = vec![0.0; rows.rows * outputs];
        found.par_chunks_mut(CHUNK * outputs).enumerate().for_each(|(chunk, found)| {
            let mut scratch = self.shape.scratch();
            for (row, found) in found.chunks_exact_mut(outputs).enumerate() {
                self.forward(rows, chunk * CHUNK + row, &mut scratch);
                self.shape.link.apply(&mut scratch.outputs);
                found.copy_from_slice(&scratch.outputs);
            }
        });
        found
    }

    fn forward(&self, rows: &LinearRows, row: usize, scratch: &mut Scratch) {
        let Parts { inner, bias, outer, shift } = self.shape.parts(&self.parameters);
        let hidden = self.shape.hidden;
        scratch.activations.copy_from_slice(bias);
        for (feature, &value) in rows.values_of(row).iter().enumerate().filter(|(_, value)| **value != 0.0) {
            add(&mut scratch.activations, &inner[feature * hidden..][..hidden], value);
        }
        for &feature in rows.hot_of(row).iter().filter(|feature| **feature != NO_FEATURE) {
            let weights = &inner[feature as usize * hidden..][..hidden];
            scratch.activations.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += weight);
        }
        scratch.activations.iter_mut().for_each(|score| *score = score.max(0.0));
        for ((output, weights), shift) in scratch.outputs.iter_mut().zip(outer.chunks_exact(hidden)).zip(shift) {
            *output = shift + dot(&scratch.activations, weights);
        }
    }

    /// The loss of a batch; `slopes` become its derivatives by each parameter.
    fn slopes(&self, rows: &LinearRows, aim: Aim<'_>, batch: &[u32], slopes: &mut [f64], scratch: &mut Scratch) -> f64 {
        slopes.fill(0.0);
        let mut loss = 0.0;
        for &row in batch {
            let row = row as usize;
            self.forward(rows, row, scratch);
            loss += self.shape.link.lose(&mut scratch.outputs, aim, row);
            self.backward(rows, row, slopes, scratch);
        }
        let count = batch.len() as f64;
        slopes.iter_mut().for_each(|slope| *slope /= count);
        let (hidden, features, outputs) = (self.shape.hidden, self.shape.features, self.shape.outputs);
        let mut squares = 0.0;
        for range in [0..features * hidden, (features + 1) * hidden..(features + 1 + outputs) * hidden] {
            let weights = &self.parameters[range.clone()];
            squares += dot(weights, weights);
            add(&mut slopes[range], weights, ALPHA / count);
        }
        (loss + ALPHA / 2.0 * squares) / count
    }

    /// Adds a row's derivatives; `scratch.outputs` hold those by scores.
    fn backward(&self, rows: &LinearRows, row: usize, slopes: &mut [f64], scratch: &mut Scratch) {
        let hidden = self.shape.hidden;
        let outer = self.shape.parts(&self.parameters).outer;
        let PartsMut { inner, bias, outer: outer_slopes, shift } = self.shape.parts_mut(slopes);
        let Scratch { activations, back, outputs } = scratch;
        back.fill(0.0);
        for (output, (&by_score, shift)) in outputs.iter().zip(shift).enumerate() {
            *shift += by_score;
            add(&mut outer_slopes[output * hidden..][..hidden], activations, by_score);
            add(back, &outer[output * hidden..][..hidden], by_score);
        }
        back.iter_mut().zip(activations.iter()).for_each(|(back, &activation)| *back = if activation > 0.0 { *back } else { 0.0 });
        bias.iter_mut().zip(back.iter()).for_each(|(slope, back)| *slope += back);
        for (feature, &value) in rows.values_of(row).iter().enumerate().filter(|(_, value)| **value != 0.0) {
            add(&mut inner[feature * hidden..][..hidden], back, value);
        }
        for &feature in rows.hot_of(row).iter().filter(|feature| **feature != NO_FEATURE) {
            inner[feature as usize * hidden..][..hidden].iter_mut().zip(back.iter()).for_each(|(slope, back)| *slope += back);
        }
    }
}

/// `to += factor · from`.
fn add(to: &mut [f64], from: &[f64], factor: f64) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += factor * from);
}

/// Parameters by what they are.
struct Parts<'a> {
    inner: &'a [f64],
    bias: &'a [f64],
    outer: &'a [f64],
    shift: &'a [f64],
}

struct PartsMut<'a> {
    inner: &'a mut [f64],
    bias: &'a mut [f64],
    outer: &'a mut [f64],
    shift: &'a mut [f64],
}

impl Shape {
    fn parts<'a>(&self, all: &'a [f64]) -> Parts<'a> {
        let (inner, rest) = all.split_at(self.features * self.hidden);
        let (bias, rest) = rest.split_at(self.hidden);
        let (outer, shift) = rest.split_at(self.outputs * self.hidden);
        Parts { inner, bias, outer, shift }
    }

    fn parts_mut<'a>(&self, all: &'a mut [f64]) -> PartsMut<'a> {
        let (inner, rest) = all.split_at_mut(self.features * self.hidden);
        let (bias, rest) = rest.split_at_mut(self.hidden);
        let (outer, shift) = rest.split_at_mut(self.outputs * self.hidden);
        PartsMut { inner, bias, outer, shift }
    }

    fn start(&self, seed: &Seed) -> Vec<f64> {
        let mut rng = seed.rng();
        let mut parameters = Vec::with_capacity((self.features + 1) * self.hidden + self.outputs * (self.hidden + 1));
        for (inputs, outputs) in [(self.features, self.hidden), (self.hidden, self.outputs)] {
            let bound = (6.0 / (inputs + outputs) as f64).sqrt();
            parameters.extend((0..(inputs + 1) * outputs).map(|_| bound * (2.0 * rng.uniform() - 1.0)));
        }
        parameters
    }

    fn scratch(&self) -> Scratch {
        Scratch { activations: vec![0.0; self.hidden], back: vec![0.0; self.hidden], outputs: vec![0.0; self.outputs] }
    }
}

impl Link {
    fn apply(self, scores: &mut [f64]) {
        match self {
            Self::Identity => {}
            Self::Logistic => scores.iter_mut().for_each(|score| *score = logistic(*score)),
            Self::Softmax => {
                softmax(scores);
            }
        }
    }

    /// The loss of a row; its scores become the derivatives by them.
    fn lose(self, scores: &mut [f64], aim: Aim<'_>, row: usize) -> f64 {
        match aim {
            Aim::Numbers(numbers) => {
                scores[0] -= numbers[row];
                scores[0] * scores[0] / 2.0
            }
            Aim::Classes { codes, .. } if self == Self::Logistic => {
                let (score, hit) = (scores[0], f64::from(codes[row]));
                scores[0] = logistic(score) - hit;
                score.max(0.0) - score * hit + libm::log1p(exp(-score.abs()))
            }
            Aim::Classes { codes, .. } => {
                let own = scores[codes[row] as usize];
                let loss = softmax(scores) - own;
                scores[codes[row] as usize] -= 1.0;
                loss
            }
        }
    }
}

fn logistic(score: f64) -> f64 {
    share(score, exp(-score.abs()))
}

/// Means of slopes and of their squares.
struct Adam {
    means: Vec<f64>,
    squares: Vec<f64>,
    /// Each decay to the power of the steps made.
    powers: [f64; 2],
}

impl Adam {
    fn new(parameters: usize) -> Self {
        Self { means: vec![0.0; parameters], squares: vec![0.0; parameters], powers: [1.0; 2] }
    }

    fn step(&mut self, parameters: &mut [f64], slopes: &[f64]) {
        let [first, second] = DECAYS;
        self.powers = [self.powers[0] * first, self.powers[1] * second];
        let rate = RATE * (1.0 - self.powers[1]).sqrt() / (1.0 - self.powers[0]);
        let moments = self.means.iter_mut().zip(&mut self.squares);
        for ((parameter, slope), (mean, square)) in parameters.iter_mut().zip(slopes).zip(moments) {
            *mean = first * *mean + (1.0 - first) * slope;
            *square = second * *square + (1.0 - second) * (slope * slope);
            *parameter -= rate * *mean / (square.sqrt() + ROOT_MIN);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Six rows of two numbers and a column of three levels, one cell of an unknown level.
    fn rows() -> LinearRows {
        let values = vec![0.5, -1.0, 2.0, 0.0, 1.5, -0.5, 0.25, 0.75, -1.25, 1.0, 0.0, 0.3];
        LinearRows { rows: 6, numbers: 2, levels: 1, features: 5, values, hot: vec![2, 3, 2, NO_FEATURE, 4, 3] }
    }

    fn seed() -> Seed {
        Seed::of_task(3, "perceptron")
    }

    fn untrained(aim: Aim<'_>) -> Perceptron {
        Perceptron::fit(&rows(), aim, &Settings { hidden: 4, epochs_max: 0 }, &seed(), &Budget::quiet(1)).expect("nobody stops it")
    }

    #[test]
    fn slopes_are_differences_of_the_loss() {
        let (two, three) = ([0, 1, 1, 0, 1, 0], [0, 2, 1, 2, 0, 1]);
        let numbers = [1.0, -0.5, 3.0, 0.0, 2.0, 0.7];
        for aim in [Aim::Classes { codes: &two, classes: 2 }, Aim::Classes { codes: &three, classes: 3 }, Aim::Numbers(&numbers)] {
            let model = untrained(aim);
            let mut slopes = vec![0.0; model.parameters.len()];
            let mut scratch = model.shape.scratch();
            let batch = [0, 1, 2, 3, 4, 5];
            model.slopes(&rows(), aim, &batch, &mut slopes, &mut scratch);
            for (index, slope) in slopes.iter().enumerate() {
                let mut loss = |by: f64| {
                    let mut moved = model.clone();
                    moved.parameters[index] += by;
                    moved.slopes(&rows(), aim, &batch, &mut vec![0.0; moved.parameters.len()], &mut scratch)
                };
                let difference = (loss(1e-6) - loss(-1e-6)) / 2e-6;
                assert!((slope - difference).abs() < 1e-8, "{aim:?}, parameter {index}: {slope} is not {difference}");
            }
        }
    }

    #[test]
    fn the_start_lies_within_its_bound_and_reaches_it() {
        let aim = Aim::Numbers(&[0.0; 6]);
        let model = Perceptron::fit(&rows(), aim, &Settings { hidden: 100, epochs_max: 0 }, &seed(), &Budget::quiet(1)).expect("fits");
        let bounds = [(0..600, (6.0f64 / 105.0).sqrt()), (600..701, (6.0f64 / 101.0).sqrt())];
        for (range, bound) in bounds {
            let most = model.parameters[range].iter().fold(0.0f64, |most, parameter| most.max(parameter.abs()));
            assert!(most <= bound && most > 0.95 * bound, "{most} of {bound}");
        }
    }

    #[test]
    fn adam_takes_its_first_step_along_the_signs() {
        let (mut adam, mut parameters) = (Adam::new(3), [1.0, 1.0, 1.0]);
        adam.step(&mut parameters, &[5.0, -0.01, 0.0]);
        assert!((parameters[0] - 0.999).abs() < 1e-9 && (parameters[1] - 1.001).abs() < 1e-7 && parameters[2] == 1.0, "{parameters:?}");
        // second step: means 0.45 and 0.095 of the new slope, squares .000999 and .001 of it
        adam.step(&mut parameters, &[0.0, -0.01, 0.0]);
        let expected = 0.999 - RATE * (0.45 / 0.19) / (0.024_975f64 / 0.001_999).sqrt();
        assert!((parameters[0] - expected).abs() < 1e-9, "{} is not {expected}", parameters[0]);
    }

    #[test]
    fn it_learns_what_no_straight_line_tells_apart() {
        let values: Vec<f64> = (0..1_000).flat_map(|i| [f64::from(i % 2), f64::from(i / 2 % 2)]).collect();
        let codes: Vec<u32> = (0..1_000).map(|i| (i % 2) ^ (i / 2 % 2)).collect();
        let rows = LinearRows { rows: 1_000, numbers: 2, levels: 0, features: 2, values, hot: Vec::new() };
        let aim = Aim::Classes { codes: &codes, classes: 2 };
        let settings = Settings { hidden: 20, epochs_max: 300 };
        let shares = Perceptron::fit(&rows, aim, &settings, &seed(), &Budget::quiet(1)).expect("fits").predict(&rows);
        assert!(shares.iter().zip(&codes).all(|(share, &code)| (*share > 0.5) == (code == 1)));
    }

    #[test]
    fn a_constant_is_learnt_and_training_ends() {
        let rows = LinearRows { rows: 400, numbers: 1, levels: 0, features: 1, values: vec![1.0; 400], hot: Vec::new() };
        let settings = Settings { hidden: 10, epochs_max: 100_000 };
        let model = Perceptron::fit(&rows, Aim::Numbers(&[2.0; 400]), &settings, &seed(), &Budget::quiet(1)).expect("fits");
        assert!((model.predict(&rows)[0] - 2.0).abs() < 0.05);
    }
}
