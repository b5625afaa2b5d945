//! Tests of `results.rs`.

use super::*;
use serde_json::{Value, json};

fn results() -> Results {
    serde_json::from_value(results_json()).expect("the shape of results")
}

fn score(name: &str, value: Value) -> Value {
    let undefined = value.is_null().then_some("no_target");
    json!({"name": name, "value": value, "goal": "up", "range": [0.0, 1.0], "unit": "share", "undefined": undefined})
}

fn repeat(scores: &[Value], error: Value) -> Value {
    let times = json!({"fit_seconds": 2.0, "sample_seconds": 0.5, "benchmark_seconds": {"accuracy": 1.0, "distances": 0.25}});
    json!({"repeat": 0, "seed": "18446744073709551615", "rows": 100, "scores": scores, "details": {}, "times": times,
        "peak_rss_bytes": 1_500_000, "model_bytes": 2_000, "attempts": 1, "from_cache": false, "limited": false, "error": error})
}

fn ranked(name: &str, eligible: bool, score: Value) -> Value {
    json!({"candidate": name, "synthesizer": name, "rank": eligible.then_some(1), "eligible": eligible, "baseline": !eligible,
        "on_pareto": eligible, "score": score, "score_low": null, "score_high": null, "risk": 0.25, "cost": "light", "components": {},
        "gates": [], "delivered_repeat": 0, "repeats_ok": 1, "repeats": 1, "why": ""})
}

fn candidate(name: &str, baseline: bool, repeats: Vec<Value>) -> Value {
    json!({"name": name, "synthesizer": name, "options": {}, "baseline": baseline, "real_rows": false, "repeats": repeats})
}

fn results_json() -> Value {
    let good = [score("diagnostic", json!(1.0)), score("pair_trends.quality", json!(0.1 + 0.2)), score("ml_efficacy", Value::Null)];
    let timeout = json!({"phase": "fit", "seconds": 60.0, "timed_out": true,
        "error": {"kind": "stopped", "code": "task::timeout", "message": "time ran out"}});
    let mut late = repeat(&[], timeout);
    late["times"] = json!({"benchmark_seconds": {}});
    let mut skipped = candidate("clbn", false, vec![]);
    skipped["skipped"] =
        json!({"kind": "unsupported", "code": "accepts::too_many_levels", "message": "takes 100, \"x\" has 200, too many"});
    let uniform = repeat(&[score("pair_trends.quality", json!(0.4))], Value::Null);
    json!({
        "schema": "synthfleet.results.v1",
        "job": {"id": "job_1", "seed": "0", "version": "0.1.0", "task_seconds": 60.0, "seconds": 9.0},
        "table": {"name": "adult", "bytes": 3_900_000, "rows": 120, "columns": 3, "train_rows": 100, "holdout_rows": 20},
        "verdict": {"schema": "synthfleet.verdict.v1", "rule_version": "verdict.v1", "outcome": "winner", "winner": "seqtree",
            "delivered_repeat": 0, "profile": "balanced", "gate": "balanced", "weights": {}, "components": [],
            "ranking": [ranked("seqtree", true, json!(0.97)), ranked("slow", false, Value::Null), ranked("uniform", false, json!(0.1))],
            "references": {"independent": {"candidate": "independent", "score": 0.3, "score_low": null, "score_high": null, "risk": 0.0,
                "components": {}, "gates": [], "passed": true}},
            "why": "", "warnings": [], "partial": false},
        "candidates": [candidate("seqtree", false, vec![repeat(&good, Value::Null)]), candidate("slow", false, vec![late]), skipped,
            candidate("uniform", true, vec![uniform])],
        "references": [{"name": "holdout", "result": repeat(&[score("diagnostic", json!(1.0))], Value::Null)}],
        "tasks": [],
    })
}

/// Records of the CSV by header. Commas inside quotes are kept together.
fn table() -> Vec<BTreeMap<String, String>> {
    let text = String::from_utf8(csv(&results())).expect("UTF-8");
    let records: Vec<Vec<String>> = text.split("\r\n").filter(|line| !line.is_empty()).map(split).collect();
    let line = |record: &Vec<String>| records[0].iter().cloned().zip(record.iter().cloned()).collect();
    assert!(records.iter().all(|record| record.len() == records[0].len()), "records of one length");
    records[1..].iter().map(line).collect()
}

fn split(line: &str) -> Vec<String> {
    let (mut cells, mut quoted) = (vec![String::new()], false);
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            other => cells.last_mut().expect("one cell").push(other),
        }
    }
    cells
}

