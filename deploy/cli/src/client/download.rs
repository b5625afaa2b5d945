//! Published files come from the server, or from its store by a link that the server signs. Each is checked against
//! the SHA-256 that the manifest has; one that breaks off goes on where it stopped.

use super::answer::PATIENCE;
use super::transport::{self, Trouble, piece};
use super::{Asked, Client, TRIES};
use hyper::body::Incoming;
use hyper::header::{LOCATION, RANGE};
use hyper::{Method, Response, StatusCode};
use serde_json::Value;
use std::path::Path;
use synthfleet_coordinator::deliver::Origin;
use synthfleet_proto::fact::{PublishedFact, PublishedFile};
use synthfleet_proto::id::Hasher;
use synthfleet_proto::{Error, Result, fact};
use tokio::io::AsyncWriteExt;
use url::Url;

/// Links of links that are followed.
const REDIRECTS_MAX: u32 = 3;

/// What a job published, on its server.
pub struct Published<'a> {
    /// The server.
    pub client: &'a Client,
    /// The job.
    pub job: &'a str,
}

impl Published<'_> {
    /// The list of files. Their keys are the server's own matter and are left empty.
    pub async fn list(&self) -> Result<PublishedFact> {
        let listed = self.client.get(&["v1", "jobs", self.job, "files"], &[]).await?;
        let file = |item: &Value| {
            let text = |name: &str| item[name].as_str().map(str::to_owned);
            let (bytes, deterministic) = (item["bytes"].as_u64()?, item["deterministic"].as_bool().unwrap_or(false));
            Some(PublishedFile { path: text("path")?, key: String::new(), bytes, sha256: text("sha256")?, deterministic })
        };
        let files: Option<Vec<_>> = listed["items"].as_array().into_iter().flatten().map(file).collect();
        let files = files.ok_or_else(|| {
            Error::unavailable("client::foreign_answer", "the list of files cannot be read").help("check that both are of one version")
        })?;
        Ok(PublishedFact { v: fact::VERSION, files })
    }

    /// Opens a file from a byte on.
    async fn open(&self, file: &PublishedFile, first: u64) -> Result<Response<Incoming>> {
        let mut path = vec!["v1", "jobs", self.job, "files"];
        path.extend(file.path.split('/'));
        let from_here = format!("bytes={first}-");
        let asked = Asked::new(Method::GET, &path);
        let asked = if first > 0 { asked.header(RANGE, &from_here)? } else { asked };
        let mut response = self.client.send(asked).await?;
        for _ in 0..REDIRECTS_MAX {
            if response.status() != StatusCode::TEMPORARY_REDIRECT {
                return Ok(response);
            }
            response = self.follow(&response, (first > 0).then_some(&from_here)).await?;
        }
        Err(lost("it is a link of a link of a link"))
    }

    /// Follows a signed link. Whoever it leads to does not get the token.
    async fn follow(&self, response: &Response<Incoming>, range: Option<&String>) -> Result<Response<Incoming>> {
        let link = response.headers().get(LOCATION).and_then(|link| Url::parse(link.to_str().ok()?).ok());
        let link = link.filter(|link| ["http", "https"].contains(&link.scheme())).ok_or_else(|| lost("the link to it cannot be read"))?;
        let mut request = transport::request(Method::GET, &link, bytes::Bytes::new())?;
        request.headers_mut().extend(range.and_then(|range| Some((RANGE, range.parse().ok()?))));
        // the link itself is a secret while it holds: only its host is told
        let host = format!("the store at {}", link.host_str().unwrap_or_default());
        let response = self.client.http.send(request).await.map_err(|trouble| trouble.into_error(&host, 1))?;
        match response.status() {
            status if status.is_success() || status == StatusCode::TEMPORARY_REDIRECT => Ok(response),
            status => Err(lost(&format!("{host} answers with status {}", status.as_u16()))),
        }
    }

    /// Writes the rest of a file behind `written`; an error of the line leaves what came.
    async fn rest(&self, file: &PublishedFile, to: &mut tokio::fs::File, got: &mut Got) -> Result<Result<(), Trouble>> {
        let mut response = self.open(file, got.bytes).await?;
        if got.bytes > 0 && response.status() != StatusCode::PARTIAL_CONTENT {
            return Err(lost("a part of it was asked for and cannot be given"));
        }
        loop {
            let next = match piece(response.body_mut(), PATIENCE).await {
                Ok(Some(next)) => next,
                Ok(None) => return Ok(Ok(())),
                Err(trouble) => return Ok(Err(trouble)),
            };
            to.write_all(&next).await.map_err(|e| Error::io(&file.path, e))?;
            got.hasher.add(&next);
            got.bytes += next.len() as u64;
            if got.bytes > file.bytes {
                return Err(lost(&format!("it has more than {} bytes", file.bytes)));
            }
        }
    }
}

