//! Page and card of whole jobs: a winner, no release, a failed candidate, nothing at all, two thousand columns.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use synthfleet_proto::about::CostClass;
use synthfleet_proto::metadata::{Format, Kind, Role};
use synthfleet_proto::profile::{
    ColumnProfile, Disclosure, LevelCount, Note, Profile, SensitivityProfile, SourceProfile, SplitProfile, SplitStrategy, TableProfile,
};
use synthfleet_proto::results::{CandidateResult, JobHead, ReferenceResult, RepeatError, RepeatResult, Results, TableHead, Times};
use synthfleet_proto::score::{Goal, Score};
use synthfleet_proto::verdict::{Component, Decision, Failure, Gate, GateState, Ranked, Reference, Verdict, Warning};
use synthfleet_report::{Bundle, SampleRows, render};

fn score(name: &str, value: Option<f64>) -> Score {
    Score {
        name: name.to_owned(),
        value,
        low: value.map(|value| value - 0.01),
        high: value.map(|value| value + 0.01),
        error: Some(0.005),
        bound_low: None,
        bound_high: None,
        folds: Vec::new(),
        goal: Goal::Up,
        range: (Some(0.0), Some(1.0)),
        fair: None,
        unit: "share".to_owned(),
        used: Some(2),
        total: Some(3),
        profile: None,
        limited: None,
        undefined: value.is_none().then(|| "no_target".to_owned()),
        why: value.is_none().then(|| "the table has no target".to_owned()),
    }
}

fn details(columns: &[String]) -> BTreeMap<String, Value> {
    let rows = json!({"train": 100, "holdout": 25, "sample": 100});
    let none = json!({"train": 0, "holdout": 0, "sample": 3});
    let plot = |place: usize| {
        if place.is_multiple_of(2) {
            let edges: Vec<f64> = (0..=33).map(f64::from).collect();
            json!({"edges": edges, "train": vec![3; 33], "holdout": vec![1; 33], "sample": vec![2; 33], "below": 4, "above": 0, "missing": none, "rows": rows})
        } else {
            json!({"levels": ["a", "<script>alert(1)</script>"], "train": [60, 40], "holdout": [15, 10], "sample": [70, 30],
                "other": {"train": 0, "holdout": 0, "sample": 0, "levels": 0}, "missing": none, "rows": rows})
        }
    };
    let shapes: Vec<Value> = columns
        .iter()
        .enumerate()
        .map(|(place, name)| json!({"column": name, "kind": if place % 2 == 0 { "continuous" } else { "categorical" }, "measure": "KSComplement", "score": 0.9 + place as f64 / 1e5, "univariate": {}, "plot": plot(place)}))
        .collect();
    let few: Vec<&String> = columns.iter().take(60).collect();
    let matrix = vec![vec![0.5; few.len()]; few.len()];
    let pairs = vec![json!({"columns": ["a", "b"], "measure": "ContingencySimilarity", "score": 0.8, "fixed": 0.7, "weight": 0.9}); 200];
    BTreeMap::from([
        ("column_shapes".to_owned(), json!({"columns": shapes})),
        (
            "pair_trends".to_owned(),
            json!({"pairs": pairs, "pairs_total": 4_000, "matrix": {"columns": few, "real": matrix, "holdout": matrix, "sample": matrix}}),
        ),
        (
            "distances".to_owned(),
            json!({"plot": {"edges": [0.0, 0.5, 1.0], "train": [0.5, 0.5], "holdout": [0.4, 0.6], "real": [0.3, 0.7]}}),
        ),
    ])
}

fn gate(state: GateState) -> Gate {
    let passed = state != GateState::Fail;
    Gate {
        name: "dcr_share".to_owned(),
        score: "distances".to_owned(),
        value: Some(0.514),
        low: Some(0.5),
        high: Some(0.53),
        limit: 0.52,
        fair: 0.5,
        passed,
        state,
        why: None,
    }
}

