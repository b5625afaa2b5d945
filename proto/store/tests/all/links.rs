//! Tables in users' buckets, and results in their own prefix.

use crate::bucket::{BUCKET, credentials, data, fresh, server, settings};
use bytes::Bytes;
use std::{path::PathBuf, time::Duration};
use synthfleet_proto::{ErrorKind, Seed, fact::PublishedFile, id::sha256_hex};
use synthfleet_store::{
    S3,
    foreign::{self, Limits, Links, Placed, Seen, fetch_presigned},
    s3, upload_bytes,
};
use synthfleet_store_server::{ACCESS_KEY, Fault, Operation, Rule, Server};

const TABLE: &str = "a,b\n1,2\n";
const LINK: &str = "s3://tables/in/my table.csv";

/// Long enough for parts.
const LONG: usize = 9 << 20;

struct World {
    server: Server,
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let server = server();
        server.make_bucket("tables");
        server.put("tables", "in/my table.csv", TABLE);
        Self { server, folder: tempfile::tempdir().expect("a folder") }
    }

    async fn with(&self, change: impl FnOnce(&mut foreign::Settings)) -> Links {
        let bucket = s3::Settings { bucket: "tables".to_owned(), prefix: String::new(), ..settings(&self.server) };
        let mut all = foreign::Settings { buckets: vec![bucket], ..Default::default() };
        change(&mut all);
        Links::open(all, Seed::of_task(1, "links")).await.expect("legal settings")
    }

    async fn links(&self) -> Links {
        self.with(|_| {}).await
    }

    fn to(&self) -> PathBuf {
        self.folder.path().join("got")
    }
}

#[tokio::test]
async fn an_object_is_seen_and_fetched() {
    let world = World::new();
    let links = world.links().await;
    links.check(LINK).expect("its bucket is configured");
    let seen = links.look(LINK).await.expect("it is there");
    assert_eq!(seen.bytes, Some(8));
    assert!(seen.etag.is_some());
    let fetched = links.fetch(LINK, &seen, &world.to()).await.expect("unchanged");
    assert_eq!((fetched.bytes, fetched.sha256, fetched.seen), (8, sha256_hex(TABLE.as_bytes()), seen));
    assert_eq!(std::fs::read_to_string(world.to()).expect("a file"), TABLE);
}

#[tokio::test]
async fn a_long_object_comes_in_pieces_and_survives_resets() {
    let world = World::new();
    let bytes: Vec<u8> = (0..17_u32 << 20).map(|i| (i % 241) as u8).collect();
    world.server.put("tables", "long", bytes.clone());
    world.server.put("tables", "empty", "");
    world.server.fail([Rule::once(Operation::GetObject, Fault::Cut).after(1), Rule::once(Operation::GetObject, Fault::Reset)]);
    let links = world.links().await;
    let fetched = links.fetch("s3://tables/long", &Seen::default(), &world.to()).await.expect("tried again");
    assert_eq!((fetched.bytes, fetched.sha256), (bytes.len() as u64, sha256_hex(&bytes)));
    let fetched = links.fetch("s3://tables/empty", &Seen::default(), &world.to()).await.expect("an empty file");
    assert_eq!((fetched.bytes, fetched.sha256), (0, sha256_hex(b"")));
}

#[tokio::test]
async fn an_object_that_changed_is_refused_before_and_while_it_is_read() {
    let world = World::new();
    let links = world.links().await;
    let seen = links.look(LINK).await.expect("it is there");
    world.server.put("tables", "in/my table.csv", "a,b\n3,4\n");
    let error = links.fetch(LINK, &seen, &world.to()).await.expect_err("it changed");
    assert_eq!((error.code(), error.kind()), ("source::changed", ErrorKind::Data));
    // between two pieces: the second is asked for by the entity tag of the first
    world.server.put("tables", "long", vec![1; 33 << 20]);
    world.server.fail([Rule::once(Operation::GetObject, Fault::Slow(Duration::from_millis(500))).after(1)]);
    let (to, whatever) = (world.to(), Seen::default());
    let fetch = links.fetch("s3://tables/long", &whatever, &to);
    let change = async {
        while world.server.counts().get(&Operation::GetObject) < Some(&2) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        world.server.put("tables", "long", vec![2; 33 << 20]);
    };
    let (error, ()) = tokio::join!(fetch, change);
    assert_eq!(error.expect_err("it changed").code(), "source::changed");
    assert!(!to.exists(), "no mixture is left behind");
}

