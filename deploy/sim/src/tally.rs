//! Counts of a simulation.

use std::time::Duration;
use synthfleet_broker::Route;
use synthfleet_proto::envelope::{Body, Envelope};

/// Who asks the store or the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// A coordinator.
    Coordinator,
    /// A worker.
    Worker,
    /// Whoever submits jobs.
    Submitter,
}

impl Who {
    /// Everybody.
    pub const ALL: [Self; 3] = [Self::Coordinator, Self::Worker, Self::Submitter];
}

/// Requests of a store by class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Requests {
    /// PUT and COPY.
    pub put: u64,
    /// GET and HEAD.
    pub get: u64,
    /// LIST, a page each.
    pub list: u64,
    /// DELETE, which costs nothing.
    pub delete: u64,
}

/// Everything that is counted.
#[derive(Debug, Default)]
pub struct Tally {
    /// Requests of the store, by [`Who`].
    pub requests: [Requests; 3],
    /// Signs of life of tasks, each one PUT and three GETs.
    pub beats: u64,
    /// Documents that workers put to say that they live.
    pub documents: u64,
    /// Hints published by coordinators.
    pub hints: u64,
    /// Results published by workers.
    pub results: u64,
    /// Words that one coordinator passed on to another.
    pub passed_on: u64,
    /// Probes.
    pub probes: u64,
    /// Words to everybody.
    pub broadcasts: u64,
    /// Publishes that the broker refused because it was away.
    pub refused: u64,
    /// Messages handed to takers.
    pub deliveries: u64,
    /// Tasks that run now.
    pub running: u64,
    /// Attempts that ran to their end, or were cut off by the death of their slot.
    pub runs: u64,
    /// Messages over which a slot died.
    pub killed: u64,
    /// Deaths of slots.
    pub slot_deaths: u64,
    /// Deaths of coordinators.
    pub replica_deaths: u64,
    /// Computing time of runs that ended a task.
    pub useful: Duration,
    /// Computing time of all other runs.
    pub wasted: Duration,
    /// Longest queue of ready hints that was seen, looked at once a second.
    pub queue_peak: u64,
    /// Longest queue of results.
    pub results_peak: u64,
}

impl Tally {
    /// Notes the lengths of queues; gives the tasks that run now.
    pub fn saw(&mut self, hints: u64, results: u64) -> u64 {
        self.queue_peak = self.queue_peak.max(hints);
        self.results_peak = self.results_peak.max(results);
        self.running
    }

    /// Counts a message by where it goes.
    pub fn published(&mut self, route: &Route, body: &[u8]) {
        match route {
            Route::Pool { .. } => self.hints += 1,
            Route::Result => self.results += 1,
            Route::ResultOf(_) => match Envelope::decode(body).map(|envelope| envelope.body) {
                Ok(Body::Control(_)) => self.passed_on += 1,
                _ => self.results += 1,
            },
            Route::Submit => {}
        }
    }

    /// The requests of somebody.
    pub fn of(&mut self, who: Who) -> &mut Requests {
        &mut self.requests[who as usize]
    }
}
