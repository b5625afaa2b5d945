//! What is gathered of one column while rows stream by: its distinct cells, or, past the limits, sums over
//! all cells.

use super::dates::Dates;
use super::numbers::Numbers;
use super::options::MissingWords;
use super::sensitive::Forms;
use super::tally::{Sketch, Tally};
use super::texts::Texts;
use std::collections::BTreeMap;

/// Tokens and examples that are kept once cells are no longer.
const KEPT_MAX: usize = 64;

/// One column while rows are added.
#[derive(Debug)]
pub(crate) struct Gathering {
    words: MissingWords,
    thousands: Option<char>,
    tally: Tally,
    overflow: Option<Box<Overflow>>,
}

/// A column with too many distinct cells to keep.
#[derive(Debug, Default)]
struct Overflow {
    plain: Split,
    sketch: Sketch,
    sums: Sums,
}

/// Sums over cells that are not missing, soft tokens left out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sums {
    pub(crate) numbers: Numbers,
    pub(crate) dates: Dates,
    pub(crate) texts: Texts,
    pub(crate) forms: Forms,
}

/// Cells by whether they are missing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Split {
    /// Missing tokens: count, and how many were quoted.
    pub(crate) missing: BTreeMap<String, (u64, u64)>,
    /// Tokens that are missing if the column holds numbers or dates.
    pub(crate) soft: BTreeMap<String, (u64, u64)>,
    /// Other cells.
    pub(crate) values: u64,
    /// And how many of them were quoted.
    pub(crate) quoted: u64,
    /// Cells that a spreadsheet would run as a formula.
    pub(crate) formulas: u64,
}

/// A column whose rows are all seen.
#[derive(Debug)]
pub(crate) struct Evidence {
    pub(crate) split: Split,
    /// Distinct cells that are neither missing nor soft, with counts in order of appearance; `None` if
    /// there were too many.
    pub(crate) values: Option<Vec<(String, u64)>>,
    /// Their number; an estimate if there were too many.
    pub(crate) distinct: u64,
    pub(crate) numbers: Numbers,
    sums: Option<Sums>,
}

impl Gathering {
    pub(crate) fn new(words: MissingWords, thousands: Option<char>) -> Self {
        Self { words, thousands, tally: Tally::default(), overflow: None }
    }

    /// Counts a cell.
    pub(crate) fn add(&mut self, cell: &str, quoted: bool) {
        match &mut self.overflow {
            None => self.tally.add(cell, quoted),
            Some(overflow) => overflow.add(&self.words, self.thousands, cell, 1, u64::from(quoted)),
        }
    }

    /// Distinct cells kept.
    pub(crate) fn distinct(&self) -> usize {
        self.tally.len()
    }

    /// Memory held, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.tally.bytes()
    }

    /// Stops keeping cells: from now on there are sums only.
    pub(crate) fn give_up(&mut self) {
        let mut overflow = Box::<Overflow>::default();
        for one in std::mem::take(&mut self.tally).iter() {
            overflow.add(&self.words, self.thousands, one.text, one.count, one.quoted);
        }
        self.overflow = Some(overflow);
    }

    /// The column with all rows seen.
    pub(crate) fn finish(self) -> Evidence {
        if let Some(overflow) = self.overflow {
            let Overflow { plain, sketch, sums } = *overflow;
            let distinct = sketch.estimate().min(plain.values);
            return Evidence { split: plain, values: None, distinct, numbers: sums.numbers.clone(), sums: Some(sums) };
        }
        let (mut split, mut values, mut numbers) = (Split::default(), Vec::new(), Numbers::default());
        for one in self.tally.iter() {
            if split.add(&self.words, one.text, one.count, one.quoted) {
                numbers.add(one.text, one.count, self.thousands);
                values.push((one.text.to_owned(), one.count));
            }
        }
        let distinct = values.len() as u64;
        Evidence { split, values: Some(values), distinct, numbers, sums: None }
    }
}

