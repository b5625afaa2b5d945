//! What is counted of every column while rows are staged: missing cells, levels, lengths and shapes of
//! texts, and a hash of each row.

use std::collections::BTreeMap;
use synthfleet_proto::metadata::{ColumnMeta, Metadata};
use synthfleet_proto::profile::{DISCLOSED_ROWS_MIN, Disclosure, Lengths};
use synthfleet_table::{Column, Table, Values};

/// Longest shape and most shapes that are kept.
const SHAPE_CHARS_MAX: usize = 64;
const SHAPES_MAX: usize = 4_096;

/// Counts of one column.
#[derive(Debug, Clone, Default)]
pub(crate) struct ColumnCounts {
    pub(crate) missing: u64,
    /// Discrete kinds: rows of each level.
    pub(crate) levels: Vec<u64>,
    /// Texts: rows of each length in characters.
    lengths: BTreeMap<u64, u64>,
    shapes: BTreeMap<String, u64>,
}

impl ColumnCounts {
    /// Nothing counted yet.
    pub(crate) fn new(meta: &ColumnMeta) -> Self {
        Self { levels: vec![0; meta.levels.len()], ..Self::default() }
    }

    /// Counts the cells of a part of the column.
    pub(crate) fn take(&mut self, column: &Column) {
        self.missing += column.missing_count() as u64;
        match column.values() {
            Values::Code(codes) => {
                for (row, &code) in codes.iter().enumerate() {
                    if !column.is_missing(row) {
                        self.levels[code as usize] += 1;
                    }
                }
            }
            Values::Text(texts) => {
                for (row, text) in texts.iter().enumerate() {
                    if !column.is_missing(row) {
                        self.take_text(text);
                    }
                }
            }
            Values::Real(_) | Values::Whole(_) => {}
        }
    }

    fn take_text(&mut self, text: &str) {
        let length = text.chars().count();
        *self.lengths.entry(length as u64).or_default() += 1;
        if length <= SHAPE_CHARS_MAX {
            let shape = shape(text);
            if let Some(count) = self.shapes.get_mut(&shape) {
                *count += 1;
            } else if self.shapes.len() < SHAPES_MAX {
                self.shapes.insert(shape, 1);
            }
        }
    }

    /// Lengths as shown.
    pub(crate) fn lengths(&self, disclosure: Disclosure) -> Lengths {
        let cells: u64 = self.lengths.values().sum();
        let chars: u64 = self.lengths.iter().map(|(length, count)| length * count).sum();
        let hidden = if disclosure == Disclosure::Exact { 0 } else { (DISCLOSED_ROWS_MIN - 1).min(cells / 2) };
        let at = |rank: u64| {
            let mut seen = 0;
            let found = self.lengths.iter().find(|(_, count)| {
                seen += **count;
                seen > rank
            });
            found.map_or(0, |(length, _)| *length)
        };
        let max = if cells == 0 { 0 } else { at(cells - 1 - hidden.min(cells - 1)) };
        Lengths { min: at(hidden).min(max), mean: chars as f64 / cells.max(1) as f64, max }
    }

    /// The commonest shape if enough rows have it.
    pub(crate) fn shape(&self) -> Option<String> {
        // ties: the first in order
        let commonest = self.shapes.iter().rev().max_by_key(|(_, count)| **count)?;
        (*commonest.1 >= DISCLOSED_ROWS_MIN).then(|| commonest.0.clone())
    }
}

/// `9` for digits, `A` and `a` for letters, other characters as they are.
fn shape(text: &str) -> String {
    let class = |c: char| match c {
        _ if c.is_numeric() => '9',
        _ if c.is_uppercase() => 'A',
        _ if c.is_alphabetic() => 'a',
        _ => c,
    };
    text.chars().map(class).collect()
}

/// Hashes of 128 bits of rows: equal rows have equal hashes, and two of 2^31 rows collide with a chance
/// below 1e-19.
pub(crate) fn row_hashes(table: &Table) -> Vec<u128> {
    let mut hashes = vec![0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835_u128; table.rows()];
    for column in table.columns() {
        let missing = |row: usize| column.is_missing(row);
        match column.values() {
            Values::Real(values) => mix_all(&mut hashes, missing, |row| u128::from((values[row] + 0.0).to_bits())),
            Values::Whole(values) => mix_all(&mut hashes, missing, |row| u128::from(values[row] as u64)),
            Values::Code(values) => mix_all(&mut hashes, missing, |row| u128::from(values[row])),
            Values::Text(texts) => mix_all(&mut hashes, missing, |row| text_hash(texts.get(row))),
        }
    }
    hashes
}

fn mix_all(hashes: &mut [u128], missing: impl Fn(usize) -> bool, value: impl Fn(usize) -> u128) {
    for (row, hash) in hashes.iter_mut().enumerate() {
        *hash = mix(*hash, if missing(row) { u128::MAX - 1 } else { value(row) });
    }
}

/// A bijection of the state for every value: an odd 128-bit multiplier (from PCG, M. O'Neill 2014) and a
/// shift that carries high bits down.
fn mix(state: u128, value: u128) -> u128 {
    let product = (state ^ value).wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645);
    product ^ (product >> 64)
}

fn text_hash(text: &str) -> u128 {
    let mut state = mix(1, text.len() as u128);
    for chunk in text.as_bytes().chunks(16) {
        let mut padded = [0; 16];
        padded[..chunk.len()].copy_from_slice(chunk);
        state = mix(state, u128::from_le_bytes(padded));
    }
    state
}

/// Counts of all columns.
pub(crate) fn new_counts(metadata: &Metadata) -> Vec<ColumnCounts> {
    metadata.columns.iter().map(ColumnCounts::new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use synthfleet_proto::metadata::Kind;
    use synthfleet_table::Bits;

    #[test]
    fn equal_rows_have_equal_hashes_and_others_do_not() {
        let metas = vec![ColumnMeta::plain("x", Kind::Continuous), ColumnMeta::plain("t", Kind::Text)];
        let columns = vec![
            Column::new(
                Values::Real([0.0, -0.0, 0.0, 1.0, 0.0].into()),
                Some(Bits::collect([false, false, true, false, false].into_iter())),
            ),
            Column::new(Values::Text(["a", "a", "a", "a", "b"].into_iter().collect()), None),
        ];
        let columns = columns.into_iter().collect::<Result<_, _>>().expect("legal");
        let hashes = row_hashes(&Table::new(Arc::new(Metadata::plain("t", metas)), 5, columns).expect("legal"));
        assert_eq!(hashes[0], hashes[1]);
        let mut distinct = hashes.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), 4);
    }

    #[test]
    fn lengths_and_shapes_hide_single_rows() {
        let mut counts = ColumnCounts::default();
        for _ in 0..10 {
            counts.take_text("AB-12");
        }
        counts.take_text("a very long and single text of one person alone");
        assert_eq!(counts.shape().as_deref(), Some("AA-99"));
        assert_eq!((counts.lengths(Disclosure::Protected).max, counts.lengths(Disclosure::Exact).max), (5, 47));
    }
}
