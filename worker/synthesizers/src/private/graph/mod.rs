//! Markov networks over coded columns, fitted to noisy counts.

pub(crate) mod estimation;
pub mod model;
pub(crate) mod opening;
pub(crate) mod query;
pub(crate) mod sampling;
pub(crate) mod scope;
pub(crate) mod tree;
pub(crate) mod triangulation;
