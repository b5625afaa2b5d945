//! The doors of a process that looks after jobs: HTTP, the submit queue, events of buckets. All are opened before
//! anything is let in, so that a wrong setting is told at once.

use super::{parts, people, port};
use crate::config::{BucketQueueConfig, Config};
use crate::tell;
use std::sync::Arc;
use synthfleet_broker::sqs::{Account, Aws, SqsEvents};
use synthfleet_coordinator::api::{self, Doors};
use synthfleet_coordinator::intake::queue::{self, Queue};
use synthfleet_coordinator::intake::s3_events::{self, Rules, S3Events};
use synthfleet_coordinator::intake::{CheckLink, Sources};
use synthfleet_proto::{Error, Result};
use synthfleet_store::foreign::Links;
use synthfleet_worker::check_options;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Notifications of one queue that are worked on at once.
const NOTIFICATIONS_AT_ONCE: usize = 8;
/// Jobs of one tenant that have not ended.
const LIVE_JOBS_MAX: usize = 1_000;

/// What a role lets in besides what the settings say.
pub struct Wish {
    /// Paths of this machine, from callers who need no token.
    pub local_files: bool,
    /// Messages of a broker that others can write to.
    pub messages: bool,
    /// Looks at the beginning of tables, where this process reads tables anyhow.
    pub sniff: Option<api::Sniff>,
}

/// Opens the doors that the settings name. Tasks of the set serve them until `stopping` becomes true, and let what is
/// under way end.
pub async fn open(
    config: &Config,
    wish: Wish,
    service: &synthfleet_coordinator::Parts,
    line: port::Line,
    stopping: &watch::Receiver<bool>,
) -> Result<JoinSet<()>> {
    let parts =
        api::Parts { service: service.clone(), handle: line.handle, check: Arc::new(check_options), sniff: wish.sniff, book: line.book };
    let judged = |judge: fn(&Links, &str) -> Result<()>| {
        service.links.clone().map(|links| Arc::new(move |link: &str| judge(&links, link)) as CheckLink)
    };
    let callbacks = judged(Links::check_call).filter(|_| service.callbacks.is_some());
    let sources = Sources { local_files: false, links: judged(Links::check), outputs: judged(Links::check_place), callbacks };
    let mut served = JoinSet::new();
    if !config.serve.listen.is_empty() {
        let auth = people::auth(&config.serve)?;
        let (listener, address) = port::listen("serve.listen", &config.serve.listen).await?;
        api::bind_rule(address, &auth)?;
        let mut options = api::Options::new(auth, env!("CARGO_PKG_VERSION"));
        options.sources = Sources { local_files: wish.local_files, ..sources.clone() };
        options.live_jobs_max = LIVE_JOBS_MAX;
        let doors = Doors::new(options, parts.clone(), stopping.clone());
        tell!("  api      http://{address}");
        served.spawn(port::serving("the API", api::serve(listener, doors, stopping.clone())));
    }
    if wish.messages && config.doors.queue {
        let principals = people::principals(&config.doors)?;
        let options = queue::Options { principals, sources: sources.clone(), takers: config.doors.takers, live_jobs_max: LIVE_JOBS_MAX };
        served.spawn(Queue::new(options, parts.clone()).run(stopping.clone()));
    }
    for queue in &config.doors.buckets {
        let events = bucket_events(config, queue, sources.clone(), parts.clone()).await?;
        served.spawn(events.run(stopping.clone()));
    }
    Ok(served)
}

/// The door that one queue with events of buckets is.
async fn bucket_events(config: &Config, queue: &BucketQueueConfig, sources: Sources, parts: api::Parts) -> Result<S3Events> {
    let Some(objects) = parts.service.links.clone() else {
        return Err(Error::internal("intake::links", "events of buckets need links"));
    };
    let account = Account { endpoint: parts::named(&queue.endpoint), ..Account::default() };
    let events = SqsEvents::new(Arc::new(Aws::open(&account).await?), &queue.queue);
    let own: Vec<String> = config.store.url.starts_with("s3://").then(|| config.store.url.clone()).into_iter().collect();
    let read = |file: &str| std::fs::read_to_string(file).map_err(|e| Error::io(file, e));
    let rules = Rules::new(queue.rules.clone(), &read, &own)?;
    let options = s3_events::Options { tenant: queue.tenant.clone(), concurrency: NOTIFICATIONS_AT_ONCE, rules, sources };
    Ok(S3Events::new(options, s3_events::Parts { queue: Arc::new(events), objects: Arc::new(objects), coordinator: parts }))
}
