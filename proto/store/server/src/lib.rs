//! An S3 server for tests. Conditions are atomic (one lock decides `If-None-Match` and `If-Match`
//! together with the write), signatures are checked, objects lie in memory, and faults come by script.
//!
//! It runs on a thread of its own inside a test ([`Server`]), or as a process: the example program
//! `s3_server` of the store crate. A running server is steered below `/_control/`, see [`control`].

mod backend;
pub mod control;
mod faults;
mod objects;
mod operation;
mod serve;
mod server;

pub use faults::{Fault, Rule};
pub use operation::{Class, Operation};
pub use server::{ACCESS_KEY, SECRET_KEY, Server, Settings};
