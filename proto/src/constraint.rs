//! Rules that every row of a table keeps and every made row must keep.
//!
//! A rule is written as text (`start <= end`) or as an object (`{"rule": "less_or_equal", ..}`); both are one value.
//! Cells that are missing are neutral in `less_or_equal`, and a value like others in the rest.

use crate::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A rule over columns, named as in the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "rule", rename_all = "snake_case", deny_unknown_fields)]
pub enum Constraint {
    /// One column is never above another: two columns of numbers, or of instants.
    LessOrEqual {
        /// The lower column.
        low: String,
        /// The upper column.
        high: String,
    },
    /// Only combinations of cells that train has.
    FixedCombinations {
        /// The columns, at least two.
        columns: Vec<String>,
    },
    /// Columns decide another: equal cells in them mean equal cells in it.
    Decides {
        /// The columns that decide.
        by: Vec<String>,
        /// The column that follows.
        column: String,
    },
    /// Exactly one of several columns of 0 and 1 is 1.
    OneHot {
        /// The columns, at least two.
        columns: Vec<String>,
    },
}

impl Constraint {
    /// Reads a rule as people write it: `a <= b`, `b >= a`, `a -> b`, `a, b -> c`, `combinations of a, b`,
    /// `one hot a, b, c`.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let after = |words: &str| {
            let head = text.get(..words.len()).filter(|head| head.eq_ignore_ascii_case(words))?;
            text[head.len()..].strip_prefix(' ')
        };
        let rule = if let Some(list) = after("combinations of") {
            Self::FixedCombinations { columns: names(list) }
        } else if let Some(list) = after("one hot") {
            Self::OneHot { columns: names(list) }
        } else if let Some((by, column)) = text.split_once("->") {
            Self::Decides { by: names(by), column: column.trim().to_owned() }
        } else if let Some((low, high)) = text.split_once("<=") {
            Self::LessOrEqual { low: low.trim().to_owned(), high: high.trim().to_owned() }
        } else if let Some((high, low)) = text.split_once(">=") {
            Self::LessOrEqual { low: low.trim().to_owned(), high: high.trim().to_owned() }
        } else {
            return Err(unreadable(text));
        };
        match rule.columns().iter().all(|name| !name.is_empty()) && rule.columns().len() > 1 {
            true => Ok(rule),
            false => Err(unreadable(text)),
        }
    }

    /// The columns that it speaks of, in the order in which it names them.
    pub fn columns(&self) -> Vec<&str> {
        match self {
            Self::LessOrEqual { low, high } => vec![low, high],
            Self::FixedCombinations { columns } | Self::OneHot { columns } => columns.iter().map(String::as_str).collect(),
            Self::Decides { by, column } => by.iter().chain([column]).map(String::as_str).collect(),
        }
    }

    /// The same rule over columns of other names, asked for one by one.
    pub fn renamed(&self, name: impl Fn(&str) -> Result<String>) -> Result<Self> {
        let all = |names: &[String]| names.iter().map(|one| name(one)).collect::<Result<Vec<_>>>();
        Ok(match self {
            Self::LessOrEqual { low, high } => Self::LessOrEqual { low: name(low)?, high: name(high)? },
            Self::FixedCombinations { columns } => Self::FixedCombinations { columns: all(columns)? },
            Self::Decides { by, column } => Self::Decides { by: all(by)?, column: name(column)? },
            Self::OneHot { columns } => Self::OneHot { columns: all(columns)? },
        })
    }
}

impl std::fmt::Display for Constraint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::LessOrEqual { low, high } => write!(f, "{low} <= {high}"),
            Self::FixedCombinations { columns } => write!(f, "combinations of {}", columns.join(", ")),
            Self::Decides { by, column } => write!(f, "{} -> {column}", by.join(", ")),
            Self::OneHot { columns } => write!(f, "one hot {}", columns.join(", ")),
        }
    }
}

fn names(list: &str) -> Vec<String> {
    list.split(',').map(|name| name.trim().to_owned()).collect()
}

fn unreadable(text: &str) -> Error {
    Error::invalid("constraint::syntax", format!("cannot read the constraint {text:?}")).help(
        "write 'a <= b', 'a -> b', 'combinations of a, b' or 'one hot a, b, c'; columns with such signs in their names go into a job file",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_reads_back_from_its_own_text() {
        for text in ["start <= end", "town, year -> mayor", "combinations of town, country", "one hot red, green, blue"] {
            assert_eq!(Constraint::parse(text).expect("legal").to_string(), text);
        }
        assert_eq!(Constraint::parse("end>=start").expect("legal").to_string(), "start <= end");
        assert_eq!(Constraint::parse("One hot a, b").expect("legal").columns(), ["a", "b"]);
    }

    #[test]
    fn half_a_rule_is_refused() {
        for text in ["", "a", "a <=", "-> b", "one hot a", "combinations of a,", "a < b", "one hotel"] {
            assert_eq!(Constraint::parse(text).expect_err(text).code(), "constraint::syntax");
        }
    }
}
