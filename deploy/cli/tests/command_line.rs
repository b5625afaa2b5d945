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
    let ended = desk.run(&["run", "t.csv", "--presets", "quick", "--json"]).must_end(2);
    let wrong: serde_json::Value = serde_json::from_str(&ended.stdout).expect("one object");
    assert_eq!(wrong["error"]["code"], "cli::usage");
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
    assert!(ended.stdout.contains("320 train / 80 holdout") && ended.stdout.contains("s to fit"), "{}", ended.stdout);
    assert!(!desk.path("synthfleet-out").exists());
    let left: Vec<_> = std::fs::read_dir(desk.path("cache/synthfleet")).expect("a work folder").collect();
    assert!(left.is_empty(), "work files were left: {left:?}");
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
fn standard_input_is_the_same_job_again_and_leaves_no_copy() {
    let desk = Desk::new();
    let text = plain(400, 2);
    let run = |output: &str| desk.run_with_input(&["run", "-", "--preset", "quick", "-o", output], text.as_bytes()).must_be_done();
    run("a");
    let again = run("b");
    let fits: Vec<&str> = again.stderr.lines().filter(|line| line.contains(" syn-")).collect();
    assert!(!fits.is_empty() && fits.iter().all(|line| line.contains("cached")), "the job was done again: {}", again.stderr);
    assert_eq!(desk.identity_set("a"), desk.identity_set("b"));
    assert!(desk.json("a/metadata.json")["tables"]["stdin"].is_object(), "the table has another name");
    assert_eq!(std::fs::read_dir(desk.path("cache/synthfleet/stdin")).expect("a folder").count(), 0, "the input was left behind");
}

#[test]
fn cells_that_are_formulas_are_guarded_where_it_is_wished() {
    let desk = Desk::new();
    let text = plain(400, 2).replace("north", "=north").replace("south", "+south");
    let file = desk.file("t.csv", text);
    desk.run(&["run", file.to_str().expect("utf-8"), "--preset", "quick", "--csv-safe", "-o", "out"]).must_be_done();
    let out = desk.text("out/synthetic.csv");
    assert!(out.contains(",'=north,") && !out.contains(",=north,"), "{}", &out[..300]);
}

#[test]
fn little_memory_runs_one_task_at_a_time_to_the_same_bytes() {
    let desk = Desk::new();
    let file = desk.file("t.csv", plain(400, 2));
    for (memory, output) in [("1GiB", "one"), ("64GiB", "many")] {
        let arguments =
            ["run", file.to_str().expect("utf-8"), "--preset", "quick", "--threads", "2", "--memory", memory, "--no-cache", "-o", output];
        desk.run(&arguments).must_be_done();
    }
    assert_eq!(desk.identity_set("one"), desk.identity_set("many"));
    desk.run(&["run", file.to_str().expect("utf-8"), "--memory", "much"]).must_end(2);
}

#[test]
fn a_work_folder_that_cannot_be_read_is_set_aside_and_the_work_begins_anew() {
    let desk = Desk::new();
    let file = desk.file("t.csv", plain(400, 2));
    let run = |output: &str| desk.run(&["run", file.to_str().expect("utf-8"), "--preset", "quick", "-o", output]).must_be_done();
    run("first");
    // what a power cut may leave of files that were not synced
    let mut cut = 0;
    let mut folders = vec![desk.path("cache/synthfleet/tables")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder").flatten() {
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path if path.file_name().is_some_and(|name| name == "selection") => {
                    std::fs::write(&path, b"").expect("room");
                    cut += 1;
                }
                _ => {}
            }
        }
    }
    assert!(cut > 0, "the test cut nothing");
    let ended = run("second");
    assert!(ended.stderr.contains("work_set_aside"), "{}", ended.stderr);
    assert_eq!(desk.identity_set("first"), desk.identity_set("second"));
}

