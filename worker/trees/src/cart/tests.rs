//! Trees against exhaustive search and by hand.

use super::*;

/// SplitMix64: test tables that are the same everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        ((z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 33) % bound
    }
}

fn gini_mass(classes: &[u32]) -> f64 {
    let n = classes.len() as f64;
    let squares: f64 = (0..3).map(|c| classes.iter().filter(|x| **x == c).count() as f64).map(|k| k * k).sum();
    if classes.is_empty() { 0.0 } else { n - squares / n }
}

fn variance_mass(numbers: &[f64]) -> f64 {
    let mean = numbers.iter().sum::<f64>() / numbers.len().max(1) as f64;
    numbers.iter().map(|x| (x - mean) * (x - mean)).sum()
}

/// What a threshold gains, by direct computation; nothing if it leaves a side too small.
fn gain(column: &[u16], threshold: u16, mass: &impl Fn(&[usize]) -> f64, leaf_rows: usize) -> Option<f64> {
    let all: Vec<usize> = (0..column.len()).collect();
    let (left, right): (Vec<usize>, Vec<usize>) = all.iter().partition(|row| column[**row] <= threshold);
    (left.len() >= leaf_rows && right.len() >= leaf_rows).then(|| mass(&all) - mass(&left) - mass(&right))
}

/// The tree's root split gains as much as the best of all thresholds of all columns, and if it gains
/// nothing there is none.
fn splits_best(tree: &Tree, columns: &[Vec<u16>], mass: impl Fn(&[usize]) -> f64) {
    let gains = columns.iter().flat_map(|column| (0..8).filter_map(|threshold| gain(column, threshold, &mass, 2)));
    let best = gains.fold(0.0, f64::max);
    match root(tree) {
        Some((column, threshold)) => {
            let found = gain(&columns[column], threshold, &mass, 2).expect("both sides are large enough");
            assert!((found - best).abs() < 1e-9, "gains {found}, the best gains {best}");
        }
        None => assert!(best < 1e-9, "no split, though one gains {best}"),
    }
}

fn table(dice: &mut Dice) -> (usize, Vec<Vec<u16>>, Vec<u32>, Vec<f64>) {
    let rows = 6 + dice.below(30) as usize;
    let columns = (0..3).map(|_| (0..rows).map(|_| dice.below(8) as u16).collect()).collect();
    let classes = (0..rows).map(|_| dice.below(3) as u32).collect();
    let numbers = (0..rows).map(|_| dice.below(1_000) as f64 / 7.0).collect();
    (rows, columns, classes, numbers)
}

fn root(tree: &Tree) -> Option<(usize, u16)> {
    tree.nodes()[0].split.as_ref().map(|split| match split.test {
        Test::AtMost(threshold) => (split.column as usize, threshold),
        Test::In(_) => panic!("an ordered predictor was asked as a set"),
    })
}

#[test]
fn a_thousand_small_tables_split_as_exhaustive_search_says() {
    let mut dice = Dice(1);
    for _ in 0..1_000 {
        let (rows, columns, classes, numbers) = table(&mut dice);
        let predictors: Vec<Predictor> = columns.iter().map(|codes| Predictor { codes, bins: 8, ordered: true }).collect();
        let all: Vec<u32> = (0..rows as u32).collect();
        let settings = Settings { leaf_rows: 2, depth_max: 1, gain_min: 0.0, ..Settings::default() };
        let by_class = Tree::fit(&predictors, Response::Classes { codes: &classes, classes: 3 }, &all, &settings);
        splits_best(&by_class, &columns, |rows| gini_mass(&rows.iter().map(|r| classes[*r]).collect::<Vec<_>>()));
        let by_number = Tree::fit(&predictors, Response::Real(&numbers), &all, &settings);
        splits_best(&by_number, &columns, |rows| variance_mass(&rows.iter().map(|r| numbers[*r]).collect::<Vec<_>>()));
    }
}

