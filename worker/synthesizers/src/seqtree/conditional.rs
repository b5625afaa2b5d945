//! Samples of a chain under conditions.
//!
//! **Definition.** A particle walks the chain up to its last column with a condition; such a column is drawn inside
//! what is allowed of its leaf, and the particle's weight is multiplied by the allowed share. A particle is taken
//! with probability weight / bound, where the bound is the allowed share at the chain's first column: rows taken
//! so follow the model given the conditions exactly. After 64 refused particles one of them is drawn by its weight
//! (sampling-importance-resampling). The columns behind the last condition follow as always. So conditions on
//! columns that stand first in the order, as the option `given` puts them, cost little and are exact.
//! **Reference.** Rubin 1988, Bayesian Statistics 3, 395-402, for the resampling.

use super::chain::{Chain, Drawn};
use super::leaves::Leaves;
use super::restricted::{Codes, Numbers};
use crate::member::{Evidence, Given};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use synthfleet_proto::Result;
use synthfleet_table::Budget;
use synthfleet_table::encode::{Coded, Sort};
use synthfleet_table::random::Draw as _;

/// Particles of a row.
const PARTICLES: usize = 64;
/// Rows between two looks at the budget.
const CHUNK: usize = 32;

/// What conditions leave of a leaf.
enum Left {
    Codes(Codes),
    Numbers(Numbers),
}

/// The cells of one particle, by the place of the coded column.
#[derive(Clone)]
struct Particle {
    side: u8,
    bins: Vec<u16>,
    levels: Vec<u32>,
    numbers: Vec<f64>,
    weight: f64,
}

/// Draws the columns up to the last with a condition; tells how many links that are at most, so that the rest can
/// follow. Rows whose last condition stands earlier are drawn on to there.
pub(super) fn begin(chain: &Chain, rows: usize, given: &Given, random: &mut ChaCha8Rng, budget: &Budget) -> Result<(Drawn, usize)> {
    let place_in_order = |place: usize| chain.links.iter().position(|link| link.place == place).unwrap_or(0);
    let groups = given.groups(rows);
    let last = |evidence: &Evidence| evidence.asked().map(|(place, _)| place_in_order(place) + 1).max().unwrap_or(0);
    let links = groups.iter().map(|(evidence, _)| last(evidence)).max().unwrap_or(0);
    let mut drawn = Drawn::new(rows, chain.sorts.len());
    let (mut levels, mut numbers) = (vec![Vec::new(); chain.sorts.len()], vec![Vec::new(); chain.sorts.len()]);
    for link in &chain.links[..links] {
        drawn.bins[link.place] = vec![0; rows];
        levels[link.place] = vec![0; rows];
        numbers[link.place] = vec![0.0; rows];
    }
    for (evidence, rows) in &groups {
        let mut walk = Walk { chain, evidence, left: BTreeMap::new(), until: last(evidence), links };
        for chunk in rows.chunks(CHUNK) {
            budget.go_on()?;
            for &row in chunk {
                let particle = walk.row(random);
                drawn.sides[row as usize] = particle.side;
                for link in &chain.links[..links] {
                    let place = link.place;
                    drawn.bins[place][row as usize] = particle.bins[place];
                    levels[place][row as usize] = particle.levels[place];
                    numbers[place][row as usize] = particle.numbers[place];
                }
            }
        }
    }
    for link in &chain.links[..links] {
        let place = link.place;
        drawn.out[place] = Some(match chain.sorts[place] {
            Sort::Levels { .. } => Coded::Levels(std::mem::take(&mut levels[place]).into()),
            Sort::Value { .. } => Coded::Value(std::mem::take(&mut numbers[place]).into()),
        });
    }
    Ok((drawn, links))
}

/// Particles of rows with equal conditions.
struct Walk<'a> {
    chain: &'a Chain,
    evidence: &'a Evidence,
    /// What is left of leaves met before, by link, side and leaf.
    left: BTreeMap<(usize, u8, u32), Left>,
    /// Links up to the last with a condition.
    until: usize,
    /// Links that are drawn here.
    links: usize,
}

