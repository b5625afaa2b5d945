//! `demo`: a simulated table in a file, and the whole job on it.

use super::{Surroundings, run};
use crate::arguments::{Arguments, Command};
use crate::tell;
use clap::Parser;
use std::path::Path;
use synthfleet_intake::simulated;
use synthfleet_proto::{Error, Result};

/// Rows of the demonstration table.
const ROWS: u64 = 5_000;

/// Writes `demo.csv` and runs it with the preset `quick`.
pub fn run(folder: &Path, surroundings: &Surroundings) -> Result<u8> {
    std::fs::create_dir_all(folder).map_err(|e| Error::io(folder.display(), e))?;
    let file = folder.join("demo.csv");
    std::fs::write(&file, simulated::csv("demo", ROWS, 0)?).map_err(|e| Error::io(file.display(), e))?;
    let (source, output) = (file.display().to_string(), folder.join("synthfleet-out/demo").display().to_string());
    if !surroundings.quiet {
        tell!("  demo     synthfleet run {source} --preset quick -o {output}");
    }
    let arguments = Arguments::try_parse_from(["synthfleet", "run", &source, "--preset", "quick", "-o", &output]);
    match arguments.map(|arguments| arguments.command) {
        Ok(Some(Command::Run(flags))) => run::run(&flags, surroundings),
        _ => Err(Error::internal("cli::demo", "the demonstration's own command is not understood")),
    }
}
