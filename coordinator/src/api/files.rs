//! Published files: what there is, and its bytes, whole or a range, from here or by a signed link to the store; delimited
//! text also in a form that no spreadsheet runs.

use super::answer::{Answer, has, put, tagged};
use super::doors::Doors;
use super::guard::Call;
use super::problem::{Problem, Slug};
use crate::job::View;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{TryStreamExt, stream};
use serde_json::json;
use std::ops::Range;
use std::sync::Arc;
use synthfleet_proto::fact::{PublishedFact, PublishedFile};
use synthfleet_proto::key::{JobKeys, Key};
use synthfleet_proto::task::TaskId;
use synthfleet_proto::{Error, Result};
use synthfleet_store::{Store, fetch};

mod spreadsheet;

use spreadsheet::Apostrophes;

/// Query parameters of a file.
pub const FILE_QUERY: &[&str] = &["csv_safe"];
/// Bytes that are sent at a time.
const PIECE_BYTES: u64 = 1 << 20;
/// The delivered table as delimited text.
const DELIVERED: &str = "synthetic.csv";
/// Seconds for which a signed link holds.
const LINK_SECONDS: u32 = 300;
/// Bytes from which on a caller is sent to the store: below, the detour is longer than the way.
const LINK_BYTES_MIN: u64 = 1 << 20;
/// What a report may do in a browser: run its own script on its own data, and reach nothing.
const REPORT_POLICY: &str =
    "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";

/// What a job published.
pub async fn published(doors: &Doors, keys: &JobKeys) -> std::result::Result<Arc<PublishedFact>, Problem> {
    let found = doors.views.of(keys, |view| view.published().map(|published| Arc::clone(&published.fact))).await?;
    found.ok_or_else(Problem::not_found)?.ok_or_else(|| Problem::new(Slug::Conflict, "the job has published nothing yet"))
}

/// `GET /v1/jobs/{job}/files`
pub async fn list(State(doors): State<Arc<Doors>>, Path(job): Path<String>, call: Call, headers: HeaderMap) -> Answer {
    let published = published(&doors, &call.job(&job)?).await?;
    let shown = |file: &PublishedFile| {
        let link = format!("/v1/jobs/{job}/files/{}", file.path);
        json!({ "path": file.path, "bytes": file.bytes, "sha256": file.sha256, "deterministic": file.deterministic, "href": link })
    };
    let items: Vec<_> = published.files.iter().map(shown).collect();
    Ok(tagged(&headers, &json!({ "items": items, "next_cursor": null })))
}

/// `GET /v1/jobs/{job}/files/{path}`
pub async fn give(State(doors): State<Arc<Doors>>, Path((job, path)): Path<(String, String)>, call: Call, headers: HeaderMap) -> Answer {
    let published = published(&doors, &call.job(&job)?).await?;
    // the path is only compared, never used as one
    let file = published.files.iter().find(|file| file.path == path).ok_or_else(Problem::not_found)?;
    let safe = call.query.number("csv_safe", 0..=1, 0)? == 1;
    let (key, tag) = (Key::parse(&file.key)?, format!("\"{}{}\"", file.sha256, if safe { "-safe" } else { "" }));
    if has(&headers, &tag) {
        let mut response = StatusCode::NOT_MODIFIED.into_response();
        put(&mut response, header::ETAG, &tag);
        return Ok(response);
    }
    if safe {
        let apostrophes = apostrophes(&doors, &call.job(&job)?, &file.path).await?;
        return Ok(for_spreadsheets(&doors, file, key, apostrophes, &tag));
    }
    if file.bytes >= LINK_BYTES_MIN
        && let Some(link) = doors.store().presign(&key, LINK_SECONDS).await?
    {
        let mut response = StatusCode::TEMPORARY_REDIRECT.into_response();
        put(&mut response, header::LOCATION, &link);
        return Ok(response);
    }
    let range = range(&headers, &tag, file.bytes)?;
    Ok(bytes(&doors, file, key, range, &tag))
}

