//! Ctrl-C and the terminal: once judges what is finished and keeps it, twice ends at once; on a terminal a bar is
//! drawn, elsewhere lines are written.

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::{Desk, plain};

/// Exit code of an interrupted run.
const INTERRUPTED: Option<i32> = Some(130);

fn interrupt(child: &Child) {
    let sent = Command::new("/bin/kill").args(["-INT", &child.id().to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "the signal was not sent");
}

fn begin(desk: &Desk) -> (Child, BufReader<std::process::ChildStderr>) {
    let arguments = ["run", "t.csv", "--preset", "standard", "-o", "out"];
    let mut child = desk.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    let said = BufReader::new(child.stderr.take().expect("piped"));
    (child, said)
}

/// Reads on until a line holds `word`.
fn until(said: &mut impl BufRead, word: &str) {
    let mut line = String::new();
    while !line.contains(word) {
        line.clear();
        assert!(said.read_line(&mut line).expect("text") > 0, "the run ended before it said {word:?}");
    }
}

#[test]
fn one_interrupt_judges_what_is_finished_and_the_next_run_goes_on_from_it() {
    let desk = Desk::new();
    desk.file("t.csv", plain(6_000, 31));
    let (mut child, mut said) = begin(&desk);
    until(&mut said, "syn-seqtree-r0");
    interrupt(&child);
    let mut rest = String::new();
    said.read_to_string(&mut rest).expect("text");
    assert_eq!(child.wait().expect("ends").code(), INTERRUPTED, "{rest}");
    assert!(rest.contains("stopping"), "{rest}");
    let (manifest, verdict) = (desk.json("out/manifest.json"), desk.json("out/verdict.json"));
    assert_eq!((&manifest["partial"], &verdict["partial"]), (&true.into(), &true.into()));
    let ended = desk.run(&["run", "t.csv", "--preset", "standard", "-o", "out"]).must_be_done();
    assert!(ended.stderr.lines().any(|line| line.contains("syn-seqtree-r0") && line.contains("cached")), "{}", ended.stderr);
    assert_eq!(desk.json("out/verdict.json")["partial"], false);
    let other = Desk::new();
    other.file("t.csv", plain(6_000, 31));
    other.run(&["run", "t.csv", "--preset", "standard", "-o", "out"]).must_be_done();
    assert_eq!(desk.identity_set("out"), other.identity_set("out"), "the interrupt left a trace");
}

#[test]
fn two_interrupts_end_at_once_and_leave_no_finished_folder() {
    let desk = Desk::new();
    desk.file("t.csv", plain(60_000, 32));
    let (mut child, mut said) = begin(&desk);
    until(&mut said, "running");
    interrupt(&child);
    until(&mut said, "stopping");
    let second = Instant::now();
    interrupt(&child);
    assert_eq!(child.wait().expect("ends").code(), INTERRUPTED);
    assert!(second.elapsed() < Duration::from_secs(1), "{:?}", second.elapsed());
    assert!(!desk.path("out/manifest.json").exists());
}

#[test]
fn a_terminal_gets_a_bar_and_its_ctrl_c_is_heard() {
    let desk = Desk::new();
    desk.file("t.csv", plain(60_000, 33));
    let command = format!("{} run t.csv --preset standard -o out", env!("CARGO_BIN_EXE_synthfleet"));
    // util-linux's `script` gives its command a terminal of its own, and types what comes on its input
    let mut child = desk
        .of_program("script", &["--quiet", "--return", "--flush", "--command", &command, "/dev/null"])
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("script starts");
    let mut shown = BufReader::new(child.stdout.take().expect("piped"));
    let mut text = Vec::new();
    let has = |text: &[u8], word: &str| text.windows(word.len()).any(|part| part == word.as_bytes());
    while !(has(&text, "▱") && has(&text, "✓ syn-seqtree-r0")) {
        let mut piece = [0; 256];
        let read = shown.read(&mut piece).expect("bytes");
        assert!(read > 0, "no bar was drawn, or nothing was done: {}", String::from_utf8_lossy(&text));
        text.extend(&piece[..read]);
    }
    let mut keys = child.stdin.take().expect("piped");
    keys.write_all(b"\x03").expect("typed");
    shown.read_to_end(&mut text).expect("bytes");
    let text = String::from_utf8_lossy(&text);
    assert_eq!(child.wait().expect("ends").code(), INTERRUPTED, "{text}");
    assert!(text.contains("stopping"), "{text}");
    assert!(desk.path("out/manifest.json").exists(), "what was finished was not kept: {text}");
}

#[test]
fn without_a_terminal_there_are_lines_and_no_escapes() {
    let desk = Desk::new();
    desk.file("t.csv", plain(500, 34));
    let ended = desk.run(&["run", "t.csv", "--preset", "quick", "-o", "out"]).must_be_done();
    assert!(ended.stderr.contains("  read     t   ") && ended.stderr.contains("comma, header, utf-8"), "{}", ended.stderr);
    assert!(ended.stderr.contains("400 train / 100 holdout   seed 0"), "{}", ended.stderr);
    assert!(!ended.stderr.contains(['\u{1b}', '\r', '▰']), "{}", ended.stderr);
    let table = ended.stdout.lines().take_while(|line| !line.starts_with("  winner") && !line.starts_with("  no release"));
    let longest = table.map(|line| line.trim_end().chars().count()).max();
    assert!(longest.is_some_and(|longest| longest <= 80), "a number is lost on a terminal of 80 columns\n{}", ended.stdout);
    assert!(ended.stdout.contains("  wrote    out/{synthetic.csv, results.csv, metadata.json, report.html, card.md}"), "{}", ended.stdout);
}

/// Kills the first child process whose folder names `task`, as a crash would.
fn kill_child(run: &mut Child, task: &str) {
    let start = Instant::now();
    loop {
        let pids = std::fs::read_dir("/proc").expect("a process table").filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let of_run = |pid: &String| {
            let read = |name: &str| std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
            let stat = String::from_utf8_lossy(&read("stat")).into_owned();
            let parent = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1)).and_then(|parent| parent.parse::<u32>().ok());
            parent == Some(run.id()) && String::from_utf8_lossy(&read("cmdline")).contains(task)
        };
        if let Some(pid) = pids.filter(|name| name.starts_with(|c: char| c.is_ascii_digit())).find(of_run) {
            let sent = Command::new("/bin/kill").args(["-KILL", &pid]).status();
            return assert!(sent.is_ok_and(|status| status.success()), "the signal was not sent");
        }
        assert!(run.try_wait().expect("a child of this process").is_none(), "the run ended before {task} began");
        assert!(start.elapsed() < Duration::from_secs(120), "no child for {task}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A run of child processes with one attempt for each task, one of which is killed.
fn killed_at(desk: &Desk, task: &str) -> support::Ended {
    let table = desk.file("t.csv", plain(6_000, 33));
    let job = serde_json::json!({
        "source": table, "synthesizers": ["seqtree", "clbn"], "benchmarks": ["diagnostic", "accuracy", "detection", "distances"],
        "repeats": 1, "budget": { "attempts": 1 },
    });
    desk.file("job.json", job.to_string());
    let arguments = ["run", "--job", "job.json", "--isolate", "child", "--no-cache", "-o", "out"];
    let mut run = desk.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    kill_child(&mut run, task);
    support::Ended::of(&run.wait_with_output().expect("ends"))
}

#[test]
fn known_error_19_what_is_killed_is_a_row_with_phase_seconds_and_reason() {
    for (task, phase) in [("syn-seqtree-r0", "fit"), ("ben-seqtree-r0-detection", "benchmark:detection")] {
        let desk = Desk::new();
        killed_at(&desk, task).must_be_done();
        let results = desk.json("out/results.json");
        let rows = results["candidates"].as_array().expect("candidates");
        let row = |name: &str| rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no {name}"));
        let failed = &row("seqtree")["repeats"][0]["error"];
        assert_eq!((&failed["phase"], &failed["error"]["code"]), (&phase.into(), &"task::crash".into()), "{failed}");
        assert!(failed["seconds"].as_f64().is_some_and(|seconds| seconds >= 0.0), "{failed}");
        assert!(failed["error"]["message"].as_str().is_some_and(|reason| !reason.is_empty()), "{failed}");
        assert!(row("clbn")["repeats"][0]["error"].is_null(), "the other candidate goes on");
        let verdict = desk.json("out/verdict.json");
        let seqtree = verdict["ranking"].as_array().and_then(|rows| rows.iter().find(|row| row["candidate"] == "seqtree")).expect("a row");
        // a lost part of the score counts next to nothing; only a lost sample or a lost gate shuts out
        assert_eq!((&seqtree["eligible"], &seqtree["failures"][0]["phase"]), (&(phase != "fit").into(), &phase.into()), "{seqtree}");
    }
}

#[test]
fn known_error_19_a_killed_profile_ends_the_job_with_its_reason() {
    let desk = Desk::new();
    let ended = killed_at(&desk, "profile");
    assert!(ended.stderr.contains("error[task::crash]"), "{}", ended.stderr);
    assert!(!desk.path("out/manifest.json").exists());
}
