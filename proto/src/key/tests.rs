//! Keys go out and come back, and nothing illegal is ever one.

use super::*;
use crate::Seed;

fn keys() -> JobKeys {
    JobKeys::new("default", "job_0123").expect("legal")
}

#[test]
fn every_key_reads_back_as_what_it_was_built_as() {
    let keys = keys();
    let task = "ben-seqtree-r0-accuracy";
    let attempt = keys.attempt(task, 2, "0123456789abcdef").expect("legal");
    let cases: Vec<(Result<Key>, Named<'_>)> = vec![
        (keys.spec().map(Key::from), Named::Spec),
        (keys.plan(1).map(Key::from), Named::Plan(1)),
        (keys.release().map(Key::from), Named::Release),
        (keys.cancel().map(Key::from), Named::Cancel),
        (keys.cancel_task(task).map(Key::from), Named::CancelTask(task)),
        (keys.claim(task, 1).map(Key::from), Named::Claim { task, attempt: 1 }),
        (keys.lease(task, 12).map(Key::from), Named::Lease { task, attempt: 12 }),
        (keys.end(task, 999).map(Key::from), Named::End { task, attempt: 999 }),
        (keys.outcome(task).map(Key::from), Named::Outcome(task)),
        (keys.selection().map(Key::from), Named::Selection),
        (keys.published().map(Key::from), Named::Published),
        (keys.last().map(Key::from), Named::Final),
        (keys.edit(7).map(Key::from), Named::Edit(7)),
        (keys.called().map(Key::from), Named::Called),
        (keys.call().map(Key::from), Named::Call { tenant: "default", job: "job_0123" }),
        (keys.copied().map(Key::from), Named::Copied),
        (keys.deleted().map(Key::from), Named::Deleted),
        (keys.live().map(Key::from), Named::Live { tenant: "default", job: "job_0123" }),
        (
            keys.index(1_700_000_000_000).map(Key::from),
            Named::Index { tenant: "default", job: "job_0123", submitted_ms: 1_700_000_000_000 },
        ),
        (attempt.output("sample.parquet").map(Key::from), Named::Data { task, attempt: 2, path: "out/sample.parquet" }),
        (attempt.checkpoint(3).map(Key::from), Named::Data { task, attempt: 2, path: "ckpt/000003" }),
        (attempt.log().map(Key::from), Named::Data { task, attempt: 2, path: "log" }),
        (
            keys.publication(&"ab".repeat(32), "report.html").map(Key::from),
            Named::Publication { sha256: "abababababababab", file: "report.html" },
        ),
    ];
    for (key, named) in cases {
        let key = key.expect("legal");
        assert_eq!(key.named(), Some(named), "{key}");
        assert_eq!(Key::parse(key.as_str()).expect("own text parses"), key);
    }
}

#[test]
fn keys_are_pinned() {
    let keys = keys();
    assert_eq!(keys.claim("profile", 1).expect("legal").as_str(), "t/default/j/job_0123/f/a/profile/001.claim");
    let output = keys.attempt("profile", 1, "0123456789abcdef").and_then(|a| a.output("train.parquet")).expect("legal");
    assert_eq!(output.as_str(), "t/default/j/job_0123/d/profile/001-01234567/out/train.parquet");
    assert_eq!(keys.index(1).expect("legal").as_str(), "t/default/i/9999999999998-job_0123");
}

#[test]
fn newer_jobs_come_first_in_byte_order() {
    let keys = keys();
    assert!(keys.index(2_000).expect("legal") < keys.index(1_000).expect("legal"));
}

#[test]
fn illegal_parts_are_refused() {
    for tenant in ["", "A", "a/b", "..", ".a", "-a", "ä", "a b", "_a"] {
        assert_eq!(JobKeys::new(tenant, "job_1").expect_err("illegal").code(), "key::illegal", "{tenant:?}");
    }
    assert!(keys().outcome("a/b").is_err());
    assert!(keys().outcome(&"a".repeat(97)).is_err());
    let attempt = keys().attempt("profile", 1, "01234567").expect("legal");
    assert!(attempt.output("../../f/final").is_err());
    assert!(attempt.output(&"a/".repeat(9)).is_err());
}

#[test]
fn random_strings_are_a_key_only_if_every_segment_is_legal() {
    let alphabet = ['a', 'z', '0', '/', '.', '_', '~', '-', 'A', ' ', '\0', 'é', '\\'];
    let seed = Seed::of_task(1, "keys");
    for i in 0..20_000 {
        let bits = seed.index(i).key();
        let text: String = bits[..(bits[31] % 12) as usize].iter().map(|b| alphabet[*b as usize % alphabet.len()]).collect();
        let legal = text.split('/').all(|s| {
            let head = s.chars().next().is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
            head && s.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_.~-".contains(c))
        });
        assert_eq!(Key::parse(&text).is_ok(), legal, "{text:?}");
        // reading back never panics, legal or not
        let _ = Named::of(&text);
    }
}

#[test]
fn a_key_cannot_be_read_from_an_illegal_wire_string() {
    assert!(serde_json::from_str::<Key>("\"../etc\"").is_err());
    let key: Key = serde_json::from_str("\"t/a/c/b\"").expect("legal");
    assert_eq!(serde_json::to_string(&key).expect("plain text"), "\"t/a/c/b\"");
}

#[test]
fn a02_the_type_of_a_key_fixes_its_verbs() {
    // a store takes FactKey to create, MarkerKey to put and DataKey to upload: these lines compile, no others would
    let facts: Result<Vec<FactKey>> =
        [keys().spec(), keys().claim("profile", 1), keys().end("profile", 1), about("ab")].into_iter().collect();
    let markers: Result<Vec<MarkerKey>> =
        [keys().live(), keys().lease("profile", 1), pool("all", "ab"), worker("w1")].into_iter().collect();
    let data: Result<Vec<DataKey>> = [keys().publication("ab", "report.html"), upload_data("default", "u1")].into_iter().collect();
    let (facts, markers, data) = (facts.expect("legal"), markers.expect("legal"), data.expect("legal"));
    let all: Vec<&Key> =
        facts.iter().map(FactKey::key).chain(markers.iter().map(MarkerKey::key)).chain(data.iter().map(DataKey::key)).collect();
    let different: std::collections::BTreeSet<&Key> = all.iter().copied().collect();
    assert_eq!(different.len(), all.len(), "no key has two types");
}
