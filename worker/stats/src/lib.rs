//! Special functions, marginals, correlation, information, ranks, sums of fixed order. Numbers in, numbers
//! out; they never heard of a job.

pub mod auc;
pub mod normal;
