//! What a column of numbers or instants looks like, from its values in rising order: everything in two
//! walks, exact, with nothing of single rows under protected disclosure.
//!
//! Definition: quantiles are linear between order statistics (R's type 7). The mean and the standard
//! deviation (n - 1) are sums in rising order with compensation (A. Neumaier,
//! doi:10.1002/zamm.19740540106), so that neither threads nor file order change them.

use synthfleet_proto::Result;
use synthfleet_proto::profile::{DISCLOSED_ROWS_MIN, Disclosure, Histogram, QUANTILES};

/// Most bins of a histogram.
const BINS_MAX: u64 = 32;

/// A column's values in rising order, walked as often as needed.
pub(crate) trait Ascending {
    /// Calls `each` with every value that is not missing, in rising order.
    fn walk(&self, each: &mut dyn FnMut(f64)) -> Result<()>;
}

impl Ascending for [f64] {
    fn walk(&self, each: &mut dyn FnMut(f64)) -> Result<()> {
        self.iter().copied().for_each(each);
        Ok(())
    }
}

/// What is kept of the values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Summary {
    pub(crate) count: u64,
    pub(crate) distinct: u64,
    pub(crate) zeros: u64,
    pub(crate) negatives: u64,
    /// Smallest and largest value shown.
    pub(crate) shown: Option<(f64, f64)>,
    pub(crate) mean: Option<f64>,
    pub(crate) std: Option<f64>,
    pub(crate) quantiles: Vec<f64>,
    pub(crate) histogram: Histogram,
}

/// Summarizes a column of `count` values that are not missing. `whole`: bins of small ranges are one wide.
pub(crate) fn summarize(values: &(impl Ascending + ?Sized), count: u64, whole: bool, disclosure: Disclosure) -> Result<Summary> {
    let mut first = FirstWalk::new(count, disclosure);
    values.walk(&mut |value| first.take(value))?;
    debug_assert_eq!(first.place, count, "the walk must give every value that was counted");
    let shown = first.shown(disclosure);
    let mean = (count > 0).then(|| first.sum.value() / count as f64);
    let quantiles = match shown {
        Some((low, high)) => first.quantiles().iter().map(|value| value.clamp(low, high)).collect(),
        None => Vec::new(),
    };
    let mut bins = Bins::new(shown, whole);
    let mut squares = Sum::default();
    let centre = mean.unwrap_or(0.0);
    values.walk(&mut |value| {
        squares.add((value - centre) * (value - centre));
        bins.take(value);
    })?;
    let std = (count > 1).then(|| (squares.value() / (count - 1) as f64).sqrt());
    Ok(Summary {
        count,
        distinct: first.distinct,
        zeros: first.zeros,
        negatives: first.negatives,
        shown,
        mean: mean.filter(|mean| mean.is_finite()),
        std: std.filter(|std| std.is_finite()),
        quantiles,
        histogram: Histogram { edges: bins.edges, counts: bins.counts },
    })
}

struct FirstWalk {
    count: u64,
    place: u64,
    last: f64,
    distinct: u64,
    zeros: u64,
    negatives: u64,
    sum: Sum,
    // order statistics asked for, rising, and what was found
    wanted: Vec<u64>,
    found: Vec<f64>,
}

impl FirstWalk {
    fn new(count: u64, disclosure: Disclosure) -> Self {
        let last = count.saturating_sub(1);
        let edge = outer(count, disclosure);
        let mut wanted: Vec<u64> = QUANTILES.iter().flat_map(|p| [place(*p, last).0, place(*p, last).1]).collect();
        wanted.extend([edge, last - edge.min(last), last / 2]);
        wanted.sort_unstable();
        wanted.dedup();
        Self { count, place: 0, last: f64::NAN, distinct: 0, zeros: 0, negatives: 0, sum: Sum::default(), wanted, found: Vec::new() }
    }

    fn take(&mut self, value: f64) {
        self.distinct += u64::from(value != self.last);
        self.zeros += u64::from(value == 0.0);
        self.negatives += u64::from(value < 0.0);
        self.sum.add(value);
        if self.wanted.get(self.found.len()) == Some(&self.place) {
            self.found.push(value);
        }
        self.last = value;
        self.place += 1;
    }

    fn at(&self, place: u64) -> f64 {
        self.wanted.binary_search(&place).ok().and_then(|found| self.found.get(found)).copied().unwrap_or(0.0)
    }

    fn shown(&self, disclosure: Disclosure) -> Option<(f64, f64)> {
        let last = self.count.checked_sub(1)?;
        let edge = outer(self.count, disclosure);
        // fewer than ten values: their middle is all that is shown
        if edge > last - edge.min(last) {
            let middle = self.at(last / 2);
            return Some((middle, middle));
        }
        Some((self.at(edge), self.at(last - edge)))
    }

