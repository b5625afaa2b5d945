//! Singling out: do predicates that match one sample row match one train row more often than one other row?
//!
//! # Definition
//! Univariate predicates: a value (or the gap) that occurs once in its sample column, `x <= smallest`,
//! `x >= largest`. Multivariate: three columns and a sample row, both drawn; a number is at least the row's
//! if that is above the sample's median, else at most; a level is equal; a gap is a gap; at most 20 draws an
//! attack. All predicates differ and match exactly one sample row. Train is cut into `K = train rows / m`
//! blocks: a success is exactly one match in a block of m rows, or in the m control rows. Whoever guesses
//! takes each condition from a row and a direction of its own. A form with fewer than 100 predicates is left
//! out.

use super::attack::{Attack, Successes};
use super::predicates::{Condition, Ordered, Predicate, only_match, singled_out};
use rayon::prelude::*;
use std::collections::BTreeSet;
use synthfleet_proto::{Result, Seed};
use synthfleet_table::random::Draw;
use synthfleet_table::{Budget, SeedExt};

/// Columns of a multivariate predicate.
pub const COLUMNS: usize = 3;

/// Draws an attack, at most.
const TRIES: usize = 20;

/// Draws that are made at once.
const BATCH: usize = 2_048;

/// The sides: train, control, sample.
const TRAIN: usize = 0;
const CONTROL: usize = 1;
const SAMPLE: usize = 2;

/// Both forms, as far as there are `attacks_min` predicates for them. `m`: rows of a block.
pub fn attacks(
    columns: &[Ordered],
    m: usize,
    (attacks_min, attacks_max): (usize, usize),
    seed: &Seed,
    budget: &Budget,
) -> Result<Vec<Attack>> {
    let univariate = univariate(columns, attacks_max, &seed.child("univariate"));
    let multivariate = multivariate(columns, attacks_max, &seed.child("multivariate"), budget)?;
    let mut found = Vec::new();
    for (name, width, predicates) in [("univariate", 1, univariate), ("multivariate", COLUMNS, multivariate)] {
        if predicates.len() < attacks_min {
            continue;
        }
        let guesses = guesses(columns, width, predicates.len(), &seed.child("guesser").child(name));
        let blocks = columns.first().map_or(0, |column| column.sides[TRAIN].len() / m);
        let hits = |predicates: &[Predicate], side: usize, block: usize| -> Result<Successes> {
            let hit = singled_out(predicates, columns, side, &(block * m..(block + 1) * m), budget)?;
            Ok(Successes::of_rows(hit.into_iter().flatten().collect(), m))
        };
        found.push(Attack {
            name: name.to_owned(),
            trials: predicates.len(),
            train: (0..blocks).map(|block| hits(&predicates, TRAIN, block)).collect::<Result<_>>()?,
            control: hits(&predicates, CONTROL, 0)?,
            guesser: hits(&guesses, TRAIN, 0)?.count,
        });
    }
    Ok(found)
}

/// Values that occur once, and open ends, at most `most` of them.
fn univariate(columns: &[Ordered], most: usize, seed: &Seed) -> Vec<Predicate> {
    let mut all: Vec<Predicate> = Vec::new();
    for (place, column) in columns.iter().enumerate() {
        let mut codes = column.sides[SAMPLE].clone();
        codes.sort_unstable();
        let once: Vec<u32> = codes.chunk_by(|a, b| a == b).filter(|equal| equal.len() == 1).map(|equal| equal[0]).collect();
        all.extend(once.iter().map(|&code| vec![Condition::equal(place, code)]));
        if column.number_like {
            let is_single = |code: &&u32| once.binary_search(code).is_ok();
            let smallest = codes.iter().find(|code| **code > 0).filter(is_single);
            let largest = codes.last().filter(|code| **code > 0).filter(is_single);
            all.extend(smallest.map(|&code| vec![Condition::at_most(place, code)]));
            all.extend(largest.map(|&code| vec![Condition::at_least(place, code)]));
        }
    }
    seed.rng().shuffle(&mut all);
    all.truncate(most);
    all
}

/// The median of the numbers of a side, doubled so that the middle of two codes is whole.
fn doubled_median(codes: &[u32]) -> u64 {
    let mut sorted: Vec<u32> = codes.iter().copied().filter(|&code| code > 0).collect();
    sorted.sort_unstable();
    match sorted.len() {
        0 => 0,
        n => u64::from(sorted[(n - 1) / 2]) + u64::from(sorted[n / 2]),
    }
}

