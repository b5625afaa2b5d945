//! What a bucket's faults come to. The names stand in the failure table.

use crate::bucket::{BUCKET, credentials, data, fresh, keys, nonce, open, place, server, settings, spec};
use bytes::Bytes;
use std::{sync::Arc, time::Duration};
use synthfleet_proto::{ErrorKind, id::sha256_hex, key::Prefix};
use synthfleet_store::{Created, Store, download, fetch, s3, upload_bytes, upload_file};
use synthfleet_store_server::{ACCESS_KEY, Class, Fault, Operation, Rule};

const FACT: Bytes = Bytes::from_static(b"{\"v\":1}");

#[tokio::test]
async fn own_412() {
    let (server, store) = fresh().await;
    server.fail([Rule::once(Operation::PutObject, Fault::LostReply)]);
    // the first try wrote, the second meets its own work
    assert_eq!(store.create(&spec(), FACT, nonce(1)).await.expect("recognised"), Created::New);
    assert_eq!(server.counts()[&Operation::PutObject], 2);
    assert_eq!(server.counts()[&Operation::HeadObject], 1);
    assert_eq!(store.create(&spec(), FACT, nonce(2)).await.expect("answered"), Created::Exists);
}

#[tokio::test]
async fn a_lost_reply_to_a_create_that_lost_the_race_is_not_ones_own() {
    let (server, store) = fresh().await;
    assert_eq!(store.create(&spec(), FACT, nonce(1)).await.expect("answered"), Created::New);
    server.fail([Rule::once(Operation::PutObject, Fault::LostReply), Rule::once(Operation::HeadObject, Fault::busy())]);
    assert_eq!(store.create(&spec(), Bytes::from_static(b"other"), nonce(2)).await.expect("answered"), Created::Exists);
    assert_eq!(server.object(BUCKET, &place(spec().as_str())), Some(FACT));
}

#[tokio::test]
async fn conflict_409() {
    let (server, store) = fresh().await;
    server.fail([Rule::once(Operation::PutObject, Fault::conflict()).times(3)]);
    assert_eq!(store.create(&spec(), FACT, nonce(1)).await.expect("the fourth try"), Created::New);
    assert_eq!(server.counts()[&Operation::PutObject], 4);
}

#[tokio::test]
async fn a_409_that_stays_is_a_conflict_after_ten_tries() {
    let (server, store) = fresh().await;
    server.fail([Rule::once(Operation::PutObject, Fault::conflict()).times(u64::MAX)]);
    let error = store.create(&spec(), FACT, nonce(1)).await.expect_err("never");
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, "store::conflict"));
    assert_eq!(server.counts()[&Operation::PutObject], 10);
    assert_eq!(server.keys(BUCKET), [""; 0], "nobody is told Exists for what is not there");
}

#[tokio::test]
async fn lost_replies_change_nothing_for_any_operation() {
    let (server, store) = fresh().await;
    let lease = keys().lease("profile", 1).expect("legal");
    for operation in Operation::ALL {
        // long enough for parts only where parts are what is lost
        let in_parts = matches!(operation, Operation::CreateMultipartUpload | Operation::UploadPart | Operation::CompleteMultipartUpload);
        let length = if in_parts { 9 << 20 } else { 9 };
        server.fail([Rule::once(operation, Fault::LostReply)]);
        store.create(&spec(), FACT, nonce(1)).await.expect("tried again");
        store.put(&lease, FACT).await.expect("tried again");
        let stored = upload_bytes(&store, &data("x"), vec![7; length].into()).await.expect("tried again");
        assert_eq!(store.concat(&[data("x").into()], &data("y")).await.expect("tried again").length, stored.length);
        assert_eq!(store.get(&spec(), None).await.expect("tried again").expect("made").bytes, FACT);
        assert_eq!(store.head(&data("y")).await.expect("tried again").expect("made").length, length as u64);
        assert_eq!(store.list(&Prefix::all(), None, 10).await.expect("tried again").len(), 4, "{operation:?}");
        for key in [spec().into(), lease.clone().into(), data("x").into(), data("y").into()] {
            store.delete(&key).await.expect("tried again");
        }
        assert_eq!(server.keys(BUCKET), [""; 0], "{operation:?}");
    }
}

