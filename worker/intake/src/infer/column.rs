//! What is gathered of one column while rows stream by: its distinct cells, or, past the limits, sums over
//! all cells. A column that gives up its cells is by then numbers, dates or text; only that is summed on.

use super::dates::Dates;
use super::kind::at_least_99;
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
#[derive(Debug)]
struct Overflow {
    split: Split,
    sketch: Sketch,
    sums: Sums,
}

/// Sums over cells that are not missing, soft tokens left out: of what the column is when it gives up.
#[derive(Debug, Clone)]
enum Sums {
    Numbers(Numbers),
    Dates(Dates),
    Texts(Texts, Forms),
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
    /// Distinct cells that are neither missing nor soft; `None` if there were too many.
    pub(crate) values: Option<Values>,
    /// Their number; an estimate if there were too many.
    pub(crate) distinct: u64,
    pub(crate) numbers: Numbers,
    sums: Option<Sums>,
}

/// Distinct cells that are neither missing nor soft.
#[derive(Debug, Default)]
pub(crate) struct Values {
    tally: Tally,
    places: Vec<u32>,
}

impl Values {
    /// Cells with their counts, in order of appearance.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.places.iter().map(|&place| self.tally.get(place)).map(|one| (one.text, one.count))
    }
}

impl Gathering {
    pub(crate) fn new(words: MissingWords, thousands: Option<char>) -> Self {
        Self { words, thousands, tally: Tally::default(), overflow: None }
    }

    /// Counts a cell.
    pub(crate) fn add(&mut self, cell: &str, quoted: bool) {
        match &mut self.overflow {
            None => self.tally.add(cell, quoted),
            Some(overflow) => overflow.add(&self.words, self.thousands, cell, u64::from(quoted)),
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
        if self.overflow.is_some() {
            return;
        }
        let kept = Self { words: self.words.clone(), thousands: self.thousands, tally: std::mem::take(&mut self.tally), overflow: None };
        let evidence = kept.finish();
        let mut sketch = Sketch::default();
        evidence.values.iter().flat_map(Values::iter).for_each(|(cell, _)| sketch.add(cell));
        let cells = evidence.split.values;
        let (numbers, dates) = (&evidence.numbers, evidence.dates());
        let are_numbers =
            ['.', ','].iter().any(|&mark| numbers.reading(mark).is_some_and(|reading| at_least_99(reading.sums.cells, cells)));
        let are_dates = [false, true].iter().any(|&first| dates.reading(first).is_some_and(|reading| at_least_99(reading.cells, cells)));
        let sums = match () {
            () if are_numbers => Sums::Numbers(evidence.numbers.clone()),
            () if are_dates => Sums::Dates(dates),
            () => Sums::Texts(evidence.texts(), evidence.forms()),
        };
        self.overflow = Some(Box::new(Overflow { split: evidence.split, sketch, sums }));
    }

    /// The column with all rows seen.
    pub(crate) fn finish(self) -> Evidence {
        if let Some(overflow) = self.overflow {
            let Overflow { split, sketch, sums } = *overflow;
            let distinct = sketch.estimate().min(split.values);
            let numbers = if let Sums::Numbers(numbers) = &sums { numbers.clone() } else { Numbers::default() };
            return Evidence { split, values: None, distinct, numbers, sums: Some(sums) };
        }
        let (mut split, mut places, mut numbers) = (Split::default(), Vec::new(), Numbers::default());
        for (place, one) in self.tally.iter().enumerate() {
            if split.add(&self.words, one.text, one.count, one.quoted) {
                numbers.add(one.text, one.count, self.thousands);
                places.push(place as u32);
            }
        }
        let distinct = places.len() as u64;
        Evidence { split, values: Some(Values { tally: self.tally, places }), distinct, numbers, sums: None }
    }
}

impl Overflow {
    fn add(&mut self, words: &MissingWords, thousands: Option<char>, cell: &str, quoted: u64) {
        if !self.split.add(words, cell, 1, quoted) {
            return;
        }
        self.sketch.add(cell);
        match &mut self.sums {
            Sums::Numbers(numbers) => numbers.add(cell, 1, thousands),
            Sums::Dates(dates) => dates.add(cell, 1),
            // what so many values look like is settled
            Sums::Texts(texts, _) => texts.add(cell, 1),
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
        match (&self.values, &self.sums) {
            (Some(values), _) => {
                let mut dates = Dates::default();
                values.iter().for_each(|(cell, count)| dates.add(cell, count));
                dates
            }
            (None, Some(Sums::Dates(dates))) => dates.clone(),
            _ => Dates::default(),
        }
    }

    /// The column's texts.
    pub(crate) fn texts(&self) -> Texts {
        match (&self.values, &self.sums) {
            (Some(values), _) => {
                let mut texts = Texts::default();
                values.iter().for_each(|(cell, count)| texts.add(cell, count));
                texts
            }
            (None, Some(Sums::Texts(texts, _))) => texts.clone(),
            _ => Texts::default(),
        }
    }

    /// The forms of direct identifiers in it.
    pub(crate) fn forms(&self) -> Forms {
        match (&self.values, &self.sums) {
            (Some(values), _) => {
                let mut forms = Forms::default();
                values.iter().for_each(|(cell, count)| forms.add(cell, count));
                forms
            }
            (None, Some(Sums::Texts(_, forms))) => forms.clone(),
            _ => Forms::default(),
        }
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
        let mut cells = vec!["1", "2.5", "NA", "-", "1", "3.5", "=x", ""];
        cells.extend(["7"; 200]);
        let (kept, given_up) = (gathered(&cells, 999), gathered(&cells, 6));
        assert_eq!(kept.split.missing, given_up.split.missing);
        assert_eq!((given_up.split.values, given_up.split.soft_count(), given_up.split.formulas), (205, 1, 1));
        let cells_of = |evidence: &Evidence| evidence.numbers.reading('.').map(|reading| (reading.sums.cells, reading.sums.max));
        assert_eq!((cells_of(&kept), cells_of(&given_up)), (Some((204, 7.0)), Some((204, 7.0))));
        assert_eq!(kept.distinct, given_up.distinct);
    }

    #[test]
    fn a_column_of_text_goes_on_as_text() {
        let cells = ["a", "b", "c", "1", "2", "3", "4"];
        let given_up = gathered(&cells, 3);
        assert!(given_up.numbers.reading('.').is_none());
        assert_eq!((given_up.split.values, given_up.texts().mean_chars()), (7, 1.0));
    }
}
