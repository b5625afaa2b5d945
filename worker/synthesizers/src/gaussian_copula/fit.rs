//! Fits the copula: marginals, order of levels, correlation matrix, factor.

use super::correlation::{Column, first_component, matrix};
use super::levels::Levels;
use super::marginals::{MarginalKind, law};
use super::regularised::regularise;
use super::shared_information::{State, parts};
use super::{GaussianCopulaModel, GaussianCopulaOptions, GaussianCopulaPreset, Hidden};
use rayon::prelude::*;
use synthfleet_proto::score::Finding;
use synthfleet_proto::{Result, Seed};
use synthfleet_stats::matrix::{cholesky, nearest_correlation};
use synthfleet_stats::normal;
use synthfleet_stats::quantiles::{KNOTS_MAX, Quantiles};
use synthfleet_table::encode::{Coded, Encoded, Sort, normal_scores};
use synthfleet_table::random::Draw;
use synthfleet_table::{Budget, SeedExt};

const JOINT_MAX: usize = 2_000;
const ORDERING_ROWS: usize = 20_000;
const COMPONENT_STEPS: usize = 50;
/// Products for all components together.
const ORDERING_WORK: usize = 2_000_000_000;

pub(super) fn fit(encoded: &Encoded, options: &GaussianCopulaOptions, seed: &Seed, budget: &Budget) -> Result<GaussianCopulaModel> {
    let (rows, width) = (encoded.rows() as u64, encoded.width() as u64);
    budget.claim(rows * width * 9 + width.min(JOINT_MAX as u64).pow(2) * 24)?;
    let is_sdv = options.preset == Some(GaussianCopulaPreset::Sdv);
    let prepare = |place: usize| {
        budget.go_on()?;
        Ok(if is_sdv { as_sdv(encoded, place, seed) } else { prepared(encoded, place, options, budget) })
    };
    let prepared = (0..encoded.width()).into_par_iter().map(prepare).collect::<Result<Vec<(Hidden, Column)>>>()?;
    let (mut hidden, mut columns): (Vec<Hidden>, Vec<Column>) = prepared.into_iter().unzip();
    if !is_sdv {
        order_levels(encoded, &mut hidden, &mut columns, budget)?;
    }
    budget.progress(0.5, "correlation");
    let joint = joint(&columns, budget);
    let columns: Vec<Column> = keep(columns, &joint);
    let size = columns.len();
    let mut correlation = matrix(&columns, budget)?;
    match options.shrinkage {
        Some(share) => shrink(&mut correlation, size, share),
        None if is_sdv => {}
        None => regularise(&mut correlation, &columns.iter().map(Column::reliability).collect::<Vec<_>>(), encoded.rows(), budget)?,
    }
    budget.progress(0.8, "factor");
    let factor = factor(correlation, size);
    let lower = (0..size).flat_map(|row| factor[row * size..row * size + row + 1].to_vec()).collect();
    let states = crate::given::states(encoded.encoder().columns());
    Ok(GaussianCopulaModel { columns: hidden, joint, lower, states })
}

/// Marginal and scores of a coded column; nominal levels in the order of their frequency.
fn prepared(encoded: &Encoded, place: usize, options: &GaussianCopulaOptions, budget: &Budget) -> (Hidden, Column) {
    let column = &encoded.encoder().columns()[place];
    match (&encoded.columns()[place], &column.sort) {
        (Coded::Levels(codes), Sort::Levels { levels, ordered }) => {
            let counts = count(codes, *levels);
            let order = if *ordered { (0..*levels).collect() } else { by_frequency(&counts) };
            let (levels, column) = discrete(codes, &counts, order, column.is_state());
            (Hidden::Levels(levels), column)
        }
        (coded, sort) => {
            let source = &encoded.encoder().coded_metadata().columns[column.source].name;
            let kind = options.columns.get(&column.name).or_else(|| options.columns.get(source)).copied().unwrap_or(options.marginal);
            let (law, column) = numbers(encoded, place, coded.numbers().unwrap_or_default(), sort, kind, budget);
            (Hidden::Value(law), column)
        }
    }
}

