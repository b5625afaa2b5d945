//! From a wish to an accepted job.

mod resolve;
mod submit;

pub use resolve::{BASELINES, CheckOptions, Preset, Resolved, preset, presets, resolve};
pub use submit::{Asked, Desk, Submitted, resubmit, submit};