#[test]
fn nominal_levels_are_cut_by_their_mean_and_absent_ones_join_the_larger_side() {
    // Levels 0 and 2 have class 1, level 1 has class 0; level 3 never occurs.
    let codes = [0u16, 0, 0, 1, 1, 2, 2, 2];
    let classes = [1u32, 1, 1, 0, 0, 1, 1, 1];
    let predictor = [Predictor { codes: &codes, bins: 4, ordered: false }];
    let rows: Vec<u32> = (0..8).collect();
    let settings = Settings { leaf_rows: 1, ..Settings::default() };
    let tree = Tree::fit(&predictor, Response::Classes { codes: &classes, classes: 2 }, &rows, &settings);
    assert_eq!(tree.nodes().len(), 3);
    let side = |level: u16| tree.leaf(|_| level);
    assert_eq!(side(0), side(2));
    assert_ne!(side(0), side(1));
    assert_eq!(side(3), side(0), "an absent level joins the larger side");
}

#[test]
fn three_classes_of_nominal_levels_are_told_apart() {
    let codes: Vec<u16> = (0..90).map(|i| (i % 9) as u16).collect();
    let classes: Vec<u32> = codes.iter().map(|level| u32::from(level % 3)).collect();
    let predictor = [Predictor { codes: &codes, bins: 9, ordered: false }];
    let rows: Vec<u32> = (0..90).collect();
    let tree =
        Tree::fit(&predictor, Response::Classes { codes: &classes, classes: 3 }, &rows, &Settings { leaf_rows: 1, ..Settings::default() });
    let leaves: std::collections::BTreeSet<(u32, u16)> = (0..9).map(|level| (tree.leaf(|_| level), level % 3)).collect();
    let distinct: std::collections::BTreeSet<u32> = leaves.iter().map(|(leaf, _)| *leaf).collect();
    assert_eq!(leaves.len(), distinct.len(), "a leaf holds levels of two classes");
}

#[test]
fn every_leaf_has_its_rows_and_the_tree_is_well_linked() {
    let mut dice = Dice(3);
    let codes: Vec<u16> = (0..2_000).map(|_| dice.below(100) as u16).collect();
    let numbers: Vec<f64> = codes.iter().map(|&bin| f64::from(bin) * f64::from(bin) + dice.below(500) as f64).collect();
    let predictor = [Predictor { codes: &codes, bins: 100, ordered: true }];
    let rows: Vec<u32> = (0..2_000).collect();
    let tree = Tree::fit(&predictor, Response::Real(&numbers), &rows, &Settings::default());
    let mut counts = vec![0; tree.nodes().len()];
    rows.iter().for_each(|&row| counts[tree.leaf(|_| codes[row as usize]) as usize] += 1);
    assert!(counts.iter().all(|count| *count == 0 || *count >= 25));
    assert_eq!(Tree::from_nodes(tree.nodes().to_vec(), 1), Some(tree));
}

#[test]
fn damaged_links_are_refused() {
    let leaf = |parent| Node { parent, split: None };
    let inner = |parent, left| Node { parent, split: Some(Split { column: 0, test: Test::AtMost(1), left }) };
    assert!(Tree::from_nodes(vec![inner(0, 1), leaf(0), leaf(0)], 1).is_some());
    for damaged in [
        vec![],
        vec![inner(0, 0)],
        vec![inner(0, 2), leaf(0), leaf(0)],
        vec![inner(0, 1), leaf(0), leaf(1)],
        vec![inner(0, 1), inner(0, 1), leaf(0)],
        vec![leaf(0), leaf(0)],
    ] {
        assert!(Tree::from_nodes(damaged, 1).is_none());
    }
    assert!(Tree::from_nodes(vec![inner(0, 1), leaf(0), leaf(0)], 0).is_none());
}

/// The rows that reach each node.
fn reached(tree: &Tree, columns: &[Vec<u16>], rows: usize) -> Vec<Vec<usize>> {
    let mut of_node = vec![Vec::new(); tree.nodes().len()];
    of_node[0] = (0..rows).collect();
    for (place, node) in tree.nodes().iter().enumerate() {
        if let Some(split) = &node.split {
            let (left, right) = of_node[place].iter().partition(|&&row| split.test.left(columns[split.column as usize][row]));
            (of_node[split.left as usize], of_node[split.left as usize + 1]) = (left, right);
        }
    }
    of_node
}

