//! `gantt`: when each task ran, from the first start to the last end.
//!
//! # Shapes
//! One [`Bar`] a task: seconds since the job's first task began.

use super::{cut, picture, placeholder};
use crate::number::{place, seconds};
use crate::scale::{Scale, ticks};
use maud::{Markup, html};

const WIDTH: u32 = 1040;
const ROW: f64 = 15.0;
const BARS: (f64, f64) = (260.0, 940.0);

/// One task.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// Its id.
    pub task: String,
    /// It makes or samples a model; else it prepares or measures.
    pub is_fit: bool,
    /// It ended well.
    pub is_ok: bool,
    /// Seconds from the first start.
    pub start: f64,
    /// Seconds from the first start.
    pub end: f64,
}

/// The picture of `bars`, in their order.
pub fn draw(bars: &[Bar]) -> Markup {
    let Some(end) = bars.iter().map(|bar| bar.end).reduce(f64::max) else { return placeholder("no task was timed") };
    let x = Scale::new((0.0, end.max(f64::MIN_POSITIVE)), BARS);
    let bottom = bars.len() as f64 * ROW + 6.0;
    let content = html! {
        @for tick in ticks(0.0, end, 6) {
            path.grid d=(format!("M{} 4V{bottom}", place(x.at(tick)))) {}
            text.tick x=(place(x.at(tick))) y=(bottom + 14.0) text-anchor="middle" { (seconds(tick)) }
        }
        @for (nth, bar) in bars.iter().enumerate() {
            @let top = nth as f64 * ROW + 6.0;
            @let class = match (bar.is_ok, bar.is_fit) { (false, _) => "failed", (true, true) => "synthetic-bar", (true, false) => "real" };
            text.tick x=(BARS.0 - 6.0) y=(top + 9.0) text-anchor="end" { (cut(&bar.task, 44)) }
            rect class=(class) x=(place(x.at(bar.start))) y=(top + 1.0) width=(place((x.at(bar.end) - x.at(bar.start)).max(1.0))) height="10" {}
            text.tick x=(place(x.at(bar.end) + 4.0)) y=(top + 9.0) { (seconds(bar.end - bar.start)) }
        }
    };
    let alt = format!("Times of {} tasks, {} from the first start to the last end", bars.len(), seconds(end));
    picture("plot gantt", WIDTH, (bottom + 20.0) as u32, &alt, content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_lie_along_time_and_failed_ones_stand_out() {
        let bar = |task: &str, is_ok, start, end| Bar { task: task.to_owned(), is_fit: task.starts_with("syn"), is_ok, start, end };
        let svg = draw(&[bar("syn-a-r0", true, 0.0, 4.0), bar("ben-a-r0-accuracy", false, 4.0, 10.0)]).into_string();
        assert!(svg.contains("class=\"synthetic-bar\" x=\"260\"") && svg.contains("class=\"failed\" x=\"532\""), "{svg}");
    }

    #[test]
    fn no_task_is_said_in_words() {
        assert!(draw(&[]).into_string().contains("no task was timed"));
    }
}