#[test]
fn the_layout_of_the_original_has_its_names_and_forms() {
    let desk = Desk::new();
    let file = desk.file("t.csv", plain(600, 2));
    let file = file.to_str().expect("utf-8");
    desk.run(&["run", file, "--layout", "orginal"]).must_end(2);
    desk.run(&["run", file, "--preset", "quick", "--layout", "original", "-o", "out"]).must_end(0);
    for name in ["41_uniform", "42_independent", "44_CLBN"] {
        let text = desk.text(&format!("out/synth/{name}.csv"));
        assert_eq!((text.lines().next(), text.lines().count()), (Some("age,income,region,day,member"), 481), "{name}");
    }
    assert!(!desk.path("out/synth/43_identity.csv").exists(), "real rows were published");
    let winner = desk.json("out/verdict.json")["winner"].as_str().expect("a winner").to_owned();
    assert_eq!(desk.text(&format!("out/output/{winner}.csv")), desk.text("out/synthetic.csv"));
    assert!(desk.path("out/output/output_benchmarkedResults.csv").exists() && desk.path("out/meta/generated_metadata.json").exists());
}

#[test]
fn a_report_is_drawn_again_with_the_rows_of_the_table() {
    let desk = Desk::new();
    let text = plain(400, 2).replace("north", "\"nor;th\"").replace(',', ";");
    let file = desk.file("t.csv", text);
    desk.run(&["run", file.to_str().expect("utf-8"), "--preset", "quick", "-o", "out"]).must_be_done();
    let before = desk.text("out/report.html");
    desk.run(&["report", "out"]).must_end(0);
    assert_eq!(desk.text("out/report.html"), before);
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
fn conditions_on_generated_rows_hold_or_are_told() {
    let desk = Desk::new();
    let file = desk.file("t.csv", plain(600, 2));
    desk.run(&["synthesize", file.to_str().expect("utf-8"), "-s", "clbn", "-o", "s"]).must_end(0);
    let free = desk.run(&["generate", "s/model.bin", "--rows", "1"]).must_end(0).stdout;
    let header: Vec<&str> = free.lines().next().expect("a header").split(',').collect();
    let age = header.iter().position(|name| *name == "age").expect("a column");
    let made = desk.run(&["generate", "s/model.bin", "--rows", "500", "--where", "age=30..40"]).must_end(0).stdout;
    let ages: Vec<f64> = made.lines().skip(1).map(|line| line.split(',').nth(age).expect("a cell").parse().expect("a number")).collect();
    assert!(ages.len() == 500 && ages.iter().all(|age| (30.0..=40.0).contains(age)), "{ages:?}");
    let refused = desk.run(&["generate", "s/model.bin", "--rows", "5", "--where", "age>9999"]).must_end(2).stderr;
    assert!(refused.contains("condition::impossible") && refused.contains("it lies between"), "{refused}");
    desk.file("given.csv", "age,member\n33,yes\n,no\n35,yes\n");
    let filled = desk.run(&["generate", "s/model.bin", "--given", "given.csv"]).must_end(0).stdout;
    let ages: Vec<&str> = filled.lines().skip(1).map(|line| line.split(',').nth(age).expect("a cell")).collect();
    assert_eq!((ages.len(), ages[0], ages[2]), (3, "33", "35"), "{filled}");
}

#[test]
fn rows_that_a_job_delivers_under_conditions_are_those_that_its_model_generates() {
    let desk = Desk::new();
    let file = desk.file("t.csv", plain(600, 2));
    let wish = r#"{"synthesizers": ["clbn"], "benchmarks": ["column_shapes"], "gate": "off", "rows": 5000, "where": ["age=30..40", "member=yes"], "rows_seed": 5}"#;
    desk.file("job.json", wish);
    desk.run(&["run", file.to_str().expect("utf-8"), "--job", "job.json", "-o", "out"]).must_end(0);
    let asked = ["generate", "out/candidates/clbn/model.bin", "--rows", "5000", "--where", "age=30..40", "--where", "member=yes"];
    let made = desk.run(&[&asked[..], &["--seed", "5"]].concat()).must_end(0).stdout;
    assert_eq!(made.lines().count(), 5_001);
    assert!(desk.text("out/synthetic.csv") == made, "the job delivers other rows");
    assert!(desk.run(&asked).must_end(0).stdout != made, "another seed gives other rows");
}

#[test]
fn rare_labels_are_named_rare_where_a_job_asks_for_it() {
    let desk = Desk::new();
    let text = plain(600, 2).replacen(",south,", ",atlantis,", 2);
    let file = desk.file("t.csv", text);
    let flags = ["synthesize", file.to_str().expect("utf-8"), "-s", "independent", "-o"];
    desk.run(&[&flags[..], &["s"]].concat()).must_end(0);
    desk.run(&[&flags[..], &["t", "--rare-labels", "token"]].concat()).must_end(0);
    let made = |folder: &str| desk.run(&["generate", &format!("{folder}/model.bin"), "--rows", "20000"]).must_end(0).stdout;
    let (usual, token) = (made("s"), made("t"));
    assert!(!usual.contains("_RARE_") && !usual.contains("atlantis"));
    assert!(token.contains(",_RARE_,") && !token.contains("atlantis"));
    let kept = desk.run(&[&flags[..], &["k", "--rare-labels", "keep"]].concat()).must_end(0);
    assert!(kept.stderr.contains("unprotected") || kept.stdout.contains("unprotected"), "{}{}", kept.stdout, kept.stderr);
}

#[test]
fn two_million_rows_are_written_in_parts_that_hang_on_no_thread() {
    let desk = Desk::new();
    let file = desk.file("t.csv", plain(600, 2));
    let file = file.to_str().expect("utf-8");
    let run = |out: &str, threads: &str| {
        let job = ["run", file, "-s", "clbn", "-b", "column_shapes", "--gate", "off", "--rows", "2000000", "--formats", "csv,parquet"];
        desk.run(&[&job[..], &["--threads", threads, "-o", out, "--no-cache"]].concat()).must_end(0);
        ["synthetic.csv", "synthetic/parts.json"].map(|path| std::fs::read(desk.path(&format!("{out}/{path}"))).expect("delivered"))
    };
    let one = run("one", "1");
    assert_eq!(one[0].iter().filter(|&&byte| byte == b'\n').count(), 2_000_001);
    let parts: serde_json::Value = serde_json::from_slice(&one[1]).expect("JSON");
    assert_eq!((&parts["rows"], parts["parts"].as_array().expect("a list").len()), (&serde_json::json!(2_000_000), 3));
    assert!(run("four", "4") == one, "parts differ by threads");
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
fn every_wrong_option_is_told_with_what_is_allowed() {
    let desk = Desk::new();
    let set = ["run", "sim:demo", "--dry-run", "--set", "seqtree.leaf=5", "--set", "seqtree.gap=0.5", "--set", "clbn.bins=1"];
    let ended = desk.run(&set).must_end(2);
    for told in ["leaf is 5", "did you mean \"leaf_rows\"?", "gap is 0.5, allowed: a whole number", "bins is 1, allowed: 2 to 256"] {
        assert!(ended.stderr.contains(told), "{told} is not in\n{}", ended.stderr);
    }
}

#[test]
fn a_doctor_tells_each_check_and_scripts_and_pages_are_made() {
    let desk = Desk::new();
    let ended = desk.run(&["doctor"]).must_end(0);
    for what in ["version", "processor", "cores", "memory", "work folder", "space", "settings", "create race"] {
        assert!(ended.stdout.contains(what), "{what} is not in\n{}", ended.stdout);
    }
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(desk.run(&["completions", shell]).must_end(0).stdout.contains("holdout-source"), "{shell}");
    }
    desk.run(&["man", "pages"]).must_end(0);
    assert!(desk.text("pages/synthfleet-run.1").contains("holdout"));
}

#[test]
fn settings_show_where_they_come_from() {
    let desk = Desk::new();
    desk.file("synthfleet.toml", "[run]\nthreads = 2\n");
    let shown = desk.run(&["config", "show", "--origin"]).must_end(0).stdout;
    let line = shown.lines().find(|line| line.starts_with("run.threads = 2")).expect("a line");
    assert!(line.contains("synthfleet.toml"), "{line}");
    let mut command = desk.command(&["config", "show", "--origin"]);
    let output = command.env("SYNTHFLEET_RUN_THREADS", "3").output().expect("starts");
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(shown.contains("run.threads = 3   # ") && shown.contains("SYNTHFLEET_RUN_THREADS"), "{shown}");
}

#[test]
fn members_are_listed_and_shown() {
    let desk = Desk::new();
    let list = desk.run(&["synthesizers", "ls"]).must_end(0).stdout;
    for name in ["arf", "clbn", "gaussian_copula", "identity", "independent", "seqtree", "uniform"] {
        assert!(list.contains(name), "{name} is not listed");
    }
    let shown = desk.run(&["synthesizers", "show", "seqtree"]).must_end(0).stdout;
    assert!(["leaf_rows", "paper", "when", "conditions", "MiB"].iter().all(|word| shown.contains(word)), "{shown}");
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
