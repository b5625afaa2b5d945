//! Benchmarks that not every job computes: nothing is shown of those that are absent.

use super::scores;
use crate::bundle::Bundle;
use crate::number::{percent, plain, score, score_or_dash};
use maud::{Markup, html};
use serde_json::Value;

/// Benchmarks that have a place of their own on the page.
const PLACED: [&str; 14] = [
    "accuracy",
    "alpha_beta",
    "anonymity",
    "column_shapes",
    "coverage",
    "detection",
    "diagnostic",
    "disclosure",
    "distances",
    "likelihood",
    "membership",
    "ml_efficacy",
    "pair_trends",
    "sdgym2020",
];
/// Rows of a table of columns or edges.
const ROWS_MAX: usize = 10;

/// A title, a sentence and all scores of `benchmark`, then `more`; nothing if it was not computed.
fn block(bundle: &Bundle, benchmark: &str, title: &str, text: &str, more: Markup) -> Markup {
    html! {
        @if scores::exist(bundle, benchmark) {
            h3 { (title) }
            p.small.quiet { (text) }
            (scores::table(bundle, benchmark))
            (more)
        }
    }
}

/// Validity, coverage, regions, likelihood, and what no other place shows.
pub fn likeness(bundle: &Bundle) -> Markup {
    let row = bundle.subject_row();
    html! {
        (block(bundle, "diagnostic", "Is the table valid?", "Columns, types, legal labels and ranges, keys, rules.", html! {}))
        (block(bundle, "coverage", "What of the real table is there?",
            "Levels, ranges, gaps and regions of the real table that the synthetic one has. Where extremes and rare labels were protected, less than 1 is what to expect.",
            uncovered(row.list("coverage", "columns"))))
        (block(bundle, "alpha_beta", "Real, varied, its own?",
            "Alpha-precision: rows lie where real rows lie. For beta-recall and authenticity more is not better: good is what held-out rows get; a copy has recall 1 and authenticity 0.",
            html! {}))
        (block(bundle, "likelihood", "Is each row as likely as it should be?",
            "S: mean log density of synthetic rows under the law of the real ones; T: of real rows under a model learnt from synthetic ones; in nats. S above that of held-out rows is a sign of collapse.",
            tree(row.list("likelihood", "tree"))))
        @for benchmark in unplaced(bundle) { (block(bundle, benchmark, benchmark, "A benchmark of the job's own.", html! {})) }
    }
}

/// Benchmarks with a score and no place, in order.
fn unplaced<'a>(bundle: &Bundle<'a>) -> std::collections::BTreeSet<&'a str> {
    let scores = bundle.subject_row().repeat().map(|repeat| repeat.scores.as_slice()).unwrap_or_default();
    scores.iter().filter_map(|score| score.name.split('.').next()).filter(|name| !PLACED.contains(name)).collect()
}

/// Columns with the lowest of their measures.
fn uncovered(columns: &[Value]) -> Markup {
    let lowest = |entry: &Value| -> Option<(String, String, f64)> {
        let measures = entry.as_object()?.iter().filter_map(|(name, value)| Some((name.clone(), value.as_f64()?)));
        let (name, value) = measures.min_by(|a, b| a.1.total_cmp(&b.1))?;
        Some((entry["column"].as_str()?.to_owned(), name, value))
    };
    let mut all: Vec<(String, String, f64)> = columns.iter().filter_map(lowest).filter(|(_, _, value)| *value < 1.0).collect();
    all.sort_by(|a, b| a.2.total_cmp(&b.2).then_with(|| a.0.cmp(&b.0)));
    html! {
        @if !all.is_empty() {
            div.scroll tabindex="0" {
                table {
                    thead { tr { th scope="col" { "Column" } th scope="col" { "Lowest measure" } th.n scope="col" { "Value" } } }
                    tbody { @for (column, measure, value) in all.into_iter().take(ROWS_MAX) { tr { td { (column) } td { (measure.replace('_', " ")) } td.n { (score(value)) } } } }
                }
            }
        }
    }
}

