//! Numbers as State + Value: missing cells and values that repeat much are levels of the State.
//!
//! **Definition.** State levels: 0 regular, then missing (if any cell is), then atoms: values that hold
//! at least 5 % of the cells present (and at least k rows), commonest first, at most 8. The Value's
//! protected range is that of the regular cells. Without missing cells and atoms there is no State.

use super::plan::Part;
use super::protect::limits;
use super::scale::Scale;
use super::shelf::{Reader, Writer};
use super::{Coded, Sort};
use crate::Bits;
use crate::table::{Column, Values};
use synthfleet_proto::Result;

const ATOMS_MAX: usize = 8;
const ATOM_SHARE: f64 = 0.05;

/// A fitted State + Value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Number {
    pub(crate) scale: Scale,
    pub(crate) missing: bool,
    pub(crate) atoms: Vec<f64>,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Number {
    /// Fits the present cells, given as `rows`; `k` rows are needed to show a value. The flag says that
    /// too few rows left only the median. `None` when the column holds no numbers or `rows` is empty.
    pub(crate) fn fit(column: &Column, rows: &[u32], missing: bool, k: usize) -> Option<(Self, bool)> {
        let (scale, sorted) = protected(column, rows, k)?;
        let atoms = atoms_of(&sorted, k);
        let regular: Vec<f64> = sorted.iter().copied().filter(|number| !atoms.contains(number)).collect();
        let range = limits(if regular.is_empty() { &sorted } else { &regular }, k);
        Some((Self { scale, missing, atoms, low: range.low, high: range.high }, range.collapsed))
    }

    pub(crate) fn has_state(&self) -> bool {
        self.missing || !self.atoms.is_empty()
    }

    /// The number behind each State level.
    fn state_atoms(&self) -> Vec<Option<f64>> {
        let none = std::iter::repeat_n(None, 1 + usize::from(self.missing));
        none.chain(self.atoms.iter().copied().map(Some)).collect()
    }

    /// Number of State levels.
    fn states(&self) -> u32 {
        1 + u32::from(self.missing) + self.atoms.len() as u32
    }

    /// State (if there is one) and Value; a State is `#state` below `suffix`.
    pub(crate) fn parts(&self, suffix: &str) -> Vec<Part> {
        let sort = Sort::Value { state: None, low: self.low, high: self.high, step: self.scale.step() };
        let value = Part { suffix: suffix.to_owned(), sort, missing: None, atoms: Vec::new() };
        if !self.has_state() {
            return vec![value];
        }
        let sort = Sort::Levels { levels: self.states(), ordered: false };
        let missing = self.missing.then_some(1);
        vec![Part { suffix: format!("{suffix}#state"), sort, missing, atoms: self.state_atoms() }, value]
    }

    /// Codes every row.
    pub(crate) fn encode(&self, column: &Column) -> Vec<Coded> {
        let rows: Vec<u32> = (0..column.len() as u32).collect();
        let first_atom = 1 + u32::from(self.missing);
        let mut states = vec![0u32; column.len()];
        let mut values = self.scale.code(column, &rows);
        for (row, value) in values.iter_mut().enumerate() {
            if column.is_missing(row) {
                states[row] = u32::from(self.missing);
                *value = self.low;
            } else if let Some(atom) = self.atoms.iter().position(|atom| atom == value) {
                states[row] = first_atom + atom as u32;
                *value = self.low;
            } else {
                *value = value.clamp(self.low, self.high);
            }
        }
        let value = Coded::Value(values.into());
        if self.has_state() { vec![Coded::Levels(states.into()), value] } else { vec![value] }
    }

    /// How many coded columns it takes.
    pub(crate) fn width(&self) -> usize {
        1 + usize::from(self.has_state())
    }

    /// Cells of coded rows.
    pub(crate) fn decode(&self, parts: &[Coded]) -> (Values, Option<Bits>) {
        let (states, coded) = self.split(parts);
        let (mut low, mut high) = (self.low, self.high);
        let mut numbers = coded.to_vec();
        let Some(states) = states else { return (self.scale.cells(&numbers, low, high), None) };
        let first_atom = 1 + usize::from(self.missing);
        for (number, &state) in numbers.iter_mut().zip(states) {
            match state as usize {
                0 => *number = number.clamp(self.low, self.high),
                state if state < first_atom => *number = self.low,
                state => *number = self.atoms[state - first_atom],
            }
        }
        for &atom in &self.atoms {
            (low, high) = (low.min(atom), high.max(atom));
        }
        let missing = self.missing.then(|| Bits::collect(states.iter().map(|&state| state == 1)));
        (blank(self.scale.cells(&numbers, low, high), missing.as_ref()), missing)
    }

    fn split<'a>(&self, parts: &'a [Coded]) -> (Option<&'a [u32]>, &'a [f64]) {
        let value = parts.last().and_then(Coded::numbers).unwrap_or_default();
        (if self.has_state() { parts[0].codes() } else { None }, value)
    }

    pub(crate) fn save(&self, out: &mut Writer) {
        self.scale.save(out.below("scale"));
        out.flag("missing", self.missing);
        out.reals("atoms", &self.atoms);
        out.reals("range", &[self.low, self.high]);
    }

    pub(crate) fn load(reader: &Reader) -> Result<Self> {
        let [low, high] = reader.some_reals("range")?;
        let atoms = reader.reals("atoms")?.to_vec();
        if low > high || atoms.len() > ATOMS_MAX {
            return Err(reader.damaged("range"));
        }
        Ok(Self { scale: Scale::load(&reader.below("scale"))?, missing: reader.flag("missing")?, atoms, low, high })
    }
}

