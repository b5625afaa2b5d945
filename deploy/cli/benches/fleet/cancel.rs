//! From the call that cancels a job to the end of the process that ran its task.

use crate::Outcome;
use crate::rows::Rows;
use crate::support::fleet::{Ground, until};
use serde_json::json;
use std::time::{Duration, Instant};

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(120);

/// Cancels jobs whose tasks would run for long, over RabbitMQ and an S3 server on this machine.
pub fn measure(times: u32, rows: &mut Rows) -> Outcome {
    let ground = Ground::new();
    let coordinator = ground.coordinator();
    let worker = ground.worker("*", 1);
    coordinator.sees(1);
    for number in 0..times {
        let wish = json!({ "source": "sim:demo?rows=400000", "synthesizers": ["seqtree"], "benchmarks": ["detection"], "seed": number, "cache": false });
        let job = coordinator.submit(&wish);
        until(PATIENCE, "a task", || worker.child_processes().pop());
        // some way into the task, and not at the same place each time
        std::thread::sleep(Duration::from_millis(200 + u64::from(number % 7) * 100));
        let start = Instant::now();
        let (status, told) = coordinator.ask("POST", &format!("/v1/jobs/{job}/cancel"), Some(&json!({ "reason": "measured" })));
        if status != 202 {
            return Err(format!("a cancel was answered {status}: {told}").into());
        }
        until(PATIENCE, "the end of a task", || worker.child_processes().is_empty().then_some(()));
        rows.one("synthfleet", "cancel to child dead", 1, "ms", start.elapsed().as_secs_f64() * 1e3);
        coordinator.ended(&job, PATIENCE);
    }
    Ok(())
}