fn numbers(encoded: &Encoded, place: usize, all: &[f64], sort: &Sort, kind: MarginalKind, budget: &Budget) -> (Quantiles, Column) {
    let (low, high) = match sort {
        Sort::Value { low, high, .. } => (*low, *high),
        Sort::Levels { .. } => (0.0, 0.0),
    };
    let rows = encoded.regular_rows(place);
    let regular: Vec<f64> = rows.iter().map(|&row| all[row as usize]).collect();
    let mut sorted = regular.clone();
    sorted.sort_unstable_by(f64::total_cmp);
    let fitted = law(kind, &sorted, low, high);
    if fitted.is_none() && !sorted.is_empty() {
        budget.find(Finding {
            code: "marginal_replaced".to_owned(),
            column: Some(encoded.encoder().columns()[place].name.clone()),
            number: None,
            text: "the marginal asked for cannot follow this column; quantiles are used".to_owned(),
        });
    }
    if sorted.is_empty() {
        sorted.push(low);
    }
    let law = fitted.or_else(|| Quantiles::fit(&sorted, KNOTS_MAX)).expect("at least one number");
    let scores = match kind {
        MarginalKind::Empirical => normal_scores(&regular),
        _ => {
            let least = 0.5 / regular.len().max(1) as f64;
            regular.iter().map(|&number| normal::quantile(law.probability(number).clamp(least, 1.0 - least))).collect()
        }
    };
    (law, spread(encoded.rows(), &rows, &scores))
}

/// Scores of some rows in a column of all rows.
fn spread(rows: usize, places: &[u32], scores: &[f64]) -> Column {
    let mut column = Column::of(vec![0.0; rows]);
    places.iter().zip(scores).for_each(|(&row, &score)| column.scores[row as usize] = score as f32);
    if places.len() < rows {
        let mut present = vec![0.0; rows];
        places.iter().for_each(|&row| present[row as usize] = 1.0);
        column.present = Some(present);
    }
    column.parts = parts(&column.scores, column.present.as_deref());
    column
}

/// As SDV does it: beta marginals, each level a uniform number within its share.
fn as_sdv(encoded: &Encoded, place: usize, seed: &Seed) -> (Hidden, Column) {
    let column = &encoded.encoder().columns()[place];
    let (codes, levels) = match (&encoded.columns()[place], &column.sort) {
        (Coded::Levels(codes), Sort::Levels { levels, .. }) => (codes, *levels),
        (coded, sort) => {
            let all = coded.numbers().unwrap_or_default();
            let (law, column) = numbers(encoded, place, all, sort, MarginalKind::Beta, &Budget::quiet(1));
            return (Hidden::Value(law), column);
        }
    };
    let counts = count(codes, levels);
    let order = by_frequency(&counts);
    let mut starts = vec![0.0; counts.len()];
    let mut below = 0.0;
    for &code in &order {
        starts[code as usize] = below;
        below += f64::from(counts[code as usize]) / codes.len() as f64;
    }
    let mut random = seed.child("levels").index(place as u64).rng();
    let mut score = |code: u32| {
        let share = f64::from(counts[code as usize]) / codes.len() as f64;
        normal::quantile((starts[code as usize] + share * random.open_uniform()).clamp(1e-9, 1.0 - 1e-9)) as f32
    };
    let scores = codes.iter().map(|&code| score(code)).collect();
    let (levels, _) = Levels::fit(&counts, order.into_iter());
    (Hidden::Levels(levels), Column::of(scores))
}

fn count(codes: &[u32], levels: u32) -> Vec<u32> {
    let mut counts = vec![0u32; levels as usize];
    codes.iter().for_each(|&code| counts[code as usize] += 1);
    counts
}

fn by_frequency(counts: &[u32]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..counts.len() as u32).collect();
    order.sort_by_key(|&code| (std::cmp::Reverse(counts[code as usize]), code));
    order
}

/// Stretches and scores of levels in an order.
fn discrete(codes: &[u32], counts: &[u32], order: Vec<u32>, is_state: bool) -> (Levels, Column) {
    let (levels, scores) = Levels::fit(counts, order.into_iter());
    let state = if is_state { State::new(codes, &levels, &scores) } else { None };
    let scores_of_rows = codes.iter().map(|&code| scores.of_code[code as usize] as f32).collect();
    (levels, Column { variance: Some(scores.variance), state, ..Column::of(scores_of_rows) })
}

