//! The battery over every broker, and what only one kind of broker can show.

mod battery;
mod deployment;
mod fleet;
mod moto;
mod own;
mod probe;
mod prune;
mod sessions;
mod simulated;
mod sqs;