/// The strongest dependences of the real table's tree, and whether the synthetic table's tree has them.
fn tree(edges: &[Value]) -> Markup {
    let mut edges: Vec<&Value> = edges.iter().collect();
    edges.sort_by(|a, b| b["information"].as_f64().unwrap_or(0.0).total_cmp(&a["information"].as_f64().unwrap_or(0.0)));
    html! {
        @if !edges.is_empty() {
            div.scroll tabindex="0" {
                table {
                    thead { tr { th scope="col" { "Strongest dependences of the real table" } th.n scope="col" { "Information, nats" } th scope="col" { "In the synthetic tree" } } }
                    tbody {
                        @for edge in edges.into_iter().take(ROWS_MAX) {
                            tr {
                                td { (edge["from"].as_str().unwrap_or_default()) " – " (edge["to"].as_str().unwrap_or_default()) }
                                td.n { (score_or_dash(edge["information"].as_f64())) }
                                td { (match edge["in_sample"].as_bool() { Some(true) => "yes", Some(false) => "no", None => "–" }) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Anonymity and disclosure.
pub fn attacks(bundle: &Bundle) -> Markup {
    let row = bundle.subject_row();
    html! {
        (block(bundle, "anonymity", "Singling out, linking, inferring",
            "Success of an attack on learnt rows beyond its success on rows that nobody learnt from, as a share of what was left to gain: 0 is fair.",
            tried(row.details("anonymity"))))
        (block(bundle, "disclosure", "What a key tells of a secret", &keys(row.details("disclosure")), html! {}))
    }
}

/// Each attack of anonymity by itself.
fn tried(details: &Value) -> Markup {
    let families = ["singling_out", "linkability", "inference"];
    let all: Vec<(&str, &Value)> =
        families.iter().flat_map(|family| details[*family].as_array().into_iter().flatten().map(move |attack| (*family, attack))).collect();
    let count = |value: &Value| -> String {
        let mean = value.as_array().map(|blocks| blocks.iter().filter_map(Value::as_f64).sum::<f64>() / blocks.len().max(1) as f64);
        mean.or(value.as_f64()).map_or_else(|| "–".to_owned(), plain)
    };
    html! {
        @if !all.is_empty() {
            div.scroll tabindex="0" {
                table {
                    thead { tr { th scope="col" { "Attack" } th.n scope="col" { "Tried" } th.n scope="col" { "Hits on learnt rows" } th.n scope="col" { "On unseen rows" } th.n scope="col" { "Of a guesser" } th.n scope="col" { "Risk" } th.n scope="col" { "95 % interval" } th scope="col" {} } }
                    tbody {
                        @for (family, attack) in all {
                            tr {
                                td { (family.replace('_', " ")) ": " (attack["name"].as_str().unwrap_or_default()) }
                                td.n { (count(&attack["attacks"])) }
                                td.n { (count(&attack["successes"]["train"])) }
                                td.n { (count(&attack["successes"]["control"])) }
                                td.n { (count(&attack["successes"]["guesser"])) }
                                td.n { (score_or_dash(attack["risk"].as_f64())) }
                                td.n { @if let (Some(low), Some(high)) = (attack["low"].as_f64(), attack["high"].as_f64()) { (score(low)) " – " (score(high)) } }
                                td.small.quiet { @if attack["weak"] == true { "weak: no better than guessing" } }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn keys(details: &Value) -> String {
    let names = |field: &str| details[field].as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
    let (known, secret) = (names("known"), names("secret"));
    let of = if known.is_empty() || secret.is_empty() { String::new() } else { format!("Somebody knows {known} and wants {secret}. ") };
    let matched = details["matched"].as_f64().filter(|share| (0.0..=1.0).contains(share));
    let matched = matched.map(|share| format!(" {} of the keys occur in the synthetic table.", percent(share))).unwrap_or_default();
    format!("{of}Excess: how much more the synthetic table tells of learnt rows than of unseen ones, 0 is fair.{matched}")
}

/// The evaluator of SDGym 2020: scores, and each model's measures.
pub fn sdgym(bundle: &Bundle) -> Markup {
    let models = bundle.subject_row().list("sdgym2020", "models");
    let measures: std::collections::BTreeSet<&str> = models
        .iter()
        .filter_map(Value::as_object)
        .flatten()
        .filter(|(_, value)| value.is_number())
        .map(|(name, _)| name.as_str())
        .collect();
    let table = html! {
        @if !measures.is_empty() {
            div.scroll tabindex="0" {
                table {
                    thead { tr { th scope="col" { "Model" } @for measure in &measures { th.n scope="col" { (measure.replace('_', " ")) } } } }
                    tbody {
                        @for model in models {
                            tr { td { (model["model"].as_str().unwrap_or_default()) } @for measure in &measures { td.n { (score_or_dash(model[*measure].as_f64())) } } }
                        }
                    }
                }
            }
        }
    };
    let text = "Models with the settings of 2020 learn from synthetic rows and are tested on rows held out; held-out rows and the copy of train in the columns beside tell what real rows give. To be compared with what was published then, not to choose by.";
    block(bundle, "sdgym2020", "The evaluator of SDGym, 2020", text, table)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn columns_are_told_by_their_lowest_measure() {
        let columns = [
            json!({"column": "a", "kind": "categorical", "category_coverage": 1.0, "missing_similarity": 1.0, "undefined": {}}),
            json!({"column": "b", "kind": "continuous", "range_coverage": 0.5, "statistic_std": 0.75}),
        ];
        let table = uncovered(&columns).into_string();
        assert!(table.contains(">b<") && table.contains("range coverage") && !table.contains(">a<"), "{table}");
        assert_eq!(uncovered(&[]).into_string(), "");
    }

    #[test]
    fn attacks_are_told_one_by_one_and_weak_ones_as_such() {
        let attack = json!({"name": "one column", "attacks": 500, "successes": {"train": [12.0, 14.0], "control": 11.0, "guesser": 15.0},
            "risk": 0.004, "low": -0.01, "high": 0.02, "weak": true});
        let table = tried(&json!({"singling_out": [attack]})).into_string();
        assert!(table.contains("singling out: one column") && table.contains(">13<") && table.contains("weak"), "{table}");
        assert_eq!(tried(&Value::Null).into_string(), "");
    }

    #[test]
    fn what_is_absent_is_an_empty_sentence() {
        assert_eq!(tree(&[]).into_string(), "");
        assert!(keys(&json!({"known": ["a", "b"], "secret": ["c"], "matched": 0.25})).starts_with("Somebody knows a, b and wants c."));
        assert!(keys(&Value::Null).starts_with("Excess"));
    }
}
