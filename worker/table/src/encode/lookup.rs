//! Columns that follow from another: looked up instead of modelled, so that the rule holds in every row.
//!
//! **Definition.** Column y follows from x if both are coded by levels, at most 1,000 each, x has at least
//! 10 rows for each of its levels (our choice: rarer ones agree by chance), and in every train row with a
//! shown x equal x mean equal y. Neither the target nor a column that others follow from is looked up;
//! of several x the first is taken. Hidden labels of x take the y of the label that they are restored to.

use super::plan::{At, Cells, Plan};
use super::shelf::{Reader, Writer};
use super::{Coded, Sort};
use crate::table::Column;
use synthfleet_proto::Result;
use synthfleet_proto::metadata::ColumnMeta;

const LEVELS_MAX: u32 = 1_000;
const ROWS_PER_LEVEL_MIN: usize = 10;

/// A column that follows from another.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lookup {
    /// Place of the table's column that it follows from.
    pub(crate) from: usize,
    /// Level of this column for each level of the other.
    levels: Vec<u32>,
    /// How this column's levels are restored.
    inner: Box<Plan>,
}

/// Replaces the plans of columns that follow from others; tells which follow from which.
pub(crate) fn replace(plans: &mut [(Plan, Cells)], columns: &[Column], target: Option<usize>) -> Vec<(usize, usize)> {
    let coded: Vec<Option<(u32, Vec<u32>)>> = plans.iter().zip(columns).map(|((plan, _), column)| candidate(plan, column)).collect();
    let mut kept = vec![false; plans.len()];
    let mut found = Vec::new();
    for (y, codes_of_y) in coded.iter().enumerate() {
        let Some((levels_of_y, codes_of_y)) = codes_of_y.as_ref().filter(|_| !kept[y] && target != Some(y)) else { continue };
        for (x, codes_of_x) in coded.iter().enumerate() {
            let is_free = x != y && !matches!(plans[x].0, Plan::Lookup(_));
            let Some((levels_of_x, codes_of_x)) = codes_of_x.as_ref().filter(|_| is_free) else { continue };
            let hidden = plans[x].0.rare_level();
            let Some(levels) = follows(codes_of_x, *levels_of_x, hidden, codes_of_y) else { continue };
            if levels.iter().any(|&level| level >= *levels_of_y || plans[y].0.rare_level() == Some(level)) {
                continue;
            }
            let inner = Box::new(std::mem::replace(&mut plans[y].0, Plan::Missing));
            plans[y].0 = Plan::Lookup(Lookup { from: x, levels, inner });
            kept[x] = true;
            found.push((y, x));
            break;
        }
    }
    found
}

/// Number of levels and codes of a column that may take part.
fn candidate(plan: &Plan, column: &Column) -> Option<(u32, Vec<u32>)> {
    if !matches!(plan, Plan::Labels(_) | Plan::Few(_)) {
        return None;
    }
    let levels = levels_of(plan)?;
    let is_fit = levels <= LEVELS_MAX && column.len() >= ROWS_PER_LEVEL_MIN * levels as usize;
    let coded = if is_fit { plan.encode(column).pop() } else { None };
    coded.and_then(|coded| coded.codes().map(|codes| (levels, codes.to_vec())))
}

fn levels_of(plan: &Plan) -> Option<u32> {
    match plan.parts().first()?.sort {
        Sort::Levels { levels, .. } => Some(levels),
        Sort::Value { .. } => None,
    }
}

/// The level of y for each level of x, if it is the same in all rows whose x is not hidden.
fn follows(x: &[u32], levels: u32, hidden: Option<u32>, y: &[u32]) -> Option<Vec<u32>> {
    const UNSEEN: u32 = u32::MAX;
    let mut map = vec![UNSEEN; levels as usize];
    for (&x, &y) in x.iter().zip(y).filter(|(x, _)| hidden != Some(**x)) {
        let seen = &mut map[x as usize];
        if *seen == UNSEEN {
            *seen = y;
        } else if *seen != y {
            return None;
        }
    }
    // a hidden level never reaches the table: restored cells have shown ones
    let any = map.iter().copied().find(|&level| level != UNSEEN)?;
    Some(map.into_iter().map(|level| if level == UNSEEN { any } else { level }).collect())
}

impl Lookup {
    /// Cells for the restored cells of the column that it follows from.
    pub(crate) fn decode(&self, cells: Cells, from: (&Plan, &Column), at: &At) -> Result<Column> {
        let coded = from.0.encode(from.1).pop();
        let codes = coded.as_ref().and_then(Coded::codes).unwrap_or_default();
        let level = |&code: &u32| self.levels.get(code as usize).copied().unwrap_or(0);
        self.inner.decode(cells, &[Coded::Levels(codes.iter().map(level).collect())], at)
    }

    /// The cell for each level of the column that it follows from, `[levels]`.
    pub(crate) fn of_levels(&self, cells: Cells, at: &At) -> Result<Column> {
        self.inner.decode(cells, &[Coded::Levels(self.levels.clone().into())], at)
    }

    /// Number of levels of the column that it follows from.
    pub(crate) fn width(&self) -> usize {
        self.levels.len()
    }

    /// Table codes of labels that may be shown, ascending; `None`: all.
    pub(crate) fn shown_labels(&self) -> Option<&[u32]> {
        self.inner.shown_labels()
    }

    /// Whether it can follow from that plan.
    pub(crate) fn fits(&self, from: &Plan) -> bool {
        matches!(from, Plan::Labels(_) | Plan::Few(_)) && levels_of(from) == Some(self.levels.len() as u32)
    }

    pub(crate) fn save(&self, out: &mut Writer) {
        out.code("from", self.from as u32);
        out.codes("levels", &self.levels);
        self.inner.save(&mut out.below("inner"));
    }

    pub(crate) fn load(reader: &Reader, meta: &ColumnMeta, cells: Cells) -> Result<Self> {
        let inner = Plan::load(&reader.below("inner"), meta, cells)?;
        let levels = reader.codes("levels")?.to_vec();
        let most = levels_of(&inner).filter(|_| matches!(inner, Plan::Labels(_) | Plan::Few(_))).unwrap_or(0);
        if levels.is_empty() || levels.iter().any(|&level| level >= most) {
            return Err(reader.damaged("levels"));
        }
        Ok(Self { from: reader.code("from")? as usize, levels, inner: Box::new(inner) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_exception_breaks_the_rule_and_a_hidden_level_does_not() {
        assert_eq!(follows(&[0, 1, 2, 0], 3, None, &[5, 6, 7, 5]), Some(vec![5, 6, 7]));
        assert_eq!(follows(&[0, 1, 2, 0], 3, None, &[5, 6, 7, 6]), None);
        assert_eq!(follows(&[0, 1, 2, 2], 3, Some(2), &[5, 6, 7, 5]), Some(vec![5, 6, 5]));
    }
}
