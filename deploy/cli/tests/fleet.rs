//! The job of a laptop on a fleet: coordinators and specialised workers as processes over RabbitMQ and S3, asked
//! through every door, with the same bytes as result.

mod support;

use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use support::fleet::{Ground, USER, queue, send, until};
use support::{Desk, Dice, Used, plain, shared};
use synthfleet_harness::{Moto, Node, http};

/// Time that one small job may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(240);

/// The bytes of an undisturbed run on a laptop, without its options file.
fn at_home(table: &str, more: &[&str]) -> BTreeMap<String, String> {
    let desk = Desk::new();
    let file = desk.file("t.csv", table);
    let mut arguments = vec!["run", file.to_str().expect("utf-8"), "--preset", "quick", "-o", "out"];
    arguments.extend(more);
    desk.run(&arguments).must_be_done();
    desk.identity_set("out")
}

/// What all doors ask for: fresh work, so that no job lives on another's.
fn job(prefix: &str) -> Value {
    json!({ "source": format!("s3://{USER}/in/t.csv"), "preset": "quick", "cache": false, "output": format!("s3://{USER}/{prefix}") })
}

#[test]
fn every_door_gives_the_bytes_of_a_laptop() {
    let table = plain(1_500, 77);
    let home = at_home(&table, &[]);
    let moto = Moto::shared().expect("a moto server: cargo xtask test --setup installs it");
    let mut ground = Ground::new();
    ground.s3.put(USER, "in/t.csv", table.clone());
    let uploads = queue(&moto, &format!("{}-uploads", ground.host.name()));
    let rule =
        json!([{ "bucket": USER, "prefix": "drop/", "suffix": [".csv"], "job": "drop.toml", "output": format!("s3://{USER}/dropped/") }]);
    ground.desk.file("drop.toml", "preset = \"quick\"\ncache = false\n");
    let buckets = json!([{ "queue": uploads, "endpoint": moto.url(), "tenant": "local", "rules": rule }]);
    ground.settings.insert("DOORS_BUCKETS".to_owned(), buckets.to_string());

    let coordinators = [ground.coordinator(), ground.coordinator()];
    let takes = [("synthesize:seqtree", 1), ("benchmark:detection", 1), ("synthesize:*", 1), ("*", 1)];
    let _workers: Vec<_> = takes.iter().map(|(take, slots)| ground.worker(take, *slots)).collect();
    let first = &coordinators[0];
    first.sees(4);

    let by_http = first.submit(&job("http/"));
    ground.answers("answers");
    let properties = |kind: &str, more: Value| {
        let mut all = json!({ "content_type": kind, "reply_to": "answers", "correlation_id": kind });
        more.as_object().expect("an object").iter().for_each(|(name, value)| all[name] = value.clone());
        all
    };
    let event = json!({ "specversion": "1.0", "type": "synthfleet.job.submit.v1", "source": "/shop", "id": "7", "data": job("event/") });
    ground.message(properties("application/json", json!({ "message_id": "m-1" })), job("json/").to_string().as_bytes());
    let packed = rmp_serde::to_vec_named(&job("msgpack/")).expect("MessagePack");
    ground.message(properties("application/msgpack", json!({ "message_id": "m-2" })), &packed);
    ground.message(properties("application/cloudevents+json", json!({})), event.to_string().as_bytes());
    let attributes = json!({ "cloudEvents_specversion": "1.0", "cloudEvents_type": "synthfleet.job.submit.v1", "cloudEvents_source": "/shop", "cloudEvents_id": "8" });
    ground.message(properties("application/json", json!({ "headers": attributes })), job("binary/").to_string().as_bytes());
    ground.s3.put(USER, "drop/t.csv", table);
    let record = json!({ "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-east-1", "eventTime": "2026-01-01T00:00:00.000Z",
        "eventName": "ObjectCreated:Put", "s3": { "s3SchemaVersion": "1.0", "bucket": { "name": USER },
        "object": { "key": "drop/t.csv", "sequencer": "0A" } } });
    let event = json!({ "Records": [record] }).to_string();
    send(&moto, &uploads, &event);
    send(&moto, &uploads, &event);

    let ended = first.ended(&by_http, PATIENCE);
    assert_eq!(ended["outcome"], "winner", "{ended}");
    for prefix in ["http/", "json/", "msgpack/", "event/", "binary/"] {
        let manifest = until(PATIENCE, prefix, || ground.user_keys("manifest.json").into_iter().find(|key| key.starts_with(prefix)));
        assert_eq!(ground.published(manifest.trim_end_matches("manifest.json")), home, "{prefix}");
    }
    let manifest =
        until(PATIENCE, "the dropped table", || ground.user_keys("manifest.json").into_iter().find(|key| key.starts_with("dropped/")));
    assert_eq!(ground.published(manifest.trim_end_matches("manifest.json")), home, "dropped");
    // six doors, six jobs: the notification that came twice is one
    assert_eq!(ground.facts("/f/final").len(), 6);
    let accepted = (0..8).map(|_| ground.answer("answers").0["type"].as_str().unwrap_or_default().to_owned());
    let mut accepted: Vec<String> = accepted.collect();
    accepted.sort();
    assert_eq!(accepted[..4], vec!["synthfleet.job.accepted.v1"; 4]);
    assert_eq!(accepted[4..], vec!["synthfleet.job.finished.v1"; 4]);
}

