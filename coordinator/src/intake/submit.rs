//! Every door ends here: validate, then store. Nothing is stored of a refused job.

use super::resolve::{CheckOptions, resolve};
use crate::afterwards::gone;
use crate::{Catalogue, plan};
use bytes::Bytes;
use synthfleet_proto::envelope::Trace;
use synthfleet_proto::fact::{self, FinalFact, NoiseFact, Reply, SpecFact};
use synthfleet_proto::job::{JobSpec, JobState, References};
use synthfleet_proto::key::JobKeys;
use synthfleet_proto::outside::{Clock, Entropy};
use synthfleet_proto::privacy::NoiseKey;
use synthfleet_proto::{Error, Result, id};
use synthfleet_store::{Created, Store, create_fact, read_fact};

/// Who asks, and what for.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// Tenant, from the identity of the caller and never from the request.
    pub tenant: String,
    /// Caller.
    pub principal: String,
    /// `http`, `amqp`, `sqs`, `cli`.
    pub door: String,
    /// Equal keys are one job; without one every submission is a new job.
    pub key: Option<String>,
    /// What is wished.
    pub job: JobSpec,
    /// SHA-256 of the source's bytes, if they are at hand.
    pub source_sha256: Option<String>,
    /// SHA-256 of the given holdout's bytes, if they are at hand.
    pub holdout_sha256: Option<String>,
    /// Where its end is told.
    pub reply: Option<Reply>,
}

/// Longest idempotency key in bytes.
pub const KEY_BYTES_MAX: usize = 255;

/// What a submission needs besides the request.
pub struct Desk<'a> {
    /// Where the job is stored.
    pub store: &'a dyn Store,
    /// Members to choose from.
    pub catalogue: &'a Catalogue,
    /// Judge of options.
    pub check: CheckOptions<'a>,
    /// Clock.
    pub clock: &'a dyn Clock,
    /// Random bits.
    pub entropy: &'a dyn Entropy,
}

/// An accepted job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    /// Its id.
    pub job: String,
    /// Whether an equal submission came before.
    pub replayed: bool,
}

/// Accepts a job: checks names, aliases and options, then creates the fact `spec`. The error tells every
/// problem, and then nothing was stored.
///
/// The id is a function of tenant and key, so a repeated submission finds its job; another request
/// under the same key is refused with the code `job::key_reused`.
pub async fn submit(desk: &Desk<'_>, asked: Asked) -> Result<Submitted> {
    submit_within(desk, asked, None).await
}

/// The same for a submission that names the trace it belongs to. A repeated one keeps the trace of the first.
pub async fn submit_within(desk: &Desk<'_>, mut asked: Asked, trace: Option<Trace>) -> Result<Submitted> {
    let resolved = resolve(&asked.job, desk.catalogue, desk.check)?;
    let key = asked.key.clone().unwrap_or_else(|| id::hex(&desk.entropy.bits()));
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        return Err(Error::invalid("job::key", format!("idempotency key of {} bytes, allowed: 1 to {KEY_BYTES_MAX}", key.len())));
    }
    let job = id::job_id(&asked.tenant, &key);
    let keys = JobKeys::new(&asked.tenant, &job)?;
    // nobody draws the id of an earlier job; a key may be that of one
    if asked.key.is_some() && desk.store.head(keys.deleted()?.key()).await?.is_some() {
        return Err(gone());
    }
    let now = desk.clock.now_ms();
    let request_sha256 = request_hash(&asked)?;
    // a secret: kept beside the request, never in it
    let noise_key = asked.job.noise_key.take().map(|text| NoiseKey::parse(&text)).transpose()?;
    if noise_key.is_some() {
        // results of another key are other results
        asked.job.cache = false;
    }
    let references = if asked.job.references == References::All { vec!["holdout".into(), "flip10".into()] } else { vec!["holdout".into()] };
    let spec = SpecFact {
        v: fact::VERSION,
        job: job.clone(),
        tenant: asked.tenant,
        key_sha256: id::sha256_hex(key.as_bytes()),
        request_sha256: request_sha256.clone(),
        door: asked.door,
        principal: asked.principal,
        submitted_at: now as i64,
        class: asked.job.priority,
        weight: 50,
        request: asked.job,
        source_sha256: asked.source_sha256,
        holdout_sha256: asked.holdout_sha256,
        candidates: resolved.candidates,
        benchmarks: resolved.benchmarks,
        references,
        reply: asked.reply,
        trace,
    };
    plan::check_size(&spec)?;
    desk.store.put(&keys.live()?, Bytes::from_static(b"{}")).await?;
    if spec.candidates.iter().any(|candidate| candidate.private) {
        // before the spec, so that no task finds a job without its key; of two submissions the first is kept
        let key = noise_key.unwrap_or_else(|| drawn_key(desk.entropy));
        create_fact(desk.store, &keys.noise()?, &NoiseFact::new(&key), desk.entropy.bits()).await?;
    }
    let (created, _) = create_fact(desk.store, &keys.spec()?, &spec, desk.entropy.bits()).await?;
    if created == Created::Exists {
        let earlier = read_fact::<SpecFact>(desk.store, keys.spec()?.key()).await?;
        let Some(earlier) = earlier.map(|kept| kept.fact).filter(|earlier| earlier.request_sha256 == request_sha256) else {
            let message = "this idempotency key belongs to a job with another request";
            return Err(Error::invalid("job::key_reused", message).help("use another key"));
        };
        // whoever made it may have died before the list knew of it
        index(desk, &keys, earlier.submitted_at as u64).await?;
        return Ok(Submitted { job, replayed: true });
    }
    index(desk, &keys, now).await?;
    let SpecFact { tenant, door, principal, .. } = &spec;
    tracing::info!(job, tenant, trace_id = spec.root().id(), door, principal, "job accepted");
    Ok(Submitted { job, replayed: false })
}

