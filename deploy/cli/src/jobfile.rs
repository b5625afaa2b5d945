//! From flags to a job: a JSON object with the field names of the job description, so that the strict
//! reader of the job judges file and flags alike.

use crate::arguments::{Reading, Wishes};
use serde_json::{Map, Value, json};
use std::path::Path;
use synthfleet_proto::{Error, Result};

/// The job of flags: the job file's fields, overridden by flags.
pub fn of_flags(source: Option<&str>, wishes: &Wishes) -> Result<Value> {
    let mut job = match &wishes.job {
        Some(path) => read(path)?,
        None => Map::new(),
    };
    put(&mut job, "preset", &wishes.preset);
    put(&mut job, "repeats", &wishes.repeats);
    put(&mut job, "gate", &wishes.gate);
    put(&mut job, "weights", &wishes.weights);
    put(&mut job, "references", &wishes.references);
    put(&mut job, "disclosure", &wishes.disclosure);
    put(&mut job, "epsilon", &wishes.epsilon);
    put(&mut job, "delta", &wishes.delta);
    put(&mut job, "noise_key", &wishes.noise_key);
    put_list(&mut job, "synthesizers", &wishes.synthesizers);
    put_list(&mut job, "benchmarks", &wishes.benchmarks);
    put_list(&mut job, "formats", &wishes.formats);
    if wishes.csv_safe {
        job.insert("csv_safe".into(), json!(true));
    }
    if let Some(rows) = &wishes.rows {
        job.insert("rows".into(), rows.parse::<u64>().map_or_else(|_| json!(rows), |n| json!(n)));
    }
    let mut limits = Map::new();
    for floor in &wishes.fail_under {
        let (score, value) = pair("--fail-under", floor)?;
        limits.insert(score.to_owned(), number("--fail-under", value)?);
    }
    if !limits.is_empty() {
        job.insert("fail_under".into(), Value::Object(limits));
    }
    budget(&mut job, wishes)?;
    options(&mut job, &wishes.set)?;
    reading(&mut job, source, &wishes.reading)?;
    Ok(Value::Object(job))
}

/// The fields of a job that say what the table is and how its file is written.
pub fn reading(job: &mut Map<String, Value>, source: Option<&str>, reading: &Reading) -> Result<()> {
    put(job, "target", &reading.target);
    put(job, "table", &reading.table);
    put(job, "holdout", &reading.holdout);
    put(job, "holdout_source", &reading.holdout_source);
    put(job, "split_strategy", &reading.split_strategy);
    put(job, "seed", &reading.seed);
    put(job, "metadata", &reading.metadata);
    put_list(job, "constraints", &reading.constraint);
    put(job, "metadata_check", &reading.metadata_check);
    let mut protection = job.remove("value_protection").and_then(|asked| asked.as_object().cloned()).unwrap_or_default();
    put(&mut protection, "rare_labels", &reading.rare_labels);
    put(&mut protection, "rows_min", &reading.protect_rows);
    if !protection.is_empty() {
        job.insert("value_protection".into(), Value::Object(protection));
    }
    let mut form = match job.remove("source") {
        Some(Value::Object(form)) => form,
        Some(uri) => Map::from_iter([("uri".to_owned(), uri)]),
        None => Map::new(),
    };
    if let Some(source) = source {
        form.insert("uri".into(), json!(source));
    }
    put(&mut form, "bad_rows", &reading.bad_rows);
    put(&mut form, "bad_rows_max", &reading.bad_rows_max);
    put(&mut form, "bad_bytes", &reading.bad_bytes);
    put(&mut form, "on_bad_cell", &reading.on_bad_cell);
    put_list(&mut form, "missing", &reading.missing);
    put_list(&mut form, "missing_only", &reading.missing_only);
    let mut dialect = form.remove("dialect").and_then(|d| d.as_object().cloned()).unwrap_or_default();
    let texts = [
        ("delimiter", &reading.delimiter),
        ("quote", &reading.quote),
        ("escape", &reading.escape),
        ("comment", &reading.comment),
        ("decimal", &reading.decimal),
        ("thousands", &reading.thousands),
        ("encoding", &reading.encoding),
    ];
    texts.into_iter().for_each(|(field, value)| put(&mut dialect, field, value));
    put(&mut dialect, "skip_lines", &reading.skip_lines);
    if let Some(header) = &reading.header {
        dialect.insert("header".into(), json!(yes("--header", header)?));
    }
    if !dialect.is_empty() {
        form.insert("dialect".into(), Value::Object(dialect));
    }
    columns(&mut form, reading)?;
    job.insert("source".into(), Value::Object(form));
    Ok(())
}

fn columns(form: &mut Map<String, Value>, reading: &Reading) -> Result<()> {
    let mut columns = form.remove("columns").and_then(|c| c.as_object().cloned()).unwrap_or_default();
    let mut set = |column: &str, field: &str, value: Value| {
        let entry = columns.entry(column).or_insert_with(|| json!({}));
        entry[field] = value;
    };
    for text in &reading.kind {
        let (column, kind) = pair("--kind", text)?;
        set(column, "kind", json!(kind));
    }
    for text in &reading.role {
        let (column, role) = pair("--role", text)?;
        set(column, "role", json!(role));
    }
    for text in &reading.ordinal {
        let (column, order) = pair("--ordinal", text)?;
        set(column, "kind", json!("ordinal"));
        set(column, "order", json!(order.split('<').map(str::trim).collect::<Vec<_>>()));
    }
    if !columns.is_empty() {
        form.insert("columns".into(), Value::Object(columns));
    }
    Ok(())
}