#[test]
fn nodes_that_inherit_their_cells_split_as_exhaustive_search_says() {
    let mut dice = Dice(5);
    let rows = 6_000;
    let columns: Vec<Vec<u16>> = (0..3).map(|_| (0..rows).map(|_| dice.below(8) as u16).collect()).collect();
    let sum = |row: usize| u64::from(columns[0][row] + 2 * columns[1][row] * columns[2][row]);
    let numbers: Vec<f64> = (0..rows).map(|row| (sum(row) + dice.below(9)) as f64).collect();
    let classes: Vec<u32> = (0..rows).map(|row| ((sum(row) / 30 + dice.below(2)) % 3) as u32).collect();
    let predictors: Vec<Predictor> = columns.iter().map(|codes| Predictor { codes, bins: 8, ordered: true }).collect();
    let all: Vec<u32> = (0..rows as u32).collect();
    let settings = Settings { leaf_rows: 40, ..Settings::default() };
    let of_classes = |rows: &[usize]| gini_mass(&rows.iter().map(|r| classes[*r]).collect::<Vec<_>>());
    let of_numbers = |rows: &[usize]| variance_mass(&rows.iter().map(|r| numbers[*r]).collect::<Vec<_>>());
    for of_class in [true, false] {
        let response = if of_class { Response::Classes { codes: &classes, classes: 3 } } else { Response::Real(&numbers) };
        let mass = |rows: &[usize]| if of_class { of_classes(rows) } else { of_numbers(rows) };
        let tree = Tree::fit(&predictors, response, &all, &settings);
        assert!(tree.nodes().len() > 100, "a deep tree is needed, this one has {} nodes", tree.nodes().len());
        for (inside, node) in reached(&tree, &columns, rows).iter().zip(tree.nodes()) {
            let Some(split) = &node.split else { continue };
            let Test::AtMost(chosen) = split.test else { panic!("an ordered predictor was asked as a set") };
            let here: Vec<Vec<u16>> = columns.iter().map(|column| inside.iter().map(|&row| column[row]).collect()).collect();
            let mass = |places: &[usize]| mass(&places.iter().map(|&place| inside[place]).collect::<Vec<_>>());
            let gains = here.iter().flat_map(|column| (0..8).filter_map(|threshold| gain(column, threshold, &mass, 40)));
            let best = gains.fold(0.0, f64::max);
            let found = gain(&here[split.column as usize], chosen, &mass, 40).expect("both sides are large enough");
            assert!((found - best).abs() < 1e-8 * best.max(1.0), "gains {found}, the best gains {best}");
        }
    }
}

#[test]
fn a_wide_response_and_a_wide_predictor_are_told_apart() {
    // 300 classes of 3 levels each: cells would outnumber rows, so rows are sorted instead
    let codes: Vec<u16> = (0..1_800).map(|i| (i % 900) as u16).collect();
    let classes: Vec<u32> = codes.iter().map(|&code| u32::from(code) / 3).collect();
    let predictor = [Predictor { codes: &codes, bins: 900, ordered: true }];
    let rows: Vec<u32> = (0..1_800).collect();
    let settings = Settings { leaf_rows: 1, depth_max: 60, ..Settings::default() };
    let tree = Tree::fit(&predictor, Response::Classes { codes: &classes, classes: 300 }, &rows, &settings);
    let leaves: std::collections::BTreeSet<(u32, u32)> = (0..900u16).map(|code| (tree.leaf(|_| code), u32::from(code) / 3)).collect();
    assert_eq!(leaves.len(), 300, "each class has its leaf");
}