fn ranked(name: &str, rank: Option<u32>) -> Ranked {
    Ranked {
        candidate: name.to_owned(),
        synthesizer: "seqtree".to_owned(),
        rank,
        eligible: rank.is_some(),
        baseline: false,
        on_pareto: rank.is_some(),
        score: rank.map(|_| 0.931_4),
        score_low: Some(0.92),
        score_high: Some(0.94),
        win_share: rank.map(|_| 0.973),
        risk: Some(0.7),
        cost: CostClass::Light,
        components: BTreeMap::from([("accuracy".to_owned(), Some(0.985))]),
        undefined: BTreeMap::new(),
        gates: vec![gate(if rank.is_some() { GateState::Pass } else { GateState::Fail })],
        delivered_repeat: Some(0),
        repeats_ok: 1,
        repeats: 1,
        failures: Vec::new(),
        why: "passes every gate".to_owned(),
    }
}

struct Job {
    results: Results,
    profile: Profile,
    sample: SampleRows,
}

impl Job {
    fn new(columns: usize) -> Self {
        let names: Vec<String> = (0..columns).map(|place| format!("column {place} <img src=x onerror=alert(1)>")).collect();
        let repeat = RepeatResult {
            seed: "7".to_owned(),
            rows: Some(100),
            scores: vec![
                score("accuracy", Some(0.98)),
                score("accuracy.ceiling", Some(0.99)),
                score("column_shapes", Some(0.95)),
                score("ml_efficacy", None),
            ],
            details: details(&names),
            times: Times { fit_seconds: Some(1.25), sample_seconds: Some(0.25), ..Times::default() },
            ..RepeatResult::default()
        };
        let reference = Reference {
            candidate: None,
            score: Some(0.977),
            score_low: None,
            score_high: None,
            risk: Some(0.1),
            components: BTreeMap::new(),
            gates: vec![gate(GateState::Pass)],
            passed: true,
        };
        let verdict = Verdict {
            schema: synthfleet_proto::verdict::SCHEMA.to_owned(),
            rule_version: "verdict.v2".to_owned(),
            outcome: Decision::Winner,
            winner: Some("seqtree".to_owned()),
            delivered_repeat: Some(0),
            profile: "balanced".to_owned(),
            gate: "balanced".to_owned(),
            limits: BTreeMap::new(),
            weights: BTreeMap::from([("accuracy".to_owned(), 1.0)]),
            components: vec![Component {
                name: "accuracy".to_owned(),
                score: "accuracy.component".to_owned(),
                weight: 1.0,
                used: true,
                why: None,
            }],
            ranking: vec![ranked("seqtree", Some(1))],
            references: BTreeMap::from([("holdout".to_owned(), reference)]),
            nearest: None,
            advice: Vec::new(),
            why: "seqtree is first.".to_owned(),
            warnings: Vec::new(),
            tied: vec!["seqtree".to_owned()],
            regret: Some(0.000_4),
            stable: Some(true),
            research_only: false,
            partial: false,
        };
        let results = Results {
            schema: synthfleet_proto::results::SCHEMA.to_owned(),
            job: JobHead { id: "job_1".to_owned(), seed: "0".to_owned(), version: "0.1.0".to_owned(), seconds: 3.0, ..JobHead::default() },
            table: TableHead {
                name: "people".to_owned(),
                rows: 125,
                columns: columns as u32,
                train_rows: 100,
                holdout_rows: 25,
                ..TableHead::default()
            },
            verdict,
            candidates: vec![CandidateResult {
                name: "seqtree".to_owned(),
                synthesizer: "seqtree".to_owned(),
                repeats: vec![repeat.clone()],
                ..CandidateResult::default()
            }],
            references: vec![ReferenceResult { name: "holdout".to_owned(), result: repeat }],
            tasks: Vec::new(),
        };
        let sample = SampleRows { header: names.clone(), rows: vec![vec!["<i>1</i>".to_owned(); columns]; 20] };
        Self { results, profile: profile(&names), sample }
    }

    fn files(&self) -> (String, String) {
        let bundle = Bundle {
            results: &self.results,
            profile: &self.profile,
            members: &[],
            sample: &self.sample,
            command: "synthfleet run people.csv --seed 0",
        };
        let text = |path: &str| {
            let files = render(&bundle);
            let file = files.into_iter().find(|file| file.path == path).expect("a file of this path");
            String::from_utf8(file.bytes).expect("UTF-8")
        };
        (text("report.html"), text("card.md"))
    }
}

