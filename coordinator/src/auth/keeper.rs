//! Finds the principal behind a token. Tokens are read from the store and remembered for a short while, so that a
//! revoked one is void everywhere within [`FRESH`].

use super::principal::{Principal, Reach};
use super::token::{equal, parse};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use synthfleet_proto::outside::Clock;
use synthfleet_proto::token::TokenDoc;
use synthfleet_proto::{Result, key};
use synthfleet_store::{Store, read_fact};
use tokio::time::Instant;

/// How long a token is believed without asking the store.
const FRESH: Duration = Duration::from_secs(30);
/// Tokens that are remembered; more are forgotten at once.
const REMEMBERED_MAX: usize = 4_096;
/// Difference of clocks that is forgiven at the end of a token, in milliseconds.
const SKEW_MS: i64 = 60_000;

/// Knows tokens.
pub struct Keeper {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    remembered: Mutex<BTreeMap<String, (Instant, Option<TokenDoc>)>>,
}

impl Keeper {
    /// Tokens of a store.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, remembered: Mutex::default() }
    }

    /// Who holds a token; `None`: nobody.
    ///
    /// # Errors
    /// The store is away and the token is not remembered.
    pub async fn principal(&self, token: &str) -> Result<Option<Principal>> {
        let Some((id, sha256)) = parse(token) else { return Ok(None) };
        let Some(doc) = self.doc(id).await? else { return Ok(None) };
        let now = self.clock.now_ms() as i64;
        let void = doc.expires_at.is_some_and(|end| now > end.saturating_add(SKEW_MS));
        if void || !equal(&doc.sha256, &sha256) {
            return Ok(None);
        }
        let reach = doc.tenant.map_or(Reach::All, Reach::One);
        Ok(Some(Principal { name: format!("token:{id}"), reach, scopes: doc.scopes.into_iter().collect() }))
    }

    /// Whether a token was lately seen to be good: then asking costs nothing.
    pub fn remembers(&self, token: &str) -> bool {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let found = parse(token)
            .and_then(|(id, sha256)| remembered.get(id).filter(|(_, doc)| doc.as_ref().is_some_and(|doc| equal(&doc.sha256, &sha256))));
        found.is_some_and(|(read, _)| read.elapsed() < FRESH)
    }

    /// Forgets a token at once, here; other replicas do within [`FRESH`].
    pub fn forget(&self, id: &str) {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    async fn doc(&self, id: &str) -> Result<Option<TokenDoc>> {
        {
            let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((_, doc)) = remembered.get(id).filter(|(read, _)| read.elapsed() < FRESH) {
                return Ok(doc.clone());
            }
        }
        let doc = read_fact::<TokenDoc>(self.store.as_ref(), key::token(id)?.key()).await?.map(|kept| kept.fact);
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.insert(id.to_owned(), (Instant::now(), doc.clone()));
        Ok(doc)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::token::{Wish, mint};
    use crate::testing::{Counting, Still, memory};
    use synthfleet_proto::token::Scope;

    async fn minted(expires_at: Option<i64>) -> (Keeper, String, TokenDoc) {
        let store = Arc::new(memory());
        let wish = Wish { tenant: Some("a".into()), scopes: [Scope::Read].into(), expires_at, note: String::new() };
        let minted = mint(store.as_ref(), &Counting::default(), &Still, wish).await.expect("legal");
        (Keeper::new(store, Arc::new(Still)), minted.text, minted.doc)
    }

    #[tokio::test]
    async fn a_token_opens_what_it_was_made_for() {
        let (keeper, text, doc) = minted(None).await;
        let principal = keeper.principal(&text).await.expect("asked").expect("known");
        assert_eq!((principal.reach, principal.name), (Reach::One("a".into()), format!("token:{}", doc.id)));
    }

    #[tokio::test]
    async fn another_secret_or_id_opens_nothing() {
        let (keeper, text, _) = minted(None).await;
        let other = if text.ends_with('0') { "1" } else { "0" };
        let wrong_secret = format!("{}{other}", &text[..text.len() - 1]);
        let wrong_id = format!("sf_{}{}", "1".repeat(26), &text[29..]);
        for wrong in [wrong_secret, wrong_id, "sf_x_y".to_owned(), String::new()] {
            assert_eq!(keeper.principal(&wrong).await.expect("asked"), None);
        }
    }

    #[tokio::test]
    async fn the_store_never_sees_a_secret() {
        let (keeper, text, doc) = minted(None).await;
        let key = key::token(&doc.id).expect("legal");
        let kept = keeper.store.get(key.key(), None).await.expect("asked").expect("there").bytes;
        let secret = text.rsplit('_').next().expect("three parts");
        assert!(!String::from_utf8_lossy(&kept).contains(secret));
    }

    #[tokio::test]
    async fn an_expired_token_opens_nothing_and_a_minute_is_forgiven() {
        let now = Still.now_ms() as i64;
        let (keeper, text, _) = minted(Some(now - 59_000)).await;
        assert!(keeper.principal(&text).await.expect("asked").is_some());
        let (keeper, text, _) = minted(Some(now - 61_000)).await;
        assert_eq!(keeper.principal(&text).await.expect("asked"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_revoked_token_is_void_within_a_minute() {
        let (keeper, text, doc) = minted(None).await;
        assert!(keeper.principal(&text).await.expect("asked").is_some());
        keeper.store.delete(key::token(&doc.id).expect("legal").key()).await.expect("deleted");
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(keeper.principal(&text).await.expect("asked"), None);
    }
}
