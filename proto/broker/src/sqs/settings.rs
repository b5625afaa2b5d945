//! Where the queues are, how they are called and who asks.

use crate::{Inbox, Route};
use std::{fmt, time::Duration};
use synthfleet_proto::{Error, Result, class::Class};

/// Longest name of a queue.
const NAME_MAX: usize = 80;

/// Who asks.
#[derive(Clone, PartialEq, Eq)]
pub enum Credentials {
    /// The standard chain: environment, profile files, web identity, container, instance.
    Chain {
        /// Profile to use instead of the default one.
        profile: Option<String>,
    },
    /// Keys that are at hand.
    Keys {
        /// Access key.
        access_key: String,
        /// Its secret.
        secret_key: String,
        /// Token of temporary keys.
        session_token: Option<String>,
    },
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Chain { profile } => f.debug_struct("Chain").field("profile", profile).finish(),
            Self::Keys { .. } => f.write_str("Keys(hidden)"),
        }
    }
}

/// Which service is asked, by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Address of the service, for example `http://127.0.0.1:5000`; `None`: AWS.
    pub endpoint: Option<String>,
    /// Region; `None`: as the standard chain says.
    pub region: Option<String>,
    /// Who asks.
    pub credentials: Credentials,
}

impl Default for Account {
    fn default() -> Self {
        Self { endpoint: None, region: None, credentials: Credentials::Chain { profile: None } }
    }
}

/// Who makes queues.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Declare {
    /// The broker makes what is missing: development.
    #[default]
    Auto,
    /// They are there, or the start fails and says which is missing: production.
    Never,
}

/// Settings of [`super::Sqs`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What every name of a queue begins with.
    pub prefix: String,
    /// Who makes queues.
    pub declare: Declare,
    /// Addresses of queues that may be replied to, besides our own.
    pub reply_to: Vec<String>,
    /// How long a taken message stays hidden unless its holder extends it; renewed once a third is over.
    pub visibility: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { prefix: "synthfleet".to_owned(), declare: Declare::Auto, reply_to: Vec::new(), visibility: Duration::from_secs(120) }
    }
}

/// Queues outlive their users here: coordinators share one.
fn no_own_queues() -> Error {
    Error::unavailable("broker::unroutable", "coordinators have no queues of their own on SQS")
}

impl Settings {
    /// Refuses settings that cannot be meant.
    pub(super) fn check(&self) -> Result<()> {
        let wrong = |what: String| Error::invalid("broker::settings", what);
        if !(Duration::from_secs(1)..=Duration::from_secs(3_600)).contains(&self.visibility) {
            return Err(wrong(format!("messages hidden for {:?}, allowed: 1 s to 1 h", self.visibility)));
        }
        self.dead().map(|_| ())
    }

    /// The queue of a route.
    pub(super) fn of_route(&self, route: &Route) -> Result<String> {
        match route {
            Route::Pool { pool, class } => self.pool(pool, *class),
            Route::Result => self.name("result"),
            Route::ResultOf(_) => Err(no_own_queues()),
            Route::Submit => self.name("submit"),
        }
    }

    /// The queues behind an inbox, the most urgent first.
    pub(super) fn of_inbox(&self, inbox: &Inbox) -> Result<Vec<String>> {
        match inbox {
            Inbox::Pool { pool, classes } => {
                Class::ALL.into_iter().filter(|class| classes.contains(class)).map(|class| self.pool(pool, class)).collect()
            }
            Inbox::Result => Ok(vec![self.name("result")?]),
            Inbox::ResultOf(_) => Err(no_own_queues()),
            Inbox::Submit => Ok(vec![self.name("submit")?]),
            Inbox::Dead => Ok(vec![self.dead()?]),
            Inbox::Reply(name) => Ok(vec![self.reply(name)?]),
        }
    }

    /// The dead list.
    pub(super) fn dead(&self) -> Result<String> {
        self.name("dead")
    }

    /// The queue of replies of a name.
    pub(super) fn reply(&self, name: &str) -> Result<String> {
        self.name(&format!("reply-{name}"))
    }

    fn pool(&self, pool: &str, class: Class) -> Result<String> {
        self.name(&format!("pool-{pool}-{}", class.name()))
    }

    fn name(&self, tail: &str) -> Result<String> {
        let name = format!("{}-{tail}", self.prefix);
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if !self.prefix.is_empty() && name.len() <= NAME_MAX && name.bytes().all(plain) {
            return Ok(name);
        }
        let message = format!("queue name {name:?} must be at most {NAME_MAX} characters of letters, digits, - and _");
        Err(Error::invalid("broker::settings", message).help("shorten the queue prefix or the pool's name"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_are_named_by_prefix_pool_and_class() {
        let settings = Settings { prefix: "acme".to_owned(), ..Settings::default() };
        let pool = Inbox::Pool { pool: "p-1".to_owned(), classes: vec![Class::Batch, Class::Interactive] };
        assert_eq!(settings.of_inbox(&pool).expect("legal"), ["acme-pool-p-1-interactive", "acme-pool-p-1-batch"]);
        let routes = [Route::Result, Route::Submit].map(|route| settings.of_route(&route).expect("legal"));
        assert_eq!(routes, ["acme-result", "acme-submit"]);
        assert_eq!(settings.dead().expect("legal"), "acme-dead");
    }

    #[test]
    fn names_that_the_service_would_refuse_are_refused() {
        for prefix in ["", "a b", "a.fifo", &"x".repeat(78)] {
            let settings = Settings { prefix: prefix.to_owned(), ..Settings::default() };
            assert_eq!(settings.check().expect_err(prefix).code(), "broker::settings");
        }
    }

    #[test]
    fn keys_are_never_shown() {
        let keys = Credentials::Keys { access_key: "open".into(), secret_key: "sesame".into(), session_token: None };
        assert_eq!(format!("{keys:?}"), "Keys(hidden)");
    }
}
