//! The main job on real tables: a winner or an explained refusal, references where they belong, and an
//! output a person can use.

mod support;

use serde_json::Value;
use support::{Desk, shared};

fn candidate<'a>(verdict: &'a Value, name: &str) -> &'a Value {
    let ranking = verdict["ranking"].as_array().expect("a ranking");
    ranking.iter().find(|row| row["candidate"] == name).unwrap_or_else(|| panic!("no row {name}"))
}

/// The self-test of every table: the copy is rejected, independence does not win, real rows rank first.
fn references_stand_where_they_belong(verdict: &Value) {
    let copy = candidate(verdict, "identity");
    assert_eq!(copy["eligible"], false);
    let failed = copy["gates"].as_array().expect("gates").iter().any(|gate| gate["state"] == "fail");
    assert!(failed, "the copy passed the privacy gate: {copy}");
    let independent = candidate(verdict, "independent")["score"].as_f64().unwrap_or(0.0);
    let holdout = &verdict["references"]["holdout"];
    let real = holdout["score"].as_f64().expect("the holdout row has a score");
    assert!(holdout["gates"].as_array().expect("gates").iter().all(|gate| gate["state"] != "fail"), "{holdout}");
    for row in verdict["ranking"].as_array().expect("a ranking").iter().filter(|row| row["eligible"] == true) {
        let score = row["score"].as_f64().expect("an eligible row has a score");
        assert!(score <= real + 0.03, "{row} ranks above real rows at {real}");
        assert!(score <= 0.5 || score >= independent, "{row} lies below independence at {independent}");
    }
}

fn run(desk: &Desk, source: &str, more: &[&str]) -> Value {
    let source = shared(source);
    let mut arguments = vec!["run", source.to_str().expect("utf-8"), "--preset", "quick", "-o", "out"];
    arguments.extend(more);
    desk.run(&arguments).must_be_done();
    let verdict = desk.json("out/verdict.json");
    references_stand_where_they_belong(&verdict);
    verdict
}

#[test]
fn adult_ends_with_a_winner_in_the_input_s_form() {
    let desk = Desk::new();
    let verdict = run(&desk, "data/adult.csv.gz", &[]);
    assert_eq!(verdict["outcome"], "winner", "{verdict}");
    let out = desk.text("out/synthetic.csv");
    let header = "age,workclass,fnlwgt,education,education_num,marital_status,occupation,relationship,race,sex,capital_gain,capital_loss,hours_per_week,native_country,income";
    assert_eq!(out.lines().next(), Some(header));
    assert_eq!(out.lines().count(), 39_075);
    assert!(out.lines().skip(1).all(|line| line.ends_with("<=50K") || line.ends_with(">50K")));
    for file in [
        "verdict.json",
        "results.csv",
        "results.json",
        "metadata.json",
        "metadata.sdgym2020.json",
        "profile.json",
        "report.html",
        "card.md",
    ] {
        assert!(desk.path(&format!("out/{file}")).exists(), "{file} is missing");
    }
    assert!(!desk.path("out/candidates/identity/sample.parquet").exists(), "real rows were published");
    let report = desk.text("out/report.html");
    let requests = ["src=\"http", "url(http", "@import", "<link"];
    assert!(report.len() < 3_000_000 && requests.iter().all(|request| !report.contains(request)), "the report is large or reaches out");
}

#[test]
fn california_housing_is_decided_and_keeps_missing_cells() {
    let desk = Desk::new();
    let verdict = run(&desk, "data/california_housing.csv.gz", &["--target", "median_house_value"]);
    if verdict["outcome"] == "winner" {
        let out = desk.text("out/synthetic.csv");
        let missing = out.lines().skip(1).filter(|line| line.split(',').nth(4) == Some("")).count() as f64 / 16_512.0;
        assert!((missing - 0.010).abs() < 0.005, "share of missing total_bedrooms: {missing}");
    }
}

#[test]
fn titanic_is_decided() {
    let desk = Desk::new();
    run(&desk, "data/titanic.csv", &["--target", "survived"]);
}

#[test]
fn a_copy_with_a_tenth_of_its_cells_redrawn_is_rejected() {
    let desk = Desk::new();
    let verdict = run(&desk, "data/california_housing.csv.gz", &["--target", "median_house_value", "--references", "all"]);
    let flip = &verdict["references"]["flip10"];
    assert_eq!(flip["passed"], false, "{flip}");
    let share = flip["gates"].as_array().expect("gates").iter().find(|gate| gate["name"] == "dcr_share").expect("a share");
    assert_eq!(share["state"], "fail", "{share}");
}

