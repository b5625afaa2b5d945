//! Notifications become jobs: over a queue and buckets in memory, on a paused clock.

mod bench;
mod servers;

use super::*;
use bench::{Bench, bridge, in_sns, record, records, upload};
use serde_json::{Value, json};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn each_of_the_four_forms_of_a_notification_starts_a_job() {
    let bench = Bench::new(&[]);
    for (key, form) in [("in/a.csv", 0), ("in/b.csv", 1), ("in/c.csv", 2), ("in/d.csv", 3)] {
        let etag = bench.put(key, b"x");
        let body = match form {
            0 => records([record(key, &etag, "1")]),
            1 => in_sns(&records([record(key, &etag, "1")])),
            // raw delivery of a topic leaves the envelope out
            2 => json!({"Records": [upload(key, &etag, "1")]}),
            _ => bridge(key, &etag, "1"),
        };
        bench.send(&body);
    }
    bench.settled().await;
    assert_eq!(bench.sources().await, ["s3://b/in/a.csv", "s3://b/in/b.csv", "s3://b/in/c.csv", "s3://b/in/d.csv"]);
    assert_eq!(bench.counted("submitted"), 4);
}

#[tokio::test(start_paused = true)]
async fn keys_come_through_as_they_are() {
    let keys = ["in/a b.csv", "in/1+1.csv", "in/100%.csv", "in/日本 🌸.csv", "in/%2B+%20.csv", "in/q?v=1&w#x.csv"];
    let bench = Bench::new(&[]);
    for key in keys {
        let etag = bench.put(key, b"x");
        bench.send(&records([record(key, &etag, "1")]));
        bench.send(&bridge(key, &etag, "1"));
    }
    bench.settled().await;
    let mut expected = keys.map(|key| format!("s3://b/{key}"));
    expected.sort();
    assert_eq!(bench.sources().await, expected);
    assert_eq!((bench.counted("submitted"), bench.counted("replayed")), (6, 6));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_was_not_encoded_is_found_by_its_other_reading() {
    let bench = Bench::new(&[]);
    let etag = bench.put("in/1+1.csv", b"x");
    bench.send(&records([upload("in/1+1.csv", &etag, "1")]));
    let etag = bench.put("in/2 2.csv", b"x");
    bench.send(&bridge("in/2+2.csv", &etag, "1"));
    bench.settled().await;
    assert_eq!(bench.sources().await, ["s3://b/in/1+1.csv", "s3://b/in/2 2.csv"]);
}

#[tokio::test(start_paused = true)]
async fn a_notification_ten_times_is_one_job_even_when_the_sidecar_changed_since() {
    let bench = Bench::new(&[]);
    let body = records([record("in/a.csv", &bench.put("in/a.csv", b"x"), "1")]);
    (0..10).for_each(|_| bench.send(&body));
    bench.settled().await;
    bench.put("in/a.csv.job.toml", b"seed = 9");
    bench.send(&body);
    bench.settled().await;
    assert_eq!(bench.sources().await, ["s3://b/in/a.csv"]);
    assert_eq!((bench.counted("submitted"), bench.counted("replayed")), (1, 10));
}

#[tokio::test(start_paused = true)]
async fn of_reordered_uploads_to_one_key_the_last_one_is_the_job() {
    let bench = Bench::new(&[]);
    let old = bench.put("in/a.csv", b"old");
    let new = bench.put("in/a.csv", b"new");
    for (etag, sequencer) in [(&new, "2"), (&old, "1")] {
        bench.send(&records([record("in/a.csv", etag, sequencer)]));
        bench.settled().await;
    }
    assert_eq!((bench.counted("submitted"), bench.counted("superseded")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn an_older_version_is_a_job_as_long_as_it_exists() {
    let bench = Bench::new(&[]);
    let event = |version: &str, etag: &str| {
        let mut event = record("in/a.csv", etag, "1");
        event["s3"]["object"]["versionId"] = version.into();
        records([event])
    };
    for (version, bytes) in [("v1", b"1"), ("v2", b"2")] {
        bench.put_version("in/a.csv", version, bytes);
    }
    for version in ["v2", "v1", "v0"] {
        bench.send(&event(version, "e"));
    }
    bench.settled().await;
    assert_eq!((bench.counted("submitted"), bench.counted("superseded")), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_new_table_starts_nothing_and_is_gone() {
    let bench = Bench::new(&[]);
    bench.send(&json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"}));
    for (key, bytes) in [("in/empty.csv", &b""[..]), ("in/folder/", b""), ("in/a.txt", b"x"), ("in/a.csv.job.toml", b"x")] {
        let etag = bench.put(key, bytes);
        let mut event = record(key, &etag, "1");
        event["s3"]["object"]["size"] = bytes.len().into();
        bench.send(&records([event]));
    }
    let mut removed = record("in/a.csv", "e", "1");
    removed["eventName"] = "ObjectRemoved:Delete".into();
    bench.send(&records([removed]));
    bench.settled().await;
    assert_eq!(bench.sources().await, [""; 0]);
    for outcome in ["test", "empty", "folder", "no_rule", "sidecar", "other_event"] {
        assert_eq!(bench.counted(outcome), 1, "{outcome}");
    }
    assert_eq!(bench.dead().await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn results_start_no_jobs() {
    let bench = Bench::new(&[]);
    let etag = bench.put("out/a.csv/synthetic.csv", b"x");
    bench.send(&records([record("out/a.csv/synthetic.csv", &etag, "1")]));
    let etag = bench.put_ours("in/copied.csv", b"x");
    bench.send(&records([record("in/copied.csv", &etag, "1")]));
    bench.settled().await;
    assert_eq!((bench.sources().await.len(), bench.counted("ours")), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn a_job_takes_its_rule_its_sidecar_and_the_class_of_those_who_do_not_wait() {
    let bench = Bench::new(&[]);
    let etag = bench.put("in/2024/a.csv", b"x");
    bench.put("in/2024/a.csv.job.toml", b"seed = 9\nsynthesizers = [\"clbn\"]");
    bench.send(&records([record("in/2024/a.csv", &etag, "1")]));
    bench.settled().await;
    let spec = bench.specs().await.pop().expect("one job");
    assert_eq!((spec.door.as_str(), spec.principal.as_str(), spec.tenant.as_str()), ("sqs", "s3:b", "local"));
    assert_eq!((spec.request.seed, spec.request.output.as_deref()), (9, Some("s3://b/out/2024/a.csv")));
    assert_eq!(spec.class, synthfleet_proto::class::Class::Batch);
}

#[tokio::test(start_paused = true)]
async fn a_required_sidecar_may_come_late_and_holds_up_nobody() {
    let bench = Bench::new(&[Sidecar::Required]);
    let late = bench.put("in/late.csv", b"x");
    bench.send(&records([record("in/late.csv", &late, "1")]));
    tokio::time::sleep(4 * MINUTE).await;
    let other = bench.put("in/other.csv", b"x");
    bench.put("in/other.csv.job.toml", b"");
    bench.send(&records([record("in/other.csv", &other, "1")]));
    tokio::time::sleep(MINUTE).await;
    assert_eq!(bench.sources().await, ["s3://b/in/other.csv"]);
    bench.put("in/late.csv.job.toml", b"seed = 5");
    bench.settled().await;
    assert_eq!(bench.sources().await, ["s3://b/in/late.csv", "s3://b/in/other.csv"]);
    assert_eq!(bench.receives(), 2, "while it waited nobody else got it");
}

#[tokio::test(start_paused = true)]
async fn a_required_sidecar_that_never_comes_is_told_after_ten_minutes() {
    let bench = Bench::new(&[Sidecar::Required]);
    let etag = bench.put("in/a.csv", b"x");
    bench.send(&records([record("in/a.csv", &etag, "1")]));
    tokio::time::sleep(9 * MINUTE).await;
    assert_eq!(bench.dead().await, [""; 0]);
    tokio::time::sleep(2 * MINUTE).await;
    let dead = bench.dead().await;
    assert!(dead.len() == 1 && dead[0].starts_with("sidecar_missing: "), "{dead:?}");
    assert_eq!((bench.sources().await.len(), bench.waiting()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn garbage_is_on_the_dead_list_with_its_bytes_and_reason() {
    let bench = Bench::new(&[]);
    bench.send(&json!({"source": "s3://b/in/a.csv"}));
    bench.settled().await;
    assert_eq!(bench.dead().await, ["unreadable: not_a_bucket_event"]);
    assert_eq!(bench.waiting(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_refused_is_told_and_does_not_come_again() {
    let bench = Bench::new(&[]);
    for (key, sidecar) in
        [("in/a.csv", &b"synthesizers = [\"nobody\"]"[..]), ("in/b.csv", b"output = \"s3://victim/\""), ("in/c.csv", b"= =")]
    {
        let etag = bench.put(key, b"x");
        bench.put(&format!("{key}.job.toml"), sidecar);
        bench.send(&records([record(key, &etag, "1"), record("in/good.csv", &bench.put("in/good.csv", b"x"), "1")]));
    }
    bench.settled().await;
    let dead = bench.dead().await;
    let codes: Vec<_> = dead.iter().map(|reason| reason.split(": ").nth(1).unwrap_or_default()).collect();
    assert_eq!(codes, ["intake::sidecar", "intake::template", "job::unknown_member"]);
    assert_eq!(bench.sources().await, ["s3://b/in/good.csv"], "what stood beside them has its job");
}

#[tokio::test(start_paused = true)]
async fn while_a_bucket_is_away_the_notification_comes_back_and_after_five_times_it_is_told() {
    let bench = Bench::new(&[]);
    let etag = bench.put("in/a.csv", b"x");
    bench.fail_looks("source::unreachable", 4);
    bench.send(&records([record("in/a.csv", &etag, "1")]));
    bench.settled().await;
    assert_eq!((bench.sources().await.len(), bench.counted("retried"), bench.receives()), (1, 4, 5));
    bench.fail_looks("source::unreachable", 5);
    bench.send(&records([record("in/b.csv", "e", "1")]));
    bench.settled().await;
    let dead = bench.dead().await;
    assert!(dead.len() == 1 && dead[0].starts_with("retries: source::unreachable"), "{dead:?}");
}

#[tokio::test(start_paused = true)]
async fn an_object_that_may_not_be_read_or_is_gone_is_a_job_that_will_say_so() {
    let bench = Bench::new(&[]);
    bench.fail_looks("source::denied", 1);
    bench.send(&records([record("in/denied.csv", "e", "1")]));
    bench.settled().await;
    bench.send(&records([record("in/gone.csv", "e", "1")]));
    bench.settled().await;
    assert_eq!(bench.sources().await, ["s3://b/in/denied.csv", "s3://b/in/gone.csv"]);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_dies_in_the_middle_loses_and_doubles_nothing() {
    let mut bench = Bench::new(&[]);
    for i in 0..30 {
        let key = format!("in/{i:02}.csv");
        let etag = bench.put(&key, b"x");
        bench.send(&records([record(&key, &etag, "1")]));
    }
    for yields in 0..40 {
        for _ in 0..yields {
            tokio::task::yield_now().await;
        }
        bench.kill_and_restart();
    }
    bench.settled().await;
    assert_eq!(bench.sources().await.len(), 30);
    assert_eq!(bench.dead().await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_given_back_at_once_when_the_process_ends() {
    let mut bench = Bench::new(&[Sidecar::Required]);
    let etag = bench.put("in/a.csv", b"x");
    bench.send(&records([record("in/a.csv", &etag, "1")]));
    tokio::time::sleep(MINUTE).await;
    assert_eq!(bench.ready(), 0);
    bench.stop().await;
    assert_eq!((bench.ready(), bench.waiting()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_fleet_that_knows_no_member_yet_leaves_notifications_alone() {
    let bench = Bench::without_members();
    let etag = bench.put("in/a.csv", b"x");
    bench.send(&records([record("in/a.csv", &etag, "1")]));
    tokio::time::sleep(10 * MINUTE).await;
    assert_eq!((bench.receives(), bench.waiting()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_thousand_events_that_come_twice_are_a_thousand_jobs() {
    let bench = Bench::new(&[]);
    for i in 0..1_000 {
        let key = format!("in/{i:04} +%.csv");
        let etag = bench.put(&key, b"x");
        bench.send(&records([record(&key, &etag, "1")]));
        bench.send(&bridge(&key, &etag, "01"));
    }
    bench.settled().await;
    let sources = bench.sources().await;
    assert_eq!((sources.len(), bench.counted("submitted"), bench.counted("replayed")), (1_000, 1_000, 1_000));
    assert_eq!((bench.dead().await.len(), bench.waiting()), (0, 0));
    assert_eq!(Value::from(sources[999].as_str()), "s3://b/in/0999 +%.csv");
}
