//! What the leaves of one tree hold, and how a value leaves them.
//!
//! Only values of the one column, sorted inside each list: a list tells nothing about a row.

use super::Draw;
use crate::filled::Filled;
use crate::gaps::{Atoms, between};
use rand_chacha::ChaCha8Rng;
use synthfleet_table::random::Draw as _;

/// Lists of values, one after the other.
#[derive(Debug, Clone, PartialEq)]
pub struct Lists<T> {
    /// Values of all lists.
    pub values: Vec<T>,
    /// End of each list in `values`.
    pub ends: Vec<u32>,
    /// Numbers: how many of each list's first values are no atoms. Codes: unused, 0.
    pub loose: Vec<u32>,
    /// List of each node of the tree; `u32::MAX` for inner nodes.
    pub primary: Vec<u32>,
    /// List to fall back to: the parent's (codes), or the nearest with enough loose values (numbers).
    pub fallback: Vec<u32>,
}

/// The lists of one tree.
#[derive(Debug, Clone, PartialEq)]
pub enum Leaves {
    /// Codes of a coded column.
    Codes(Lists<u32>),
    /// Numbers of a Value.
    Numbers(Lists<f64>),
}

impl<T: Copy> Lists<T> {
    fn list(&self, place: u32) -> &[T] {
        let place = place as usize;
        let start = if place == 0 { 0 } else { self.ends[place - 1] as usize };
        &self.values[start..self.ends[place] as usize]
    }

    /// Whether every reference and range is legal for a tree of `nodes` nodes with these leaves.
    pub fn is_sound(&self, nodes: usize, is_leaf: impl Fn(usize) -> bool) -> bool {
        let lists = self.ends.len();
        let ascending = self.ends.windows(2).all(|pair| pair[0] <= pair[1]);
        let complete = self.ends.last().map_or(0, |end| *end as usize) == self.values.len();
        let lengths = self.primary.len() == nodes && self.fallback.len() == nodes && self.loose.len() == lists;
        let points = |references: &[u32]| {
            (0..nodes)
                .filter(|&node| is_leaf(node))
                .all(|node| (references[node] as usize) < lists && !self.list(references[node]).is_empty())
        };
        ascending
            && complete
            && lengths
            && (0..lists).all(|l| self.loose[l] as usize <= self.list(l as u32).len())
            && points(&self.primary)
            && points(&self.fallback)
    }
}

impl Lists<u32> {
    /// The list of a leaf and that of its parent.
    pub fn of_leaf(&self, leaf: u32) -> (&[u32], &[u32]) {
        (self.list(self.primary[leaf as usize]), self.list(self.fallback[leaf as usize]))
    }

    /// A row of the leaf, or, with the weight of half a row, one of its parent.
    pub fn draw(&self, leaf: u32, rng: &mut ChaCha8Rng) -> u32 {
        let primary = self.list(self.primary[leaf as usize]);
        let size = primary.len() as f64;
        let list = if rng.uniform() * (size + 0.5) < size { primary } else { self.list(self.fallback[leaf as usize]) };
        list[rng.below(list.len() as u64) as usize]
    }
}

/// The numbers that a leaf draws from.
pub struct NumberLeaf<'a> {
    /// The leaf's own, loose ones first.
    pub own: &'a [f64],
    /// How many of them are loose.
    pub loose: usize,
    /// Loose ones to draw from where its own are too few.
    pub wide: &'a [f64],
}

impl Lists<f64> {
    /// The numbers of a leaf.
    pub fn numbers_of_leaf(&self, leaf: u32) -> NumberLeaf<'_> {
        let (at, fallback) = (self.primary[leaf as usize], self.fallback[leaf as usize]);
        let wide = &self.list(fallback)[..self.loose[fallback as usize] as usize];
        NumberLeaf { own: self.list(at), loose: self.loose[at as usize] as usize, wide }
    }

    /// A value of the leaf: atoms as they are, others moved between their neighbours.
    pub fn draw(&self, leaf: u32, draw: Draw, rng: &mut ChaCha8Rng) -> f64 {
        let at = self.primary[leaf as usize];
        let list = self.list(at);
        let chosen = rng.below(list.len() as u64) as usize;
        let loose = self.loose[at as usize] as usize;
        let gap = match draw {
            Draw::Donor => return list[chosen],
            Draw::Gap(_) if chosen >= loose => return list[chosen],
            Draw::Gap(gap) => gap as usize,
        };
        if loose > 2 * gap {
            return between(loose, |rank| list[rank], chosen, gap, rng);
        }
        let fallback = self.fallback[leaf as usize];
        let wide = &self.list(fallback)[..self.loose[fallback as usize] as usize];
        if wide.is_empty() {
            return list[chosen];
        }
        let chosen = rng.below(wide.len() as u64) as usize;
        between(wide.len(), |rank| wide[rank], chosen, gap, rng)
    }
}

/// Lists of codes: small leaves climb to a parent, each falls back to the node above.
pub fn codes(filled: &Filled, is_leaf: &[bool], codes: &[u32], rows_min: usize) -> Lists<u32> {
    let mut builder = Builder::new(is_leaf.len());
    let count = |node: u32| filled.rows(node).len();
    for node in (0..is_leaf.len() as u32).filter(|node| is_leaf[*node as usize]) {
        let primary = filled.climb(node, rows_min.max(1), count);
        let fallback = filled.climb(filled.parent(primary), 1, count);
        for (fallback_side, at) in [(false, primary), (true, fallback)] {
            builder.refer(node, fallback_side, at, || {
                let mut list: Vec<u32> = filled.rows(at).iter().map(|&row| codes[row as usize]).collect();
                list.sort_unstable();
                (list, 0)
            });
        }
    }
    builder.lists
}

