//! What is known of a table and what is made of it: rows 3, 4, 5, 6 and 9.

use super::support::{Desk, Dice, plain};
use super::{Served, entry, score};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn profile(desk: &Desk, source: &str, more: &[&str]) -> Value {
    let ended = desk.run(&[&["profile", source], more].concat()).must_end(0);
    serde_json::from_str(&ended.stdout).expect("JSON")
}

#[test]
fn orig_03_columns_have_eight_kinds_and_the_target_tells_the_problem() {
    let desk = Desk::new();
    let demo = profile(&desk, "sim:demo?rows=2000", &["--format", "json"]);
    let kinds: BTreeSet<&str> = demo["columns"].as_array().expect("columns").iter().filter_map(|column| column["kind"].as_str()).collect();
    let all = ["boolean", "categorical", "continuous", "datetime", "empty", "id", "ordinal", "text"];
    assert_eq!(kinds, BTreeSet::from(all));
    // codes are labels, and few whole numbers have an order: the original took both for numbers on a scale
    let mut dice = Dice(3);
    let mut text = String::from("zip,stars,y\n");
    for _ in 0..400 {
        text.push_str(&format!("{:05},{},{}\n", 10_000 + dice.below(20), 1 + dice.below(5), dice.pick(&["a", "b", "c"])));
    }
    desk.file("codes.csv", text);
    let codes = profile(&desk, "codes.csv", &["--format", "json"]);
    let kind = |name: &str| entry(&codes["columns"], "name", name)["kind"].clone();
    assert_eq!((kind("zip"), kind("stars")), ("categorical".into(), "ordinal".into()));
    desk.file("t.csv", plain(600, 3));
    for (target, problem) in
        [("member", "binary_classification"), ("region", "multiclass_classification"), ("income", "regression"), ("none", "null")]
    {
        let told = profile(&desk, "t.csv", &["--format", "json", "--target", target]);
        assert_eq!(told["problem_type"].as_str().unwrap_or("null"), problem, "{target}");
    }
}

#[test]
fn orig_03_the_original_s_description_is_written_and_read() {
    let desk = Desk::new();
    desk.file("t.csv", plain(600, 3));
    let written = profile(&desk, "t.csv", &["--format", "sdgym2020"]);
    let region = entry(&written["columns"], "name", "region");
    assert_eq!((&region["type"], &region["size"]), (&"categorical".into(), &4.into()), "{region}");
    let age = entry(&written["columns"], "name", "age");
    assert!(age["min"].is_number() && age["max"].is_number(), "{age}");
    // whoever sets a kind there gets it
    let mut changed = written.clone();
    let columns = changed["columns"].as_array_mut().expect("columns");
    let region = columns.iter_mut().find(|column| column["name"] == "region").expect("region");
    region["type"] = "ordinal".into();
    desk.file("changed.json", changed.to_string());
    let read = profile(&desk, "t.csv", &["--format", "sdgym2020", "--metadata", "changed.json"]);
    assert_eq!(entry(&read["columns"], "name", "region")["type"], "ordinal");
    desk.file("same.json", written.to_string());
    assert_eq!(profile(&desk, "t.csv", &["--format", "sdgym2020", "--metadata", "same.json"]), written);
}

/// A table that the original died of: text, a semicolon, a decimal comma, quotes, German dates.
fn german(rows: u32) -> String {
    let mut dice = Dice(4);
    let mut text = String::from("\"Nr\";\"Größe, cm\";\"Stadt\";\"Tag\";\"Laune\"\n");
    for row in 0..rows {
        let size = 150.0 + dice.share() * 50.0;
        let mood = if (size > 175.0) == (dice.share() < 0.9) { "hoch" } else { "tief" };
        let city = dice.pick(&["Köln", "Bern; Süd", "Oslo"]);
        let size = format!("{size:.1}").replace('.', ",");
        text.push_str(&format!("{row};{size};\"{city}\";{:02}.{:02}.2024;{mood}\n", 1 + dice.below(28), 1 + dice.below(12)));
    }
    text
}

/// The four of the original, and nobody else.
const FOUR: [&str; 5] = ["-s", "uniform", "independent", "identity", "clbn"];

