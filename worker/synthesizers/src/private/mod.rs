//! What the members with differential privacy share.

pub(crate) mod graph;
