//! Who is there: members known, pools with what they take, workers and replicas that live. A snapshot is
//! pure data; [`Roster`] renews it from the documents of the store.

mod roster;

pub use roster::Roster;
pub(crate) use roster::all;

use crate::Catalogue;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use synthfleet_proto::about::MemberDoc;
use synthfleet_proto::fleet::{WorkerDoc, owner};
use synthfleet_proto::pool::{Take, Width};
use synthfleet_proto::task::TaskKind;

/// A pool as its workers describe it.
#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    /// What it takes.
    pub take: Take,
    /// Members that all its workers have; `None`: every member there is.
    pub members: Option<BTreeSet<(TaskKind, String)>>,
    /// Tasks at once of all workers that live.
    pub slots: usize,
    /// Memory that each task may plan with, of the smallest worker.
    pub memory_bytes: u64,
    /// Workers that live.
    pub workers: usize,
    /// Workers come when there is work.
    pub scale_to_zero: bool,
}

impl Pool {
    /// How narrowly the pool covers a task, if it does.
    pub fn width(&self, kind: TaskKind, name: &str) -> Option<Width> {
        let has_member = match (&self.members, kind) {
            (None, _) | (_, TaskKind::Profile | TaskKind::Generate) => true,
            (Some(members), _) => members.contains(&(kind, name.to_owned())),
        };
        self.take.width(kind, name).filter(|_| has_member)
    }

    /// Whether somebody will take a task that waits there.
    pub fn is_attended(&self) -> bool {
        self.workers > 0 || self.scale_to_zero
    }
}

/// A worker that lives, and how long ago it said so.
#[derive(Debug, Clone, PartialEq)]
pub struct WorkerSeen {
    /// What it said.
    pub doc: WorkerDoc,
    /// Time since then, by the store's clock.
    pub silent: Duration,
}

/// Everybody there is, at one moment.
#[derive(Debug, Clone, Default)]
pub struct Fleet {
    /// Members that were ever announced, each in the version that workers have now.
    pub catalogue: Catalogue,
    /// SHA-256 of the descriptions of the catalogue, by family and name.
    pub current: BTreeMap<(String, String), String>,
    /// Pools by name.
    pub pools: BTreeMap<String, Pool>,
    /// Workers in the order of their names.
    pub workers: Vec<WorkerSeen>,
    /// Coordinators that live; empty: this one is alone.
    pub coordinators: BTreeSet<String>,
}

impl Fleet {
    /// A fleet of one pool that takes everything: all in one process.
    pub fn embedded(catalogue: Catalogue, pool: &str, slots: usize) -> Self {
        let pool_of_all = Pool { take: Take::all(), members: None, slots, memory_bytes: u64::MAX, workers: 1, scale_to_zero: false };
        Self { catalogue, pools: BTreeMap::from([(pool.to_owned(), pool_of_all)]), ..Self::default() }
    }

    /// Whether any pool takes such tasks and has the memory for them.
    pub fn covers(&self, kind: TaskKind, name: &str, memory_bytes: u64) -> bool {
        self.pools.values().any(|pool| pool.memory_bytes >= memory_bytes && pool.width(kind, name).is_some())
    }

    /// The pool for a task: attended before deserted, with enough memory, then the narrowest, then the one with
    /// the least waiting for each slot, then by name. `waiting` gives the messages of a pool.
    pub fn route(&self, kind: TaskKind, name: &str, memory_bytes: u64, waiting: &dyn Fn(&str) -> u64) -> Option<&str> {
        let fitting = self.pools.iter().filter_map(|(pool, of)| Some((pool, of, of.width(kind, name)?)));
        let order = |(pool, of, width): &(&String, &Pool, Width)| {
            let load = waiting(pool) as f64 / of.slots.max(1) as f64;
            (!of.is_attended(), *width, (load * 1e3) as u64, (*pool).clone())
        };
        fitting.filter(|(_, of, _)| of.memory_bytes >= memory_bytes).min_by_key(order).map(|(pool, ..)| pool.as_str())
    }

    /// The replica that looks after a tenant; `None`: whoever asks.
    pub fn owner(&self, tenant: &str) -> Option<&str> {
        owner(self.coordinators.iter().map(String::as_str), tenant)
    }

    /// Whether `replica` looks after a tenant.
    pub fn is_owner(&self, replica: &str, tenant: &str) -> bool {
        self.owner(tenant).is_none_or(|owner| owner == replica)
    }

