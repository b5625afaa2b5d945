//! What happens to jobs, for those who watch. The lasting part comes from the store alone, so that every replica
//! tells the same, whoever cares for a job; progress and measures come by message and may be missed.
//!
//! A feed lives while somebody watches its job. It keeps the last 1,000 events. The id of an event is
//! `<replica>.<number>/<fact>`: the replica that made it goes on exactly after it; any other one goes on from the
//! fact, five seconds earlier, as stores tell ages in seconds.

mod feed;
mod ring;

pub use feed::{Feed, News};

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use synthfleet_metrics::Book;
use synthfleet_proto::event::{Event, Happening};
use synthfleet_proto::id;
use synthfleet_proto::key::JobKeys;
use tokio::sync::broadcast;

use crate::metrics;

/// All feeds of a process.
pub struct Feeds {
    parts: crate::Parts,
    book: Arc<Book>,
    replica: String,
    listeners_max: usize,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    feeds: BTreeMap<String, Arc<Feed>>,
    listeners: usize,
    hears: bool,
}

/// One who watches. Dropping it ends the watch.
pub struct Listener {
    feed: Arc<Feed>,
    state: Arc<Mutex<State>>,
    book: Arc<Book>,
}

impl std::ops::Deref for Listener {
    type Target = Feed;

    fn deref(&self) -> &Feed {
        &self.feed
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        state.listeners -= 1;
        self.feed.leave();
        self.book.set(metrics::EVENT_LISTENERS, &[], state.listeners as f64);
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Feeds {
    /// No feed yet.
    pub fn new(parts: crate::Parts, book: Arc<Book>, listeners_max: usize) -> Self {
        // ids of another life of this process are not this one's
        let replica = id::hex(&parts.entropy.bits())[..8].to_owned();
        Self { parts, book, replica, listeners_max, state: Arc::default() }
    }

    /// Watches a job that exists; `None`: too many watch already.
    pub fn watch(&self, keys: &JobKeys) -> Option<Listener> {
        let mut state = lock(&self.state);
        if state.listeners >= self.listeners_max {
            return None;
        }
        if !std::mem::replace(&mut state.hears, true) {
            tokio::spawn(hear(self.parts.events.subscribe(), Arc::clone(&self.state), Arc::clone(&self.book)));
        }
        let feed = match state.feeds.get(keys.job()) {
            Some(feed) if feed.enter() => Arc::clone(feed),
            _ => {
                let feed = Arc::new(Feed::new(keys.clone(), self.replica.clone()));
                state.feeds.insert(keys.job().to_owned(), Arc::clone(&feed));
                tokio::spawn(keep(Arc::clone(&feed), self.parts.clone(), Arc::clone(&self.state)));
                feed
            }
        };
        state.listeners += 1;
        self.book.set(metrics::EVENT_LISTENERS, &[], state.listeners as f64);
        Some(Listener { feed, state: Arc::clone(&self.state), book: Arc::clone(&self.book) })
    }
}

/// Keeps a feed as long as it is watched, then forgets it.
async fn keep(feed: Arc<Feed>, parts: crate::Parts, state: Arc<Mutex<State>>) {
    feed.run(&parts).await;
    let mut state = lock(&state);
    if state.feeds.get(feed.job()).is_some_and(|known| Arc::ptr_eq(known, &feed)) {
        state.feeds.remove(feed.job());
    }
}

/// Hands events of this process to the feeds of their jobs.
async fn hear(mut events: broadcast::Receiver<Event>, state: Arc<Mutex<State>>, book: Arc<Book>) {
    loop {
        match events.recv().await {
            Ok(event) => {
                let feed = lock(&state).feeds.get(&event.job).map(Arc::clone);
                let Some(feed) = feed else { continue };
                match &event.what {
                    Happening::Progress { .. } | Happening::Measure { .. } => feed.pass(&event),
                    // a fact is near: the store tells it
                    _ => feed.wake(),
                }
            }
            Err(broadcast::error::RecvError::Lagged(missed)) => book.add(metrics::EVENT_DROPS, &[], missed),
            Err(broadcast::error::RecvError::Closed) => return,
        }
    }
}
