//! The command line: every command and flag, once. Help, completions and man pages follow from it.

mod client;
mod fleet;
mod wishes;

pub use client::{Dead, DeadWhat, Jobs, JobsWhat, Queue, Submit, Token, TokenWhat, Workers};
pub use fleet::{Coordinator, Places, Serve, Worker};
pub use wishes::Wishes;

use crate::present::style::Colour;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// A table goes in; the best synthetic table that passes a privacy gate comes out, with proof.
#[derive(Debug, Parser)]
#[command(name = "synthfleet", version, disable_help_subcommand = true, propagate_version = false, max_term_width = 100)]
pub struct Arguments {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Flags that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub struct Global {
    /// Print exactly one JSON object on stdout
    #[arg(long, global = true)]
    pub json: bool,
    /// Print one JSON event a line on stdout: jsonl
    #[arg(long, global = true, value_name = "FORMAT", value_parser = ["jsonl"])]
    pub events: Option<String>,
    /// Say only what went wrong
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Say more; twice: say all
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// When to use colour
    #[arg(long, global = true, value_enum, default_value = "auto", value_name = "WHEN")]
    pub color: Colour,
    /// Draw no progress bars
    #[arg(long, global = true)]
    pub no_progress: bool,
    /// Write logs as lines for people or as JSON objects: text, json
    #[arg(long, global = true, value_name = "FORMAT", value_parser = ["text", "json"])]
    pub log_format: Option<String>,
    /// Read this configuration file
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The server that submit, jobs, workers, queue, dead and token speak to
    #[arg(long, global = true, value_name = "URL")]
    pub server: Option<String>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Turn a table into the best synthetic table, with proof
    #[command(
        after_long_help = "Examples:\n  synthfleet run adult.csv\n  synthfleet run adult.csv --preset quick --target income -o out\n  synthfleet run sim:demo --dry-run\n  cat adult.csv | synthfleet run -"
    )]
    Run(Box<Run>),
    /// Describe a table: kinds, levels, quantiles, notes
    Profile(Profile),
    /// Fit one synthesizer and write its model and a sample
    Synthesize(Synthesize),
    /// Sample rows from a model file
    Generate(Generate),
    /// Score any two tables, also made elsewhere
    Benchmark(Benchmark),
    /// Build the report of a finished output folder again
    Report(Report),
    /// List synthesizers, or show one
    #[command(subcommand)]
    Synthesizers(Catalogue),
    /// List benchmarks, or show one
    #[command(subcommand)]
    Benchmarks(Catalogue),
    /// Explain an error code
    Explain {
        /// The code that stands in brackets behind `error`, for example csv::ragged
        code: Option<String>,
    },
    /// Write sim:demo to demo.csv and run it with the preset quick
    Demo {
        /// Folder for demo.csv and the output
        #[arg(short, long, value_name = "DIR", default_value = ".")]
        output: PathBuf,
    },
    /// Show the settings in force
    #[command(subcommand)]
    Config(Config),
    /// Coordinator, API and worker in one process on this machine
    Serve(Serve),
    /// Compare synthesizers over many tables: one job each, one leaderboard
    #[command(
        after_long_help = "Examples:\n  synthfleet suite sdgym2020 adult.csv.gz\n  synthfleet suite tables/ --preset quick -o out\n  synthfleet suite tables/ --fleet --server http://fleet.example:8080"
    )]
    Suite(Box<Suite>),
    /// Look after the jobs of a fleet: one of any number of replicas
    Coordinator(Coordinator),
    /// Take tasks of a fleet
    #[command(
        after_long_help = "Examples:\n  synthfleet worker --take '*'\n  synthfleet worker --take synthesize:seqtree --slots 4\n  synthfleet worker --take 'benchmark:*,profile,generate'"
    )]
    Worker(Worker),
    /// Ask a server for jobs, one for each source
    #[command(
        after_long_help = "Examples:\n  synthfleet submit adult.csv --wait\n  synthfleet submit s3://tables/a.csv s3://tables/b.csv --preset quick\n  synthfleet submit --job nightly.toml --idempotency-key 2026-01-31"
    )]
    Submit(Box<Submit>),
    /// See and steer the jobs of a server
    Jobs(Jobs),
    /// See the workers of a fleet, or ask one to leave
    #[command(subcommand)]
    Workers(Workers),
    /// See how full the queues of a fleet are, remove those of pools that are gone
    #[command(subcommand)]
    Queue(Queue),
    /// See messages that were buried, send them again or forget them
    Dead(Dead),
    /// Remove from a store what was kept long enough, as coordinators do four times a day
    #[command(
        after_long_help = "Data of attempts goes retention.data_days after the end of its job, the whole job after retention.jobs_days.\nWhat a job published stays as long as the job, and nothing of a job that has not ended ever goes.\n\nExamples:\n  synthfleet gc --dry-run\n  synthfleet gc --store s3://bucket/fleet"
    )]
    Gc {
        /// Only list what would go, with its bytes
        #[arg(long)]
        dry_run: bool,
        /// Store: file:///folder or s3://bucket/prefix; the one of the settings if absent
        #[arg(long, value_name = "URL")]
        store: Option<String>,
    },
    /// Make, list and revoke tokens of a server
    Token(Token),
    /// Check this machine and what the settings name: store, broker, buckets, security
    Doctor {
        /// Only this part; all that the settings name if absent
        #[arg(value_enum, conflicts_with = "calibrate")]
        part: Option<DoctorPart>,
        /// Judge the judge: run tables whose right answer is known, those named and two of our own
        #[arg(long, num_args = 0.., value_name = "TABLE")]
        calibrate: Option<Vec<String>>,
        /// Jobs of each table of a calibration
        #[arg(long, value_name = "N", default_value_t = 2, requires = "calibrate", value_parser = clap::value_parser!(u64).range(1..=1_000))]
        seeds: u64,
    },
    /// Print a completion script
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write man pages
    Man {
        /// Folder for the pages
        #[arg(default_value = ".")]
        folder: PathBuf,
    },
    /// Print version and build
    Version,
    /// Run one task folder; what a worker starts as a child
    #[command(hide = true)]
    Task {
        /// The task folder
        folder: PathBuf,
    },
}

