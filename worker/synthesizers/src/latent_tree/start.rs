//! Where a fit starts: rows in K groups, each group a state of every node.
//!
//! **Definition.** K-means on one 0-or-1 coordinate a code and one coordinate a score (0 without one), from centres
//! far apart by chance, on at most 20,000 rows. All hidden states of a row are its group, so cells have the
//! law of their group, and moves are `.9 · stay + .1 · size of the group`.
//! Random starts of hidden trees collapse to few states; a mixture does not.
//! **Shapes.** Distances to all centres are sums of table rows, a row a code, so no 0-or-1 table is built.
//! **Reference.** Arthur, Vassilvitskii 2007, k-means++, SODA; Lloyd 1982, doi 10.1109/TIT.1982.1056489.

use super::kernel::padded;
use super::parameters::{Layout, Node};
use super::view::Cells;
use rayon::prelude::*;
use synthfleet_proto::{Result, Seed};
use synthfleet_table::random::Draw;
use synthfleet_table::{Budget, SeedExt};

const ROWS_MAX: usize = 20_000;
const STEPS_MAX: usize = 20;
/// Rows that one thread assigns before it asks for more.
const TASK_ROWS: usize = 1_024;
/// Share of rows whose state is that of the parent.
const STAY: f64 = 0.9;

/// Expected counts per row of the start, in the order of the layout.
pub(super) fn start(
    (nodes, cells): (&[Node], &[Cells]),
    (layout, states): (&Layout, usize),
    rows: &[u32],
    seed: &Seed,
    budget: &Budget,
) -> Result<Vec<f64>> {
    let mut random = seed.rng();
    let mut rows = rows.to_vec();
    random.shuffle(&mut rows);
    rows.truncate(ROWS_MAX);
    let mut groups = spread((nodes, cells), &rows, states, &mut random, budget)?;
    for _ in 0..STEPS_MAX {
        let centres = Centres::of((nodes, cells), &rows, &groups, states);
        let next = centres.nearest(cells, &rows, budget)?;
        if next == groups {
            break;
        }
        groups = next;
    }
    Ok(counts((nodes, cells), (layout, states), &rows, &groups))
}

/// Squared distance of two rows.
fn distance((nodes, cells): (&[Node], &[Cells]), a: u32, b: u32) -> f32 {
    let of_node = |node: &Node| {
        let cells = &cells[node.column];
        let (code, other) = (cells.codes[a as usize], cells.codes[b as usize]);
        let score = |code: u32, row: u32| if code == 0 && node.has_scores { cells.scores[row as usize] } else { 0.0 };
        let far = score(code, a) - score(other, b);
        far * far + if code == other { 0.0 } else { 2.0 }
    };
    nodes.iter().map(of_node).sum()
}

/// The nearest of K rows, each drawn in proportion to its squared distance from those before it.
fn spread(table: (&[Node], &[Cells]), rows: &[u32], states: usize, random: &mut impl Draw, budget: &Budget) -> Result<Vec<u32>> {
    let mut groups = vec![0u32; rows.len()];
    let mut distances = vec![f32::INFINITY; rows.len()];
    let mut centre = rows[random.below(rows.len() as u64) as usize];
    for state in 0..states as u32 {
        budget.go_on()?;
        groups.par_iter_mut().zip(&mut distances).zip(rows).with_min_len(TASK_ROWS).for_each(|((group, least), &row)| {
            let far = distance(table, row, centre);
            if far < *least {
                (*group, *least) = (state, far);
            }
        });
        let mut left = random.uniform() * distances.iter().map(|&far| f64::from(far)).sum::<f64>();
        let next = distances.iter().position(|&far| {
            left -= f64::from(far);
            left < 0.0
        });
        // no row is away from every centre: further groups stay empty
        let Some(next) = next else { break };
        centre = rows[next];
    }
    Ok(groups)
}

/// Means of groups.
struct Centres {
    width: usize,
    /// Sum of the squares of a centre's coordinates of codes, `[width]`; infinite for a group without rows.
    squares: Vec<f32>,
    /// Minus twice the share of each code, `[nodes][levels, width]`.
    codes: Vec<Vec<f32>>,
    /// Mean scores, `[nodes][width]`; empty without scores.
    scores: Vec<Vec<f32>>,
    columns: Vec<usize>,
}

impl Centres {
    fn of((nodes, cells): (&[Node], &[Cells]), rows: &[u32], groups: &[u32], states: usize) -> Self {
        let width = padded(states);
        let mut sizes = vec![0.0f32; width];
        groups.iter().for_each(|&group| sizes[group as usize] += 1.0);
        let one = |node: &Node| {
            let cells = &cells[node.column];
            let mut codes = vec![0.0f32; node.levels * width];
            let mut scores = vec![0.0f32; if node.has_scores { width } else { 0 }];
            for (&row, &group) in rows.iter().zip(groups) {
                let code = cells.codes[row as usize] as usize;
                codes[code * width + group as usize] += 1.0;
                if code == 0 && node.has_scores {
                    scores[group as usize] += cells.scores[row as usize];
                }
            }
            for row in codes.chunks_exact_mut(width).chain(scores.chunks_exact_mut(width)) {
                row.iter_mut().zip(&sizes).for_each(|(sum, size)| *sum /= size.max(1.0));
            }
            (codes, scores)
        };
        let (mut codes, scores): (Vec<Vec<f32>>, Vec<Vec<f32>>) = nodes.par_iter().map(one).collect::<Vec<_>>().into_iter().unzip();
        let mut squares: Vec<f32> = sizes.iter().map(|&size| if size > 0.0 { 0.0 } else { f32::INFINITY }).collect();
        for row in codes.iter_mut().flat_map(|codes| codes.chunks_exact_mut(width)) {
            for (square, share) in squares.iter_mut().zip(row) {
                *square += *share * *share;
                *share *= -2.0;
            }
        }
        Self { width, squares, codes, scores, columns: nodes.iter().map(|node| node.column).collect() }
    }

