//! The process itself: memory, processor time, threads, open files, as the kernel tells them. Where it does not (other
//! systems than Linux), the values stay 0. The usual collector would bring a library for all of `/proc` along.

use prometheus::{Counter, Gauge, Opts, Registry};
use std::sync::Mutex;

/// Clock ticks of a second in `/proc`: the same on every Linux.
const TICKS: f64 = 100.0;

/// Measures of the process.
pub struct Process {
    memory: Gauge,
    threads: Gauge,
    files: Gauge,
    seconds: Counter,
    /// One scrape at a time moves the counter on.
    turn: Mutex<()>,
}

impl Process {
    /// Measures in a registry.
    pub fn new(registry: &Registry) -> Self {
        let gauge = |name: &str, help: &str| Gauge::with_opts(Opts::new(name, help)).expect("constant names");
        let process = Self {
            memory: gauge("process_resident_memory_bytes", "Memory that the process holds."),
            threads: gauge("process_threads", "Threads of the process."),
            files: gauge("process_open_fds", "Open files and connections of the process."),
            seconds: Counter::with_opts(Opts::new("process_cpu_seconds_total", "Processor time of all threads.")).expect("constant names"),
            turn: Mutex::default(),
        };
        for gauge in [&process.memory, &process.threads, &process.files] {
            registry.register(Box::new(gauge.clone())).expect("each name is registered once");
        }
        registry.register(Box::new(process.seconds.clone())).expect("each name is registered once");
        process
    }

    /// Looks at the process now.
    pub fn look(&self) {
        let _turn = self.turn.lock();
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        self.memory.set(field(&status, "VmRSS:").unwrap_or(0.0) * 1024.0);
        self.threads.set(field(&status, "Threads:").unwrap_or(0.0));
        self.files.set(std::fs::read_dir("/proc/self/fd").map_or(0.0, |files| files.count() as f64));
        let seconds = seconds(&std::fs::read_to_string("/proc/self/stat").unwrap_or_default()).unwrap_or(0.0);
        self.seconds.inc_by((seconds - self.seconds.get()).max(0.0));
    }
}

fn field(status: &str, name: &str) -> Option<f64> {
    status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

/// Processor time in user and system mode. The name in the second field may hold spaces and parentheses.
fn seconds(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_words_are_read() {
        let status = "Name:\tx\nVmRSS:\t    2048 kB\nThreads:\t7\n";
        assert_eq!((field(status, "VmRSS:"), field(status, "Threads:"), field(status, "None:")), (Some(2048.0), Some(7.0), None));
        let stat = "42 (a ) b) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0 7";
        assert_eq!(seconds(stat), Some(2.0));
        assert_eq!(seconds(""), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_holds_memory_and_files() {
        let process = Process::new(&Registry::new());
        process.look();
        assert!(process.memory.get() > 1e5 && process.threads.get() >= 1.0 && process.files.get() >= 3.0);
    }
}