/// A part of `doctor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum DoctorPart {
    /// Where facts and data lie
    Store,
    /// How processes reach each other
    Broker,
    /// Buckets that links of users may name
    S3,
    /// Who may do what, and what tasks could do
    Security,
}

/// Flags of `config`.
#[derive(Debug, Subcommand)]
pub enum Config {
    /// Print each setting
    Show {
        /// Say where each value comes from
        #[arg(long)]
        origin: bool,
    },
}

/// Flags of `synthesizers` and `benchmarks`.
#[derive(Debug, Subcommand)]
pub enum Catalogue {
    /// One line each
    Ls,
    /// Options, cost, paper
    Show {
        /// Name or alias
        name: String,
    },
}

/// What a table is and how its file is written: all commands that read one take these.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Reading")]
pub struct Reading {
    /// Column to predict, or `none`
    #[arg(long, value_name = "NAME")]
    pub target: Option<String>,
    /// Kind of a column
    #[arg(long, value_name = "COLUMN=KIND")]
    pub kind: Vec<String>,
    /// Role of a column: model, generate, drop, null
    #[arg(long, value_name = "COLUMN=ROLE")]
    pub role: Vec<String>,
    /// Order of a column's levels
    #[arg(long, value_name = "COLUMN=LOW<MID<HIGH")]
    pub ordinal: Vec<String>,
    /// Rule that every row keeps: 'a <= b', 'a < b', '0 <= a <= 9', 'a -> b', 'combinations of a, b', 'one hot a, b, c'
    #[arg(long, value_name = "RULE")]
    pub constraint: Vec<String>,
    /// What becomes of labels with too few rows: resample, token (`_RARE_`), keep
    #[arg(long, value_name = "HOW")]
    pub rare_labels: Option<String>,
    /// Rows that a label or an extreme needs to be shown; 1 protects nothing
    #[arg(long, value_name = "N")]
    pub protect_rows: Option<u32>,
    /// Metadata file that overrides what is inferred (SDV, SDGym 2020)
    #[arg(long, value_name = "FILE")]
    pub metadata: Option<String>,
    /// What to do with values outside the metadata: fail, warn
    #[arg(long, value_name = "HOW")]
    pub metadata_check: Option<String>,
    /// Table of a metadata file that describes several
    #[arg(long, value_name = "NAME")]
    pub table: Option<String>,
    /// Field separator
    #[arg(long, value_name = "CHAR")]
    pub delimiter: Option<String>,
    /// Quote, or `none`
    #[arg(long, value_name = "CHAR")]
    pub quote: Option<String>,
    /// Escape inside quotes
    #[arg(long, value_name = "CHAR")]
    pub escape: Option<String>,
    /// Whether the first record names the columns: yes, no
    #[arg(long, value_name = "YES|NO")]
    pub header: Option<String>,
    /// Records to leave out before the header
    #[arg(long, value_name = "N")]
    pub skip_lines: Option<u32>,
    /// Lines that start with this are comments
    #[arg(long, value_name = "CHAR")]
    pub comment: Option<String>,
    /// Decimal mark
    #[arg(long, value_name = "CHAR")]
    pub decimal: Option<String>,
    /// Thousands mark
    #[arg(long, value_name = "CHAR")]
    pub thousands: Option<String>,
    /// A further token for missing cells
    #[arg(long, value_name = "TOKEN")]
    pub missing: Vec<String>,
    /// The only tokens for missing cells
    #[arg(long, value_name = "TOKEN,..", value_delimiter = ',')]
    pub missing_only: Vec<String>,
    /// Encoding label
    #[arg(long, value_name = "NAME")]
    pub encoding: Option<String>,
    /// What to do with bytes that are not text: fail, replace, strip
    #[arg(long, value_name = "HOW")]
    pub bad_bytes: Option<String>,
    /// What to do with ragged rows: fail, skip, save, pad
    #[arg(long, value_name = "HOW")]
    pub bad_rows: Option<String>,
    /// Largest share of bad rows that is left out
    #[arg(long, value_name = "SHARE")]
    pub bad_rows_max: Option<f64>,
    /// What to do with cells that do not fit their column: null, keep, fail
    #[arg(long, value_name = "HOW")]
    pub on_bad_cell: Option<String>,
    /// Share of rows kept as holdout, 0.05 to 0.5
    #[arg(long, value_name = "SHARE")]
    pub holdout: Option<f64>,
    /// A given test file; all rows of the source then are train
    #[arg(long, value_name = "SOURCE")]
    pub holdout_source: Option<String>,
    /// random, stratified or auto
    #[arg(long, value_name = "HOW")]
    pub split_strategy: Option<String>,
    /// Seed of everything
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
}

