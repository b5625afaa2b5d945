//! What only a real RabbitMQ shows: sessions that are cut, closed, killed and refused.

use crate::fleet::{Fleet, options};
use serde_json::Value;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use synthfleet_broker::rabbitmq::{Declare, Options, Times};
use synthfleet_broker::topology::Role;
use synthfleet_broker::{Broker, Inbox, RabbitMq, Route, Settle};
use synthfleet_harness::{Node, Proxy, VirtualHost, Weather};
use synthfleet_proto::class::Class;

fn pool(name: &str) -> (Route, Inbox) {
    let route = Route::Pool { pool: name.to_owned(), class: Class::Batch };
    (route, Inbox::Pool { pool: name.to_owned(), classes: Class::ALL.to_vec() })
}

async fn connected(options: Options) -> RabbitMq {
    RabbitMq::connect(options, 30).await.expect("the node answers")
}

/// Closes every connection of a virtual host, as an operator would; how many there were.
fn close_all(host: &VirtualHost) -> usize {
    let (_, told) = host.request("GET", &format!("/vhosts/{}/connections", host.name()), "").expect("the node answers");
    let connections: Vec<Value> = serde_json::from_str(&told).expect("JSON");
    for connection in &connections {
        let name: String = connection["name"].as_str().expect("a name").bytes().map(|byte| format!("%{byte:02X}")).collect();
        host.request("DELETE", &format!("/connections/{name}"), "").expect("the node answers");
    }
    connections.len()
}

/// Takes a message that is published until it comes, and settles it.
async fn passes(broker: &RabbitMq, name: &str) -> Duration {
    let ((route, inbox), start) = (pool(name), Instant::now());
    loop {
        // refused while there is no connection
        if broker.publish(&route, b"word").await.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let delivery = broker.take(&inbox).await.expect("taken");
    broker.settle(delivery, Settle::Ack).await.expect("settled");
    start.elapsed()
}

#[test]
fn takers_outlive_connections_that_an_operator_closes_even_on_one_thread() {
    let (told, heard) = mpsc::channel();
    std::thread::spawn(move || {
        let node = Node::shared().expect("a RabbitMQ node");
        let host = node.virtual_host().expect("a virtual host");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let broker = Arc::new(connected(options(&host.url(), &["p"])).await);
            for round in 0..5 {
                let (route, inbox) = pool("p");
                let takers: Vec<_> = (0..4)
                    .map(|_| {
                        let (broker, inbox) = (broker.clone(), inbox.clone());
                        tokio::spawn(async move {
                            let delivery = broker.take(&inbox).await.expect("taken");
                            broker.settle(delivery, Settle::Ack).await.expect("settled");
                        })
                    })
                    .collect();
                // the management interface learns of connections every few seconds
                let mut closed = 0;
                while closed == 0 {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                    closed = close_all(&host);
                }
                for _ in 0..takers.len() {
                    while broker.publish(&route, b"word").await.is_err() {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                }
                for taker in takers {
                    tokio::time::timeout(Duration::from_secs(30), taker).await.expect("in time").expect("took");
                }
                let _ = told.send(round);
            }
        });
    });
    for round in 0..5 {
        // a session that spins would never let a time-out inside it fire
        assert_eq!(heard.recv_timeout(Duration::from_secs(60)), Ok(round), "the session stands still");
    }
}

#[test]
fn a_queue_that_is_deleted_under_its_takers_is_consumed_again_in_two_seconds() {
    let fleet = Fleet::shared();
    fleet.block_on(async {
        let broker = Arc::new(connected(options(&fleet.host.url(), &["p"])).await);
        let (_, inbox) = pool("p");
        let waiting = tokio::spawn({
            let broker = broker.clone();
            async move { broker.take(&inbox).await }
        });
        tokio::time::sleep(Duration::from_millis(500)).await;
        for class in ["interactive", "batch"] {
            let path = format!("/queues/{}/sf.v1.pool.p.{class}", fleet.host.name());
            assert_eq!(fleet.host.request("DELETE", &path, "").expect("the node answers").0, 204);
        }
        let start = Instant::now();
        while broker.publish(&pool("p").0, b"word").await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let delivery = waiting.await.expect("took").expect("a delivery");
        broker.settle(delivery, Settle::Ack).await.expect("settled");
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    });
}

#[test]
fn what_no_queue_takes_comes_back_as_unroutable() {
    let fleet = Fleet::shared();
    fleet.block_on(async {
        let broker = connected(options(&fleet.host.url(), &["p"])).await;
        assert_eq!(broker.publish(&pool("nobody").0, b"word").await.expect_err("no queue").code(), "broker::unroutable");
        assert_eq!(broker.gauges().returned, 1);
    });
}

#[test]
fn a_killed_broker_keeps_what_it_confirmed_and_is_joined_again_by_itself() {
    let fleet = Fleet::on(Node::private(&[]).expect("a RabbitMQ node"));
    fleet.block_on(async {
        let broker = connected(options(&fleet.host.url(), &["p"])).await;
        for round in 0..2 {
            broker.publish(&pool("p").0, b"kept").await.expect("confirmed");
            // a node forgets queues that it was told of in its last half second
            tokio::time::sleep(Duration::from_secs(2)).await;
            fleet.node.kill().expect("killed");
            fleet.node.start().expect("started again");
            let start = Instant::now();
            let delivery = broker.take(&pool("p").1).await.expect("taken");
            assert_eq!(&delivery.body()[..], b"kept");
            broker.settle(delivery, Settle::Ack).await.expect("settled");
            println!("round {round}: taken {:?} after the port answered", start.elapsed());
            assert!(start.elapsed() < Duration::from_secs(40), "{:?}", start.elapsed());
        }
        assert_eq!(broker.gauges().reconnects, 2);
    });
}

