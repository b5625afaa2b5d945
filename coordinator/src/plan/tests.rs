//! Tests of `plan.rs`.

use super::*;
use crate::testing::{catalogue, profile_summary, spec};
use synthfleet_proto::pool::Take;

fn plan(job: Value, shape: impl FnOnce(&mut ProfileSummary)) -> PlanFact {
    plan_for(job, shape, &Fleet::embedded(catalogue(), "local", 2))
}

fn plan_for(job: Value, shape: impl FnOnce(&mut ProfileSummary), fleet: &Fleet) -> PlanFact {
    let spec = spec(job);
    let mut profile = profile_summary();
    shape(&mut profile);
    main(MainInputs { spec: &spec, spec_sha256: "s", profile: &profile, profile_sha256: "p" }, fleet)
}

fn ids(plan: &PlanFact) -> Vec<String> {
    plan.groups.iter().flat_map(Group::tasks).map(String::from).collect()
}

#[test]
fn the_first_plan_reads_the_table_and_nothing_else() {
    let spec = spec(json!({"source": "a.csv", "target": "income", "summary": "not for the profile"}));
    let plan = first(&spec, "s");
    assert_eq!(ids(&plan), ["profile"]);
    assert_eq!(plan.groups[0].options["target"], "income");
    assert!(plan.groups[0].options.get("summary").is_none() && plan.groups[0].options.get("constraints").is_none());
    let ruled = first(&crate::testing::spec(json!({"source": "a.csv", "constraints": ["low <= high"]})), "s");
    assert_eq!(ruled.groups[0].options["constraints"][0]["rule"], "less_or_equal");
}

#[test]
fn protection_belongs_to_the_profile_and_conditions_to_the_delivered_rows_alone() {
    let plain = spec(json!({"source": "a.csv", "synthesizers": ["clbn"]}));
    let asked = spec(json!({
        "source": "a.csv", "synthesizers": ["clbn"], "value_protection": {"rare_labels": "token"}, "where": ["age>=40"], "rows_seed": 7,
    }));
    let profile = profile_summary();
    let winner = Winner { candidate: "clbn".to_owned(), repeat: 0 };
    let options = |spec: &SpecFact| {
        let inputs = MainInputs { spec, spec_sha256: "s", profile: &profile, profile_sha256: "p" };
        [first(spec, "s"), delivery(inputs, &winner, "v")].map(|plan| plan.groups[0].options.clone())
    };
    let [first_of_asked, delivery_of_asked] = options(&asked);
    assert_eq!(first_of_asked["value_protection"], json!({"rare_labels": "token", "rows_min": null}));
    assert!(first_of_asked.get("where").is_none() && first_of_asked.get("rows_seed").is_none());
    assert_eq!((&delivery_of_asked["where"], &delivery_of_asked["rows_seed"]), (&json!(["age>=40"]), &json!(7)));
    for options in options(&plain) {
        assert!(["value_protection", "where", "rows_seed"].iter().all(|field| options.get(field).is_none()), "{options}");
    }
}

#[test]
fn each_sample_is_scored_as_soon_as_it_exists() {
    let plan = plan(json!({"source": "a", "synthesizers": ["clbn"], "benchmarks": ["accuracy"]}), |_| {});
    let tasks = ids(&plan);
    assert!(tasks.contains(&"syn-clbn-r0".to_owned()) && tasks.contains(&"ben-ref_holdout-r0-accuracy".to_owned()));
    let group = plan.group_of(&TaskId::benchmark("clbn", 0, "accuracy")).expect("planned");
    assert_eq!(group.needs, [TaskId::profile(), TaskId::synthesize("clbn", 0)]);
}

#[test]
fn what_prepares_is_prepared_once() {
    let plan = plan(json!({"source": "a", "preset": "standard", "benchmarks": ["ml_efficacy"]}), |_| {});
    let prepare = TaskId::benchmark(PREPARE, 0, "ml_efficacy");
    assert_eq!(ids(&plan).iter().filter(|id| **id == prepare.as_str()).count(), 1);
    let needing = plan.groups.iter().filter(|group| group.needs.contains(&prepare)).count();
    assert_eq!(needing, 3 * 5 + 3, "candidates and baselines");
}