fn profile(names: &[String]) -> Profile {
    let column = |(place, name): (usize, &String)| ColumnProfile {
        name: name.clone(),
        header: name.clone(),
        position: place as u64,
        kind: if place % 2 == 0 { Kind::Continuous } else { Kind::Categorical },
        role: Role::Model,
        storage: "utf8".to_owned(),
        missing: 0,
        missing_tokens: Vec::new(),
        distinct: 2,
        approximate: false,
        constant: false,
        numeric: None,
        levels: Some(vec![LevelCount { value: "a|b".to_owned(), count: 60 }]),
        levels_rest: 0,
        order: None,
        dates: None,
        text: None,
        sensitivity: SensitivityProfile { class: "none".to_owned(), what: None, by: None },
        notes: Vec::new(),
        overridden: Vec::new(),
    };
    Profile {
        schema: Profile::SCHEMA.to_owned(),
        table: TableProfile {
            id: "tbl_1".to_owned(),
            name: "people".to_owned(),
            rows: 125,
            columns: names.len() as u64,
            bytes: 4_000,
            sha256: "00".repeat(32),
            duplicate_rows: 0,
            disclosure: Disclosure::Protected,
        },
        source: SourceProfile {
            format: Format::Csv,
            compression: "none".to_owned(),
            encoding: "utf-8".to_owned(),
            dialect: synthfleet_proto::metadata::Dialect::default(),
            blank_lines: 0,
            rejected_rows: 0,
            rejected_cells: 0,
        },
        split: SplitProfile { holdout: 0.2, seed: "1".to_owned(), train_rows: 100, holdout_rows: 25, strategy: SplitStrategy::Random },
        target: None,
        problem_type: None,
        key: Vec::new(),
        columns: names.iter().enumerate().map(column).collect(),
        hints: Vec::new(),
        notes: Vec::new(),
    }
}

#[test]
fn a_fit_that_was_taken_over_keeps_its_time_and_says_so() {
    let mut job = Job::new(2);
    assert!(!job.files().0.contains("taken over"));
    let repeat = &mut job.results.candidates[0].repeats[0];
    repeat.from_cache = true;
    repeat.times.fit_seconds = Some(0.002);
    let (page, _) = job.files();
    assert!(page.contains("2 ms, 0.25 s, spent by an earlier job and taken over") && page.contains("took the fit over"), "{page}");
}

#[test]
fn a_winner_is_shown_with_its_reference_in_brackets_and_all_sections() {
    let (page, card) = Job::new(4).files();
    assert!(page.contains("seqtree wins with a score of 0.931 [holdout 0.977]"));
    for anchor in
        ["verdict", "fit", "board", "why", "data", "columns", "pairs", "accuracy", "utility", "privacy", "method", "limits", "reproduce"]
    {
        assert_eq!(page.matches(&format!("id=\"{anchor}\"")).count(), 1, "{anchor}");
    }
    assert!(card.starts_with("---\nsynthetic: true\n") && card.lines().count() <= 200);
    assert!(card.contains("no formal guarantee"));
}

#[test]
fn nothing_from_the_input_becomes_markup() {
    let (page, card) = Job::new(4).files();
    assert!(!page.contains("<img") && !page.contains("<script") && !page.contains("<i>1"));
    assert!(page.contains("&lt;script&gt;alert(1)"));
    assert!(!card.contains("<img"));
}

#[test]
fn the_page_asks_for_nothing_from_outside() {
    let (page, _) = Job::new(4).files();
    let addresses = page.matches("http").count() - page.matches("<meta http-equiv=").count();
    assert_eq!(addresses, page.matches("xmlns=\"http://www.w3.org/2000/svg\"").count());
    for word in ["src=", "@import", "url(", "<link", "<iframe"] {
        assert!(!page.replace("src=x", "").contains(word), "{word}");
    }
}

