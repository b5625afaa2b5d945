//! Events: first a snapshot, then what happens, on any replica.

use super::*;
use futures::StreamExt;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;

/// One event as it came over the wire.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    id: String,
    kind: String,
    data: Value,
}

impl Replica {
    /// The events of a job until the stream ends, or until `enough`.
    async fn stream(&self, job: &str, seen: Option<&str>, enough: impl Fn(&[Seen]) -> bool) -> Vec<Seen> {
        let mut request = Request::get(format!("/v1/jobs/{job}/events")).header("host", "localhost");
        if let Some(id) = seen {
            request = request.header("last-event-id", id);
        }
        let response = self.router.clone().oneshot(request.body(Body::empty()).expect("a request")).await.expect("an answer");
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let (mut pieces, mut text, mut events) = (response.into_body().into_data_stream(), String::new(), Vec::new());
        loop {
            while let Some(end) = text.find("\n\n") {
                let frame: String = text.drain(..end + 2).collect();
                events.extend(read(&frame));
            }
            if enough(&events) {
                return events;
            }
            match tokio::time::timeout(Duration::from_secs(30), pieces.next()).await.expect("a sign of life") {
                Some(piece) => text.push_str(&String::from_utf8_lossy(&piece.expect("bytes"))),
                None => return events,
            }
        }
    }
}

fn read(frame: &str) -> Option<Seen> {
    let field = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
    let data = serde_json::from_str(&field("data: ")?).expect("JSON");
    Some(Seen { id: field("id: ")?, kind: field("event: ")?, data })
}

fn ended_tasks(events: &[Seen]) -> Vec<String> {
    let mut tasks: Vec<String> = events
        .iter()
        .filter(|seen| seen.kind == "task" && ["done", "failed", "skipped"].iter().any(|state| seen.data["state"] == *state))
        .map(|seen| seen.data["task"].as_str().expect("a task").to_owned())
        .collect();
    tasks.sort();
    tasks.dedup();
    tasks
}

#[tokio::test]
async fn a_stream_begins_with_a_snapshot_and_ends_with_the_job() {
    let replica = Replica::new();
    let id = replica.job().await;
    // work begins when the snapshot is there
    let begun = std::cell::Cell::new(false);
    let begin = |events: &[Seen]| {
        if !events.is_empty() && !begun.replace(true) {
            replica.work(done);
        }
        false
    };
    let events = replica.stream(&id, None, begin).await;
    assert_eq!((events[0].kind.as_str(), &events[0].data["snapshot"]["job"]["id"]), ("snapshot", &json!(id)));
    let last = events.last().expect("events");
    assert_eq!((last.kind.as_str(), &last.data["state"], &last.data["outcome"]), ("state", &json!("done"), &json!("winner")));
    for kind in ["planned", "profile", "task", "verdict", "published"] {
        assert!(events.iter().any(|seen| seen.kind == kind), "{kind}");
    }
    let known = replica.get(&format!("/v1/jobs/{id}/tasks")).await.json();
    let mut tasks: Vec<_> = known["items"].as_array().expect("a list").iter().map(|task| task["id"].as_str().expect("an id")).collect();
    tasks.sort_unstable();
    assert_eq!(ended_tasks(&events), tasks);
}

#[tokio::test]
async fn who_comes_back_gets_exactly_what_was_missed() {
    let replica = Replica::new();
    let id = replica.finished_job().await;
    let whole = replica.stream(&id, None, |_| false).await;
    assert_eq!(whole.len(), 1, "a job that ended is told by its snapshot");
    // the feed still knows: a listener from the start would have seen these
    let polled = replica.get(&format!("/v1/jobs/{id}/events?after=none&wait=0")).await.json();
    assert_eq!(polled["events"][0]["type"], "snapshot");
    let next = polled["next"].as_str().expect("an id").to_owned();
    let again = replica.get(&format!("/v1/jobs/{id}/events?after={next}&wait=0")).await.json();
    assert_eq!((&again["events"], &again["ended"]), (&json!([]), &json!(true)));
    let over = replica.ask("GET", &format!("/v1/jobs/{id}/events"), &[("last-event-id", &next)], Body::empty()).await;
    assert_eq!(over.status, StatusCode::NO_CONTENT, "nothing to come back for");
}

