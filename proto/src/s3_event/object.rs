//! One created object: which it is, and whether another event is about the same one.

use super::decode_key;
use crate::id::Hasher;
use serde_json::Value;
use std::cmp::Ordering;

/// Longest key of an object in bytes.
const KEY_BYTES_MAX: usize = 1_024;
/// Hexadecimal digits that sequencers are padded to before they are compared.
const SEQUENCER_DIGITS: usize = 32;

/// An object that was created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectEvent {
    /// Bucket.
    pub bucket: String,
    /// Its key, decoded as the form of the notification asks.
    pub key: String,
    /// What the key would be if the sender encoded it otherwise than this form asks.
    pub other_key: Option<String>,
    /// Length in bytes.
    pub bytes: Option<u64>,
    /// Entity tag without quotes.
    pub etag: Option<String>,
    /// Version, in buckets that keep versions.
    pub version_id: Option<String>,
    /// Grows with every change of one key: hexadecimal digits, in lower case.
    pub sequencer: Option<String>,
}

impl ObjectEvent {
    /// Reads the part `s3` of a record, whose key is form-encoded.
    pub(super) fn of_record(part: &Value) -> Option<Self> {
        let object = &part["object"];
        let raw = object["key"].as_str()?;
        let decoded = decode_key(raw);
        let other_key = decoded.as_ref().filter(|decoded| *decoded != raw).map(|_| raw.to_owned());
        let key = decoded.unwrap_or_else(|| raw.to_owned());
        Self { key, other_key, ..Self::of(part, ["eTag", "versionId"])? }.checked()
    }

    /// Reads the part `detail` of an EventBridge event, whose key is as it is.
    pub(super) fn of_bridge(part: &Value) -> Option<Self> {
        let key = part["object"]["key"].as_str()?.to_owned();
        let other_key = decode_key(&key).filter(|decoded| *decoded != key);
        Self { key, other_key, ..Self::of(part, ["etag", "version-id"])? }.checked()
    }

    fn of(part: &Value, [etag, version]: [&str; 2]) -> Option<Self> {
        let object = &part["object"];
        let text = |name: &str| object[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let bytes = object["size"].as_u64().or_else(|| object["size"].as_str()?.parse().ok());
        Some(Self {
            bucket: part["bucket"]["name"].as_str()?.to_owned(),
            key: String::new(),
            other_key: None,
            bytes,
            etag: text(etag).map(|etag| etag.trim_matches('"').to_owned()),
            // what a bucket calls every object while it keeps no versions
            version_id: text(version).filter(|version| version != "null"),
            sequencer: text("sequencer").map(|digits| digits.to_ascii_lowercase()),
        })
    }

    fn checked(self) -> Option<Self> {
        let fits = |key: &str| !key.is_empty() && key.len() <= KEY_BYTES_MAX;
        let other_key = self.other_key.filter(|other| fits(other));
        (fits(&self.key) && !self.bucket.is_empty()).then_some(Self { other_key, ..self })
    }

    /// The idempotency key of the job that this object starts: equal for every notification of one
    /// upload, whoever sent it and however often, and another for the next upload to the same key.
    pub fn identity(&self) -> String {
        let padded = self.padded();
        let upload = match &self.version_id {
            Some(version) => vec!["version", version],
            None => vec!["upload", self.etag.as_deref().unwrap_or_default(), &padded],
        };
        let mut hasher = Hasher::default();
        for part in ["synthfleet/s3-event/v1", &self.bucket, &self.key].into_iter().chain(upload) {
            hasher.add(&(part.len() as u32).to_le_bytes());
            hasher.add(part.as_bytes());
        }
        format!("s3-{}", hasher.hex())
    }

    fn padded(&self) -> String {
        format!("{:0>SEQUENCER_DIGITS$}", self.sequencer.as_deref().unwrap_or_default())
    }

    /// By bucket and key, and among the events of one key the older one first. The service compares
    /// sequencers as numbers, of which it may leave out leading zeros.
    pub fn in_order(&self, other: &Self) -> Ordering {
        let place = |event: &Self| (event.bucket.clone(), event.key.clone(), event.padded());
        place(self).cmp(&place(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(etag: &str, version: Option<&str>, sequencer: Option<&str>) -> ObjectEvent {
        ObjectEvent {
            bucket: "b".into(),
            key: "in/a.csv".into(),
            other_key: None,
            bytes: Some(1),
            etag: Some(etag.into()),
            version_id: version.map(str::to_owned),
            sequencer: sequencer.map(str::to_owned),
        }
    }

    #[test]
    fn one_upload_has_one_identity() {
        let seen = event("e", None, Some("617f08299329d189"));
        assert_eq!(seen.identity(), event("e", None, Some("00617f08299329d189")).identity());
        assert_eq!(seen.identity(), ObjectEvent { other_key: Some("x".into()), bytes: None, ..seen.clone() }.identity());
        let versioned = event("e", Some("v1"), Some("1"));
        assert_eq!(versioned.identity(), event("other", Some("v1"), Some("2")).identity());
        assert_eq!(seen.identity().len(), 67);
    }

    #[test]
    fn every_other_upload_has_another_identity() {
        let seen = [
            event("e", None, Some("1")),
            event("e", None, Some("2")),
            event("f", None, Some("1")),
            event("e", Some("v1"), None),
            event("e", Some("v2"), None),
            ObjectEvent { bucket: "bi".into(), key: "n/a.csv".into(), ..event("e", None, Some("1")) },
        ];
        let different: std::collections::BTreeSet<_> = seen.iter().map(ObjectEvent::identity).collect();
        assert_eq!(different.len(), seen.len());
    }

    #[test]
    fn sequencers_are_compared_as_numbers() {
        let (old, new) = (event("e", None, Some("ff")), event("f", None, Some("0100")));
        assert_eq!((old.in_order(&new), new.in_order(&old)), (Ordering::Less, Ordering::Greater));
    }
}
