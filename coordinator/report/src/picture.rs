//! Single pictures, by name: the ones of the report, of any candidate, from the details of one benchmark.

use crate::page::{columns, utility};
use crate::plots::{column_ecdf, column_qq, correlation, distances, importance, missing_rates, pair, projection};
use maud::Markup;
use serde_json::Value;
use synthfleet_proto::profile::Profile;
use synthfleet_proto::score::Scored;

/// Pictures with the benchmark whose details they show.
pub const PICTURES: [(&str, &str); 11] = [
    ("column", "column_shapes"),
    ("column_ecdf", "column_shapes"),
    ("column_qq", "column_shapes"),
    ("correlation", "pair_trends"),
    ("distances", "distances"),
    ("importance", "ml_efficacy"),
    ("missing_rates", "column_shapes"),
    ("pair", "pair_trends"),
    ("projection", "detection"),
    ("scores_by_column", "column_shapes"),
    ("utility", "ml_efficacy"),
];

/// What a picture is made of.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The protected description of the real table.
    pub profile: &'a Profile,
    /// The benchmark of the picture, of one repeat of one candidate.
    pub own: &'a Scored,
    /// The same of held-out rows.
    pub held_out: Option<&'a Scored>,
    /// The column; for `importance` the model.
    pub column: Option<&'a str>,
    /// The other column of a pair.
    pub column2: Option<&'a str>,
}

impl<'a> Subject<'a> {
    /// The numbers of a picture; `None`: there are none, or no such picture.
    pub fn data(&self, name: &str) -> Option<&'a Value> {
        let details = &self.own.details;
        let found = match name {
            "column" => &self.entry("columns", "column")?["plot"],
            "column_ecdf" | "column_qq" => &self.entry("columns", "column")?["distribution"],
            "missing_rates" | "scores_by_column" => &details["columns"],
            "correlation" => &details["matrix"],
            "distances" => &details["plot"],
            "importance" => &self.entry("models", "model")?["importance"],
            "pair" => self.joint()?,
            "projection" => &details["projection"],
            "utility" => &details["models"],
            _ => return None,
        };
        (!found.is_null()).then_some(found)
    }

    /// A picture as one SVG; where nothing can be drawn it says why. `None` as for [`Self::data`].
    pub fn draw(&self, name: &str) -> Option<String> {
        let data = self.data(name)?;
        let column = self.column.unwrap_or_default();
        let label = |value: f64| columns::axis_value(self.profile, column, value);
        let list = |scored: &'a Scored| scored.details["columns"].as_array().map(Vec::as_slice).unwrap_or_default();
        let drawn: Markup = match name {
            "column" => columns::shape(self.profile, column, data),
            "column_ecdf" => column_ecdf::draw(column, data, columns::distance(self.entry("columns", "column")?), &label),
            "column_qq" => column_qq::draw(column, data, &label),
            "missing_rates" => missing_rates::draw(&columns::rates(list(self.own))),
            "scores_by_column" => columns::bars(list(self.own), self.held_out.map(list).unwrap_or_default()),
            "correlation" => correlation::draw(data),
            "distances" => distances::draw(data),
            "importance" => importance::draw(column, data),
            "pair" => pair::draw(data, &|column, value| columns::axis_value(self.profile, column, value)),
            "projection" => projection::draw(data),
            _ => utility::picture(&self.own.details, &self.own.scores),
        };
        Some(whole(&legal(&drawn.into_string())))
    }

    /// The entry of the column, in a list of the details.
    fn entry(&self, list: &str, field: &str) -> Option<&'a Value> {
        let wanted = self.column?;
        self.own.details[list].as_array()?.iter().find(|entry| entry[field] == wanted)
    }

    /// The joint distribution of the two columns, whichever is named first.
    fn joint(&self) -> Option<&'a Value> {
        let (one, other) = (self.column?, self.column2?);
        let is = |joint: &Value, first: &str, second: &str| joint["axes"][0]["column"] == first && joint["axes"][1]["column"] == second;
        let joints = self.own.details["joints"].as_array()?;
        joints.iter().find(|joint| is(joint, one, other) || is(joint, other, one))
    }
}

/// The text with the characters that XML has no place for as their pictures.
fn legal(text: &str) -> String {
    let shown = |c: char| match c {
        '\t' | '\n' | '\r' => c,
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        _ => c,
    };
    text.chars().map(shown).collect()
}

/// Space between panels.
const GAP: f64 = 16.0;

