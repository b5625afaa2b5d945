//! The profile task on real tables: counts, kinds, parts, disclosure, and the same cells written back.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use synthfleet_intake::parquet::read_table;
use synthfleet_intake::write::{Provenance, to_text, write_parquet};
use synthfleet_intake::{ProfileInput, Profiled, profile_task, simulated};
use synthfleet_proto::job::JobSpec;
use synthfleet_proto::metadata::{Kind, ProblemType, Role};
use synthfleet_proto::profile::SplitStrategy;
use synthfleet_proto::{Error, Result, Seed};
use synthfleet_table::{Budget, Table};

fn shared(name: &str) -> PathBuf {
    let folder = std::env::vars().find(|(key, _)| key == "SYNTHFLEET_SHARED").map(|(_, value)| PathBuf::from(value));
    folder.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared")).join("data").join(name)
}

struct Run {
    folder: tempfile::TempDir,
    profiled: Profiled,
}

impl Run {
    fn try_of(job: JobSpec, seed: u64, threads: usize) -> Result<Self> {
        Self::try_with(ProfileInput::new(job, Seed::shared(seed)), threads)
    }

    fn try_with(input: ProfileInput, threads: usize) -> Result<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let (out, scratch) = (folder.path().join("out"), folder.path().join("scratch"));
        std::fs::create_dir_all(&out).expect("a folder");
        std::fs::create_dir_all(&scratch).expect("a folder");
        let profiled = profile_task(&input, &out, &scratch, &Budget::quiet(threads))?;
        Ok(Self { folder, profiled })
    }

    fn of(job: JobSpec) -> Self {
        Self::try_of(job, 0, 2).expect("profiles")
    }

    fn on(path: &Path) -> Self {
        Self::of(JobSpec::of(&path.display().to_string()))
    }

    fn fails(job: JobSpec) -> Error {
        match Self::try_of(job, 0, 1) {
            Ok(_) => panic!("the task must fail"),
            Err(error) => error,
        }
    }

    fn table(&self, name: &str) -> Table {
        read_table(&self.file(name), &Arc::new(self.profiled.metadata.clone())).expect("own file")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("out").join(name)
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.file(name)).expect("the file is there")
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&self.bytes(name)).expect("JSON")
    }

    fn kinds(&self) -> BTreeMap<&str, Kind> {
        self.profiled.metadata.columns.iter().map(|column| (column.name.as_str(), column.kind)).collect()
    }
}

/// A job on a CSV file of this text.
fn written(folder: &Path, name: &str, text: &str) -> JobSpec {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("writes");
    JobSpec::of(&path.display().to_string())
}

fn plain_text(path: &Path) -> String {
    let bytes = std::fs::read(path).expect("the file is there");
    let mut text = String::new();
    if path.extension().is_some_and(|extension| extension == "gz") {
        std::io::Read::read_to_string(&mut flate2::read::MultiGzDecoder::new(&bytes[..]), &mut text).expect("gzip");
        text
    } else {
        String::from_utf8(bytes).expect("UTF-8")
    }
}

/// Both parts together hold every line of the input once, byte for byte.
fn comes_back(path: &Path) {
    let run = Run::on(path);
    let mut expected: Vec<String> = plain_text(path).lines().skip(1).map(str::to_owned).collect();
    let mut lines: Vec<String> = Vec::new();
    for part in ["train.parquet", "holdout.parquet"] {
        let text = to_text(&run.table(part), false);
        assert_eq!(text.lines().next(), plain_text(path).lines().next());
        lines.extend(text.lines().skip(1).map(str::to_owned));
    }
    expected.sort();
    lines.sort();
    assert_eq!(lines.len(), expected.len());
    if let Some(place) = (0..lines.len()).find(|&place| lines[place] != expected[place]) {
        panic!("wrote {:?} for {:?}", lines[place], expected[place]);
    }
}

#[test]
fn adult_comes_back_cell_by_cell() {
    comes_back(&shared("adult.csv.gz"));
}

#[test]
fn california_comes_back_cell_by_cell() {
    comes_back(&shared("california_housing.csv.gz"));
}

#[test]
fn titanic_comes_back_cell_by_cell() {
    comes_back(&shared("titanic.csv"));
}

