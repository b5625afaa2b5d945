//! Golden pairs as tables: two or three CSV files and SDV metadata, read under one shared description
//! the way pandas reads them.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use synthfleet_benchmarks::parts::embedding::Embedding;
use synthfleet_benchmarks::{Case, Real};
use synthfleet_proto::Seed;
use synthfleet_proto::calendar::{Grain, days_of_date};
use synthfleet_proto::metadata::{ColumnMeta, DateForm, Kind, Metadata, Sensitivity, Storage};
use synthfleet_proto::score::Scored;
use synthfleet_table::{Arrays, Bits, Budget, Column, Table, Values};

/// Names of the golden pairs.
pub const PAIRS: [&str; 6] = ["student_placements", "mixed_missing", "numeric_edge", "categorical_wide", "identity", "tiny"];

/// Cells that pandas takes for missing.
const MISSING: [&str; 10] = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "n/a", "<NA>"];

/// One golden pair.
pub struct Golden {
    /// `real.csv`.
    pub real: Table,
    /// `synthetic.csv`.
    pub synthetic: Table,
    /// `holdout.csv`; 0 rows if the pair has none.
    pub holdout: Table,
    /// `expected.json`.
    pub expected: Value,
    /// SDV sdtype of each column.
    pub sdtypes: BTreeMap<String, String>,
}

impl Golden {
    /// A case with `real.csv` as train.
    pub fn case(&self, benchmark: &str) -> Case {
        let shared = Seed::shared(7).child("benchmark").child(benchmark);
        let real = Real { train: self.real.clone(), holdout: self.holdout.clone(), shared };
        Case { real, sample: self.synthetic.clone(), prepared: Arrays::default() }
    }

    /// Names of the columns whose sdtype is among `sdtypes`, in the order of the description.
    pub fn columns_of(&self, sdtypes: &[&str]) -> Vec<String> {
        let names = self.real.metadata().columns.iter().map(|column| column.name.clone());
        names.filter(|name| sdtypes.contains(&self.sdtypes[name].as_str())).collect()
    }
}

/// Reads the pair `name`.
pub fn load(name: &str) -> Golden {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let json = |file: &str| -> Value {
        let text = std::fs::read_to_string(folder.join(file)).expect("golden file");
        serde_json::from_str(&text).expect("JSON")
    };
    let described = json("metadata.json")["tables"][name].clone();
    let files: Vec<BTreeMap<String, Vec<String>>> =
        ["real.csv", "synthetic.csv", "holdout.csv"].map(|file| cells_of(&folder.join(file))).into_iter().collect();
    let sdtypes: BTreeMap<String, String> = described["columns"]
        .as_object()
        .expect("columns")
        .iter()
        .map(|(column, meta)| (column.clone(), meta["sdtype"].as_str().expect("sdtype").to_owned()))
        .collect();
    let order = column_order(&folder.join("metadata.json"), &sdtypes);
    let columns = order.iter().map(|column| describe(column, &described["columns"][column], &files)).collect();
    let mut metadata = Metadata::plain(name, columns);
    metadata.key = described["primary_key"].as_str().map(str::to_owned).into_iter().collect();
    metadata.train_rows = rows_of(&files[0]) as u64;
    metadata.holdout_rows = rows_of(&files[2]) as u64;
    let metadata = Arc::new(metadata);
    let [real, synthetic, holdout] = [0, 1, 2].map(|file| table(&metadata, &files[file]));
    Golden { real, synthetic, holdout, expected: json("expected.json"), sdtypes }
}

/// Columns in the order of the file: `serde_json` sorts the keys of objects.
fn column_order(file: &Path, sdtypes: &BTreeMap<String, String>) -> Vec<String> {
    let text = std::fs::read_to_string(file).expect("metadata");
    let text = &text[text.find("\"columns\"").expect("columns")..];
    let mut order: Vec<(usize, String)> =
        sdtypes.keys().map(|name| (text.find(&format!("\"{name}\": {{")).expect("column"), name.clone())).collect();
    order.sort();
    order.into_iter().map(|(_, name)| name).collect()
}

fn cells_of(file: &Path) -> BTreeMap<String, Vec<String>> {
    let Ok(mut reader) = csv::Reader::from_path(file) else { return BTreeMap::new() };
    let names: Vec<String> = reader.headers().expect("header").iter().map(str::to_owned).collect();
    let mut columns = vec![Vec::new(); names.len()];
    for record in reader.records() {
        for (column, cell) in columns.iter_mut().zip(record.expect("record").iter()) {
            column.push(cell.to_owned());
        }
    }
    names.into_iter().zip(columns).collect()
}

fn rows_of(file: &BTreeMap<String, Vec<String>>) -> usize {
    file.values().next().map_or(0, Vec::len)
}

fn is_missing(cell: &str) -> bool {
    MISSING.contains(&cell)
}

