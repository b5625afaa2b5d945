//! What a simulation says: figures from counters, beside those of the paper model.

use crate::away::{self, Wait};
use crate::cost::Model;
use crate::ground::Ground;
use crate::tally::{Requests, Who};
use serde_json::{Value, json};
use std::fmt::Write;
use std::time::Duration;

/// Seconds after an outage that are left out where slots are looked at undisturbed.
const RECOVERY_SECONDS: u32 = 30;

/// What was seen each second.
#[derive(Debug, Default)]
pub struct Series {
    /// Running tasks, outcomes so far, and whether the broker was there a while ago.
    seconds: Vec<(u64, u64, bool)>,
    disturbed_for: u32,
}

impl Series {
    /// Notes one second.
    pub fn note(&mut self, running: u64, outcomes: u64, broker_is_up: bool) {
        self.disturbed_for = if broker_is_up { self.disturbed_for.saturating_sub(1) } else { RECOVERY_SECONDS };
        self.seconds.push((running, outcomes, self.disturbed_for == 0));
    }

    /// Mean of running tasks while between a tenth and eight tenths of all outcomes came, away from outages.
    fn steady(&self) -> f64 {
        let all = self.seconds.last().map_or(0, |(_, outcomes, _)| *outcomes);
        let is_steady = |(_, outcomes, calm): &&(u64, u64, bool)| *calm && outcomes * 10 >= all && outcomes * 10 <= 8 * all;
        let chosen: Vec<u64> = self.seconds.iter().filter(is_steady).map(|(running, ..)| *running).collect();
        chosen.iter().sum::<u64>() as f64 / chosen.len().max(1) as f64
    }
}

/// What the simulation itself took: differs from run to run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Real {
    /// Time on the wall.
    pub wall: Duration,
    /// CPU time of the process.
    pub cpu: Duration,
    /// Of this, simulated workers with the store they ask.
    pub workers: Duration,
    /// Of this, loops of coordinators with the store they ask.
    pub coordinators: Duration,
    /// Most memory of the process.
    pub memory_peak_bytes: u64,
}

/// What a simulation says.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Figures that equal settings repeat to the last digit.
    pub figures: Value,
    /// What the simulation took.
    pub real: Value,
    /// Violations in all.
    pub violations: u64,
}

fn rounded(number: f64) -> Value {
    json!((number * 1e4).round() / 1e4)
}

fn point(sorted: &[u64], share: f64) -> u64 {
    let at = (sorted.len().saturating_sub(1) as f64 * share).round() as usize;
    sorted.get(at).copied().unwrap_or(0)
}

fn points(mut times: Vec<u64>) -> Value {
    times.sort_unstable();
    json!({ "median": point(&times, 0.5), "p99": point(&times, 0.99), "max": times.last().copied().unwrap_or(0) })
}

fn requests(of: Requests) -> Value {
    json!({ "put": of.put, "get": of.get, "list": of.list, "delete": of.delete })
}

