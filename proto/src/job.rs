//! What a user wishes for one table (`synthfleet.job.v1`): the same object over the command line, a TOML
//! file, HTTP, a queue and an S3 rule.
//!
//! Shorthand forms (`"source": "adult.csv"`, `"synthesizers": ["seqtree"]`, `"gate": "strict"`) are
//! unfolded by [`JobSpec::read`], which also tells every problem at once. The stored form is the long one.

mod check;
mod read;

pub use check::{COMPONENTS, FORMATS, GATE_PROFILES, GATES, PRIVACY_GATES, WEIGHT_PROFILES};

use crate::class::Class;
use crate::constraint::Constraint;
use crate::metadata::{DeclaredDomain, Kind, ProblemType, Role};
use crate::protection::ValueProtection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// One job. Absent fields take the value of [`JobSpec::default`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JobSpec {
    /// `synthfleet.job.v1`.
    pub schema: String,
    /// Where the table is and how to read it.
    pub source: Source,
    /// A description in any known form, or `{"uri": ..}` of one.
    pub metadata: Option<Value>,
    /// What happens where the given metadata and the table differ: `fail` or `warn`.
    pub metadata_check: Option<String>,
    /// Name of the table; from the source's name if absent.
    pub table: Option<String>,
    /// Rules that all rows keep and made rows must keep: as text (`"start <= end"`) or as objects.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<Constraint>,
    /// How values of train are protected before anything learns from them.
    #[serde(skip_serializing_if = "ValueProtection::is_usual")]
    pub value_protection: ValueProtection,
    /// Column that utility is judged on, or `none`; guessed if absent.
    pub target: Option<String>,
    /// What the target asks for; guessed if absent.
    #[schemars(with = "Option<String>")]
    pub problem_type: Option<ProblemType>,
    /// Share of rows kept from synthesizers. 0.05 to 0.5; default 0.2.
    pub holdout: f64,
    /// How rows are split.
    pub split_strategy: SplitStrategy,
    /// A given test table; with it every row of `source` is train.
    pub holdout_source: Option<String>,
    /// Named list of synthesizers; `standard` if neither it nor `synthesizers` is given.
    pub preset: Option<String>,
    /// Synthesizers besides those of the preset.
    pub synthesizers: Vec<Choice>,
    /// Benchmarks; the default set if empty.
    pub benchmarks: Vec<Choice>,
    /// Options by name of candidate or benchmark, laid over those given with it.
    pub set: BTreeMap<String, serde_json::Map<String, Value>>,
    /// Fits of each candidate with other seeds. 1 to 20; the preset's number if absent.
    pub repeats: Option<u32>,
    /// Seed of everything drawn.
    pub seed: u64,
    /// Rows of the delivered table.
    pub rows: Rows,
    /// What each delivered row must be, as `age>=40`, `town=Ulm|Bern`, `day=2020-01-01..2020-12-31` or `income is missing`.
    /// All delivered rows are drawn under these conditions, beside the sample that is scored.
    #[serde(rename = "where", skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<String>,
    /// Seed of the delivered rows: another sample of the winner's model than the one that is scored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows_seed: Option<u64>,
    /// Forms of the delivered table; the input's own if empty.
    pub formats: Vec<String>,
    /// Put `'` before cells that a spreadsheet would take for a formula.
    pub csv_safe: bool,
    /// Which candidates may be released.
    pub gate: Gate,
    /// What counts how much in the score.
    pub weights: Weights,
    /// Lowest values with which the command ends well.
    pub fail_under: BTreeMap<String, f64>,
    /// Privacy loss of private synthesizers.
    pub epsilon: Option<f64>,
    /// Failure probability of private synthesizers.
    pub delta: Option<f64>,
    /// Secret key of the noise of private synthesizers, 64 hexadecimal digits: for runs that are to be repeated
    /// byte by byte. Drawn at random if absent; taken out of the request before it is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub noise_key: Option<String>,
    /// Time and memory.
    pub budget: Limits,
    /// Stop after the profile until released.
    pub hold: bool,
    /// `interactive` or `batch`.
    #[schemars(with = "String")]
    pub priority: Class,
    /// What profile and exports show of real values.
    pub disclosure: Disclosure,
    /// What is published.
    pub release: Release,
    /// Free labels, at most 16.
    pub labels: BTreeMap<String, String>,
    /// One line for people, at most 200 characters.
    pub summary: Option<String>,
    /// Where a copy of the published files goes.
    pub output: Option<String>,
    /// Called once at the end.
    pub callback_url: Option<String>,
    /// Whether finished tasks of earlier jobs may be used.
    pub cache: bool,
    /// Which reference rows are computed besides the baselines.
    pub references: References,
}

