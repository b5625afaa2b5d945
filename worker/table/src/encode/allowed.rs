//! Which coded cells a condition on a cell leaves: how members learn what they must draw.
//!
//! **Definition.** For each coded column of the condition's column a set of levels, or a range of the Value
//! that counts where its State is regular. Every coded row that is restored to a cell as asked lies inside;
//! a row inside may still be restored to another cell (a hidden rare label, a day moved to its weekday), so
//! whoever draws looks at the restored cell as well. Drawing inside and refusing what fails is exact.

use super::constraints::Asked;
use super::number::Number;
use super::plan::{At, Plan};
use super::{Coded, Encoder};
use crate::condition::{Cell, Condition, Limit, Wanted};
use crate::table::{Column, Values};
use std::sync::Arc;
use synthfleet_proto::calendar::{Grain, rfc3339};
use synthfleet_proto::metadata::{ColumnMeta, Kind};
use synthfleet_proto::{Error, Result, Seed};

/// Labels that an error names at most.
const NAMED_MAX: usize = 20;

/// What a coded column may hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Allowed {
    /// Whether each level may come, `[levels]`; at least one may.
    Levels(Arc<[bool]>),
    /// Ends of the Value, inclusive, `low <= high`, perhaps infinite. Counts where the State is regular.
    Within {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
}

impl Allowed {
    /// What is allowed by both; none if nothing is.
    pub fn and(&self, other: &Self) -> Option<Self> {
        match (self, other) {
            (Self::Levels(a), Self::Levels(b)) => {
                let both: Arc<[bool]> = a.iter().zip(b.iter()).map(|(a, b)| *a && *b).collect();
                both.contains(&true).then_some(Self::Levels(both))
            }
            (Self::Within { low: a, high: b }, Self::Within { low: c, high: d }) => {
                let (low, high) = (a.max(*c), b.min(*d));
                (low <= high).then_some(Self::Within { low, high })
            }
            _ => None,
        }
    }
}

/// What a condition leaves of the coded columns, by their place; none if no coded row can meet it.
pub(crate) type Left = Option<Vec<(usize, Allowed)>>;

impl Encoder {
    /// What a condition leaves of the coded columns, by their place, ascending. A condition that no sample can meet is
    /// refused, and what could be asked is named.
    pub fn allowed(&self, condition: &Condition) -> Result<Vec<(usize, Allowed)>> {
        let meta = self.metadata().columns.get(condition.column);
        let meta = meta.ok_or_else(|| super::broken(format!("a condition on column {}, which is none", condition.column)))?;
        let asked = match self.constraints() {
            Some(constraints) => constraints.asked(condition.column, &condition.wanted),
            None => Asked::Of(condition.column, condition.wanted.clone()),
        };
        let is_invented = matches!(&asked, Asked::Of(place, wanted) if self.is_invented(*place) && *wanted != Wanted::Missing);
        if is_invented {
            let message = "cells of this column are invented, not drawn from a model";
            let error = Error::invalid("condition::invented", message).in_column(&meta.name);
            return Err(error.help("ask it to be missing, or leave the condition out"));
        }
        let left = match asked {
            Asked::Of(place, wanted) => self.left(place, &wanted)?,
            Asked::Nothing => Some(Vec::new()),
            Asked::Impossible => None,
            Asked::Any(parts) => {
                let possible = parts.iter().map(|(place, wanted)| Ok(self.left(*place, wanted)?.is_some()));
                possible.collect::<Result<Vec<bool>>>()?.contains(&true).then(Vec::new)
            }
        };
        left.ok_or_else(|| {
            let message = format!("no sample can meet the condition on column {}", meta.name);
            Error::invalid("condition::impossible", message).in_column(&meta.name).help(self.legal(condition.column))
        })
    }