#[test]
fn adult_is_profiled_as_a_person_would() {
    let began = std::time::Instant::now();
    let run = Run::on(&shared("adult.csv.gz"));
    println!("adult in {:?}", began.elapsed());
    let profile = &run.profiled.profile;
    assert_eq!((profile.table.rows, profile.split.train_rows, profile.split.holdout_rows), (48_842, 39_074, 9_768));
    assert_eq!((profile.target.as_deref(), profile.problem_type), (Some("income"), Some(ProblemType::BinaryClassification)));
    assert_eq!(profile.split.strategy, SplitStrategy::Stratified);
    let age = profile.columns[0].numeric.as_ref().expect("age is a number");
    // pandas: mean, std and median of the same file
    assert!((age.mean.expect("values") - 38.643_585_438_761_72).abs() < 1e-9, "{:?}", age.mean);
    assert!((age.std.expect("values") - 13.710_509_934_443_555).abs() < 1e-9, "{:?}", age.std);
    assert_eq!((age.quantiles[5], age.min, age.max, age.grain), (37.0, Some(17.0), Some(90.0), Some(1.0)));
    assert!(profile.notes.iter().any(|note| note.code == "same_information" && note.text.contains("education_num")), "{:?}", profile.notes);
    assert!(profile.notes.iter().any(|note| note.code == "duplicate_rows" && note.text.starts_with("52 ")), "{:?}", profile.notes);
}

#[test]
fn the_holdout_has_the_target_in_the_same_share() {
    let run = Run::on(&shared("adult.csv.gz"));
    let share = |name: &str| {
        let table = run.table(name);
        let income = table.column(run.profiled.metadata.target_position().expect("income"));
        let synthfleet_table::Values::Code(codes) = income.values() else { panic!("income has levels") };
        codes.iter().filter(|code| **code == 0).count() as f64 / codes.len() as f64
    };
    assert!((share("train.parquet") - share("holdout.parquet")).abs() < 1e-4);
}

#[test]
fn threads_change_no_byte_and_the_seed_changes_the_parts() {
    let job = || JobSpec::of("sim:demo?rows=30000");
    let (one, seven) = (Run::try_of(job(), 0, 1).expect("profiles"), Run::try_of(job(), 0, 7).expect("profiles"));
    for name in
        ["train.parquet", "holdout.parquet", "metadata.json", "profile.json", "metadata.sdv.json", "metadata.sdgym2020.json", "rows.jsonl"]
    {
        assert!(one.bytes(name) == seven.bytes(name), "{name} differs");
    }
    assert!(one.bytes("train.parquet") != Run::try_of(job(), 1, 1).expect("profiles").bytes("train.parquet"));
}

#[test]
fn files_sorted_by_the_engine_give_the_profile_of_values_in_memory() {
    let input = || ProfileInput::new(JobSpec::of("sim:demo?rows=20000"), Seed::shared(0));
    let in_memory = Run::try_with(input(), 2).expect("profiles");
    let by_engine = Run::try_with(ProfileInput { kept_bytes_max: 0, ..input() }, 2).expect("profiles");
    assert_eq!(in_memory.json("profile.json"), by_engine.json("profile.json"));
}

#[test]
fn rows_beyond_the_most_fitted_are_left_aside_and_still_described() {
    let input = ProfileInput::new(JobSpec::of("sim:demo?rows=10000"), Seed::shared(0));
    let run = Run::try_with(ProfileInput { fit_rows_max: 4_000, ..input }, 2).expect("profiles");
    let (profile, whole) = (&run.profiled.profile, Run::of(JobSpec::of("sim:demo?rows=10000")));
    assert_eq!((profile.table.rows, profile.split.train_rows, profile.split.holdout_rows), (10_000, 4_000, 1_000));
    assert!(profile.notes.iter().any(|note| note.code == "fit_sampled"), "{:?}", profile.notes);
    assert_eq!(profile.columns, whole.profiled.profile.columns);
}

