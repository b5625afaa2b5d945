//! Calls the page that a job names in `callback_url`, once it ended: a CloudEvent, signed. A marker in the store says
//! that a page is still to be called, and its age when that was tried last, so any replica goes on where another one
//! stopped. Called at least once: receivers know repetitions by the event's id.

use crate::api::{job_links, problem_of};
use crate::{Options, Parts, metrics};
use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream};
use hmac::{Hmac, Mac};
use serde_json::json;
use sha2::Sha256;
use std::sync::Arc;
use std::time::Duration;
use synthfleet_metrics::Book;
use synthfleet_proto::fact::{self, CallFact, FinalFact, SpecFact};
use synthfleet_proto::key::{self, JobKeys, Named};
use synthfleet_proto::{Error, Result, id};
use synthfleet_store::foreign::Links;
use synthfleet_store::{Entry, create_fact, read_fact};

/// Time between two looks for pages to be called.
const EVERY: Duration = Duration::from_secs(5);
/// Calls that are under way at once.
const AT_ONCE: usize = 16;
/// Calls of one page: the first and five more.
const CALLS_MAX: u32 = 6;
/// Pause after the first call; each further one is three times as long.
const PAUSE: Duration = Duration::from_secs(10);
/// Fewest bytes of a secret.
const SECRET_BYTES_MIN: usize = 16;

/// The line to pages outside.
#[async_trait]
pub trait Line: Send + Sync {
    /// Calls a page once and gives the status of its answer.
    async fn call(&self, page: &str, headers: &[(&str, String)], body: Bytes) -> Result<u16>;
}

#[async_trait]
impl Line for Links {
    async fn call(&self, page: &str, headers: &[(&str, String)], body: Bytes) -> Result<u16> {
        Self::call(self, page, headers, body).await
    }
}

/// What calls are made with.
#[derive(Clone)]
pub struct Callbacks {
    line: Arc<dyn Line>,
    /// Codes under the secret that receivers know.
    code: Hmac<Sha256>,
}

impl Callbacks {
    /// Calls over a line, signed with a secret that receivers know.
    ///
    /// # Errors
    /// `callback::secret` for one that could be guessed.
    pub fn new(line: Arc<dyn Line>, secret: &str) -> Result<Self> {
        let secret = secret.trim();
        if secret.len() < SECRET_BYTES_MIN {
            let message = format!("a callback secret of {} bytes, at least {SECRET_BYTES_MIN}", secret.len());
            return Err(Error::invalid("callback::secret", message).help("openssl rand -hex 32"));
        }
        let unfit = |_| Error::invalid("callback::secret", "a callback secret that is no key").help("openssl rand -hex 32");
        Ok(Self { line, code: Hmac::new_from_slice(secret.as_bytes()).map_err(unfit)? })
    }

    /// `t=<seconds>,v1=<HMAC-SHA256 of "t.body">`: who knows the secret knows that the body is ours, and when it was sent.
    fn signature(&self, seconds: u64, body: &[u8]) -> String {
        let code = self.code.clone().chain_update(format!("{seconds}.")).chain_update(body).finalize().into_bytes();
        format!("t={seconds},v1={}", id::hex(&code))
    }
}

/// Notes that a page is to be called, if the job names one. Called before the job's own marker goes, so that whoever
/// dies in between leaves the telling to the next one.
pub(crate) async fn begin(parts: &Parts, keys: &JobKeys, spec: &SpecFact) -> Result<()> {
    if spec.request.callback_url.is_none() || parts.callbacks.is_none() {
        return Ok(());
    }
    let (called, marker) = (keys.called()?, keys.call()?);
    if parts.store.head(called.key()).await?.is_some() || parts.store.head(marker.key()).await?.is_some() {
        return Ok(());
    }
    wait(parts, keys, 0).await
}

/// How often the page of a marker was called.
fn calls_of(marker: &[u8]) -> u32 {
    let waiting = serde_json::from_slice::<serde_json::Value>(marker).unwrap_or_default();
    waiting["calls"].as_u64().and_then(|calls| u32::try_from(calls).ok()).unwrap_or_default()
}

async fn wait(parts: &Parts, keys: &JobKeys, calls: u32) -> Result<()> {
    let waiting = fact::encode(&json!({ "v": fact::VERSION, "calls": calls }))?;
    parts.store.put(&keys.call()?, waiting.into()).await
}