#[tokio::test]
async fn what_cannot_be_read_has_its_code() {
    let world = World::new();
    let links = world.links().await;
    let fetch = |links: Links, link: &'static str| {
        let to = world.to();
        async move { links.fetch(link, &Seen::default(), &to).await.expect_err(link) }
    };
    assert_eq!(fetch(links.clone(), "s3://tables/absent").await.code(), "source::not_found");
    assert_eq!(fetch(links.clone(), "s3://others/absent").await.code(), "source::refused");
    let short = world.with(|all| all.limits = Limits { bytes_max: 7, ..Limits::default() }).await;
    assert_eq!(fetch(short, LINK).await.code(), "source::too_large");
    let wrong = world.with(|all| all.buckets[0].credentials = credentials(ACCESS_KEY, "wrong")).await;
    let denied = fetch(wrong, LINK).await;
    assert_eq!((denied.code(), denied.kind()), ("source::denied", ErrorKind::Unavailable));
    let gone = world.with(|all| all.buckets[0].bucket = "nowhere".to_owned()).await;
    assert_eq!(fetch(gone, "s3://nowhere/table.csv").await.code(), "source::not_found");
    let limited = world.with(|all| all.buckets[0].prefix = "out".to_owned()).await;
    assert_eq!(fetch(limited.clone(), LINK).await.code(), "source::refused");
    assert_eq!(limited.check("s3://tables/outside/table.csv").expect_err("a neighbour").code(), "source::refused");
    world.server.go_away();
    let away = world.with(|all| all.buckets[0].deadline = Duration::from_millis(200)).await;
    assert_eq!(fetch(away, LINK).await.code(), "source::unreachable");
    assert!(!world.to().exists());
}

#[tokio::test]
async fn a_process_without_credentials_reads_a_signed_link() {
    let world = World::new();
    let links = world.links().await;
    let seen = links.look(LINK).await.expect("it is there");
    let link = links.presign(LINK, 60).await.expect("signed");
    let limits = Limits::default();
    let fetched = fetch_presigned(&link, &seen, &world.to(), &limits).await.expect("unchanged");
    assert_eq!(fetched.sha256, sha256_hex(TABLE.as_bytes()));
    world.server.put("tables", "in/my table.csv", "other");
    assert_eq!(fetch_presigned(&link, &seen, &world.to(), &limits).await.expect_err("changed").code(), "source::changed");
    let forged = link.replace("my%20table", "other");
    let error = fetch_presigned(&forged, &Seen::default(), &world.to(), &limits).await.expect_err("not signed");
    assert_eq!(error.code(), "source::denied");
    assert!(!error.to_string().contains("Signature"), "a signature is a secret: {error}");
}

/// Published files, the manifest in their midst; `length` is that of the last.
async fn published(store: &S3, length: usize) -> Vec<PublishedFile> {
    let contents: [(&str, Bytes); 3] = [
        ("synthetic.csv", Bytes::from_static(b"a\n1\n")),
        ("manifest.json", Bytes::from_static(b"{}")),
        ("candidates/tree/sample.parquet", vec![7; length].into()),
    ];
    let mut files = Vec::new();
    for (i, (path, bytes)) in contents.into_iter().enumerate() {
        let key = data(&format!("file{i}"));
        let stored = upload_bytes(store, &key, bytes).await.expect("answered");
        let (path, key) = (path.to_owned(), key.to_string());
        files.push(PublishedFile { path, key, bytes: stored.length, sha256: stored.sha256, deterministic: true });
    }
    files
}

fn below(folder: &str) -> Vec<String> {
    ["candidates/tree/sample.parquet", "manifest.json", "synthetic.csv"].map(|path| format!("{folder}{path}")).into()
}

fn results(server: &Server) -> Vec<String> {
    server.keys("tables").into_iter().filter(|key| key.starts_with("out/")).collect()
}

#[tokio::test]
async fn results_are_published_whole_and_publishing_again_writes_nothing() {
    let (world, (_held, store)) = (World::new(), fresh().await);
    let (links, files) = (world.links().await, published(&store, LONG).await);
    for prefix in ["s3://tables/out/", "s3://tables/out"] {
        let placed = links.publish(&store, &files, prefix, "job_1").await.expect("allowed");
        let written = if prefix.ends_with('/') { 3 } else { 0 };
        assert_eq!(placed, Placed { folder: "s3://tables/out/".to_owned(), written });
    }
    assert_eq!(results(&world.server), below("out/"));
    assert_eq!(world.server.object("tables", "out/synthetic.csv"), Some(Bytes::from_static(b"a\n1\n")));
    assert_eq!(world.server.metadata("tables", "out/manifest.json").expect("there")["synthfleet-job"], "job_1");
}

#[tokio::test]
async fn the_manifest_comes_last() {
    let (world, (_held, store)) = (World::new(), fresh().await);
    let (links, files) = (world.links().await, published(&store, 100).await);
    let denied = Fault::Status(403, "AccessDenied".to_owned());
    world.server.fail([Rule::once(Operation::PutObject, denied).on("manifest.json")]);
    let error = links.publish(&store, &files, "s3://tables/out/", "job_1").await.expect_err("denied");
    assert_eq!((error.code(), error.kind()), ("output::denied", ErrorKind::Unavailable));
    assert_eq!(results(&world.server), ["out/candidates/tree/sample.parquet", "out/synthetic.csv"]);
    assert_eq!(links.publish(&store, &files, "s3://tables/out/", "job_1").await.expect("granted").written, 1);
}

