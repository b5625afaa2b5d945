//! What a private member is given of the train table: the rows behind the wrapper, what is public of them,
//! and the source of noise.

use super::account;
use super::key::NoiseSource;
use super::ledger::{Claim, Ledger, Private};
use std::sync::{Arc, OnceLock};
use synthfleet_proto::metadata::{ColumnMeta, DeclaredDomain};
use synthfleet_proto::privacy::{NoiseKey, Privacy};
use synthfleet_proto::{Error, Result};
use synthfleet_table::Table;
use synthfleet_table::encode::Encoder;

/// The train table of a private member.
pub struct Guarded {
    table: Private<Table>,
    rows: u64,
    source: NoiseSource,
    encoder: OnceLock<Arc<Encoder>>,
    bill: OnceLock<Privacy>,
}

impl Guarded {
    /// Hides a table.
    pub fn new(table: Table, key: NoiseKey) -> Self {
        let (rows, source) = (table.rows() as u64, NoiseSource::new(key, &table));
        Self { table: Private::new(table), rows, source, encoder: OnceLock::new(), bill: OnceLock::new() }
    }

    /// Number of rows: public under replace-one. Under add/remove-one only its order of magnitude is, which
    /// [`Guarded::delta`] uses.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The delta to be used: the one asked for, or 1/n^1.5 rounded down to a power of ten.
    pub fn delta(&self, asked: Option<f64>) -> Result<f64> {
        account::delta(asked, self.rows)
    }

    /// An empty bill.
    pub fn ledger(&self, claim: Claim) -> Ledger {
        Ledger::new(self.source.clone(), claim)
    }

    /// What only this table under this key has: it tells nothing to who does not know the key.
    pub(crate) fn mark(&self) -> [u8; 32] {
        self.source.mark()
    }

    /// The rows, for the mechanisms.
    pub fn table(&self) -> &Private<Table> {
        &self.table
    }

    /// Modelled columns whose range nobody declared: their places.
    pub fn undeclared_ranges(&self) -> Vec<usize> {
        self.undeclared(|meta| meta.kind.is_number_like())
    }

    /// Modelled columns whose labels nobody declared: their places.
    pub fn undeclared_labels(&self) -> Vec<usize> {
        self.undeclared(|meta| meta.kind.is_discrete())
    }

    /// Number of modelled columns: public.
    pub fn modelled(&self) -> usize {
        self.table.open().metadata().modelled().count()
    }

    fn undeclared(&self, is_wanted: impl Fn(&ColumnMeta) -> bool) -> Vec<usize> {
        let metadata = self.table.open().metadata();
        metadata.modelled().filter(|&place| declared(&metadata.columns[place]).is_none() && is_wanted(&metadata.columns[place])).collect()
    }

    /// Keeps the encoder that a measured or declared domain gave.
    pub(super) fn keep(&self, encoder: Arc<Encoder>) -> Result<()> {
        self.encoder.set(encoder).map_err(|_| Error::internal("privacy::domain", "a domain was measured twice"))
    }

    /// Hands in the bill: the last thing that a private fit does.
    pub fn close(&self, ledger: &Ledger) -> Result<()> {
        self.bill.set(ledger.close()).map_err(|_| Error::internal("privacy::bill", "two bills for one fit"))
    }

    /// What the fit left: encoder and bill.
    pub(crate) fn left(&self) -> Result<(Arc<Encoder>, Privacy)> {
        match (self.encoder.get(), self.bill.get()) {
            (Some(encoder), Some(bill)) => Ok((Arc::clone(encoder), bill.clone())),
            _ => Err(Error::internal("privacy::bill", "a private fit left no domain or no bill")),
        }
    }
}

/// The declared domain of a column, if it says what its kind needs.
pub(super) fn declared(meta: &ColumnMeta) -> Option<&DeclaredDomain> {
    let domain = meta.declared.as_ref()?;
    let is_enough = if meta.kind.is_number_like() { domain.range.is_some() } else { !domain.levels.is_empty() };
    is_enough.then_some(domain)
}
