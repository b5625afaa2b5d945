//! Number tables: rows under mixtures of holdout, and holdout rows under mixtures of the sample.

mod points;
mod reference;

use super::LikelihoodOptions;
use super::form::OfNumbers;
use super::outcome::{Defined, Measured, Sides, enough, reason};
use super::rows::{Caps, mean};
use super::truth::{Truth, described};
use crate::folds::Estimate;
use crate::member::{Case, Real};
use crate::parts::each::each;
use points::{Rows, Scale};
pub use reference::Reference;
use serde_json::{Value, json};
use synthfleet_laws::Mixture as Exact;
use synthfleet_proto::{Result, Seed};
use synthfleet_stats::mixture::Mixture;
use synthfleet_table::Budget;

/// Starts of each size of mixture.
const STARTS: usize = 3;

/// Mixtures of every size, the starts of a size side by side, `[sizes x starts]`.
type Mixtures = Vec<Mixture>;

/// What does not depend on the sample, for a sample of as many rows as train.
pub fn prepare(real: &Real, posed: &OfNumbers, options: &LikelihoodOptions, caps: &Caps, budget: &Budget) -> Result<Reference> {
    let sides = RealSides::of(real, posed, caps);
    let rows = sides.train.len();
    sides.reference(rows, real, options, budget)
}

/// Measures a sample of numbers.
pub fn measure(case: &Case, posed: &OfNumbers, options: &LikelihoodOptions, caps: &Caps, seed: &Seed, budget: &Budget) -> Result<Measured> {
    let real = RealSides::of(&case.real, posed, caps);
    budget.go_on()?;
    let folds = [seed.child("sample"), case.real.shared.child("train"), case.real.shared.child("holdout")];
    let sample = Rows::of(&case.sample, posed, &real.scale).capped(real.train.len().min(caps.rows), &folds[0]);
    let rows = sample.len().min(real.train.len());
    let reference = match Reference::load(&case.prepared, options, [real.train.len(), real.holdout.len(), posed.places.len()]) {
        Some(reference) if rows == real.train.len() => reference,
        _ => real.reference(rows, &case.real, options, budget)?,
    };
    let of_sample = fits(&sample, &case.real.shared, options, budget)?;
    let s_rows = log_densities(&reference.of_holdout, &sample, options, budget)?;
    let t_rows = log_densities(&of_sample, &real.holdout, options, budget)?;
    let least = options.components.iter().copied().max().unwrap_or_default();
    let has_holdout = enough(real.holdout.len(), least, "holdout");
    let has_both = has_holdout.and_then(|()| enough(rows, least, "sample and train"));
    let side = |logs: &[Vec<f64>], folds: &Seed| -> Defined {
        has_both.clone().map(|()| {
            let scaled = mean(&average(logs), folds);
            Estimate::combine(|at| at(&scaled) - real.scale.log_volume)
        })
    };
    let s = Sides { sample: side(&s_rows, &folds[0]), reference: side(&reference.s_rows, &folds[1]) };
    let t = Sides { sample: side(&t_rows, &folds[2]), reference: side(&reference.t_rows, &folds[2]) };
    let mut details = json!({
        "rows": { "sample": sample.len(), "train": real.train.len(), "holdout": real.holdout.len() },
        "dropped": { "sample": sample.dropped, "train": real.train.dropped, "holdout": real.holdout.dropped },
    });
    let sides = [&s_rows, &reference.s_rows, &t_rows, &reference.t_rows];
    details["components"] = by_size(options, sides, real.scale.log_volume, has_both.is_ok());
    let truth = match &posed.law {
        None => Err(reason("not_applicable", "the true law of the rows is not known")),
        Some(law) => {
            let (of_sample, of_holdout) = (densities(law, &sample), densities(law, &real.holdout));
            details["truth"] = json!({ "sample": described(&of_sample), "reference": described(&of_holdout) });
            enough(sample.len(), 1, "sample").map(|()| Truth::of(&of_sample, &folds[0]))
        }
    };
    Ok(Measured { form: "gaussian", s, t, truth, details })
}

