//! What only RabbitMQ's management API tells: which queues there are, and how many messages their takers hold. Nobody
//! waits for it: what it told last is used while it is fresh, and asked for anew beside the caller.

use super::live::lock;
use async_trait::async_trait;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use synthfleet_proto::{Error, Result};
use tokio::time::{Instant, timeout};

/// The API gathers its figures every 5 s; to ask more often tells nothing new.
const ASK_EVERY: Duration = Duration::from_secs(5);
/// What is older is not told.
const FRESH: Duration = Duration::from_secs(60);
/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// A way to RabbitMQ's management API, with its user. Whoever has an HTTP client makes one.
#[async_trait]
pub trait Management: Send + Sync {
    /// The document at a path below `/api`.
    async fn get(&self, path: &str) -> Result<Value>;
}

/// A queue as the API sees it. It tells figures a few seconds after the queue was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueSeen {
    /// Its name.
    pub name: String,
    /// Messages that wait.
    pub ready: Option<u64>,
    /// Messages that takers hold.
    pub unacked: Option<u64>,
    /// Takers that wait.
    pub consumers: Option<u64>,
}

/// Every queue of a virtual host.
///
/// # Errors
/// Those of the way, and `broker::management` when the answer is no list of queues.
pub async fn queues(management: &dyn Management, host: &str) -> Result<Vec<QueueSeen>> {
    let host: String = host.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let told = management.get(&format!("/queues/{host}?columns=name,messages_ready,messages_unacknowledged,consumers")).await?;
    let foreign = || {
        Error::unavailable("broker::management", "the answer of the management API is no list of queues")
            .help("check broker.management: it is the address of RabbitMQ's management plugin, without a path")
    };
    let seen = |queue: &Value| {
        let number = |name: &str| queue[name].as_u64();
        let (ready, unacked) = (number("messages_ready"), number("messages_unacknowledged"));
        Some(QueueSeen { name: queue["name"].as_str()?.to_owned(), ready, unacked, consumers: number("consumers") })
    };
    told.as_array().ok_or_else(foreign)?.iter().map(|queue| seen(queue).ok_or_else(foreign)).collect()
}

/// Messages that takers of each queue hold, as far as the API told lately.
#[derive(Clone)]
pub(super) struct Figures {
    management: Arc<dyn Management>,
    host: String,
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    unacked: BTreeMap<String, u64>,
    told: Option<Instant>,
    asked: Option<Instant>,
}

impl Figures {
    /// Asks nothing yet.
    pub fn new(management: Arc<dyn Management>, host: String) -> Self {
        Self { management, host, known: Arc::default() }
    }

    /// Messages that takers of some queues hold; `None` while that is not known of each. May ask beside the caller.
    pub fn of<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Option<u64> {
        let mut known = lock(&self.known);
        if known.asked.is_none_or(|asked| asked.elapsed() >= ASK_EVERY) {
            known.asked = Some(Instant::now());
            tokio::spawn(self.clone().ask());
        }
        if known.told.is_none_or(|told| told.elapsed() >= FRESH) {
            return None;
        }
        names.into_iter().map(|name| known.unacked.get(name).copied()).sum()
    }

    async fn ask(self) {
        let told = timeout(ANSWER_MAX, queues(self.management.as_ref(), &self.host)).await;
        match told {
            Ok(Ok(seen)) => {
                let mut known = lock(&self.known);
                known.unacked = seen.into_iter().filter_map(|queue| Some((queue.name, queue.unacked?))).collect();
                known.told = Some(Instant::now());
            }
            Ok(Err(error)) => tracing::debug!(code = error.code(), "the management API does not tell what takers hold"),
            Err(_) => tracing::debug!("the management API does not answer in time"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Answers with what it is given, and notes for what it was asked.
    struct Canned(Mutex<Vec<String>>, Value);

    #[async_trait]
    impl Management for Canned {
        async fn get(&self, path: &str) -> Result<Value> {
            lock(&self.0).push(path.to_owned());
            Ok(self.1.clone())
        }
    }

    fn canned(answer: Value) -> Arc<Canned> {
        Arc::new(Canned(Mutex::default(), answer))
    }

    #[tokio::test(start_paused = true)]
    async fn held_messages_are_told_while_they_are_fresh_and_nobody_waits() {
        let api =
            canned(json!([{"name": "a", "messages_unacknowledged": 3}, {"name": "b", "messages_unacknowledged": 4}, {"name": "new"}]));
        let held = Figures::new(api.clone(), "/".to_owned());
        assert_eq!(held.of(["a"]), None, "not asked yet");
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!((held.of(["a", "b"]), held.of(["new"]), held.of(["a", "absent"])), (Some(7), None, None));
        assert_eq!(*lock(&api.0), ["/queues/%2F?columns=name,messages_ready,messages_unacknowledged,consumers"]);
        tokio::time::sleep(ASK_EVERY).await;
        assert_eq!(held.of(["a"]), Some(3));
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(lock(&api.0).len(), 2, "asked again after a while, once");
        tokio::time::sleep(FRESH).await;
        assert_eq!(held.of(["a"]), None, "what is old is not told");
    }

    #[tokio::test]
    async fn what_is_no_list_of_queues_is_refused() {
        for answer in [json!({"error": "not_authorised"}), json!([{"vhost": "/"}]), Value::Null] {
            assert_eq!(queues(canned(answer).as_ref(), "/").await.expect_err("foreign").code(), "broker::management");
        }
    }
}
