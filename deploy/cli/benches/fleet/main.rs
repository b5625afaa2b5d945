//! Measures the fleet beside Celery on the same RabbitMQ node, round by round in turns: `cargo xtask bench-fleet`.
//!
//! `--submissions` measures the acceptance of jobs alone, which needs no broker.
//!
//! Prints raw rows as CSV (`system,measure,round,value,unit`) and a summary after them. Both sides keep what
//! they promise over a crash: confirmed messages in quorum queues, late acknowledgement, stored results. Where
//! a side is less durable its name says so.

mod cancel;
mod celery;
mod ground;
mod hints;
mod idle;
mod jobs;
mod replay;
mod rows;
mod submit;
#[path = "../../tests/support/mod.rs"]
mod support;
mod twentieth;

use ground::Ground;
use rows::Rows;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// How much is measured.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    rounds: u32,
    /// Tasks sent one by one, a second.
    rate: f64,
    /// Such tasks in a round.
    starts: u32,
    /// Tasks sent at once in a round.
    no_ops: u32,
    /// Jobs of a round, and groups of 50 tasks with a last one on the other side.
    jobs: u32,
    /// Jobs that are cancelled.
    cancels: u32,
    /// Jobs that are asked for over HTTP.
    submissions: u32,
    /// Seconds that processes stand idle.
    idle_seconds: u64,
}

const WHOLE: Size = Size { rounds: 5, rate: 20.0, starts: 300, no_ops: 3_000, jobs: 10, cancels: 20, submissions: 400, idle_seconds: 30 };
const QUICK: Size = Size { rounds: 1, rate: 20.0, starts: 40, no_ops: 300, jobs: 2, cancels: 3, submissions: 40, idle_seconds: 10 };

fn main() -> Outcome {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let size = if quick { QUICK } else { WHOLE };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if std::env::args().any(|argument| argument == "--submissions") {
        let mut rows = Rows::begin();
        submit::measure(size.submissions, &mut rows)?;
        rows.summary();
        return Ok(());
    }
    if let Some(simulator) = value_of("--beside") {
        let number = |name: &str, otherwise: f64| value_of(name).map_or(Ok(otherwise), |text| text.parse::<f64>());
        let (tasks, seconds) = (number("--tasks", 50_000.0)?, number("--task-seconds", 5.0)?);
        let ground = Ground::new()?;
        return runtime.block_on(twentieth::check(&ground, std::path::Path::new(&simulator), tasks as u64, seconds));
    }
    runtime.block_on(measure(size))
}

/// What follows a name on the command line.
fn value_of(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}

async fn measure(size: Size) -> Outcome {
    let ground = Ground::new()?;
    let peers = celery::Peer::all(&ground)?;
    let mut rows = Rows::begin();
    for round in 1..=size.rounds {
        for sync in [true, false] {
            let system = if sync { "synthfleet" } else { "synthfleet, no fsync" };
            let fleet = hints::Fleet::start(&ground, sync).await?;
            if sync {
                rows.many(system, "queue to start", round, "ms", &fleet.one_by_one(size.starts, size.rate).await?);
            }
            rows.one(system, "no-op tasks", round, "1/s", fleet.at_once(size.no_ops).await?);
            fleet.end().await?;
        }
        for peer in &peers {
            peer.measure(size, round, &mut rows)?;
        }
        let office = jobs::Office::open(&ground).await?;
        office.measure(size.jobs, round, &mut rows).await?;
        office.close().await?;
    }
    cancel::measure(size.cancels, &mut rows)?;
    submit::measure(size.submissions, &mut rows)?;
    idle::measure(&ground, size.idle_seconds, &mut rows)?;
    for peer in &peers {
        peer.idle(size.idle_seconds, &mut rows)?;
    }
    rows.summary();
    Ok(())
}
