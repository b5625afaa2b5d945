//! Expected counts of rows by messages up and down the tree; exact log densities on the way.
//!
//! **Definition.** Up: `u_i = e_i ⊙ Π_children m_c`, `m_c = A_c u_c`, each scaled by its largest number, whose
//! logarithm is kept. Down: `γ_root ∝ π ⊙ u`, `γ_c = (A_cᵀ (γ_i ⊘ m_c)) ⊙ u_c`. Counts of moves:
//! `A_c ⊙ Σ_rows (γ_i ⊘ m_c) u_cᵀ`; of cells: Σγ, and Σγ(x − m), Σγ(x − m)² about the means of now, because
//! these stay exact in short numbers.
//! **Cost.** 6 · rows · nodes · K² operations; 2 of them without counts.

use super::kernel::{add_outer, largest, product, total};
use super::parameters::{Laws, Layout, Node, Parameters};
use super::view::Cells;
use rayon::prelude::*;
use synthfleet_proto::Result;
use synthfleet_table::Budget;
use synthfleet_trees::exponential::exp;

const LN_ROOT_TWO_PI: f64 = 0.918_938_533_204_672_8;
/// Rows whose messages are held at once; a multiple of four.
const TILE_ROWS: usize = 64;
/// Rows that one thread takes at a time; sums are joined by place.
const TASK_ROWS: usize = 256;
/// Counts of so many tiles are held before they are joined.
const TILES_HELD: usize = 16;
/// Weights below this, of 1, are 0: products of smaller ones would be slow.
const WEIGHT_MIN: f32 = 1e-30;

/// A tree with its laws, ready for rows.
pub(super) struct Engine<'a> {
    nodes: &'a [Node],
    children: Vec<Vec<usize>>,
    cells: &'a [Cells],
    layout: &'a Layout,
    parameters: &'a Parameters,
    /// `moves` turned, a row a state of the child; empty for roots.
    turned: Vec<Vec<f32>>,
    /// Log height of scores at each state's mean, `[nodes][width]`; -infinite beyond the states.
    peaks: Vec<Vec<f32>>,
    /// `1 / 2s²`, `[nodes][width]`.
    sharpness: Vec<Vec<f32>>,
}

/// Messages of a tile of rows.
struct Tile {
    /// Weight of each state by the cells at and below the node, `[nodes][TILE_ROWS, width]`.
    up: Vec<Vec<f32>>,
    /// The message to the parent, later the probability of each state, `[nodes][TILE_ROWS, width]`.
    other: Vec<Vec<f32>>,
    spare: Vec<f32>,
    /// Log densities, `[rows]`.
    logs: [f64; TILE_ROWS],
}

impl<'a> Engine<'a> {
    pub(super) fn new(nodes: &'a [Node], cells: &'a [Cells], layout: &'a Layout, parameters: &'a Parameters) -> Self {
        let width = parameters.width;
        let turn = |laws: &Laws| match laws.moves.len() == width {
            true => Vec::new(),
            false => (0..width * width).map(|i| laws.moves[i % width * width + i / width]).collect(),
        };
        let peak = |(state, &deviation): (usize, &f32)| match state < parameters.states {
            true => (-libm::log(f64::from(deviation)) - LN_ROOT_TWO_PI) as f32,
            false => f32::NEG_INFINITY,
        };
        let mut children = vec![Vec::new(); nodes.len()];
        for (place, node) in nodes.iter().enumerate() {
            node.parent.into_iter().for_each(|parent| children[parent].push(place));
        }
        Self {
            nodes,
            children,
            cells,
            layout,
            parameters,
            turned: parameters.laws.par_iter().map(turn).collect(),
            peaks: parameters.laws.iter().map(|laws| laws.deviations.iter().enumerate().map(peak).collect()).collect(),
            sharpness: parameters.laws.iter().map(|laws| laws.deviations.iter().map(|s| 0.5 / (s * s)).collect()).collect(),
        }
    }

