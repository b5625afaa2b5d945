//! Settings of the process: flag, environment, file and default, in this order. Unknown keys are refused.

mod settings;

pub use settings::{
    BrokerConfig, BucketQueueConfig, ClientConfig, Config, CoordinatorConfig, DoorsConfig, RetentionConfig, ServeConfig, SourcesConfig,
    StoreConfig, TracesConfig, WorkerConfig,
};

use figment::Figment;
use figment::providers::{Format, Serialized, Toml};
use serde::Serialize;
use serde_json::Value;
use std::path::{Path, PathBuf};
use synthfleet_proto::{Error, Result, id};

const DEFAULTS: &str = include_str!("default.toml");
const PREFIX: &str = "SYNTHFLEET_";
/// Variables that other programs of the trade read under the same names. Those of our prefix come before them.
const STANDARD: [(&str, &str); 3] = [
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "traces.endpoint"),
    ("OTEL_EXPORTER_OTLP_HEADERS", "traces.headers"),
    ("OTEL_EXPORTER_OTLP_PROTOCOL", "traces.protocol"),
];
/// Variables of this prefix that are not settings: tests and tools read them.
const NOT_SETTINGS: [&str; 2] = ["SYNTHFLEET_SHARED", "SYNTHFLEET_TASK_DIR"];

/// One setting as `config show` prints it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Setting {
    pub key: String,
    pub value: Value,
    pub origin: String,
}

/// Where settings may come from, besides the defaults.
pub struct Sources<'a> {
    /// The file named by `--config`; if absent, `synthfleet.toml` in the working folder.
    pub file: Option<&'a Path>,
    /// The environment.
    pub variables: Vec<(String, String)>,
}

/// The settings in force, and where each comes from.
pub fn load(sources: &Sources<'_>) -> Result<(Config, Vec<Setting>)> {
    let variable = |name: &str| sources.variables.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let mut figment = with_file(Figment::from(Toml::string(DEFAULTS)), Path::new("/etc/synthfleet/config.toml"));
    let home = variable("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| variable("HOME").map(|home| Path::new(&home).join(".config")));
    if let Some(home) = home {
        figment = with_file(figment, &home.join("synthfleet/config.toml"));
    }
    let file = match sources.file {
        Some(file) if !file.exists() => {
            return Err(Error::invalid("config::missing", format!("no configuration file {}", file.display()))
                .help("check the path given with --config"));
        }
        Some(file) => file.to_owned(),
        None => PathBuf::from("synthfleet.toml"),
    };
    figment = with_file(figment, &file);
    let (standard, ours): (Vec<_>, Vec<_>) = sources.variables.iter().partition(|(name, _)| is_standard(name));
    for (name, value) in standard.into_iter().chain(ours) {
        figment = from_variable(figment, name, value)?;
    }
    refuse_unknown(&figment)?;
    let config = figment.extract().map_err(|e| {
        Error::invalid("config::value", e.to_string()).help("synthfleet config show --origin names the place of each setting")
    })?;
    Ok((config, settings(&figment, sources)?))
}

/// Whether a variable is one that other programs read as well.
pub fn is_standard(name: &str) -> bool {
    STANDARD.iter().any(|(known, _)| *known == name)
}

/// Adds a file if there is one.
fn with_file(figment: Figment, file: &Path) -> Figment {
    if file.exists() { figment.merge(Toml::file_exact(file)) } else { figment }
}

fn from_variable(figment: Figment, name: &str, value: &str) -> Result<Figment> {
    if let Some((_, key)) = STANDARD.iter().find(|(known, _)| *known == name) {
        return Ok(figment.merge(Serialized::default(key, value)));
    }
    let Some(rest) = name.strip_prefix(PREFIX).filter(|_| !NOT_SETTINGS.contains(&name)) else { return Ok(figment) };
    let known = keys(&defaults()?);
    let names: Vec<String> = known.iter().map(|key| variable_of(key)).collect();
    match known.iter().find(|key| variable_of(key) == format!("{PREFIX}{rest}")) {
        Some(key) => {
            let typed: Value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
            Ok(figment.merge(Serialized::default(key, typed)))
        }
        None => Err(unknown("variable", name, names.iter().map(String::as_str))),
    }
}

fn variable_of(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "_").to_uppercase())
}

fn refuse_unknown(figment: &Figment) -> Result<()> {
    let all: Value = figment.extract().map_err(|e| Error::invalid("config::syntax", e.to_string()))?;
    let known = keys(&defaults()?);
    match keys(&all).into_iter().find(|key| !known.contains(key)) {
        Some(key) => Err(unknown("setting", &key, known.iter().map(String::as_str))),
        None => Ok(()),
    }
}

fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let error = Error::invalid("config::unknown", format!("no {what} {name}"));
    match id::nearest(name, known) {
        Some(near) => error.help(format!("did you mean {near}?")),
        None => error.help("synthfleet config show lists all settings"),
    }
}

