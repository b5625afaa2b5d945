//! `accuracy`: how near are all one-, two- and three-way tables, relative to what sampling noise allows?
//!
//! # Definition
//! Every column is coded ([`crate::parts::quantile_codes`]). For a set of columns, p and q being the shares of
//! cells in the real table and the sample of n1 and n2 rows: `accuracy = 1 - sum |p - q| / 2`,
//! `ceiling = 1 - sum min(sqrt(2/pi p(1-p)(1/n1 + 1/n2)), 2p(1-p)) / 2`, which is what an honest sample
//! gets; the cap keeps sparse cells honest.
//! | score | is |
//! |---|---|
//! | `accuracy` | mean of the three below |
//! | `accuracy.univariate`, `.bivariate`, `.trivariate` | means over columns, pairs, triples; above 10,000 a sample of them, the same for all candidates |
//! | `accuracy.ceiling`, `.univariate_ceiling`, `.bivariate_ceiling`, `.trivariate_ceiling` | the same means of ceilings |
//! | `accuracy.component` | A of the verdict: `min(1, (bi + tri) / (ceiling_bi + ceiling_tri))`; 2 columns: bi alone; 1: uni |
//! | `accuracy.weighted_nmi_error` | `sum w \|NMI_real - NMI_sample\| / sum w` over pairs, w = NMI_real = I / sqrt(Hx Hy); down |
//! | `accuracy.nmi` | N of the verdict: 1 - that error |
//!
//! # Details
//! `columns[{column, accuracy, ceiling}]`, `pairs[{columns[2], accuracy, ceiling, nmi_real, nmi_sample}]` (the worst
//! 2,000 by gap to the ceiling), `triples` and `pairs_total`, `triples_total`, `notes[]`: `above_ceiling` if the
//! score lies more than three errors above its ceiling, a sign of copying.
//!
//! # Limits
//! At most `rows_max` rows a side, a seeded subset beyond. A copy with a tenth of its cells swapped still scores
//! .98: accuracy is used behind the privacy gate only.
//!
//! # Cost
//! rows x columns^3, triples capped.
//!
//! # Reference
//! mostlyai-qa's accuracy (quantile bins, ten top levels, total variation, ceiling without the cap).

use crate::folds::Estimate;
use crate::member::{Benchmark, Case};
use crate::parts::side::{Reference, Side};
use crate::parts::tables::{self, Coded, Set, Way};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::borrow::Cow;
use synthfleet_proto::about::{About, Cost, Reason, ScoreAbout, Shape};
use synthfleet_proto::options::{Checked, Options, Problem, Problems};
use synthfleet_proto::score::{Score, Scored};
use synthfleet_proto::{Result, Seed};
use synthfleet_table::random::Draw;
use synthfleet_table::{Budget, SeedExt, Table};

/// Scored on accuracy.
pub struct Accuracy;

/// Options of `accuracy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AccuracyOptions {
    /// Which real rows the sample is compared with.
    pub reference: Reference,
    /// Fewest rows of each side.
    pub rows_min: u32,
    /// Most rows of each side.
    pub rows_max: u32,
    /// Most pairs and most triples.
    pub sets_max: u32,
}

impl Default for AccuracyOptions {
    fn default() -> Self {
        Self { reference: Reference::Train, rows_min: 20, rows_max: 200_000, sets_max: 10_000 }
    }
}

impl Options for AccuracyOptions {
    fn check(&self) -> Vec<Problem> {
        let problems = Problems::none().within("rows_min", self.rows_min, 1..=1_000);
        problems.within("rows_max", self.rows_max, 20_000..=2_000_000).within("sets_max", self.sets_max, 100..=1_000_000).into_vec()
    }
}

const fn share(id: &'static str) -> ScoreAbout {
    ScoreAbout { id, up: true, range: (Some(0.0), Some(1.0)), fair: None, unit: "share" }
}

const SCORES: [ScoreAbout; 11] = [
    share("accuracy"),
    share("accuracy.univariate"),
    share("accuracy.bivariate"),
    share("accuracy.trivariate"),
    share("accuracy.ceiling"),
    share("accuracy.univariate_ceiling"),
    share("accuracy.bivariate_ceiling"),
    share("accuracy.trivariate_ceiling"),
    share("accuracy.component"),
    ScoreAbout { up: false, ..share("accuracy.weighted_nmi_error") },
    share("accuracy.nmi"),
];

/// Most pairs in the details.
const PAIRS_SHOWN_MAX: usize = 2_000;

