//! What a person reads when something is wrong, whole: code, place, excerpt, remedy. `data/errors.txt` holds the text of
//! each case; `SYNTHFLEET_GOLDEN=write` at build time writes it anew, to be read before it is kept.

mod support;

use std::fmt::Write as _;
use std::path::Path;
use support::{Desk, plain};

/// Name of the case, the file `t.csv` or another, its bytes, the command behind the file's name.
struct Case {
    name: &'static str,
    file: &'static str,
    bytes: Vec<u8>,
    command: Vec<&'static str>,
}

fn profile(name: &'static str, bytes: impl Into<Vec<u8>>, flags: &[&'static str]) -> Case {
    of("profile", name, "t.csv", bytes, flags)
}

fn run(name: &'static str, flags: &[&'static str]) -> Case {
    of("run", name, "t.csv", plain(60, 1), flags)
}

fn of(verb: &'static str, name: &'static str, file: &'static str, bytes: impl Into<Vec<u8>>, flags: &[&'static str]) -> Case {
    Case { name, file, bytes: bytes.into(), command: [&[verb, file], flags].concat() }
}

fn with_line(line: &str) -> String {
    plain(60, 1) + line
}

fn described(columns: &str) -> String {
    format!(r#"{{"tables":{{"t":{{"columns":{{{columns}}}}}}},"relationships":[],"METADATA_SPEC_VERSION":"V1"}}"#)
}

fn reading() -> Vec<Case> {
    let plain = plain(60, 1);
    let gzip: &[u8] = &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x4b];
    vec![
        profile("an empty file", "", &[]),
        profile("blank lines alone", "\n\n", &[]),
        profile("a header alone", "a,b\n", &[]),
        profile("four rows", "a,b\n1,x\n2,y\n3,x\n4,y\n", &[]),
        profile("a page", "<!DOCTYPE html>\n<html></html>\n", &[]),
        profile("a PDF", "%PDF-1.7\n", &[]),
        profile("a workbook", b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00[Content_Types].xml xl/workbook.xml".to_vec(), &[]),
        of("profile", "a gzip file that breaks off", "t.csv.gz", gzip, &[]),
        of("profile", "a Parquet file that is none", "t.parquet", b"PAR1 nothing PAR1".to_vec(), &[]),
        profile("ragged rows", with_line("1,2\n18,1.00,north,2024-01-01,yes,more\n"), &[]),
        profile("too many ragged rows", with_line("1,2\n1,2\n1,2\n"), &["--bad-rows", "skip"]),
        profile("a quote that never closes", with_line("20,1.00,\"north,2024-01-01,yes\n"), &[]),
        profile("text behind a quote", with_line("20,1.00,\"nor\"th,2024-01-01,yes\n"), &[]),
        profile("a NUL byte", with_line("20,1.00,nor\0th,2024-01-01,yes\n"), &[]),
        profile(
            "bytes of another encoding",
            [plain.replacen("north", "nörth", 1).as_bytes(), b"20,1.00,\xff,2024-01-01,yes\n"].concat(),
            &[],
        ),
        profile("a header with control characters", plain.replacen("region", "re\u{7}gion", 1), &[]),
        profile(
            "cells of another type",
            with_line("many,1.00,north,2024-01-01,yes\n"),
            &["--on-bad-cell", "fail", "--kind", "age=continuous"],
        ),
        profile("a target that is no column", plain.clone(), &["--target", "mebmer"]),
        profile("a kind that is none", plain.clone(), &["--kind", "age=numeric"]),
        profile("a kind of no column", plain.clone(), &["--kind", "agee=continuous"]),
        profile("a flag without its two parts", plain.clone(), &["--kind", "age"]),
        profile("a stratified split without classes", plain.clone(), &["--target", "income", "--split-strategy", "stratified"]),
        profile("an encoding that is none", plain.clone(), &["--encoding", "utf8000"]),
        profile("a delimiter of two characters", plain, &["--delimiter", ";;"]),
        Case { name: "a file that is not there", file: "table.csv", bytes: b"a\n".to_vec(), command: vec!["profile", "tabel.csv"] },
        Case { name: "a simulated set that is none", file: "t.csv", bytes: Vec::new(), command: vec!["profile", "sim:dmeo"] },
    ]
}

fn metadata() -> Vec<(&'static str, String)> {
    vec![
        ("metadata that is no JSON", "{\"tables\": ".to_owned()),
        ("metadata of another table", described(r#""height":{"sdtype":"numerical"}"#)),
        ("metadata with an unknown key", described(r#""age":{"sdtype":"numerical","colour":"red"}"#)),
        ("metadata with an unknown version", described(r#""age":{"sdtype":"numerical"}"#).replace("V1", "V9")),
        (
            "metadata of three tables",
            r#"{"tables":{"a":{"columns":{}},"b":{"columns":{}}},"relationships":[],"METADATA_SPEC_VERSION":"MULTI_TABLE_V1"}"#.to_owned(),
        ),
    ]
}

fn running() -> Vec<Case> {
    vec![
        run("names that are none", &["--preset", "quik", "-s", "seqtre", "-b", "acuracy"]),
        run("a preset that comes later", &["--preset", "full"]),
        run("a synthesizer that comes later", &["-s", "CTGANSynthesizer", "argn"]),
        run("options out of range", &["--set", "seqtree.leaf_rows=-1", "--set", "clbn.bins=1", "--set", "seqtree.leaf=3"]),
        run("options of nobody", &["--set", "seqtre.leaf_rows=5"]),
        run("a holdout out of range", &["--holdout", "0.9"]),
        run("a gate that is none", &["--gate", "blanced"]),
        run("weights that are none", &["--weights", "utilty"]),
        run("a time without unit", &["--budget", "5x"]),
        run("a format that is none", &["--formats", "xlsx"]),
        run("an executor that is none", &["--isolate", "thread"]),
        run("a useless target", &["--target", "day", "--kind", "day=text"]),
        run(
            "nothing to model",
            &["--role", "age=drop", "--role", "income=drop", "--role", "region=drop", "--role", "day=drop", "--role", "member=drop"],
        ),
        Case {
            name: "a job file with an unknown field",
            file: "job.toml",
            bytes: b"source = \"sim:demo\"\nsed = 1\n".to_vec(),
            command: vec!["run", "--job", "job.toml"],
        },
        Case { name: "a job file that is none", file: "job.json", bytes: b"{".to_vec(), command: vec!["run", "--job", "job.json"] },
        of("synthesize", "a synthesizer that is none", "t.csv", plain(60, 1), &["-s", "seqtre"]),
        of("generate", "a model that is none", "t.csv", plain(60, 1), &["--rows", "5"]),
        of("report", "a folder without an output", "t.csv", plain(60, 1), &[]),
    ]
}

fn told(desk: &Desk, command: &[&str]) -> String {
    let ended = desk.run(command);
    format!("exit {}\n{}", ended.code, ended.stderr.replace(&desk.path("").display().to_string(), "FOLDER/"))
}

#[test]
fn every_error_is_told_as_it_was_agreed() {
    let mut found = String::new();
    for case in reading().into_iter().chain(running()) {
        let desk = Desk::new();
        desk.file(case.file, &case.bytes);
        let _ = writeln!(found, "== {}\n$ synthfleet {}\n{}", case.name, case.command.join(" "), told(&desk, &case.command));
    }
    for (name, text) in metadata() {
        let desk = Desk::new();
        desk.file("t.csv", plain(60, 1));
        desk.file("m.json", text);
        let _ = writeln!(found, "== {name}\n{}", told(&desk, &["profile", "t.csv", "--metadata", "m.json"]));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/errors.txt");
    if option_env!("SYNTHFLEET_GOLDEN") == Some("write") {
        std::fs::write(&path, &found).expect("writable sources");
    }
    let agreed = std::fs::read_to_string(&path).unwrap_or_default();
    for (is, was) in found.split("\n== ").zip(agreed.split("\n== ")) {
        assert_eq!(is, was, "an error reads otherwise");
    }
    assert_eq!(found.len(), agreed.len(), "cases were added or removed: write the text anew");
}
