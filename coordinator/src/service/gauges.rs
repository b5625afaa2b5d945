//! What a scrape sees of queues and jobs: looked at from time to time, beside the loop.

use super::{Parts, Service};
use crate::metrics;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use synthfleet_broker::Inbox;
use synthfleet_metrics::Book;
use synthfleet_proto::class::Class;
use synthfleet_proto::job::JobState;

/// Time between two looks at the queues.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Measures queues again and again.
pub async fn watch(parts: Parts, book: Arc<Book>) {
    loop {
        queues(&parts, &book).await;
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Measures queues once. What the broker does not tell keeps its last value.
async fn queues(parts: &Parts, book: &Book) {
    let fleet = parts.roster.now();
    for (name, pool) in &fleet.pools {
        let (mut wanted, mut consumers) = (0, None);
        for class in Class::ALL {
            let inbox = Inbox::Pool { pool: name.clone(), classes: vec![class] };
            let Ok(depth) = parts.broker.depth(&inbox).await else { continue };
            let labels = [name.as_str(), class.name()];
            book.set(metrics::QUEUE_READY, &labels, depth.ready as f64);
            if let Some(unacked) = depth.unacked {
                book.set(metrics::QUEUE_UNACKED, &labels, unacked as f64);
            }
            let oldest = depth.oldest_age.filter(|_| depth.ready > 0).unwrap_or_default();
            book.set(metrics::QUEUE_OLDEST, &labels, oldest.as_secs_f64());
            wanted += depth.ready + depth.unacked.unwrap_or(0);
            consumers = consumers.max(depth.consumers);
        }
        // a broker that does not count takers leaves those that say that they live
        book.set(metrics::POOL_CONSUMERS, &[name], consumers.unwrap_or(pool.workers as u64) as f64);
        book.set(metrics::POOL_WANTED_SLOTS, &[name], wanted as f64);
        book.introduce(metrics::DISPATCH_PAUSED, &[name]);
    }
    for (pool, at_ms) in parts.roster.answers() {
        book.set(metrics::HEARTBEAT, &[&pool], at_ms as f64 / 1e3);
    }
    if let Ok(dead) = parts.broker.depth(&Inbox::Dead).await {
        book.set(metrics::DEAD_LETTERS, &[], dead.ready as f64);
    }
}

impl Service {
    /// Measures the jobs in care.
    pub(super) fn measure_jobs(&self) {
        let states = [JobState::Queued, JobState::OnHold, JobState::InProgress];
        for state in states {
            let count = self.jobs.values().filter(|job| job.view.state() == state).count();
            self.book.set(metrics::JOBS_IN_PROGRESS, &[state.name()], count as f64);
        }
        let now = self.parts.clock.now_ms() as i64;
        let begun = self.jobs.values().filter_map(|job| job.view.spec().map(|spec| spec.fact.submitted_at));
        let oldest = begun.map(|at| now - at).max().unwrap_or(0).max(0);
        self.book.set(metrics::OLDEST_ACTIVE_JOB, &[], oldest as f64 / 1e3);
        let tenants: BTreeSet<&str> = self.jobs.values().map(|job| job.keys.tenant()).collect();
        self.book.set(metrics::OWNED_TENANTS, &[], tenants.len() as f64);
        let views: u64 = self.jobs.values().map(|job| job.view_bytes).sum();
        self.book.set(metrics::VIEW_BYTES, &[], views as f64);
        self.book.set(metrics::DISPATCH_WINDOW, &[], self.window_share());
    }

    /// Share of the windows of all pools that is in use.
    fn window_share(&self) -> f64 {
        let fleet = self.parts.roster.now();
        let windows = crate::dispatch::Windows::of_slots(fleet.pools.iter().map(|(name, pool)| (name.clone(), pool.slots)));
        let room: usize = windows.pools.values().sum();
        if room == 0 { 0.0 } else { self.flow.len() as f64 / room as f64 }
    }
}