impl Overflow {
    fn add(&mut self, words: &MissingWords, thousands: Option<char>, cell: &str, count: u64, quoted: u64) {
        if self.plain.add(words, cell, count, quoted) {
            self.sketch.add(cell);
            self.sums.numbers.add(cell, count, thousands);
            self.sums.dates.add(cell, count);
            self.sums.texts.add(cell, count);
            self.sums.forms.add(cell, count);
        }
    }
}

impl Split {
    /// Counts a cell; whether it is a value.
    fn add(&mut self, words: &MissingWords, cell: &str, count: u64, quoted: u64) -> bool {
        let token = cell.trim_matches([' ', '\t']);
        let side = match () {
            () if words.contains(token) => &mut self.missing,
            () if words.contains_soft(token) => &mut self.soft,
            () => {
                self.values += count;
                self.quoted += quoted;
                self.formulas += if is_formula(token) { count } else { 0 };
                return true;
            }
        };
        if side.len() < KEPT_MAX || side.contains_key(token) {
            let sums = side.entry(token.to_owned()).or_default();
            *sums = (sums.0 + count, sums.1 + quoted);
        }
        false
    }

    /// Cells of soft tokens.
    pub(crate) fn soft_count(&self) -> u64 {
        self.soft.values().map(|sums| sums.0).sum()
    }
}

fn is_formula(cell: &str) -> bool {
    let mut chars = cell.chars();
    match chars.next() {
        Some('=' | '@') => true,
        Some('+' | '-') => chars.next().is_some_and(|next| next.is_ascii_alphabetic() || next == '='),
        _ => false,
    }
}

impl Evidence {
    /// The column's dates.
    pub(crate) fn dates(&self) -> Dates {
        let Some(values) = &self.values else { return self.sums.as_ref().map(|sums| sums.dates.clone()).unwrap_or_default() };
        let mut dates = Dates::default();
        values.iter().for_each(|(cell, count)| dates.add(cell, *count));
        dates
    }

    /// The column's texts.
    pub(crate) fn texts(&self) -> Texts {
        let Some(values) = &self.values else { return self.sums.as_ref().map(|sums| sums.texts.clone()).unwrap_or_default() };
        let mut texts = Texts::default();
        values.iter().for_each(|(cell, count)| texts.add(cell, *count));
        texts
    }

    /// The forms of direct identifiers in it.
    pub(crate) fn forms(&self) -> Forms {
        let Some(values) = &self.values else { return self.sums.as_ref().map(|sums| sums.forms.clone()).unwrap_or_default() };
        let mut forms = Forms::default();
        values.iter().for_each(|(cell, count)| forms.add(cell, *count));
        forms
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infer::Overrides;

    fn gathered(cells: &[&str], give_up_after: usize) -> Evidence {
        let mut gathering = Gathering::new(Overrides::default().missing_words("x"), None);
        for (place, cell) in cells.iter().enumerate() {
            if place == give_up_after {
                gathering.give_up();
            }
            gathering.add(cell, false);
        }
        gathering.finish()
    }

    #[test]
    fn giving_up_cells_changes_no_sum() {
        let cells = ["1", "2.5", "NA", "-", "1", "2020-01-31", "=x", ""];
        let (kept, given_up) = (gathered(&cells, 99), gathered(&cells, 3));
        assert_eq!(kept.split.missing, given_up.split.missing);
        assert_eq!((kept.split.values, kept.split.soft_count(), kept.split.formulas), (5, 1, 1));
        assert_eq!(given_up.split.values, 5);
        let cells_of = |evidence: &Evidence| evidence.numbers.reading('.').map(|reading| (reading.sums.cells, reading.sums.max));
        assert_eq!((cells_of(&kept), cells_of(&given_up)), (Some((3, 2.5)), Some((3, 2.5))));
        assert_eq!(kept.distinct, given_up.distinct);
    }
}
