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
        let arguments = ["run", "t.csv", "-s", "clbn", "--repeats", "1", "-o", output];
        desk.run(&[arguments.as_slice(), more].concat()).must_be_done();
        let text = desk.text(&format!("{output}/results.csv"));
        let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
        let place = lines.next().and_then(|header| header.iter().position(|name| *name == "From_Cache")).expect("a column");
        lines.filter(|cells| cells[0] == "clbn").map(|cells| cells[cells.len() - (header_width(&text) - place)] == "true").collect()
    };
    let (shapes, both) = (["-b", "column_shapes"], ["-b", "column_shapes", "diagnostic"]);
    assert_eq!(kept("first", &shapes), [false]);
    assert_eq!(kept("again", &both), [true], "another job takes over equal work, and that is told");
    assert_eq!(kept("options", &[&both[..], &["--set", "clbn.bins=7"]].concat()), [false], "another option is other work");
    desk.file("t.csv", plain(400, 6));
    assert_eq!(kept("contents", &shapes), [false], "other contents are other work, whatever the file's name");
}

fn header_width(text: &str) -> usize {
    text.lines().next().map_or(0, |line| line.split(',').count())
}

#[test]
fn a_private_run_repeats_under_its_key_and_shows_it_in_no_file() {
    let key = "5ac3".repeat(16);
    let run = |key: &str| {
        let desk = Desk::new();
        let file = desk.file("t.csv", plain(1_500, 77));
        let source = file.to_str().expect("utf-8");
        let flags = ["--preset", "dp", "--repeats", "1", "--epsilon", "8", "--noise-key", key, "-b", "column_shapes", "distances"];
        desk.run(&[&["run", source, "-o", "out"][..], &flags[..]].concat()).must_be_done();
        desk
    };
    let desk = run(&key);
    let raw: Vec<u8> = [0x5a, 0xc3].repeat(16);
    let mut folders = vec![desk.path("out")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).expect("a file");
            let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
            assert!(!holds(key.as_bytes()) && !holds(&raw), "{} shows the key", path.display());
        }
    }
    let results = desk.json("out/results.json");
    let candidates = results["candidates"].as_array().expect("candidates");
    let fitted = candidates.iter().find(|row| row["name"] == "privbn").expect("privbn");
    let privacy = &fitted["repeats"][0]["privacy"];
    assert_eq!((&privacy["epsilon"], &privacy["relation"]), (&8.0.into(), &"replace_one".into()), "{fitted}");
    assert!(privacy["ledger"].as_array().is_some_and(|entries| entries.len() > 4), "{privacy}");
    assert!(desk.text("out/card.md").contains("stand outside epsilon") || desk.json("out/verdict.json")["winner"] != "privbn");
    assert_eq!(run(&key).identity_set("out"), desk.identity_set("out"), "the same key");
    let other = run(&"17".repeat(32));
    let model = |desk: &Desk| std::fs::read(desk.path("out/candidates/privbn/model.bin")).expect("published");
    assert!(model(&other) != model(&desk), "another key, the same noise");
}

#[test]
fn a_release_of_what_is_guaranteed_holds_no_number_of_the_real_table() {
    let desk = Desk::new();
    let file = desk.file("t.csv", plain(1_500, 77));
    let job = desk.file("job.json", r#"{"release": "dp_only", "preset": "dp", "repeats": 1, "epsilon": 8, "gate": "off"}"#);
    let (source, job) = (file.to_str().expect("utf-8"), job.to_str().expect("utf-8"));
    desk.run(&["run", source, "--job", job, "-b", "column_shapes", "-o", "out"]).must_be_done();
    let manifest = desk.json("out/manifest.json");
    let listed = manifest["files"].as_array().expect("files").iter().map(|file| file["path"].as_str().expect("a path").to_owned());
    let files: std::collections::BTreeSet<String> = listed.collect();
    let of_candidate: Vec<String> = ["aim", "mst", "privbn"]
        .iter()
        .flat_map(|member| ["model.bin", "privacy.json", "sample.parquet"].map(|name| format!("candidates/{member}/{name}")))
        .collect();
    assert!(of_candidate.iter().all(|name| files.contains(name)), "{files:?}");
    assert!(files.iter().all(|name| of_candidate.contains(name) || name.starts_with("synthetic.")), "{files:?}");
    assert!(manifest.get("input_sha256").is_none(), "the hash of the input tells of a guessed table whether it is the real one");
}
