//! Upkeep: what is removed from the store and from the broker, and what is published again.

use super::*;
use serde_json::json;
use std::path::Path;
use std::time::{Duration, SystemTime};
use support::fleet::Ground;

/// Makes everything in a store of files so many days older.
#[expect(clippy::disallowed_methods, reason = "files of a test are as old as it says")]
fn age(folder: &Path, days: u64) {
    let then = SystemTime::now() - Duration::from_secs(days * 86_400 + 60);
    for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            age(&entry, days);
        } else {
            std::fs::File::options().write(true).open(&entry).and_then(|file| file.set_modified(then)).expect("ours");
        }
    }
}

fn keys(told: &Value) -> Vec<&str> {
    told["items"].as_array().expect("a list").iter().map(|item| item["key"].as_str().expect("a key")).collect()
}

#[test]
fn a_store_is_rid_of_what_was_kept_long_enough_after_it_was_told() {
    let fleet = Fleet::new();
    let (id, store, folder) = (fleet.job(&["--wait"]), fleet.store_url(), fleet.desk.path("store"));
    let gc = |more: &[&str]| object(&fleet.run(&[&["gc", "--store", &store, "--json"], more].concat()).must_end(0));
    assert_eq!(gc(&["--dry-run"])["objects"], 0);
    age(&folder, 8);
    let would_go = gc(&["--dry-run"]);
    assert!(!keys(&would_go).is_empty() && keys(&would_go).iter().all(|key| key.contains("/d/")), "{would_go}");
    let text = fleet.run(&["gc", "--dry-run", "--store", &store]).must_end(0).stdout;
    assert!(keys(&would_go).iter().all(|key| text.contains(key)) && text.contains("would go"), "{text}");
    let went = gc(&[]);
    assert_eq!((&went["items"], &went["bytes"], &went["jobs"]), (&would_go["items"], &would_go["bytes"], &json!(0)));
    // what was published stays
    fleet.run(&["jobs", "files", &id, "-o", "out"]).must_end(0);
    age(&folder, 91);
    let whole = gc(&[]);
    assert!(whole["jobs"] == 1 && keys(&whole).iter().any(|key| key.ends_with("/f/final")), "{whole}");
    assert_eq!(object(&fleet.run(&["jobs", "ls", "--json"]).must_end(0))["items"], json!([]));
    assert_eq!(gc(&[])["objects"], 0);
}

#[test]
fn times_of_retention_are_settings_and_a_store_that_is_not_there_is_no_empty_one() {
    let desk = Desk::new();
    let gone = format!("file://{}", desk.path("nowhere").display());
    desk.run(&["gc", "--store", &gone]).must_refuse(2, "config::store");
    assert!(!desk.path("nowhere").exists());
    let fleet = Fleet::new();
    fleet.job(&["--wait"]);
    age(&fleet.desk.path("store"), 2);
    let gc = |tenants: &str| {
        let mut command = fleet.desk.command(&["gc", "--dry-run", "--json", "--store", &fleet.store_url()]);
        command.env("SYNTHFLEET_RETENTION_TENANTS", tenants);
        Ended::of(&command.output().expect("the binary starts"))
    };
    assert_eq!(object(&gc("[\"other=1:1\"]").must_end(0))["objects"], 0);
    assert_eq!(object(&gc("[\"local=1:1\"]").must_end(0))["jobs"], 1);
    gc("[\"local\"]").must_refuse(2, "config::value");
}

#[test]
fn an_ended_job_is_removed_and_an_open_one_is_not() {
    let fleet = Fleet::new();
    let held = fleet.job(&["--hold"]);
    fleet.run(&["jobs", "rm", &held]).must_refuse(1, "client::conflict");
    let id = fleet.job(&["--wait"]);
    assert_eq!(object(&fleet.run(&["jobs", "rm", &id, "--json"]).must_end(0)), json!({"job": id, "removed": true}));
    fleet.run(&["jobs", "show", &id]).must_refuse(2, "job::deleted");
    fleet.run(&["jobs", "rm", &id]).must_refuse(2, "job::deleted");
    fleet.run(&["jobs", "rm", "job_x"]).must_refuse(2, "client::id");
}

#[test]
fn a_job_that_names_no_place_is_not_published_again() {
    let fleet = Fleet::new();
    let id = fleet.job(&["--wait"]);
    let refused = fleet.run(&["jobs", "publish", &id]);
    assert!(refused.stderr.contains("names no place"), "{}", refused.stderr);
    refused.must_refuse(1, "client::conflict");
}

#[test]
fn queues_of_pools_that_are_gone_are_removed_and_no_others() {
    let ground = Ground::new();
    let coordinator = ground.coordinator();
    let _worker = ground.worker("*", 1);
    coordinator.sees(1);
    let queue = |name: &str| format!("/queues/{}/sf.v1.pool.{name}", ground.host.name());
    ground.host.put(&queue("old.batch"), r#"{"durable":true,"arguments":{"x-queue-type":"quorum"}}"#).expect("made");
    let run = |more: &[&str], management: &str| {
        let mut command = ground.command(&[&["queue", "prune"], more].concat());
        Ended::of(&command.env("SYNTHFLEET_BROKER_MANAGEMENT", management).output().expect("the binary starts"))
    };
    let states = |told: &Value| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        told["items"].as_array().expect("a list").iter().map(|item| (text(&item["queue"]), text(&item["state"]))).collect()
    };
    let line = |queue: &str, state: &str| (format!("sf.v1.pool.{queue}"), state.to_owned());
    // by name, without the management API
    run(&[], "").must_refuse(2, "broker::management");
    let told = object(&run(&["all", "old", "--dry-run", "--json"], "").must_end(0));
    let kept = [line("all.interactive", "kept"), line("all.batch", "kept")];
    assert_eq!(states(&told), [&kept[..], &[line("old.interactive", "absent"), line("old.batch", "would_go")]].concat(), "{told}");
    run(&["old/../x"], "").must_refuse(2, "worker::pool_name");
    // by what the API lists
    let api = ground.host.management();
    let told = object(&run(&["--json"], &api).must_end(0));
    assert_eq!(states(&told), [&kept[..], &[line("old.interactive", "absent"), line("old.batch", "removed")]].concat(), "{told}");
    assert_eq!(ground.host.request("GET", &queue("old.batch"), "").expect("the node answers").0, 404);
    let text = run(&[], &api).must_end(0).stdout;
    assert!(text.contains("workers describe the pool") && !text.contains("old"), "{text}");
    let doctor = ground.command(&["doctor", "broker"]).env("SYNTHFLEET_BROKER_MANAGEMENT", &api).output().expect("the binary starts");
    let doctor = Ended::of(&doctor).must_end(0).stdout;
    assert!(["RabbitMQ 3.", "consumer_timeout", "management API"].iter().all(|word| doctor.contains(word)), "{doctor}");
}
