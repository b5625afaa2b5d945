//! Which parents an attribute may have: the maximal sets of placed attributes, at any step of their
//! taxonomies, whose cells are few enough.
//!
//! **Definition.** A set is maximal when no attribute can be added and none be taken at a finer step within
//! the bound of cells and of k attributes. k falls where the candidates of a round could not be listed, or not be
//! scored within [`WORK`] row visits for the whole fit; that hangs on the number of rows, of columns, and on the
//! domain, never on a row.
//! **Listing.** All sets within the bound, depth first: at each attribute its steps, finest first, then without it.
//! A complete set is maximal if no attribute that it lacks fits beside it at its coarsest step (or it has k), and
//! none that it has fits one step finer.
//! **Reference.** Zhang et al. 2017, algorithm 6.

use super::taxonomy::Taxonomy;
use std::collections::BTreeMap;

/// Visits of a row that scoring may cost in one fit: about ten seconds on two cores.
pub(super) const WORK: u64 = 8_000_000_000;
/// Most candidates of one round, whatever the number of rows.
const CANDIDATES_MAX: u64 = 200_000;

/// An attribute at a step of its taxonomy.
pub(super) type Parent = (usize, usize);

/// Parents in the order of their columns.
pub(super) type Parents = Vec<Parent>;

/// Sets that are looked at for each that may be listed.
const LOOKS: u64 = 32;

/// How much a round may cost. Scores are kept from round to round, so that all rounds together cost about two and a
/// half times the widest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    /// Most candidates.
    sets: usize,
    /// Most row visits, in numbers of all rows.
    passes: u64,
}

impl Room {
    /// For a table of so many rows.
    pub(super) fn of(rows: u64) -> Self {
        let passes = 2 * WORK / (5 * rows.max(1));
        Self { sets: passes.clamp(256, CANDIDATES_MAX) as usize, passes: passes.max(1_024) }
    }
}

/// Parent sets of each attribute that is not placed yet, `[open]`, all with the same bound of attributes.
/// `parents_max` falls where they would be more than there is room for, and stays there.
pub(super) fn all(
    open: &[usize],
    placed: &[usize],
    taxonomies: &[Taxonomy],
    cells_max: f64,
    room: Room,
    parents_max: &mut usize,
) -> Vec<Vec<Parents>> {
    let most = room.sets;
    let of = |parents_max: usize| -> Option<Vec<Vec<Parents>>> {
        // what fits beside an attribute hangs on its number of cells alone
        let mut by_cells: BTreeMap<u32, Vec<Parents>> = BTreeMap::new();
        let (mut all, mut left) = (Vec::with_capacity(open.len()), most);
        for &column in open {
            let cells = taxonomies[column].steps()[0].cells;
            if let std::collections::btree_map::Entry::Vacant(entry) = by_cells.entry(cells) {
                entry.insert(sets(placed, taxonomies, cells_max / f64::from(cells), parents_max.min(placed.len()), most)?);
            }
            let sets = &by_cells[&cells];
            left = left.checked_sub(sets.len())?;
            all.push(sets.clone());
        }
        // a set is read once for all attributes that it is a candidate of, and each of them is counted by it
        let listed: usize = by_cells.values().flatten().map(Vec::len).sum();
        let passes = listed as u64 + (most - left) as u64;
        (passes <= room.passes).then_some(all)
    };
    loop {
        if let Some(all) = of(*parents_max) {
            return all;
        }
        if *parents_max == 0 {
            // one candidate for each attribute is always allowed
            return open.iter().map(|_| vec![Vec::new()]).collect();
        }
        *parents_max = placed.len().min(*parents_max) - 1;
    }
}

/// The maximal sets within `bound` cells and `parents_max` attributes; `None` beyond `most` sets. Where not
/// even one attribute fits it is the empty set.
fn sets(placed: &[usize], taxonomies: &[Taxonomy], bound: f64, parents_max: usize, most: usize) -> Option<Vec<Parents>> {
    let sets = if bound >= 1.0 { maximal(placed, taxonomies, bound, parents_max, most)? } else { Vec::new() };
    let sets = if sets.is_empty() { vec![Vec::new()] } else { sets };
    (sets.len() <= most).then_some(sets)
}

fn maximal(placed: &[usize], taxonomies: &[Taxonomy], bound: f64, parents_max: usize, most: usize) -> Option<Vec<Parents>> {
    let looks = LOOKS * (most as u64 + placed.len() as u64);
    let mut listing = Listing { placed, taxonomies, parents_max, most, looks, path: Vec::new(), taken: Vec::new(), found: Vec::new() };
    listing.below(0, bound).then_some(listing.found)
}

