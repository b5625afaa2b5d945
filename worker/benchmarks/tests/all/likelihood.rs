//! Likelihood: published values of the seven simulated sets, and what the scores must and must not do.

mod behaviour;
mod golden;
mod sets;
