//! The web app in a real browser, against the real binary. Each test has a server of its own; what the browser does is
//! in the Python files beside, pictures of every page are left in the target folder.

#[path = "../support/mod.rs"]
mod support;

mod large;

use std::path::{Path, PathBuf};
use std::process::Command;
use support::fleet::Role;
use support::{Desk, Ended};

/// Runs a scenario against a server for whoever reaches its port.
fn run(scenario: &str) {
    scene(scenario, "off", |_| {});
}

/// `prepare` may lay something into the folder that is the store, before anybody serves it.
fn scene(scenario: &str, auth: &str, prepare: impl FnOnce(&Path)) {
    let desk = Desk::new();
    prepare(&desk.path("store"));
    let store = format!("file://{}", desk.path("store").display());
    let token = (auth == "tokens").then(|| token(&desk, &store));
    let mut command = desk.command(&["serve", "--listen", "127.0.0.1:0", "--isolate", "pool", "--store", &store]);
    command.env("SYNTHFLEET_SERVE_AUTH", auth).env("SYNTHFLEET_WORKER_SLOTS", "2");
    let serving = Role::start(command, desk.path("serve.log"));
    let base = format!("http://127.0.0.1:{}", serving.port("api"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/web/run.py");
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("web");
    let mut browser = Command::new(python());
    browser.arg(script).args([scenario, &base]).arg(pictures).args(token);
    let ended = Ended::of(&browser.output().expect("Python starts"));
    assert_eq!(ended.code, 0, "{}\n{}\nthe server said:\n{}", ended.stdout, ended.stderr, serving.said());
    // figures of a scenario that measures
    eprint!("{}", ended.stdout);
}

/// The first token of a store, with every right.
fn token(desk: &Desk, store: &str) -> String {
    let arguments = ["token", "new", "--scope", "submit,read,read_real,admin", "--every-tenant", "--note", "web", "--store", store];
    desk.run(&arguments).must_end(0).stdout.trim().to_owned()
}

/// The Python of the environment that the setup makes.
fn python() -> PathBuf {
    let home = std::env::home_dir().expect("a home");
    let python = home.join(".cache/synthfleet/browser/bin/python");
    assert!(python.exists(), "there is no browser driver at {}: run `cargo xtask test --setup`", python.display());
    python
}

#[test]
fn six_steps_lead_from_a_file_to_its_synthetic_table() {
    run("flow");
}

#[test]
fn every_page_is_accessible_in_both_themes_and_fits_a_telephone() {
    run("pages");
}

#[test]
fn every_page_loads_is_empty_and_fails_in_words() {
    run("states");
}

#[test]
fn hostile_headers_and_cells_are_shown_as_they_are() {
    run("hostile");
}

#[test]
fn a_running_job_is_shown_live_and_steered() {
    run("live");
}

#[test]
fn a_copy_that_failed_is_told_and_asked_for_again() {
    run("copied");
}

#[test]
fn everything_goes_without_a_mouse() {
    run("keyboard");
}

#[test]
fn sliders_rank_by_the_rule_of_the_verdict() {
    run("rule");
}

#[test]
fn a_token_is_asked_for_and_kept_nowhere() {
    scene("tokens", "tokens", |_| {});
}

#[test]
fn ten_thousand_tasks_are_told_drawn_and_scrolled() {
    scene("large", "off", large::store);
}

#[test]
fn ten_thousand_tasks_that_run_are_followed_without_a_stop() {
    run("large_live");
}

#[test]
fn the_hostile_set_ends_beside_its_step() {
    run("intake");
}
