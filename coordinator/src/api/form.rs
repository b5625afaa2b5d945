//! `POST /v1/jobs` as a form: the part `job` as in JSON, and the part `file` with its table. The table goes to the store
//! piece by piece, as an upload; equal keys are one upload and one job.

use super::doors::Doors;
use super::guard::Call;
use super::jobs::idempotency_key;
use super::problem::{Problem, Slug};
use super::routes::BODY_BYTES_MAX;
use super::uploads::{PIECE_BYTES, uploads};
use crate::intake::read_json;
use crate::intake::upload::{Announced, UPLOAD_BYTES_MAX, write_piece};
use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt, stream};
use multer::{Constraints, Field, Multipart, SizeLimit};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::io;
use std::time::Duration;
use synthfleet_proto::id;

/// The part that holds the job.
const JOB: &str = "job";
/// The part that holds the table.
const FILE: &str = "file";

/// Whether a request says that it is a form.
pub fn is_form(headers: &HeaderMap) -> bool {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    given.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("multipart/form-data")
}

/// The job of a form, with the table that came with it as its source.
pub async fn document(doors: &Doors, call: &Call, headers: &HeaderMap, body: Body) -> Result<Value, Problem> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let boundary = multer::parse_boundary(given).map_err(|error| fault(&error))?;
    let limits = SizeLimit::new().for_field(JOB, BODY_BYTES_MAX as u64).for_field(FILE, UPLOAD_BYTES_MAX);
    let constraints = Constraints::new().allowed_fields(vec![JOB, FILE]).size_limit(limits);
    let mut form = Multipart::with_constraints(patient(body, doors.options.body_patience), boundary, constraints);
    let (mut job, mut upload) = (None, None);
    while let Some(field) = form.next_field().await.map_err(|error| fault(&error))? {
        match field.name() {
            Some(JOB) if job.is_none() => job = Some(read_json(&field.bytes().await.map_err(|error| fault(&error))?)?),
            Some(FILE) if upload.is_none() => upload = Some(stored(doors, call, headers, field).await?),
            _ => return Err(Problem::new(Slug::InvalidRequest, "the form has one part job and at most one part file")),
        }
    }
    let mut job = job.ok_or_else(|| Problem::new(Slug::InvalidRequest, "the form has no part job"))?;
    if let Some(upload) = upload {
        with_source(&mut job, &format!("upload:{upload}"))?;
    }
    Ok(job)
}

/// Names the table that came with a job. A source that only tells how to read it may stand there already.
fn with_source(job: &mut Value, uri: &str) -> Result<(), Problem> {
    let wrong = |what: &str| Problem::new(Slug::InvalidRequest, what.to_owned());
    let fields = job.as_object_mut().ok_or_else(|| wrong("the part job is an object"))?;
    match fields.get_mut("source") {
        None | Some(Value::Null) => {
            fields.insert("source".to_owned(), uri.into());
        }
        Some(Value::Object(source)) if !source.contains_key("uri") => {
            source.insert("uri".to_owned(), uri.into());
        }
        Some(_) => return Err(wrong("the part file is the source: the part job may not name another")),
    }
    Ok(())
}

/// Stores the part with the table; gives the id of its upload.
async fn stored(doors: &Doors, call: &Call, headers: &HeaderMap, mut field: Field<'_>) -> Result<String, Problem> {
    let uploads = uploads(doors, call);
    let name = field.file_name().and_then(|path| path.rsplit(['/', '\\']).next()).filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| Problem::new(Slug::InvalidRequest, "the part file has a filename"))?.to_owned();
    // a space is in no key: an upload that was begun by itself has another one
    let key = idempotency_key(headers)?.map(|key| format!("form {key}"));
    let begun = uploads.begin(&call.principal.name, key.as_deref(), Announced { name, bytes: None, sha256: None }).await?;
    if let Some(done) = uploads.done(&begun.upload).await? {
        let mut digest = Sha256::new();
        while let Some(frame) = field.chunk().await.map_err(|error| fault(&error))? {
            digest.update(&frame);
        }
        let same = id::hex(&digest.finalize()) == done.sha256;
        return if same { Ok(begun.upload) } else { Err(Problem::new(Slug::IdempotencyMismatch, "this key belongs to another table")) };
    }
    let mut part = uploads.part(&begun.upload, 0).await?;
    let (mut piece, mut written) = (BytesMut::new(), 0);
    while let Some(frame) = field.chunk().await.map_err(|error| fault(&error))? {
        piece.extend_from_slice(&frame);
        if piece.len() >= PIECE_BYTES {
            write_piece(&mut part, &mut written, UPLOAD_BYTES_MAX, piece.split().freeze()).await?;
        }
    }
    if !piece.is_empty() {
        write_piece(&mut part, &mut written, UPLOAD_BYTES_MAX, piece.freeze()).await?;
    }
    part.finish().await?;
    uploads.complete(&begun).await?;
    Ok(begun.upload)
}

/// A body whose next piece is waited for so long and no longer.
fn patient(body: Body, patience: Duration) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::unfold(body.into_data_stream(), move |mut frames| async move {
        let frame = match tokio::time::timeout(patience, frames.next()).await {
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
            Ok(frame) => frame?.map_err(io::Error::other),
        };
        Some((frame, frames))
    })
}

/// What is wrong with a form.
fn fault(error: &multer::Error) -> Problem {
    match error {
        multer::Error::FieldSizeExceeded { .. } | multer::Error::StreamSizeExceeded { .. } => {
            Problem::new(Slug::TooLarge, format!("the part job has at most {BODY_BYTES_MAX} bytes, the part file {UPLOAD_BYTES_MAX}"))
        }
        multer::Error::StreamReadFailed(cause) => {
            let is_late = cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut);
            if is_late {
                Problem::new(Slug::Timeout, "the bytes came too slowly")
            } else {
                Problem::new(Slug::InvalidRequest, "the body was cut off")
            }
        }
        multer::Error::UnknownField { .. } => Problem::new(Slug::InvalidRequest, "the form has parts job and file, and no other"),
        _ => Problem::new(Slug::InvalidRequest, "the body is no form as its Content-Type says"),
    }
}
