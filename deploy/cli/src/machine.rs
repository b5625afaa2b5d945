//! What the machine has: memory, cores, the user's cache folder. Read here and nowhere else.

use std::path::{Path, PathBuf};

/// Memory that this process may use: the smaller of the machine's and its control group's limit.
pub fn memory_bytes() -> Option<u64> {
    let total = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("MemTotal:"))?;
        line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
    });
    let limit = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok().and_then(|text| text.trim().parse::<u64>().ok());
    match (total, limit) {
        (Some(total), Some(limit)) => Some(total.min(limit)),
        (total, limit) => total.or(limit),
    }
}

/// Memory that tasks may use together: as set, or three quarters of what there is.
pub fn memory_of_tasks(setting: u64) -> u64 {
    if setting > 0 { setting } else { memory_bytes().unwrap_or(4 << 30) / 4 * 3 }
}

/// Threads to use when nothing else is said.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The name of this machine, for people.
pub fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().chars().filter(|c| !c.is_control()).take(64).collect()
}

/// Folder for work files: the setting, or `synthfleet` in the user's cache folder.
pub fn work_dir(setting: &Path, variable: &dyn Fn(&str) -> Option<String>) -> PathBuf {
    if !setting.as_os_str().is_empty() {
        return setting.to_owned();
    }
    let cache = variable("XDG_CACHE_HOME").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let cache = cache.or_else(|| variable("HOME").map(|home| Path::new(&home).join(".cache")));
    cache.unwrap_or_else(std::env::temp_dir).join("synthfleet")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_folder_follows_setting_then_cache_then_home() {
        let home = |name: &str| (name == "HOME").then(|| "/h".to_owned());
        assert_eq!(work_dir(Path::new("/w"), &home), Path::new("/w"));
        assert_eq!(work_dir(Path::new(""), &home), Path::new("/h/.cache/synthfleet"));
    }
}
