//! States of a fit: what it leaves for a later attempt, and what it finds of an earlier one.
//!
//! A state bears a mark, the SHA-256 of its arrays and of all that the bytes of a model hang on: member, version,
//! options, seeds, rows. A state with another mark is damaged or of another fit; then the fit starts anew, and since
//! results do not depend on it, that is a note and no finding. What is private goes into a mark and into arrays only
//! under the job's noise key.
//! How often a state is written is decided outside, by [`Budget::checkpoint`].

use crate::member::Train;
use sha2::{Digest, Sha256};
use std::cell::OnceCell;
use synthfleet_proto::about::About;
use synthfleet_proto::options::{Checked, Options};
use synthfleet_proto::{Result, Seed};
use synthfleet_table::encode::Coded;
use synthfleet_table::{Arrays, Budget};

/// Name of the mark among the arrays.
const MARK: &str = "mark";

/// The states of one fit.
pub(crate) struct States<'a> {
    train: &'a Train,
    budget: &'a Budget,
    /// Member, version, options and seeds.
    of: Sha256,
    /// The same with the rows: only known once a state is written or found.
    with_rows: OnceCell<Sha256>,
}

impl<'a> States<'a> {
    /// States of a member's fit.
    pub(crate) fn new<O: Options>(about: &About, train: &'a Train, options: &Checked<O>, seed: &Seed, budget: &'a Budget) -> Self {
        // options were JSON before they were checked
        let options = serde_json::to_string(&**options).unwrap_or_default();
        let of = Sha256::new()
            .chain_update(format!("synthfleet/state/v1\0{}\0{}\0{options}\0", about.name, about.version))
            .chain_update(seed.key());
        Self { train, budget, of, with_rows: OnceCell::new() }
    }

    /// Writes a state if one is due. A state that cannot be written is a note: the fit is no worse for it.
    pub(crate) fn keep(&self, step: u64, state: impl FnOnce(&mut Arrays)) {
        let kept = self.budget.checkpoint(step, |arrays| {
            state(arrays);
            let mark = self.mark(arrays);
            arrays.put_u8(MARK, mark);
        });
        if let Err(error) = kept {
            self.budget.note(&format!("the state of step {step} could not be written: {error}"));
        }
    }

    /// What `read` makes of the state of an earlier attempt; `None`: there is none, or none that can be gone on from.
    pub(crate) fn found<T>(&self, read: impl FnOnce(&Arrays) -> Result<T>) -> Option<T> {
        let arrays = self.budget.resume()?;
        let mut bare = arrays.clone();
        bare.remove(MARK);
        let is_ours = arrays.u8s(MARK).is_ok_and(|mark| mark == self.mark(&bare));
        let read = is_ours.then(|| read(&bare).ok()).flatten();
        if read.is_none() {
            self.budget.note("the state of an earlier attempt is damaged or of another fit: this one starts anew");
        }
        read
    }

    fn mark(&self, arrays: &Arrays) -> Vec<u8> {
        let with_rows = self.with_rows.get_or_init(|| self.of.clone().chain_update(self.rows()));
        with_rows.clone().chain_update(arrays.to_bytes()).finalize().to_vec()
    }

    /// A hash of what the fit sees of the table.
    fn rows(&self) -> [u8; 32] {
        if let Ok(guarded) = self.train.private() {
            return guarded.mark();
        }
        let mut hash = Sha256::new();
        for column in self.train.encoded().columns() {
            match column {
                Coded::Levels(codes) => codes.iter().for_each(|code| hash.update(code.to_le_bytes())),
                Coded::Value(numbers) => numbers.iter().for_each(|number| hash.update(number.to_le_bytes())),
            }
            hash.update([0]);
        }
        hash.finalize().into()
    }
}
