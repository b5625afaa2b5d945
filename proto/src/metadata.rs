//! The exact, private description of a table: what a column is, how its cells were written, and in what
//! order its levels stand. Synthesizers and benchmarks trust it; people are shown the `profile` instead.

use crate::calendar::Grain;
use crate::constraint::Constraint;
use crate::protection::ValueProtection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Numbers on a scale.
    Continuous,
    /// Instants, in whole units of the column's grain.
    Datetime,
    /// Two opposite tokens.
    Boolean,
    /// Unordered labels.
    Categorical,
    /// Ordered labels or few whole numbers.
    Ordinal,
    /// Unique names of rows.
    Id,
    /// Free text.
    Text,
    /// No value at all.
    Empty,
}

impl Kind {
    /// Continuous or datetime: values have distances.
    pub const fn is_number_like(self) -> bool {
        matches!(self, Self::Continuous | Self::Datetime)
    }

    /// Categorical, ordinal or boolean: values are levels.
    pub const fn is_discrete(self) -> bool {
        matches!(self, Self::Categorical | Self::Ordinal | Self::Boolean)
    }

    /// The name used in files and flags.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Continuous => "continuous",
            Self::Datetime => "datetime",
            Self::Boolean => "boolean",
            Self::Categorical => "categorical",
            Self::Ordinal => "ordinal",
            Self::Id => "id",
            Self::Text => "text",
            Self::Empty => "empty",
        }
    }
}

/// What is done with a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Learnt and scored.
    #[default]
    Model,
    /// Values are invented, never copied, not scored.
    Generate,
    /// Absent from the output.
    Drop,
    /// Present in the output, always missing.
    Null,
}

/// What the target asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProblemType {
    /// A target of two levels.
    BinaryClassification,
    /// A target of 3 to 50 levels.
    MulticlassClassification,
    /// A continuous target.
    Regression,
    /// Simulated continuous sets: likelihood under a mixture.
    GaussianLikelihood,
    /// Simulated discrete sets: likelihood under a network.
    BayesianLikelihood,
}

/// The physical type of a column in staged Parquet and in typed output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Storage {
    /// True and false.
    Bool,
    /// Whole numbers that fit 64 bits.
    Int64,
    /// Numbers with decimals.
    Float64,
    /// Instants.
    Timestamp,
    /// Text, including labels.
    Utf8,
}

/// How numbers of a column are written, so that they can be written back alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NumberForm {
    /// Every value is whole.
    pub integer: bool,
    /// Fewest decimals that lose nothing, 0 to 15; `None`: full floating point.
    pub decimals: Option<u8>,
    /// All cells are written with exactly `decimals` decimals (`1.50`).
    pub fixed_decimals: bool,
    /// Fewest decimals that a cell is written with: `1.0` where it is 1.
    #[serde(default)]
    pub decimals_min: u8,
    /// Decimal mark, `.` or `,`.
    pub decimal_mark: char,
    /// Thousands mark, if used.
    pub thousands: Option<char>,
    /// Constant text before the number (`$`).
    pub prefix: String,
    /// Constant text after the number (`%`).
    pub suffix: String,
    /// Positive numbers carry `+`.
    pub plus: bool,
    /// Negative numbers are written `(1,200)`.
    pub parentheses: bool,
    /// The sign stands before the prefix (`-$5`) rather than after it (`$-5`).
    #[serde(default)]
    pub sign_first: bool,
    /// Numbers are written with an exponent.
    pub exponent: bool,
}

impl Default for NumberForm {
    fn default() -> Self {
        Self {
            integer: false,
            decimals: None,
            fixed_decimals: false,
            decimals_min: 0,
            decimal_mark: '.',
            thousands: None,
            prefix: String::new(),
            suffix: String::new(),
            plus: false,
            parentheses: false,
            sign_first: false,
            exponent: false,
        }
    }
}