impl Walk<'_> {
    /// The cells of one row.
    fn row(&mut self, random: &mut ChaCha8Rng) -> Particle {
        let bound = self.bound();
        let mut refused: Vec<Particle> = Vec::new();
        while refused.len() < PARTICLES {
            let mut particle = self.particle(random);
            if random.uniform() * bound < particle.weight {
                self.walk(&mut particle, self.until..self.links, random);
                return particle;
            }
            refused.push(particle);
        }
        let total: f64 = refused.iter().map(|particle| particle.weight).sum();
        let mut left = random.uniform() * total;
        let mut chosen = refused.len() - 1;
        for (place, particle) in refused.iter().enumerate() {
            if left < particle.weight {
                chosen = place;
                break;
            }
            left -= particle.weight;
        }
        let mut particle = refused.swap_remove(chosen);
        self.walk(&mut particle, self.until..self.links, random);
        particle
    }

    /// The largest weight that a particle can have.
    fn bound(&mut self) -> f64 {
        let Some(first) = self.chain.links.first().filter(|link| self.evidence.at(link.place).is_some()) else { return 1.0 };
        // the first column has one leaf a side
        let sides = first.sides.len() as u8;
        let leaf = |side: u8| first.sides[usize::from(side)].leaf(|_| 0);
        (0..sides).map(|side| self.share(0, side, leaf(side))).fold(0.0, f64::max)
    }

    fn particle(&mut self, random: &mut ChaCha8Rng) -> Particle {
        let columns = self.chain.sorts.len();
        let (bins, levels, numbers) = (vec![0; columns], vec![0; columns], vec![0.0; columns]);
        let mut particle = Particle { side: random.below(2) as u8, bins, levels, numbers, weight: 1.0 };
        self.walk(&mut particle, 0..self.until, random);
        particle
    }

    /// Draws some links.
    fn walk(&mut self, particle: &mut Particle, links: std::ops::Range<usize>, random: &mut ChaCha8Rng) {
        for at in links {
            let link = &self.chain.links[at];
            let (place, side) = (link.place, particle.side % link.sides.len() as u8);
            let state = match self.chain.sorts[place] {
                Sort::Value { state: Some(state), .. } => particle.levels[state],
                _ => 0,
            };
            let of_side = &link.sides[usize::from(side)];
            let leaf = of_side.leaf(|column| particle.bins[link.predictors[column]]);
            let is_asked = self.evidence.at(place).is_some();
            match (&self.chain.sorts[place], &of_side.leaves) {
                (_, Leaves::Codes(lists)) => {
                    particle.levels[place] =
                        if is_asked { self.level((at, side, leaf), particle, random) } else { lists.draw(leaf, random) };
                }
                (Sort::Value { low, high, .. }, Leaves::Numbers(lists)) if state == 0 => {
                    let number =
                        if is_asked { self.number((at, side, leaf), particle, random) } else { lists.draw(leaf, self.chain.draw, random) };
                    particle.numbers[place] = number.clamp(*low, *high);
                }
                (Sort::Value { low, .. }, _) => particle.numbers[place] = *low,
                (Sort::Levels { .. }, _) => particle.levels[place] = 0,
            }
            particle.bins[place] = match self.chain.sorts[place] {
                Sort::Levels { .. } => self.chain.bins[place].place(particle.levels[place], 0.0),
                Sort::Value { .. } => self.chain.bins[place].place(state, particle.numbers[place]),
            };
        }
    }

    fn level(&mut self, key: (usize, u8, u32), particle: &mut Particle, random: &mut ChaCha8Rng) -> u32 {
        match self.left_of(key) {
            Left::Codes(codes) => {
                particle.weight *= codes.share();
                codes.draw(random)
            }
            Left::Numbers(_) => 0,
        }
    }

    fn number(&mut self, key: (usize, u8, u32), particle: &mut Particle, random: &mut ChaCha8Rng) -> f64 {
        match self.left_of(key) {
            Left::Numbers(numbers) => {
                particle.weight *= numbers.share();
                numbers.draw(random)
            }
            Left::Codes(_) => 0.0,
        }
    }

    fn share(&mut self, link: usize, side: u8, leaf: u32) -> f64 {
        match self.left_of((link, side, leaf)) {
            Left::Codes(codes) => codes.share(),
            Left::Numbers(numbers) => numbers.share(),
        }
    }

    /// What the conditions leave of a leaf.
    fn left_of(&mut self, key: (usize, u8, u32)) -> &Left {
        let (chain, evidence) = (self.chain, self.evidence);
        self.left.entry(key).or_insert_with(|| {
            let (link, side, leaf) = key;
            let (place, side) = (chain.links[link].place, &chain.links[link].sides[usize::from(side)]);
            match &side.leaves {
                Leaves::Codes(lists) => Left::Codes(Codes::of(lists, leaf, |level| evidence.allows(place, level))),
                Leaves::Numbers(lists) => {
                    let limits = match chain.sorts[place] {
                        Sort::Value { low, high, .. } => (low, high),
                        Sort::Levels { .. } => (f64::NEG_INFINITY, f64::INFINITY),
                    };
                    Left::Numbers(Numbers::of(lists, leaf, chain.draw, limits, evidence.within(place)))
                }
            }
        })
    }
}