#[test]
fn a_connection_that_is_reset_or_lets_nothing_through_is_noticed() {
    let fleet = Fleet::shared();
    fleet.block_on(async {
        let proxy = Proxy::to(fleet.node.port()).await.expect("a proxy");
        let quick = Times { self_test: Duration::from_secs(2), answer: Duration::from_secs(3), ..Times::default() };
        let url = fleet.host.url_of("guest", "guest", proxy.port());
        let broker = connected(Options { times: quick, ..options(&url, &["p"]) }).await;
        for _ in 0..3 {
            proxy.reset();
            assert!(passes(&broker, "p").await < Duration::from_secs(10));
        }
        proxy.set(Weather::Frozen);
        let start = Instant::now();
        while broker.health().ready {
            assert!(start.elapsed() < Duration::from_secs(45), "a frozen network is not noticed");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        proxy.set(Weather::Clear);
        assert!(passes(&broker, "p").await < Duration::from_secs(40));
    });
}

#[test]
fn roles_may_do_their_work_and_nothing_else() {
    let fleet = Fleet::shared();
    fleet.block_on(async {
        // the topology belongs to an administrator
        drop(connected(options(&fleet.host.url(), &["p", "q"])).await);
        let user = |name: &str, role: Role| {
            let permissions = role.permissions();
            let patterns = [permissions.configure.as_str(), permissions.write.as_str(), permissions.read.as_str()];
            let name = fleet.host.user(name, "secret", patterns).expect("a user");
            fleet.host.url_of(&name, "secret", fleet.node.port())
        };
        let never = |url: &str, pools: &[&str]| Options { declare: Declare::Never, ..options(url, pools) };
        let worker = connected(never(&user("worker", Role::Worker { pools: vec!["p".to_owned()] }), &["p"])).await;
        let soon = |what| tokio::time::timeout(Duration::from_secs(20), what);
        // its work: results out, tasks in
        worker.publish(&Route::Result, b"word").await.expect("a result");
        for (what, refused) in [
            ("a task of its own", worker.publish(&pool("p").0, b"word").await.err()),
            ("a submission", worker.publish(&Route::Submit, b"word").await.err()),
            ("tasks of another pool", soon(worker.take(&pool("q").1)).await.ok().and_then(Result::err)),
            ("results", soon(worker.take(&Inbox::Result)).await.ok().and_then(Result::err)),
            ("submissions", soon(worker.take(&Inbox::Submit)).await.ok().and_then(Result::err)),
            ("buried messages", soon(worker.take(&Inbox::Dead)).await.ok().and_then(Result::err)),
        ] {
            let refused = refused.unwrap_or_else(|| panic!("{what} was allowed"));
            assert_eq!(refused.code(), "broker::denied", "{what}: {refused}");
        }
        let coordinator = connected(never(&user("coordinator", Role::Coordinator), &["p"])).await;
        coordinator.publish(&pool("p").0, b"task").await.expect("a task");
        let delivery = worker.take(&pool("p").1).await.expect("its own tasks");
        worker.settle(delivery, Settle::Ack).await.expect("settled");
    });
}

#[test]
fn a_topology_of_others_is_looked_for_and_never_made() {
    let fleet = Fleet::shared();
    fleet.block_on(async {
        let never = Options { declare: Declare::Never, ..options(&fleet.host.url(), &["p"]) };
        let refused = RabbitMq::connect(never.clone(), 1).await.err().expect("nothing is there");
        assert_eq!((refused.code(), refused.helps().is_empty()), ("broker::queue_missing", false));
        drop(connected(options(&fleet.host.url(), &["p"])).await);
        // now it is there, and declaring it again in the same form changes nothing
        drop(connected(never).await);
        drop(connected(options(&fleet.host.url(), &["p"])).await);
    });
}

#[test]
fn a_wrong_password_ends_a_command_after_its_tries_and_shows_no_secret() {
    let fleet = Fleet::shared();
    fleet.block_on(async {
        let url = fleet.host.url_of("guest", "geheim", fleet.node.port());
        let refused = RabbitMq::connect(options(&url, &["p"]), 3).await.err().expect("refused");
        assert_eq!(refused.kind(), synthfleet_proto::ErrorKind::Unavailable);
        assert!(!format!("{refused:?}").contains("geheim"), "{refused:?}");
    });
}

#[test]
fn a_queue_that_the_broker_lists_and_cannot_serve_is_made_anew() {
    let node = Node::private(&[]).expect("a RabbitMQ node");
    let host = node.virtual_host().expect("a virtual host");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let broker = connected(options(&host.url(), &["p"])).await;
        passes(&broker, "p").await;
        // as after a kill right after the declaration: the queue is known and its log is not there
        let forget = format!("ra:force_delete_server(quorum_queues, {{'{}_sf.v1.pool.p.batch', node()}}).", host.name());
        node.control(&["eval", &forget]).expect("forgotten");
        let (route, inbox) = pool("p");
        let taken = async { broker.take(&inbox).await.expect("taken") };
        let sent = async {
            while broker.publish(&route, b"word").await.is_err() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let both = async { tokio::join!(taken, sent) };
        let (delivery, ()) = tokio::time::timeout(Duration::from_secs(90), both).await.expect("in time");
        broker.settle(delivery, Settle::Ack).await.expect("settled");
    });
}