/// How instants of a column are written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DateForm {
    /// Commonest format, in strptime letters (`%Y-%m-%d %H:%M:%S`). Beyond them: `%-d`, `%-m`, `%-H`, `%-I`
    /// without leading zero, `%1f` .. `%9f` so many digits of the second's fraction, `%P` am and pm in
    /// lower case, `%:z` an offset with colon, `%s` and `%Q` seconds and milliseconds since 1970 as a number.
    pub format: String,
    /// Coarsest unit that loses nothing; table values count this unit since 1970-01-01T00:00.
    pub grain: Grain,
    /// Minutes east of UTC, if cells carry an offset and it is the same in all.
    pub offset_minutes: Option<i32>,
    /// Formats met, with the share of cells, commonest first.
    pub formats: Vec<(String, f64)>,
}

/// Why a column is sensitive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sensitivity {
    /// Direct identifiers are regenerated, quasi-identifiers are modelled and flagged.
    pub direct: bool,
    /// What it looks like: `email`, `phone`, `postcode`, ...
    pub what: String,
    /// Found by value rather than by name.
    pub by_value: bool,
}

/// Which values of a column may occur, declared by the user: public, not read from the rows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DeclaredDomain {
    /// Discrete kinds: every label that may occur.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<String>,
    /// Number-like kinds: smallest and largest value (dates: in grain units since 1970).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<(f64, f64)>,
    /// Number-like kinds: values that are to be counted by themselves.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub atoms: Vec<f64>,
    /// Cells may be missing.
    pub nullable: bool,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnMeta {
    /// Unique name inside synthfleet.
    pub name: String,
    /// Header text as in the input, written back as it was.
    pub header: String,
    /// What it holds.
    pub kind: Kind,
    /// What is done with it.
    pub role: Role,
    /// Physical type.
    pub storage: Storage,
    /// Discrete kinds: labels with their original bytes, in the order of their codes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub levels: Vec<String>,
    /// Continuous kind: how numbers are written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<NumberForm>,
    /// Datetime kind: how instants are written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<DateForm>,
    /// Number-like kinds: smallest and largest value over train and holdout (dates: in grain units).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<(f64, f64)>,
    /// Id kind: a regular expression that all values match, if one was found or given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regex: Option<String>,
    /// Whether any real cell is missing.
    pub nullable: bool,
    /// Commonest missing token, written for missing cells.
    pub missing_token: String,
    /// Only one distinct value.
    pub constant: bool,
    /// More than 500 levels.
    #[serde(default)]
    pub high_cardinality: bool,
    /// All cells of the input that are not missing were quoted; the output quotes them too.
    #[serde(default)]
    pub quoted: bool,
    /// Missing cells were quoted (`""`).
    #[serde(default)]
    pub missing_quoted: bool,
    /// The header cell was quoted.
    #[serde(default)]
    pub header_quoted: bool,
    /// Sensitive, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensitivity: Option<Sensitivity>,
    /// Which values may occur, as the user declared it without a look at the rows: what differentially
    /// private synthesizers may know of the column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<DeclaredDomain>,
}

impl ColumnMeta {
    /// A column of a kind with nothing else known: the start of tests and of simulated sets.
    pub fn plain(name: &str, kind: Kind) -> Self {
        let storage = match kind {
            Kind::Continuous => Storage::Float64,
            Kind::Datetime => Storage::Timestamp,
            _ => Storage::Utf8,
        };
        Self {
            name: name.to_owned(),
            header: name.to_owned(),
            kind,
            role: if matches!(kind, Kind::Id | Kind::Text) { Role::Generate } else { Role::Model },
            storage,
            levels: Vec::new(),
            number: (kind == Kind::Continuous).then(NumberForm::default),
            date: None,
            range: None,
            regex: None,
            nullable: false,
            missing_token: String::new(),
            constant: false,
            high_cardinality: false,
            quoted: false,
            missing_quoted: false,
            header_quoted: false,
            sensitivity: None,
            declared: None,
        }
    }

