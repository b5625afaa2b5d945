//! `diagnostic`: is the synthetic table valid?
//!
//! # Definition
//! | score | is |
//! |---|---|
//! | `diagnostic` | mean of `data_validity` and `structure`: both tables have the types of one description |
//! | `diagnostic.data_validity` (profile `sdmetrics`) | mean over columns and checks; legal is what the real table alone has |
//! | `diagnostic.data_structure` (profile `sdmetrics`) | shared / all (column name, type that a CSV reader infers) |
//! | `diagnostic.sdmetrics` (profile `sdmetrics`) | mean of the two above: a reader takes whole numbers with a missing cell for another type than without, so a copy that lacks the one missing cell loses here |
//! | `diagnostic.structure` | gate: columns that can be written in the type the description states, of all |
//! | `diagnostic.validity` | gate: smallest check of a column; legal is what the description says, so rare labels of an honest holdout pass |
//! | `diagnostic.keys` | gate: uniqueness of the key |
//! | `diagnostic.pii_copy` | gate: largest excess of copied identifying values over the holdout's; its lower bound is one-sided at .05 over all columns |
//! | `diagnostic.constraint_validity` | gate, of tables with constraints alone: mean over constraints of the share of rows that keep them |
//!
//! Checks ([`crate::parts::checks`]): number-like columns have BoundaryAdherence, instants also
//! DatetimeFormatAdherence, discrete ones CategoryAdherence, ids with a pattern RegexFormatAdherence, the key
//! KeyUniqueness. Rows with a missing cell in a constraint's columns are neutral to it; combinations are legal if train or
//! holdout has them, so an honest holdout passes.
//!
//! # Details
//! `checks[{column, check, score, gate, undefined?, why?}]`: `score` by the parity rule, `gate` by the gate's;
//! `structure[{column, real, sample}]` where the types differ; `pii[{column, excess, error}]`; with
//! constraints `constraints[{constraint, kept, of, score}]`.
//!
//! # Limits
//! A sample has the description of the real table, so a column cannot be missing here. In the parity profile a
//! real column without values makes every synthetic value wrong; the gate calls it undefined.
//!
//! # Cost
//! rows x columns.
//!
//! # Reference
//! DiagnosticReport of SDMetrics 0.32.

use crate::member::{Benchmark, Case};
use crate::parts::checks::{self, Rule};
use crate::parts::each::each;
use crate::parts::{physical, pii};
use serde_json::{Value, json};
use synthfleet_proto::about::{About, Cost, Reason, ScoreAbout, Shape};
use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata, Role};
use synthfleet_proto::options::{Checked, NoOptions};
use synthfleet_proto::score::{Score, Scored};
use synthfleet_proto::{Result, Seed};
use synthfleet_stats::normal;
use synthfleet_table::rules::{self, Kept};
use synthfleet_table::{Budget, Table};

/// Scored on validity.
pub struct Diagnostic;

const fn share(id: &'static str) -> ScoreAbout {
    ScoreAbout { id, up: true, range: (Some(0.0), Some(1.0)), fair: Some(1.0), unit: "share" }
}

const SCORES: [ScoreAbout; 9] = [
    share("diagnostic"),
    share("diagnostic.data_validity"),
    share("diagnostic.data_structure"),
    share("diagnostic.sdmetrics"),
    share("diagnostic.structure"),
    share("diagnostic.validity"),
    share("diagnostic.keys"),
    ScoreAbout { id: "diagnostic.pii_copy", up: false, range: (Some(-1.0), Some(1.0)), fair: Some(0.0), unit: "share" },
    share("diagnostic.constraint_validity"),
];
/// Those of SDMetrics' rule.
const PARITY: std::ops::Range<usize> = 1..4;
/// Where copies of identifying values stand.
const OF_COPIES: usize = 7;
/// Where the score stands that tables without constraints do not have.
const OF_CONSTRAINTS: usize = 8;

impl Benchmark for Diagnostic {
    type Options = NoOptions;
    const ABOUT: About = About {
        name: "diagnostic",
        version: "1.1",
        summary: "Legal values, unique keys, legal formats, the same columns, no copied identifiers.",
        paper: "SDMetrics 0.32, DiagnosticReport",
        scores: &SCORES,
        ..About::LIGHT
    };

