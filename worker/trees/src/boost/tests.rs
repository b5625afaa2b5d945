//! Boosting against known answers.

use super::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    (rng.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0
}

fn numbers(values: &[f64]) -> BinnedColumn {
    BinnedColumn::numbers(values.iter().map(|value| Some(*value)), &Cuts::fit(values.iter().copied(), BINS_MAX))
}

/// Columns of noise, and labels that follow the first two.
fn noisy(rows: usize) -> (BinnedMatrix, Vec<bool>) {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let values: Vec<Vec<f64>> = (0..11).map(|_| (0..rows).map(|_| uniform(&mut rng)).collect()).collect();
    let labels = (0..rows).map(|row| (values[0][row] > 0.5) != (values[1][row] > 0.3) || uniform(&mut rng) < 0.1).collect();
    (BinnedMatrix::new(rows, values.iter().map(|column| numbers(column)).collect()), labels)
}

fn one_round() -> Settings {
    Settings { rounds: 1, learning_rate: 1.0, l2: 0.0, leaf_rows: 1, ..Settings::default() }
}

#[test]
fn leaves_of_one_full_step_are_group_means() {
    let values = [1.0, 1.0, 2.0, 2.0, 3.0, 3.0];
    let target = [10.0, 12.0, 20.0, 22.0, -5.0, -7.0];
    let matrix = BinnedMatrix::new(6, vec![numbers(&values)]);
    let settings = Settings { leaves_max: 3, ..one_round() };
    let predicted = Booster::fit(&matrix, &Target::Real(&target), &settings).predict(&matrix);
    for (predicted, mean) in predicted.iter().zip([11.0, 11.0, 21.0, 21.0, -6.0, -6.0]) {
        assert!((predicted - mean).abs() < 1e-6, "{predicted} is not {mean}");
    }
}

#[test]
fn the_first_split_gains_what_the_formula_says() {
    // logistic, start 0: g = -/+ 1/2, h = 1/4; left 3 of 4 false, right all true
    let values = [1.0, 1.0, 1.0, 1.0, 2.0, 2.0];
    let labels = [false, false, false, true, true, true];
    let matrix = BinnedMatrix::new(6, vec![numbers(&values)]);
    let settings = Settings { l2: 1.0, leaves_max: 2, ..one_round() };
    let gain = Booster::fit(&matrix, &Target::Binary(&labels), &settings).gains()[0];
    let expected = 1.0 / (1.0 + 1.0) + 1.0 / (0.5 + 1.0) - 0.0;
    assert!((gain - expected).abs() < 1e-6, "{gain} is not {expected}");
}

#[test]
fn missing_cells_go_the_way_that_gains() {
    let cells = [Some(1.0), Some(2.0), Some(3.0), Some(4.0), None, None];
    let cuts = Cuts::fit(cells.iter().flatten().copied(), BINS_MAX);
    let matrix = BinnedMatrix::new(6, vec![BinnedColumn::numbers(cells, &cuts)]);
    let settings = Settings { leaves_max: 2, ..one_round() };
    for (target, side) in [([0.0, 0.0, 9.0, 9.0, 9.0, 9.0], 9.0), ([0.0, 0.0, 9.0, 9.0, 0.0, 0.0], 0.0)] {
        let predicted = Booster::fit(&matrix, &Target::Real(&target), &settings).predict(&matrix);
        assert!((predicted[4] - side).abs() < 1e-6, "{predicted:?}");
    }
}

#[test]
fn one_against_rest_is_one_hot() {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let codes: Vec<u8> = (0..600).map(|_| (rng.next_u64() % 5) as u8).collect();
    let target: Vec<f64> = codes.iter().map(|code| [3.0, -1.0, 4.0, -1.5, 9.0][usize::from(*code)] + uniform(&mut rng)).collect();
    let whole = BinnedMatrix::new(600, vec![BinnedColumn::new(codes.clone(), Order::OneAgainstRest)]);
    let hot = |level: u8| BinnedColumn::new(codes.iter().map(|code| 1 + u8::from(*code != level)).collect::<Vec<_>>(), Order::Ordered);
    let single = BinnedMatrix::new(600, (0..5).map(hot).collect());
    let settings = Settings { rounds: 5, ..Settings::default() };
    let predict = |matrix: &BinnedMatrix| Booster::fit(matrix, &Target::Real(&target), &settings).predict(matrix);
    assert_eq!(predict(&whole), predict(&single));
}

