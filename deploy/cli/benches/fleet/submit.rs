//! From a request for a job to its answer, on loopback, with each fact synced to the disk: what a caller waits for.

use crate::Outcome;
use crate::rows::Rows;
use crate::support::Desk;
use crate::support::fleet::Role;
use serde_json::json;
use std::time::{Duration, Instant};
use synthfleet_harness::http;

/// Time between two requests: below the pace that a tenant may keep.
const EVERY: Duration = Duration::from_millis(125);

/// Asks for held jobs one after the other, while the same process reads their tables.
pub fn measure(times: u32, rows: &mut Rows) -> Outcome {
    let desk = Desk::new();
    let store = format!("file://{}", desk.path("store").display());
    let mut command = desk.command(&["serve", "--listen", "127.0.0.1:0", "--isolate", "pool", "--store", &store]);
    command.env("SYNTHFLEET_SERVE_AUTH", "off").env("SYNTHFLEET_WORKER_SLOTS", "1");
    let serving = Role::start(command, desk.path("serve.log"));
    let port = serving.port("api");
    for number in 0..times {
        let job = json!({ "source": "sim:demo?rows=100", "preset": "quick", "hold": true, "seed": number }).to_string();
        let start = Instant::now();
        let told = http::ask(port, "POST", "/v1/jobs", &[("content-type", "application/json")], job.as_bytes())?;
        rows.one("synthfleet", "job accepted", 1, "ms", start.elapsed().as_secs_f64() * 1e3);
        if told.status != 202 {
            return Err(format!("a job was answered {}: {}", told.status, told.text()).into());
        }
        std::thread::sleep(EVERY);
    }
    Ok(())
}
