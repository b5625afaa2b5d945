//! Delivered tables as Parquet: marked as synthetic, without the columns that are to be absent.

use crate::parquet::write_table;
use std::path::Path;
use std::sync::Arc;
use synthfleet_proto::Result;
use synthfleet_proto::metadata::{Metadata, Role};
use synthfleet_table::{Bits, Column, Table};

/// Where a delivered table comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// Synthesizer that made it.
    pub method: String,
    /// Seed of the job.
    pub seed: u64,
}

/// Writes a delivered table: key-values `synthfleet.synthetic`, `synthfleet.method`, `synthfleet.seed`.
pub fn write_parquet(path: &Path, table: &Table, provenance: &Provenance) -> Result<()> {
    let extra = [
        ("synthfleet.synthetic".to_owned(), "true".to_owned()),
        ("synthfleet.method".to_owned(), provenance.method.clone()),
        ("synthfleet.seed".to_owned(), provenance.seed.to_string()),
    ];
    write_table(path, &delivered(table)?, &extra)
}

/// The table without dropped columns and with emptied ones.
fn delivered(table: &Table) -> Result<Table> {
    let shown = || table.described().filter(|(meta, _)| meta.role != Role::Drop);
    let metadata = Metadata { columns: shown().map(|(meta, _)| meta.clone()).collect(), ..(**table.metadata()).clone() };
    let emptied = |column: &Column| Column::new(column.values().clone(), Some(Bits::collect((0..table.rows()).map(|_| true))));
    let columns = shown().map(|(meta, column)| if meta.role == Role::Null { emptied(column) } else { Ok(column.clone()) });
    Table::new(Arc::new(metadata), table.rows(), columns.collect::<Result<Vec<_>>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parquet::read_table;
    use synthfleet_proto::metadata::{ColumnMeta, Kind};
    use synthfleet_table::Values;

    #[test]
    fn dropped_columns_are_absent_and_emptied_ones_missing() {
        let mut metas =
            vec![ColumnMeta::plain("a", Kind::Continuous), ColumnMeta::plain("b", Kind::Continuous), ColumnMeta::plain("c", Kind::Text)];
        (metas[1].role, metas[2].role) = (Role::Null, Role::Drop);
        let columns = vec![
            Column::new(Values::Real([1.0].into()), None).expect("legal"),
            Column::new(Values::Real([2.0].into()), None).expect("legal"),
            Column::new(Values::Text(["secret"].into_iter().collect()), None).expect("legal"),
        ];
        let table = Table::new(Arc::new(Metadata::plain("t", metas)), 1, columns).expect("legal");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("t.parquet");
        write_parquet(&path, &table, &Provenance { method: "seqtree".into(), seed: 7 }).expect("writes");
        let back = read_table(&path, table.metadata()).expect("own file");
        assert_eq!((back.column(0).is_missing(0), back.column(1).is_missing(0), back.column(2).is_missing(0)), (false, true, true));
        let bytes = std::fs::read(&path).expect("there");
        assert!(!bytes.windows(6).any(|window| window == b"secret"));
        assert!(bytes.windows(20).any(|window| window == b"synthfleet.synthetic"));
    }
}
