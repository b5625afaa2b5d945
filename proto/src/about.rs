//! What a member says of itself: static for built-ins, owned on the wire.

use crate::metadata::Metadata;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How dear a member is, on adult-sized tables. Declared, never measured: ties break by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CostClass {
    /// Below a second.
    Light,
    /// Seconds.
    Medium,
    /// A minute or so.
    Heavy,
    /// Minutes and more.
    Huge,
}

/// How a synthesizer draws samples under conditions. Whoever it is, no row fails its condition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Conditional {
    /// Rows are drawn freely, and those that fail are refused, up to a bound.
    #[default]
    Refused,
    /// Rows follow the model given the conditions.
    Exact,
    /// Rows follow the model given the conditions where at most one of these is no single number; else they
    /// approach its law in a fixed number of steps.
    NearlyExact,
    /// As exact where the conditions stand first in the member's order, else by weighted particles.
    ExactInOrder,
    /// Rows are led towards the conditions, and those that fail are refused, up to a bound.
    Guided,
}

/// The shape of a table: all that planning, acceptance and estimates may know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Train rows.
    pub train_rows: u64,
    /// Holdout rows.
    pub holdout_rows: u64,
    /// Modelled columns with distances.
    pub number_like: u32,
    /// Modelled columns with levels.
    pub discrete: u32,
    /// Levels of the widest modelled discrete column.
    pub levels_widest: u32,
    /// Sum of levels over modelled discrete columns.
    pub levels_sum: u64,
    /// Columns that are not modelled.
    pub other: u32,
    /// Whether there is a target.
    pub target: bool,
}

impl Shape {
    /// Modelled columns.
    pub fn modelled(&self) -> u32 {
        self.number_like + self.discrete
    }

    /// The shape that a description tells.
    pub fn of(metadata: &Metadata) -> Self {
        let mut shape = Self {
            train_rows: metadata.train_rows,
            holdout_rows: metadata.holdout_rows,
            target: metadata.target_position().is_some(),
            ..Self::default()
        };
        for column in &metadata.columns {
            match column {
                column if !column.is_modelled() => shape.other += 1,
                column if column.kind.is_number_like() => shape.number_like += 1,
                column => {
                    let levels = column.levels.len() as u32;
                    shape.discrete += 1;
                    shape.levels_widest = shape.levels_widest.max(levels);
                    shape.levels_sum += u64::from(levels);
                }
            }
        }
        shape
    }
}

/// What a task will cost, without a look at the data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// CPU seconds on one core.
    pub cpu_seconds: f64,
    /// Peak bytes beyond the tables.
    pub peak_bytes: u64,
    /// Bytes of the model file.
    pub model_bytes: u64,
}

/// What tables a member takes. Data, so that planner, worker and plug-ins judge alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepts {
    /// Fewest train rows.
    pub rows_min: u64,
    /// Fewest holdout rows.
    pub holdout_rows_min: u64,
    /// Most modelled columns.
    pub columns_max: u32,
    /// Fewest modelled columns.
    pub columns_min: u32,
    /// Most levels of one column.
    pub levels_max: u32,
    /// Needs a column with distances.
    pub needs_numbers: bool,
    /// Needs a target.
    pub needs_target: bool,
}

impl Accepts {
    /// Takes every table.
    pub const ANY: Self = Self {
        rows_min: 1,
        holdout_rows_min: 0,
        columns_max: 16_384,
        columns_min: 0,
        levels_max: u32::MAX,
        needs_numbers: false,
        needs_target: false,
    };

    /// Whether a table of this shape can be taken; otherwise code and sentence.
    pub fn fits(&self, shape: &Shape) -> Result<(), Reason> {
        let refuse = |code: &str, why: String| Err(Reason { code: code.to_owned(), why });
        if self.needs_target && !shape.target {
            return refuse("no_target", "the table has no target".to_owned());
        }
        if shape.train_rows < self.rows_min {
            return refuse("too_few_rows", format!("needs {} train rows, the table has {}", self.rows_min, shape.train_rows));
        }
        if shape.holdout_rows < self.holdout_rows_min {
            let code = if shape.holdout_rows == 0 { "no_holdout" } else { "too_few_rows" };
            return refuse(code, format!("needs {} holdout rows, the table has {}", self.holdout_rows_min, shape.holdout_rows));
        }
        if shape.modelled() > self.columns_max {
            return refuse("too_many_columns", format!("takes {} columns, the table has {}", self.columns_max, shape.modelled()));
        }
        if shape.modelled() < self.columns_min {
            return refuse("no_columns", format!("needs {} modelled columns, the table has {}", self.columns_min, shape.modelled()));
        }
        if shape.levels_widest > self.levels_max {
            return refuse("too_many_levels", format!("takes {} levels a column, the table has {}", self.levels_max, shape.levels_widest));
        }
        if self.needs_numbers && shape.number_like == 0 {
            return refuse("not_applicable", "the table has no number column".to_owned());
        }
        Ok(())
    }
}

/// Why something was not done or could not be computed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Stable code, for example `too_few_rows`.
    pub code: String,
    /// One sentence.
    pub why: String,
}

