//! What `doctor` finds out about a RabbitMQ broker, good and bad.

use crate::fleet::{Fleet, options};
use synthfleet_broker::RabbitMq;
use synthfleet_broker::rabbitmq::{Probed, probe};

fn codes(probed: &[Probed]) -> Vec<(&str, &str)> {
    probed.iter().map(|probed| (probed.what.as_str(), probed.found.as_ref().map_or_else(|error| error.code(), |_| "ok"))).collect()
}

#[test]
fn queues_are_looked_for_and_compared_and_never_made() {
    let fleet = Fleet::shared();
    fleet.block_on(async {
        let options = options(&fleet.host.url(), &["p"]);
        for _ in 0..2 {
            let nothing = probe(&options).await.expect("the node answers");
            assert!(nothing.len() > 8 && codes(&nothing).iter().all(|(_, code)| *code == "broker::queue_missing"), "{nothing:?}");
        }
        RabbitMq::connect(options.clone(), 3).await.expect("the node answers").close().await;
        let whole = probe(&options).await.expect("the node answers");
        assert!(codes(&whole).iter().all(|(_, code)| *code == "ok"), "{whole:?}");
        assert!(whole.iter().all(|probed| probed.found.as_ref().is_ok_and(|found| found == "0 ready, in our form")), "{whole:?}");
    });
}

#[test]
fn a_queue_of_another_form_and_a_user_without_rights_are_told() {
    let fleet = Fleet::shared();
    fleet.host.put(&format!("/queues/{}/sf.v1.result", fleet.host.name()), r#"{"durable":true}"#).expect("made");
    let user = fleet.host.user("reader", "secret", ["^$", "^$", ".*"]).expect("made");
    fleet.block_on(async {
        let options = options(&fleet.host.url(), &[]);
        let probed = probe(&options).await.expect("the node answers");
        assert!(codes(&probed).contains(&("sf.v1.result", "broker::mismatch")), "{probed:?}");
        let (_, port) =
            fleet.host.url().rsplit_once(':').and_then(|(_, rest)| Some(((), rest.split('/').next()?.parse().ok()?))).expect("a port");
        let probed = probe(&super::fleet::options(&fleet.host.url_of(&user, "secret", port), &[])).await.expect("the node answers");
        let result = probed.iter().find(|probed| probed.what == "sf.v1.result").expect("looked at");
        assert!(result.found.as_ref().is_ok_and(|found| found.contains("may not compare")), "{result:?}");
        let stranger = fleet.host.url_of(&user, "wrong", port);
        assert!(
            ["broker::denied", "broker::unavailable"]
                .contains(&probe(&super::fleet::options(&stranger, &[])).await.expect_err("refused").code())
        );
    });
}