fn bytes(doors: &Doors, file: &PublishedFile, key: Key, range: Option<Range<u64>>, tag: &str) -> Response {
    let status = if range.is_some() { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
    let wanted = range.clone().unwrap_or(0..file.bytes);
    let length = wanted.end - wanted.start;
    let mut response = (status, Body::from_stream(pieces(Arc::clone(&doors.parts.service.store), key, wanted))).into_response();
    describe(&mut response, file, tag);
    if let Some(range) = range {
        put(&mut response, header::CONTENT_RANGE, &format!("bytes {}-{}/{}", range.start, range.end - 1, file.bytes));
    }
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    response
}

/// What every answer with a file says of it.
fn describe(response: &mut Response, file: &PublishedFile, tag: &str) {
    put(response, header::ETAG, tag);
    put(response, header::CONTENT_DISPOSITION, &format!("attachment; filename=\"{}\"", name(&file.path)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(&file.path)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if file.path.ends_with(".html") {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(REPORT_POLICY));
    }
}

/// How apostrophes are put into a file: the delivered table is written like its input, all others with commas.
async fn apostrophes(doors: &Doors, keys: &JobKeys, path: &str) -> std::result::Result<Apostrophes, Problem> {
    if !path.ends_with(".csv") {
        return Err(Problem::new(Slug::InvalidRequest, "csv_safe is for files that end with .csv"));
    }
    if path != DELIVERED {
        return Ok(Apostrophes::plain());
    }
    let of_profile = |view: &View| view.outcome(&TaskId::profile())?.fact.output("profile.json").cloned();
    let profile = doors.views.of(keys, of_profile).await?.flatten().ok_or_else(Problem::not_found)?;
    let object = fetch(doors.store(), &Key::parse(&profile.key)?, &profile.sha256).await?;
    let broken = |error: serde_json::Error| Error::internal("publish::form", format!("cannot read profile.json: {error}"));
    let found = Apostrophes::of(&serde_json::from_slice(&object.bytes).map_err(broken)?);
    found.ok_or_else(|| Problem::new(Slug::Conflict, "the delimiters of this table are no single bytes: take the file as it is"))
}

/// A file whose length is known when its last byte was sent; no range of it can be given.
fn for_spreadsheets(doors: &Doors, file: &PublishedFile, key: Key, apostrophes: Apostrophes, tag: &str) -> Response {
    let pieces = Box::pin(pieces(Arc::clone(&doors.parts.service.store), key, 0..file.bytes));
    let guarded = stream::try_unfold((pieces, Some(apostrophes)), |(mut pieces, left)| async move {
        let Some(mut apostrophes) = left else { return Ok::<_, Error>(None) };
        Ok(Some(match pieces.try_next().await? {
            Some(piece) => (Bytes::from(apostrophes.take(&piece)), (pieces, Some(apostrophes))),
            None => (Bytes::from(apostrophes.finish()), (pieces, None)),
        }))
    });
    let mut response = Body::from_stream(guarded).into_response();
    describe(&mut response, file, tag);
    response.headers_mut().insert(header::ACCEPT_RANGES, HeaderValue::from_static("none"));
    response
}

/// Bytes of an object, one piece in memory at a time. A failure cuts the answer short of its length.
fn pieces(store: Arc<dyn Store>, key: Key, wanted: Range<u64>) -> impl futures::Stream<Item = Result<Bytes>> {
    stream::try_unfold((store, key, wanted), |(store, key, left)| async move {
        if left.is_empty() {
            return Ok(None);
        }
        let end = left.end.min(left.start + PIECE_BYTES);
        let gone = || Error::unavailable("store::absent", format!("{key} is named by a fact but is not there"));
        let object = store.get(&key, Some(left.start..end)).await?.filter(|object| !object.bytes.is_empty()).ok_or_else(gone)?;
        let next = left.start + object.bytes.len() as u64..left.end;
        Ok(Some((object.bytes, (store, key, next))))
    })
}

/// The one range that is asked for; several at once are answered by the whole, as RFC 9110 allows.
fn range(headers: &HeaderMap, tag: &str, length: u64) -> std::result::Result<Option<Range<u64>>, Problem> {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(asked) = text(header::RANGE).and_then(|value| value.strip_prefix("bytes=")) else { return Ok(None) };
    if text(header::IF_RANGE).is_some_and(|known| known != tag) {
        return Ok(None);
    }
    let Some((first, last)) = asked.split_once('-').filter(|_| !asked.contains(',')) else { return Ok(None) };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let range = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(length),
        (Some(first), None) if last.trim().is_empty() => first..length,
        (None, Some(tail)) if first.trim().is_empty() => length.saturating_sub(tail)..length,
        _ => return Ok(None),
    };
    if range.is_empty() {
        return Err(Problem::new(Slug::Range, format!("the file has {length} bytes")));
    }
    Ok(Some(range))
}

/// The last part of a path; paths are ours and hold no quotes.
fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "json" => "application/json",
        "csv" => "text/csv; charset=utf-8",
        "tsv" => "text/tab-separated-values; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "md" => "text/markdown; charset=utf-8",
        "svg" => "image/svg+xml",
        "parquet" => "application/vnd.apache.parquet",
        "gz" => "application/gzip",
        "zst" => "application/zstd",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(value: &'static str) -> Option<Option<Range<u64>>> {
        range(&HeaderMap::from_iter([(header::RANGE, HeaderValue::from_static(value))]), "\"t\"", 100).ok()
    }

    #[test]
    fn ranges_are_read_and_cut_to_the_file() {
        assert_eq!(asked("bytes=0-9"), Some(Some(0..10)));
        assert_eq!(asked("bytes=90-200"), Some(Some(90..100)));
        assert_eq!(asked("bytes=90-"), Some(Some(90..100)));
        assert_eq!(asked("bytes=-10"), Some(Some(90..100)));
        assert_eq!(asked("bytes=-0"), None, "an empty range cannot be given");
        assert_eq!(asked("bytes=100-"), None);
        for whole in ["bytes=0-1,5-6", "bytes=9-1", "bytes=x-1", "rows=0-1", "bytes=-"] {
            assert_eq!(asked(whole), Some(None), "{whole}");
        }
    }
}