#[test]
fn the_demo_has_every_kind() {
    let run = Run::of(JobSpec::of("sim:demo"));
    let kinds = run.kinds();
    let expected = [
        ("age", Kind::Continuous),
        ("coupon", Kind::Empty),
        ("customer_id", Kind::Id),
        ("income", Kind::Continuous),
        ("last_order", Kind::Datetime),
        ("left", Kind::Boolean),
        ("plan", Kind::Categorical),
        ("region", Kind::Categorical),
        ("remark", Kind::Text),
        ("satisfaction", Kind::Ordinal),
        ("signed_up", Kind::Datetime),
        ("spent", Kind::Continuous),
    ];
    assert_eq!(kinds, expected.into());
    assert_eq!(run.profiled.metadata.target.as_deref(), Some("left"));
}

#[test]
fn simulated_laws_have_no_target_but_a_likelihood() {
    let run = Run::of(JobSpec::of("sim:asia?rows=200"));
    assert_eq!((run.profiled.profile.target.as_deref(), run.profiled.profile.problem_type), (None, Some(ProblemType::BayesianLikelihood)));
}

#[test]
fn the_true_law_is_named_for_simulated_sets_that_have_one_and_for_no_other_table() {
    assert_eq!(Run::of(JobSpec::of("sim:asia?rows=200")).profiled.metadata.law.as_deref(), Some("asia"));
    let run = Run::of(JobSpec::of("sim:demo?rows=200"));
    assert_eq!(run.profiled.metadata.law, None);
    assert!(!String::from_utf8(run.bytes("metadata.json")).expect("UTF-8").contains("\"law\""));
}

#[test]
fn protected_files_hide_rare_labels_and_extremes() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut text = "size,town,grade\n".to_owned();
    for row in 0..200u32 {
        let town = if row == 77 { "Hidden" } else { ["Ulm", "Bern"][row as usize % 2] };
        let grade = if row < 3 { "low" } else { ["medium", "high"][row as usize % 2] };
        text.push_str(&format!("{},{town},{grade}\n", if row == 5 { 99_999 } else { 1_000 + row * 7 % 113 }));
    }
    let run = Run::of(written(folder.path(), "t.csv", &text));
    for name in ["profile.json", "metadata.sdv.json", "metadata.sdgym2020.json", "summary.json"] {
        let shown = String::from_utf8(run.bytes(name)).expect("UTF-8");
        assert!(!shown.contains("Hidden") && !shown.contains("99999") && !shown.contains("\"low\""), "{name}: {shown}");
    }
    assert!(String::from_utf8(run.bytes("metadata.json")).expect("UTF-8").contains("Hidden"));
    let mut exact = written(folder.path(), "t.csv", &text);
    exact.disclosure = synthfleet_proto::job::Disclosure::Exact;
    let shown = String::from_utf8(Run::of(exact).bytes("profile.json")).expect("UTF-8");
    assert!(shown.contains("Hidden") && shown.contains("99999"));
}

#[test]
fn a_given_holdout_is_the_holdout_and_every_source_row_train() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = |from: u32, to: u32, last: &str| -> String {
        let rows = (from..to).map(|row| format!("{row},{}\n", ["a", "b"][row as usize % 2]));
        format!("n,c\n{}{last}", rows.collect::<String>())
    };
    let test = folder.path().join("test.csv");
    std::fs::write(&test, rows(50, 70, "500,only_here\n")).expect("writes");
    let mut job = written(folder.path(), "train.csv", &rows(0, 50, ""));
    job.holdout_source = Some(test.display().to_string());
    let run = Run::of(job.clone());
    let split = &run.profiled.profile.split;
    assert_eq!((split.train_rows, split.holdout_rows, split.strategy), (50, 21, SplitStrategy::Given));
    assert!(run.profiled.metadata.columns[1].levels.contains(&"only_here".to_owned()));
    std::fs::write(&test, "n,d\n1,a\n").expect("writes");
    assert_eq!(Run::fails(job).code(), "source::parts_differ");
}

#[test]
fn a_parquet_table_has_the_kinds_of_its_csv_twin() {
    let csv = Run::of(JobSpec::of("sim:demo?rows=3000"));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("demo.parquet");
    let provenance = Provenance { method: "test".into(), seed: 0 };
    write_parquet(&path, &csv.table("train.parquet"), &provenance).expect("writes");
    let parquet = Run::on(&path);
    assert_eq!(parquet.kinds(), csv.kinds());
    assert_eq!(parquet.profiled.metadata.train_rows + parquet.profiled.metadata.holdout_rows, csv.profiled.metadata.train_rows);
}