#[test]
fn a_weight_is_so_many_rows() {
    let mut dice = Dice(9);
    for _ in 0..200 {
        let (rows, columns, classes, _) = table(&mut dice);
        let predictors: Vec<Predictor> = columns.iter().map(|codes| Predictor { codes, bins: 8, ordered: true }).collect();
        let all: Vec<u32> = (0..rows as u32).collect();
        let weights = [1.0, 3.0, 2.0];
        let repeated: Vec<u32> = all.iter().flat_map(|&row| vec![row; weights[classes[row as usize] as usize] as usize]).collect();
        let settings = Settings { leaf_rows: 1, depth_max: 1, gain_min: 1e-9, ..Settings::default() };
        let weighted = Tree::fit(&predictors, Response::Weighted { codes: &classes, weights: &weights }, &all, &settings);
        let plain = Tree::fit(&predictors, Response::Classes { codes: &classes, classes: 3 }, &repeated, &settings);
        let mass = |rows: &[usize]| gini_mass(&rows.iter().map(|&place| classes[repeated[place] as usize]).collect::<Vec<_>>());
        let gained = |tree: &Tree| {
            let (column, threshold) = root(tree)?;
            let codes: Vec<u16> = repeated.iter().map(|&row| columns[column][row as usize]).collect();
            gain(&codes, threshold, &mass, 1)
        };
        match (gained(&weighted), gained(&plain)) {
            (Some(a), Some(b)) => assert!((a - b).abs() < 1e-9, "gains {a}, repeated rows gain {b}"),
            (a, b) => assert_eq!(a, b),
        }
    }
}

#[test]
fn weighted_classes_take_one_level_from_the_rest_whatever_is_counted() {
    // level 2 alone is of class 1; level 3 never occurs and is of the rest
    let codes: Vec<u16> = (0..60).map(|i| i % 3).collect();
    let classes: Vec<u32> = codes.iter().map(|&level| u32::from(level == 2)).collect();
    let rows: Vec<u32> = (0..60).collect();
    // with 9 bins cells are counted and handed down, with 900 rows are sorted
    for bins in [9, 900] {
        let predictor = [Predictor { codes: &codes, bins, ordered: false }];
        let settings = Settings { leaf_rows: 1, ..Settings::default() };
        let response = Response::Weighted { codes: &classes, weights: &[1.0, 2.0] };
        let tree = Tree::fit(&predictor, response, &rows, &settings);
        assert_eq!(tree.nodes().len(), 3);
        assert_eq!([0, 1, 2, 3, 8].map(|level| tree.leaf(|_| level)), [2, 2, 1, 2, 2]);
        assert_eq!(order_levels(&predictor[0], response, &rows), [0, 1, 2]);
    }
}

#[test]
fn a_deep_weighted_tree_tells_apart_what_can_be_told() {
    let mut dice = Dice(11);
    let wide: Vec<u16> = (0..4_000).map(|_| dice.below(3_000) as u16).collect();
    let levels: Vec<u16> = (0..4_000).map(|_| dice.below(7) as u16).collect();
    let classes: Vec<u32> = wide.iter().zip(&levels).map(|(&a, &b)| u32::from(a) / 500 % 2 + u32::from(b == 3)).collect();
    let predictors = [Predictor { codes: &wide, bins: 3_000, ordered: true }, Predictor { codes: &levels, bins: 7, ordered: false }];
    let rows: Vec<u32> = (0..4_000).collect();
    let settings = Settings { leaf_rows: 1, depth_max: 30, gain_min: 0.0, ..Settings::default() };
    let tree = Tree::fit(&predictors, Response::Weighted { codes: &classes, weights: &[0.5, 1.0, 3.0] }, &rows, &settings);
    let leaf = |row: usize| tree.leaf(|column| if column == 0 { wide[row] } else { levels[row] });
    let mut class_of = std::collections::BTreeMap::new();
    (0..4_000).for_each(|row| assert_eq!(*class_of.entry(leaf(row)).or_insert(classes[row]), classes[row], "a leaf holds two classes"));
}

#[test]
fn growth_ends_with_the_error_it_is_told() {
    let predictor = [Predictor { codes: &[0, 1, 0, 1], bins: 2, ordered: true }];
    let response = Response::Classes { codes: &[0, 1, 0, 1], classes: 2 };
    let settings = Settings { leaf_rows: 1, ..Settings::default() };
    assert_eq!(Tree::fit_while(&predictor, response, &[0, 1, 2, 3], &settings, || Err("stop")), Err("stop"));
}