/// Watches a job to its end over two replicas in turn, cut at the first news each time, and holds what was told of
/// its tasks against the facts. How often it was cut.
async fn cut_again_and_again(job: Value) -> usize {
    let (store, broker) =
        (Arc::new(memory()), Arc::new(InProcess::new(synthfleet_broker::Settings { pools: vec!["local".into()], ..Default::default() })));
    let one = Replica::on(store.clone(), broker.clone(), 1, |_| {});
    let two = Replica::on(store, broker, 2, |_| {});
    let id = one.post("/v1/jobs", &job).await.json()["id"].as_str().expect("an id").to_owned();
    one.work(|task| {
        std::thread::sleep(Duration::from_millis(5));
        done(task)
    });
    let mut all: Vec<Seen> = Vec::new();
    let mut seen: Option<String> = None;
    let mut cuts = 0;
    while !all.iter().any(|event| event.kind == "state" && event.data["state"] == "done") {
        let replica = if cuts % 2 == 0 { &one } else { &two };
        // the other replica repeats the last seconds: the cut comes with the first news
        let news = |events: &[Seen]| events.iter().any(|event| all.iter().all(|known| known.data != event.data));
        let events = replica.stream(&id, seen.as_deref(), news).await;
        seen = events.last().map(|event| event.id.clone()).or(seen);
        all.extend(events);
        cuts += 1;
        assert!(cuts < 2_000, "the job does not end");
    }
    let ended = |task: &Value, name: &str| {
        let state = task["state"].as_str().expect("a state").to_owned();
        ["done", "failed", "skipped"].contains(&state.as_str()).then(|| (task[name].as_str().expect("an id").to_owned(), state))
    };
    let tasks = one.get(&format!("/v1/jobs/{id}/tasks")).await.json();
    let facts: BTreeSet<_> = tasks["items"].as_array().expect("a list").iter().filter_map(|task| ended(task, "id")).collect();
    let mut told: BTreeSet<_> = all.iter().filter(|seen| seen.kind == "task").filter_map(|seen| ended(&seen.data, "task")).collect();
    for snapshot in all.iter().filter(|seen| seen.kind == "snapshot") {
        told.extend(snapshot.data["snapshot"]["tasks"].as_array().expect("a list").iter().filter_map(|task| ended(task, "id")));
    }
    assert_eq!(told, facts);
    cuts
}

#[tokio::test]
async fn a_stream_that_is_cut_goes_on_at_another_replica_without_a_gap() {
    cut_again_and_again(small_job()).await;
}

#[tokio::test]
async fn a_stream_that_is_cut_a_hundred_times_ends_in_the_state_of_the_facts() {
    let members = ["clbn", "gaussian_copula", "seqtree", "arf"];
    let job = json!({"source": "sim:demo", "synthesizers": members, "repeats": 20, "benchmarks": ["accuracy", "distances"], "gate": "off"});
    let cuts = cut_again_and_again(job).await;
    assert!(cuts >= 100, "cut {cuts} times");
}

#[tokio::test]
async fn a_poll_waits_for_news() {
    let replica = Replica::new();
    let id = replica.job().await;
    let first = replica.get(&format!("/v1/jobs/{id}/events?wait=0")).await.json();
    assert_eq!(first["events"][0]["type"], "snapshot");
    let mut next = first["next"].as_str().expect("an id").to_owned();
    replica.work(done);
    let mut kinds = Vec::new();
    for _ in 0..100 {
        let told = replica.get(&format!("/v1/jobs/{id}/events?after={next}&wait=20")).await.json();
        kinds.extend(told["events"].as_array().expect("a list").iter().map(|event| event["type"].as_str().expect("a type").to_owned()));
        next = told["next"].as_str().expect("an id").to_owned();
        if told["ended"] == true {
            break;
        }
    }
    assert!(kinds.contains(&"verdict".to_owned()) && kinds.last().is_some_and(|kind| kind == "state"), "{kinds:?}");
}

#[tokio::test]
async fn listeners_have_a_limit_and_leave() {
    let replica = Replica::with(|options| options.listeners_max = 1);
    let id = replica.job().await;
    let open = Request::get(format!("/v1/jobs/{id}/events")).header("host", "localhost").body(Body::empty()).expect("a request");
    let held = replica.router.clone().oneshot(open).await.expect("an answer");
    assert_eq!(replica.get(&format!("/v1/jobs/{id}/events?wait=0")).await.problem(), "unavailable");
    assert_eq!(replica.book.value(crate::metrics::EVENT_LISTENERS, &[]), Some(1.0));
    drop(held);
    assert_eq!(replica.get(&format!("/v1/jobs/{id}/events?wait=0")).await.status, StatusCode::OK);
    assert_eq!(replica.book.value(crate::metrics::EVENT_LISTENERS, &[]), Some(0.0));
}

#[tokio::test]
async fn a_stream_ends_when_the_process_does() {
    let replica = Replica::new();
    let id = replica.job().await;
    let reading = replica.stream(&id, None, |_| false);
    let stop = replica.stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        stop.send_replace(true);
    });
    let events = tokio::time::timeout(Duration::from_secs(5), reading).await.expect("the stream ends");
    assert_eq!(events[0].kind, "snapshot");
}
