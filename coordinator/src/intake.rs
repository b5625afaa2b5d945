//! From a wish to an accepted job. Every door ends in [`submit`].

mod admit;
mod document;
pub mod queue;
pub(crate) mod quota;
mod resolve;
pub mod s3_events;
mod source;
mod submit;
pub mod upload;

pub(crate) use admit::uploaded_source;
pub use admit::{Request, admit, admit_now};
pub use document::{DEPTH_MAX, read_json, read_msgpack};
pub use resolve::{BASELINES, CheckOptions, DEFAULT_BENCHMARKS, Preset, Resolved, preset, preset_notes, presets, resolve};
pub(crate) use source::is_upload;
pub use source::{CheckLink, Sources};
pub use submit::{Asked, Desk, KEY_BYTES_MAX, Submitted, resubmit, submit, submit_within};
