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
