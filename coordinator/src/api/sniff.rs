//! `POST /v1/sniff`: how the beginning of a table is written and what its columns seem to hold. Nothing is stored.
//! This room decodes no row: whoever opened the door gave it something that looks, or no sniffing is done here.

use super::answer::{Answer, json};
use super::doors::Doors;
use super::guard::Call;
use super::jobs::document;
use super::problem::{Problem, Slug};
use crate::auth::{Place, authorize};
use crate::intake::upload::Uploads;
use crate::intake::uploaded_source;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use synthfleet_proto::job::{JobSpec, Source};
use synthfleet_proto::token::Scope;
use synthfleet_proto::{Error, Result, key};

/// Longest look.
const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes of an upload that are brought here: more than is looked at, as the whole of a short file tells more.
const BEGINNING_BYTES: u64 = 8 << 20;
/// How Parquet files begin; what is in them stands at their end.
const PARQUET: &[u8] = b"PAR1";
/// Looks at once.
pub const AT_ONCE: usize = 4;

/// Where a table begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Beginning {
    /// A simulated set; its address says which.
    Simulated,
    /// A file of this machine.
    File(PathBuf),
    /// Bytes under a name; `cut`: there are more.
    Bytes {
        /// Name of the file.
        name: String,
        /// Its beginning.
        bytes: Bytes,
        /// Whether it goes on.
        cut: bool,
    },
}

/// What was seen.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sniffed {
    /// What everybody who may submit may know.
    pub told: Value,
    /// First rows, for who may see real ones.
    pub rows: Vec<Vec<String>>,
}

/// Looks at the beginning of a table. It may take its time: it is called off the async threads.
pub type Sniff = Arc<dyn Fn(&Source, Beginning) -> Result<Sniffed> + Send + Sync>;

/// `POST /v1/sniff`
pub async fn sniff(State(doors): State<Arc<Doors>>, call: Call, headers: HeaderMap, body: Bytes) -> Answer {
    let wish = document(&headers, &body)?;
    let only = wish.as_object().is_some_and(|fields| fields.len() == 1 && fields.contains_key("source"));
    if !only {
        return Err(Problem::new(Slug::InvalidRequest, "the body is {\"source\": ..} as a job has it"));
    }
    let looks = doors
        .parts
        .sniff
        .clone()
        .ok_or_else(|| Problem::new(Slug::Conflict, "nobody looks at tables here: submit a job with \"hold\": true"))?;
    let (mut job, mut problems) = JobSpec::read_all(&wish);
    if problems.is_empty() {
        problems = doors.options.sources.refused(&job);
    }
    let mut problems = problems.into_iter();
    if let Some(first) = problems.next() {
        return Err(first.and(problems).into());
    }
    let (beginning, own) = beginning(&doors, &call, &mut job).await?;
    let may_see = own || authorize(&call.principal, Place::Tenant(&call.tenant), Scope::ReadReal).is_ok();
    let Ok(permit) = Arc::clone(&doors.sniffing).try_acquire_owned() else {
        return Err(Problem::new(Slug::RateLimited, "too many tables are looked at now").retry_after(1));
    };
    let look = tokio::task::spawn_blocking(move || {
        // held until the look is over, even if nobody waits for it any more
        let _permit = permit;
        looks(&job.source, beginning)
    });
    let seen = tokio::time::timeout(PATIENCE, look).await.map_err(|_| too_slow())?;
    let seen = seen.map_err(|error| Error::internal("sniff::panic", error.to_string()))??;
    let mut told = seen.told;
    told["rows"] = if may_see { json!(seen.rows) } else { Value::Null };
    Ok(json(StatusCode::OK, &told))
}

fn too_slow() -> Problem {
    Problem::new(Slug::Conflict, "the table is not understood by a short look: submit a job with \"hold\": true")
}

/// Where the table begins, and whether its rows are the caller's own.
async fn beginning(doors: &Doors, call: &Call, job: &mut JobSpec) -> std::result::Result<(Beginning, bool), Problem> {
    let uri = job.source.uri.clone();
    if uri.starts_with("sim:") {
        return Ok((Beginning::Simulated, true));
    }
    if let Some(upload) = uri.strip_prefix("upload:") {
        let members = doors.members();
        uploaded_source(&doors.desk(&members), &call.tenant, job).await?;
        let service = &doors.parts.service;
        let uploads =
            Uploads { store: doors.store(), entropy: service.entropy.as_ref(), clock: service.clock.as_ref(), tenant: &call.tenant };
        let begun = uploads.find(upload).await?.ok_or_else(Problem::not_found)?;
        let own = begun.principal == call.principal.name;
        let data = key::upload_data(&call.tenant, upload)?;
        let object = doors.store().get(data.key(), Some(0..BEGINNING_BYTES)).await?.ok_or_else(Problem::not_found)?;
        let cut = object.entry.length > object.bytes.len() as u64;
        if cut && object.bytes.starts_with(PARQUET) {
            return Err(too_slow());
        }
        return Ok((Beginning::Bytes { name: begun.name, bytes: object.bytes, cut }, own));
    }
    if uri.contains("://") && !uri.starts_with("file://") {
        return Err(Problem::new(Slug::SourceRefused, "links are read by workers alone: submit a job with \"hold\": true"));
    }
    // such a door serves the person at this machine
    Ok((Beginning::File(PathBuf::from(uri.strip_prefix("file://").unwrap_or(&uri))), true))
}