#[test]
fn orig_04_the_four_synthesizers_take_any_table_and_restore_its_form() {
    let desk = Desk::new();
    desk.file("t.csv", german(500));
    let form = ["run", "t.csv", "--repeats", "1", "--layout", "original", "--gate", "off", "-o", "out"];
    desk.run(&[form.as_slice(), &FOUR].concat()).must_end(0);
    for file in ["synth/41_uniform.csv", "synth/42_independent.csv", "synth/44_CLBN.csv", "synthetic.csv"] {
        let text = desk.text(&format!("out/{file}"));
        let (header, rows) = text.split_once('\n').expect("a header");
        assert_eq!(header, "\"Nr\";\"Größe, cm\";\"Stadt\";\"Tag\";\"Laune\"", "{file}");
        assert_eq!(rows.lines().count(), 400, "{file}: as many rows as were learnt from");
        for row in rows.lines() {
            let (head, tail) = row.rsplit_once("\";").expect("a quoted city");
            let (numbers, city) = head.split_once(";\"").expect("a quoted city");
            assert!(["Köln", "Bern; Süd", "Oslo"].contains(&city), "{file}: {row}");
            let (_, size) = numbers.split_once(';').expect("two numbers");
            assert!(size.split_once(',').is_some_and(|(whole, tenth)| whole.len() == 3 && tenth.len() == 1), "{file}: {row}");
            let (day, mood) = tail.split_once(';').expect("two cells");
            assert!(day.len() == 10 && day.ends_with(".2024") && ["hoch", "tief"].contains(&mood), "{file}: {row}");
        }
    }
    // the copy of the real rows is a candidate, and stays here
    assert!(!desk.path("out/synth/43_identity.csv").exists());
    let verdict = desk.json("out/verdict.json");
    assert_eq!(entry(&verdict["ranking"], "candidate", "identity")["eligible"], false);
}

#[test]
fn orig_04_the_ten_names_of_2020_are_known_and_five_run() {
    let desk = Desk::new();
    let runs = ["clbn", "identity", "independent", "privbn", "uniform"];
    for name in runs {
        desk.run(&["synthesizers", "show", name]).must_end(0);
    }
    let served = Served::new();
    for name in ["ctgan", "medgan", "tablegan", "tvae", "veegan"] {
        // the same words whichever way it is asked for
        let told = "is not in this version\n";
        for command in
            [&["synthesizers", "show", name][..], &["synthesize", "sim:asia?rows=300", "-s", name], &["run", "sim:asia", "-s", name]]
        {
            let ended = desk.run(command).must_refuse(2, "synthesizer::later");
            assert!(ended.stderr.contains("SDGym's ten of February 2020") && ended.stderr.contains(told), "{}", ended.stderr);
            assert!(ended.stderr.contains("nearest in this version") && ended.stderr.contains("synthesizers ls"), "{}", ended.stderr);
        }
        let (status, told) = served.role.ask("POST", "/v1/jobs", Some(&json!({ "source": "sim:asia", "synthesizers": ["clbn", name] })));
        let error = &told["errors"][0];
        assert_eq!((status, &error["code"], &error["pointer"]), (422, &"synthesizer::later".into(), &"/synthesizers/1".into()), "{told}");
        assert!(error["detail"].as_str().is_some_and(|text| text.contains("SDGym's ten of February 2020")), "{told}");
    }
    // their preset runs what there is, and says what there is not
    let note = "preset sdgym2020 leaves out ctgan, medgan, tablegan, tvae, veegan: not in this version";
    let job = ["run", "sim:asia?rows=400", "--preset", "sdgym-2020", "--repeats", "1", "-b", "diagnostic", "--gate", "off", "-o", "out"];
    let dry: Value = serde_json::from_str(&desk.run(&[&job[..], &["--dry-run", "--json"]].concat()).must_end(0).stdout).expect("JSON");
    assert_eq!(dry["notes"][0]["text"], note, "{dry}");
    let ended = desk.run(&job).must_be_done();
    assert!(ended.stderr.contains(note), "{}", ended.stderr);
    let results = desk.json("out/results.json");
    let mut names: Vec<&str> = results["candidates"].as_array().expect("a list").iter().filter_map(|one| one["name"].as_str()).collect();
    names.sort_unstable();
    assert_eq!((names.as_slice(), &results["job"]["notes"][0]["text"]), (&runs[..], &note.into()));
    assert!(desk.text("out/card.md").contains(note) && desk.text("out/report.html").contains(note));
}

#[test]
fn orig_05_each_job_keeps_its_own_files_under_their_hashes() {
    let served = Served::new();
    let job = |seed: u32| json!({ "source": "sim:asia?rows=300", "synthesizers": ["clbn"], "benchmarks": ["accuracy"], "gate": "off", "seed": seed });
    let ids = [served.done(&job(1)), served.done(&job(2))];
    // after the second job, the first one's files are what they were
    let hashes: Vec<String> = ids
        .iter()
        .map(|id| {
            let listed = served.get(&format!("/v1/jobs/{id}/files"));
            let files = listed["items"].as_array().expect("files");
            assert!(files.len() > 5, "{listed}");
            for file in files {
                let path = file["path"].as_str().expect("a path");
                let answer = served.raw("GET", &format!("/v1/jobs/{id}/files/{path}"), b"");
                assert_eq!(answer.status, 200, "{path}");
                assert_eq!(super::support::fleet::sha256_hex(&answer.body), file["sha256"].as_str().expect("a hash"), "{path}");
            }
            entry(&listed["items"], "path", "synthetic.csv")["sha256"].as_str().expect("a hash").to_owned()
        })
        .collect();
    assert_ne!(hashes[0], hashes[1], "two seeds, two tables");
}