/// The grid without extremes, and the sorted coded numbers of the cells at `rows`. `None` when the
/// column holds no numbers or `rows` is empty.
pub(crate) fn protected(column: &Column, rows: &[u32], k: usize) -> Option<(Scale, Vec<f64>)> {
    let sorted = |scale: &Scale| {
        let mut numbers = scale.code(column, rows);
        numbers.sort_unstable_by(f64::total_cmp);
        numbers
    };
    let scale = Scale::fit(column, rows)?;
    let numbers = sorted(&scale);
    if numbers.is_empty() {
        return None;
    }
    let range = limits(&numbers, k);
    let scale = scale.protected(column, rows, range.low, range.high);
    let numbers = if scale.is_shifted() { sorted(&scale) } else { numbers };
    Some((scale, numbers))
}

/// Missing cells hold 0.
pub(crate) fn blank(values: Values, missing: Option<&Bits>) -> Values {
    let Some(bits) = missing.filter(|bits| bits.count() > 0) else { return values };
    match values {
        Values::Real(cells) => Values::Real(cells.iter().enumerate().map(|(row, &c)| if bits.get(row) { 0.0 } else { c }).collect()),
        Values::Whole(cells) => Values::Whole(cells.iter().enumerate().map(|(row, &c)| if bits.get(row) { 0 } else { c }).collect()),
        other => other,
    }
}

/// Values with at least 5 % of the cells and `k` rows, commonest first, then smallest first.
fn atoms_of(sorted: &[f64], k: usize) -> Vec<f64> {
    let needed = (ATOM_SHARE * sorted.len() as f64).ceil().max(k as f64) as usize;
    let mut runs: Vec<(usize, f64)> = sorted.chunk_by(|a, b| a == b).map(|run| (run.len(), run[0])).collect();
    runs.retain(|(count, _)| *count >= needed);
    runs.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.total_cmp(&b.1)));
    runs.truncate(ATOMS_MAX);
    runs.into_iter().map(|(_, value)| value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inflated() -> (Column, Vec<u32>) {
        // 50 zeros, then 1.5, 2.5, .. 49.5, then a missing cell
        let numbers: Vec<f64> = (0..100).map(|i| if i < 50 { 0.0 } else { f64::from(i) - 48.5 }).chain([0.0]).collect();
        let missing = Bits::collect((0..101).map(|row| row == 100));
        (Column::new(Values::Real(numbers.into()), Some(missing)).expect("legal"), (0..100).collect())
    }

    #[test]
    fn a_repeated_value_is_an_atom_and_missing_a_state() {
        let (column, rows) = inflated();
        let (number, collapsed) = Number::fit(&column, &rows, true, 5).expect("numbers");
        assert!(!collapsed);
        assert_eq!(number.atoms, [0.0]);
        assert_eq!((number.low, number.high), (5.5, 46.5));
        let parts = number.encode(&column);
        assert_eq!(parts[0].codes().map(|codes| (codes[0], codes[99], codes[100])), Some((2, 0, 1)));
    }

    #[test]
    fn coding_there_and_back_is_exact_within_the_protected_range() {
        let (column, rows) = inflated();
        let (number, _) = Number::fit(&column, &rows, true, 5).expect("numbers");
        let (values, missing) = number.decode(&number.encode(&column));
        let back = Column::new(values, missing).expect("legal");
        for row in (0..50).chain(54..96) {
            let Values::Real(cells) = back.values() else { panic!("reals stay reals") };
            let Values::Real(before) = column.values() else { panic!("reals") };
            assert_eq!(cells[row], before[row], "row {row}");
        }
        assert!(back.is_missing(100));
    }
}
