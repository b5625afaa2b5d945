//! What a fleet stands on goes away for a while: coordinators, queues, the store, the place for results. Jobs wait and
//! then end as if nothing had been.

mod support;

use serde_json::{Value, json};
use std::time::Duration;
use support::fleet::{Ground, Role, USER, until};
use synthfleet_harness::Node;
use synthfleet_store_server::{Fault, Operation, Rule};

/// Time that jobs may take after what was away is back: a lost hint is seen after 30 s, a silent worker after 50 s.
const PATIENCE: Duration = Duration::from_secs(240);
/// How long things are away.
const AWAY: Duration = Duration::from_secs(20);

fn job(seed: u64) -> Value {
    json!({
        "source": "sim:demo?rows=600", "synthesizers": ["seqtree"], "benchmarks": ["diagnostic", "accuracy", "distances"],
        "repeats": 1, "seed": seed, "cache": false, "output": format!("s3://{USER}/out/{seed}/"),
    })
}

/// One coordinator and two workers at work on some jobs.
fn at_work(ground: &Ground, jobs: u64) -> (Role, Vec<Role>, Vec<String>) {
    let coordinator = ground.coordinator();
    let workers = vec![ground.worker("*", 1), ground.worker("*", 1)];
    coordinator.sees(2);
    let jobs = (0..jobs).map(|seed| coordinator.submit(&job(seed))).collect();
    until(PATIENCE, "work", || workers.iter().find_map(|worker| worker.child_processes().pop()));
    (coordinator, workers, jobs)
}

/// Every job has its winner, each task one effective outcome, and no attempt counts as failed.
fn all_well(ground: &Ground, coordinator: &Role, jobs: &[String]) {
    for job in jobs {
        let ended = coordinator.ended(job, PATIENCE);
        assert_eq!(ended["outcome"], "winner", "{ended}");
    }
    assert_eq!(ground.user_keys("manifest.json").len(), jobs.len());
    let crashed: Vec<Value> =
        ground.facts(".end").iter().map(|key| ground.fact(key)).filter(|end| end["cause"] == "crash" || end["cause"] == "oom").collect();
    assert_eq!(crashed, [] as [Value; 0]);
}

#[test]
fn workers_commit_what_they_hold_while_every_coordinator_is_down() {
    let ground = Ground::new();
    let (mut coordinator, _workers, jobs) = at_work(&ground, 3);
    coordinator.kill();
    let before = ground.facts("/f/o/").len();
    until(AWAY, "outcomes without a coordinator", || (ground.facts("/f/o/").len() > before).then_some(()));
    let coordinator = ground.coordinator();
    all_well(&ground, &coordinator, &jobs);
}

#[test]
fn queues_that_are_lost_are_made_and_filled_again() {
    let ground = Ground::new();
    let (coordinator, _workers, jobs) = at_work(&ground, 3);
    for queue in ["sf.v1.pool.all.interactive", "sf.v1.pool.all.batch", "sf.v1.result"] {
        let (status, told) =
            ground.host.request("DELETE", &format!("/queues/{}/{queue}", ground.host.name()), "").expect("the node answers");
        assert_eq!(status, 204, "{told}");
    }
    all_well(&ground, &coordinator, &jobs);
}

#[test]
fn a_broker_that_takes_no_messages_delays_and_nothing_more() {
    let ground = Ground::on(Node::private(&[]).expect("a RabbitMQ node"));
    let (coordinator, workers, mut jobs) = at_work(&ground, 3);
    ground.node.control(&["set_vm_memory_high_watermark", "0.00000001"]).expect("an alarm");
    // the broker blocks who sends something, and by now all others may have ended
    jobs.push(coordinator.submit(&job(3)));
    until(AWAY, "a word about the alarm", || {
        workers.iter().chain([&coordinator]).any(|role| role.said().contains("the broker takes no messages")).then_some(())
    });
    std::thread::sleep(Duration::from_secs(5));
    ground.node.control(&["set_vm_memory_high_watermark", "0.4"]).expect("no alarm");
    all_well(&ground, &coordinator, &jobs);
}

#[test]
fn a_store_that_is_away_delays_and_nothing_more() {
    let ground = Ground::new();
    let (coordinator, _workers, jobs) = at_work(&ground, 3);
    ground.s3.go_away();
    std::thread::sleep(AWAY);
    ground.s3.heal();
    all_well(&ground, &coordinator, &jobs);
}

#[test]
fn a_storm_of_refusals_of_the_store_delays_and_nothing_more() {
    let ground = Ground::new();
    let (coordinator, _workers, jobs) = at_work(&ground, 2);
    ground.s3.fail([Rule { times: 400, ..Rule::always(Fault::busy()) }]);
    all_well(&ground, &coordinator, &jobs);
}

#[test]
fn results_that_may_not_be_written_are_kept_and_the_reason_is_told() {
    let ground = Ground::new();
    ground.s3.fail([
        Rule::always(Fault::Status(403, "AccessDenied".to_owned())).on("/user/out/"),
        Rule {
            operation: Some(Operation::CreateMultipartUpload),
            ..Rule::always(Fault::Status(403, "AccessDenied".to_owned())).on("/user/out/")
        },
    ]);
    let (coordinator, _workers, jobs) = at_work(&ground, 1);
    let ended = coordinator.ended(&jobs[0], PATIENCE);
    assert_eq!((&ended["state"], &ended["outcome"]), (&json!("done"), &json!("winner")), "{ended}");
    let last = ground.fact(&ground.facts("/f/final")[0]);
    assert!(last.to_string().contains("output::denied"), "{last}");
    let (status, files) = coordinator.ask("GET", &format!("/v1/jobs/{}/files", jobs[0]), None);
    assert!(status == 200 && files.to_string().contains("synthetic.csv"), "{files}");
    // once the place may be written to, the copy is made when somebody asks for it
    let publish = || coordinator.ask("POST", &format!("/v1/jobs/{}/publish", jobs[0]), None);
    let (status, refused) = publish();
    assert!(status == 409 && refused.to_string().contains("output::denied"), "{refused}");
    ground.s3.heal();
    let (status, copied) = publish();
    assert_eq!((status, &copied["publish_failed"]), (200, &Value::Null), "{copied}");
    assert!(!ground.published("out/0/").is_empty());
}

#[test]
fn a_job_that_is_cancelled_ends_its_child_at_once() {
    let ground = Ground::new();
    let (coordinator, workers, jobs) = at_work(&ground, 1);
    let (status, told) = coordinator.ask("POST", &format!("/v1/jobs/{}/cancel", jobs[0]), Some(&json!({ "reason": "enough" })));
    assert_eq!(status, 202, "{told}");
    until(Duration::from_secs(10), "the end of children", || {
        workers.iter().all(|worker| worker.child_processes().is_empty()).then_some(())
    });
    let ended = coordinator.ended(&jobs[0], Duration::from_secs(90));
    assert_eq!(ended["state"], "cancelled");
    assert!(ground.facts("/f/selection").is_empty() && ground.user_keys("manifest.json").is_empty());
}