    /// Whether synthesizers learn it and benchmarks score it.
    pub fn is_modelled(&self) -> bool {
        self.role == Role::Model && !matches!(self.kind, Kind::Id | Kind::Text | Kind::Empty)
    }
}

/// How the input file was written, so that the output can be written alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dialect {
    /// Field separator.
    pub delimiter: char,
    /// Quote, if any.
    pub quote: Option<char>,
    /// Escape inside quotes; `None`: the quote is doubled.
    pub escape: Option<char>,
    /// The first record names the columns.
    pub header: bool,
    /// `\n`, `\r\n` or `\r`.
    pub line_end: String,
    /// One space follows each delimiter.
    pub skip_initial_space: bool,
    /// Decimal mark of the file.
    pub decimal: char,
    /// Encoding label of the input (WHATWG); output is UTF-8.
    pub encoding: String,
    /// The input began with a byte-order mark.
    pub bom: bool,
    /// Records skipped before the header.
    pub skipped_lines: u32,
    /// Lines starting with this are comments.
    pub comment: Option<char>,
    /// Every record ended with an extra delimiter.
    pub trailing_delimiter: bool,
    /// The last record ended with a line end.
    pub final_line_end: bool,
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            delimiter: ',',
            quote: Some('"'),
            escape: None,
            header: true,
            line_end: "\n".to_owned(),
            skip_initial_space: false,
            decimal: '.',
            encoding: "utf-8".to_owned(),
            bom: false,
            skipped_lines: 0,
            comment: None,
            trailing_delimiter: false,
            final_line_end: true,
        }
    }
}

/// The form of the input file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Delimited text, any delimiter.
    Csv,
    /// Apache Parquet.
    Parquet,
}

/// The exact description of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// `synthfleet.metadata.v1`.
    pub schema: String,
    /// Table name, `[A-Za-z0-9_]+`.
    pub table: String,
    /// Form of the input.
    pub format: Format,
    /// How the input was written.
    pub dialect: Dialect,
    /// Columns in input order.
    pub columns: Vec<ColumnMeta>,
    /// Column that utility is judged on.
    pub target: Option<String>,
    /// What the target asks for.
    pub problem_type: Option<ProblemType>,
    /// Simulated sets: name of the true law that the rows were drawn from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub law: Option<String>,
    /// Columns that name a row uniquely.
    #[serde(default)]
    pub key: Vec<String>,
    /// Rules that all rows keep, as the user declared them: made rows keep them too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<Constraint>,
    /// How values of train are protected, where it is not as usual.
    #[serde(default, skip_serializing_if = "ValueProtection::is_usual")]
    pub protection: ValueProtection,
    /// Rows of the train part.
    pub train_rows: u64,
    /// Rows of the holdout part.
    pub holdout_rows: u64,
}

impl Metadata {
    /// The schema name of this version.
    pub const SCHEMA: &'static str = "synthfleet.metadata.v1";

    /// A description of some columns with nothing else known.
    pub fn plain(table: &str, columns: Vec<ColumnMeta>) -> Self {
        Self {
            schema: Self::SCHEMA.to_owned(),
            table: table.to_owned(),
            format: Format::Csv,
            dialect: Dialect::default(),
            columns,
            target: None,
            problem_type: None,
            law: None,
            key: Vec::new(),
            constraints: Vec::new(),
            protection: ValueProtection::default(),
            train_rows: 0,
            holdout_rows: 0,
        }
    }

    /// The place of a column.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The place of the target, if there is one.
    pub fn target_position(&self) -> Option<usize> {
        self.target.as_deref().and_then(|name| self.position(name))
    }

    /// Places of the columns that are learnt and scored, in order.
    pub fn modelled(&self) -> impl Iterator<Item = usize> + '_ {
        self.columns.iter().enumerate().filter(|(_, column)| column.is_modelled()).map(|(place, _)| place)
    }
}