    /// The sum of the log densities of `rows`.
    pub(super) fn log_density(&self, rows: &[u32], budget: &Budget) -> Result<f64> {
        let one = |rows: &[u32]| {
            budget.go_on()?;
            let mut tile = self.tile();
            let logs = rows.chunks(TILE_ROWS).map(|rows| self.up(rows, &mut tile));
            Ok(logs.sum::<f64>())
        };
        Ok(rows.par_chunks(TASK_ROWS).map(one).collect::<Result<Vec<f64>>>()?.into_iter().sum())
    }

    /// Puts the expected counts of `rows` into `counts`, in the order of the layout; the sum of log densities.
    pub(super) fn count(&self, rows: &[u32], counts: &mut [f64], budget: &Budget) -> Result<f64> {
        counts.fill(0.0);
        let mut sum = 0.0;
        for held in rows.chunks(TILE_ROWS * TILES_HELD) {
            let one = |rows: &[u32]| {
                budget.go_on()?;
                Ok(self.count_tile(rows))
            };
            for (log, part) in held.par_chunks(TILE_ROWS).map(one).collect::<Result<Vec<_>>>()? {
                sum += log;
                counts.iter_mut().zip(&part).for_each(|(count, part)| *count += f64::from(*part));
            }
        }
        self.about_zero(counts);
        Ok(sum)
    }

    fn count_tile(&self, rows: &[u32]) -> (f64, Vec<f32>) {
        let (mut tile, mut counts) = (self.tile(), vec![0.0f32; self.layout.length]);
        let sum = self.up(rows, &mut tile);
        self.down(rows, &mut tile, &mut counts);
        for ((node, laws), place) in self.nodes.iter().zip(&self.parameters.laws).zip(&self.layout.places) {
            if node.parent.is_some() {
                counts[place.moves.clone()].iter_mut().zip(&laws.moves).for_each(|(count, share)| *count *= share);
            }
        }
        (sum, counts)
    }

    /// Sums about the means become sums about 0.
    fn about_zero(&self, counts: &mut [f64]) {
        for (place, laws) in self.layout.places.iter().zip(&self.parameters.laws) {
            for (state, &mean) in laws.means.iter().enumerate() {
                let (mean, mass) = (f64::from(mean), counts[place.counts.start + state]);
                let (first, second) = (counts[place.first.start + state], counts[place.second.start + state]);
                counts[place.first.start + state] = first + mean * mass;
                counts[place.second.start + state] = second + 2.0 * mean * first + mean * mean * mass;
            }
        }
    }

    fn tile(&self) -> Tile {
        let size = TILE_ROWS * self.parameters.width;
        let messages = || self.nodes.iter().map(|_| vec![0.0; size]).collect();
        Tile { up: messages(), other: messages(), spare: vec![0.0; size], logs: [0.0; TILE_ROWS] }
    }

    /// Messages towards the root; the sum of log densities.
    fn up(&self, rows: &[u32], tile: &mut Tile) -> f64 {
        let width = self.parameters.width;
        let filled = rows.len() * width;
        let tiled = rows.len().next_multiple_of(4) * width;
        let logs = &mut tile.logs[..rows.len()];
        logs.fill(0.0);
        for (place, node) in self.nodes.iter().enumerate().rev() {
            let up = &mut tile.up[place];
            self.weigh_cells(place, rows, up, logs);
            for &child in &self.children[place] {
                up[..filled].iter_mut().zip(&tile.other[child]).for_each(|(up, message)| *up *= message);
                rescale(&mut up[..filled], width, logs);
            }
            up[filled..tiled].fill(0.0);
            let other = &mut tile.other[place];
            if node.parent.is_some() {
                product(&up[..tiled], &self.turned[place], width, other);
                continue;
            }
            let start = &self.parameters.laws[place].moves;
            for ((up, other), log) in up.chunks_exact(width).zip(other.chunks_exact_mut(width)).zip(logs.iter_mut()) {
                other.iter_mut().zip(up).zip(start).for_each(|((other, up), start)| *other = up * start);
                let sum = total(other);
                *log += libm::log(f64::from(sum));
                let scale = if sum > 0.0 { 1.0 / sum } else { 0.0 };
                other.iter_mut().for_each(|other| *other *= scale);
            }
        }
        logs.iter().sum()
    }

