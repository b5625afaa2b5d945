//! Entropy and mutual information of counted codes, in nats, and the tree that keeps most of it.
//!
//! # Definition
//! H = ln n - (1/n) Σ c ln c. I = H(a) + H(b) - H(a, b). The Miller–Madow correction adds (m - 1) / 2n to
//! each entropy, m its cells that are not empty: sparse tables do not win by bias. Normalised:
//! I / sqrt(H(a)·H(b)), 0 if either is 0. The spanning tree is Prim's, of greatest total weight; ties go
//! to the lowest index.
//!
//! # Reference
//! Miller 1955, in Information Theory in Psychology; Chow, Liu 1968, doi 10.1109/TIT.1968.1054142.

/// Entropy of counts, in nats; 0 for no counts.
pub fn entropy(counts: impl Iterator<Item = u32>) -> f64 {
    let (mut total, mut sum) = (0u64, 0.0);
    for count in counts.filter(|&count| count > 0) {
        total += u64::from(count);
        sum += f64::from(count) * libm::log(f64::from(count));
    }
    if total == 0 { 0.0 } else { (libm::log(total as f64) - sum / total as f64).max(0.0) }
}

/// A table of pair counts `[rows, columns]` with its entropies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pair {
    /// Entropy of the row codes.
    pub rows: f64,
    /// Entropy of the column codes.
    pub columns: f64,
    /// Entropy of the pairs.
    pub joint: f64,
    /// Cells that are not empty: of rows, of columns, of pairs.
    pub occupied: (u32, u32, u32),
    /// Number of counted pairs.
    pub total: u64,
}

impl Pair {
    /// Measures a table of `columns` columns, row-major.
    pub fn of(counts: &[u32], columns: usize) -> Self {
        let mut of_rows = Vec::with_capacity(counts.len() / columns.max(1));
        let mut of_columns = vec![0u32; columns];
        for row in counts.chunks_exact(columns.max(1)) {
            of_rows.push(row.iter().sum::<u32>());
            of_columns.iter_mut().zip(row).for_each(|(sum, count)| *sum += count);
        }
        let occupied = |counts: &[u32]| counts.iter().filter(|&&count| count > 0).count() as u32;
        Self {
            rows: entropy(of_rows.iter().copied()),
            columns: entropy(of_columns.iter().copied()),
            joint: entropy(counts.iter().copied()),
            occupied: (occupied(&of_rows), occupied(&of_columns), occupied(counts)),
            total: of_rows.iter().map(|&count| u64::from(count)).sum(),
        }
    }

    /// Mutual information, not below 0.
    pub fn information(&self) -> f64 {
        (self.rows + self.columns - self.joint).max(0.0)
    }

    /// Mutual information with the Miller–Madow correction; may be below 0.
    pub fn corrected(&self) -> f64 {
        let (rows, columns, pairs) = self.occupied;
        let cells = f64::from(rows) + f64::from(columns) - f64::from(pairs) - 1.0;
        self.rows + self.columns - self.joint + if self.total == 0 { 0.0 } else { cells / (2.0 * self.total as f64) }
    }

    /// Mutual information as a share of the geometric mean of both entropies.
    pub fn normalised(&self) -> f64 {
        let scale = (self.rows * self.columns).sqrt();
        if scale > 0.0 { (self.information() / scale).min(1.0) } else { 0.0 }
    }
}

/// Edges `(from, to)` of the spanning tree of greatest weight over `size` nodes, in the order of growth
/// from node 0. `weight(i, j)` is symmetric.
pub fn spanning_tree(size: usize, weight: impl Fn(usize, usize) -> f64) -> Vec<(usize, usize)> {
    let mut best: Vec<(f64, usize)> = (0..size).map(|node| (if node == 0 { 0.0 } else { weight(0, node) }, 0)).collect();
    let mut inside = vec![false; size];
    let mut edges = Vec::with_capacity(size.saturating_sub(1));
    if size > 0 {
        inside[0] = true;
    }
    for _ in 1..size {
        let mut next = usize::MAX;
        for node in (0..size).filter(|&node| !inside[node]) {
            if next == usize::MAX || best[node].0 > best[next].0 {
                next = node;
            }
        }
        inside[next] = true;
        edges.push((best[next].1, next));
        for node in (0..size).filter(|&node| !inside[node]) {
            let to_next = weight(next, node);
            if to_next > best[node].0 || (to_next == best[node].0 && next < best[node].1) {
                best[node] = (to_next, next);
            }
        }
    }
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn independent_codes_share_nothing_and_equal_ones_all() {
        let independent = Pair::of(&[10, 20, 30, 60], 2);
        assert!(independent.information().abs() < 1e-15);
        let equal = Pair::of(&[50, 0, 0, 50], 2);
        assert!((equal.information() - std::f64::consts::LN_2).abs() < 1e-15);
        assert!((equal.normalised() - 1.0).abs() < 1e-15);
    }

    #[test]
    fn the_correction_takes_off_the_bias_of_a_sparse_table() {
        // 16 pairs, all different: nothing can be known, but the raw estimate is the greatest possible
        let counts: Vec<u32> = (0..256).map(|i| u32::from(i / 16 == i % 16)).collect();
        let pair = Pair::of(&counts, 16);
        assert!((pair.information() - libm::log(16.0)).abs() < 1e-12);
        assert!((pair.corrected() - (pair.information() + 15.0 / 32.0)).abs() < 1e-12);
        let full = Pair::of(&[1; 256], 16);
        assert!((full.corrected() + 225.0 / 512.0).abs() < 1e-12);
    }

    #[test]
    fn the_tree_takes_the_heaviest_edges() {
        let weights = [[0.0, 1.0, 5.0, 2.0], [1.0, 0.0, 3.0, 4.0], [5.0, 3.0, 0.0, 1.0], [2.0, 4.0, 1.0, 0.0]];
        assert_eq!(spanning_tree(4, |i, j| weights[i][j]), [(0, 2), (2, 1), (1, 3)]);
    }

    #[test]
    fn ties_go_to_the_lowest_index() {
        assert_eq!(spanning_tree(4, |_, _| 1.0), [(0, 1), (0, 2), (0, 3)]);
    }
}
