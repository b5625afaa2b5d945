//! Tables as what learners take: bins for trees, numbers and levels for linear models. An encoder learns from
//! one set of rows and then encodes any.

pub mod binned;
pub mod grain;
pub mod linear;
