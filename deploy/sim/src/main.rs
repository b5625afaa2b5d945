//! The command line: `synthfleet-sim scale` and `synthfleet-sim cost`.

use clap::{Args, Parser, Subcommand};
use std::io::Write;
use std::process::ExitCode;
use synthfleet_sim::cost::{Plan, Prices, cost};
use synthfleet_sim::settings::Settings;

/// Simulates a fleet with its own code, and computes what one costs.
#[derive(Parser)]
#[command(name = "synthfleet-sim", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the coordinators' own code on virtual time; exits 1 when something did not hold.
    Scale(Scale),
    /// Compute requests, messages and dollars of some work by the paper model.
    Cost(Cost),
}

#[derive(Args)]
struct Scale {
    /// Slots of all workers: tasks that run at once.
    #[arg(long, default_value_t = 10_000)]
    workers: usize,
    /// Tasks, at least.
    #[arg(long, default_value_t = 1_000_000)]
    tasks: u64,
    /// Names every draw.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Mean seconds of a task.
    #[arg(long, default_value_t = 10.0)]
    task_seconds: f64,
    /// Repeats of each candidate: what makes jobs large, 1 to 20.
    #[arg(long, default_value_t = 8)]
    repeats: u32,
    /// Tenants.
    #[arg(long, default_value_t = 48)]
    tenants: usize,
    /// Coordinators.
    #[arg(long, default_value_t = 3)]
    replicas: usize,
    /// Nobody dies and the broker stays.
    #[arg(long)]
    calm: bool,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Cost {
    /// Tasks.
    #[arg(long)]
    tasks: u64,
    /// Seconds that each computes.
    #[arg(long)]
    task_seconds: f64,
    /// Tasks at once.
    #[arg(long)]
    slots: u64,
    /// Cores of a slot.
    #[arg(long, default_value_t = 1.0)]
    cores_per_slot: f64,
    /// Slots of one worker process.
    #[arg(long, default_value_t = 8)]
    slots_per_process: u64,
    /// Bytes that a task leaves in the store.
    #[arg(long, default_value_t = 0)]
    bytes_per_task: u64,
    /// Days that they are kept.
    #[arg(long, default_value_t = 7.0)]
    kept_days: f64,
    /// Dollars for 1,000 PUT-class requests; look it up.
    #[arg(long, default_value_t = Prices::LISTED.put_1000)]
    price_put: f64,
    /// Dollars for 1,000 GET-class requests; look it up.
    #[arg(long, default_value_t = Prices::LISTED.get_1000)]
    price_get: f64,
    /// Dollars for a core for an hour; look it up.
    #[arg(long, default_value_t = Prices::LISTED.core_hour)]
    price_core_hour: f64,
    /// Dollars for a gigabyte for a month; look it up.
    #[arg(long, default_value_t = Prices::LISTED.gigabyte_month)]
    price_gigabyte_month: f64,
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    let (text, is_well) = match Cli::parse().command {
        Command::Scale(scale) => simulate(&scale),
        Command::Cost(asked) => (price(&asked), true),
    };
    // nobody reads it: fine
    let _ = std::io::stdout().write_all(text.as_bytes());
    if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn simulate(asked: &Scale) -> (String, bool) {
    let settings = Settings {
        slots: asked.workers.max(1),
        tasks: asked.tasks,
        seed: asked.seed,
        task_seconds: asked.task_seconds.clamp(0.001, 1e6),
        repeats: asked.repeats.clamp(1, 20),
        tenants: asked.tenants.max(1),
        replicas: asked.replicas.max(1),
        ..Settings::default()
    };
    let settings = if asked.calm { settings.calm() } else { settings };
    match synthfleet_sim::scale(settings) {
        Ok(report) => {
            let text = if asked.json { format!("{:#}\n", report.json()) } else { report.text() };
            (text, report.violations == 0)
        }
        Err(error) => (format!("error[{}]: {}\n", error.code(), error.message()), false),
    }
}

fn price(asked: &Cost) -> String {
    let prices = Prices {
        put_1000: asked.price_put,
        get_1000: asked.price_get,
        core_hour: asked.price_core_hour,
        gigabyte_month: asked.price_gigabyte_month,
    };
    let plan = Plan {
        tasks: asked.tasks,
        task_seconds: asked.task_seconds,
        slots: asked.slots,
        cores_per_slot: asked.cores_per_slot,
        slots_per_process: asked.slots_per_process,
        bytes_per_task: asked.bytes_per_task,
        kept_days: asked.kept_days,
        prices,
    };
    let cost = cost(&plan);
    if asked.json { format!("{:#}\n", cost.json()) } else { cost.text() }
}
