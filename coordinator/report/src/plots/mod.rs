//! Pictures as SVG: a file each. Grey is the real train table, dashed the reference (holdout), blue-green the
//! synthetic table, amber a warning; colours come from the page's style, so both themes and paper work.

pub mod attacks;
pub mod column_ecdf;
pub mod column_histogram;
pub mod column_levels;
pub mod column_qq;
pub mod correlation;
pub mod distances;
pub mod gantt;
mod heat;
pub mod importance;
pub mod missing_rates;
pub mod pair;
pub mod parallel;
pub mod pareto;
pub mod projection;
pub mod scores_by_column;
mod steps;
pub mod utility;

use maud::{Markup, html};

/// Three shares or counts beside each other.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Three {
    /// Real train table.
    pub real: f64,
    /// Reference: holdout.
    pub reference: f64,
    /// Synthetic table.
    pub synthetic: f64,
}

/// Most rows that a picture's text alternative tells one by one.
const TOLD_MAX: usize = 12;

/// A picture with a name for readers that do not see it.
fn picture(class: &str, width: u32, height: u32, label: &str, content: Markup) -> Markup {
    html! {
        svg class=(class) viewBox=(format!("0 0 {width} {height}")) width=(width) height=(height) role="img" aria-label=(label)
            xmlns="http://www.w3.org/2000/svg" { (content) }
    }
}

/// What stands where there is nothing to draw.
fn placeholder(text: &str) -> Markup {
    html! { p.empty { (text) } }
}

/// Text cut to `length` characters.
pub fn cut(text: &str, length: usize) -> String {
    if text.chars().count() <= length { text.to_owned() } else { text.chars().take(length.saturating_sub(1)).chain(['…']).collect() }
}
