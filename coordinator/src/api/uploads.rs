//! Uploads: a table comes in one stream or in parts, through whichever replica, and goes to the store piece by piece.

use super::answer::{Answer, json, put};
use super::doors::Doors;
use super::guard::Call;
use super::jobs::{document, idempotency_key};
use super::problem::{Problem, Slug};
use crate::intake::is_upload;
use crate::intake::upload::{ABANDONED_MS, Announced, PART_BYTES, UPLOAD_BYTES_MAX, Uploads, write_piece};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use serde_json::{Value, json};
use std::sync::Arc;
use synthfleet_proto::calendar::rfc3339;
use synthfleet_proto::fact::UploadBegun;

/// Bytes that are handed to the store at a time.
pub const PIECE_BYTES: usize = 1 << 20;

/// The uploads of a call's tenant.
pub fn uploads<'a>(doors: &'a Doors, call: &'a Call) -> Uploads<'a> {
    let service = &doors.parts.service;
    Uploads { store: service.store.as_ref(), entropy: service.entropy.as_ref(), clock: service.clock.as_ref(), tenant: &call.tenant }
}

async fn find(doors: &Doors, call: &Call, upload: &str) -> Result<UploadBegun, Problem> {
    if !is_upload(upload) {
        return Err(Problem::not_found());
    }
    uploads(doors, call).find(upload).await?.ok_or_else(Problem::not_found)
}

/// `POST /v1/uploads`
pub async fn begin(State(doors): State<Arc<Doors>>, call: Call, headers: HeaderMap, body: Bytes) -> Answer {
    let announced = announced(&document(&headers, &body)?)?;
    let key = idempotency_key(&headers)?;
    let begun = uploads(&doors, &call).begin(&call.principal.name, key.as_deref(), announced).await?;
    let here = format!("/v1/uploads/{}", begun.upload);
    let mut response = json(StatusCode::CREATED, &shown(&begun, &json!({ "put": here, "part_bytes": PART_BYTES })));
    put(&mut response, header::LOCATION, &here);
    Ok(response)
}

/// `GET /v1/uploads/{upload}`
pub async fn show(State(doors): State<Arc<Doors>>, Path(upload): Path<String>, call: Call) -> Answer {
    let (begun, uploads) = (find(&doors, &call, &upload).await?, uploads(&doors, &call));
    let state = match uploads.done(&upload).await? {
        Some(done) => json!({ "complete": true, "received": done.bytes, "sha256": done.sha256 }),
        None => json!({ "complete": false, "received": uploads.received(&upload).await? }),
    };
    Ok(json(StatusCode::OK, &shown(&begun, &state)))
}

/// `PUT /v1/uploads/{upload}`
pub async fn take(State(doors): State<Arc<Doors>>, Path(upload): Path<String>, call: Call, headers: HeaderMap, body: Body) -> Answer {
    let begun = find(&doors, &call, &upload).await?;
    let range = content_range(&headers)?;
    let (first, most) = match range {
        Some((first, last)) => (first, last - first + 1),
        None => (0, begun.bytes.unwrap_or(UPLOAD_BYTES_MAX)),
    };
    let announced = begun.bytes.unwrap_or(UPLOAD_BYTES_MAX);
    if first.saturating_add(most) > announced {
        return Err(Problem::new(Slug::Range, format!("the upload has at most {announced} bytes")));
    }
    let written = stream(&doors, &call, &upload, first, most, body).await?;
    if range.is_some() && written != most {
        // a part that is shorter than it says would be taken for whole
        return Err(Problem::new(Slug::InvalidRequest, format!("{written} bytes came, Content-Range says {most}")));
    }
    let received = uploads(&doors, &call).received(&upload).await?;
    Ok(json(StatusCode::ACCEPTED, &json!({ "received": received })))
}

