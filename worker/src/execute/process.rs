//! What the operating system says of this process, and what it is asked to enforce. No unsafe code: a
//! child sets its own limits before it touches any data.

use super::Usage;
use rustix::process::{Resource, Rlimit, Signal, setrlimit};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use synthfleet_proto::task::TaskFile;

/// Peak resident memory of this process in bytes; 0 where the system does not tell.
pub fn memory_peak_bytes() -> u64 {
    status_kib("self", "VmHWM:") << 10
}

/// Resident memory of all processes of a group in bytes; 0 where the system does not tell. A page that two of
/// them share counts twice.
pub fn group_memory_bytes(group: u32) -> u64 {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes =
        entries.filter_map(|entry| entry.file_name().into_string().ok()).filter(|name| name.bytes().all(|b| b.is_ascii_digit()));
    processes.filter(|process| group_of(process) == Some(group)).map(|process| status_kib(&process, "VmRSS:") << 10).sum()
}

fn group_of(process: &str) -> Option<u32> {
    // the second field is the program's name in parentheses and may hold spaces
    fs::read_to_string(format!("/proc/{process}/stat")).ok()?.rsplit(") ").next()?.split_whitespace().nth(2)?.parse().ok()
}

/// Bytes that a folder takes on the disk, links counted where they lie; stops counting beyond `enough`.
pub fn folder_bytes(folder: &Path, enough: u64) -> u64 {
    let (mut waiting, mut bytes) = (vec![folder.to_owned()], 0u64);
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                waiting.push(entry.path());
            } else {
                bytes = bytes.saturating_add(metadata.blocks() * 512);
            }
            if bytes > enough {
                return bytes;
            }
        }
    }
    bytes
}

fn status_kib(process: &str, field: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default();
    line.trim().trim_end_matches("kB").trim().parse().unwrap_or(0)
}

/// CPU seconds and peak memory of this process so far.
pub fn usage() -> Usage {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // the second field is the program's name in parentheses and may hold spaces
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    let cpu_seconds = (ticks(11) + ticks(12)) / rustix::param::clock_ticks_per_second() as f64;
    Usage { cpu_seconds, memory_peak_bytes: memory_peak_bytes() }
}

/// Limits of a task process: memory, CPU time, file size, open files, processes, no core file, no new privileges,
/// and death with its parent. What the system refuses is left to the watchdog outside.
pub fn confine(task: &TaskFile) {
    let limit = |resource, most: u64| {
        let _ = setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    };
    limit(Resource::As, task.memory_bytes.saturating_add(ADDRESS_SLACK_BYTES));
    // half as much again: the time itself is kept outside
    let cpu_seconds = (task.seconds * f64::from(task.threads.max(1)) * 1.5).min(1e9) as u64;
    limit(Resource::Cpu, cpu_seconds.saturating_add(10));
    limit(Resource::Fsize, 64 << 30);
    limit(Resource::Nofile, 1_024);
    limit(Resource::Nproc, PROCESSES_MAX);
    limit(Resource::Core, 0);
    let _ = rustix::thread::set_no_new_privs(true);
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
    rustix::process::umask(rustix::fs::Mode::from_bits_truncate(0o077));
}

/// Address space beyond the planned memory: code, stacks and arenas that are reserved and never touched.
const ADDRESS_SLACK_BYTES: u64 = 2 << 30;
/// Processes and threads of the user that runs tasks, of all its tasks together.
const PROCESSES_MAX: u64 = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_counted_with_what_lies_below() {
        let place = tempfile::tempdir().expect("temporary folder");
        fs::create_dir(place.path().join("a")).expect("made");
        for name in ["x", "a/y"] {
            fs::write(place.path().join(name), vec![1; 100_000]).expect("written");
        }
        assert!((200_000..300_000).contains(&folder_bytes(place.path(), u64::MAX)));
        assert!(folder_bytes(place.path(), 50_000) < 150_000, "enough is enough");
    }

    #[test]
    fn the_system_tells_memory_and_time() {
        let mut sink = vec![0u64; 1 << 20];
        for round in 0..200u64 {
            sink.iter_mut().for_each(|x| *x = x.wrapping_mul(3).wrapping_add(round));
        }
        assert!(sink.iter().any(|x| *x > 0));
        assert!(memory_peak_bytes() > 8 << 20);
        let group = group_of("self").expect("told");
        assert!(group_memory_bytes(group) > 1 << 20);
        assert!(usage().cpu_seconds > 0.0);
    }
}
