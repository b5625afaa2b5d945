//! How to reach a broker, and what to do there.

use super::management::Management;
use base64::{Engine, engine::general_purpose::STANDARD};
use lapin::tcp::{OwnedIdentity, OwnedTLSConfig};
use lapin::uri::AMQPUri;
use std::{fmt, sync::Arc, time::Duration};
use synthfleet_proto::{Error, Result};

/// Seconds between heartbeats: a dead connection is noticed after twice as long.
const HEARTBEAT: u16 = 20;
/// Frames of this size keep the client's buffers small; a message of 4 KiB still fits in one.
const FRAME_BYTES: u32 = 16 << 10;

/// Whether exchanges and queues are made or only looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Declare {
    /// What is missing is made: development, tests.
    #[default]
    Auto,
    /// What is missing is an error: production, where somebody else owns the topology.
    Never,
}

/// Certificates, as PEM text.
#[derive(Clone, Default)]
pub struct Tls {
    /// Authorities to trust beside those of the system.
    pub authorities: Option<String>,
    /// Certificate and key of this client.
    pub identity: Option<(String, String)>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("authorities", &self.authorities.is_some()).field("identity", &self.identity.is_some()).finish()
    }
}

/// How long to wait for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Times {
    /// A TCP and TLS connection.
    pub connect: Duration,
    /// The handshake after it.
    pub open: Duration,
    /// Declaring everything.
    pub declare: Duration,
    /// One answer.
    pub answer: Duration,
    /// A goodbye.
    pub close: Duration,
    /// Between two tests of oneself.
    pub self_test: Duration,
    /// Longest pause between two tries to connect.
    pub backoff_max: Duration,
}

impl Default for Times {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            connect: seconds(10),
            open: seconds(10),
            declare: seconds(15),
            answer: seconds(10),
            close: seconds(3),
            self_test: seconds(15),
            backoff_max: seconds(30),
        }
    }
}

/// How to reach a broker, and what to do there. Debug output hides what is secret.
#[derive(Clone, Default)]
pub struct Options {
    /// `amqp://user@host:5672/virtual-host`; `amqps` for TLS. A password in it works, but belongs into
    /// [`Options::password`], which comes from a file or the environment.
    pub url: String,
    /// The password.
    pub password: Option<String>,
    /// `worker`, `coordinator`, ..: shown in the connection's name.
    pub role: String,
    /// Pool of a worker, shown likewise.
    pub pool: String,
    /// A name that no other process has.
    pub id: String,
    /// Whether missing queues are made.
    pub declare: Declare,
    /// Pools whose queues must be there from the start; others are declared when somebody takes from them.
    pub pools: Vec<String>,
    /// Tenants with a submit queue of their own.
    pub tenants: Vec<String>,
    /// Certificates.
    pub tls: Tls,
    /// A way to the management API; `None`: what only it tells is not known.
    pub management: Option<Arc<dyn Management>>,
    /// How long to wait for what.
    pub times: Times,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("place", &self.uri().map_or_else(|_| "invalid".to_owned(), |uri| place(&uri)))
            .field("role", &self.role)
            .field("pool", &self.pool)
            .field("id", &self.id)
            .field("declare", &self.declare)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// The address with what is ours added.
    pub(super) fn uri(&self) -> Result<AMQPUri> {
        let mut uri: AMQPUri = self.url.parse().map_err(|_| {
            // the parser's own words would show the password
            Error::invalid("broker::address", "the broker's address is none").help("write it as amqp://user@host:5672/virtual-host")
        })?;
        if let Some(password) = &self.password {
            uri.authority.userinfo.password.clone_from(password);
        }
        if uri.vhost.is_empty() {
            // `amqp://host/` means the default host to everybody but the letter of the specification
            "/".clone_into(&mut uri.vhost);
        }
        uri.query.heartbeat.get_or_insert(HEARTBEAT);
        uri.query.frame_max.get_or_insert(FRAME_BYTES);
        if let Some(tenant) = self.tenants.iter().find(|tenant| tenant.as_str() == "submit") {
            return Err(Error::invalid("broker::address", format!("a tenant named {tenant} cannot have a submit queue of its own")));
        }
        Ok(uri)
    }

    /// The virtual host of the address.
    ///
    /// # Errors
    /// `broker::address` when the address cannot be read.
    pub fn virtual_host(&self) -> Result<String> {
        Ok(self.uri()?.vhost)
    }

    /// User and password as the header `Authorization` carries them: a secret.
    ///
    /// # Errors
    /// `broker::address` when the address cannot be read.
    pub fn basic_authorization(&self) -> Result<String> {
        let user = self.uri()?.authority.userinfo;
        Ok(format!("Basic {}", STANDARD.encode(format!("{}:{}", user.username, user.password))))
    }

    pub(super) fn tls(&self) -> OwnedTLSConfig {
        let identity = self.tls.identity.as_ref();
        OwnedTLSConfig {
            identity: identity.map(|(pem, key)| OwnedIdentity::PKCS8 { pem: pem.clone().into_bytes(), key: key.clone().into_bytes() }),
            cert_chain: self.tls.authorities.clone(),
        }
    }

    /// What the broker's operator sees.
    pub(super) fn connection_name(&self, direction: &str) -> String {
        let parts = ["synthfleet", &self.role, &self.pool, &self.id, direction];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
    }
}

/// The address without its secrets, for people.
pub(super) fn place(uri: &AMQPUri) -> String {
    let (scheme, host, port) = (uri.scheme.to_string(), &uri.authority.host, uri.authority.port);
    format!("{scheme}://{}@{host}:{port}/{}", uri.authority.userinfo.username, uri.vhost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let options =
            Options { url: "amqp://ada:geheim@broker:5672/fleet".to_owned(), password: Some("topsecret".to_owned()), ..Options::default() };
        let shown = format!("{options:?}");
        assert!(shown.contains("amqp://ada@broker:5672/fleet") && !shown.contains("geheim") && !shown.contains("topsecret"), "{shown}");
        let error = Options { url: "geheim".to_owned(), ..options.clone() }.uri().expect_err("no address");
        assert_eq!((error.code(), error.to_string().contains("geheim")), ("broker::address", false));
        assert_eq!(options.uri().expect("an address").authority.userinfo.password, "topsecret");
        let told = (options.virtual_host().expect("an address"), options.basic_authorization().expect("an address"));
        assert_eq!(told, ("fleet".to_owned(), "Basic YWRhOnRvcHNlY3JldA==".to_owned()));
    }

    #[test]
    fn the_name_of_a_connection_says_who_it_is() {
        let options = Options { role: "worker".to_owned(), pool: "all".to_owned(), id: "w-1".to_owned(), ..Options::default() };
        assert_eq!(options.connection_name("in"), "synthfleet/worker/all/w-1/in");
    }
}
