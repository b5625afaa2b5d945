//! Lists: byte order, pages, prefixes, nothing missing.

use super::{LEGAL, battery, data, job, names, nonce, upload};
use crate::Store;
use bytes::Bytes;
use std::{collections::BTreeSet, sync::Arc};
use synthfleet_proto::key::{self, JobKeys, Key, Prefix};

battery! {
    an_empty_store_lists_nothing,
    a_created_fact_is_listed_at_once,
    lists_are_in_byte_order,
    pages_hold_every_key_once,
    a_prefix_may_end_within_a_segment,
    a_prefix_holds_no_neighbour,
    deleted_objects_are_not_listed,
    lists_tell_length_and_age,
    unfinished_uploads_are_not_listed,
}

async fn outcome(store: &Arc<dyn Store>, keys: &JobKeys, task: &str) -> Key {
    let key = keys.outcome(task).expect(LEGAL);
    store.create(&key, Bytes::from_static(b"{}"), nonce(1)).await.expect("the store answers");
    key.into()
}

async fn an_empty_store_lists_nothing(store: Arc<dyn Store>) {
    assert_eq!(names(&store, &Prefix::all()).await, Vec::<String>::new());
    assert_eq!(names(&store, &job().outcomes().expect(LEGAL)).await, Vec::<String>::new());
}

async fn a_created_fact_is_listed_at_once(store: Arc<dyn Store>) {
    let keys = job();
    for i in 0..200 {
        let key = outcome(&store, &keys, &format!("ben-a-r0-{i}")).await;
        let listed = names(&store, &keys.outcomes().expect(LEGAL)).await;
        assert!(listed.contains(&key.to_string()), "{key} is missing");
        assert_eq!(listed.len(), i + 1);
    }
}

async fn lists_are_in_byte_order(store: Arc<dyn Store>) {
    // folders against files that differ just where a slash would stand
    let paths = ["a", "a-b", "a.b", "b/c", "b-c", "b.c", "b~c", "b0", "b/c-d/e", "b/c.d", "c/d/e/f", "c/d-e"];
    for path in paths {
        upload(&store, &data(path), b"x").await;
    }
    let mut expected: Vec<String> = paths.iter().map(|path| data(path).to_string()).collect();
    expected.sort_unstable();
    assert_eq!(names(&store, &Prefix::all()).await, expected);
}

async fn pages_hold_every_key_once(store: Arc<dyn Store>) {
    let keys = job();
    let mut expected = BTreeSet::new();
    for i in 0..23 {
        expected.insert(outcome(&store, &keys, &format!("ben-a-r{}-{i}", i % 3)).await);
    }
    expected.insert(upload_key(&store).await);
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = store.list(&Prefix::all(), after.as_ref(), 5).await.expect("the store answers");
        assert!(page.len() <= 5, "a page of {} entries", page.len());
        let Some(last) = page.last() else { break };
        after = Some(last.key.clone());
        seen.extend(page.into_iter().map(|entry| entry.key));
    }
    assert_eq!(seen, expected.into_iter().collect::<Vec<_>>());
}

async fn upload_key(store: &Arc<dyn Store>) -> Key {
    upload(store, &data("x"), b"x").await;
    data("x").into()
}

async fn a_prefix_may_end_within_a_segment(store: Arc<dyn Store>) {
    for (tenant, job) in [("a", "job_1"), ("a", "job_2"), ("ab", "job_3"), ("b", "job_4")] {
        store.put(&key::live(tenant, job).expect(LEGAL), Bytes::new()).await.expect("the store answers");
    }
    assert_eq!(names(&store, &key::live_of("a").expect(LEGAL)).await, ["live/a~job_1", "live/a~job_2"]);
    assert_eq!(names(&store, &key::live_prefix().expect(LEGAL)).await.len(), 4);
}

async fn a_prefix_holds_no_neighbour(store: Arc<dyn Store>) {
    let (one, two) = (job(), JobKeys::new("tenant", "job_11").expect(LEGAL));
    outcome(&store, &one, "profile").await;
    outcome(&store, &two, "profile").await;
    store.create(&one.spec().expect(LEGAL), Bytes::new(), nonce(1)).await.expect("the store answers");
    assert_eq!(names(&store, &one.outcomes().expect(LEGAL)).await, ["t/tenant/j/job_1/f/o/profile"]);
    assert_eq!(names(&store, &one.everything().expect(LEGAL)).await.len(), 2);
}

async fn deleted_objects_are_not_listed(store: Arc<dyn Store>) {
    let keys = job();
    let (gone, kept) = (outcome(&store, &keys, "a").await, outcome(&store, &keys, "b").await);
    store.delete(&gone).await.expect("the store answers");
    assert_eq!(names(&store, &Prefix::all()).await, [kept.to_string()]);
}

async fn lists_tell_length_and_age(store: Arc<dyn Store>) {
    outcome(&store, &job(), "profile").await;
    let entries = store.list(&Prefix::all(), None, 10).await.expect("the store answers");
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].length, 2);
    assert!(entries[0].age.as_secs() < 60, "just made, yet {:?} old", entries[0].age);
}

async fn unfinished_uploads_are_not_listed(store: Arc<dyn Store>) {
    let mut open = store.upload(&data("x")).await.expect("the store answers");
    // a store that is away may refuse the write; what counts is that nothing shows
    let _ = open.write(Bytes::from_static(b"half")).await;
    assert_eq!(names(&store, &Prefix::all()).await, Vec::<String>::new());
}
