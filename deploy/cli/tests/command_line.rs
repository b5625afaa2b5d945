//! The command line as a newcomer meets it: wrong words, wrong flags, help, exit codes.

mod support;

use support::{Desk, plain};

#[test]
fn alone_it_prints_a_dozen_lines_with_the_command_to_try() {
    let ended = Desk::new().run(&[]).must_end(0);
    assert!(ended.stdout.lines().count() <= 15 && ended.stdout.contains("synthfleet run sim:demo"));
    assert!(ended.stderr.is_empty());
}

#[test]
fn a_misspelt_command_or_flag_names_its_neighbour_and_exits_2() {
    let desk = Desk::new();
    let ended = desk.run(&["rnu", "x.csv"]).must_end(2);
    assert!(ended.stderr.contains("run"), "{}", ended.stderr);
    let ended = desk.run(&["run", "x.csv", "--presets", "quick"]).must_end(2);
    assert!(ended.stderr.contains("--preset"), "{}", ended.stderr);
}

#[test]
fn a_wrong_job_tells_every_problem_and_starts_nothing() {
    let desk = Desk::new();
    let file = desk.file("t.csv", plain(100, 1));
    let arguments = ["run", file.to_str().expect("utf-8"), "--preset", "quik", "--holdout", "0.9", "-s", "seqtre", "-o", "out"];
    let ended = desk.run(&arguments).must_end(2);
    for word in ["quick", "holdout", "seqtree"] {
        assert!(ended.stderr.contains(word), "{word} is not told\n{}", ended.stderr);
    }
    assert!(!desk.path("out").exists());
}

#[test]
fn a_foreign_output_folder_is_left_alone() {
    let desk = Desk::new();
    let file = desk.file("t.csv", plain(200, 1));
    std::fs::create_dir(desk.path("mine")).expect("a folder");
    desk.file("mine/notes.txt", "mine");
    let ended = desk.run(&["run", file.to_str().expect("utf-8"), "-o", "mine"]).must_end(2);
    assert!(ended.stderr.contains("--force"), "{}", ended.stderr);
    assert_eq!(desk.text("mine/notes.txt"), "mine");
}

#[test]
fn json_prints_exactly_one_object_for_results_and_for_errors() {
    let desk = Desk::new();
    let file = desk.file("t.csv", plain(400, 2));
    let ended = desk.run(&["run", file.to_str().expect("utf-8"), "--preset", "quick", "--json"]).must_be_done();
    let results: serde_json::Value = serde_json::from_str(&ended.stdout).expect("one object");
    assert!(results["candidates"].is_array() && results["verdict"].is_object());
    let ended = desk.run(&["run", "absent.csv", "--json"]).must_end(3);
    let wrong: serde_json::Value = serde_json::from_str(&ended.stdout).expect("one object");
    assert_eq!(wrong["error"]["code"], "source::not_found");
}

#[test]
fn events_are_one_json_object_a_line() {
    let desk = Desk::new();
    let file = desk.file("t.csv", plain(400, 2));
    let ended = desk.run(&["run", file.to_str().expect("utf-8"), "--preset", "quick", "--events", "jsonl"]).must_be_done();
    assert!(ended.stdout.lines().count() > 20);
    for line in ended.stdout.lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        assert!(event["type"].is_string(), "{line}");
    }
}

#[test]
fn a_dry_run_shows_the_plan_and_writes_nothing() {
    let desk = Desk::new();
    let file = desk.file("t.csv", plain(400, 2));
    let ended = desk.run(&["run", file.to_str().expect("utf-8"), "--dry-run"]).must_end(0);
    assert!(ended.stdout.contains("seqtree") && ended.stdout.contains("accuracy"), "{}", ended.stdout);
    assert!(!desk.path("synthfleet-out").exists());
}

#[test]
fn a_score_below_its_floor_ends_with_4() {
    let desk = Desk::new();
    let file = desk.file("t.csv", plain(900, 2));
    desk.run(&["run", file.to_str().expect("utf-8"), "--preset", "quick", "--fail-under", "column_shapes=1.0"]).must_end(4);
}

#[test]
fn standard_input_gives_what_the_file_gives() {
    let desk = Desk::new();
    let text = plain(400, 2);
    let file = desk.file("t.csv", &text);
    let from_file = desk.run(&["profile", file.to_str().expect("utf-8"), "--format", "sdgym2020"]).must_end(0);
    let from_input = desk.run_with_input(&["profile", "-", "--format", "sdgym2020"], text.as_bytes()).must_end(0);
    assert_eq!(from_file.stdout, from_input.stdout);
}

#[test]
fn a_model_generates_a_prefix_of_a_longer_sample() {
    let desk = Desk::new();
    let file = desk.file("t.csv", plain(600, 2));
    desk.run(&["synthesize", file.to_str().expect("utf-8"), "-s", "seqtree", "-o", "s"]).must_end(0);
    let short = desk.run(&["generate", "s/model.bin", "--rows", "100"]).must_end(0).stdout;
    let long = desk.run(&["generate", "s/model.bin", "--rows", "9000"]).must_end(0).stdout;
    assert_eq!(short.lines().count(), 101);
    assert!(long.starts_with(&short));
}

#[test]
fn any_two_tables_can_be_scored() {
    let desk = Desk::new();
    desk.file("real.csv", plain(800, 2));
    desk.file("made.csv", plain(700, 3));
    let ended = desk.run(&["benchmark", "real.csv", "made.csv", "--json"]).must_end(0);
    let scores: serde_json::Value = serde_json::from_str(&ended.stdout).expect("one object");
    let shapes = scores["scores"].as_array().expect("scores").iter().find(|score| score["name"] == "column_shapes").expect("column_shapes");
    assert!(shapes["value"].as_f64().expect("a value") > 0.9);
}

#[test]
fn members_are_listed_and_shown() {
    let desk = Desk::new();
    let list = desk.run(&["synthesizers", "ls"]).must_end(0).stdout;
    for name in ["clbn", "gaussian_copula", "identity", "independent", "seqtree", "uniform"] {
        assert!(list.contains(name), "{name} is not listed");
    }
    let shown = desk.run(&["synthesizers", "show", "seqtree"]).must_end(0).stdout;
    assert!(shown.contains("leaf_rows") && shown.contains("paper"), "{shown}");
    assert!(desk.run(&["benchmarks", "show", "acuracy"]).must_end(2).stderr.contains("accuracy"));
}

#[test]
fn an_error_code_has_a_page_and_a_wrong_one_a_neighbour() {
    let desk = Desk::new();
    assert!(desk.run(&["explain", "csv::ragged"]).must_end(0).stdout.contains("--bad-rows"));
    assert!(desk.run(&["explain", "csv::raged"]).must_end(2).stderr.contains("csv::ragged"));
}

#[test]
fn an_unknown_setting_is_refused_by_name() {
    let desk = Desk::new();
    desk.file("synthfleet.toml", "[run]\nthread = 2\n");
    assert!(desk.run(&["version"]).must_end(2).stderr.contains("run.threads"));
}
