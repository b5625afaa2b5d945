//! Facts and markers: one winner, nothing torn, nothing changed.

use super::{LEGAL, battery, job, lease, nonce, read};
use crate::{Created, FACT_BYTES_MAX, Store, fetch};
use bytes::Bytes;
use std::sync::Arc;
use synthfleet_proto::{
    ErrorKind,
    id::sha256_hex,
    key::{self, FactKey},
};
use tokio::task::JoinSet;

battery! {
    absent_is_none,
    a_fact_reads_back,
    an_empty_fact_is_a_fact,
    a_second_create_changes_nothing,
    an_own_nonce_is_new_again,
    a_nonce_is_ones_own_for_its_key_alone,
    one_of_many_racers_wins,
    racers_with_one_nonce_all_win,
    a_reader_never_sees_half_a_fact,
    a_long_fact_is_refused,
    a_large_fact_reads_back,
    a_marker_is_overwritten,
    deleting_is_idempotent,
    a_deleted_fact_can_be_made_again,
    ranges_are_cut_to_the_object,
    heads_know_length_hash_and_age,
    a_wrong_hash_is_found,
}

fn spec() -> FactKey {
    job().spec().expect(LEGAL)
}

async fn create(store: &Arc<dyn Store>, key: &FactKey, bytes: &'static [u8], number: u64) -> Created {
    store.create(key, Bytes::from_static(bytes), nonce(number)).await.expect("the store answers")
}

async fn absent_is_none(store: Arc<dyn Store>) {
    assert_eq!(store.get(&spec(), None).await.expect("absence is no error"), None);
    assert_eq!(store.get(&spec(), Some(0..1)).await.expect("absence is no error"), None);
    assert_eq!(store.head(&spec()).await.expect("absence is no error"), None);
    assert_eq!(store.local_path(&spec()), None);
}

async fn a_fact_reads_back(store: Arc<dyn Store>) {
    assert_eq!(create(&store, &spec(), b"{\"v\":1}", 1).await, Created::New);
    let object = store.get(&spec(), None).await.expect("the store answers").expect("just made");
    assert_eq!(object.bytes, Bytes::from_static(b"{\"v\":1}"));
    assert_eq!(object.entry.length, 7);
    assert_eq!(object.entry.sha256, Some(sha256_hex(b"{\"v\":1}")));
}

async fn an_empty_fact_is_a_fact(store: Arc<dyn Store>) {
    assert_eq!(create(&store, &spec(), b"", 1).await, Created::New);
    assert_eq!(create(&store, &spec(), b"x", 2).await, Created::Exists);
    assert_eq!(read(&store, &spec()).await, Some(Bytes::new()));
}

async fn a_second_create_changes_nothing(store: Arc<dyn Store>) {
    assert_eq!(create(&store, &spec(), b"first", 1).await, Created::New);
    assert_eq!(create(&store, &spec(), b"second", 2).await, Created::Exists);
    assert_eq!(create(&store, &spec(), b"first", 3).await, Created::Exists);
    assert_eq!(read(&store, &spec()).await, Some(Bytes::from_static(b"first")));
}

async fn an_own_nonce_is_new_again(store: Arc<dyn Store>) {
    for _ in 0..3 {
        assert_eq!(create(&store, &spec(), b"mine", 1).await, Created::New);
    }
    assert_eq!(create(&store, &spec(), b"theirs", 2).await, Created::Exists);
    assert_eq!(create(&store, &spec(), b"mine", 1).await, Created::New);
}

async fn a_nonce_is_ones_own_for_its_key_alone(store: Arc<dyn Store>) {
    let other = job().cancel().expect(LEGAL);
    assert_eq!(create(&store, &spec(), b"a", 1).await, Created::New);
    assert_eq!(create(&store, &other, b"b", 2).await, Created::New);
    assert_eq!(create(&store, &other, b"c", 1).await, Created::Exists);
}

async fn one_of_many_racers_wins(store: Arc<dyn Store>) {
    for round in 0..20_u64 {
        let key = job().claim("syn-a-r0", round as u16 + 1).expect(LEGAL);
        let mut racers = JoinSet::new();
        for racer in 0..32_u64 {
            let (store, key) = (store.clone(), key.clone());
            racers.spawn(async move {
                let bytes = Bytes::from(racer.to_string());
                let created = store.create(&key, bytes, nonce(round * 100 + racer + 1)).await;
                (racer, created.expect("the store answers"))
            });
        }
        let results = racers.join_all().await;
        let winners: Vec<u64> = results.into_iter().filter(|(_, created)| *created == Created::New).map(|(racer, _)| racer).collect();
        assert_eq!(winners.len(), 1, "winners of round {round}: {winners:?}");
        assert_eq!(read(&store, &key).await, Some(Bytes::from(winners[0].to_string())));
    }
}

