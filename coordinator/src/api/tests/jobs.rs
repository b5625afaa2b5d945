//! Ask for jobs, see them, steer them.

use super::*;
use serde_json::json;
use synthfleet_broker::Inbox;
use synthfleet_proto::class::Class;
use synthfleet_proto::envelope::{Envelope, Trace};
use synthfleet_proto::fact::{OutcomeStatus, SpecFact};
use synthfleet_proto::key::JobKeys;
use synthfleet_proto::task::TaskKind;
use synthfleet_store::read_fact;

#[tokio::test]
async fn a_job_is_accepted_shown_and_listed() {
    let replica = Replica::new();
    let told = replica.post("/v1/jobs", &small_job()).await;
    let job = told.json();
    let id = job["id"].as_str().expect("an id");
    assert_eq!((told.status, told.header("location")), (StatusCode::ACCEPTED, format!("/v1/jobs/{id}").as_str()));
    assert_eq!(job["created"], "2023-11-14T22:13:20.000Z");
    let shown = replica.get(&format!("/v1/jobs/{id}")).await;
    assert_eq!((shown.status, &shown.json()["id"]), (StatusCode::OK, &json!(id)));
    let listed = replica.get("/v1/jobs").await.json();
    assert_eq!((&listed["items"][0]["id"], &listed["next_cursor"]), (&json!(id), &Value::Null));
}

/// The next hint of a job's tasks.
async fn hint(replica: &Replica) -> Envelope {
    let inbox = Inbox::Pool { pool: "local".into(), classes: Class::ALL.to_vec() };
    let taken = tokio::time::timeout(std::time::Duration::from_secs(20), replica.parts.broker.take(&inbox)).await;
    Envelope::decode(taken.expect("in time").expect("a hint").body()).expect("a message")
}

#[tokio::test]
async fn the_trace_of_a_submission_goes_with_its_job_and_every_hint() {
    let replica = Replica::new();
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let headers = [("content-type", "application/json"), ("traceparent", parent), ("tracestate", "vendor=1")];
    let told = replica.ask("POST", "/v1/jobs", &headers, small_job().to_string()).await;
    let keys = JobKeys::new("local", told.json()["id"].as_str().expect("an id")).expect("legal");
    let key = keys.spec().expect("legal");
    let spec = read_fact::<SpecFact>(replica.parts.store.as_ref(), key.key()).await.expect("read").expect("there").fact;
    assert_eq!(spec.root().parent, parent);
    let trace = hint(&replica).await.trace.expect("traced");
    assert_eq!((trace.id(), trace.state.as_str()), ("0af7651916cd43dd8448eb211c80319c", "vendor=1"));
    assert!(trace.span() != spec.root().span() && trace.parent.ends_with("-01"), "{}", trace.parent);
}

#[tokio::test]
async fn a_job_without_a_trace_begins_one_that_every_process_knows() {
    let replica = Replica::new();
    let told =
        replica.ask("POST", "/v1/jobs", &[("content-type", "application/json"), ("traceparent", "00-0-0-01")], small_job().to_string());
    let id = told.await.json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(hint(&replica).await.trace.expect("traced").id(), Trace::of_job(&id).id());
}

#[tokio::test]
async fn a_finished_job_gives_verdict_results_and_counts() {
    let replica = Replica::new();
    let id = replica.finished_job().await;
    let job = replica.get(&format!("/v1/jobs/{id}")).await.json();
    assert_eq!((&job["outcome"], &job["verdict"]["winner"], &job["progress"]), (&json!("winner"), &json!("clbn"), &json!(1.0)));
    assert_eq!((&job["counts"]["failed"], &job["counts"]["planned"]), (&json!(0), &json!(0)));
    assert_eq!(replica.get(&format!("/v1/jobs/{id}/verdict")).await.json()["schema"], "synthfleet.verdict.v1");
    let results = replica.get(&format!("/v1/jobs/{id}/results")).await;
    assert_eq!((results.header("content-type"), &results.json()["job"]["id"]), ("application/json", &json!(id)));
    let csv = replica.ask("GET", &format!("/v1/jobs/{id}/results"), &[("accept", "text/csv")], Body::empty()).await;
    assert!(csv.header("content-type") == "text/csv" && csv.text().starts_with("Synthesizer,"), "{}", csv.text());
    let other = replica.ask("GET", &format!("/v1/jobs/{id}/results"), &[("accept", "image/png")], Body::empty()).await;
    assert_eq!(other.problem(), "not-acceptable");
}

