//! `attacks`: how far each attack gets, with its interval, its gate's limit, and what it gets against rows that nobody
//! learnt from.

use super::{cut, picture, placeholder};
use crate::number::{place, plain, score};
use crate::scale::{Scale, ticks};
use maud::{Markup, html};

const WIDTH: u32 = 1040;
const ROW: f64 = 24.0;
const BARS: (f64, f64) = (210.0, 860.0);
/// Top of the first row.
const TOP: f64 = 24.0;

/// One attack.
#[derive(Debug, Clone, PartialEq)]
pub struct Attack {
    /// What it is.
    pub name: String,
    /// Its success.
    pub value: f64,
    /// 95 % interval.
    pub interval: Option<(f64, f64)>,
    /// What a gate allows.
    pub limit: Option<f64>,
    /// The same against rows held out.
    pub reference: Option<f64>,
}

/// The picture of attacks whose fair value is `fair`; `unit` names the axis.
pub fn draw(attacks: &[Attack], fair: f64, unit: &str) -> Markup {
    if attacks.is_empty() {
        return placeholder("no attack was tried");
    }
    let ends = attacks.iter().flat_map(|attack| {
        let (low, high) = attack.interval.unwrap_or((attack.value, attack.value));
        [Some(attack.value), Some(low), Some(high), attack.limit, attack.reference].into_iter().flatten()
    });
    let (low, high) = ends.fold((fair - 0.02, fair + 0.02), |(low, high), end| (low.min(end), high.max(end)));
    let pad = (high - low) * 0.05;
    let (low, high) = (low - pad, high + pad);
    let x = Scale::new((low, high), BARS);
    let bottom = attacks.len() as f64 * ROW + TOP;
    let content = html! {
        @for tick in ticks(low, high, 6) {
            path.grid d=(format!("M{} {TOP}V{bottom}", place(x.at(tick)))) {}
            text.tick x=(place(x.at(tick))) y=(bottom + 14.0) text-anchor="middle" { (plain(tick)) }
        }
        path.axis d=(format!("M{} {TOP}V{bottom}", place(x.at(fair)))) {}
        text.tick x=(place(x.at(fair))) y=(TOP - 8.0) text-anchor="middle" { "fair " (plain(fair)) }
        @for (index, attack) in attacks.iter().enumerate() { (row(attack, index as f64 * ROW + TOP, &x)) }
        text.tick x=(BARS.1) y=(bottom + 30.0) text-anchor="end" { (unit) }
    };
    let told: Vec<String> = attacks.iter().map(|attack| format!("{} {}", attack.name, score(attack.value))).collect();
    let alt = format!("Success of attacks, fair is {}: {}", plain(fair), told.join("; "));
    picture("plot attacks", WIDTH, (bottom + 36.0) as u32, &alt, content)
}

fn row(attack: &Attack, top: f64, x: &Scale) -> Markup {
    let (middle, at) = (top + 12.0, |value: f64| place(x.at(value)));
    let ends = attack.interval.map(|(low, high)| format!(" ({} – {})", score(low), score(high))).unwrap_or_default();
    html! {
        text.label x=(BARS.0 - 10.0) y=(middle + 4.0) text-anchor="end" { (cut(&attack.name, 30)) }
        g.of-synthetic {
            @if let Some((low, high)) = attack.interval { path d=(format!("M{} {middle}H{}", at(low), at(high))) {} }
            circle cx=(at(attack.value)) cy=(middle) r="4.5" {}
        }
        @if let Some(reference) = attack.reference { path.reference d=(format!("M{} {}v16", at(reference), middle - 8.0)) {} }
        @if let Some(limit) = attack.limit { path.limit d=(format!("M{} {}v20", at(limit), middle - 10.0)) { title { "limit " (plain(limit)) } } }
        text.tick x="1030" y=(middle + 4.0) text-anchor="end" { (score(attack.value)) (ends) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_interval_limit_and_reference_are_drawn() {
        let attack =
            Attack { name: "nearest".to_owned(), value: 0.53, interval: Some((0.51, 0.55)), limit: Some(0.52), reference: Some(0.5) };
        let svg = draw(&[attack], 0.5, "AUC").into_string();
        for part in ["fair 0.5", "class=\"limit\"", "class=\"reference\"", "0.530 (0.510 – 0.550)"] {
            assert!(svg.contains(part), "{part} in {svg}");
        }
    }

    #[test]
    fn no_attack_is_said_in_words() {
        assert!(draw(&[], 0.5, "AUC").into_string().contains("no attack was tried"));
    }
}
