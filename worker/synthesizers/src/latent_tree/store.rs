//! The form of a fitted tree on disk; reading trusts nothing.

use super::kernel::padded;
use super::parameters::{Laws, Node, Parameters};
use super::view::View;
use synthfleet_proto::{Error, Result};
use synthfleet_table::Arrays;

/// Most hidden states of a column.
pub(super) const STATES_MAX: usize = 512;

/// Stores nodes and laws; rows of states without what fills them up.
pub(super) fn save(nodes: &[Node], parameters: &Parameters, arrays: &mut Arrays) {
    let links = nodes.iter().flat_map(|node| [node.column as i64, node.parent.map_or(-1, |parent| parent as i64)]);
    arrays.put_i64("nodes", links.collect::<Vec<_>>());
    arrays.put_u32("states", vec![parameters.states as u32]);
    for (node, laws) in nodes.iter().zip(&parameters.laws) {
        let short = |rows: &[f32], count: usize| -> Vec<f32> {
            rows.chunks_exact(parameters.width).take(count).flat_map(|row| row[..parameters.states].to_vec()).collect()
        };
        let mut put = |part: &str, numbers: Vec<f32>| arrays.put_f32(&format!("laws/{}/{part}", node.column), numbers);
        put("moves", short(&laws.moves, parameters.states));
        put("shares", short(&laws.shares, node.levels));
        put("means", short(&laws.means, 1));
        put("deviations", short(&laws.deviations, 1));
    }
}

/// Reads what [`save`] stored, for a view.
pub(super) fn load(arrays: &Arrays, view: &View) -> Result<(Vec<Node>, Parameters)> {
    let nodes = nodes(arrays, view)?;
    let &[states] = arrays.u32s("states")? else { return Err(damaged("states")) };
    let states = states as usize;
    if !(1..=STATES_MAX).contains(&states) {
        return Err(damaged("states"));
    }
    let laws = nodes.iter().map(|node| laws(arrays, node, states)).collect::<Result<Vec<_>>>()?;
    Ok((nodes, Parameters { states, width: padded(states), laws }))
}

fn nodes(arrays: &Arrays, view: &View) -> Result<Vec<Node>> {
    let (pairs, rest) = arrays.i64s("nodes")?.as_chunks::<2>();
    let mut met = vec![false; view.width()];
    let mut nodes: Vec<Node> = Vec::with_capacity(pairs.len());
    for &[column, parent] in pairs {
        let column = usize::try_from(column).ok().filter(|&column| column < met.len() && !met[column]).ok_or_else(|| damaged("nodes"))?;
        let parent = match parent {
            -1 => None,
            parent => Some(usize::try_from(parent).ok().filter(|&parent| parent < nodes.len()).ok_or_else(|| damaged("nodes"))?),
        };
        met[column] = true;
        nodes.push(Node { column, parent, levels: view.levels(column), has_scores: view.has_scores(column) });
    }
    if rest.is_empty() && !met.contains(&false) { Ok(nodes) } else { Err(damaged("nodes")) }
}

fn laws(arrays: &Arrays, node: &Node, states: usize) -> Result<Laws> {
    let width = padded(states);
    let rows = |part: &str, count: usize, fill: f32, is_right: &dyn Fn(f32) -> bool| -> Result<Vec<f32>> {
        let name = format!("laws/{}/{part}", node.column);
        let numbers = arrays.f32s(&name)?;
        if numbers.len() != count * states || !numbers.iter().all(|&number| is_right(number)) {
            return Err(damaged(&name));
        }
        let mut rows = vec![fill; count * width];
        rows.chunks_exact_mut(width).zip(numbers.chunks_exact(states)).for_each(|(row, numbers)| row[..states].copy_from_slice(numbers));
        Ok(rows)
    };
    let (share, scores) = (|number: f32| (0.0..=1.0001).contains(&number), usize::from(node.has_scores));
    let from = if node.parent.is_some() { states } else { 1 };
    let mut moves = rows("moves", from, 0.0, &share)?;
    let shares = rows("shares", node.levels, 0.0, &share)?;
    let is_law = |sum: f32| (0.9..=1.1).contains(&sum);
    let of_state = |state: usize| shares[state..].iter().step_by(width).sum();
    if !moves.chunks_exact(width).all(|row| is_law(row.iter().sum())) || !(0..states).all(|state| is_law(of_state(state))) {
        return Err(damaged(&format!("laws/{}", node.column)));
    }
    if node.parent.is_some() {
        moves.resize(width * width, 0.0);
    }
    let means = rows("means", scores, 0.0, &|mean| mean.abs() <= 100.0)?;
    let deviations = rows("deviations", scores, 1.0, &|deviation| (1e-3..=100.0).contains(&deviation))?;
    Ok(Laws { moves, shares, means, deviations })
}

fn damaged(name: &str) -> Error {
    Error::data("model::damaged", format!("{name} is impossible")).help("fit the model again")
}
