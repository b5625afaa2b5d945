//! What the model sees of a train table: a node a column, a code and a score a cell.
//!
//! **Definition.** A column of levels has its codes (beyond 1,000 levels the rest shares one). A number column has
//! its State as code, 0 without one, and on rows of code 0 (regular) its normal score.

use super::draw::Drawn;
use super::given::Asked;
use crate::member::Evidence;
use rayon::prelude::*;
use std::sync::Arc;
use synthfleet_proto::{Result, Seed};
use synthfleet_table::encode::{Allowed, CodeColumn, Coded, Codes, Encoded, Encoder, QuantileNormal};
use synthfleet_table::random::Draw;
use synthfleet_table::{Arrays, Budget, SeedExt};

/// Levels with a code of their own.
pub(super) const LEVELS_MAX: usize = 1_000;
/// Bins of numbers where the tree is sought.
const BINS: usize = 15;

/// The cells of one column, `[rows]`.
#[derive(Debug, Clone)]
pub(super) struct Cells {
    pub(super) codes: Vec<u32>,
    /// Read where the code is 0; empty for columns of levels.
    pub(super) scores: Vec<f32>,
}

/// The columns as the model sees them.
pub(super) struct View {
    codes: Codes,
    /// The scores of each column; none for levels.
    scores: Vec<Option<QuantileNormal>>,
    /// Codes of each column.
    levels: Vec<u32>,
}

/// A train table in the view.
pub(super) struct Viewed {
    pub(super) view: View,
    /// `[columns]`.
    pub(super) cells: Vec<Cells>,
    /// Codes with numbers in bins, `[columns][rows]`, for the tree.
    pub(super) binned: Vec<Vec<u32>>,
    /// How many codes `binned` has, `[columns]`.
    pub(super) bins: Vec<u32>,
}

impl View {
    /// The view of a train table, with its cells.
    pub(super) fn fit(encoded: &Encoded, seed: &Seed, budget: &Budget) -> Result<Viewed> {
        let (codes, binned) = encoded.codes(BINS, LEVELS_MAX, budget)?;
        let one = |(place, column): (usize, &CodeColumn)| {
            budget.go_on()?;
            let value = column.parts.end - 1;
            let Some(scores) = encoded.quantile_normal(value) else {
                return Ok((None, Cells { codes: binned[place].clone(), scores: Vec::new() }));
            };
            let numbers = encoded.columns()[value].numbers().unwrap_or_default();
            let mut random = seed.index(place as u64).rng();
            let cells = Cells {
                codes: match encoded.columns()[column.parts.start].codes() {
                    Some(states) => states.to_vec(),
                    None => vec![0; numbers.len()],
                },
                scores: numbers.iter().map(|&number| scores.score(number, random.uniform()) as f32).collect(),
            };
            Ok((Some(scores), cells))
        };
        let columns = codes.columns().par_iter().enumerate().map(one).collect::<Result<Vec<_>>>()?;
        let (scores, cells) = columns.into_iter().unzip();
        let bins = codes.columns().iter().map(|column| column.levels).collect();
        let view = Self::of(codes, scores, encoded.encoder());
        Ok(Viewed { view, cells, binned, bins })
    }

    fn of(codes: Codes, scores: Vec<Option<QuantileNormal>>, encoder: &Encoder) -> Self {
        let levels = |(column, scores): (&CodeColumn, &Option<QuantileNormal>)| match scores {
            Some(_) if column.parts.len() == 2 => encoder.columns()[column.parts.start].levels().unwrap_or(1),
            Some(_) => 1,
            None => column.levels,
        };
        let levels = codes.columns().iter().zip(&scores).map(levels).collect();
        Self { codes, scores, levels }
    }

    /// Number of columns.
    pub(super) fn width(&self) -> usize {
        self.levels.len()
    }

    /// Codes of a column.
    pub(super) fn levels(&self, column: usize) -> usize {
        self.levels[column] as usize
    }

    /// Whether cells of code 0 have a score.
    pub(super) fn has_scores(&self, column: usize) -> bool {
        self.scores[column].is_some()
    }

    /// What evidence leaves of the cells of each column.
    pub(super) fn asked(&self, evidence: &Evidence) -> Vec<Asked> {
        let one = |(column, view): (&CodeColumn, &Option<QuantileNormal>)| {
            let mut asked = Asked::default();
            if let Some(Allowed::Levels(levels)) = evidence.at(column.parts.start) {
                asked.codes = column.codes_of(levels);
            }
            if let (Some(Allowed::Within { low, high }), Some(view)) = (evidence.at(column.parts.end - 1), view) {
                (asked.numbers, asked.scores) = (Some([*low, *high]), Some(view.stretch(*low, *high)));
            }
            asked
        };
        self.codes.columns().iter().zip(&self.scores).map(one).collect()
    }

    /// Coded cells of a column, one or two: a State and its Value. Numbers are kept within what is asked: scores
    /// round on the way.
    pub(super) fn decode(&self, column: usize, drawn: Drawn, asked: Option<&Asked>, random: &mut impl Draw) -> Vec<Coded> {
        let described = &self.codes.columns()[column];
        let Some(view) = &self.scores[column] else { return described.decode(&drawn.codes, random) };
        let [low, high] = asked.and_then(|asked| asked.numbers).unwrap_or([f64::NEG_INFINITY, f64::INFINITY]);
        let value = Coded::Value(drawn.scores.iter().map(|&score| view.number(score).clamp(low, high)).collect());
        if described.parts.len() == 2 { vec![Coded::Levels(drawn.codes.into()), value] } else { vec![value] }
    }

    /// Stores the view.
    pub(super) fn save(&self, arrays: &mut Arrays) {
        self.codes.save(arrays);
        for (column, scores) in self.scores.iter().enumerate() {
            if let Some(scores) = scores {
                scores.save(&format!("scores/{column}"), arrays);
            }
        }
    }

    /// Reads what [`View::save`] stored; nothing is trusted.
    pub(super) fn load(arrays: &Arrays, encoder: &Arc<Encoder>) -> Result<Self> {
        let codes = Codes::load(arrays, encoder)?;
        let scores = codes.columns().iter().enumerate().map(|(column, described)| {
            described.is_number().then(|| QuantileNormal::load(&format!("scores/{column}"), arrays)).transpose()
        });
        let scores = scores.collect::<Result<Vec<_>>>()?;
        Ok(Self::of(codes, scores, encoder))
    }
}
