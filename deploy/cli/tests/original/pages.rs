//! What the original's pages showed, as the app asks for it: rows 10 to 13. The same in a browser: the tests `web`.

use super::support::fleet::until;
use super::support::{Desk, plain};
use super::{PATIENCE, Served, entry, start, texts};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use synthfleet_harness::http;

#[test]
fn orig_10_the_six_steps_lead_from_a_link_to_the_best_table() {
    let served = Served::new();
    // 1 link, 2 data
    let link = served.upload("people.csv", plain(400, 10).as_bytes());
    let seen = served.post("/v1/sniff", &json!({ "source": link }), 200);
    assert_eq!(seen["rows"].as_array().map(Vec::len), Some(50), "{seen}");
    // 3 metadata: read, then changed before anything is fitted
    let wish = json!({ "source": link, "synthesizers": ["clbn"], "benchmarks": ["accuracy"], "repeats": 1, "gate": "off", "hold": true });
    let id = served.role.submit(&wish);
    let held = || served.get(&format!("/v1/jobs/{id}"))["state"] == "on_hold";
    until(PATIENCE, "a job on hold", || held().then_some(()));
    let profile = served.get(&format!("/v1/jobs/{id}/metadata?form=profile"));
    assert_eq!(entry(&profile["columns"], "name", "region")["distinct"], 4);
    served.post(&format!("/v1/jobs/{id}/release"), &json!({}), 202);
    // 4 synthesizers: the rows of each under the same headers
    assert_eq!(served.role.ended(&id, PATIENCE)["state"], "done");
    for candidate in ["clbn", "independent", "uniform"] {
        let rows = served.get(&format!("/v1/jobs/{id}/candidates/{candidate}/rows?limit=5"));
        let first = rows["items"][0].as_object().expect("a row");
        assert_eq!(
            first.keys().collect::<BTreeSet<_>>(),
            BTreeSet::from(["age", "income", "region", "day", "member"].map(str::to_owned)).iter().collect()
        );
    }
    // 5 benchmarks, added to the finished job: what was fitted is not fitted again
    let more = served.post(&format!("/v1/jobs/{id}/benchmarks"), &json!({ "benchmarks": ["column_shapes"] }), 202);
    let more = more["id"].as_str().expect("an id");
    assert_eq!(served.role.ended(more, PATIENCE)["state"], "done");
    let tasks = served.get(&format!("/v1/jobs/{more}/tasks"));
    assert_eq!(entry(&tasks["items"], "id", "syn-clbn-r0")["from_cache"], true);
    // 6 best name, table
    let verdict = served.get(&format!("/v1/jobs/{more}/verdict"));
    assert_eq!(verdict["winner"], "clbn");
    let table = served.raw("GET", &format!("/v1/jobs/{more}/files/synthetic.csv"), b"");
    assert_eq!((table.status, table.text().lines().count()), (200, 321));
}

/// Times of tasks as the API tells them: they compare as text.
fn times(task: &Value) -> (&str, &str) {
    (task["started"].as_str().expect("a start"), task["ended"].as_str().expect("an end"))
}

#[test]
fn orig_11_one_command_runs_tasks_at_once_and_shows_it() {
    let desk = Desk::new();
    desk.run(&["run", "sim:demo?rows=3000", "--preset", "quick", "--memory", "16GiB", "--threads", "2", "-o", "out"]).must_be_done();
    assert!(desk.text("out/report.html").contains("When each task ran"), "the report draws no times");
    // by a server as well, whose job page draws the same times
    let served = Served::new();
    let id = served.done(&json!({ "source": "sim:demo?rows=3000", "preset": "quick", "gate": "off" }));
    let tasks = served.get(&format!("/v1/jobs/{id}/tasks"));
    let tasks = tasks["items"].as_array().expect("tasks");
    let timed: Vec<_> = tasks.iter().filter(|task| task["started"].is_string() && task["ended"].is_string()).map(times).collect();
    assert_eq!(timed.len(), tasks.len());
    let meet = |a: &(&str, &str), b: &(&str, &str)| a.0 < b.1 && b.0 < a.1;
    let at_once = (0..timed.len()).any(|one| timed[one + 1..].iter().any(|other| meet(&timed[one], other)));
    assert!(at_once, "no two of {} tasks ran at once", timed.len());
}

#[test]
fn orig_11_a_task_that_died_is_tried_again_and_a_hopeless_one_ends_with_its_code() {
    let mut served = Served::new();
    // seconds of fitting, so that there is time to kill it
    let job = |rows: u32, seconds: f64| {
        json!({ "source": format!("sim:alarm?rows={rows}"), "synthesizers": ["latent_tree"], "benchmarks": ["column_shapes"], "repeats": 1,
            "gate": "off", "cache": false, "budget": { "task_seconds": seconds } })
    };
    let task = |served: &Served, id: &str, task: &str| served.get(&format!("/v1/jobs/{id}/tasks/{task}"));
    let id = served.role.submit(&job(60_000, 600.0));
    let begun = || {
        let (status, told) = served.role.ask("GET", &format!("/v1/jobs/{id}/tasks/syn-latent_tree-r0"), None);
        (status == 200 && told["state"] == "running").then_some(())
    };
    until(PATIENCE, "a fit", begun);
    served.role.kill();
    served.role = start(&served.desk, &[]);
    assert_eq!(served.role.ended(&id, PATIENCE)["state"], "done");
    let tried = task(&served, &id, "syn-latent_tree-r0");
    assert_eq!((&tried["state"], &tried["attempts"]), (&"done".into(), &2.into()), "{tried}");
    // out of time: its own fault, told by code, and the job ends by it
    let id = served.role.submit(&job(200_000, 0.05));
    assert_eq!(served.role.ended(&id, PATIENCE)["state"], "failed");
    let failed = task(&served, &id, "profile");
    assert_eq!((&failed["state"], &failed["problem"]["errors"][0]["code"]), (&"failed".into(), &"task::timeout".into()), "{failed}");
}

