//! The battery over every store, and what only one kind of store can show.

mod battery;
mod bucket;
mod links;
mod own;
mod probe;
mod session;
mod store;
