//! What the dashboards show. Every alert of `deploy/prometheus/rules.yaml` has a panel with its metric.

use super::dashboards::{Dashboard, Panel};

pub const FLEET: Dashboard = Dashboard {
    name: "fleet",
    title: "synthfleet: fleet",
    rows: &[
        (
            "Jobs",
            &[
                Panel(
                    "Accepted and ended, per minute",
                    "short",
                    &[
                        ("60 * sum by (source) (rate(synthfleet_jobs_submitted_total[5m]))", "accepted by {{source}}"),
                        ("60 * sum by (outcome) (rate(synthfleet_jobs_finished_total[5m]))", "{{outcome}}"),
                    ],
                ),
                Panel("In progress", "short", &[("sum by (state) (synthfleet_jobs_in_progress)", "{{state}}")]),
                Panel("Oldest active job", "s", &[("max(synthfleet_oldest_active_job_seconds)", "oldest")]),
                Panel(
                    "Duration",
                    "s",
                    &[
                        ("histogram_quantile(0.5, sum by (le) (rate(synthfleet_job_duration_seconds_bucket[30m])))", "median"),
                        ("histogram_quantile(0.95, sum by (le) (rate(synthfleet_job_duration_seconds_bucket[30m])))", "95 %"),
                    ],
                ),
                Panel(
                    "Refused",
                    "short",
                    &[
                        ("sum by (source) (increase(synthfleet_submissions_refused_total[5m]))", "submission by {{source}}"),
                        ("sum by (reason) (increase(synthfleet_auth_failures_total[5m]))", "caller: {{reason}}"),
                        ("sum by (quota) (increase(synthfleet_quota_refusals_total[5m]))", "quota: {{quota}}"),
                    ],
                ),
                Panel(
                    "Answers of the API, 95 %",
                    "s",
                    &[(
                        "histogram_quantile(0.95, sum by (le, route) (rate(synthfleet_http_request_duration_seconds_bucket[5m])))",
                        "{{route}}",
                    )],
                ),
            ],
        ),
        (
            "Tasks",
            &[
                Panel("Ended, per second", "short", &[("sum by (kind) (rate(synthfleet_tasks_finished_total[5m]))", "{{kind}}")]),
                Panel(
                    "Not ok, per second",
                    "short",
                    &[("sum by (kind, outcome) (rate(synthfleet_tasks_finished_total{outcome!=\"ok\"}[5m]))", "{{kind}} {{outcome}}")],
                ),
                Panel(
                    "Duration, 95 %",
                    "s",
                    &[("histogram_quantile(0.95, sum by (le, kind) (rate(synthfleet_task_duration_seconds_bucket[30m])))", "{{kind}}")],
                ),
                Panel(
                    "From hint to claim, 95 %",
                    "s",
                    &[(
                        "histogram_quantile(0.95, sum by (le, kind, class) (rate(synthfleet_task_queue_wait_seconds_bucket[5m])))",
                        "{{kind}} {{class}}",
                    )],
                ),
                Panel("In progress", "short", &[("sum by (kind) (synthfleet_tasks_in_progress)", "{{kind}}")]),
                Panel("Attempts by cause", "short", &[("sum by (cause) (increase(synthfleet_task_attempts_total[5m]))", "{{cause}}")]),
            ],
        ),
        (
            "Pools",
            &[
                Panel("Waiting", "short", &[("sum by (pool) (max by (pool, class) (synthfleet_queue_ready_messages))", "{{pool}}")]),
                Panel("Oldest waiting", "s", &[("max by (pool) (synthfleet_queue_oldest_message_age_seconds)", "{{pool}}")]),
                Panel("Takers", "short", &[("max by (pool) (synthfleet_pool_consumers)", "{{pool}}")]),
                Panel("Last answer", "s", &[("time() - max by (pool) (synthfleet_pipeline_heartbeat_timestamp_seconds)", "{{pool}}")]),
                Panel(
                    "Slots",
                    "short",
                    &[
                        ("sum by (pool, state) (synthfleet_slots)", "{{pool}} {{state}}"),
                        ("max by (pool) (synthfleet_pool_wanted_slots)", "{{pool}} wanted"),
                    ],
                ),
                Panel(
                    "Scratch in use",
                    "percentunit",
                    &[(
                        "synthfleet_scratch_bytes{state=\"used\"} / ignoring (state) (synthfleet_scratch_bytes{state=\"limit\"} > 0)",
                        "{{instance}}",
                    )],
                ),
            ],
        ),
        (
            "Correctness",
            &[
                Panel("Leases that expired", "short", &[("sum by (kind) (increase(synthfleet_leases_expired_total[15m]))", "{{kind}}")]),
                Panel(
                    "Hints sent again",
                    "short",
                    &[("sum by (reason) (increase(synthfleet_reconciler_republished_total[5m]))", "{{reason}}")],
                ),
                Panel(
                    "Outcomes that came too late",
                    "short",
                    &[("sum by (kind) (increase(synthfleet_duplicates_suppressed_total[5m]))", "{{kind}}")],
                ),
                Panel("Hints refused", "short", &[("sum by (reason) (increase(synthfleet_hints_refused_total[15m]))", "{{reason}}")]),
                Panel(
                    "Dead letters",
                    "short",
                    &[
                        ("max(synthfleet_dead_letters)", "waiting"),
                        ("sum by (reason) (increase(synthfleet_dead_letters_total[10m]))", "new: {{reason}}"),
                    ],
                ),
                Panel("Processes", "short", &[("count by (role, version) (synthfleet_build_info)", "{{role}} {{version}}")]),
            ],
        ),
    ],
};

