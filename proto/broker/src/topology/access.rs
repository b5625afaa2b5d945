//! Who may do what: RabbitMQ's three patterns (configure, write, read) per role, as little as works.

/// A user of the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// Takes from some pools.
    Worker {
        /// Their names.
        pools: Vec<String>,
    },
    /// Dispatches, reads results and submissions, answers.
    Coordinator,
    /// Sends jobs from outside and reads its own replies.
    Submitter {
        /// Its user name, which its reply queues carry.
        user: String,
    },
}

/// The patterns that a role's user gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permissions {
    /// What it may create and delete.
    pub configure: String,
    /// What it may write to.
    pub write: String,
    /// What it may read from.
    pub read: String,
}

impl Role {
    /// The least that the role works with, when the queues exist already.
    pub fn permissions(&self) -> Permissions {
        let patterns =
            |configure: &str, write: &str, read: String| Permissions { configure: configure.to_owned(), write: write.to_owned(), read };
        match self {
            Self::Worker { pools } => patterns(
                r"^sf\.v1\.control\..+$",
                r"^(sf\.(result|event|dlx|wait\.\d+)|sf\.v1\.control\..+)$",
                // a worker without pools reads no queue: an empty alternative would match any
                match pools.as_slice() {
                    [] => r"^(sf\.control|sf\.v1\.control\..+)$".to_owned(),
                    pools => format!(r"^(sf\.v1\.pool\.({})\..+|sf\.control|sf\.v1\.control\..+)$", pools.join("|")),
                },
            ),
            // replies go through the nameless exchange, whose rights are those of `amq.default`
            Self::Coordinator => patterns(r"^sf\.v1\.(control|event|result)\..+$", r"^(sf\..+|amq\.default)$", r"^sf\..+$".to_owned()),
            Self::Submitter { user } => patterns("^$", r"^sf\.submit$", format!(r"^sf\.v1\.reply\.{user}(\..+)?$")),
        }
    }
}
