//! Who may reach the port: without tokens, only this machine, and only as itself.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use synthfleet_proto::token::Scope;
use synthfleet_proto::{Error, Result};

/// How callers are told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// Not at all: everybody who reaches the port is the person at this machine.
    Off,
    /// By tokens, and by a proxy that has checked them itself.
    Tokens(Option<Proxy>),
}

/// A proxy that tells who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// The header that names the user; lower case.
    pub header: String,
    /// Addresses of the proxy: nobody else is believed.
    pub peers: Vec<IpAddr>,
    /// Users with the tenant (`None`: all) and the scopes they have.
    pub users: BTreeMap<String, (Option<String>, Vec<Scope>)>,
}

/// Whether the API may listen on an address. Without tokens that is loopback alone.
pub fn bind_rule(address: SocketAddr, auth: &Auth) -> Result<()> {
    if *auth != Auth::Off || address.ip().is_loopback() {
        return Ok(());
    }
    let message = format!("{address} can be reached from other machines, and no token would be asked for");
    Err(Error::invalid("api::open_bind", message).help("turn tokens on, or listen on 127.0.0.1"))
}

/// Whether `Host` names this machine: what a foreign name would be after it was pointed here.
pub(super) fn is_own_host(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, "")) => address,
            Some((address, port)) if is_port(port) => address,
            _ => return false,
        },
        None => match host.split_once(':') {
            Some((name, port)) if is_port(&format!(":{port}")) => name,
            Some(_) => return false,
            None => host,
        },
    };
    name.eq_ignore_ascii_case("localhost") || name == "127.0.0.1" || name == "::1"
}

/// Whether `Origin` is a page of this machine.
pub(super) fn is_own_origin(origin: &str) -> bool {
    origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")).is_some_and(is_own_host)
}

fn is_port(text: &str) -> bool {
    text.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_port_needs_tokens() {
        for (address, open) in [("127.0.0.1:1", false), ("[::1]:1", false), ("0.0.0.0:1", true), ("[::]:1", true), ("10.0.0.1:1", true)] {
            let address = address.parse().expect("an address");
            assert_eq!(bind_rule(address, &Auth::Off).is_err(), open, "{address}");
            assert!(bind_rule(address, &Auth::Tokens(None)).is_ok());
        }
    }

    #[test]
    fn only_this_machines_names_are_hosts() {
        for host in ["localhost", "LOCALHOST:80", "127.0.0.1", "127.0.0.1:8080", "[::1]", "[::1]:8080"] {
            assert!(is_own_host(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "localhost:80:80",
            "[::1]x",
            "[::2]",
            "127.0.0.1:99999",
        ] {
            assert!(!is_own_host(host), "{host}");
        }
        assert!(is_own_origin("http://localhost:3000") && !is_own_origin("null") && !is_own_origin("http://evil.example"));
    }
}
