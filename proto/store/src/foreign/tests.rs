//! Links of strangers: what is refused, and with which code; what is read, and from where.

use super::{web::Net, *};
use async_trait::async_trait;
use rustls::{ClientConfig, RootCertStore, ServerConfig, pki_types::PrivateKeyDer};
use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::Mutex,
};
use synthfleet_proto::{ErrorKind, id::sha256_hex};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

/// A public address that stands for the test's own server.
const PUBLIC: &str = "93.184.215.14";

/// A network in which names have the addresses of a script, and every connection goes to one port here.
#[derive(Default)]
struct Scripted {
    names: BTreeMap<&'static str, Vec<Vec<IpAddr>>>,
    here: Option<SocketAddr>,
    asked: Mutex<Vec<String>>,
    dialled: Mutex<Vec<SocketAddr>>,
}

#[async_trait]
impl Net for Scripted {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let mut asked = self.asked.lock().expect("one thread");
        let turn = asked.iter().filter(|earlier| *earlier == name).count();
        asked.push(name.to_owned());
        let answers = self.names.get(name.trim_end_matches('.')).ok_or(io::ErrorKind::NotFound)?;
        Ok(answers[turn.min(answers.len() - 1)].clone())
    }

    async fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        self.dialled.lock().expect("one thread").push(address);
        TcpStream::connect(self.here.ok_or(io::ErrorKind::ConnectionRefused)?).await
    }
}

fn addresses(text: &str) -> Vec<IpAddr> {
    text.split(' ').map(|address| address.parse().expect(address)).collect()
}

/// Ours alone: certificates of the test's own authority.
fn certificates() -> (Arc<ClientConfig>, TlsAcceptor) {
    let names = ["data.example.org", "other.example.org", "inside.example.org", "rebind.example.org"].map(String::from);
    let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).expect("a certificate");
    let client = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().expect("versions");
    let server = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let server = server.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).expect("a certificate and its key");
    (Arc::new(client.with_root_certificates(roots).with_no_client_auth()), TlsAcceptor::from(Arc::new(server)))
}

/// Answers each path as told, on a connection each.
async fn serve(listener: TcpListener, tls: TlsAcceptor, pages: BTreeMap<&'static str, String>) {
    while let Ok((stream, _)) = listener.accept().await {
        let Ok(mut stream) = tls.accept(stream).await else { continue };
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let Ok(byte) = stream.read_u8().await else { break };
            request.push(byte);
        }
        let request = String::from_utf8_lossy(&request).into_owned();
        let path = request.split(' ').nth(1).unwrap_or_default();
        assert!(
            (request.starts_with("GET ") || path.starts_with("/call"))
                && !request.to_lowercase().contains("authorization")
                && !request.to_lowercase().contains("cookie")
        );
        let page = pages.get(path).cloned().unwrap_or_else(|| "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned());
        let _ = stream.write_all(page.as_bytes()).await;
        let _ = stream.shutdown().await;
    }
}

struct World {
    links: Links,
    net: Arc<Scripted>,
    folder: tempfile::TempDir,
}

impl World {
    /// Names with public and other addresses, a server behind all of them.
    async fn with(https: Https, limits: Limits) -> Self {
        let (client, acceptor) = certificates();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let here = listener.local_addr().ok();
        tokio::spawn(serve(listener, acceptor, pages()));
        let public = || vec![addresses(PUBLIC)];
        let names = [
            ("data.example.org", public()),
            ("other.example.org", public()),
            ("wrong.example.org", public()),
            ("inside.example.org", vec![addresses("10.0.0.7")]),
            ("both.example.org", vec![addresses("93.184.215.14 192.168.1.1")]),
            ("six.example.org", vec![addresses("93.184.215.14 fd00::1")]),
            ("mapped.example.org", vec![addresses("::ffff:127.0.0.1")]),
            ("127.0.0.1.nip.example", vec![addresses("127.0.0.1")]),
            ("metadata.google.internal", vec![addresses("169.254.169.254")]),
            ("rebind.example.org", vec![addresses(PUBLIC), addresses("127.0.0.1")]),
        ];
        let net = Arc::new(Scripted { names: names.into(), here, ..Scripted::default() });
        let web = Web::over(https, net.clone(), client);
        let links = Links { inner: Arc::new(Inner { buckets: Vec::new(), web, limits }) };
        Self { links, net, folder: tempfile::tempdir().expect("a folder") }
    }