#[tokio::test]
async fn files_of_others_are_never_overwritten() {
    let (world, (_held, store)) = (World::new(), fresh().await);
    let (links, files) = (world.links().await, published(&store, 100).await);
    world.server.put("tables", "out/synthetic.csv", "mine");
    world.server.put("tables", "out/notes.txt", "mine");
    let placed = links.publish(&store, &files, "s3://tables/out/", "job_1").await.expect("beside");
    assert_eq!(placed.folder, "s3://tables/out/job_1/");
    // another job meets the first one's files as somebody else's
    let first = links.publish(&store, &files, "s3://tables/out/all/", "job_1").await.expect("free");
    let second = links.publish(&store, &files, "s3://tables/out/all/", "job_2").await.expect("beside");
    assert_eq!((first.folder.as_str(), second.folder.as_str()), ("s3://tables/out/all/", "s3://tables/out/all/job_2/"));
    assert_eq!(world.server.object("tables", "out/synthetic.csv"), Some(Bytes::from_static(b"mine")));
    world.server.put("tables", "out/job_3/manifest.json", "mine");
    let error = links.publish(&store, &files, "s3://tables/out/", "job_3").await.expect_err("both are taken");
    assert_eq!((error.code(), error.kind()), ("output::foreign", ErrorKind::Invalid));
}

#[tokio::test]
async fn replicas_and_lost_replies_publish_one_set() {
    let (world, (_held, store)) = (World::new(), fresh().await);
    let (links, files) = (world.links().await, published(&store, LONG).await);
    for operation in [Operation::PutObject, Operation::CompleteMultipartUpload, Operation::ListObjectsV2] {
        world.server.fail([Rule::once(operation, Fault::LostReply)]);
        let prefix = format!("s3://tables/out/{}/", operation.name().to_lowercase());
        let publish = || links.publish(&store, &files, &prefix, "job_1");
        let (one, two) = tokio::join!(publish(), publish());
        assert_eq!((one.expect("placed").folder, two.expect("placed").folder), (prefix.clone(), prefix));
    }
    assert_eq!(results(&world.server).len(), 9);
}

#[tokio::test]
async fn results_go_only_where_it_is_allowed_and_are_checked_on_the_way() {
    let (world, (held, store)) = (World::new(), fresh().await);
    let (links, files) = (world.links().await, published(&store, LONG).await);
    for (prefix, code) in [
        ("s3://others/out/", "source::refused"),
        ("https://example.org/out/", "source::link"),
        ("out/", "source::link"),
        ("s3://nowhere!/out/", "source::link"),
    ] {
        assert_eq!(links.publish(&store, &files, prefix, "job_1").await.expect_err(prefix).code(), code, "{prefix}");
        assert_eq!(links.check_place(prefix).expect_err(prefix).code(), code, "at the door: {prefix}");
    }
    for prefix in ["s3://tables/out/", "s3://tables/out", "s3://tables/", "s3://tables"] {
        assert!(links.check_place(prefix).is_ok(), "{prefix}");
    }
    for (i, file) in files.iter().enumerate() {
        assert!(held.damage(BUCKET, &format!("base/{}", file.key)));
        let damaged = std::slice::from_ref(&files[i]);
        assert_eq!(links.publish(&store, damaged, "s3://tables/out/", "job_1").await.expect_err("damaged").code(), "store::corrupt");
    }
    assert_eq!(results(&world.server), [""; 0]);
    let outside = PublishedFile { path: "../in/my table.csv".to_owned(), ..files[0].clone() };
    assert_eq!(links.publish(&store, &[outside], "s3://tables/out/", "job_1").await.expect_err("outside").code(), "output::path");
}

#[tokio::test]
async fn an_object_that_an_event_names_is_described_by_its_key_as_it_is() {
    let (world, (_held, store)) = (World::new(), fresh().await);
    let links = world.links().await;
    let seen = links.describe("tables", "in/my table.csv", None).await.expect("answered").expect("there");
    assert_eq!((seen.bytes, seen.ours, seen.etag.is_some()), (8, false, true));
    for key in ["in/my+table.csv", "in/my%20table.csv"] {
        assert_eq!(links.describe("tables", key, None).await.expect("answered"), None, "{key}");
    }
    assert_eq!(links.describe("elsewhere", "a", None).await.expect_err("not configured").code(), "source::refused");
    links.publish(&store, &published(&store, 100).await, "s3://tables/out/", "job_1").await.expect("free");
    assert!(links.describe("tables", "out/synthetic.csv", None).await.expect("answered").expect("there").ours);
}

#[tokio::test]
async fn small_texts_are_read_whole_or_not_at_all() {
    let world = World::new();
    for (key, bytes) in [("text", &b"seed = 1\n"[..]), ("empty", b""), ("long", b"12345678901"), ("binary", b"\xff\xfe")] {
        world.server.put("tables", key, bytes.to_vec());
    }
    let links = world.links().await;
    let read = async |key| links.read_text("tables", key, 10).await;
    assert_eq!(read("text").await.expect("read").as_deref(), Some("seed = 1\n"));
    assert_eq!(read("empty").await.expect("read").as_deref(), Some(""));
    assert_eq!(read("absent").await.expect("answered"), None);
    assert_eq!(read("long").await.expect_err("too long").code(), "source::too_large");
    assert_eq!(read("binary").await.expect_err("no text").code(), "source::not_text");
}
