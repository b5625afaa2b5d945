//! Columns as at most 255 bins, and the matrix of bins that boosting learns from.

use std::sync::Arc;

/// Most bins of values; bin 0 beside them means missing.
pub const BINS_MAX: usize = 255;

/// Columns of one block: their bins share a word.
pub(super) const BLOCK: usize = 8;

/// How a column may be cut in two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Bins up to a threshold against the rest; missing cells go the way that gains more.
    Ordered,
    /// One bin, missing included, against all others: the same splits as one-hot columns.
    OneAgainstRest,
}

/// Where the bins of a number column lie.
#[derive(Debug, Clone, PartialEq)]
pub struct Cuts(Vec<f64>);

impl Cuts {
    /// Cuts between neighbouring distinct values if there are at most `bins_max` of them, else at
    /// quantiles. Values must be finite; without any there is one bin.
    pub fn fit(values: impl IntoIterator<Item = f64>, bins_max: usize) -> Self {
        let bins_max = bins_max.clamp(1, BINS_MAX);
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let mut distinct = sorted.clone();
        distinct.dedup();
        if distinct.len() <= bins_max {
            return Self(distinct.windows(2).map(|pair| middle(pair[0], pair[1])).collect());
        }
        let last = sorted[sorted.len() - 1];
        let place = |k: usize| k * sorted.len() / bins_max;
        let mut cuts: Vec<f64> = (1..bins_max).map(place).map(|p| middle(sorted[p - 1], sorted[p])).filter(|cut| *cut < last).collect();
        cuts.dedup();
        Self(cuts)
    }

    /// Number of bins of values.
    pub fn bins(&self) -> usize {
        self.0.len() + 1
    }

    /// The bin of a value: 0 if missing, else 1 plus the number of cuts below it.
    pub fn bin(&self, value: Option<f64>) -> u8 {
        value.map_or(0, |value| 1 + self.0.partition_point(|cut| *cut < value) as u8)
    }
}

/// A cut `c` with `low <= c < high`, or `low` if both are equal.
fn middle(low: f64, high: f64) -> f64 {
    let cut = low / 2.0 + high / 2.0;
    if cut >= low && cut < high { cut } else { low }
}

/// One column of bins, `[rows]`.
#[derive(Debug, Clone)]
pub struct BinnedColumn {
    bins: Arc<[u8]>,
    order: Order,
}

impl BinnedColumn {
    /// A column of bins; bin 0 is missing.
    pub fn new(bins: impl Into<Arc<[u8]>>, order: Order) -> Self {
        Self { bins: bins.into(), order }
    }

    /// A number column cut by `cuts`.
    pub fn numbers(values: impl IntoIterator<Item = Option<f64>>, cuts: &Cuts) -> Self {
        Self::new(values.into_iter().map(|value| cuts.bin(value)).collect::<Vec<u8>>(), Order::Ordered)
    }

    /// The bins, `[rows]`.
    pub fn bins(&self) -> &[u8] {
        &self.bins
    }

    /// How it may be cut.
    pub fn order(&self) -> Order {
        self.order
    }

    /// The cells at `rows`, in that order.
    #[must_use]
    pub fn take(&self, rows: &[u32]) -> Self {
        Self::new(rows.iter().map(|&row| self.bins[row as usize]).collect::<Vec<u8>>(), self.order)
    }
}

/// Binned columns of equal length. Beside the columns it holds blocks of eight columns in which the
/// bins of a row form one word: what histograms are counted from.
#[derive(Debug, Clone)]
pub struct BinnedMatrix {
    rows: usize,
    columns: Vec<BinnedColumn>,
    blocks: Vec<Block>,
}

