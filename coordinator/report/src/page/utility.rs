//! Section 9: models trained on the synthetic table, tested on rows that were held out.

use super::scores;
use crate::bundle::Bundle;
use crate::number::{plain, score_or_dash};
use maud::{Markup, html};
use serde_json::Value;

/// Columns in the table of importance.
const COLUMNS_MAX: usize = 12;

/// Models trained on synthetic and on real rows beside each other, then all scores.
pub fn section(bundle: &Bundle) -> Markup {
    let Some(target) = &bundle.results.table.target else {
        return html! { p.empty { "The table has no target, so no model was trained." } };
    };
    let models = bundle.subject_row().list("ml_efficacy", "models");
    html! {
        p {
            "Models of " strong { (target) } " are trained on synthetic rows and on as many real ones, and both are tested on rows that were held out. "
            "1 means that training on synthetic rows loses nothing."
        }
        @if !models.is_empty() {
            (measures(models))
            (importance(&models[0]))
        }
        h3 { "All scores" }
        (scores::table(bundle, "ml_efficacy"))
    }
}

fn measures(models: &[Value]) -> Markup {
    let rows = models.iter().flat_map(|model| {
        let measures = model["tstr"].as_object().into_iter().flatten();
        measures.filter(|(_, value)| value.is_number()).map(move |(name, value)| (model, name, value.as_f64()))
    });
    html! {
        div.scroll {
            table {
                thead { tr { th scope="col" { "Model" } th scope="col" { "Measure" } th.n scope="col" { "Trained on synthetic rows" } th.n scope="col" { "Trained on real rows" } } }
                tbody {
                    @for (model, name, value) in rows {
                        tr {
                            td { (model["model"].as_str().unwrap_or_default()) }
                            td { (name.replace('_', " ")) }
                            td.n { (score_or_dash(value)) }
                            td.n { (score_or_dash(model["trtr"][name.as_str()].as_f64())) }
                        }
                    }
                }
            }
        }
    }
}

/// Ranks of importance in both models, the most important real ones first.
fn importance(model: &Value) -> Markup {
    let mut columns: Vec<&Value> = model["importance"].as_array().into_iter().flatten().collect();
    let rank = |entry: &Value, side: &str| entry[side].as_f64();
    columns.sort_by(|a, b| rank(a, "trtr_rank").unwrap_or(f64::MAX).total_cmp(&rank(b, "trtr_rank").unwrap_or(f64::MAX)));
    let shown = |rank: Option<f64>| rank.map_or_else(|| "–".to_owned(), plain);
    html! {
        @if !columns.is_empty() {
            h3 { "What the model " (model["model"].as_str().unwrap_or_default()) " looks at" }
            p.small.quiet { "Ranks of importance, 1 is most; correlation of the ranks " (score_or_dash(model["importance_correlation"].as_f64())) "." }
            div.scroll {
                table {
                    thead { tr { th scope="col" { "Column" } th.n scope="col" { "Trained on real rows" } th.n scope="col" { "Trained on synthetic rows" } } }
                    tbody {
                        @for entry in columns.into_iter().take(COLUMNS_MAX) {
                            tr {
                                td { (entry["column"].as_str().unwrap_or_default()) }
                                td.n { (shown(rank(entry, "trtr_rank"))) }
                                td.n { (shown(rank(entry, "tstr_rank"))) }
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn measures_of_both_trainings_stand_beside_each_other() {
        let model = json!({"model": "gbt", "tstr": {"auc": 0.91, "log_loss": 0.3}, "trtr": {"auc": 0.93, "log_loss": 0.28},
            "importance": [{"column": "b", "tstr_rank": 1.0, "trtr_rank": 2.0}, {"column": "a", "tstr_rank": 2.0, "trtr_rank": 1.0}],
            "importance_correlation": -1.0});
        let table = measures(std::slice::from_ref(&model)).into_string();
        assert!(table.contains("0.910") && table.contains("0.930") && table.contains("log loss"), "{table}");
        let ranks = importance(&model).into_string();
        assert!(ranks.find(">a<") < ranks.find(">b<"), "{ranks}");
    }
}
