//! `token`: who may call a server. The first token of a fleet is made right in its store, as no server would let
//! anybody make it.

use super::Surroundings;
use crate::arguments::{Token, TokenWhat};
use crate::client::Client;
use crate::config::StoreConfig;
use crate::present::list::{cell, items, text};
use crate::roles::parts::{self, MachineEntropy, WallClock};
use crate::{jobfile, say, tell};
use serde_json::{Value, json};
use synthfleet_coordinator::auth::{Wish, mint};
use synthfleet_proto::calendar::rfc3339;
use synthfleet_proto::outside::Clock;
use synthfleet_proto::token::Scope;
use synthfleet_proto::{Error, Result};

/// Does what the flags say.
pub async fn run(flags: &Token, surroundings: &Surroundings) -> Result<u8> {
    let tenant = flags.caller.tenant.as_deref();
    if let TokenWhat::New { scope, expires, note, every_tenant, store } = &flags.what {
        let new = New { scopes: scope, seconds: expires.as_deref().map(seconds).transpose()?, note, every_tenant: *every_tenant };
        let made = match store {
            Some(store) => new.in_store(&StoreConfig { url: store.clone(), ..surroundings.config.store.clone() }, tenant).await?,
            None => Client::open(&surroundings.config.client, tenant)?.post(&["v1", "tokens"], Some(&new.body())).await?,
        };
        show(&made, surroundings);
        return Ok(0);
    }
    let client = Client::open(&surroundings.config.client, tenant)?;
    match &flags.what {
        TokenWhat::Revoke { id } => {
            client.delete(&["v1", "tokens", id]).await?;
            if surroundings.json {
                say!("{}", json!({ "id": id, "revoked": true }));
            } else {
                say!("revoked {id}; within half a minute no server takes it any more");
            }
        }
        _ => {
            let told = client.get(&["v1", "tokens"], &[]).await?;
            if surroundings.json {
                say!("{told}");
            } else {
                say!("{}", text(&["token", "tenant", "scopes", "created", "expires", "note"], items(&told).iter().map(row)));
            }
        }
    }
    Ok(0)
}

/// A token that is wished for.
struct New<'a> {
    scopes: &'a [String],
    seconds: Option<u64>,
    note: &'a str,
    every_tenant: bool,
}

impl New<'_> {
    /// The request to a server.
    fn body(&self) -> Value {
        json!({ "scopes": self.scopes, "seconds": self.seconds, "note": self.note, "every_tenant": self.every_tenant })
    }

    /// Makes it in a store: whoever may write there needs nobody's leave.
    async fn in_store(&self, config: &StoreConfig, tenant: Option<&str>) -> Result<Value> {
        if self.every_tenant == tenant.is_some() {
            let error = Error::invalid("cli::flag", "a token in a store is for one tenant or for all");
            return Err(error.help("say --every-tenant, or name one with --tenant"));
        }
        let scopes = Scope::ALL.into_iter().filter(|scope| self.scopes.iter().any(|name| name == scope.name())).collect();
        let expires_at = self.seconds.map(|seconds| WallClock.now_ms() as i64 + seconds as i64 * 1_000);
        let wish = Wish { tenant: tenant.map(str::to_owned), scopes, expires_at, note: self.note.to_owned() };
        let store = parts::store(config, None).await?;
        let minted = mint(store.as_ref(), &MachineEntropy, &WallClock, wish).await?;
        let doc = minted.doc;
        Ok(json!({
            "id": doc.id, "tenant": doc.tenant, "scopes": doc.scopes, "note": doc.note, "created": rfc3339(doc.created_at),
            "expires": doc.expires_at.map(rfc3339), "token": minted.text,
        }))
    }
}

fn seconds(text: &str) -> Result<u64> {
    jobfile::seconds("--expires", text).map(|seconds| seconds.ceil() as u64)
}

/// A new token, once: its secret is kept nowhere.
fn show(made: &Value, surroundings: &Surroundings) {
    if surroundings.json {
        say!("{made}");
        return;
    }
    if !surroundings.quiet {
        let tenant = if made["tenant"].is_null() { "every tenant".to_owned() } else { format!("tenant {}", cell(&made["tenant"])) };
        tell!("  token    {}   {tenant}   {}   expires: {}", cell(&made["id"]), cell(&made["scopes"]), cell(&made["expires"]));
        tell!("  keep it  it is shown this once; put it into a file and name that with client.token_file");
    }
    say!("{}", cell(&made["token"]));
}

fn row(token: &Value) -> Vec<String> {
    let tenant = if token["tenant"].is_null() { "(every)".to_owned() } else { cell(&token["tenant"]) };
    let [id, scopes, created, expires, note] = ["id", "scopes", "created", "expires", "note"].map(|name| cell(&token[name]));
    vec![id, tenant, scopes, created, expires, note]
}
