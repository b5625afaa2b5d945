//! `anonymity`: the three risks that data protection names, by attacks whose success on unseen rows is
//! subtracted.
//!
//! # Definition
//! T and H are seeded subsets of train and holdout of equal size `m = min(train, holdout, rows_max)`, S at
//! most `rows_max` sample rows; `min(attacks, m)` attacks on each side, on rows that all samples share.
//! Rates, residual risk and half-widths: [`synthfleet_stats::rates`].
//! - `anonymity.singling_out`: [`singling_out`], of two forms.
//! - `anonymity.linkability`: [`linkability`], the mean over splits.
//! - `anonymity.inference`: [`inference`], over secrets: the target and up to `secrets_max` other columns of most
//!   entropy, each from all other columns.
//! - `anonymity`: of the three.
//!
//! Of several attacks the one counts whose risk is best proven: see [`attack::worst`]. All are in the details.
//! A risk is 0 for rows of the same law and is shown as it is where it is negative. Intervals are two-sided at
//! .05, `bound_low` and `bound_high` one-sided at .05, divided by the number of forms or secrets. `used` of
//! `total` attacks beat a guesser; the others are marked `weak` and count all the same.
//!
//! # Details
//! `singling_out[..]`, `linkability[..]` (splits, with their `columns`), `inference[..]` (secrets): `name`,
//! `attacks`, `successes`, `rates`, `risk`, `low`, `high`, `weak`; `options`, `rows`.
//!
//! # Options
//! See [`AnonymityOptions`]. Row caps are halved while the planned memory is too small.
//!
//! # Limits
//! Fewer than three columns, or no predicate, or no secret that varies: `not_applicable`. Fewer than 100 rows
//! of train or of holdout: `too_few_rows`; no holdout: `no_holdout`.
//!
//! # Cost
//! attacks x sample rows x columns x (splits + secrets); exact.
//!
//! # Reference
//! Giomi et al. 2023, doi 10.56553/popets-2023-0055. Ours: ties are shared, a gap equals a gap, control rows
//! are as many as train rows instead of a fitted curve, train rows beyond m are attacked in further blocks,
//! rows that many predicates hit widen the interval, level shared over forms and secrets.

pub mod attack;
pub mod inference;
pub mod linkability;
pub mod predicates;
mod report;
pub mod singling_out;
mod ties;

use crate::member::{Benchmark, Case};
use crate::parts::encode16::{Column16, encode};
use crate::parts::named;
use crate::parts::threads::on_threads;
use attack::Attack;
use inference::Secret;
use linkability::Halves;
use rayon::prelude::*;
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

/// Scored on anonymity.
pub struct Anonymity;

/// Options of `anonymity`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AnonymityOptions {
    /// Most attacks of a kind on each side. 100 to 100,000; default 2,000.
    pub attacks: usize,
    /// Most rows of train, of holdout and of the sample. 1,000 to 200,000; default 20,000.
    pub rows_max: usize,
    /// Seeded splits of the columns for linkability. 1 to 16; default 4.
    pub splits: usize,
    /// Columns of one half for linkability, the others are the other half; empty: seeded splits.
    pub half: Vec<String>,
    /// Secret columns for inference; empty: the target and others of most entropy.
    pub secrets: Vec<String>,
    /// Most secret columns beside the target, where none is named. 0 to 100; default 10.
    pub secrets_max: usize,
    /// Columns that the attacker knows for inference; empty: all but the secret.
    pub known: Vec<String>,
    /// Largest error of a right guess, as a share of the true number. 0 to 1; default .05.
    pub tolerance: f64,
}

impl Default for AnonymityOptions {
    fn default() -> Self {
        Self {
            attacks: 2_000,
            rows_max: 20_000,
            splits: 4,
            half: Vec::new(),
            secrets: Vec::new(),
            secrets_max: 10,
            known: Vec::new(),
            tolerance: 0.05,
        }
    }
}

impl Options for AnonymityOptions {
    fn check(&self) -> Vec<Problem> {
        Problems::none()
            .within("attacks", self.attacks, ATTACKS_MIN..=100_000)
            .within("rows_max", self.rows_max, ROWS_MIN..=200_000)
            .within("splits", self.splits, 1..=16)
            .within("secrets_max", self.secrets_max, 0..=100)
            .within("tolerance", self.tolerance, 0.0..=1.0)
            .into_vec()
    }
}

/// Row caps are not halved below this.
const ROWS_MIN: usize = 1_000;

/// Fewest attacks, and fewest rows of a side.
const ATTACKS_MIN: usize = 100;

/// Bytes of a cell that is searched, at most: as patterns and tiles of some splits and secrets at a time.
const CELL_BYTES: u64 = 40;

/// Bytes of a train cell, at most: ordered, encoded.
const TRAIN_CELL_BYTES: u64 = 12;