/// Complete rows of train and holdout.
struct RealSides {
    scale: Scale,
    train: Rows,
    holdout: Rows,
}

impl RealSides {
    fn of(real: &Real, posed: &OfNumbers, caps: &Caps) -> Self {
        let scale = if posed.law.is_some() { Scale::none(posed.places.len()) } else { Scale::of(&real.train, &posed.places) };
        let train = Rows::of(&real.train, posed, &scale).capped(caps.rows, &real.shared.child("train"));
        let holdout = Rows::of(&real.holdout, posed, &scale).capped(caps.rows, &real.shared.child("holdout"));
        Self { scale, train, holdout }
    }

    /// What honest rows get in the place of a sample of `rows` rows.
    fn reference(&self, rows: usize, real: &Real, options: &LikelihoodOptions, budget: &Budget) -> Result<Reference> {
        let of_holdout = fits(&self.holdout, &real.shared, options, budget)?;
        let of_train = fits(&self.train.capped(rows, &real.shared.child("train")), &real.shared, options, budget)?;
        let s_rows = log_densities(&of_holdout, &self.train, options, budget)?;
        let t_rows = log_densities(&of_train, &self.holdout, options, budget)?;
        Ok(Reference { of_holdout, s_rows, t_rows })
    }
}

/// Mixtures of every size from every start; none if there are too few rows for the largest.
fn fits(rows: &Rows, shared: &Seed, options: &LikelihoodOptions, budget: &Budget) -> Result<Mixtures> {
    let Some(points) = rows.points() else { return Ok(Vec::new()) };
    let jobs = options.components.len() * STARTS;
    let fitted = each(budget, jobs, |job| {
        let start = shared.child("start").index((job % STARTS) as u64).number();
        Mixture::fit_while(points, options.components[job / STARTS], start, |_| budget.go_on())
    })?;
    Ok(fitted.into_iter().collect::<Option<Mixtures>>().unwrap_or_default())
}

/// Log density of each row, averaged over the starts of a size, `[sizes][rows]`; nothing without mixtures or rows.
fn log_densities(mixtures: &[Mixture], rows: &Rows, options: &LikelihoodOptions, budget: &Budget) -> Result<Vec<Vec<f64>>> {
    let Some(points) = rows.points().filter(|_| !mixtures.is_empty()) else { return Ok(vec![Vec::new(); options.components.len()]) };
    let by_mixture =
        each(budget, mixtures.len(), |place| Ok(points.iter().map(|point| mixtures[place].log_density(point)).collect::<Vec<f64>>()))?;
    Ok(by_mixture.chunks(STARTS).map(average).collect())
}

/// The mean of lists of equal length, place by place.
fn average(lists: &[Vec<f64>]) -> Vec<f64> {
    let length = lists.first().map_or(0, Vec::len);
    (0..length).map(|place| lists.iter().map(|list| list[place]).sum::<f64>() / lists.len() as f64).collect()
}

fn densities(law: &Exact, rows: &Rows) -> Vec<f64> {
    rows.iter().map(|point| libm::exp(law.log_density([point[0], point[1]]))).collect()
}

/// S and T of each size of mixture.
fn by_size(options: &LikelihoodOptions, sides: [&Vec<Vec<f64>>; 4], log_volume: f64, defined: bool) -> Value {
    let mean = |logs: &[f64]| {
        let value = logs.iter().sum::<f64>() / logs.len() as f64 - log_volume;
        (defined && value.is_finite()).then_some(value)
    };
    let entry = |(size, components): (usize, &usize)| {
        let [s, s_reference, t, t_reference] = sides.map(|side| mean(&side[size]));
        json!({ "components": components, "s": s, "s_reference": s_reference, "t": t, "t_reference": t_reference })
    };
    options.components.iter().enumerate().map(entry).collect()
}
