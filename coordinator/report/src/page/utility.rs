//! Section 9: models trained on the synthetic table, tested on rows that were held out.

use super::{further, scores};
use crate::bundle::Bundle;
use crate::number::score_or_dash;
use crate::plots::importance;
use crate::plots::utility::{self, Measured, Model};
use maud::{Markup, html};
use serde_json::Value;
use synthfleet_proto::score::Score;

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
            @let row = bundle.subject_row();
            figure.card.wide tabindex="0" { (picture(row.details("ml_efficacy"), row.repeat().map_or(&[], |repeat| repeat.scores.as_slice()))) }
            p.small.quiet { "Grey: trained on real rows; blue-green: trained on synthetic rows; lines: 95 % intervals." }
            (measures(models))
            (ranks(models))
        }
        h3 { "All scores" }
        (scores::table(bundle, "ml_efficacy"))
        (further::sdgym(bundle))
    }
}

/// Each model's main measure after both trainings, with intervals from the scores.
pub fn picture(details: &Value, scores: &[Score]) -> Markup {
    let measured = |id: String| {
        let score = scores.iter().find(|score| score.name == id)?;
        Some(Measured { value: score.value?, interval: score.low.zip(score.high) })
    };
    let of = |model: &Value| {
        let name = model["model"].as_str().unwrap_or_default();
        let [synthetic, real] = ["tstr", "trtr"].map(|side| measured(format!("ml_efficacy.{side}_{name}")));
        Model { name: name.to_owned(), real, synthetic }
    };
    let (measure, chance) = if details["problem"] == "regression" { ("R²", 0.0) } else { ("AUC", 0.5) };
    let models = details["models"].as_array().into_iter().flatten();
    utility::draw(&models.map(of).collect::<Vec<_>>(), measure, chance)
}

fn measures(models: &[Value]) -> Markup {
    let rows = models.iter().flat_map(|model| {
        let measures = model["tstr"].as_object().into_iter().flatten();
        measures.filter(|(_, value)| value.is_number()).map(move |(name, value)| (model, name, value.as_f64()))
    });
    html! {
        div.scroll tabindex="0" {
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

/// Ranks of importance of each model, trained on real and on synthetic rows.
fn ranks(models: &[Value]) -> Markup {
    let ranked: Vec<&Value> =
        models.iter().filter(|model| model["importance"].as_array().is_some_and(|columns| !columns.is_empty())).collect();
    html! {
        @if !ranked.is_empty() {
            h3 { "What the models look at" }
            p.small.quiet { "Ranks of importance, 1 is most; the first twelve of the model trained on real rows. Amber: more than three ranks apart." }
            div.cards {
                @for model in ranked {
                    @let name = model["model"].as_str().unwrap_or_default();
                    figure.card {
                        h4 { (name) }
                        p.sub { "correlation of the ranks " (score_or_dash(model["importance_correlation"].as_f64())) }
                        (importance::draw(name, &model["importance"]))
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
        let ranks = ranks(&[model]).into_string();
        assert!(ranks.find(">a 1<") < ranks.find(">b 2<") && ranks.contains("-1.000"), "{ranks}");
        assert_eq!(super::ranks(&[json!({"model": "gbt"})]).into_string(), "");
    }
}
