//! The models of 2020: learnt from sample rows, asked about real ones.

use super::coded::Coded;
use super::features::Features;
use crate::ml_efficacy::task::{Aims, Problem};
use crate::parts::logistic::{Logistic, Settings as LogisticSettings};
use crate::parts::perceptron::{Aim, Perceptron, Settings as PerceptronSettings};
use crate::parts::ridge::Ridge;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use synthfleet_proto::{Result, Seed};
use synthfleet_table::Budget;
use synthfleet_trees::adaboost::AdaBoost;
use synthfleet_trees::cart::{Node, Response, Settings as TreeSettings, Test, Tree};

/// Stumps of AdaBoost.
const STUMPS: usize = 50;
/// Most epochs of a perceptron.
const EPOCHS: usize = 50;
/// Most iterations of logistic regression.
const ITERATIONS: usize = 50;
/// Logistic regression ends where no slope of the summed loss exceeds this.
const TOLERANCE: f64 = 1e-4;

/// Which release of the evaluator.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Variant {
    /// SDGym 0.2.0 to 0.2.2, which the published leaderboard is of.
    #[default]
    #[serde(rename = "v0.2.2")]
    Release,
    /// The tag `research` of May 2019, which the paper's tables are of.
    #[serde(rename = "paper")]
    Paper,
}

/// A model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Model {
    /// One Gini tree of this depth; classes weigh alike.
    Tree(u32),
    /// Boosted stumps, for two classes.
    AdaBoost,
    /// Logistic or softmax regression; classes weigh alike.
    Logistic,
    /// A perceptron with so many hidden units.
    Perceptron(usize),
    /// Least squares.
    Linear,
}

/// What models learn from: features of some rows and their targets.
#[derive(Debug)]
pub struct Lesson {
    /// Features.
    pub features: Features,
    /// The same as codes.
    pub coded: Coded,
    /// Targets. Classes are those that occur, numbered from 0.
    pub aims: Aims,
}

/// What models are asked about.
#[derive(Debug)]
pub struct Question {
    /// Features.
    pub features: Features,
    /// The same as the lesson's codes, by column.
    pub codes: Vec<Vec<u16>>,
}

impl Variant {
    /// The name, as options and score profiles spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Release => "v0.2.2",
            Self::Paper => "paper",
        }
    }

    /// The models for a problem on the table of this name.
    pub fn models(self, problem: &Problem, table: &str) -> Vec<Model> {
        let table = table.to_ascii_lowercase();
        match (self, problem) {
            (_, Problem::Regression) => vec![Model::Linear, Model::Perceptron(100)],
            (Self::Paper, Problem::Binary { .. }) if matches!(table.as_str(), "census" | "credit") => {
                vec![Model::Tree(30), Model::AdaBoost, Model::Perceptron(100)]
            }
            (_, Problem::Binary { .. }) => vec![Model::Tree(15), Model::AdaBoost, Model::Logistic, Model::Perceptron(50)],
            (Self::Paper, Problem::Multiclass { .. }) if table.starts_with("mnist") => {
                vec![Model::Tree(30), Model::Logistic, Model::Perceptron(100)]
            }
            (_, Problem::Multiclass { .. }) => vec![Model::Tree(30), Model::Perceptron(100)],
        }
    }
}

