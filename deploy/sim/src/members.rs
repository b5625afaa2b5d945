//! The members that the simulated workers announce, and the jobs that are asked for.

use serde_json::{Value, json};
use synthfleet_coordinator::Catalogue;
use synthfleet_coordinator::intake::DEFAULT_BENCHMARKS;
use synthfleet_proto::Result;
use synthfleet_proto::about::{About, CostClass, MemberDoc, ScoreAbout, Shape};
use synthfleet_proto::fact::ProfileSummary;
use synthfleet_proto::job::JobSpec;
use synthfleet_proto::score::Score;

static SYNTHESIZERS: [About; 8] = [
    About { name: "identity", baseline: true, real_rows: true, ..About::LIGHT },
    About { name: "uniform", baseline: true, ..About::LIGHT },
    About { name: "independent", baseline: true, ..About::LIGHT },
    About { name: "gaussian_copula", ..About::LIGHT },
    About { name: "clbn", ..About::LIGHT },
    About { name: "seqtree", cost: CostClass::Medium, ..About::LIGHT },
    About { name: "arf", cost: CostClass::Medium, ..About::LIGHT },
    About { name: "latent_tree", cost: CostClass::Heavy, ..About::LIGHT },
];

macro_rules! benchmarks {
    ($($place:literal)*) => {
        [$(About {
            name: DEFAULT_BENCHMARKS[$place],
            scores: &[ScoreAbout { id: DEFAULT_BENCHMARKS[$place], up: true, range: (Some(0.0), Some(1.0)), fair: None, unit: "share" }],
            ..About::LIGHT
        }),*]
    };
}

static BENCHMARKS: [About; DEFAULT_BENCHMARKS.len()] = benchmarks![0 1 2 3 4 5 6 7 8 9];

/// What each member says of itself. Their options are about as long as those of real ones.
pub fn docs() -> Vec<MemberDoc> {
    let options: serde_json::Map<String, Value> = (0..6)
        .map(|i| (format!("option_{i}"), json!({"description": "x".repeat(120), "type": "integer", "minimum": 1, "default": 20})))
        .collect();
    let options = json!({"type": "object", "properties": options});
    let of = |task: &'static str, abouts: &'static [About]| abouts.iter().map(move |about| (task, about));
    of("synthesize", &SYNTHESIZERS)
        .chain(of("benchmark", &BENCHMARKS))
        .map(|(task, about)| MemberDoc::of(task, about, options.clone()))
        .collect()
}

/// The members as the desk knows them.
pub fn catalogue() -> Catalogue {
    Catalogue::of(docs())
}

/// The headline of a benchmark.
pub fn score(benchmark: &str, value: f64) -> Vec<Score> {
    let about = BENCHMARKS.iter().find(|about| about.name == benchmark);
    about.into_iter().flat_map(|about| about.scores).map(|about| Score::new(about, value)).collect()
}

/// One job of the workload: five candidates and three baselines, all of the default benchmarks.
pub fn job(repeats: u32, rows: u64) -> Result<JobSpec> {
    let synthesizers: Vec<&str> = SYNTHESIZERS.iter().filter(|about| !about.baseline).map(|about| about.name).collect();
    let benchmarks: Vec<&str> = BENCHMARKS.iter().map(|about| about.name).collect();
    JobSpec::read(&json!({
        "source": "s3://tables/adult.csv", "synthesizers": synthesizers, "benchmarks": benchmarks, "repeats": repeats,
        "gate": "off", "rows": rows, "priority": "batch",
    }))
}

/// Tasks of such a job: profile, one for each row, its benchmarks with the holdout row, and the delivered table.
pub fn tasks_of_job(repeats: u32) -> u64 {
    let baselines = SYNTHESIZERS.iter().filter(|about| about.baseline).count() as u64;
    let rows = (SYNTHESIZERS.len() as u64 - baselines) * u64::from(repeats) + baselines;
    2 + rows + (rows + 1) * BENCHMARKS.len() as u64
}

/// What the profile of the table says.
pub fn profile_summary() -> ProfileSummary {
    let shape = Shape { train_rows: 39_074, holdout_rows: 9_768, number_like: 6, discrete: 9, target: true, ..Shape::default() };
    ProfileSummary {
        table: "adult".to_owned(),
        shape,
        rows: 48_842,
        columns: 15,
        target: Some("income".to_owned()),
        problem_type: None,
        reading: Value::Null,
        kinds: std::collections::BTreeMap::new(),
        notes: Vec::new(),
    }
}

/// `profile.json` as publishing reads it.
pub fn profile() -> Value {
    json!({
        "schema": "synthfleet.profile.v1",
        "table": {"id": "tbl_0", "name": "adult", "rows": 48_842, "columns": 0, "bytes": 5_000_000, "sha256": "", "duplicate_rows": 0, "disclosure": "protected"},
        "source": {
            "format": "csv", "compression": "none", "encoding": "utf-8", "blank_lines": 0, "rejected_rows": 0, "rejected_cells": 0,
            "dialect": synthfleet_proto::metadata::Dialect::default(),
        },
        "split": {"holdout": 0.2, "seed": "0", "train_rows": 39_074, "holdout_rows": 9_768, "strategy": "random"},
        "target": "income", "problem_type": null, "key": [], "columns": [], "hints": [], "notes": [],
    })
}