/// 256 random bits.
fn drawn_key(entropy: &dyn Entropy) -> NoiseKey {
    let mut bytes = [0; 32];
    let (low, high) = bytes.split_at_mut(16);
    low.copy_from_slice(&entropy.bits());
    high.copy_from_slice(&entropy.bits());
    NoiseKey::new(bytes)
}

/// Notes a job in its tenant's list.
async fn index(desk: &Desk<'_>, keys: &JobKeys, submitted_ms: u64) -> Result<()> {
    let entry = serde_json::json!({ "v": fact::VERSION });
    create_fact(desk.store, &keys.index(submitted_ms)?, &entry, desk.entropy.bits()).await.map(drop)
}

/// Submits a job that may have been submitted before: one that ended whole, or goes on, is found again; one
/// that ended failed, cancelled or cut off is followed by a new job under the next key, which takes over every
/// task that was finished.
pub async fn resubmit(desk: &Desk<'_>, asked: Asked) -> Result<Submitted> {
    let Some(key) = asked.key.clone() else { return submit(desk, asked).await };
    let mut number = 0u32;
    loop {
        let key = if number == 0 { key.clone() } else { format!("{key}/{number}") };
        let submitted = submit(desk, Asked { key: Some(key), ..asked.clone() }).await?;
        let keys = JobKeys::new(&asked.tenant, &submitted.job)?;
        let last = read_fact::<FinalFact>(desk.store, keys.last()?.key()).await?;
        if last.is_none_or(|last| last.fact.state == JobState::Done && !last.fact.partial) {
            return Ok(submitted);
        }
        number += 1;
    }
}

fn request_hash(asked: &Asked) -> Result<String> {
    let request = serde_json::json!({ "job": asked.job, "source": asked.source_sha256, "holdout": asked.holdout_sha256 });
    Ok(id::sha256_hex(&fact::encode(&request)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Counting, Still, memory};
    use serde_json::{Value, json};
    use synthfleet_proto::about::{About, MemberDoc};
    use synthfleet_store::Memory;

    const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    async fn submitted(store: &Memory, entropy: &Counting, job: &Value) -> JobKeys {
        let abouts = [About { name: "plain", ..About::LIGHT }, About { name: "noisy", private: true, ..About::LIGHT }];
        let catalogue = Catalogue::of(abouts.iter().map(|about| MemberDoc::of("synthesize", about, Value::Null)));
        let desk = Desk { store, catalogue: &catalogue, check: &|_, _, _| Vec::new(), clock: &Still, entropy };
        let asked = Asked {
            tenant: "local".into(),
            principal: "me".into(),
            door: "cli".into(),
            key: Some("k".into()),
            job: JobSpec::read(job).expect("a legal job"),
            source_sha256: None,
            holdout_sha256: None,
            reply: None,
        };
        JobKeys::new("local", &submit(&desk, asked).await.expect("accepted").job).expect("legal")
    }

    async fn noise(store: &Memory, keys: &JobKeys) -> Option<NoiseKey> {
        let known = read_fact::<NoiseFact>(store, keys.noise().expect("legal").key()).await.expect("read")?;
        Some(known.fact.key().expect("a key"))
    }

    async fn request(store: &Memory, keys: &JobKeys) -> JobSpec {
        read_fact::<SpecFact>(store, keys.spec().expect("legal").key()).await.expect("read").expect("there").fact.request
    }

    #[tokio::test]
    async fn a_given_noise_key_lies_beside_the_request_and_not_in_it() {
        let store = memory();
        let job = json!({"source": "a", "synthesizers": ["noisy"], "noise_key": KEY});
        let keys = submitted(&store, &Counting::default(), &job).await;
        assert_eq!(noise(&store, &keys).await, Some(NoiseKey::parse(KEY).expect("a key")));
        let request = request(&store, &keys).await;
        assert_eq!((request.noise_key, request.cache), (None, false));
    }

    #[tokio::test]
    async fn a_repeated_submission_keeps_the_first_random_key() {
        let (store, entropy, job) = (memory(), Counting::default(), json!({"source": "a", "synthesizers": ["noisy"]}));
        let keys = submitted(&store, &entropy, &job).await;
        let first = noise(&store, &keys).await;
        submitted(&store, &entropy, &job).await;
        assert!(first.is_some() && noise(&store, &keys).await == first);
    }

    #[tokio::test]
    async fn a_job_without_private_candidates_has_no_key() {
        let store = memory();
        let keys = submitted(&store, &Counting::default(), &json!({"source": "a", "synthesizers": ["plain"]})).await;
        assert_eq!(noise(&store, &keys).await, None);
    }
}