#[tokio::test]
async fn storm_503() {
    let (server, store) = fresh().await;
    server.fail([Rule::always(Fault::busy()).times(8)]);
    assert_eq!(store.create(&spec(), FACT, nonce(1)).await.expect("after the storm"), Created::New);
    assert_eq!(server.counts()[&Operation::PutObject], 9);
}

#[tokio::test]
async fn a_503_that_stays_is_unavailable_at_the_deadline() {
    let server = server();
    let store = open(&s3::Settings { deadline: Duration::from_millis(300), ..settings(&server) }).await;
    server.fail([Rule::always(Fault::busy())]);
    let error = store.create(&spec(), FACT, nonce(1)).await.expect_err("never");
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, "store::unavailable"));
    assert!(error.message().contains("create") && error.message().contains(&place(spec().as_str())), "{error}");
    assert!(server.counts()[&Operation::PutObject] > 1);
}

#[tokio::test]
async fn reset() {
    let (server, store) = fresh().await;
    server.fail([Rule::always(Fault::Reset).times(3)]);
    assert_eq!(store.create(&spec(), FACT, nonce(1)).await.expect("the fourth try"), Created::New);
    server.fail([Rule::once(Operation::GetObject, Fault::Cut).times(2)]);
    assert_eq!(store.get(&spec(), None).await.expect("the third try").expect("made").bytes, FACT);
}

#[tokio::test]
async fn a_server_that_does_not_listen_is_unavailable() {
    let server = server();
    let settings = s3::Settings { deadline: Duration::from_millis(200), ..settings(&server) };
    let store = open(&settings).await;
    drop(server);
    let error = store.get(&spec(), None).await.expect_err("nobody listens");
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, "store::unavailable"));
}

#[tokio::test]
async fn bit_flip() {
    let (server, store) = fresh().await;
    store.create(&spec(), FACT, nonce(1)).await.expect("answered");
    // on its way: the second look is right
    server.fail([Rule::once(Operation::GetObject, Fault::FlipBit)]);
    assert_eq!(store.get(&spec(), None).await.expect("read again").expect("made").bytes, FACT);
    // on the disk: told
    server.heal();
    assert!(server.damage(BUCKET, &place(spec().as_str())));
    let before = server.counts()[&Operation::GetObject];
    let error = store.get(&spec(), None).await.expect_err("damaged");
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, "store::corrupt"));
    assert_eq!(server.counts()[&Operation::GetObject] - before, 2, "one more look and no further");
}

#[tokio::test]
async fn downloads_are_checked_and_read_once_more() {
    let (server, store) = fresh().await;
    let folder = tempfile::tempdir().expect("a folder");
    let stored = upload_bytes(&store, &data("x"), vec![1; 1_000].into()).await.expect("answered");
    server.fail([Rule::once(Operation::GetObject, Fault::FlipBit)]);
    assert_eq!(download(&store, &data("x"), &folder.path().join("x"), &stored.sha256).await.expect("read again"), 1_000);
    server.heal();
    assert!(server.damage(BUCKET, &place(data("x").as_str())));
    let error = download(&store, &data("x"), &folder.path().join("x"), &stored.sha256).await.expect_err("damaged");
    assert_eq!(error.code(), "store::corrupt");
    assert_eq!(fetch(&store, &data("x"), &stored.sha256).await.expect_err("damaged").code(), "store::corrupt");
}

#[tokio::test]
async fn denials_come_at_once_with_key_and_action() {
    let server = server();
    let store = open(&s3::Settings { credentials: credentials(ACCESS_KEY, "wrong"), ..settings(&server) }).await;
    let error = store.create(&spec(), FACT, nonce(1)).await.expect_err("a wrong secret");
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, "store::denied"));
    assert!(error.message().contains("create of s3://synthfleet/base/t/tenant/j/job_1/f/spec"), "{error}");
    assert_eq!(server.counts()[&Operation::PutObject], 1, "not tried again");
    let error = store.list(&Prefix::all(), None, 10).await.expect_err("a wrong secret");
    assert_eq!(error.code(), "store::denied");
}

