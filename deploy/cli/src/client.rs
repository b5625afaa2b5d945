//! The line to a server: requests with their tries, answers, and problems as our errors. The token goes into one
//! header and nowhere else.

mod answer;
mod download;
mod events;
#[cfg(test)]
mod testing;
pub mod transport;
mod upload;

pub use answer::{error_of, json as document_of};
pub use download::Published;
pub use events::Watch;
pub use transport::clock_of;
pub use upload::document;

use crate::config::ClientConfig;
use crate::roles::parts::MachineEntropy;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::Value;
use std::time::Duration;
use synthfleet_proto::outside::Entropy;
use synthfleet_proto::{Error, Result, id};
use transport::Http;
use url::Url;

/// Tries of one request.
const TRIES: u32 = 3;
/// Time before the second try; three times as long before the third.
const PAUSE: Duration = Duration::from_millis(300);
/// A server that wishes a longer pause is told to the person instead.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// Time until the server is asked again for what it still works on. It holds each question until there is news.
const ASK_AGAIN: Duration = Duration::from_millis(300);

/// A server as the settings name it.
pub struct Client {
    base: Url,
    token: Option<HeaderValue>,
    tenant: Option<HeaderValue>,
    http: Http,
}

/// One request.
struct Asked<'a> {
    method: Method,
    path: &'a [&'a str],
    query: &'a [(&'a str, &'a str)],
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
    /// Sent twice it is as good as once.
    repeatable: bool,
}

impl<'a> Asked<'a> {
    fn new(method: Method, path: &'a [&'a str]) -> Self {
        let repeatable = method != Method::POST;
        Self { method, path, query: &[], headers: Vec::new(), body: Bytes::new(), repeatable }
    }

    fn header(mut self, name: HeaderName, value: &str) -> Result<Self> {
        let value = HeaderValue::from_str(value).map_err(|_| {
            let error =
                Error::invalid("client::header", format!("{:?} cannot be sent as {name}", value.chars().take(64).collect::<String>()));
            error.help("use letters, digits and signs of ASCII")
        })?;
        self.headers.push((name, value));
        Ok(self)
    }

    fn json(mut self, body: &Value) -> Self {
        self.headers.push((CONTENT_TYPE, HeaderValue::from_static("application/json")));
        self.body = Bytes::from(body.to_string());
        self
    }

    /// Sent again under the same key it is one request.
    fn keyed(mut self, key: Option<&str>) -> Result<Self> {
        self.repeatable = true;
        let fresh = id::base32(MachineEntropy.bits());
        self.header(HeaderName::from_static("idempotency-key"), key.unwrap_or(&fresh))
    }
}

impl Client {
    /// The server of the settings. Nothing is asked of it yet.
    ///
    /// # Errors
    /// `Invalid` when the address or the token cannot be meant.
    pub fn open(config: &ClientConfig, tenant: Option<&str>) -> Result<Self> {
        let base = address(&config.server)?;
        let token = token(config)?;
        if token.is_some() && base.scheme() == "http" && !is_loopback(&base) {
            crate::tell!("warning: the token travels to {base} without encryption: use https://");
        }
        let tenant = tenant.map(|tenant| HeaderValue::from_str(tenant).map_err(|_| no_tenant(tenant))).transpose()?;
        Ok(Self { base, token, tenant, http: Http::new()? })
    }

