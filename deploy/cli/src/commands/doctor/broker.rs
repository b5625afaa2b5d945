//! The broker: whether it answers, lets this user in, and has the queues in the form that we need.

use super::Check;
use crate::config::BrokerConfig;
use crate::roles::brokers::{self, Who};
use crate::roles::management;
use synthfleet_broker::{Inbox, rabbitmq};
use synthfleet_proto::Result;

/// Queues that every fleet has.
const INBOXES: [(&str, Inbox); 3] = [("result", Inbox::Result), ("submit", Inbox::Submit), ("dead", Inbox::Dead)];

/// The oldest version with dead letters that are never lost.
const OLDEST: (u32, u32) = (3, 10);
/// The first version that waits for a consumer as long as the consumer asks.
const ASKED_BY_CONSUMERS: (u32, u32) = (4, 3);

/// Every check of the broker that the settings name. Nothing is made and no message is touched.
pub async fn checks(config: &BrokerConfig) -> Vec<Check> {
    if config.url == "memory:" {
        return vec![Check::ok("broker", "memory: within one process, for serve alone")];
    }
    let place = place(&config.url);
    // what is missing is told, not made
    let looking = BrokerConfig { declare: "never".to_owned(), ..config.clone() };
    let who = Who { role: "doctor", pool: "", id: "doctor" };
    let found = match config.url.starts_with("amqp") {
        true => queues(&looking, who, config.declare == "auto").await,
        false => inboxes(&looking, who).await,
    };
    match found {
        Ok(checks) => std::iter::once(Check::ok("broker", place)).chain(checks).collect(),
        Err(error) => vec![Check::of(format!("broker {place}"), &error)],
    }
}

/// RabbitMQ: what it is, and whether each queue is there in our form. `made`: the first process of a fleet makes what
/// is missing.
async fn queues(config: &BrokerConfig, who: Who<'_>, made: bool) -> Result<Vec<Check>> {
    let options = brokers::rabbit(config, who)?;
    let server = rabbitmq::server(&options).await?;
    let mut checks = vec![version(&server), patience(&server)];
    if let Some(api) = management::open(config, &options)? {
        checks.push(match rabbitmq::queues(api.as_ref(), &options.virtual_host()?).await {
            Ok(seen) => Check::ok("management API", format!("tells of {} queues", seen.len())),
            Err(error) => Check::of("management API", &error),
        });
    }
    let probed = rabbitmq::probe(&options).await?;
    let told = |probed: &rabbitmq::Probed| match &probed.found {
        Ok(found) => Check::ok(&probed.what, found),
        Err(error) if made && error.code() == "broker::queue_missing" => {
            Check::warn(&probed.what, "is not there yet", "the first process of the fleet makes it (broker.declare)")
        }
        Err(error) => Check::of(&probed.what, error),
    };
    checks.extend(probed.iter().map(told));
    Ok(checks)
}

/// Whether the broker is of a version that is meant to work.
fn version(server: &rabbitmq::Server) -> Check {
    let found = format!("{} {}", server.product, server.version);
    let is_meant = server.product == "RabbitMQ" && server.release().is_some_and(|release| release >= OLDEST);
    Check::warns_unless(is_meant, "broker version", found, "use RabbitMQ 3.10 to 4.x: older ones lose dead letters (at-least-once)")
}

/// How long a task may keep its message. No broker tells its `consumer_timeout`, and newer ones do as consumers ask.
fn patience(server: &rabbitmq::Server) -> Check {
    if server.release().is_some_and(|release| release >= ASKED_BY_CONSUMERS) {
        return Check::ok("consumer_timeout", "24 h, as each consumer asks");
    }
    let fix = "have consumer_timeout = 86400000 in rabbitmq.conf: else the message of a task of 30 min comes again";
    Check::new("ok", "consumer_timeout", "not told by the broker", fix)
}

/// SQS: whether each queue answers.
async fn inboxes(config: &BrokerConfig, who: Who<'_>) -> Result<Vec<Check>> {
    let broker = brokers::open(config, who).await?;
    let mut checks = Vec::new();
    for (name, inbox) in &INBOXES {
        checks.push(match broker.depth(inbox).await {
            Ok(depth) => Check::ok(format!("queue {name}"), format!("{} ready", depth.ready)),
            Err(error) => Check::of(format!("queue {name}"), &error),
        });
    }
    Ok(checks)
}

/// The address without a password.
fn place(url: &str) -> String {
    match url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.split_once('@')?))) {
        Some((scheme, (user, host))) => format!("{scheme}://{}@{host}", user.split(':').next().unwrap_or_default()),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_are_too_old_or_unknown_are_warned_of() {
        let state =
            |(product, number): (&str, &str)| version(&rabbitmq::Server { product: product.to_owned(), version: number.to_owned() }).state;
        assert_eq!([("RabbitMQ", "3.10.8"), ("RabbitMQ", "4.1.2")].map(state), ["ok"; 2]);
        assert_eq!([("RabbitMQ", "3.9.29"), ("RabbitMQ", ""), ("LavinMQ", "2.0.0")].map(state), ["warn"; 3]);
    }

    #[test]
    fn an_address_is_shown_without_its_password() {
        assert_eq!(place("amqp://ada:geheim@broker/fleet"), "amqp://ada@broker/fleet");
        assert_eq!((place("sqs:synthfleet").as_str(), place("amqp://broker").as_str()), ("sqs:synthfleet", "amqp://broker"));
    }
}