fn budget(job: &mut Map<String, Value>, wishes: &Wishes) -> Result<()> {
    let mut budget = job.remove("budget").and_then(|b| b.as_object().cloned()).unwrap_or_default();
    if let Some(time) = &wishes.budget {
        budget.insert("seconds".into(), json!(seconds("--budget", time)?));
    }
    if let Some(time) = &wishes.task_time {
        budget.insert("task_seconds".into(), json!(seconds("--task-time", time)?));
    }
    if let Some(size) = &wishes.task_memory {
        budget.insert("memory_bytes_per_task".into(), json!(bytes("--task-memory", size)?));
    }
    if !budget.is_empty() {
        job.insert("budget".into(), Value::Object(budget));
    }
    Ok(())
}

/// `--set NAME.OPTION=VALUE`: turns the entry `NAME` of synthesizers or benchmarks into its long form.
fn options(job: &mut Map<String, Value>, settings: &[String]) -> Result<()> {
    for text in settings {
        let (path, value) = pair("--set", text)?;
        let (name, option) = path.split_once('.').ok_or_else(|| usage("--set", text, "NAME.OPTION=VALUE"))?;
        let all = job.entry("set").or_insert_with(|| json!({}));
        let entry = all.as_object_mut().map(|all| all.entry(name).or_insert_with(|| json!({})));
        if let Some(entry) = entry {
            entry[option] = value_of(value);
        }
    }
    Ok(())
}

/// The value of an option as typed: JSON if it is, else text.
pub fn value_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| json!(text))
}

/// Splits `NAME=VALUE`.
pub fn pair<'a>(flag: &str, text: &'a str) -> Result<(&'a str, &'a str)> {
    text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| usage(flag, text, "NAME=VALUE"))
}

/// Seconds of a duration such as `90s`, `5m`, `2h` or a plain number of seconds.
pub fn seconds(flag: &str, text: &str) -> Result<f64> {
    scaled(
        flag,
        text,
        &[("ms", 0.001), ("s", 1.0), ("m", 60.0), ("h", 3_600.0), ("d", 86_400.0), ("", 1.0)],
        "a time such as 90s, 5m or 2h",
    )
}

/// Bytes of a size such as `64MiB`, `8GB` or a plain number of bytes.
pub fn bytes(flag: &str, text: &str) -> Result<u64> {
    let units =
        [("KiB", 1024.0), ("MiB", 1_048_576.0), ("GiB", 1_073_741_824.0), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("B", 1.0), ("", 1.0)];
    scaled(flag, text, &units, "a size such as 512MiB or 8GiB").map(|size| size as u64)
}

fn scaled(flag: &str, text: &str, units: &[(&str, f64)], form: &str) -> Result<f64> {
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = units.iter().find(|(name, _)| *name == unit.trim()).map(|(_, factor)| *factor);
    match (number.parse::<f64>(), factor) {
        (Ok(number), Some(factor)) if number > 0.0 => Ok(number * factor),
        _ => Err(usage(flag, text, form)),
    }
}

fn number(flag: &str, text: &str) -> Result<Value> {
    text.parse::<f64>().ok().filter(|n| n.is_finite()).map(|n| json!(n)).ok_or_else(|| usage(flag, text, "a number"))
}

fn yes(flag: &str, text: &str) -> Result<bool> {
    match text {
        "yes" | "true" => Ok(true),
        "no" | "false" => Ok(false),
        _ => Err(usage(flag, text, "yes or no")),
    }
}

fn usage(flag: &str, given: &str, form: &str) -> Error {
    Error::invalid("cli::flag", format!("{flag} takes {form}, not {given:?}")).help(format!("see synthfleet run --help for {flag}"))
}

fn put<T: serde::Serialize>(object: &mut Map<String, Value>, field: &str, value: &Option<T>) {
    if let Some(value) = value {
        object.insert(field.to_owned(), json!(value));
    }
}

fn put_list(object: &mut Map<String, Value>, field: &str, values: &[String]) {
    if !values.is_empty() {
        object.insert(field.to_owned(), json!(values));
    }
}

/// A job file: JSON, or TOML by its ending.
fn read(path: &Path) -> Result<Map<String, Value>> {
    let text = std::fs::read_to_string(path).map_err(|e| Error::io(path.display(), e))?;
    let broken = |cause: String| {
        Error::invalid("job::syntax", cause).in_source(path.display().to_string()).help("see the fields of a job in README.md")
    };
    let value: Value = if path.extension().is_some_and(|ending| ending == "toml") {
        toml::from_str(&text).map_err(|e| broken(e.message().to_owned()))?
    } else {
        serde_json::from_str(&text).map_err(|e| broken(e.to_string()))?
    };
    value.as_object().cloned().ok_or_else(|| broken("a job is an object".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_have_units() {
        assert_eq!(seconds("--budget", "5m").ok(), Some(300.0));
        assert_eq!(seconds("--budget", "90").ok(), Some(90.0));
        assert_eq!(bytes("--memory", "8GiB").ok(), Some(8 << 30));
        assert_eq!(seconds("--budget", "5x").expect_err("no unit x").code(), "cli::flag");
        assert!(seconds("--budget", "-5m").is_err());
    }

    #[test]
    fn flags_of_columns_meet_in_one_object() {
        let reading_flags = Reading {
            kind: vec!["a=ordinal".into()],
            ordinal: vec!["b=low<mid<high".into()],
            role: vec!["a=drop".into()],
            ..Reading::default()
        };
        let mut job = Map::new();
        reading(&mut job, Some("t.csv"), &reading_flags).expect("legal flags");
        assert_eq!(job["source"]["columns"]["a"], json!({"kind": "ordinal", "role": "drop"}));
        assert_eq!(job["source"]["columns"]["b"]["order"], json!(["low", "mid", "high"]));
    }
}
