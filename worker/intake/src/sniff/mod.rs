//! What a source is, found out from its bytes: packing and form, encoding, dialect, header.

pub mod class;
pub mod dialect;
pub mod encoding;
pub mod header;
pub mod layout;
pub mod magic;

pub use dialect::dialect;
pub use layout::{HeaderCell, Layout, layout};
