//! A tree and the groups of its predictors' levels as named arrays, and back. Reading checks every link and length.

use synthfleet_proto::{Error, Result};
use synthfleet_table::Arrays;
use synthfleet_trees::cart::{Node, Split, Test, Tree};

/// Numbers a node takes: parent, column (`u32::MAX`: leaf), left child, sort of test, threshold or first word.
const NODE: usize = 5;

/// Stores a tree and the groups of each predictor's levels below `name`.
pub(crate) fn save_tree(name: &str, tree: &Tree, groups: &[Vec<u16>], arrays: &mut Arrays) {
    let (mut nodes, mut words) = (Vec::new(), Vec::new());
    for node in tree.nodes() {
        nodes.push(node.parent);
        nodes.extend(match &node.split {
            None => [u32::MAX, 0, 0, 0],
            Some(Split { column, test: Test::AtMost(threshold), left }) => [*column, *left, 0, u32::from(*threshold)],
            Some(Split { column, test: Test::In(bits), left }) => {
                let first = words.len() as u32;
                words.extend(bits.iter().flat_map(|word| [*word as u32, (*word >> 32) as u32]));
                [*column, *left, bits.len() as u32, first]
            }
        });
    }
    arrays.put_u32(&format!("{name}/nodes"), nodes);
    arrays.put_u32(&format!("{name}/sets"), words);
    let (mut joined, mut ends) = (Vec::new(), Vec::new());
    for of_predictor in groups {
        joined.extend(of_predictor.iter().map(|&group| u32::from(group)));
        ends.push(joined.len() as u32);
    }
    arrays.put_u32(&format!("{name}/groups"), joined);
    arrays.put_u32(&format!("{name}/group_ends"), ends);
}

/// Reads what [`save_tree`] stored, for predictors of so many bins each.
pub(crate) fn load_tree(name: &str, bins: &[u32], arrays: &Arrays) -> Result<(Tree, Vec<Vec<u16>>)> {
    let sets = arrays.u32s(&format!("{name}/sets"))?;
    let rows = arrays.u32s(&format!("{name}/nodes"))?;
    if rows.len() % NODE != 0 {
        return Err(damaged("a node is cut"));
    }
    let nodes = rows.as_chunks::<NODE>().0.iter().map(|node| load_node(*node, sets)).collect::<Result<Vec<_>>>()?;
    let tree = Tree::from_nodes(nodes, bins.len() as u32).ok_or_else(|| damaged("a tree is not linked well"))?;
    Ok((tree, load_groups(name, bins, arrays)?))
}

fn load_node([parent, column, left, words, value]: [u32; NODE], sets: &[u32]) -> Result<Node> {
    if column == u32::MAX {
        return Ok(Node { parent, split: None });
    }
    let test = match words {
        0 => Test::AtMost(u16::try_from(value).map_err(|_| damaged("a threshold is too high"))?),
        words => {
            let end = (value as usize).checked_add(2 * words as usize);
            let halves = end.and_then(|end| sets.get(value as usize..end)).ok_or_else(|| damaged("a set of levels is cut"))?;
            Test::In(halves.as_chunks().0.iter().map(|[low, high]: &[u32; 2]| u64::from(*low) | u64::from(*high) << 32).collect())
        }
    };
    Ok(Node { parent, split: Some(Split { column, test, left }) })
}

fn load_groups(name: &str, bins: &[u32], arrays: &Arrays) -> Result<Vec<Vec<u16>>> {
    let all = arrays.u32s(&format!("{name}/groups"))?;
    let ends = arrays.u32s(&format!("{name}/group_ends"))?;
    if ends.len() != bins.len() {
        return Err(damaged("groups do not fit the predictors"));
    }
    let mut start = 0;
    let mut groups = Vec::new();
    for (&end, &count) in ends.iter().zip(bins) {
        let of_predictor = all.get(start..end as usize).ok_or_else(|| damaged("groups are cut"))?;
        let legal = of_predictor.is_empty() || of_predictor.len() == count as usize;
        if !legal || of_predictor.iter().any(|&group| group > u32::from(u16::MAX)) {
            return Err(damaged("groups do not fit their predictor"));
        }
        groups.push(of_predictor.iter().map(|&group| group as u16).collect());
        start = end as usize;
    }
    Ok(groups)
}

fn damaged(message: &str) -> Error {
    Error::data("model::damaged", message).help("fit the model again")
}
