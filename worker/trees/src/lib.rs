//! Histogram trees: single trees and boosting. Numbers in, numbers out; they never heard of a job.

pub mod boost;
pub mod cart;
pub mod exponential;