#[tokio::test]
async fn tasks_are_listed_and_shown() {
    let replica = Replica::new();
    let id = replica.finished_job().await;
    let tasks = replica.get(&format!("/v1/jobs/{id}/tasks")).await.json();
    let states: Vec<_> = tasks["items"].as_array().expect("a list").iter().map(|task| task["state"].clone()).collect();
    assert!(states.len() > 3 && states.iter().all(|state| state == "done" || state == "skipped"), "{tasks}");
    let task = replica.get(&format!("/v1/jobs/{id}/tasks/syn-clbn-r0")).await.json();
    assert_eq!((&task["kind"], &task["candidate"], &task["needs"]), (&json!("synthesize"), &json!("clbn"), &json!(["profile"])));
    assert_eq!(replica.get(&format!("/v1/jobs/{id}/tasks/syn-other-r0")).await.problem(), "not-found");
}

#[tokio::test]
async fn the_log_of_a_task_tells_its_attempts_and_its_end() {
    let replica = Replica::new();
    let id = replica.finished_job().await;
    let told = replica.get(&format!("/v1/jobs/{id}/tasks/syn-clbn-r0/log")).await;
    assert_eq!(told.header("content-type"), "text/plain; charset=utf-8");
    let lines: Vec<String> = told.text().lines().map(str::to_owned).collect();
    assert_eq!((lines[0].as_str(), lines[1].as_str()), ("planned synthesize clbn in plan 1", "needs profile"));
    assert!(lines.iter().any(|line| line.starts_with("made model.bin (5 bytes)")), "{lines:?}");
    assert_eq!(lines.last().map(String::as_str), Some("ended ok"));
    assert_eq!(replica.get(&format!("/v1/jobs/{id}/tasks/syn-other-r0/log")).await.problem(), "not-found");
}

#[tokio::test]
async fn a05_no_message_of_a_member_is_part_of_a_log() {
    let replica = Replica::new();
    replica.work(|task| match task.kind() {
        TaskKind::Synthesize => {
            let error = synthfleet_proto::Error::data("fit::failed", "the cell 4711 cannot be fitted").to_wire();
            OutcomeFact { attempt: 1, ..OutcomeFact::not_run(task, OutcomeStatus::Failed, error) }
        }
        _ => done(task),
    });
    let headers = [("content-type", "application/json"), ("prefer", "wait=60")];
    let id = replica.ask("POST", "/v1/jobs", &headers, small_job().to_string()).await.json()["id"].as_str().expect("an id").to_owned();
    let told = replica.get(&format!("/v1/jobs/{id}/tasks/syn-clbn-r0/log")).await.text();
    assert!(told.ends_with("ended failed fit::failed\n") && !told.contains("4711"), "{told}");
}

#[tokio::test]
async fn what_is_not_there_yet_is_a_conflict_and_what_is_not_is_not_found() {
    let replica = Replica::new();
    let id = replica.job().await;
    for part in ["verdict", "results", "files", "files/verdict.json"] {
        assert_eq!(replica.get(&format!("/v1/jobs/{id}/{part}")).await.problem(), "conflict", "{part}");
    }
    let unknown = format!("job_{}", "0".repeat(26));
    for path in
        ["/v1/jobs/x", "/v1/jobs/..%2f..", &format!("/v1/jobs/{unknown}"), &format!("/v1/jobs/{unknown}/events"), "/v1/nothing", "/nothing"]
    {
        assert_eq!(replica.get(path).await.problem(), "not-found", "{path}");
    }
}