const RISK: (Option<f64>, Option<f64>) = (None, Some(1.0));
const WORST: ScoreAbout = ScoreAbout { id: "anonymity", up: false, range: RISK, fair: Some(0.0), unit: "risk" };
const SINGLING_OUT: ScoreAbout = ScoreAbout { id: "anonymity.singling_out", ..WORST };
const LINKABILITY: ScoreAbout = ScoreAbout { id: "anonymity.linkability", ..WORST };
const INFERENCE: ScoreAbout = ScoreAbout { id: "anonymity.inference", ..WORST };

impl Benchmark for Anonymity {
    type Options = AnonymityOptions;
    const ABOUT: About = About {
        name: "anonymity",
        aliases: &["gdpr_risks"],
        summary: "Singling out, linkability and inference: success of attacks on train rows beyond that on unseen rows.",
        paper: "Giomi et al. 2023, doi 10.56553/popets-2023-0055",
        cost: CostClass::Medium,
        scores: &[WORST, SINGLING_OUT, LINKABILITY, INFERENCE],
        ..About::LIGHT
    };

    fn estimate(shape: &Shape, options: &Checked<Self::Options>) -> Cost {
        let columns = u64::from(shape.modelled());
        let m = shape.holdout_rows.min(shape.train_rows).min(options.rows_max as u64);
        let sample = shape.train_rows.min(options.rows_max as u64);
        let searches = 2 * options.splits as u64 + (options.secrets_max as u64 + 1).min(columns);
        let pairs = 2 * (options.attacks as u64).min(m) * sample * columns * searches;
        let peak_bytes = (shape.train_rows * TRAIN_CELL_BYTES + (m + sample) * CELL_BYTES) * columns;
        Cost { cpu_seconds: 1e-10 * pairs as f64, peak_bytes, model_bytes: 0 }
    }

    fn score(case: &Case, options: &Checked<Self::Options>, seed: &Seed, budget: &Budget) -> Result<Scored> {
        let wanted = Wanted::of(case, options, budget)?;
        let rows = Rows::choose(case, options, seed, budget);
        let counts = json!({ "compared": rows.m, "sample": rows.sample.len(), "attacks": rows.attacks });
        if let Some((code, why)) = why_not(case, &rows) {
            let scores = Self::ABOUT.scores.iter().map(|about| Score::undefined(about, code, why.clone())).collect();
            return Ok(Scored { scores, details: json!({ "options": **options, "rows": counts }) });
        }
        let tables = [&case.real.train, &case.real.holdout, &case.sample];
        let columns = encode(&tables, 2, &wanted.places, budget)?;
        let found = on_threads(budget, || {
            let singled_out = single_out(case, &rows, &wanted.places, seed, budget)?;
            budget.progress(0.3, "linkability");
            let linked = link(&columns, &wanted.halves, &rows, seed, budget)?;
            budget.progress(0.5, "inference");
            let inferred = infer(case, &columns, &wanted, &rows, options.tolerance, seed, budget)?;
            Ok(Found { singled_out, linked, inferred })
        })?;
        let mut scores = found.scores();
        scores.iter_mut().for_each(|score| score.limited = rows.limited.then_some(rows.m as u64));
        let name = |column: usize| case.sample.metadata().columns[wanted.places[column]].name.as_str();
        let mut details = found.details(&wanted.halves, name);
        (details["options"], details["rows"]) = (json!(**options), counts);
        Ok(Scored { scores, details })
    }
}

/// What the options ask for, as places of columns; places among the modelled ones in the order of names.
struct Wanted {
    places: Vec<usize>,
    halves: Vec<Halves>,
    /// Places of the secrets.
    secrets: Vec<usize>,
    /// Places of the columns known; empty: all.
    known: Vec<usize>,
}

impl Wanted {
    fn of(case: &Case, options: &AnonymityOptions, budget: &Budget) -> Result<Self> {
        let metadata = case.real.train.metadata();
        let places = named::modelled(metadata);
        let half = named::places(metadata, "half", &options.half)?;
        let halves = if half.is_empty() || half.len() == places.len() {
            linkability::halves(places.len(), options.splits, &case.real.shared.child("halves"))
        } else {
            let (first, second) = (0..places.len()).partition(|&column| half.contains(&places[column]));
            vec![[first, second]]
        };
        let mut secrets = named::places(metadata, "secrets", &options.secrets)?;
        if secrets.is_empty() {
            let target = metadata.target_position();
            let ranked = named::by_entropy(&case.real.train, &places, &case.real.shared, budget)?;
            let (first, mut others): (Vec<usize>, Vec<usize>) = ranked.into_iter().partition(|place| Some(*place) == target);
            others.truncate(options.secrets_max);
            secrets = [first, others].concat();
        }
        Ok(Self { halves, secrets, known: named::places(metadata, "known", &options.known)?, places })
    }
}

