//! A store that fails on purpose: by script (the n-th call of an operation) or by seed and rate.

use crate::{Abilities, Created, Entry, Nonce, Object, Store, Stored, Upload};
use async_trait::async_trait;
use bytes::Bytes;
use std::{
    collections::BTreeMap,
    ops::Range,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use synthfleet_proto::{
    Error, Result, Seed,
    key::{DataKey, FactKey, Key, MarkerKey, Prefix},
};

/// What can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// [`Store::create`].
    Create,
    /// [`Store::put`].
    Put,
    /// [`Store::get`].
    Get,
    /// [`Store::head`].
    Head,
    /// [`Store::list`].
    List,
    /// [`Upload::write`].
    Write,
    /// [`Upload::finish`].
    Finish,
    /// [`Store::concat`].
    Concat,
    /// [`Store::delete`].
    Delete,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 9] =
        [Self::Create, Self::Put, Self::Get, Self::Head, Self::List, Self::Write, Self::Finish, Self::Concat, Self::Delete];
}

/// How it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing happens, `Unavailable` comes back.
    Away,
    /// It happens, `Unavailable` comes back.
    LostReply,
    /// Nothing happens, `Conflict` comes back.
    Conflict,
    /// Nothing happens, `NoSpace` comes back.
    Full,
    /// It happens later.
    Slow(Duration),
}

/// Which calls fail.
#[derive(Debug, Clone)]
pub enum Faults {
    /// The calls with these numbers, counted from 0 per operation.
    Script(BTreeMap<(Operation, u64), Fault>),
    /// Each call with a chance of `rate` in 1,000, one of `faults`, drawn from its own named stream.
    Seeded {
        /// Where the draws come from.
        seed: Seed,
        /// Failing calls in 1,000.
        rate: u16,
        /// What to choose from.
        faults: Vec<Fault>,
    },
}

impl Faults {
    /// Fails one call.
    pub fn once(operation: Operation, call: u64, fault: Fault) -> Self {
        Self::Script([((operation, call), fault)].into())
    }

    fn of(&self, operation: Operation, call: u64) -> Option<Fault> {
        match self {
            Self::Script(script) => script.get(&(operation, call)).copied(),
            Self::Seeded { seed, rate, faults } => {
                let draw = seed.child(&format!("{operation:?}")).index(call).number();
                let chosen = faults.get((draw / 1_000) as usize % faults.len().max(1))?;
                (draw % 1_000 < u64::from(*rate)).then_some(*chosen)
            }
        }
    }
}

#[derive(Debug)]
struct Plan {
    faults: Mutex<Faults>,
    calls: Mutex<BTreeMap<Operation, u64>>,
}

impl Plan {
    fn next(&self, operation: Operation) -> Option<Fault> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let call = calls.entry(operation).or_default();
        let number = *call;
        *call += 1;
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).of(operation, number)
    }

    /// Fails before the operation, or says whether its reply is to be lost.
    async fn before(&self, operation: Operation) -> Result<bool> {
        match self.next(operation) {
            None => Ok(false),
            Some(Fault::LostReply) => Ok(true),
            Some(Fault::Slow(time)) => {
                tokio::time::sleep(time).await;
                Ok(false)
            }
            Some(Fault::Away) => Err(away(operation)),
            Some(Fault::Conflict) => Err(Error::conflict("store::conflict", format!("{operation:?} met another writer"))),
            Some(Fault::Full) => Err(Error::no_space("store::full", format!("no room for {operation:?}"))),
        }
    }
}

fn away(operation: Operation) -> Error {
    Error::unavailable("store::unavailable", format!("the store did not answer {operation:?}"))
}

/// Passes a result on unless its reply is to be lost.
fn reply<T>(lost: bool, operation: Operation, result: Result<T>) -> Result<T> {
    if lost { result.and(Err(away(operation))) } else { result }
}

/// A store that fails on purpose. Clones share the counters.
#[derive(Clone)]
pub struct Faulty {
    inner: Arc<dyn Store>,
    plan: Arc<Plan>,
}

impl Faulty {
    /// `inner`, but for some faults.
    pub fn new(inner: Arc<dyn Store>, faults: Faults) -> Self {
        Self { inner, plan: Arc::new(Plan { faults: Mutex::new(faults), calls: Mutex::default() }) }
    }

    /// Fails differently from now on; the counters go on.
    pub fn set(&self, faults: Faults) {
        *self.plan.faults.lock().unwrap_or_else(PoisonError::into_inner) = faults;
    }

    /// How often an operation was called.
    pub fn calls(&self, operation: Operation) -> u64 {
        self.plan.calls.lock().unwrap_or_else(PoisonError::into_inner).get(&operation).copied().unwrap_or(0)
    }
}

macro_rules! pass {
    ($self:ident, $operation:ident, $call:expr) => {{
        let lost = $self.plan.before(Operation::$operation).await?;
        reply(lost, Operation::$operation, $call.await)
    }};
}

#[async_trait]
impl Store for Faulty {
    async fn create(&self, key: &FactKey, bytes: Bytes, nonce: Nonce) -> Result<Created> {
        pass!(self, Create, self.inner.create(key, bytes, nonce))
    }

    async fn put(&self, key: &MarkerKey, bytes: Bytes) -> Result<()> {
        pass!(self, Put, self.inner.put(key, bytes))
    }

    async fn get(&self, key: &Key, range: Option<Range<u64>>) -> Result<Option<Object>> {
        pass!(self, Get, self.inner.get(key, range))
    }

    async fn head(&self, key: &Key) -> Result<Option<Entry>> {
        pass!(self, Head, self.inner.head(key))
    }

    async fn list(&self, prefix: &Prefix, after: Option<&Key>, limit: u16) -> Result<Vec<Entry>> {
        pass!(self, List, self.inner.list(prefix, after, limit))
    }

    async fn upload(&self, key: &DataKey) -> Result<Box<dyn Upload>> {
        let inner = self.inner.upload(key).await?;
        Ok(Box::new(Uploading { inner, plan: self.plan.clone() }))
    }

    async fn upload_hashed(&self, key: &DataKey, sha256: &str) -> Result<Box<dyn Upload>> {
        let inner = self.inner.upload_hashed(key, sha256).await?;
        Ok(Box::new(Uploading { inner, plan: self.plan.clone() }))
    }

    async fn concat(&self, from: &[Key], to: &DataKey) -> Result<Stored> {
        pass!(self, Concat, self.inner.concat(from, to))
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        pass!(self, Delete, self.inner.delete(key))
    }

    async fn presign(&self, key: &Key, seconds: u32) -> Result<Option<String>> {
        self.inner.presign(key, seconds).await
    }

    fn abilities(&self) -> Abilities {
        self.inner.abilities()
    }

    fn local_path(&self, key: &Key) -> Option<PathBuf> {
        self.inner.local_path(key)
    }
}

struct Uploading {
    inner: Box<dyn Upload>,
    plan: Arc<Plan>,
}

#[async_trait]
impl Upload for Uploading {
    async fn write(&mut self, bytes: Bytes) -> Result<()> {
        pass!(self, Write, self.inner.write(bytes))
    }

    async fn finish(self: Box<Self>) -> Result<Stored> {
        pass!(self, Finish, self.inner.finish())
    }

    async fn abort(self: Box<Self>) -> Result<()> {
        self.inner.abort().await
    }
}
