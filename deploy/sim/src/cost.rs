//! What a fleet asks of store, broker and purse, by the paper model: requests and messages of a task, signs of life of
//! long ones, list prices. Prices are public list prices of one cloud and are to be looked up again before use.

use serde_json::{Value, json};
use std::fmt::Write;
use std::time::Duration;
use synthfleet_proto::attempts::lease_interval;

/// PUT-class requests of a short task: claim, output, outcome.
const PUTS: f64 = 3.0;
/// GET-class requests of a short task: is there an outcome, outcomes it needs, inputs.
const GETS: f64 = 6.0;
/// GET-class requests of one sign of life: two orders to stop and a newer claim.
const BEAT_GETS: f64 = 3.0;
/// Messages of a task: its hint and its result.
const MESSAGES: f64 = 2.0;
/// Confirmed messages a second of a quorum queue on one node, by the maker's own measure of 2024-08-21.
const MESSAGES_PER_SECOND_MAX: f64 = 9_900.0;
/// PUT-class requests a second that one partition of a bucket takes.
const PUTS_PER_SECOND_MAX: f64 = 3_500.0;
/// GET-class requests a second that one partition of a bucket takes.
const GETS_PER_SECOND_MAX: f64 = 5_500.0;

/// What some tasks ask for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Model {
    /// PUT-class requests, LIST included.
    pub put: f64,
    /// GET-class requests, HEAD included.
    pub get: f64,
    /// Messages.
    pub publishes: f64,
}

impl Model {
    /// Of so many short tasks and so many signs of life.
    pub fn of_counts(tasks: u64, beats: u64) -> Self {
        let (tasks, beats) = (tasks as f64, beats as f64);
        Self {
            put: (PUTS * tasks + beats).max(1.0),
            get: (GETS * tasks + BEAT_GETS * beats).max(1.0),
            publishes: (MESSAGES * tasks).max(1.0),
        }
    }
}

/// Signs of life of a task that takes so long: none before 15 s.
pub fn beats(task: Duration) -> u64 {
    let (mut at, mut beats) = (lease_interval(Duration::ZERO), 0);
    while at < task && beats < 1_000_000 {
        beats += 1;
        at += lease_interval(at);
    }
    beats
}

/// List prices in dollars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prices {
    /// Of 1,000 PUT, COPY, POST or LIST requests.
    pub put_1000: f64,
    /// Of 1,000 GET or HEAD requests.
    pub get_1000: f64,
    /// Of one core for one hour.
    pub core_hour: f64,
    /// Of one gigabyte kept for a month.
    pub gigabyte_month: f64,
}

impl Prices {
    /// Public list prices (a bucket in Virginia, a core of a general machine), as of 2026-08: to be looked up again.
    pub const LISTED: Self = Self { put_1000: 0.005, get_1000: 0.0004, core_hour: 0.04, gigabyte_month: 0.023 };
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// Tasks.
    pub tasks: u64,
    /// Seconds that each computes.
    pub task_seconds: f64,
    /// Tasks at once.
    pub slots: u64,
    /// Cores of a slot.
    pub cores_per_slot: f64,
    /// Slots of one worker process.
    pub slots_per_process: u64,
    /// Bytes that a task leaves in the store.
    pub bytes_per_task: u64,
    /// Days that they are kept.
    pub kept_days: f64,
    /// Prices.
    pub prices: Prices,
}

/// What it comes to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// Hours at full slots.
    pub hours: f64,
    /// Signs of life of all tasks.
    pub beats: f64,
    /// Requests and messages.
    pub model: Model,
    /// PUT-class requests a second.
    pub puts_per_second: f64,
    /// GET-class requests a second.
    pub gets_per_second: f64,
    /// Messages a second.
    pub messages_per_second: f64,
    /// Broker connections of workers: two each process.
    pub connections: u64,
    /// Core-hours.
    pub core_hours: f64,
    /// Dollars for cores.
    pub dollars_cores: f64,
    /// Dollars for requests.
    pub dollars_requests: f64,
    /// Of these, for signs of life.
    pub dollars_beats: f64,
    /// Dollars for what is kept.
    pub dollars_kept: f64,
}

/// The cost of a plan.
pub fn cost(plan: &Plan) -> Cost {
    let seconds = plan.tasks as f64 * plan.task_seconds / plan.slots.max(1) as f64;
    let length = Duration::try_from_secs_f64(plan.task_seconds).unwrap_or(Duration::MAX);
    let all_beats = plan.tasks.saturating_mul(beats(length));
    let model = Model::of_counts(plan.tasks, all_beats);
    let per_second = |count: f64| if seconds > 0.0 { count / seconds } else { 0.0 };
    let price = |put: f64, get: f64| put / 1e3 * plan.prices.put_1000 + get / 1e3 * plan.prices.get_1000;
    let core_hours = plan.tasks as f64 * plan.task_seconds / 3_600.0 * plan.cores_per_slot;
    let kept_gigabytes = plan.tasks as f64 * plan.bytes_per_task as f64 / 1e9;
    Cost {
        hours: seconds / 3_600.0,
        beats: all_beats as f64,
        model,
        puts_per_second: per_second(model.put),
        gets_per_second: per_second(model.get),
        messages_per_second: per_second(model.publishes),
        connections: 2 * plan.slots.div_ceil(plan.slots_per_process.max(1)),
        core_hours,
        dollars_cores: core_hours * plan.prices.core_hour,
        dollars_requests: price(model.put, model.get),
        dollars_beats: price(all_beats as f64, BEAT_GETS * all_beats as f64),
        dollars_kept: kept_gigabytes * plan.prices.gigabyte_month * plan.kept_days / 30.0,
    }
}

