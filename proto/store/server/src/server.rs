//! A server on a thread of its own.

use crate::{
    Fault, Operation, Rule,
    backend::Backend,
    faults::Faults,
    objects::{Condition, Metadata, Objects},
    serve,
};
use bytes::Bytes;
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::{Duration, SystemTime},
};
use tokio::sync::oneshot;

/// The access key of a server that is given none.
pub const ACCESS_KEY: &str = "synthfleet-test";
/// The secret key of a server that is given none.
pub const SECRET_KEY: &str = "synthfleet-test-secret";

/// Settings of [`Server`].
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one.
    pub address: SocketAddr,
    /// Buckets that are there from the start.
    pub buckets: Vec<String>,
    /// The one access key.
    pub access_key: String,
    /// Its secret.
    pub secret_key: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            buckets: vec!["synthfleet".to_owned()],
            access_key: ACCESS_KEY.to_owned(),
            secret_key: SECRET_KEY.to_owned(),
        }
    }
}

/// What the connections of a server share.
#[derive(Default)]
pub(crate) struct Shared {
    pub(crate) objects: Arc<Objects>,
    pub(crate) faults: Faults,
    counts: Mutex<BTreeMap<Operation, u64>>,
    ahead: Mutex<Duration>,
}

impl Shared {
    pub(crate) fn count(&self, operation: Operation) {
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner).entry(operation).or_default() += 1;
    }

    pub(crate) fn counts(&self) -> BTreeMap<Operation, u64> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn pass_time(&self, time: Duration) {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) += time;
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock of a server of its own, not of the product")]
    pub(crate) fn now(&self) -> SystemTime {
        SystemTime::now() + *self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running server. Dropped, it is gone with all it held.
pub struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts one; it listens when this returns.
    ///
    /// # Errors
    /// When the address is taken or no thread can be had.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        settings.buckets.iter().for_each(|bucket| shared.objects.make_bucket(bucket));
        let clock = shared.clone();
        let mut service = S3ServiceBuilder::new(Backend { objects: shared.objects.clone(), now: Arc::new(move || clock.now()) });
        service.set_auth(SimpleAuth::from_single(settings.access_key, settings.secret_key));
        let service = service.build();

        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        // bound here, so that it listens when this returns, whatever runtime the caller is in
        let listener = std::net::TcpListener::bind(settings.address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel();
        let serving = shared.clone();
        let thread = std::thread::Builder::new().name("s3-server".to_owned()).spawn(move || {
            runtime.block_on(async {
                let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
                tokio::select! {
                    () = serve::accept(listener, service, serving) => {}
                    _ = stopped => {}
                }
            });
            runtime.shutdown_background();
        })?;
        Ok(Self { shared, address, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens, for example `http://127.0.0.1:40123`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Replaces the rules by which requests fail.
    pub fn fail(&self, rules: impl IntoIterator<Item = Rule>) {
        self.shared.faults.set(rules.into_iter().collect());
    }

    /// Fails nothing any more.
    pub fn heal(&self) {
        self.fail([]);
    }

    /// Answers nothing until [`Self::heal`].
    pub fn go_away(&self) {
        self.fail([Rule::always(Fault::Reset)]);
    }

    /// Requests so far by operation, those that failed too.
    pub fn counts(&self) -> BTreeMap<Operation, u64> {
        self.shared.counts()
    }

    /// The server's clock goes forward.
    pub fn pass_time(&self, time: Duration) {
        self.shared.pass_time(time);
    }

    /// Makes a bucket.
    pub fn make_bucket(&self, bucket: &str) {
        self.shared.objects.make_bucket(bucket);
    }

    /// Puts an object without a request. Whether the bucket is there.
    pub fn put(&self, bucket: &str, key: &str, bytes: impl Into<Bytes>) -> bool {
        let known = (Metadata::new(), None);
        self.shared.objects.put((bucket, key), bytes.into(), known, &Condition::default(), self.shared.now()).is_ok()
    }

    /// The bytes of an object, without a request.
    pub fn object(&self, bucket: &str, key: &str) -> Option<Bytes> {
        self.shared.objects.get(bucket, key).ok().map(|object| object.bytes)
    }

    /// The metadata of an object, without a request.
    pub fn metadata(&self, bucket: &str, key: &str) -> Option<BTreeMap<String, String>> {
        self.shared.objects.get(bucket, key).ok().map(|object| object.metadata)
    }

    /// All keys of a bucket, without a request.
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        let (all, _) = self.shared.objects.list(bucket, "", "", usize::MAX).unwrap_or_default();
        all.into_iter().map(|(key, _)| key).collect()
    }

    /// Changes one bit of a stored object. Whether it is there.
    pub fn damage(&self, bucket: &str, key: &str) -> bool {
        self.shared.objects.damage(bucket, key)
    }

    /// Uploads that were begun and neither completed nor aborted.
    pub fn uploads_open(&self) -> usize {
        self.shared.objects.uploads_open()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
