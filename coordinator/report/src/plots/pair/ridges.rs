//! Numbers against labels: for each label, how its rows spread over the bins of the number. Bins hold about equally many
//! real rows, so a label that tells nothing is level.

use super::Joint;
use crate::number::place;
use crate::plots::heat::{MARGIN, SIDE, Square, TOP, turned};
use crate::plots::{cut, picture, placeholder, steps};
use crate::scale::Scale;
use maud::{Markup, html};

/// A label of fewer real rows has no shape, the less so as counts are rounded.
const ROWS_MIN: f64 = 50.0;

/// Height of a ridge's lines over the room of one label.
const TALL: f64 = 0.86;

/// The ridges of both tables; the number lies along x.
pub fn draw(joint: &Joint) -> Markup {
    let (wide, high) = (joint.x.names.len(), joint.y.names.len());
    let within = |shares: &[f64], level: usize| -> Vec<f64> {
        let row: Vec<f64> = (0..wide).map(|bin| shares[bin * high + level]).collect();
        let sum = row.iter().sum::<f64>();
        row.into_iter().map(|share| if sum > 0.0 { share / sum } else { 0.0 }).collect()
    };
    let count = |level: usize| (0..wide).map(|bin| joint.real[bin * high + level]).sum::<f64>() * joint.real_rows;
    let levels: Vec<usize> = (0..high).filter(|&level| count(level) >= ROWS_MIN).collect();
    if levels.is_empty() {
        return placeholder("no label has fifty rows");
    }
    let tables = [&joint.real, &joint.reference, &joint.synthetic];
    let lines: Vec<[Vec<f64>; 3]> = levels.iter().map(|&level| tables.map(|shares| within(shares, level))).collect();
    let tallest = lines.iter().flatten().flatten().copied().fold(f64::MIN_POSITIVE, f64::max);
    let edges: Vec<f64> = (0..=wide).map(|edge| edge as f64).collect();
    let x = Scale::new((0.0, wide as f64), (MARGIN, MARGIN + SIDE));
    let room = SIDE / levels.len() as f64;
    let content = html! {
        text.title x=(MARGIN) y="14" { "by label" }
        @for (nth, [real, reference, synthetic]) in lines.iter().enumerate() {
            @let base = TOP + SIDE - nth as f64 * room;
            @let y = Scale::new((0.0, tallest), (base, base - room * TALL));
            path.real d=(steps::area(&edges, real, &x, &y)) {}
            path.gap d=(steps::between(&edges, synthetic, real, &x, &y)) {}
            @if reference.iter().any(|share| *share > 0.0) { path.reference d=(steps::line(&edges, reference, &x, &y)) {} }
            path.synthetic d=(steps::line(&edges, synthetic, &x, &y)) {}
            path.grid d=(format!("M{MARGIN} {}h{SIDE}", place(base))) {}
            text.tick x=(MARGIN - 4.0) y=(place(base - room / 2.0 + 3.0)) text-anchor="end" { (cut(&joint.y.names[levels[nth]], 14)) }
        }
        @for (bin, name) in joint.x.names.iter().enumerate() { (turned(x.at(bin as f64 + 0.5), name)) }
    };
    picture("plot ridges", Square::SIZE, Square::SIZE, &joint.alt("spread of each label"), content)
}
