//! Where the rounds stand between two of them, and how that waits in a state for a later attempt.

use synthfleet_proto::{Error, Result};
use synthfleet_table::Arrays;

/// What a round asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Round {
    /// Place of the chosen candidate among those that were small enough.
    pub(super) place: u32,
    /// Its place among all.
    pub(super) candidate: u32,
    /// Noise of its counts.
    pub(super) sigma: f64,
    /// Loss of the choice.
    pub(super) epsilon: f64,
}

/// All that the next round needs and that cannot be asked again for nothing.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reached {
    pub(super) asked: Vec<Round>,
    /// Noise and loss of the next round.
    pub(super) sigma: f64,
    pub(super) epsilon: f64,
    pub(super) is_open: bool,
    /// Of the network, in one row.
    pub(super) parameters: Vec<f64>,
    pub(super) step: f64,
    /// Errors of all candidates, sealed by the ledger.
    pub(super) errors: Vec<i64>,
}

impl Reached {
    /// Stores itself.
    pub(super) fn save(&self, arrays: &mut Arrays) {
        arrays.put_u32("rounds", self.asked.iter().flat_map(|round| [round.place, round.candidate]).collect::<Vec<_>>());
        arrays.put_f64("widths", self.asked.iter().flat_map(|round| [round.sigma, round.epsilon]).collect::<Vec<_>>());
        arrays.put_u32("open", vec![u32::from(self.is_open)]);
        arrays.put_f64("next", vec![self.sigma, self.epsilon, self.step]);
        arrays.put_f64("parameters", self.parameters.clone());
        arrays.put_i64("errors", self.errors.clone());
    }

    /// Reads what [`Reached::save`] stored.
    pub(super) fn load(arrays: &Arrays) -> Result<Self> {
        let (places, no_place) = arrays.u32s("rounds")?.as_chunks::<2>();
        let (widths, no_width) = arrays.f64s("widths")?.as_chunks::<2>();
        let (&[is_open @ 0..=1], &[sigma, epsilon, step]) = (arrays.u32s("open")?, arrays.f64s("next")?) else { return Err(damaged()) };
        if places.len() != widths.len() || !no_place.is_empty() || !no_width.is_empty() {
            return Err(damaged());
        }
        let round = |(&[place, candidate], &[sigma, epsilon]): (&[u32; 2], &[f64; 2])| Round { place, candidate, sigma, epsilon };
        Ok(Self {
            asked: places.iter().zip(widths).map(round).collect(),
            sigma,
            epsilon,
            is_open: is_open == 1,
            parameters: arrays.f64s("parameters")?.to_vec(),
            step,
            errors: arrays.i64s("errors")?.to_vec(),
        })
    }
}

fn damaged() -> Error {
    Error::data("model::damaged", "a state holds what no fit leaves")
}
