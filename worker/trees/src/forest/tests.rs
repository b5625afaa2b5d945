//! Forests against known answers.

use super::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::BTreeSet;
use std::convert::Infallible;

fn dice(tree: usize) -> impl FnMut(u32) -> u32 {
    let mut rng = ChaCha8Rng::seed_from_u64(tree as u64);
    move |bound| ((u64::from(rng.next_u32()) * u64::from(bound)) >> 32) as u32
}

/// Columns of noise, `[columns][rows]`.
fn noise(rows: usize, columns: usize, bins: u32) -> Vec<Vec<u16>> {
    let mut dice = dice(1_000);
    (0..columns).map(|_| (0..rows).map(|_| dice(bins) as u16).collect()).collect()
}

fn fit(columns: &[Vec<u16>], bins: u32, ordered: bool, codes: &[u32], trees: usize) -> (Forest, Votes) {
    let predictors: Vec<Predictor> = columns.iter().map(|codes| Predictor { codes, bins, ordered }).collect();
    let settings = Settings { trees, tree: cart::Settings { leaf_rows: 5, ..cart::Settings::default() } };
    let Ok(fitted) = Forest::fit_while(&predictors, Labels { codes, classes: 2 }, &settings, dice, |_| Ok::<(), Infallible>(()));
    fitted
}

#[test]
fn noise_is_guessed_half_of_the_time_whatever_the_width_of_its_levels() {
    for (bins, ordered) in [(50, true), (4, false), (900, false)] {
        let columns = noise(4_000, 4, bins);
        let codes: Vec<u32> = (0..4_000).map(|row| row % 2).collect();
        let accuracy = fit(&columns, bins, ordered, &codes, 20).1.accuracy(&codes).expect("votes");
        assert!((accuracy - 0.5).abs() < 0.04, "{accuracy} with {bins} bins");
    }
}

#[test]
fn what_can_be_told_apart_is_guessed_right() {
    let columns = noise(3_000, 9, 20);
    let codes: Vec<u32> = (0..3_000).map(|row| u32::from((columns[2][row] > 9) != (columns[5][row] > 9))).collect();
    let accuracy = fit(&columns, 20, true, &codes, 40).1.accuracy(&codes).expect("votes");
    assert!(accuracy > 0.9, "{accuracy}");
}

#[test]
fn every_node_is_split_by_one_of_the_root_of_columns() {
    // one column of sixteen tells all: a root that may look at four of them finds it in a quarter of the trees
    let mut columns = noise(400, 16, 8);
    let codes: Vec<u32> = (0..400).map(|row| row % 2).collect();
    columns[7] = codes.iter().map(|&code| code as u16).collect();
    let (forest, _) = fit(&columns, 8, true, &codes, 400);
    let roots: Vec<u32> = forest.trees.iter().filter_map(|grown| grown.tree.nodes()[0].split.as_ref()).map(|split| split.column).collect();
    let found = roots.iter().filter(|column| **column == 7).count();
    assert!((70..=130).contains(&found), "{found} of 400 roots");
    assert!(roots.iter().collect::<BTreeSet<_>>().len() > 10, "other columns split too");
}

#[test]
fn a_bag_holds_as_many_rows_as_there_are_and_leaves_out_about_a_third() {
    let bag = Bag::draw(10_000, &mut dice(3));
    assert_eq!(bag.rows.len(), 10_000);
    assert!(bag.rows.is_sorted());
    let outside = bag.times.iter().filter(|times| **times == 0).count();
    assert!((3_500..3_860).contains(&outside), "{outside}");
}

#[test]
fn votes_that_tie_share_a_guess_and_rows_without_votes_do_not_count() {
    let votes = Votes { counts: vec![3, 1, 2, 2, 0, 0, 0, 5], classes: 2 };
    assert_eq!(votes.accuracy(&[0, 1, 0, 0]), Some(0.5));
    assert_eq!(Votes { counts: vec![0, 0], classes: 2 }.accuracy(&[1]), None);
}

#[test]
fn threads_change_no_bit() {
    let columns = noise(2_000, 6, 30);
    let codes: Vec<u32> = (0..2_000).map(|row| u32::from(columns[1][row] > 20)).collect();
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("pool");
        pool.install(|| fit(&columns, 30, true, &codes, 11))
    };
    let one = on(1);
    assert!(one == on(2) && one == on(7));
}

#[test]
fn growth_ends_with_the_error_it_is_told() {
    let columns = noise(50, 2, 4);
    let codes: Vec<u32> = (0..50).map(|row| row % 2).collect();
    let predictors: Vec<Predictor> = columns.iter().map(|codes| Predictor { codes, bins: 4, ordered: true }).collect();
    let settings = Settings { trees: 3, tree: cart::Settings { leaf_rows: 1, ..cart::Settings::default() } };
    let ended = Forest::fit_while(&predictors, Labels { codes: &codes, classes: 2 }, &settings, dice, |_| Err("stop"));
    assert_eq!(ended.err(), Some("stop"));
}

#[test]
fn no_rows_and_no_columns_are_legal() {
    let (forest, votes) = fit(&[], 1, true, &[0, 1, 0], 3);
    assert_eq!((forest.trees.len(), forest.trees[0].tree.nodes().len()), (3, 1));
    assert!(votes.accuracy(&[0, 1, 0]).is_some());
    let (_, votes) = fit(&[Vec::new()], 1, true, &[], 3);
    assert_eq!(votes.accuracy(&[]), None);
}
