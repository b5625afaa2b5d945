//! Reading `https://`, and calling pages behind it. A name is resolved once; when all its addresses are public, the connection goes
//! to one of exactly these, whatever the name says a moment later. Each redirect starts over.

use super::{
    Fetched, Https, Limits, Seen,
    address::inside,
    link::{check, shown},
    sink::Sink,
};
use async_trait::async_trait;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full};
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Body, Incoming},
    header::{ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, ETAG, HOST, LOCATION, USER_AGENT},
    http::request::Builder,
};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use std::{
    convert::Infallible,
    io,
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};
use synthfleet_proto::{Error, Result};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::OnceCell,
};
use url::{Host, Url};

/// Redirects that are followed.
const REDIRECTS_MAX: u32 = 3;
/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 4;
/// How long a name may take to resolve, and a connection to come up.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// How long a call of somebody's page may take from its beginning to the head of the answer.
const CALL_MAX: Duration = Duration::from_secs(10);
/// How long the head of an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// The network, so that tests can bring their own.
#[async_trait]
pub(super) trait Net: Send + Sync {
    /// The addresses of a name.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
    /// A connection to an address.
    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream>;
}

/// The network of this machine.
struct Real;

#[async_trait]
impl Net for Real {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 443)).await?.map(|address| address.ip()).collect())
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::connect(address).await
    }
}

/// Reads `https://` within what is allowed.
pub(super) struct Web {
    https: Https,
    net: Arc<dyn Net>,
    tls: OnceCell<Arc<ClientConfig>>,
}

impl Web {
    pub(super) fn new(https: Https) -> Self {
        Self { https, net: Arc::new(Real), tls: OnceCell::new() }
    }

    #[cfg(test)]
    pub(super) fn over(https: Https, net: Arc<dyn Net>, tls: Arc<ClientConfig>) -> Self {
        Self { https, net, tls: OnceCell::new_with(Some(tls)) }
    }

    /// Refuses hosts that are not allowed and addresses that are inside, without asking anybody.
    pub(super) fn allows(&self, url: &Url) -> Result<()> {
        check(url)?;
        let host = url.host_str().unwrap_or_default().trim_end_matches('.');
        let listed = |rule: &String| match rule.strip_prefix('.') {
            Some(parent) => host == parent || host.ends_with(rule.as_str()),
            None => host == rule,
        };
        match &self.https {
            Https::Off => return Err(refused("https:// links are not read here".to_owned(), "have the host named in sources.https")),
            Https::Hosts(hosts) if !hosts.iter().any(listed) => {
                return Err(refused(format!("host {host} is not allowed"), "have it named in sources.https"));
            }
            Https::Hosts(_) | Https::Any => {}
        }
        match url.host() {
            Some(Host::Ipv4(address)) => public(host, &[address.into()]),
            Some(Host::Ipv6(address)) => public(host, &[address.into()]),
            _ if !host.contains('.') => Err(refused(format!("{host} is a name of the inside"), "give the full name of a public host")),
            _ => Ok(()),
        }
    }

    /// Brings a file to a path.
    pub(super) async fn fetch(&self, mut url: Url, expected: &Seen, to: &Path, limits: &Limits) -> Result<Fetched> {
        let mut sink = Sink::open(to, &shown(&url), limits).await?;
        for _ in 0..=REDIRECTS_MAX {
            self.allows(&url)?;
            let response = sink.wait(self.ask(&url)).await??;
            let Some(next) = redirect(&url, &response)? else { return receive(&shown(&url), response, expected, sink).await };
            url = next;
        }
        Err(Error::data("source::redirects", format!("more than {REDIRECTS_MAX} redirects, the last to {}", shown(&url)))
            .help("give the link that they lead to"))
    }

    async fn ask(&self, url: &Url) -> Result<Response<Incoming>> {
        let addresses = self.addresses(url).await?;
        let stream = dial(self.net.as_ref(), &addresses, &shown(url)).await?;
        let stream = secure(self.tls().await?, url, stream).await?;
        send(url, get(url), stream).await
    }

