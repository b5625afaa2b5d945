//! The profile task on real tables: counts, kinds, and the same cells written back.

use std::path::{Path, PathBuf};
use synthfleet_intake::parquet::read_table;
use synthfleet_intake::{ProfileInput, Profiled, profile_task};
use synthfleet_proto::Seed;
use synthfleet_proto::job::JobSpec;
use synthfleet_proto::metadata::Kind;
use synthfleet_table::{Budget, Table};

fn shared(name: &str) -> PathBuf {
    let folder = std::env::vars().find(|(key, _)| key == "SYNTHFLEET_SHARED").map(|(_, value)| PathBuf::from(value));
    folder.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared")).join("data").join(name)
}

struct Run {
    folder: tempfile::TempDir,
    profiled: Profiled,
}

impl Run {
    fn of(job: JobSpec) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (out, scratch) = (folder.path().join("out"), folder.path().join("scratch"));
        std::fs::create_dir_all(&out).expect("a folder");
        std::fs::create_dir_all(&scratch).expect("a folder");
        let input = ProfileInput::new(job, Seed::shared(0));
        let profiled = profile_task(&input, &out, &scratch, &Budget::quiet(2)).expect("profiles");
        Self { folder, profiled }
    }

    fn on(path: &Path) -> Self {
        Self::of(JobSpec::of(&path.display().to_string()))
    }

    fn table(&self, name: &str) -> Table {
        let metadata = std::sync::Arc::new(self.profiled.metadata.clone());
        read_table(&self.folder.path().join("out").join(name), &metadata).expect("own file")
    }
}

#[test]
fn adult_is_profiled_as_a_person_would() {
    let began = std::time::Instant::now();
    let run = Run::on(&shared("adult.csv.gz"));
    println!("adult in {:?}", began.elapsed());
    let profile = &run.profiled.profile;
    assert_eq!((profile.table.rows, profile.split.train_rows, profile.split.holdout_rows), (48_842, 39_074, 9_768));
    let kinds: Vec<_> = profile.columns.iter().map(|column| (column.name.as_str(), column.kind)).collect();
    println!("{kinds:?}");
    assert_eq!((run.table("train.parquet").rows(), run.table("holdout.parquet").rows()), (39_074, 9_768));
    println!("{}", std::fs::read_to_string(run.folder.path().join("out/profile.json")).expect("there"));
}
