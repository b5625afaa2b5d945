//! How a machine gets what checks need: packages of Debian for the whole machine, Python environments below the user's
//! cache.

use crate::Outcome;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file that shows that something is there, and the packages of Debian that bring it.
pub type Package = (&'static str, &'static [&'static str]);

/// The folder that everything of this user lies below.
pub fn cache() -> Result<PathBuf, String> {
    let home = std::env::home_dir().ok_or("there is no home to keep tools in")?;
    Ok(home.join(".cache/synthfleet"))
}

/// Installs the packages whose files are missing.
pub fn packages(tools: &[Package]) -> Outcome {
    let packages: Vec<&str> =
        tools.iter().filter(|(file, _)| !Path::new(file).exists()).flat_map(|(_, packages)| *packages).copied().collect();
    if packages.is_empty() {
        return Ok(());
    }
    if !Path::new("/usr/bin/apt-get").exists() {
        return Err(format!("missing, and there is no apt-get to install it: {}", packages.join(" ")));
    }
    run("apt-get", &["update"])?;
    run("apt-get", &[&["install", "-y", "--no-install-recommends"], packages.as_slice()].concat())
}

/// Whether the environment is there and can import some modules.
pub fn can_import(folder: &Path, modules: &str) -> bool {
    succeeds(&folder.join("bin/python").display().to_string(), &["-c", &format!("import {modules}")])
}

/// Makes a Python environment anew.
pub fn python(folder: &Path, wanted: &[&str]) -> Outcome {
    // its name does not say that Debian keeps this part of Python in a package of its own
    if !succeeds("python3", &["-c", "import ensurepip, venv"]) {
        run("apt-get", &["update"])?;
        run("apt-get", &["install", "-y", "--no-install-recommends", "python3", "python3-venv"])?;
    }
    let folder = folder.display().to_string();
    run("python3", &["-m", "venv", "--clear", &folder])?;
    run(&format!("{folder}/bin/python"), &[&["-m", "pip", "install", "--quiet"], wanted].concat())
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

/// Runs a program to its end, with its output shown.
pub fn run(program: &str, arguments: &[&str]) -> Outcome {
    let status = Command::new(program).args(arguments).status().map_err(|e| format!("cannot run {program}: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("failed: {program} {}", arguments.join(" "))) }
}