impl Model {
    /// The name in details.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tree(_) => "tree",
            Self::AdaBoost => "adaboost",
            Self::Logistic => "logistic",
            Self::Perceptron(_) => "perceptron",
            Self::Linear => "linear",
        }
    }

    /// Learns and answers: classes of the lesson or numbers, `[rows]`.
    pub fn answer(self, lesson: &Lesson, question: &Question, seed: &Seed, budget: &Budget) -> Result<Aims> {
        let codes = match &lesson.aims {
            Aims::Numbers(numbers) => return self.numbers(lesson, numbers, question, seed, budget),
            Aims::Classes(codes) => codes,
        };
        let classes = codes.iter().max().map_or(0, |most| *most as usize + 1);
        let told = match self {
            _ if classes < 2 => vec![0; question.features.rows.rows],
            Self::AdaBoost => adaboost(lesson, codes, question, budget)?,
            Self::Logistic => {
                let tolerance = TOLERANCE / codes.len() as f64;
                let class_weights = Some(balanced(codes, classes));
                let settings = LogisticSettings { c: 1.0, iterations_max: ITERATIONS, tolerance, class_weights };
                let model = Logistic::fit_with(&lesson.features.rows, codes, classes, &settings, budget)?;
                chosen(&model.predict(&question.features.rows), classes)
            }
            Self::Perceptron(hidden) => {
                let aim = Aim::Classes { codes, classes };
                chosen(&perceptron(lesson, aim, hidden, seed, budget)?.predict(&question.features.rows), classes)
            }
            Self::Tree(depth_max) => tree(lesson, (codes, classes), question, depth_max, budget)?,
            Self::Linear => vec![0; question.features.rows.rows],
        };
        Ok(Aims::Classes(told))
    }

    fn numbers(self, lesson: &Lesson, numbers: &[f64], question: &Question, seed: &Seed, budget: &Budget) -> Result<Aims> {
        let told = match self {
            Self::Perceptron(hidden) => perceptron(lesson, Aim::Numbers(numbers), hidden, seed, budget)?.predict(&question.features.rows),
            _ => Ridge::fit(&lesson.features.rows, numbers, 0.0, budget)?.predict(&question.features.rows),
        };
        Ok(Aims::Numbers(told))
    }
}

fn perceptron(lesson: &Lesson, aim: Aim<'_>, hidden: usize, seed: &Seed, budget: &Budget) -> Result<Perceptron> {
    let settings = PerceptronSettings { hidden, epochs_max: EPOCHS };
    Perceptron::fit(&lesson.features.rows, aim, &settings, &seed.child("perceptron"), budget)
}

/// The weight of each class that makes all weigh alike: rows over classes times its rows, `[classes]`.
fn balanced(codes: &[u32], classes: usize) -> Vec<f64> {
    let mut counts = vec![0.0; classes];
    codes.iter().for_each(|&code| counts[code as usize] += 1.0);
    counts.iter().map(|count| codes.len() as f64 / (classes as f64 * f64::max(*count, 1.0))).collect()
}

/// Shares of class 1, or of each of more classes, to the class of the largest; ties: the first.
fn chosen(shares: &[f64], classes: usize) -> Vec<u32> {
    if classes == 2 {
        return shares.iter().map(|share| u32::from(*share > 0.5)).collect();
    }
    shares.chunks_exact(classes).map(largest).collect()
}

fn largest(weights: &[f64]) -> u32 {
    let best = (0..weights.len()).max_by(|&a, &b| weights[a].total_cmp(&weights[b]).then(b.cmp(&a)));
    best.unwrap_or(0) as u32
}

fn adaboost(lesson: &Lesson, codes: &[u32], question: &Question, budget: &Budget) -> Result<Vec<u32>> {
    let positive: Vec<bool> = codes.iter().map(|&code| code == 1).collect();
    let model = AdaBoost::fit_while(&lesson.coded.predictors(), &positive, STUMPS, || budget.go_on())?;
    let rows = 0..question.features.rows.rows;
    Ok(rows.map(|row| u32::from(model.score(|column| question.codes[column as usize][row]) > 0.0)).collect())
}

/// A tree whose thresholds lie halfway between the two nearest values of its node.
fn tree(lesson: &Lesson, (codes, classes): (&[u32], usize), question: &Question, depth_max: u32, budget: &Budget) -> Result<Vec<u32>> {
    let predictors = lesson.coded.predictors();
    let weights = balanced(codes, classes);
    let rows: Vec<u32> = (0..codes.len() as u32).collect();
    let settings = TreeSettings { leaf_rows: 1, depth_max, gain_min: 0.0, ..TreeSettings::default() };
    let response = Response::Weighted { codes, weights: &weights };
    let tree = Tree::fit_while(&predictors, response, &rows, &settings, || budget.go_on())?;
    let nodes = tree.nodes();
    let mut shares = vec![0.0; nodes.len() * classes];
    let mut lowest_right = vec![u16::MAX; nodes.len()];
    for (row, &class) in codes.iter().enumerate() {
        let leaf = walk(nodes, |at, column, test| {
            let bin = predictors[column].codes[row];
            let left = test.left(bin);
            if !left {
                lowest_right[at] = lowest_right[at].min(bin);
            }
            left
        });
        shares[leaf * classes + class as usize] += weights[class as usize];
    }
    let threshold = |(node, low): (&Node, &u16)| match &node.split {
        Some(split) => match split.test {
            Test::AtMost(high) => lesson.coded.between(split.column, high, *low),
            Test::In(_) => 0.0,
        },
        None => 0.0,
    };
    let thresholds: Vec<f64> = nodes.iter().zip(&lowest_right).map(threshold).collect();
    let of_leaf: Vec<u32> = shares.chunks_exact(classes).map(largest).collect();
    let answer = |row: usize| {
        let values = question.features.rows.values_of(row);
        let leaf = walk(nodes, |at, column, test| match test {
            Test::AtMost(_) => values[column] <= thresholds[at],
            Test::In(_) => test.left(question.codes[column][row]),
        });
        of_leaf[leaf]
    };
    Ok((0..question.features.rows.rows).map(answer).collect())
}

