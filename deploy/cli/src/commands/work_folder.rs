//! What earlier runs left in the work folder, and how long it stays: finished tasks of a table for a week and within
//! ten gigabytes, what a killed process left behind for as long.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Most bytes that tables' folders may hold together after a sweep.
const KEPT_BYTES_MAX: u64 = 10 << 30;

/// A folder or file that may go.
struct Left {
    path: PathBuf,
    age: Duration,
    bytes: u64,
}

/// Removes what is older than `keep_days`, then the oldest tables until they fit. What a process works in is locked and
/// stays; what cannot be removed stays until the next sweep.
pub fn sweep(work_dir: &Path, keep_days: u32) {
    let keep = Duration::from_secs(u64::from(keep_days) * 86_400);
    for path in entries(work_dir).filter(|path| is_of_one_command(path)).chain(entries(&work_dir.join("stdin"))) {
        if age(&path).is_some_and(|age| age > keep) {
            remove(&path);
        }
    }
    sweep_tables(&work_dir.join("tables"), keep, KEPT_BYTES_MAX);
}

/// Tables by the time of their last use, which is when their lock was taken.
fn sweep_tables(tables: &Path, keep: Duration, bytes_max: u64) {
    let left = |path: PathBuf| Some(Left { age: age(&path.join("lock"))?, bytes: size(&path), path });
    let mut kept: Vec<Left> = entries(tables).filter_map(left).collect();
    kept.sort_by(|a, b| b.age.cmp(&a.age).then_with(|| a.path.cmp(&b.path)));
    let mut bytes: u64 = kept.iter().map(|left| left.bytes).sum();
    for left in kept {
        if left.age <= keep && bytes <= bytes_max {
            break;
        }
        // held until all is gone: nobody begins to work in it meanwhile
        let Ok(lock) = File::open(left.path.join("lock")) else { continue };
        if lock.try_lock().is_ok() {
            remove(&left.path);
            bytes -= left.bytes;
        }
    }
}

fn is_of_one_command(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("single-"))
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()))
}

#[expect(clippy::disallowed_methods, reason = "ages of files of this machine, by its own clock")]
fn age(path: &Path) -> Option<Duration> {
    let changed = std::fs::metadata(path).ok()?.modified().ok()?;
    SystemTime::now().duration_since(changed).ok()
}

fn size(path: &Path) -> u64 {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => entries(path).map(|entry| size(&entry)).sum(),
        Ok(found) => found.len(),
        Err(_) => 0,
    }
}

fn remove(path: &Path) {
    let removed = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    if let Err(error) = removed {
        tracing::debug!(%error, "something old could not be removed from the work folder");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(tables: &Path, name: &str, days: u64, bytes: usize) -> PathBuf {
        let folder = tables.join(name);
        std::fs::create_dir_all(folder.join("store")).expect("room");
        std::fs::write(folder.join("store/f"), vec![0; bytes]).expect("room");
        File::create(folder.join("lock")).and_then(|lock| lock.set_modified(past(days))).expect("room");
        folder
    }

    #[expect(clippy::disallowed_methods, reason = "files of a test are as old as it says")]
    fn past(days: u64) -> SystemTime {
        SystemTime::now() - Duration::from_secs(days * 86_400 + 60)
    }

    const WEEK: Duration = Duration::from_secs(7 * 86_400);

    #[test]
    fn a_table_that_was_not_used_for_long_goes_and_one_in_work_stays() {
        let root = tempfile::tempdir().expect("a folder");
        let (old, new, busy) = (table(root.path(), "old", 8, 1), table(root.path(), "new", 6, 1), table(root.path(), "busy", 9, 1));
        let lock = File::open(busy.join("lock")).expect("there");
        lock.lock().expect("nobody has it");
        sweep_tables(root.path(), WEEK, u64::MAX);
        assert_eq!((old.exists(), new.exists(), busy.exists()), (false, true, true));
    }

    #[test]
    fn the_tables_used_longest_ago_make_room() {
        let root = tempfile::tempdir().expect("a folder");
        let [first, second, third] = [(3, 600), (2, 600), (1, 600)].map(|(days, bytes)| table(root.path(), &days.to_string(), days, bytes));
        sweep_tables(root.path(), WEEK, 1_300);
        assert_eq!((first.exists(), second.exists(), third.exists()), (false, true, true));
    }

    #[test]
    fn what_killed_commands_left_goes_with_age_and_nothing_else_does() {
        let root = tempfile::tempdir().expect("a folder");
        let make = |name: &str| {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().expect("inside")).expect("room");
            File::create(&path).and_then(|file| file.set_modified(past(8))).expect("room");
            path
        };
        let (spooled, foreign) = (make("stdin/stdin-7"), make("notes.txt"));
        let scratch = root.path().join("single-9");
        std::fs::create_dir(&scratch).expect("room");
        File::open(&scratch).and_then(|folder| folder.set_modified(past(8))).expect("room");
        sweep(root.path(), 7);
        assert_eq!((spooled.exists(), scratch.exists(), foreign.exists()), (false, false, true));
    }
}