    /// Sends bytes to a page and gives the status of its answer. What the page leads on to is not followed.
    pub(super) async fn post(&self, url: &Url, headers: &[(&str, String)], body: Bytes) -> Result<u16> {
        self.allows(url)?;
        let call = async {
            let addresses = self.addresses(url).await?;
            let stream = dial(self.net.as_ref(), &addresses, &shown(url)).await?;
            let stream = secure(self.tls().await?, url, stream).await?;
            let request = headers.iter().fold(head(url, Method::POST), |request, (name, value)| request.header(*name, value));
            send(url, request.body(Full::new(body)), stream).await
        };
        let answer = tokio::time::timeout(CALL_MAX, call).await.map_err(|_| unreachable_host(&shown(url), "no answer in time"))?;
        Ok(answer?.status().as_u16())
    }

    /// The public addresses of a host, resolved here and nowhere else.
    async fn addresses(&self, url: &Url) -> Result<Vec<SocketAddr>> {
        let name = match url.host() {
            Some(Host::Ipv4(address)) => return Ok(vec![(address, 443).into()]),
            Some(Host::Ipv6(address)) => return Ok(vec![(address, 443).into()]),
            Some(Host::Domain(name)) => name,
            None => return Err(unreachable_host("", "it has no name")),
        };
        let resolved = tokio::time::timeout(CONNECT_MAX, self.net.resolve(name)).await;
        let resolved = resolved.map_err(|_| unreachable_host(name, "its name was not resolved in time"))?;
        let addresses = resolved.map_err(|error| unreachable_host(name, &format!("its name cannot be resolved: {error}")))?;
        if addresses.is_empty() {
            return Err(unreachable_host(name, "its name has no address"));
        }
        public(name, &addresses)?;
        Ok(addresses.into_iter().take(ADDRESSES_MAX).map(|address| (address, 443).into()).collect())
    }

    async fn tls(&self) -> Result<Arc<ClientConfig>> {
        self.tls.get_or_try_init(|| async { tls_config() }).await.cloned()
    }
}

fn refused(what: String, help: &str) -> Error {
    Error::data("source::refused", what).help(help)
}

fn unreachable_host(host: &str, why: &str) -> Error {
    Error::unavailable("source::unreachable", format!("cannot reach {host}: {why}"))
}

/// Refuses a host when any of its addresses is inside.
fn public(host: &str, addresses: &[IpAddr]) -> Result<()> {
    match addresses.iter().find_map(|address| Some((address, inside(*address)?))) {
        None => Ok(()),
        Some((address, what)) => {
            Err(refused(format!("address {address} of {host} is not public: {what}"), "only public hosts are read by https://"))
        }
    }
}

/// Trusts what this machine trusts.
fn tls_config() -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let versions = versions.map_err(|error| Error::internal("source::tls", error.to_string()))?;
    Ok(Arc::new(versions.with_root_certificates(roots).with_no_client_auth()))
}

async fn dial(net: &dyn Net, addresses: &[SocketAddr], shown: &str) -> Result<TcpStream> {
    let mut last = String::new();
    for address in addresses {
        match tokio::time::timeout(CONNECT_MAX, net.connect(*address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error.to_string(),
            Err(_) => last = "no connection in time".to_owned(),
        }
    }
    Err(unreachable_host(shown, &last))
}

/// TLS under the name of the link, on a connection to an address of it.
async fn secure(tls: Arc<ClientConfig>, url: &Url, stream: TcpStream) -> Result<impl AsyncRead + AsyncWrite + Send + Unpin + 'static> {
    let name = match url.host() {
        Some(Host::Domain(name)) => ServerName::try_from(name.trim_end_matches('.').to_owned()).ok(),
        Some(Host::Ipv4(address)) => Some(ServerName::from(IpAddr::from(address))),
        Some(Host::Ipv6(address)) => Some(ServerName::from(IpAddr::from(address))),
        None => None,
    };
    let name = name.ok_or_else(|| unreachable_host(&shown(url), "its name cannot have a certificate"))?;
    let connected = tokio::time::timeout(CONNECT_MAX, tokio_rustls::TlsConnector::from(tls).connect(name, stream)).await;
    let connected = connected.map_err(|_| unreachable_host(&shown(url), "no secure connection in time"))?;
    connected.map_err(|error| unreachable_host(&shown(url), &format!("no secure connection: {error}")))
}

/// The head of a request: no cookies, no credentials.
fn head(url: &Url, method: Method) -> Builder {
    let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let name = url.host_str().unwrap_or_default();
    let host = url.port().map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"));
    Request::builder().method(method).uri(path).header(HOST, host).header(USER_AGENT, concat!("synthfleet/", env!("CARGO_PKG_VERSION")))
}

