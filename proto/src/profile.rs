//! The protected description of a table that people are shown (`profile.json`).
//!
//! It says what a table is like without saying what is in any few of its rows: under the disclosure
//! `protected`, labels of fewer than 5 rows are `_RARE_` and extremes are the 5th smallest and largest
//! value. Synthesizers and benchmarks use the exact [`crate::metadata`] instead.

use crate::calendar::Grain;
pub use crate::job::Disclosure;
use crate::metadata::{Dialect, Format, Kind, NumberForm, ProblemType, Role};
use serde::{Deserialize, Serialize};

/// The label that stands for all labels of too few rows.
pub const RARE: &str = "_RARE_";

/// Fewest rows that a label or an extreme needs to be shown as it is.
pub const DISCLOSED_ROWS_MIN: u64 = 5;

/// The probabilities at which quantiles are given.
pub const QUANTILES: [f64; 11] = [0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0];

/// How rows were split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SplitStrategy {
    /// Every row alike.
    Random,
    /// Each level of the target keeps its share.
    Stratified,
    /// The holdout is a table of its own.
    Given,
}

/// The whole file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// `synthfleet.profile.v1`.
    pub schema: String,
    /// The table as a whole.
    pub table: TableProfile,
    /// The file that it came from.
    pub source: SourceProfile,
    /// Train and holdout.
    pub split: SplitProfile,
    /// Column that utility is judged on.
    pub target: Option<String>,
    /// What the target asks for.
    pub problem_type: Option<ProblemType>,
    /// Columns that name a row uniquely.
    pub key: Vec<String>,
    /// Columns in input order.
    pub columns: Vec<ColumnProfile>,
    /// What the data suggests and nobody enforced.
    pub hints: Vec<Hint>,
    /// Remarks on the table.
    pub notes: Vec<Note>,
}

impl Profile {
    /// The schema name of this version.
    pub const SCHEMA: &'static str = "synthfleet.profile.v1";
}

/// The table as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableProfile {
    /// `tbl_` and 26 characters, from the staged content and the metadata.
    pub id: String,
    /// `[A-Za-z0-9_]+`.
    pub name: String,
    /// Data rows that were accepted.
    pub rows: u64,
    /// Columns.
    pub columns: u64,
    /// Bytes of the source as given.
    pub bytes: u64,
    /// SHA-256 of the source as given, hexadecimal.
    pub sha256: String,
    /// Rows that equal an earlier row in every column.
    pub duplicate_rows: u64,
    /// What is shown of rare labels and extremes.
    pub disclosure: Disclosure,
}

/// The file that a table came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceProfile {
    /// Form of the input.
    pub format: Format,
    /// `none`, `gzip` or `zstd`.
    pub compression: String,
    /// Encoding label (WHATWG).
    pub encoding: String,
    /// How text was delimited.
    pub dialect: Dialect,
    /// Blank lines skipped.
    pub blank_lines: u64,
    /// Rows not accepted.
    pub rejected_rows: u64,
    /// Cells that became missing because they are not of their column's type.
    pub rejected_cells: u64,
}

/// Train and holdout.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SplitProfile {
    /// Share asked for.
    pub holdout: f64,
    /// The shared seed of the job, as a decimal string; the stream is `split`.
    pub seed: String,
    /// Rows learnt from.
    pub train_rows: u64,
    /// Rows held out.
    pub holdout_rows: u64,
    /// How rows were drawn.
    pub strategy: SplitStrategy,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnProfile {
    /// Unique name inside synthfleet.
    pub name: String,
    /// Header text as in the input.
    pub header: String,
    /// Place, from 0.
    pub position: u64,
    /// What it holds.
    pub kind: Kind,
    /// What is done with it.
    pub role: Role,
    /// `bool`, `int8` to `int64`, `float64`, `decimal(p,s)`, `date`, `timestamp[unit,tz]`, `utf8`.
    pub storage: String,
    /// Missing cells.
    pub missing: u64,
    /// Tokens that stand for missing cells, commonest first.
    pub missing_tokens: Vec<TokenCount>,
    /// Distinct values, missing cells not counted.
    pub distinct: u64,
    /// Whether `distinct` is an estimate.
    pub approximate: bool,
    /// At most one distinct value.
    pub constant: bool,
    /// Continuous kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numeric: Option<NumericProfile>,
    /// Discrete kinds: at most 1,000 labels, by falling count, then label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub levels: Option<Vec<LevelCount>>,
    /// Labels that are not listed.
    #[serde(default)]
    pub levels_rest: u64,
    /// Ordinal kind: labels in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Vec<String>>,
    /// Datetime kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dates: Option<DateProfile>,
    /// Id and text kinds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<TextProfile>,
    /// Why the column is sensitive.
    pub sensitivity: SensitivityProfile,
    /// Remarks on the column.
    pub notes: Vec<Note>,
    /// Fields that the user set.
    #[serde(rename = "override")]
    pub overridden: Vec<String>,
}

