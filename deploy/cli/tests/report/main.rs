//! Reports of whole jobs of the real binary: read as a strict parser reads HTML, compared number by number with
//! results.json, and opened in a browser that has no network. What is looked at is in the Python files beside; pictures
//! and prints are left in the target folder.

#[path = "../support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use support::{Desk, Dice, Ended, plain};

/// A job whose report is looked at: its name, its table, the flags that make it what it is, how it ends.
struct Case {
    name: &'static str,
    source: Source,
    flags: &'static [&'static str],
    code: i32,
}

enum Source {
    Plain(usize),
    Wide,
    Simulated(&'static str),
}

const WINNER: Case = Case { name: "winner", source: Source::Plain(1_500), flags: &["--preset", "quick"], code: 0 };
const NO_RELEASE: Case =
    Case { name: "no_release", source: Source::Plain(1_500), flags: &["--preset", "quick", "--gate", "strict"], code: 4 };
/// Ten chains of trees take several times the three seconds and cannot be cut short, all others take a small part of them.
const FAILED: Case = Case {
    name: "failed_candidate",
    source: Source::Simulated("sim:alarm?rows=120000"),
    flags: &[
        "-s",
        "gaussian_copula",
        "seqtree",
        "--set",
        "seqtree.trees_per_column=10",
        "-b",
        "column_shapes",
        "--gate",
        "off",
        "--repeats",
        "1",
        "--task-time",
        "3s",
    ],
    code: 0,
};
const REGRESSION: Case =
    Case { name: "regression", source: Source::Plain(1_500), flags: &["--preset", "quick", "--target", "income"], code: 0 };
const NO_TARGET: Case =
    Case { name: "no_target", source: Source::Plain(1_500), flags: &["--preset", "quick", "--target", "none"], code: 0 };
const TEN_ROWS: Case = Case { name: "ten_rows", source: Source::Plain(10), flags: &["--preset", "quick"], code: 0 };
const WIDE: Case = Case { name: "two_thousand_columns", source: Source::Wide, flags: &["--preset", "quick"], code: 0 };

impl Case {
    /// Runs the job into a folder of its name.
    fn run(&self, desk: &Desk) {
        let source = match self.source {
            Source::Simulated(uri) => uri.to_owned(),
            Source::Plain(rows) => desk.file(&format!("{}.csv", self.name), plain(rows, 4)).display().to_string(),
            Source::Wide => desk.file("wide.csv", wide()).display().to_string(),
        };
        desk.run(&[&["run", &source, "-o", self.name], self.flags].concat()).must_end(self.code);
    }

    /// Runs the job and has its report compared with its results.
    fn told(&self) -> Desk {
        let desk = Desk::new();
        self.run(&desk);
        python(&desk, "check.py", &[&desk.path(self.name)]);
        desk
    }

    fn page(&self, desk: &Desk) -> String {
        desk.text(&format!("{}/report.html", self.name))
    }
}

/// 500 rows of 2,000 columns, every fourth of labels.
fn wide() -> String {
    let mut dice = Dice(14);
    let mut text = (0..2_000).map(|place| format!("c{place}")).collect::<Vec<_>>().join(",") + "\n";
    for _ in 0..500 {
        let base = dice.share();
        let cell = |place: u32| if place.is_multiple_of(4) { format!("l{}", dice.below(4)) } else { format!("{:.3}", base + dice.share()) };
        text.push_str(&((0..2_000).map(cell).collect::<Vec<_>>().join(",") + "\n"));
    }
    text
}

/// Runs a script of this folder in the environment that the setup makes.
fn python(desk: &Desk, script: &str, arguments: &[&Path]) -> String {
    let home = std::env::home_dir().expect("a home");
    let python = home.join(".cache/synthfleet/browser/bin/python");
    assert!(python.exists(), "there is no Python at {}: run `cargo xtask setup`", python.display());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/report").join(script);
    let mut command = Command::new(python);
    command.arg(path).args(arguments).current_dir(desk.path(""));
    let ended = Ended::of(&command.output().expect("Python starts")).must_end(0);
    ended.stdout
}

/// Opens reports in a browser.
fn opened(desk: &Desk, cases: &[Case]) {
    let out: PathBuf = Path::new(env!("CARGO_TARGET_TMPDIR")).join("reports");
    let folders: Vec<PathBuf> = cases.iter().map(|case| desk.path(case.name)).collect();
    let arguments: Vec<&Path> = std::iter::once(out.as_path()).chain(folders.iter().map(PathBuf::as_path)).collect();
    python(desk, "look.py", &arguments);
}

#[test]
fn the_report_of_a_winner_has_the_numbers_of_its_results() {
    let desk = WINNER.told();
    let winner = desk.json("winner/verdict.json")["winner"].as_str().expect("a winner").to_owned();
    assert!(WINNER.page(&desk).contains(&format!("<h1>{winner} wins with a score of ")));
}

#[test]
fn the_report_of_no_release_has_the_numbers_of_its_results_and_no_row() {
    let desk = NO_RELEASE.told();
    let page = NO_RELEASE.page(&desk);
    assert!(page.contains("No synthetic table is published.") && page.contains("Nearest: "), "no reason is shown");
    assert!(!desk.path("no_release/synthetic.csv").exists());
}

#[test]
fn the_report_of_a_failed_candidate_keeps_its_row_and_reason() {
    let desk = FAILED.told();
    let page = FAILED.page(&desk);
    assert!(page.contains("(task::timeout)"), "the failure is not told");
    assert!(page.contains("Published without a privacy gate."));
}

#[test]
fn the_report_of_a_regression_has_the_numbers_of_its_results() {
    let desk = REGRESSION.told();
    assert!(REGRESSION.page(&desk).contains("Models of <strong>income</strong>"), "models of the target are not shown");
}

#[test]
fn the_report_without_a_target_has_the_numbers_of_its_results() {
    let desk = NO_TARGET.told();
    assert_eq!(desk.json("no_target/results.json")["table"]["target"], serde_json::Value::Null);
}

#[test]
fn the_report_of_ten_rows_says_how_little_they_tell() {
    let desk = TEN_ROWS.told();
    let page = TEN_ROWS.page(&desk);
    assert!(page.contains("<strong>Tiny table.</strong> 10 rows are very few"), "no banner");
    assert!(page.contains("8 not assessed"), "gates that nobody could assess count as passed");
}

#[test]
fn in_a_browser_reports_open_without_a_network() {
    let desk = Desk::new();
    let cases = [WINNER, NO_RELEASE, FAILED, REGRESSION, NO_TARGET, TEN_ROWS];
    cases.iter().for_each(|case| case.run(&desk));
    opened(&desk, &cases);
}

#[test]
fn in_a_browser_a_report_of_two_thousand_columns_opens_and_has_the_numbers_of_its_results() {
    let desk = WIDE.told();
    opened(&desk, &[WIDE]);
}