#[test]
fn columns_begin_as_sdgym_spells_them_and_end_with_ours() {
    let text = String::from_utf8(csv(&results())).expect("UTF-8");
    let header = text.split("\r\n").next().expect("a header");
    assert_eq!(
        header,
        "Synthesizer,Dataset,Dataset_Size_MB,Train_Time,Peak_Memory_MB,Synthesizer_Size_MB,Sample_Time,Evaluate_Time,\
         Diagnostic_Score,Quality_Score,Privacy_Score,Quality_Score_All,ml_efficacy,Error,Adjusted_Total_Time,\
         Adjusted_Quality_Score,Candidate,Repeat,Seed,Rows,Eligible,Gate_Passed,On_Pareto,Rank,Score,Score_Low,Score_High,\
         Adjusted_Score,Win_Share,Risk,Phase,Attempts,From_Cache,Limited,Epsilon,Delta,Undefined"
    );
}

#[test]
fn the_columns_of_sdgym_alone_are_one_record_a_candidate() {
    let (header, records) = sdgym_records(&results());
    assert_eq!(
        header.join(","),
        "Synthesizer,Dataset,Dataset_Size_MB,Train_Time,Peak_Memory_MB,Synthesizer_Size_MB,Sample_Time,Evaluate_Time,\
         Diagnostic_Score,Quality_Score,Privacy_Score,Error,Adjusted_Total_Time,Adjusted_Quality_Score"
    );
    assert!(records.iter().all(|record| record.len() == header.len()));
    assert_eq!(records.iter().map(|record| record[0].as_str()).collect::<Vec<_>>(), ["seqtree", "slow", "clbn", "uniform"]);
    assert_eq!(records[1][11..], ["Synthesizer Timeout", "62.5", "0.4"]);
}

#[test]
fn every_candidate_repeat_and_reference_has_a_row() {
    let names: Vec<String> = table().iter().map(|row| row["Synthesizer"].clone()).collect();
    assert_eq!(names, ["seqtree", "slow", "clbn", "uniform", "reference:holdout"]);
}

#[test]
fn numbers_read_back_exactly_and_the_undefined_is_empty() {
    let row = &table()[0];
    assert_eq!(row["Quality_Score"].parse::<f64>(), Ok(0.1 + 0.2));
    assert_eq!((row["ml_efficacy"].as_str(), row["Undefined"].as_str()), ("", "ml_efficacy=no_target"));
    assert_eq!((row["Evaluate_Time"].as_str(), row["Peak_Memory_MB"].as_str()), ("1.25", "1.5"));
    assert_eq!(row["Seed"], "18446744073709551615");
    for value in [1e-300, 5e-324, 1.797e308, -0.1, 1.0 / 3.0, 12_345_678_901_234_567_890.0] {
        assert_eq!(number(Some(value)).parse::<f64>(), Ok(value));
        assert!(number(Some(value)).len() <= 25);
    }
}

#[test]
fn a_time_out_pays_its_limit_and_a_uniform_sample() {
    let row = &table()[1];
    assert_eq!((row["Error"].as_str(), row["Phase"].as_str()), ("Synthesizer Timeout", "fit"));
    assert_eq!(row["Adjusted_Total_Time"], "62.5");
    assert_eq!((row["Adjusted_Quality_Score"].as_str(), row["Adjusted_Score"].as_str()), ("0.4", "0.3"));
}

#[test]
fn a_success_pays_its_own_time_and_a_uniform_fit() {
    let row = &table()[0];
    assert_eq!((row["Adjusted_Total_Time"].as_str(), row["Adjusted_Score"].as_str()), ("4.5", "0.97"));
}

#[test]
fn a_candidate_that_was_never_begun_tells_why() {
    let row = &table()[2];
    assert_eq!(row["Error"], "accepts::too_many_levels: takes 100, x has 200, too many");
    assert_eq!((row["Phase"].as_str(), row["Repeat"].as_str(), row["Eligible"].as_str()), ("plan", "", "false"));
}

#[test]
fn a_reference_row_is_no_candidate() {
    let row = table().into_iter().next_back().expect("a row");
    assert_eq!((row["Candidate"].as_str(), row["Repeat"].as_str(), row["Eligible"].as_str()), ("", "", "false"));
    assert_eq!(row["Diagnostic_Score"], "1");
}

#[test]
fn baselines_and_failures_are_not_on_the_front() {
    let front: Vec<String> = table().iter().map(|row| row["On_Pareto"].clone()).collect();
    assert_eq!(front, ["true", "false", "false", "false", "false"]);
}

#[test]
fn results_json_reads_back() {
    let bytes = json(&results()).expect("plain data");
    assert_eq!(serde_json::from_slice::<Results>(&bytes).expect("own text"), results());
}
