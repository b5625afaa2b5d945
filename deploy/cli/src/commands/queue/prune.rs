//! `queue prune`: removes the queues of pools that no worker describes any more. It asks the broker itself: only its
//! owner may configure it, and no role of a fleet has that right.

use super::super::Surroundings;
use crate::present::list::text;
use crate::roles::brokers::{self, Who};
use crate::roles::{management, parts};
use crate::say;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use synthfleet_broker::rabbitmq::{self, Management, Pruned, QueueSeen};
use synthfleet_coordinator::Roster;
use synthfleet_proto::class::Class;
use synthfleet_proto::pool::check_pool_name;
use synthfleet_proto::{Error, Result};

/// One queue and what became of it.
struct Line {
    queue: String,
    state: &'static str,
    why: String,
}

/// Removes queues, or says which would go.
pub async fn run(named: &[String], dry_run: bool, surroundings: &Surroundings) -> Result<u8> {
    let config = &surroundings.config;
    if !config.broker.url.starts_with("amqp") {
        let error = Error::unsupported("broker::prune", "the broker of the settings is no RabbitMQ");
        return Err(error.help("set broker.url (SYNTHFLEET_BROKER_URL) to amqp://user@host/virtual-host"));
    }
    named.iter().try_for_each(|pool| check_pool_name(pool))?;
    let options = brokers::rabbit(&config.broker, Who { role: "prune", pool: "", id: "prune" })?;
    let api = management::open(&config.broker, &options)?;
    let seen = match &api {
        Some(api) => rabbitmq::queues(api.as_ref(), &options.virtual_host()?).await?,
        None => Vec::new(),
    };
    let pools = if named.is_empty() { with_queues(api.as_deref(), &seen)? } else { named.to_vec() };
    let roster = Roster::watched();
    roster.renew(parts::store(&config.store, None).await?.as_ref()).await?;
    let there: BTreeSet<String> = roster.now().pools.keys().cloned().collect();
    let held: BTreeMap<&str, u64> = seen.iter().filter_map(|queue| Some((queue.name.as_str(), queue.unacked?))).collect();
    let in_use = |pool: &str| if there.contains(pool) { Some("workers describe the pool".to_owned()) } else { holders(pool, &held) };
    let (kept, gone): (Vec<String>, Vec<String>) = pools.into_iter().partition(|pool| in_use(pool).is_some());
    let mut lines: Vec<Line> = kept.iter().flat_map(|pool| of_kept(pool, &in_use(pool).unwrap_or_default())).collect();
    let mut code = 0;
    for (queue, pruned) in rabbitmq::prune(&options, &gone, dry_run).await? {
        if let Err(error) = &pruned {
            code = error.kind().exit_code();
        }
        let (state, why) = told(&pruned);
        lines.push(Line { queue, state, why });
    }
    show(&lines, dry_run, surroundings);
    Ok(code)
}

/// Pools that have queues on the broker.
fn with_queues(api: Option<&dyn Management>, seen: &[QueueSeen]) -> Result<Vec<String>> {
    if api.is_none() {
        let error = Error::invalid("broker::management", "no pool is named, and nobody says which queues there are");
        return Err(error.help("name the pools, or set broker.management to RabbitMQ's management API"));
    }
    let pools: BTreeSet<&str> = seen.iter().filter_map(|queue| pool_of(&queue.name)).collect();
    Ok(pools.into_iter().map(str::to_owned).collect())
}

/// The pool that a queue is of.
fn pool_of(queue: &str) -> Option<&str> {
    let (pool, class) = queue.strip_prefix("sf.v1.pool.")?.split_once('.')?;
    (Class::ALL.iter().any(|known| known.name() == class) && check_pool_name(pool).is_ok()).then_some(pool)
}

fn queues_of(pool: &str) -> impl Iterator<Item = String> {
    Class::ALL.into_iter().map(move |class| format!("sf.v1.pool.{pool}.{}", class.name()))
}

/// Why a pool is in use although nobody describes it: somebody holds its messages.
fn holders(pool: &str, held: &BTreeMap<&str, u64>) -> Option<String> {
    let held: u64 = queues_of(pool).filter_map(|queue| held.get(queue.as_str())).sum();
    (held > 0).then(|| format!("takers hold {held} messages"))
}

fn of_kept(pool: &str, why: &str) -> Vec<Line> {
    queues_of(pool).map(|queue| Line { queue, state: "kept", why: why.to_owned() }).collect()
}

fn told(pruned: &Result<Pruned>) -> (&'static str, String) {
    match pruned {
        Ok(Pruned::Absent) => ("absent", String::new()),
        Ok(Pruned::Kept { ready, consumers }) => ("kept", format!("{ready} messages wait, {consumers} takers")),
        Ok(Pruned::Idle) => ("would go", String::new()),
        Ok(Pruned::Removed) => ("removed", String::new()),
        Err(error) => ("failed", format!("{} ({})", error.message(), error.code())),
    }
}

fn show(lines: &[Line], dry_run: bool, surroundings: &Surroundings) {
    if surroundings.json {
        let item = |line: &Line| json!({ "queue": line.queue, "state": line.state.replace(' ', "_"), "why": line.why });
        say!("{}", json!({ "dry_run": dry_run, "items": lines.iter().map(item).collect::<Vec<Value>>() }));
    } else {
        say!(
            "{}",
            text(&["queue", "state", "why"], lines.iter().map(|line| vec![line.queue.clone(), line.state.to_owned(), line.why.clone()]))
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_tells_its_pool() {
        assert_eq!(pool_of("sf.v1.pool.old-gpu.batch"), Some("old-gpu"));
        let others = ["sf.v1.result", "sf.v1.pool.x.urgent", "sf.v1.pool.X.batch", "sf.v1.pool.batch", "other.pool.x.batch"];
        assert_eq!(others.map(pool_of), [None; 5]);
    }

    #[test]
    fn a_pool_whose_messages_somebody_holds_is_in_use() {
        let held = BTreeMap::from([("sf.v1.pool.a.batch", 2), ("sf.v1.pool.a.interactive", 1), ("sf.v1.pool.b.batch", 0)]);
        assert_eq!(holders("a", &held).as_deref(), Some("takers hold 3 messages"));
        assert_eq!((holders("b", &held), holders("c", &held)), (None, None));
    }

    #[test]
    fn without_names_and_without_the_api_nobody_says_which_queues_there_are() {
        let refused = with_queues(None, &[]).expect_err("nobody says");
        assert!(refused.code() == "broker::management" && !refused.helps().is_empty());
    }
}