    /// The server's address, for people.
    pub fn place(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Reads a document.
    pub async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Value> {
        self.document(Asked { query, ..Asked::new(Method::GET, path) }).await
    }

    /// Sends a document; sent twice it may be done twice, so it is only tried again if it never arrived.
    pub async fn post(&self, path: &[&str], body: Option<&Value>) -> Result<Value> {
        let asked = Asked::new(Method::POST, path);
        self.document(match body {
            Some(body) => asked.json(body),
            None => asked,
        })
        .await
    }

    /// Sends a document under a key, a fresh one if none is given, so that it counts once.
    pub async fn post_once(&self, path: &[&str], body: Option<&Value>, key: Option<&str>) -> Result<Value> {
        let asked = Asked::new(Method::POST, path).keyed(key)?;
        self.document(match body {
            Some(body) => asked.json(body),
            None => asked,
        })
        .await
    }

    /// Asks for something that takes long until it is done: while the server still works on it, it is asked again and
    /// waits for the same work. `waiting` is called once, when it is not done at the first answer.
    pub async fn post_until_done(&self, path: &[&str], waiting: impl FnOnce()) -> Result<Value> {
        let mut waiting = Some(waiting);
        loop {
            let response = self.send(Asked::new(Method::POST, path).keyed(None)?).await?;
            let is_done = response.status() != StatusCode::ACCEPTED;
            let told = answer::json(response, self.place()).await?;
            if is_done {
                return Ok(told);
            }
            if let Some(waiting) = waiting.take() {
                waiting();
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }

    /// Removes something.
    pub async fn delete(&self, path: &[&str]) -> Result<()> {
        self.send(Asked::new(Method::DELETE, path)).await.map(|_| ())
    }

    async fn document(&self, asked: Asked<'_>) -> Result<Value> {
        let response = self.send(asked).await?;
        answer::json(response, self.place()).await
    }

    /// Sends a request, up to three times, and gives the answer unless it is a problem.
    async fn send(&self, asked: Asked<'_>) -> Result<Response<Incoming>> {
        let mut tried = 0;
        loop {
            tried += 1;
            let pause = match self.http.send(self.request(&asked)?).await {
                Ok(response) => match answer::wishes_pause(&response, asked.repeatable).filter(|_| tried < TRIES) {
                    Some(pause) if pause <= PAUSE_MAX => pause,
                    _ if response.status().is_success() || response.status() == StatusCode::TEMPORARY_REDIRECT => return Ok(response),
                    _ => return Err(answer::problem(response, self.place()).await),
                },
                Err(trouble) if tried < TRIES && (asked.repeatable || trouble.unsent) => PAUSE * (2 * tried - 1),
                Err(trouble) => return Err(trouble.into_error(self.place(), tried)),
            };
            tokio::time::sleep(pause).await;
        }
    }

    fn request(&self, asked: &Asked<'_>) -> Result<Request<http_body_util::Full<Bytes>>> {
        if let Some(wrong) = asked.path.iter().find(|part| ["", ".", ".."].contains(*part)) {
            return Err(Error::invalid("client::id", format!("{wrong:?} cannot be an id")).help("the list of each sort shows its ids"));
        }
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(asked.path);
        }
        if !asked.query.is_empty() {
            url.query_pairs_mut().extend_pairs(asked.query);
        }
        let mut request = transport::request(asked.method.clone(), &url, asked.body.clone())?;
        let headers = request.headers_mut();
        headers.extend(asked.headers.iter().cloned());
        headers.extend(self.token.clone().map(|token| (AUTHORIZATION, token)));
        headers.extend(self.tenant.clone().map(|tenant| (HeaderName::from_static("x-synthfleet-tenant"), tenant)));
        Ok(request)
    }
}

/// The server's address; what follows is put below its path.
fn address(text: &str) -> Result<Url> {
    let wrong = |why: &str| {
        Error::invalid("client::address", format!("the server's address {why}"))
            .help("set client.server (SYNTHFLEET_CLIENT_SERVER) or --server to http://127.0.0.1:8080 or https://host")
    };
    let url = Url::parse(text).map_err(|error| wrong(&format!("is none: {error}")))?;
    if !["http", "https"].contains(&url.scheme()) || url.host_str().is_none() {
        return Err(wrong("does not begin with http:// or https:// and a host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("holds a user or a password").help("give a token with client.token_file or SYNTHFLEET_CLIENT_TOKEN"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("ends with a query"));
    }
    Ok(url)
}

/// The token as it is sent, marked so that it is never shown.
fn token(config: &ClientConfig) -> Result<Option<HeaderValue>> {
    let text = match (config.token_file.as_str(), config.token.as_str()) {
        ("", "") => return Ok(None),
        ("", token) => token.to_owned(),
        (file, _) => std::fs::read_to_string(file).map_err(|e| Error::io(file, e))?,
    };
    let mut value = HeaderValue::from_str(&format!("Bearer {}", text.trim())).map_err(|_| {
        let error = Error::invalid("client::token", "the token has characters that no token has");
        error.help("a token looks like sf_<id>_<secret>; make one with `synthfleet token new`")
    })?;
    value.set_sensitive(true);
    Ok(Some(value))
}

fn no_tenant(tenant: &str) -> Error {
    let shown: String = tenant.chars().take(40).collect();
    Error::invalid("tenant::name", format!("{shown:?} cannot be the name of a tenant")).help("1 to 32 characters of a-z, 0-9, _ and -")
}

/// Whether an address is this machine's own.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// A job's id, checked before it becomes part of a path.
pub fn job(text: &str) -> Result<&str> {
    if id::is_job(text) {
        return Ok(text);
    }
    let shown: String = text.chars().take(64).collect();
    Err(Error::invalid("client::id", format!("{shown:?} cannot be the id of a job")).help("`synthfleet jobs ls` lists jobs with their ids"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(server: &str, token: &str) -> ClientConfig {
        ClientConfig { server: server.into(), token: token.into(), token_file: String::new() }
    }

    #[test]
    fn requests_go_below_the_servers_path_with_everything_escaped() {
        let client = Client::open(&config("https://host/fleet/", "sf_a_b"), Some("team")).expect("legal");
        let asked = Asked { query: &[("label", "a:b c&d")], ..Asked::new(Method::GET, &["v1", "jobs", "x/../y"]) };
        let request = client.request(&asked).expect("legal");
        assert_eq!(request.uri(), "https://host/fleet/v1/jobs/x%2F..%2Fy?label=a%3Ab+c%26d");
        assert_eq!(
            (&request.headers()["authorization"], &request.headers()["x-synthfleet-tenant"]),
            (&"Bearer sf_a_b".parse().expect("text"), &"team".parse().expect("text"))
        );
    }

    #[test]
    fn a_token_is_never_part_of_debug_output() {
        let client = Client::open(&config("http://localhost:1", "sf_a_geheim"), None).expect("legal");
        let request = client.request(&Asked::new(Method::GET, &["v1"])).expect("legal");
        assert!(!format!("{request:?}").contains("geheim"));
    }

    #[test]
    fn an_address_that_cannot_be_meant_is_refused_without_its_secret() {
        for wrong in ["", "host:8080", "ftp://host", "http://u:geheim@host", "http://host/?a=1", "/etc"] {
            let error = address(wrong).expect_err(wrong);
            assert!(error.code() == "client::address" && !error.to_string().contains("geheim"), "{wrong}: {error}");
        }
    }

    #[tokio::test]
    async fn what_may_be_sent_twice_is_tried_again_and_all_else_is_not() {
        let busy = testing::answer("503 Service Unavailable", "retry-after: 0\r\n", "{}");
        let (client, served) = testing::server(vec![busy.clone(), busy.clone(), testing::answer("200 OK", "", "{\"a\":1}")]).await;
        assert_eq!(client.post_once(&["v1", "jobs"], None, None).await.expect("the third answer")["a"], 1);
        let asked = served.await.expect("served");
        let key = |request: &String| request.lines().find(|line| line.starts_with("idempotency-key: ")).map(str::to_owned);
        assert!(key(&asked[0]).is_some() && asked.iter().all(|request| key(request) == key(&asked[0])), "{asked:?}");
        let (client, _served) = testing::server(vec![busy]).await;
        assert_eq!(client.post(&["v1", "x"], None).await.expect_err("not sent again").code(), "client::foreign_answer");
    }

    #[tokio::test]
    async fn long_work_is_asked_for_until_it_is_done_or_failed() {
        let working = testing::answer("202 Accepted", "", r#"{"publish_failed":{}}"#);
        let conflict = r#"{"type":"/problems/conflict","detail":"x","errors":[{"code":"output::foreign"}]}"#;
        let ends = [testing::answer("200 OK", "", r#"{"id":"a"}"#), testing::answer("409 Conflict", "", conflict)];
        let mut told = Vec::new();
        for end in ends {
            let (client, served) = testing::server(vec![working.clone(), working.clone(), end]).await;
            let mut waited = 0;
            let path = ["v1", "jobs", "a", "publish"];
            told.push(client.post_until_done(&path, || waited += 1).await.map_err(|error| error.code().to_owned()));
            let asked = served.await.expect("served");
            assert_eq!((waited, asked.len()), (1, 3), "{asked:?}");
        }
        assert_eq!(told, [Ok(serde_json::json!({"id": "a"})), Err("output::foreign".to_owned())]);
    }

    #[tokio::test]
    async fn nobody_at_the_address_is_told_after_three_tries() {
        let client = Client::open(&config("http://127.0.0.1:1", ""), None).expect("legal");
        let error = client.get(&["version"], &[]).await.expect_err("nobody");
        assert_eq!((error.code(), error.kind().exit_code()), ("client::unreachable", 5));
        assert!(error.message().ends_with("tried 3 times"), "{error}");
    }

    #[test]
    fn only_this_machine_is_loopback() {
        let loopback = |text: &str| is_loopback(&Url::parse(text).expect("a link"));
        assert!(["http://localhost", "http://127.0.0.1:1", "http://[::1]:80"].into_iter().all(loopback));
        assert!(!["http://host", "http://10.0.0.1", "http://localhost.evil.example"].into_iter().any(loopback));
    }
}