#[test]
fn without_a_release_the_nearest_gate_and_a_way_on_are_told_and_no_table_is_written() {
    let desk = Desk::new();
    let source = shared("data/titanic.csv");
    let arguments = ["run", source.to_str().expect("utf-8"), "--preset", "quick", "--gate", "strict", "-o", "out"];
    let ended = desk.run(&arguments).must_end(4);
    let told = ended.stdout.lines().find(|line| line.starts_with("  no release: ")).expect("a conclusion");
    assert!(told.contains("nearest: ") && told.contains(", limit "), "{told}");
    let way_on = told.rsplit("; ").next().expect("an end");
    assert!(["holdout", "leaf_rows"].iter().any(|advice| way_on.contains(advice)), "{told}");
    let written = std::fs::read_dir(desk.path("out")).expect("a folder").flatten().map(|entry| entry.file_name());
    assert!(!written.into_iter().any(|name| name.to_string_lossy().starts_with("synthetic.")), "a table was released");
    assert!(desk.text("out/report.html").contains("No synthetic table is published"));
}

#[test]
fn the_demo_runs_from_one_word() {
    let desk = Desk::new();
    let ended = desk.run(&["demo"]).must_be_done();
    assert!(ended.stdout.contains("winner"), "{}", ended.stdout);
    assert!(desk.path("demo.csv").exists());
}

/// Adult as SDGym's files split it, 22,561 rows and 10,000, with so many train rows repeated in the holdout.
fn split(desk: &Desk, repeated: usize) -> Value {
    let mut text = String::new();
    let file = std::fs::File::open(shared("data/adult.csv.gz")).expect("adult");
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(file), &mut text).expect("text");
    let (header, rows) = text.split_once('\n').expect("a header");
    let rows: Vec<&str> = rows.lines().collect();
    let (train, rest) = rows.split_at(22_561);
    let file = |rows: &[&str]| format!("{header}\n{}\n", rows.join("\n"));
    desk.file("train.csv", file(train));
    desk.file("test.csv", file(&[&train[..repeated], &rest[..10_000 - repeated]].concat()));
    let arguments = ["run", "train.csv", "--holdout-source", "test.csv", "-s", "clbn", "--repeats", "1", "-b", "diagnostic", "distances"];
    desk.run(&[arguments.as_slice(), &["--force", "-o", "out"]].concat()).must_be_done();
    desk.json("out/verdict.json")
}

#[test]
fn known_error_21_rows_on_both_sides_of_the_split_are_told() {
    let warns = |verdict: &Value| verdict["warnings"].to_string().contains("split_not_exchangeable");
    let desk = Desk::new();
    assert!(warns(&split(&desk, 6_080)));
    assert!(!warns(&split(&desk, 0)), "an honest split was suspected");
}

#[test]
fn a_sample_that_breaks_a_declared_constraint_is_told_by_its_share_and_made_ones_pass_the_gate() {
    let desk = Desk::new();
    let rows = |end: &dyn Fn(usize) -> usize| -> String {
        (0..600).map(|row| format!("{},{},{}\n", row * 7 % 90, end(row), ["a", "b", "c"][row % 3])).collect()
    };
    desk.file("orders.csv", format!("ordered,sent,shop\n{}", rows(&|row| row * 7 % 90 + row % 11)));
    desk.file("made.csv", format!("ordered,sent,shop\n{}", rows(&|row| (row * 7 % 90 + row % 11).saturating_sub(row % 4 / 3 * 20))));
    let rule = ["--constraint", "ordered <= sent"];
    let scored = |made: &str, more: &[&str]| -> Option<f64> {
        let ended = desk.run(&[&["benchmark", "orders.csv", made, "-b", "diagnostic", "--json"], more].concat()).must_be_done();
        let told: Value = serde_json::from_str(&ended.stdout).expect("JSON");
        let scores = told.to_string();
        let place = scores.find("diagnostic.constraint_validity")?;
        let value = scores[place..].split("\"value\":").nth(1)?;
        value.split([',', '}']).next()?.parse().ok()
    };
    assert_eq!(scored("orders.csv", &rule), Some(1.0));
    assert!(scored("made.csv", &rule).is_some_and(|share| (0.7..0.9).contains(&share)), "{:?}", scored("made.csv", &rule));
    assert_eq!(scored("made.csv", &[]), None, "no constraint, no score");

    desk.run(&[&["run", "orders.csv", "-s", "clbn", "--repeats", "1", "-b", "diagnostic", "distances", "-o", "out"], &rule[..]].concat());
    let verdict = desk.json("out/verdict.json");
    let gates = candidate(&verdict, "clbn")["gates"].as_array().expect("gates").clone();
    let held = gates.iter().find(|gate| gate["name"] == "constraints").expect("the job has constraints");
    assert_eq!((&held["state"], &held["value"]), (&Value::from("pass"), &Value::from(1.0)));
    assert!(desk.text("out/report.html").contains("accepted rules hold"));
}