    /// The group of each row, the lowest on ties.
    fn nearest(&self, cells: &[Cells], rows: &[u32], budget: &Budget) -> Result<Vec<u32>> {
        let task = |rows: &[u32]| {
            budget.go_on()?;
            let mut far = vec![0.0f32; self.width];
            let one = |&row: &u32| {
                far.copy_from_slice(&self.squares);
                for ((&column, codes), scores) in self.columns.iter().zip(&self.codes).zip(&self.scores) {
                    let code = cells[column].codes[row as usize] as usize;
                    far.iter_mut().zip(&codes[code * self.width..]).for_each(|(far, share)| *far += share);
                    let score = if code == 0 && !scores.is_empty() { cells[column].scores[row as usize] } else { 0.0 };
                    far.iter_mut().zip(scores).for_each(|(far, mean)| *far += (score - mean) * (score - mean));
                }
                (1..self.width).fold(0, |best, group| if far[group] < far[best] { group } else { best }) as u32
            };
            Ok(rows.iter().map(one).collect::<Vec<u32>>())
        };
        Ok(rows.par_chunks(TASK_ROWS).map(task).collect::<Result<Vec<_>>>()?.concat())
    }
}

fn counts((nodes, cells): (&[Node], &[Cells]), (layout, states): (&Layout, usize), rows: &[u32], groups: &[u32]) -> Vec<f64> {
    let (width, each) = (padded(states), 1.0 / rows.len() as f64);
    let mut sizes = vec![0.0; width];
    groups.iter().for_each(|&group| sizes[group as usize] += each);
    let mut counts = vec![0.0; layout.length];
    for (node, place) in nodes.iter().zip(&layout.places) {
        let cells = &cells[node.column];
        let moves = &mut counts[place.moves.clone()];
        if node.parent.is_none() {
            moves.copy_from_slice(&sizes);
        } else {
            for (from, row) in moves.chunks_exact_mut(width).enumerate() {
                row.iter_mut().zip(&sizes).for_each(|(count, size)| *count = (1.0 - STAY) * sizes[from] * size);
                row[from] += STAY * sizes[from];
            }
        }
        for (&row, &group) in rows.iter().zip(groups) {
            let (code, group) = (cells.codes[row as usize] as usize, group as usize);
            counts[place.counts.start + code * width + group] += each;
            if code == 0 && node.has_scores {
                let score = f64::from(cells.scores[row as usize]);
                counts[place.first.start + group] += each * score;
                counts[place.second.start + group] += each * score * score;
            }
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 300 rows in three clouds of one label and one score.
    fn clouds() -> (Vec<Node>, Vec<Cells>, Vec<u32>) {
        let node = |column: usize, levels: usize, has_scores: bool| Node { column, parent: column.checked_sub(1), levels, has_scores };
        let label = Cells { codes: (0..300).map(|row| row % 3).collect(), scores: Vec::new() };
        let score =
            Cells { codes: vec![0; 300], scores: (0..300u16).map(|row| f32::from(row % 3) * 3.0 + f32::from(row) / 900.0).collect() };
        (vec![node(0, 3, false), node(1, 1, true)], vec![label, score], (0..300).collect())
    }

    #[test]
    fn clouds_become_groups_and_groups_the_states_of_all_nodes() {
        let (nodes, cells, rows) = clouds();
        let layout = Layout::of(&nodes, 3);
        let made = start((&nodes, &cells), (&layout, 3), &rows, &Seed::shared(1), &Budget::quiet(1)).expect("starts");
        let width = padded(3);
        let of_code = |code: usize| made[layout.places[0].counts.start + code * width..][..3].to_vec();
        for code in 0..3 {
            let mut shares = of_code(code);
            shares.sort_by(f64::total_cmp);
            assert!(shares[1] == 0.0 && (shares[2] - 1.0 / 3.0).abs() < 1e-12, "{shares:?}");
        }
        let moves = &made[layout.places[1].moves.clone()];
        assert!((moves[0] - (0.9 / 3.0 + 0.1 / 9.0)).abs() < 1e-12 && (moves[1] - 0.1 / 9.0).abs() < 1e-12);
        assert!((moves.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn more_states_than_different_rows_leave_states_empty() {
        let (nodes, mut cells, rows) = clouds();
        cells[1].scores = vec![0.5; 300];
        let layout = Layout::of(&nodes, 20);
        let made = start((&nodes, &cells), (&layout, 20), &rows, &Seed::shared(1), &Budget::quiet(1)).expect("starts");
        let sizes = &made[layout.places[0].moves.clone()];
        assert_eq!(sizes.iter().filter(|&&size| size > 0.0).count(), 3);
    }
}
