//! `utility`: what models learn from synthetic rows beside what they learn from real ones, both tested on rows held out.

use super::{cut, picture, placeholder};
use crate::number::{place, score};
use crate::scale::{Scale, ticks};
use maud::{Markup, html};

const WIDTH: u32 = 1040;
const ROW: f64 = 34.0;
const BARS: (f64, f64) = (130.0, 860.0);
/// Values below this are drawn at the edge: R² has no lower end.
const LOWEST: f64 = -0.25;

/// A value with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Value.
    pub value: f64,
    /// 95 % interval, where it is known.
    pub interval: Option<(f64, f64)>,
}

/// One model.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// Name.
    pub name: String,
    /// Trained on real rows.
    pub real: Option<Measured>,
    /// Trained on synthetic rows.
    pub synthetic: Option<Measured>,
}

/// The picture of `models`; `measure` names the axis, `chance` is what guessing gets.
pub fn draw(models: &[Model], measure: &str, chance: f64) -> Markup {
    let measured = || models.iter().flat_map(|model| [model.real, model.synthetic]).flatten();
    let ends = || measured().flat_map(|one| [one.value, one.interval.map_or(one.value, |ends| ends.0)]);
    let Some(lowest) = ends().reduce(f64::min) else { return placeholder("no model could be tested") };
    let start = (((lowest.min(chance)) * 20.0).floor() / 20.0 - 0.05).max(LOWEST);
    let x = Scale::new((start, 1.0), BARS);
    let bottom = models.len() as f64 * ROW + 20.0;
    let content = html! {
        @for tick in ticks(start, 1.0, 6) {
            path.grid d=(format!("M{} 16V{bottom}", place(x.at(tick)))) {}
            text.tick x=(place(x.at(tick))) y=(bottom + 14.0) text-anchor="middle" { (score(tick)) }
        }
        path.limit d=(format!("M{} 16V{bottom}", place(x.at(chance)))) {}
        text.tick x=(place(x.at(chance) + 4.0)) y="12" { "guessing" }
        @for (index, model) in models.iter().enumerate() { (row(model, index as f64 * ROW + 20.0, &x)) }
        text.tick x=(BARS.1) y=(bottom + 30.0) text-anchor="end" { (measure) " on rows held out" }
    };
    let shown = |one: Option<Measured>| one.map_or_else(|| "undefined".to_owned(), |one| score(one.value));
    let told: Vec<String> =
        models.iter().map(|model| format!("{} {} and {}", model.name, shown(model.real), shown(model.synthetic))).collect();
    let alt = format!("{measure} of models trained on real and on synthetic rows: {}", told.join("; "));
    picture("plot utility", WIDTH, (bottom + 36.0) as u32, &alt, content)
}

fn row(model: &Model, top: f64, x: &Scale) -> Markup {
    let shown = |one: Option<Measured>| one.map_or_else(|| "–".to_owned(), |one| score(one.value));
    html! {
        text.label x=(BARS.0 - 10.0) y=(top + 18.0) text-anchor="end" { (cut(&model.name, 18)) }
        @if let Some(real) = model.real { (mark(real, "of-real", top + 8.0, x)) }
        @if let Some(synthetic) = model.synthetic { (mark(synthetic, "of-synthetic", top + 19.0, x)) }
        text.tick x="1030" y=(top + 18.0) text-anchor="end" { "real " (shown(model.real)) " / synthetic " (shown(model.synthetic)) }
    }
}

/// A dot with whiskers.
fn mark(one: Measured, class: &str, middle: f64, x: &Scale) -> Markup {
    let inside = |value: f64| place(x.at(value).clamp(BARS.0, BARS.1));
    html! {
        g class=(class) {
            @if let Some((low, high)) = one.interval { path d=(format!("M{} {middle}H{}", inside(low), inside(high))) {} }
            circle cx=(inside(one.value)) cy=(middle) r="4.5" {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_trainings_have_a_dot_with_whiskers() {
        let measured = |value: f64| Some(Measured { value, interval: Some((value - 0.01, value + 0.01)) });
        let models = [Model { name: "gbt".to_owned(), real: measured(0.9), synthetic: measured(0.8) }];
        let svg = draw(&models, "AUC", 0.5).into_string();
        assert!(svg.contains("of-real") && svg.contains("of-synthetic") && svg.contains("real 0.900 / synthetic 0.800"), "{svg}");
    }

    #[test]
    fn a_hopeless_model_stands_at_the_edge_and_none_is_said() {
        let far = Some(Measured { value: -1e9, interval: None });
        let svg = draw(&[Model { name: "m".to_owned(), real: None, synthetic: far }], "R²", 0.0).into_string();
        assert!(svg.contains("cx=\"130\"") && !svg.contains("NaN"), "{svg}");
        assert!(draw(&[], "AUC", 0.5).into_string().contains("no model could be tested"));
    }
}
