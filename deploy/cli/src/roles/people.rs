//! Who callers are, as the settings say: users of the broker and of a proxy, with what they stand for.

use crate::config::{DoorsConfig, ServeConfig};
use std::collections::BTreeMap;
use synthfleet_coordinator::api::{Auth, Proxy};
use synthfleet_coordinator::intake::queue::Principals;
use synthfleet_proto::token::Scope;
use synthfleet_proto::{Error, Result};

/// How callers of the API are told apart.
pub fn auth(config: &ServeConfig) -> Result<Auth> {
    let has_proxy = !config.proxy_header.is_empty();
    match config.auth.as_str() {
        "off" if has_proxy => Err(wrong("serve.proxy_header", &config.proxy_header, "serve.auth = \"tokens\" beside it")),
        "off" => Ok(Auth::Off),
        "tokens" if has_proxy => Ok(Auth::Tokens(Some(proxy(config)?))),
        "tokens" => Ok(Auth::Tokens(None)),
        other => Err(wrong("serve.auth", other, "off or tokens")),
    }
}

fn proxy(config: &ServeConfig) -> Result<Proxy> {
    let user = |line: &String| {
        let (user, tenant, rest) = user(line).ok_or_else(|| wrong("serve.proxy_users", line, "user=tenant:scope,scope"))?;
        let scope = |name: &str| Scope::ALL.into_iter().find(|scope| scope.name() == name.trim());
        let scopes: Option<Vec<Scope>> = rest.split(',').map(scope).collect();
        let scopes = scopes.ok_or_else(|| wrong("serve.proxy_users", line, "scopes of submit, read, read_real, admin"))?;
        Ok((user, (tenant, scopes)))
    };
    let users = config.proxy_users.iter().map(user).collect::<Result<_>>()?;
    Ok(Proxy { header: config.proxy_header.to_ascii_lowercase(), peers: config.proxy_peers.clone(), users })
}

/// Whom senders of messages stand for.
pub fn principals(config: &DoorsConfig) -> Result<Principals> {
    let user = |line: &String| match user(line) {
        Some((user, tenant, "")) => Ok((user, tenant)),
        _ => Err(wrong("doors.users", line, "user=tenant, or user=* for every tenant")),
    };
    let users: BTreeMap<String, Option<String>> = config.users.iter().map(user).collect::<Result<_>>()?;
    Ok(Principals { users, anonymous: super::parts::named(&config.anonymous) })
}

/// The parts of `user=tenant:rest`; the tenant `*` is every tenant.
fn user(line: &str) -> Option<(String, Option<String>, &str)> {
    let (user, after) = line.split_once('=')?;
    let (tenant, rest) = after.split_once(':').unwrap_or((after, ""));
    let (user, tenant) = (user.trim(), tenant.trim());
    let is_whole = !user.is_empty() && !tenant.is_empty();
    is_whole.then(|| (user.to_owned(), (tenant != "*").then(|| tenant.to_owned()), rest))
}

fn wrong(setting: &str, value: &str, expected: &str) -> Error {
    let error = Error::invalid("config::value", format!("{setting} takes {expected}, not {value:?}"));
    error.help("synthfleet config show --origin names the place of each setting")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serve(auth: &str, header: &str, users: &[&str]) -> ServeConfig {
        ServeConfig {
            listen: String::new(),
            auth: auth.to_owned(),
            proxy_header: header.to_owned(),
            proxy_peers: vec!["127.0.0.1".parse().expect("an address")],
            proxy_users: users.iter().map(|user| (*user).to_owned()).collect(),
            callback_secret_file: String::new(),
            admin: String::new(),
        }
    }

    #[test]
    fn callers_are_told_apart_as_the_settings_say() {
        assert_eq!(auth(&serve("off", "", &[])).expect("legal"), Auth::Off);
        assert_eq!(auth(&serve("tokens", "", &[])).expect("legal"), Auth::Tokens(None));
        let Auth::Tokens(Some(proxy)) = auth(&serve("tokens", "X-User", &["ada=team:read,submit", "root=*:admin"])).expect("legal") else {
            panic!("a proxy");
        };
        assert_eq!(proxy.header, "x-user");
        assert_eq!(proxy.users["ada"], (Some("team".to_owned()), vec![Scope::Read, Scope::Submit]));
        assert_eq!(proxy.users["root"], (None, vec![Scope::Admin]));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (how, header, users) in [
            ("on", "", &[][..]),
            ("off", "x-user", &[]),
            ("tokens", "x-user", &["ada"]),
            ("tokens", "x-user", &["ada=team"]),
            ("tokens", "x-user", &["ada=team:fly"]),
            ("tokens", "x-user", &["=team:read"]),
        ] {
            assert_eq!(auth(&serve(how, header, users)).expect_err("refused").code(), "config::value", "{how} {users:?}");
        }
    }

    #[test]
    fn users_of_the_broker_have_a_tenant_or_all() {
        let config = |users: &[&str]| DoorsConfig {
            queue: true,
            users: users.iter().map(|user| (*user).to_owned()).collect(),
            anonymous: String::new(),
            takers: 1,
            buckets: Vec::new(),
        };
        let known = principals(&config(&["ada=team", "robot=*"])).expect("legal");
        assert_eq!(known.users, BTreeMap::from([("ada".to_owned(), Some("team".to_owned())), ("robot".to_owned(), None)]));
        assert_eq!(known.anonymous, None);
        assert!(principals(&config(&["ada"])).is_err() && principals(&config(&["ada=team:read"])).is_err());
    }
}
