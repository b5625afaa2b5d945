//! Who may call, who answers, and what operators see: tokens, workers, queues, buried messages, the doctor.

use super::*;
use serde_json::json;
use std::time::Duration;
use support::fleet::Ground;
use synthfleet_proto::fleet::DeadDoc;
use synthfleet_proto::{fact, key};
use synthfleet_store::{Local, Settings, Store};

fn refused(ended: &Ended, code: &str) -> Value {
    let told = object(ended);
    assert_eq!(told["error"]["code"], code, "{told}");
    assert!(!ended.stderr.contains("panicked"));
    told
}

#[test]
fn nobody_at_the_address_ends_with_5_and_one_object() {
    let desk = Desk::new();
    for command in [&["jobs", "ls"][..], &["submit", "sim:demo"], &["workers", "ls"], &["queue", "ls"], &["dead", "ls"], &["token", "ls"]] {
        let ended = desk.run(&[command, &["--server", "http://127.0.0.1:1", "--json"]].concat());
        refused(&ended, "client::unreachable");
        assert!(ended.stderr.contains("tried 3 times") && ended.stderr.contains("synthfleet serve"), "{}", ended.stderr);
        ended.must_end(5);
    }
}

#[test]
fn wrong_flags_and_ids_are_refused_before_anybody_is_asked() {
    let desk = Desk::new();
    assert!(desk.run(&["jobs", "ls", "--stat", "done"]).must_end(2).stderr.contains("--state"));
    // a secret in a flag would be seen by every process of the machine
    desk.run(&["jobs", "ls", "--token", "sf_x"]).must_end(2);
    for id in ["job_x", "..", "a/b", ""] {
        desk.run(&["jobs", "show", id]).must_refuse(2, "client::id");
    }
    desk.run(&["dead", "show", "nothing"]).must_refuse(2, "client::id");
    desk.run(&["jobs", "ls", "--server", "host:80"]).must_refuse(2, "client::address");
    desk.run(&["jobs", "ls", "--server", "http://me:geheim@host"]).must_refuse(2, "client::address");
}

#[test]
fn a_server_with_tokens_gets_its_first_one_through_its_store() {
    let fleet = Fleet::guarded();
    refused(&fleet.run(&["jobs", "ls", "--json"]).must_end(5), "client::unauthorized");
    let store = fleet.store_url();
    fleet.run(&["token", "new", "--store", &store]).must_refuse(2, "cli::flag");
    let made = fleet.run(&["token", "new", "--store", &store, "--every-tenant", "--scope", "admin", "--note", "first"]).must_end(0);
    let admin = made.stdout.trim();
    assert!(admin.starts_with("sf_") && made.stdout.lines().count() == 1, "{}", made.stdout);
    fleet.run_as(admin, &["jobs", "ls"]).must_end(0);
    // and as a file
    let file = fleet.desk.file("token", format!("{admin}\n"));
    let mut command = fleet.desk.command(&["jobs", "ls", "--server", &fleet.url]);
    command.env("SYNTHFLEET_CLIENT_TOKEN_FILE", file);
    Ended::of(&command.output().expect("the binary starts")).must_end(0);
}

#[test]
fn tokens_are_made_listed_and_revoked_and_never_shown_again() {
    let fleet = Fleet::guarded();
    let admin = fleet.run(&["token", "new", "--store", &fleet.store_url(), "--every-tenant", "--scope", "admin"]).must_end(0).stdout;
    let admin = admin.trim();
    let made =
        object(&fleet.run_as(admin, &["token", "new", "--scope", "read", "--expires", "90d", "--note", "reader", "--json"]).must_end(0));
    let (reader, id) = (made["token"].as_str().expect("a token"), made["id"].as_str().expect("an id"));
    assert!(made["expires"].is_string() && made["scopes"] == json!(["read"]), "{made}");
    fleet.run_as(reader, &["jobs", "ls"]).must_end(0);
    let ended = fleet.run_as(reader, &["submit", "sim:demo", "-vv"]);
    assert!(!ended.stderr.contains(reader) && !ended.stdout.contains(reader), "the token is shown: {}", ended.stderr);
    ended.must_refuse(5, "client::forbidden");
    let listed = fleet.run_as(admin, &["token", "ls"]).must_end(0).stdout;
    assert!(listed.contains(id) && listed.contains("reader") && !listed.contains(reader), "{listed}");
    fleet.run_as(admin, &["token", "revoke", id]).must_end(0);
    fleet.run_as(reader, &["jobs", "ls"]).must_refuse(5, "client::unauthorized");
    fleet.run_as(admin, &["token", "revoke", id]).must_refuse(2, "client::not_found");
}

#[test]
fn jobs_of_another_tenant_are_seen_by_those_who_reach_it() {
    let fleet = Fleet::guarded();
    let store = fleet.store_url();
    let token = |more: &[&str]| fleet.run(&[&["token", "new", "--store", &store], more].concat()).must_end(0).stdout.trim().to_owned();
    let (one, all) = (token(&["--tenant", "a"]), token(&["--every-tenant", "--scope", "admin"]));
    let told = object(&fleet.run_as(&one, &["submit", "sim:demo", "--hold", "--json"]).must_end(0));
    let id = told["jobs"][0]["id"].as_str().expect("an id");
    fleet.run_as(&all, &["jobs", "show", id]).must_refuse(2, "client::not_found");
    fleet.run_as(&all, &["jobs", "show", id, "--tenant", "a"]).must_end(0);
    fleet.run_as(&one, &["jobs", "ls", "--tenant", "b"]).must_refuse(2, "client::not_found");
}