impl Benchmark for Accuracy {
    type Options = AccuracyOptions;
    const ABOUT: About = About {
        name: "accuracy",
        summary: "Agreement of all one-, two- and three-way tables with what sampling noise allows.",
        paper: "mostlyai-qa, accuracy; ceiling with a cap",
        scores: &SCORES,
        ..About::LIGHT
    };

    fn estimate(shape: &Shape, options: &Checked<Self::Options>) -> Cost {
        let (rows, columns) = (2.0 * shape.train_rows.min(options.rows_max.into()) as f64, f64::from(shape.modelled()));
        let sets = (columns * columns * columns / 6.0).min(options.sets_max.into());
        Cost { cpu_seconds: sets * (4e-9 * rows + 2e-4), peak_bytes: (rows * columns) as u64 + (8 << 20), model_bytes: 0 }
    }

    fn score(case: &Case, options: &Checked<Self::Options>, seed: &Seed, budget: &Budget) -> Result<Scored> {
        let table = options.reference.of(&case.real)?;
        let fewest = table.rows().min(case.sample.rows());
        if let Some(reason) = refusal(&table, fewest, options.rows_min as usize) {
            return Ok(undefined(&reason));
        }
        let rows_max = options.rows_max as usize;
        let limited = table.rows().max(case.sample.rows()) > rows_max;
        let (real, sample) = (subset(&table, rows_max, &case.real.shared), subset(&case.sample, rows_max, seed));
        let coded = Coded::new(&Side::real(&real, case), &Side::new(&sample, seed), budget)?;
        let means = Means::of(&coded, options.sets_max as usize, &case.real.shared, budget)?;
        let mut scores = means.scores();
        if limited {
            let used = real.rows().min(sample.rows()) as u64;
            scores.iter_mut().for_each(|score| score.limited = Some(used));
        }
        Ok(Scored { scores, details: means.details(&coded, &table) })
    }
}

fn refusal(table: &Table, fewest: usize, rows_min: usize) -> Option<Reason> {
    let reason = |code: &str, why: String| Some(Reason { code: code.to_owned(), why });
    match () {
        () if fewest == 0 => reason("empty_table", "a table has no row".to_owned()),
        () if fewest < rows_min => reason("too_few_rows", format!("needs {rows_min} rows a side, there are {fewest}")),
        () if table.metadata().modelled().next().is_none() => reason("no_columns", "the table has no modelled column".to_owned()),
        () => None,
    }
}

fn undefined(reason: &Reason) -> Scored {
    Scored { scores: SCORES.iter().map(|about| Score::undefined_for(about, reason)).collect(), details: Value::Null }
}

fn subset<'a>(table: &'a Table, rows_max: usize, seed: &Seed) -> Cow<'a, Table> {
    if table.rows() <= rows_max {
        return Cow::Borrowed(table);
    }
    let mut rows = seed.child("rows").rng().permutation(table.rows());
    rows.truncate(rows_max);
    Cow::Owned(table.take(&rows))
}

/// The three means and what they consist of.
struct Means {
    /// Sets of one, two and three columns that were counted.
    ways: [Vec<Way>; 3],
    /// How many sets there are.
    totals: [usize; 3],
    /// Accuracy and ceiling, `None` if the table has too few columns.
    means: [Option<(Estimate, Estimate)>; 3],
    /// Weighted NMI error; `None` with one column or if no pair is related.
    nmi_error: Option<Estimate>,
}

impl Means {
    fn of(coded: &Coded, sets_max: usize, shared: &Seed, budget: &Budget) -> Result<Self> {
        let mut ways = [Vec::new(), Vec::new(), Vec::new()];
        let mut totals = [0; 3];
        for size in 1..=3 {
            let (sets, total) = tables::sets(coded.columns(), size, sets_max, &shared.child("sets").index(size as u64));
            totals[size - 1] = total;
            ways[size - 1] = coded.count(&sets, budget)?;
        }
        let mean = |ways: &Vec<Way>, part: fn(&Way) -> Estimate| Estimate::mean(&ways.iter().map(part).collect::<Vec<_>>());
        let both = |ways: &Vec<Way>| (!ways.is_empty()).then(|| (mean(ways, |way| way.accuracy), mean(ways, |way| way.ceiling)));
        let means = [both(&ways[0]), both(&ways[1]), both(&ways[2])];
        let nmi_error = tables::weighted_nmi_error(&ways[1]);
        Ok(Self { ways, totals, means, nmi_error })
    }

