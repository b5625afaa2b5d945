//! `disclosure`: what does the sample tell of a secret to someone who knows a key?
//!
//! # Definition
//! Keys, secrets and attribution as in [`keys`] and [`attribution`]. T and H are seeded subsets of train and
//! holdout of equal size; the other figures take up to `rows_max` rows of train and of the sample.
//! - `disclosure`, the excess: mean attribution over T minus that over H, rows without a match left out: 0 for
//!   a sample that saw neither, whatever the balance of the secret.
//! - SDMetrics' DisclosureProtection, `min(1, (1 - mean) / (1 - 1/k))`, k = product of the different values of
//!   the secret columns in train: `disclosure.cap_protection` (rows with a match),
//!   `disclosure.zero_cap_protection` (no match counts 0), `disclosure.generalized_cap_protection` (nearest
//!   keys, at most `generalized_max` rows a side).
//! - `disclosure.replicated_uniques`, `disclosure.disclosive_correct`: shares of train rows whose key is unique
//!   in train and in the sample; whose key has one secret in the sample, the right one. `.._excess`: the same
//!   over T minus that over H.
//!
//! Errors are those of means and of differences of means over real rows.
//!
//! # Details
//! `known`, `secret` (columns), `attribution{cap, zero_cap, generalized_cap, train, holdout}` (means),
//! `protection` (before it is divided), `baseline`, `matched`, `options`, `rows`.
//!
//! # Options
//! See [`DisclosureOptions`]. By default the secret is the target, else the column of most entropy, and the
//! key is the five other columns of most entropy.
//!
//! # Limits
//! No match at all: `cap` is undefined (`not_applicable`), never 0. Fewer than two columns: `not_applicable`.
//!
//! # Cost
//! Sorting of keys; the generalized form compares different keys, at most `generalized_max`².
//!
//! # Reference
//! Taub et al. 2018, doi 10.1007/978-3-319-99771-1_9; SDMetrics 0.32.0; Raab, Nowok, Dibben 2024,
//! arXiv 2406.16826.

pub mod attribution;
pub mod keys;
mod report;

use crate::member::{Benchmark, Case};
use crate::parts::named;
use crate::parts::threads::on_threads;
use attribution::Counted;
use keys::Tuples;
use report::Found;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use synthfleet_proto::about::{About, Cost, CostClass, ScoreAbout, Shape};
use synthfleet_proto::options::{Checked, Options, Problem, Problems};
use synthfleet_proto::score::{Score, Scored};
use synthfleet_proto::{Result, Seed};
use synthfleet_table::random::Draw;
use synthfleet_table::{Budget, SeedExt};

/// Scored on disclosure.
pub struct Disclosure;

/// Options of `disclosure`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DisclosureOptions {
    /// Columns that the attacker knows; empty: five columns of most entropy.
    pub known: Vec<String>,
    /// Columns that are secret; empty: the target, else the column of most entropy.
    pub secret: Vec<String>,
    /// Most rows of each table. 1,000 to 1,000,000; default 100,000.
    pub rows_max: usize,
    /// Most rows of each table for the nearest keys. 100 to 50,000; default 5,000.
    pub generalized_max: usize,
}

impl Default for DisclosureOptions {
    fn default() -> Self {
        Self { known: Vec::new(), secret: Vec::new(), rows_max: 100_000, generalized_max: 5_000 }
    }
}

impl Options for DisclosureOptions {
    fn check(&self) -> Vec<Problem> {
        let both: Vec<&str> = self.known.iter().filter(|name| self.secret.contains(name)).map(String::as_str).collect();
        Problems::none()
            .within("rows_max", self.rows_max, 1_000..=1_000_000)
            .within("generalized_max", self.generalized_max, 100..=50_000)
            .holds("known", both.join(", "), both.is_empty(), "columns that are not secret")
            .into_vec()
    }
}

/// Columns of a key that nobody named.
const KNOWN: usize = 5;

/// Bytes of a cell of a key, at most: codes, tuples, their pairs.
const CELL_BYTES: u64 = 40;

const fn about(id: &'static str, up: bool, excess: bool) -> ScoreAbout {
    let range = if excess { (Some(-1.0), Some(1.0)) } else { (Some(0.0), Some(1.0)) };
    ScoreAbout { id, up, range, fair: if excess { Some(0.0) } else { None }, unit: "share" }
}

const EXCESS: ScoreAbout = about("disclosure", false, true);
const CAP: ScoreAbout = about("disclosure.cap_protection", true, false);
const ZERO_CAP: ScoreAbout = about("disclosure.zero_cap_protection", true, false);
const GENERALIZED: ScoreAbout = about("disclosure.generalized_cap_protection", true, false);
const UNIQUES: ScoreAbout = about("disclosure.replicated_uniques", false, false);
const UNIQUES_EXCESS: ScoreAbout = about("disclosure.replicated_uniques_excess", false, true);
const CORRECT: ScoreAbout = about("disclosure.disclosive_correct", false, false);
const CORRECT_EXCESS: ScoreAbout = about("disclosure.disclosive_correct_excess", false, true);
const SCORES: [ScoreAbout; 8] = [EXCESS, CAP, ZERO_CAP, GENERALIZED, UNIQUES, UNIQUES_EXCESS, CORRECT, CORRECT_EXCESS];

