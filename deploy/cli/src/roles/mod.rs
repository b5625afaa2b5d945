//! One file a role of the process: what is wired with what.

pub mod embedded;
pub mod parts;