    fn scores(metadata: &Metadata) -> &'static [ScoreAbout] {
        const ALL: &[ScoreAbout] = &SCORES;
        if metadata.constraints.is_empty() { &ALL[..OF_CONSTRAINTS] } else { ALL }
    }

    fn estimate(shape: &Shape, _: &Checked<NoOptions>) -> Cost {
        let cells = (shape.train_rows * 2 + shape.holdout_rows) as f64 * f64::from(shape.modelled() + shape.other);
        Cost { cpu_seconds: 1e-7 * cells, peak_bytes: shape.train_rows * 128, model_bytes: 0 }
    }

    fn score(case: &Case, _: &Checked<NoOptions>, _: &Seed, budget: &Budget) -> Result<Scored> {
        let (real, sample) = (&case.real.train, &case.sample);
        let places: Vec<usize> = (0..real.width()).filter(|&place| is_written(&real.metadata().columns[place])).collect();
        let mut rows: Vec<Check> = each(budget, places.len(), |index| Ok(checks_of(real, sample, places[index])))?.concat();
        rows.extend(key_check(real, sample));
        let structure = Structure::of(real, sample, &places);
        let copies = each(budget, places.len(), |index| Ok(copies_of(case, places[index])))?;
        let copies: Vec<Copies> = copies.into_iter().flatten().collect();
        let mut scored = Scored { scores: scores(&rows, &structure, &copies, case), details: details(&rows, &structure, &copies) };
        if !real.metadata().constraints.is_empty() {
            let rules = rules::bind(real.metadata())?;
            let tables = [real, &case.real.holdout];
            let kept = each(budget, rules.len(), |index| rules::kept(&rules[index], &tables, sample, budget))?;
            scored.scores.push(constraint_validity(&kept));
            scored.details["constraints"] = kept_rules(&kept, real.metadata());
        }
        Ok(scored)
    }
}

fn is_written(meta: &ColumnMeta) -> bool {
    matches!(meta.role, Role::Model | Role::Generate)
}

/// One check of one column under both rules.
#[derive(Debug, Clone)]
struct Check {
    column: String,
    name: &'static str,
    parity: Result<f64, Reason>,
    gate: Result<f64, Reason>,
}

const KEY: &str = "KeyUniqueness";

fn checks_of(real: &Table, sample: &Table, place: usize) -> Vec<Check> {
    let meta = &real.metadata().columns[place];
    let mut rows = Vec::new();
    let mut add = |name: &'static str, of: &dyn Fn(Rule) -> Result<f64, Reason>| {
        rows.push(Check { column: meta.name.clone(), name, parity: of(Rule::RealTable), gate: of(Rule::Description) });
    };
    match meta.kind {
        Kind::Continuous | Kind::Datetime => {
            add("BoundaryAdherence", &|rule| checks::boundary(real, sample, place, rule));
            if meta.date.is_some() {
                add("DatetimeFormatAdherence", &|_| Ok(1.0));
            }
        }
        Kind::Categorical | Kind::Ordinal | Kind::Boolean => add("CategoryAdherence", &|rule| checks::category(real, sample, place, rule)),
        Kind::Id => {
            if let Some(pattern) = &meta.regex {
                add("RegexFormatAdherence", &|rule| checks::format(real, sample, place, pattern, rule));
            }
        }
        Kind::Text | Kind::Empty => {}
    }
    rows
}

fn key_check(real: &Table, sample: &Table) -> Option<Check> {
    let key = &real.metadata().key;
    let places: Vec<usize> = key.iter().filter_map(|name| real.metadata().position(name)).collect();
    let unique = checks::key(sample, &places);
    (!places.is_empty()).then(|| Check { column: key.join(", "), name: KEY, parity: unique.clone(), gate: unique })
}

struct Structure {
    /// Column, type in the real table, type in the sample, as a CSV reader sees them.
    different: Vec<(String, &'static str, &'static str)>,
    columns: usize,
    unfit: usize,
}

impl Structure {
    fn of(real: &Table, sample: &Table, places: &[usize]) -> Self {
        let types = places
            .iter()
            .map(|&place| (real.metadata().columns[place].name.clone(), physical::in_csv(real, place), physical::in_csv(sample, place)));
        let unfit = places.iter().filter(|&&place| !physical::fits_storage(sample, place)).count();
        Self { different: types.filter(|(_, real, sample)| real != sample).collect(), columns: places.len(), unfit }
    }

    /// Shared of all pairs of name and type: a column that differs is in the union twice.
    fn parity(&self) -> f64 {
        (self.columns - self.different.len()) as f64 / (self.columns + self.different.len()) as f64
    }

    fn gate(&self) -> f64 {
        (self.columns - self.unfit) as f64 / (self.columns + self.unfit) as f64
    }
}

struct Copies {
    column: String,
    excess: f64,
    error: f64,
}

