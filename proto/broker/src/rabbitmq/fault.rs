//! The client library's errors as ours: what the caller must do, where, and the remedy.

use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};
use synthfleet_proto::Error;

/// What an error of the library means for those who hold a channel or a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The user may not do this.
    Denied,
    /// There is no such queue or exchange.
    Missing,
    /// It exists in another form.
    Mismatch,
    /// It is somebody else's.
    Locked,
    /// The virtual host does not exist.
    NoHost,
    /// Anything else: the connection is of no use any more.
    Lost,
}

pub(super) fn meaning(error: &lapin::Error) -> Meaning {
    let lapin::ErrorKind::ProtocolError(told) = error.kind() else { return Meaning::Lost };
    match told.kind() {
        AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => Meaning::Denied,
        AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND) => Meaning::Missing,
        AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED) => Meaning::Mismatch,
        AMQPErrorKind::Soft(AMQPSoftError::RESOURCELOCKED) => Meaning::Locked,
        AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) => Meaning::NoHost,
        _ => Meaning::Lost,
    }
}

/// Whether the broker failed inside at what it was asked.
pub(super) fn is_internal(error: &lapin::Error) -> bool {
    let lapin::ErrorKind::ProtocolError(told) = error.kind() else { return false };
    matches!(told.kind(), AMQPErrorKind::Hard(AMQPHardError::INTERNALERROR))
}

/// Our error for a failed step at a place.
pub(super) fn fault(place: &str, step: &str, error: lapin::Error) -> Error {
    let told = match meaning(&error) {
        Meaning::Denied => Error::unavailable("broker::denied", format!("the broker refuses to {step}: {}", words(&error)))
            .help("check user and password, and that the user has the permissions of its role in this virtual host"),
        Meaning::Missing => missing(step, &words(&error)),
        Meaning::Mismatch => Error::unavailable("broker::mismatch", format!("cannot {step}: {}", words(&error)))
            .help("a queue or exchange of this name exists with other arguments: delete it when it is empty"),
        Meaning::NoHost => Error::unavailable("broker::denied", format!("cannot {step}: {}", words(&error)))
            .help("check the virtual host at the end of the address; create it with `rabbitmqctl add_vhost`"),
        Meaning::Locked | Meaning::Lost => Error::unavailable("broker::unavailable", format!("cannot {step}: {}", words(&error)))
            .help("check that the broker runs and that its address and port are right"),
    };
    told.in_source(place).caused_by(error)
}

/// The error for a queue or exchange that is not there.
pub(super) fn missing(step: &str, words: &str) -> Error {
    Error::unavailable("broker::queue_missing", format!("cannot {step}: {words}"))
        .help("import the definitions of the topology, or start once with `declare = \"auto\"` and a user who may configure")
}

/// The broker stayed silent.
pub(super) fn silent(place: &str, step: &str) -> Error {
    Error::unavailable("broker::unavailable", format!("no answer in time while trying to {step}"))
        .in_source(place)
        .help("check that the broker runs and that nothing between here and there swallows packets")
}

/// The broker's own words, shortened to the first line.
fn words(error: &lapin::Error) -> String {
    let text = match error.kind() {
        lapin::ErrorKind::ProtocolError(told) => told.get_message().to_string(),
        _ => error.to_string(),
    };
    text.lines().next().unwrap_or_default().chars().take(200).collect()
}
