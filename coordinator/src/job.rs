//! A job as a function of which facts exist: `fold` reads them in any order, `step` says what to do next.
//! Neither reads a clock, does I/O or draws anything.

pub mod size;
mod step;
mod view;
mod waits;

pub use step::{DEADLINE, Effect, Event, INTERRUPTED, NewFact, Rules, step};
pub use view::{Attempt, Fact, Known, Phase, View};

/// The view of some facts, in whatever order they come and however often.
pub fn fold(facts: impl IntoIterator<Item = Fact>) -> View {
    facts.into_iter().fold(View::default(), View::with)
}

#[cfg(test)]
mod tests;
