//! Shares of sample rows nearer to train than to holdout, and their exact errors when neither is special.
//!
//! # Definition
//! Let `d_T`, `d_H` be a sample row's distances to the nearest row of T and of H.
//! `dcr_share` = mean of 1 if `d_T < d_H`, 1/2 if equal. Each sample row gives one credit to its nearest row
//! of the pool, split equally over ties; with credits `c_r` of the N rows of T and H, and n sample rows,
//! `error² = N/(N-1) sum (c_r - mean)² / (4 n²)`, at least `1/(4 n)`: rows that are nearest to many make the
//! binomial error too small.
//!
//! `dcr_share_full` pools all rows: with f = train share of the pool and p = share of credit that train rows
//! got, it is `1/2 + (p - f) / (2 (1 - f))` with
//! `error = sqrt(f (1-f) N/(N-1) sum (c_r - mean)²) / (2 (1-f) n)`: 1/2 at any split, and no row copied from
//! outside T looks innocent.

use super::overlap::Overlap;
use super::sides::{SAMPLE, Sides};
use crate::parts::neighbours::{Nearest, Pool, Space, by_chunk, visit_all};
use crate::parts::patterns::Patterns;
use synthfleet_proto::Result;
use synthfleet_table::Budget;

/// A share and its error if train rows are exchangeable with holdout rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// Fair: 1/2.
    pub value: f64,
    /// Standard error.
    pub error: f64,
}

/// The distances of a sample row in the group of all columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Near {
    /// Nearest and second nearest in T.
    pub train: [u32; 2],
    /// Nearest and second nearest in H.
    pub holdout: [u32; 2],
}

/// What a group of columns tells.
#[derive(Debug, Clone)]
pub struct Shares {
    /// `dcr_share`.
    pub equal: Share,
    /// `dcr_share_full`.
    pub full: Share,
    /// Distances of each sample row; empty unless asked for.
    pub near: Vec<Near>,
    /// Sample rows that repeat rows of T, beside those of H that do; 0 unless asked for.
    pub overlap: Overlap,
}

/// Shares in a space of columns. `with_near`: find all distances, not only what shares need.
pub fn of(space: &Space, sides: &Sides, with_near: bool, budget: &Budget) -> Result<Shares> {
    let lanes = space.lanes();
    let patterns = sides.segments().map(|(side, rows)| Patterns::of(space, side, rows));
    let queries = Patterns::of(space, SAMPLE, &sides.sample);
    let search =
        Search { space, pools: [0, 1, 2, 3].map(|i| Pool::new(&patterns[i].cells, patterns[i].len(), lanes)), patterns, with_near };
    let chunks = by_chunk(&queries.cells, lanes, budget, |first, cells| search.chunk(&queries.weights[first..], cells))?;
    let mut credits = Credits::of(&search.patterns);
    let mut doubled_wins = 0;
    for chunk in &chunks {
        doubled_wins += chunk.doubled_wins;
        chunk.equal.iter().for_each(|&(place, credit)| credits.equal[place] += credit);
        chunk.full.iter().for_each(|&(place, credit)| credits.full[place] += credit);
    }
    let rows = sides.sample.len() as f64;
    let near: Vec<Near> = chunks.into_iter().flat_map(|chunk| chunk.near).collect();
    let [t, _, h, _] = &search.patterns;
    Ok(Shares {
        overlap: if with_near { Overlap::of(t, h, &queries, lanes) } else { Overlap::default() },
        equal: Share { value: doubled_wins as f64 / (2.0 * rows), error: credits.equal_error(&search.patterns, rows) },
        full: credits.full_share(&search.patterns, rows),
        near: if with_near { queries.of_row.iter().map(|&pattern| near[pattern as usize]).collect() } else { Vec::new() },
    })
}

struct Search<'a> {
    space: &'a Space<'a>,
    /// T, the rest of train, H, the rest of holdout.
    patterns: [Patterns; 4],
    pools: [Pool; 4],
    with_near: bool,
}

/// What a chunk of queries found; credits by place in all patterns.
#[derive(Default)]
struct Chunk {
    near: Vec<Near>,
    doubled_wins: u64,
    equal: Vec<(usize, f64)>,
    full: Vec<(usize, f64)>,
}