    fn scores(&self) -> Vec<Score> {
        let present: Vec<(Estimate, Estimate)> = self.means.iter().flatten().copied().collect();
        let overall = |part: fn(&(Estimate, Estimate)) -> Estimate| Some(Estimate::mean(&present.iter().map(part).collect::<Vec<_>>()));
        let accuracy = |way: usize| self.means[way].map(|mean| mean.0);
        let ceiling = |way: usize| self.means[way].map(|mean| mean.1);
        let nmi = self.nmi_error.map(|error| Estimate::combine(|at| 1.0 - at(&error)));
        let values = [
            overall(|mean| mean.0),
            accuracy(0),
            accuracy(1),
            accuracy(2),
            overall(|mean| mean.1),
            ceiling(0),
            ceiling(1),
            ceiling(2),
            Some(self.component()),
            self.nmi_error,
            nmi,
        ];
        values.into_iter().enumerate().map(|(which, value)| self.told(which, value)).collect()
    }

    /// Capped at 1: beyond the ceiling lies copying, not merit.
    fn component(&self) -> Estimate {
        let parts: Vec<(Estimate, Estimate)> = match self.means {
            [_, Some(pairs), Some(triples)] => vec![pairs, triples],
            [_, Some(pairs), None] => vec![pairs],
            [columns, ..] => columns.into_iter().collect(),
        };
        let sum =
            |at: &dyn Fn(&Estimate) -> f64, part: fn(&(Estimate, Estimate)) -> &Estimate| parts.iter().map(|p| at(part(p))).sum::<f64>();
        Estimate::combine(|at| (sum(at, |part| &part.0) / sum(at, |part| &part.1)).min(1.0))
    }

    fn told(&self, which: usize, value: Option<Estimate>) -> Score {
        let about = &SCORES[which];
        let Some(estimate) = value else {
            let unrelated = !self.ways[1].is_empty();
            let (code, why) =
                if unrelated { ("not_applicable", "no pair of columns is related") } else { ("no_columns", "too few modelled columns") };
            return Score::undefined(about, code, why);
        };
        let score = estimate.told(Score::new(about, estimate.value));
        match which {
            1..=3 => score.over(self.ways[which - 1].len(), self.totals[which - 1]),
            _ => score,
        }
    }

    fn details(&self, coded: &Coded, table: &Table) -> Value {
        let name = |column: usize| table.metadata().columns[coded.place(column)].name.as_str();
        let mut columns: Vec<&Way> = self.ways[0].iter().collect();
        columns.sort_by_key(|way| coded.place(way.set.0[0]));
        let columns: Vec<Value> = columns
            .into_iter()
            .map(|way| json!({"column": name(way.set.0[0]), "accuracy": way.accuracy.value, "ceiling": way.ceiling.value}))
            .collect();
        let mut pairs: Vec<&Way> = self.ways[1].iter().collect();
        let gap = |way: &Way| way.accuracy.value - way.ceiling.value;
        pairs.sort_by(|a, b| gap(a).total_cmp(&gap(b)).then_with(|| a.set.cmp(&b.set)));
        let pairs: Vec<Value> = pairs.into_iter().take(PAIRS_SHOWN_MAX).map(|way| pair_entry(way, &name)).collect();
        let notes: Vec<&str> = self.is_above_ceiling().then_some("above_ceiling").into_iter().collect();
        json!({
            "columns": columns, "pairs": pairs, "pairs_total": self.totals[1],
            "triples": self.ways[2].len(), "triples_total": self.totals[2], "notes": notes,
        })
    }

    fn is_above_ceiling(&self) -> bool {
        let scores = self.scores();
        let (overall, ceiling) = (&scores[0], &scores[4]);
        let limit = ceiling.value.zip(overall.error).map(|(ceiling, error)| ceiling + 3.0 * error);
        overall.value.zip(limit).is_some_and(|(value, limit)| value > limit)
    }
}

fn pair_entry<'a>(way: &Way, name: &impl Fn(usize) -> &'a str) -> Value {
    let Set([first, second, _]) = way.set;
    let nmi = way.nmi.as_ref();
    json!({
        "columns": [name(first), name(second)], "accuracy": way.accuracy.value, "ceiling": way.ceiling.value,
        "nmi_real": nmi.map(|nmi| nmi[0].value), "nmi_sample": nmi.map(|nmi| nmi[1].value),
    })
}
