//! The one decision: may this caller do this here?

use std::collections::BTreeSet;
use synthfleet_proto::token::Scope;

/// Tenants that a caller may act for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// One tenant.
    One(String),
    /// Every tenant, and the fleet itself.
    All,
}

/// A caller whose identity was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Who, for facts and the log: a token's id, a user of the proxy or the broker, `local`.
    pub name: String,
    /// For whom.
    pub reach: Reach,
    /// What.
    pub scopes: BTreeSet<Scope>,
}

impl Principal {
    /// Whoever reaches a loopback port that asks for no token: the person at this machine.
    pub fn local() -> Self {
        Self { name: "local".to_owned(), reach: Reach::All, scopes: Scope::ALL.into() }
    }

    /// Whether the caller has a scope. `admin` includes `submit` and `read`, never real rows.
    pub fn has(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope) || (scope != Scope::ReadReal && self.scopes.contains(&Scope::Admin))
    }
}

/// Where something is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// In what belongs to a tenant.
    Tenant(&'a str),
    /// In what belongs to nobody: workers, queues, members.
    Fleet,
}

/// Why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// Of another tenant: the caller must not learn whether it exists.
    Hidden,
    /// The scope is missing.
    Scope(Scope),
}

/// Whether a caller may do what asks for `scope` in `place`.
pub fn authorize(principal: &Principal, place: Place<'_>, scope: Scope) -> Result<(), Denied> {
    let reaches = match (&principal.reach, place) {
        (Reach::All, _) => true,
        (Reach::One(own), Place::Tenant(tenant)) => own == tenant,
        // anybody may look at the fleet; changing it concerns every tenant
        (Reach::One(_), Place::Fleet) => scope == Scope::Read,
    };
    match (reaches, principal.has(scope)) {
        (true, true) => Ok(()),
        (true, false) => Err(Denied::Scope(scope)),
        (false, _) if place == Place::Fleet => Err(Denied::Scope(scope)),
        (false, _) => Err(Denied::Hidden),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(reach: Reach, scopes: &[Scope]) -> Principal {
        Principal { name: "x".into(), reach, scopes: scopes.iter().copied().collect() }
    }

    #[test]
    fn another_tenant_is_hidden_whatever_the_scope() {
        let mine = holder(Reach::One("a".into()), &Scope::ALL);
        for scope in Scope::ALL {
            assert_eq!(authorize(&mine, Place::Tenant("a"), scope), Ok(()));
            assert_eq!(authorize(&mine, Place::Tenant("b"), scope), Err(Denied::Hidden));
        }
    }

    #[test]
    fn a_missing_scope_is_named() {
        let reader = holder(Reach::One("a".into()), &[Scope::Read]);
        assert_eq!(authorize(&reader, Place::Tenant("a"), Scope::Submit), Err(Denied::Scope(Scope::Submit)));
    }

    #[test]
    fn an_admin_submits_and_reads_but_sees_no_real_row() {
        let admin = holder(Reach::One("a".into()), &[Scope::Admin]);
        assert_eq!(authorize(&admin, Place::Tenant("a"), Scope::Submit), Ok(()));
        assert_eq!(authorize(&admin, Place::Tenant("a"), Scope::ReadReal), Err(Denied::Scope(Scope::ReadReal)));
    }

    #[test]
    fn the_fleet_is_changed_by_those_who_reach_every_tenant() {
        let mine = holder(Reach::One("a".into()), &[Scope::Admin]);
        assert_eq!(authorize(&mine, Place::Fleet, Scope::Read), Ok(()));
        assert_eq!(authorize(&mine, Place::Fleet, Scope::Admin), Err(Denied::Scope(Scope::Admin)));
        assert_eq!(authorize(&holder(Reach::All, &[Scope::Admin]), Place::Fleet, Scope::Admin), Ok(()));
    }
}
