//! Stores: the only truth. A fact is created once and never changed; markers may be put again; data
//! is uploaded whole and is invisible before it is complete.
//!
//! The type of a key ([`synthfleet_proto::key`]) fixes which of these verbs it takes.

pub mod conformance;
mod contract;
mod counting;
mod facts;
mod faulty;
mod files;
pub mod foreign;
mod hash;
mod history;
mod local;
mod measured;
mod memory;
pub mod metrics;
mod pause;
mod probe;
mod retrying;
pub mod s3;

pub use contract::{Abilities, Created, Entry, FACT_BYTES_MAX, Nonce, Object, Store, Stored, Upload};
pub use counting::{Counting, Counts};
pub use facts::{Kept, create_fact, read_fact};
pub use faulty::{Fault, Faults, Faulty, Operation};
pub use files::{download, fetch, upload_bytes, upload_file};
pub use history::history;
pub use local::{Local, Settings, Step};
pub use measured::Measured;
pub use memory::Memory;
pub use probe::{Probed, probe, races};
pub use retrying::Retrying;
pub use s3::S3;
