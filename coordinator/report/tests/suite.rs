//! Leaderboards of three jobs: golden files, ties, failures, published rows, SDGym's layout.

use serde_json::{Value, json};
use synthfleet_proto::results::Results;
use synthfleet_report::suite::sdgym::{self, Date};
use synthfleet_report::suite::{Board, Suite, render};

fn score(name: &str, value: f64, profile: &str) -> Value {
    json!({"name": name, "value": value, "goal": "up", "range": [null, null], "unit": "share", "profile": profile})
}

/// One repeat: seconds to fit, quality, measures of the evaluator.
fn repeat(number: u32, seconds: f64, quality: f64, measures: &[(&str, f64, &str)]) -> Value {
    let mut scores: Vec<Value> = measures.iter().map(|(name, value, profile)| score(name, *value, profile)).collect();
    scores.push(score("pair_trends.quality", quality, "trending"));
    let times = json!({"fit_seconds": seconds, "sample_seconds": 0.5, "benchmark_seconds": {}});
    json!({"repeat": number, "seed": "1", "rows": 100, "scores": scores, "details": {}, "times": times, "peak_rss_bytes": null,
        "model_bytes": 10, "attempts": 1, "from_cache": false, "limited": false})
}

fn candidate(name: &str, repeats: &[Value]) -> Value {
    let baseline = ["identity", "independent", "uniform"].contains(&name);
    json!({"name": name, "synthesizer": name, "options": {}, "baseline": baseline, "real_rows": name == "identity", "repeats": repeats})
}

fn failed(name: &str) -> Value {
    let error = json!({"phase": "fit", "seconds": 2.0, "timed_out": false,
        "error": {"kind": "internal", "code": "task::panic", "message": "it <b>fell</b>, \"over\""}});
    let mut repeat = repeat(0, 1.0, 0.0, &[]);
    repeat["scores"] = json!([]);
    repeat["times"] = json!({"benchmark_seconds": {}});
    repeat["error"] = error;
    candidate(name, &[repeat])
}

fn results(table: &str, scores: &[(&str, Option<f64>)], candidates: Vec<Value>) -> Results {
    let ranked = |(name, score): &(&str, Option<f64>)| {
        json!({"candidate": name, "synthesizer": name, "rank": null, "eligible": false, "baseline": false, "on_pareto": false, "score": score,
            "score_low": null, "score_high": null, "risk": null, "cost": "light", "components": {}, "gates": [], "delivered_repeat": 0,
            "repeats_ok": 1, "repeats": 1, "why": ""})
    };
    let reference = json!({"candidate": "independent", "score": 0.3, "score_low": null, "score_high": null, "risk": 0.0, "components": {},
        "gates": [], "passed": true});
    let results = json!({
        "schema": "synthfleet.results.v1",
        "job": {"id": format!("job_{table}"), "seed": "0", "version": "0.1.0", "task_seconds": 60.0, "seconds": 9.0},
        "table": {"name": table, "bytes": 3_900_000, "rows": 120, "columns": 3, "train_rows": 100, "holdout_rows": 20},
        "verdict": {"schema": "synthfleet.verdict.v1", "rule_version": "verdict.v1", "outcome": "no_release", "winner": null,
            "delivered_repeat": null, "profile": "balanced", "gate": "balanced", "weights": {}, "components": [],
            "ranking": scores.iter().map(ranked).collect::<Vec<_>>(), "references": {"independent": reference}, "why": "", "warnings": [],
            "partial": false},
        "candidates": candidates, "references": [], "tasks": [],
    });
    serde_json::from_value(results).expect("the shape of results")
}