    async fn open() -> Self {
        Self::with(Https::Any, Limits::default()).await
    }

    async fn fetch(&self, link: &str) -> Result<Fetched> {
        self.links.fetch(link, &Seen::default(), &self.folder.path().join("got")).await
    }

    fn dialled(&self) -> Vec<SocketAddr> {
        self.net.dialled.lock().expect("one thread").clone()
    }

    fn left_behind(&self) -> bool {
        self.folder.path().join("got").exists()
    }
}

fn pages() -> BTreeMap<&'static str, String> {
    let found = |to: &str| format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
    [
        ("/table.csv", "HTTP/1.1 200 OK\r\netag: \"v1\"\r\ncontent-length: 8\r\n\r\na,b\n1,2\n".to_owned()),
        ("/signed.csv?token=secret", "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\na\n1\n".to_owned()),
        ("/chunked.csv", "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\na,b\n\r\n4\r\n1,2\n\r\n0\r\n\r\n".to_owned()),
        ("/cut.csv", "HTTP/1.1 200 OK\r\ncontent-length: 800\r\n\r\na,b\n1,2\n".to_owned()),
        ("/moved.csv", found("/table.csv")),
        ("/elsewhere.csv", found("https://other.example.org/table.csv")),
        ("/three.csv", found("/two.csv")),
        ("/two.csv", found("/moved.csv")),
        ("/loop.csv", found("/loop.csv")),
        ("/metadata", found("https://169.254.169.254/latest/meta-data/")),
        ("/plain", found("http://data.example.org/table.csv")),
        ("/inward", found("https://inside.example.org/table.csv")),
        ("/port", found("https://data.example.org:8443/table.csv")),
        ("/user", found("https://me@data.example.org/table.csv")),
        ("/scheme", found("file:///etc/passwd")),
        ("/nowhere", "HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n".to_owned()),
        ("/call", "HTTP/1.1 204 No Content\r\n\r\n".to_owned()),
        ("/call-moved", found("/table.csv")),
        ("/private.csv", "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n".to_owned()),
        ("/busy.csv", "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n".to_owned()),
    ]
    .into()
}

