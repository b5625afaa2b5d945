//! `cargo xtask validate-deploy`: everything about the deployment that can be judged on one machine without a cluster and
//! without a network. A tool that is missing is told; with `--ci`, or where `CI` is set, that is a failure.

mod catalogue;
mod dashboards;
mod defects;
mod files;
mod jobs;
mod network;
mod panels;
mod pods;
mod prometheus;
mod render;
mod scaling;
mod schemas;
mod settings;
mod tools;

use crate::Outcome;
use render::Rendered;
use std::time::Instant;
use tools::Tools;

/// Counts of what a good run does not meet.
const EVENTS: [&str; 3] = ["synthfleet_dead_letters_total", "synthfleet_gate_failures_total", "synthfleet_store_errors_total"];
/// Families that are in a catalogue and that nothing sets on RabbitMQ unless its management API is named: no rule and no
/// panel may ask for them.
const UNSET: [&str; 1] = ["synthfleet_queue_unacked_messages"];

/// What a check found: problems, or why it could not run.
type Found = Result<Vec<String>, String>;

/// Installs every tool that the checks need and that is missing.
pub fn setup() -> Outcome {
    Tools::new()?.setup()
}

/// The Python that the checks run in; it reads YAML.
pub fn python() -> Result<std::path::PathBuf, String> {
    Tools::new()?.python("python")
}

/// Runs every check. Flags: `--setup` installs missing tools first, `--write` writes generated files, `--ci` takes a
/// missing tool for a failure. `--scrape FOLDER` does something else: it holds rules and dashboards against what real
/// processes told (`deploy/try/fleet.py` keeps it).
pub fn run(flags: &[&str]) -> Outcome {
    if let ["--scrape", folder] = flags {
        return scrape(folder);
    }
    if let Some(other) = flags.iter().find(|flag| !["--setup", "--write", "--ci"].contains(flag)) {
        return Err(format!("validate-deploy takes --setup, --write and --ci, not {other}"));
    }
    let is_given = |flag: &str| flags.contains(&flag);
    let strict = is_given("--ci") || std::env::var_os("CI").is_some_and(|value| !value.is_empty());
    let tools = Tools::new()?;
    if is_given("--setup") {
        tools.setup()?;
    }
    let mut report = Report { strict, failed: 0 };
    let (known, catalogue) = (settings::known()?, catalogue::read()?);
    report.tell("generated files", || prometheus::generated(&catalogue, is_given("--write")));
    let mut rendered = Vec::new();
    report.tell("overlays and components", || {
        rendered = render::all(&tools)?;
        Ok(Vec::new())
    });
    if !rendered.is_empty() {
        report.tell("names", || render::names(&rendered, is_given("--write")));
        report.tell("pods", || Ok(each(&rendered, |one| pods::problems(&one.documents, &known))));
        report.tell("network, namespace, broker", || Ok(each(&rendered, |one| network::problems(&one.documents))));
        report.tell("scaled pools", || Ok(each(&rendered, |one| scaling::problems(&one.documents))));
        report.tell("pools of long tasks", || Ok(each(&rendered, |one| jobs::problems(&one.documents))));
        report.tell("settings in files", || Ok(each(&rendered, |one| settings::of_files(&one.documents, &known))));
        report.tell("schemas of kinds", || schemas::kinds(&tools, &rendered));
        report.tell("validators of operators", || schemas::models(&tools, &rendered));
    }
    report.tell("rules and dashboards", || prometheus::problems(&catalogue));
    report.tell("promtool", || prometheus::promtool(&tools));
    report.tell("compose", || files::compose(&tools, &known));
    report.tell("units", || files::units(&known));
    report.tell("Dockerfile", || files::dockerfile(&tools));
    report.tell("shell", || files::shell(&tools));
    report.tell("YAML", || files::yaml(&tools));
    report.tell("rights in the cloud", files::rights);
    if !rendered.is_empty() {
        report.tell("planted defects", || defects::all_are_caught(&tools, &rendered, &known, &catalogue));
    }
    if report.failed == 0 { Ok(()) } else { Err(format!("{} checks of the deployment failed", report.failed)) }
}

/// Rules and dashboards against what real processes told.
fn scrape(folder: &str) -> Outcome {
    let told = catalogue::scraped(folder)?;
    let allowed: Vec<&str> = EVENTS.iter().chain(&UNSET).copied().collect();
    let sources = catalogue::read()?;
    let mut known = told.clone();
    known.extend(sources.iter().filter(|(name, _)| EVENTS.contains(&name.as_str())).map(|(name, family)| (name.clone(), family.clone())));
    let mut problems = catalogue::untold(&sources, &told, &allowed);
    problems.extend(prometheus::problems(&known)?);
    eprintln!("{} families told in {folder}", told.len());
    if problems.is_empty() { Ok(()) } else { Err(format!("rules, dashboards and processes do not agree:\n  {}", problems.join("\n  "))) }
}

/// The same rule over every combination; what is wrong in several is told once.
fn each(rendered: &[Rendered], rule: impl Fn(&Rendered) -> Vec<String>) -> Vec<String> {
    let mut told: Vec<String> = Vec::new();
    for one in rendered {
        for problem in rule(one) {
            if !told.iter().any(|known| known.ends_with(&problem)) {
                told.push(format!("{}: {problem}", one.name));
            }
        }
    }
    told
}

/// What was found so far.
struct Report {
    strict: bool,
    failed: usize,
}

impl Report {
    fn tell(&mut self, name: &str, check: impl FnOnce() -> Found) {
        let start = Instant::now();
        let found = check();
        let seconds = start.elapsed().as_secs_f64();
        match found {
            Ok(problems) if problems.is_empty() => eprintln!("ok       {name} ({seconds:.1} s)"),
            Ok(problems) => {
                eprintln!("FAILED   {name} ({seconds:.1} s)\n  {}", problems.join("\n  "));
                self.failed += 1;
            }
            Err(why) if why.contains("--setup installs it") && !self.strict => eprintln!("not run  {name}: {why}"),
            Err(why) => {
                eprintln!("FAILED   {name}: {why}");
                self.failed += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_tool_fails_where_all_must_run_and_is_told_elsewhere() {
        let missing = || Err::<Vec<String>, _>("promtool is not here; cargo xtask validate-deploy --setup installs it".to_owned());
        for (strict, failed) in [(true, 1), (false, 0)] {
            let mut report = Report { strict, failed: 0 };
            report.tell("a check", missing);
            assert_eq!(report.failed, failed, "strict: {strict}");
        }
    }
}
