//! Notifications of bucket events, as buckets and the services between send them: records of version 2,
//! the same inside an SNS envelope, or EventBridge events. Anyone may have written them.

mod key;
mod object;

pub use key::decode_key;
pub use object::ObjectEvent;

use serde_json::Value;

/// Longest notification in bytes: the longest message of SQS.
pub const BYTES_MAX: usize = 1 << 20;
/// Most records of one notification.
pub const RECORDS_MAX: usize = 1_000;

/// What a notification says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notice {
    /// It only tests that notifications arrive.
    pub test: bool,
    /// Objects that were created, by bucket and key, the older event of one key first.
    pub created: Vec<ObjectEvent>,
    /// Events of other kinds: removals, restores, tags.
    pub others: usize,
}

/// Why a notification cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// Longer than [`BYTES_MAX`] or of more than [`RECORDS_MAX`] records.
    Size,
    /// Of another major version than 2.
    Version,
    /// No notification of a bucket.
    Form,
}

impl Unreadable {
    /// The reason as the dead list carries it.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Size => "size",
            Self::Version => "version",
            Self::Form => "not_a_bucket_event",
        }
    }
}

impl Notice {
    /// Reads a notification.
    pub fn read(body: &str) -> Result<Self, Unreadable> {
        if body.len() > BYTES_MAX {
            return Err(Unreadable::Size);
        }
        let outer: Value = serde_json::from_str(body).map_err(|_| Unreadable::Form)?;
        if outer["Type"] == "Notification" {
            let inner = outer["Message"].as_str().ok_or(Unreadable::Form)?;
            return Self::of(&serde_json::from_str(inner).map_err(|_| Unreadable::Form)?);
        }
        Self::of(&outer)
    }

    /// Reads a notification without its envelope.
    fn of(notice: &Value) -> Result<Self, Unreadable> {
        if notice["Event"] == "s3:TestEvent" {
            return Ok(Self { test: true, ..Self::default() });
        }
        if let Some(kind) = notice["detail-type"].as_str() {
            return Self::of_bridge(kind, notice);
        }
        let records = notice["Records"].as_array().ok_or(Unreadable::Form)?;
        if records.len() > RECORDS_MAX {
            return Err(Unreadable::Size);
        }
        let mut read = Self::default();
        for record in records {
            let version = record["eventVersion"].as_str().ok_or(Unreadable::Form)?;
            if !version.starts_with("2.") {
                return Err(Unreadable::Version);
            }
            let name = record["eventName"].as_str().ok_or(Unreadable::Form)?;
            // some servers write the prefix that AWS leaves out
            if name.strip_prefix("s3:").unwrap_or(name).starts_with("ObjectCreated:") {
                read.created.push(ObjectEvent::of_record(&record["s3"]).ok_or(Unreadable::Form)?);
            } else {
                read.others += 1;
            }
        }
        read.created.sort_by(ObjectEvent::in_order);
        Ok(read)
    }

    fn of_bridge(kind: &str, event: &Value) -> Result<Self, Unreadable> {
        if event["source"] != "aws.s3" {
            return Err(Unreadable::Form);
        }
        if kind != "Object Created" {
            return Ok(Self { others: 1, ..Self::default() });
        }
        let object = ObjectEvent::of_bridge(&event["detail"]).ok_or(Unreadable::Form)?;
        Ok(Self { created: vec![object], ..Self::default() })
    }
}
