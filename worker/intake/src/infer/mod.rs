//! What each column holds, found out from all rows: missing tokens, numbers, dates, kinds, roles,
//! sensitivity, target.

pub mod date;
pub mod number;
