//! What stands before every handler: who calls, may they, how often, and is the request of the form of its row.

use super::bind::{Auth, Proxy, is_own_host, is_own_origin};
use super::doors::Doors;
use super::problem::{Problem, Slug};
use super::query::Query;
use super::routes::{Access, Row};
use crate::auth::{Denied, Place, Principal, Reach, authorize};
use crate::metrics;
use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use synthfleet_proto::id;
use synthfleet_proto::key::JobKeys;
use synthfleet_proto::task::TaskId;

/// The header by which a caller who reaches every tenant names one.
pub const TENANT: &str = "x-synthfleet-tenant";
/// Time that a handler may take until its answer begins.
const PATIENCE: Duration = Duration::from_secs(90);

/// A call that passed the guard.
#[derive(Debug, Clone)]
pub struct Call {
    /// Who calls.
    pub principal: Arc<Principal>,
    /// For which tenant.
    pub tenant: String,
    /// Query parameters.
    pub query: Query,
}

impl Call {
    /// The keys of a job of the caller's tenant. What cannot be an id is not there.
    pub fn job(&self, job: &str) -> Result<JobKeys, Problem> {
        if !id::is_job(job) {
            return Err(Problem::not_found());
        }
        Ok(JobKeys::new(&self.tenant, job)?)
    }

    /// The id of a task. What cannot be one is not there.
    pub fn task(&self, task: &str) -> Result<TaskId, Problem> {
        TaskId::parse(task).map_err(|_| Problem::not_found())
    }
}

impl<S: Sync> FromRequestParts<S> for Call {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // a handler can only be reached through the guard
        parts.extensions.get::<Self>().cloned().ok_or_else(Problem::not_found)
    }
}

/// Guards the handler of a row.
pub async fn guard(State((doors, row)): State<(Arc<Doors>, Row)>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match pass(&doors, &row, &parts).await {
        Ok(call) => parts.extensions.insert(call),
        Err(problem) => return problem.into_response(),
    };
    let request = Request::from_parts(parts, body);
    if row.is_patient(request.headers()) {
        return next.run(request).await;
    }
    match tokio::time::timeout(PATIENCE, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::new(Slug::Unavailable, "no answer in time").into_response(),
    }
}

async fn pass(doors: &Doors, row: &Row, request: &Parts) -> Result<Call, Problem> {
    let headers = &request.headers;
    if doors.options.auth == Auth::Off {
        own_machine(doors, request)?;
    }
    let principal = match row.access {
        Access::Open => Principal { name: "nobody".to_owned(), reach: Reach::One(String::new()), scopes: [].into() },
        Access::Tenant(_) | Access::Fleet(_) => identify(doors, request).await?,
    };
    if let Err(wait) = doors.requests.take(&caller(&principal, request)) {
        doors.parts.book.add(metrics::QUOTA_REFUSALS, &["requests"], 1);
        return Err(Problem::new(Slug::RateLimited, "too many requests").retry_after(wait.as_secs_f64().ceil() as u64));
    }
    let tenant = tenant(doors, &principal, headers)?;
    let judged = match row.access {
        Access::Open => Ok(()),
        Access::Tenant(scope) => authorize(&principal, Place::Tenant(&tenant), scope),
        Access::Fleet(scope) => authorize(&principal, Place::Fleet, scope),
    };
    judged.map_err(|denied| refuse(doors, denied))?;
    let query = Query::read(request.uri.query(), row.query, row.several)?;
    Ok(Call { principal: Arc::new(principal), tenant, query })
}

fn refuse(doors: &Doors, denied: Denied) -> Problem {
    match denied {
        Denied::Hidden => {
            doors.parts.book.add(metrics::AUTH_FAILURES, &["tenant"], 1);
            Problem::not_found()
        }
        Denied::Scope(scope) => {
            doors.parts.book.add(metrics::AUTH_FAILURES, &["scope"], 1);
            Problem::new(Slug::Forbidden, format!("this needs the scope {}", scope.name()))
        }
    }
}