async fn racers_with_one_nonce_all_win(store: Arc<dyn Store>) {
    let mut tries = JoinSet::new();
    for _ in 0..16 {
        let store = store.clone();
        tries.spawn(async move { create(&store, &spec(), b"mine", 7).await });
    }
    assert!(tries.join_all().await.into_iter().all(|created| created == Created::New));
    assert_eq!(read(&store, &spec()).await, Some(Bytes::from_static(b"mine")));
}

async fn a_reader_never_sees_half_a_fact(store: Arc<dyn Store>) {
    let long = Bytes::from(vec![b'x'; 1 << 20]);
    for round in 0..5_u16 {
        let key = job().claim("syn-a-r0", round + 1).expect(LEGAL);
        let writer = tokio::spawn({
            let (store, key, long) = (store.clone(), key.clone(), long.clone());
            async move { store.create(&key, long, nonce(round.into())).await.expect("the store answers") }
        });
        while !writer.is_finished() {
            let seen = read(&store, &key).await.map(|bytes| bytes.len());
            assert!(seen.is_none_or(|length| length == long.len()), "saw {seen:?} bytes");
            tokio::task::yield_now().await;
        }
    }
}

async fn a_long_fact_is_refused(store: Arc<dyn Store>) {
    let refused = store.create(&spec(), Bytes::from(vec![0; FACT_BYTES_MAX + 1]), nonce(1)).await.expect_err("too long");
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Invalid, "store::fact_too_large"));
    assert_eq!(read(&store, &spec()).await, None);
}

async fn a_large_fact_reads_back(store: Arc<dyn Store>) {
    let bytes: Bytes = (0..3_000_000_u32).map(|i| (i % 251) as u8).collect();
    store.create(&spec(), bytes.clone(), nonce(1)).await.expect("the store answers");
    assert!(read(&store, &spec()).await == Some(bytes), "a fact of 3 MB changed");
}

async fn a_marker_is_overwritten(store: Arc<dyn Store>) {
    for bytes in [&b"first beat"[..], b"second", b""] {
        store.put(&lease(), Bytes::from_static(bytes)).await.expect("the store answers");
        assert_eq!(read(&store, &lease()).await, Some(Bytes::from_static(bytes)));
    }
}

async fn deleting_is_idempotent(store: Arc<dyn Store>) {
    let live = key::live("tenant", "job_1").expect(LEGAL);
    store.delete(&live).await.expect("nothing to delete is fine");
    store.put(&live, Bytes::from_static(b"{}")).await.expect("the store answers");
    store.delete(&live).await.expect("the store answers");
    store.delete(&live).await.expect("nothing to delete is fine");
    assert_eq!(read(&store, &live).await, None);
}

async fn a_deleted_fact_can_be_made_again(store: Arc<dyn Store>) {
    create(&store, &spec(), b"first", 1).await;
    store.delete(&spec()).await.expect("the store answers");
    assert_eq!(read(&store, &spec()).await, None);
    assert_eq!(create(&store, &spec(), b"again", 2).await, Created::New);
    assert_eq!(read(&store, &spec()).await, Some(Bytes::from_static(b"again")));
}

async fn ranges_are_cut_to_the_object(store: Arc<dyn Store>) {
    create(&store, &spec(), b"0123456789", 1).await;
    for (range, expected) in [(2..5, "234"), (0..10, "0123456789"), (8..99, "89"), (10..12, ""), (50..60, ""), (4..4, "")] {
        let object = store.get(&spec(), Some(range.clone())).await.expect("the store answers").expect("just made");
        assert_eq!(object.bytes, Bytes::from(expected), "{range:?}");
        assert_eq!(object.entry.length, 10, "the entry speaks of the whole object");
    }
}

async fn heads_know_length_hash_and_age(store: Arc<dyn Store>) {
    create(&store, &spec(), b"fact", 1).await;
    store.put(&lease(), Bytes::from_static(b"beat")).await.expect("the store answers");
    for (key, bytes) in [(spec().key().clone(), b"fact"), (lease().key().clone(), b"beat")] {
        let entry = store.head(&key).await.expect("the store answers").expect("just made");
        assert_eq!((entry.length, entry.sha256), (4, Some(sha256_hex(bytes))));
        assert!(entry.age.as_secs() < 60, "just made, yet {:?} old", entry.age);
    }
}

async fn a_wrong_hash_is_found(store: Arc<dyn Store>) {
    create(&store, &spec(), b"fact", 1).await;
    let right = fetch(store.as_ref(), &spec(), &sha256_hex(b"fact")).await.expect("the hash is right");
    assert_eq!(right.bytes, Bytes::from_static(b"fact"));
    let wrong = fetch(store.as_ref(), &spec(), &sha256_hex(b"other")).await.expect_err("the hash is wrong");
    assert_eq!((wrong.kind(), wrong.code()), (ErrorKind::Unavailable, "store::corrupt"));
}
