//! Flags of the commands that speak to a server.

use super::Wishes;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// For whom a command speaks.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Server")]
pub struct Caller {
    /// Act for this tenant; only for tokens that reach every tenant
    #[arg(long, global = true, value_name = "NAME")]
    pub tenant: Option<String>,
}

/// Flags of `submit`.
#[derive(Debug, Clone, Args)]
pub struct Submit {
    /// Paths, `-`, sim:NAME, s3:// or https:// links, each a job of its own; may stand in --job instead
    pub sources: Vec<String>,
    /// Wait for the end, show progress and results as `run` does
    #[arg(long)]
    pub wait: bool,
    /// Submissions of equal keys are one job, however often they are sent
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
    /// Do every task anew
    #[arg(long)]
    pub no_cache: bool,
    /// A label to find the job by
    #[arg(long, value_name = "NAME=VALUE")]
    pub label: Vec<String>,
    /// One line for people
    #[arg(long, value_name = "TEXT")]
    pub summary: Option<String>,
    /// Stop after the profile until the job is released
    #[arg(long)]
    pub hold: bool,
    /// Which queue: interactive, batch
    #[arg(long, value_name = "CLASS")]
    pub priority: Option<String>,
    /// Copy what is published to this prefix: s3://bucket/prefix
    #[arg(long, value_name = "LINK")]
    pub output: Option<String>,
    #[command(flatten)]
    pub caller: Caller,
    #[command(flatten)]
    pub wishes: Wishes,
}

/// Flags of `jobs`.
#[derive(Debug, Clone, Args)]
pub struct Jobs {
    #[command(flatten)]
    pub caller: Caller,
    #[command(subcommand)]
    pub what: JobsWhat,
}

/// What to do with jobs.
#[derive(Debug, Clone, Subcommand)]
pub enum JobsWhat {
    /// List jobs, newest first
    Ls {
        /// Only jobs in this state: queued, on_hold, in_progress, done, failed, cancelled
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
        /// Only jobs with this label
        #[arg(long, value_name = "NAME=VALUE")]
        label: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
    },
    /// Show a job
    Show {
        /// The job
        id: String,
    },
    /// Follow a job to its end
    Watch {
        /// The job
        id: String,
    },
    /// Stop a job
    Cancel {
        /// The job
        id: String,
        /// Why, for those who look at it later
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Let a held job go on
    Release {
        /// The job
        id: String,
    },
    /// Ask for the same again; finished tasks are used again
    Retry {
        /// The job
        id: String,
    },
    /// Copy the output to the job's own place again, where that failed at its end, and wait until it is there
    Publish {
        /// The job
        id: String,
    },
    /// Remove a job that ended, with everything that it made
    Rm {
        /// The job
        id: String,
    },
    /// List what a job published, or fetch it
    Files {
        /// The job
        id: String,
        /// Fetch all files into this folder and check them
        #[arg(short, long, value_name = "DIR")]
        output: Option<PathBuf>,
        /// Write into a folder that holds other files
        #[arg(long)]
        force: bool,
    },
}

/// Flags of `workers`.
#[derive(Debug, Clone, Subcommand)]
pub enum Workers {
    /// List workers
    Ls,
    /// Ask a worker to end its tasks and leave
    Drain {
        /// The worker
        id: String,
    },
}

/// Flags of `queue`.
#[derive(Debug, Clone, Subcommand)]
pub enum Queue {
    /// Show how full each queue is
    Ls,
    /// Remove the queues of pools that are gone, where they are empty and nobody takes from them
    #[command(
        after_long_help = "Asks the broker of the settings itself, with the rights of the user that they name. A pool is gone when no worker\nhas described it: one that scales to zero is there. Without names, RabbitMQ's management API is asked which queues\nthere are (broker.management).\n\nExamples:\n  synthfleet queue prune --dry-run\n  synthfleet queue prune heavy old-gpu"
    )]
    Prune {
        /// Names of pools; every pool that has queues if absent
        #[arg(value_name = "POOL")]
        pools: Vec<String>,
        /// Only say what would go
        #[arg(long)]
        dry_run: bool,
    },
}

/// Flags of `dead`.
#[derive(Debug, Clone, Args)]
pub struct Dead {
    #[command(subcommand)]
    pub what: DeadWhat,
}

/// What to do with buried messages. They are named as `dead ls` shows them: DAY/ID.
#[derive(Debug, Clone, Subcommand)]
pub enum DeadWhat {
    /// List buried messages, newest day first
    Ls,
    /// Show one whole
    Show {
        /// DAY/ID
        letter: String,
    },
    /// Send one again
    Requeue {
        /// DAY/ID
        letter: String,
    },
    /// Forget one
    Discard {
        /// DAY/ID
        letter: String,
    },
}

/// Flags of `token`.
#[derive(Debug, Clone, Args)]
pub struct Token {
    #[command(flatten)]
    pub caller: Caller,
    #[command(subcommand)]
    pub what: TokenWhat,
}

/// What to do with tokens.
#[derive(Debug, Clone, Subcommand)]
pub enum TokenWhat {
    /// Make a token; it is shown once
    #[command(
        after_long_help = "Examples:\n  synthfleet token new --scope submit,read --expires 90d --note 'nightly jobs'\n  synthfleet token new --store s3://bucket/fleet --every-tenant --scope admin   # the first one, without a server"
    )]
    New {
        /// What its holder may do: submit, read, read_real, admin
        #[arg(long, value_name = "SCOPE", value_delimiter = ',', default_value = "submit,read", value_parser = ["submit", "read", "read_real", "admin"])]
        scope: Vec<String>,
        /// Time until it is void, for example 90d; never if absent
        #[arg(long, value_name = "TIME")]
        expires: Option<String>,
        /// Whose it is, for people
        #[arg(long, value_name = "TEXT", default_value = "")]
        note: String,
        /// For every tenant, and for the fleet itself
        #[arg(long)]
        every_tenant: bool,
        /// Make it right in this store, without a server: the first token of a fleet
        #[arg(long, value_name = "URL")]
        store: Option<String>,
    },
    /// List tokens, without their secrets
    Ls,
    /// Make a token void
    Revoke {
        /// Its id, as `token ls` shows it
        id: String,
    },
}
