//! Fits a synthesizer and draws the scored sample.

use super::{MODEL, NOISE, PREVIEW, PRIVACY, SAMPLE, TRAIN, metadata, seeds, table, timed};
use crate::TaskFolder;
use synthfleet_intake::write::{Provenance, write_parquet, write_preview};
use synthfleet_proto::privacy::NoiseKey;
use synthfleet_proto::task::TaskFile;
use synthfleet_proto::{Error, Result, fact};
use synthfleet_synthesizers::{Given, Seeds, find};
use synthfleet_table::Budget;

pub fn perform(folder: &TaskFolder, task: &TaskFile, budget: &Budget) -> Result<()> {
    let member = find(&task.name)?;
    let metadata = metadata(folder)?;
    let train = table(folder, TRAIN, &metadata)?;
    let (own, shared) = seeds(task);
    let seeds = Seeds { task: own, shared, noise: noise(folder)? };
    budget.progress(0.02, "fit");
    let model = timed(budget, "fit_seconds", || member.fit_any(&train, &task.options, &seeds, budget))?;
    budget.progress(0.7, "sample");
    // a fit that was cut short left the best it had: that becomes a sample all the same
    let rest = budget.to_finish();
    let drawing = rest.as_ref().unwrap_or(budget);
    let sample = timed(budget, "sample_seconds", || model.sample(0..task.rows, &Given::NOTHING, drawing))?;
    rest.iter().flat_map(Budget::take_findings).for_each(|finding| budget.find(finding));
    budget.progress(0.9, "write");
    timed(budget, "write_seconds", || {
        let provenance = Provenance { method: task.name.clone(), seed: task.seed };
        write_parquet(&folder.made(SAMPLE), &sample, &provenance)?;
        write_preview(&folder.made(PREVIEW), &sample)?;
        folder.write(MODEL, &model.save()?)?;
        model.privacy().map_or(Ok(()), |privacy| folder.write(PRIVACY, &fact::encode_pretty(privacy)?))
    })
}

/// The job's noise key, if the task was given one.
fn noise(folder: &TaskFolder) -> Result<Option<NoiseKey>> {
    let path = folder.given(NOISE);
    match std::fs::read_to_string(&path) {
        Ok(text) => NoiseKey::parse(text.trim()).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io(path.display(), error)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::METADATA;
    use super::*;
    use serde_json::json;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use synthfleet_proto::ErrorKind;
    use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata};
    use synthfleet_table::budget::Listener;
    use synthfleet_table::{Arrays, Column, Table, Values};

    const ROWS: usize = 600;

    /// Time ends with the second forest; whether somebody wants what there is.
    struct Short {
        stop: Arc<AtomicBool>,
        wanted: bool,
    }

    impl Listener for Short {
        fn progress(&self, _: f64, _: &'static str) {}
        fn measure(&self, name: &'static str, step: u64, _: f64) {
            self.stop.fetch_or(name == "accuracy" && step >= 1, Ordering::Relaxed);
        }
        fn checkpoint(&self, _: u64, _: &Arrays) -> Result<()> {
            Ok(())
        }
        fn checkpoint_due(&self) -> bool {
            false
        }
        fn may_finish(&self) -> bool {
            self.wanted
        }
    }

    /// Two clusters: the first forest tells them from independent columns.
    fn clusters() -> Table {
        let metadata = Metadata::plain("t", ["a", "b"].map(|name| ColumnMeta::plain(name, Kind::Continuous)).to_vec());
        let column = |step: usize| {
            let cells = (0..ROWS).map(|row| (row % 2 * 100) as f64 + (row * step % 97) as f64 / 10.0);
            Column::new(Values::Real(cells.collect()), None).expect("legal")
        };
        Table::new(Arc::new(metadata), ROWS, vec![column(7), column(13)]).expect("legal")
    }

    /// What a task makes whose time ends while it learns.
    fn cut(wanted: bool) -> Result<u64> {
        let place = tempfile::tempdir().expect("a folder");
        let task = TaskFile {
            name: "arf".to_owned(),
            options: json!({}),
            seed: 0,
            shared_seed: 0,
            rows: ROWS as u64,
            ..crate::folder::tests::task()
        };
        let folder = TaskFolder::create(place.path(), &task).expect("made");
        let train = clusters();
        std::fs::write(folder.given(METADATA), fact::encode(&**train.metadata()).expect("small")).expect("written");
        synthfleet_intake::parquet::write_table(&folder.given(TRAIN), &train, &[]).expect("written");
        let stop = Arc::<AtomicBool>::default();
        let budget = Budget::new(1, 1 << 30, Arc::clone(&stop), Box::new(Short { stop, wanted }), None);
        perform(&folder, &task, &budget)?;
        assert!(budget.take_findings().iter().any(|finding| finding.code == "stopped_by_deadline"));
        synthfleet_intake::parquet::rows(&folder.made(SAMPLE))
    }

    #[test]
    fn what_a_member_has_when_its_time_ends_becomes_a_sample() {
        assert_eq!(cut(true).expect("a sample"), ROWS as u64);
    }

    #[test]
    fn a_task_that_nobody_wants_any_more_makes_nothing() {
        assert_eq!(cut(false).expect_err("stopped").kind(), ErrorKind::Stopped);
    }
}