pub const MEMBERS: Dashboard = Dashboard {
    name: "members",
    title: "synthfleet: synthesizers and benchmarks",
    rows: &[
        (
            "Work",
            &[
                Panel(
                    "Duration, 95 %",
                    "s",
                    &[(
                        "histogram_quantile(0.95, sum by (le, kind, name) (rate(synthfleet_task_duration_seconds_bucket[1h])))",
                        "{{kind}} {{name}}",
                    )],
                ),
                Panel(
                    "Failed or skipped",
                    "short",
                    &[(
                        "sum by (kind, name, outcome) (increase(synthfleet_tasks_finished_total{outcome=~\"failed|skipped\"}[1h]))",
                        "{{kind}} {{name}} {{outcome}}",
                    )],
                ),
                Panel("Processor", "short", &[("sum by (kind, name) (rate(synthfleet_task_cpu_seconds_total[5m]))", "{{kind}} {{name}}")]),
                Panel(
                    "Memory at most, 95 %",
                    "bytes",
                    &[(
                        "histogram_quantile(0.95, sum by (le, kind, name) (rate(synthfleet_task_memory_peak_bytes_bucket[1h])))",
                        "{{kind}} {{name}}",
                    )],
                ),
                Panel(
                    "Rows, per second",
                    "short",
                    &[
                        ("sum by (name) (rate(synthfleet_rows_generated_total[5m]))", "made by {{name}}"),
                        ("sum(rate(synthfleet_rows_read_total[5m]))", "read"),
                    ],
                ),
                Panel("Last success", "s", &[("time() - max by (kind) (synthfleet_last_success_timestamp_seconds)", "{{kind}}")]),
            ],
        ),
        (
            "Verdicts",
            &[
                Panel("Wins", "short", &[("sum by (name) (increase(synthfleet_winner_selected_total[6h]))", "{{name}}")]),
                Panel(
                    "Score of winners, median",
                    "percentunit",
                    &[("histogram_quantile(0.5, sum by (le) (rate(synthfleet_winner_quality_ratio_bucket[6h])))", "score")],
                ),
                Panel(
                    "Used share of a privacy limit, of winners, median",
                    "percentunit",
                    &[("histogram_quantile(0.5, sum by (le) (rate(synthfleet_winner_privacy_ratio_bucket[6h])))", "privacy")],
                ),
                Panel("Kept back by gates", "short", &[("sum by (gate) (increase(synthfleet_gate_failures_total[6h]))", "{{gate}}")]),
            ],
        ),
        (
            "Task processes",
            &[
                Panel("Ended", "short", &[("sum by (reason) (increase(synthfleet_child_exits_total[5m]))", "{{reason}}")]),
                Panel("Memory", "bytes", &[("sum by (kind) (synthfleet_child_memory_bytes)", "{{kind}}")]),
                Panel("Checkpoints", "short", &[("sum by (kind, op) (increase(synthfleet_checkpoints_total[1h]))", "{{kind}} {{op}}")]),
            ],
        ),
    ],
};

pub const GROUNDS: Dashboard = Dashboard {
    name: "broker-and-store",
    title: "synthfleet: broker and store",
    rows: &[
        (
            "Broker",
            &[
                Panel(
                    "Connected",
                    "short",
                    &[("min by (instance, connection) (synthfleet_broker_connected)", "{{instance}} {{connection}}")],
                ),
                Panel("Blocked", "short", &[("max by (connection) (synthfleet_broker_blocked)", "{{connection}}")]),
                Panel(
                    "Built again",
                    "short",
                    &[("sum by (connection) (increase(synthfleet_broker_reconnects_total[15m]))", "{{connection}}")],
                ),
                Panel(
                    "Until confirmed, 99 %",
                    "s",
                    &[("histogram_quantile(0.99, sum by (le) (rate(synthfleet_broker_publish_seconds_bucket[5m])))", "publish")],
                ),
                Panel(
                    "Messages not taken",
                    "short",
                    &[("sum by (reason) (increase(synthfleet_broker_publish_errors_total[5m]))", "{{reason}}")],
                ),
                Panel(
                    "On their way, round trip",
                    "short",
                    &[
                        ("sum(synthfleet_broker_unconfirmed)", "not confirmed yet"),
                        ("max(synthfleet_broker_round_trip_seconds)", "round trip, s"),
                    ],
                ),
            ],
        ),
        (
            "Store",
            &[
                Panel(
                    "Requests, per second",
                    "short",
                    &[("sum by (op) (rate(synthfleet_store_request_duration_seconds_count[5m]))", "{{op}}")],
                ),
                Panel("Errors, per second", "short", &[("sum by (op, code) (rate(synthfleet_store_errors_total[5m]))", "{{op}} {{code}}")]),
                Panel(
                    "Answers, 99 %",
                    "s",
                    &[("histogram_quantile(0.99, sum by (le, op) (rate(synthfleet_store_request_duration_seconds_bucket[5m])))", "{{op}}")],
                ),
                Panel("Bytes, per second", "Bps", &[("sum by (direction) (rate(synthfleet_store_bytes_total[5m]))", "{{direction}}")]),
                Panel("Atomic creates", "short", &[("min(synthfleet_store_atomic_create)", "1: yes")]),
                Panel(
                    "Requests at list prices, USD per day",
                    "currencyUSD",
                    &[(
                        "86400 * (5e-6 * sum(rate(synthfleet_store_request_duration_seconds_count{op=~\"create|put|list|upload|concat\"}[1h])) \
                     + 4e-7 * sum(rate(synthfleet_store_request_duration_seconds_count{op=~\"get|head\"}[1h])))",
                        "estimate",
                    )],
                ),
            ],
        ),
    ],
};
