//! Faults by script: which request fails, and how.

use crate::Operation;
use serde_json::Value;
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// How a request fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Nothing happens; this status and this code of S3 come back.
    Status(u16, String),
    /// It happens that much later.
    Slow(Duration),
    /// Nothing happens; the connection is closed without an answer.
    Reset,
    /// It happens; the connection is closed without an answer.
    LostReply,
    /// The answer has one bit changed.
    FlipBit,
    /// The connection is closed after half of the answer.
    Cut,
}

impl Fault {
    /// 409: another conditional write is under way.
    pub fn conflict() -> Self {
        Self::Status(409, "ConditionalRequestConflict".to_owned())
    }

    /// 503: slow down.
    pub fn busy() -> Self {
        Self::Status(503, "SlowDown".to_owned())
    }
}

/// Which requests fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Only this operation; `None`: every one.
    pub operation: Option<Operation>,
    /// Only paths that hold this text.
    pub path: String,
    /// Matching requests that pass first.
    pub skip: u64,
    /// Matching requests that fail then.
    pub times: u64,
    /// How they fail.
    pub fault: Fault,
}

impl Rule {
    /// Fails the next request of an operation.
    pub fn once(operation: Operation, fault: Fault) -> Self {
        Self { operation: Some(operation), path: String::new(), skip: 0, times: 1, fault }
    }

    /// Fails every request from now on.
    pub fn always(fault: Fault) -> Self {
        Self { operation: None, path: String::new(), skip: 0, times: u64::MAX, fault }
    }

    /// Fails that many requests instead.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times, ..self }
    }

    /// Lets that many requests pass first.
    #[must_use]
    pub fn after(self, skip: u64) -> Self {
        Self { skip, ..self }
    }

    /// Only for paths that hold this text.
    #[must_use]
    pub fn on(self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self }
    }

    /// Reads a rule as the control endpoint takes it.
    ///
    /// # Errors
    /// A sentence about what cannot be read.
    pub fn from_json(value: &Value) -> Result<Self, String> {
        let number = |name: &str, otherwise: u64| value[name].as_u64().unwrap_or(otherwise);
        let text = |name: &str| value[name].as_str().unwrap_or_default();
        let fault = match text("fault") {
            "status" => Fault::Status(u16::try_from(number("status", 500)).map_err(|e| e.to_string())?, text("code").to_owned()),
            "conflict" => Fault::conflict(),
            "busy" => Fault::busy(),
            "slow" => Fault::Slow(Duration::from_millis(number("ms", 1_000))),
            "reset" => Fault::Reset,
            "lost_reply" => Fault::LostReply,
            "flip_bit" => Fault::FlipBit,
            "cut" => Fault::Cut,
            other => return Err(format!("no fault is called {other:?}")),
        };
        let operation = match text("operation") {
            "" => None,
            name => Some(Operation::named(name).ok_or_else(|| format!("no operation is called {name:?}"))?),
        };
        let times = number("times", if operation.is_some() { 1 } else { u64::MAX });
        Ok(Self { operation, path: text("path").to_owned(), skip: number("skip", 0), times, fault })
    }
}

/// The rules in force. The first that matches and is not used up decides.
#[derive(Default)]
pub(crate) struct Faults(Mutex<Vec<Rule>>);

impl Faults {
    pub(crate) fn set(&self, rules: Vec<Rule>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = rules;
    }

    pub(crate) fn next(&self, operation: Operation, path: &str) -> Option<Fault> {
        let mut rules = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let matching = |rule: &&mut Rule| rule.times > 0 && rule.operation.is_none_or(|on| on == operation) && path.contains(&rule.path);
        let rule = rules.iter_mut().find(matching)?;
        if rule.skip > 0 {
            rule.skip -= 1;
            return None;
        }
        rule.times -= 1;
        Some(rule.fault.clone())
    }
}
