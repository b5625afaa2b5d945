//! Outcomes to report, card and plots: pure functions of numbers. No row is decoded here.

pub mod number;
pub mod plots;
pub mod scale;
