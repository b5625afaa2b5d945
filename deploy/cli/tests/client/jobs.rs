//! Jobs of a server from the command line: submit, watch, steer, fetch.

use super::*;
use std::time::{Duration, Instant};
use support::plain;
use synthfleet_proto::id::sha256_hex;

#[test]
fn a_job_is_waited_for_shown_and_fetched_with_every_hash_checked() {
    let fleet = Fleet::new();
    let ended = fleet.run(&["submit", "sim:demo?rows=1000", "--preset", "quick", "--wait"]).must_be_done();
    assert!(
        ended.stdout.contains("score") && ended.stdout.contains("seqtree") && ended.stdout.contains("next     synthfleet jobs files job_"),
        "{}",
        ended.stdout
    );
    let listed = object(&fleet.run(&["jobs", "ls", "--state", "done", "--json"]).must_end(0));
    let id = listed["items"][0]["id"].as_str().expect("an id").to_owned();
    assert!(ended.stderr.contains(&id), "{}", ended.stderr);
    let told = object(&fleet.run(&["jobs", "files", &id, "-o", "out", "--json"]).must_end(0));
    let files = told["items"].as_array().expect("a list");
    assert!(files.len() > 5);
    for file in files {
        let bytes = std::fs::read(fleet.desk.path("out").join(file["path"].as_str().expect("a path"))).expect("fetched");
        assert_eq!(sha256_hex(&bytes), file["sha256"].as_str().expect("a hash"), "{file}");
    }
    fleet.desk.identity_set("out");
    // it is an output folder like any other
    fleet.run(&["report", "out"]).must_end(0);
    // once ended, watching says the same again
    let again = fleet.run(&["jobs", "watch", &id]).must_be_done();
    assert_eq!((again.code, &again.stdout), (ended.code, &ended.stdout));
}