/// Adult with two repeats of one candidate and a tie in accuracy, news with a failure, ring with likelihoods.
fn suite() -> Vec<Results> {
    let f1 = |f1: f64, accuracy: f64| [("sdgym2020.f1", f1, "v0.2.2"), ("sdgym2020.accuracy", accuracy, "v0.2.2")];
    let r2 = |value: f64| [("sdgym2020.r2", value, "v0.2.2")];
    let lines = |s: f64, t: f64| [("likelihood.s", s, "gaussian"), ("likelihood.t", t, "gaussian")];
    let uniform = || candidate("uniform", &[repeat(0, 0.25, 0.4, &[])]);
    vec![
        results(
            "ring",
            &[("clbn", Some(0.5)), ("gaussian_copula", Some(0.4))],
            vec![
                candidate("clbn", &[repeat(0, 1.0, 0.8, &lines(-1.75, -1.71))]),
                candidate("gaussian_copula", &[repeat(0, 2.0, 0.7, &lines(-2.5, -1.96))]),
                uniform(),
            ],
        ),
        results(
            "adult",
            &[("clbn", Some(0.7)), ("ctgan", Some(0.6)), ("gaussian_copula", Some(0.6)), ("identity", Some(0.99)), ("uniform", None)],
            vec![
                candidate("clbn", &[repeat(0, 1.0, 0.9, &f1(0.3, 0.75)), repeat(1, 1.0, 0.92, &f1(0.5, 0.875))]),
                candidate("ctgan", &[repeat(0, 90.0, 0.88, &f1(0.6, 0.8125))]),
                candidate("gaussian_copula", &[repeat(0, 0.5, 0.9, &f1(0.2, 0.7))]),
                candidate("identity", &[repeat(0, 0.01, 1.0, &f1(0.663, 0.824))]),
                uniform(),
            ],
        ),
        results(
            "news",
            &[("clbn", Some(0.2)), ("gaussian_copula", Some(0.3))],
            vec![
                candidate("clbn", &[repeat(0, 1.0, 0.6, &r2(-6.5))]),
                failed("ctgan"),
                candidate("gaussian_copula", &[repeat(0, 0.5, 0.7, &r2(-0.5))]),
                uniform(),
            ],
        ),
    ]
}

fn files() -> [String; 2] {
    let results = suite();
    let files = render(&Suite { name: "sdgym2020", results: &results });
    assert_eq!(files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["leaderboard.csv", "leaderboard.html"]);
    let mut texts = files.into_iter().map(|file| String::from_utf8(file.bytes).expect("UTF-8"));
    std::array::from_fn(|_| texts.next().expect("two files"))
}

/// A page without its style, which the report's tests look at.
fn unstyled(page: &str) -> String {
    let (head, rest) = page.split_once("<style>").expect("a style");
    let (_, tail) = rest.split_once("</style>").expect("the end of the style");
    format!("{head}<style></style>{tail}")
}

#[test]
fn the_files_are_the_golden_ones() {
    let [csv, html] = files();
    assert_eq!(csv, include_str!("golden/leaderboard.csv"));
    assert_eq!(unstyled(&html), include_str!("golden/leaderboard.html").trim_end_matches('\n'));
}

#[test]
fn a_win_is_the_best_mean_over_repeats_and_ties_share_it() {
    let board = Board::of(&suite());
    let row = |name: &str| board.rows.iter().find(|row| row.candidate == name).expect("a row");
    // accuracy of adult: .8125 twice; f1: ctgan; r2 of news: gaussian_copula; both likelihoods of ring: clbn
    assert_eq!(["clbn", "ctgan", "gaussian_copula", "identity"].map(|name| row(name).wins), [2.5, 1.5, 1.0, 0.0]);
    assert_eq!(
        board.rows.iter().map(|row| row.candidate.as_str()).collect::<Vec<_>>(),
        ["clbn", "ctgan", "gaussian_copula", "identity", "uniform"]
    );
}

#[test]
fn a_failure_has_the_independent_rows_score_and_is_told() {
    let board = Board::of(&suite());
    let news = board.tables.iter().find(|table| table.name == "news").expect("a table");
    let cell = &news.cells["ctgan"];
    assert_eq!((cell.score, cell.adjusted_score, cell.adjusted_quality), (None, Some(0.3), Some(0.4)));
    assert!(cell.errors.contains("task::panic: it <b>fell</b>, \"over\""));
    let row = board.rows.iter().find(|row| row.candidate == "ctgan").expect("a row");
    assert_eq!((row.tables, row.failed, row.mean_adjusted_score), (2, 1, Some((0.6 + 0.3) / 2.0)));
    assert_eq!(row.mean_rank, Some((2.5 + 1.5) / 2.0));
}

#[test]
fn the_order_of_jobs_decides_nothing() {
    let mut turned = suite();
    turned.reverse();
    assert_eq!(Board::of(&turned), Board::of(&suite()));
}

