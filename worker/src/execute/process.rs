//! What the operating system says of this process, and what it is asked to enforce. No unsafe code: a
//! child sets its own limits before it touches any data.

use super::Usage;
use rustix::process::{Resource, Rlimit, Signal, setrlimit};
use std::fs;

/// Peak resident memory of this process in bytes; 0 where the system does not tell.
pub fn memory_peak_bytes() -> u64 {
    status_kib("self", "VmHWM:") << 10
}

/// Resident memory of another process in bytes; 0 where the system does not tell.
pub fn memory_bytes(pid: u32) -> u64 {
    status_kib(&pid.to_string(), "VmRSS:") << 10
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

/// Limits of a task process: memory, file size, open files, processes, no core file, no new privileges, and
/// death with its parent. What the system refuses is left to the watchdog outside.
pub fn confine(memory_bytes: u64) {
    let limit = |resource, most: u64| {
        let _ = setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    };
    limit(Resource::As, memory_bytes.saturating_add(ADDRESS_SLACK_BYTES));
    limit(Resource::Fsize, 64 << 30);
    limit(Resource::Nofile, 1_024);
    limit(Resource::Core, 0);
    let _ = rustix::thread::set_no_new_privs(true);
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
    rustix::process::umask(rustix::fs::Mode::from_bits_truncate(0o077));
}

/// Address space beyond the planned memory: code, stacks and arenas that are reserved and never touched.
const ADDRESS_SLACK_BYTES: u64 = 2 << 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_tells_memory_and_time() {
        let mut sink = vec![0u64; 1 << 20];
        for round in 0..200u64 {
            sink.iter_mut().for_each(|x| *x = x.wrapping_mul(3).wrapping_add(round));
        }
        assert!(sink.iter().any(|x| *x > 0));
        assert!(memory_peak_bytes() > 8 << 20);
        assert!(memory_bytes(std::process::id()) > 1 << 20);
        assert!(usage().cpu_seconds > 0.0);
    }
}