/// The request for a file.
fn get(url: &Url) -> hyper::http::Result<Request<Empty<Bytes>>> {
    head(url, Method::GET).header(ACCEPT, "*/*").header(ACCEPT_ENCODING, "identity").body(Empty::new())
}

/// One request on a connection of its own.
async fn send<B>(
    url: &Url,
    request: hyper::http::Result<Request<B>>,
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
) -> Result<Response<Incoming>>
where
    B: Body<Data = Bytes, Error = Infallible> + Send + 'static,
{
    let broken = |error: &dyn std::fmt::Display| unreachable_host(&shown(url), &error.to_string());
    let request = request.map_err(|error| broken(&error))?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
    // it ends with the body
    tokio::spawn(connection);
    let answer = tokio::time::timeout(ANSWER_MAX, sender.send_request(request)).await;
    answer.map_err(|_| broken(&"no answer in time"))?.map_err(|error| broken(&error))
}

/// Where an answer leads, if it leads on.
fn redirect(url: &Url, response: &Response<Incoming>) -> Result<Option<Url>> {
    let leads_on = matches!(response.status().as_u16(), 301..=303 | 307 | 308);
    if !leads_on {
        return Ok(None);
    }
    let told = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    let next = told.and_then(|location| url.join(location).ok());
    next.map(Some).ok_or_else(|| unreachable_host(&shown(url), "it leads on without saying where"))
}

/// Pours an answer into the file.
async fn receive(shown: &str, response: Response<Incoming>, expected: &Seen, mut sink: Sink) -> Result<Fetched> {
    let (head, mut body) = response.into_parts();
    if head.status != StatusCode::OK {
        return Err(status_error(shown, head.status).in_source(shown));
    }
    let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let promised = text(CONTENT_LENGTH).and_then(|length| length.parse().ok());
    let mut seen = Seen { bytes: promised, etag: text(ETAG), version_id: None };
    seen.check(expected, shown)?;
    promised.map_or(Ok(()), |bytes| sink.expect(bytes))?;
    while let Some(frame) = sink.wait(body.frame()).await? {
        let frame = frame.map_err(|error| {
            Error::unavailable("source::unreachable", format!("{shown} broke off after {} bytes: {error}", sink.length()))
        })?;
        if let Ok(bytes) = frame.into_data() {
            sink.take(bytes).await?;
        }
    }
    seen.bytes = Some(sink.length());
    seen.check(expected, shown)?;
    sink.end(seen).await
}

fn status_error(shown: &str, status: StatusCode) -> Error {
    match status.as_u16() {
        404 | 410 => Error::data("source::not_found", format!("no such page: {shown}")),
        401..=403 | 407 | 451 => Error::unavailable("source::denied", format!("not allowed to read {shown}: status {}", status.as_u16())),
        other => Error::unavailable("source::unreachable", format!("{shown} answers with status {other}")),
    }
}

/// Reads a link that [`super::Links::presign`] made, in a process without credentials. Nothing is
/// guarded: the address is that of the bucket's server, as whoever runs the service configured it.
///
/// # Errors
/// As [`super::Links::fetch`].
pub async fn fetch_presigned(link: &str, expected: &Seen, to: &Path, limits: &Limits) -> Result<Fetched> {
    let wrong = || Error::invalid("source::link", "this is not a signed link");
    let url = Url::parse(link).map_err(|_| wrong())?;
    let (Some(host), Some(port), "http" | "https") = (url.host_str(), url.port_or_known_default(), url.scheme()) else {
        return Err(wrong());
    };
    let shown = shown(&url);
    let mut sink = Sink::open(to, &shown, limits).await?;
    let stream = tokio::time::timeout(CONNECT_MAX, TcpStream::connect((host.trim_matches(['[', ']']), port))).await;
    let stream = stream.map_err(|_| unreachable_host(&shown, "no connection in time"))?;
    let stream = stream.map_err(|error| unreachable_host(&shown, &error.to_string()))?;
    let answer = async {
        if url.scheme() == "http" {
            send(&url, get(&url), stream).await
        } else {
            send(&url, get(&url), secure(tls_config()?, &url, stream).await?).await
        }
    };
    let response = sink.wait(answer).await??;
    receive(&shown, response, expected, sink).await
}