/// Calls pages of our tenants' jobs, again and again.
pub(crate) async fn watch(options: Options, parts: Parts, book: Arc<Book>) {
    if parts.callbacks.is_none() {
        return;
    }
    loop {
        if let Err(error) = look(&options, &parts, &book).await {
            tracing::warn!(code = error.code(), "pages to be called could not be listed");
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// One look: calls every page whose pause is over.
async fn look(options: &Options, parts: &Parts, book: &Book) -> Result<()> {
    let entries = crate::fleet::all(parts.store.as_ref(), &key::calls()?).await?;
    let calls = stream::iter(entries).map(|entry| async move {
        let Some(Named::Call { tenant, job }) = entry.key.named() else { return };
        if !parts.roster.now().is_owner(&options.id, tenant) {
            return;
        }
        if let Err(error) = turn(parts, book, tenant, job, &entry).await {
            tracing::warn!(job, code = error.code(), "a page could not be called");
        }
    });
    calls.buffer_unordered(AT_ONCE).collect::<()>().await;
    Ok(())
}

/// Calls one page, unless its pause goes on.
async fn turn(parts: &Parts, book: &Book, tenant: &str, job: &str, entry: &Entry) -> Result<()> {
    let keys = JobKeys::new(tenant, job)?;
    let calls = match parts.store.get(&entry.key, None).await? {
        Some(object) => calls_of(&object.bytes),
        None => return Ok(()),
    };
    if calls > 0 && entry.age < pause(job, calls) {
        return Ok(());
    }
    let spec = read_fact::<SpecFact>(parts.store.as_ref(), keys.spec()?.key()).await?;
    let last = read_fact::<FinalFact>(parts.store.as_ref(), keys.last()?.key()).await?;
    let (Some(spec), Some(last), Some(callbacks)) = (spec, last, &parts.callbacks) else {
        // deleted meanwhile: there is nothing left to tell
        return parts.store.delete(&entry.key).await;
    };
    let Some(page) = spec.fact.request.callback_url.clone() else { return parts.store.delete(&entry.key).await };
    let status = call(parts, callbacks, &page, &event(&spec.fact, &last.fact)).await;
    let (calls, told) = (calls + 1, status.is_some_and(|status| (200..300).contains(&status)));
    let outcome = if told { "delivered" } else { status.map_or("unanswered", |_| "refused") };
    book.add(metrics::CALLBACKS, &[outcome], 1);
    if !told && calls < CALLS_MAX {
        return wait(parts, &keys, calls).await;
    }
    if !told {
        book.add(metrics::CALLBACKS, &["given_up"], 1);
        tracing::warn!(job, calls, "nobody will call the page of this job again");
    }
    let fact = CallFact { v: fact::VERSION, calls, told, status };
    create_fact(parts.store.as_ref(), &keys.called()?, &fact, parts.entropy.bits()).await?;
    parts.store.delete(&entry.key).await
}

/// One call; the status of its answer, if one came.
async fn call(parts: &Parts, callbacks: &Callbacks, page: &str, body: &serde_json::Value) -> Option<u16> {
    let body = Bytes::from(body.to_string());
    let headers = [
        ("content-type", "application/cloudevents+json".to_owned()),
        ("synthfleet-signature", callbacks.signature(parts.clock.now_ms() / 1_000, &body)),
    ];
    match callbacks.line.call(page, &headers, body).await {
        Ok(status) => Some(status),
        Err(error) => {
            // the address may hold a secret: it is not told
            tracing::info!(code = error.code(), "a page did not answer");
            None
        }
    }
}

/// The event (CloudEvents 1.0, structured). Its bytes are the same at every call.
fn event(spec: &SpecFact, last: &FinalFact) -> serde_json::Value {
    json!({
        "specversion": "1.0", "id": format!("{}.final", spec.job), "source": format!("/v1/jobs/{}", spec.job),
        "type": "synthfleet.job.finished.v1", "subject": spec.job, "datacontenttype": "application/json",
        "data": {
            "job": spec.job, "state": last.state.name(), "outcome": last.outcome, "winner": last.winner,
            "labels": spec.request.labels, "problem": last.error.as_ref().map(problem_of), "links": job_links(&spec.job),
        },
    })
}

/// The pause after so many calls, a tenth more or less, so that pages are not called by all their jobs at once.
fn pause(job: &str, calls: u32) -> Duration {
    let draw = id::sha256_hex(format!("{job}.{calls}").as_bytes());
    let draw = u32::from_str_radix(&draw[..4], 16).unwrap_or_default() % 201;
    PAUSE * 3_u32.saturating_pow(calls.saturating_sub(1)) * (900 + draw) / 1_000
}

#[cfg(test)]
mod tests;
