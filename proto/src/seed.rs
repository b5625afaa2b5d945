//! Seeds by name: what a stream yields depends on the job's seed, the task's id and a path of names,
//! never on call order, attempt, thread or clock.

use sha2::{Digest, Sha256};

/// The task id from which shared draws (split, protection, choice of real rows) are derived.
pub const SHARED_TASK: &str = "shared";

/// A named place in the tree of random streams of one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    task: u64,
    path: String,
}

impl Seed {
    /// The seed of a task: the first 8 bytes, little-endian, of
    /// `SHA-256("synthfleet/seed/v1" 0x00, job seed as u64 LE, 0x00, task id)`.
    pub fn of_task(job_seed: u64, task_id: &str) -> Self {
        let digest = Sha256::new()
            .chain_update(b"synthfleet/seed/v1\0")
            .chain_update(job_seed.to_le_bytes())
            .chain_update(b"\0")
            .chain_update(task_id.as_bytes())
            .finalize();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        Self::from_task_seed(u64::from_le_bytes(first))
    }

    /// The seed that all candidates of a job share: rule of [`Seed::of_task`] with the task id `shared`.
    pub fn shared(job_seed: u64) -> Self {
        Self::of_task(job_seed, SHARED_TASK)
    }

    /// The root of a task whose seed is already known, as `task.json` carries it.
    pub fn from_task_seed(task: u64) -> Self {
        Self { task, path: String::new() }
    }

    /// The number that `task.json` carries.
    pub fn task_seed(&self) -> u64 {
        self.task
    }

    /// The stream named `name` below this one.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        Self { task: self.task, path: format!("{}/{name}", self.path) }
    }

    /// The `i`-th stream below this one.
    #[must_use]
    pub fn index(&self, i: u64) -> Self {
        self.child(&i.to_string())
    }

    /// The ChaCha8 key: `SHA-256("synthfleet/stream/v1" 0x00, task seed u64 LE, 0x00, path)`.
    pub fn key(&self) -> [u8; 32] {
        Sha256::new()
            .chain_update(b"synthfleet/stream/v1\0")
            .chain_update(self.task.to_le_bytes())
            .chain_update(b"\0")
            .chain_update(self.path.as_bytes())
            .finalize()
            .into()
    }

    /// The first 8 bytes of the key, little-endian: what learners take as their seed.
    pub fn number(&self) -> u64 {
        let mut first = [0; 8];
        first.copy_from_slice(&self.key()[..8]);
        u64::from_le_bytes(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_order_of_names_matter() {
        let task = Seed::of_task(0, "syn-seqtree-r0");
        assert_ne!(task.child("fit").child("a").key(), task.child("a").child("fit").key());
        assert_ne!(task.index(1).key(), task.index(10).key());
        assert_eq!(task.child("fit").index(3), task.child("fit").index(3));
    }

    #[test]
    fn the_rule_is_pinned() {
        assert_eq!(Seed::of_task(0, "profile").task_seed(), PINNED_TASK);
        assert_eq!(Seed::of_task(0, "profile").child("split").number(), PINNED_STREAM);
    }

    // Computed from the written rule with another language's SHA-256.
    const PINNED_TASK: u64 = 6_802_895_950_493_367_618;
    const PINNED_STREAM: u64 = 17_026_218_630_111_456_637;
}
