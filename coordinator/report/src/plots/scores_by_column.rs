//! `scores_by_column`: agreement of each column, with what holdout rows get.

use super::{cut, picture, placeholder};
use crate::number::{place, score};
use crate::scale::Scale;
use maud::{Markup, html};

const WIDTH: u32 = 1040;
const ROW: f64 = 18.0;
const BARS: (f64, f64) = (200.0, 960.0);

/// One column.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// Column.
    pub column: String,
    /// Score of the synthetic table; `None`: undefined.
    pub score: Option<f64>,
    /// Score of the holdout rows.
    pub reference: Option<f64>,
}

/// The picture of `bars`, in their order. The axis begins below the smallest value.
pub fn draw(bars: &[Bar]) -> Markup {
    let values = || bars.iter().flat_map(|bar| [bar.score, bar.reference]).flatten();
    let Some(lowest) = values().reduce(f64::min) else { return placeholder("no column has a score") };
    let start = ((lowest - 0.02) * 10.0).floor().clamp(0.0, 9.0) / 10.0;
    let x = Scale::new((start, 1.0), BARS);
    let bottom = bars.len() as f64 * ROW + 6.0;
    let content = html! {
        @for step in 0..=5u32 {
            @let value = start + (1.0 - start) * f64::from(step) / 5.0;
            path.grid d=(format!("M{} 4V{bottom}", place(x.at(value)))) {}
            text.tick x=(place(x.at(value))) y=(bottom + 14.0) text-anchor="middle" { (score(value)) }
        }
        @for (index, bar) in bars.iter().enumerate() {
            @let top = index as f64 * ROW + 6.0;
            text.label x=(BARS.0 - 6.0) y=(top + 11.0) text-anchor="end" { (cut(&bar.column, 26)) }
            @match bar.score {
                Some(value) => {
                    rect.synthetic-bar x=(BARS.0) y=(top + 2.0) width=(place(x.at(value.max(start)) - BARS.0)) height="11" {}
                    text.tick x="1030" y=(top + 11.0) text-anchor="end" { (score(value)) }
                },
                None => text.tick x=(BARS.0 + 4.0) y=(top + 11.0) { "undefined" },
            }
            @if let Some(reference) = bar.reference { path.reference d=(format!("M{} {top}v15", place(x.at(reference.max(start))))) {} }
        }
    };
    picture("plot bars", WIDTH, (bottom + 20.0) as u32, "Agreement of each column, with what holdout rows get", content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undefined_columns_are_named_and_reference_ticks_drawn() {
        let bar = |column: &str, score: Option<f64>| Bar { column: column.to_owned(), score, reference: Some(0.99) };
        let svg = draw(&[bar("a", Some(0.97)), bar("b", None)]).into_string();
        assert!(svg.contains("undefined") && svg.matches("class=\"reference\"").count() == 2, "{svg}");
        assert!(draw(&[]).into_string().contains("no column has a score"));
    }
}