/// Two columns of four labels; `share` of the rows have the same label in both.
fn pair(share: f64, seed: u64) -> String {
    let mut dice = Dice(seed);
    let mut text = String::from("p,q\n");
    for _ in 0..1_500 {
        let first = dice.below(4);
        let second = if dice.share() < share { first } else { dice.below(4) };
        text.push_str(&format!("{},{}\n", ["a", "b", "c", "d"][first as usize], ["e", "f", "g", "h"][second as usize]));
    }
    text
}

#[test]
fn orig_06_scores_are_those_of_the_user_s_own_table() {
    let desk = Desk::new();
    let mut agreement = Vec::new();
    for (name, share) in [("free", 0.0), ("bound", 0.9)] {
        desk.file(&format!("{name}.csv"), pair(share, 6));
        let source = format!("{name}.csv");
        let job = ["run", &source, "-b", "accuracy", "column_shapes", "--repeats", "1", "--gate", "off", "--target", "none", "-o", name];
        desk.run(&[job.as_slice(), &FOUR].concat()).must_end(0);
        let results = desk.json(&format!("{name}/results.json"));
        agreement.push((score(&results, "independent", "accuracy.bivariate"), score(&results, "clbn", "accuracy.bivariate")));
    }
    // same columns, another law: who draws each column by itself is right on the one and wrong on the other
    let [(free, _), (bound, tree)] = agreement[..] else { panic!("{agreement:?}") };
    assert!(free > 0.9 && bound < 0.5 && tree > 0.9, "{agreement:?}");
}

#[test]
fn orig_06_the_table_that_is_scored_is_the_one_that_is_delivered() {
    let desk = Desk::new();
    let text = plain(900, 6);
    let lines: Vec<&str> = text.lines().collect();
    desk.file("train.csv", lines[..601].join("\n") + "\n");
    desk.file("test.csv", format!("{}\n{}\n", lines[0], lines[601..].join("\n")));
    let job = ["run", "train.csv", "--holdout-source", "test.csv", "-s", "clbn", "-b", "accuracy", "column_shapes", "pair_trends"];
    desk.run(&[job.as_slice(), &["--repeats", "1", "--gate", "off", "-o", "out"]].concat()).must_end(0);
    let results = desk.json("out/results.json");
    let again = desk.run(&["benchmark", "train.csv", "out/synthetic.csv", "-b", "accuracy", "column_shapes", "pair_trends", "--json"]);
    let again: Value = serde_json::from_str(&again.must_end(0).stdout).expect("JSON");
    for name in ["accuracy", "accuracy.bivariate", "column_shapes", "pair_trends"] {
        let anew = entry(&again["scores"], "name", name)["value"].as_f64().expect("a value");
        assert!(
            (anew - score(&results, "clbn", name)).abs() < 1e-12,
            "{name}: {anew} of the file, {} in the job",
            score(&results, "clbn", name)
        );
    }
}

#[test]
fn orig_09_the_winner_and_the_scores_stand_under_the_original_s_names_beside_the_proof() {
    let desk = Desk::new();
    desk.file("t.csv", plain(900, 9));
    desk.run(&["run", "t.csv", "--preset", "quick", "--layout", "original", "-o", "out"]).must_end(0);
    let verdict = desk.json("out/verdict.json");
    let winner = verdict["winner"].as_str().expect("a winner");
    assert_eq!(desk.text(&format!("out/output/{winner}.csv")), desk.text("out/synthetic.csv"));
    assert_eq!(desk.text("out/output/output_benchmarkedResults.csv"), desk.text("out/results.csv"));
    assert!(desk.json("out/meta/generated_metadata.json")["columns"].is_array());
    assert!(verdict["why"].as_str().is_some_and(|why| why.starts_with(&format!("{winner} wins: "))), "{verdict}");
    assert!(desk.text("out/report.html").contains("Why this one"));
    assert!(desk.text("out/card.md").starts_with("---\nsynthetic: true\n"));
    let manifest = desk.json("out/manifest.json");
    let synthetic = entry(&manifest["files"], "path", "synthetic.csv");
    assert_eq!(synthetic["sha256"], super::support::fleet::sha256_hex(desk.text("out/synthetic.csv").as_bytes()));
}