impl Default for JobSpec {
    fn default() -> Self {
        Self {
            schema: Self::SCHEMA.to_owned(),
            source: Source::default(),
            metadata: None,
            metadata_check: None,
            table: None,
            constraints: Vec::new(),
            value_protection: ValueProtection::default(),
            target: None,
            problem_type: None,
            holdout: 0.2,
            split_strategy: SplitStrategy::Auto,
            holdout_source: None,
            preset: None,
            synthesizers: Vec::new(),
            benchmarks: Vec::new(),
            set: BTreeMap::new(),
            repeats: None,
            seed: 0,
            rows: Rows::Named(RowsName::Train),
            conditions: Vec::new(),
            rows_seed: None,
            formats: Vec::new(),
            csv_safe: false,
            gate: Gate::default(),
            weights: Weights::default(),
            fail_under: BTreeMap::new(),
            epsilon: None,
            delta: None,
            noise_key: None,
            budget: Limits::default(),
            hold: false,
            priority: Class::Interactive,
            disclosure: Disclosure::Protected,
            release: Release::All,
            labels: BTreeMap::new(),
            summary: None,
            output: None,
            callback_url: None,
            cache: true,
            references: References::Default,
        }
    }
}

impl JobSpec {
    /// The schema name of this version.
    pub const SCHEMA: &'static str = "synthfleet.job.v1";

    /// The JSON Schema of the long form.
    pub fn schema() -> Value {
        schemars::schema_for!(Self).to_value()
    }

    /// A job on one source with everything else by default.
    pub fn of(uri: &str) -> Self {
        Self { source: Source { uri: uri.to_owned(), ..Source::default() }, ..Self::default() }
    }
}

/// Where a table is and how to read it. What is absent is found out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Source {
    /// Path, `-` for standard input, or `sim:<name>`.
    pub uri: String,
    /// `csv`, `tsv` or `parquet`.
    pub format: Option<String>,
    /// How delimited text is written.
    pub dialect: DialectWish,
    /// What is known of columns, by name.
    pub columns: BTreeMap<String, ColumnWish>,
    /// What happens to records of the wrong length: `fail`, `skip`, `save`, `pad`.
    pub bad_rows: Option<String>,
    /// Largest share of bad records that is let pass.
    pub bad_rows_max: Option<f64>,
    /// What happens to cells of the wrong type: `null`, `keep`, `fail`.
    pub on_bad_cell: Option<String>,
    /// What happens to bytes that are not text: `fail`, `replace`, `strip`.
    pub bad_bytes: Option<String>,
    /// Further texts that mean a missing cell.
    pub missing: Vec<String>,
    /// The only texts that mean a missing cell.
    pub missing_only: Option<Vec<String>>,
}

/// What a user knows of a file's dialect. What is absent is sniffed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DialectWish {
    /// Field separator, one character, or `tab`.
    pub delimiter: Option<String>,
    /// Quote, one character, or `none`.
    pub quote: Option<String>,
    /// Escape inside quotes, one character, or `none`.
    pub escape: Option<String>,
    /// Whether the first record names the columns.
    pub header: Option<bool>,
    /// Records before the header.
    pub skip_lines: Option<u32>,
    /// Lines that start with this are left out.
    pub comment: Option<String>,
    /// Decimal mark, `.` or `,`.
    pub decimal: Option<String>,
    /// Thousands mark.
    pub thousands: Option<String>,
    /// Encoding label.
    pub encoding: Option<String>,
}

