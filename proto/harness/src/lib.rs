//! Servers that tests need, started privately on loopback ports and taken away again: nothing need be
//! running before, and nothing stays.

mod api;
pub mod http;
mod moto;
mod node;
mod proxy;
mod virtual_host;

pub use moto::Moto;
pub use node::Node;
pub use proxy::{Proxy, Weather};
pub use virtual_host::VirtualHost;
