//! Hostile sources through the API of one machine's server: the job ends with a code, what is known of it stays, and
//! the same again works once the fault is mended.

use super::support::fleet::{Role, until};
use super::support::{Desk, is_open, plain};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use synthfleet_harness::http;

/// Time that a small job may take on a busy machine, pauses before further attempts included.
const PATIENCE: Duration = Duration::from_secs(180);

const SERVE: [&str; 5] = ["serve", "--listen", "127.0.0.1:0", "--isolate", "pool"];

/// A server on a store below the desk.
fn serve(desk: &Desk) -> Role {
    let store = format!("file://{}", desk.path("store").display());
    started(desk, desk.command(&[&SERVE[..], &["--store", &store]].concat()))
}

fn started(desk: &Desk, mut command: Command) -> Role {
    command.env("SYNTHFLEET_SERVE_AUTH", "off").env("SYNTHFLEET_WORKER_SLOTS", "2");
    let role = Role::start(command, desk.path("serve.log"));
    role.port("api");
    role
}

/// A small job over a source.
fn job(source: &str) -> Value {
    json!({ "source": source, "synthesizers": ["independent"], "benchmarks": ["diagnostic"], "gate": "off" })
}

fn of_file(path: &Path) -> Value {
    job(path.to_str().expect("utf-8"))
}

/// The code of a job that failed, which is still known with its tasks.
fn failed(role: &Role, id: &str) -> (String, Value) {
    let told = role.ended(id, PATIENCE);
    assert_eq!(told["state"], "failed", "{told}");
    let (status, tasks) = role.ask("GET", &format!("/v1/jobs/{id}/tasks"), None);
    assert_eq!((status, &tasks["items"][0]["state"]), (200, &"failed".into()), "{tasks}");
    let error = told["problem"]["errors"][0].clone();
    assert!(error["help"].is_array(), "no remedy: {told}");
    (error["code"].as_str().expect("a code").to_owned(), error)
}

/// The same job again, which must be done now; the failed one stays as it is.
fn again(role: &Role, id: &str) {
    let (status, told) = role.ask("POST", &format!("/v1/jobs/{id}/retry"), None);
    assert_eq!(status, 202, "{told}");
    let next = told["id"].as_str().expect("an id");
    let ended = role.ended(next, PATIENCE);
    assert_eq!((&ended["state"], next == id), (&"done".into(), false), "{ended}");
    assert_eq!(role.ended(id, PATIENCE)["state"], "failed");
}

/// Waits until the table is being read.
fn is_read(role: &Role, id: &str, file: &Path) {
    until(PATIENCE, "a worker that reads", || {
        let (_, tasks) = role.ask("GET", &format!("/v1/jobs/{id}/tasks"), None);
        (tasks["items"][0]["state"] == "running").then_some(())
    });
    // a task that runs may be about to open it
    until(PATIENCE, "a worker that has the file open", || is_open(file).then_some(()));
}

#[test]
fn h23_over_http_a_file_that_changes_or_vanishes_fails_its_job_and_a_retry_reads_it() {
    let desk = Desk::new();
    let role = serve(&desk);
    let large = plain(1_000_000, 23);
    let row = format!("{}\n", plain(1, 5).lines().nth(1).expect("a row"));
    for vanishes in [false, true] {
        let file = desk.file("t.csv", &large);
        let id = role.submit(&of_file(&file));
        is_read(&role, &id, &file);
        if vanishes {
            std::fs::remove_file(&file).expect("own file");
        } else {
            // the rows that come later are like the others: only that there are more of them tells
            let mut growing = std::fs::OpenOptions::new().append(true).open(&file).expect("a file");
            while role.ask("GET", &format!("/v1/jobs/{id}"), None).1["state"] == "in_progress" {
                growing.write_all(row.as_bytes()).expect("room");
            }
        }
        let (code, _) = failed(&role, &id);
        assert_eq!(code, "source::changed", "vanishes: {vanishes}");
        desk.file("t.csv", plain(300, 23));
        again(&role, &id);
    }
    // what was never there is told as such
    let told = role.ended(&role.submit(&of_file(&desk.path("gone.csv"))), PATIENCE);
    assert_eq!(told["problem"]["errors"][0]["code"], "source::not_found", "{told}");
}