#[tokio::test]
async fn a_missing_bucket_is_named() {
    let server = server();
    let store = open(&s3::Settings { bucket: "nowhere".to_owned(), ..settings(&server) }).await;
    let error = store.create(&spec(), FACT, nonce(1)).await.expect_err("no bucket");
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, "store::no_bucket"));
    assert!(error.message().contains("s3://nowhere/"), "{error}");
    assert_eq!(store.get(&spec(), None).await.expect_err("no bucket").code(), "store::no_bucket");
    assert_eq!(store.list(&Prefix::all(), None, 1).await.expect_err("no bucket").code(), "store::no_bucket");
}

#[tokio::test]
async fn what_can_never_be_right_is_refused_at_once() {
    let (server, store) = fresh().await;
    server.fail([Rule::once(Operation::PutObject, Fault::Status(501, "NotImplemented".to_owned()))]);
    let error = store.create(&spec(), FACT, nonce(1)).await.expect_err("a server without conditions");
    assert_eq!(error.code(), "store::refused");
    assert_eq!(server.counts()[&Operation::PutObject], 1);
}

#[tokio::test]
async fn a_full_bucket_shows_nothing() {
    let (server, store) = fresh().await;
    server.fail([Rule::once(Operation::PutObject, Fault::Status(507, "QuotaExceeded".to_owned()))]);
    let error = store.create(&spec(), FACT, nonce(1)).await.expect_err("no room");
    assert_eq!((error.kind(), error.code()), (ErrorKind::NoSpace, "store::full"));
    assert_eq!(server.keys(BUCKET), [""; 0]);
}

#[tokio::test]
async fn ages_are_told_by_the_servers_clock() {
    let (server, store) = fresh().await;
    let lease = keys().lease("profile", 1).expect("legal");
    store.put(&lease, FACT).await.expect("answered");
    server.pass_time(Duration::from_secs(600));
    let told = [
        store.head(&lease).await.expect("answered").expect("made").age,
        store.get(&lease, None).await.expect("answered").expect("made").entry.age,
        store.list(&Prefix::all(), None, 10).await.expect("answered")[0].age,
    ];
    assert!(told.iter().all(|age| (600..630).contains(&age.as_secs())), "{told:?}");
    store.put(&lease, FACT).await.expect("answered");
    assert!(store.head(&lease).await.expect("answered").expect("made").age.as_secs() < 30);
}

#[tokio::test]
async fn links_read_until_they_expire() {
    let (_server, store) = fresh().await;
    store.create(&spec(), FACT, nonce(1)).await.expect("answered");
    let link = store.presign(&spec(), 1).await.expect("signed").expect("a bucket can sign");
    let fetched = synthfleet_store::foreign::fetch_presigned;
    let folder = tempfile::tempdir().expect("a folder");
    let read = |name: &str| {
        let (link, to) = (link.clone(), folder.path().join(name));
        async move { fetched(&link, &Default::default(), &to, &Default::default()).await }
    };
    assert_eq!(read("early").await.expect("fresh").sha256, sha256_hex(&FACT));
    loop {
        // the server counts whole seconds from the signature on
        match read("late").await {
            Ok(_) => tokio::time::sleep(Duration::from_millis(200)).await,
            Err(error) => break assert_eq!(error.code(), "source::denied"),
        }
    }
}

#[tokio::test]
async fn a_large_upload_goes_in_parts_and_keeps_its_hash() {
    let (server, store) = fresh().await;
    let folder = tempfile::tempdir().expect("a folder");
    let bytes: Vec<u8> = (0..64_u32 << 20).map(|i| (i % 251) as u8).collect();
    let path = folder.path().join("large");
    std::fs::write(&path, &bytes).expect("a file");
    let stored = upload_file(&store, &data("large"), &path).await.expect("answered");
    assert_eq!((stored.length, stored.sha256.as_str()), (64 << 20, sha256_hex(&bytes).as_str()));
    assert_eq!(server.counts()[&Operation::UploadPart], 8);
    assert_eq!(store.head(&data("large")).await.expect("answered").expect("made").sha256, Some(stored.sha256.clone()));
    assert!(server.object(BUCKET, &place(data("large").as_str())).is_some_and(|there| there == bytes));
    // a copy moves no byte through here
    let before = server.counts();
    assert_eq!(store.concat(&[data("large").into()], &data("copy")).await.expect("answered"), stored);
    assert_eq!(server.counts().get(&Operation::GetObject), before.get(&Operation::GetObject));
    assert_eq!(server.uploads_open(), 0);
}