#[test]
fn no_release_says_so_and_what_to_try() {
    let mut job = Job::new(4);
    let verdict = &mut job.results.verdict;
    (verdict.outcome, verdict.winner, verdict.delivered_repeat) = (Decision::NoRelease, None, None);
    (verdict.nearest, verdict.advice) = (Some("seqtree".to_owned()), vec!["double the leaf".to_owned()]);
    verdict.ranking = vec![ranked("seqtree", None)];
    job.sample = SampleRows::default();
    let (page, card) = job.files();
    assert!(page.contains("No candidate may be released") && page.contains("double the leaf") && page.contains("✗ dcr_share"));
    assert!(!page.contains("First synthetic rows"));
    assert!(card.contains("synthetic: false"));
}

#[test]
fn a_failed_candidate_keeps_its_row_with_phase_and_reason() {
    let mut job = Job::new(4);
    let failure =
        Failure { repeat: Some(0), phase: "fit".to_owned(), code: "task::timeout".to_owned(), reason: "took more than 60 s".to_owned() };
    job.results.verdict.ranking.push(Ranked { failures: vec![failure], score: None, risk: None, gates: Vec::new(), ..ranked("arf", None) });
    job.results.verdict.warnings.push(Warning { code: "privacy_not_assessed".to_owned(), text: "too few rows".to_owned() });
    let error = synthfleet_proto::Error::stopped("task::timeout", "took more than 60 s").to_wire();
    let error = Some(RepeatError { phase: "fit".to_owned(), seconds: 60.2, timed_out: true, error });
    let repeats = vec![RepeatResult { error, attempts: 2, ..RepeatResult::default() }];
    job.results.candidates.push(CandidateResult { name: "arf".to_owned(), repeats, ..CandidateResult::default() });
    let (page, _) = job.files();
    assert!(page.contains("fit, repeat 0: took more than 60 s") && page.contains("task::timeout"));
    assert!(page.contains("repeat 0: fit ended after 60 s, 2 attempts at the fit"));
    assert!(page.contains("privacy not assessed"));
}

#[test]
fn failures_of_one_cause_are_one_line() {
    let failure = |phase: &str, repeat: u32, reason: &str| Failure {
        repeat: Some(repeat),
        phase: phase.to_owned(),
        code: "task::interrupted".to_owned(),
        reason: reason.to_owned(),
    };
    let failures = vec![failure("benchmark:accuracy", 1, "cut off"), failure("fit", 2, "another"), failure("fit", 2, "cut off")];
    let row = Ranked { failures, ..ranked("arf", None) };
    let expected = ["benchmark:accuracy, repeat 1, and 1 more: cut off (task::interrupted)", "fit, repeat 2: another (task::interrupted)"];
    assert_eq!(row.failures_told(), expected);
}

#[test]
fn an_undefined_score_is_named_with_its_reason_under_limits() {
    let (page, _) = Job::new(4).files();
    assert!(page.contains("ml_efficacy is undefined: the table has no target."));
}

#[test]
fn two_thousand_columns_stay_below_three_megabytes_and_say_what_is_left_out() {
    let (page, card) = Job::new(2_000).files();
    assert!(page.len() < 3_000_000, "{} bytes", page.len());
    assert!(page.contains("The 100 worst of 2000 columns are drawn."));
    assert!(card.lines().count() <= 200);
}

#[test]
fn a_job_without_any_candidate_still_gives_a_page() {
    let mut job = Job::new(2);
    job.results.candidates.clear();
    job.results.references.clear();
    let verdict = &mut job.results.verdict;
    (verdict.outcome, verdict.winner) = (Decision::NoRelease, None);
    verdict.ranking.clear();
    verdict.references.clear();
    let (page, _) = job.files();
    assert!(page.contains("nothing has both a score and a risk") && page.contains("No candidate was begun."));
}

