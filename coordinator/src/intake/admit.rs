//! From a document that somebody sent to an accepted job: the same path for every door.

use super::resolve::{CheckOptions, resolve};
use super::source::Sources;
use super::submit::{Asked, Desk, Submitted, submit_within};
use super::upload::Uploads;
use serde_json::Value;
use synthfleet_proto::class::Class;
use synthfleet_proto::envelope::Trace;
use synthfleet_proto::fact::{Reply, UploadBegun, UploadDone};
use synthfleet_proto::job::JobSpec;
use synthfleet_proto::{Error, Result};

/// A document that came through a door, with what the door knows of its sender.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Tenant, from the identity of the sender and never from the document.
    pub tenant: String,
    /// Sender.
    pub principal: String,
    /// `http`, `amqp`, `sqs`.
    pub door: &'static str,
    /// Idempotency key.
    pub key: Option<String>,
    /// The job.
    pub document: Value,
    /// Where its end is told.
    pub reply: Option<Reply>,
    /// The trace that it belongs to, if its sender named one.
    pub trace: Option<Trace>,
}

/// Accepts a job, or tells every problem at once; then nothing was stored.
pub async fn admit(desk: &Desk<'_>, sources: &Sources, request: Request) -> Result<Submitted> {
    let mut job = read(desk, sources, &request)?;
    let source_sha256 = uploaded_source(desk, &request.tenant, &mut job).await?;
    let holdout = uploaded(desk, &request.tenant, job.holdout_source.as_deref(), "/holdout_source").await?;
    let holdout_sha256 = holdout.map(|(_, done)| done.sha256);
    let Request { tenant, principal, door, key, reply, trace, .. } = request;
    let asked = Asked { tenant, principal, door: door.to_owned(), key, job, source_sha256, holdout_sha256, reply };
    submit_within(desk, asked, trace).await
}

/// Accepts a job by the members that the fleet has now. What this replica does not know may be of a worker that came a
/// moment ago, so it looks again before it refuses.
///
/// # Errors
/// As [`admit`]; `Unavailable` with `fleet::no_members` while no worker ever said what it takes.
pub async fn admit_now(service: &crate::Parts, check: CheckOptions<'_>, sources: &Sources, request: Request) -> Result<Submitted> {
    let accept = async |request| {
        let members = service.roster.now();
        let (store, clock, entropy) = (service.store.as_ref(), service.clock.as_ref(), service.entropy.as_ref());
        admit(&Desk { store, catalogue: &members.catalogue, check, clock, entropy }, sources, request).await
    };
    match accept(request.clone()).await {
        Err(error) if !service.roster.is_fixed() && names_unknown_member(&error) => {
            service.roster.renew(service.store.as_ref()).await?;
            if service.roster.now().catalogue.synthesizers().is_empty() {
                let error = Error::unavailable("fleet::no_members", "no worker has said yet what it takes");
                return Err(error.help("start a worker; then submit again"));
            }
            accept(request).await
        }
        told => told,
    }
}

fn names_unknown_member(error: &Error) -> bool {
    std::iter::once(error).chain(error.others()).any(|error| ["job::unknown_member", "synthesizer::later"].contains(&error.code()))
}

/// Reads and checks a job without storing anything.
fn read(desk: &Desk<'_>, sources: &Sources, request: &Request) -> Result<JobSpec> {
    let (mut job, mut problems) = JobSpec::read_all(&request.document);
    if request.document.get("priority").is_none() && request.door != "http" {
        // nobody waits at the other end of a queue
        job.priority = Class::Batch;
    }
    // a job that cannot be read has no source to judge
    if problems.is_empty() {
        problems.extend(sources.refused(&job));
        problems.extend(resolve(&job, desk.catalogue, desk.check).err());
    }
    let mut problems = problems.into_iter();
    match problems.next() {
        None => Ok(job),
        Some(first) => Err(first.and(problems)),
    }
}

/// What is known of an upload that a job names; `None`: it names something else.
async fn uploaded(desk: &Desk<'_>, tenant: &str, uri: Option<&str>, pointer: &str) -> Result<Option<(UploadBegun, UploadDone)>> {
    let Some(upload) = uri.and_then(|uri| uri.strip_prefix("upload:")) else { return Ok(None) };
    let uploads = Uploads { store: desk.store, entropy: desk.entropy, clock: desk.clock, tenant };
    let unknown = || Error::data("source::not_found", "no such upload").at_pointer(pointer);
    let begun = uploads.find(upload).await?.ok_or_else(unknown)?;
    let incomplete = || Error::invalid("upload::incomplete", "the upload is not complete").at_pointer(pointer);
    let done = uploads.done(upload).await?.ok_or_else(|| incomplete().help("POST /v1/uploads/{id}/complete first"))?;
    Ok(Some((begun, done)))
}

/// The SHA-256 of an upload that is the job's source; the table gets the name of the file. What the file is, its bytes
/// tell when it is read: an ending would let a page that was saved as `.csv` pass as a table.
pub(crate) async fn uploaded_source(desk: &Desk<'_>, tenant: &str, job: &mut JobSpec) -> Result<Option<String>> {
    let Some((begun, done)) = uploaded(desk, tenant, Some(&job.source.uri), "/source/uri").await? else { return Ok(None) };
    let file = begun.name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain = ["gz", "zst"].iter().find_map(|packed| file.strip_suffix(&format!(".{packed}"))).unwrap_or(file);
    let (stem, _) = plain.rsplit_once('.').unwrap_or((plain, ""));
    if job.table.is_none() && !stem.is_empty() {
        job.table = Some(stem.to_owned());
    }
    Ok(Some(done.sha256))
}