/// A missing token and how often it was met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenCount {
    /// The token.
    pub token: String,
    /// Cells.
    pub count: u64,
}

/// A label and how many rows have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelCount {
    /// The label.
    pub value: String,
    /// Rows.
    pub count: u64,
}

/// Numbers of a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NumericProfile {
    /// Smallest value shown.
    pub min: Option<f64>,
    /// Largest value shown.
    pub max: Option<f64>,
    /// Mean.
    pub mean: Option<f64>,
    /// Standard deviation with n - 1; `None` below 2 values.
    pub std: Option<f64>,
    /// Values at [`QUANTILES`], linear between order statistics; empty without values.
    pub quantiles: Vec<f64>,
    /// Values that are 0.
    pub zeros: u64,
    /// Values below 0.
    pub negatives: u64,
    /// Every value is whole.
    pub integer: bool,
    /// Fewest decimals that lose nothing; `None`: full floating point.
    pub decimals: Option<u8>,
    /// Greatest step that all values are multiples of, counted from the smallest; `None`: no grid.
    pub grain: Option<f64>,
    /// Constant text around the number, as `prefix` and `suffix`.
    pub affix: Option<(String, String)>,
    /// Counts in equal bins between the shown extremes; values beyond lie in the outer bins.
    pub histogram: Histogram,
}

/// Counts between edges.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// At most 33, rising; the last bin holds its upper edge.
    pub edges: Vec<f64>,
    /// One fewer than edges.
    pub counts: Vec<u64>,
}

/// Instants of a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DateProfile {
    /// Formats met, commonest first.
    pub formats: Vec<FormatShare>,
    /// Coarsest unit that loses nothing.
    pub grain: Grain,
    /// Earliest instant shown, in the commonest format.
    pub min: Option<String>,
    /// Latest instant shown, in the commonest format.
    pub max: Option<String>,
    /// Offset from UTC, `+02:00`, if all cells carry the same.
    pub tz: Option<String>,
    /// Earliest and latest instant shown, in grain units; not written.
    #[serde(skip)]
    pub bounds: Option<(i64, i64)>,
}

/// A date format and its share of cells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FormatShare {
    /// In strptime letters.
    pub format: String,
    /// Share, 0 to 1.
    pub share: f64,
}

/// Ids or free text of a column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TextProfile {
    /// Lengths in characters.
    pub length: Lengths,
    /// Commonest shape if at least 5 rows have it: `9` digit, `A` upper, `a` lower, others as they are.
    pub shape: Option<String>,
    /// Regular expression that all values match.
    pub regex: Option<String>,
}

/// Lengths in characters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lengths {
    /// Shortest shown.
    pub min: u64,
    /// Mean.
    pub mean: f64,
    /// Longest shown.
    pub max: u64,
}

/// Why a column is sensitive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SensitivityProfile {
    /// `direct`, `quasi` or `none`.
    pub class: String,
    /// What it looks like: `email`, `postcode`, ...
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    /// `name` or `value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// A remark that fails nothing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Note {
    /// Code, `snake_case`.
    pub code: String,
    /// Sentence.
    pub text: String,
}

/// Something the data suggests.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hint {
    /// Code, `snake_case`.
    pub code: String,
    /// Columns concerned.
    pub columns: Vec<String>,
    /// Sentence.
    pub text: String,
}

impl NumericProfile {
    /// The affix of a form, if it has one.
    pub fn affix_of(form: &NumberForm) -> Option<(String, String)> {
        let has = !form.prefix.is_empty() || !form.suffix.is_empty();
        has.then(|| (form.prefix.clone(), form.suffix.clone()))
    }
}
