//! Counts and measures of a process, for Prometheus. Each room lists its families as constants; one [`Book`] of all
//! lists is kept per process. Labels are bounded by construction: closed lists, or at most so many values.

mod book;
mod process;
mod raised;
mod series;

pub use book::Book;
pub use raised::Raised;
pub use series::{Label, Series, Sort, long, shares, short, sizes};