impl Cost {
    /// As one object.
    pub fn json(&self) -> Value {
        json!({
            "hours": self.hours, "beats": self.beats, "puts": self.model.put, "gets": self.model.get, "messages": self.model.publishes,
            "puts_per_second": self.puts_per_second, "gets_per_second": self.gets_per_second,
            "messages_per_second": self.messages_per_second, "connections": self.connections, "core_hours": self.core_hours,
            "dollars": {
                "cores": self.dollars_cores, "requests": self.dollars_requests, "of_requests_beats": self.dollars_beats,
                "kept": self.dollars_kept, "all": self.dollars_cores + self.dollars_requests + self.dollars_kept,
            },
        })
    }

    /// For people, with what one node and one partition take.
    pub fn text(&self) -> String {
        let rows = [
            ("time at full slots", format!("{:.2} h", self.hours), String::new()),
            (
                "PUT-class requests",
                format!("{:.0}, {:.0}/s", self.model.put, self.puts_per_second),
                times(PUTS_PER_SECOND_MAX, self.puts_per_second, "a partition"),
            ),
            (
                "GET-class requests",
                format!("{:.0}, {:.0}/s", self.model.get, self.gets_per_second),
                times(GETS_PER_SECOND_MAX, self.gets_per_second, "a partition"),
            ),
            (
                "messages",
                format!("{:.0}, {:.0}/s", self.model.publishes, self.messages_per_second),
                times(MESSAGES_PER_SECOND_MAX, self.messages_per_second, "a broker node"),
            ),
            ("connections of workers", self.connections.to_string(), "5000 a node is much".to_owned()),
            ("cores", format!("{:.0} core-hours", self.core_hours), format!("${:.2}", self.dollars_cores)),
            (
                "requests",
                format!("{:.0} of them signs of life", self.beats),
                format!("${:.2}, signs of life ${:.2}", self.dollars_requests, self.dollars_beats),
            ),
            ("kept data", String::new(), format!("${:.2}", self.dollars_kept)),
        ];
        let mut text = String::new();
        for (what, figure, beside) in rows {
            // a String takes every line
            let _ = writeln!(text, "{what:24} {figure:28} {beside}");
        }
        text
    }
}

fn times(limit: f64, rate: f64, of: &str) -> String {
    if rate > 0.0 { format!("{:.1} times below the limit of {of}", limit / rate) } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn million() -> Plan {
        Plan {
            tasks: 1_000_000,
            task_seconds: 10.0,
            slots: 10_000,
            cores_per_slot: 1.0,
            slots_per_process: 8,
            bytes_per_task: 0,
            kept_days: 0.0,
            prices: Prices::LISTED,
        }
    }

    #[test]
    fn a_million_short_tasks_cost_what_the_paper_model_says() {
        let cost = cost(&million());
        assert!((cost.dollars_requests - 17.4).abs() < 1e-9, "{}", cost.dollars_requests);
        assert_eq!((cost.connections, cost.beats), (2_500, 0.0));
        assert!((cost.hours * 3_600.0 - 1_000.0).abs() < 1e-9);
    }

    #[test]
    fn in_one_hour_a_million_tasks_are_556_messages_a_second() {
        let cost = cost(&Plan { task_seconds: 14.9, slots: 10_000, ..million() });
        let per_hour = cost.messages_per_second * cost.hours;
        assert!((per_hour - 555.6).abs() < 0.1, "{per_hour}");
    }

    #[test]
    fn signs_of_life_of_slots_that_run_for_hours_cost_1_percent_of_their_cores() {
        let cost = cost(&Plan { tasks: 10_000, task_seconds: 36_000.0, ..million() });
        // the model of a sign a minute: 10,000 · 60 · (0.005 + 3 · 0.0004) / 1,000 dollars an hour
        assert!((cost.dollars_beats / cost.hours - 3.72).abs() < 0.1, "{}", cost.dollars_beats / cost.hours);
        let share = cost.dollars_beats / cost.dollars_cores;
        assert!((0.008..0.011).contains(&share), "{share}");
    }

    #[test]
    fn signs_of_life_come_after_15_seconds_and_then_each_eighth() {
        assert_eq!([10, 15, 16, 31, 121].map(|seconds| beats(Duration::from_secs(seconds))), [0, 0, 1, 2, 8]);
    }
}