    fn left(&self, source: usize, wanted: &Wanted) -> Result<Left> {
        let (start, nobody) = (self.first_coded(source), Seed::from_task_seed(0));
        let (plan, cells) = self.plan(source);
        let at = |rows: usize| At { rows, first_row: 0, seed: &nobody };
        Ok(match plan {
            Plan::Missing | Plan::Constant(_) => {
                let column = plan.decode(cells, &[], &at(1))?;
                wanted.holds(&column, 0).then(Vec::new)
            }
            Plan::Labels(_) | Plan::Few(_) | Plan::Exact(_) => {
                let levels = self.columns()[start].levels().unwrap_or(0);
                let column = plan.decode(cells, &[Coded::Levels((0..levels).collect())], &at(levels as usize))?;
                let mut held: Vec<bool> = (0..column.len()).map(|row| wanted.holds(&column, row)).collect();
                if held.contains(&true) && *wanted != Wanted::Missing {
                    plan.rare_level().into_iter().for_each(|level| held[level as usize] = true);
                }
                levels_at(start, held)
            }
            Plan::Lookup(lookup) => {
                let from = lookup.from;
                let column = lookup.of_levels(cells, &at(lookup.width()))?;
                let mut held: Vec<bool> = (0..column.len()).map(|row| wanted.holds(&column, row)).collect();
                if held.contains(&true) {
                    self.plan(from).0.rare_level().into_iter().for_each(|level| held[level as usize] = true);
                }
                levels_at(self.first_coded(from), held)
            }
            Plan::Number(number) => of_number(number, start, wanted),
            Plan::Dates(dates) => dates.allowed(start, wanted),
            Plan::Id(_, missing) | Plan::Text(_, missing) | Plan::Invented(_, missing) => {
                if *missing && *wanted == Wanted::Missing {
                    levels_at(start, vec![false, true])
                } else {
                    None
                }
            }
        })
    }

    /// Whether present cells of a column of the table are made without a model.
    fn is_invented(&self, source: usize) -> bool {
        matches!(self.plan(source).0, Plan::Id(..) | Plan::Text(..) | Plan::Invented(..))
    }

    /// What can be asked of a column, in words.
    pub fn legal(&self, source: usize) -> String {
        let meta = &self.metadata().columns[source];
        let nobody = Seed::from_task_seed(0);
        let source = match self.constraints() {
            None => source,
            Some(constraints) => match (constraints.plain(source), constraints.legal(source, |place| self.shown_labels_of(place))) {
                (_, Some((column, ends))) => return in_words(&column, ends, meta),
                (Some(place), None) => place,
                (None, None) => return "it takes other cells".to_owned(),
            },
        };
        let (plan, cells) = self.plan(source);
        let shown = |rows: usize, parts: &[Coded]| plan.decode(cells, parts, &At { rows, first_row: 0, seed: &nobody });
        let levels = match plan {
            Plan::Labels(_) | Plan::Few(_) | Plan::Exact(_) => self.columns()[self.first_coded(source)].levels().unwrap_or(0),
            _ => 0,
        };
        let (column, ends) = match plan {
            Plan::Missing => return "its cells are always missing".to_owned(),
            Plan::Id(..) | Plan::Text(..) | Plan::Invented(..) => return "its cells are invented".to_owned(),
            Plan::Constant(_) => (shown(1, &[]), false),
            Plan::Lookup(lookup) => (lookup.of_levels(cells, &At { rows: lookup.width(), first_row: 0, seed: &nobody }), false),
            Plan::Number(number) => (ends_of(number), true),
            Plan::Dates(dates) => (Column::new(Values::Whole(Vec::from(dates.ends()).into()), None), true),
            _ => (shown(levels as usize, &[Coded::Levels((0..levels).collect())]), false),
        };
        column.map_or_else(|_| "it takes other cells".to_owned(), |column| in_words(&column, ends, meta))
    }

    /// The labels that a column of the view may show.
    fn shown_labels_of(&self, place: usize) -> Option<Column> {
        let shown = self.plan(place).0.shown_labels()?;
        Column::new(Values::Code(shown.into()), None).ok()
    }
}