    /// The weight of each state by the node's own cell.
    fn weigh_cells(&self, place: usize, rows: &[u32], up: &mut [f32], logs: &mut [f64]) {
        let (node, laws, width) = (&self.nodes[place], &self.parameters.laws[place], self.parameters.width);
        let cells = &self.cells[node.column];
        for ((&row, up), log) in rows.iter().zip(up.chunks_exact_mut(width)).zip(logs.iter_mut()) {
            let code = cells.codes[row as usize] as usize;
            let shares = &laws.shares[code * width..][..width];
            if code > 0 || !node.has_scores {
                up.copy_from_slice(shares);
                continue;
            }
            let score = cells.scores[row as usize];
            let known = laws.means.iter().zip(&self.sharpness[place]).zip(&self.peaks[place]);
            for (up, ((mean, sharpness), peak)) in up.iter_mut().zip(known) {
                *up = peak - (score - mean) * (score - mean) * sharpness;
            }
            let most = largest(up);
            *log += f64::from(most);
            up.iter_mut().zip(shares).for_each(|(up, share)| *up = exp(f64::from(*up - most)) as f32 * share);
        }
        rescale(&mut up[..rows.len() * width], width, logs);
    }

    /// Probabilities of states away from the root, and what they add to the counts.
    fn down(&self, rows: &[u32], tile: &mut Tile, counts: &mut [f32]) {
        let width = self.parameters.width;
        let filled = rows.len() * width;
        let tiled = rows.len().next_multiple_of(4) * width;
        for (place, known) in self.layout.places.iter().enumerate() {
            let (above, here) = tile.other.split_at_mut(place);
            let here = &mut here[0];
            match self.nodes[place].parent {
                None => {
                    for probabilities in here[..filled].chunks_exact(width) {
                        counts[known.moves.clone()].iter_mut().zip(probabilities).for_each(|(count, probability)| *count += probability);
                    }
                }
                Some(parent) => {
                    let up = &tile.up[place][..tiled];
                    let ratios = &mut here[..tiled];
                    for (message, probability) in ratios.iter_mut().zip(&above[parent]) {
                        *message = if *message > 0.0 { probability / *message } else { 0.0 };
                    }
                    ratios[filled..].fill(0.0);
                    add_outer(ratios, up, width, &mut counts[known.moves.clone()]);
                    product(ratios, &self.parameters.laws[place].moves, width, &mut tile.spare);
                    for ((here, sum), up) in here.iter_mut().zip(&tile.spare[..tiled]).zip(up) {
                        let probability = sum * up;
                        *here = if probability < WEIGHT_MIN { 0.0 } else { probability };
                    }
                }
            }
            self.count_cells(place, rows, here, counts);
        }
    }

    /// Adds a node's cells to the counts, each to the states by their probability.
    fn count_cells(&self, place: usize, rows: &[u32], probabilities: &[f32], counts: &mut [f32]) {
        let (node, laws, width) = (&self.nodes[place], &self.parameters.laws[place], self.parameters.width);
        let (known, cells) = (&self.layout.places[place], &self.cells[node.column]);
        for (&row, probabilities) in rows.iter().zip(probabilities.chunks_exact(width)) {
            let code = cells.codes[row as usize] as usize;
            let of_code = &mut counts[known.counts.start + code * width..][..width];
            of_code.iter_mut().zip(probabilities).for_each(|(count, probability)| *count += probability);
            if code > 0 || !node.has_scores {
                continue;
            }
            let score = cells.scores[row as usize];
            let (first, second) = counts[known.first.start..known.second.end].split_at_mut(width);
            for (((first, second), probability), mean) in first.iter_mut().zip(second).zip(probabilities).zip(&laws.means) {
                let far = score - mean;
                *first += probability * far;
                *second += probability * far * far;
            }
        }
    }
}

/// Divides each row by its largest number, whose logarithm it adds to the row's.
fn rescale(rows: &mut [f32], width: usize, logs: &mut [f64]) {
    for (row, log) in rows.chunks_exact_mut(width).zip(logs) {
        let most = largest(row);
        *log += libm::log(f64::from(most));
        let scale = if most > 0.0 { 1.0 / most } else { 0.0 };
        for weight in row {
            let scaled = *weight * scale;
            *weight = if scaled < WEIGHT_MIN { 0.0 } else { scaled };
        }
    }
}