/// What the report's page has as panels beside each other or as a sentence, as one SVG.
fn whole(drawn: &str) -> String {
    if drawn.starts_with("<svg") {
        return drawn.to_owned();
    }
    let sentence = drawn.strip_prefix("<p class=\"empty\">").and_then(|rest| rest.strip_suffix("</p>"));
    if let Some(text) = sentence {
        return format!("{}<text class=\"quiet\" x=\"2\" y=\"18\">{text}</text></svg>", open(360.0, 28.0, text));
    }
    let panels: Vec<&str> = drawn.split("<svg ").skip(1).filter_map(|panel| Some(panel.rsplit_once("</svg>")?.0)).collect();
    let size = |panel: &str, side: &str| -> f64 {
        let found = panel.split_once(&format!(" {side}=\"")).and_then(|(_, rest)| rest.split('"').next()?.parse().ok());
        found.unwrap_or_default()
    };
    let (mut x, mut inside) = (0.0, String::new());
    for panel in &panels {
        inside += &format!("<svg x=\"{x}\" {panel}</svg>");
        x += size(panel, "width") + GAP;
    }
    let height = panels.iter().map(|panel| size(panel, "height")).fold(0.0, f64::max);
    format!("{}{inside}</svg>", open((x - GAP).max(1.0), height.max(1.0), "Real, synthetic, and their difference"))
}

fn open(width: f64, height: f64, label: &str) -> String {
    format!(
        "<svg class=\"plot\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"{label}\" xmlns=\"http://www.w3.org/2000/svg\">"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn panels_stand_beside_each_other_in_one_picture() {
        let panel = |label: &str| {
            format!(
                "<svg class=\"plot\" viewBox=\"0 0 30 20\" width=\"30\" height=\"20\" aria-label=\"{label}\"><path d=\"M0 0\"></path></svg>"
            )
        };
        let made = whole(&format!("<div class=\"panels\">{}{}</div>", panel("a"), panel("b")));
        assert!(made.starts_with("<svg class=\"plot\" viewBox=\"0 0 76 20\""), "{made}");
        assert_eq!((made.matches("<svg").count(), made.matches("</svg>").count()), (3, 3), "{made}");
        assert!(made.contains("<svg x=\"46\" class=\"plot\""), "{made}");
        assert_eq!(whole(&panel("a")), panel("a"));
    }

    #[test]
    fn what_xml_has_no_place_for_is_pictured() {
        assert_eq!(legal("a\u{1b}[31m\u{0}\tb\u{ffff}"), "a\u{241b}[31m\u{2400}\tb\u{fffd}");
    }

    #[test]
    fn what_cannot_be_drawn_says_why() {
        let made = whole("<p class=\"empty\">fewer than &lt;two&gt; columns</p>");
        assert!(made.starts_with("<svg") && made.contains(">fewer than &lt;two&gt; columns</text>"), "{made}");
    }

    fn profile() -> Profile {
        serde_json::from_value(json!({
            "schema": Profile::SCHEMA,
            "table": {"id": "tbl_0", "name": "t", "rows": 10, "columns": 0, "bytes": 9, "sha256": "", "duplicate_rows": 0, "disclosure": "protected"},
            "source": {
                "format": "csv", "compression": "none", "encoding": "utf-8", "blank_lines": 0, "rejected_rows": 0, "rejected_cells": 0,
                "dialect": synthfleet_proto::metadata::Dialect::default(),
            },
            "split": {"holdout": 0.2, "seed": "0", "train_rows": 8, "holdout_rows": 2, "strategy": "random"},
            "target": null, "problem_type": null, "key": [], "columns": [], "hints": [], "notes": [],
        }))
        .expect("a profile")
    }

    fn scored(details: Value) -> Scored {
        Scored { scores: Vec::new(), details }
    }

    #[test]
    fn names_are_unique_and_in_order() {
        assert!(PICTURES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }

    #[test]
    fn a_pair_is_found_in_either_order_and_what_is_absent_is_none() {
        let own = scored(json!({"joints": [{"axes": [{"column": "a"}, {"column": "b"}], "real": []}]}));
        let profile = profile();
        let subject = |column, column2| Subject { profile: &profile, own: &own, held_out: None, column, column2 };
        assert!(subject(Some("a"), Some("b")).data("pair").is_some());
        assert_eq!(subject(Some("a"), Some("b")).data("pair"), subject(Some("b"), Some("a")).data("pair"));
        assert_eq!(subject(Some("a"), Some("c")).data("pair"), None);
        assert_eq!((subject(None, None).draw("pair"), subject(Some("a"), None).draw("portrait")), (None, None));
    }

    #[test]
    fn a_hostile_name_stays_text() {
        let entry = json!({"column": "<script>", "score": 0.5, "plot": {"levels": []}});
        let own = scored(json!({"columns": [entry]}));
        let profile = profile();
        let subject = Subject { profile: &profile, own: &own, held_out: None, column: None, column2: None };
        let drawn = subject.draw("scores_by_column").expect("bars");
        assert!(drawn.contains("&lt;script&gt;") && !drawn.contains("<script>"), "{drawn}");
    }
}