#[test]
fn h23_over_http_a_file_that_may_not_be_read_fails_its_job_and_a_retry_reads_it() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    let file = desk.file("t.csv", plain(300, 23));
    let set_rights = |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("own files");
    set_rights(&desk.path(""), 0o777);
    set_rights(&file, 0o000);
    let role = if std::fs::read(&file).is_err() {
        serve(&desk)
    } else {
        // rights do not bind root
        let store = format!("file://{}", desk.path("store").display());
        started(&desk, desk.command_of_nobody(&[&SERVE[..], &["--store", &store]].concat()))
    };
    let id = role.submit(&of_file(&file));
    let (code, _) = failed(&role, &id);
    assert_eq!(code, "source::denied");
    set_rights(&file, 0o644);
    again(&role, &id);
}

#[test]
fn h23_over_http_a_full_disk_refuses_uploads_and_holds_jobs_until_there_is_room() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("small")).expect("a folder");
    // a folder of 6 MB that only this server sees, nearly filled
    let script = format!(
        "mount -t tmpfs -o size=6m none small && head -c 5m /dev/zero > small/ballast && exec {} {} --store file://{}",
        env!("CARGO_BIN_EXE_synthfleet"),
        SERVE.join(" "),
        desk.path("small/store").display()
    );
    let role = started(&desk, desk.of_program("unshare", &["--map-root-user", "--mount", "sh", "-c", &script]));
    let upload = |bytes: &[u8]| {
        let (status, begun) = role.ask("POST", "/v1/uploads", Some(&json!({ "name": "t.csv" })));
        assert_eq!(status, 201, "{begun}");
        let put = begun["put"].as_str().expect("an address").to_owned();
        let sent = http::ask(role.port("api"), "PUT", &put, &[("content-type", "application/octet-stream")], bytes).expect("answers");
        (put, sent.status, serde_json::from_slice::<Value>(&sent.body).unwrap_or_default())
    };
    let (_, status, told) = upload(plain(60_000, 23).as_bytes());
    assert_eq!((status, &told["type"]), (507, &"/problems/insufficient-storage".into()), "{told}");
    assert!(!told.to_string().contains("small"), "a folder of the server is told: {told}");
    // less fits, but not what a job makes of it
    let (put, status, told) = upload(plain(9_000, 23).as_bytes());
    assert_eq!(status, 202, "{told}");
    let (status, done) = role.ask("POST", &format!("{put}/complete"), Some(&json!({})));
    assert_eq!(status, 200, "{done}");
    let id = role.submit(&job(done["source"].as_str().expect("a link")));
    until(PATIENCE, "a word on the full disk", || role.said().contains("io::disk_full").then_some(()));
    let (status, told) = role.ask("GET", &format!("/v1/jobs/{id}"), None);
    assert_eq!((status, &told["state"]), (200, &"in_progress".into()), "{told}");
    // the folder is seen through the process that has it
    std::fs::remove_file(format!("/proc/{}/root{}", role.pid().as_raw_nonzero(), desk.path("small/ballast").display()))
        .expect("the ballast");
    assert_eq!(role.ended(&id, PATIENCE)["state"], "done");
}

#[test]
fn h24_over_http_wrong_metadata_fails_the_job_with_a_pointer_into_it() {
    let desk = Desk::new();
    let role = serve(&desk);
    let file = desk.file("t.csv", plain(200, 24));
    let document = |version: &str, tables: Value| json!({ "tables": tables, "relationships": [], "METADATA_SPEC_VERSION": version });
    let other = document("V1", json!({ "t": { "columns": { "height": { "sdtype": "numerical" } } } }));
    let strange = document("V1", json!({ "t": { "columns": { "age": { "sdtype": "numerical", "colour": "red" } } } }));
    let three = document("MULTI_TABLE_V1", json!({ "a": { "columns": {} }, "b": { "columns": {} }, "c": { "columns": {} } }));
    for (metadata, code, pointer) in [
        (&other, "metadata::mismatch", "/metadata/tables/t/columns/height"),
        (&strange, "metadata::unknown_key", "/metadata/tables/t/columns/age/colour"),
        (&three, "metadata::multi_table", "/metadata/tables"),
    ] {
        let mut wish = of_file(&file);
        wish["metadata"] = metadata.clone();
        let (found, error) = failed(&role, &role.submit(&wish));
        assert_eq!((found.as_str(), &error["pointer"]), (code, &pointer.into()), "{error}");
    }
}
