//! The command that makes the output of a job again: its request as flags of `run`. Pure.

use serde_json::Value;
use synthfleet_proto::Result;
use synthfleet_proto::constraint::Constraint;
use synthfleet_proto::fact::encode;
use synthfleet_proto::job::JobSpec;

/// Fields of a request that are one flag with one value.
const FLAGS: [(&str, &str); 31] = [
    ("/preset", "--preset"),
    ("/target", "--target"),
    ("/table", "--table"),
    ("/metadata/uri", "--metadata"),
    ("/metadata_check", "--metadata-check"),
    ("/source/dialect/delimiter", "--delimiter"),
    ("/source/dialect/quote", "--quote"),
    ("/source/dialect/escape", "--escape"),
    ("/source/dialect/skip_lines", "--skip-lines"),
    ("/source/dialect/comment", "--comment"),
    ("/source/dialect/decimal", "--decimal"),
    ("/source/dialect/thousands", "--thousands"),
    ("/source/dialect/encoding", "--encoding"),
    ("/source/bad_bytes", "--bad-bytes"),
    ("/source/bad_rows", "--bad-rows"),
    ("/source/bad_rows_max", "--bad-rows-max"),
    ("/source/on_bad_cell", "--on-bad-cell"),
    ("/holdout", "--holdout"),
    ("/holdout_source", "--holdout-source"),
    ("/split_strategy", "--split-strategy"),
    ("/repeats", "--repeats"),
    ("/rows", "--rows"),
    ("/gate/profile", "--gate"),
    ("/weights/profile", "--weights"),
    ("/disclosure", "--disclosure"),
    ("/value_protection/rare_labels", "--rare-labels"),
    ("/value_protection/rows_min", "--protect-rows"),
    ("/references", "--references"),
    ("/budget/seconds", "--budget"),
    ("/budget/task_seconds", "--task-time"),
    ("/budget/memory_bytes_per_task", "--task-memory"),
];
/// Lists that are one flag with several values.
const LISTS: [(&str, &str); 2] = [("/synthesizers", "-s"), ("/benchmarks", "-b")];
/// Lists whose flag is repeated.
const REPEATED: [(&str, &str); 3] =
    [("/source/missing", "--missing"), ("/source/missing_only", "--missing-only"), ("/formats", "--formats")];

/// The command. What flags cannot say is told to be in the manifest's `request`, which `--job` takes.
pub fn of(request: &JobSpec) -> Result<String> {
    let plain = |spec: &JobSpec| Ok::<Value, synthfleet_proto::Error>(serde_json::from_slice(&encode(spec)?).unwrap_or_default());
    let (wish, usual) = (plain(request)?, plain(&JobSpec::default())?);
    let differs = |pointer: &str| wish.pointer(pointer).filter(|value| !value.is_null() && Some(*value) != usual.pointer(pointer));
    let mut words = vec!["synthfleet run".to_owned(), quoted(&request.source.uri), format!("--seed {}", request.seed)];
    words.extend(FLAGS.iter().filter_map(|(pointer, flag)| Some(format!("{flag} {}", quoted(&text(differs(pointer)?))))));
    for (pointer, flag) in LISTS {
        let names: Vec<String> = list(differs(pointer)).map(|choice| quoted(&text(&choice["name"]))).collect();
        if !names.is_empty() {
            words.push(format!("{flag} {}", names.join(" ")));
        }
    }
    for (pointer, flag) in REPEATED {
        words.extend(list(differs(pointer)).map(|value| format!("{flag} {}", quoted(&text(value)))));
    }
    words.extend(request.constraints.iter().map(|rule| format!("--constraint {}", quoted(&rule.to_string()))));
    if let Some(header) = request.source.dialect.header {
        words.push(format!("--header {}", if header { "yes" } else { "no" }));
    }
    for (column, stated) in &request.source.columns {
        let of_column = |flag: &str, value: String| format!("{flag} {}", quoted(&format!("{column}={value}")));
        match &stated.order {
            Some(order) => words.push(of_column("--ordinal", order.join("<"))),
            None => words.extend(stated.kind.map(|kind| of_column("--kind", kind.name().to_owned()))),
        }
        words.extend(
            wish.pointer("/source/columns").and_then(|all| all[column]["role"].as_str()).map(|role| of_column("--role", role.to_owned())),
        );
    }
    for (name, options) in &request.set {
        words.extend(options.iter().map(|(option, value)| format!("--set {}", quoted(&format!("{name}.{option}={}", text(value))))));
    }
    if request.csv_safe {
        words.push("--csv-safe".to_owned());
    }
    if has_more(request) {
        words.push("--job request.json  # \"request\" of manifest.json: it holds more than flags can say".to_owned());
    }
    Ok(words.join(" "))
}

/// Whether a part of the request has no flag.
fn has_more(request: &JobSpec) -> bool {
    let long = request.synthesizers.iter().chain(&request.benchmarks);
    long.into_iter().any(|choice| choice.alias.is_some() || choice.repeats.is_some() || !choice.options.is_empty())
        || request.metadata.as_ref().is_some_and(|metadata| metadata.get("uri").is_none())
        || request.source.format.is_some()
        || request.source.columns.values().any(|column| !column.missing.is_empty())
        || !request.gate.limits.is_empty()
        || !request.weights.components.is_empty()
        || request.problem_type.is_some()
        || request.constraints.iter().any(|rule| Constraint::parse(&rule.to_string()).ok().as_ref() != Some(rule))
        || request.epsilon.is_some()
        || request.delta.is_some()
        || !request.conditions.is_empty()
        || request.rows_seed.is_some()
}

fn list(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._:-=".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn command(request: &Value) -> String {
        of(&JobSpec::read(request).expect("a legal job")).expect("plain data")
    }

    #[test]
    fn a_plain_job_is_a_short_command() {
        assert_eq!(command(&json!({"source": "sim:demo?rows=100"})), "synthfleet run 'sim:demo?rows=100' --seed 0");
    }

    #[test]
    fn every_wish_with_a_flag_is_in_the_command() {
        let made = command(&json!({
            "source": {"uri": "my table.csv", "dialect": {"delimiter": ";", "header": false}, "missing": ["-9"],
                "columns": {"size": {"kind": "ordinal", "order": ["low", "high"]}, "id": {"role": "drop"}}},
            "preset": "quick", "target": "it's", "holdout": 0.3, "repeats": 2, "seed": 7, "rows": 500, "gate": "strict",
            "constraints": ["low <= high"],
            "benchmarks": ["accuracy", "distances"], "set": {"seqtree": {"leaf_rows": 50}}, "csv_safe": true, "references": "all",
        }));
        for part in [
            "run 'my table.csv' --seed 7",
            "--preset quick",
            "--constraint 'low <= high'",
            "--target 'it'\\''s'",
            "--delimiter ';'",
            "--header no",
            "--missing -9",
            "--ordinal 'size=low<high'",
            "--role id=drop",
            "--holdout 0.3",
            "--repeats 2",
            "--rows 500",
            "--gate strict",
            "-b accuracy distances",
            "--set seqtree.leaf_rows=50",
            "--csv-safe",
            "--references all",
        ] {
            assert!(made.contains(part), "{part} is not in {made}");
        }
        assert!(!made.contains("--job"), "{made}");
    }

    #[test]
    fn what_flags_cannot_say_is_named() {
        let made = command(&json!({"source": "t.csv", "synthesizers": [{"name": "seqtree", "as": "mine"}]}));
        assert!(made.contains("--job request.json"), "{made}");
    }
}