/// Predicates of three columns that match one sample row, at most `most` of them.
fn multivariate(columns: &[Ordered], most: usize, seed: &Seed, budget: &Budget) -> Result<Vec<Predicate>> {
    let rows = columns.first().map_or(0, |column| column.sides[SAMPLE].len());
    if columns.len() < COLUMNS || rows == 0 {
        return Ok(Vec::new());
    }
    let medians: Vec<u64> = columns.iter().map(|column| doubled_median(&column.sides[SAMPLE])).collect();
    let condition = |place: usize, row: usize| {
        let code = columns[place].sides[SAMPLE][row];
        match code {
            code if !columns[place].number_like || code == 0 => Condition::equal(place, code),
            code if 2 * u64::from(code) > medians[place] => Condition::at_least(place, code),
            code => Condition::at_most(place, code),
        }
    };
    let drawn = |draw: usize| {
        let mut rng = seed.index(draw as u64).rng();
        let row = rng.below(rows as u64) as usize;
        let predicate: Predicate = some_columns(columns.len(), COLUMNS, &mut rng).into_iter().map(|place| condition(place, row)).collect();
        budget.go_on().map(|()| only_match(&predicate, columns, SAMPLE, 0..rows).map(|_| predicate))
    };
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    for first in (0..TRIES * most).step_by(BATCH) {
        let last = (first + BATCH).min(TRIES * most);
        let batch: Vec<Option<Predicate>> = (first..last).into_par_iter().map(drawn).collect::<Result<_>>()?;
        for predicate in batch.into_iter().flatten() {
            if found.len() < most && seen.insert(predicate.clone()) {
                found.push(predicate);
            }
        }
        if found.len() == most {
            break;
        }
    }
    Ok(found)
}

/// `count` of `columns` columns, ascending.
fn some_columns(columns: usize, count: usize, rng: &mut impl Draw) -> Vec<usize> {
    let mut chosen = BTreeSet::new();
    while chosen.len() < count {
        chosen.insert(rng.below(columns as u64) as usize);
    }
    chosen.into_iter().collect()
}

/// Predicates of somebody who knows what values there are and nothing of rows.
fn guesses(columns: &[Ordered], width: usize, count: usize, seed: &Seed) -> Vec<Predicate> {
    let mut rng = seed.rng();
    let mut one = || {
        let places = some_columns(columns.len(), width, &mut rng);
        let mut condition = |place: usize| {
            let codes = &columns[place].sides[SAMPLE];
            let code = codes[rng.below(codes.len() as u64) as usize];
            match rng.below(2) {
                _ if !columns[place].number_like || code == 0 => Condition::equal(place, code),
                0 => Condition::at_most(place, code),
                _ => Condition::at_least(place, code),
            }
        };
        places.into_iter().map(&mut condition).collect()
    };
    (0..count).map(|_| one()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(number_like: bool, sample: Vec<u32>) -> Ordered {
        Ordered { number_like, sides: vec![Vec::new(), Vec::new(), sample] }
    }

    #[test]
    fn univariate_predicates_are_single_values_and_single_ends() {
        let found = |column| univariate(&[column], 99, &Seed::of_task(1, "t")).into_iter().collect::<BTreeSet<_>>();
        let of = |conditions: Vec<Condition>| conditions.into_iter().map(|one| vec![one]).collect::<BTreeSet<_>>();
        let numbers = found(column(true, vec![3, 5, 5, 0, 9, 9]));
        assert_eq!(numbers, of(vec![Condition::equal(0, 0), Condition::equal(0, 3), Condition::at_most(0, 3)]));
        assert_eq!(found(column(false, vec![1, 2, 2, 4])), of(vec![Condition::equal(0, 1), Condition::equal(0, 4)]));
    }

    #[test]
    fn the_median_of_an_even_count_lies_between() {
        assert_eq!(doubled_median(&[0, 4, 1, 2, 9, 0]), 6);
        assert_eq!(doubled_median(&[7]), 14);
        assert_eq!(doubled_median(&[0]), 0);
    }

    #[test]
    fn multivariate_predicates_differ_and_match_one_sample_row() {
        let mut rng = Seed::of_task(2, "t").rng();
        let columns: Vec<Ordered> =
            (0..5).map(|place| column(place < 3, (0..400).map(|_| rng.below(if place < 3 { 100 } else { 4 }) as u32).collect())).collect();
        let found = multivariate(&columns, 300, &Seed::of_task(3, "t"), &Budget::quiet(2)).expect("nobody stops it");
        assert_eq!(found.len(), 300);
        assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), 300);
        assert!(found.iter().all(|predicate| predicate.len() == COLUMNS && only_match(predicate, &columns, SAMPLE, 0..400).is_some()));
    }

    #[test]
    fn a_constant_sample_offers_nothing_to_single_out() {
        let columns: Vec<Ordered> = (0..3).map(|_| column(true, vec![4; 200])).collect();
        assert!(multivariate(&columns, 100, &Seed::of_task(3, "t"), &Budget::quiet(1)).expect("nobody stops it").is_empty());
        assert!(univariate(&columns, 100, &Seed::of_task(3, "t")).is_empty());
    }
}
