//! `cargo xtask`: the checks of the workspace, cheapest first. Uses no room of the product, so that
//! law and tidiness are judged before anything else is compiled.

mod deployment;
mod install;
mod law;
mod notices;
mod shelf;
mod tidy;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask COMMAND
  test [--setup]   everything that a change must pass; --setup first installs what is missing
  setup            install what a fresh Debian machine lacks, and nothing else
  validate         formatting, law, tidiness and lints only
  law              who may depend on whom
  tidy             habits that a machine can check
  long             the long shelf: statistics over many seeds, the outside judge, the deployment on real processes
  try-deploy       of these the last alone, around the release build that is there: image, fleet, Prometheus
  notices FOLDER   bill of materials and licences of what the program is made of; --target TRIPLE
  bench-fleet      the fleet beside Celery on one RabbitMQ node; --quick: only whether it runs
  validate-deploy  image, compose, Kubernetes, alerts, dashboards, offline; --setup, --write, --ci, --scrape DIR
";

/// Why a check failed, ready to print.
type Outcome = Result<(), String>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["test"] => shelf::test(false),
        ["test", "--setup"] => shelf::test(true),
        ["setup"] => shelf::setup(),
        ["validate"] => shelf::validate(),
        ["law"] => law::check(),
        ["tidy"] => tidy::check(),
        ["long"] => shelf::long(),
        ["try-deploy"] => shelf::deployment(),
        ["bench-fleet", ref arguments @ ..] => shelf::bench_fleet(arguments),
        ["notices", ref arguments @ ..] => notices::write(arguments),
        ["validate-deploy", ref flags @ ..] => deployment::run(flags),
        _ => Err(USAGE.to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
