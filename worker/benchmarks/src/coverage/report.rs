//! Scores and details from what was found.

use super::CoverageOptions;
use super::balls::Regions;
use super::columns::{CATEGORY, ColumnCoverage, MISSING, RANGE, RARE};
use crate::folds::Estimate;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use synthfleet_proto::about::{Reason, ScoreAbout};
use synthfleet_proto::metadata::Kind;
use synthfleet_proto::score::{Score, Scored};
use synthfleet_table::Table;

const UNIT_RANGE: (Option<f64>, Option<f64>) = (Some(0.0), Some(1.0));

const fn share(id: &'static str, fair: Option<f64>) -> ScoreAbout {
    ScoreAbout { id, up: true, range: UNIT_RANGE, fair, unit: "share" }
}

const HEADLINE: ScoreAbout = share("coverage", None);
const PATTERN: ScoreAbout = share("coverage.missing_pattern", None);
const NN_COVERAGE: ScoreAbout = share("coverage.nn_coverage", Some(1.0 - 1.0 / 32.0));
const NN_DENSITY: ScoreAbout = ScoreAbout { id: "coverage.nn_density", up: true, range: (Some(0.0), None), fair: Some(1.0), unit: "ratio" };

/// Scores that are means over columns, and the measures of columns they are means of.
const OF_COLUMNS: [(ScoreAbout, &str); 7] = [
    (share("coverage.category_coverage", None), CATEGORY),
    (share("coverage.rare_coverage", None), RARE),
    (share("coverage.range_coverage", None), RANGE),
    (share("coverage.missing_similarity", None), MISSING),
    (share("coverage.statistic_mean", None), "statistic_mean"),
    (share("coverage.statistic_median", None), "statistic_median"),
    (share("coverage.statistic_std", None), "statistic_std"),
];

/// The scores, headline first.
pub const SCORES: [ScoreAbout; 11] = [
    HEADLINE,
    OF_COLUMNS[0].0,
    OF_COLUMNS[1].0,
    OF_COLUMNS[2].0,
    OF_COLUMNS[3].0,
    OF_COLUMNS[4].0,
    OF_COLUMNS[5].0,
    OF_COLUMNS[6].0,
    PATTERN,
    NN_COVERAGE,
    NN_DENSITY,
];

/// Most columns in the details.
const COLUMNS_MAX: usize = 2_000;

/// What was found of the table as a whole.
pub struct OfTable {
    /// Agreement of the patterns of gaps; `None` if a table has no rows.
    pub pattern: Option<Estimate>,
    /// Regions, or why there are none.
    pub regions: Result<Regions, Reason>,
    /// Rows of a side for regions.
    pub rows: usize,
    /// See [`Score::limited`].
    pub limited: Option<u64>,
}

/// A mean over columns.
struct Mean {
    estimate: Result<Estimate, Reason>,
    used: usize,
    total: usize,
}

/// Scores and details.
pub fn scored(real: &Table, columns: &[ColumnCoverage], table: &OfTable, options: &CoverageOptions) -> Scored {
    let means: BTreeMap<&str, Mean> = OF_COLUMNS.iter().map(|(_, measure)| (*measure, mean(columns, measure))).collect();
    let regions = |of: fn(&Regions) -> &Estimate| table.regions.as_ref().map(of).cloned().map_err(Reason::clone);
    let nn_coverage = regions(|regions| &regions.coverage);
    let parts = [CATEGORY, RANGE, MISSING].map(|measure| &means[measure].estimate);
    let defined: Vec<Estimate> = parts.into_iter().chain([&nn_coverage]).filter_map(|part| part.as_ref().ok().copied()).collect();
    let reason = || match &table.regions {
        Err(reason) => reason.clone(),
        Ok(_) => because("not_applicable", "no column has a value"),
    };
    let headline = if defined.is_empty() { Err(reason()) } else { Ok(Estimate::mean(&defined)) };
    let mut scores = vec![score(&HEADLINE, &headline).over(defined.len(), parts.len() + 1)];
    scores.extend(OF_COLUMNS.iter().map(|(about, measure)| {
        let mean = &means[measure];
        score(about, &mean.estimate).over(mean.used, mean.total)
    }));
    let pattern = table.pattern.ok_or_else(|| because("empty_table", "one of the tables has no rows"));
    scores.push(score(&PATTERN, &pattern));
    scores.extend([score(&NN_COVERAGE, &nn_coverage), score(&NN_DENSITY, &regions(|regions| &regions.density))]);
    for score in scores.iter_mut().filter(|score| [HEADLINE.id, NN_COVERAGE.id, NN_DENSITY.id].contains(&score.name.as_str())) {
        score.limited = table.limited;
    }
    let details = json!({
        "columns": details(real, columns), "columns_total": columns.len(), "sdmetrics": sdmetrics(real, columns),
        "options": options, "rows": table.rows,
    });
    Scored { scores, details }
}