#[test]
fn two_classes_split_like_the_first_two_of_three() {
    let mut dice = Dice(21);
    for bins in [6, 300] {
        let columns: Vec<Vec<u16>> = (0..4).map(|_| (0..900).map(|_| dice.below(bins) as u16).collect()).collect();
        let half = bins as u16 / 2;
        let codes: Vec<u32> =
            (0..900).map(|row| u32::from((columns[0][row] > half) != (columns[1][row] > half)) ^ u32::from(row % 7 == 0)).collect();
        let predictors: Vec<Predictor> = columns.iter().map(|codes| Predictor { codes, bins: bins as u32, ordered: true }).collect();
        let rows: Vec<u32> = (0..900).collect();
        let settings = Settings { leaf_rows: 3, ..Settings::default() };
        let tree = |classes: u32| Tree::fit(&predictors, Response::Classes { codes: &codes, classes }, &rows, &settings);
        assert!(tree(2).nodes().len() > 50);
        assert_eq!(tree(2), tree(3));
    }
}

#[test]
fn levels_of_two_classes_are_cut_by_their_rates() {
    // rates of the second class: 3/4, 0, 1/2, 1/4; a fifth level never occurs
    let codes: Vec<u16> = (0..16).map(|row| row / 4).collect();
    let classes: Vec<u32> = [0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 1].to_vec();
    let predictor = [Predictor { codes: &codes, bins: 5, ordered: false }];
    let response = Response::Classes { codes: &classes, classes: 2 };
    let rows: Vec<u32> = (0..16).collect();
    assert_eq!(order_levels(&predictor[0], response, &rows), [1, 3, 2, 0]);
    let tree = Tree::fit(&predictor, response, &rows, &Settings { leaf_rows: 1, depth_max: 1, gain_min: 0.0, ..Settings::default() });
    // after levels 1 and 3: 8 rows with 1, 8 rows with 5 of the second class
    assert_eq!([0, 1, 2, 3].map(|level| tree.leaf(|_| level)), [2, 1, 2, 1]);
    let wide = [Predictor { codes: &codes, bins: 500, ordered: false }];
    let sorted = Tree::fit(&wide, response, &rows, &Settings { leaf_rows: 1, depth_max: 1, gain_min: 0.0, ..Settings::default() });
    assert_eq!([0, 1, 2, 3].map(|level| sorted.leaf(|_| level)), [2, 1, 2, 1]);
}

/// A rare level decides the class without exception: its leaf is smaller than other leaves may be.
#[test]
fn a_rule_without_exception_is_kept_however_rare_and_chance_is_not_taken_for_one() {
    let rows: Vec<u32> = (0..2_000).collect();
    let rare: Vec<u16> = rows.iter().map(|row| u16::from(row % 50 == 0)).collect();
    let predictor = [Predictor { codes: &rare, bins: 2, ordered: true }];
    for classes in [2, 3] {
        let follows: Vec<u32> = rare.iter().map(|&code| u32::from(code)).collect();
        let response = Response::Classes { codes: &follows, classes };
        let of = |pure_rows| Tree::fit(&predictor, response, &rows, &Settings { leaf_rows: 100, pure_rows, ..Settings::default() });
        assert_eq!(of(None).nodes().len(), 1, "40 rows are too few for a leaf");
        assert_eq!(of(Some(20)).nodes().len(), 3);
        assert_eq!(of(Some(41)).nodes().len(), 1);
        // the same leaf of the class that nearly all rows have
        let mostly: Vec<u32> = rows.iter().zip(&rare).map(|(row, &code)| u32::from(code == 1 || row % 5 > 0)).collect();
        let response = Response::Classes { codes: &mostly, classes };
        let settings = Settings { leaf_rows: 100, pure_rows: Some(20), ..Settings::default() };
        assert_eq!(Tree::fit(&predictor, response, &rows, &settings).nodes().len(), 1, "40 of 40 rows are what .8 gives by chance");
    }
}