/// What a score says of itself.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreAbout {
    /// `<benchmark>` for the headline, `<benchmark>.<score>` for the rest.
    pub id: &'static str,
    /// Whether more is better.
    pub up: bool,
    /// Smallest and largest possible value; `None`: unbounded.
    pub range: (Option<f64>, Option<f64>),
    /// What an honest copy of the law gets, if it is a constant.
    pub fair: Option<f64>,
    /// `share`, `auc`, `nats`, ...
    pub unit: &'static str,
}

/// What a member says of itself.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// The name, `[a-z0-9_]{1,24}`.
    pub name: &'static str,
    /// `major.minor`; changes when seeded bytes change.
    pub version: &'static str,
    /// Other names, case-blind.
    pub aliases: &'static [&'static str],
    /// One sentence.
    pub summary: &'static str,
    /// Paper with DOI, or the project it comes from.
    pub paper: &'static str,
    /// When to use it and when not, in a sentence or two.
    pub when: &'static str,
    /// Synthesizers: how they draw under conditions.
    pub given: Conditional,
    /// How dear it is.
    pub cost: CostClass,
    /// What tables it takes.
    pub accepts: Accepts,
    /// A baseline, never eligible.
    pub baseline: bool,
    /// Differentially private.
    pub private: bool,
    /// Its samples hold real rows: nothing of it is published.
    pub real_rows: bool,
    /// Writes resumable checkpoints.
    pub checkpoint: bool,
    /// Returns the best so far when time ends.
    pub anytime: bool,
    /// Same seed, same bytes.
    pub deterministic: bool,
    /// Benchmarks: its scores.
    pub scores: &'static [ScoreAbout],
    /// Benchmarks: has a shared preparation, computed once per job.
    pub prepares: bool,
}

impl About {
    /// A cheap, deterministic member that takes every table: start of every `ABOUT`.
    pub const LIGHT: Self = Self {
        name: "",
        version: "1.0",
        aliases: &[],
        summary: "",
        paper: "",
        when: "",
        given: Conditional::Refused,
        cost: CostClass::Light,
        accepts: Accepts::ANY,
        baseline: false,
        private: false,
        real_rows: false,
        checkpoint: false,
        anytime: false,
        deterministic: true,
        scores: &[],
        prepares: false,
    };

    /// Whether `name` means this member.
    pub fn answers_to(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name) || self.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name))
    }
}

/// The owned twin of [`About`], with the JSON Schema of the options.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MemberDoc {
    /// `synthesize` or `benchmark`.
    pub task: String,
    /// The name.
    pub name: String,
    /// `major.minor`.
    pub version: String,
    /// Other names.
    pub aliases: Vec<String>,
    /// One sentence.
    pub summary: String,
    /// Paper with DOI.
    pub paper: String,
    /// When to use it and when not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub when: String,
    /// Synthesizers: how they draw under conditions.
    #[serde(default, skip_serializing_if = "is_refused")]
    pub given: Conditional,
    /// How dear it is.
    pub cost: CostClass,
    /// What tables it takes.
    pub accepts: Accepts,
    /// A baseline.
    pub baseline: bool,
    /// Differentially private.
    pub private: bool,
    /// Its samples hold real rows.
    pub real_rows: bool,
    /// Writes resumable checkpoints.
    pub checkpoint: bool,
    /// Returns the best so far when time ends.
    pub anytime: bool,
    /// Same seed, same bytes.
    pub deterministic: bool,
    /// Benchmarks: ids of its scores.
    pub scores: Vec<ScoreDoc>,
    /// Benchmarks: has a shared preparation.
    pub prepares: bool,
    /// JSON Schema of the options.
    pub options: serde_json::Value,
}

fn is_refused(given: &Conditional) -> bool {
    *given == Conditional::Refused
}

/// The owned twin of [`ScoreAbout`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoreDoc {
    /// The id.
    pub id: String,
    /// Whether more is better.
    pub up: bool,
    /// Smallest and largest possible value.
    pub range: (Option<f64>, Option<f64>),
    /// Fair value, if a constant.
    pub fair: Option<f64>,
    /// Unit.
    pub unit: String,
}

impl MemberDoc {
    /// The owned form of a built-in's `ABOUT`.
    pub fn of(task: &str, about: &About, options: serde_json::Value) -> Self {
        let score = |s: &ScoreAbout| ScoreDoc { id: s.id.to_owned(), up: s.up, range: s.range, fair: s.fair, unit: s.unit.to_owned() };
        Self {
            task: task.to_owned(),
            name: about.name.to_owned(),
            version: about.version.to_owned(),
            aliases: about.aliases.iter().map(|alias| (*alias).to_owned()).collect(),
            summary: about.summary.to_owned(),
            paper: about.paper.to_owned(),
            when: about.when.to_owned(),
            given: about.given,
            cost: about.cost,
            accepts: about.accepts,
            baseline: about.baseline,
            private: about.private,
            real_rows: about.real_rows,
            checkpoint: about.checkpoint,
            anytime: about.anytime,
            deterministic: about.deterministic,
            scores: about.scores.iter().map(score).collect(),
            prepares: about.prepares,
            options,
        }
    }
}
