//! `missing_rates`: the share of missing cells of each column in the real and the synthetic table.
//!
//! # Shapes
//! One [`Rate`] a column. The line about a real share is Wilson's 95 % interval: where a table of as many rows from the
//! same source would lie.
//!
//! # Reference
//! Wilson 1927, doi 10.1080/01621459.1927.10502953.

use super::{cut, picture, placeholder};
use crate::number::{percent, place};
use crate::scale::{Scale, ticks};
use maud::{Markup, html};

const WIDTH: u32 = 1040;
const ROW: f64 = 20.0;
const BARS: (f64, f64) = (200.0, 900.0);
/// The normal law's point at .025.
const Z: f64 = 1.959_963_984_540_054;

/// Missing cells of one column.
#[derive(Debug, Clone, PartialEq)]
pub struct Rate {
    /// Column.
    pub column: String,
    /// Missing cells and rows of the real table.
    pub real: (f64, f64),
    /// Missing cells and rows of the holdout.
    pub reference: (f64, f64),
    /// Missing cells and rows of the synthetic table.
    pub synthetic: (f64, f64),
}

fn share((missing, rows): (f64, f64)) -> Option<f64> {
    (rows > 0.0).then(|| missing / rows)
}

/// Wilson's 95 % interval of a share.
fn interval((missing, rows): (f64, f64)) -> Option<(f64, f64)> {
    let p = share((missing, rows))?;
    let (spread, scale) = (Z * (p * (1.0 - p) / rows + Z * Z / (4.0 * rows * rows)).sqrt(), 1.0 + Z * Z / rows);
    let middle = p + Z * Z / (2.0 * rows);
    Some((((middle - spread) / scale).max(0.0), ((middle + spread) / scale).min(1.0)))
}

/// The picture of `rates`, in their order.
pub fn draw(rates: &[Rate]) -> Markup {
    let widest =
        rates.iter().flat_map(|rate| [share(rate.real), share(rate.synthetic), interval(rate.real).map(|(_, high)| high)]).flatten();
    let Some(widest) = widest.reduce(f64::max).filter(|_| rates.iter().any(|rate| rate.real.0 + rate.reference.0 + rate.synthetic.0 > 0.0))
    else {
        return placeholder("no cell is missing in any of the tables");
    };
    let end = (widest * 1.05).min(1.0);
    let x = Scale::new((0.0, end), BARS);
    let bottom = rates.len() as f64 * ROW + 6.0;
    let content = html! {
        @for tick in ticks(0.0, end, 5) {
            path.grid d=(format!("M{} 4V{bottom}", place(x.at(tick)))) {}
            text.tick x=(place(x.at(tick))) y=(bottom + 14.0) text-anchor="middle" { (percent(tick)) }
        }
        @for (index, rate) in rates.iter().enumerate() { (row(rate, index as f64 * ROW + 6.0, &x)) }
    };
    let told = rates
        .iter()
        .filter_map(|rate| Some(format!("{} {} and {}", rate.column, percent(share(rate.real)?), percent(share(rate.synthetic)?))));
    let alt = format!("Shares of missing cells, real and synthetic: {}", told.take(super::TOLD_MAX).collect::<Vec<_>>().join("; "));
    picture("plot missing", WIDTH, (bottom + 20.0) as u32, &alt, content)
}

fn row(rate: &Rate, top: f64, x: &Scale) -> Markup {
    let middle = top + 9.0;
    let shown = |share: Option<f64>| share.map_or_else(|| "–".to_owned(), percent);
    html! {
        text.label x=(BARS.0 - 8.0) y=(top + 13.0) text-anchor="end" { (cut(&rate.column, 26)) }
        @if let (Some((low, high)), Some(real)) = (interval(rate.real), share(rate.real)) {
            rect.real x=(place(x.at(low))) y=(top + 4.0) width=(place((x.at(high) - x.at(low)).max(1.5))) height="10" {}
            path.axis d=(format!("M{} {}v10", place(x.at(real)), top + 4.0)) {}
        }
        @if let Some(reference) = share(rate.reference) { path.reference d=(format!("M{} {}v16", place(x.at(reference)), top + 1.0)) {} }
        @if let Some(synthetic) = share(rate.synthetic) { circle.synthetic-bar cx=(place(x.at(synthetic))) cy=(middle) r="4" {} }
        text.tick x="1030" y=(top + 13.0) text-anchor="end" { (shown(share(rate.real))) " / " (shown(share(rate.synthetic))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(missing: f64) -> Rate {
        Rate { column: "age <b>".to_owned(), real: (missing, 100.0), reference: (0.0, 0.0), synthetic: (3.0, 50.0) }
    }

    #[test]
    fn the_interval_is_wilsons() {
        let (low, high) = interval((5.0, 50.0)).expect("rows");
        assert!((low - 0.043_476).abs() < 1e-5 && (high - 0.213_602).abs() < 1e-5, "{low} {high}");
        assert_eq!(interval((0.0, 0.0)), None);
    }

    #[test]
    fn shares_stand_beside_each_other() {
        let svg = draw(&[rate(20.0)]).into_string();
        assert!(svg.contains("20 % / 6.0 %") && svg.contains("age &lt;b&gt;"), "{svg}");
    }

    #[test]
    fn tables_without_gaps_have_no_picture() {
        let none = Rate { synthetic: (0.0, 50.0), ..rate(0.0) };
        assert!(draw(&[none]).into_string().contains("no cell is missing"));
        assert!(draw(&[]).into_string().contains("no cell is missing"));
    }
}