/// How a task may run.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Running")]
pub struct Running {
    /// Threads to use; all cores if absent
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Memory that tasks may use together, for example 8GiB; a smaller one runs fewer at once
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<String>,
    /// Folder for work files; it holds real rows
    #[arg(long, value_name = "DIR")]
    pub work_dir: Option<PathBuf>,
}

/// Flags of `run`.
#[derive(Debug, Clone, Args)]
pub struct Run {
    /// Path, `-` for standard input, or sim:NAME; may stand in --job instead
    pub source: Option<String>,
    /// Run tasks in threads or in child processes: pool, child
    #[arg(long, value_name = "HOW")]
    pub isolate: Option<String>,
    /// Output folder
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Write into a folder that holds other files
    #[arg(long)]
    pub force: bool,
    /// Use finished tasks of an earlier, equal job (the default)
    #[arg(long, overrides_with = "no_cache")]
    pub resume: bool,
    /// Do every task anew
    #[arg(long)]
    pub no_cache: bool,
    /// Further layout of the output: original
    #[arg(long, value_name = "NAME", value_parser = ["original"])]
    pub layout: Option<String>,
    /// Show plan and estimate, run nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub wishes: Wishes,
    #[command(flatten)]
    pub running: Running,
}

/// Flags of `suite`.
#[derive(Debug, Clone, Args)]
pub struct Suite {
    /// sdgym2020, folders of tables, tables
    #[arg(required = true, value_name = "WHAT")]
    pub what: Vec<String>,
    /// Output folder: leaderboard.csv, leaderboard.html and a folder for each table
    #[arg(short, long, value_name = "DIR", default_value = "synthfleet-suite")]
    pub output: PathBuf,
    /// Run the jobs on the server that --server names, all at once
    #[arg(long)]
    pub fleet: bool,
    /// Do every task anew
    #[arg(long)]
    pub no_cache: bool,
    /// Further layout of the output: sdgym
    #[arg(long, value_name = "NAME", value_parser = ["sdgym"], conflicts_with = "fleet")]
    pub layout: Option<String>,
    #[command(flatten)]
    pub wishes: Wishes,
    #[command(flatten)]
    pub running: Running,
}

