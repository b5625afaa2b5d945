//! Tokens: `sf_<id>_<secret>`. The store keeps the SHA-256 of the secret, so that nobody who reads the store can
//! call; the secret has 256 random bits, so that a plain hash is enough.

use bytes::Bytes;
use std::collections::BTreeSet;
use synthfleet_proto::outside::{Clock, Entropy};
use synthfleet_proto::token::{Scope, TokenDoc};
use synthfleet_proto::{Error, Result, fact, id, key};
use synthfleet_store::Store;

/// What every token begins with, so that scanners of code and logs can find a lost one.
const PREFIX: &str = "sf_";
/// Characters of an id, and of each half of a secret: 128 bits.
const HALF: usize = 26;

/// What a new token is to allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// Tenant; `None`: every tenant, and the fleet itself.
    pub tenant: Option<String>,
    /// What its holder may do.
    pub scopes: BTreeSet<Scope>,
    /// Milliseconds since 1970 from which on it is void.
    pub expires_at: Option<i64>,
    /// Whose it is, at most 200 bytes.
    pub note: String,
}

/// A new token. Its text is shown once and kept nowhere.
pub struct Minted {
    /// What its holder sends.
    pub text: String,
    /// What the store keeps.
    pub doc: TokenDoc,
}

/// Makes a token and stores it.
pub async fn mint(store: &dyn Store, entropy: &dyn Entropy, clock: &dyn Clock, wish: Wish) -> Result<Minted> {
    if wish.scopes.is_empty() {
        return Err(Error::invalid("token::scopes", "a token without a scope allows nothing").at_pointer("/scopes"));
    }
    if wish.note.len() > 200 {
        return Err(Error::invalid("token::note", format!("note of {} bytes, allowed: 200", wish.note.len())).at_pointer("/note"));
    }
    if let Some(tenant) = &wish.tenant {
        check_tenant(tenant)?;
    }
    let secret = format!("{}{}", id::base32(entropy.bits()), id::base32(entropy.bits()));
    let doc = TokenDoc {
        v: fact::VERSION,
        id: id::base32(entropy.bits()),
        sha256: id::sha256_hex(secret.as_bytes()),
        tenant: wish.tenant,
        scopes: wish.scopes.into_iter().collect(),
        created_at: clock.now_ms() as i64,
        expires_at: wish.expires_at,
        note: wish.note,
    };
    store.put(&key::token(&doc.id)?, Bytes::from(fact::encode(&doc)?)).await?;
    Ok(Minted { text: format!("{PREFIX}{}_{secret}", doc.id), doc })
}

/// Refuses a name that no tenant can have: `[a-z0-9_-]`, 1 to 32 characters.
pub(crate) fn check_tenant(tenant: &str) -> Result<()> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
    let first = tenant.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if first && tenant.len() <= 32 && tenant.bytes().all(plain) {
        return Ok(());
    }
    let shown: String = tenant.chars().take(40).collect();
    Err(Error::invalid("tenant::name", format!("{shown:?} cannot be the name of a tenant")).help("1 to 32 characters of a-z, 0-9, _ and -"))
}

/// The id and the hash of the secret of a token as it is sent; `None`: it cannot be one.
pub(super) fn parse(text: &str) -> Option<(&str, String)> {
    let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
    let (first, second) = secret.split_at_checked(HALF)?;
    [id, first, second].into_iter().all(id::is_base32).then(|| (id, id::sha256_hex(secret.as_bytes())))
}

/// Whether two texts are equal, in a time that tells nothing about where they differ.
pub(super) fn equal(one: &str, other: &str) -> bool {
    let differing = one.bytes().zip(other.bytes()).fold(0u8, |found, (a, b)| std::hint::black_box(found | (a ^ b)));
    one.len() == other.len() && differing == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_are_equal_and_others_are_not() {
        assert!(equal("abc", "abc") && equal("", ""));
        assert!(!equal("abc", "abd") && !equal("abc", "ab") && !equal("ab", "abc"));
    }

    #[test]
    fn only_the_form_of_a_token_is_parsed() {
        let (id, secret) = ("0".repeat(26), "7".repeat(52));
        assert_eq!(parse(&format!("sf_{id}_{secret}")), Some((id.as_str(), id::sha256_hex(secret.as_bytes()))));
        for wrong in ["", "sf_", "sf__", &format!("sf_{id}"), &format!("sx_{id}_{secret}"), &format!("sf_{id}_{secret}0")] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        assert_eq!(parse(&format!("sf_../{}_{secret}", "0".repeat(23))), None, "an id never leaves its folder");
    }

    #[test]
    fn tenants_have_plain_names() {
        assert!(check_tenant("team-a_1").is_ok());
        for wrong in ["", "Team", "a/b", "-a", "..", &"a".repeat(33)] {
            assert_eq!(check_tenant(wrong).expect_err(wrong).code(), "tenant::name");
        }
    }
}