/// The leaf that questions lead to; `left` is told node, column and test.
fn walk(nodes: &[Node], mut left: impl FnMut(usize, usize, &Test) -> bool) -> usize {
    let mut at = 0;
    while let Some(split) = &nodes[at].split {
        at = split.left as usize + usize::from(!left(at, split.column as usize, &split.test));
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parts::design::linear::{LinearRows, NO_FEATURE};

    fn features(values: &[f64], hot: &[u32]) -> Features {
        let rows = LinearRows { rows: values.len(), numbers: 1, levels: 1, features: 3, values: values.to_vec(), hot: hot.to_vec() };
        Features { rows, starts: vec![1, 3] }
    }

    fn answers(model: Model, aims: Aims) -> Aims {
        let known = features(&[0.0, 1.0, 4.0, 5.0], &[1, 2, 1, 2]);
        let coded = Coded::new(&known, &Budget::quiet(1)).expect("goes on");
        let asked = features(&[2.4, 2.6, 9.0], &[1, NO_FEATURE, 2]);
        let question = Question { codes: coded.apply(&asked, &Budget::quiet(1)).expect("goes on"), features: asked };
        model.answer(&Lesson { features: known, coded, aims }, &question, &Seed::shared(1), &Budget::quiet(1)).expect("goes on")
    }

    fn classes(told: Aims) -> Vec<u32> {
        match told {
            Aims::Classes(codes) => codes,
            Aims::Numbers(numbers) => panic!("{numbers:?}"),
        }
    }

    #[test]
    fn thresholds_lie_halfway() {
        for model in [Model::Tree(15), Model::AdaBoost] {
            assert_eq!(classes(answers(model, Aims::Classes(vec![0, 0, 1, 1]))), [0, 1, 1], "{model:?}");
        }
    }

    #[test]
    fn one_class_is_told_throughout() {
        for model in [Model::Tree(15), Model::AdaBoost, Model::Logistic, Model::Perceptron(5)] {
            assert_eq!(classes(answers(model, Aims::Classes(vec![0; 4]))), [0, 0, 0], "{model:?}");
        }
    }

    #[test]
    fn least_squares_is_exact_on_a_line() {
        let Aims::Numbers(told) = answers(Model::Linear, Aims::Numbers(vec![1.0, 3.0, 9.0, 11.0])) else { panic!("numbers") };
        assert!((told[0] - 5.8).abs() < 1e-6 && (told[2] - 19.0).abs() < 1e-6, "{told:?}");
    }

    #[test]
    fn classes_weigh_alike() {
        assert_eq!(balanced(&[0, 0, 0, 1], 2), [4.0 / 6.0, 2.0]);
    }

    #[test]
    fn the_paper_had_other_models_for_some_tables() {
        let binary = Problem::Binary { positive: 1 };
        assert_eq!(Variant::Release.models(&binary, "census").len(), 4);
        assert_eq!(Variant::Paper.models(&binary, "Census"), [Model::Tree(30), Model::AdaBoost, Model::Perceptron(100)]);
        assert_eq!(Variant::Paper.models(&binary, "adult"), Variant::Release.models(&binary, "adult"));
        assert!(Variant::Paper.models(&Problem::Multiclass { classes: 10 }, "mnist12").contains(&Model::Logistic));
    }
}
