//! Where noise comes from: a secret key of the job, and what is asked.
//!
//! **Definition.** Stream of a measurement = ChaCha20 keyed by `SHA-256(noise key ‖ measurement id)`; the id
//! names table, domain, question and width of the noise. So a retried or doubled task repeats the *same*
//! noise and spends nothing again, and who knows the job's seed knows nothing of the noise.
//! The table enters by a hash that does not depend on the order of its rows.

use super::noise::Noise;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use synthfleet_proto::id;
use synthfleet_proto::privacy::NoiseKey;
use synthfleet_table::{Table, Values};

/// The noise of one table under one key.
#[derive(Clone)]
pub struct NoiseSource {
    key: NoiseKey,
    /// Digest of the table, later of table and domain.
    context: String,
}

impl NoiseSource {
    /// The noise of a table.
    pub fn new(key: NoiseKey, table: &Table) -> Self {
        Self { key, context: id::hex(&hash_of(table)) }
    }

    /// The noise of questions that are asked in a domain: the same question in another domain is another one.
    pub(super) fn bind(&mut self, domain: &[u8]) {
        let digest = Sha256::new().chain_update(self.context.as_bytes()).chain_update(domain).finalize();
        self.context = id::hex(&digest);
    }

    /// The stream of a question. Equal questions give equal streams.
    pub(super) fn stream(&self, question: &str) -> Noise {
        Noise::of_key(self.digest(b"synthfleet/noise/v1\0", question))
    }

    /// What only this table and domain under this key has.
    pub(super) fn mark(&self) -> [u8; 32] {
        self.digest(b"synthfleet/mark/v1\0", "")
    }

    fn digest(&self, sort: &[u8], question: &str) -> [u8; 32] {
        Sha256::new()
            .chain_update(self.key.bytes())
            .chain_update(sort)
            .chain_update(self.context.as_bytes())
            .chain_update(b"\0")
            .chain_update(question.as_bytes())
            .finalize()
            .into()
    }
}

/// SHA-256 of the sorted SHA-256 of the rows. A label enters by its text, not by its place in a list.
fn hash_of(table: &Table) -> [u8; 32] {
    let digest = |row: usize| -> [u8; 32] {
        let mut hash = Sha256::new();
        for (meta, column) in table.described() {
            if column.is_missing(row) {
                hash.update([0]);
                continue;
            }
            hash.update([1]);
            match column.values() {
                Values::Real(cells) => hash.update(cells[row].to_le_bytes()),
                Values::Whole(cells) => hash.update(cells[row].to_le_bytes()),
                Values::Code(cells) => text(&mut hash, meta.levels.get(cells[row] as usize).map_or("", String::as_str)),
                Values::Text(cells) => text(&mut hash, cells.get(row)),
            }
        }
        hash.finalize().into()
    };
    let mut digests: Vec<[u8; 32]> = (0..table.rows()).into_par_iter().map(digest).collect();
    digests.par_sort_unstable();
    let mut all = Sha256::new();
    for (meta, _) in table.described() {
        text(&mut all, &meta.name);
    }
    digests.iter().for_each(|digest| all.update(digest));
    all.finalize().into()
}

fn text(hash: &mut Sha256, text: &str) {
    hash.update((text.len() as u64).to_le_bytes());
    hash.update(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::tables;

    fn first(source: &NoiseSource, question: &str) -> u128 {
        source.stream(question).below(u128::MAX)
    }

    #[test]
    fn noise_hangs_on_key_table_domain_and_question() {
        let (table, other) = (tables::plain(50), tables::plain(51));
        let (key, another) = (NoiseKey::new([1; 32]), NoiseKey::new([2; 32]));
        let source = NoiseSource::new(key.clone(), &table);
        let mut bound = source.clone();
        bound.bind(b"domain");
        let drawn = [
            first(&source, "a"),
            first(&source, "b"),
            first(&bound, "a"),
            first(&NoiseSource::new(another, &table), "a"),
            first(&NoiseSource::new(key.clone(), &other), "a"),
        ];
        assert!((0..5).all(|i| (0..i).all(|j| drawn[i] != drawn[j])), "{drawn:?}");
        assert_eq!(first(&NoiseSource::new(key, &table), "a"), drawn[0]);
    }

    #[test]
    fn the_order_of_rows_does_not_matter() {
        let table = tables::plain(50);
        let turned = table.take(&(0..50).rev().collect::<Vec<_>>());
        assert_eq!(hash_of(&table), hash_of(&turned));
        assert_ne!(hash_of(&table), hash_of(&table.head(49)));
    }
}
