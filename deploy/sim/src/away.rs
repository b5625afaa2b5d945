//! Who was away when: the broker for everybody, a coordinator for the tenants that it looked after. Says of a wait
//! which of them it met, so that nobody has to suppose it.

use std::collections::{BTreeMap, BTreeSet};

/// Milliseconds after the return of whoever was away in which things still catch up.
const RECOVERY_MS: u64 = 30_000;

/// What was away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// The broker.
    Broker,
    /// A coordinator that died, for its tenants.
    Death,
    /// The new one that took tenants over from those who lived.
    Handover,
}

#[derive(Debug)]
struct Away {
    kind: Kind,
    from_ms: u64,
    until_ms: u64,
    /// `None`: everybody.
    tenants: Option<BTreeSet<String>>,
}

/// Who was away when.
#[derive(Debug, Default)]
pub struct Absences(Vec<Away>);

impl Absences {
    /// The broker was away.
    pub fn broker(&mut self, from_ms: u64, until_ms: u64) {
        self.note(Kind::Broker, from_ms, until_ms, None);
    }

    /// A coordinator died and was replaced; `tenants` were its own.
    pub fn death(&mut self, from_ms: u64, until_ms: u64, tenants: BTreeSet<String>) {
        self.note(Kind::Death, from_ms, until_ms, Some(tenants));
    }

    /// A new coordinator looks after `tenants`.
    pub fn handover(&mut self, at_ms: u64, tenants: BTreeSet<String>) {
        self.note(Kind::Handover, at_ms, at_ms, Some(tenants));
    }

    fn note(&mut self, kind: Kind, from_ms: u64, until_ms: u64, tenants: Option<BTreeSet<String>>) {
        self.0.push(Away { kind, from_ms, until_ms: until_ms + RECOVERY_MS, tenants });
    }

    /// What a wait of a tenant's job met, in words.
    pub fn met(&self, wait: &Wait) -> &'static str {
        let is_met = |away: &&Away| {
            let concerns = away.tenants.as_ref().is_none_or(|tenants| tenants.contains(&wait.tenant));
            concerns && away.from_ms <= wait.until_ms && wait.from_ms <= away.until_ms
        };
        let kinds: BTreeSet<Kind> = self.0.iter().filter(is_met).map(|away| away.kind).collect();
        match (kinds.contains(&Kind::Broker), kinds.contains(&Kind::Death), kinds.contains(&Kind::Handover)) {
            (true, true, _) => "broker_and_death",
            (true, false, _) => "broker",
            (false, true, _) => "death",
            (false, false, true) => "handover",
            (false, false, false) => "nothing",
        }
    }

    /// How many of some waits met what.
    pub fn count<'a>(&self, waits: impl IntoIterator<Item = &'a Wait>) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::new();
        for wait in waits {
            *counts.entry(self.met(wait)).or_default() += 1;
        }
        counts
    }
}

/// From the last outcome of a job's main plan to its judgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// Whose job.
    pub tenant: String,
    /// When the outcome came.
    pub from_ms: u64,
    /// When the job was judged.
    pub until_ms: u64,
}

impl Wait {
    /// How long it was.
    pub fn length_ms(&self) -> u64 {
        self.until_ms.saturating_sub(self.from_ms)
    }
}

/// The longest of some waits: one in a hundred, and at least one.
pub fn slowest(waits: &[Wait]) -> Vec<&Wait> {
    let mut sorted: Vec<&Wait> = waits.iter().collect();
    sorted.sort_by_key(|wait| (std::cmp::Reverse(wait.length_ms()), wait.from_ms, &wait.tenant));
    sorted.truncate(waits.len().div_ceil(100));
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(tenant: &str, from_ms: u64, until_ms: u64) -> Wait {
        Wait { tenant: tenant.to_owned(), from_ms, until_ms }
    }

    #[test]
    fn a_wait_meets_what_it_overlaps_and_what_is_its_tenants() {
        let mut absences = Absences::default();
        absences.broker(1_000_000, 1_060_000);
        absences.death(2_000_000, 2_030_000, BTreeSet::from(["a".to_owned()]));
        absences.handover(2_030_000, BTreeSet::from(["a".to_owned(), "b".to_owned()]));
        absences.death(1_050_000, 1_080_000, BTreeSet::from(["c".to_owned()]));
        let met = |tenant: &str, from_ms, until_ms| absences.met(&wait(tenant, from_ms, until_ms));
        assert_eq!(met("a", 0, 999_999), "nothing");
        assert_eq!(
            (met("a", 0, 1_000_000), met("a", 1_090_000, 1_090_001), met("a", 1_090_001, 1_200_000)),
            ("broker", "broker", "nothing")
        );
        assert_eq!((met("a", 2_001_000, 2_002_000), met("b", 2_001_000, 2_002_000)), ("death", "nothing"));
        assert_eq!((met("b", 2_031_000, 2_032_000), met("c", 1_055_000, 1_056_000)), ("handover", "broker_and_death"));
    }

    #[test]
    fn the_slowest_are_one_in_a_hundred() {
        let waits: Vec<Wait> = (0..201).map(|i| wait("a", 0, i)).collect();
        assert_eq!(slowest(&waits).iter().map(|wait| wait.length_ms()).collect::<Vec<_>>(), [200, 199, 198]);
        assert!(slowest(&[]).is_empty());
    }
}
