//! A store that tells what its requests take: time, bytes, errors. Around the wrapper that tries again, so that a
//! request is what its caller waits for.

use crate::metrics::{ATOMIC_CREATE, BYTES, ERRORS, REQUEST_DURATION};
use crate::{Abilities, Created, Entry, Nonce, Object, Store, Stored, Upload};
use async_trait::async_trait;
use bytes::Bytes;
use std::{
    ops::Range,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use synthfleet_metrics::Book;
use synthfleet_proto::{
    Result,
    key::{DataKey, FactKey, Key, MarkerKey, Prefix},
};

/// A store that is measured. Files that are read where they lie ([`Store::local_path`]) are no requests.
#[derive(Clone)]
pub struct Measured {
    inner: Arc<dyn Store>,
    book: Arc<Book>,
}

impl Measured {
    /// `inner`, measured in a book that has [`crate::metrics::CATALOGUE`].
    pub fn new(inner: Arc<dyn Store>, book: Arc<Book>) -> Self {
        book.set(ATOMIC_CREATE, &[], f64::from(u8::from(inner.abilities().atomic_create)));
        Self { inner, book }
    }

    async fn timed<T>(&self, op: &str, work: impl Future<Output = Result<T>>) -> Result<T> {
        let began = Instant::now();
        let ended = work.await;
        self.note(op, began.elapsed(), &ended);
        ended
    }

    fn note<T>(&self, op: &str, time: Duration, ended: &Result<T>) {
        self.book.observe(REQUEST_DURATION, &[op], time.as_secs_f64());
        if let Err(error) = ended {
            self.book.add(ERRORS, &[op, error.code()], 1);
        }
    }

    fn moved(&self, direction: &str, bytes: u64) {
        self.book.add(BYTES, &[direction], bytes);
    }

    fn uploading(&self, begun: Instant, inner: Result<Box<dyn Upload>>) -> Result<Box<dyn Upload>> {
        match inner {
            Ok(inner) => Ok(Box::new(Uploading { inner, measured: self.clone(), spent: begun.elapsed() })),
            Err(error) => {
                let failed = Err(error);
                self.note("upload", begun.elapsed(), &failed);
                failed
            }
        }
    }
}

#[async_trait]
impl Store for Measured {
    async fn create(&self, key: &FactKey, bytes: Bytes, nonce: Nonce) -> Result<Created> {
        let length = bytes.len() as u64;
        let created = self.timed("create", self.inner.create(key, bytes, nonce)).await?;
        self.moved("out", length);
        Ok(created)
    }

    async fn put(&self, key: &MarkerKey, bytes: Bytes) -> Result<()> {
        let length = bytes.len() as u64;
        self.timed("put", self.inner.put(key, bytes)).await?;
        self.moved("out", length);
        Ok(())
    }

    async fn get(&self, key: &Key, range: Option<Range<u64>>) -> Result<Option<Object>> {
        let object = self.timed("get", self.inner.get(key, range)).await?;
        self.moved("in", object.as_ref().map_or(0, |object| object.bytes.len() as u64));
        Ok(object)
    }

    async fn head(&self, key: &Key) -> Result<Option<Entry>> {
        self.timed("head", self.inner.head(key)).await
    }

    async fn list(&self, prefix: &Prefix, after: Option<&Key>, limit: u16) -> Result<Vec<Entry>> {
        self.timed("list", self.inner.list(prefix, after, limit)).await
    }

    async fn upload(&self, key: &DataKey) -> Result<Box<dyn Upload>> {
        self.uploading(Instant::now(), self.inner.upload(key).await)
    }

    async fn upload_hashed(&self, key: &DataKey, sha256: &str) -> Result<Box<dyn Upload>> {
        self.uploading(Instant::now(), self.inner.upload_hashed(key, sha256).await)
    }

    async fn concat(&self, from: &[Key], to: &DataKey) -> Result<Stored> {
        self.timed("concat", self.inner.concat(from, to)).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.timed("delete", self.inner.delete(key)).await
    }

    async fn presign(&self, key: &Key, seconds: u32) -> Result<Option<String>> {
        self.timed("presign", self.inner.presign(key, seconds)).await
    }

    fn abilities(&self) -> Abilities {
        self.inner.abilities()
    }

    fn local_path(&self, key: &Key) -> Option<PathBuf> {
        self.inner.local_path(key)
    }
}

/// An upload under way. It is one request: the time that the store took, without the time that its writer took.
struct Uploading {
    inner: Box<dyn Upload>,
    measured: Measured,
    spent: Duration,
}

#[async_trait]
impl Upload for Uploading {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        let began = Instant::now();
        let written = self.inner.write(bytes).await;
        self.spent += began.elapsed();
        if written.is_err() {
            self.measured.note("upload", self.spent, &written);
        }
        written
    }

    async fn finish(self: Box<Self>) -> Result<Stored> {
        let began = Instant::now();
        let stored = self.inner.finish().await;
        self.measured.note("upload", self.spent + began.elapsed(), &stored);
        self.measured.moved("out", stored.as_ref().map_or(0, |stored| stored.length));
        stored
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        self.inner.abort().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fault, Faults, Faulty, Memory, Operation, metrics::CATALOGUE, upload_bytes};
    use synthfleet_proto::key::JobKeys;
    use synthfleet_proto::outside::Clock;

    struct Still;

    impl Clock for Still {
        fn now_ms(&self) -> u64 {
            1
        }
    }

    fn keys() -> JobKeys {
        JobKeys::new("t", "job_0").expect("legal")
    }

    fn measured(faults: Faults) -> (Arc<Book>, Measured) {
        let book = Arc::new(Book::new(&[CATALOGUE]));
        let store = Faulty::new(Arc::new(Memory::new(Arc::new(Still))), faults);
        (Arc::clone(&book), Measured::new(Arc::new(store), book))
    }

    #[tokio::test]
    async fn requests_and_bytes_are_counted() {
        let (book, store) = measured(Faults::Script([].into()));
        let key = keys().spec().expect("legal");
        store.create(&key, Bytes::from_static(b"{}"), Nonce([1; 16])).await.expect("created");
        store.get(key.key(), None).await.expect("read").expect("there");
        store.head(key.key()).await.expect("asked");
        let data = keys().attempt("profile", 1, "0123456789abcdef").expect("legal").output("x").expect("legal");
        upload_bytes(&store, &data, Bytes::from_static(b"abc")).await.expect("uploaded");
        let requests = |op| book.value(REQUEST_DURATION, &[op]);
        assert_eq!(["create", "get", "head", "upload", "list"].map(requests), [1.0, 1.0, 1.0, 1.0, 0.0].map(Some));
        assert_eq!(["in", "out"].map(|direction| book.value(BYTES, &[direction])), [Some(2.0), Some(5.0)]);
        assert_eq!(book.value(ATOMIC_CREATE, &[]), Some(1.0));
    }

    #[tokio::test]
    async fn errors_are_counted_by_their_code() {
        let (book, store) = measured(Faults::once(Operation::Head, 0, Fault::Away));
        let key = keys().spec().expect("legal");
        let error = store.head(key.key()).await.expect_err("scripted");
        assert_eq!(book.value(ERRORS, &["head", error.code()]), Some(1.0));
        assert_eq!(book.value(REQUEST_DURATION, &["head"]), Some(1.0), "what fails takes its time too");
    }
}
