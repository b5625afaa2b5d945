//! Plans, folds, dispatches, judges and publishes. Sees profiles and scores, never a row.
//!
//! `plan`, `job`, `dispatch` and `reconcile` are pure: they say what to do. `service` is the only loop and
//! does it. The store is the only truth, so any number of coordinators may run and any may die.

mod afterwards;
pub mod api;
pub mod auth;
pub mod callback;
pub mod catalogue;
mod command;
mod compare;
pub mod deliver;
pub mod dispatch;
mod drift;
mod facts;
pub mod fleet;
mod heavy;
pub mod intake;
pub mod job;
pub mod judgement;
pub mod metrics;
mod outward;
pub mod plan;
pub mod publish;
pub mod reconcile;
pub mod results;
pub mod retain;
pub mod reuse;
pub mod service;
pub mod verdict;

#[cfg(test)]
mod testing;

pub use catalogue::Catalogue;
pub use deliver::{check_folder, deliver};
pub use fleet::{Fleet, Roster};
pub use intake::{Asked, Desk, Submitted, resubmit, submit};
pub use service::{Handle, Options, Parts, Service};