fn copies_of(case: &Case, place: usize) -> Option<Copies> {
    let meta = &case.real.train.metadata().columns[place];
    let identifies = meta.role == Role::Generate || meta.sensitivity.as_ref().is_some_and(|sensitivity| sensitivity.direct);
    let found = identifies.then(|| pii::excess(&case.real.train, &case.real.holdout, &case.sample, place));
    found.flatten().map(|(excess, error)| Copies { column: meta.name.clone(), excess, error })
}

fn scores(rows: &[Check], structure: &Structure, copies: &[Copies], case: &Case) -> Vec<Score> {
    let defined: Vec<f64> = rows.iter().filter_map(|row| row.parity.clone().ok()).collect();
    let validity = defined.iter().sum::<f64>() / defined.len() as f64;
    let with_validity = |structure: f64| {
        let properties: Vec<f64> = [validity, structure].into_iter().filter(|value| value.is_finite()).collect();
        properties.iter().sum::<f64>() / properties.len() as f64
    };
    let gates = |is_key: bool| rows.iter().filter(move |row| (row.name == KEY) == is_key).filter_map(|row| row.gate.clone().ok());
    let values = [
        (with_validity(structure.gate()), "no_columns", "the table has no column"),
        (validity, "not_applicable", "no check applies to any column"),
        (structure.parity(), "no_columns", "the table has no column"),
        (with_validity(structure.parity()), "no_columns", "the table has no column"),
        (structure.gate(), "no_columns", "the table has no column"),
        (gates(false).fold(f64::NAN, f64::min), "not_applicable", "no check applies to any column"),
        (gates(true).fold(f64::NAN, f64::min), "not_applicable", "the table has no key"),
    ];
    let told = |(value, code, why): (f64, &str, &str), about| {
        if value.is_finite() { Score::new(about, value) } else { Score::undefined(about, code, why) }
    };
    let mut scores: Vec<Score> = values.into_iter().zip(&SCORES).map(|(value, about)| told(value, about)).collect();
    scores[PARITY].iter_mut().for_each(|score| score.profile = Some("sdmetrics".to_owned()));
    scores[1] = scores[1].clone().over(defined.len(), rows.len());
    scores.push(copied(copies, case));
    scores
}

fn copied(copies: &[Copies], case: &Case) -> Score {
    let about = &SCORES[OF_COPIES];
    let point = -normal::quantile(0.05 / copies.len().max(1) as f64);
    match copies.iter().max_by(|a, b| a.excess.total_cmp(&b.excess)) {
        Some(worst) => {
            let mut score = Score::new(about, worst.excess).with_error(worst.error);
            score.bound_low = copies.iter().map(|one| one.excess - point * one.error).reduce(f64::max);
            score.bound_high = copies.iter().map(|one| one.excess + point * one.error).reduce(f64::max);
            score
        }
        None if case.real.holdout.rows() == 0 => Score::undefined(about, "no_holdout", "there is no holdout to compare with"),
        None => Score::undefined(about, "not_applicable", "no column identifies anybody"),
    }
}

fn constraint_validity(kept: &[Kept]) -> Score {
    let about = &SCORES[OF_CONSTRAINTS];
    let shares: Vec<f64> = kept.iter().filter_map(Kept::share).collect();
    if shares.is_empty() {
        return Score::undefined(about, "all_missing", "each row has a missing cell in the columns of every constraint");
    }
    Score::new(about, shares.iter().sum::<f64>() / shares.len() as f64).over(shares.len(), kept.len())
}

fn kept_rules(kept: &[Kept], metadata: &Metadata) -> Value {
    let told = metadata.constraints.iter().zip(kept);
    told.map(|(rule, one)| json!({"constraint": rule.to_string(), "kept": one.kept, "of": one.of, "score": one.share()})).collect()
}

fn details(rows: &[Check], structure: &Structure, copies: &[Copies]) -> Value {
    let check = |row: &Check| {
        let mut entry = json!({"column": row.column, "check": row.name, "score": row.parity.as_ref().ok(), "gate": row.gate.as_ref().ok()});
        if let Some(reason) = row.parity.as_ref().err().or(row.gate.as_ref().err()) {
            entry["undefined"] = json!(reason.code);
            entry["why"] = json!(reason.why);
        }
        entry
    };
    let differs = structure.different.iter().map(|(column, real, sample)| json!({"column": column, "real": real, "sample": sample}));
    let copy = |one: &Copies| json!({"column": one.column, "excess": one.excess, "error": one.error});
    json!({
        "checks": rows.iter().map(check).collect::<Vec<_>>(),
        "structure": differs.collect::<Vec<_>>(),
        "pii": copies.iter().map(copy).collect::<Vec<_>>(),
    })
}