/// Up to [`BLOCK`] neighbouring columns.
#[derive(Debug, Clone)]
pub(super) struct Block {
    /// Place of the first column.
    pub first: usize,
    /// Number of columns.
    pub width: usize,
    /// The bins of each row, `[rows]`.
    pub words: Vec<u64>,
    /// Where the cells of each column begin in the block's histogram, and where the last ends: a column has no
    /// cells behind its largest bin.
    pub starts: [usize; BLOCK + 1],
}

impl Block {
    fn new(first: usize, columns: &[BinnedColumn], rows: usize) -> Self {
        let (mut words, mut starts) = (vec![0u64; rows], [0; BLOCK + 1]);
        for (place, column) in columns.iter().enumerate() {
            let mut most = 0;
            for (word, &bin) in words.iter_mut().zip(column.bins.iter()) {
                *word |= u64::from(bin) << (8 * place);
                most = most.max(bin);
            }
            starts[place + 1] = starts[place] + usize::from(most) + 1;
        }
        let end = starts[columns.len()];
        starts[columns.len()..].fill(end);
        Self { first, width: columns.len(), words, starts }
    }

    /// Cells of the block's histogram.
    pub fn cells(&self) -> usize {
        self.starts[BLOCK]
    }
}

impl BinnedMatrix {
    /// A matrix of `rows` rows.
    ///
    /// # Panics
    /// If a column has another length.
    pub fn new(rows: usize, columns: Vec<BinnedColumn>) -> Self {
        assert!(columns.iter().all(|column| column.bins.len() == rows), "a column does not have {rows} rows");
        let blocks = columns.chunks(BLOCK).enumerate().map(|(place, block)| Block::new(place * BLOCK, block, rows)).collect();
        Self { rows, columns, blocks }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Columns in order.
    pub fn columns(&self) -> &[BinnedColumn] {
        &self.columns
    }

    /// The rows at `rows`, in that order; rows may repeat.
    #[must_use]
    pub fn take(&self, rows: &[u32]) -> Self {
        Self::new(rows.len(), self.columns.iter().map(|column| column.take(rows)).collect())
    }

    /// The blocks of columns, in order.
    pub(super) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Cells of a histogram of all columns.
    pub(super) fn cells(&self) -> usize {
        self.blocks.iter().map(Block::cells).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_get_a_bin_each() {
        let cuts = Cuts::fit([3.0, 1.0, 2.0, 1.0], 255);
        assert_eq!([0.0, 1.0, 1.5, 1.6, 3.0, 9.0].map(|x| cuts.bin(Some(x))), [1, 1, 1, 2, 3, 3]);
        assert_eq!(cuts.bin(None), 0);
    }

    #[test]
    fn many_values_get_bins_of_nearly_equal_mass() {
        let cuts = Cuts::fit((0..10_000).map(f64::from), 255);
        assert_eq!(cuts.bins(), 255);
        let mut counts = [0u32; 256];
        (0..10_000).for_each(|x| counts[usize::from(cuts.bin(Some(f64::from(x))))] += 1);
        assert!(counts[1..].iter().all(|count| (38..=41).contains(count)), "{counts:?}");
    }

    #[test]
    fn a_heavy_value_keeps_its_own_bin() {
        let values = (0..9_000).map(|_| 0.0).chain((1..=1_000).map(f64::from));
        let cuts = Cuts::fit(values, 255);
        assert_eq!((cuts.bin(Some(0.0)), cuts.bin(Some(60.0)) > 1), (1, true));
    }

    #[test]
    fn cuts_lie_between_neighbours_that_touch_and_at_the_ends_of_the_scale() {
        let (low, high) = (1.0f64, 1.0f64.next_up());
        let cuts = Cuts::fit([low, high, -f64::MAX, f64::MAX], 255);
        let bins = [-f64::MAX, low, high, f64::MAX].map(|x| cuts.bin(Some(x)));
        assert_eq!(bins, [1, 2, 3, 4]);
    }

    #[test]
    fn no_values_are_one_bin() {
        assert_eq!(Cuts::fit([], 255).bins(), 1);
    }
}
