//! Flags that say what is wished of a job: `run` and `submit` take the same.

use super::Reading;
use clap::Args;
use std::path::PathBuf;

/// What is wished of a job.
#[derive(Debug, Clone, Default, Args)]
pub struct Wishes {
    /// quick, standard, dp or sdgym2020
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    /// Synthesizers to try instead of the preset's
    #[arg(short, long, value_name = "NAME", num_args = 1.., value_delimiter = ',')]
    pub synthesizers: Vec<String>,
    /// Benchmarks to score on instead of the default set
    #[arg(short, long, value_name = "NAME", num_args = 1.., value_delimiter = ',')]
    pub benchmarks: Vec<String>,
    /// An option of a candidate or a benchmark
    #[arg(long, value_name = "NAME.OPTION=VALUE")]
    pub set: Vec<String>,
    /// Fits of each candidate
    #[arg(long, value_name = "N")]
    pub repeats: Option<u32>,
    /// Rows to deliver: train, input or a number
    #[arg(long, value_name = "ROWS")]
    pub rows: Option<String>,
    /// Formats to deliver: csv, tsv, parquet, each with .gz or .zst
    #[arg(long, value_name = "FORMAT", value_delimiter = ',')]
    pub formats: Vec<String>,
    /// Privacy gate: balanced, strict, off
    #[arg(long, value_name = "NAME")]
    pub gate: Option<String>,
    /// Weights profile: balanced, utility, strict-privacy
    #[arg(long, value_name = "NAME")]
    pub weights: Option<String>,
    /// Privacy loss of differentially private synthesizers
    #[arg(long, value_name = "NUMBER")]
    pub epsilon: Option<f64>,
    /// Failure probability of differentially private synthesizers
    #[arg(long, value_name = "NUMBER")]
    pub delta: Option<f64>,
    /// Secret key of their noise, 64 hexadecimal digits, to repeat a run byte by byte
    #[arg(long, value_name = "KEY", env = "SYNTHFLEET_NOISE_KEY", hide_env_values = true)]
    pub noise_key: Option<String>,
    /// Exit with 4 if a score of the winner lies below
    #[arg(long, value_name = "SCORE=VALUE")]
    pub fail_under: Vec<String>,
    /// Reference rows: default, all
    #[arg(long, value_name = "WHICH")]
    pub references: Option<String>,
    /// Time for the whole job, for example 5m
    #[arg(long, value_name = "TIME")]
    pub budget: Option<String>,
    /// Time for one task
    #[arg(long, value_name = "TIME")]
    pub task_time: Option<String>,
    /// Planned memory of one task
    #[arg(long, value_name = "SIZE")]
    pub task_memory: Option<String>,
    /// What profile and metadata show: protected, exact
    #[arg(long, value_name = "HOW")]
    pub disclosure: Option<String>,
    /// Job file, TOML or JSON; flags override it
    #[arg(long, value_name = "FILE")]
    pub job: Option<PathBuf>,
    /// Guard text cells against spreadsheets: prefix = + - @ with '
    #[arg(long)]
    pub csv_safe: bool,
    #[command(flatten)]
    pub reading: Reading,
}
