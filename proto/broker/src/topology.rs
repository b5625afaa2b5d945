//! Everything that exists on RabbitMQ, as one table: exchanges, queues with their frozen arguments,
//! policies, permissions. Declaration, passive checks and deployment files are generated from it.
//!
//! Arguments are few and never change under one name: declaring a queue again with others fails, so a
//! change is a new version in the name. Whatever may be tuned is a policy.

mod access;
mod export;

pub use access::{Permissions, Role};
pub use export::{CONFIGURATION, Policy, definitions, policies};

use crate::{Inbox, Route, Wait};
use synthfleet_proto::class::Class;

/// Tasks to pools; parked messages come back through it.
pub const TASK: &str = "sf.task";
/// Results to coordinators.
pub const RESULT: &str = "sf.result";
/// Jobs from outside.
pub const SUBMIT: &str = "sf.submit";
/// Dead letters.
pub const DEAD: &str = "sf.dlx";
/// To every process.
pub const CONTROL: &str = "sf.control";
/// Progress.
pub const EVENT: &str = "sf.event";
/// The start of the names of coordinators' own queues of results.
const RESULT_OF: &str = "sf.v1.result.";
/// More queues than this are worth a warning: each quorum queue is a log of its own.
pub const QUEUES_WARN: usize = 200;

/// How an exchange routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// By equal key.
    Direct,
    /// To every queue.
    Fanout,
    /// By pattern.
    Topic,
}

impl Kind {
    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Fanout => "fanout",
            Self::Topic => "topic",
        }
    }
}

/// Every exchange; all are durable.
pub const EXCHANGES: [(&str, Kind); 10] = [
    (TASK, Kind::Direct),
    ("sf.wait.5", Kind::Fanout),
    ("sf.wait.30", Kind::Fanout),
    ("sf.wait.120", Kind::Fanout),
    ("sf.wait.600", Kind::Fanout),
    (RESULT, Kind::Direct),
    (SUBMIT, Kind::Direct),
    (DEAD, Kind::Fanout),
    (CONTROL, Kind::Fanout),
    (EVENT, Kind::Topic),
];

/// A value of a queue's argument or of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// A word.
    Text(&'static str),
    /// A number.
    Number(i64),
}

/// How long a queue lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// Until it is deleted by hand: replicated, on disk.
    Durable,
    /// As long as its only consumer.
    Consumer,
    /// As long as the connection that made it.
    Connection,
}

