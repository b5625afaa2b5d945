//! One file a command. A command gets its flags and the surroundings, and returns an exit code.

pub mod benchmark;
pub mod catalogue;
pub mod config;
pub mod dead;
pub mod demo;
pub mod doctor;
pub mod explain;
pub mod follow;
pub mod gc;
pub mod generate;
pub mod jobs;
pub mod layout;
pub mod pages;
pub mod plan;
pub mod profile;
pub mod queue;
pub mod report;
pub mod run;
pub mod single;
pub mod submit;
pub mod suite;
pub mod synthesize;
pub mod token;
pub mod work_folder;
pub mod workers;

use crate::config::{Config, Setting};
use crate::present::style::Style;

/// What every command may use.
pub struct Surroundings {
    pub config: Config,
    pub settings: Vec<Setting>,
    pub style: Style,
    pub json: bool,
    pub events: bool,
    pub quiet: bool,
}
