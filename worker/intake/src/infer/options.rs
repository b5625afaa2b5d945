//! What a user or a metadata file states of columns, and which texts mean a missing cell.

use crate::sniff::class::MISSING;
use std::collections::BTreeMap;
use synthfleet_proto::job;
use synthfleet_proto::metadata::{ColumnMeta, DeclaredDomain, Kind, Role};
use synthfleet_proto::{Error, Result};

/// Tokens that mean a missing cell in columns that otherwise hold numbers or dates.
pub const SOFT_MISSING: [&str; 7] = ["-", "--", ".", "none", "None", "NONE", "unknown"];

/// What happens to cells that are not of their column's type, if at most 1 % are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BadCells {
    /// They become missing and are handed over.
    #[default]
    Null,
    /// The column becomes text-like.
    Keep,
    /// The table is refused.
    Fail,
}

/// What is stated of one column. What is absent is found out.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ColumnOverride {
    /// What it holds.
    pub kind: Option<Kind>,
    /// What is done with it.
    pub role: Option<Role>,
    /// Levels from lowest to highest; makes the column ordinal unless `kind` says otherwise.
    pub order: Option<Vec<String>>,
    /// Further texts that mean a missing cell.
    pub missing: Vec<String>,
    /// Which values may occur, declared without a look at the rows.
    pub domain: Option<DeclaredDomain>,
    /// A regular expression of ids.
    pub regex: Option<String>,
    /// The type of a typed source's column.
    pub typed: Option<Typed>,
    /// The description that calls it continuous has no word for dates: a column of dates stays one.
    pub dates_too: bool,
}

/// What a typed source (Parquet) says of a column; text is then never read as numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typed {
    /// Numbers of any width.
    Number,
    /// Dates or instants.
    Instant,
    /// True and false.
    Bool,
    /// Text.
    Text,
}

/// Everything that is stated beside the data.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Overrides {
    /// Columns by name.
    pub columns: BTreeMap<String, ColumnOverride>,
    /// The target; `Some(None)`: there is none.
    pub target: Option<Option<String>>,
    /// Further texts that mean a missing cell in any column.
    pub missing: Vec<String>,
    /// The only texts that mean a missing cell.
    pub missing_only: Option<Vec<String>>,
    /// What happens to bad cells.
    pub bad_cells: BadCells,
}

impl Overrides {
    /// What a job states of its source and target (`none`: no target).
    pub fn of(source: &job::Source, target: Option<&str>) -> Result<Self> {
        let bad_cells = match source.on_bad_cell.as_deref() {
            None | Some("null") => BadCells::Null,
            Some("keep") => BadCells::Keep,
            Some("fail") => BadCells::Fail,
            Some(other) => {
                let error = Error::invalid("job::option", format!("{other} is not one of null, keep, fail"));
                return Err(error.at_pointer("/source/on_bad_cell"));
            }
        };
        let column = |wish: &job::ColumnWish| ColumnOverride {
            kind: wish.kind,
            role: wish.role,
            order: wish.order.clone(),
            missing: wish.missing.clone(),
            domain: wish.domain.clone(),
            ..ColumnOverride::default()
        };
        Ok(Self {
            columns: source.columns.iter().map(|(name, wish)| (name.clone(), column(wish))).collect(),
            target: target.map(|name| (name != "none").then(|| name.to_owned())),
            missing: source.missing.clone(),
            missing_only: source.missing_only.clone(),
            bad_cells,
        })
    }

    /// The texts that mean a missing cell in a column.
    pub fn missing_words(&self, column: &str) -> MissingWords {
        let mut words: Vec<String> = match &self.missing_only {
            Some(only) => only.clone(),
            None => MISSING.iter().map(|&word| word.to_owned()).collect(),
        };
        let own = self.columns.get(column).map(|stated| stated.missing.as_slice()).unwrap_or_default();
        words.extend(self.missing.iter().chain(own).cloned());
        MissingWords { words, soft: self.missing_only.is_none() }
    }
}

/// The texts that mean a missing cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingWords {
    words: Vec<String>,
    soft: bool,
}

impl MissingWords {
    /// Whether a cell is missing in any column; blanks around it do not count.
    pub fn contains(&self, cell: &str) -> bool {
        let cell = cell.trim_matches([' ', '\t']);
        self.words.iter().any(|word| word == cell)
    }

    /// Whether a cell is missing in columns of numbers and dates.
    pub fn contains_soft(&self, cell: &str) -> bool {
        self.soft && SOFT_MISSING.contains(&cell.trim_matches([' ', '\t']))
    }

    /// Whether the soft tokens count in a column: one of numbers, dates or levels that are numbers.
    pub(crate) fn soft_counts(meta: &ColumnMeta) -> bool {
        let numbers = || meta.levels.iter().all(|level| super::number::parse(level, b'.').is_some());
        match meta.kind {
            Kind::Continuous | Kind::Datetime => true,
            Kind::Ordinal | Kind::Boolean => !meta.levels.is_empty() && numbers(),
            _ => false,
        }
    }
}
