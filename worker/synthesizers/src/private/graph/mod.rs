//! Markov networks over coded columns, fitted to noisy counts. Sees counts only, never a row.

pub(crate) mod estimation;
pub(crate) mod query;
pub(crate) mod sampling;
pub(crate) mod scope;
pub(crate) mod tree;
pub(crate) mod triangulation;
