//! Rules that every row of a table keeps and every made row must keep.
//!
//! A rule is written as text (`start <= end`) or as an object (`{"rule": "less_or_equal", ..}`); both are one value.
//! Cells that are missing are neutral in `less_or_equal`, `less_than` and `range`, and a value like others in the rest.

use crate::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Number;

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
    /// One column is always below another: two columns of numbers, or of instants.
    LessThan {
        /// The lower column.
        low: String,
        /// The upper column.
        high: String,
    },
    /// A column of numbers keeps within limits, which it may reach.
    Range {
        /// The column.
        column: String,
        /// Its least number; left out: no limit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        low: Option<Number>,
        /// Its largest number; left out: no limit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        high: Option<Number>,
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
    /// Reads a rule as people write it: `a <= b`, `b >= a`, `a < b`, `b > a`, `0 <= a <= 120`, `a >= 0`, `a -> b`,
    /// `a, b -> c`, `combinations of a, b`, `one hot a, b, c`. A number on one side is a limit.
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
        } else if text.contains("<=") {
            ordered(&parts(text, "<="), text)?
        } else if text.contains(">=") {
            ordered(&parts(text, ">=").into_iter().rev().collect::<Vec<_>>(), text)?
        } else if let Some((low, high)) = text.split_once('<') {
            below(low, high, text)?
        } else if let Some((high, low)) = text.split_once('>') {
            below(low, high, text)?
        } else {
            return Err(unreadable(text));
        };
        let columns = rule.columns();
        match columns.iter().all(|name| !name.is_empty()) && (columns.len() > 1 || matches!(rule, Self::Range { .. })) {
            true => Ok(rule),
            false => Err(unreadable(text)),
        }
    }

    /// The columns that it speaks of, in the order in which it names them.
    pub fn columns(&self) -> Vec<&str> {
        match self {
            Self::LessOrEqual { low, high } | Self::LessThan { low, high } => vec![low, high],
            Self::Range { column, .. } => vec![column],
            Self::FixedCombinations { columns } | Self::OneHot { columns } => columns.iter().map(String::as_str).collect(),
            Self::Decides { by, column } => by.iter().chain([column]).map(String::as_str).collect(),
        }
    }

    /// The same rule over columns of other names, asked for one by one.
    pub fn renamed(&self, name: impl Fn(&str) -> Result<String>) -> Result<Self> {
        let all = |names: &[String]| names.iter().map(|one| name(one)).collect::<Result<Vec<_>>>();
        Ok(match self {
            Self::LessOrEqual { low, high } => Self::LessOrEqual { low: name(low)?, high: name(high)? },
            Self::LessThan { low, high } => Self::LessThan { low: name(low)?, high: name(high)? },
            Self::Range { column, low, high } => Self::Range { column: name(column)?, low: low.clone(), high: high.clone() },
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
            Self::LessThan { low, high } => write!(f, "{low} < {high}"),
            Self::Range { column, low, high } => {
                low.iter().try_for_each(|low| write!(f, "{low} <= "))?;
                write!(f, "{column}")?;
                high.iter().try_for_each(|high| write!(f, " <= {high}"))
            }
            Self::FixedCombinations { columns } => write!(f, "combinations of {}", columns.join(", ")),
            Self::Decides { by, column } => write!(f, "{} -> {column}", by.join(", ")),
            Self::OneHot { columns } => write!(f, "one hot {}", columns.join(", ")),
        }
    }
}

fn names(list: &str) -> Vec<String> {
    list.split(',').map(|name| name.trim().to_owned()).collect()
}

fn parts<'a>(text: &'a str, sign: &str) -> Vec<&'a str> {
    text.split(sign).map(str::trim).collect()
}

/// A number as people write it; a name is none.
fn number(text: &str) -> Option<Number> {
    let text = text.trim();
    let plain = text.strip_prefix('+').unwrap_or(text);
    plain.parse::<i64>().map(Number::from).ok().or_else(|| plain.parse().ok().and_then(Number::from_f64))
}

/// What rises from part to part, and may stay.
fn ordered(parts: &[&str], text: &str) -> Result<Constraint> {
    let named = |text: &str| text.to_owned();
    match *parts {
        [a, b] => match (number(a), number(b)) {
            (None, None) => Ok(Constraint::LessOrEqual { low: named(a), high: named(b) }),
            (low @ Some(_), None) => Ok(Constraint::Range { column: named(b), low, high: None }),
            (None, high) => Ok(Constraint::Range { column: named(a), low: None, high }),
            _ => Err(unreadable(text)),
        },
        [a, b, c] => match (number(a), number(b), number(c)) {
            (low @ Some(_), None, high @ Some(_)) => Ok(Constraint::Range { column: named(b), low, high }),
            _ => Err(unreadable(text)),
        },
        _ => Err(unreadable(text)),
    }
}

fn below(low: &str, high: &str, text: &str) -> Result<Constraint> {
    let (low, high) = (low.trim(), high.trim());
    let is_name = |text: &str| number(text).is_none() && !text.contains(['<', '>']);
    match is_name(low) && is_name(high) {
        true => Ok(Constraint::LessThan { low: low.to_owned(), high: high.to_owned() }),
        false => Err(unreadable(text)),
    }
}

fn unreadable(text: &str) -> Error {
    Error::invalid("constraint::syntax", format!("cannot read the constraint {text:?}")).help(
        "write 'a <= b', 'a < b', '0 <= a <= 120', 'a -> b', 'combinations of a, b' or 'one hot a, b, c'; limits are numbers that may be reached; \
         columns with such signs in their names, or named by a number, go into a job file",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_reads_back_from_its_own_text() {
        for text in [
            "start <= end",
            "town, year -> mayor",
            "combinations of town, country",
            "one hot red, green, blue",
            "start < end",
            "0 <= age <= 120",
            "-1.5 <= t",
            "t <= 1000",
        ] {
            assert_eq!(Constraint::parse(text).expect("legal").to_string(), text);
        }
        let turned =
            [("end>=start", "start <= end"), ("end > start", "start < end"), ("120>=age>=0", "0 <= age <= 120"), ("age >= 0", "0 <= age")];
        for (text, plain) in turned {
            assert_eq!(Constraint::parse(text).expect("legal").to_string(), plain);
        }
        let range = Constraint::parse("0 <= age <= 12.5").expect("legal");
        let json = serde_json::to_value(&range).expect("plain");
        assert_eq!(json, serde_json::json!({"rule": "range", "column": "age", "low": 0, "high": 12.5}));
        assert_eq!(serde_json::from_value::<Constraint>(json).expect("own"), range);
        assert_eq!(Constraint::parse("One hot a, b").expect("legal").columns(), ["a", "b"]);
    }

    #[test]
    fn half_a_rule_is_refused() {
        for text in [
            "",
            "a",
            "a <=",
            "-> b",
            "one hot a",
            "combinations of a,",
            "one hotel",
            "0 < a",
            "a <= b <= c",
            "1 <= 2",
            "0 <= a <= b",
            "a < b < c",
            "1 <= ",
        ] {
            assert_eq!(Constraint::parse(text).expect_err(text).code(), "constraint::syntax");
        }
    }
}
