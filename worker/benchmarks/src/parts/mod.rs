//! What several benchmarks compute alike.

pub mod association;
pub mod bins;
pub mod each;
pub mod histogram;
pub mod joint;
pub mod marginal;
pub mod matrix;
pub mod pairs;
pub mod quantile_codes;
pub mod side;
pub mod tables;
pub mod univariate;
