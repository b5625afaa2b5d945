//! Creating a fact: one racer wins, and a lost answer is recognised.

use super::{Headers, Inner, NONCE, SHA256, Trouble, bucket::Pinned};
use crate::{Created, Nonce, hash::sha256_of};
use bytes::Bytes;
use synthfleet_proto::{Result, key::Key};

/// Type of the content of facts and markers.
const JSON: &str = "application/json";

impl Inner {
    /// Puts with `If-None-Match: *`. 412 means that something is there: with our nonce it is ours, and
    /// an earlier try made it whose answer was lost.
    pub(super) async fn create(&self, key: &Key, bytes: Bytes, nonce: Nonce) -> Result<Created> {
        let place = self.place(key);
        let metadata = [(NONCE, nonce.hex()), (SHA256, sha256_of(&bytes).await?)].into();
        let headers = Headers { metadata, content_type: Some(JSON), absent: true };
        let attempt = || async {
            match self.bucket.put(&place, bytes.clone(), &headers).await {
                Ok(_) => Ok(Created::New),
                Err(Trouble::Condition) => match self.bucket.head(&place, Pinned::default()).await {
                    Ok(there) if there.metadata.get(NONCE) == headers.metadata.get(NONCE) => Ok(Created::New),
                    Ok(_) => Ok(Created::Exists),
                    // deleted since: as if another writer were at work
                    Err(Trouble::Absent) => Err(Trouble::Conflict),
                    Err(trouble) => Err(trouble),
                },
                Err(trouble) => Err(trouble),
            }
        };
        self.bucket.again(attempt).await.map_err(|trouble| self.error(trouble, "create", key))
    }

    pub(super) async fn put(&self, key: &Key, bytes: Bytes) -> Result<()> {
        let place = self.place(key);
        let headers = Headers { content_type: Some(JSON), ..Headers::of([(SHA256, sha256_of(&bytes).await?)]) };
        let put = self.bucket.again(|| self.bucket.put(&place, bytes.clone(), &headers)).await;
        put.map(drop).map_err(|trouble| self.error(trouble, "put", key))
    }
}
