//! `pareto`: score against privacy risk, a bubble's size for its time. Baselines are hollow, references crosses;
//! candidates that nobody beats in both are joined.

use super::{cut, picture, placeholder};
use crate::number::{place, plain, score};
use crate::scale::{Scale, ticks};
use maud::{Markup, html};

const WIDTH: u32 = 1040;
const HEIGHT: u32 = 320;
const PANEL: (f64, f64, f64, f64) = (56.0, 1000.0, 20.0, 270.0);

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

/// Width of a letter of a label, and height of a label's line.
const LETTER: (f64, f64) = (6.2, 13.0);
/// Lines that a label may be moved from its point, the nearest first.
const MOVES: [f64; 9] = [0.0, -1.0, 1.0, -2.0, 2.0, -3.0, 3.0, -4.0, 4.0];

/// The picture of `points`. The axis fits what is no baseline; baselines below it stand at its lower end.
pub fn draw(points: &[Point]) -> Markup {
    if points.is_empty() {
        return placeholder("nothing has both a score and a risk");
    }
    let (left, right, top, bottom) = PANEL;
    let risk_high = points.iter().map(|point| point.risk.min(RISK_MAX)).fold(1.2, f64::max);
    let lowest = points.iter().filter(|point| point.mark != Mark::Baseline).map(|point| point.score).fold(0.98, f64::min);
    let score_low = ((lowest - 0.02) * 20.0).floor().max(0.0) / 20.0;
    let (x, y) = (Scale::new((0.0, risk_high), (right, left)), Scale::new((score_low, 1.0), (bottom, top)));
    let at: Vec<(f64, f64)> =
        points.iter().map(|point| (x.at(point.risk.clamp(0.0, risk_high)), y.at(point.score.max(score_low)))).collect();
    let labels = labels(points, &at);
    let mut front: Vec<usize> = (0..points.len()).filter(|&which| points[which].on_front).collect();
    front.sort_by(|&a, &b| at[b].0.total_cmp(&at[a].0).then(at[a].1.total_cmp(&at[b].1)));
    let line: Vec<String> = front.iter().map(|&which| format!("{} {}", place(at[which].0), place(at[which].1))).collect();
    let content = html! {
        @for tick in ticks(score_low, 1.0, 5) {
            path.grid d=(format!("M{left} {}H{right}", place(y.at(tick)))) {}
            text.tick x=(left - 6.0) y=(place(y.at(tick) + 3.0)) text-anchor="end" { (score(tick)) }
        }
        path.limit d=(format!("M{} {top}V{bottom}", place(x.at(1.0)))) {}
        text.tick x=(place(x.at(1.0) + 5.0)) y=(top - 6.0) { "← beyond the balanced limits" }
        @if line.len() > 1 { path.front d=(format!("M{}", line.join("L"))) {} }
        @for (which, point) in points.iter().enumerate() { (dot(point, at[which], labels[which])) }
        path.axis d=(format!("M{left} {bottom}H{right}")) {}
        @for tick in ticks(0.0, risk_high, 5) {
            text.tick x=(place(x.at(tick))) y=(bottom + 15.0) text-anchor="middle" { (plain(tick)) }
        }
        text.tick x=(left) y=(bottom + 34.0) {
            "↑ score · → less risk · size: time to fit and sample · hollow: baseline · cross: reference · grey: fails a gate"
            @if points.iter().any(|point| point.risk > RISK_MAX || point.score < score_low) { " · at an edge: beyond it" }
        }
    };
    picture("plot pareto", WIDTH, HEIGHT, "Score against privacy risk", content)
}

/// Where a label stands.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Label {
    left: f64,
    right: f64,
    middle: f64,
    /// Text runs from the right end to the left.
    ends: bool,
}

impl Label {
    fn of(point: &Point, (x, y): (f64, f64)) -> Self {
        let (width, gap) = (cut(&point.name, 24).chars().count() as f64 * LETTER.0, radius(point) + 5.0);
        let ends = x + gap + width > PANEL.1;
        let left = if ends { x - gap - width } else { x + gap };
        Self { left, right: left + width, middle: y, ends }
    }

    fn meets(&self, other: &Self) -> bool {
        self.left < other.right && other.left < self.right && (self.middle - other.middle).abs() < LETTER.1
    }

    fn covers(&self, (x, y): (f64, f64), radius: f64) -> bool {
        self.left < x + radius && x - radius < self.right && (self.middle - y).abs() < LETTER.1 / 2.0 + radius
    }
}

/// Labels beside their points, moved up or down where they would lie on each other, on a dot or on the axis.
fn labels(points: &[Point], at: &[(f64, f64)]) -> Vec<Label> {
    let mut placed: Vec<Label> = Vec::with_capacity(points.len());
    for (which, point) in points.iter().enumerate() {
        let own = Label::of(point, at[which]);
        let on_dot = |label: &Label| (0..points.len()).any(|other| other != which && label.covers(at[other], radius(&points[other])));
        let is_free = |label: &Label| {
            label.middle + LETTER.1 / 2.0 <= PANEL.3 + 1.0 && !on_dot(label) && !placed.iter().any(|other| label.meets(other))
        };
        let moved = MOVES.iter().map(|lines| Label { middle: own.middle + lines * LETTER.1, ..own });
        placed.push(moved.into_iter().find(is_free).unwrap_or(own));
    }
    placed
}

fn radius(point: &Point) -> f64 {
    4.0 + 2.0 * libm::log10(1.0 + point.seconds.max(0.0)).min(4.0)
}

fn dot(point: &Point, (x, y): (f64, f64), label: Label) -> Markup {
    let class = match point.mark {
        Mark::Eligible => "dot eligible",
        Mark::Refused => "dot refused",
        Mark::Baseline => "dot baseline",
        Mark::Reference => "dot cross",
    };
    let title = format!("{}: score {}, risk {}", point.name, score(point.score), score(point.risk));
    let (anchor, beside) = if label.ends { ("end", label.right) } else { ("start", label.left) };
    html! {
        @if point.mark == Mark::Reference {
            path class=(class) d=(format!("M{} {}l10 10m0 -10l-10 10", place(x - 5.0), place(y - 5.0))) { title { (title) } }
        } @else {
            circle class=(class) cx=(place(x)) cy=(place(y)) r=(place(radius(point))) { title { (title) } }
        }
        text.label x=(place(beside)) y=(place(label.middle + 4.0)) text-anchor=(anchor) { (cut(&point.name, 24)) }
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
        assert!(draw(&[]).into_string().contains("nothing has both a score and a risk"));
    }

    #[test]
    fn labels_lie_neither_on_each_other_nor_on_dots_nor_on_the_axis() {
        let points: Vec<Point> = ["a long name", "b", "another one", "d"].map(|name| point(name, Mark::Baseline, false)).to_vec();
        let at = [(900.0, PANEL.3), (930.0, PANEL.3), (905.0, PANEL.3 - 4.0), (100.0, 50.0)];
        let labels = labels(&points, &at);
        for (which, label) in labels.iter().enumerate() {
            assert!(label.middle < PANEL.3 && label.right <= PANEL.1, "{label:?}");
            assert!(labels[..which].iter().all(|other| !label.meets(other)), "{labels:?}");
            assert!((0..4).all(|other| other == which || !label.covers(at[other], radius(&points[other]))), "{labels:?}");
        }
        assert_eq!(labels[3].middle, 50.0, "a label that stands free stays");
    }
}