#[tokio::test]
async fn the_same_key_is_the_same_job_on_any_replica() {
    let (store, broker) = (Arc::new(memory()), Arc::new(InProcess::default()));
    let one = Replica::on(store.clone(), broker.clone(), 1, |_| {});
    let two = Replica::on(store, broker, 2, |_| {});
    let headers = [("content-type", "application/json"), ("idempotency-key", "order-7")];
    let first = one.ask("POST", "/v1/jobs", &headers, small_job().to_string()).await;
    let again = two.ask("POST", "/v1/jobs", &headers, small_job().to_string()).await;
    assert_eq!((again.status, again.header("idempotent-replay")), (first.status, "true"));
    assert_eq!(again.json()["id"], first.json()["id"]);
    let other = one.ask("POST", "/v1/jobs", &headers, json!({"source": "sim:ring"}).to_string()).await;
    assert_eq!((other.status.as_u16(), other.problem().as_str()), (422, "idempotency-mismatch"));
    assert_eq!(two.get("/v1/jobs").await.json()["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn two_hundred_submissions_of_one_key_to_three_replicas_are_one_job() {
    let (store, broker) = (Arc::new(memory()), Arc::new(InProcess::default()));
    let replicas: Vec<Arc<Replica>> = (1..=3).map(|number| Arc::new(Replica::on(store.clone(), broker.clone(), number, |_| {}))).collect();
    let asking = (0..200).map(|number| {
        let replica = Arc::clone(&replicas[number % 3]);
        tokio::spawn(async move {
            let headers = [("content-type", "application/json"), ("idempotency-key", "once")];
            let told = replica.ask("POST", "/v1/jobs", &headers, small_job().to_string()).await;
            (told.status.as_u16(), told.json()["id"].as_str().map(str::to_owned))
        })
    });
    let mut answers = std::collections::BTreeMap::new();
    for answer in asking.collect::<Vec<_>>() {
        *answers.entry(answer.await.expect("answered")).or_insert(0) += 1;
    }
    // each replica lets a tenant's first fifty through at once; the others are told to come again
    let accepted: Vec<_> = answers.keys().filter(|(status, _)| *status == 202).collect();
    assert_eq!(accepted.len(), 1, "{answers:?}");
    assert!(answers.keys().all(|(status, _)| [202, 429].contains(status)), "{answers:?}");
    assert_eq!(replicas[0].get("/v1/jobs").await.json()["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn every_problem_of_a_job_is_told_and_nothing_is_stored() {
    let replica = Replica::new();
    let told = replica.post("/v1/jobs", &json!({"source": "sim:demo", "reapets": 3, "seed": -1, "tenant": "other"})).await;
    assert_eq!(told.problem(), "invalid-job");
    let pointers: Vec<_> = told.json()["errors"].as_array().expect("a list").iter().map(|error| error["pointer"].clone()).collect();
    assert_eq!(pointers, ["/reapets", "/seed", "/tenant"]);
    let told = replica.post("/v1/jobs", &json!({"source": "file:///etc/passwd", "synthesizers": ["seqtre"]})).await;
    let codes: Vec<_> = told.json()["errors"].as_array().expect("a list").iter().map(|error| error["code"].clone()).collect();
    assert_eq!((told.problem().as_str(), codes), ("source-refused", vec![json!("source::refused"), json!("job::unknown_member")]));
    assert_eq!(replica.get("/v1/jobs").await.json()["items"], json!([]));
}

#[tokio::test]
async fn a_link_starts_a_quick_job() {
    let replica = Replica::new();
    let told = replica.post("/input", &json!({"text": "sim:demo"})).await;
    assert_eq!((told.status, &told.json()["message"]), (StatusCode::ACCEPTED, &json!("pipeline started")));
    let id = told.json()["job"].as_str().expect("an id").to_owned();
    assert_eq!(told.json()["links"]["self"], json!(format!("/v1/jobs/{id}")));
    assert_eq!(replica.get(&format!("/v1/jobs/{id}")).await.json()["spec"]["preset"], "quick");
    for wrong in [json!({}), json!({"text": ""}), json!({"text": "sim:demo", "more": 1}), json!("sim:demo")] {
        assert_eq!(replica.post("/input", &wrong).await.problem(), "invalid-request", "{wrong}");
    }
}

#[tokio::test]
async fn a_job_is_cancelled_once_and_for_all() {
    let replica = Replica::new();
    let id = replica.job().await;
    for _ in 0..2 {
        let told = replica.post(&format!("/v1/jobs/{id}/cancel"), &json!({"reason": "wrong table"})).await;
        assert_eq!(told.status, StatusCode::ACCEPTED, "{}", told.text());
    }
    let last =
        tokio::time::timeout(std::time::Duration::from_secs(60), replica.handle.finished(&id)).await.expect("in time").expect("ended");
    assert_eq!(last.state.name(), "cancelled");
    assert_eq!(replica.get(&format!("/v1/jobs/{id}")).await.json()["state"], "cancelled");
    assert_eq!(replica.ask("POST", &format!("/v1/jobs/{id}/cancel"), &[], Body::empty()).await.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn an_ended_job_is_not_cancelled_and_can_be_asked_for_again() {
    let replica = Replica::new();
    let id = replica.finished_job().await;
    assert_eq!(replica.ask("POST", &format!("/v1/jobs/{id}/cancel"), &[], Body::empty()).await.problem(), "conflict");
    let again = replica.ask("POST", &format!("/v1/jobs/{id}/retry"), &[], Body::empty()).await;
    assert_eq!((again.status, again.json()["id"] == json!(id)), (StatusCode::ACCEPTED, false));
    let running = replica.job().await;
    let told = replica.ask("POST", &format!("/v1/jobs/{running}/retry"), &[], Body::empty()).await;
    assert!(told.status == StatusCode::CONFLICT || told.status == StatusCode::ACCEPTED, "{}", told.text());
}

#[tokio::test]
async fn a_held_job_waits_for_its_release() {
    let replica = Replica::new();
    replica.work(done);
    let mut job = small_job();
    job["hold"] = json!(true);
    let id = replica.post("/v1/jobs", &job).await.json()["id"].as_str().expect("an id").to_owned();
    for _ in 0..200 {
        if replica.get(&format!("/v1/jobs/{id}")).await.json()["state"] == "on_hold" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(replica.ask("POST", &format!("/v1/jobs/{id}/release"), &[], Body::empty()).await.status, StatusCode::ACCEPTED);
    let last =
        tokio::time::timeout(std::time::Duration::from_secs(60), replica.handle.finished(&id)).await.expect("in time").expect("ended");
    assert_eq!(last.state.name(), "done");
    assert_eq!(replica.ask("POST", &format!("/v1/jobs/{id}/release"), &[], Body::empty()).await.problem(), "conflict");
}

#[tokio::test]
async fn lists_are_filtered_and_go_on_page_by_page() {
    let replica = Replica::new();
    let mut ids = Vec::new();
    for number in 0..5 {
        let job = json!({"source": "sim:demo", "seed": number, "labels": {"team": if number % 2 == 0 { "a" } else { "b" }}});
        ids.push(replica.post("/v1/jobs", &job).await.json()["id"].as_str().expect("an id").to_owned());
    }
    let (mut seen, mut path) = (Vec::new(), "/v1/jobs?limit=2".to_owned());
    loop {
        let told = replica.get(&path).await;
        seen.extend(told.json()["items"].as_array().expect("a list").iter().map(|item| item["id"].as_str().expect("an id").to_owned()));
        let Some(cursor) = told.json()["next_cursor"].as_str().map(str::to_owned) else { break };
        assert!(told.header("link").contains(&cursor), "{}", told.header("link"));
        path = format!("/v1/jobs?limit=2&cursor={cursor}");
    }
    seen.sort();
    ids.sort();
    assert_eq!(seen, ids);
    let of_team = replica.get("/v1/jobs?label=team:b").await.json();
    assert_eq!(of_team["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(replica.get("/v1/jobs?state=done").await.json()["items"], json!([]));
    assert_eq!(replica.get("/v1/jobs?since=2030-01-01").await.json()["items"], json!([]));
    for wrong in ["limit=0", "limit=201", "state=lost", "since=soon", "label=x", "cursor=../x", "cursor=0000000000000-job_x"] {
        assert_eq!(replica.get(&format!("/v1/jobs?{wrong}")).await.problem(), "invalid-request", "{wrong}");
    }
}

#[tokio::test]
async fn a_tenant_has_its_limits() {
    let replica = Replica::with(|options| options.live_jobs_max = 2);
    let headers = [("content-type", "application/json"), ("idempotency-key", "k")];
    assert_eq!(replica.ask("POST", "/v1/jobs", &headers, small_job().to_string()).await.status, StatusCode::ACCEPTED);
    replica.job().await;
    let told = replica.post("/v1/jobs", &small_job()).await;
    assert_eq!((told.problem().as_str(), told.header("retry-after")), ("rate-limited", "30"));
    let again = replica.ask("POST", "/v1/jobs", &headers, small_job().to_string()).await;
    assert_eq!(again.status, StatusCode::ACCEPTED, "a repeated submission starts nothing");
    assert_eq!(replica.book.value(crate::metrics::QUOTA_REFUSALS, &["live_jobs"]), Some(1.0));
}

#[tokio::test]
async fn answers_are_tagged() {
    let replica = Replica::new();
    let id = replica.finished_job().await;
    for part in ["", "/tasks", "/verdict", "/results", "/files", "/files/verdict.json"] {
        let path = format!("/v1/jobs/{id}{part}");
        let first = replica.get(&path).await;
        let again = replica.ask("GET", &path, &[("if-none-match", first.header("etag"))], Body::empty()).await;
        assert_eq!((first.status, again.status, again.body.len()), (StatusCode::OK, StatusCode::NOT_MODIFIED, 0), "{part}");
    }
}

#[tokio::test]
async fn labels_and_summary_change_on_any_replica_for_who_read_the_job_last() {
    let (store, broker) = (Arc::new(memory()), Arc::new(InProcess::default()));
    let one = Replica::on(store.clone(), broker.clone(), 1, |_| {});
    let two = Replica::on(store, broker, 2, |_| {});
    let path = format!("/v1/jobs/{}", one.job().await);
    let patch = async |replica: &Replica, tag: &str, wish: Value| {
        let headers = [("content-type", "application/merge-patch+json"), ("if-match", tag)];
        replica.ask("PATCH", &path, &headers, wish.to_string()).await
    };
    let fresh = async |replica: &Replica| replica.get(&path).await.header("etag").to_owned();
    // without workers nothing moves once the first task is planned
    for _ in 0..500 {
        if one.get(&path).await.json()["counts"]["planned"] == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let first = fresh(&one).await;
    let told = patch(&one, &first, json!({"labels": {"team": "a"}, "summary": "weekly"})).await;
    assert_eq!((told.status, &told.json()["spec"]["labels"]), (StatusCode::OK, &json!({"team": "a"})), "{}", told.text());
    assert_eq!(patch(&two, &first, json!({"summary": "lost"})).await.problem(), "precondition");
    let told = patch(&two, &fresh(&two).await, json!({"labels": {"by": "me"}})).await;
    assert_eq!((&told.json()["spec"]["labels"], &told.json()["spec"]["summary"]), (&json!({"team": "a", "by": "me"}), &json!("weekly")));
    assert_eq!(one.get("/v1/jobs?label=by:me").await.json()["items"][0]["summary"], "weekly");
    let bare = one.ask("PATCH", &path, &[("content-type", "application/json")], "{}").await;
    assert_eq!(bare.problem(), "invalid-request", "without If-Match");
    assert_eq!(patch(&one, "*", json!({"seed": 1})).await.problem(), "invalid-request");
    assert_eq!(patch(&one, "*", json!({"summary": "x".repeat(201)})).await.problem(), "invalid-job");
}

#[tokio::test]
async fn a_deleted_job_leaves_a_tombstone_and_nothing_else() {
    let (store, broker) =
        (Arc::new(memory()), Arc::new(InProcess::new(synthfleet_broker::Settings { pools: vec!["local".into()], ..Default::default() })));
    let one = Replica::on(store.clone(), broker.clone(), 1, |_| {});
    let two = Replica::on(store.clone(), broker, 2, |_| {});
    let running = one.job().await;
    let delete = async |replica: &Replica, id: &str| replica.ask("DELETE", &format!("/v1/jobs/{id}"), &[], Body::empty()).await;
    assert_eq!(delete(&one, &running).await.problem(), "conflict");
    one.work(done);
    let headers = [("content-type", "application/json"), ("idempotency-key", "k"), ("prefer", "wait=60")];
    let told = one.ask("POST", "/v1/jobs", &headers, small_job().to_string()).await;
    let id = told.json()["id"].as_str().expect("an id").to_owned();
    // the marker of the other one goes with its end
    tokio::time::timeout(std::time::Duration::from_secs(60), one.handle.finished(&running)).await.expect("in time");
    assert_eq!(two.get(&format!("/v1/jobs/{id}")).await.status, StatusCode::OK);
    let told = delete(&one, &id).await;
    assert_eq!((told.status, told.body.len()), (StatusCode::NO_CONTENT, 0), "{}", told.text());
    for part in ["", "/tasks", "/events", "/files", "/verdict", "/rows"] {
        assert_eq!(two.get(&format!("/v1/jobs/{id}{part}")).await.problem(), "gone", "{part}");
    }
    assert_eq!(
        (delete(&two, &id).await.problem(), two.get("/v1/jobs").await.json()["items"].as_array().map(Vec::len)),
        ("gone".to_owned(), Some(1))
    );
    let again = one.ask("POST", "/v1/jobs", &headers, small_job().to_string()).await;
    assert_eq!(again.problem(), "gone", "its key is spent");
    let keys = JobKeys::new("local", &id).expect("legal");
    let left = store.list(&keys.everything().expect("legal"), None, 100).await.expect("listed");
    assert_eq!(left.iter().map(|entry| entry.key.last()).collect::<Vec<_>>(), ["deleted"]);
}

#[tokio::test]
async fn a_done_job_gets_more_benchmarks_and_more_rows_as_jobs_of_their_own() {
    let replica = Replica::new();
    let id = replica.finished_job().await;
    let names = |job: &Value, field: &str| -> Vec<String> {
        job["spec"][field].as_array().expect("a list").iter().map(|one| one["name"].as_str().expect("a name").to_owned()).collect()
    };
    let told = replica.post(&format!("/v1/jobs/{id}/benchmarks"), &json!({"benchmarks": ["distances", "accuracy"]})).await;
    assert_eq!(
        (told.status, names(&told.json(), "benchmarks")),
        (StatusCode::ACCEPTED, vec!["distances".to_owned(), "accuracy".to_owned()])
    );
    assert_ne!(told.json()["id"], json!(id));
    let told = replica.post(&format!("/v1/jobs/{id}/candidates/clbn/generate"), &json!({"rows": 5000, "formats": ["parquet"]})).await;
    let job = told.json();
    assert_eq!(
        (told.status, names(&job, "synthesizers"), &job["spec"]["rows"]),
        (StatusCode::ACCEPTED, vec!["clbn".to_owned()], &json!(5000))
    );
    assert_eq!((&job["spec"]["formats"], names(&job, "benchmarks")), (&json!(["parquet"]), vec!["accuracy".to_owned()]));
    let generate = |candidate: &str| format!("/v1/jobs/{id}/candidates/{candidate}/generate");
    let given = replica.post(&generate("clbn"), &json!({"rows": 9, "seed": 3, "where": ["age>=40"]})).await;
    let job = given.json();
    assert_eq!(
        (given.status, &job["spec"]["where"], &job["spec"]["rows_seed"], &job["spec"]["seed"]),
        (StatusCode::ACCEPTED, &json!(["age>=40"]), &json!(3), &json!(0))
    );
    for (path, body, problem) in [
        (format!("/v1/jobs/{id}/benchmarks"), json!({"benchmarks": []}), "invalid-request"),
        (format!("/v1/jobs/{id}/benchmarks"), json!({"benchmarks": ["distance"]}), "invalid-job"),
        (generate("nobody"), json!({"rows": 10}), "not-found"),
        (generate("identity"), json!({"rows": 10}), "conflict"),
        (generate("clbn"), json!({"rows": -1}), "invalid-request"),
        (generate("clbn"), json!({"rows": 10, "repeats": 1}), "invalid-request"),
        (generate("clbn"), json!({"rows": 10, "where": [" "]}), "invalid-job"),
        (generate("clbn"), json!({"rows": 10, "where": ["agee>=40"]}), "invalid-job"),
    ] {
        assert_eq!(replica.post(&path, &body).await.problem(), problem, "{path} {body}");
    }
}

#[tokio::test]
async fn plan_and_candidates_are_told() {
    let replica = Replica::new();
    let id = replica.finished_job().await;
    let plans = replica.get(&format!("/v1/jobs/{id}/plan")).await.json();
    let groups = plans["plans"][1]["groups"].as_array().expect("a list").clone();
    assert!(groups.iter().any(|group| group["group"] == "syn-clbn-r0" && group["needs"] == json!(["profile"])), "{plans}");
    let told = replica.get(&format!("/v1/jobs/{id}/candidates")).await.json();
    let clbn = told["items"].as_array().expect("a list").iter().find(|one| one["name"] == "clbn").expect("listed").clone();
    assert_eq!((&clbn["baseline"], &clbn["states"]), (&json!(false), &json!(["done"])));
}