/// Flags of `profile`.
#[derive(Debug, Clone, Args)]
pub struct Profile {
    /// Path, `-` or sim:NAME
    pub source: String,
    /// table, json, sdv or sdgym2020
    #[arg(long, value_name = "FORMAT", default_value = "table", value_parser = ["table", "json", "sdv", "sdgym2020"])]
    pub format: String,
    #[command(flatten)]
    pub reading: Reading,
    #[command(flatten)]
    pub running: Running,
}

/// Flags of `synthesize`.
#[derive(Debug, Clone, Args)]
pub struct Synthesize {
    /// Path, `-` or sim:NAME; all its rows are train unless --holdout is given
    pub source: String,
    /// The synthesizer
    #[arg(short, long, value_name = "NAME")]
    pub synthesizer: String,
    /// An option of the synthesizer
    #[arg(long, value_name = "OPTION=VALUE")]
    pub set: Vec<String>,
    /// Secret key of the noise of a differentially private synthesizer, 64 hexadecimal digits
    #[arg(long, value_name = "KEY", env = "SYNTHFLEET_NOISE_KEY", hide_env_values = true)]
    pub noise_key: Option<String>,
    /// Rows of the sample; as many as train if absent
    #[arg(long, value_name = "N")]
    pub rows: Option<u64>,
    /// Folder for model.bin and the sample
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    pub output: PathBuf,
    #[command(flatten)]
    pub reading: Reading,
    #[command(flatten)]
    pub running: Running,
}

/// Flags of `generate`.
#[derive(Debug, Clone, Args)]
pub struct Generate {
    /// A model.bin
    pub model: PathBuf,
    /// Rows to make
    #[arg(long, value_name = "N", required_unless_present = "given")]
    pub rows: Option<u64>,
    /// What every row must be: 'age>=40', 'sex=Female', 'town=Ulm|Bern', 'day=2020-01-01..2020-12-31', 'income is missing'
    #[arg(long = "where", value_name = "CONDITION")]
    pub conditions: Vec<String>,
    /// Seed of the rows; the model's own if absent
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Table with one row of fixed cells for each row to make; empty cells are filled
    #[arg(long, value_name = "FILE")]
    pub given: Option<PathBuf>,
    /// File to write: .csv or .parquet; stdout if absent
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub running: Running,
}

/// Flags of `benchmark`.
#[derive(Debug, Clone, Args)]
pub struct Benchmark {
    /// The real table: what the synthesizer saw
    pub real: String,
    /// The synthetic table
    pub synthetic: String,
    /// Benchmarks to score on instead of all
    #[arg(short, long, value_name = "NAME", num_args = 1.., value_delimiter = ',')]
    pub benchmarks: Vec<String>,
    #[command(flatten)]
    pub reading: Reading,
    #[command(flatten)]
    pub running: Running,
}

/// Flags of `report`.
#[derive(Debug, Clone, Args)]
pub struct Report {
    /// A finished output folder
    pub folder: PathBuf,
    /// Open the report in the browser
    #[arg(long)]
    pub open: bool,
}
