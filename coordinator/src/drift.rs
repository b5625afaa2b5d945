//! How far a table moved from an earlier one of its name, as far as their protected descriptions tell.
//!
//! # Definition
//! The score of a column is that of the benchmark `column_shapes`, with the earlier table as the real one:
//! - labels (categorical, ordinal, boolean): `1 - 1/2 sum |p - q|` over labels; labels of too few rows are one, those that
//!   are not listed are another;
//! - numbers: `1 - max |F - G|` over the edges of both histograms, with counts spread evenly within a bin.
//!
//! The drift is the mean over columns that both tables have with the same kind; missing cells are left out. Dates, ids and
//! texts have no distribution in a description and are not measured. A number's score is so exact as its bins are narrow,
//! at most the larger share of one bin off.

use std::collections::BTreeMap;
use synthfleet_proto::profile::{ColumnProfile, Histogram, Profile};

/// What became of one column.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnDrift {
    /// Its name.
    pub name: String,
    /// 1: as before, 0: nothing in common; `None`: not measured.
    pub score: Option<f64>,
    /// Share of missing cells before and now.
    pub missing: (f64, f64),
    /// Its kind before, where it changed.
    pub was: Option<&'static str>,
}

/// What became of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Drift {
    /// Mean over measured columns; `None`: there are none.
    pub score: Option<f64>,
    /// Columns of both, in the order of the later table.
    pub columns: Vec<ColumnDrift>,
    /// Columns that the earlier table had alone.
    pub gone: Vec<String>,
    /// Columns that the later table has alone.
    pub come: Vec<String>,
}

/// The drift from an earlier table to a later one.
pub fn drift(earlier: &Profile, later: &Profile) -> Drift {
    let before: BTreeMap<&str, &ColumnProfile> = earlier.columns.iter().map(|column| (column.name.as_str(), column)).collect();
    let columns: Vec<ColumnDrift> = later
        .columns
        .iter()
        .filter_map(|now| {
            let before = before.get(now.name.as_str())?;
            let changed = before.kind != now.kind;
            Some(ColumnDrift {
                name: now.name.clone(),
                score: if changed { None } else { column(before, now) },
                missing: (share(before.missing, earlier.table.rows), share(now.missing, later.table.rows)),
                was: changed.then(|| before.kind.name()),
            })
        })
        .collect();
    let measured: Vec<f64> = columns.iter().filter_map(|column| column.score).collect();
    let missing_in = |one: &Profile, other: &Profile| {
        let has = |name: &str| other.columns.iter().any(|column| column.name == name);
        one.columns.iter().filter(|column| !has(&column.name)).map(|column| column.name.clone()).collect()
    };
    Drift {
        score: (!measured.is_empty()).then(|| measured.iter().sum::<f64>() / measured.len() as f64),
        columns,
        gone: missing_in(earlier, later),
        come: missing_in(later, earlier),
    }
}

fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

fn column(before: &ColumnProfile, now: &ColumnProfile) -> Option<f64> {
    match (&before.numeric, &now.numeric) {
        (Some(before), Some(now)) => numbers(&before.histogram, &now.histogram),
        _ => labels(before, now),
    }
}

/// One less the total variation distance.
fn labels(before: &ColumnProfile, now: &ColumnProfile) -> Option<f64> {
    let counts = |column: &ColumnProfile| {
        let levels = column.levels.as_ref()?;
        // a name that no label can have stands for those that are not listed
        let listed = levels.iter().map(|level| (Some(level.value.clone()), level.count));
        let counts: BTreeMap<Option<String>, u64> = listed.chain([(None, column.levels_rest)]).collect();
        let total: u64 = counts.values().sum();
        (total > 0).then_some((counts, total))
    };
    let ((p, p_total), (q, q_total)) = (counts(before)?, counts(now)?);
    let of =
        |counts: &BTreeMap<Option<String>, u64>, total: u64, label: &Option<String>| share(counts.get(label).copied().unwrap_or(0), total);
    let both: std::collections::BTreeSet<&Option<String>> = p.keys().chain(q.keys()).collect();
    let apart: f64 = both.into_iter().map(|label| (of(&p, p_total, label) - of(&q, q_total, label)).abs()).sum();
    Some(1.0 - 0.5 * apart)
}

/// One less the Kolmogorov-Smirnov distance of two histograms.
fn numbers(before: &Histogram, now: &Histogram) -> Option<f64> {
    let both = [before, now];
    if both.iter().any(|histogram| histogram.counts.iter().sum::<u64>() == 0 || histogram.edges.len() != histogram.counts.len() + 1) {
        return None;
    }
    let edges = both.iter().flat_map(|histogram| &histogram.edges);
    // a constant column has one value and no width: looked at from both sides
    let distance = |at: &f64| {
        let above = (at_or_below(before, *at) - at_or_below(now, *at)).abs();
        above.max((below(before, *at) - below(now, *at)).abs())
    };
    Some(1.0 - edges.map(distance).fold(0.0, f64::max))
}