/// A job of a few short tasks.
fn small(seed: u64) -> Value {
    json!({
        "source": "sim:demo?rows=600", "synthesizers": ["seqtree"], "benchmarks": ["diagnostic", "accuracy", "distances"],
        "repeats": 1, "seed": seed, "cache": false,
    })
}

/// Ends of attempts without an outcome that count against their task.
fn counted(ground: &Ground) -> Vec<Value> {
    ground.facts(".end").iter().map(|key| ground.fact(key)).filter(|end| end["counted"] == true).collect()
}

#[test]
fn workers_that_are_told_to_leave_under_load_cost_no_attempt() {
    let ground = Ground::new();
    let coordinator = ground.coordinator();
    let mut workers: Vec<_> = (0..4).map(|_| ground.worker("*", 1)).collect();
    coordinator.sees(4);
    let jobs: Vec<String> = (0..6).map(|seed| coordinator.submit(&small(seed))).collect();
    for worker in &mut workers {
        // each leaves in the middle of a task
        until(PATIENCE, "work", || worker.child_processes().pop());
        worker.signal(Signal::TERM);
        assert_eq!(worker.exit_code(Duration::from_secs(70)), 0, "{}", worker.said());
        *worker = ground.worker("*", 1);
    }
    for job in &jobs {
        assert_eq!(coordinator.ended(job, PATIENCE)["outcome"], "winner");
    }
    assert_eq!(counted(&ground), [] as [Value; 0]);
}

#[test]
fn a_task_longer_than_the_brokers_patience_runs_once() {
    let ground = Ground::on(Node::private(&["consumer_timeout = 60000"]).expect("a RabbitMQ node"));
    let coordinator = ground.coordinator();
    let worker = ground.worker("*", 2);
    coordinator.sees(1);
    let job = coordinator.submit(&small(1));
    // a child that stands still is a task that takes long: its worker goes on
    let child = until(PATIENCE, "a task", || worker.child_processes().pop());
    kill_process(child, Signal::STOP).expect("stopped");
    std::thread::sleep(Duration::from_secs(150));
    kill_process(child, Signal::CONT).expect("goes on");
    assert_eq!(coordinator.ended(&job, PATIENCE)["outcome"], "winner");
    let (claims, outcomes) = (ground.facts(".claim").len(), ground.facts("/f/o/").len());
    assert_eq!((claims, counted(&ground)), (outcomes, Vec::new()), "a task was run again");
}

/// Levels that follow one hidden number, in so many columns that a private fit takes seconds.
fn wide(rows: usize, columns: usize) -> String {
    let mut dice = Dice(7);
    let header: Vec<String> = (0..columns).map(|place| format!("c{place}")).collect();
    let mut text = header.join(",") + "\n";
    for _ in 0..rows {
        let hidden = dice.share();
        let cells: Vec<String> = (0..columns).map(|_| format!("l{:.0}", 4.0 * (hidden + dice.share()))).collect();
        text += &(cells.join(",") + "\n");
    }
    text
}

