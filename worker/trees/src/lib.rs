//! Histogram trees: single trees, forests, boosting, boosted stumps. Numbers in, numbers out; they never heard of a job.

pub mod adaboost;
pub mod boost;
pub mod cart;
pub mod exponential;
pub mod forest;
