//! Decoded tables kept between the tasks of one process, by the content of their files. Bounded; a task
//! without a shelf reads its files and gets equal bytes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use synthfleet_proto::Result;
use synthfleet_proto::metadata::Metadata;
use synthfleet_table::{Table, Values};

/// Keeps descriptions and tables.
pub struct Shelf {
    bytes_max: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    descriptions: BTreeMap<String, Arc<Metadata>>,
    tables: BTreeMap<(String, String), Kept>,
    bytes: u64,
    clock: u64,
}

struct Kept {
    table: Table,
    bytes: u64,
    used: u64,
}

/// Descriptions are small; a job has one.
const DESCRIPTIONS_MAX: usize = 16;

impl Shelf {
    /// A shelf that keeps at most so many bytes of columns.
    pub fn new(bytes_max: u64) -> Self {
        Self { bytes_max, state: Mutex::default() }
    }

    /// The description in a file of this content, read once.
    pub fn description(&self, sha256: &str, read: impl FnOnce() -> Result<Metadata>) -> Result<Arc<Metadata>> {
        if let Some(known) = self.state().descriptions.get(sha256) {
            return Ok(Arc::clone(known));
        }
        let metadata = Arc::new(read()?);
        let mut state = self.state();
        if state.descriptions.len() >= DESCRIPTIONS_MAX {
            state.descriptions.pop_first();
        }
        Ok(Arc::clone(state.descriptions.entry(sha256.to_owned()).or_insert(metadata)))
    }

    /// The table in a file of this content, under a description of that content; read outside the lock, so
    /// two tasks may read the same table once each.
    pub fn table(&self, sha256: &str, description: &str, read: impl FnOnce() -> Result<Table>) -> Result<Table> {
        let key = (sha256.to_owned(), description.to_owned());
        {
            let mut state = self.state();
            state.clock += 1;
            let now = state.clock;
            if let Some(kept) = state.tables.get_mut(&key) {
                kept.used = now;
                return Ok(kept.table.clone());
            }
        }
        let table = read()?;
        self.keep(key, &table);
        Ok(table)
    }

    fn keep(&self, key: (String, String), table: &Table) {
        let bytes = size(table);
        if bytes > self.bytes_max / 2 {
            return;
        }
        let mut state = self.state();
        while state.bytes + bytes > self.bytes_max {
            let oldest = state.tables.iter().min_by_key(|(_, kept)| kept.used).map(|(key, _)| key.clone());
            let Some(gone) = oldest.and_then(|key| state.tables.remove(&key)) else { break };
            state.bytes -= gone.bytes;
        }
        let used = state.clock;
        if let Some(twin) = state.tables.insert(key, Kept { table: table.clone(), bytes, used }) {
            state.bytes -= twin.bytes;
        }
        state.bytes += bytes;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn size(table: &Table) -> u64 {
    let cell = |values: &Values| match values {
        Values::Real(_) | Values::Whole(_) => 8,
        Values::Code(_) => 4,
        Values::Text(_) => 40,
    };
    table.columns().iter().map(|column| cell(column.values()) * column.len() as u64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use synthfleet_proto::Error;
    use synthfleet_proto::metadata::{ColumnMeta, Kind};
    use synthfleet_table::Column;

    fn table(rows: usize) -> Table {
        let metadata = Arc::new(Metadata::plain("t", vec![ColumnMeta::plain("x", Kind::Continuous)]));
        let column = Column::new(Values::Real(vec![0.5; rows].into()), None).expect("finite");
        Table::new(metadata, rows, vec![column]).expect("fits")
    }

    fn never() -> Result<Table> {
        Err(Error::internal("test::read", "read again"))
    }

    #[test]
    fn a_table_is_read_once() {
        let shelf = Shelf::new(1 << 20);
        shelf.table("a", "m", || Ok(table(10))).expect("read");
        assert_eq!(shelf.table("a", "m", never).expect("kept").rows(), 10);
        assert!(shelf.table("a", "other", never).is_err(), "another description is another table");
    }

    #[test]
    fn the_least_used_table_makes_room() {
        let shelf = Shelf::new(8 * 250);
        for name in ["a", "b"] {
            shelf.table(name, "m", || Ok(table(100))).expect("read");
        }
        shelf.table("a", "m", never).expect("kept");
        shelf.table("c", "m", || Ok(table(100))).expect("read");
        assert!(shelf.table("a", "m", never).is_ok());
        assert!(shelf.table("b", "m", never).is_err(), "b was used least");
    }

    #[test]
    fn a_table_larger_than_half_the_shelf_is_not_kept() {
        let shelf = Shelf::new(8 * 100);
        shelf.table("a", "m", || Ok(table(60))).expect("read");
        assert!(shelf.table("a", "m", never).is_err());
    }
}
