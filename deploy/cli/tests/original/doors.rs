//! How a table comes in and how a job starts: rows 1, 2 and 14.

use super::support::fleet::{STORE, USER, queue, send, until};
use super::support::{Desk, plain};
use super::{PATIENCE, Served, entry, texts};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use synthfleet_harness::{Moto, http};
use synthfleet_store_server::{ACCESS_KEY, SECRET_KEY, Server, Settings};

#[test]
fn orig_01_a_request_truly_starts_a_job_and_is_answered_at_once() {
    let served = Served::new();
    let job = json!({ "source": "sim:asia?rows=300", "synthesizers": ["clbn"], "benchmarks": ["accuracy"], "gate": "off" }).to_string();
    let ask = || {
        let begin = Instant::now();
        let answer = http::ask(served.role.port("api"), "POST", "/v1/jobs", &[("content-type", "application/json")], job.as_bytes())
            .expect("answers");
        (begin.elapsed(), answer)
    };
    let answers: Vec<_> = (0..5).map(|_| ask()).collect();
    for (_, answer) in &answers {
        let told: Value = serde_json::from_slice(&answer.body).expect("JSON");
        let id = told["id"].as_str().expect("an id");
        assert_eq!((answer.status, answer.header("location")), (202, Some(format!("/v1/jobs/{id}").as_str())), "{told}");
        assert_eq!(served.role.ended(id, PATIENCE)["state"], "done");
    }
    // others may use the machine: the quickest answer tells what it takes
    let quickest = answers.iter().map(|(took, _)| *took).min().expect("answers");
    assert!(quickest < Duration::from_millis(100), "{quickest:?}");
}

#[test]
fn orig_01_the_body_of_the_original_starts_a_quick_job() {
    let served = Served::new();
    let told = served.post("/input", &json!({ "text": "sim:demo?rows=400" }), 202);
    assert_eq!(told["message"], "pipeline started");
    let id = told["job"].as_str().expect("a job");
    let ended = served.role.ended(id, PATIENCE);
    assert_eq!((&ended["state"], &ended["spec"]["preset"]), (&"done".into(), &"quick".into()), "{ended}");
    assert_eq!(told["links"]["self"], format!("/v1/jobs/{id}"));
    served.post("/input", &json!({ "text": "" }), 400);
    served.post("/input", &json!({ "link": "sim:demo" }), 400);
    served.post("/input", &json!({ "text": "sim:no_such_set" }), 202);
}

/// Kinds and numbers of all columns, as they were read.
fn columns(profile: &Value) -> Value {
    assert!(profile["columns"].as_array().is_some_and(|columns| columns.len() == 5), "{profile}");
    profile["columns"].clone()
}

