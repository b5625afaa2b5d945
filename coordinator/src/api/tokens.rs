//! Tokens: list, make, make void. A caller manages those of the tenants it reaches, and gives no scope it lacks.

use super::answer::{Answer, json, put};
use super::doors::Doors;
use super::guard::Call;
use super::jobs::document;
use super::problem::{Problem, Slug};
use crate::auth::{Reach, Wish, mint};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use synthfleet_proto::calendar::rfc3339;
use synthfleet_proto::token::{Scope, TokenDoc};
use synthfleet_proto::{id, key};
use synthfleet_store::read_fact;

/// Longest life of a token that has an end, in seconds: ten years.
const SECONDS_MAX: u64 = 315_360_000;

/// `GET /v1/tokens`
pub async fn list(State(doors): State<Arc<Doors>>, call: Call) -> Answer {
    let (mut items, mut after) = (Vec::new(), None);
    loop {
        let page = doors.store().list(&key::tokens()?, after.as_ref(), 1_000).await?;
        for entry in &page {
            let doc = read_fact::<TokenDoc>(doors.store(), &entry.key).await?;
            items.extend(doc.filter(|doc| reaches(&call, &doc.fact)).map(|doc| shown(&doc.fact)));
        }
        after = page.last().filter(|_| page.len() == 1_000).map(|entry| entry.key.clone());
        if after.is_none() {
            return Ok(json(StatusCode::OK, &json!({ "items": items, "next_cursor": null })));
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    scopes: Vec<Scope>,
    /// Seconds until it is void; absent: never.
    seconds: Option<u64>,
    #[serde(default)]
    note: String,
    /// For every tenant; only callers who reach every tenant may give that.
    #[serde(default)]
    every_tenant: bool,
}

/// `POST /v1/tokens`
pub async fn make(State(doors): State<Arc<Doors>>, call: Call, headers: HeaderMap, body: Bytes) -> Answer {
    let asked: Asked = serde_json::from_value(document(&headers, &body)?)
        .map_err(|error| Problem::new(Slug::InvalidRequest, format!("the body is {{scopes, seconds?, note?, every_tenant?}}: {error}")))?;
    if asked.every_tenant && call.principal.reach != Reach::All {
        return Err(Problem::new(Slug::Forbidden, "only who reaches every tenant may give that"));
    }
    if let Some(scope) = asked.scopes.iter().find(|scope| !call.principal.has(**scope)) {
        return Err(Problem::new(Slug::Forbidden, format!("who lacks the scope {} may not give it", scope.name())));
    }
    if asked.seconds.is_some_and(|seconds| !(1..=SECONDS_MAX).contains(&seconds)) {
        return Err(Problem::new(Slug::InvalidRequest, format!("seconds is 1 to {SECONDS_MAX}")));
    }
    let service = &doors.parts.service;
    let expires_at = asked.seconds.map(|seconds| service.clock.now_ms() as i64 + seconds as i64 * 1_000);
    let tenant = (!asked.every_tenant).then(|| call.tenant.clone());
    let wish = Wish { tenant, scopes: asked.scopes.into_iter().collect(), expires_at, note: asked.note };
    let minted = mint(doors.store(), service.entropy.as_ref(), service.clock.as_ref(), wish).await?;
    tracing::info!(token = minted.doc.id, by = call.principal.name, "a token was made");
    let mut told = shown(&minted.doc);
    told["token"] = minted.text.into();
    let mut response = json(StatusCode::CREATED, &told);
    put(&mut response, header::LOCATION, &format!("/v1/tokens/{}", minted.doc.id));
    Ok(response)
}

/// `DELETE /v1/tokens/{token}`
pub async fn revoke(State(doors): State<Arc<Doors>>, Path(token): Path<String>, call: Call) -> Answer {
    if !id::is_base32(&token) {
        return Err(Problem::not_found());
    }
    let key = key::token(&token)?;
    let doc = read_fact::<TokenDoc>(doors.store(), key.key()).await?;
    doc.filter(|doc| reaches(&call, &doc.fact)).ok_or_else(Problem::not_found)?;
    doors.store().delete(key.key()).await?;
    doors.keeper.forget(&token);
    tracing::info!(token, by = call.principal.name, "a token was made void");
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn reaches(call: &Call, doc: &TokenDoc) -> bool {
    match &call.principal.reach {
        Reach::All => true,
        Reach::One(tenant) => doc.tenant.as_ref() == Some(tenant),
    }
}

fn shown(doc: &TokenDoc) -> Value {
    json!({
        "id": doc.id, "tenant": doc.tenant, "scopes": doc.scopes, "note": doc.note,
        "created": rfc3339(doc.created_at), "expires": doc.expires_at.map(rfc3339),
    })
}
