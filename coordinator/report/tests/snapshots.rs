//! Every plot drawn from fixed data, byte for byte as in `tests/snapshots`. A plot that differs is left in the target
//! folder, to be looked at and copied.

use serde_json::{Value, json};
use std::path::PathBuf;
use synthfleet_report::number::plain;
use synthfleet_report::plots::attacks::{self, Attack};
use synthfleet_report::plots::gantt::{self, Bar as TaskBar};
use synthfleet_report::plots::missing_rates::{self, Rate};
use synthfleet_report::plots::parallel::{self, Line};
use synthfleet_report::plots::pareto::{self, Mark, Point};
use synthfleet_report::plots::scores_by_column::{self, Bar};
use synthfleet_report::plots::utility::{self, Measured, Model};
use synthfleet_report::plots::{
    column_ecdf, column_histogram, column_levels, column_qq, correlation, distances, importance, pair, projection,
};

fn check(name: &str, drawn: &str) {
    let file = format!("{name}.html");
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots").join(&file);
    // an element a line, so that a change is seen where it is
    let text = drawn.replace("><", ">\n<") + "\n";
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    if kept != text {
        let new = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("snapshots");
        std::fs::create_dir_all(&new).expect("a folder for new snapshots");
        std::fs::write(new.join(&file), &text).expect("a new snapshot");
        panic!("{name} is drawn otherwise; if that is meant, copy {} to {}", new.join(&file).display(), path.display());
    }
}

fn counts() -> Value {
    json!({"missing": {"train": 10, "holdout": 0, "sample": 20}, "rows": {"train": 110, "holdout": 50, "sample": 120}})
}

fn with(mut data: Value, more: Value) -> Value {
    if let (Some(data), Value::Object(more)) = (data.as_object_mut(), more) {
        data.extend(more);
    }
    data
}

#[test]
fn column_histogram_is_as_it_was() {
    let data = with(
        counts(),
        json!({"edges": [0.0, 1.0, 2.0, 4.0], "train": [30, 50, 20], "holdout": [15, 25, 10], "sample": [40, 30, 25], "below": 0, "above": 5}),
    );
    check("column_histogram", &column_histogram::draw("age", &data, &plain).into_string());
}

#[test]
fn column_levels_are_as_they_were() {
    let data = with(
        counts(),
        json!({"levels": ["blue", "a < b"], "train": [60, 30], "holdout": [30, 15], "sample": [70, 25],
            "other": {"train": 10, "holdout": 5, "sample": 5, "levels": 4}}),
    );
    check("column_levels", &column_levels::draw("colour", &data).into_string());
}

fn distribution() -> Value {
    json!({"groups": {"train": [1.0, 2.0, 4.0, 8.0], "holdout": [1.0, 2.5, 4.0, 7.0], "sample": [1.0, 3.0, 5.0, 12.0]},
        "at": [1.0, 2.0, 4.0, 8.0], "below": {"train": [20, 45, 75, 95], "holdout": [10, 20, 40, 50], "sample": [20, 40, 60, 90]},
        "present": {"train": 100, "holdout": 50, "sample": 100}})
}

#[test]
fn column_ecdf_is_as_it_was() {
    check("column_ecdf", &column_ecdf::draw("age", &distribution(), Some(0.15), &plain).into_string());
}

#[test]
fn column_qq_is_as_it_was() {
    check("column_qq", &column_qq::draw("age", &distribution(), &plain).into_string());
}

#[test]
fn missing_rates_are_as_they_were() {
    let rate = |column: &str, real, synthetic| Rate {
        column: column.to_owned(),
        real: (real, 100.0),
        reference: (6.0, 50.0),
        synthetic: (synthetic, 100.0),
    };
    check("missing_rates", &missing_rates::draw(&[rate("age", 10.0, 12.0), rate("cabin", 77.0, 40.0)]).into_string());
}

#[test]
fn correlation_is_as_it_was() {
    let matrix = |r: f64| json!([[1.0, r, 0.1], [r, 1.0, null], [0.1, null, 1.0]]);
    let data = json!({"columns": ["a", "b", "c"], "real": matrix(0.8), "holdout": matrix(0.8), "sample": matrix(0.3)});
    check("correlation", &correlation::draw(&data).into_string());
}

fn joint(x: Value, y: Value) -> Value {
    json!({"axes": [x, y], "train": [80, 20, 10, 90], "holdout": [20, 5, 0, 25], "sample": [25, 20, 30, 25],
        "rows": {"train": 200, "holdout": 50, "sample": 100}})
}