/// Lists of numbers, loose values first; leaves with too few of them fall back to the nearest node
/// with enough.
pub fn numbers(filled: &Filled, is_leaf: &[bool], numbers: &[f64], atoms: &Atoms, rows_min: usize, loose_min: usize) -> Lists<f64> {
    let mut builder = Builder::new(is_leaf.len());
    let loose = filled.count(|row| !atoms.hold(numbers[row as usize]));
    for node in (0..is_leaf.len() as u32).filter(|node| is_leaf[*node as usize]) {
        let primary = filled.climb(node, rows_min.max(1), |node| filled.rows(node).len());
        let fallback = filled.climb(primary, loose_min, |node| loose[node as usize] as usize);
        for (fallback_side, at) in [(false, primary), (true, fallback)] {
            builder.refer(node, fallback_side, at, || {
                let of_node = filled.rows(at).iter().map(|&row| numbers[row as usize]);
                let (mut heavy, mut list): (Vec<f64>, Vec<f64>) = of_node.partition(|&number| atoms.hold(number));
                list.sort_unstable_by(f64::total_cmp);
                heavy.sort_unstable_by(f64::total_cmp);
                let loose = list.len();
                list.extend(heavy);
                (list, loose)
            });
        }
    }
    builder.lists
}

/// Collects each node's list once.
struct Builder<T> {
    lists: Lists<T>,
    of_node: Vec<Option<u32>>,
}

impl<T> Builder<T> {
    fn new(nodes: usize) -> Self {
        let lists = Lists {
            values: Vec::new(),
            ends: Vec::new(),
            loose: Vec::new(),
            primary: vec![u32::MAX; nodes],
            fallback: vec![u32::MAX; nodes],
        };
        Self { lists, of_node: vec![None; nodes] }
    }

    fn refer(&mut self, leaf: u32, fallback: bool, node: u32, list: impl FnOnce() -> (Vec<T>, usize)) {
        let place = match self.of_node[node as usize] {
            Some(place) => place,
            None => {
                let (values, loose) = list();
                let place = self.lists.ends.len() as u32;
                self.lists.values.extend(values);
                self.lists.ends.push(self.lists.values.len() as u32);
                self.lists.loose.push(loose as u32);
                self.of_node[node as usize] = Some(place);
                place
            }
        };
        let side = if fallback { &mut self.lists.fallback } else { &mut self.lists.primary };
        side[leaf as usize] = place;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use synthfleet_proto::Seed;
    use synthfleet_table::SeedExt;
    use synthfleet_trees::cart::{Node, Split, Test};

    /// A root with two leaves of six and two rows.
    fn filled() -> Filled {
        let split = Split { column: 0, test: Test::AtMost(0), left: 1 };
        let nodes = [Node { parent: 0, split: Some(split) }, Node { parent: 0, split: None }, Node { parent: 0, split: None }];
        Filled::new(&nodes, &[0, 1, 2, 3, 4, 5, 6, 7], &[1, 1, 1, 1, 1, 1, 2, 2])
    }

    const LEAVES: [bool; 3] = [false, true, true];

    #[test]
    fn a_small_leaf_climbs_and_no_code_comes_from_nowhere() {
        let codes = [1, 1, 1, 2, 2, 2, 5, 5];
        let lists = super::codes(&filled(), &LEAVES, &codes, 3);
        assert!(lists.is_sound(3, |node| LEAVES[node]));
        assert_eq!(lists.primary[2], lists.fallback[1], "the leaf of two rows uses the root's list");
        let mut rng = Seed::from_task_seed(1).rng();
        let drawn: Vec<u32> = (0..2_000).map(|_| lists.draw(1, &mut rng)).collect();
        let from_parent = drawn.iter().filter(|code| **code == 5).count() as f64 / 2_000.0;
        let expected = 0.5 / 6.5 * 2.0 / 8.0;
        assert!((from_parent - expected).abs() < 0.01, "{from_parent} against {expected}");
    }

    #[test]
    fn atoms_are_kept_and_loose_values_never_are() {
        let mut numbers: Vec<f64> = (0..40).map(|i| f64::from(i) * 1.1).collect();
        numbers.extend([7.0; 10]);
        let atoms = Atoms::of(numbers.iter().copied());
        let whole = Filled::new(&[Node { parent: 0, split: None }], &(0..50).collect::<Vec<_>>(), &[0; 50]);
        let lists = super::numbers(&whole, &[true], &numbers, &atoms, 5, 5);
        let mut rng = Seed::from_task_seed(1).rng();
        let drawn: Vec<f64> = (0..1_000).map(|_| lists.draw(0, Draw::Gap(2), &mut rng)).collect();
        let kept = drawn.iter().filter(|number| **number == 7.0).count() as f64;
        assert!((kept / 1_000.0 - 0.2).abs() < 0.04);
        assert!(drawn.iter().all(|number| *number == 7.0 || !numbers.contains(number)));
        assert!(drawn.iter().all(|number| (0.0..=42.9).contains(number)));
    }
}
