//! The verdict: facts about gates, failures, order and replicates, each a small job that says one thing; golden cases.

mod build;
mod calibration;
mod failures;
mod gates;
mod golden;
mod order;
mod replicates;
mod research;