/// No score has a value.
pub fn undefined(reason: &Reason, options: &CoverageOptions) -> Scored {
    let scores = SCORES.iter().map(|about| Score::undefined_for(about, reason)).collect();
    let details = json!({ "columns": [], "columns_total": 0, "sdmetrics": Value::Null, "options": options, "rows": 0 });
    Scored { scores, details }
}

fn because(code: &str, why: &str) -> Reason {
    Reason { code: code.to_owned(), why: why.to_owned() }
}

fn score(about: &ScoreAbout, estimate: &Result<Estimate, Reason>) -> Score {
    match estimate {
        Ok(estimate) => estimate.told(Score::new(about, estimate.value)),
        Err(reason) => Score::undefined_for(about, reason),
    }
}

fn of<'a>(column: &'a ColumnCoverage, measure: &str) -> Option<&'a Result<Estimate, Reason>> {
    column.measures.iter().find(|found| found.0 == measure).map(|found| &found.1)
}

/// The mean of a measure over the columns that have it; the commonest reason if none has a value.
fn mean(columns: &[ColumnCoverage], measure: &str) -> Mean {
    let found: Vec<&Result<Estimate, Reason>> = columns.iter().filter_map(|column| of(column, measure)).collect();
    let defined: Vec<Estimate> = found.iter().filter_map(|found| found.as_ref().ok().copied()).collect();
    let estimate = if defined.is_empty() { Err(commonest(&found)) } else { Ok(Estimate::mean(&defined)) };
    Mean { estimate, used: defined.len(), total: found.len() }
}

fn commonest(found: &[&Result<Estimate, Reason>]) -> Reason {
    let mut reasons: BTreeMap<&str, (usize, &Reason)> = BTreeMap::new();
    for reason in found.iter().filter_map(|found| found.as_ref().err()) {
        reasons.entry(&reason.code).or_insert((0, reason)).0 += 1;
    }
    let commonest = reasons.into_values().max_by_key(|(count, _)| *count);
    commonest.map_or_else(|| because("not_applicable", "the table has no column of this kind"), |(_, reason)| reason.clone())
}

/// One entry a column in the order of the description; the ones with the lowest values if there are too many.
fn details(real: &Table, columns: &[ColumnCoverage]) -> Vec<Value> {
    let lowest = |column: &ColumnCoverage| {
        let values = column.measures.iter().filter_map(|(_, found)| found.as_ref().ok().map(|estimate| estimate.value));
        values.fold(f64::INFINITY, f64::min)
    };
    let mut kept: Vec<&ColumnCoverage> = columns.iter().collect();
    kept.sort_by(|a, b| lowest(a).total_cmp(&lowest(b)).then(a.place.cmp(&b.place)));
    kept.truncate(COLUMNS_MAX);
    kept.sort_by_key(|column| column.place);
    kept.into_iter().map(|column| entry(real, column)).collect()
}

fn entry(real: &Table, column: &ColumnCoverage) -> Value {
    let meta = &real.metadata().columns[column.place];
    let (mut entry, mut undefined) = (json!({ "column": meta.name, "kind": meta.kind.name() }), Map::new());
    for (measure, found) in &column.measures {
        entry[*measure] = match found {
            Ok(estimate) => json!(estimate.value),
            Err(reason) => {
                undefined.insert((*measure).to_owned(), json!(reason.code));
                Value::Null
            }
        };
    }
    if !undefined.is_empty() {
        entry["undefined"] = Value::Object(undefined);
    }
    entry
}

/// Means as SDMetrics takes them over its tables.
fn sdmetrics(real: &Table, columns: &[ColumnCoverage]) -> Value {
    let mean_over = |measure: &str, takes: fn(Kind) -> bool| {
        let is_taken = |column: &&ColumnCoverage| takes(real.metadata().columns[column.place].kind);
        let values: Vec<f64> = columns
            .iter()
            .filter(is_taken)
            .filter_map(|column| of(column, measure)?.as_ref().ok().map(|estimate| estimate.value))
            .collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let labels = |kind: Kind| matches!(kind, Kind::Categorical | Kind::Boolean);
    json!({
        "CategoryCoverage": mean_over(CATEGORY, labels),
        "RangeCoverage": mean_over(RANGE, Kind::is_number_like),
        "MissingValueSimilarity": mean_over(MISSING, Kind::is_number_like),
        "StatisticSimilarity": mean_over("statistic_mean", Kind::is_number_like),
    })
}
