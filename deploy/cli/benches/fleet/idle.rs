//! What the real roles hold and use while nothing is to do.

use crate::Outcome;
use crate::ground::Ground;
use crate::rows::Rows;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const PROGRAM: &str = env!("CARGO_BIN_EXE_synthfleet");

/// Starts a coordinator and a worker, leaves them alone and looks.
pub fn measure(ground: &Ground, seconds: u64, rows: &mut Rows) -> Outcome {
    let (host, folder) = (ground.host()?, ground.folder()?);
    let role = |arguments: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command.args(arguments).env("SYNTHFLEET_STORE_URL", format!("file://{}", folder.join("store").display()));
        command.env("SYNTHFLEET_BROKER_URL", host.url()).env("SYNTHFLEET_SERVE_LISTEN", "127.0.0.1:0");
        command.env("SYNTHFLEET_SERVE_ADMIN", "127.0.0.1:0").env("SYNTHFLEET_WORKER_ADMIN", "127.0.0.1:0");
        command.env("SYNTHFLEET_WORKER_SCRATCH", folder.join("scratch"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
    };
    let roles = [("synthfleet coordinator", Held(role(&["coordinator"])?)), ("synthfleet worker", Held(role(&["worker"])?))];
    // the start is not the idle state
    std::thread::sleep(Duration::from_secs(10));
    let before: Vec<f64> = roles.iter().map(|(_, held)| cpu_seconds(held.0.id())).collect::<Outcome<_>>()?;
    std::thread::sleep(Duration::from_secs(seconds));
    for ((name, held), before) in roles.iter().zip(before) {
        rows.one(name, "idle memory", 1, "MB", resident_bytes(held.0.id())? as f64 / 1e6);
        rows.one(name, "idle processor", 1, "% of a core", (cpu_seconds(held.0.id())? - before) / seconds as f64 * 100.0);
    }
    Ok(())
}

/// A process that is killed with its holder.
pub struct Held(pub Child);

impl Drop for Held {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Resident memory of a process.
pub fn resident_bytes(process: u32) -> Outcome<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}

/// Processor seconds that a process used so far.
pub fn cpu_seconds(process: u32) -> Outcome<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|field| field.parse::<u64>().ok()).ok_or("no times");
    // user and system time, in the hundredths of a second that Linux tells everybody
    Ok((ticks(11)? + ticks(12)?) as f64 / 100.0)
}