/// Links that are refused, each with its code and a part of its reason.
const REFUSED: &[(&str, &str, &str)] = &[
    // forms
    ("http://data.example.org/table.csv", "source::link", "http:"),
    ("ftp://data.example.org/table.csv", "source::link", "ftp:"),
    ("file:///etc/passwd", "source::link", "file:"),
    ("gopher://127.0.0.1:70/_", "source::link", "gopher:"),
    ("data:text/csv,a", "source::link", "data:"),
    ("https://user@data.example.org/table.csv", "source::link", "user"),
    ("https://user:secret@127.0.0.1/", "source::link", "user"),
    ("https://data.example.org@127.0.0.1/", "source::link", "user"),
    ("https://data.example.org:8443/table.csv", "source::link", "port"),
    ("https://127.0.0.1:22/", "source::link", "port"),
    ("https://data.example.org\\@127.0.0.1/", "source::link", "backslashes"),
    ("https://data.example.org/a b", "source::link", "spaces"),
    ("https://data.example.org/\r\nHost: x", "source::link", "control characters"),
    ("https://", "source::link", "cannot be read"),
    ("https://[::1/", "source::link", "cannot be read"),
    ("https://999.1.1.1/", "source::link", "cannot be read"),
    ("table.csv", "source::link", "cannot be read"),
    ("s3://bucket", "source::link", "not an object"),
    ("s3://bucket/folder/", "source::link", "not an object"),
    ("s3://user@bucket/key", "source::link", "does not name a bucket"),
    // addresses, however they are written
    ("https://127.0.0.1/", "source::refused", "loopback"),
    ("https://127.1/", "source::refused", "loopback"),
    ("https://2130706433/", "source::refused", "loopback"),
    ("https://0x7f000001/", "source::refused", "loopback"),
    ("https://0x7f.0.0.1/", "source::refused", "loopback"),
    ("https://0177.0.0.1/", "source::refused", "loopback"),
    ("https://017700000001/", "source::refused", "loopback"),
    ("https://%31%32%37.0.0.1/", "source::refused", "loopback"),
    ("https://１２７.0.0.1/", "source::refused", "loopback"),
    ("https://127。0。0。1/", "source::refused", "loopback"),
    ("https://0/", "source::refused", "unspecified"),
    ("https://10.1.2.3/", "source::refused", "private"),
    ("https://172.16.0.1/", "source::refused", "private"),
    ("https://192.168.0.1/", "source::refused", "private"),
    ("https://169.254.169.254/latest/meta-data/", "source::refused", "link-local"),
    ("https://2852039166/", "source::refused", "link-local"),
    ("https://100.100.100.200/", "source::refused", "shared by carriers"),
    ("https://198.18.0.1/", "source::refused", "benchmarking"),
    ("https://224.0.0.1/", "source::refused", "multicast"),
    ("https://255.255.255.255/", "source::refused", "reserved"),
    ("https://[::1]/", "source::refused", "loopback"),
    ("https://[::]/", "source::refused", "unspecified"),
    ("https://[::ffff:127.0.0.1]/", "source::refused", "disguise"),
    ("https://[::ffff:7f00:1]/", "source::refused", "disguise"),
    ("https://[::127.0.0.1]/", "source::refused", "disguise"),
    ("https://[64:ff9b::7f00:1]/", "source::refused", "translated"),
    ("https://[2002:7f00:1::]/", "source::refused", "6to4"),
    ("https://[fe80::1]/", "source::refused", "link-local"),
    ("https://[fd00:ec2::254]/", "source::refused", "unique local"),
    ("https://[ff02::1]/", "source::refused", "multicast"),
    // names
    ("https://localhost/", "source::refused", "a name of the inside"),
    ("https://localhost./", "source::refused", "a name of the inside"),
    ("https://metadata/", "source::refused", "a name of the inside"),
    ("https://metadata.google.internal/", "source::refused", "link-local"),
    ("https://127.0.0.1.nip.example/", "source::refused", "loopback"),
    ("https://inside.example.org/", "source::refused", "private"),
    ("https://INSIDE.example.org./", "source::refused", "private"),
    ("https://both.example.org/", "source::refused", "192.168.1.1"),
    ("https://six.example.org/", "source::refused", "unique local"),
    ("https://mapped.example.org/", "source::refused", "disguise"),
    ("s3://somebody-elses/table.csv", "source::refused", "not configured"),
];

#[tokio::test]
async fn links_that_lead_inside_are_refused_before_anything_is_dialled() {
    assert!(REFUSED.len() >= 40);
    let world = World::open().await;
    for (link, code, reason) in REFUSED {
        let error = world.fetch(link).await.expect_err(link);
        assert_eq!(error.code(), *code, "{link}: {error}");
        assert!(error.message().contains(reason), "{link}: {error}");
        assert!(!error.to_string().contains("secret"), "{link} shows a secret: {error}");
        assert!(!world.left_behind(), "{link}");
    }
    assert_eq!(world.dialled(), []);
}

