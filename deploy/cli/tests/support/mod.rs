//! What end-to-end tests share: the binary, a folder of their own, small tables made by code.

#![allow(dead_code, reason = "each test binary uses its part of the shared helpers")]

pub mod fleet;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// What a command left behind.
pub struct Ended {
    /// Exit code; -1: killed by a signal.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ended {
    /// What a finished process left.
    pub fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self { code: output.status.code().unwrap_or(-1), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// Fails unless the command ended with `code`, showing what it said.
    pub fn must_end(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Fails unless the command ended with exit 0 or 4: a winner or an explained refusal.
    pub fn must_be_done(self) -> Self {
        assert!(matches!(self.code, 0 | 4), "exit {}\nstdout:\n{}\nstderr:\n{}", self.code, self.stdout, self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        self
    }

    /// Fails unless the command refused with this exit and error code, and told a remedy.
    pub fn must_refuse(self, exit: i32, code: &str) -> Self {
        assert!(self.stderr.contains(&format!("error[{code}]")), "expected {code}, exit {}\nstderr:\n{}", self.code, self.stderr);
        assert!(self.stderr.contains("help:"), "no remedy told\n{}", self.stderr);
        self.must_end(exit)
    }
}

/// What a process used up to the last look at it, some milliseconds before its end.
#[derive(Debug, Default, Clone, Copy)]
pub struct Used {
    /// Most memory it held at once, in bytes.
    pub peak_bytes: u64,
    /// Time on all cores together: unlike the clock's, it does not follow what else the machine does.
    pub cpu_seconds: f64,
}

impl Used {
    /// Looks at a process that lives.
    pub fn look(&mut self, process: impl std::fmt::Display) {
        let read = |name: &str| std::fs::read_to_string(format!("/proc/{process}/{name}")).unwrap_or_default();
        let status = read("status");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        self.peak_bytes = self.peak_bytes.max(peak.unwrap_or(0) << 10);
        let stat = read("stat");
        // after the name in parentheses; user and system time are fields 14 and 15, in hundredths
        let ticks = stat.rsplit(") ").next().unwrap_or_default().split(' ').skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
        self.cpu_seconds = self.cpu_seconds.max(ticks.sum::<f64>() / 100.0);
    }
}

/// A folder of one test, removed at its end, with the binary at hand.
pub struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    /// An empty folder.
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    /// A path below the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file.
    pub fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).expect("a writable temporary folder");
        path
    }

    /// The command, with work files inside the folder and nothing of the tester's environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.of_program(env!("CARGO_BIN_EXE_synthfleet"), arguments)
    }

    /// Another program in the same surroundings.
    pub fn of_program(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.folder.path()).env_clear();
        command.env("HOME", self.folder.path()).env("XDG_CACHE_HOME", self.path("cache")).env("PATH", "/usr/bin:/bin");
        command.env("RUST_BACKTRACE", "0").stdin(Stdio::null());
        command
    }

    /// The command as a user without rights, which root alone can become. The folder must let others in.
    pub fn command_of_nobody(&self, arguments: &[&str]) -> Command {
        // the build folder may be root's alone
        let (built, near) = (env!("CARGO_BIN_EXE_synthfleet"), self.path("synthfleet"));
        std::fs::hard_link(built, &near).or_else(|_| std::fs::copy(built, &near).map(drop)).expect("room for a copy");
        let own = ["--reuid=65534", "--regid=65534", "--clear-groups", "./synthfleet"];
        self.of_program("setpriv", &[&own[..], arguments].concat())
    }

    /// Runs the binary to its end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(&self.command(arguments).output().expect("the binary starts"))
    }

    /// Runs the binary to its end and tells what it used.
    pub fn run_measured(&self, arguments: &[&str]) -> (Ended, Used) {
        let place = |name: &str| std::fs::File::create(self.path(name)).expect("a writable temporary folder");
        let mut child =
            self.command(arguments).stdout(place("measured.out")).stderr(place("measured.err")).spawn().expect("the binary starts");
        let mut used = Used::default();
        let status = loop {
            used.look(child.id());
            if let Some(status) = child.try_wait().expect("a child of this process") {
                break status;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        };
        let text = |name: &str| String::from_utf8_lossy(&std::fs::read(self.path(name)).expect("written above")).into_owned();
        (Ended { code: status.code().unwrap_or(-1), stdout: text("measured.out"), stderr: text("measured.err") }, used)
    }

    /// Runs the binary with bytes on standard input.
    pub fn run_with_input(&self, arguments: &[&str], input: &[u8]) -> Ended {
        let mut child =
            self.command(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary starts");
        child.stdin.take().expect("piped").write_all(input).expect("the binary reads its input");
        Ended::of(&child.wait_with_output().expect("the binary ends"))
    }

    /// A file of the output folder `name`, as text.
    pub fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// A JSON file of the output folder.
    pub fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_str(&self.text(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// SHA-256 of each file of the identity set below an output folder, by path.
    pub fn identity_set(&self, output: &str) -> std::collections::BTreeMap<String, String> {
        let manifest = self.json(&format!("{output}/manifest.json"));
        let files = manifest["files"].as_array().expect("a list of files");
        let deterministic = files.iter().filter(|file| file["deterministic"] == true);
        let set: std::collections::BTreeMap<String, String> = deterministic
            .map(|file| (file["path"].as_str().expect("a path").to_owned(), file["sha256"].as_str().expect("a hash").to_owned()))
            .collect();
        assert!(set.keys().any(|path| path.starts_with("candidates/")) && set.contains_key("verdict.json"), "{set:?}");
        set
    }
}

/// The shared data folder: beside the repository, or where the variable says.
#[expect(clippy::disallowed_methods, reason = "tests find their data by a variable")]
pub fn shared(name: &str) -> PathBuf {
    let root =
        std::env::var("SYNTHFLEET_SHARED").map_or_else(|_| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let path = root.join(name);
    assert!(path.exists(), "{} is missing: set SYNTHFLEET_SHARED", path.display());
    path
}

/// Pseudo-random numbers for made tables: SplitMix64, so that tables are the same on every machine.
pub struct Dice(pub u64);

impl Dice {
    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// One of some texts.
    pub fn pick<'a>(&mut self, texts: &[&'a str]) -> &'a str {
        texts[self.below(texts.len() as u64) as usize]
    }

    /// A number on [0, 1).
    pub fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Whether some process that may be looked at holds a file open.
pub fn is_open(file: &Path) -> bool {
    let entries = |folder: PathBuf| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut held = entries("/proc".into()).flat_map(|process| entries(process.join("fd")));
    held.any(|link| std::fs::read_link(link).is_ok_and(|path| path == file))
}

/// A plain table with dependence: two numbers, two labels, a date and a target.
pub fn plain(rows: usize, seed: u64) -> String {
    let mut dice = Dice(seed);
    let mut text = String::from("age,income,region,day,member\n");
    for _ in 0..rows {
        let age = 18 + dice.below(60);
        let income = 900.0 + age as f64 * 31.0 + dice.share() * 800.0;
        let region = if dice.share() < 0.5 { "north" } else { dice.pick(&["south", "east", "west"]) };
        let member = if income + dice.share() * 900.0 > 2_900.0 { "yes" } else { "no" };
        text.push_str(&format!("{age},{income:.2},{region},2024-{:02}-{:02},{member}\n", 1 + dice.below(12), 1 + dice.below(28)));
    }
    text
}
