//! The last events of a job, and where a watcher goes on.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Events that are kept for those who come back.
pub const EVENTS_MAX: usize = 1_000;
/// Two replicas may see facts of so near instants in other orders.
const OVERLAP: Duration = Duration::from_secs(5);

/// One event, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its number in this replica's feed.
    pub number: u64,
    /// The last fact that was told when it was made.
    pub fact: Arc<str>,
    /// What sort of event.
    pub kind: &'static str,
    /// JSON.
    pub data: Arc<str>,
    /// When the fact was made, by this replica's clock.
    made: Instant,
}

/// The last events of a job.
pub struct Ring {
    replica: String,
    items: VecDeque<Item>,
    next: u64,
    fact: Arc<str>,
    made: Instant,
}

impl Ring {
    /// Empty.
    pub fn new(replica: String) -> Self {
        Self { replica, items: VecDeque::new(), next: 1, fact: "".into(), made: Instant::now() }
    }

    /// From now on events belong to this fact, made at an instant.
    pub fn at(&mut self, fact: &str, made: Instant) {
        (self.fact, self.made) = (fact.into(), made);
    }

    /// Adds an event.
    pub fn push(&mut self, kind: &'static str, data: String) {
        if self.items.len() >= EVENTS_MAX {
            self.items.pop_front();
        }
        self.items.push_back(Item { number: self.next, fact: Arc::clone(&self.fact), kind, data: data.into(), made: self.made });
        self.next += 1;
    }

    /// The number after the last event.
    pub fn end(&self) -> u64 {
        self.next
    }

    /// The id of an event, or of the moment after it.
    pub fn id(&self, number: u64, fact: &str) -> String {
        format!("{}.{number}/{fact}", self.replica)
    }

    /// The id of now.
    pub fn id_now(&self) -> String {
        self.id(self.next - 1, &self.fact)
    }

    /// Events from a number on; `None`: some of them are forgotten.
    pub fn since(&self, number: u64) -> Option<impl Iterator<Item = &Item>> {
        let first = self.next - self.items.len() as u64;
        (first <= number && number <= self.next).then(|| self.items.iter().skip((number - first) as usize))
    }

    /// The number from which on one goes on who saw the event `id` last; `None`: only a snapshot helps.
    pub fn resume(&self, id: &str) -> Option<u64> {
        let (place, fact) = id.split_once('/')?;
        let (replica, number) = place.split_once('.')?;
        let number: u64 = number.parse().ok()?;
        if replica == self.replica {
            let next = number.checked_add(1)?;
            return self.since(next).is_some().then_some(next);
        }
        let known = self.items.iter().find(|item| &*item.fact == fact)?;
        let from = known.made.checked_sub(OVERLAP).unwrap_or(known.made);
        let first = self.items.iter().find(|item| item.made >= from)?;
        // what came before the oldest event that is kept may have been missed too
        let whole = first.number > self.items.front()?.number || first.number == 1;
        whole.then_some(first.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(replica: &str, facts: &[(&str, u64)]) -> Ring {
        let (mut ring, start) = (Ring::new(replica.to_owned()), Instant::now());
        for (fact, second) in facts {
            ring.at(fact, start + Duration::from_secs(*second));
            ring.push("task", format!("\"{fact}\""));
        }
        ring
    }

    fn after(ring: &Ring, id: &str) -> Option<Vec<String>> {
        let items = ring.since(ring.resume(id)?)?;
        Some(items.map(|item| item.fact.to_string()).collect())
    }

    #[tokio::test]
    async fn the_same_replica_goes_on_exactly() {
        let ring = ring("a", &[("f1", 0), ("f2", 1), ("f3", 2)]);
        assert_eq!(after(&ring, "a.1/f1").expect("known"), ["f2", "f3"]);
        assert_eq!(after(&ring, "a.3/f3").expect("known"), [""; 0]);
    }

    #[tokio::test]
    async fn another_replica_goes_on_from_the_fact_and_a_little_before() {
        let ring = ring("b", &[("f1", 0), ("f2", 10), ("f3", 14), ("f4", 20)]);
        assert_eq!(after(&ring, "a.99/f3").expect("known"), ["f2", "f3", "f4"]);
        assert_eq!(after(&ring, "a.7/f1").expect("known"), ["f1", "f2", "f3", "f4"]);
    }

    #[tokio::test]
    async fn what_is_unknown_or_forgotten_asks_for_a_snapshot() {
        let facts: Vec<_> = (0..EVENTS_MAX as u64 + 5).map(|at| (format!("f{at}"), at)).collect();
        let facts: Vec<_> = facts.iter().map(|(fact, at)| (fact.as_str(), *at)).collect();
        let ring = ring("a", &facts);
        for id in ["", "x", "a.x/f", "a.2/f1", "a.99999/f", "b.1/f0", "b.1/f6"] {
            assert_eq!(after(&ring, id), None, "{id}");
        }
        assert_eq!(after(&ring, "a.1004/f1003").expect("kept"), ["f1004"]);
        assert_eq!(after(&ring, "b.1/f12").expect("kept").first().map(String::as_str), Some("f7"));
    }
}
