//! Notifications of buckets as their documentation shows them, and what must be read out of each.

use serde_json::{Value, json};
use std::path::PathBuf;
use synthfleet_proto::s3_event::{BYTES_MAX, Notice, ObjectEvent, RECORDS_MAX, Unreadable};

fn seen(notice: &Notice) -> Value {
    let object = |event: &ObjectEvent| {
        json!({
            "bucket": event.bucket, "key": event.key, "other_key": event.other_key, "bytes": event.bytes,
            "etag": event.etag, "version_id": event.version_id, "sequencer": event.sequencer,
        })
    };
    json!({ "test": notice.test, "others": notice.others, "created": notice.created.iter().map(object).collect::<Vec<_>>() })
}

#[test]
fn every_golden_notification_is_read_as_written_beside_it() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/s3_event");
    let mut files = 0;
    for entry in std::fs::read_dir(&folder).expect("the golden folder") {
        let path = entry.expect("an entry").path();
        let golden: Value = serde_json::from_slice(&std::fs::read(&path).expect("readable")).expect("JSON");
        match Notice::read(&golden["body"].to_string()) {
            Ok(notice) => assert_eq!(seen(&notice), golden["notice"], "{}", path.display()),
            Err(unreadable) => assert_eq!(unreadable.reason(), golden["refused"], "{}", path.display()),
        }
        files += 1;
    }
    assert!(files >= 20, "{files} golden notifications");
}

#[test]
fn the_same_upload_told_by_a_record_and_by_a_bridge_is_one_identity() {
    let record = json!({"Records": [{"eventVersion": "2.1", "eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "b"},
        "object": {"key": "in/a+b.csv", "size": 5, "eTag": "e1", "sequencer": "00617F08299329D189"}}}]});
    let bridge = json!({"detail-type": "Object Created", "source": "aws.s3", "detail": {"bucket": {"name": "b"},
        "object": {"key": "in/a b.csv", "size": 5, "etag": "e1", "sequencer": "617f08299329d189"}}});
    let identity = |body: Value| Notice::read(&body.to_string()).expect("read").created[0].identity();
    assert_eq!(identity(record), identity(bridge));
}

#[test]
fn a15_what_is_too_large_or_broken_is_refused() {
    assert_eq!(Notice::read(&" ".repeat(BYTES_MAX + 1)), Err(Unreadable::Size));
    let many = json!({ "Records": vec![json!({"eventVersion": "2.1", "eventName": "ObjectRemoved:Delete"}); RECORDS_MAX + 1] });
    assert_eq!(Notice::read(&many.to_string()), Err(Unreadable::Size));
    for body in ["", "null", "[]", "{", "\"x\"", "{\"Records\":{}}", "{\"Records\":[1]}", &"[".repeat(100_000)] {
        assert_eq!(Notice::read(body), Err(Unreadable::Form), "{}", &body[..body.len().min(20)]);
    }
}