#[test]
fn bad_cells_and_bad_rows_are_kept_beside_with_their_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut text = "n,c\n".to_owned();
    (0..300).for_each(|row| text.push_str(&format!("{}.5,x{}\n", row, row % 3)));
    text.push_str("oops,x1\n1.5,x2,extra\n");
    let mut job = written(folder.path(), "t.csv", &text);
    job.source.bad_rows = Some("save".into());
    let run = Run::of(job);
    let rejected = String::from_utf8(run.bytes("rejected.csv")).expect("UTF-8");
    assert_eq!(rejected, "line,column,cell,reason\n303,,\"1.5,x2,extra\",csv::ragged\n302,n,oops,not a number\n");
    let source = &run.profiled.profile.source;
    assert_eq!((source.rejected_rows, source.rejected_cells, run.profiled.profile.table.rows), (1, 1, 301));
}

#[test]
fn a_description_overrides_inference_and_flags_override_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut text = "code,name,n\n".to_owned();
    (0..200).for_each(|row| text.push_str(&format!("{},p{},{row}.25\n", row % 9, row % 4)));
    let mut job = written(folder.path(), "t.csv", &text);
    job.metadata = Some(json!({
        "tables": {"t": {"columns": {
            "code": {"sdtype": "categorical"},
            "name": {"sdtype": "first_name", "pii": true},
            "n": {"sdtype": "numerical"},
        }}},
        "relationships": [],
        "METADATA_SPEC_VERSION": "V1",
    }));
    let run = Run::of(job.clone());
    assert_eq!(run.kinds()["code"], Kind::Categorical);
    let name = &run.profiled.metadata.columns[1];
    assert_eq!((name.kind, name.role, name.sensitivity.as_ref().map(|found| found.direct)), (Kind::Text, Role::Generate, Some(true)));
    assert_eq!(run.json("metadata.sdv.json"), job.metadata.clone().expect("given"));
    let wish = synthfleet_proto::job::ColumnWish { kind: Some(Kind::Continuous), ..Default::default() };
    job.source.columns.insert("code".into(), wish);
    assert_eq!(Run::of(job.clone()).kinds()["code"], Kind::Continuous);
    job.metadata = Some(json!({"columns": {"cod": {"sdtype": "categorical"}}, "METADATA_SPEC_VERSION": "SINGLE_TABLE_V1"}));
    assert_eq!(Run::fails(job).code(), "metadata::mismatch");
}

#[test]
fn values_that_the_description_forbids_are_told_or_left_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows: String = (0..100).map(|row| format!("{}.5,{}\n", row % 50, ["a", "b", "c"][row % 3])).collect();
    let mut job = written(folder.path(), "t.csv", &format!("size,town\n{rows}"));
    let with = |columns: Value| Some(json!({"columns": columns, "METADATA_SPEC_VERSION": "SINGLE_TABLE_V1"}));
    job.metadata = with(json!({"size": {"sdtype": "numerical", "range_min": 0, "range_max": 40}, "town": {"sdtype": "categorical"}}));
    let error = Run::fails(job.clone());
    assert_eq!((error.code(), error.message()), ("metadata::value_outside", "size has \"40.5\", metadata says 0 to 40 (20 rows)"));
    job.metadata_check = Some("warn".into());
    let run = Run::of(job.clone());
    assert_eq!((run.profiled.profile.columns[0].missing, run.profiled.profile.source.rejected_cells), (20, 20));
    assert_eq!(run.profiled.metadata.columns[0].range, Some((0.5, 40.0)));
    job.metadata_check = None;
    job.metadata = with(json!({"size": {"sdtype": "numerical"}, "town": {"sdtype": "categorical", "order": ["a", "b"]}}));
    let error = Run::fails(job);
    assert_eq!((error.code(), error.message()), ("metadata::value_outside", "town has \"c\", metadata says a, b (33 rows)"));
}

