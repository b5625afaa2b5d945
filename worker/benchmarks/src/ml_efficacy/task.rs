//! What is predicted: the target, its problem, and the rows that have one.

use crate::member::Real;
use crate::parts::side;
use synthfleet_proto::about::Reason;
use synthfleet_proto::metadata::ProblemType;
use synthfleet_table::Table;

/// Most classes.
const CLASSES_MAX: usize = 100;

/// A prediction problem.
#[derive(Debug, Clone)]
pub struct Task {
    /// Place of the target.
    pub target: usize,
    /// Places of the columns predicted from.
    pub places: Vec<usize>,
    /// What kind of problem it is.
    pub problem: Problem,
}

/// Two classes, several, or numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// Two classes; the rarer level of train is positive, of equally rare ones the one of greater bytes.
    Binary {
        /// Code of the positive level.
        positive: u32,
    },
    /// Classes are level codes.
    Multiclass {
        /// How many levels there are.
        classes: usize,
    },
    /// Numbers.
    Regression,
}

impl Problem {
    /// Numbers that a prediction of one row has.
    pub fn outputs(&self) -> usize {
        match self {
            Self::Multiclass { classes } => *classes,
            Self::Binary { .. } | Self::Regression => 1,
        }
    }

    /// The measure that utility is made of, and what a guess gets in it.
    pub fn measure(&self) -> (&'static str, f64) {
        match self {
            Self::Regression => ("r2", 0.0),
            Self::Binary { .. } | Self::Multiclass { .. } => ("auc", 0.5),
        }
    }
}

/// Targets of some rows.
#[derive(Debug, Clone)]
pub enum Aims {
    /// Classes: 0 and 1, or level codes.
    Classes(Vec<u32>),
    /// Numbers.
    Numbers(Vec<f64>),
}

impl Task {
    /// The problem that the description and train pose.
    pub fn of(real: &Real) -> Result<Self, Reason> {
        let metadata = real.train.metadata();
        let refuse = |code: &str, why: &str| Err(Reason { code: code.to_owned(), why: why.to_owned() });
        let Some(target) = metadata.target_position().filter(|&place| metadata.columns[place].is_modelled()) else {
            return refuse("no_target", "the table has no target");
        };
        let places: Vec<usize> = metadata.modelled().filter(|&place| place != target).collect();
        if places.is_empty() {
            return refuse("no_columns", "there is no column to predict from");
        }
        let meta = &metadata.columns[target];
        if meta.kind.is_number_like() {
            let mut present = side::numbers(&real.train, target).into_iter().filter(|number| !number.is_nan());
            let first = present.next();
            return match first {
                Some(first) if present.any(|number| number != first) => Ok(Self { target, places, problem: Problem::Regression }),
                _ => refuse("single_class", "the target has one value in train"),
            };
        }
        let codes = side::levels(&real.train, target);
        let mut counts = vec![0usize; meta.levels.len() + 1];
        codes.iter().for_each(|&code| counts[code as usize] += 1);
        counts.pop();
        let present: Vec<usize> = (0..counts.len()).filter(|&level| counts[level] > 0).collect();
        let two = metadata.problem_type == Some(ProblemType::BinaryClassification) || present.len() == 2;
        match present.len() {
            0 | 1 => refuse("single_class", "the target has one level in train"),
            _ if two => {
                let rarer = present.iter().min_by_key(|&&level| (counts[level], std::cmp::Reverse(meta.levels[level].as_bytes())));
                let positive = rarer.map_or(0, |&level| level as u32);
                Ok(Self { target, places, problem: Problem::Binary { positive } })
            }
            n if n > CLASSES_MAX => refuse("not_applicable", "the target has more than 100 levels"),
            _ => Ok(Self { target, places, problem: Problem::Multiclass { classes: counts.len() } }),
        }
    }

    /// The rows that have a target, at most `rows_max`, from the first.
    pub fn rows(&self, table: &Table, rows_max: usize) -> Vec<u32> {
        let column = table.column(self.target);
        (0..table.rows()).filter(|&row| !column.is_missing(row)).take(rows_max).map(|row| row as u32).collect()
    }

    /// The targets of rows that have one.
    pub fn aims(&self, table: &Table, rows: &[u32]) -> Aims {
        match self.problem {
            Problem::Regression => {
                let numbers = side::numbers(table, self.target);
                Aims::Numbers(rows.iter().map(|&row| numbers[row as usize]).collect())
            }
            Problem::Binary { positive } => {
                let codes = side::levels(table, self.target);
                Aims::Classes(rows.iter().map(|&row| u32::from(codes[row as usize] == positive)).collect())
            }
            Problem::Multiclass { .. } => {
                let codes = side::levels(table, self.target);
                Aims::Classes(rows.iter().map(|&row| codes[row as usize]).collect())
            }
        }
    }
}
