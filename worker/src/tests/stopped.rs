//! Real fits that are told to stop, on a thread and in a process: what they leave, and how a later attempt goes on.

use crate::TaskFolder;
use crate::execute::{Child, ChildOptions, Executor, Limits, Link, Pool, Told, run_task};
use crate::perform::{METADATA, MODEL, SAMPLE, TRAIN};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use synthfleet_proto::attempts::{Ended, StopCause};
use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata};
use synthfleet_proto::task::TaskFile;
use synthfleet_proto::{fact, id};
use synthfleet_table::{Column, Table, Values};
use tokio::sync::{mpsc, watch};

const ROWS: usize = 6_000;

/// This very program is the task process of these tests: it does what `synthfleet task` does if it is given a folder.
#[test]
#[expect(clippy::disallowed_methods, reason = "a task process reads where it works and ends with the code of its task")]
fn as_a_task_process() {
    if let Ok(folder) = std::env::var("SYNTHFLEET_TASK_DIR") {
        std::process::exit(run_task(Path::new(&folder)).into());
    }
}

fn processes() -> Child {
    let arguments = ["tests::stopped::as_a_task_process", "--exact", "--nocapture"].map(str::to_owned).to_vec();
    Child::new(ChildOptions { program: std::env::current_exe().expect("known"), arguments })
}

fn threads() -> Pool {
    Pool::new(0)
}

/// Four columns that hang together.
fn table() -> Table {
    let metadata = Metadata::plain("t", ["a", "b", "c", "d"].map(|name| ColumnMeta::plain(name, Kind::Continuous)).to_vec());
    let column = |step: usize| {
        let cells = (0..ROWS).map(|row| (row % 5 * 100) as f64 + (row * step % 977) as f64 / 10.0);
        Column::new(Values::Real(cells.collect()), None).expect("legal")
    };
    Table::new(Arc::new(metadata), ROWS, [7, 13, 31, 57].map(column).to_vec()).expect("legal")
}

fn task(name: &str, options: Value) -> TaskFile {
    TaskFile {
        name: name.to_owned(),
        options,
        rows: ROWS as u64,
        seconds: 600.0,
        memory_bytes: 4 << 30,
        checkpoint: true,
        ..crate::folder::tests::task()
    }
}

/// A fit of some seconds, whose measures come with every epoch: a process tells few of them a second.
fn latent_tree() -> TaskFile {
    task("latent_tree", json!({"states": 8, "epochs_max": 1_000, "patience": 1_000, "batch": 64}))
}

fn folder(place: &Path, task: &TaskFile) -> TaskFolder {
    let folder = TaskFolder::create(place, task).expect("made");
    let train = table();
    std::fs::write(folder.given(METADATA), fact::encode(&**train.metadata()).expect("small")).expect("written");
    synthfleet_intake::parquet::write_table(&folder.given(TRAIN), &train, &[]).expect("written");
    folder
}

/// Runs a folder and says stop as soon as it tells a measure; gives how it ended and the states that it left.
async fn run(executor: &dyn Executor, folder: &TaskFolder, stop: Option<StopCause>) -> (Ended, Vec<String>) {
    let limits = Limits { memory_bytes: 4 << 30, scratch_bytes: 1 << 30, threads: 1, grace: Duration::from_secs(5) };
    let (told, mut heard) = mpsc::channel(4_096);
    let (sender, receiver) = watch::channel(None);
    let listening = async {
        let mut states = Vec::new();
        while let Some(said) = heard.recv().await {
            match said {
                Told::Measure { name, step, .. } if step > 0 && !name.ends_with(crate::SECONDS) => {
                    sender.send_replace(stop);
                }
                Told::Checkpoint { name, .. } => states.push(name),
                _ => {}
            }
        }
        states
    };
    let (execution, states) = tokio::join!(executor.execute(folder, &limits, Link { stop: receiver, told }), listening);
    (execution.ended, states)
}

fn model(folder: &TaskFolder) -> String {
    id::sha256_hex(&std::fs::read(folder.made(MODEL)).expect("made"))
}

async fn a_drained_fit_goes_on(executor: &dyn Executor) {
    let place = tempfile::tempdir().expect("a folder");
    let whole = folder(&place.path().join("whole"), &latent_tree());
    assert_eq!(run(&threads(), &whole, None).await, (Ended::Well, Vec::new()), "a short fit leaves no state");
    let first = folder(&place.path().join("first"), &latent_tree());
    let (ended, states) = run(executor, &first, Some(StopCause::Drain)).await;
    assert_eq!((ended, states.len()), (Ended::Stopped(StopCause::Drain), 1));
    assert!(!first.made(MODEL).exists(), "a drained worker commits nothing");
    let second = folder(&place.path().join("second"), &TaskFile { resume: Some("resume.bin".to_owned()), ..latent_tree() });
    std::fs::copy(first.path().join("ckpt").join(&states[0]), second.given("resume.bin")).expect("copied");
    let began = std::time::Instant::now();
    assert_eq!(run(executor, &second, None).await.0, Ended::Well);
    assert_eq!(model(&second), model(&whole), "after {:?}", began.elapsed());
}

#[tokio::test]
async fn a_fit_that_was_drained_from_a_thread_goes_on_with_equal_bytes() {
    a_drained_fit_goes_on(&threads()).await;
}

#[tokio::test]
async fn a_fit_that_was_drained_from_a_process_goes_on_with_equal_bytes() {
    a_drained_fit_goes_on(&processes()).await;
}

#[tokio::test]
async fn what_a_process_has_when_its_time_ends_becomes_a_sample() {
    let place = tempfile::tempdir().expect("a folder");
    let cut = folder(&place.path().join("cut"), &latent_tree());
    assert_eq!(run(&processes(), &cut, Some(StopCause::Timeout)).await.0, Ended::Well);
    let bytes = std::fs::read(cut.made(MODEL)).expect("made");
    let model = synthfleet_synthesizers::load_model(&bytes).expect("whole");
    assert!(model.findings().iter().any(|finding| finding.code == "stopped_by_deadline"), "{:?}", model.findings());
    assert_eq!(synthfleet_intake::parquet::rows(&cut.made(SAMPLE)).expect("read"), ROWS as u64);
}

#[tokio::test]
async fn a_process_whose_task_nobody_wants_makes_nothing() {
    let place = tempfile::tempdir().expect("a folder");
    let cancelled = folder(&place.path().join("cancelled"), &latent_tree());
    assert_eq!(run(&processes(), &cancelled, Some(StopCause::Cancel)).await.0, Ended::Stopped(StopCause::Cancel));
    assert!(!cancelled.made(MODEL).exists());
}