impl Report {
    /// Of what was counted.
    pub(crate) fn of(ground: &Ground, series: Series, real: Real) -> Self {
        let (settings, audit, tally) = (&ground.settings, ground.audit(), ground.tally());
        let makespan = (audit.span_ms.1.saturating_sub(audit.span_ms.0)) as f64 / 1e3;
        let ideal = tally.useful.as_secs_f64() / settings.slots as f64;
        let share = |part: f64| if makespan > 0.0 { part / (settings.slots as f64 * makespan) } else { 0.0 };
        let sum = Who::ALL.into_iter().map(|who| tally.requests[who as usize]).fold(Requests::default(), |sum, of| Requests {
            put: sum.put + of.put,
            get: sum.get + of.get,
            list: sum.list + of.list,
            delete: sum.delete + of.delete,
        });
        let worker = tally.requests[Who::Worker as usize];
        let model = Model::of_counts(audit.planned, tally.beats);
        let publishes = tally.hints + tally.results + tally.passed_on + tally.broadcasts;
        let violations: u64 = audit.violations.values().sum();
        let (absences, slowest) = (ground.away(), away::slowest(&audit.fan_in));
        let each: Vec<String> =
            slowest.iter().map(|wait| format!("{} ms from {} s: {}", wait.length_ms(), wait.from_ms / 1_000, absences.met(wait))).collect();
        let figures = json!({
            "settings": {
                "slots": settings.slots, "slots_per_process": settings.slots_per_process, "tasks": settings.tasks, "repeats": settings.repeats,
                "task_seconds": settings.task_seconds, "tenants": settings.tenants, "replicas": settings.replicas, "seed": settings.seed,
                "slot_deaths_per_hour": settings.slot_deaths_per_hour, "replica_dies_every_s": settings.replica_dies_every.as_secs(),
                "broker_outages": settings.broker_outages, "broker_outage_s": settings.broker_outage.as_secs(),
            },
            "jobs": { "accepted": audit.accepted, "ended": audit.ended },
            "tasks": { "planned": audit.planned, "outcomes": audit.outcomes },
            "makespan_s": rounded(makespan),
            "ideal_s": rounded(ideal),
            "makespan_to_ideal": rounded(if ideal > 0.0 { makespan / ideal } else { 0.0 }),
            "utilisation": {
                "useful": rounded(share(tally.useful.as_secs_f64())),
                "wasted": rounded(share(tally.wasted.as_secs_f64())),
                "steady": rounded(series.steady() / settings.slots as f64),
            },
            "requests": {
                "all": requests(sum),
                "coordinator": requests(tally.requests[Who::Coordinator as usize]),
                "worker": requests(worker),
                "submitter": requests(tally.requests[Who::Submitter as usize]),
                "beats": tally.beats,
                "documents": tally.documents,
            },
            "requests_to_model": {
                "put_and_list": rounded((sum.put + sum.list) as f64 / model.put),
                "get": rounded(sum.get as f64 / model.get),
                "worker_put_and_list": rounded((worker.put + worker.list) as f64 / model.put),
                "worker_get": rounded(worker.get as f64 / model.get),
            },
            "publishes": {
                "hints": tally.hints, "results": tally.results, "passed_on": tally.passed_on, "broadcasts": tally.broadcasts, "refused": tally.refused, "probes": tally.probes, "deliveries": tally.deliveries,
                "to_model": rounded(publishes as f64 / model.publishes),
                "per_second": rounded(if makespan > 0.0 { publishes as f64 / makespan } else { 0.0 }),
            },
            "queue_peak": { "hints": tally.queue_peak, "results": tally.results_peak },
            "fan_in_ms": points(audit.fan_in.iter().map(Wait::length_ms).collect()),
            "fan_in_met": { "all": absences.count(&audit.fan_in), "slowest": absences.count(slowest.iter().copied()), "each": each },
            "last_outcome_to_end_ms": points(audit.finish_ms.clone()),
            "faults": { "slots": tally.slot_deaths, "coordinators": tally.replica_deaths, "tasks_in_dead_hands": tally.killed },
            "runs": tally.runs,
            "extra_attempts": audit.claims.saturating_sub(audit.outcomes),
            "violations": { "all": violations, "by_kind": audit.violations, "told": audit.told },
        });
        let tasks = audit.outcomes.max(1) as f64;
        let rest = real.cpu.saturating_sub(real.workers);
        let real = json!({
            "wall_s": rounded(real.wall.as_secs_f64()),
            "cpu_s": rounded(real.cpu.as_secs_f64()),
            "cpu_workers_s": rounded(real.workers.as_secs_f64()),
            "cpu_coordinator_loops_s": rounded(real.coordinators.as_secs_f64()),
            "cpu_coordinators_and_rest_s": rounded(rest.as_secs_f64()),
            "owner_us_per_task": rounded(real.coordinators.as_secs_f64() * 1e6 / tasks),
            "memory_peak_mib": real.memory_peak_bytes >> 20,
        });
        Self { figures, real, violations }
    }

    /// Everything as one object.
    pub fn json(&self) -> Value {
        json!({ "figures": self.figures, "real": self.real })
    }

    /// Everything for people: a line a figure.
    pub fn text(&self) -> String {
        let mut text = String::new();
        lines(&mut text, "", &self.figures);
        lines(&mut text, "real", &self.real);
        text
    }
}

fn lines(text: &mut String, name: &str, value: &Value) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                let name = if name.is_empty() { field.clone() } else { format!("{name}.{field}") };
                lines(text, &name, value);
            }
        }
        // a String takes every line
        value => _ = writeln!(text, "{name:42} {value}"),
    }
}
