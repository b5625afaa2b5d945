//! What a broker says of itself when it is greeted: product and version, before it knows who asks. The client library
//! keeps neither, hence the greeting is read here.

use super::{
    fault::{fault, silent},
    options::{Options, place},
};
use futures::{AsyncReadExt, AsyncWriteExt};
use lapin::protocol::{AMQPClass, connection::AMQPMethod, parse_class};
use lapin::tcp::AMQPUriTcpExt;
use lapin::types::AMQPValue;
use synthfleet_proto::{Error, Result};
use tokio::time::timeout;

/// AMQP 0-9-1, as a client opens it.
const GREETING: &[u8; 8] = b"AMQP\x00\x00\x09\x01";
/// Type, channel and length of a frame.
const HEAD_BYTES: usize = 7;
/// The type of a frame that holds a method.
const METHOD: u8 = 1;
/// Longest answer that is read: a real one has some hundred bytes.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// A broker as it says itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Server {
    /// `RabbitMQ`.
    pub product: String,
    /// `3.10.8`.
    pub version: String,
}

impl Server {
    /// Major and minor number of its version, where it has the usual form.
    pub fn release(&self) -> Option<(u32, u32)> {
        let mut numbers = self.version.split(['.', '-', '+']).map(|part| part.parse().ok());
        Some((numbers.next()??, numbers.next()??))
    }
}

/// Greets a broker and goes away: no user is needed.
///
/// # Errors
/// `broker::unavailable` when nobody answers, or nobody that speaks AMQP.
pub async fn server(options: &Options) -> Result<Server> {
    let uri = options.uri()?;
    let (place, step) = (place(&uri), format!("greet the broker at {}:{}", uri.authority.host, uri.authority.port));
    let runtime = lapin::runtime::default_runtime().map_err(|error| fault(&place, &step, error))?;
    let tls = options.tls();
    let greeting = async {
        let mut stream = AMQPUriTcpExt::connect_with_config_async(&uri, tls.as_ref(), &runtime).await?;
        stream.write_all(GREETING).await?;
        stream.flush().await?;
        let mut head = [0; HEAD_BYTES];
        stream.read_exact(&mut head).await?;
        let mut answer = vec![0; length(head)];
        stream.read_exact(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    match timeout(options.times.connect + options.times.open, greeting).await {
        Err(_) => Err(silent(&place, &step)),
        Ok(Err(error)) => Err(fault(&place, &step, error.into())),
        Ok(Ok(answer)) => read(&answer).ok_or_else(|| foreign(&place, &step)),
    }
}

/// Bytes of the payload of a frame; 0 for what is no answer to a greeting.
fn length([kind, _, _, a, b, c, d]: [u8; HEAD_BYTES]) -> usize {
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    if kind == METHOD && length <= ANSWER_BYTES_MAX { length } else { 0 }
}

/// What an answer says.
fn read(answer: &[u8]) -> Option<Server> {
    let AMQPClass::Connection(AMQPMethod::Start(start)) = parse_class(answer).ok()?.1 else { return None };
    let text = |name: &str| match start.server_properties.inner().get(name) {
        Some(AMQPValue::LongString(text)) => text.to_string().chars().filter(|c| !c.is_control()).take(64).collect(),
        _ => String::new(),
    };
    Some(Server { product: text("product"), version: text("version") })
}

fn foreign(place: &str, step: &str) -> Error {
    Error::unavailable("broker::unavailable", format!("cannot {step}: what answers does not speak AMQP 0-9-1"))
        .in_source(place)
        .help("check that the broker runs and that its address and port are right")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read_of_usual_versions() {
        let release = |version: &str| Server { product: String::new(), version: version.to_owned() }.release();
        assert_eq!(["3.10.8", "4.1.0-rc.1", "4.3"].map(release), [Some((3, 10)), Some((4, 1)), Some((4, 3))]);
        assert_eq!(["", "4", "x.y"].map(release), [None; 3]);
    }

    #[test]
    fn what_is_no_answer_has_no_length_and_no_meaning() {
        assert_eq!(length(*b"\x01\x00\x00\x00\x00\x01\xf4"), 500);
        assert_eq!((length(*b"HTTP/1."), length(*b"\x01\x00\x00\xff\xff\xff\xff")), (0, 0));
        assert_eq!((read(b""), read(b"\x00\x0a\x00\x0a\x00")), (None, None));
    }
}
