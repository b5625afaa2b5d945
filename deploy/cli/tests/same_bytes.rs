//! Same job, same seed, same bytes: on any number of threads, in threads or child processes, and after
//! a kill in the middle.

mod support;

use std::time::{Duration, Instant};
use support::{Desk, plain};

fn identity(more: &[&str]) -> std::collections::BTreeMap<String, String> {
    let desk = Desk::new();
    let file = desk.file("t.csv", plain(3_000, 77));
    let mut arguments = vec!["run", file.to_str().expect("utf-8"), "--preset", "quick", "-o", "out"];
    arguments.extend(more);
    desk.run(&arguments).must_be_done();
    desk.identity_set("out")
}

#[test]
fn a04_threads_and_executors_change_nothing() {
    let one = identity(&["--threads", "1"]);
    assert_eq!(identity(&["--threads", "2"]), one, "2 threads");
    assert_eq!(identity(&["--threads", "7"]), one, "7 threads");
    assert_eq!(identity(&["--isolate", "child"]), one, "child processes");
}

#[test]
fn another_seed_changes_the_sample() {
    assert_ne!(identity(&["--seed", "1"])["synthetic.csv"], identity(&["--seed", "2"])["synthetic.csv"]);
}

#[test]
fn a_killed_run_is_resumed_to_the_same_bytes() {
    let undisturbed = identity(&[]);
    for kill_after in [0.4, 1.2] {
        let desk = Desk::new();
        let file = desk.file("t.csv", plain(3_000, 77));
        let arguments = ["run", file.to_str().expect("utf-8"), "--preset", "quick", "-o", "out", "--resume"];
        let mut child = desk
            .command(&arguments)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("the binary starts");
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs_f64(kill_after) {
            std::thread::sleep(Duration::from_millis(10));
        }
        child.kill().expect("SIGKILL is sent");
        child.wait().expect("the child is reaped");
        assert!(!desk.path("out/manifest.json").exists() || kill_after > 1.0, "finished before the kill");
        let ended = desk.run(&arguments).must_be_done();
        assert!(ended.stderr.contains("  read     t   "), "the second run does not tell what it is about: {}", ended.stderr);
        assert!(kill_after < 1.0 || ended.stderr.contains(" cached"), "finished work is not told: {}", ended.stderr);
        assert_eq!(desk.identity_set("out"), undisturbed, "killed after {kill_after} s");
    }
}

#[test]
fn known_error_20_kept_work_is_told_and_follows_contents_and_options() {
    let desk = Desk::new();
    desk.file("t.csv", plain(400, 5));
    let kept = |output: &str, more: &[&str]| -> Vec<bool> {
        let arguments = ["run", "t.csv", "-s", "clbn", "-b", "column_shapes", "--repeats", "1", "-o", output];
        desk.run(&[arguments.as_slice(), more].concat()).must_be_done();
        let text = desk.text(&format!("{output}/results.csv"));
        let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let place = lines.next().and_then(|header| header.iter().position(|name| *name == "From_Cache")).expect("a column");
        lines.filter(|cells| cells[0] == "clbn").map(|cells| cells[cells.len() - (header_width(&text) - place)] == "true").collect()
    };
    assert_eq!(kept("first", &[]), [false]);
    assert_eq!(kept("again", &[]), [true], "equal work is taken over, and that is told");
    assert_eq!(kept("options", &["--set", "clbn.bins=7"]), [false], "another option is other work");
    desk.file("t.csv", plain(400, 6));
    assert_eq!(kept("contents", &[]), [false], "other contents are other work, whatever the file's name");
}

fn header_width(text: &str) -> usize {
    text.lines().next().map_or(0, |line| line.split(',').count())
}
