//! Uploads and copies: whole or not there, with the right hash.

use super::{LEGAL, battery, data, job, names, nonce, read, upload};
use crate::{Store, download, upload_file};
use bytes::Bytes;
use std::sync::Arc;
use synthfleet_proto::{
    ErrorKind,
    id::sha256_hex,
    key::{Key, Prefix},
};

battery! {
    an_upload_reads_back_with_its_hash,
    an_upload_is_invisible_before_its_end,
    an_aborted_upload_leaves_nothing,
    a_dropped_upload_leaves_nothing,
    an_upload_of_many_pieces_is_their_join,
    an_empty_upload_is_an_object,
    a_repeated_upload_is_the_same,
    joins_keep_the_order,
    a_join_of_one_is_a_copy,
    a_join_with_an_absent_part_leaves_nothing,
    facts_can_be_copied,
    a_file_goes_in_and_out,
    a_local_path_holds_the_bytes,
}

async fn an_upload_reads_back_with_its_hash(store: Arc<dyn Store>) {
    let stored = upload(&store, &data("sample.parquet"), b"rows").await;
    assert_eq!((stored.length, stored.sha256.as_str()), (4, sha256_hex(b"rows").as_str()));
    let object = store.get(&data("sample.parquet"), None).await.expect("the store answers").expect("uploaded");
    assert_eq!(object.bytes, Bytes::from_static(b"rows"));
    assert_eq!(object.entry.sha256, Some(sha256_hex(b"rows")));
    let entry = store.head(&data("sample.parquet")).await.expect("the store answers").expect("uploaded");
    assert_eq!((entry.length, entry.sha256), (4, Some(sha256_hex(b"rows"))));
}

async fn an_upload_is_invisible_before_its_end(store: Arc<dyn Store>) {
    let mut open = store.upload(&data("x")).await.expect("the store answers");
    let written = open.write(Bytes::from_static(b"all")).await;
    assert_eq!(read(&store, &data("x")).await, None);
    assert_eq!(store.head(&data("x")).await.expect("the store answers"), None);
    if written.is_ok() && open.finish().await.is_ok() {
        assert_eq!(read(&store, &data("x")).await, Some(Bytes::from_static(b"all")));
    }
}

async fn an_aborted_upload_leaves_nothing(store: Arc<dyn Store>) {
    let mut open = store.upload(&data("x")).await.expect("the store answers");
    let _ = open.write(Bytes::from_static(b"all")).await;
    open.abort().await.expect("the store answers");
    assert_eq!(read(&store, &data("x")).await, None);
    assert_eq!(names(&store, &Prefix::all()).await, Vec::<String>::new());
}

async fn a_dropped_upload_leaves_nothing(store: Arc<dyn Store>) {
    let mut open = store.upload(&data("x")).await.expect("the store answers");
    let _ = open.write(Bytes::from_static(b"all")).await;
    drop(open);
    assert_eq!(read(&store, &data("x")).await, None);
}

async fn an_upload_of_many_pieces_is_their_join(store: Arc<dyn Store>) {
    'again: for _ in 0..100 {
        let Ok(mut open) = store.upload(&data("x")).await else { continue };
        let mut whole = Vec::new();
        for piece in 0..50_u8 {
            let bytes = vec![piece; 1_000 * usize::from(piece)];
            whole.extend_from_slice(&bytes);
            if open.write(bytes.into()).await.is_err() {
                continue 'again;
            }
        }
        let Ok(stored) = open.finish().await else { continue };
        assert_eq!((stored.length, stored.sha256), (whole.len() as u64, sha256_hex(&whole)));
        assert!(read(&store, &data("x")).await == Some(whole.into()), "the join of 50 pieces changed");
        return;
    }
    panic!("100 uploads failed");
}

async fn an_empty_upload_is_an_object(store: Arc<dyn Store>) {
    let stored = upload(&store, &data("x"), b"").await;
    assert_eq!((stored.length, stored.sha256), (0, sha256_hex(b"")));
    assert_eq!(read(&store, &data("x")).await, Some(Bytes::new()));
}