/// The rows that take part, by place in their table.
struct Rows {
    /// Rows of a block of train, and of the control.
    m: usize,
    /// Attacks on each side.
    attacks: usize,
    /// Blocks of m rows.
    train: Vec<u32>,
    control: Vec<u32>,
    sample: Vec<u32>,
    limited: bool,
}

impl Rows {
    fn choose(case: &Case, options: &AnonymityOptions, seed: &Seed, budget: &Budget) -> Self {
        let (n_t, n_h, n_s) = (case.real.train.rows(), case.real.holdout.rows(), case.sample.rows());
        let columns = case.sample.metadata().modelled().count() as u64;
        let (mut cap, mut limited) = (options.rows_max, false);
        let needed = |cap: usize| (n_t as u64 * TRAIN_CELL_BYTES + (n_h.min(cap) + n_s.min(cap)) as u64 * CELL_BYTES) * columns;
        while needed(cap) > budget.memory_bytes_max() / 2 && cap >= 2 * ROWS_MIN {
            (cap, limited) = (cap / 2, true);
        }
        let m = n_t.min(n_h).min(cap);
        let chosen = |seed: &Seed, rows: usize, most: usize| {
            let mut places = seed.rng().permutation(rows);
            places.truncate(most);
            places
        };
        Self {
            m,
            attacks: options.attacks.min(m),
            train: chosen(&case.real.shared.child("train"), n_t, n_t.checked_div(m).unwrap_or(0) * m),
            control: chosen(&case.real.shared.child("holdout"), n_h, m),
            sample: chosen(&seed.child("sample"), n_s, cap),
            limited,
        }
    }

    /// The rows that linkability and inference attack, and the sample's.
    fn attacked(&self) -> [&[u32]; 3] {
        [&self.train[..self.attacks], &self.control[..self.attacks], &self.sample]
    }
}

fn why_not(case: &Case, rows: &Rows) -> Option<(&'static str, String)> {
    let columns = case.sample.metadata().modelled().count();
    match () {
        () if columns == 0 => Some(("no_columns", "no column is modelled".to_owned())),
        () if columns < singling_out::COLUMNS => {
            Some(("not_applicable", format!("needs {} columns, has {columns}", singling_out::COLUMNS)))
        }
        () if rows.sample.is_empty() => Some(("empty_table", "the sample has no rows".to_owned())),
        () if rows.control.is_empty() => Some(("no_holdout", "there are no holdout rows".to_owned())),
        () if rows.m < ATTACKS_MIN => Some(("too_few_rows", format!("needs {ATTACKS_MIN} rows of train and of holdout, has {}", rows.m))),
        () => None,
    }
}

fn single_out(case: &Case, rows: &Rows, places: &[usize], seed: &Seed, budget: &Budget) -> Result<Vec<Attack>> {
    let tables = [&case.real.train, &case.real.holdout, &case.sample];
    let columns = predicates::encode(&tables, &[&rows.train, &rows.control, &rows.sample], places, budget)?;
    singling_out::attacks(&columns, rows.m, (ATTACKS_MIN, rows.attacks), &seed.child("singling_out"), budget)
}

fn link(columns: &[Column16], halves: &[Halves], rows: &Rows, seed: &Seed, budget: &Budget) -> Result<Vec<Attack>> {
    let attack = |(split, halves): (usize, &Halves)| {
        let seed = seed.child("linkability").index(split as u64);
        linkability::attack(format!("split_{}", split + 1), columns, halves, rows.attacked(), &seed, budget)
    };
    halves.par_iter().enumerate().map(attack).collect()
}

fn infer(
    case: &Case,
    columns: &[Column16],
    wanted: &Wanted,
    rows: &Rows,
    tolerance: f64,
    seed: &Seed,
    budget: &Budget,
) -> Result<Vec<Attack>> {
    let tables = [&case.real.train, &case.real.holdout, &case.sample];
    let attack = |&secret: &usize| {
        let is_known = |place: usize| place != secret && (wanted.known.is_empty() || wanted.known.contains(&place));
        let known: Vec<&Column16> =
            columns.iter().zip(&wanted.places).filter(|(_, place)| is_known(**place)).map(|(column, _)| column).collect();
        if known.is_empty() {
            return Ok(None);
        }
        let name = &case.real.train.metadata().columns[secret].name;
        let told = Secret::of(&tables, secret, tolerance);
        let seed = seed.child("inference").child(name);
        inference::attack(name.clone(), &known, &told, rows.attacked(), &seed, budget).map(Some)
    };
    let attacks: Vec<Option<Attack>> = wanted.secrets.par_iter().map(attack).collect::<Result<_>>()?;
    Ok(attacks.into_iter().flatten().collect())
}