#[tokio::test]
async fn redirects_are_checked_as_links_are() {
    let world = World::open().await;
    let refused = [
        ("/metadata", "source::refused", "169.254.169.254"),
        ("/inward", "source::refused", "10.0.0.7"),
        ("/plain", "source::link", "http:"),
        ("/port", "source::link", "port"),
        ("/user", "source::link", "user"),
        ("/scheme", "source::link", "file:"),
        ("/loop.csv", "source::redirects", "more than 3"),
        ("/nowhere", "source::unreachable", "without saying where"),
    ];
    for (path, code, reason) in refused {
        let error = world.fetch(&format!("https://data.example.org{path}")).await.expect_err(path);
        assert_eq!(error.code(), code, "{path}: {error}");
        assert!(error.message().contains(reason), "{path}: {error}");
    }
    let dialled = world.dialled();
    assert!(dialled.iter().all(|address| address.ip() == addresses(PUBLIC)[0] && address.port() == 443), "{dialled:?}");
    assert!(!world.left_behind());
}

#[tokio::test]
async fn a_name_is_resolved_once_and_the_checked_address_is_dialled() {
    let world = World::open().await;
    world.fetch("https://rebind.example.org/table.csv").await.expect("the first answer is public");
    assert_eq!(*world.net.asked.lock().expect("one thread"), ["rebind.example.org"]);
    assert_eq!(world.dialled(), [SocketAddr::from((addresses(PUBLIC)[0], 443))]);
    // asked again, the name has moved inside
    let error = world.fetch("https://rebind.example.org/table.csv").await.expect_err("it moved");
    assert_eq!(error.code(), "source::refused");
    assert_eq!(world.dialled().len(), 1);
}

#[tokio::test]
async fn public_files_are_read_whole_with_their_hash() {
    let world = World::open().await;
    for path in ["/table.csv", "/chunked.csv", "/moved.csv", "/elsewhere.csv", "/three.csv", "/table.csv#rows"] {
        let fetched = world.fetch(&format!("https://data.example.org{path}")).await.expect(path);
        assert_eq!((fetched.bytes, fetched.sha256), (8, sha256_hex(b"a,b\n1,2\n")), "{path}");
        assert_eq!(fetched.seen.bytes, Some(8));
        assert_eq!(std::fs::read(world.folder.path().join("got")).expect("a file"), b"a,b\n1,2\n");
    }
}

#[tokio::test]
async fn answers_other_than_a_file_have_their_codes() {
    let world = World::open().await;
    let told = [
        ("/absent.csv", "source::not_found", ErrorKind::Data),
        ("/private.csv", "source::denied", ErrorKind::Unavailable),
        ("/busy.csv", "source::unreachable", ErrorKind::Unavailable),
        ("/cut.csv", "source::unreachable", ErrorKind::Unavailable),
    ];
    for (path, code, kind) in told {
        let error = world.fetch(&format!("https://data.example.org{path}")).await.expect_err(path);
        assert_eq!((error.code(), error.kind()), (code, kind), "{path}: {error}");
        assert!(!world.left_behind(), "{path} left half a file");
    }
    let error = world.fetch("https://absent.example.org/table.csv").await.expect_err("no such name");
    assert_eq!(error.code(), "source::unreachable");
    let error = world.fetch("https://wrong.example.org/table.csv").await.expect_err("its certificate is for other names");
    assert!(error.code() == "source::unreachable" && error.message().contains("secure"), "{error}");
}

