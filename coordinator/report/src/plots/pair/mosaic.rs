//! Labels against labels: a column's width is its share, its tiles are shares within it.

use super::Joint;
use crate::number::place;
use crate::plots::heat::{self, Cell, MARGIN, SIDE, Square, TOP, turned};
use crate::plots::{cut, picture};
use maud::{Markup, html};

/// Room between tiles.
const GAP: f64 = 1.5;
/// A tile or column narrower than this has no name.
const NAMED_MIN: f64 = 10.0;

/// One table's mosaic.
pub fn draw(joint: &Joint, title: &str, shares: &[f64]) -> Markup {
    let (wide, high) = (joint.x.names.len(), joint.y.names.len());
    let sums: Vec<f64> = shares.chunks(high).map(|column| column.iter().sum()).collect();
    let all = sums.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    let room = SIDE - GAP * (wide - 1) as f64;
    let mut cells = Vec::new();
    let (mut left, mut names, mut tallest) = (MARGIN, Vec::new(), (0.0, 0));
    for (nth, (column, sum)) in shares.chunks(high).zip(&sums).enumerate() {
        let width = room * sum / all;
        let mut bottom = TOP + SIDE;
        for (level, share) in column.iter().enumerate() {
            let height = if *sum > 0.0 { SIDE * share / sum } else { 0.0 };
            bottom -= height;
            // shades tell the levels apart, the first the darkest
            let value = 0.75 - 0.65 * level as f64 / high.max(2) as f64;
            let size = ((width - 0.1).max(0.0), (height - 0.1 - GAP / 2.0).max(0.0));
            if width > 0.0 && height > 0.0 {
                cells.push(Cell { at: (left, bottom), size, value: Some(value) });
            }
        }
        if width > NAMED_MIN {
            names.push((left + width / 2.0, joint.x.names[nth].as_str()));
        }
        if nth == 0 || width > tallest.0 {
            tallest = (width, nth);
        }
        left += width + GAP;
    }
    let content = html! {
        (Square { title, columns: &[], rows: &[] }.around(&heat::draw(cells.into_iter())))
        @for (middle, name) in &names { (turned(*middle, name)) }
        (levels(joint, &shares[tallest.1 * high..(tallest.1 + 1) * high]))
    };
    picture("plot heat", Square::SIZE, Square::SIZE, &joint.alt(title), content)
}

/// Names of the levels beside the tiles of one column.
fn levels(joint: &Joint, column: &[f64]) -> Markup {
    let sum = column.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    let (mut bottom, mut named) = (TOP + SIDE, TOP + SIDE + NAMED_MIN);
    let mut names = Vec::new();
    for (share, name) in column.iter().zip(&joint.y.names) {
        let height = SIDE * share / sum;
        let middle = bottom - height / 2.0;
        bottom -= height;
        if height > 0.0 && named - middle >= NAMED_MIN {
            named = middle;
            names.push((middle + 3.0, name));
        }
    }
    html! { @for (at, name) in names { text.tick x=(MARGIN - 4.0) y=(place(at)) text-anchor="end" { (cut(name, 14)) } } }
}
