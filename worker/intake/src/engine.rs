//! DataFusion behind blocking calls: sorted columns and distinct counts of staged Parquet files, in
//! bounded memory with spilling. Only counts and sorted values are taken from it, since its parallel
//! sums and the order of its other outputs are not reproducible.

use crate::parquet::open;
use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::prelude::{DataFrame, Expr, SessionConfig, SessionContext, ident};
use futures::StreamExt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use synthfleet_proto::{Error, Result};

const BATCH_ROWS: usize = 8_192;

/// Queries over Parquet files of one schema.
pub(crate) struct Engine {
    scratch: PathBuf,
    memory_bytes: usize,
    threads: usize,
}

impl Engine {
    /// An engine that spills into `scratch` once it needs more than `memory_bytes`.
    pub(crate) fn new(scratch: &Path, memory_bytes: usize, threads: usize) -> Self {
        Self { scratch: scratch.to_owned(), memory_bytes, threads }
    }

    /// Gives the values of a column in rising order, missing cells last, batch by batch.
    pub(crate) fn sorted(&self, files: &[PathBuf], column: &str, mut each: impl FnMut(&ArrayRef) -> Result<()> + Send) -> Result<()> {
        self.run(async {
            let sorted = self.scan(files, &[column])?.sort(vec![ident(column).sort(true, false)]).map_err(failed)?;
            let mut batches = sorted.execute_stream().await.map_err(failed)?;
            while let Some(batch) = batches.next().await {
                each(batch.map_err(failed)?.column(0))?;
            }
            Ok(())
        })
    }

    /// How many distinct rows some columns have; missing cells are equal to each other.
    pub(crate) fn distinct(&self, files: &[PathBuf], columns: &[&str]) -> Result<u64> {
        self.run(async {
            let keys: Vec<Expr> = columns.iter().map(|column| ident(*column)).collect();
            let groups = self.scan(files, columns)?.aggregate(keys, Vec::new()).map_err(failed)?;
            Ok(groups.count().await.map_err(failed)? as u64)
        })
    }

    fn scan(&self, files: &[PathBuf], columns: &[&str]) -> Result<DataFrame> {
        let runtime = RuntimeEnvBuilder::new().with_memory_limit(self.memory_bytes, 1.0).with_temp_file_path(&self.scratch);
        let runtime = runtime.build_arc().map_err(failed)?;
        // what a sort keeps back for merging its spilled runs
        let kept_back = self.memory_bytes / self.threads / 4;
        let config = SessionConfig::new().with_target_partitions(self.threads).with_batch_size(BATCH_ROWS);
        let config = config.with_sort_spill_reservation_bytes(kept_back);
        let mut schema: Option<SchemaRef> = None;
        let mut parts: Vec<Arc<dyn PartitionStream>> = Vec::new();
        for file in files {
            let all = open(file, None)?;
            let places = columns.iter().map(|column| all.schema().index_of(column)).collect::<Result<Vec<_>, _>>();
            let places = places.map_err(|e| failed(e.into()))?;
            let part = Arc::new(all.schema().project(&places).map_err(|e| failed(e.into()))?);
            schema.get_or_insert_with(|| Arc::clone(&part));
            parts.push(Arc::new(Part { file: file.clone(), places, schema: part }));
        }
        let schema = schema.ok_or_else(|| Error::internal("engine::files", "no file to query"))?;
        let table = StreamingTable::try_new(schema, parts).map_err(failed)?;
        SessionContext::new_with_config_rt(config, runtime).read_table(Arc::new(table)).map_err(failed)
    }

    /// Runs a query on a thread and runtime of its own, so that callers may be anywhere.
    fn run<T: Send>(&self, query: impl Future<Output = Result<T>> + Send) -> Result<T> {
        let threads = self.threads;
        let on_runtime = move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).thread_name("engine").build();
            runtime.map_err(|e| Error::unavailable("engine::start", format!("cannot start threads: {e}")))?.block_on(query)
        };
        std::thread::scope(|scope| scope.spawn(on_runtime).join())
            .unwrap_or_else(|_| Err(Error::internal("engine::panicked", "a query panicked")))
    }
}

/// One file as a partition.
#[derive(Debug)]
struct Part {
    file: PathBuf,
    places: Vec<usize>,
    schema: SchemaRef,
}

impl PartitionStream for Part {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let outside = |error: Error| DataFusionError::External(Box::new(error));
        let batches: Box<dyn Iterator<Item = Result<RecordBatch, DataFusionError>> + Send> =
            match open(&self.file, None).and_then(|opened| opened.build_some(BATCH_ROWS, &self.places)) {
                Ok(reader) => Box::new(reader.map(|batch| batch.map_err(DataFusionError::from))),
                Err(error) => Box::new(std::iter::once(Err(outside(error)))),
            };
        let batches = futures::stream::iter(batches);
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches))
    }
}

fn failed(error: DataFusionError) -> Error {
    match error.find_root() {
        DataFusionError::ResourcesExhausted(_) => {
            Error::no_space("io::disk_full", "a query needs more room than memory and work folder have").help("--work-dir, --memory")
        }
        DataFusionError::IoError(io) if io.kind() == std::io::ErrorKind::StorageFull => {
            Error::no_space("io::disk_full", "no room left in the work folder").help("--work-dir")
        }
        _ => Error::internal("engine::failed", format!("a query failed: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parquet::write_table;
    use arrow::array::{Array, AsArray};
    use arrow::datatypes::Float64Type;
    use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata};
    use synthfleet_table::{Bits, Column, Table, Values};

    fn file(folder: &Path, name: &str, values: Vec<f64>) -> PathBuf {
        let path = folder.join(name);
        let missing = Bits::collect((0..values.len()).map(|row| row == 0));
        let rows = values.len();
        let column = Column::new(Values::Real(values.into()), Some(missing)).expect("legal");
        let metadata = Arc::new(Metadata::plain("t", vec![ColumnMeta::plain("Va lue", Kind::Continuous)]));
        write_table(&path, &Table::new(metadata, rows, vec![column]).expect("legal"), &[]).expect("writes");
        path
    }

    #[test]
    fn values_of_two_files_come_sorted_with_missing_last() {
        let folder = tempfile::tempdir().expect("a folder");
        let files = [file(folder.path(), "a", vec![0.0, 5.0, 1.0]), file(folder.path(), "b", vec![0.0, 3.0])];
        let mut seen = Vec::new();
        let engine = Engine::new(folder.path(), 1 << 24, 2);
        let keep = |array: &ArrayRef| {
            seen.extend(array.as_primitive::<Float64Type>().iter());
            Ok(())
        };
        engine.sorted(&files, "Va lue", keep).expect("sorts");
        assert_eq!(seen, [Some(1.0), Some(3.0), Some(5.0), None, None]);
        assert_eq!(engine.distinct(&files, &["Va lue"]).expect("counts"), 4);
    }

    #[test]
    fn a_sort_beyond_memory_spills() {
        let folder = tempfile::tempdir().expect("a folder");
        let rows = 2_000_000u64;
        let values = (0..rows).map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) as f64).collect();
        let files = [file(folder.path(), "a", values)];
        let (mut last, mut count) = (f64::MIN, 0);
        let check = |array: &ArrayRef| {
            for value in array.as_primitive::<Float64Type>().iter().flatten() {
                assert!(value >= last);
                last = value;
            }
            count += array.len() as u64;
            Ok(())
        };
        Engine::new(folder.path(), 12 << 20, 2).sorted(&files, "Va lue", check).expect("spills");
        assert_eq!(count, rows);
    }
}
