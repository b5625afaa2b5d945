//! What happens to a session when its credentials end. The name stands in the failure table.

use crate::bucket::{fresh, nonce, spec};
use bytes::Bytes;
use synthfleet_proto::ErrorKind;
use synthfleet_store::{Created, Store};
use synthfleet_store_server::{Fault, Operation, Rule};

/// Expired credentials are a denial, told at once; renewed ones serve without opening the store again.
#[tokio::test]
async fn credentials() {
    let (server, store) = fresh().await;
    let key = spec();
    let create = || store.create(&key, Bytes::from_static(b"{}"), nonce(1));
    for code in ["ExpiredToken", "InvalidAccessKeyId", "TokenRefreshRequired"] {
        server.fail([Rule::once(Operation::PutObject, Fault::Status(400, code.to_owned()))]);
        let before = server.counts().get(&Operation::PutObject).copied().unwrap_or_default();
        let error = create().await.expect_err("expired");
        assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, "store::denied"), "{code}");
        assert!(error.message().contains("create") && error.message().contains(code), "{error}");
        assert_eq!(server.counts()[&Operation::PutObject] - before, 1, "not tried again");
    }
    assert_eq!(create().await.expect("renewed"), Created::New);
}
