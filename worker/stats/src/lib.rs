//! Special functions, marginals, correlation, information, ranks, sums of fixed order. Numbers in, numbers
//! out; they never heard of a job.

pub mod alias;
pub mod auc;
pub mod beta;
pub mod correlation;
pub mod exponentials;
pub mod gamma;
pub mod information;
mod inverse;
pub mod matrix;
pub mod means;
pub mod mixture;
pub mod normal;
pub mod quantiles;
pub mod rates;
pub mod sums;
