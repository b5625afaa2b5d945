//! Special functions, marginals, correlation, information, ranks, sums of fixed order. Numbers in, numbers
//! out; they never heard of a job.

pub mod alias;
pub mod auc;
pub mod information;
pub mod matrix;
pub mod normal;
pub mod quantiles;