/// The cells of a column, or the range of which it holds the ends.
fn in_words(column: &Column, ends: bool, meta: &ColumnMeta) -> String {
    let mut texts: Vec<String> = Vec::new();
    for row in 0..column.len() {
        let text = text_of(column, row, meta);
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    match (ends, texts.as_slice()) {
        (true, [low, high]) => format!("it lies between {low} and {high}"),
        (_, [only]) => format!("it is always {only}"),
        (_, texts) if texts.len() <= NAMED_MAX => format!("it is one of {}", texts.join(", ")),
        (_, texts) => format!("it is one of {} and {} more", texts[..NAMED_MAX].join(", "), texts.len() - NAMED_MAX),
    }
}

/// A cell for a reader.
fn text_of(column: &Column, row: usize, meta: &ColumnMeta) -> String {
    match Cell::of(column, row) {
        None => "missing".to_owned(),
        Some(Cell::Real(number)) => format!("{number}"),
        Some(Cell::Whole(number)) if meta.kind == Kind::Datetime => {
            let grain = meta.date.as_ref().map_or(Grain::Second, |date| date.grain);
            i64::try_from(grain.to_nanos(number) / 1_000_000).map_or_else(|_| format!("{number}"), rfc3339)
        }
        Some(Cell::Whole(number)) => format!("{number}"),
        Some(Cell::Code(code)) => format!("{:?}", meta.levels.get(code as usize).map_or("", String::as_str)),
        Some(Cell::Text(text)) => format!("{text:?}"),
    }
}

/// Smallest and largest cell that numbers are restored to.
fn ends_of(number: &Number) -> Result<Column> {
    let low = number.atoms.iter().copied().fold(number.low, f64::min);
    let high = number.atoms.iter().copied().fold(number.high, f64::max);
    Column::new(number.scale.cells(&[low, high], low, high), None)
}

fn levels_at(place: usize, held: Vec<bool>) -> Left {
    held.contains(&true).then(|| vec![(place, Allowed::Levels(held.into()))])
}

/// What a condition leaves of a State (if there is one) and its Value, whose first part stands at `start`.
pub(crate) fn of_number(number: &Number, start: usize, wanted: &Wanted) -> Left {
    let regular = within(number, wanted);
    if !number.has_state() {
        return regular.map(|within| vec![(start, within)]);
    }
    let states = number.parts("").first().map_or(1, |part| part.atoms.len());
    let parts = [Coded::Levels((0..states as u32).collect()), Coded::Value(vec![number.low; states].into())];
    let (values, missing) = number.decode(&parts);
    let column = Column::new(values, missing).ok()?;
    let held: Vec<bool> = (0..states).map(|state| if state == 0 { regular.is_some() } else { wanted.holds(&column, state) }).collect();
    let mut left = levels_at(start, held)?;
    left.extend(regular.map(|within| (start + 1, within)));
    Some(left)
}

/// Coded numbers that a condition leaves where the State is regular; half a step beyond the last cells of a
/// grid, and everything beyond the ends of the protected range, because numbers are rounded and clipped.
fn within(number: &Number, wanted: &Wanted) -> Option<Allowed> {
    let (scale, step) = (&number.scale, number.scale.step());
    let coded = |cell: &Cell| match cell {
        Cell::Real(value) => Some(value + 0.0),
        Cell::Whole(value) => Some(scale.code_whole(*value)),
        Cell::Code(_) | Cell::Text(_) => None,
    };
    let is_met = |coded: f64| {
        let column = Column::new(scale.cells(&[coded], number.low, number.high), None);
        column.is_ok_and(|column| wanted.holds(&column, 0))
    };
    let (low, high) = match wanted {
        Wanted::Missing => return None,
        Wanted::OneOf(cells) => {
            let met: Vec<f64> = cells.iter().filter_map(coded).filter(|&coded| is_met(coded)).collect();
            (met.iter().copied().fold(f64::INFINITY, f64::min), met.iter().copied().fold(f64::NEG_INFINITY, f64::max))
        }
        Wanted::Between { low, high } => {
            let end = |limit: &Option<Limit>, open: f64| limit.as_ref().map_or(Some(open), |limit| coded(&limit.cell));
            let (low, high) = (end(low, number.low)?.max(number.low), end(high, number.high)?.min(number.high));
            let near = [low, high, low / 2.0 + high / 2.0, low + step, high - step];
            if low > high || !near.iter().any(|&coded| is_met(coded)) {
                return None;
            }
            (low, high)
        }
    };
    if low > high {
        return None;
    }
    Some(Allowed::Within {
        low: if low <= number.low { f64::NEG_INFINITY } else { low - step / 2.0 },
        high: if high >= number.high { f64::INFINITY } else { high + step / 2.0 },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::Protection;
    use crate::{Bits, Budget, Table};
    use synthfleet_proto::metadata::Metadata;

    fn encoder() -> Arc<Encoder> {
        let rows = 600u32;
        let mut colour = ColumnMeta::plain("colour", Kind::Categorical);
        colour.levels = ["red", "green", "secret"].map(str::to_owned).into();
        let mut warm = ColumnMeta::plain("warm", Kind::Categorical);
        warm.levels = ["no", "yes"].map(str::to_owned).into();
        let metas = vec![colour, ColumnMeta::plain("size", Kind::Continuous), ColumnMeta::plain("key", Kind::Id), warm];
        let code = |row: u32| if row < 2 { 2 } else { row % 2 };
        let missing = Bits::collect((0..rows).map(|row| row % 10 == 0));
        let columns = vec![
            Column::new(Values::Code((0..rows).map(code).collect()), None).expect("legal"),
            Column::new(Values::Whole((0..rows).map(|row| i64::from(row) * 2).collect()), Some(missing)).expect("legal"),
            Column::new(Values::Text((0..rows).map(|row| format!("k{row}")).collect()), None).expect("legal"),
            Column::new(Values::Code((0..rows).map(|row| u32::from(code(row) == 0)).collect()), None).expect("legal"),
        ];
        let table = Table::new(Arc::new(Metadata::plain("t", metas)), rows as usize, columns).expect("legal");
        Arc::new(Encoder::fit(&table, Protection::On, &Seed::shared(0), &Budget::quiet(1)).expect("fits"))
    }

    fn allowed(column: usize, wanted: Wanted) -> Result<Vec<(usize, Allowed)>> {
        encoder().allowed(&Condition { column, wanted })
    }

    #[test]
    fn a_label_leaves_itself_and_the_level_of_rare_labels() {
        let left = allowed(0, Wanted::OneOf(vec![Cell::Code(1)])).expect("a label");
        assert_eq!(left, [(0, Allowed::Levels([false, true, true].into()))]);
    }

    #[test]
    fn a_number_leaves_its_cell_of_the_grid_and_the_regular_state() {
        let left = allowed(1, Wanted::OneOf(vec![Cell::Whole(100)])).expect("a number");
        let expected = [(1, Allowed::Levels([true, false].into())), (2, Allowed::Within { low: 99.0, high: 101.0 })];
        assert_eq!(left, expected);
        let missing = allowed(1, Wanted::Missing).expect("cells are missing");
        assert_eq!(missing, [(1, Allowed::Levels([false, true].into()))]);
    }

    #[test]
    fn an_end_beyond_the_protected_range_is_open() {
        let low = Some(Limit { cell: Cell::Whole(1_000), inclusive: true });
        let left = allowed(1, Wanted::Between { low, high: Some(Limit { cell: Cell::Whole(9_999), inclusive: false }) }).expect("a range");
        assert_eq!(left[1].1, Allowed::Within { low: 999.0, high: f64::INFINITY });
    }

    #[test]
    fn what_no_sample_can_be_is_refused_with_what_it_can_be() {
        let error = allowed(1, Wanted::OneOf(vec![Cell::Whole(101)])).expect_err("off the grid");
        assert_eq!(error.code(), "condition::impossible");
        assert!(error.helps()[0].starts_with("it lies between "), "{}", error.helps()[0]);
        let hidden = allowed(0, Wanted::OneOf(vec![Cell::Code(2)])).expect_err("a hidden label");
        assert_eq!(hidden.helps(), ["it is one of \"red\", \"green\""]);
        assert!(allowed(0, Wanted::Missing).is_err());
        let error = allowed(2, Wanted::OneOf(vec![Cell::Text("k3".to_owned())])).expect_err("an id");
        assert_eq!(error.code(), "condition::invented");
    }

    #[test]
    fn a_column_that_is_looked_up_leaves_levels_of_the_one_it_follows_from() {
        let encoder = encoder();
        let followed = encoder.columns().iter().filter(|column| column.source == 0 || column.source == 3).count();
        assert_eq!(followed, 1, "one of the two is looked up");
        let left = encoder.allowed(&Condition { column: 3, wanted: Wanted::OneOf(vec![Cell::Code(1)]) }).expect("a label");
        assert!(matches!(&left[..], [(_, Allowed::Levels(held))] if held.contains(&true) && held.contains(&false)));
    }

    #[test]
    fn two_conditions_leave_what_both_leave() {
        let of = |low, high| Allowed::Within { low, high };
        assert_eq!(of(0.0, 5.0).and(&of(3.0, 9.0)), Some(of(3.0, 5.0)));
        assert_eq!(of(0.0, 1.0).and(&of(3.0, 9.0)), None);
        let levels = |held: [bool; 2]| Allowed::Levels(held.into());
        assert_eq!(levels([true, false]).and(&levels([false, true])), None);
    }
}