#[tokio::test]
async fn secrets_in_a_query_are_sent_and_never_shown() {
    let world = World::open().await;
    assert_eq!(world.fetch("https://data.example.org/signed.csv?token=secret").await.expect("its token is right").bytes, 4);
    let error = world.fetch("https://data.example.org/absent.csv?token=secret").await.expect_err("absent");
    assert!(!format!("{error} {:?}", error.to_wire()).contains("secret"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_longer_what_was_seen_has_changed() {
    let world = World::open().await;
    let to = world.folder.path().join("got");
    for (expected, same) in [
        (Seen { etag: Some("\"v1\"".into()), ..Seen::default() }, true),
        (Seen { bytes: Some(8), ..Seen::default() }, true),
        (Seen { etag: Some("\"v0\"".into()), ..Seen::default() }, false),
        (Seen { bytes: Some(9), ..Seen::default() }, false),
    ] {
        let fetched = world.links.fetch("https://data.example.org/table.csv", &expected, &to).await;
        assert_eq!(fetched.as_ref().map_err(|error| error.code().to_owned()).err(), (!same).then(|| "source::changed".to_owned()));
    }
}

#[tokio::test]
async fn https_is_off_unless_a_host_is_allowed() {
    let listed = Https::Hosts(vec!["data.example.org".into(), ".trusted.example".into()]);
    for (https, link, allowed) in [
        (Https::Off, "https://data.example.org/table.csv", false),
        (listed.clone(), "https://data.example.org/table.csv", true),
        (listed.clone(), "https://DATA.example.org./table.csv", true),
        (listed.clone(), "https://other.example.org/table.csv", false),
        (listed.clone(), "https://evil-data.example.org/table.csv", false),
        (listed.clone(), "https://a.b.trusted.example/table.csv", true),
        (listed.clone(), "https://trusted.example/table.csv", true),
        (listed.clone(), "https://untrusted.example/table.csv", false),
        (listed.clone(), "https://93.184.215.14/table.csv", false),
        (Https::Any, "https://other.example.org/table.csv", true),
    ] {
        let world = World::with(https.clone(), Limits::default()).await;
        let checked = world.links.check(link);
        assert_eq!(checked.is_ok(), allowed, "{https:?} {link}");
        assert!(checked.is_ok() || checked.is_err_and(|error| error.code() == "source::refused"));
        assert!(world.net.asked.lock().expect("one thread").is_empty(), "nothing is asked at the door");
    }
    // a redirect does not lead around the list
    let world = World::with(listed, Limits::default()).await;
    let error = world.fetch("https://data.example.org/elsewhere.csv").await.expect_err("another host");
    assert!(error.code() == "source::refused" && error.message().contains("other.example.org"), "{error}");
}

#[tokio::test]
async fn bounds_end_a_fetch() {
    let short = Limits { bytes_max: 7, ..Limits::default() };
    let world = World::with(Https::Any, short).await;
    for path in ["/table.csv", "/chunked.csv"] {
        let error = world.fetch(&format!("https://data.example.org{path}")).await.expect_err(path);
        assert_eq!(error.code(), "source::too_large", "{path}");
        assert!(!world.left_behind());
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_comes_too_slowly_is_given_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("got");
    let limits = Limits { time_max: Duration::from_secs(600), rate_min: 1_000, ..Limits::default() };
    for (pause, piece, told) in [(10, 20_000, "took too long"), (10, 2_000, "comes too slowly"), (10_000, 2_000, "comes too slowly")] {
        let mut sink = sink::Sink::open(&path, "it", &limits).await.expect("a file");
        let error = loop {
            let wait = async {
                tokio::time::sleep(Duration::from_secs(pause)).await;
                bytes::Bytes::from(vec![0; piece])
            };
            match sink.wait(wait).await {
                Ok(bytes) => sink.take(bytes).await.expect("room"),
                Err(error) => break error,
            }
        };
        assert!(error.code() == "source::too_slow" && error.message().contains(told), "{error}");
        drop(sink);
        assert!(!path.exists());
    }
}

#[tokio::test]
async fn a_page_is_called_once_under_the_same_guard_as_links_and_not_followed() {
    let world = World::open().await;
    let call = async |link: &str| world.links.call(link, &[("x-test", "1".to_owned())], Bytes::from_static(b"{}")).await;
    assert_eq!(call("https://data.example.org/call").await.expect("answered"), 204);
    assert_eq!(call("https://data.example.org/call-moved").await.expect("answered"), 302);
    let dialled = world.dialled().len();
    for (link, code, reason) in REFUSED.iter().filter(|(link, ..)| link.starts_with("https:") || link.starts_with("http:")) {
        let error = call(link).await.expect_err(link);
        assert_eq!(error.code(), *code, "{link}: {error}");
        assert!(error.message().contains(reason), "{link}: {error}");
    }
    assert_eq!(call("s3://bucket/key").await.expect_err("no page").code(), "source::link");
    assert_eq!(world.dialled().len(), dialled, "nothing inside was dialled");
}
