//! Pruning: leaves that too few rows reach are taken out, and their sibling takes the place of their parent.

use super::{Node, Split, Tree};
use std::collections::VecDeque;

impl Tree {
    /// The tree without leaves that fewer than `rows_min` rows reach, from the lowest up: the sibling of such a
    /// leaf takes the parent's place and gets its rows. Afterwards every leaf is reached by `rows_min` rows, or
    /// the root is the only node. `rows`: how many rows reach each node, `[nodes]`.
    #[must_use]
    pub fn pruned(&self, rows: &[u32], rows_min: u32) -> Self {
        // what stands in the place of each node, lowest nodes first: whatever is done above, the same rows arrive
        let mut standing: Vec<u32> = (0..self.nodes.len() as u32).collect();
        for (place, node) in self.nodes.iter().enumerate().rev() {
            let Some(Split { left, .. }) = &node.split else { continue };
            let children = [*left as usize, *left as usize + 1];
            let is_small = |child: usize| self.nodes[standing[child] as usize].split.is_none() && rows[child] < rows_min;
            if is_small(children[0]) {
                standing[place] = standing[children[1]];
            } else if is_small(children[1]) {
                standing[place] = standing[children[0]];
            }
        }
        let mut nodes = vec![Node { parent: 0, split: None }];
        let mut open = VecDeque::from([(standing[0], 0u32)]);
        while let Some((old, new)) = open.pop_front() {
            let Some(split) = &self.nodes[old as usize].split else { continue };
            let left = nodes.len() as u32;
            for child in 0..2 {
                nodes.push(Node { parent: new, split: None });
                open.push_back((standing[(split.left + child) as usize], left + child));
            }
            nodes[new as usize].split = Some(Split { left, ..split.clone() });
        }
        Self { nodes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cart::Test;

    fn inner(parent: u32, threshold: u16, left: u32) -> Node {
        Node { parent, split: Some(Split { column: 0, test: Test::AtMost(threshold), left }) }
    }

    fn leaf(parent: u32) -> Node {
        Node { parent, split: None }
    }

    /// Leaves of bins up to 1, 3, 5 and beyond; bins 4 and 5 lie deepest.
    ///
    /// ```text
    ///        0: at most 3
    ///    1: at most 1    2: at most 5
    ///    3    4          5    6
    /// ```
    fn tree() -> Tree {
        let nodes = vec![inner(0, 3, 1), inner(0, 1, 3), inner(0, 5, 5), leaf(1), leaf(1), leaf(2), leaf(2)];
        Tree::from_nodes(nodes, 1).expect("linked well")
    }

    #[test]
    fn a_small_leaf_gives_its_rows_to_its_sibling() {
        let pruned = tree().pruned(&[40, 13, 27, 3, 10, 12, 15], 5);
        let expected = vec![inner(0, 3, 1), leaf(0), inner(0, 5, 3), leaf(2), leaf(2)];
        assert_eq!(Tree::from_nodes(expected, 1), Some(pruned));
    }

    #[test]
    fn two_small_leaves_become_one_that_is_judged_again() {
        let pruned = tree().pruned(&[40, 6, 34, 3, 3, 20, 14], 5);
        let expected = vec![inner(0, 3, 1), leaf(0), inner(0, 5, 3), leaf(2), leaf(2)];
        assert_eq!(Tree::from_nodes(expected, 1), Some(pruned), "six rows are enough together");
        let pruned = tree().pruned(&[40, 4, 36, 2, 2, 20, 16], 5);
        let expected = vec![inner(0, 5, 1), leaf(0), leaf(0)];
        assert_eq!(Tree::from_nodes(expected, 1), Some(pruned), "four rows are not: the other branch is the root");
    }

    #[test]
    fn nothing_small_means_nothing_pruned_and_a_root_stays() {
        assert_eq!(tree().pruned(&[40, 20, 20, 10, 10, 10, 10], 5), tree());
        assert_eq!(tree().pruned(&[4, 2, 2, 1, 1, 1, 1], 5).nodes().len(), 1);
    }
}