#[test]
fn operators_see_workers_and_queues() {
    let fleet = Fleet::new();
    assert!(object(&fleet.run(&["workers", "ls", "--json"]).must_end(0))["items"].is_array());
    fleet.run(&["workers", "ls"]).must_end(0);
    fleet.run(&["workers", "drain", "w-none"]).must_refuse(2, "client::not_found");
    fleet.job(&["--hold"]);
    let queues = fleet.run(&["queue", "ls"]).must_end(0).stdout;
    assert!(queues.contains("ready") && queues.contains("result") && queues.contains("dead"), "{queues}");
}

#[test]
fn buried_messages_are_listed_shown_requeued_and_discarded() {
    let fleet = Fleet::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let store = Local::open(fleet.desk.path("store"), Settings { sync: false }).expect("the server's folder");
    for id in ["one", "two"] {
        let doc = DeadDoc {
            v: 1,
            id: id.into(),
            at: 0,
            reason: "it cannot be read".into(),
            body: "ff".into(),
            kind: None,
            job: None,
            tenant: None,
            task: None,
            treatment: "kept".into(),
        };
        let key = key::dead("20260131", id).expect("legal");
        runtime.block_on(store.put(&key, fact::encode(&doc).expect("plain").into())).expect("stored");
    }
    let listed = fleet.run(&["dead", "ls"]).must_end(0).stdout;
    assert!(listed.contains("20260131/one") && listed.contains("it cannot be read"), "{listed}");
    assert_eq!(object(&fleet.run(&["dead", "show", "20260131/one", "--json"]).must_end(0))["body_hex"], "ff");
    fleet.run(&["dead", "requeue", "20260131/one"]).must_refuse(1, "client::conflict");
    fleet.run(&["dead", "discard", "20260131/one"]).must_end(0);
    let left = object(&fleet.run(&["dead", "ls", "--json"]).must_end(0));
    assert_eq!(left["items"].as_array().map(Vec::len), Some(1), "{left}");
    fleet.run(&["dead", "show", "20260131/one"]).must_refuse(2, "client::not_found");
}

#[test]
fn the_doctor_tries_out_what_the_settings_name() {
    let fleet = Fleet::new();
    let ask = |part: &str, variables: &[(&str, &str)]| {
        let mut command = fleet.desk.command(&["doctor", part, "--json"]);
        command.envs(variables.iter().copied());
        Ended::of(&command.output().expect("the binary starts"))
    };
    let told = object(&ask("store", &[("SYNTHFLEET_STORE_URL", &fleet.store_url())]).must_end(0));
    let checks = told["checks"].as_array().expect("a list");
    let found = |what: &str| checks.iter().find(|check| check["what"] == what).unwrap_or_else(|| panic!("no check {what}: {told}"));
    assert_eq!(found("create race")["found"], "32 racers, 20 keys, one winner each");
    assert!(checks.iter().all(|check| check["state"] == "ok"), "{told}");
    let away = ask("broker", &[("SYNTHFLEET_BROKER_URL", "amqp://guest@127.0.0.1:1/")]).must_end(5);
    assert_eq!(object(&away)["checks"][0]["state"], "fail");
    ask("store", &[("SYNTHFLEET_STORE_URL", "ftp://x")]).must_end(1);
    let told = object(&ask("security", &[("SYNTHFLEET_WORKER_ISOLATE", "pool")]).must_end(0));
    let isolation = told["checks"].as_array().expect("a list").iter().find(|check| check["what"] == "isolation").expect("a check");
    assert_eq!(isolation["state"], "warn");
    // an API that would refuse to start is told before somebody tries
    let open = ask("security", &[("SYNTHFLEET_SERVE_LISTEN", "0.0.0.0:8080")]).must_end(1);
    assert!(open.stdout.contains("api::open_bind"), "{}", open.stdout);
    fleet.desk.run(&["doctor"]).must_end(0);
}

#[test]
fn operators_of_a_fleet_see_its_workers_and_ask_one_to_leave() {
    let ground = Ground::new();
    let coordinator = ground.coordinator();
    let mut worker = ground.worker("*", 1);
    coordinator.sees(1);
    let server = format!("http://127.0.0.1:{}", coordinator.port("api"));
    let run =
        |arguments: &[&str]| Ended::of(&ground.command(&[arguments, &["--server", &server]].concat()).output().expect("the binary starts"));
    let workers = object(&run(&["workers", "ls", "--json"]).must_end(0));
    let id = workers["items"][0]["id"].as_str().expect("an id");
    let shown = run(&["workers", "ls"]).must_end(0).stdout;
    assert!(shown.contains(id) && shown.contains("working") && shown.contains("GiB"), "{shown}");
    assert!(run(&["queue", "ls"]).must_end(0).stdout.contains("interactive"));
    let doctor = object(&run(&["doctor", "broker", "--json"]).must_end(0));
    let queues = doctor["checks"].as_array().expect("a list");
    assert!(queues.iter().any(|check| check["what"] == "sf.v1.result" && check["found"] == "0 ready, in our form"), "{doctor}");
    let doctor = run(&["doctor", "store"]).must_end(0).stdout;
    assert!(doctor.contains("32 racers, 20 keys, one winner each") && doctor.contains("s apart from the store's"), "{doctor}");
    assert!(run(&["doctor", "s3"]).must_end(0).stdout.contains("can be listed"));
    run(&["workers", "drain", id]).must_end(0);
    assert_eq!(worker.exit_code(Duration::from_secs(60)), 0);
}