#[test]
fn our_sdv_export_reads_back_to_the_same_kinds() {
    let first = Run::of(JobSpec::of("sim:demo"));
    let mut job = JobSpec::of("sim:demo");
    job.metadata = Some(first.json("metadata.sdv.json"));
    let second = Run::of(job);
    // SDV has no word for an empty column or for yes and no
    let folded = |run: &Run| -> BTreeMap<String, Kind> {
        let fold = |kind| if matches!(kind, Kind::Empty | Kind::Boolean) { Kind::Categorical } else { kind };
        run.kinds().into_iter().map(|(name, kind)| (name.to_owned(), fold(kind))).collect()
    };
    assert_eq!(folded(&first), folded(&second));
}

#[test]
fn the_sdgym_form_lists_what_it_can_describe() {
    let run = Run::on(&shared("titanic.csv"));
    let form = run.json("metadata.sdgym2020.json");
    // the last column is the target where none is named: the port, of three levels
    assert_eq!(form["problem_type"], json!("multiclass_classification"));
    let sex = form["columns"].as_array().expect("a list").iter().find(|column| column["name"] == "sex").expect("sex");
    assert_eq!((&sex["type"], &sex["size"], &sex["i2s"]), (&json!("categorical"), &json!(2), &json!(["male", "female"])));
    synthfleet_intake::forms::Given::read(&form, None).expect("own form");
}

#[test]
fn ten_rows_hold_out_two_and_simulated_rows_are_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows: String = (0..10).map(|row| format!("{row}.5,{}\n", row % 2)).collect();
    let run = Run::of(written(folder.path(), "t.csv", &format!("a,b\n{rows}")));
    assert_eq!((run.profiled.metadata.train_rows, run.profiled.metadata.holdout_rows), (8, 2));
    assert_eq!(simulated::csv("ring", 3, 0).expect("known").iter().filter(|byte| **byte == b'\n').count(), 4);
}

#[test]
fn constraints_travel_with_the_description_and_rows_that_break_one_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows: String = (0..60).map(|row| format!("{},{},{}\n", row * 7 % 40, row * 7 % 40 + row % 3, row % 4)).collect();
    let mut job = written(folder.path(), "orders.csv", &format!("Ordered, Sent ,Shop\n{rows}"));
    let with = |job: &mut JobSpec, rule: &str| {
        job.constraints = vec![synthfleet_proto::constraint::Constraint::parse(rule).expect("legal")];
        job.clone()
    };
    let kept = Run::of(with(&mut job, "Ordered <= Sent"));
    assert_eq!(kept.profiled.metadata.constraints.len(), 1);
    assert!(kept.json("metadata.json")["constraints"][0]["low"].as_str().is_some_and(|name| name == "Ordered"));
    let error = Run::fails(with(&mut job, "Sent <= Ordered"));
    assert_eq!((error.code(), error.message()), ("constraint::violated", "40 of 60 rows break Sent <= Ordered, the first is row 2"));
    let error = Run::fails(with(&mut job, "Ordered <= Set"));
    assert_eq!((error.code(), error.helps()), ("constraint::unknown_column", &["did you mean \"Sent\"?".to_owned()][..]));
    assert_eq!(error.place().pointer.as_deref(), Some("/constraints/0"));
}

#[test]
fn a_label_for_rare_ones_is_legal_where_a_job_asks_for_it_and_the_description_says_how_values_are_protected() {
    let folder = tempfile::tempdir().expect("a folder");
    let towns = ["Ulm", "Bern", "Graz"];
    let rows: String = (0..90).map(|row| format!("{},{},{}\n", towns[row % 3], row * 7 % 40, ["no", "yes"][row % 2])).collect();
    let mut job = written(folder.path(), "people.csv", &format!("town,age,bought\n{rows}"));
    job.target = Some("bought".to_owned());
    let levels = |job: &JobSpec, place: usize| Run::of(job.clone()).profiled.metadata.columns[place].levels.clone();
    assert_eq!(levels(&job, 0).len(), 3);
    job.value_protection.rare_labels = synthfleet_proto::protection::RareLabels::Token;
    assert_eq!(levels(&job, 0).last().map(String::as_str), Some("_RARE_"));
    assert_eq!(levels(&job, 2).len(), 2, "the target keeps its classes");
    let run = Run::of(job);
    assert_eq!(run.json("metadata.json")["protection"]["rare_labels"], "token");
}
