//! Which rows fill each node of a tree.

use synthfleet_trees::cart::Node;

/// Rows by node: leaves hold what fell into them, inner nodes what fell below.
pub(crate) struct Filled {
    /// All rows, those of one node side by side.
    rows: Vec<u32>,
    /// First row of each node and the end of its last, `[nodes]`.
    ranges: Vec<(u32, u32)>,
    /// Node above each node; the root is its own.
    parents: Vec<u32>,
}

impl Filled {
    /// Gathers rows whose leaves are known, `[rows]`. Children must stand behind their parents.
    pub(crate) fn new(nodes: &[Node], rows: &[u32], leaves: &[u32]) -> Self {
        let mut counts = vec![0u32; nodes.len()];
        leaves.iter().for_each(|&leaf| counts[leaf as usize] += 1);
        for node in (1..nodes.len()).rev() {
            counts[nodes[node].parent as usize] += counts[node];
        }
        let mut ranges = vec![(0, rows.len() as u32); nodes.len()];
        for (place, node) in nodes.iter().enumerate() {
            if let Some(split) = &node.split {
                let (left, (start, end)) = (split.left as usize, ranges[place]);
                ranges[left] = (start, start + counts[left]);
                ranges[left + 1] = (start + counts[left], end);
            }
        }
        let mut next: Vec<u32> = ranges.iter().map(|range| range.0).collect();
        let mut ordered = vec![0; rows.len()];
        for (&row, &leaf) in rows.iter().zip(leaves) {
            let next = &mut next[leaf as usize];
            ordered[*next as usize] = row;
            *next += 1;
        }
        Self { rows: ordered, ranges, parents: nodes.iter().map(|node| node.parent).collect() }
    }

    /// The rows of a node.
    pub(crate) fn rows(&self, node: u32) -> &[u32] {
        let (start, end) = self.ranges[node as usize];
        &self.rows[start as usize..end as usize]
    }

    /// How many rows each node has, `[nodes]`.
    pub(crate) fn counts(&self) -> Vec<u32> {
        self.ranges.iter().map(|(start, end)| end - start).collect()
    }

    /// The node above; the root is its own.
    pub(crate) fn parent(&self, node: u32) -> u32 {
        self.parents[node as usize]
    }

    /// The nearest node from `node` upward in which at least `least` rows count, or the root.
    pub(crate) fn climb(&self, node: u32, least: usize, count: impl Fn(u32) -> usize) -> u32 {
        let mut at = node;
        while count(at) < least && at != 0 {
            at = self.parent(at);
        }
        at
    }

    /// How many rows of each node `wanted` holds for, `[nodes]`; each row is asked once.
    pub(crate) fn count(&self, wanted: impl Fn(u32) -> bool) -> Vec<u32> {
        let mut before = Vec::with_capacity(self.rows.len() + 1);
        before.push(0);
        let mut sum = 0;
        for &row in &self.rows {
            sum += u32::from(wanted(row));
            before.push(sum);
        }
        self.ranges.iter().map(|&(start, end)| before[end as usize] - before[start as usize]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use synthfleet_trees::cart::{Split, Test};

    /// A root with a leaf on its left and an inner node with two leaves on its right.
    fn nodes() -> Vec<Node> {
        let inner = |parent, left| Node { parent, split: Some(Split { column: 0, test: Test::AtMost(0), left }) };
        let leaf = |parent| Node { parent, split: None };
        vec![inner(0, 1), leaf(0), inner(0, 3), leaf(2), leaf(2)]
    }

    #[test]
    fn every_node_holds_what_fell_into_or_below_it() {
        let filled = Filled::new(&nodes(), &[10, 11, 12, 13, 14], &[4, 1, 3, 4, 1]);
        assert_eq!([1, 2, 3, 4].map(|node| filled.rows(node).to_vec()), [vec![11, 14], vec![12, 10, 13], vec![12], vec![10, 13]]);
        assert_eq!(filled.rows(0).len(), 5);
        assert_eq!(filled.count(|row| row > 11), [3, 1, 2, 1, 1]);
    }

    #[test]
    fn climbing_ends_where_enough_rows_count_or_at_the_root() {
        let filled = Filled::new(&nodes(), &[10, 11, 12, 13, 14], &[4, 1, 3, 4, 1]);
        let climb = |least| filled.climb(3, least, |node| filled.rows(node).len());
        assert_eq!([1, 2, 3, 4, 9].map(climb), [3, 2, 2, 0, 0]);
    }
}