/// Scores and details of benchmarks that not every job has.
fn with_everything() -> Job {
    let mut job = Job::new(4);
    job.results.table.target = Some("column 1".to_owned());
    let distribution = json!({"groups": {"train": [1.0, 2.0], "holdout": [], "sample": [1.0, 3.0]}, "at": [1.0, 2.0],
        "below": {"train": [5, 10], "holdout": [0, 0], "sample": [5, 9]}, "present": {"train": 10, "holdout": 0, "sample": 10}});
    let joint = json!({"axes": [{"column": "<u>x", "edges": [1.0], "rest": []}, {"column": "y", "levels": ["<u>l"], "rest": ["missing"]}],
        "train": [10, 5, 5, 10], "holdout": [5, 0, 0, 5], "sample": [5, 5, 10, 10], "rows": {"train": 30, "holdout": 10, "sample": 30}});
    let attack = json!({"name": "<u>halves", "attacks": 100, "successes": {"train": [7.0], "control": 5.0, "guesser": 6.0}, "risk": 0.01, "low": -0.02, "high": 0.04, "weak": false});
    let further = [
        (
            "detection",
            json!({"projection": {"edges": [[0, 1], [0, 1]], "explained": [0.6, 0.2], "train": [30], "sample": [30], "rows": {"train": 30, "sample": 30}}}),
        ),
        (
            "ml_efficacy",
            json!({"problem": "binary_classification", "models": [{"model": "gbt", "tstr": {"auc": 0.9}, "trtr": {"auc": 0.92},
            "importance": [{"column": "<u>x", "tstr_rank": 1, "trtr_rank": 1}], "importance_correlation": 1.0}]}),
        ),
        ("anonymity", json!({"singling_out": [attack], "linkability": [], "inference": []})),
        ("disclosure", json!({"known": ["<u>x"], "secret": ["y"], "matched": 0.5})),
        ("coverage", json!({"columns": [{"column": "<u>x", "kind": "continuous", "range_coverage": 0.5, "undefined": {}}]})),
        ("alpha_beta", json!({"curves": null})),
        ("likelihood", json!({"tree": [{"from": "<u>x", "to": "y", "information": 0.4, "in_sample": true}]})),
        ("sdgym2020", json!({"models": [{"model": "tree", "f1": 0.7, "accuracy": 0.8}]})),
        ("plugged_in", json!({"anything": [1]})),
    ];
    let tried = [
        ("detection", 0.9),
        ("ml_efficacy.tstr_gbt", 0.9),
        ("ml_efficacy.trtr_gbt", 0.92),
        ("membership.nn_attack", 0.51),
        ("anonymity", 0.01),
        ("anonymity.singling_out", 0.01),
        ("disclosure", 0.0),
        ("coverage", 0.9),
        ("alpha_beta", 0.97),
        ("likelihood", 0.95),
        ("likelihood.s", -12.5),
        ("sdgym2020", 0.7),
        ("plugged_in.own", 0.3),
        ("diagnostic", 1.0),
    ];
    let repeat = &mut job.results.candidates[0].repeats[0];
    repeat.scores.extend(tried.map(|(name, value)| score(name, Some(value))));
    repeat.details.extend(further.map(|(name, details)| (name.to_owned(), details)));
    repeat.details.get_mut("column_shapes").expect("shapes")["columns"][0]["distribution"] = distribution;
    repeat.details.get_mut("pair_trends").expect("trends")["joints"] = json!([joint]);
    job.results.references[0].result = repeat.clone();
    job
}

#[test]
fn every_benchmark_of_the_job_has_its_scores_on_the_page() {
    let job = with_everything();
    let (page, _) = job.files();
    for score in &job.results.candidates[0].repeats[0].scores {
        assert!(page.contains(&format!("<td>{} ", score.name)), "{} is not on the page", score.name);
    }
    for title in [
        "Singling out, linking, inferring",
        "What a key tells",
        "What of the real table is there?",
        "Is each row as likely",
        "SDGym, 2020",
        ">plugged_in<",
        "Both tables as clouds",
        "What the models look at",
    ] {
        assert!(page.contains(title), "{title}");
    }
    assert!(!page.contains("<u>"), "names are text");
}