#[test]
fn one_object_holds_what_became_of_every_submitted_job() {
    let fleet = Fleet::new();
    fleet.desk.file("small.json", r#"{"synthesizers": ["independent"], "benchmarks": ["accuracy"], "gate": "off", "repeats": 1}"#);
    fleet.desk.file("bad.csv", "a,b\n1,2\n3\n4,5,6\n7,8\n9,10\n11,12\n");
    let ended = fleet.run(&["submit", "sim:demo?rows=400", "bad.csv", "--job", "small.json", "--wait", "--json"]).must_end(3);
    let told = object(&ended);
    let (good, bad) = (&told["jobs"][0], &told["jobs"][1]);
    assert_eq!((&good["state"], &good["results"]["schema"]), (&"done".into(), &"synthfleet.results.v1".into()));
    assert!(good["results"]["tasks"].is_null());
    assert_eq!((&bad["state"], &bad["error"]["code"]), (&"failed".into(), &"csv::ragged".into()), "{bad}");
    assert!(ended.stderr.contains("error[csv::ragged]"), "{}", ended.stderr);
}

#[test]
fn a_file_is_uploaded_in_parts_and_never_held_whole() {
    let fleet = Fleet::new();
    let text = plain(1_200_000, 1);
    assert!(text.len() > 33 << 20, "three parts, but {} bytes", text.len());
    let file = fleet.desk.file("long.csv", &text);
    let arguments = ["submit", file.to_str().expect("utf-8"), "--server", &fleet.url, "--hold", "--json"];
    let (ended, used) = fleet.desk.run_measured(&arguments);
    let told = object(&ended.must_end(0));
    assert!(used.peak_bytes < 100 << 20, "{} MiB", used.peak_bytes >> 20);
    let job = fleet.show(told["jobs"][0]["id"].as_str().expect("an id"));
    assert!(job["spec"]["source"]["uri"].as_str().expect("a source").starts_with("upload:upl_"), "{job}");
    assert_eq!((&job["table"]["name"], &job["table"]["sha256"]), (&"long".into(), &sha256_hex(text.as_bytes()).into()));
}

#[test]
fn standard_input_is_uploaded_too() {
    let fleet = Fleet::new();
    let text = plain(50, 1);
    let ended = fleet.desk.run_with_input(&["submit", "-", "--server", &fleet.url, "--hold", "--json"], text.as_bytes()).must_end(0);
    let job = fleet.show(object(&ended)["jobs"][0]["id"].as_str().expect("an id"));
    assert_eq!(job["table"]["sha256"], sha256_hex(text.as_bytes()));
}

#[test]
fn an_uploaded_table_with_metadata_and_holdout_gives_what_it_gives_here() {
    let fleet = Fleet::new();
    let file = fleet.desk.file("t.csv", plain(400, 5));
    let file = file.to_str().expect("utf-8");
    let metadata = fleet.desk.run(&["profile", file, "--format", "sdv"]).must_end(0).stdout;
    fleet.desk.file("m.json", metadata);
    fleet.desk.file("h.csv", plain(100, 6));
    let wishes = ["--metadata", "m.json", "--holdout-source", "h.csv", "-s", "independent", "-b", "accuracy", "--gate", "off"];
    fleet.desk.run(&[&["run", file, "-o", "here"], &wishes[..]].concat()).must_be_done();
    let told = object(&fleet.run(&[&["submit", file, "--wait", "--json"], &wishes[..]].concat()).must_be_done());
    let id = told["jobs"][0]["id"].as_str().expect("an id");
    fleet.run(&["jobs", "files", id, "-o", "there"]).must_end(0);
    assert_eq!(fleet.desk.identity_set("here"), fleet.desk.identity_set("there"));
}

#[test]
fn equal_keys_are_one_job_and_one_upload() {
    let fleet = Fleet::new();
    let file = fleet.desk.file("t.csv", plain(50, 1));
    let submit = |source: &str| fleet.run(&["submit", source, "--idempotency-key", "order-7", "--hold", "--json"]);
    let id = |ended: Ended| object(&ended)["jobs"][0]["id"].clone();
    let first = id(submit(file.to_str().expect("utf-8")).must_end(0));
    assert_eq!(id(submit(file.to_str().expect("utf-8")).must_end(0)), first);
    fleet.desk.file("t.csv", plain(50, 2));
    submit(file.to_str().expect("utf-8")).must_refuse(2, "upload::key_reused");
    assert_eq!(object(&fleet.run(&["jobs", "ls", "--json"]).must_end(0))["items"].as_array().map(Vec::len), Some(1));
}

#[test]
fn every_problem_of_a_job_is_told_and_nothing_is_sent() {
    let fleet = Fleet::new();
    let file = fleet.desk.file("adult.csv", plain(50, 1));
    let refused = fleet.run(&["submit", file.to_str().expect("utf-8"), "--holdout", "0.9", "--repeats", "99"]).must_end(2);
    assert!(refused.stderr.contains("/holdout") && refused.stderr.contains("/repeats"), "{}", refused.stderr);
    // what only the server knows is told by the server, with its pointers
    let refused = fleet.run(&["submit", "sim:demo", "-s", "seqtre", "--preset", "quik"]).must_end(2);
    assert!(
        refused.stderr.contains("did you mean") && refused.stderr.contains("seqtree") && refused.stderr.contains("quick"),
        "{}",
        refused.stderr
    );
    fleet.run(&["submit", "sim:demo", "adul.csv"]).must_refuse(3, "source::not_found");
    fleet.run(&["submit", "http://host/t.csv"]).must_refuse(3, "source::link");
    assert!(fleet.run(&["submit"]).must_end(2).stderr.contains("no source"));
    assert_eq!(object(&fleet.run(&["jobs", "ls", "--json"]).must_end(0))["items"], serde_json::json!([]));
}

#[test]
fn a_job_is_watched_event_by_event() {
    let fleet = Fleet::new();
    let id = fleet.job(&[]);
    let ended = fleet.run(&["jobs", "watch", &id, "--events", "jsonl"]).must_be_done();
    let events: Vec<Value> =
        ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"))).collect();
    assert_eq!((&events[0]["type"], &events[0]["job"]), (&"snapshot".into(), &id.clone().into()));
    assert!(
        events.iter().any(|event| event["type"] == "state" && event["state"] == "done") || events[0]["snapshot"]["job"]["state"] == "done"
    );
}

#[test]
fn a_job_is_cancelled_and_says_so() {
    let fleet = Fleet::new();
    let id = fleet.job(&["--hold", "--label", "team=a", "--summary", "a try"]);
    fleet.run(&["jobs", "cancel", &id, "--reason", "wrong table"]).must_end(0);
    assert!(fleet.run(&["jobs", "watch", &id]).must_end(1).stdout.contains("cancelled"));
    assert_eq!(fleet.show(&id)["state"], "cancelled");
    let listed = fleet.run(&["jobs", "ls", "--label", "team=a"]).must_end(0).stdout;
    assert!(listed.contains(&id) && listed.contains("a try"), "{listed}");
    assert!(!fleet.run(&["jobs", "ls", "--label", "team=b"]).must_end(0).stdout.contains(&id));
    fleet.run(&["jobs", "files", &id]).must_refuse(1, "client::conflict");
}

#[test]
fn an_ended_job_is_asked_for_again_and_a_running_one_is_not() {
    let fleet = Fleet::new();
    let id = fleet.job(&["--wait"]);
    fleet.run(&["jobs", "cancel", &id]).must_refuse(1, "client::conflict");
    let again = object(&fleet.run(&["jobs", "retry", &id, "--json"]).must_end(0));
    let again = again["id"].as_str().expect("an id");
    assert_ne!(again, id);
    fleet.run(&["jobs", "watch", again]).must_be_done();
    let held = fleet.job(&["--hold"]);
    fleet.run(&["jobs", "retry", &held]).must_refuse(1, "client::conflict");
}

#[test]
fn a_held_job_goes_on_when_it_is_released() {
    let fleet = Fleet::new();
    let id = fleet.job(&["--hold"]);
    let patience = Instant::now() + Duration::from_secs(60);
    while fleet.show(&id)["state"] != "on_hold" {
        assert!(Instant::now() < patience, "{}", fleet.show(&id));
        std::thread::sleep(Duration::from_millis(100));
    }
    fleet.run(&["jobs", "release", &id]).must_end(0);
    fleet.run(&["jobs", "watch", &id]).must_be_done();
    fleet.run(&["jobs", "release", &id]).must_refuse(1, "client::conflict");
}

#[test]
fn lists_go_on_over_pages_until_their_limit() {
    let fleet = Fleet::new();
    let sources: Vec<String> = (0..4).map(|seed| format!("sim:demo?rows=100&seed={seed}")).collect();
    let arguments: Vec<&str> = ["submit", "--hold"].into_iter().chain(sources.iter().map(String::as_str)).collect();
    let shown = fleet.run(&arguments).must_end(0).stdout;
    assert_eq!(shown.matches("next     synthfleet jobs watch job_").count(), 4, "{shown}");
    let listed = |limit: &str| object(&fleet.run(&["jobs", "ls", "--limit", limit, "--json"]).must_end(0));
    let count = |told: &Value| told["items"].as_array().map(Vec::len);
    assert_eq!((count(&listed("3")), &listed("3")["more"]), (Some(3), &true.into()));
    assert_eq!((count(&listed("9")), &listed("9")["more"]), (Some(4), &false.into()));
}
