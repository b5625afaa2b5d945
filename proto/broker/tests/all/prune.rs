//! What an operator finds out about a broker, and what goes when a pool is gone.

use crate::fleet::{Fleet, options};
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};
use synthfleet_broker::rabbitmq::{Management, Options, Pruned, prune, queues, server};
use synthfleet_broker::{Broker, Inbox, RabbitMq, Route};
use synthfleet_harness::VirtualHost;
use synthfleet_proto::class::Class;
use synthfleet_proto::{Error, Result};

/// The node's management API.
struct Api(Arc<VirtualHost>);

#[async_trait::async_trait]
impl Management for Api {
    async fn get(&self, path: &str) -> Result<Value> {
        let (status, told) = self.0.request("GET", path, "").map_err(|e| Error::unavailable("broker::management", e))?;
        assert_eq!(status, 200, "{told}");
        Ok(serde_json::from_str(&told).expect("JSON"))
    }
}

fn inbox(pool: &str) -> Inbox {
    Inbox::Pool { pool: pool.to_owned(), classes: vec![Class::Batch] }
}

async fn send(broker: &RabbitMq, pool: &str) {
    broker.publish(&Route::Pool { pool: pool.to_owned(), class: Class::Batch }, b"word").await.expect("taken");
}

fn states(told: &[(String, Result<Pruned>)]) -> Vec<(&str, Pruned)> {
    told.iter().map(|(name, pruned)| (name.as_str(), *pruned.as_ref().expect("looked at"))).collect()
}

#[test]
fn empty_queues_without_takers_go_and_no_others() {
    let fleet = Fleet::shared();
    fleet.block_on(async {
        let options = options(&fleet.host.url(), &["full", "old"]);
        let broker = RabbitMq::connect(options.clone(), 30).await.expect("the node answers");
        send(&broker, "full").await;
        let pools: Vec<String> = ["full", "never", "old"].map(str::to_owned).to_vec();
        let ask = async |dry| prune(&options, &pools, dry).await.expect("the node answers");
        let full = ("sf.v1.pool.full.batch", Pruned::Kept { ready: 1, consumers: 0 });
        let never = [("sf.v1.pool.never.interactive", Pruned::Absent), ("sf.v1.pool.never.batch", Pruned::Absent)];
        let [first, last] = never;
        let of = |state| {
            vec![
                ("sf.v1.pool.full.interactive", state),
                full,
                first,
                last,
                ("sf.v1.pool.old.interactive", state),
                ("sf.v1.pool.old.batch", state),
            ]
        };
        for _ in 0..2 {
            assert_eq!(states(&ask(true).await), of(Pruned::Idle));
        }
        assert_eq!(states(&ask(false).await), of(Pruned::Removed));
        assert_eq!(states(&ask(false).await), of(Pruned::Absent));
        assert_eq!(broker.depth(&inbox("full")).await.expect("told").ready, 1, "the message is still there");
    });
}

#[test]
fn a_queue_that_somebody_waits_at_stays() {
    let fleet = Fleet::shared();
    fleet.block_on(async {
        let options = options(&fleet.host.url(), &["p"]);
        let broker = Arc::new(RabbitMq::connect(options.clone(), 30).await.expect("the node answers"));
        let waiting = tokio::spawn({
            let broker = Arc::clone(&broker);
            async move { broker.take(&inbox("p")).await }
        });
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            let told = prune(&options, &["p".to_owned()], true).await.expect("the node answers");
            if states(&told).contains(&("sf.v1.pool.p.batch", Pruned::Kept { ready: 0, consumers: 1 })) {
                break;
            }
            assert!(Instant::now() < until, "{told:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        waiting.abort();
    });
}

#[test]
fn a_user_who_may_not_configure_is_told_so_queue_by_queue() {
    let fleet = Fleet::shared();
    let user = fleet.host.user("reader", "secret", ["^$", "^$", ".*"]).expect("made");
    fleet.block_on(async {
        let options = options(&fleet.host.url(), &["old"]);
        RabbitMq::connect(options.clone(), 30).await.expect("the node answers").close().await;
        let reader = Options { url: fleet.host.url_of(&user, "secret", fleet.node.port()), ..options };
        let told = prune(&reader, &["old".to_owned()], false).await.expect("the node answers");
        assert!(told.iter().all(|(_, pruned)| pruned.as_ref().is_err_and(|error| error.code() == "broker::denied")), "{told:?}");
    });
}

#[test]
fn a_broker_says_what_it_is_before_anybody_logs_in() {
    let fleet = Fleet::shared();
    let (_, told) = fleet.host.request("GET", "/overview", "").expect("the node answers");
    let overview: Value = serde_json::from_str(&told).expect("JSON");
    fleet.block_on(async {
        let stranger = options(&fleet.host.url_of("nobody", "wrong", fleet.node.port()), &[]);
        let said = server(&stranger).await.expect("the node answers");
        assert_eq!((said.product.as_str(), Value::from(said.version.as_str())), ("RabbitMQ", overview["rabbitmq_version"].clone()));
        assert!(said.release().is_some_and(|release| release >= (3, 10)), "{said:?}");
        // whoever else listens there is no broker
        let away = options("amqp://guest@127.0.0.1:1/", &[]);
        assert_eq!(server(&away).await.expect_err("nobody").code(), "broker::unavailable");
    });
}

#[test]
fn messages_in_hand_are_told_where_the_management_api_is_named() {
    let fleet = Fleet::shared();
    let host = Arc::new(fleet.node.virtual_host().expect("the node answers"));
    fleet.block_on(async {
        let api = Arc::new(Api(Arc::clone(&host)));
        let options = Options { management: Some(api.clone()), ..options(&host.url(), &["p"]) };
        let broker = RabbitMq::connect(options, 30).await.expect("the node answers");
        send(&broker, "p").await;
        send(&broker, "p").await;
        let held = broker.take(&inbox("p")).await.expect("taken");
        // the API gathers its figures every few seconds
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let depth = broker.depth(&inbox("p")).await.expect("told");
            assert_eq!(depth.ready, 1);
            if depth.unacked == Some(1) {
                break;
            }
            assert!(Instant::now() < until, "{depth:?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let seen = queues(api.as_ref(), host.name()).await.expect("told");
        assert!(seen.iter().any(|queue| queue.name == "sf.v1.pool.p.batch" && queue.unacked == Some(1)), "{seen:?}");
        drop(held);
    });
}
