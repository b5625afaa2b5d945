//! What several benchmarks compute alike.

pub mod association;
pub mod bins;
pub mod cells;
pub mod checks;
pub mod design;
pub mod distribution;
pub mod each;
pub mod encode16;
pub mod fold_auc;
pub mod groups;
pub mod histogram;
pub mod joint;
pub mod logistic;
pub mod marginal;
pub mod matrix;
pub mod neighbours;
pub mod pairs;
pub mod patterns;
pub mod physical;
pub mod pii;
pub mod quantile_codes;
pub mod ridge;
pub mod side;
pub mod tables;
pub mod threads;
pub mod univariate;
