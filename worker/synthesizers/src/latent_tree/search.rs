//! Where the search for the best laws stands: what earlier fits found, and how that and a fit under way wait in a
//! state for a later attempt.

use super::fit::GAP_MAX;
use super::parameters::{Layout, Node, Parameters};
use super::training::{Run, Trained};
use synthfleet_proto::{Error, Result};
use synthfleet_table::Arrays;

/// What the fits before the one under way found.
#[derive(Default)]
pub(super) struct Search {
    /// Fits that are made: all starts of a number of states, then those of the next.
    pub(super) fit: u32,
    /// The best of fewer states.
    best: Option<Trained>,
    /// The best start of as many states.
    here: Option<Trained>,
}

impl Search {
    /// Whether there are laws at all.
    pub(super) fn has_any(&self) -> bool {
        self.best.is_some() || self.here.is_some()
    }

    /// A further start.
    pub(super) fn meet(&mut self, trained: Trained) {
        if self.here.as_ref().is_none_or(|here| trained.validation > here.validation) {
            self.here = Some(trained);
        }
    }

    /// All starts of a number of states are made; whether they are better than fewer states.
    pub(super) fn settle(&mut self) -> bool {
        let helps = match (&self.best, &self.here) {
            (Some(best), Some(here)) => here.validation > best.validation && here.gap() <= GAP_MAX,
            (_, here) => here.is_some(),
        };
        let here = self.here.take();
        if helps {
            self.best = here;
        }
        helps
    }

    /// The best of all; `is_cut`: further fits would have followed.
    pub(super) fn end(self, is_cut: bool) -> Result<Trained> {
        let best = self.best.ok_or_else(|| Error::internal("encode::broken", "a search found no laws"))?;
        Ok(Trained { stopped: is_cut, ..best })
    }

    /// Stores itself and the fit under way.
    pub(super) fn save(&self, run: &Run, arrays: &mut Arrays) {
        arrays.put_u32("run", vec![self.fit, run.parameters.states as u32, run.steps, run.epochs, run.batch, run.since_best]);
        arrays.put_f64("run/counts", run.counts.clone());
        arrays.put_f32("run/parameters", run.parameters.numbers());
        arrays.put_f32("run/best", run.best.numbers());
        arrays.put_f64("run/density", vec![run.density]);
        for (name, trained) in [("best", &self.best), ("here", &self.here)] {
            if let Some(trained) = trained {
                arrays.put_u32(name, vec![trained.parameters.states as u32, trained.epochs]);
                arrays.put_f64(&format!("{name}/densities"), vec![trained.train, trained.validation]);
                arrays.put_f32(&format!("{name}/parameters"), trained.parameters.numbers());
            }
        }
    }

    /// Reads what [`Search::save`] stored, for a search that tries these numbers of states.
    pub(super) fn load(arrays: &Arrays, nodes: &[Node], tried: &[usize], starts: u32) -> Result<(Self, Run)> {
        let &[fit, states, steps, epochs, batch, since_best] = arrays.u32s("run")? else { return Err(damaged()) };
        let states = states as usize;
        if tried.get((fit / starts.max(1)) as usize) != Some(&states) {
            return Err(damaged());
        }
        let parameters = |name: &str, states: usize| Parameters::of_numbers(nodes, states, arrays.f32s(name)?).ok_or_else(damaged);
        let counts = arrays.f64s("run/counts")?.to_vec();
        let &[density] = arrays.f64s("run/density")? else { return Err(damaged()) };
        if counts.len() != Layout::of(nodes, states).length || !counts.iter().all(|count| count.is_finite()) {
            return Err(damaged());
        }
        let trained = |name: &str| -> Result<Option<Trained>> {
            if !arrays.contains(name) {
                return Ok(None);
            }
            let (&[states, epochs], &[train, validation]) = (arrays.u32s(name)?, arrays.f64s(&format!("{name}/densities"))?) else {
                return Err(damaged());
            };
            if !tried.contains(&(states as usize)) {
                return Err(damaged());
            }
            let parameters = parameters(&format!("{name}/parameters"), states as usize)?;
            Ok(Some(Trained { parameters, train, validation, epochs, stopped: false }))
        };
        let search = Self { fit, best: trained("best")?, here: trained("here")? };
        let (own, best) = (parameters("run/parameters", states)?, parameters("run/best", states)?);
        Ok((search, Run { counts, parameters: own, steps, epochs, batch, best, density, since_best }))
    }
}

fn damaged() -> Error {
    Error::data("model::damaged", "a state holds what no fit leaves")
}