#[test]
fn a_card_without_room_keeps_each_benchmarks_first_score_and_says_what_is_left_out() {
    let mut job = Job::new(60);
    let scores = &mut job.results.candidates[0].repeats[0].scores;
    scores.extend((0..90).map(|nth| score(&format!("accuracy.part{nth}"), Some(0.5))));
    scores.push(score("likelihood", Some(0.9)));
    let (_, card) = job.files();
    assert!(card.contains("| likelihood |") && card.contains("60 of 95 scores; all are in results.json"), "{card}");
    assert!(card.lines().count() <= 200);
}

#[test]
fn benchmarks_that_are_absent_have_no_section_and_details_without_a_form_no_picture() {
    let mut job = with_everything();
    let (page, _) = Job::new(4).files();
    for title in
        ["Singling out", "What a key tells", "What of the real table", "Is each row as likely", "SDGym, 2020", "Both tables as clouds"]
    {
        assert!(!page.contains(title), "{title}");
    }
    for wrong in [
        json!(null),
        json!([]),
        json!("text"),
        json!({"columns": 3, "models": [{"model": 7, "importance": "x"}], "projection": {"edges": []}, "joints": [{"axes": [3]}], "tree": [null]}),
    ] {
        let repeat = &mut job.results.candidates[0].repeats[0];
        repeat.details.values_mut().for_each(|details| *details = wrong.clone());
        let (page, _) = job.files();
        assert!(page.contains("id=\"reproduce\""));
    }
}

#[test]
fn every_picture_has_a_text_for_those_who_do_not_see_it() {
    let (page, _) = with_everything().files();
    let pictures = page.matches("<svg").count();
    assert!(pictures > 12, "{pictures} pictures");
    assert_eq!(page.matches("role=\"img\" aria-label=\"").count(), pictures);
    assert!(!page.contains("aria-label=\"\"") && !page.contains("NaN") && !page.contains("inf "));
}

#[test]
fn how_sure_the_pick_is_stands_on_page_and_card() {
    let (page, card) = Job::new(4).files();
    let sure = "stable under resampling; no other is tied with the first; mean score lost by the pick in replicates 0.0004";
    assert!(page.contains(sure) && card.contains(sure));
    assert!(page.contains("First in") && page.contains("97 %"));
}

#[test]
fn limits_of_the_jobs_own_are_printed() {
    let mut job = Job::new(4);
    job.results.verdict.limits = BTreeMap::from([("dcr_share".to_owned(), 0.58)]);
    let (page, card) = job.files();
    assert!(page.contains("Limits of the job's own: dcr_share 0.58."));
    assert!(card.contains("- The job judged the gate dcr\\_share by a limit of its own: 0.58."));
}

#[test]
fn a_rule_without_replicates_shows_none() {
    let mut job = Job::new(4);
    let verdict = &mut job.results.verdict;
    (verdict.regret, verdict.stable) = (None, None);
    verdict.ranking.iter_mut().for_each(|row| row.win_share = None);
    let (page, card) = job.files();
    assert!(!page.contains("First in") && !page.contains("resampling") && !card.contains("The pick is"));
}

#[test]
fn a_table_of_hardly_any_rows_has_a_banner_and_gates_nobody_could_assess_are_not_passed() {
    let mut job = Job::new(4);
    job.profile.notes.push(Note { code: "tiny_table".to_owned(), text: "10 rows are very few: scores are uncertain".to_owned() });
    let row = &mut job.results.verdict.ranking[0];
    (row.score, row.gates) = (None, vec![gate(GateState::Pass), gate(GateState::NotAssessed)]);
    let (page, card) = job.files();
    assert!(page.contains("<strong>Tiny table.</strong> 10 rows are very few: scores are uncertain."));
    assert!(page.contains("1 of 2<small> gates passed</small>") && page.contains("1 not assessed; nearer"));
    assert!(page.contains("<h1>seqtree is chosen without a score: too little could be measured</h1>"));
    assert!(card.contains("> **tiny\\_table** 10 rows"));
}

#[test]
fn the_page_forbids_itself_to_run_or_fetch() {
    let (page, _) = Job::new(4).files();
    let head = page.split("<style>").next().expect("a head");
    assert!(head.contains(r#"<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">"#));
}