/// What a user knows of a column.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ColumnWish {
    /// What it holds.
    #[schemars(with = "Option<String>")]
    pub kind: Option<Kind>,
    /// What is done with it.
    #[schemars(with = "Option<String>")]
    pub role: Option<Role>,
    /// Levels from lowest to highest.
    pub order: Option<Vec<String>>,
    /// Further texts that mean a missing cell in it.
    pub missing: Vec<String>,
    /// Which values may occur, declared without a look at the rows: what private synthesizers may know of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<DeclaredDomain>,
}

/// A synthesizer or benchmark with its options.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Choice {
    /// Name or alias of the member.
    pub name: String,
    /// Name of the candidate; the member's name if absent.
    #[serde(rename = "as")]
    pub alias: Option<String>,
    /// Options of the member.
    pub options: serde_json::Map<String, Value>,
    /// Fits with other seeds, for this candidate alone.
    pub repeats: Option<u32>,
}

impl Choice {
    /// A member with default options.
    pub fn of(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }
}

/// Rows of the delivered table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Rows {
    /// So many.
    Count(u64),
    /// As many as a part of the input.
    Named(RowsName),
}

/// A part of the input whose size is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RowsName {
    /// As many as train: the delivered table is the scored one.
    Train,
    /// As many as the whole input.
    Input,
}

/// Which candidates may be released.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Gate {
    /// `balanced`, `strict` or `off`; the weights profile's own if absent.
    pub profile: Option<String>,
    /// Limits that replace those of the profile, by gate.
    pub limits: BTreeMap<String, f64>,
}

/// What counts how much in the score.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Weights {
    /// `balanced`, `utility`, `strict-privacy` or `sdgym2020`.
    pub profile: Option<String>,
    /// Weights by component, not negative, not all 0; they replace the profile's.
    pub components: BTreeMap<String, f64>,
}

/// Time and memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Seconds from submission to verdict. Above 0 to 2,592,000; default 86,400.
    pub seconds: f64,
    /// Seconds of one task. Above 0 to 604,800; default 3,600.
    pub task_seconds: f64,
    /// Planned memory of one task in bytes. 64 MiB to 1 TiB; default 4 GiB.
    pub memory_bytes_per_task: u64,
    /// Attempts of one task that may end by a crash of the task or of its worker. 1 to 20; what the fleet allows
    /// (3) if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempts: Option<u16>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { seconds: 86_400.0, task_seconds: 3_600.0, memory_bytes_per_task: 4 << 30, attempts: None }
    }
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident),* $(,)? })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
            #[serde(rename_all = "snake_case")]
            pub enum $name { $($(#[$variant_doc])* $variant),* }
        )*
    };
}

words! {
    /// How rows are split into train and holdout.
    SplitStrategy {
        /// Stratified on a target of few levels, else random.
        Auto,
        /// Stratified on the target.
        Stratified,
        /// Without regard to any column.
        Random,
    }
    /// What profile and exports show of real values.
    Disclosure {
        /// Rare labels and extremes are hidden.
        Protected,
        /// Everything.
        Exact,
    }
    /// What is published.
    Release {
        /// All files.
        All,
        /// Only what a privacy guarantee covers.
        DpOnly,
    }
    /// Which reference rows are computed besides the baselines.
    References {
        /// `holdout`.
        Default,
        /// `holdout` and `flip10`.
        All,
    }
}

/// Where a job stands, as users see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Nothing has begun.
    Queued,
    /// Profiled and waiting for a release.
    OnHold,
    /// Under way.
    InProgress,
    /// Ended with a verdict.
    Done,
    /// Ended without one.
    Failed,
    /// Ended by request.
    Cancelled,
}

impl JobState {
    /// Whether nothing will change any more.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }

    /// The name used in files and events.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::OnHold => "on_hold",
            Self::InProgress => "in_progress",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}
