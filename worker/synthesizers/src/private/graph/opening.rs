//! What the members with concentrated privacy do first: bill, domain, one-way counts.
//!
//! **Split.** A tenth of rho buys the ranges that nobody declared, if there are any; the member says which
//! part of the rest buys one-way counts, all of equal variance. Labels that nobody declared are measured
//! at that variance while the domain is bought, and are not measured again: their noisy counts are the
//! one-way counts. What hides behind the level of all other labels is not counted at all.

use super::estimation::Measurement;
use crate::private::domain::{Width, Wish};
use crate::private::{Claim, Coding, Domain, Guarded, Ledger, Private};
use synthfleet_proto::Result;
use synthfleet_table::Budget;

const BINS: usize = 32;
const RANGES_SHARE: f64 = 0.1;
/// Greatest chance that a label of a single row is shown.
const DELTA_MAX: f64 = 0.25;

/// What the rest of a fit goes on from.
pub(crate) struct Opening {
    /// The bill so far.
    pub(crate) ledger: Ledger,
    /// The domain.
    pub(crate) domain: Domain,
    /// The rows in the domain.
    pub(crate) coding: Private<Coding>,
    /// Levels of each code column.
    pub(crate) sizes: Vec<usize>,
    /// Names of the code columns.
    pub(crate) names: Vec<String>,
    /// One-way counts, `[code columns]`.
    pub(crate) ones: Vec<Measurement>,
    /// Concentrated loss without that of ranges.
    pub(crate) rho: f64,
}

/// Opens the bill and buys domain and one-way counts. `share`: which part of rho, ranges apart, all one-way
/// counts may cost.
pub(crate) fn open(guarded: &Guarded, epsilon: f64, delta: Option<f64>, share: f64, budget: &Budget) -> Result<Opening> {
    let delta = guarded.delta(delta)?;
    let (ranges, labels) = (guarded.undeclared_ranges().len(), guarded.undeclared_labels().len());
    let claim = Claim::concentrated(epsilon, delta, labels > 0);
    let ranges_rho = if ranges > 0 { RANGES_SHARE * claim.total() } else { 0.0 };
    let rho = claim.total() - ranges_rho;
    let planned = guarded.modelled().max(1);
    let ones_rho = share * rho;
    let wish = Wish {
        bins: BINS,
        centres: false,
        widened: 0.0,
        ranges: Width::Gaussian(width_of(ranges_rho, ranges)),
        labels_sigma: width_of(ones_rho, planned),
        // of a handful of rows delta itself tells nothing any more
        labels_delta: (claim.labels_delta() / labels.max(1) as f64).min(DELTA_MAX),
    };
    let mut ledger = guarded.ledger(claim);
    let domain = Domain::measure(guarded, &mut ledger, &wish, budget)?;
    let coding = domain.code(guarded)?;
    let sizes: Vec<usize> = coding.levels().iter().map(|&levels| levels as usize).collect();
    let names: Vec<String> =
        domain.codes().columns().iter().map(|column| domain.encoder().columns()[column.parts.start].name.clone()).collect();
    // a date has more than one code column: those without counts share what is left for one-way counts
    let unmeasured = sizes.len() - domain.measured().len();
    let sigma = width_of(ones_rho - labels as f64 * ones_rho / planned as f64, unmeasured);
    let mut ones = Vec::with_capacity(sizes.len());
    for (column, name) in names.iter().enumerate() {
        budget.go_on()?;
        ones.push(match domain.measured().iter().find(|measured| measured.column == column) {
            Some(known) => {
                let precision = |count: &Option<i64>| if count.is_some() { 1.0 / (known.sigma * known.sigma) } else { 0.0 };
                Measurement {
                    columns: vec![column],
                    counts: known.counts.iter().map(|count| count.unwrap_or(0) as f64).collect(),
                    precisions: known.counts.iter().map(precision).collect(),
                }
            }
            None => Measurement::of(
                vec![column],
                &ledger.gaussian_counts(&coding.counts(&[column]), sigma, &format!("counts of {name:?}"))?,
                sigma,
            ),
        });
    }
    Ok(Opening { ledger, domain, coding, sizes, names, ones, rho })
}

/// The noise at which `questions` together cost `rho`.
pub(crate) fn width_of(rho: f64, questions: usize) -> f64 {
    (questions as f64 / (2.0 * rho)).sqrt()
}