/// Orders nominal levels by their mean on the first principal component of the other columns' scores.
fn order_levels(encoded: &Encoded, hidden: &mut [Hidden], columns: &mut [Column], budget: &Budget) -> Result<()> {
    let nominal = |place: &usize| match encoded.encoder().columns()[*place].sort {
        Sort::Levels { levels, ordered } => !ordered && levels > 2,
        Sort::Value { .. } => false,
    };
    let places: Vec<usize> = (0..columns.len()).filter(nominal).collect();
    if places.is_empty() || columns.len() > JOINT_MAX {
        return Ok(());
    }
    let stride = encoded.rows().div_ceil(ORDERING_ROWS);
    let thin = |scores: &[f32]| scores.iter().copied().step_by(stride).collect::<Vec<f32>>();
    let thinned: Vec<Column> =
        columns.iter().map(|column| Column { present: column.present.as_deref().map(thin), ..Column::of(thin(&column.scores)) }).collect();
    let (correlation, size) = (matrix(&thinned, budget)?, columns.len());
    let start: Vec<f64> = (0..size).map(|i| 1.0 + i as f64 / size as f64).collect();
    let Some(whole) = first_component(&correlation, &start, None, COMPONENT_STEPS) else { return Ok(()) };
    // from the component of all columns, what one of many changes is small
    let steps = (ORDERING_WORK / (size * size * places.len())).clamp(1, COMPONENT_STEPS);
    let reordered = |&place: &usize| -> Result<Option<(usize, Hidden, Column)>> {
        budget.go_on()?;
        let (Some(weights), Coded::Levels(codes)) = (first_component(&correlation, &whole, Some(place), steps), &encoded.columns()[place])
        else {
            return Ok(None);
        };
        let Sort::Levels { levels, .. } = encoded.encoder().columns()[place].sort else { return Ok(None) };
        let mut component = vec![0.0f64; thinned[place].scores.len()];
        for (weight, column) in weights.iter().zip(&thinned) {
            component.iter_mut().zip(&column.scores).for_each(|(sum, &score)| *sum += weight * f64::from(score));
        }
        let mut sums = vec![(0.0, 0u32); levels as usize];
        for (&code, value) in codes.iter().step_by(stride).zip(&component) {
            let (sum, seen) = &mut sums[code as usize];
            (*sum, *seen) = (*sum + value, *seen + 1);
        }
        let mean = |code: u32| sums[code as usize].0 / f64::from(sums[code as usize].1.max(1));
        let mut order: Vec<u32> = (0..levels).collect();
        order.sort_by(|&a, &b| mean(a).total_cmp(&mean(b)).then(a.cmp(&b)));
        let (levels, column) = discrete(codes, &count(codes, levels), order, encoded.encoder().columns()[place].is_state());
        Ok(Some((place, Hidden::Levels(levels), column)))
    };
    for (place, levels, column) in places.par_iter().map(reordered).collect::<Result<Vec<_>>>()?.into_iter().flatten() {
        (hidden[place], columns[place]) = (levels, column);
    }
    Ok(())
}