/// What came of a file so far.
#[derive(Default)]
struct Got {
    bytes: u64,
    hasher: Hasher,
}

impl Origin for Published<'_> {
    async fn fetch(&self, file: &PublishedFile, to: &Path) -> Result<()> {
        let broken = |e| Error::io(to.display(), e);
        let mut target = tokio::fs::File::create(to).await.map_err(broken)?;
        let mut got = Got::default();
        for tried in 1.. {
            match self.rest(file, &mut target, &mut got).await.map_err(|error| error.in_source(&file.path))? {
                Ok(()) => break,
                // the line broke behind the last byte
                Err(_) if got.bytes == file.bytes => break,
                Err(_) if tried < TRIES => {}
                Err(trouble) => return Err(trouble.into_error(self.client.place(), tried).in_source(&file.path)),
            }
        }
        target.flush().await.map_err(broken)?;
        if (got.bytes, got.hasher.hex().as_str()) == (file.bytes, file.sha256.as_str()) {
            return Ok(());
        }
        Err(lost("its bytes are not those that were published").in_source(&file.path))
    }
}

fn lost(why: &str) -> Error {
    Error::unavailable("client::corrupt", format!("a file cannot be fetched: {why}"))
        .help("try again; if it stays so, ask the server's operator")
}

#[cfg(test)]
mod tests {
    use super::super::testing::{answer, server};
    use super::*;
    use synthfleet_proto::id::sha256_hex;

    const PATH: &str = "candidates/x/scores.json";

    fn file(text: &str) -> PublishedFile {
        let (bytes, sha256) = (text.len() as u64, sha256_hex(text.as_bytes()));
        PublishedFile { path: PATH.into(), key: String::new(), bytes, sha256, deterministic: true }
    }

    #[tokio::test]
    async fn a_file_that_breaks_off_goes_on_where_it_stopped() {
        let cut = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\nconnection: close\r\n\r\n01234".to_owned();
        let (client, served) = server(vec![cut, answer("206 Partial Content", "", "56789")]).await;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let to = folder.path().join("file");
        Published { client: &client, job: "job_0" }.fetch(&file("0123456789"), &to).await.expect("whole");
        assert_eq!(std::fs::read_to_string(&to).expect("written"), "0123456789");
        let asked = served.await.expect("served");
        assert!(asked[0].starts_with(&format!("GET /v1/jobs/job_0/files/{PATH} ")) && asked[1].contains("range: bytes=5-"), "{asked:?}");
    }

    #[tokio::test]
    async fn other_bytes_than_were_published_are_refused() {
        for other in ["012345678x", "01234", "0123456789x"] {
            let (client, _served) = server(vec![answer("200 OK", "", other)]).await;
            let folder = tempfile::tempdir().expect("a temporary folder");
            let ended = Published { client: &client, job: "job_0" }.fetch(&file("0123456789"), &folder.path().join("file")).await;
            assert_eq!(ended.expect_err(other).code(), "client::corrupt");
        }
    }

    #[tokio::test]
    async fn a_signed_link_is_followed_without_the_token() {
        let (away, at_store) = server(vec![answer("200 OK", "", "rows")]).await;
        let link = format!("location: {}/signed?x=1\r\n", away.place());
        let (client, served) = server(vec![answer("307 Temporary Redirect", &link, "")]).await;
        let folder = tempfile::tempdir().expect("a temporary folder");
        Published { client: &client, job: "job_0" }.fetch(&file("rows"), &folder.path().join("file")).await.expect("whole");
        assert!(served.await.expect("served")[0].contains("authorization: Bearer"));
        let asked = at_store.await.expect("served");
        assert!(asked[0].starts_with("GET /signed?x=1 ") && !asked[0].contains("authorization"), "{asked:?}");
    }
}
