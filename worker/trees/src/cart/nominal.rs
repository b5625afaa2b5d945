//! The order in which nominal levels are cut.

/// Classes that enter the principal component; rarer ones count as one.
const CLASSES_MAX: usize = 64;
/// Steps of the power iteration.
const STEPS: usize = 20;

/// Levels by the rate of the last class (two columns), or by their place on the first principal component
/// of class rates, weighted by level size; then by code. `rates`: `[levels, width]`.
pub(super) fn order_by_rates(present: Vec<u16>, sizes: &[f64], mut rates: Vec<f64>, width: usize) -> Vec<u16> {
    let places = match width {
        0..=2 => rates.chunks_exact(width.max(1)).map(|rates| rates[rates.len() - 1]).collect(),
        _ => principal(&mut rates, sizes, width),
    };
    let mut order: Vec<(f64, u16)> = places.into_iter().zip(present).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    order.into_iter().map(|(_, level)| level).collect()
}

/// Which column of the rate matrix each class has.
#[derive(Default)]
pub(super) struct Columns {
    of_class: Vec<u32>,
    width: usize,
}

impl Columns {
    /// The classes that occur have columns, the commonest ones if there are too many; others share the last.
    pub(super) fn of(totals: &[u32]) -> Self {
        if totals.len() <= 2 {
            return Self { of_class: (0..totals.len() as u32).collect(), width: totals.len() };
        }
        let mut present: Vec<u32> = (0..totals.len() as u32).filter(|&class| totals[class as usize] > 0).collect();
        if present.len() > CLASSES_MAX {
            present.sort_by_key(|&class| (std::cmp::Reverse(totals[class as usize]), class));
        }
        let width = present.len().min(CLASSES_MAX);
        let mut of_class = vec![width.saturating_sub(1) as u32; totals.len()];
        present.iter().enumerate().for_each(|(place, &class)| of_class[class as usize] = place.min(width - 1) as u32);
        Self { of_class, width }
    }

    pub(super) fn of_class(&self, class: usize) -> usize {
        self.of_class[class] as usize
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }
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

/// Levels by a key, then by code.
pub(super) fn sorted(mut levels: Vec<u16>, key: impl Fn(u16) -> f64) -> Vec<u16> {
    levels.sort_by(|&a, &b| key(a).total_cmp(&key(b)).then(a.cmp(&b)));
    levels
}
