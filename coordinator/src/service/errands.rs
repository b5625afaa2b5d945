//! What is waited for beside the loop: facts that are read, results of earlier jobs, hints on their way, jobs that are
//! taken into care. The loop goes on meanwhile, so that a store that takes its time delays only who asked for it.

use super::care::Job;
use super::spans::Sending;
use super::{HEARD_AT_ONCE, Service, read};
use crate::job::{Event as JobEvent, Fact};
use std::sync::Arc;
use synthfleet_broker::{Delivery, Settle};
use synthfleet_proto::key::{JobKeys, Key};
use synthfleet_proto::task::TaskId;
use synthfleet_proto::{Error, Result};
use synthfleet_store::Entry;
use tokio::task::JoinError;

/// Errands under way, beyond which words of workers and looks at the store wait.
const ERRANDS_MAX: usize = 256;
/// Jobs whose facts are all read at once.
pub(super) const ADOPTED_AT_ONCE: usize = 8;

/// What an errand brings back.
pub(super) enum Brought {
    /// The outcome that some words were about.
    Outcome { keys: JobKeys, key: Key, words: Vec<Delivery>, fact: Result<Option<Box<Fact>>> },
    /// The facts of a job, as the store lists them.
    Listed { keys: JobKeys, entries: Result<Vec<Entry>> },
    /// New facts of a job, with the list they were found in if what went silent is to be looked for there.
    Facts { keys: JobKeys, facts: Result<Vec<(Key, Fact)>>, swept: Option<Vec<Entry>> },
    /// A job with all facts it has; `None`: there is no such job.
    Job { keys: JobKeys, job: Result<Option<Box<Job>>> },
    /// What earlier jobs know of some tasks of a job.
    Earlier { job: String, found: Vec<(TaskId, Option<(Key, Fact)>)> },
    /// What became of some hints.
    Sent(Vec<Sent>),
    /// It was done for others' sake.
    Nothing,
}

/// A hint that was sent, or not.
pub(super) struct Sent {
    pub job: String,
    pub task: TaskId,
    pub pool: String,
    pub sent: Result<()>,
    /// What is told of it to collectors of traces.
    pub sending: Option<Sending>,
}

impl Service {
    /// Whether more may be begun that the outside asks for.
    pub(super) fn has_hands(&self) -> bool {
        self.errands.len() < ERRANDS_MAX
    }

    /// Takes what an errand brought, with what others brought meanwhile.
    pub(super) async fn come_back(&mut self, first: std::result::Result<Brought, JoinError>) -> Result<()> {
        let mut all = vec![first];
        while all.len() < HEARD_AT_ONCE
            && let Some(next) = self.errands.try_join_next()
        {
            all.push(next);
        }
        let mut heard = Vec::new();
        for one in all {
            match one.map_err(|error| Error::internal("coordinator::panic", format!("an errand stopped: {error}")))? {
                Brought::Outcome { keys, key, words, fact } => {
                    match fact {
                        Ok(Some(fact)) => self.learned(&keys, key, *fact).await?,
                        Ok(None) => {}
                        Err(error) => unread(&keys, &error),
                    }
                    heard.extend(words.into_iter().map(|word| (word, Settle::Ack)));
                }
                Brought::Listed { keys, entries: Ok(entries) } => {
                    let new = self.jobs.get(keys.job()).map(|job| job.unread(&entries)).unwrap_or_default();
                    if !new.is_empty() {
                        self.read_new(keys, new, None);
                    }
                }
                Brought::Facts { keys, facts: Ok(facts), swept } => {
                    for (key, fact) in facts {
                        self.learned(&keys, key, fact).await?;
                    }
                    if let Some(entries) = swept {
                        self.reconciled(&keys, &entries).await?;
                    }
                }
                Brought::Listed { keys, entries: Err(error) } | Brought::Facts { keys, facts: Err(error), .. } => unread(&keys, &error),
                Brought::Job { keys, job } => self.adopted(&keys, job).await?,
                Brought::Earlier { job, found } => self.remembered(&job, found).await?,
                Brought::Sent(sent) => sent.into_iter().for_each(|one| self.sent(one)),
                Brought::Nothing => {}
            }
        }
        self.settle(heard).await;
        Ok(())
    }

    /// Moves a job on by a fact that was read, unless somebody else brought it first.
    async fn learned(&mut self, keys: &JobKeys, key: Key, fact: Fact) -> Result<()> {
        let is_news = self.jobs.get_mut(keys.job()).is_some_and(|job| job.saw(key));
        if is_news { self.advance(keys.job(), JobEvent::Fact(Box::new(fact))).await } else { Ok(()) }
    }

    /// Reads the outcome of a task in care; the words that tell of it are settled when it is known.
    pub(super) fn read_outcome(&mut self, keys: JobKeys, key: Key, words: Vec<Delivery>) {
        let store = Arc::clone(&self.parts.store);
        self.errands.spawn(async move {
            let fact = crate::facts::read_one(store.as_ref(), &key).await;
            Brought::Outcome { keys, key, words, fact: fact.map(|found| found.map(Box::new)) }
        });
    }

    /// Lists the facts of a job in care, and then reads what is new.
    pub(super) fn read_list(&mut self, keys: JobKeys) {
        let store = Arc::clone(&self.parts.store);
        self.errands.spawn(async move {
            let entries = read::list(store.as_ref(), &keys).await;
            Brought::Listed { keys, entries }
        });
    }

    /// Reads facts of a job in care that were not seen before. `swept`: the list they were found in, if what went
    /// silent is to be looked for there.
    pub(super) fn read_new(&mut self, keys: JobKeys, new: Vec<Key>, swept: Option<Vec<Entry>>) {
        let store = Arc::clone(&self.parts.store);
        self.errands.spawn(async move {
            let facts = read::facts(&store, new).await;
            Brought::Facts { keys, facts, swept }
        });
    }

    /// What earlier jobs know was taken over; all other tasks may be hinted now.
    async fn remembered(&mut self, id: &str, found: Vec<(TaskId, Option<(Key, Fact)>)>) -> Result<()> {
        let Some(job) = self.jobs.get_mut(id) else { return Ok(()) };
        self.touched.insert(id.to_owned());
        let keys = job.keys.clone();
        let mut known = Vec::new();
        for (task, fact) in found {
            match fact {
                Some(fact) => known.push(fact),
                None => job.back_to_queue(&task),
            }
        }
        for (key, fact) in known {
            self.learned(&keys, key, fact).await?;
        }
        Ok(())
    }

    /// Says what becomes of some words.
    pub(super) async fn settle(&self, words: Vec<(Delivery, Settle)>) {
        let settling = words.into_iter().map(|(word, verb)| self.parts.broker.settle(word, verb));
        for ended in futures::future::join_all(settling).await {
            if let Err(error) = ended {
                tracing::warn!(code = error.code(), "a result could not be settled");
            }
        }
    }
}

/// Facts that could not be read are read at the next look.
fn unread(keys: &JobKeys, error: &Error) {
    tracing::warn!(job = keys.job(), code = error.code(), "facts could not be read");
}
