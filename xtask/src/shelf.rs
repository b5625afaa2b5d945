//! The three shelves of checks. Each step prints its name, its time and, on failure, its remedy.

use crate::install::{self, Package, run};
use crate::{Outcome, deployment, law, tidy};
use std::path::PathBuf;
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
    // a tool that is missing is a failure here: what nobody looked at has not passed
    step("deployment", || deployment::run(&["--ci"]))?;
    step("build", || cargo(&["build", "--release", "--workspace", "--locked"]))?;
    step("tests", run_tests)
}

/// What tests and builds need of the machine.
pub fn setup() -> Outcome {
    step("setup", install)
}

/// What is too long for every change: statistics over many seeds, the outside judge, the deployment on real processes.
pub fn long() -> Outcome {
    step("setup", install)?;
    step("long tests", || cargo(&["nextest", "run", "--release", "--workspace", "--locked", "--run-ignored", "only"]))?;
    step("outside judge", || run("bash", &["xtask/judge.sh"]))?;
    step("build", || cargo(&["build", "--release", "--workspace", "--locked"]))?;
    step("image build", || cargo(&["build", "--profile", "image", "--package", "synthfleet", "--locked"]))?;
    deployment()
}

/// The image's file system and the compose file around the program that is built; the image around its own build, if
/// there is one.
pub fn deployment() -> Outcome {
    let target = target_folder()?;
    let program = target.join("release/synthfleet").display().to_string();
    let own = target.join("image/synthfleet");
    let packed = if own.is_file() { own.display().to_string() } else { program.clone() };
    let folder = target.join("try-fleet");
    // what an earlier run left
    let _ = std::fs::remove_dir_all(&folder);
    let (python, scrape) = (deployment::python()?.display().to_string(), folder.join("scrape").display().to_string());
    step("image", || run("bash", &["deploy/try/image.sh", &packed]))?;
    step("fleet", || run(&python, &["deploy/try/fleet.py", &program, &folder.display().to_string()]))?;
    step("scrape", || deployment::run(&["--scrape", &scrape]))
}

/// Where cargo puts what it builds.
fn target_folder() -> Result<PathBuf, String> {
    let told = Command::new("cargo").args(["metadata", "--no-deps", "--format-version", "1", "--locked"]).output();
    let told = told.map_err(|e| format!("cannot run cargo: {e}"))?;
    let facts: serde_json::Value = serde_json::from_slice(&told.stdout).map_err(|e| format!("cargo metadata: {e}"))?;
    facts["target_directory"].as_str().map(PathBuf::from).ok_or_else(|| "cargo metadata tells no target folder".to_owned())
}

/// The fleet beside Celery on one RabbitMQ node; `--quick` is a look whether it runs at all.
pub fn bench_fleet(arguments: &[&str]) -> Outcome {
    step("setup", || {
        install::packages(&[TOOLS, PEER_TOOLS].concat())?;
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
const TOOLS: &[Package] = &[
    // for the compression library
    ("/usr/bin/cc", &["gcc", "libc6-dev"]),
    // tests start private nodes of it
    ("/usr/lib/rabbitmq/bin/rabbitmq-server", &["rabbitmq-server"]),
    ("/usr/bin/flock", &["util-linux"]),
    // a network of its own, in which links are read
    ("/usr/sbin/ip", &["iproute2"]),
    // tests of the web app
    ("/usr/bin/chromium", &["chromium"]),
    // tests start a moto server in an environment of its own
    ("/usr/bin/python3", &["python3", "python3-venv"]),
];

/// What the comparison with Celery needs besides: a store of results that syncs.
const PEER_TOOLS: &[Package] = &[("/usr/bin/redis-server", &["redis-server"])];

fn install() -> Outcome {
    install::packages(TOOLS)?;
    install_environment("moto", "moto.server", &["moto[s3,sqs]==5.2.*", "flask<4", "flask-cors<7"])?;
    // makes requests from the description of the API
    install_environment("fuzz", "schemathesis", &["schemathesis==4.32.*"])?;
    // drives the browser above, judges how accessible its pages are, and reads reports as strictly as HTML allows
    let web = ["playwright==1.65.*", "axe-playwright-python==0.1.*", "html5lib==1.1"];
    install_environment("browser", "playwright, axe_playwright_python, html5lib", &web)?;
    deployment::setup()
}

/// The newest Celery: a comparison with an old one proves little.
fn install_celery() -> Outcome {
    install_environment("celery", "celery, redis", &["celery[redis]"])
}

/// A Python environment of the user's cache, unless it can import what it is for.
fn install_environment(name: &str, modules: &str, packages: &[&str]) -> Outcome {
    let folder = install::cache()?.join(name);
    if install::can_import(&folder, modules) { Ok(()) } else { install::python(&folder, packages) }
}

fn cargo(arguments: &[&str]) -> Outcome {
    run("cargo", arguments)
}

fn step(name: &str, work: impl FnOnce() -> Outcome) -> Outcome {
    eprintln!("== {name}");
    let start = Instant::now();
    let outcome = work();
    eprintln!("== {name}: {} after {:.1} s", if outcome.is_ok() { "ok" } else { "FAILED" }, start.elapsed().as_secs_f64());
    outcome
}
