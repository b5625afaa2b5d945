//! Flags of the roles and of the commands that speak to a server.

use clap::Args;

/// Where a role finds store and broker. Secrets stand in variables or files, never here.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Fleet")]
pub struct Places {
    /// Store: file:///folder or s3://bucket/prefix
    #[arg(long, value_name = "URL")]
    pub store: Option<String>,
    /// Broker: amqp://user@host/virtual-host, amqps://.. or sqs:PREFIX
    #[arg(long, value_name = "URL")]
    pub broker: Option<String>,
}

/// Flags of `worker`.
#[derive(Debug, Clone, Default, Args)]
pub struct Worker {
    /// What it takes: kind:name, kind:* or *, separated by commas
    #[arg(long, value_name = "SELECTORS")]
    pub take: Option<String>,
    /// Name of the pool; made from what it takes if absent
    #[arg(long, value_name = "NAME")]
    pub pool: Option<String>,
    /// Tasks at once
    #[arg(long, value_name = "N")]
    pub slots: Option<usize>,
    /// Threads of one task
    #[arg(long, value_name = "N")]
    pub threads: Option<u32>,
    /// Memory of all tasks together, for example 8GiB
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<String>,
    /// Run tasks in child processes or in threads: child, pool
    #[arg(long, value_name = "HOW")]
    pub isolate: Option<String>,
    /// Folder for task folders; it holds real rows
    #[arg(long, value_name = "DIR")]
    pub scratch: Option<std::path::PathBuf>,
    /// End after so long without a task; 0: stay
    #[arg(long, value_name = "SECONDS")]
    pub exit_when_idle: Option<f64>,
    /// End after so many tasks; 0: stay
    #[arg(long, value_name = "N")]
    pub max_tasks: Option<usize>,
    /// Where health and metrics are told
    #[arg(long, value_name = "ADDRESS")]
    pub admin: Option<String>,
    #[command(flatten)]
    pub places: Places,
}

/// Flags of `coordinator`.
#[derive(Debug, Clone, Default, Args)]
pub struct Coordinator {
    /// Where the API listens
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Where health and metrics are told
    #[arg(long, value_name = "ADDRESS")]
    pub admin: Option<String>,
    #[command(flatten)]
    pub places: Places,
}

/// Flags of `serve`.
#[derive(Debug, Clone, Default, Args)]
pub struct Serve {
    /// Where the API listens
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Run tasks in child processes or in threads: child, pool
    #[arg(long, value_name = "HOW")]
    pub isolate: Option<String>,
    /// Where health and metrics are told
    #[arg(long, value_name = "ADDRESS")]
    pub admin: Option<String>,
    /// Store: file:///folder; a folder below the work folder if absent
    #[arg(long, value_name = "URL")]
    pub store: Option<String>,
}
