//! Chains as named arrays, and back. Reading checks every link, reference, code and number.

use super::Draw;
use super::chain::{Chain, Link};
use super::factor::Side;
use super::leaves::{Leaves, Lists};
use crate::stored_tree::{load_tree, save_tree};
use std::sync::Arc;
use synthfleet_proto::{Error, Result};
use synthfleet_table::Arrays;
use synthfleet_table::encode::{Bins, Encoder, Sort};
use synthfleet_trees::cart::Tree;

/// Most chains of a model.
const CHAINS_MAX: usize = 10;

/// Stores chains: the first under plain names, each further one as bytes of its own arrays.
pub fn save(chains: &[Chain], arrays: &mut Arrays) {
    for (place, chain) in chains.iter().enumerate() {
        if place == 0 {
            save_one(chain, arrays);
            continue;
        }
        let mut own = Arrays::default();
        save_one(chain, &mut own);
        arrays.put_u8(&further(place), own.to_bytes());
    }
}

fn further(place: usize) -> String {
    format!("chain/{place}")
}

fn save_one(chain: &Chain, arrays: &mut Arrays) {
    arrays.put_u32("order", chain.links.iter().map(|link| link.place as u32).collect::<Vec<_>>());
    arrays.put_u32(
        "draw",
        vec![match chain.draw {
            Draw::Gap(gap) => gap,
            Draw::Donor => 0,
        }],
    );
    for (place, bins) in chain.bins.iter().enumerate() {
        arrays.put_u32(&format!("bins/{place}/shape"), vec![bins.count, u32::from(bins.ordered)]);
        arrays.put_f64(&format!("bins/{place}/edges"), bins.edges.clone());
        arrays.put_u32(&format!("bins/{place}/states"), bins.of_state.iter().map(|&bin| u32::from(bin)).collect::<Vec<_>>());
    }
    for link in &chain.links {
        let name = format!("link/{}", link.place);
        arrays.put_u32(&format!("{name}/predictors"), link.predictors.iter().map(|&p| p as u32).collect::<Vec<_>>());
        arrays.put_u32(&format!("{name}/sides"), vec![link.sides.len() as u32]);
        link.sides.iter().enumerate().for_each(|(i, side)| save_side(&format!("{name}/{i}"), side, arrays));
    }
}

fn save_side(name: &str, side: &Side, arrays: &mut Arrays) {
    save_tree(name, &side.tree, &side.groups, arrays);
    match &side.leaves {
        Leaves::Codes(lists) => {
            arrays.put_u32(&format!("{name}/codes"), lists.values.clone());
            save_lists(name, lists, arrays);
        }
        Leaves::Numbers(lists) => {
            arrays.put_f64(&format!("{name}/numbers"), lists.values.clone());
            save_lists(name, lists, arrays);
        }
    }
}

fn save_lists<T>(name: &str, lists: &Lists<T>, arrays: &mut Arrays) {
    for (what, numbers) in [("ends", &lists.ends), ("loose", &lists.loose), ("primary", &lists.primary), ("fallback", &lists.fallback)] {
        arrays.put_u32(&format!("{name}/{what}"), numbers.clone());
    }
}

/// Reads chains.
pub fn load(arrays: &Arrays, encoder: &Arc<Encoder>) -> Result<Vec<Chain>> {
    let mut chains = vec![load_one(arrays, encoder)?];
    while arrays.contains(&further(chains.len())) {
        if chains.len() == CHAINS_MAX {
            return Err(damaged("there are too many chains"));
        }
        chains.push(load_one(&Arrays::from_bytes(arrays.u8s(&further(chains.len()))?)?, encoder)?);
    }
    Ok(chains)
}

fn load_one(arrays: &Arrays, encoder: &Arc<Encoder>) -> Result<Chain> {
    let sorts: Vec<Sort> = encoder.columns().iter().map(|column| column.sort.clone()).collect();
    let bins = (0..sorts.len()).map(|place| load_bins(place, arrays)).collect::<Result<Vec<_>>>()?;
    let draw = match arrays.u32s("draw")? {
        [0] => Draw::Donor,
        [gap @ 1..=10] => Draw::Gap(*gap),
        _ => return Err(damaged("the draw is unknown")),
    };
    let mut drawn = vec![false; sorts.len()];
    let mut links = Vec::new();
    for &place in arrays.u32s("order")? {
        let place = place as usize;
        if drawn.get(place) != Some(&false) {
            return Err(damaged("the order is no order of the columns"));
        }
        links.push(load_link(place, &sorts, &bins, &drawn, arrays)?);
        drawn[place] = true;
    }
    if drawn.contains(&false) {
        return Err(damaged("a column is missing from the order"));
    }
    Ok(Chain { links, bins, sorts, draw })
}

