//! Whom a message speaks for: decided by what the broker vouches for, never by what the message says.

use crate::auth::check_tenant;
use std::collections::BTreeMap;
use synthfleet_broker::Properties;
use synthfleet_proto::{Error, Result};

/// The header by which a sender who may speak for every tenant names one.
const TENANT: &str = "x-synthfleet-tenant";

/// Whom the broker's users stand for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Principals {
    /// Users that the broker checked, with their tenant; `None`: every tenant, named by a header.
    pub users: BTreeMap<String, Option<String>>,
    /// Tenant of messages whose sender the broker did not check; `None`: they are refused.
    pub anonymous: Option<String>,
}

impl Principals {
    /// Tenant and name of a message's sender.
    pub fn of(&self, properties: &Properties) -> Result<(String, String)> {
        let named = properties.headers.get(TENANT);
        let (tenant, principal) = match (&properties.tenant, &properties.user) {
            // whoever may write to a tenant's own queue speaks for it
            (Some(tenant), user) => (Some(tenant), user.as_ref().map_or_else(|| format!("queue:{tenant}"), |user| format!("user:{user}"))),
            (None, Some(user)) => {
                let unknown = || refused("this user of the broker stands for no tenant");
                (self.users.get(user).ok_or_else(unknown)?.as_ref(), format!("user:{user}"))
            }
            (None, None) => {
                let unknown = || refused("the message does not say which user of the broker sent it").help("set the property user_id");
                (Some(self.anonymous.as_ref().ok_or_else(unknown)?), "anonymous".to_owned())
            }
        };
        let tenant = match (tenant, named) {
            (Some(own), Some(named)) if own != named => return Err(refused("the sender stands for another tenant than it names")),
            (Some(own), _) => own,
            (None, Some(named)) => named,
            (None, None) => {
                return Err(refused("the sender stands for every tenant and names none").help(format!("set the header {TENANT}")));
            }
        };
        check_tenant(tenant)?;
        Ok((tenant.clone(), principal))
    }
}

fn refused(why: &str) -> Error {
    Error::invalid("submission::tenant", why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principals() -> Principals {
        Principals { users: BTreeMap::from([("alice".into(), Some("a".into())), ("robot".into(), None)]), anonymous: None }
    }

    fn sender(user: Option<&str>, queue: Option<&str>, named: Option<&str>) -> Properties {
        let headers = named.map(|named| (TENANT.to_owned(), named.to_owned())).into_iter().collect();
        Properties { user: user.map(str::to_owned), tenant: queue.map(str::to_owned), headers, ..Properties::default() }
    }

    #[test]
    fn the_broker_vouches_for_the_tenant() {
        let of = |user, queue, named| principals().of(&sender(user, queue, named)).ok().map(|(tenant, _)| tenant);
        assert_eq!(of(Some("alice"), None, None).as_deref(), Some("a"));
        assert_eq!(of(None, Some("b"), None).as_deref(), Some("b"));
        assert_eq!(of(Some("robot"), None, Some("c")).as_deref(), Some("c"));
    }

    #[test]
    fn a_header_never_makes_somebody_else() {
        for (user, queue, named) in [
            (Some("alice"), None, Some("b")),
            (None, Some("b"), Some("a")),
            (Some("mallory"), None, Some("a")),
            (None, None, Some("a")),
            (None, None, None),
            (Some("robot"), None, None),
            (Some("robot"), None, Some("../a")),
        ] {
            assert!(principals().of(&sender(user, queue, named)).is_err(), "{user:?} {queue:?} {named:?}");
        }
    }

    #[test]
    fn messages_without_a_user_have_the_tenant_that_is_set_for_them() {
        let open = Principals { anonymous: Some("local".into()), ..Principals::default() };
        assert_eq!(open.of(&sender(None, None, None)).expect("set"), ("local".to_owned(), "anonymous".to_owned()));
        assert!(open.of(&sender(None, None, Some("a"))).is_err());
    }
}