/// Share of values at most `at`.
fn at_or_below(histogram: &Histogram, at: f64) -> f64 {
    cumulated(histogram, |low, high| {
        if high <= at {
            1.0
        } else if low > at {
            0.0
        } else {
            (at - low) / (high - low)
        }
    })
}

/// Share of values less than `at`.
fn below(histogram: &Histogram, at: f64) -> f64 {
    cumulated(histogram, |low, high| {
        if low >= at {
            0.0
        } else if high <= at {
            1.0
        } else {
            (at - low) / (high - low)
        }
    })
}

fn cumulated(histogram: &Histogram, part: impl Fn(f64, f64) -> f64) -> f64 {
    let bins = histogram.edges.windows(2).zip(&histogram.counts);
    let total: u64 = histogram.counts.iter().sum();
    bins.map(|(edges, count)| share(*count, total) * part(edges[0], edges[1])).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn profile(rows: u64, columns: &[Value]) -> Profile {
        let columns: Vec<Value> = columns
            .iter()
            .enumerate()
            .map(|(place, column)| {
                let mut whole = json!({
                    "header": column["name"], "position": place, "role": "model", "storage": "utf8", "missing": 0, "missing_tokens": [],
                    "distinct": 2, "approximate": false, "constant": false, "sensitivity": {"class": "none"}, "notes": [], "override": [],
                });
                for (field, value) in column.as_object().expect("an object") {
                    whole[field] = value.clone();
                }
                whole
            })
            .collect();
        let mut told = crate::testing::worker::profile();
        told["table"]["rows"] = rows.into();
        told["columns"] = columns.into();
        serde_json::from_value(told).expect("a profile")
    }

    fn levels(name: &str, counts: &[(&str, u64)]) -> Value {
        let levels: Vec<Value> = counts.iter().map(|(value, count)| json!({"value": value, "count": count})).collect();
        json!({"name": name, "kind": "categorical", "levels": levels})
    }

    fn numeric(name: &str, edges: &[f64], counts: &[u64]) -> Value {
        let numbers = json!({
            "min": edges.first(), "max": edges.last(), "mean": 0.0, "std": 1.0, "quantiles": [], "zeros": 0, "negatives": 0, "integer": false,
            "decimals": null, "grain": null, "affix": null, "histogram": {"edges": edges, "counts": counts},
        });
        json!({"name": name, "kind": "continuous", "numeric": numbers})
    }

    fn score(before: &Value, now: &Value) -> Option<f64> {
        drift(&profile(100, std::slice::from_ref(before)), &profile(100, std::slice::from_ref(now))).score
    }

    #[test]
    fn labels_are_apart_by_their_total_variation() {
        let before = levels("a", &[("x", 50), ("y", 50)]);
        assert_eq!(score(&before, &before), Some(1.0));
        assert_eq!(score(&before, &levels("a", &[("x", 30), ("y", 10)])), Some(0.75));
        assert_eq!(score(&before, &levels("a", &[("z", 7)])), Some(0.0));
    }

    #[test]
    fn numbers_are_apart_by_their_largest_step() {
        let before = numeric("a", &[0.0, 1.0, 2.0], &[50, 50]);
        assert_eq!(score(&before, &before), Some(1.0));
        assert_eq!(score(&before, &numeric("a", &[0.0, 1.0, 2.0], &[75, 25])), Some(0.75));
        // the whole range moved by half of it
        assert_eq!(score(&before, &numeric("a", &[1.0, 2.0, 3.0], &[50, 50])), Some(0.5));
        assert_eq!(score(&before, &numeric("a", &[9.0, 9.0], &[4])), Some(0.0));
    }

    #[test]
    fn two_constants_are_equal_or_have_nothing_in_common() {
        let constant = |value| numeric("a", &[value, value], &[9]);
        assert_eq!((score(&constant(1.0), &constant(1.0)), score(&constant(1.0), &constant(2.0))), (Some(1.0), Some(0.0)));
    }

    #[test]
    fn columns_that_came_went_or_changed_are_told_and_not_measured() {
        let before = profile(100, &[levels("a", &[("x", 1)]), levels("b", &[("x", 1)]), levels("c", &[("x", 1)])]);
        let mut missing = levels("a", &[("x", 1)]);
        missing["missing"] = 25.into();
        let found = drift(&before, &profile(100, &[missing, numeric("c", &[0.0, 1.0], &[1]), levels("d", &[("x", 1)])]));
        assert_eq!((found.gone, found.come, found.score), (vec!["b".to_owned()], vec!["d".to_owned()], Some(1.0)));
        assert_eq!((found.columns[0].missing, found.columns[1].was, found.columns[1].score), ((0.0, 0.25), Some("categorical"), None));
    }
}