#[test]
fn what_cannot_take_the_table_is_skipped_with_its_reason() {
    let plan = plan(json!({"source": "a", "preset": "quick"}), |profile| {
        profile.shape.target = false;
        profile.target = None;
    });
    assert_eq!(plan.skipped.len(), 1);
    assert_eq!((plan.skipped[0].benchmark.as_deref(), plan.skipped[0].reason.code.as_str()), (Some("ml_efficacy"), "no_target"));
    assert!(ids(&plan).iter().all(|id| !id.ends_with("-ml_efficacy")));
}

#[test]
fn what_no_pool_takes_is_a_skipped_row() {
    let mut fleet = Fleet::embedded(catalogue(), "local", 2);
    fleet.pools.get_mut("local").expect("there").take = Take::parse("profile,benchmark,synthesize:clbn,generate").expect("legal");
    let job = json!({"source": "a", "synthesizers": ["clbn", "seqtree"], "benchmarks": ["accuracy"]});
    assert!(uncovered(&spec(job.clone()), &fleet).contains(&"seqtree".to_owned()));
    let plan = plan_for(job, |_| {}, &fleet);
    let skipped = plan.skipped.iter().find(|part| part.candidate.as_deref() == Some("seqtree")).expect("skipped");
    assert_eq!(skipped.reason.code, "no_pool");
    assert!(ids(&plan).contains(&"syn-clbn-r0".to_owned()) && plan.version_of(TaskKind::Synthesize, "seqtree").is_some());
}

#[test]
fn every_task_needs_only_tasks_of_the_plan_or_the_profile() {
    let plan = plan(json!({"source": "a", "references": "all"}), |_| {});
    let tasks = ids(&plan);
    for need in plan.groups.iter().flat_map(|group| &group.needs) {
        assert!(need == &TaskId::profile() || tasks.contains(&need.to_string()), "{need}");
    }
    let mut unique = tasks.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), tasks.len());
}

#[test]
fn the_redrawn_copy_is_scored_where_all_references_are_asked_for() {
    let job = |references: &str| json!({"source": "a", "benchmarks": ["accuracy"], "references": references});
    let rows = |references: &str| -> Vec<String> {
        ids(&plan(job(references), |_| {})).into_iter().filter(|id| id.starts_with("ben-ref_")).collect()
    };
    assert_eq!(rows("default"), ["ben-ref_holdout-r0-accuracy"]);
    assert_eq!(rows("all"), ["ben-ref_holdout-r0-accuracy", "ben-ref_flip10-r0-accuracy"]);
}

#[test]
fn equal_inputs_give_equal_bytes() {
    let bytes = || fact::encode(&plan(json!({"source": "a"}), |_| {})).expect("small");
    assert_eq!(bytes(), bytes());
}

#[test]
fn the_delivered_table_has_as_many_rows_as_asked() {
    let profile = profile_summary();
    let rows = |job: Value| {
        let spec = spec(job);
        let inputs = MainInputs { spec: &spec, spec_sha256: "s", profile: &profile, profile_sha256: "p" };
        let winner = Winner { candidate: "seqtree".into(), repeat: 1 };
        let plan = delivery(inputs, &winner, "sel");
        assert_eq!(ids(&plan), ["gen-seqtree-r1-0000000"]);
        plan.groups[0].rows
    };
    assert_eq!(rows(json!({"source": "a"})), profile.shape.train_rows);
    assert_eq!(rows(json!({"source": "a", "rows": "input"})), profile.rows);
    assert_eq!(rows(json!({"source": "a", "rows": 7})), 7);
}

#[test]
fn a_large_table_is_written_in_parts_of_whole_blocks() {
    let (profile, spec) = (profile_summary(), spec(json!({"source": "a", "rows": 2_000_000})));
    let inputs = MainInputs { spec: &spec, spec_sha256: "s", profile: &profile, profile_sha256: "p" };
    let plan = delivery(inputs, &Winner { candidate: "seqtree".into(), repeat: 1 }, "sel");
    assert_eq!(ids(&plan), ["gen-seqtree-r1-0000000", "gen-seqtree-r1-0000001", "gen-seqtree-r1-0000002"]);
    assert_eq!(plan.groups[0].group, "gen-seqtree-r1");
    let ranges: Vec<_> = plan.groups[0].tasks().iter().map(|task| plan.groups[0].rows_of(task)).collect();
    assert_eq!(ranges, [0..999_424, 999_424..1_998_848, 1_998_848..2_000_000]);
    assert_eq!(shard_rows(&profile, u64::MAX) % 4_096, 0);
    assert!(10u64.pow(12).div_ceil(shard_rows(&profile, 10u64.pow(12))) <= SHARDS_MAX);
}