#[test]
fn orig_02_a_table_comes_in_by_file_input_upload_bucket_and_event() {
    let table = plain(400, 2);
    let s3 = Server::start(Settings { buckets: vec![STORE.to_owned(), USER.to_owned()], ..Settings::default() }).expect("an S3 server");
    s3.put(USER, "in/t.csv", table.clone());
    s3.put(USER, "drop/t.csv", table.clone());
    let moto = Moto::shared().expect("a moto server: cargo xtask test --setup installs it");
    let drops = queue(&moto, &format!("orig-{}", std::process::id()));
    let rule =
        json!([{ "bucket": USER, "prefix": "drop/", "suffix": [".csv"], "job": "drop.toml", "output": format!("s3://{USER}/out/") }]);
    let buckets = json!([{ "queue": drops, "endpoint": moto.url(), "tenant": "local", "rules": rule }]);
    let desk = Desk::new();
    let rule_job = desk.file("drop.toml", "synthesizers = [\"clbn\"]\nbenchmarks = [\"diagnostic\"]\ngate = \"off\"\n");
    let buckets = buckets.to_string().replace("drop.toml", &rule_job.display().to_string());
    let served = Served::with(&[
        // the standard chain of credentials, which begins with these
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ("SYNTHFLEET_STORE_ENDPOINT", s3.url()),
        ("SYNTHFLEET_STORE_PATH_STYLE", "yes".to_owned()),
        ("SYNTHFLEET_SOURCES_BUCKETS", format!("[\"s3://{USER}\"]")),
        ("SYNTHFLEET_DOORS_BUCKETS", buckets),
    ]);

    let read = |text: &str| columns(&serde_json::from_str(text).expect("JSON"));
    let file = desk.file("t.csv", &table);
    let by_file = read(&desk.run(&["profile", file.to_str().expect("utf-8"), "--format", "json"]).must_end(0).stdout);
    let by_input = read(&desk.run_with_input(&["profile", "-", "--format", "json"], table.as_bytes()).must_end(0).stdout);
    assert_eq!(by_input, by_file);

    let job = |source: &str| json!({ "source": source, "synthesizers": ["clbn"], "benchmarks": ["diagnostic"], "gate": "off" });
    let event = json!({ "Records": [{ "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-east-1",
        "eventTime": "2026-01-01T00:00:00.000Z", "eventName": "ObjectCreated:Put",
        "s3": { "s3SchemaVersion": "1.0", "bucket": { "name": USER }, "object": { "key": "drop/t.csv", "sequencer": "0A" } } }] });
    send(&moto, &drops, &event.to_string());
    let by_upload = served.done(&job(&served.upload("t.csv", table.as_bytes())));
    let by_link = served.done(&job(&format!("s3://{USER}/in/t.csv")));
    let by_event = until(PATIENCE, "a job of the event", || {
        let told = served.get("/v1/jobs");
        let ids: Vec<&str> = told["items"].as_array()?.iter().filter_map(|job| job["id"].as_str()).collect();
        ids.into_iter().find(|id| ![&by_upload, &by_link].contains(&&(*id).to_owned())).map(str::to_owned)
    });
    assert_eq!(served.role.ended(&by_event, PATIENCE)["state"], "done");
    for id in [by_upload, by_link, by_event] {
        assert_eq!(columns(&served.get(&format!("/v1/jobs/{id}/metadata?form=profile"))), by_file, "{id}");
    }
    // links that nobody allowed are refused; so are those to this machine's own addresses
    let (status, told) = served.role.ask("POST", "/v1/jobs", Some(&job("https://127.0.0.1/t.csv")));
    assert_eq!((status, &told["errors"][0]["code"]), (422, &"source::refused".into()), "{told}");
}

/// A place where something that looks like a secret stands, by its beginning and so many characters of a kind.
struct Secret {
    start: &'static str,
    more: usize,
    is_of: fn(char) -> bool,
}

/// Beginnings are put together here, so that this file is none of the places that are found.
const SECRETS: [Secret; 9] = [
    Secret { start: concat!("AK", "IA"), more: 16, is_of: |letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() },
    Secret { start: concat!("AS", "IA"), more: 16, is_of: |letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() },
    Secret { start: concat!("AI", "za"), more: 35, is_of: |letter| letter.is_ascii_alphanumeric() || "_-".contains(letter) },
    Secret { start: concat!("gh", "p_"), more: 36, is_of: |letter| letter.is_ascii_alphanumeric() },
    Secret { start: concat!("gh", "s_"), more: 36, is_of: |letter| letter.is_ascii_alphanumeric() },
    Secret { start: concat!("github", "_pat_"), more: 22, is_of: |letter| letter.is_ascii_alphanumeric() || letter == '_' },
    Secret { start: concat!("xo", "xb-"), more: 20, is_of: |letter| letter.is_ascii_alphanumeric() || letter == '-' },
    Secret { start: concat!("sk_", "live_"), more: 16, is_of: |letter| letter.is_ascii_alphanumeric() },
    // our own tokens: an id, and a secret
    Secret { start: concat!("s", "f_"), more: 40, is_of: |letter| letter.is_ascii_alphanumeric() || letter == '_' },
];

