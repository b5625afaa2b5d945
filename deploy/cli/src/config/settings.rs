//! The settings, section by section. `default.toml` names each with its unit.

use serde::Deserialize;
use std::net::IpAddr;
use std::path::PathBuf;
use synthfleet_coordinator::intake::s3_events::RuleWish;

/// All settings.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub run: RunConfig,
    pub store: StoreConfig,
    pub broker: BrokerConfig,
    pub coordinator: CoordinatorConfig,
    pub retention: RetentionConfig,
    pub serve: ServeConfig,
    pub doors: DoorsConfig,
    pub worker: WorkerConfig,
    pub sources: SourcesConfig,
    pub client: ClientConfig,
    pub traces: TracesConfig,
    pub log: LogConfig,
}

/// Settings of a run.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    pub threads: usize,
    pub memory_bytes: u64,
    pub work_dir: PathBuf,
    pub isolate: String,
    pub keep_days: u32,
}

/// Where spans of the roles go.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TracesConfig {
    pub endpoint: String,
    pub protocol: String,
    pub headers: String,
}

/// Settings of logs.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    pub level: String,
    pub format: String,
}

/// Where facts and data lie.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreConfig {
    pub url: String,
    pub endpoint: String,
    pub region: String,
    pub path_style: String,
    pub profile: String,
    pub allow_racy: bool,
}

/// How processes reach each other.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerConfig {
    pub url: String,
    pub password: String,
    pub password_file: String,
    pub declare: String,
    pub endpoint: String,
    pub authorities_file: String,
    pub management: String,
    pub tenants: Vec<String>,
}

/// Settings of a coordinator.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoordinatorConfig {
    pub id: String,
    pub sweep_seconds: f64,
    pub pool_wait_seconds: f64,
    pub cancel_patience_seconds: f64,
}

/// How long finished things are kept.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionConfig {
    pub data_days: f64,
    pub jobs_days: f64,
    pub tenants: Vec<String>,
}

/// Where the API listens.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServeConfig {
    pub listen: String,
    pub auth: String,
    pub proxy_header: String,
    pub proxy_peers: Vec<IpAddr>,
    pub proxy_users: Vec<String>,
    pub callback_secret_file: String,
    pub admin: String,
}

/// The doors beside the API.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DoorsConfig {
    pub queue: bool,
    pub users: Vec<String>,
    pub anonymous: String,
    pub takers: usize,
    pub buckets: Vec<BucketQueueConfig>,
}

/// A queue with events of buckets.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BucketQueueConfig {
    pub queue: String,
    #[serde(default)]
    pub endpoint: String,
    pub tenant: String,
    pub rules: Vec<RuleWish>,
}

/// Settings of a worker.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkerConfig {
    pub take: String,
    pub pool: String,
    pub id: String,
    pub slots: usize,
    pub threads: u32,
    pub memory_bytes: u64,
    pub isolate: String,
    pub scratch: PathBuf,
    pub scratch_free_bytes: u64,
    pub larder_bytes: u64,
    pub drain_seconds: f64,
    pub scale_to_zero: bool,
    pub exit_when_idle_seconds: f64,
    pub max_tasks: usize,
    pub admin: String,
}

/// Which links of users are read.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourcesConfig {
    pub buckets: Vec<String>,
    pub https: Vec<String>,
}

/// How commands reach a server.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientConfig {
    pub server: String,
    pub token: String,
    pub token_file: String,
}
