//! Which parents an attribute may have: the maximal sets of placed attributes, at any step of their
//! taxonomies, whose cells are few enough.
//!
//! **Definition.** A set is maximal when no attribute can be added and none be taken at a finer step within
//! the bound of cells and of k attributes. k falls where the candidates of a round could not be scored
//! within [`WORK`] row visits for the whole fit; that hangs on the number of rows, of columns, and on the
//! domain, never on a row.
//! **Reference.** Zhang et al. 2017, algorithm 6.

use super::taxonomy::Taxonomy;
use std::collections::{BTreeMap, BTreeSet};

/// Visits of a row that scoring may cost in one fit: about ten seconds on two cores.
pub(super) const WORK: u64 = 8_000_000_000;
/// Most candidates of one round, whatever the number of rows.
const CANDIDATES_MAX: u64 = 200_000;

/// An attribute at a step of its taxonomy.
pub(super) type Parent = (usize, usize);

/// Parents in the order of their columns.
pub(super) type Parents = Vec<Parent>;

/// How many candidates a round may have. Scores are kept from round to round, so that all rounds together
/// cost about two and a half times the widest.
pub(super) fn most(rows: u64) -> usize {
    (2 * WORK / (5 * rows.max(1))).clamp(256, CANDIDATES_MAX) as usize
}

/// Parent sets of each attribute that is not placed yet, `[open]`, all with the same bound of attributes.
/// `parents_max` falls where they would be more than `most`, and stays there.
pub(super) fn all(
    open: &[usize],
    placed: &[usize],
    taxonomies: &[Taxonomy],
    cells_max: f64,
    most: usize,
    parents_max: &mut usize,
) -> Vec<Vec<Parents>> {
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
        Some(all)
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
    if bound < 1.0 {
        return Some(Vec::new());
    }
    let Some((&first, rest)) = placed.split_first().filter(|_| parents_max > 0) else { return Some(vec![Vec::new()]) };
    let mut known: BTreeSet<Parents> = BTreeSet::new();
    let mut found = Vec::new();
    for (step, grouped) in taxonomies[first].steps().iter().enumerate() {
        for set in maximal(rest, taxonomies, bound / f64::from(grouped.cells), parents_max - 1, most)? {
            if known.insert(set.clone()) {
                found.push([vec![(first, step)], set].concat());
            }
            if found.len() > most {
                return None;
            }
        }
    }
    for set in maximal(rest, taxonomies, bound, parents_max, most)? {
        // with room for one more attribute a set is maximal only if this one did not fit beside it
        if !known.contains(&set) {
            found.push(set);
        }
    }
    (found.len() <= most).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::tables;
    use crate::private::Guarded;
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
            let longest = all(&open, &placed, &known, 64.0, most, &mut parents_max).iter().flatten().map(Vec::len).max();
            (longest, parents_max)
        };
        assert_eq!((longest(3), longest(20), longest(100)), ((Some(0), 0), (Some(1), 1), (Some(2), 2)));
        assert_eq!(longest(100_000), (Some(5), 12));
    }

    #[test]
    fn nothing_fits_a_bound_below_the_attribute_itself() {
        let known = taxonomies(&[2, 4]);
        assert_eq!(all(&[1], &[0], &known, 3.0, 100, &mut 2), [[Vec::<Parent>::new()]]);
    }
}