fn number(column: &str) -> Value {
    json!({"column": column, "edges": [30.0], "rest": []})
}

fn label(column: &str) -> Value {
    json!({"column": column, "levels": ["yes"], "rest": ["other"]})
}

fn write(_: &str, value: f64) -> String {
    plain(value)
}

#[test]
fn two_numbers_are_as_they_were() {
    check("pair_density", &pair::draw(&joint(number("age"), number("income")), &write).into_string());
}

#[test]
fn two_labels_are_as_they_were() {
    check("pair_mosaic", &pair::draw(&joint(label("married"), label("employed")), &write).into_string());
}

#[test]
fn scores_by_column_are_as_they_were() {
    let bar = |column: &str, score| Bar { column: column.to_owned(), score, reference: Some(0.98) };
    check("scores_by_column", &scores_by_column::draw(&[bar("age", Some(0.95)), bar("colour", None)]).into_string());
}

#[test]
fn projection_is_as_it_was() {
    let data = json!({"edges": [[0, 1, 2], [0, 1, 2]], "explained": [0.6, 0.3], "train": [40, 10, 10, 40], "sample": [25, 25, 25, 20],
        "rows": {"train": 100, "sample": 100}});
    check("projection", &projection::draw(&data).into_string());
}

#[test]
fn utility_is_as_it_was() {
    let measured = |value: f64| Some(Measured { value, interval: Some((value - 0.02, value + 0.02)) });
    let models = [
        Model { name: "gbt".to_owned(), real: measured(0.92), synthetic: measured(0.88) },
        Model { name: "tree".to_owned(), real: measured(0.8), synthetic: None },
    ];
    check("utility", &utility::draw(&models, "AUC", 0.5).into_string());
}

#[test]
fn importance_is_as_it_was() {
    let entry = |column: &str, real: f64, synthetic: f64| json!({"column": column, "trtr_rank": real, "tstr_rank": synthetic});
    let ranks = json!([entry("age", 1.0, 2.0), entry("income", 2.0, 1.0), entry("colour", 3.5, 9.0)]);
    check("importance", &importance::draw("gbt", &ranks).into_string());
}

#[test]
fn distances_are_as_they_were() {
    let data = json!({"edges": [0.0, 0.1, 0.2], "train": [0.4, 0.6], "holdout": [0.5, 0.5], "real": [0.3, 0.7]});
    check("distances", &distances::draw(&data).into_string());
}

#[test]
fn attacks_are_as_they_were() {
    let attack = |name: &str, value: f64, limit| Attack {
        name: name.to_owned(),
        value,
        interval: Some((value - 0.02, value + 0.02)),
        limit,
        reference: Some(0.5),
    };
    let tried = [attack("membership by distance", 0.51, Some(0.52)), attack("nearer to learnt rows", 0.56, None)];
    check("attacks", &attacks::draw(&tried, 0.5, "AUC or share").into_string());
}

#[test]
fn pareto_and_parallel_are_as_they_were() {
    let point =
        |name: &str, mark, score, risk| Point { name: name.to_owned(), mark, score, risk, seconds: 3.0, on_front: mark == Mark::Eligible };
    let points = [
        point("seqtree", Mark::Eligible, 0.95, 0.4),
        point("clbn", Mark::Eligible, 0.9, 0.1),
        point("holdout", Mark::Reference, 0.98, 0.2),
    ];
    check("pareto", &pareto::draw(&points).into_string());
    let line = |name: &str, mark, values: [f64; 3]| Line {
        name: name.to_owned(),
        mark,
        is_subject: name == "seqtree",
        values: values.map(Some).to_vec(),
    };
    let lines = [
        line("seqtree", Mark::Eligible, [0.95, 0.9, 0.97]),
        line("uniform", Mark::Baseline, [0.3, 0.1, 0.5]),
        line("holdout", Mark::Reference, [0.99, 0.98, 0.99]),
    ];
    check("parallel", &parallel::draw(&["accuracy", "detection", "utility"].map(str::to_owned), &lines).into_string());
}

#[test]
fn gantt_is_as_it_was() {
    let bar = |task: &str, start, end| TaskBar { task: task.to_owned(), is_fit: task.starts_with("syn"), is_ok: true, start, end };
    check("gantt", &gantt::draw(&[bar("syn-seqtree-r0", 0.0, 2.5), bar("ben-seqtree-r0-accuracy", 2.5, 3.0)]).into_string());
}
