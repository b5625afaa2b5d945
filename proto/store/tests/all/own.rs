//! What only one kind of store can show: ages, sweeps, damage, faults by script.

use crate::battery::{Hands, memory};
use bytes::Bytes;
use std::{
    fs,
    sync::{Arc, atomic::Ordering},
    time::{Duration, SystemTime},
};
use synthfleet_proto::{
    ErrorKind,
    key::{JobKeys, Prefix},
};
use synthfleet_store::{Created, Fault, Faults, Faulty, Local, Memory, Nonce, Operation, Settings, Store, upload_bytes};

fn keys() -> JobKeys {
    JobKeys::new("tenant", "job_1").expect("legal")
}

#[tokio::test]
async fn ages_in_memory_follow_the_given_clock() {
    let hands = Arc::new(Hands::default());
    let store = Memory::new(hands.clone());
    let lease = keys().lease("profile", 1).expect("legal");
    store.put(&lease, Bytes::new()).await.expect("memory");
    hands.0.store(12_000, Ordering::Relaxed);
    assert_eq!(store.head(&lease).await.expect("memory").expect("there").age, Duration::from_secs(12));
    store.put(&lease, Bytes::new()).await.expect("memory");
    assert_eq!(store.head(&lease).await.expect("memory").expect("there").age, Duration::ZERO);
}

#[tokio::test]
async fn ages_in_a_folder_are_told_by_the_file_system() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Local::open(folder.path(), Settings { sync: false }).expect("a fresh folder");
    let lease = keys().lease("profile", 1).expect("legal");
    store.put(&lease, Bytes::new()).await.expect("a folder");
    let path = store.local_path(&lease).expect("a plain file");
    let file = fs::File::options().write(true).open(path).expect("a plain file");
    let made = file.metadata().and_then(|metadata| metadata.modified()).expect("a time");
    file.set_modified(made - Duration::from_secs(100)).expect("a time");
    let age = store.head(&lease).await.expect("a folder").expect("there").age;
    assert!((100..160).contains(&age.as_secs()), "{age:?}");
    // a file from the future is not older than now
    file.set_modified(made + Duration::from_secs(1_000)).expect("a time");
    assert_eq!(store.head(&lease).await.expect("a folder").expect("there").age, Duration::ZERO);
}

#[tokio::test]
async fn old_temporary_files_are_swept_and_young_ones_stay() {
    let folder = tempfile::tempdir().expect("a folder");
    let below = folder.path().join("t/tenant");
    fs::create_dir_all(&below).expect("a folder");
    for (name, hours) in [(".tmp-old", 25), (".tmp-young", 23)] {
        fs::write(below.join(name), b"x").expect("a file");
        let file = fs::File::options().write(true).open(below.join(name)).expect("a file");
        let now = file.metadata().and_then(|metadata| metadata.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
        file.set_modified(now - Duration::from_secs(hours * 3_600)).expect("a time");
    }
    let store = Local::open(folder.path(), Settings::default()).expect("a folder");
    assert!(!below.join(".tmp-old").exists());
    assert!(below.join(".tmp-young").exists());
    assert!(store.list(&Prefix::all(), None, 10).await.expect("a folder").is_empty());
}

#[tokio::test]
async fn damaged_data_are_not_handed_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Local::open(folder.path(), Settings { sync: false }).expect("a fresh folder");
    let key = keys().attempt("profile", 1, "01234567").and_then(|attempt| attempt.output("train.parquet")).expect("legal");
    upload_bytes(&store, &key, Bytes::from_static(b"rows")).await.expect("a folder");
    fs::write(store.local_path(&key).expect("a plain file"), b"rowz").expect("a file");
    let error = store.get(&key, None).await.expect_err("damaged");
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, "store::corrupt"));
}

#[tokio::test]
async fn two_stores_on_one_folder_have_one_winner() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = || Local::open(folder.path(), Settings { sync: false }).expect("a folder");
    let (one, two) = (open(), open());
    for round in 0..50 {
        let key = keys().claim("profile", round + 1).expect("legal");
        let (a, b) = tokio::join!(
            one.create(&key, Bytes::from_static(b"one"), Nonce([1; 16])),
            two.create(&key, Bytes::from_static(b"two"), Nonce([2; 16]))
        );
        let (a, b) = (a.expect("a folder"), b.expect("a folder"));
        assert_ne!(a, b, "round {round}");
        let winner: &[u8] = if a == Created::New { b"one" } else { b"two" };
        assert_eq!(one.get(&key, None).await.expect("a folder").expect("there").bytes, winner);
    }
}

#[tokio::test]
async fn empty_folders_go_with_their_last_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Local::open(folder.path(), Settings { sync: false }).expect("a folder");
    let key = keys().outcome("profile").expect("legal");
    store.create(&key, Bytes::new(), Nonce([1; 16])).await.expect("a folder");
    store.delete(&key).await.expect("a folder");
    assert!(!folder.path().join("t").exists());
}

#[tokio::test]
async fn a_file_in_the_place_of_the_folder_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, b"x").expect("a file");
    assert!(Local::open(&file, Settings::default()).is_err());
}

#[tokio::test]
async fn a_script_fails_exactly_the_call_it_names() {
    let store = Faulty::new(Arc::new(memory()), Faults::once(Operation::Create, 1, Fault::LostReply));
    let (spec, cancel) = (keys().spec().expect("legal"), keys().cancel().expect("legal"));
    let create = |key, number| store.create(key, Bytes::from_static(b"{}"), Nonce([number; 16]));
    assert_eq!(create(&spec, 1).await.expect("the first call is fine"), Created::New);
    let lost = create(&cancel, 2).await.expect_err("the reply is lost");
    assert_eq!(lost.kind(), ErrorKind::Unavailable);
    assert!(store.get(&cancel, None).await.expect("memory").is_some(), "only the reply is lost");
    assert_eq!(create(&cancel, 2).await.expect("the third call is fine"), Created::New);
    assert_eq!(store.calls(Operation::Create), 3);
}

#[tokio::test]
async fn each_fault_has_its_kind() {
    for (fault, kind) in [(Fault::Away, ErrorKind::Unavailable), (Fault::Conflict, ErrorKind::Conflict), (Fault::Full, ErrorKind::NoSpace)]
    {
        let store = Faulty::new(Arc::new(memory()), Faults::once(Operation::Put, 0, fault));
        let lease = keys().lease("profile", 1).expect("legal");
        let error = store.put(&lease, Bytes::new()).await.expect_err("scripted");
        assert_eq!(error.kind(), kind);
        assert_eq!(store.get(&lease, None).await.expect("memory"), None, "nothing happened");
    }
}