impl Search<'_> {
    fn chunk(&self, weights: &[u32], cells: &[u16]) -> Chunk {
        let find = |segment: usize, fresh: &dyn Fn(usize) -> u32| -> Vec<Nearest<'_>> {
            visit_all(self.space, &self.pools[segment], cells, |query| {
                let both = self.with_near && segment.is_multiple_of(2);
                if both { Nearest::two(&self.patterns[segment].weights) } else { Nearest::within(fresh(query)) }
            })
        };
        let train = find(0, &|_| u32::MAX);
        let holdout = find(2, &|query| train[query].distance);
        let least = |query: usize| train[query].distance.min(holdout[query].distance);
        let rest_of_train = find(1, &least);
        let rest_of_holdout = find(3, &|query| least(query).min(rest_of_train[query].distance));
        let mut chunk = Chunk::default();
        for query in 0..train.len() {
            let weight = weights[query];
            let found = [&train[query], &rest_of_train[query], &holdout[query], &rest_of_holdout[query]];
            chunk.doubled_wins += u64::from(weight) * (1 + found[2].distance.cmp(&found[0].distance) as i64) as u64;
            self.give(&[(0, found[0]), (2, found[2])], weight, &mut chunk.equal);
            self.give(&[(0, found[0]), (1, found[1]), (2, found[2]), (3, found[3])], weight, &mut chunk.full);
            if self.with_near {
                let pair = |nearest: &Nearest| [nearest.distance, nearest.second];
                chunk.near.push(Near { train: pair(found[0]), holdout: pair(found[2]) });
            }
        }
        chunk
    }

    /// Splits `weight` credits over the rows nearest in some segments.
    fn give(&self, found: &[(usize, &Nearest)], weight: u32, credits: &mut Vec<(usize, f64)>) {
        let least = found.iter().map(|(_, nearest)| nearest.distance).min().unwrap_or(u32::MAX);
        let start = |segment: usize| self.patterns[..segment].iter().map(Patterns::len).sum::<usize>();
        let tied = || {
            let nearest = found.iter().filter(move |(_, nearest)| nearest.distance == least);
            nearest.flat_map(|&(segment, nearest)| nearest.rows.iter().map(move |&row| (segment, row as usize)))
        };
        let rows: u64 = tied().map(|(segment, row)| u64::from(self.patterns[segment].weights[row])).sum();
        credits.extend(tied().map(|(segment, row)| {
            let own = f64::from(self.patterns[segment].weights[row]);
            (start(segment) + row, f64::from(weight) * own / rows as f64)
        }));
    }
}

/// Credits of all patterns of all segments.
struct Credits {
    equal: Vec<f64>,
    full: Vec<f64>,
}

impl Credits {
    fn of(patterns: &[Patterns; 4]) -> Self {
        let all = patterns.iter().map(Patterns::len).sum();
        Self { equal: vec![0.0; all], full: vec![0.0; all] }
    }

    fn equal_error(&self, patterns: &[Patterns; 4], rows: f64) -> f64 {
        let spread = spread(&self.equal, patterns, &[0, 2], rows);
        let binomial = (0.25 / rows).sqrt();
        (spread.sqrt() / (2.0 * rows)).max(binomial)
    }

    fn full_share(&self, patterns: &[Patterns; 4], rows: f64) -> Share {
        let of_train = patterns[0].len() + patterns[1].len();
        let count = |segments: &[usize]| segments.iter().flat_map(|&i| &patterns[i].weights).map(|&w| u64::from(w)).sum::<u64>() as f64;
        let f = count(&[0, 1]) / count(&[0, 1, 2, 3]);
        let p = self.full[..of_train].iter().sum::<f64>() / rows;
        let spread = spread(&self.full, patterns, &[0, 1, 2, 3], rows);
        Share { value: 0.5 + (p - f) / (2.0 * (1.0 - f)), error: (f * (1.0 - f) * spread).sqrt() / (2.0 * (1.0 - f) * rows) }
    }
}

/// `N/(N-1) sum (c_r - mean)²` over the rows of some segments; the rows of a pattern have equal credits.
fn spread(credits: &[f64], patterns: &[Patterns; 4], segments: &[usize], rows: f64) -> f64 {
    let weights = patterns.iter().enumerate().flat_map(|(segment, patterns)| {
        let counts = segments.contains(&segment);
        patterns.weights.iter().map(move |&weight| if counts { f64::from(weight) } else { 0.0 })
    });
    let pool: f64 = weights.clone().sum();
    let mean = rows / pool;
    let square =
        |(credit, weight): (&f64, f64)| if weight > 0.0 { weight * (credit / weight - mean) * (credit / weight - mean) } else { 0.0 };
    credits.iter().zip(weights).map(square).sum::<f64>() * pool / (pool - 1.0)
}
