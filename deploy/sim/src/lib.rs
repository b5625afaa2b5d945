//! The coordinator's own code (fold, planning, dispatch, windows, reconciling, judging, publishing) at the scale of ten
//! thousand slots, in one thread on virtual time, over a store and a broker that count; and what such a fleet costs.
//!
//! Real: everything of `synthfleet-coordinator`, the broker of one process, the rules of attempts, every fact and every
//! message with its bytes. Simulated: what a task computes, how long store and broker take, and who dies.

mod audit;
mod away;
mod broker;
pub mod cost;
pub mod draw;
mod ground;
mod members;
mod report;
mod scale;
pub mod settings;
mod store;
mod tally;
mod timed;
mod weather;
mod worker;

pub use report::Report;
pub use scale::scale;
