//! How long a worker stays. It leaves when it is told to. One that was started for a queue also ends by itself, after so
//! many tasks or after a time without any, and then lets its tasks end, however long they take.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// When a worker ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Term {
    /// Time without any task after which it ends; `None`: it waits for ever.
    pub idle: Option<Duration>,
    /// Tasks that it runs before it ends; `None`: all there are.
    pub tasks_max: Option<usize>,
}

/// Why a worker takes nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leave {
    /// Its term is over.
    Over,
    /// Somebody said so.
    Told,
}

/// Whether a worker still takes tasks, and how many run.
pub struct Stay {
    term: Term,
    leaving: watch::Sender<Option<Leave>>,
    running: watch::Sender<usize>,
    turns: Arc<Semaphore>,
    done: AtomicUsize,
}

/// The right to take one more message.
pub struct Turn(OwnedSemaphorePermit);

impl Stay {
    pub fn new(term: Term) -> Self {
        let turns = term.tasks_max.unwrap_or(Semaphore::MAX_PERMITS).min(Semaphore::MAX_PERMITS);
        Self {
            term,
            leaving: watch::Sender::new(None),
            running: watch::Sender::new(0),
            turns: Arc::new(Semaphore::new(turns)),
            done: AtomicUsize::new(0),
        }
    }

    /// The worker was told to leave: it takes nothing more.
    pub fn leave(&self) {
        self.leaving.send_replace(Some(Leave::Told));
    }

    /// The term is over: the worker takes nothing more.
    pub fn end(&self) {
        self.leaving.send_if_modified(|now| {
            let stays = now.is_none();
            now.get_or_insert(Leave::Over);
            stays
        });
    }

    /// Whether the worker takes nothing more.
    pub fn is_leaving(&self) -> bool {
        self.leaving.borrow().is_some()
    }

    /// Ends when the worker takes nothing more.
    pub async fn leaving(&self) {
        // the sender lives as long as this
        let _ = self.leaving.subscribe().wait_for(Option::is_some).await;
    }

    /// Ends when the worker was told to leave.
    pub async fn told(&self) {
        let _ = self.leaving.subscribe().wait_for(|now| *now == Some(Leave::Told)).await;
    }

    /// Ends after some time, or when the worker begins to leave.
    pub async fn leaving_or(&self, time: Duration) {
        let mut leaving = self.leaving.subscribe();
        let news = async {
            if leaving.borrow_and_update().is_some() {
                std::future::pending::<()>().await;
            }
            let _ = leaving.changed().await;
        };
        tokio::select! {
            () = news => {}
            () = tokio::time::sleep(time) => {}
        }
    }

    /// Waits until one more message may be taken: tasks that run may be the last of the term.
    pub async fn turn(&self) -> Turn {
        match Arc::clone(&self.turns).acquire_owned().await {
            Ok(permit) => Turn(permit),
            // nobody closes it
            Err(_) => std::future::pending().await,
        }
    }

    /// Ends a turn. One that ran no task goes back.
    pub fn end_turn(&self, turn: Turn, has_run: bool) {
        if !has_run {
            return;
        }
        turn.0.forget();
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if self.term.tasks_max.is_some_and(|most| done >= most) {
            self.end();
        }
    }

    /// One task more runs.
    pub fn begins(&self) {
        self.running.send_modify(|count| *count += 1);
    }

    /// One task fewer runs.
    pub fn ends(&self) {
        self.running.send_modify(|count| *count = count.saturating_sub(1));
    }

    /// Ends when no task ran for the time of the term.
    pub async fn idle(&self) {
        let Some(time) = self.term.idle else { return std::future::pending().await };
        let mut running = self.running.subscribe();
        loop {
            let _ = running.wait_for(|count| *count == 0).await;
            tokio::select! {
                _ = running.changed() => {}
                () = tokio::time::sleep(time) => return,
            }
        }
    }
}