/// A queue with its frozen arguments and where its messages come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// Name.
    pub name: String,
    /// How long it lives.
    pub life: Life,
    /// Arguments, `x-` included.
    pub arguments: Vec<(&'static str, Value)>,
    /// Exchanges and keys.
    pub bindings: Vec<(&'static str, String)>,
}

/// Work: what is delivered more than 50 times without a verb, or cannot be returned, is a dead letter.
const WORK: [(&str, Value); 5] = [
    ("x-queue-type", Value::Text("quorum")),
    ("x-delivery-limit", Value::Number(50)),
    ("x-overflow", Value::Text("reject-publish")),
    ("x-dead-letter-exchange", Value::Text(DEAD)),
    ("x-dead-letter-strategy", Value::Text("at-least-once")),
];

impl Queue {
    fn work(name: String, bindings: Vec<(&'static str, String)>) -> Self {
        Self { name, life: Life::Durable, arguments: WORK.to_vec(), bindings }
    }

    /// One of the two queues of a pool.
    pub fn pool(pool: &str, class: Class) -> Self {
        let key = format!("{pool}.{}", class.name());
        Self::work(format!("sf.v1.pool.{key}"), vec![(TASK, key)])
    }

    /// Results. Parked ones come back through [`TASK`]; a pool's key has a dot, so that no key collides.
    pub fn result() -> Self {
        Self::work("sf.v1.result".to_owned(), vec![(RESULT, "result".to_owned()), (TASK, "result".to_owned())])
    }

    /// Results for one coordinator: lost with its connection, whose successor reads the store. A full one refuses, so
    /// that the message goes to [`Queue::result`].
    pub fn result_of(coordinator: &str) -> Self {
        let arguments = vec![("x-max-length", Value::Number(50_000)), ("x-overflow", Value::Text("reject-publish"))];
        let bindings = vec![(RESULT, result_key(coordinator))];
        Self { name: format!("{RESULT_OF}{coordinator}"), life: Life::Connection, arguments, bindings }
    }

    /// The queue as one connection of its user has it: another name for each, as the broker may not have noticed yet
    /// that the last one is over.
    pub fn in_life(&self, number: u64) -> Self {
        let is_own = self.name.starts_with(RESULT_OF);
        if is_own { Self { name: format!("{}.{number}", self.name), ..self.clone() } } else { self.clone() }
    }

    /// Jobs from outside: for everybody, or of one tenant.
    pub fn submit(tenant: Option<&str>) -> Self {
        match tenant {
            None => Self::work("sf.v1.submit".to_owned(), vec![(SUBMIT, "submit".to_owned()), (TASK, "submit".to_owned())]),
            Some(tenant) => {
                Self::work(format!("sf.v1.submit.{tenant}"), vec![(SUBMIT, tenant.to_owned()), (TASK, format!("submit:{tenant}"))])
            }
        }
    }

    /// Messages that are hidden for a while. One queue per delay, because a quorum queue only expires
    /// its head; without a key of its own for dead letters, so that the message's key survives.
    pub fn wait(wait: Wait) -> Self {
        let seconds = wait.duration().as_secs();
        Self {
            name: format!("sf.v1.wait.{seconds}"),
            life: Life::Durable,
            arguments: vec![
                ("x-queue-type", Value::Text("quorum")),
                ("x-message-ttl", Value::Number(seconds as i64 * 1_000)),
                ("x-overflow", Value::Text("reject-publish")),
                ("x-dead-letter-exchange", Value::Text(TASK)),
                ("x-dead-letter-strategy", Value::Text("at-least-once")),
            ],
            bindings: vec![(wait_exchange(wait), String::new())],
        }
    }

    /// Dead letters.
    pub fn dead() -> Self {
        let arguments = vec![("x-queue-type", Value::Text("quorum"))];
        Self { name: "sf.v1.dead".to_owned(), life: Life::Durable, arguments, bindings: vec![(DEAD, String::new())] }
    }

    /// Whether it may be lost: what it holds is a hint that somebody sends again.
    pub fn holds_hints_only(&self) -> bool {
        self.name.starts_with("sf.v1.pool.") || *self == Self::result()
    }

    /// What one process hears of [`CONTROL`].
    pub fn control(process: &str) -> Self {
        let arguments = vec![("x-max-length", Value::Number(1_000))];
        Self { name: format!("sf.v1.control.{process}"), life: Life::Consumer, arguments, bindings: vec![(CONTROL, String::new())] }
    }

    /// What one process hears of [`EVENT`].
    pub fn event(process: &str) -> Self {
        let arguments = vec![("x-max-length", Value::Number(50_000)), ("x-overflow", Value::Text("drop-head"))];
        Self { name: format!("sf.v1.event.{process}"), life: Life::Consumer, arguments, bindings: vec![(EVENT, "#".to_owned())] }
    }

    /// A submitter's own queue for replies; they come through the nameless exchange, by its name.
    pub fn reply(name: &str) -> Self {
        let arguments = vec![("x-max-length", Value::Number(10_000))];
        Self { name: name.to_owned(), life: Life::Connection, arguments, bindings: Vec::new() }
    }
}

/// The exchange that parks for so long.
pub const fn wait_exchange(wait: Wait) -> &'static str {
    match wait {
        Wait::Five => "sf.wait.5",
        Wait::Thirty => "sf.wait.30",
        Wait::TwoMinutes => "sf.wait.120",
        Wait::TenMinutes => "sf.wait.600",
    }
}

/// Exchange and key of a route.
pub fn address(route: &Route) -> (&'static str, String) {
    match route {
        Route::Pool { pool, class } => (TASK, format!("{pool}.{}", class.name())),
        Route::Result => (RESULT, "result".to_owned()),
        Route::ResultOf(coordinator) => (RESULT, result_key(coordinator)),
        Route::Submit => (SUBMIT, "submit".to_owned()),
    }
}

/// The key of results for one coordinator.
fn result_key(coordinator: &str) -> String {
    format!("of.{coordinator}")
}

/// The key under which a parked message of a queue comes back to it.
pub fn return_key(queue: &Queue) -> Option<&str> {
    queue.bindings.iter().find(|(exchange, _)| *exchange == TASK).map(|(_, key)| key.as_str())
}

/// The queues behind an inbox, most urgent first; tenants may have submit queues of their own.
pub fn queues_of(inbox: &Inbox, tenants: &[String]) -> Vec<Queue> {
    match inbox {
        Inbox::Pool { pool, classes } => classes.iter().map(|class| Queue::pool(pool, *class)).collect(),
        Inbox::Result => vec![Queue::result()],
        Inbox::ResultOf(coordinator) => vec![Queue::result_of(coordinator)],
        Inbox::Submit => std::iter::once(None).chain(tenants.iter().map(|t| Some(t.as_str()))).map(Queue::submit).collect(),
        Inbox::Dead => vec![Queue::dead()],
        Inbox::Reply(name) => vec![Queue::reply(name)],
    }
}

/// Every durable queue of a fleet with some pools and tenants.
pub fn queues(pools: &[String], tenants: &[String]) -> Vec<Queue> {
    let mut all = queues_of(&Inbox::Submit, tenants);
    all.extend([Queue::result(), Queue::dead()]);
    all.extend(Wait::ALL.map(Queue::wait));
    all.extend(pools.iter().flat_map(|pool| Class::ALL.map(|class| Queue::pool(pool, class))));
    all
}

#[cfg(test)]
mod tests;
