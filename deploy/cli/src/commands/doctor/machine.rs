//! What this machine offers: processor, cores, memory, the work folder.

use super::Check;
use crate::commands::Surroundings;
use crate::machine;
use crate::present::list::size;
use std::path::{Path, PathBuf};
use synthfleet_proto::{Error, Result};

/// Memory below which tasks have to be planned smaller.
const MEMORY_BYTES_MIN: u64 = 4 << 30;
/// With less room large tables may not fit.
const FREE_BYTES_MIN: u64 = 5 << 30;

/// Every check of the machine.
pub fn checks(work_dir: &Path, surroundings: &Surroundings) -> Vec<Check> {
    let threads = machine::threads();
    let memory = machine::memory_bytes();
    let enough = memory.is_some_and(|bytes| bytes >= MEMORY_BYTES_MIN);
    let shown = memory.map_or("unknown".to_owned(), size);
    vec![
        Check::ok("version", env!("CARGO_PKG_VERSION")),
        Check::fails_unless(
            crate::processor::fits(),
            "processor",
            std::env::consts::ARCH,
            "build with the flags of your processor: see README.md",
        ),
        Check::warns_unless(threads > 1, "cores", threads.to_string(), "one core works, slowly"),
        Check::warns_unless(enough, "memory", shown, "plan less with --task-memory"),
        work_folder(work_dir),
        space(work_dir),
        settings(surroundings),
        races(work_dir).unwrap_or_else(|check| check),
    ]
}

fn work_folder(folder: &Path) -> Check {
    let writable = std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(folder.join(".doctor"), b"x"))
        .and_then(|()| std::fs::remove_file(folder.join(".doctor")));
    Check::fails_unless(writable.is_ok(), "work folder", folder.display().to_string(), "choose another with --work-dir")
}

/// Room for work files: an intake of a large table spills, and every candidate keeps a sample.
fn space(folder: &Path) -> Check {
    let fix = "free room, or choose another with --work-dir";
    match rustix::fs::statvfs(folder) {
        Ok(found) => {
            let free = found.f_bavail.saturating_mul(found.f_frsize);
            Check::warns_unless(free >= FREE_BYTES_MIN, "space", format!("{} free", size(free)), fix)
        }
        Err(error) => Check::warn("space", error.to_string(), fix),
    }
}

/// Settings that something else than the program's own defaults states; a wrong one ends every command.
fn settings(surroundings: &Surroundings) -> Check {
    let stated = surroundings.settings.iter().filter(|setting| setting.origin != "default").map(|setting| setting.key.as_str());
    let stated: Vec<&str> = stated.collect();
    Check::ok("settings", if stated.is_empty() { "all as delivered".to_owned() } else { format!("stated: {}", stated.join(", ")) })
}

/// 32 writers race for each of 20 names: exactly one may win each. The local store rests on it.
fn races(folder: &Path) -> Result<Check, Check> {
    let fix = "the folder's file system has no atomic hard links: choose another with --work-dir";
    let place = folder.join(format!(".race-{}", std::process::id()));
    let winners = race(&place, 32, 20);
    let cleared = std::fs::remove_dir_all(&place);
    match (winners, cleared) {
        (Ok(winners), Ok(())) => Ok(Check::fails_unless(winners == 20, "create race", format!("{winners} winners of 20 races"), fix)),
        (Err(error), _) => Err(Check::fail("create race", error.message(), fix)),
        (_, Err(error)) => Err(Check::warn("create race", error.to_string(), "remove the folder by hand")),
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
