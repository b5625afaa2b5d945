//! The best split of one node: every predictor is counted and swept once.

use super::{Predictor, Response, Test, nominal};

/// Scratch for the nodes of one tree.
pub(super) struct Splitter<'a> {
    predictors: &'a [Predictor<'a>],
    response: Response<'a>,
    counts: Vec<u32>,
    starts: Vec<u32>,
    sums: Vec<f64>,
    sorted: Vec<u32>,
    left: Vec<u32>,
    right: Vec<u32>,
}

/// A cut between two neighbouring bins of a predictor.
#[derive(Debug, Clone, Copy)]
struct Cut {
    gain: f64,
    /// Last bin (or rank of a level) on the left.
    last: u32,
    left_rows: u32,
}

impl<'a> Splitter<'a> {
    pub(super) fn new(predictors: &'a [Predictor<'a>], response: Response<'a>) -> Self {
        let bins = predictors.iter().map(|p| p.bins as usize).max().unwrap_or(0);
        let classes = match response {
            Response::Classes { classes, .. } => classes as usize,
            Response::Real(_) => 0,
        };
        Self {
            predictors,
            response,
            counts: vec![0; bins],
            starts: vec![0; bins + 1],
            sums: vec![0.0; bins],
            sorted: Vec::new(),
            left: vec![0; classes],
            right: vec![0; classes],
        }
    }

    /// Rows times impurity.
    pub(super) fn impurity_mass(&mut self, rows: &[u32]) -> f64 {
        let n = rows.len() as f64;
        if rows.is_empty() {
            return 0.0;
        }
        match self.response {
            Response::Classes { codes, .. } => {
                rows.iter().for_each(|&row| self.right[codes[row as usize] as usize] += 1);
                let squares: u64 = self.right.iter().map(|&count| u64::from(count) * u64::from(count)).sum();
                self.right.fill(0);
                n - squares as f64 / n
            }
            Response::Real(numbers) => {
                let mean = rows.iter().map(|&row| numbers[row as usize]).sum::<f64>() / n;
                rows.iter().map(|&row| (numbers[row as usize] - mean) * (numbers[row as usize] - mean)).sum()
            }
        }
    }

    /// The predictor and test that gain most, if any gains more than `gain_min` and leaves
    /// `leaf_rows` rows on both sides.
    pub(super) fn best(&mut self, rows: &[u32], leaf_rows: u32, gain_min: f64) -> Option<(u32, Test)> {
        let mut best: Option<(u32, Cut, Option<Vec<u16>>)> = None;
        for (column, predictor) in self.predictors.iter().enumerate() {
            self.count(predictor, rows);
            if self.counts[..predictor.bins as usize].iter().filter(|count| **count > 0).take(2).count() < 2 {
                continue;
            }
            let order = if predictor.ordered { None } else { Some(self.order_levels(predictor, rows)) };
            let cut = match self.response {
                Response::Classes { codes, .. } => self.sweep_classes(predictor, order.as_deref(), rows, codes, leaf_rows),
                Response::Real(numbers) => self.sweep_real(predictor, order.as_deref(), rows, numbers, leaf_rows),
            };
            let floor = best.as_ref().map_or(gain_min, |(_, cut, _)| cut.gain);
            if let Some(cut) = cut.filter(|cut| cut.gain > floor) {
                best = Some((column as u32, cut, order));
            }
        }
        let (column, cut, order) = best?;
        let test = match order {
            None => Test::AtMost(cut.last as u16),
            Some(order) => self.set_of(column, &order, cut, rows.len() as u32),
        };
        Some((column, test))
    }

    /// Rows of each bin.
    pub(super) fn count(&mut self, predictor: &Predictor<'_>, rows: &[u32]) {
        self.counts[..predictor.bins as usize].fill(0);
        rows.iter().for_each(|&row| self.counts[usize::from(predictor.codes[row as usize])] += 1);
    }

    /// Levels present in the node, in the order in which they are cut.
    pub(super) fn order_levels(&self, predictor: &Predictor<'_>, rows: &[u32]) -> Vec<u16> {
        let present = (0..predictor.bins as u16).filter(|&level| self.counts[usize::from(level)] > 0).collect();
        match self.response {
            Response::Classes { codes, classes } => nominal::order_by_classes(predictor, rows, codes, classes, present, &self.counts),
            Response::Real(numbers) => nominal::order_by_mean(predictor, rows, numbers, present, &self.counts),
        }
    }

    /// Sweeps rows from right to left bin by bin; squares of counts change by whole numbers.
    fn sweep_classes(
        &mut self,
        predictor: &Predictor<'_>,
        order: Option<&[u16]>,
        rows: &[u32],
        codes: &[u32],
        leaf_rows: u32,
    ) -> Option<Cut> {
        let bins = predictor.bins as usize;
        self.starts[0] = 0;
        for bin in 0..bins {
            self.starts[bin + 1] = self.starts[bin] + self.counts[bin];
        }
        self.sorted.clear();
        self.sorted.resize(rows.len(), 0);
        for &row in rows {
            let start = &mut self.starts[usize::from(predictor.codes[row as usize])];
            self.sorted[*start as usize] = codes[row as usize];
            *start += 1; // afterwards starts[bin] is where the bin ends
        }
        rows.iter().for_each(|&row| self.right[codes[row as usize] as usize] += 1);
        let n = rows.len() as u32;
        let (mut squares_left, mut left_rows) = (0u64, 0u32);
        let mut squares_right = self.sorted.iter().map(|&class| u64::from(self.right[class as usize])).sum::<u64>();
        let whole = squares_right as f64 / f64::from(n);
        let mut best: Option<Cut> = None;
        let sequence = Sequence { order, bins: predictor.bins };
        for rank in 0..sequence.len() {
            let bin = sequence.bin(rank);
            let count = self.counts[bin];
            if count == 0 {
                continue;
            }
            let end = self.starts[bin] as usize;
            for &class in &self.sorted[end - count as usize..end] {
                let (left, right) = (&mut self.left[class as usize], &mut self.right[class as usize]);
                squares_left += 2 * u64::from(*left) + 1;
                squares_right -= 2 * u64::from(*right) - 1;
                *left += 1;
                *right -= 1;
            }
            left_rows += count;
            if left_rows >= leaf_rows && n - left_rows >= leaf_rows.max(1) {
                let gain = squares_left as f64 / f64::from(left_rows) + squares_right as f64 / f64::from(n - left_rows) - whole;
                keep(&mut best, Cut { gain, last: rank, left_rows });
            }
        }
        for &class in &self.sorted {
            self.left[class as usize] = 0;
            self.right[class as usize] = 0;
        }
        best
    }

    /// Sweeps sums of bins. Numbers are centred on the node's mean first, which keeps the sums small.
    fn sweep_real(
        &mut self,
        predictor: &Predictor<'_>,
        order: Option<&[u16]>,
        rows: &[u32],
        numbers: &[f64],
        leaf_rows: u32,
    ) -> Option<Cut> {
        let n = rows.len() as u32;
        let mean = rows.iter().map(|&row| numbers[row as usize]).sum::<f64>() / f64::from(n);
        self.sums[..predictor.bins as usize].fill(0.0);
        rows.iter().for_each(|&row| self.sums[usize::from(predictor.codes[row as usize])] += numbers[row as usize] - mean);
        let (mut sum, mut left_rows) = (0.0, 0u32);
        let mut best: Option<Cut> = None;
        let sequence = Sequence { order, bins: predictor.bins };
        for rank in 0..sequence.len() {
            let bin = sequence.bin(rank);
            if self.counts[bin] == 0 {
                continue;
            }
            sum += self.sums[bin];
            left_rows += self.counts[bin];
            if left_rows >= leaf_rows && n - left_rows >= leaf_rows.max(1) {
                // The centred whole sums to zero, so the right sum is the left one's negative.
                let gain = sum * sum / f64::from(left_rows) + sum * sum / f64::from(n - left_rows);
                keep(&mut best, Cut { gain, last: rank, left_rows });
            }
        }
        best
    }

    /// The set of levels that go left; levels absent from the node join the larger side.
    fn set_of(&mut self, column: u32, order: &[u16], cut: Cut, rows: u32) -> Test {
        let bins = self.predictors[column as usize].bins as usize;
        let absent_left = 2 * cut.left_rows > rows;
        let mut bits = vec![if absent_left { u64::MAX } else { 0 }; bins.div_ceil(64)];
        for (rank, &level) in order.iter().enumerate() {
            let (word, bit) = (usize::from(level) / 64, 1u64 << (level % 64));
            if rank as u32 <= cut.last {
                bits[word] |= bit;
            } else {
                bits[word] &= !bit;
            }
        }
        Test::In(bits.into())
    }
}

/// Bins in the order in which they are swept: their own, or a given order of levels.
struct Sequence<'o> {
    order: Option<&'o [u16]>,
    bins: u32,
}

impl Sequence<'_> {
    fn len(&self) -> u32 {
        self.order.map_or(self.bins, |order| order.len() as u32)
    }

    fn bin(&self, rank: u32) -> usize {
        self.order.map_or(rank as usize, |order| usize::from(order[rank as usize]))
    }
}

fn keep(best: &mut Option<Cut>, cut: Cut) {
    if best.is_none_or(|so_far| cut.gain > so_far.gain) {
        *best = Some(cut);
    }
}