#[test]
fn a_private_fit_that_is_killed_twice_spends_what_an_undisturbed_one_spends() {
    let ground = Ground::new();
    let coordinator = ground.coordinator();
    // a child of this one is a private fit
    let take = "synthesize:mst,synthesize:aim";
    let mut worker = ground.worker(take, 1);
    let _others = ground.worker("profile,benchmark:*,generate,synthesize:identity,synthesize:uniform,synthesize:independent", 1);
    coordinator.sees(2);
    for (member, columns) in [("mst", 450), ("aim", 7)] {
        // seconds of fitting, so that a kill a tenth of a second after its start comes before its end
        let table = wide(4_000, columns);
        let mut wish = json!({
            "source": "t.csv", "synthesizers": [member], "benchmarks": ["column_shapes"], "repeats": 1, "cache": false,
            "epsilon": 8, "noise_key": "5ac3".repeat(16), "budget": { "attempts": 5 },
        });
        let home = Desk::new();
        home.file("t.csv", &table);
        home.file("job.json", wish.to_string());
        home.run(&["run", "--job", "job.json", "-o", "out"]).must_be_done();

        ground.s3.put(USER, "in/t.csv", table);
        wish["source"] = json!(format!("s3://{USER}/in/t.csv"));
        wish["output"] = json!(format!("s3://{USER}/{member}/"));
        let job = coordinator.submit(&wish);
        let task = format!("syn-{member}-r0");
        let begun = || ground.facts(&format!("/j/{job}/")).into_iter().filter(|key| key.contains(&task) && key.ends_with(".claim")).count();
        // first the fit alone dies, then its worker with it
        for (attempt, whole) in [(1, false), (2, true)] {
            until(PATIENCE, "an attempt", || (begun() == attempt).then_some(()));
            let child = until(PATIENCE, "a fit", || worker.child_processes().pop());
            std::thread::sleep(Duration::from_millis(100));
            kill_process(child, Signal::KILL).expect("killed in the middle");
            if whole {
                worker.kill();
                worker = ground.worker(take, 1);
            }
        }
        assert_eq!(coordinator.ended(&job, PATIENCE)["state"], "done");
        assert_eq!(begun(), 3, "each kill cost an attempt, so it came before the end of the fit");
        assert_eq!(ground.published(&format!("{member}/")), home.identity_set("out"), "{member}");
        let results = home.json("out/results.json");
        let privacy = &results["candidates"].as_array().expect("candidates").iter().find(|row| row["name"] == member).expect("fitted")["repeats"]
            [0]["privacy"];
        let entries = privacy["ledger"].as_array().expect("entries").iter().filter(|entry| entry["part_of"].is_null());
        let spent: f64 = entries.map(|entry| entry["rho"].as_f64().expect("rho")).sum();
        let claimed = privacy["rho"].as_f64().expect("rho");
        assert!(spent > 0.0 && spent <= claimed * (1.0 + 1e-9), "{member}: {spent} of {claimed}");
    }
}

