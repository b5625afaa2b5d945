//! Numbers and labels of columns whose values are to be invented: uniform over what may be shown.

use super::labels::Labels;
use super::number::Number;
use super::shelf::{Reader, Writer};
use crate::random::Draw;
use crate::table::{Column, Values};
use synthfleet_proto::Result;

/// What invented cells are drawn from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Invented {
    /// The protected range, on the grid.
    Number(Number),
    /// The shown labels' table codes, ascending.
    Labels(Vec<u32>),
}

impl Invented {
    /// Fits numbers, instants and labels; `None` for texts and for columns without a cell.
    pub(crate) fn fit(column: &Column, rows: &[u32], labels: usize, k: usize) -> Option<(Self, bool)> {
        match column.values() {
            Values::Code(_) => {
                let (labels, collapsed) = Labels::fit(column, labels, false, k, None)?;
                Some((Self::Labels(labels.shown().to_vec()), collapsed))
            }
            _ => {
                let (mut number, collapsed) = Number::fit(column, rows, false, k)?;
                number.atoms.clear();
                Some((Self::Number(number), collapsed))
            }
        }
    }

    pub(crate) fn values(&self, rows: usize, random: &mut impl Draw) -> Values {
        match self {
            Self::Number(number) => {
                let draw = |u: f64| number.low * (1.0 - u) + number.high * u;
                let numbers: Vec<f64> = (0..rows).map(|_| draw(random.uniform())).collect();
                number.scale.cells(&numbers, number.low, number.high)
            }
            Self::Labels(shown) => Values::Code((0..rows).map(|_| shown[random.below(shown.len() as u64) as usize]).collect()),
        }
    }

    pub(crate) fn save(&self, out: &mut Writer) {
        out.flag("labels", matches!(self, Self::Labels(_)));
        match self {
            Self::Number(number) => number.save(out),
            Self::Labels(shown) => out.codes("shown", shown),
        }
    }

    pub(crate) fn load(reader: &Reader, labels: usize) -> Result<Self> {
        if !reader.flag("labels")? {
            return Ok(Self::Number(Number::load(reader)?));
        }
        let shown = reader.codes("shown")?.to_vec();
        let is_right = !shown.is_empty() && shown.iter().all(|&code| (code as usize) < labels);
        if is_right { Ok(Self::Labels(shown)) } else { Err(reader.damaged("shown")) }
    }
}