#[test]
fn orig_12_the_plan_has_the_original_s_shape_and_is_told_live() {
    let served = Served::new();
    let wish = json!({ "source": "sim:asia?rows=400", "synthesizers": ["clbn"], "benchmarks": ["accuracy"], "repeats": 1, "gate": "off" });
    let id = served.done(&wish);
    let plan = served.get(&format!("/v1/jobs/{id}/plan"));
    let groups: Vec<&Value> =
        plan["plans"].as_array().into_iter().flatten().flat_map(|plan| plan["groups"].as_array().into_iter().flatten()).collect();
    let of = |kind: &str| groups.iter().filter(move |group| group["kind"] == kind).collect::<Vec<_>>();
    // start > get > metadata > upload: one task reads the table, describes and stages it
    let first = of("profile");
    assert!(first.len() == 1 && texts(&first[0]["needs"]).is_empty(), "{first:?}");
    // > 4 synthesizers
    let fits = of("synthesize");
    let names: BTreeSet<&str> = fits.iter().filter_map(|group| group["candidate"].as_str()).collect();
    assert_eq!(names, BTreeSet::from(["clbn", "identity", "independent", "uniform"]));
    assert!(fits.iter().all(|group| texts(&group["needs"]) == ["profile"]), "{fits:?}");
    // > 4 benchmarks, each of one synthesizer's table, and of held-out rows
    let scored = of("benchmark");
    for name in names {
        let own = scored.iter().find(|group| group["candidate"] == name).unwrap_or_else(|| panic!("no benchmark of {name}"));
        assert!(texts(&own["needs"]).contains(&format!("syn-{name}-r0").as_str()), "{own}");
    }
    assert!(scored.iter().any(|group| group["candidate"] == "ref_holdout"));
    // > compare: the verdict over all of them, then the winner's rows
    assert_eq!(served.get(&format!("/v1/jobs/{id}/verdict"))["winner"], "clbn");
    assert_eq!(of("generate").len(), 1);
    // what the page draws it from is told as it happens
    let events =
        format!("/v1/jobs/{}/events", served.role.submit(&json!({ "source": "sim:demo?rows=3000", "preset": "quick", "gate": "off" })));
    let stream = http::ask(served.role.port("api"), "GET", &events, &[("accept", "text/event-stream")], b"").expect("a stream").text();
    let place = |what: &str| stream.find(what).unwrap_or_else(|| panic!("nothing says {what}"));
    assert!(place("event: snapshot") < place("event: task") && place("event: task") < place("event: verdict"));
    let fits = |kind: &str| stream.lines().any(|line| line.contains("syn-seqtree-r0") && line.contains(&format!("\"type\":\"{kind}\"")));
    assert!(fits("progress") && fits("task") && stream.contains("event: published"));
}

#[test]
fn orig_13_kinds_are_overridden_by_column_and_all_five_problems_are_taken() {
    let served = Served::new();
    let link = served.upload("people.csv", plain(300, 13).as_bytes());
    let kinds = json!({ "age": { "kind": "ordinal" }, "income": { "kind": "continuous" }, "region": { "kind": "categorical" }, "member": { "kind": "categorical" } });
    let held = |source: Value, more: Value| {
        let mut wish = json!({ "source": source, "hold": true });
        more.as_object().into_iter().flatten().for_each(|(name, value)| wish[name] = value.clone());
        let id = served.role.submit(&wish);
        until(PATIENCE, "a job on hold", || (served.get(&format!("/v1/jobs/{id}"))["state"] == "on_hold").then_some(()));
        served.get(&format!("/v1/jobs/{id}/metadata?form=profile"))
    };
    let profile = held(json!({ "uri": link, "columns": kinds }), json!({}));
    for (name, wish) in kinds.as_object().expect("kinds") {
        let column = entry(&profile["columns"], "name", name);
        assert_eq!(column["kind"], wish["kind"], "{name}");
        assert_eq!(texts(&column["override"]), ["kind"], "{name}");
    }
    for (problem, source, target) in [
        ("binary_classification", link.as_str(), "member"),
        ("multiclass_classification", &link, "region"),
        ("regression", &link, "income"),
        ("gaussian_likelihood", "sim:ring?rows=300", "none"),
        ("bayesian_likelihood", "sim:asia?rows=300", "none"),
    ] {
        let profile = held(json!(source), json!({ "target": target, "problem_type": problem }));
        assert_eq!(profile["problem_type"], problem);
    }
    served.post("/v1/jobs", &json!({ "source": link, "problem_type": "clustering" }), 422);
}
