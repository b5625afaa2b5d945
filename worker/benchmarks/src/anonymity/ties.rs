//! Nearest sample rows in some columns, all of those that tie.

use crate::parts::encode16::Column16;
use crate::parts::neighbours::{Nearest, Pool, Space, visit_all};
use crate::parts::patterns::Patterns;

/// A sample seen in some columns.
pub struct Seen<'a> {
    /// The columns.
    pub space: Space<'a>,
    /// Different sample rows in these columns.
    pub patterns: Patterns,
    pool: Pool,
}

impl<'a> Seen<'a> {
    /// The rows `rows` of side `side` in some columns; at least one column.
    pub fn of(columns: impl IntoIterator<Item = &'a Column16>, side: usize, rows: &[u32]) -> Self {
        let space = Space::new(columns, u16::MAX);
        let patterns = Patterns::of(&space, side, rows);
        let pool = Pool::new(&patterns.cells, patterns.len(), space.lanes());
        Self { space, patterns, pool }
    }

    /// The nearest patterns of each query, `[queries, lanes]`, ascending.
    pub fn nearest(&self, queries: &[u16]) -> Vec<Vec<u32>> {
        visit_all(&self.space, &self.pool, queries, |_| Nearest::within(u32::MAX)).into_iter().map(|nearest| nearest.rows).collect()
    }
}

/// Lists by key, one behind the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lists {
    starts: Vec<u32>,
    items: Vec<u32>,
}

impl Lists {
    /// The second parts of `pairs` by their first ones, which are below `keys`; in the order of the pairs.
    pub fn of(keys: usize, pairs: &[(u32, u32)]) -> Self {
        let mut starts = vec![0u32; keys + 1];
        pairs.iter().for_each(|pair| starts[pair.0 as usize + 1] += 1);
        (0..keys).for_each(|key| starts[key + 1] += starts[key]);
        let (mut next, mut items) = (starts.clone(), vec![0; pairs.len()]);
        for &(key, item) in pairs {
            items[next[key as usize] as usize] = item;
            next[key as usize] += 1;
        }
        Self { starts, items }
    }

    /// The list of a key.
    pub fn get(&self, key: u32) -> &[u32] {
        &self.items[self.starts[key as usize] as usize..self.starts[key as usize + 1] as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_hold_what_belongs_to_their_key() {
        let lists = Lists::of(3, &[(2, 7), (0, 5), (2, 6)]);
        assert_eq!([lists.get(0), lists.get(1), lists.get(2)], [&[5][..], &[], &[7, 6]]);
    }
}