#[test]
fn a18_no_cell_of_a_table_leaves_by_a_log_a_measure_an_event_or_an_error() {
    let mut table = String::from("name,town,amount,day\n");
    for row in 0..400 {
        table += &format!("Canary {:06} Finch,kanari{},{}.25,2024-01-{:02}\n", row * 7_919 % 999_983, row % 9, row * 13, 1 + row % 28);
    }
    let broken = table.replacen("117.25", "kanarizahl", 1);
    let mut ground = Ground::new();
    ground.settings.insert("LOG_LEVEL".to_owned(), "debug,hyper=info,hyper_util=info,h2=info".to_owned());
    ground.s3.put(USER, "in/t.csv", table);
    ground.s3.put(USER, "in/broken.csv", broken);
    let coordinator = ground.role(&["coordinator", "--admin", "127.0.0.1:0"]);
    let worker = ground.role(&["worker", "--take", "*", "--slots", "2", "--memory", "8GiB", "--admin", "127.0.0.1:0"]);
    coordinator.sees(1);
    let whole = coordinator.submit(&job("whole/"));
    let mut wish = job("broken/");
    wish["source"] =
        json!({ "uri": format!("s3://{USER}/in/broken.csv"), "on_bad_cell": "fail", "columns": { "amount": { "kind": "continuous" } } });
    let failing = coordinator.submit(&wish);
    assert_eq!(coordinator.ended(&whole, PATIENCE)["state"], "done");
    assert_eq!(coordinator.ended(&failing, PATIENCE)["state"], "failed");

    let mut told = vec![("log of the coordinator".to_owned(), coordinator.said()), ("log of the worker".to_owned(), worker.said())];
    for role in [&coordinator, &worker] {
        let measures = http::ask(role.port("admin"), "GET", "/metrics", &[], b"").expect("measures").text();
        assert!(measures.contains("synthfleet_") || measures.contains("process_"), "{measures}");
        told.push(("measures".to_owned(), measures));
    }
    for id in [&whole, &failing] {
        for path in ["", "/tasks", "/events?wait=1"] {
            let path = format!("/v1/jobs/{id}{path}");
            let answer = http::ask(coordinator.port("api"), "GET", &path, &[("accept", "application/json")], b"").expect("answers");
            assert_eq!(answer.status, 200, "{path}");
            told.push((path, answer.text()));
        }
    }
    for (place, text) in told {
        assert!(text.len() > 100, "{place} says nothing: {text}");
        for canary in ["Canary", "Finch", "kanari"] {
            assert!(!text.contains(canary), "{place} holds a cell: ..{}", &text[text.find(canary).expect("seen").saturating_sub(200)..]);
        }
    }
}

/// Rows that [`a_hundred_million_rows_are_the_same_from_one_worker_and_from_four`] asks for.
const MANY: u64 = 100_000_000;

#[test]
#[ignore = "long: a hundred million rows, twice"]
fn a_hundred_million_rows_are_the_same_from_one_worker_and_from_four() {
    let adult = std::fs::read(shared("data/adult.csv.gz")).expect("the table");
    let parts = [1, 4].map(|workers| {
        let ground = Ground::new();
        ground.s3.put(USER, "in/adult.csv.gz", adult.clone());
        let coordinator = ground.coordinator();
        let team: Vec<_> = (0..workers).map(|_| ground.worker("*", 1)).collect();
        coordinator.sees(workers);
        let start = Instant::now();
        let job = coordinator.submit(&json!({
            "source": format!("s3://{USER}/in/adult.csv.gz"), "output": format!("s3://{USER}/out/"), "cache": false, "gate": "off",
            "synthesizers": ["seqtree"], "benchmarks": ["column_shapes"], "repeats": 1, "rows": MANY, "formats": ["parquet"],
        }));
        // rows are drawn in children, whose memory is gone with them
        let mut memory = vec![Used::default(); workers];
        let ended = until(Duration::from_secs(3_600), "a hundred million rows", || {
            for (worker, used) in team.iter().zip(&mut memory) {
                worker.child_processes().into_iter().chain([worker.pid()]).for_each(|process| used.look(process.as_raw_nonzero()));
            }
            let (_, told) = coordinator.ask("GET", &format!("/v1/jobs/{job}"), None);
            told["ended"].is_string().then_some(told)
        });
        assert_eq!(ended["outcome"], "winner", "{ended}");
        let memory: Vec<u64> = memory.iter().map(|used| used.peak_bytes >> 20).collect();
        println!("{workers} workers: {:.0} s, at most {memory:?} MiB in one process of each", start.elapsed().as_secs_f64());
        assert!(memory.iter().all(|&peak| peak <= 1_024), "memory grows with the rows: {memory:?} MiB");
        let parts: BTreeMap<String, String> =
            ground.published("out/").into_iter().filter(|(path, _)| path.starts_with("synthetic")).collect();
        assert!(parts.len() as u64 > MANY / 1_000_000, "{} parts", parts.len());
        parts
    });
    assert!(parts[0] == parts[1], "parts differ by the number of workers");
}