#[test]
fn jobs_on_one_table_are_one_table() {
    let mut twice = suite();
    twice.extend(suite());
    let board = Board::of(&twice);
    assert_eq!(board.tables.len(), 3);
    assert_eq!(board.rows[0].wins, 2.5);
}

#[test]
fn published_rows_stand_beside_ours_with_their_evaluator() {
    let [csv, html] = files();
    let line = csv.lines().find(|line| line.starts_with("ctgan,published,v0.2.2,")).expect("a published row");
    assert!(line.contains(",0.602,") && line.contains(",-0.513,"), "{line}");
    assert!(html.contains("published, v0.2.2") && html.contains("Evaluator of 2020: v0.2.2."));
    assert!(html.contains("it &lt;b&gt;fell") && !html.contains("<b>fell") && !html.contains("<script"));
}

#[test]
fn another_release_of_the_evaluator_is_not_compared_silently() {
    let mut results = suite();
    for score in results
        .iter_mut()
        .flat_map(|results| &mut results.candidates)
        .flat_map(|candidate| &mut candidate.repeats)
        .flat_map(|repeat| &mut repeat.scores)
    {
        if score.name.starts_with("sdgym2020") {
            score.profile = Some("paper".to_owned());
        }
    }
    let files = render(&Suite { name: "t", results: &results });
    let html = String::from_utf8(files[1].bytes.clone()).expect("UTF-8");
    assert!(html.contains("Evaluator of 2020: paper. Published figures are of v0.2.2: not comparable."));
}

#[test]
fn nothing_gives_a_header_and_a_page() {
    let files = render(&Suite { name: "empty", results: &[] });
    let csv = String::from_utf8(files[0].bytes.clone()).expect("UTF-8");
    assert_eq!(csv.lines().count(), 1);
    assert!(
        csv.starts_with("Synthesizer,Source,Evaluator,Baseline,Tables,Failed_Tables,Wins_2020,Wins_SDGym,Mean_Rank,Mean_Adjusted_Score")
    );
}

#[test]
fn likelihoods_of_other_models_are_no_measure_of_2020() {
    let lines = [("likelihood.s", -3.0, "fitted"), ("likelihood.t", -3.0, "fitted")];
    let results = [results("t", &[("clbn", Some(0.5))], vec![candidate("clbn", &[repeat(0, 1.0, 0.8, &lines)])])];
    let board = Board::of(&results);
    assert!(board.tables[0].measures.is_empty() && board.rows[0].wins == 0.0);
}

#[test]
fn sdgyms_layout_has_its_folders_and_tells_where_samples_belong() {
    let mut results = suite();
    results.push(results[1].clone());
    results[0].table.name = "../ring".to_owned();
    let (files, folders) = sdgym::files(&results, Date { year: 2026, month: 3, day: 9 });
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    assert!(paths.contains(&"SDGym_results_03_09_2026/results.csv") && paths.contains(&"SDGym_results_03_09_2026/metainfo.yaml"));
    assert!(paths.contains(&"SDGym_results_03_09_2026/adult_03_09_2026/clbn/clbn_benchmark_result.csv"));
    assert!(paths.contains(&"SDGym_results_03_09_2026/adult_03_09_2026_2/clbn/clbn_benchmark_result.csv"), "two jobs on one table");
    assert!(paths.iter().all(|path| !path.contains("..")));
    assert_eq!(folders[3].sample, "SDGym_results_03_09_2026/adult_03_09_2026/clbn/clbn_synthetic_data.csv");
    assert_eq!((folders[3].results, folders[3].candidate.as_str()), (1, "clbn"));
    let text = |path: &str| {
        let file = files.iter().find(|file| file.path.ends_with(path)).expect("a file");
        String::from_utf8(file.bytes.clone()).expect("UTF-8")
    };
    assert_eq!(text("/results.csv").lines().count(), 1 + 3 + 5 + 4 + 5);
    assert_eq!(text("adult_03_09_2026/clbn/clbn_benchmark_result.csv").lines().count(), 2);
    assert!(text("metainfo.yaml").contains("- [\"../ring\", \"clbn\"]\n"));
}
