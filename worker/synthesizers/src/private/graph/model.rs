//! A fitted Markov network with its view: the model of `mst` and `aim`.

use super::estimation::Network;
use super::sampling::Sampler;
use crate::member::{Block, Given, Model};
use std::sync::Arc;
use synthfleet_proto::{Error, Result, Seed};
use synthfleet_table::encode::{Coded, Codes, Encoder};
use synthfleet_table::random::Draw;
use synthfleet_table::{Arrays, Budget, SeedExt};

/// A Markov network over levels that may each stand for several codes.
pub struct NetworkModel {
    codes: Codes,
    /// The codes of each level, `[columns][levels]`; drawn uniformly.
    members: Vec<Vec<Vec<u32>>>,
    sampler: Sampler,
}

impl NetworkModel {
    /// A model of a fitted network; `maps`: level of each code, `[columns][codes]`.
    pub(crate) fn new(codes: Codes, maps: &[Vec<u32>], network: &Network, budget: &Budget) -> Result<Self> {
        let members = maps.iter().zip(network.sizes()).map(|(map, &size)| members(map, size)).collect();
        Ok(Self { codes, members, sampler: Sampler::of(network, budget)? })
    }
}

/// The codes of each of `size` levels.
fn members(map: &[u32], size: usize) -> Vec<Vec<u32>> {
    let mut members = vec![Vec::new(); size];
    map.iter().zip(0..).for_each(|(&level, code)| members[level as usize].push(code));
    members
}

impl Model for NetworkModel {
    fn sample_block(&self, block: Block, _: &Given, seed: &Seed, budget: &Budget) -> Result<Vec<Coded>> {
        let mut columns = self.sampler.draw(block.rows, seed, budget)?;
        for (place, (levels, members)) in columns.iter_mut().zip(&self.members).enumerate() {
            let mut random = seed.child("member").index(place as u64).rng();
            for level in levels {
                let codes = &members[*level as usize];
                *level = if let [only] = codes[..] { only } else { codes[random.below(codes.len() as u64) as usize] };
            }
        }
        Ok(self.codes.decode(&columns, &mut seed.child("decode").rng()))
    }

    fn save(&self, arrays: &mut Arrays) {
        self.codes.save(arrays);
        for (place, members) in self.members.iter().enumerate() {
            let mut map = vec![0; members.iter().map(Vec::len).sum()];
            members.iter().zip(0..).for_each(|(codes, level)| codes.iter().for_each(|&code| map[code as usize] = level));
            arrays.put_u32(&format!("levels/{place}"), map);
        }
        self.sampler.save(arrays);
    }

    fn load(arrays: &Arrays, encoder: &Arc<Encoder>) -> Result<Self> {
        let codes = Codes::load(arrays, encoder)?;
        let mut all = Vec::with_capacity(codes.columns().len());
        for (place, column) in codes.columns().iter().enumerate() {
            let map = arrays.u32s(&format!("levels/{place}"))?;
            let size = map.iter().max().map_or(0, |&last| last as usize + 1);
            let members = if size <= map.len() { members(map, size) } else { Vec::new() };
            if map.len() != column.levels as usize || members.is_empty() || members.iter().any(Vec::is_empty) {
                return Err(Error::data("model::damaged", format!("levels/{place} is impossible")).help("fit the model again"));
            }
            all.push(members);
        }
        let sizes: Vec<usize> = all.iter().map(Vec::len).collect();
        let sampler = Sampler::load(arrays, &sizes)?;
        Ok(Self { codes, members: all, sampler })
    }
}
