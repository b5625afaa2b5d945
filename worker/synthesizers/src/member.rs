//! What a synthesizer is: the typed traits its author writes.

use crate::private::Guarded;
use std::sync::Arc;
use synthfleet_proto::about::{About, Cost, Shape};
use synthfleet_proto::options::{Checked, Options};
use synthfleet_proto::privacy::NoiseKey;
use synthfleet_proto::{Error, Result, Seed};
use synthfleet_table::encode::{Coded, Encoded, Encoder, PublicColumn};
use synthfleet_table::{Arrays, Budget, Table};

/// A synthesizer fits a model to a train table.
pub trait Synthesizer: Send + Sync + 'static {
    /// Its options.
    type Options: Options;
    /// What it fits.
    type Model: Model;
    /// What it says of itself.
    const ABOUT: About;

    /// What a fit and a sample of as many rows will cost, without a look at the data.
    fn estimate(shape: &Shape, options: &Checked<Self::Options>) -> Cost;

    /// Fits. Same train, options and seed give the same model on any number of threads.
    fn fit(train: &Train, options: &Checked<Self::Options>, seed: &Seed, budget: &Budget) -> Result<Self::Model>;
}

/// A fitted model gives samples.
pub trait Model: Send + Sync + Sized + 'static {
    /// All rows of one block as coded columns, `[columns][block.rows]`, in the encoder's order.
    fn sample_block(&self, block: Block, given: &Given, seed: &Seed, budget: &Budget) -> Result<Vec<Coded>>;

    /// Stores everything that [`Model::load`] needs.
    fn save(&self, arrays: &mut Arrays);

    /// Reads what `save` stored. The bytes are hostile until checked: every shape, every code.
    fn load(arrays: &Arrays, encoder: &Arc<Encoder>) -> Result<Self>;
}

/// What a fit may see of the train table.
pub struct Train {
    encoded: Encoded,
    guarded: Option<Guarded>,
}

impl Train {
    /// Wraps an encoded table.
    pub fn new(encoded: Encoded) -> Self {
        Self { encoded, guarded: None }
    }

    /// Hides a table from a private member.
    pub(crate) fn guarded(table: &Table, key: NoiseKey) -> Result<Self> {
        let nothing = vec![PublicColumn::Absent; table.width()];
        let encoder = Arc::new(Encoder::of_domain(Arc::clone(table.metadata()), &nothing, table)?);
        Ok(Self { encoded: Encoded::new(encoder, 0, Vec::new())?, guarded: Some(Guarded::new(table.clone(), key)) })
    }

    /// The protected, coded table. For a private member it has no row and no column.
    pub fn encoded(&self) -> &Encoded {
        &self.encoded
    }

    /// The rows behind the ledger, for members whose `ABOUT` says `private`; an error for all others.
    pub fn private(&self) -> Result<&Guarded> {
        self.guarded.as_ref().ok_or_else(|| Error::internal("privacy::not_private", "a member that is not private asks for guarded rows"))
    }
}

/// Rows of one sample block. Blocks are always made whole and cut afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Place of the block; its rows are `index * BLOCK_ROWS ..`.
    pub index: u64,
    /// Number of rows, always [`BLOCK_ROWS`].
    pub rows: usize,
}

/// Rows of a sample block.
pub const BLOCK_ROWS: usize = 4_096;

/// Conditions on a sample. Empty now; conditional sampling adds fixed columns here.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Given {}

impl Given {
    /// No condition.
    pub const NOTHING: Self = Self {};
}