/// Places of the columns that may depend on each other: all, or the 2,000 most tied to the first component.
fn joint(columns: &[Column], budget: &Budget) -> Vec<u32> {
    let all: Vec<u32> = (0..columns.len() as u32).collect();
    if columns.len() <= JOINT_MAX {
        return all;
    }
    let rows = columns[0].scores.len();
    let mut component = vec![1.0f64; rows];
    component.iter_mut().enumerate().for_each(|(row, value)| *value += row as f64 / rows as f64);
    let mut ties = vec![0.0; columns.len()];
    for _ in 0..10 {
        let tie = |column: &Column| column.scores.iter().zip(&component).map(|(&score, value)| f64::from(score) * value).sum::<f64>();
        ties = columns.par_iter().map(tie).collect();
        component = vec![0.0; rows];
        for (column, weight) in columns.iter().zip(&ties) {
            component.iter_mut().zip(&column.scores).for_each(|(sum, &score)| *sum += weight * f64::from(score));
        }
        let length = component.iter().map(|x| x * x).sum::<f64>().sqrt().max(1e-300);
        component.iter_mut().for_each(|x| *x /= length);
    }
    let mut kept = all;
    kept.sort_by(|&a, &b| ties[b as usize].abs().total_cmp(&ties[a as usize].abs()).then(a.cmp(&b)));
    kept.truncate(JOINT_MAX);
    kept.sort_unstable();
    budget.find(Finding {
        code: "drawn_independently".to_owned(),
        column: None,
        number: Some((columns.len() - JOINT_MAX) as f64),
        text: format!("{} coded columns beyond {JOINT_MAX} are drawn independently", columns.len() - JOINT_MAX),
    });
    kept
}

fn keep(columns: Vec<Column>, joint: &[u32]) -> Vec<Column> {
    let mut wanted = joint.iter().peekable();
    let is_wanted =
        |place: usize, wanted: &mut std::iter::Peekable<std::slice::Iter<u32>>| wanted.next_if(|&&next| next as usize == place).is_some();
    columns.into_iter().enumerate().filter_map(|(place, column)| is_wanted(place, &mut wanted).then_some(column)).collect()
}

/// Moves a correlation matrix towards the identity.
fn shrink(correlation: &mut [f64], size: usize, share: f64) {
    correlation.iter_mut().enumerate().filter(|(place, _)| place % (size + 1) != 0).for_each(|(_, cell)| *cell *= 1.0 - share);
}

/// Columns up to which the nearest correlation matrix is found by its eigenvalues.
const EIGEN_MAX: usize = 256;

/// The Cholesky factor of the nearest correlation matrix; of wide matrices, whose eigenvalues cost too
/// much, that of the matrix shrunk by tenths until it has one.
fn factor(mut correlation: Vec<f64>, size: usize) -> Vec<f64> {
    if size <= EIGEN_MAX {
        return nearest_correlation(&correlation, size).1;
    }
    loop {
        if let Some(lower) = cholesky(&correlation, size) {
            return lower;
        }
        shrink(&mut correlation, size, 0.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::tables;
    use std::sync::Arc;
    use synthfleet_table::encode::{Encoder, Protection};

    fn fitted(table: &synthfleet_table::Table) -> GaussianCopulaModel {
        let (seed, budget) = (Seed::shared(0), Budget::quiet(2));
        let encoder = Arc::new(Encoder::fit(table, Protection::On, &seed, &budget).expect("fits"));
        fit(&encoder.encode(table).expect("codes"), &GaussianCopulaOptions::default(), &seed, &budget).expect("fits")
    }

    fn correlation(model: &GaussianCopulaModel, a: usize, b: usize) -> f64 {
        let row = |i: usize| &model.lower[i * (i + 1) / 2..(i + 1) * (i + 2) / 2];
        row(a).iter().zip(row(b)).map(|(x, y)| x * y).sum()
    }

    #[test]
    fn the_true_correlations_come_back_from_50_000_rows() {
        // numbers, thresholded columns of 2 and 5 ordered levels, all from one known normal law
        let (table, truth) = tables::hidden_normals(50_000, 11);
        let model = fitted(&table);
        for (a, row) in truth.iter().enumerate() {
            for (b, known) in row.iter().enumerate().take(a) {
                let found = correlation(&model, a, b);
                assert!((found - known).abs() <= 0.02, "{a} {b}: {found} for {known}");
            }
        }
    }

    #[test]
    fn columns_beyond_the_limit_are_told() {
        let column = |shift: usize| Column::of((0..40).map(|row| ((row * (shift + 3)) % 7) as f32 - 3.0).collect());
        let (columns, budget): (Vec<Column>, _) = ((0..2_010).map(column).collect(), Budget::quiet(1));
        let joint = joint(&columns, &budget);
        assert_eq!((joint.len(), budget.take_findings().len()), (2_000, 1));
        assert_eq!(keep(columns, &joint).len(), 2_000);
    }
}
