//! The broker: whether it answers, lets this user in, and has the queues in the form that we need.

use super::Check;
use crate::config::BrokerConfig;
use crate::roles::brokers::{self, Who};
use synthfleet_broker::{Inbox, rabbitmq};
use synthfleet_proto::Result;

/// Queues that every fleet has.
const INBOXES: [(&str, Inbox); 3] = [("result", Inbox::Result), ("submit", Inbox::Submit), ("dead", Inbox::Dead)];

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

/// RabbitMQ: whether each queue is there in our form. `made`: the first process of a fleet makes what is missing.
async fn queues(config: &BrokerConfig, who: Who<'_>, made: bool) -> Result<Vec<Check>> {
    let probed = rabbitmq::probe(&brokers::rabbit(config, who)?).await?;
    let told = |probed: &rabbitmq::Probed| match &probed.found {
        Ok(found) => Check::ok(&probed.what, found),
        Err(error) if made && error.code() == "broker::queue_missing" => {
            Check::warn(&probed.what, "is not there yet", "the first process of the fleet makes it (broker.declare)")
        }
        Err(error) => Check::of(&probed.what, error),
    };
    Ok(probed.iter().map(told).collect())
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
    fn an_address_is_shown_without_its_password() {
        assert_eq!(place("amqp://ada:geheim@broker/fleet"), "amqp://ada@broker/fleet");
        assert_eq!((place("sqs:synthfleet").as_str(), place("amqp://broker").as_str()), ("sqs:synthfleet", "amqp://broker"));
    }
}