/// Without tokens a page of another site must not be able to call through the person's browser.
fn own_machine(doors: &Doors, request: &Parts) -> Result<(), Problem> {
    let text = |name: header::HeaderName| request.headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST).or_else(|| request.uri.authority().map(|authority| authority.as_str()));
    if !host.is_some_and(is_own_host) {
        doors.parts.book.add(metrics::AUTH_FAILURES, &["host"], 1);
        return Err(Problem::new(Slug::Forbidden, "without tokens only localhost, 127.0.0.1 and [::1] are served"));
    }
    let foreign = text(header::ORIGIN).is_some_and(|origin| !is_own_origin(origin))
        || (request.headers.contains_key(header::ORIGIN) && text(header::ORIGIN).is_none());
    if !request.method.is_safe() && foreign {
        doors.parts.book.add(metrics::AUTH_FAILURES, &["origin"], 1);
        return Err(Problem::new(Slug::Forbidden, "a page of another site may not do this"));
    }
    Ok(())
}

async fn identify(doors: &Doors, request: &Parts) -> Result<Principal, Problem> {
    let proxy = match &doors.options.auth {
        Auth::Off => return Ok(Principal::local()),
        Auth::Tokens(proxy) => proxy.as_ref(),
    };
    if let Some(found) = proxy.and_then(|proxy| by_proxy(proxy, request)) {
        return found.ok_or_else(|| unknown(doors, "unknown"));
    }
    let given = request.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = given.and_then(|given| given.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let Some((_, token)) = token else { return Err(unknown(doors, "missing")) };
    let (token, from) = (token.trim(), peer(request).map_or_else(String::new, |address| address.to_string()));
    if !doors.keeper.remembers(token) && doors.guesses.is_empty(&from) {
        doors.parts.book.add(metrics::QUOTA_REFUSALS, &["requests"], 1);
        return Err(Problem::new(Slug::RateLimited, "too many wrong tokens came from this address").retry_after(10));
    }
    if let Some(principal) = doors.keeper.principal(token).await? {
        return Ok(principal);
    }
    let _ = doors.guesses.take(&from);
    Err(unknown(doors, "unknown"))
}

fn unknown(doors: &Doors, reason: &str) -> Problem {
    doors.parts.book.add(metrics::AUTH_FAILURES, &[reason], 1);
    Problem::new(Slug::Unauthorized, "a valid token is needed")
}

/// The user that a trusted proxy names; outer `None`: no such proxy sent this; inner `None`: a user without rights.
fn by_proxy(proxy: &Proxy, request: &Parts) -> Option<Option<Principal>> {
    let name = request.headers.get(proxy.header.as_str())?.to_str().ok()?;
    proxy.peers.contains(&peer(request)?).then(|| {
        let (tenant, scopes) = proxy.users.get(name)?;
        let reach = tenant.clone().map_or(Reach::All, Reach::One);
        Some(Principal { name: format!("user:{name}"), reach, scopes: scopes.iter().copied().collect() })
    })
}

fn peer(request: &Parts) -> Option<IpAddr> {
    request.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip())
}

/// Whose bucket a request is taken from: callers without a name share one for each address.
fn caller(principal: &Principal, request: &Parts) -> String {
    if principal.name != "nobody" {
        return principal.name.clone();
    }
    peer(request).map_or_else(|| "nobody".to_owned(), |address| address.to_string())
}

fn tenant(doors: &Doors, principal: &Principal, headers: &HeaderMap) -> Result<String, Problem> {
    let own = match &principal.reach {
        Reach::One(tenant) => tenant,
        Reach::All => &doors.options.tenant,
    };
    let Some(named) = headers.get(TENANT) else { return Ok(own.clone()) };
    let named = named.to_str().unwrap_or_default();
    // what cannot be a tenant is not there
    crate::auth::check_tenant(named).map_err(|_| Problem::not_found())?;
    Ok(named.to_owned())
}
