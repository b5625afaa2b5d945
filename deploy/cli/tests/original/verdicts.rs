//! How the best is picked: rows 7 and 8.

use super::entry;
use super::support::{Desk, plain};
use serde_json::Value;

#[test]
fn orig_07_the_verdict_is_a_function_of_its_input_and_tells_ties_and_reasons() {
    let desk = Desk::new();
    desk.file("t.csv", plain(1_500, 7));
    let twice = r#"{"source": "t.csv", "repeats": 1, "benchmarks": ["accuracy", "column_shapes", "distances"],
        "synthesizers": [{"name": "gaussian_copula", "as": "two"}, {"name": "gaussian_copula", "as": "one"}]}"#;
    desk.file("job.json", twice);
    for output in ["first", "second"] {
        desk.run(&["run", "--job", "job.json", "--no-cache", "-o", output]).must_end(0);
    }
    assert_eq!(desk.text("first/verdict.json"), desk.text("second/verdict.json"));
    let verdict = desk.json("first/verdict.json");
    // one method fitted twice: no more than chance lies between the two, and the rule says what decides
    let tied = super::texts(&verdict["tied"]);
    assert_eq!(tied.len(), 2, "{verdict}");
    assert_eq!(verdict["winner"], tied[0]);
    let why = verdict["why"].as_str().expect("a reason");
    assert!(why.contains(&format!("{} is tied with it; ", tied[1])), "{why}");
    assert_eq!(verdict["rule_version"], "verdict.v2");
    for row in verdict["ranking"].as_array().expect("a ranking") {
        assert!(row["why"].as_str().is_some_and(|why| why.len() > 10), "{row}");
    }
}

#[test]
fn orig_08_the_copy_has_the_best_accuracy_and_is_not_published() {
    let desk = Desk::new();
    desk.file("t.csv", plain(1_500, 8));
    desk.run(&["run", "t.csv", "-s", "gaussian_copula", "seqtree", "--repeats", "2", "-o", "out"]).must_end(0);
    let verdict = desk.json("out/verdict.json");
    let ranking = verdict["ranking"].as_array().expect("a ranking");
    let accuracy = |row: &Value| row["components"]["accuracy"].as_f64().unwrap_or(0.0);
    let copy = entry(&verdict["ranking"], "candidate", "identity");
    assert!(ranking.iter().all(|row| accuracy(row) <= accuracy(copy)), "somebody is more accurate than the copy: {verdict}");
    assert_ne!(verdict["winner"], "identity");
    for baseline in ["identity", "uniform", "independent"] {
        let row = entry(&verdict["ranking"], "candidate", baseline);
        assert_eq!((&row["baseline"], &row["eligible"], &row["rank"]), (&true.into(), &false.into(), &Value::Null), "{row}");
    }
    // many benchmarks, repeats with intervals, gates by name
    let winner = entry(&verdict["ranking"], "candidate", verdict["winner"].as_str().expect("a winner"));
    assert_eq!(winner["repeats"], 2);
    assert!(
        winner["score_low"].as_f64() < winner["score"].as_f64() && winner["score"].as_f64() < winner["score_high"].as_f64(),
        "{winner}"
    );
    assert!(winner["components"].as_object().is_some_and(|parts| parts.len() >= 3), "{winner}");
    assert!(winner["gates"].as_array().is_some_and(|gates| gates.len() >= 8), "{winner}");
    // no real row leaves: neither as the copy's sample nor in a model
    let copied = std::fs::read_dir(desk.path("out/candidates/identity")).expect("its scores").flatten();
    let names: Vec<String> = copied.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    assert_eq!(names, ["scores.json"]);
}
