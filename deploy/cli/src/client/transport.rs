//! Requests over the wire: HTTP/1.1, with TLS and the machine's own list of authorities. Connecting, an answer's
//! head and each further piece have their time.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{DATE, USER_AGENT};
use hyper::{Method, Request, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};
use synthfleet_proto::{Error, Result};
use url::Url;

/// How long a connection may take to come up.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// How long the head of an answer may take: a server gives up earlier.
const ANSWER_MAX: Duration = Duration::from_secs(120);

/// Connections to servers.
#[derive(Clone)]
pub struct Http(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// Why there was no answer.
#[derive(Debug)]
pub struct Trouble {
    /// The server has not seen the request.
    pub unsent: bool,
    cause: String,
}

impl Trouble {
    /// An answer that broke off or did not come.
    pub fn cut(cause: impl Into<String>) -> Self {
        Self { unsent: false, cause: cause.into() }
    }

    /// The error, after so many tries.
    pub fn into_error(self, place: &str, tried: u32) -> Error {
        let times = if tried == 1 { String::new() } else { format!(", tried {tried} times") };
        let error = Error::unavailable("client::unreachable", format!("cannot reach {place}: {}{times}", self.cause));
        if self.cause.contains("certificate") {
            return error.help("if its authority is your own, name a file with its certificate in the variable SSL_CERT_FILE");
        }
        error.help("start it with `synthfleet serve`, or name another one with --server URL")
    }
}

impl Http {
    /// No connection yet.
    pub fn new() -> Result<Self> {
        let mut roots = rustls::RootCertStore::empty();
        // without any list, https fails with a word on certificates and http works
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let tls = tls.map_err(|e| Error::internal("client::tls", e.to_string()))?.with_root_certificates(roots).with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_MAX));
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp);
        Ok(Self(Client::builder(TokioExecutor::new()).build(connector)))
    }

    /// Sends a request and waits for the head of its answer.
    pub async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Trouble> {
        match tokio::time::timeout(ANSWER_MAX, self.0.request(request)).await {
            Err(_) => Err(Trouble::cut(format!("no answer within {} s", ANSWER_MAX.as_secs()))),
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(Trouble { unsent: error.is_connect(), cause: deepest(&error) }),
        }
    }
}

/// A request with nothing but what every one has.
pub fn request(method: Method, url: &Url, body: Bytes) -> Result<Request<Full<Bytes>>> {
    let agent = concat!("synthfleet/", env!("CARGO_PKG_VERSION"));
    let request = Request::builder().method(method).uri(url.as_str()).header(USER_AGENT, agent).body(Full::new(body));
    request.map_err(|e| Error::internal("client::request", e.to_string()))
}

/// What a server says the time is, in seconds since 1970; `None`: it does not say.
///
/// # Errors
/// Nobody answers.
pub async fn clock_of(place: &str) -> Result<Option<u64>> {
    let url = Url::parse(place).map_err(|e| Error::invalid("client::address", format!("the address {place:?} is none: {e}")))?;
    let response = Http::new()?.send(request(Method::HEAD, &url, Bytes::new())?).await.map_err(|trouble| trouble.into_error(place, 1))?;
    let date = response.headers().get(DATE).and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
    Ok(date.and_then(|date| date.duration_since(UNIX_EPOCH).ok()).map(|since| since.as_secs()))
}

/// The next piece of an answer, waited for at most so long; `None`: it is whole.
pub async fn piece(body: &mut Incoming, patience: Duration) -> Result<Option<Bytes>, Trouble> {
    loop {
        match tokio::time::timeout(patience, body.frame()).await {
            Err(_) => return Err(Trouble::cut(format!("nothing came for {} s", patience.as_secs()))),
            Ok(None) => return Ok(None),
            Ok(Some(Err(error))) => return Err(Trouble::cut(deepest(&error))),
            Ok(Some(Ok(frame))) => {
                if let Ok(bytes) = frame.into_data() {
                    return Ok(Some(bytes));
                }
            }
        }
    }
}

/// The innermost cause: what the system or the other side said.
fn deepest(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(error) = last.source() {
        last = error;
    }
    last.to_string().chars().filter(|c| !c.is_control()).take(200).collect()
}
