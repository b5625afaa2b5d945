//! Growth: nodes are split breadth-first; cells of large nodes are handed down.

use super::cells::{Cell, Fewest, Found, Target, test_of};
use super::{Node, Predictor, Settings, Split};
use std::collections::VecDeque;

/// Rows a cell from which a node's cells are handed to its children: their memory stays below that of
/// the rows.
const ROWS_A_CELL: usize = 8;

/// The predictors that a node searches.
pub(super) trait Search {
    /// Every node searches every predictor: cells are worth handing down.
    const ALL: bool;

    /// Puts the places of the next node's predictors into `columns`, ascending.
    fn next(&mut self, columns: &mut Vec<u32>);
}

/// Every predictor at every node.
pub(super) struct All(u32);

impl All {
    pub(super) fn of(predictors: &[Predictor<'_>]) -> Self {
        Self(predictors.len() as u32)
    }
}

impl Search for All {
    const ALL: bool = true;

    fn next(&mut self, columns: &mut Vec<u32>) {
        if columns.is_empty() {
            columns.extend(0..self.0);
        }
    }
}

/// The predictors that a caller chooses.
pub(super) struct Among<F>(pub(super) F);

impl<F: FnMut(&mut Vec<u32>)> Search for Among<F> {
    const ALL: bool = false;

    fn next(&mut self, columns: &mut Vec<u32>) {
        columns.clear();
        (self.0)(columns);
    }
}

/// Cells by predictor, where they were handed down; may end early.
type Kept<C> = Vec<Option<Box<[C]>>>;

struct Open<C> {
    node: u32,
    start: usize,
    end: usize,
    depth: u32,
    kept: Kept<C>,
}

/// The nodes of a tree on `rows`; ends with the error of `go_on`, which is asked before each search.
pub(super) fn grow<T: Target, S: Search, E>(
    predictors: &[Predictor<'_>],
    mut target: T,
    rows: &[u32],
    settings: &Settings,
    mut search: S,
    mut go_on: impl FnMut() -> Result<(), E>,
) -> Result<Vec<Node>, E> {
    let fewest = Fewest::of(settings);
    let may_split = |rows: usize, depth: u32| rows >= 2 * fewest.pure as usize && depth < settings.depth_max;
    let mut rows = rows.to_vec();
    let mut nodes = vec![Node { parent: 0, split: None }];
    target.enter(&rows);
    let gain_min = settings.gain_min * target.mass();
    let (mut open, mut columns) = (VecDeque::new(), Vec::new());
    if may_split(rows.len(), 0) {
        let kept = predictors.iter().filter(|_| S::ALL).map(|predictor| counted(&target, predictor, &rows)).collect();
        open.push_back(Open { node: 0, start: 0, end: rows.len(), depth: 0, kept });
    }
    while let Some(at) = open.pop_front() {
        let inside = &mut rows[at.start..at.end];
        target.enter(inside);
        let limits = (fewest, gain_min);
        search.next(&mut columns);
        let Some((column, found)) = best(&mut target, predictors, (&columns, &at.kept), inside, limits, &mut go_on)? else { continue };
        let predictor = &predictors[column as usize];
        let test = test_of(found, predictor, inside.len());
        let middle = partition(inside, |row| test.left(predictor.codes[row as usize]));
        let left = nodes.len() as u32;
        nodes[at.node as usize].split = Some(Split { column, test, left });
        let parts = inside.split_at(middle);
        let splits = [parts.0, parts.1].map(|rows| may_split(rows.len(), at.depth + 1));
        let kept = if S::ALL && splits.contains(&true) { divide(&mut target, predictors, at.kept, parts) } else { Default::default() };
        let ranges = [(at.start, at.start + middle), (at.start + middle, at.end)];
        for (node, ((may_split, (start, end)), kept)) in (left..).zip(splits.into_iter().zip(ranges).zip(kept)) {
            nodes.push(Node { parent: at.node, split: None });
            if may_split {
                open.push_back(Open { node, start, end, depth: at.depth + 1, kept });
            }
        }
    }
    Ok(nodes)
}

/// The predictor of `columns` and the cut that gain most, if any gains more than `gain_min`; ties: the first.
fn best<T: Target, E>(
    target: &mut T,
    predictors: &[Predictor<'_>],
    (columns, kept): (&[u32], &Kept<T::Cell>),
    rows: &[u32],
    (fewest, gain_min): (Fewest, f64),
    go_on: &mut impl FnMut() -> Result<(), E>,
) -> Result<Option<(u32, Found)>, E> {
    let mut best: Option<(u32, Found)> = None;
    for &column in columns {
        go_on()?;
        let counted = kept.get(column as usize).and_then(Option::as_deref);
        let floor = best.as_ref().map_or(gain_min, |(_, (cut, _))| cut.gain);
        if let Some(found) = target.cut(&predictors[column as usize], rows, counted, fewest).filter(|(cut, _)| cut.gain > floor) {
            best = Some((column, found));
        }
    }
    Ok(best)
}

/// The cells of a predictor in the node that `target` has entered, if the node is large enough to hand them down.
fn counted<T: Target>(target: &T, predictor: &Predictor<'_>, rows: &[u32]) -> Option<Box<[T::Cell]>> {
    (rows.len() >= ROWS_A_CELL * target.cells(predictor)).then(|| {
        let mut cells = vec![T::Cell::default(); target.cells(predictor)].into_boxed_slice();
        target.count(predictor, rows, &mut cells);
        cells
    })
}

/// The cells of both children: the smaller one is counted, the larger one is what is left.
fn divide<T: Target>(
    target: &mut T,
    predictors: &[Predictor<'_>],
    kept: Kept<T::Cell>,
    (left, right): (&[u32], &[u32]),
) -> [Kept<T::Cell>; 2] {
    let left_is_small = left.len() <= right.len();
    let (small, large) = if left_is_small { (left, right) } else { (right, left) };
    target.enter(small);
    let (mut of_small, mut of_large) = (Vec::new(), Vec::new());
    for (predictor, cells) in predictors.iter().zip(kept) {
        let enough = |rows: &[u32]| rows.len() >= ROWS_A_CELL * target.cells(predictor);
        let Some(mut rest) = cells.filter(|_| enough(large)) else {
            of_small.push(None);
            of_large.push(None);
            continue;
        };
        let mut part = vec![T::Cell::default(); rest.len()].into_boxed_slice();
        target.count(predictor, small, &mut part);
        rest.iter_mut().zip(&part).for_each(|(rest, part)| rest.take(*part));
        of_large.push(Some(rest));
        of_small.push(Some(part).filter(|_| enough(small)));
    }
    if left_is_small { [of_small, of_large] } else { [of_large, of_small] }
}

/// Moves rows that go left to the front, keeping the order on both sides; returns how many there are.
fn partition(rows: &mut [u32], left: impl Fn(u32) -> bool) -> usize {
    let mut back = Vec::with_capacity(rows.len());
    let mut front = 0;
    for place in 0..rows.len() {
        let row = rows[place];
        if left(row) {
            rows[front] = row;
            front += 1;
        } else {
            back.push(row);
        }
    }
    rows[front..].copy_from_slice(&back);
    front
}