    /// Tasks at once of all workers that live.
    pub fn slots(&self) -> usize {
        self.pools.values().map(|pool| pool.slots).sum()
    }

    /// SHA-256 of what a member says of itself now.
    pub fn about_sha256(&self, member: &MemberDoc) -> String {
        self.current.get(&(member.task.clone(), member.name.clone())).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::catalogue;

    fn pool(take: &str, slots: usize) -> Pool {
        let take = Take::parse(take).expect("legal");
        Pool { take, members: None, slots, memory_bytes: 4 << 30, workers: 1, scale_to_zero: false }
    }

    fn fleet(pools: &[(&str, Pool)]) -> Fleet {
        let pools = pools.iter().map(|(name, pool)| ((*name).to_owned(), pool.clone())).collect();
        Fleet { catalogue: catalogue(), pools, ..Fleet::default() }
    }

    const SEQTREE: (TaskKind, &str) = (TaskKind::Synthesize, "seqtree");

    fn route<'a>(fleet: &'a Fleet, task: (TaskKind, &str), waiting: &dyn Fn(&str) -> u64) -> Option<&'a str> {
        fleet.route(task.0, task.1, 4 << 30, waiting)
    }

    #[test]
    fn a_task_goes_to_the_narrowest_pool_that_covers_it() {
        let fleet = fleet(&[("all", pool("*", 8)), ("fit", pool("synthesize:*", 2)), ("trees", pool("synthesize:seqtree", 1))]);
        assert_eq!(route(&fleet, SEQTREE, &|_| 0), Some("trees"));
        assert_eq!(route(&fleet, (TaskKind::Synthesize, "clbn"), &|_| 0), Some("fit"));
        assert_eq!(route(&fleet, (TaskKind::Profile, ""), &|_| 0), Some("all"));
    }

    #[test]
    fn a_deserted_pool_is_the_last_choice() {
        let deserted = Pool { workers: 0, slots: 0, ..pool("synthesize:seqtree", 0) };
        let mut fleet = fleet(&[("all", pool("*", 1)), ("trees", deserted)]);
        assert_eq!(route(&fleet, SEQTREE, &|_| 0), Some("all"));
        fleet.pools.remove("all");
        assert_eq!(route(&fleet, SEQTREE, &|_| 0), Some("trees"), "somebody may come back");
        fleet.pools.insert("all".into(), pool("*", 1));
        fleet.pools.get_mut("trees").expect("there").scale_to_zero = true;
        assert_eq!(route(&fleet, SEQTREE, &|_| 0), Some("trees"), "it comes when there is work");
    }

    #[test]
    fn of_equal_pools_the_one_with_less_work_for_each_slot_is_taken() {
        let fleet = fleet(&[("a", pool("*", 1)), ("b", pool("*", 4))]);
        assert_eq!(route(&fleet, SEQTREE, &|name| if name == "a" { 2 } else { 4 }), Some("b"));
        assert_eq!(route(&fleet, SEQTREE, &|_| 0), Some("a"), "then by name");
    }

    #[test]
    fn a_pool_with_too_little_memory_is_not_offered_the_task() {
        let fleet = fleet(&[("all", pool("*", 1)), ("trees", Pool { memory_bytes: 1 << 30, ..pool("synthesize:seqtree", 1) })]);
        assert_eq!(route(&fleet, SEQTREE, &|_| 0), Some("all"));
    }

    #[test]
    fn a_pool_covers_only_members_that_all_its_workers_have() {
        let has_clbn = Some(BTreeSet::from([(TaskKind::Synthesize, "clbn".to_owned())]));
        let fleet = fleet(&[("all", Pool { members: has_clbn, ..pool("*", 1) })]);
        assert!(fleet.covers(TaskKind::Synthesize, "clbn", 1) && fleet.covers(TaskKind::Profile, "", 1));
        assert!(!fleet.covers(SEQTREE.0, SEQTREE.1, 1));
    }

    #[test]
    fn one_replica_alone_owns_every_tenant() {
        assert!(Fleet::default().is_owner("me", "any"));
        let two = Fleet { coordinators: BTreeSet::from(["a".to_owned(), "b".to_owned()]), ..Fleet::default() };
        assert_ne!(two.is_owner("a", "t"), two.is_owner("b", "t"));
    }
}
