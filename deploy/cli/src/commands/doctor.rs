//! `doctor`: what this machine offers and what the settings name, one line a check: `ok|warn|fail  what  found  fix`.

mod broker;
mod calibrate;
mod machine;
mod s3;
mod security;
mod store;

pub use calibrate::run as calibrate;

use super::Surroundings;
use crate::arguments::DoctorPart;
use crate::present::style::safe;
use crate::say;
use serde_json::json;
use synthfleet_proto::{Error, Result};

/// Exit code of a failed check.
const FAILED: u8 = 1;
/// Exit code where something did not answer.
const UNREACHABLE: u8 = 5;
/// Codes of errors that say that nobody answered.
const AWAY: [&str; 3] = ["store::unavailable", "broker::unavailable", "client::unreachable"];

/// What a check found.
#[derive(Debug, serde::Serialize)]
struct Check {
    state: &'static str,
    what: String,
    found: String,
    fix: String,
    #[serde(skip)]
    away: bool,
}

impl Check {
    fn new(state: &'static str, what: impl Into<String>, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { state, what: what.into(), found: found.into(), fix: fix.into(), away: false }
    }

    fn ok(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new("ok", what, found, "")
    }

    fn warn(what: impl Into<String>, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new("warn", what, found, fix)
    }

    fn fail(what: impl Into<String>, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new("fail", what, found, fix)
    }

    fn warns_unless(good: bool, what: impl Into<String>, found: impl Into<String>, fix: &str) -> Self {
        if good { Self::ok(what, found) } else { Self::warn(what, found, fix) }
    }

    fn fails_unless(good: bool, what: impl Into<String>, found: impl Into<String>, fix: &str) -> Self {
        if good { Self::ok(what, found) } else { Self::fail(what, found, fix) }
    }

    /// What an error says was found.
    fn of(what: impl Into<String>, error: &Error) -> Self {
        let away = AWAY.contains(&error.code());
        Self { away, ..Self::fail(what, format!("{} ({})", error.message(), error.code()), error.helps().join("; ")) }
    }
}

/// Runs the checks of one part, or of all that the settings name.
pub async fn run(part: Option<DoctorPart>, surroundings: &Surroundings) -> Result<u8> {
    let config = &surroundings.config;
    let work_dir = crate::machine::work_dir(&config.run.work_dir, &crate::variable);
    let wanted = |which: DoctorPart, named: bool| part.map_or(named, |part| part == which);
    let mut checks = Vec::new();
    if part.is_none() {
        checks.extend(machine::checks(&work_dir, surroundings));
    }
    if wanted(DoctorPart::Store, !config.store.url.is_empty()) {
        checks.extend(store::checks(&config.store, &work_dir.join("serve/store")).await);
    }
    if wanted(DoctorPart::Broker, config.broker.url != "memory:") {
        checks.extend(broker::checks(&config.broker).await);
    }
    if wanted(DoctorPart::S3, !config.sources.buckets.is_empty()) {
        checks.extend(s3::checks(config).await);
    }
    if wanted(DoctorPart::Security, true) {
        checks.extend(security::checks(surroundings, &work_dir));
    }
    if surroundings.json {
        say!("{}", json!({ "checks": checks }));
    } else {
        for check in &checks {
            say!("{}", format!("{:<5} {:<18} {:<44} {}", check.state, check.what, safe(&check.found), safe(&check.fix)).trim_end());
        }
    }
    Ok(match checks.iter().find(|check| check.away) {
        Some(_) => UNREACHABLE,
        None if checks.iter().any(|check| check.state == "fail") => FAILED,
        None => 0,
    })
}