#[tokio::test]
async fn an_upload_in_parts_that_ends_early_leaves_nothing_visible() {
    let (server, store) = fresh().await;
    for ends_by_itself in [true, false] {
        let mut open = store.upload(&data("large")).await.expect("answered");
        open.write(vec![1; 9 << 20].into()).await.expect("answered");
        assert_eq!(server.uploads_open(), 1);
        if ends_by_itself {
            open.abort().await.expect("answered")
        } else {
            drop(open)
        }
        while server.uploads_open() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(server.keys(BUCKET), [""; 0]);
    }
}

#[tokio::test]
async fn bytes_that_were_not_promised_are_not_stored() {
    let (server, store) = fresh().await;
    for length in [10, 9 << 20] {
        let mut open = store.upload_hashed(&data("x"), &sha256_hex(b"promised")).await.expect("answered");
        open.write(vec![1; length].into()).await.expect("answered");
        assert_eq!(open.finish().await.expect_err("other bytes").code(), "store::corrupt");
        assert_eq!(server.keys(BUCKET), [""; 0]);
    }
}

#[tokio::test]
async fn joins_of_long_objects_are_copied_by_the_server() {
    let (server, store) = fresh().await;
    let (mut from, mut whole) = (Vec::new(), Vec::new());
    for (name, length) in [("a", 100), ("b", 11 << 20), ("c", 6 << 20), ("d", 0), ("e", 3)] {
        let bytes = vec![name.as_bytes()[0]; length];
        upload_bytes(&store, &data(name), bytes.clone().into()).await.expect("answered");
        from.push(data(name).into());
        whole.extend(bytes);
    }
    let sent = server.counts()[&Operation::UploadPart];
    let stored = store.concat(&from, &data("whole")).await.expect("answered");
    assert_eq!((stored.length, stored.sha256.as_str()), (whole.len() as u64, sha256_hex(&whole).as_str()));
    assert!(server.object(BUCKET, &place(data("whole").as_str())).is_some_and(|there| there == whole));
    assert_eq!(server.counts()[&Operation::UploadPartCopy], 2);
    assert_eq!(server.counts()[&Operation::UploadPart] - sent, 2, "the head that was filled up, and the tail");
    assert_eq!(store.head(&data("whole")).await.expect("answered").expect("made").sha256, Some(stored.sha256));
}

#[tokio::test]
async fn foreign_objects_below_the_root_are_passed_over() {
    let (server, store) = fresh().await;
    for i in 0..7 {
        server.put(BUCKET, &format!("base/Not A Key {i}"), "x");
    }
    server.put(BUCKET, "elsewhere/live/a~job", "x");
    store.create(&spec(), FACT, nonce(1)).await.expect("answered");
    let listed = store.list(&Prefix::all(), None, 2).await.expect("answered");
    assert_eq!(listed.into_iter().map(|entry| entry.key).collect::<Vec<_>>(), [spec().into()]);
}

#[tokio::test]
async fn requests_are_counted_as_the_server_counts_them() {
    let (server, store) = fresh().await;
    let counting = synthfleet_store::Counting::new(Arc::new(store));
    counting.create(&spec(), FACT, nonce(1)).await.expect("answered");
    counting.create(&spec(), FACT, nonce(2)).await.expect("answered");
    counting.put(&keys().lease("profile", 1).expect("legal"), FACT).await.expect("answered");
    counting.get(&spec(), None).await.expect("answered");
    counting.get(&data("absent"), None).await.expect("answered");
    counting.head(&spec()).await.expect("answered");
    counting.list(&Prefix::all(), None, 10).await.expect("answered");
    upload_bytes(&counting, &data("short"), FACT).await.expect("answered");
    upload_bytes(&counting, &data("long"), vec![0; 9 << 20].into()).await.expect("answered");
    counting.concat(&[data("short").into()], &data("copy")).await.expect("answered");
    counting.delete(&data("copy")).await.expect("answered");
    let of = |class| server.counts().iter().filter(|(operation, _)| operation.class() == class).map(|(_, count)| count).sum::<u64>();
    let counts = counting.counts();
    assert_eq!((counts.put, counts.get, counts.delete), (of(Class::Put), of(Class::Get), of(Class::Delete)));
    assert_eq!((counts.put, counts.get, counts.delete), (10, 5, 1));
    counting.reset();
    assert_eq!(counting.counts(), Default::default());
}
