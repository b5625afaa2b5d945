//! `pareto`: score against privacy risk, a bubble's size for its time. Baselines are hollow, references crosses;
//! candidates that nobody beats in both are joined.

use super::{cut, picture, placeholder};
use crate::number::{place, score};
use crate::scale::{Scale, ticks};
use maud::{Markup, html};

const WIDTH: u32 = 720;
const HEIGHT: u32 = 320;
const PANEL: (f64, f64, f64, f64) = (52.0, 690.0, 14.0, 270.0);

/// What a point stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// May win.
    Eligible,
    /// Fails a gate.
    Refused,
    /// Never eligible.
    Baseline,
    /// Holdout.
    Reference,
}

/// One row of the board.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Name.
    pub name: String,
    /// What it stands for.
    pub mark: Mark,
    /// Score, upwards.
    pub score: f64,
    /// Risk: 0 fair, 1 at the limit; more is worse.
    pub risk: f64,
    /// Seconds to fit and sample.
    pub seconds: f64,
    /// Not dominated.
    pub on_front: bool,
}

/// Risks beyond this are drawn at the edge.
const RISK_MAX: f64 = 4.0;

/// The picture of `points`.
pub fn draw(points: &[Point]) -> Markup {
    if points.is_empty() {
        return placeholder("nothing has a score");
    }
    let (left, right, top, bottom) = PANEL;
    let risk_high = points.iter().map(|point| point.risk.min(RISK_MAX)).fold(1.2, f64::max);
    let score_low = points.iter().map(|point| point.score).fold(1.0, f64::min);
    let score_low = ((score_low - 0.03) * 10.0).floor().max(0.0) / 10.0;
    let x = Scale::new((0.0, risk_high), (right, left));
    let y = Scale::new((score_low, 1.0), (bottom, top));
    let mut front: Vec<&Point> = points.iter().filter(|point| point.on_front).collect();
    front.sort_by(|a, b| a.risk.total_cmp(&b.risk).then(a.score.total_cmp(&b.score)));
    let line: Vec<String> =
        front.iter().map(|point| format!("{} {}", place(x.at(point.risk.min(risk_high))), place(y.at(point.score)))).collect();
    let content = html! {
        @for tick in ticks(score_low, 1.0, 5) {
            path.grid d=(format!("M{left} {}H{right}", place(y.at(tick)))) {}
            text.tick x=(left - 6.0) y=(place(y.at(tick) + 3.0)) text-anchor="end" { (score(tick)) }
        }
        @if risk_high >= 1.0 {
            path.limit d=(format!("M{} {top}V{bottom}", place(x.at(1.0)))) {}
            text.tick x=(place(x.at(1.0) + 4.0)) y=(top + 10.0) { "limit of the gates" }
        }
        @if line.len() > 1 { path.front d=(format!("M{}", line.join("L"))) {} }
        @for point in points { (dot(point, x.at(point.risk.min(risk_high)), y.at(point.score))) }
        path.axis d=(format!("M{left} {bottom}H{right}")) {}
        text.tick x=(right) y=(bottom + 18.0) text-anchor="end" { "more private →" }
        text.tick x=(left) y=(bottom + 18.0) { "risk " (score(risk_high)) }
        text.tick x=(left) y=(bottom + 34.0) { "↑ score · size: time to fit and sample · hollow: baseline · cross: reference · grey: fails a gate" }
    };
    picture("plot pareto", WIDTH, HEIGHT, "Score against privacy risk", content)
}

fn dot(point: &Point, x: f64, y: f64) -> Markup {
    let radius = 4.0 + 2.0 * libm::log10(1.0 + point.seconds.max(0.0)).min(4.0);
    let (cx, cy) = (place(x), place(y));
    let class = match point.mark {
        Mark::Eligible => "dot eligible",
        Mark::Refused => "dot refused",
        Mark::Baseline => "dot baseline",
        Mark::Reference => "dot cross",
    };
    let title = format!("{}: score {}, risk {}", point.name, score(point.score), score(point.risk));
    let (anchor, beside) = if x > 600.0 { ("end", x - radius - 4.0) } else { ("start", x + radius + 4.0) };
    html! {
        @if point.mark == Mark::Reference {
            path class=(class) d=(format!("M{} {}l10 10m0 -10l-10 10", place(x - 5.0), place(y - 5.0))) { title { (title) } }
        } @else {
            circle class=(class) cx=(cx) cy=(cy) r=(place(radius)) { title { (title) } }
        }
        text.label x=(place(beside)) y=(place(y + 4.0)) text-anchor=(anchor) { (cut(&point.name, 24)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(name: &str, mark: Mark, on_front: bool) -> Point {
        Point { name: name.to_owned(), mark, score: 0.9, risk: 0.4, seconds: 2.0, on_front }
    }

    #[test]
    fn references_are_crosses_and_the_front_is_joined() {
        let points = [point("a", Mark::Eligible, true), point("b", Mark::Eligible, true), point("holdout", Mark::Reference, false)];
        let svg = draw(&points).into_string();
        assert!(svg.contains("class=\"front\"") && svg.contains("dot cross"), "{svg}");
        assert!(draw(&[]).into_string().contains("nothing has a score"));
    }
}