/// A walk through all sets within a bound.
struct Listing<'a> {
    placed: &'a [usize],
    taxonomies: &'a [Taxonomy],
    parents_max: usize,
    most: usize,
    /// Sets that may still be looked at.
    looks: u64,
    /// For each attribute so far: the cells left before it, and the step that it is taken at.
    path: Vec<(f64, Option<usize>)>,
    /// The set so far.
    taken: Parents,
    found: Vec<Parents>,
}

impl Listing<'_> {
    /// Lists what follows the attributes so far; false when there is too much.
    fn below(&mut self, depth: usize, bound: f64) -> bool {
        if bound < 1.0 {
            return true;
        }
        let Some(&column) = self.placed.get(depth).filter(|_| self.taken.len() < self.parents_max) else {
            let Some(looks) = self.looks.checked_sub(1) else { return false };
            self.looks = looks;
            if self.is_maximal(depth) {
                self.found.push(self.taken.clone());
            }
            return self.found.len() <= self.most;
        };
        for step in 0..self.taxonomies[column].steps().len() {
            self.path.push((bound, Some(step)));
            self.taken.push((column, step));
            let goes_on = self.below(depth + 1, bound / self.cells(column, step));
            self.taken.pop();
            self.path.pop();
            if !goes_on {
                return false;
            }
        }
        self.path.push((bound, None));
        let goes_on = self.below(depth + 1, bound);
        self.path.pop();
        goes_on
    }

    /// Whether nothing can be added to the set or be finer in it; it ends before attribute `depth`.
    fn is_maximal(&self, depth: usize) -> bool {
        let is_full = self.taken.len() == self.parents_max;
        let mut after = self.taken.len();
        (0..depth).rev().all(|place| {
            let (bound, step) = self.path[place];
            let column = self.placed[place];
            let finer = match step {
                Some(step) => {
                    after -= 1;
                    step.checked_sub(1)
                }
                None => Some(self.taxonomies[column].steps().len() - 1).filter(|_| !is_full),
            };
            let rest = &self.taken[self.taken.len().min(after + usize::from(step.is_some()))..];
            finer.is_none_or(|step| !self.fits(bound / self.cells(column, step), rest))
        })
    }

    /// Whether all of `rest` fits into `bound` cells.
    fn fits(&self, bound: f64, rest: &[Parent]) -> bool {
        rest.iter().fold(bound, |bound, &(column, step)| bound / self.cells(column, step)) >= 1.0
    }

    fn cells(&self, column: usize, step: usize) -> f64 {
        f64::from(self.taxonomies[column].steps()[step].cells)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::tables;
    use crate::private::Guarded;
    use std::collections::BTreeSet;
    use synthfleet_proto::metadata::DeclaredDomain;

    /// Taxonomies of label columns of so many levels.
    fn taxonomies(levels: &[u32]) -> Vec<Taxonomy> {
        let mut builder = tables::Builder::new(8);
        for (place, &levels) in levels.iter().enumerate() {
            builder = builder.many_labels(&format!("c{place}"), levels, |row| row as u32 % levels);
        }
        let table = builder.build();
        let mut metadata = (**table.metadata()).clone();
        for meta in &mut metadata.columns {
            meta.declared = Some(DeclaredDomain { levels: meta.levels.clone(), ..DeclaredDomain::default() });
        }
        let table = synthfleet_table::Table::new(metadata.into(), table.rows(), table.columns().to_vec()).expect("legal");
        let guarded = Guarded::new(table, synthfleet_proto::privacy::NoiseKey::new([1; 32]));
        let mut ledger = guarded.ledger(crate::private::Claim::pure(1.0, 0.0));
        let wish = crate::private::domain::Wish {
            bins: 16,
            centres: false,
            widened: 0.0,
            ranges: crate::private::domain::Width::Laplace(1.0),
            labels_sigma: 1.0,
            labels_delta: 0.0,
        };
        let domain = crate::private::Domain::measure(&guarded, &mut ledger, &wish, &synthfleet_table::Budget::quiet(1)).expect("declared");
        domain.codes().columns().iter().map(Taxonomy::of).collect()
    }

    #[test]
    fn only_maximal_sets_are_candidates() {
        // attributes of 2, 3 and 2 levels; at most 8 cells for parents of the last one of 2 levels: 4 cells
        let known = taxonomies(&[2, 3, 2, 2]);
        let found = sets(&[0, 1, 2], &known, 4.0, 3, 100).expect("few");
        assert_eq!(found, [vec![(0, 0), (2, 0)], vec![(1, 0)]]);
    }

    #[test]
    fn a_coarser_step_makes_room_for_another_attribute() {
        let known = taxonomies(&[8, 2, 2]);
        let found = sets(&[0, 1], &known, 8.0, 2, 100).expect("few");
        assert_eq!(found, [vec![(0, 0)], vec![(0, 1), (1, 0)]]);
    }

    #[test]
    fn the_number_of_parents_follows_the_work() {
        let known = taxonomies(&[2; 12]);
        let (open, placed): (Vec<usize>, Vec<usize>) = ((10..12).collect(), (0..10).collect());
        let longest = |most: usize| {
            let mut parents_max = 12;
            let room = Room { sets: most, passes: u64::MAX };
            let longest = all(&open, &placed, &known, 64.0, room, &mut parents_max).iter().flatten().map(Vec::len).max();
            (longest, parents_max)
        };
        assert_eq!((longest(3), longest(20), longest(100)), ((Some(0), 0), (Some(1), 1), (Some(2), 2)));
        assert_eq!(longest(100_000), (Some(5), 12));
    }

    #[test]
    fn nothing_fits_a_bound_below_the_attribute_itself() {
        let known = taxonomies(&[2, 4]);
        assert_eq!(all(&[1], &[0], &known, 3.0, Room::of(1_000), &mut 2), [[Vec::<Parent>::new()]]);
    }

    /// The maximal sets by their definition: all sets, then those that no attribute can be added to or be finer in.
    fn by_definition(placed: &[usize], known: &[Taxonomy], bound: f64, parents_max: usize) -> BTreeSet<Parents> {
        let cells = |set: &Parents| set.iter().map(|&(column, step)| f64::from(known[column].steps()[step].cells)).product::<f64>();
        let mut all: Vec<Parents> = vec![Vec::new()];
        for &column in placed {
            let with =
                |set: &Parents| (0..known[column].steps().len()).map(|step| [&set[..], &[(column, step)]].concat()).collect::<Vec<_>>();
            let more: Vec<Parents> = all.iter().flat_map(with).collect();
            all.extend(more);
        }
        let is_legal = |set: &Parents| set.len() <= parents_max && cells(set) <= bound;
        let is_maximal = |set: &Parents| {
            let finer = (0..set.len()).filter(|&place| set[place].1 > 0).map(|place| {
                let mut finer = set.clone();
                finer[place].1 -= 1;
                finer
            });
            let absent = placed.iter().filter(|column| set.iter().all(|(other, _)| other != *column));
            let longer = absent.map(|&column| [&set[..], &[(column, known[column].steps().len() - 1)]].concat());
            !finer.chain(longer).any(|set| is_legal(&set))
        };
        all.into_iter().filter(|set| is_legal(set) && is_maximal(set)).collect()
    }

    #[test]
    fn the_listing_is_the_definition() {
        let known = taxonomies(&[8, 2, 20, 3, 5]);
        for bound in [1.0, 2.5, 6.0, 13.0, 40.0, 333.0] {
            for parents_max in 1..=5 {
                let found = maximal(&[0, 1, 2, 3, 4], &known, bound, parents_max, 10_000).expect("few");
                let expected = by_definition(&[0, 1, 2, 3, 4], &known, bound, parents_max);
                assert_eq!(found.len(), expected.len(), "{bound} cells, {parents_max} parents");
                assert!(found.iter().all(|set| expected.contains(set)), "{bound} cells, {parents_max} parents");
            }
        }
    }

    #[test]
    fn forty_attributes_are_listed_or_given_up_at_once() {
        let known = taxonomies(&[4; 40]);
        let placed: Vec<usize> = (0..39).collect();
        let mut parents_max = 40;
        let found = all(&[39], &placed, &known, 4.0 * 300.0, Room::of(20_000), &mut parents_max);
        assert!((1..=3).contains(&parents_max) && found[0].iter().all(|set| set.len() == parents_max), "{parents_max}");
    }

    #[test]
    fn passes_count_the_reading_of_parents_too() {
        let known = taxonomies(&[2; 12]);
        let (open, placed): (Vec<usize>, Vec<usize>) = ((10..12).collect(), (0..10).collect());
        let longest = |passes: u64| {
            let mut parents_max = 3;
            all(&open, &placed, &known, 64.0, Room { sets: 100_000, passes }, &mut parents_max);
            parents_max
        };
        // 120 triples: 360 attributes read, 240 candidates counted; 45 pairs: 90 and 90
        assert_eq!((longest(600), longest(599), longest(179)), (3, 2, 1));
    }
}
