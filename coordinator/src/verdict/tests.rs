//! Golden cases of the verdict, each a small job that says one thing.

mod build;
mod failures;
mod gates;
mod order;
