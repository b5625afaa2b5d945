//! The three shelves of checks. Each step prints its name, its time and, on failure, its remedy.

use crate::{Outcome, law, tidy};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// Formatting, law, tidiness, lints: all that needs no generated code.
pub fn validate() -> Outcome {
    step("format", || cargo(&["fmt", "--all", "--check"]))?;
    step("law", law::check)?;
    step("tidy", tidy::check)?;
    step("lints", || cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))
}

/// Everything that a change must pass.
pub fn test(setup: bool) -> Outcome {
    if setup {
        self::setup()?;
    }
    validate()?;
    step("build", || cargo(&["build", "--release", "--workspace", "--locked"]))?;
    step("tests", run_tests)
}

/// What tests and builds need of the machine.
pub fn setup() -> Outcome {
    step("setup", install)
}

/// What is too long for every change: statistics over many seeds, the outside judge.
pub fn long() -> Outcome {
    step("long tests", || cargo(&["nextest", "run", "--release", "--workspace", "--locked", "--run-ignored", "only"]))?;
    step("outside judge", || run("bash", &["xtask/judge.sh"]))
}

/// The fleet beside Celery on one RabbitMQ node; `--quick` is a look whether it runs at all.
pub fn bench_fleet(arguments: &[&str]) -> Outcome {
    step("setup", || {
        install_packages(&[TOOLS, PEER_TOOLS].concat())?;
        install_celery()
    })?;
    step("bench", || cargo(&[&["bench", "--workspace", "--locked", "--bench", "fleet", "--"], arguments].concat()))
}

/// nextest where it is installed, else the toolchain's own runner; both pass.
fn run_tests() -> Outcome {
    let has_nextest = Command::new("cargo").args(["nextest", "--version"]).output().is_ok_and(|o| o.status.success());
    if has_nextest {
        cargo(&["nextest", "run", "--release", "--workspace", "--locked", "--profile", "merge"])
    } else {
        cargo(&["test", "--release", "--workspace", "--locked"])
    }
}

/// What a fresh Debian machine lacks: a file that shows that it is there, and the packages that bring it.
const TOOLS: &[(&str, &[&str])] = &[
    // for the compression library
    ("/usr/bin/cc", &["gcc", "libc6-dev"]),
    // tests start private nodes of it
    ("/usr/lib/rabbitmq/bin/rabbitmq-server", &["rabbitmq-server"]),
    ("/usr/bin/flock", &["util-linux"]),
    // tests of the web app
    ("/usr/bin/chromium", &["chromium"]),
    // tests start a moto server in an environment of its own
    ("/usr/bin/python3", &["python3", "python3-venv"]),
];

/// What the comparison with Celery needs besides: a store of results that syncs.
const PEER_TOOLS: &[(&str, &[&str])] = &[("/usr/bin/redis-server", &["redis-server"])];

fn install() -> Outcome {
    install_packages(TOOLS)?;
    install_python("moto", "moto.server", &["moto[s3,sqs]==5.2.*", "flask<4", "flask-cors<7"])?;
    // makes requests from the description of the API
    install_python("fuzz", "schemathesis", &["schemathesis==4.32.*"])?;
    // drives the browser above, and judges how accessible its pages are
    install_python("browser", "playwright, axe_playwright_python", &["playwright==1.65.*", "axe-playwright-python==0.1.*"])
}

/// The newest Celery: a comparison with an old one proves little.
fn install_celery() -> Outcome {
    install_python("celery", "celery, redis", &["celery[redis]"])
}

fn install_packages(tools: &[(&str, &[&str])]) -> Outcome {
    let packages: Vec<&str> =
        tools.iter().filter(|(file, _)| !Path::new(file).exists()).flat_map(|(_, packages)| *packages).copied().collect();
    if packages.is_empty() {
        return Ok(());
    }
    if !Path::new("/usr/bin/apt-get").exists() {
        return Err(format!("missing, and there is no apt-get to install it: {}", packages.join(" ")));
    }
    run("apt-get", &["update"])?;
    run("apt-get", &[&["install", "-y", "--no-install-recommends"], packages.as_slice()].concat())
}

/// A Python environment of its own below the user's cache, unless it can import what it is for.
fn install_python(name: &str, modules: &str, packages: &[&str]) -> Outcome {
    let home = std::env::home_dir().ok_or("there is no home to keep Python environments in")?;
    let folder = home.join(".cache/synthfleet").join(name).display().to_string();
    let python = format!("{folder}/bin/python");
    if Command::new(&python).args(["-c", &format!("import {modules}")]).output().is_ok_and(|o| o.status.success()) {
        return Ok(());
    }
    // its name does not say that Debian keeps this part of Python in a package of its own
    if !Command::new("python3").args(["-c", "import ensurepip, venv"]).output().is_ok_and(|o| o.status.success()) {
        run("apt-get", &["update"])?;
        run("apt-get", &["install", "-y", "--no-install-recommends", "python3-venv"])?;
    }
    run("python3", &["-m", "venv", "--clear", &folder])?;
    run(&python, &[&["-m", "pip", "install", "--quiet"], packages].concat())
}

fn cargo(arguments: &[&str]) -> Outcome {
    run("cargo", arguments)
}

fn run(program: &str, arguments: &[&str]) -> Outcome {
    let status = Command::new(program).args(arguments).status().map_err(|e| format!("cannot run {program}: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("failed: {program} {}", arguments.join(" "))) }
}

fn step(name: &str, work: impl FnOnce() -> Outcome) -> Outcome {
    eprintln!("== {name}");
    let start = Instant::now();
    let outcome = work();
    eprintln!("== {name}: {} after {:.1} s", if outcome.is_ok() { "ok" } else { "FAILED" }, start.elapsed().as_secs_f64());
    outcome
}