fn settings(figment: &Figment, sources: &Sources<'_>) -> Result<Vec<Setting>> {
    let all: Value = figment.extract().map_err(|e| Error::invalid("config::syntax", e.to_string()))?;
    let setting = |key: String| {
        let origin = match figment.find_metadata(&key) {
            Some(figment::Metadata { source: Some(figment::Source::File(path)), .. }) => path.display().to_string(),
            Some(metadata) if metadata.name.contains("TOML") => "default".to_owned(),
            _ => origin_of(&key, sources),
        };
        let value = masked(&key, key.split('.').fold(all.clone(), |value, part| value[part].clone()));
        Setting { key, value, origin }
    };
    Ok(keys(&all).into_iter().map(setting).collect())
}

/// The variable that a setting comes from.
fn origin_of(key: &str, sources: &Sources<'_>) -> String {
    let ours = variable_of(key);
    let standard = STANDARD.iter().find(|(_, known)| *known == key).map(|(name, _)| *name);
    match standard {
        Some(standard) if !sources.variables.iter().any(|(name, _)| *name == ours) => standard.to_owned(),
        _ => ours,
    }
}

/// Settings that are secret as a whole.
const SECRETS: [&str; 3] = ["broker.password", "client.token", "traces.headers"];

/// The value as people may see it: no secret, no password inside an address.
fn masked(key: &str, value: Value) -> Value {
    let Some(text) = value.as_str().filter(|text| !text.is_empty()) else { return value };
    if SECRETS.contains(&key) {
        return Value::String("***".to_owned());
    }
    let hidden = || {
        let (scheme, rest) = text.split_once("://")?;
        let (user, place) = rest.split_once('@')?;
        Some(format!("{scheme}://{}:***@{place}", user.split_once(':')?.0))
    };
    hidden().map_or(value.clone(), Value::String)
}

fn defaults() -> Result<Value> {
    toml::from_str(DEFAULTS).map_err(|e| Error::internal("config::defaults", e.to_string()))
}

fn keys(value: &Value) -> Vec<String> {
    let Some(object) = value.as_object() else { return Vec::new() };
    let below = |(name, value): (&String, &Value)| match value {
        Value::Object(_) => keys(value).into_iter().map(|key| format!("{name}.{key}")).collect(),
        _ => vec![name.clone()],
    };
    object.iter().flat_map(below).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Result<(Config, Vec<Setting>)> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        load(&Sources { file: None, variables })
    }

    #[test]
    fn the_defaults_are_complete() {
        let (config, settings) = with(&[]).expect("defaults are legal");
        assert_eq!(config.run.isolate, "pool");
        assert!(settings.iter().all(|setting| setting.origin == "default"));
    }

    #[test]
    fn a_variable_overrides_and_is_named_as_origin() {
        let (config, settings) = with(&[("SYNTHFLEET_RUN_THREADS", "3")]).expect("legal");
        assert_eq!(config.run.threads, 3);
        let threads = settings.iter().find(|s| s.key == "run.threads").expect("a setting");
        assert_eq!(threads.origin, "SYNTHFLEET_RUN_THREADS");
    }

    #[test]
    fn secrets_are_not_shown() {
        let variables = [("SYNTHFLEET_BROKER_URL", "amqp://ada:geheim@broker/fleet"), ("SYNTHFLEET_CLIENT_TOKEN", "sf_1_geheim")];
        let (config, settings) = with(&variables).expect("legal");
        assert_eq!(config.client.token, "sf_1_geheim");
        assert!(!format!("{settings:?}").contains("geheim"));
        assert!(settings.iter().any(|setting| setting.value == "amqp://ada:***@broker/fleet"));
    }

    #[test]
    fn a_variable_that_all_programs_read_is_a_setting_and_ours_come_before_it() {
        let standard = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318");
        let secret = ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=geheim");
        let (config, settings) = with(&[standard, secret]).expect("legal");
        assert_eq!((config.traces.endpoint.as_str(), config.traces.headers.as_str()), ("http://collector:4318", "authorization=geheim"));
        let endpoint = settings.iter().find(|setting| setting.key == "traces.endpoint").expect("a setting");
        assert_eq!(endpoint.origin, "OTEL_EXPORTER_OTLP_ENDPOINT");
        assert!(!format!("{settings:?}").contains("geheim"));
        let (config, settings) = with(&[("SYNTHFLEET_TRACES_ENDPOINT", "http://ours:4318"), standard]).expect("legal");
        assert_eq!(config.traces.endpoint, "http://ours:4318");
        assert!(settings.iter().any(|setting| setting.origin == "SYNTHFLEET_TRACES_ENDPOINT"));
    }

    #[test]
    fn an_unknown_variable_names_its_neighbour() {
        let error = with(&[("SYNTHFLEET_RUN_THREAD", "3")]).expect_err("unknown");
        assert_eq!(error.helps(), ["did you mean SYNTHFLEET_RUN_THREADS?"]);
    }
}