/// Writes a body into a part. An answer other than `Ok` leaves nothing behind.
async fn stream(doors: &Doors, call: &Call, upload: &str, first: u64, most: u64, body: Body) -> Result<u64, Problem> {
    let mut part = uploads(doors, call).part(upload, first).await?;
    let (mut frames, mut piece, mut written) = (body.into_data_stream(), BytesMut::new(), 0);
    loop {
        let frame = tokio::time::timeout(doors.options.body_patience, frames.next()).await;
        match frame {
            Err(_) => return Err(Problem::new(Slug::Timeout, "the bytes came too slowly")),
            Ok(Some(Err(_))) => return Err(Problem::new(Slug::InvalidRequest, "the body was cut off")),
            Ok(Some(Ok(frame))) => {
                piece.extend_from_slice(&frame);
                if piece.len() >= PIECE_BYTES {
                    write_piece(&mut part, &mut written, most, piece.split().freeze()).await?;
                }
            }
            Ok(None) => break,
        }
    }
    if !piece.is_empty() {
        write_piece(&mut part, &mut written, most, piece.freeze()).await?;
    }
    if written == most || most == UPLOAD_BYTES_MAX {
        part.finish().await?;
    } else {
        part.abort().await?;
        return Err(Problem::new(Slug::InvalidRequest, format!("{written} bytes came, {most} were announced")));
    }
    Ok(written)
}

/// `POST /v1/uploads/{upload}/complete`
pub async fn complete(State(doors): State<Arc<Doors>>, Path(upload): Path<String>, call: Call) -> Answer {
    let begun = find(&doors, &call, &upload).await?;
    let done = uploads(&doors, &call).complete(&begun).await?;
    Ok(json(StatusCode::OK, &json!({ "id": upload, "source": format!("upload:{upload}"), "bytes": done.bytes, "sha256": done.sha256 })))
}

fn shown(begun: &UploadBegun, more: &Value) -> Value {
    let mut shown = json!({
        "id": begun.upload, "name": begun.name, "bytes": begun.bytes, "sha256": begun.sha256,
        "created": rfc3339(begun.at), "expires": rfc3339(begun.at + ABANDONED_MS),
    });
    if let (Some(fields), Some(more)) = (shown.as_object_mut(), more.as_object()) {
        fields.extend(more.clone());
    }
    shown
}

fn announced(asked: &Value) -> Result<Announced, Problem> {
    let wrong = |what: &str| Problem::new(Slug::InvalidRequest, what.to_owned());
    let fields = asked.as_object().ok_or_else(|| wrong("the body is {\"name\", \"bytes\"?, \"sha256\"?}"))?;
    if let Some(unknown) = fields.keys().find(|key| !["name", "bytes", "sha256"].contains(&key.as_str())) {
        let shown: String = unknown.chars().take(64).collect();
        return Err(wrong(&format!("no field {shown:?}; known: name, bytes, sha256")));
    }
    let name = fields.get("name").and_then(Value::as_str).ok_or_else(|| wrong("name is the name of the file"))?.to_owned();
    let bytes = match fields.get("bytes") {
        None | Some(Value::Null) => None,
        Some(value) => Some(value.as_u64().ok_or_else(|| wrong("bytes is a whole number"))?),
    };
    let sha256 = match fields.get("sha256") {
        None | Some(Value::Null) => None,
        Some(value) => Some(value.as_str().ok_or_else(|| wrong("sha256 is text"))?.to_owned()),
    };
    Ok(Announced { name, bytes, sha256 })
}

/// First and last byte of a part: `bytes 0-99/200` or `bytes 0-99/*`.
fn content_range(headers: &HeaderMap) -> Result<Option<(u64, u64)>, Problem> {
    let Some(value) = headers.get(header::CONTENT_RANGE) else { return Ok(None) };
    let read = || {
        let (range, total) = value.to_str().ok()?.strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
        let fits = total == "*" || total.parse::<u64>().ok()? > last;
        (first <= last && last < UPLOAD_BYTES_MAX && fits).then_some((first, last))
    };
    read().map(Some).ok_or_else(|| Problem::new(Slug::InvalidRequest, "Content-Range is \"bytes first-last/total\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn parts_say_where_they_lie() {
        let read =
            |value: &'static str| content_range(&HeaderMap::from_iter([(header::CONTENT_RANGE, HeaderValue::from_static(value))])).ok();
        assert_eq!(read("bytes 0-99/200"), Some(Some((0, 99))));
        assert_eq!(read("bytes 100-199/*"), Some(Some((100, 199))));
        for wrong in ["bytes 0-99/99", "bytes 9-1/20", "0-9/10", "bytes x-9/10", "bytes */10", "bytes 0-18446744073709551615/*"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(content_range(&HeaderMap::new()).ok(), Some(None));
    }
}
