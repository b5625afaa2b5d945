//! Foundation of the differentially private members.
//!
//! A private member sees the train table only as [`Private`] values. What it may know of them it buys from
//! the [`Ledger`], whose mechanisms are the only way to open one; a purchase beyond the claim is refused
//! before anything is answered. Noise is made of whole numbers by exact rejection, from streams that hang
//! on the job's secret key and on what is asked, so that a retried task repeats the same noise.
//!
//! | file | idea |
//! |---|---|
//! | `noise` | exact discrete Laplace and Gaussian, choice by fixed-point weights |
//! | `account` | concentrated loss and (epsilon, delta) |
//! | `key` | streams by secret key and question |
//! | `ledger` | the wrapper, the mechanisms, the bill |
//! | `graph` | Markov networks fitted to noisy counts |
//! | `guarded` | what a private member is given of the train table |
//! | `ranges` | the range of a number column, at a price |
//! | `domain` | declared domains, or measured ones at a cost |
//! | `coding` | the train table as codes, and counts of them |

pub mod account;
pub mod coding;
pub mod domain;
pub(crate) mod graph;
pub mod guarded;
pub mod key;
pub mod ledger;
pub mod noise;
mod ranges;

pub use coding::{Coding, Counts};
pub use domain::{Domain, Measured};
pub use guarded::Guarded;
pub use key::NoiseSource;
pub use ledger::{Claim, Ledger, Pad, Private};
pub use noise::Noise;
