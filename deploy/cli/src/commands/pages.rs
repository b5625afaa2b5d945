//! Completions, man pages, version: generated from the one definition of the command line.

use super::Surroundings;
use crate::arguments::Arguments;
use crate::say;
use clap::CommandFactory;
use serde_json::json;
use std::path::Path;
use synthfleet_proto::{Error, Result};

/// Prints a completion script.
pub fn completions(shell: clap_complete::Shell) -> Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "synthfleet", &mut script);
    // a reader that went away is no error of ours
    say!("{}", String::from_utf8_lossy(&script).trim_end());
    Ok(0)
}

/// Writes one man page a command.
pub fn man(folder: &Path) -> Result<u8> {
    std::fs::create_dir_all(folder).map_err(|e| Error::io(folder.display(), e))?;
    clap_mangen::generate_to(Arguments::command(), folder).map_err(|e| Error::io(folder.display(), e))?;
    Ok(0)
}

/// Prints version and target.
pub fn version(surroundings: &Surroundings) -> Result<u8> {
    let (version, target) = (env!("CARGO_PKG_VERSION"), format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS));
    if surroundings.json {
        say!("{}", json!({"version": version, "target": target}));
    } else {
        say!("synthfleet {version} ({target})");
    }
    Ok(0)
}