impl Benchmark for Disclosure {
    type Options = DisclosureOptions;
    const ABOUT: About = About {
        name: "disclosure",
        aliases: &["disclosure_protection"],
        summary: "What a key tells of a secret column in the sample, of train rows beyond that of unseen rows.",
        paper: "Taub et al. 2018, doi 10.1007/978-3-319-99771-1_9; SDMetrics 0.32; Raab et al. 2024, arXiv 2406.16826",
        cost: CostClass::Light,
        scores: &SCORES,
        ..About::LIGHT
    };

    fn estimate(shape: &Shape, options: &Checked<Self::Options>) -> Cost {
        let rows = 2 * shape.train_rows.min(options.rows_max as u64) + shape.holdout_rows.min(options.rows_max as u64);
        let columns = (options.known.len().max(KNOWN) + options.secret.len().max(1)) as u64;
        let keys = shape.train_rows.min(options.generalized_max as u64);
        let cpu_seconds = 2e-7 * (rows * columns) as f64 + 2e-9 * (keys * keys) as f64;
        Cost { cpu_seconds, peak_bytes: rows * columns * CELL_BYTES, model_bytes: 0 }
    }

    fn score(case: &Case, options: &Checked<Self::Options>, seed: &Seed, budget: &Budget) -> Result<Scored> {
        budget.go_on()?;
        let columns = Columns::of(case, options, budget)?;
        let names = |places: &[usize]| places.iter().map(|&place| &case.sample.metadata().columns[place].name).collect::<Vec<_>>();
        let (cap, limited) = rows_max(case, options, &columns, budget);
        let chosen = |seed: &Seed, rows: usize| {
            let mut places = seed.rng().permutation(rows);
            places.truncate(cap);
            places
        };
        let train = chosen(&case.real.shared.child("train"), case.real.train.rows());
        let holdout = chosen(&case.real.shared.child("holdout"), case.real.holdout.rows());
        let sample = chosen(&seed.child("sample"), case.sample.rows());
        let mut details = json!({
            "known": names(&columns.known), "secret": names(&columns.secret), "options": **options,
            "rows": { "train": train.len(), "compared": train.len().min(holdout.len()), "sample": sample.len() },
        });
        if let Some((code, why)) = why_not(case, &columns) {
            let scores = SCORES.iter().map(|about| Score::undefined(about, code, why.clone())).collect();
            return Ok(Scored { scores, details });
        }
        let sides = [(&case.real.train, &train[..]), (&case.real.holdout, &holdout[..]), (&case.sample, &sample[..])];
        let keys = Tuples::of(&sides, &columns.known, budget)?;
        let secrets = Tuples::of(&sides, &columns.secret, budget)?;
        let counted = Counted::of(&keys, &secrets);
        let generalized = on_threads(budget, || counted.generalized(0, options.generalized_max, budget))?;
        let found = Found::of(&counted, train.len(), holdout.len(), generalized);
        let mut scores = found.scores();
        scores.iter_mut().for_each(|score| score.limited = limited.then_some(train.len() as u64));
        if train.len().max(sample.len()) > options.generalized_max {
            scores[3].limited = Some(options.generalized_max as u64);
        }
        found.tell(&mut details);
        Ok(Scored { scores, details })
    }
}

/// Places of the key's and of the secret's columns.
struct Columns {
    known: Vec<usize>,
    secret: Vec<usize>,
}

impl Columns {
    fn of(case: &Case, options: &DisclosureOptions, budget: &Budget) -> Result<Self> {
        let (metadata, train) = (case.real.train.metadata(), &case.real.train);
        let modelled = named::modelled(metadata);
        let ranked = named::by_entropy(train, &modelled, &case.real.shared, budget)?;
        let (mut known, mut secret) =
            (named::places(metadata, "known", &options.known)?, named::places(metadata, "secret", &options.secret)?);
        if secret.is_empty() {
            let target = metadata.target_position().filter(|place| modelled.contains(place) && !known.contains(place));
            secret.extend(target.or_else(|| ranked.iter().copied().find(|place| !known.contains(place))));
        }
        if known.is_empty() {
            known.extend(ranked.into_iter().filter(|place| !secret.contains(place)).take(KNOWN));
        }
        Ok(Self { known, secret })
    }
}

/// The row cap that the planned memory allows, and whether it is below what was asked for.
fn rows_max(case: &Case, options: &DisclosureOptions, columns: &Columns, budget: &Budget) -> (usize, bool) {
    let width = (columns.known.len() + columns.secret.len()) as u64;
    let rows = [&case.real.train, &case.real.holdout, &case.sample].map(|table| table.rows());
    let mut cap = options.rows_max;
    while rows.iter().map(|&rows| rows.min(cap) as u64).sum::<u64>() * width * CELL_BYTES > budget.memory_bytes_max() / 2 && cap >= 2_000 {
        cap /= 2;
    }
    (cap, cap < options.rows_max)
}

fn why_not(case: &Case, columns: &Columns) -> Option<(&'static str, String)> {
    match () {
        () if case.sample.metadata().modelled().next().is_none() => Some(("no_columns", "no column is modelled".to_owned())),
        () if case.sample.rows() == 0 => Some(("empty_table", "the sample has no rows".to_owned())),
        () if case.real.train.rows() == 0 => Some(("empty_table", "there are no train rows".to_owned())),
        () if columns.known.is_empty() || columns.secret.is_empty() => {
            Some(("not_applicable", "needs a column that varies as key and another as secret".to_owned()))
        }
        () => None,
    }
}
