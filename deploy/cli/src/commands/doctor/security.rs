//! Who may do what, and what a task could do: gaps are named, with what closes them.

use super::Check;
use crate::client::is_loopback;
use crate::commands::Surroundings;
use crate::config::Config;
use crate::roles::people;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use synthfleet_coordinator::api::bind_rule;
use url::Url;

/// Rights of others on a file that holds a secret or real rows.
const OTHERS: u32 = 0o077;

/// Every check of security.
pub fn checks(surroundings: &Surroundings, work_dir: &Path) -> Vec<Check> {
    let config = &surroundings.config;
    let mut checks = vec![isolation(config), user(), landlock(), listening(config)];
    checks.extend(lines(config));
    checks.extend(secrets(surroundings));
    checks.push(private("work folder", work_dir, "chmod 700 it: it holds real rows"));
    checks
}

fn isolation(config: &Config) -> Check {
    let children = config.worker.isolate == "child";
    let found = if children { "tasks of workers run in child processes" } else { "tasks of workers run in threads" };
    Check::warns_unless(children, "isolation", found, "set worker.isolate = \"child\": a task that breaks takes the worker with it")
}

/// A task's limits bind everybody but root.
fn user() -> Check {
    let root = std::fs::metadata("/proc/self").is_ok_and(|about| about.uid() == 0);
    let found = if root { "root: the limit on processes does not bind tasks" } else { "not root" };
    Check::warns_unless(!root, "user", found, "run workers as a user of their own")
}

/// What a task may read and reach is not narrowed by the kernel yet: said, not hidden.
fn landlock() -> Check {
    let offered = std::fs::read_to_string("/sys/kernel/security/lsm").unwrap_or_default().contains("landlock");
    let found = if offered { "tasks are not confined by landlock or seccomp" } else { "no landlock here; tasks are not confined by it" };
    Check::warn("kernel confinement", found, "run workers in a container without rights and without a network beyond store and broker")
}

/// Who reaches the API, and whether it would start at all.
fn listening(config: &Config) -> Check {
    let listen = &config.serve.listen;
    if listen.is_empty() {
        return Check::ok("api", "listens nowhere");
    }
    let auth = match people::auth(&config.serve) {
        Ok(auth) => auth,
        Err(error) => return Check::of("api", &error),
    };
    let Ok(address) = listen.parse::<SocketAddr>() else {
        return Check::warn("api", format!("{listen} is a name: who it reaches is not known here"), "write an address with a port");
    };
    match bind_rule(address, &auth) {
        Err(error) => Check::of("api", &error),
        Ok(()) if address.ip().is_loopback() => Check::ok("api", format!("{listen}: this machine alone")),
        Ok(()) => Check::warn("api", format!("{listen}: with tokens, without encryption of its own"), "put a proxy with TLS before it"),
    }
}

/// Lines that carry secrets or rows without encryption.
fn lines(config: &Config) -> Vec<Check> {
    let is_open = |text: &str| {
        Url::parse(text).is_ok_and(|url| ["http", "amqp"].contains(&url.scheme()) && url.host().is_some() && !is_loopback(&url))
    };
    let lines = [
        ("store", &config.store.endpoint, "use https:// in store.endpoint"),
        ("broker", &config.broker.url, "use amqps:// in broker.url"),
        ("queues", &config.broker.endpoint, "use https:// in broker.endpoint"),
        ("server", &config.client.server, "use https:// in client.server"),
    ];
    let open = lines.into_iter().filter(|(_, text, _)| is_open(text));
    open.map(|(what, _, fix)| Check::warn(format!("line to the {what}"), "not encrypted", fix)).collect()
}

/// Files of secrets, and secrets that stand in a settings file.
fn secrets(surroundings: &Surroundings) -> Vec<Check> {
    let config = &surroundings.config;
    let mut checks = Vec::new();
    for (key, file) in [
        ("client.token_file", &config.client.token_file),
        ("broker.password_file", &config.broker.password_file),
        ("serve.callback_secret_file", &config.serve.callback_secret_file),
    ] {
        if !file.is_empty() {
            checks.push(private(key, Path::new(file), "chmod 600 it"));
        }
    }
    let secret = |key: &str| ["client.token", "broker.password"].contains(&key);
    for setting in surroundings.settings.iter().filter(|setting| secret(&setting.key) && setting.value != "") {
        let place = Path::new(&setting.origin);
        if place.is_file() {
            checks.push(private(&setting.key, place, "chmod 600 it, or put the secret into a file of its own"));
        }
    }
    checks
}

fn private(what: &str, path: &Path, fix: &str) -> Check {
    let Ok(about) = std::fs::metadata(path) else { return Check::ok(what, format!("{} is not there yet", path.display())) };
    let mode = about.mode() & 0o777;
    Check::warns_unless(mode & OTHERS == 0, what, format!("{} mode {mode:o}", path.display()), fix)
}