    fn quantiles(&self) -> Vec<f64> {
        let last = self.count.saturating_sub(1);
        let between = |p: f64| {
            let (low, high, share) = place(p, last);
            let (low, high) = (self.at(low), self.at(high));
            // written so that equal neighbours give their value
            low + (high - low) * share
        };
        QUANTILES.iter().map(|p| between(*p)).collect()
    }
}

/// Rank of the smallest value shown, from 0.
fn outer(count: u64, disclosure: Disclosure) -> u64 {
    match disclosure {
        Disclosure::Exact => 0,
        Disclosure::Protected => (DISCLOSED_ROWS_MIN - 1).min(count),
    }
}

/// The order statistics around a probability, and the share of the upper one.
fn place(p: f64, last: u64) -> (u64, u64, f64) {
    let exact = p * last as f64;
    let low = exact.floor();
    (low as u64, (low as u64 + 1).min(last), exact - low)
}

struct Bins {
    edges: Vec<f64>,
    counts: Vec<u64>,
}

impl Bins {
    fn new(shown: Option<(f64, f64)>, whole: bool) -> Self {
        let Some((low, high)) = shown else {
            return Self { edges: Vec::new(), counts: Vec::new() };
        };
        let width = high - low;
        let edges: Vec<f64> = if low == high {
            vec![low, high]
        } else if whole && width < BINS_MAX as f64 {
            (0..=(width as u64 + 1)).map(|step| low + step as f64).collect()
        } else {
            // weighing the ends keeps a range wider than the largest number finite
            let edge = |share: f64| low * (1.0 - share) + high * share;
            (0..=BINS_MAX).map(|i| edge(i as f64 / BINS_MAX as f64)).collect()
        };
        Self { counts: vec![0; edges.len() - 1], edges }
    }

    fn take(&mut self, value: f64) {
        let above = self.edges.partition_point(|edge| *edge <= value);
        let bin = above.saturating_sub(1).min(self.counts.len() - 1);
        self.counts[bin] += 1;
    }
}

/// A compensated sum.
#[derive(Default)]
struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    fn add(&mut self, value: f64) {
        let next = self.sum + value;
        self.lost += if self.sum.abs() >= value.abs() { (self.sum - next) + value } else { (value - next) + self.sum };
        self.sum = next;
    }

    fn value(&self) -> f64 {
        self.sum + self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64], disclosure: Disclosure) -> Summary {
        summarize(values, values.len() as u64, false, disclosure).expect("numbers in memory")
    }

    #[test]
    fn known_moments_and_quantiles() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        let exact = of(&values, Disclosure::Exact);
        assert_eq!((exact.mean, exact.distinct, exact.shown), (Some(50.5), 100, Some((1.0, 100.0))));
        // numpy.std(ddof=1) and numpy.quantile of 1..100
        assert!((exact.std.expect("two values") - 29.011_491_975_882_016).abs() < 1e-12);
        let expected = [1.0, 1.99, 5.95, 10.9, 25.75, 50.5, 75.25, 90.1, 95.05, 99.01, 100.0];
        assert!(exact.quantiles.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{:?}", exact.quantiles);
        assert_eq!((exact.histogram.edges.len(), exact.histogram.counts.iter().sum::<u64>()), (33, 100));
    }

    #[test]
    fn protected_extremes_are_the_fifth_values() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        let protected = of(&values, Disclosure::Protected);
        assert_eq!(protected.shown, Some((5.0, 96.0)));
        assert_eq!((protected.quantiles[0], protected.quantiles[1], protected.quantiles[10]), (5.0, 5.0, 96.0));
        assert_eq!(protected.histogram.counts.iter().sum::<u64>(), 100);
    }

    #[test]
    fn few_values_show_their_middle_alone() {
        let protected = of(&[1.0, 2.0, 30.0, 400.0], Disclosure::Protected);
        assert_eq!((protected.shown, protected.histogram.counts), (Some((2.0, 2.0)), vec![4]));
        assert_eq!(of(&[], Disclosure::Protected).shown, None);
    }

    #[test]
    fn whole_numbers_of_a_small_range_get_one_bin_each() {
        let values = [1.0, 1.0, 2.0, 4.0];
        let whole = summarize(&values[..], 4, true, Disclosure::Exact).expect("in memory");
        assert_eq!(whole.histogram, Histogram { edges: vec![1.0, 2.0, 3.0, 4.0, 5.0], counts: vec![2, 1, 0, 1] });
    }

    #[test]
    fn the_widest_range_stays_finite() {
        let summary = of(&[-1.7e308, 0.0, 1.7e308], Disclosure::Exact);
        assert!(summary.histogram.edges.iter().all(|edge| edge.is_finite()));
        assert_eq!(summary.std, None);
    }
}
