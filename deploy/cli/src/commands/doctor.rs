//! `doctor`: what this machine offers, one line a check: `ok|warn|fail  what  found  fix`.

use super::Surroundings;
use crate::say;
use serde_json::json;
use std::path::{Path, PathBuf};
use synthfleet_proto::{Error, Result};

/// With less room large tables may not fit.
const FREE_BYTES_MIN: u64 = 5 << 30;

/// What a check found.
#[derive(Debug, serde::Serialize)]
struct Check {
    state: &'static str,
    what: &'static str,
    found: String,
    fix: String,
}

impl Check {
    fn new(good: bool, bad: &'static str, what: &'static str, found: impl Into<String>, fix: &str) -> Self {
        Self { state: if good { "ok" } else { bad }, what, found: found.into(), fix: if good { String::new() } else { fix.to_owned() } }
    }
}

/// Runs the checks of the local part.
pub fn run(work_dir: &Path, surroundings: &Surroundings) -> Result<u8> {
    let mut checks = vec![
        Check::new(true, "warn", "version", env!("CARGO_PKG_VERSION"), ""),
        Check::new(
            crate::processor::fits(),
            "fail",
            "processor",
            std::env::consts::ARCH,
            "build with the flags of your processor: see README.md",
        ),
    ];
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    checks.push(Check::new(threads > 1, "warn", "cores", threads.to_string(), "one core works, slowly"));
    let memory = crate::machine::memory_bytes();
    checks.push(Check::new(
        memory.is_some_and(|bytes| bytes >= 4 << 30),
        "warn",
        "memory",
        memory.map_or("unknown".to_owned(), size),
        "plan less with --task-memory",
    ));
    checks.push(work_folder(work_dir));
    checks.push(space(work_dir));
    checks.push(settings(surroundings));
    checks.push(races(work_dir).unwrap_or_else(|check| check));
    if surroundings.json {
        say!("{}", json!(checks));
    } else {
        for check in &checks {
            say!("{:<5} {:<12} {:<32} {}", check.state, check.what, check.found, check.fix);
        }
    }
    Ok(u8::from(checks.iter().any(|check| check.state == "fail")))
}

fn work_folder(folder: &Path) -> Check {
    let writable = std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(folder.join(".doctor"), b"x"))
        .and_then(|()| std::fs::remove_file(folder.join(".doctor")));
    Check::new(writable.is_ok(), "fail", "work folder", folder.display().to_string(), "choose another with --work-dir")
}

/// Room for work files: an intake of a large table spills, and every candidate keeps a sample.
fn space(folder: &Path) -> Check {
    match rustix::fs::statvfs(folder) {
        Ok(found) => {
            let free = found.f_bavail.saturating_mul(found.f_frsize);
            Check::new(
                free >= FREE_BYTES_MIN,
                "warn",
                "space",
                format!("{} free", size(free)),
                "free room, or choose another with --work-dir",
            )
        }
        Err(error) => Check::new(false, "warn", "space", error.to_string(), "choose another with --work-dir"),
    }
}

/// Settings that something else than the program's own defaults states; a wrong one ends every command.
fn settings(surroundings: &Surroundings) -> Check {
    let stated: Vec<&str> =
        surroundings.settings.iter().filter(|setting| setting.origin != "default").map(|setting| setting.key.as_str()).collect();
    let found = if stated.is_empty() { "all as delivered".to_owned() } else { format!("stated: {}", stated.join(", ")) };
    Check::new(true, "warn", "settings", found, "")
}

/// 32 writers race for each of 20 names: exactly one may win each. The local store rests on it.
fn races(folder: &Path) -> Result<Check, Check> {
    let fix = "the folder's file system has no atomic hard links: choose another with --work-dir";
    let place = folder.join(format!(".race-{}", std::process::id()));
    let winners = race(&place, 32, 20);
    let cleared = std::fs::remove_dir_all(&place);
    match (winners, cleared) {
        (Ok(winners), Ok(())) => Ok(Check::new(winners == 20, "fail", "create race", format!("{winners} winners of 20 races"), fix)),
        (Err(error), _) => Err(Check::new(false, "fail", "create race", error.message(), fix)),
        (_, Err(error)) => Err(Check::new(false, "warn", "create race", error.to_string(), "remove the folder by hand")),
    }
}

fn race(place: &PathBuf, writers: usize, names: usize) -> Result<usize> {
    std::fs::create_dir_all(place).map_err(|e| Error::io(place.display(), e))?;
    let wins = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..writers)
            .map(|writer| {
                scope.spawn(move || {
                    let mine = place.join(format!("writer-{writer}"));
                    let made = std::fs::write(&mine, writer.to_string()).is_ok();
                    (0..names).filter(|name| made && std::fs::hard_link(&mine, place.join(format!("name-{name}"))).is_ok()).count()
                })
            })
            .collect();
        handles.into_iter().map(|handle| handle.join().unwrap_or(0)).sum()
    });
    Ok(wins)
}

fn size(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / (1u64 << 30) as f64)
}