fn load_bins(place: usize, arrays: &Arrays) -> Result<Bins> {
    let (count, ordered) = match arrays.u32s(&format!("bins/{place}/shape"))? {
        [count @ 0..=65_536, ordered @ 0..=1] => (*count, *ordered == 1),
        _ => return Err(damaged("bins have no legal shape")),
    };
    let edges = arrays.f64s(&format!("bins/{place}/edges"))?.to_vec();
    let states = arrays.u32s(&format!("bins/{place}/states"))?;
    let legal = edges.windows(2).all(|pair| pair[0] <= pair[1]) && edges.iter().all(|edge| edge.is_finite()) && edges.len() < 65_536;
    if !legal || states.iter().any(|&bin| bin > u32::from(u16::MAX)) {
        return Err(damaged("the edges of bins are not in order"));
    }
    Ok(Bins { codes: [].into(), count, ordered, edges, of_state: states.iter().map(|&bin| bin as u16).collect() })
}

fn load_link(place: usize, sorts: &[Sort], bins: &[Bins], drawn: &[bool], arrays: &Arrays) -> Result<Link> {
    let name = format!("link/{place}");
    let state = match sorts[place] {
        Sort::Value { state, .. } => state,
        Sort::Levels { .. } => None,
    };
    let predictors: Vec<usize> = arrays.u32s(&format!("{name}/predictors"))?.iter().map(|&p| p as usize).collect();
    if predictors.iter().chain(&state).any(|&p| drawn.get(p) != Some(&true)) {
        return Err(damaged("a column is drawn from a later one"));
    }
    let sides = match arrays.u32s(&format!("{name}/sides"))? {
        [sides @ 1..=2] => *sides,
        _ => return Err(damaged("a column has no trees")),
    };
    let sides = (0..sides).map(|i| load_side(&format!("{name}/{i}"), &sorts[place], &predictors, bins, arrays)).collect::<Result<_>>()?;
    Ok(Link { place, predictors, sides })
}

fn load_side(name: &str, sort: &Sort, predictors: &[usize], bins: &[Bins], arrays: &Arrays) -> Result<Side> {
    let counts: Vec<u32> = predictors.iter().map(|&predictor| bins[predictor].count).collect();
    let (tree, groups) = load_tree(name, &counts, arrays)?;
    let leaves = match sort {
        Sort::Levels { levels, .. } => {
            let codes = arrays.u32s(&format!("{name}/codes"))?.to_vec();
            if codes.iter().any(|code| code >= levels) {
                return Err(damaged("a leaf holds an unknown level"));
            }
            Leaves::Codes(load_lists(name, codes, &tree, arrays)?)
        }
        Sort::Value { .. } => {
            let numbers = arrays.f64s(&format!("{name}/numbers"))?.to_vec();
            if numbers.iter().any(|number| !number.is_finite()) {
                return Err(damaged("a leaf holds no finite number"));
            }
            Leaves::Numbers(load_lists(name, numbers, &tree, arrays)?)
        }
    };
    Ok(Side { tree, leaves, groups })
}

fn load_lists<T: Copy>(name: &str, values: Vec<T>, tree: &Tree, arrays: &Arrays) -> Result<Lists<T>> {
    let numbers = |what: &str| arrays.u32s(&format!("{name}/{what}")).map(<[u32]>::to_vec);
    let lists =
        Lists { values, ends: numbers("ends")?, loose: numbers("loose")?, primary: numbers("primary")?, fallback: numbers("fallback")? };
    let nodes = tree.nodes();
    if lists.is_sound(nodes.len(), |node| nodes[node].split.is_none()) {
        Ok(lists)
    } else {
        Err(damaged("the lists of leaves do not fit their tree"))
    }
}

fn damaged(message: &str) -> Error {
    Error::data("model::damaged", message).help("fit the model again")
}
