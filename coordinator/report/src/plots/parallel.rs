//! `parallel`: candidates over the components of the score, so that one sees what each is good for.
//!
//! # Shapes
//! `axes [axes]`: names; each [`Line`] has a value an axis, in 0 to 1, more is better.

use super::pareto::Mark;
use super::{cut, picture, placeholder};
use crate::number::{place, score};
use crate::scale::{Scale, ticks};
use maud::{Markup, html};

const WIDTH: u32 = 1040;
const HEIGHT: u32 = 280;
const PANEL: (f64, f64, f64, f64) = (60.0, 850.0, 30.0, 250.0);
/// Height of a label's line.
const LINE: f64 = 13.0;

/// One row of the board.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Name.
    pub name: String,
    /// What it stands for.
    pub mark: Mark,
    /// Whether the page is about it.
    pub is_subject: bool,
    /// A value an axis; `None`: undefined, the line has a gap.
    pub values: Vec<Option<f64>>,
}

/// The picture of `lines` over `axes`. The axes fit what is no baseline.
pub fn draw(axes: &[String], lines: &[Line]) -> Markup {
    let lines: Vec<&Line> =
        lines.iter().filter(|line| line.values.len() == axes.len() && line.values.iter().any(Option::is_some)).collect();
    let all = || lines.iter().flat_map(|line| line.values.iter().flatten().map(move |value| (line.mark, *value)));
    let fitted = all().filter(|(mark, _)| *mark != Mark::Baseline).map(|(_, value)| value).reduce(f64::min);
    let Some(lowest) = fitted.or_else(|| all().map(|(_, value)| value).reduce(f64::min)).filter(|_| axes.len() > 1) else {
        return placeholder("fewer than two components have a value");
    };
    let (left, right, top, bottom) = PANEL;
    // baselines below stand at the lower end
    let start = ((lowest - 0.02) * 10.0).floor().clamp(0.0, 9.0) / 10.0;
    let (x, y) = (Scale::new((0.0, (axes.len() - 1) as f64), (left, right)), Scale::new((start, 1.0), (bottom, top)));
    let content = html! {
        @for tick in ticks(start, 1.0, 5) {
            path.grid d=(format!("M{left} {}H{right}", place(y.at(tick)))) {}
            text.tick x=(left - 6.0) y=(place(y.at(tick) + 3.0)) text-anchor="end" { (score(tick)) }
        }
        @for (nth, axis) in axes.iter().enumerate() {
            path.axis d=(format!("M{} {top}V{bottom}", place(x.at(nth as f64)))) {}
            text.title x=(place(x.at(nth as f64))) y="16" text-anchor="middle" { (cut(axis, 20)) }
        }
        @for line in &lines { path class=(class(line)) d=(path(line, &x, &y)) { title { (line.name) } } }
        @for (line, at) in lines.iter().zip(labels(&lines, &y)) {
            path.grid d=(format!("M{right} {}L{} {}", place(last(line, &y)), right + 14.0, place(at))) {}
            text.label x=(right + 18.0) y=(place(at + 4.0)) { (cut(&line.name, 24)) }
        }
    };
    let told: Vec<String> = lines.iter().take(super::TOLD_MAX).map(|line| format!("{}: {}", line.name, told(line))).collect();
    picture("plot parallel", WIDTH, HEIGHT, &format!("Candidates over {}; {}", axes.join(", "), told.join("; ")), content)
}

fn told(line: &Line) -> String {
    line.values.iter().map(|value| value.map_or_else(|| "–".to_owned(), score)).collect::<Vec<_>>().join(", ")
}

fn class(line: &Line) -> &'static str {
    match line.mark {
        _ if line.is_subject => "synthetic",
        Mark::Eligible => "line eligible",
        Mark::Refused => "line refused",
        Mark::Baseline => "line baseline",
        Mark::Reference => "reference",
    }
}

fn path(line: &Line, x: &Scale, y: &Scale) -> String {
    let mut path = String::new();
    let mut is_open = false;
    for (nth, value) in line.values.iter().enumerate() {
        if let Some(value) = value {
            path += &format!("{}{} {}", if is_open { "L" } else { "M" }, place(x.at(nth as f64)), place(height(*value, y)));
        }
        is_open = value.is_some();
    }
    path
}

/// Where a value stands, not below the axis.
fn height(value: f64, y: &Scale) -> f64 {
    y.at(value).min(PANEL.3)
}

/// Where the last value stands.
fn last(line: &Line, y: &Scale) -> f64 {
    line.values.iter().rev().flatten().next().map_or(PANEL.3, |value| height(*value, y))
}

/// Places of the labels beside the last values, moved apart where they would lie on each other.
fn labels(lines: &[&Line], y: &Scale) -> Vec<f64> {
    let wanted: Vec<f64> =
        lines.iter().map(|line| line.values.iter().rev().flatten().next().map_or(PANEL.3, |value| y.at(*value))).collect();
    let mut order: Vec<usize> = (0..lines.len()).collect();
    order.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]).then(a.cmp(&b)));
    let mut placed = vec![0.0; lines.len()];
    let mut free = f64::NEG_INFINITY;
    for &which in &order {
        placed[which] = f64::max(wanted[which], free);
        free = placed[which] + LINE;
    }
    // what was pushed below the picture moves back up
    let mut end = f64::from(HEIGHT) - LINE / 2.0;
    for &which in order.iter().rev() {
        placed[which] = f64::min(placed[which], end);
        end = placed[which] - LINE;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, values: &[Option<f64>]) -> Line {
        Line { name: name.to_owned(), mark: Mark::Eligible, is_subject: name == "a", values: values.to_vec() }
    }

    #[test]
    fn undefined_components_are_gaps() {
        let axes = ["one", "two", "three"].map(str::to_owned);
        let svg = draw(&axes, &[line("a", &[Some(1.0), None, Some(0.9)]), line("b", &[Some(0.9), Some(0.9), Some(0.9)])]).into_string();
        assert!(svg.contains("d=\"M60 30M850 "), "{svg}");
        assert!(svg.contains("class=\"synthetic\"") && svg.contains("class=\"line eligible\""), "{svg}");
    }

    #[test]
    fn labels_do_not_lie_on_each_other() {
        let lines: Vec<Line> = (0..9).map(|_| line("c", &[Some(0.5), Some(0.0)])).collect();
        let mut at = labels(&lines.iter().collect::<Vec<_>>(), &Scale::new((0.0, 1.0), (PANEL.3, PANEL.2)));
        at.sort_by(f64::total_cmp);
        assert!(at.windows(2).all(|two| two[1] - two[0] >= LINE - 1e-9) && at[8] < f64::from(HEIGHT), "{at:?}");
    }

    #[test]
    fn one_component_is_no_picture() {
        assert!(draw(&["one".to_owned()], &[line("a", &[Some(1.0)])]).into_string().contains("fewer than two components"));
    }
}
