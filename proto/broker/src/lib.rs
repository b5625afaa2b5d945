//! Brokers: hints that make the fleet fast and never make it right. Every message may be lost,
//! doubled, late or reordered; the store alone is the truth.

pub mod conformance;
mod contract;
mod delivery;
mod faulty;
mod in_process;
mod measured;
pub mod metrics;
mod properties;
pub mod rabbitmq;
pub mod sqs;
pub mod topology;

pub use contract::{BODY_BYTES_MAX, Broker, Depth, Health, Inbox, Line, Listener, Route, Settle, Topic, Wait};
pub use delivery::{Delivery, Unsettled};
pub use faulty::{Fault, Faults, Faulty, Operation};
pub use in_process::{InProcess, Settings};
pub use measured::Measured;
pub use properties::{CONTENT_TYPE, Properties};
pub use rabbitmq::RabbitMq;