async fn a_repeated_upload_is_the_same(store: Arc<dyn Store>) {
    let first = upload(&store, &data("x"), b"rows").await;
    assert_eq!(upload(&store, &data("x"), b"rows").await, first);
    assert_eq!(read(&store, &data("x")).await, Some(Bytes::from_static(b"rows")));
}

async fn joins_keep_the_order(store: Arc<dyn Store>) {
    let mut parts: Vec<Key> = Vec::new();
    for (name, bytes) in [("p0", b"a,b\n"), ("p1", b"1,2\n"), ("p2", b"3,4\n")] {
        upload(&store, &data(name), bytes).await;
        parts.push(data(name).into());
    }
    parts.swap(1, 2);
    let stored = store.concat(&parts, &data("whole")).await.expect("the store answers");
    assert_eq!(stored.sha256, sha256_hex(b"a,b\n3,4\n1,2\n"));
    assert_eq!(read(&store, &data("whole")).await, Some(Bytes::from_static(b"a,b\n3,4\n1,2\n")));
}

async fn a_join_of_one_is_a_copy(store: Arc<dyn Store>) {
    let from = upload(&store, &data("x"), b"rows").await;
    let to = job().publication(&from.sha256, "synthetic.csv").expect(LEGAL);
    assert_eq!(store.concat(&[data("x").into()], &to).await.expect("the store answers"), from);
    store.delete(&data("x")).await.expect("the store answers");
    assert_eq!(read(&store, &to).await, Some(Bytes::from_static(b"rows")));
}

async fn a_join_with_an_absent_part_leaves_nothing(store: Arc<dyn Store>) {
    upload(&store, &data("x"), b"rows").await;
    let parts = [data("x").into(), data("absent").into()];
    let refused = store.concat(&parts, &data("whole")).await.expect_err("a part is absent");
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Unavailable, "store::absent"));
    assert_eq!(read(&store, &data("whole")).await, None);
    assert_eq!(names(&store, &Prefix::all()).await, [data("x").to_string()]);
}

async fn facts_can_be_copied(store: Arc<dyn Store>) {
    let spec = job().spec().expect(LEGAL);
    store.create(&spec, Bytes::from_static(b"{}"), nonce(1)).await.expect("the store answers");
    store.concat(&[spec.into()], &data("spec.json")).await.expect("the store answers");
    assert_eq!(read(&store, &data("spec.json")).await, Some(Bytes::from_static(b"{}")));
}

async fn a_file_goes_in_and_out(store: Arc<dyn Store>) {
    let folder = std::env::temp_dir().join(format!("synthfleet-battery-{}-{:p}", std::process::id(), Arc::as_ptr(&store)));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let (from, to) = (folder.join("from"), folder.join("to"));
    let bytes: Vec<u8> = (0..9_000_000_u32).map(|i| (i % 253) as u8).collect();
    std::fs::write(&from, &bytes).expect("a temporary file");
    for left in (0..100).rev() {
        match upload_file(store.as_ref(), &data("x"), &from).await {
            Ok(stored) => {
                assert_eq!(stored.sha256, sha256_hex(&bytes));
                break;
            }
            Err(error) => assert!(left > 0 && error.kind() == ErrorKind::Unavailable, "{error}"),
        }
    }
    let length = download(store.as_ref(), &data("x"), &to, &sha256_hex(&bytes)).await.expect("the hash is right");
    assert_eq!(length, bytes.len() as u64);
    assert!(std::fs::read(&to).expect("downloaded") == bytes, "a file of 9 MB changed");
    assert!(download(store.as_ref(), &data("x"), &to, &sha256_hex(b"other")).await.is_err(), "a wrong hash passed");
    std::fs::remove_dir_all(&folder).expect("own folder");
}

async fn a_local_path_holds_the_bytes(store: Arc<dyn Store>) {
    upload(&store, &data("train.parquet"), b"rows").await;
    if let Some(path) = store.local_path(&data("train.parquet")) {
        assert_eq!(std::fs::read(path).expect("a plain file"), b"rows");
    }
}