/// What looks like a secret in a text.
fn secrets(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for secret in &SECRETS {
        for (place, _) in text.match_indices(secret.start) {
            let before = text[..place].chars().next_back();
            let rest = text[place + secret.start.len()..].chars().take(secret.more);
            let is_word = before.is_some_and(|letter| letter.is_ascii_alphanumeric() || letter == '_');
            if !is_word && rest.clone().count() == secret.more && rest.clone().all(secret.is_of) {
                found.push(rest.take(4).fold(secret.start.to_owned(), |mut shown, letter| {
                    shown.push(letter);
                    shown
                }));
            }
        }
    }
    // an assignment of forty characters, as cloud providers name it
    for name in [concat!("secret_access", "_key"), concat!("Secret", "AccessKey")] {
        for (place, _) in text.match_indices(name) {
            let rest = text[place + name.len()..].trim_start_matches(|letter: char| "\"'=: ".contains(letter));
            let value: String = rest.chars().take_while(|letter| letter.is_ascii_alphanumeric() || "+/=".contains(*letter)).collect();
            if value.len() == 40 {
                found.push(format!("{name} = {}..", &value[..4]));
            }
        }
    }
    let (begin, end) = (concat!("-----BEGIN ", ""), concat!("PRIVATE ", "KEY-----"));
    let keys = text.lines().filter(|line| line.find(begin).is_some_and(|place| line[place..].contains(end)));
    found.extend(keys.map(str::to_owned));
    found
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a readable folder").flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let is_ours = !["target", ".git", "node_modules"].contains(&name.to_string_lossy().as_ref());
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && is_ours => files(&path, found),
            Ok(kind) if kind.is_file() => found.push(path),
            _ => {}
        }
    }
}

#[test]
fn orig_02_no_key_stands_in_the_repository() {
    let planted = [
        format!("key = \"{}{}\"", SECRETS[0].start, "ABCDEFGHIJKLMNOP"),
        format!("{}{}", SECRETS[3].start, "a1".repeat(18)),
        format!("aws_{}_key = {}", "secret_access", "aB3/".repeat(10)),
        format!("-----BEGIN RSA {}", concat!("PRIVATE ", "KEY-----")),
    ];
    for text in &planted {
        assert_eq!(secrets(text).len(), 1, "{text} is not seen");
    }
    let mut all = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."), &mut all);
    assert!(all.len() > 500, "the repository has {} files", all.len());
    for path in all {
        let text = String::from_utf8_lossy(&std::fs::read(&path).expect("readable")).into_owned();
        let found = secrets(&text);
        assert!(found.is_empty(), "{} holds {found:?}", path.display());
    }
}

#[test]
fn orig_14_many_sources_are_many_jobs_with_scores_and_decoded_rows_by_pages() {
    let served = Served::new();
    for (name, seed) in [("one.csv", 1), ("two.csv", 2)] {
        served.desk.file(name, plain(300, seed));
    }
    served.desk.file("job.json", r#"{"synthesizers": ["clbn"], "benchmarks": ["accuracy", "column_shapes"], "gate": "off", "repeats": 1}"#);
    let arguments = ["submit", "one.csv", "two.csv", "sim:asia?rows=300", "--job", "job.json", "--wait", "--json"];
    let told: Value = serde_json::from_str(&served.run(&arguments).must_be_done().stdout).expect("JSON");
    let jobs = told["jobs"].as_array().expect("jobs");
    assert_eq!(jobs.len(), 3);
    for job in jobs {
        let candidates = job["results"]["candidates"].as_array().expect("candidates");
        assert!(candidates.iter().all(|one| one["repeats"][0]["scores"].as_array().is_some_and(|scores| scores.len() > 2)), "{job}");
    }
    // rows by pages, until there are no more
    let id = jobs[0]["id"].as_str().expect("an id");
    let (mut rows, mut path) = (Vec::new(), format!("/v1/jobs/{id}/candidates/clbn/rows?limit=100"));
    loop {
        let page = served.get(&path);
        rows.extend(page["items"].as_array().expect("rows").clone());
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/v1/jobs/{id}/candidates/clbn/rows?limit=100&cursor={cursor}");
    }
    assert_eq!(rows.len(), 240, "as many as were learnt from");
    for row in &rows {
        assert_eq!(row.as_object().map(|fields| fields.len()), Some(5), "{row}");
        assert!(["north", "south", "east", "west"].contains(&row["region"].as_str().unwrap_or_default()), "{row}");
        assert!(["yes", "no"].contains(&row["member"].as_str().unwrap_or_default()), "{row}");
    }
    for (job, name) in jobs.iter().zip(["one", "two", "asia"]) {
        let shown = served.get(&format!("/v1/jobs/{}", job["id"].as_str().expect("an id")));
        assert_eq!(shown["table"]["name"], name);
    }
    let profile = served.get(&format!("/v1/jobs/{id}/metadata?form=sdgym2020"));
    let region = entry(&profile["columns"], "name", "region");
    assert_eq!(texts(&region["i2s"]).len(), 4, "{region}");
}
