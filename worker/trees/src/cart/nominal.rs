//! The order in which nominal levels are cut.

use super::Predictor;

/// Classes that enter the principal component; rarer ones count as one.
const CLASSES_MAX: usize = 64;
/// Steps of the power iteration.
const STEPS: usize = 20;

/// Levels by the mean of their rows, then by code.
pub(super) fn order_by_mean(predictor: &Predictor<'_>, rows: &[u32], numbers: &[f64], present: Vec<u16>, counts: &[u32]) -> Vec<u16> {
    let mut sums = vec![0.0; predictor.bins as usize];
    rows.iter().for_each(|&row| sums[usize::from(predictor.codes[row as usize])] += numbers[row as usize]);
    let mean = |level: u16| sums[usize::from(level)] / f64::from(counts[usize::from(level)]);
    sorted(present, mean)
}

/// Levels by the rate of class 1 (two classes), or by their place on the first principal component of
/// class rates, weighted by level size; then by code.
pub(super) fn order_by_classes(
    predictor: &Predictor<'_>,
    rows: &[u32],
    codes: &[u32],
    classes: u32,
    present: Vec<u16>,
    counts: &[u32],
) -> Vec<u16> {
    let kept = commonest(rows, codes, classes);
    let width = kept.width;
    let mut slot = vec![usize::MAX; predictor.bins as usize];
    present.iter().enumerate().for_each(|(place, &level)| slot[usize::from(level)] = place);
    let mut rates = vec![0.0; present.len() * width];
    for &row in rows {
        let place = slot[usize::from(predictor.codes[row as usize])];
        rates[place * width + kept.column(codes[row as usize])] += 1.0;
    }
    let sizes: Vec<f64> = present.iter().map(|&level| f64::from(counts[usize::from(level)])).collect();
    for (rates, size) in rates.chunks_exact_mut(width).zip(&sizes) {
        rates.iter_mut().for_each(|rate| *rate /= size);
    }
    let places: Vec<f64> =
        if width <= 2 { rates.chunks_exact(width).map(|rates| rates[width - 1]).collect() } else { principal(&mut rates, &sizes, width) };
    sorted(present, |level| places[slot[usize::from(level)]])
}

/// Which column of the rate matrix a class has.
struct Kept {
    columns: Vec<u32>,
    width: usize,
}

impl Kept {
    fn column(&self, class: u32) -> usize {
        self.columns[class as usize] as usize
    }
}

/// The classes of a node, commonest first if there are too many; those beyond share the last column.
fn commonest(rows: &[u32], codes: &[u32], classes: u32) -> Kept {
    if classes as usize <= 2 {
        return Kept { columns: (0..classes).collect(), width: classes as usize };
    }
    let mut counts = vec![0u32; classes as usize];
    rows.iter().for_each(|&row| counts[codes[row as usize] as usize] += 1);
    let mut present: Vec<u32> = (0..classes).filter(|&class| counts[class as usize] > 0).collect();
    if present.len() > CLASSES_MAX {
        present.sort_by_key(|&class| (std::cmp::Reverse(counts[class as usize]), class));
    }
    let width = present.len().min(CLASSES_MAX);
    let mut columns = vec![width as u32 - 1; classes as usize];
    present.iter().enumerate().for_each(|(place, &class)| columns[class as usize] = place.min(width - 1) as u32);
    Kept { columns, width }
}

/// Each level's place on the first principal component: centre by weighted means, then power iteration
/// from the vector of class means. `rates`: `[levels, width]`.
fn principal(rates: &mut [f64], sizes: &[f64], width: usize) -> Vec<f64> {
    let total: f64 = sizes.iter().sum();
    let mut mean = vec![0.0; width];
    for (rates, size) in rates.chunks_exact(width).zip(sizes) {
        mean.iter_mut().zip(rates).for_each(|(mean, rate)| *mean += size * rate / total);
    }
    rates.chunks_exact_mut(width).for_each(|rates| rates.iter_mut().zip(&mean).for_each(|(rate, mean)| *rate -= mean));
    let mut axis = mean;
    let mut places = vec![0.0; sizes.len()];
    for _ in 0..STEPS {
        project(rates, &axis, &mut places);
        let mut next = vec![0.0; width];
        for ((rates, size), place) in rates.chunks_exact(width).zip(sizes).zip(&places) {
            next.iter_mut().zip(rates).for_each(|(next, rate)| *next += size * place * rate);
        }
        let norm = next.iter().map(|x| x * x).sum::<f64>().sqrt();
        if norm <= 1e-300 {
            break;
        }
        axis.iter_mut().zip(&next).for_each(|(axis, next)| *axis = next / norm);
    }
    project(rates, &axis, &mut places);
    places
}

fn project(rates: &[f64], axis: &[f64], places: &mut [f64]) {
    for (place, rates) in places.iter_mut().zip(rates.chunks_exact(axis.len())) {
        *place = rates.iter().zip(axis).map(|(rate, axis)| rate * axis).sum();
    }
}

fn sorted(mut levels: Vec<u16>, key: impl Fn(u16) -> f64) -> Vec<u16> {
    levels.sort_by(|&a, &b| key(a).total_cmp(&key(b)).then(a.cmp(&b)));
    levels
}
