//! What a store can really do, tried out: `synthfleet doctor store`. Some servers that speak S3 check and
//! then write, so that two racers both win; facts must not be entrusted to these.

use crate::{Created, Nonce, Store, upload_bytes};
use bytes::Bytes;
use std::sync::Arc;
use synthfleet_proto::{
    Error, Result,
    id::{base32, sha256_hex},
    key::{FactKey, JobKeys, Key},
    outside::Entropy,
};
use tokio::task::JoinSet;

/// Keys that are raced for.
const KEYS: u16 = 20;
/// Racers for each.
const RACERS: u16 = 32;
/// The same of a short look.
const KEYS_SHORT: u16 = 4;
const RACERS_SHORT: u16 = 8;
/// Bytes of the long object: more than one part.
const LONG_BYTES: usize = 9 << 20;
/// An object that was just made and yet is older comes from a clock that cannot be trusted, in seconds.
const AGE_SECONDS_MAX: u64 = 60;

/// What one check found.
#[derive(Debug)]
pub struct Probed {
    /// What was tried.
    pub what: &'static str,
    /// What was found, or what is wrong.
    pub found: Result<String>,
}

/// Tries everything that facts and data need, below a job that no one else has, and cleans up. After a
/// failure the rest is tried all the same.
pub async fn probe(store: &Arc<dyn Store>, entropy: &dyn Entropy) -> Result<Vec<Probed>> {
    let keys = JobKeys::new("doctor", &format!("job_{}", base32(entropy.bits())))?;
    let mut probed = vec![
        Probed { what: "put and get", found: reads_back(store, &keys, Nonce(entropy.bits())).await },
        Probed { what: "create race", found: race(store, &keys, entropy, (RACERS, KEYS)).await },
        Probed { what: "list after create", found: lists(store, &keys).await },
        Probed { what: "ages", found: ages(store, &keys).await },
        Probed { what: "long upload", found: long(store, &keys).await },
        Probed { what: "copy and join", found: joins(store, &keys).await },
    ];
    probed.push(Probed { what: "delete", found: clean(store, &keys).await });
    Ok(probed)
}

/// A short look, before a process entrusts facts to a store: some racers want to create some keys below a job that
/// no one else has. A racy store may pass; one that is found out is racy.
///
/// # Errors
/// `store::racy` if a key had not one winner; what the store itself refuses.
pub async fn races(store: &Arc<dyn Store>, entropy: &dyn Entropy) -> Result<()> {
    let keys = JobKeys::new("doctor", &format!("job_{}", base32(entropy.bits())))?;
    let raced = race(store, &keys, entropy, (RACERS_SHORT, KEYS_SHORT)).await;
    clean(store, &keys).await?;
    raced.map(drop)
}

fn wrong<T>(code: &str, what: String) -> Result<T> {
    Err(Error::unavailable(code, what).help("use another store; its maker may have a version that keeps the promise"))
}

async fn reads_back(store: &Arc<dyn Store>, keys: &JobKeys, nonce: Nonce) -> Result<String> {
    let (key, bytes) = (keys.spec()?, Bytes::from_static(b"{\"v\":1}"));
    store.create(&key, bytes.clone(), nonce).await?;
    if store.create(&key, bytes.clone(), nonce).await? != Created::New {
        return wrong("store::unfit", "metadata of an object are not given back".to_owned());
    }
    match store.get(&key, None).await? {
        Some(object) if object.bytes == bytes => Ok(format!("{} bytes", bytes.len())),
        _ => wrong("store::unfit", "an object does not read back as it was written".to_owned()),
    }
}

async fn race(store: &Arc<dyn Store>, keys: &JobKeys, entropy: &dyn Entropy, (racers, names): (u16, u16)) -> Result<String> {
    let mut several = 0;
    for number in 1..=names {
        let key = keys.claim("profile", number)?;
        let mut running = JoinSet::new();
        for racer in 0..racers {
            running.spawn(run(store.clone(), key.clone(), racer, Nonce(entropy.bits())));
        }
        let results = running.join_all().await.into_iter().collect::<Result<Vec<_>>>()?;
        let winners = results.into_iter().filter(|created| *created == Created::New).count();
        several += u32::from(winners != 1);
    }
    if several == 0 {
        return Ok(format!("{racers} racers, {names} keys, one winner each"));
    }
    wrong("store::racy", format!("of {names} keys that {racers} racers wanted to create, {several} had not one winner"))
}

async fn run(store: Arc<dyn Store>, key: FactKey, racer: u16, nonce: Nonce) -> Result<Created> {
    store.create(&key, Bytes::from(racer.to_string()), nonce).await
}

async fn lists(store: &Arc<dyn Store>, keys: &JobKeys) -> Result<String> {
    let listed = store.list(&keys.attempts_of("profile")?, None, 1_000).await?.len();
    if listed == usize::from(KEYS) {
        return Ok(format!("{listed} of {KEYS} keys"));
    }
    wrong("store::unfit", format!("a list names {listed} of {KEYS} objects that were made before"))
}

async fn ages(store: &Arc<dyn Store>, keys: &JobKeys) -> Result<String> {
    let lease = keys.lease("profile", KEYS)?;
    store.put(&lease, Bytes::from_static(b"{}")).await?;
    match store.head(&lease).await?.map(|entry| entry.age.as_secs()) {
        Some(age) if age <= AGE_SECONDS_MAX => Ok(format!("{age} s")),
        age => wrong("store::unfit", format!("an object that was just made is {} s old", age.unwrap_or_default())),
    }
}

async fn long(store: &Arc<dyn Store>, keys: &JobKeys) -> Result<String> {
    let bytes = Bytes::from(vec![1; LONG_BYTES]);
    let sha256 = sha256_hex(&bytes);
    let attempt = keys.attempt("profile", 1, "00000000")?;
    let stored = upload_bytes(store.as_ref(), &attempt.output("long")?, bytes).await?;
    if stored.sha256 == sha256 {
        return Ok(format!("{LONG_BYTES} bytes"));
    }
    wrong("store::corrupt", "a long upload is not what was written".to_owned())
}

async fn joins(store: &Arc<dyn Store>, keys: &JobKeys) -> Result<String> {
    let attempt = keys.attempt("profile", 1, "00000000")?;
    let long: Key = attempt.output("long")?.into();
    let copy = store.concat(std::slice::from_ref(&long), &attempt.output("copy")?).await?;
    let join = store.concat(&[keys.spec()?.into(), long], &attempt.output("join")?).await?;
    if copy.length == LONG_BYTES as u64 && join.length > copy.length {
        return Ok("by the server".to_owned());
    }
    wrong("store::unfit", format!("a copy has {} bytes and a join {}", copy.length, join.length))
}

async fn clean(store: &Arc<dyn Store>, keys: &JobKeys) -> Result<String> {
    let all = keys.everything()?;
    for entry in store.list(&all, None, 1_000).await? {
        store.delete(&entry.key).await?;
    }
    match store.list(&all, None, 1_000).await?.len() {
        0 => Ok("nothing left".to_owned()),
        left => wrong("store::unfit", format!("{left} deleted objects are still listed")),
    }
}