/// The column's description over all three files; range and nullability over the real ones.
fn describe(name: &str, meta: &Value, files: &[BTreeMap<String, Vec<String>>]) -> ColumnMeta {
    let kind = match meta["sdtype"].as_str() {
        Some("numerical") => Kind::Continuous,
        Some("datetime") => Kind::Datetime,
        Some("categorical") => Kind::Categorical,
        Some("ordinal") => Kind::Ordinal,
        Some("boolean") => Kind::Boolean,
        Some("id") => Kind::Id,
        _ => Kind::Text,
    };
    let mut column = ColumnMeta::plain(name, kind);
    column.regex = meta["regex_format"].as_str().map(str::to_owned);
    if meta["pii"] == true {
        column.sensitivity = Some(Sensitivity { direct: true, what: meta["sdtype"].to_string(), by_value: false });
    }
    let cells = |file: usize| files[file].get(name).into_iter().flatten().map(String::as_str);
    if kind.is_discrete() {
        let labels: BTreeSet<&str> = (0..3).flat_map(cells).filter(|cell| !is_missing(cell)).collect();
        column.levels = labels.into_iter().map(str::to_owned).collect();
    }
    if kind == Kind::Boolean {
        column.storage = Storage::Bool;
    }
    if let Some(format) = meta["datetime_format"].as_str() {
        let grain = if format.contains("%H") { Grain::Second } else { Grain::Day };
        column.date = Some(DateForm { format: format.to_owned(), grain, offset_minutes: None, formats: vec![(format.to_owned(), 1.0)] });
    }
    let real = || [0, 2].into_iter().flat_map(cells);
    column.nullable = real().any(is_missing);
    if kind.is_number_like() {
        let numbers: Vec<f64> = real().filter(|cell| !is_missing(cell)).map(|cell| number(cell, &column)).collect();
        let low = numbers.iter().copied().reduce(f64::min);
        column.range = low.zip(numbers.iter().copied().reduce(f64::max));
    }
    column
}

fn number(cell: &str, meta: &ColumnMeta) -> f64 {
    match &meta.date {
        Some(date) => instant(cell, date.grain) as f64,
        None => cell.parse().expect("number"),
    }
}

/// `2020-07-23` or `2020-07-23 10:11:12` in days or seconds since 1970.
fn instant(cell: &str, grain: Grain) -> i64 {
    let parts: Vec<i64> = cell.split(['-', ' ', ':']).map(|part| part.parse().expect("date part")).collect();
    let days = days_of_date(parts[0], parts[1] as u32, parts[2] as u32);
    if grain == Grain::Day { days } else { days * 86_400 + parts[3] * 3_600 + parts[4] * 60 + parts[5] }
}

fn table(metadata: &Arc<Metadata>, file: &BTreeMap<String, Vec<String>>) -> Table {
    let nothing = Vec::new();
    let columns = metadata.columns.iter().map(|meta| column(meta, file.get(&meta.name).unwrap_or(&nothing))).collect();
    Table::new(Arc::clone(metadata), rows_of(file), columns).expect("golden table")
}

fn column(meta: &ColumnMeta, cells: &[String]) -> Column {
    let missing = Bits::collect(cells.iter().map(|cell| is_missing(cell)));
    let present = |cell: &String| !is_missing(cell);
    let values = match meta.kind {
        Kind::Datetime => {
            let grain = meta.date.as_ref().expect("format").grain;
            Values::Whole(cells.iter().map(|cell| if present(cell) { instant(cell, grain) } else { 0 }).collect())
        }
        // pandas reads integers only where no cell is missing
        Kind::Continuous if cells.iter().all(|cell| cell.parse::<i64>().is_ok()) => {
            Values::Whole(cells.iter().map(|cell| cell.parse().expect("integer")).collect())
        }
        Kind::Continuous => Values::Real(cells.iter().map(|cell| if present(cell) { number(cell, meta) } else { 0.0 }).collect()),
        kind if kind.is_discrete() => {
            let code = |cell: &String| meta.levels.binary_search(cell).map_or(0, |place| place as u32);
            Values::Code(cells.iter().map(code).collect())
        }
        _ => Values::Text(cells.iter().map(|cell| if present(cell) { cell.as_str() } else { "" }).collect()),
    };
    Column::new(values, Some(missing)).expect("golden column")
}

/// All rows of a golden pair in the order of its files, as points.
pub fn golden_embedding(golden: &Golden) -> Embedding {
    let places: Vec<usize> = golden.real.metadata().modelled().collect();
    let real = golden.case("none").real;
    Embedding::of(&real, &golden.real, &golden.synthetic, &places, &Budget::quiet(2)).expect("nobody stops it")
}

/// Scores a golden pair by the front door.
pub fn scored(golden: &Golden, benchmark: &str, options: &Value) -> Scored {
    let benchmark = synthfleet_benchmarks::find(benchmark).expect("a benchmark of this name");
    let case = golden.case(benchmark.about().name);
    benchmark.score_any(&case, options, &Seed::of_task(7, "golden"), &Budget::quiet(2)).expect("scores")
}

/// The value of one score.
pub fn value(scored: &Scored, id: &str) -> Option<f64> {
    scored.scores.iter().find(|score| score.name == id).expect("a score of this id").value
}

/// Fails unless both are absent or both are within `tolerance`.
pub fn same(what: &str, ours: Option<f64>, theirs: &Value, tolerance: f64) {
    match (ours, theirs.as_f64()) {
        (Some(ours), Some(theirs)) => assert!((ours - theirs).abs() <= tolerance, "{what}: {ours} is not {theirs}"),
        (ours, theirs) => assert_eq!(ours, theirs, "{what}"),
    }
}
