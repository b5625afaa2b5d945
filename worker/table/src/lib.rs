//! Tables in memory and what synthesizers see of them.
//!
//! `table` holds decoded columns, `encode` turns a train table into modelled columns and back,
//! `budget` is the only way in which a running task is limited, `arrays` is how models are stored.

pub mod arrays;
pub mod bits;
pub mod budget;
pub mod condition;
pub mod encode;
pub mod random;
pub mod rules;
pub mod strings;
pub mod table;

pub use arrays::Arrays;
pub use bits::Bits;
pub use budget::Budget;
pub use condition::{Cell, Condition, Limit, Wanted};
pub use random::SeedExt;
pub use strings::Strings;
pub use table::{Column, Table, Values};