#[test]
fn threads_and_the_order_of_rows_change_no_bit() {
    let (matrix, labels) = noisy(9_000);
    let settings = Settings { rounds: 10, ..Settings::default() };
    let fit = |threads: usize, matrix: &BinnedMatrix, labels: &[bool]| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("pool");
        pool.install(|| Booster::fit(matrix, &Target::Binary(labels), &settings).predict(matrix))
    };
    let one = fit(1, &matrix, &labels);
    assert_eq!(one, fit(2, &matrix, &labels));
    assert_eq!(one, fit(7, &matrix, &labels));
    let order: Vec<u32> = (0..9_000).map(|row| (row * 7_919) % 9_000).collect();
    let shuffled: Vec<bool> = order.iter().map(|&row| labels[row as usize]).collect();
    let moved = fit(2, &matrix.take(&order), &shuffled);
    assert!(order.iter().zip(&moved).all(|(&row, predicted)| one[row as usize] == *predicted));
}

#[test]
fn columns_that_matter_gain_most() {
    let (matrix, labels) = noisy(4_000);
    let booster = Booster::fit(&matrix, &Target::Binary(&labels), &Settings { rounds: 20, ..Settings::default() });
    let gains = booster.gains();
    let most_noise = gains[2..].iter().copied().fold(0.0, f64::max);
    assert!(gains[0].min(gains[1]) > 5.0 * most_noise, "{gains:?}");
}

#[test]
fn leaves_keep_their_fewest_rows() {
    let (matrix, labels) = noisy(100);
    let settings = Settings { rounds: 1, leaf_rows: 51, ..Settings::default() };
    let booster = Booster::fit(&matrix, &Target::Binary(&labels), &settings);
    assert!(booster.gains().iter().all(|gain| *gain == 0.0));
}

#[test]
fn classes_are_learnt_and_their_shares_sum_to_one() {
    let values: Vec<f64> = (0..900).map(f64::from).collect();
    let codes: Vec<u32> = (0..900).map(|row| row / 300).collect();
    let matrix = BinnedMatrix::new(900, vec![numbers(&values)]);
    let booster = Booster::fit(&matrix, &Target::Classes { codes: &codes, classes: 3 }, &Settings::default());
    let predicted = booster.predict(&matrix);
    for (shares, code) in predicted.chunks_exact(3).zip(&codes) {
        assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(shares[*code as usize] > 0.98, "{shares:?} for {code}");
    }
}

#[test]
fn a_constant_target_is_its_own_prediction() {
    let matrix = BinnedMatrix::new(50, vec![numbers(&[1.0; 50])]);
    assert!(Booster::fit(&matrix, &Target::Real(&[7.5; 50]), &Settings::default()).predict(&matrix).iter().all(|y| *y == 7.5));
    let shares = Booster::fit(&matrix, &Target::Binary(&[true; 50]), &Settings::default()).predict(&matrix);
    assert!(shares.iter().all(|share| *share > 0.999));
}

#[test]
fn targets_at_the_ends_of_the_scale_stay_finite() {
    let values: Vec<f64> = (0..200).map(f64::from).collect();
    let matrix = BinnedMatrix::new(200, vec![numbers(&values)]);
    for unit in [1e300, 1e-300] {
        let target: Vec<f64> = values.iter().map(|value| value * unit / 200.0).collect();
        let predicted = Booster::fit(&matrix, &Target::Real(&target), &Settings::default()).predict(&matrix);
        assert!(predicted.iter().zip(&target).all(|(p, y)| ((p - y) / unit).abs() < 0.1), "{predicted:?}");
    }
}

#[test]
fn no_rows_and_no_columns_are_legal() {
    let none = BinnedMatrix::new(0, vec![numbers(&[])]);
    assert!(Booster::fit(&none, &Target::Real(&[]), &Settings::default()).predict(&none).is_empty());
    let bare = BinnedMatrix::new(3, Vec::new());
    let predicted = Booster::fit(&bare, &Target::Real(&[1.0, 2.0, 3.0]), &Settings::default()).predict(&bare);
    assert_eq!(predicted, [2.0; 3]);
}
