//! Properties of a message in AMQP's words, and back.

use crate::{Properties, topology};
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use std::collections::BTreeMap;

/// Why a message was buried.
const REASON: &str = "x-synthfleet-reason";
/// The sender's user of a message that we copied: the broker lets nobody name another user.
const USER: &str = "x-synthfleet-user";
/// Says that a message was parked, hence may have been seen before.
const PARKED: &str = "x-synthfleet-parked";
/// What copies carry for ourselves.
const OURS: [&str; 3] = [USER, PARKED, REASON];
/// What the broker adds when it moves a message; a copy starts afresh.
const TRAILS: [&str; 5] = ["x-death", "x-first-death-exchange", "x-first-death-queue", "x-first-death-reason", "x-delivery-count"];
/// Longest reason of a burial in bytes.
const REASON_BYTES_MAX: usize = 200;
/// Headers are one frame, and a frame that is too long would cost the connection. What a stranger sent
/// beyond this, or as tables, is left out of copies.
const HEADER_BYTES_MAX: usize = 8 << 10;
const PERSISTENT: u8 = 2;
const TRANSIENT: u8 = 1;

/// AMQP properties for a message of ours, or a reply.
pub(super) fn outward(properties: &Properties, persistent: bool) -> BasicProperties {
    let mut out = BasicProperties::default()
        .with_delivery_mode(if persistent { PERSISTENT } else { TRANSIENT })
        .with_app_id(concat!("synthfleet/", env!("CARGO_PKG_VERSION")).into());
    if let Some(text) = properties.content_type.as_deref().and_then(short) {
        out = out.with_content_type(text);
    }
    if let Some(text) = properties.kind.as_deref().and_then(short) {
        out = out.with_type(text);
    }
    if let Some(text) = properties.message_id.as_deref().and_then(short) {
        out = out.with_message_id(text);
    }
    if let Some(text) = properties.correlation_id.as_deref().and_then(short) {
        out = out.with_correlation_id(text);
    }
    if let Some(text) = properties.reply_to.as_deref().and_then(short) {
        out = out.with_reply_to(text);
    }
    if let Some(at) = properties.at.and_then(|ms| u64::try_from(ms / 1_000).ok()) {
        out = out.with_timestamp(at);
    }
    let mut headers = FieldTable::default();
    for (name, value) in &properties.headers {
        if let Some(name) = short(name) {
            headers.insert(name, AMQPValue::LongString(value.as_str().into()));
        }
    }
    if headers.inner().is_empty() { out } else { out.with_headers(headers) }
}

/// What a message says beside its body; `exchange` is where it came through.
pub(super) fn inward(raw: &BasicProperties, exchange: &str, tenant: Option<&str>) -> Properties {
    let text = |value: &Option<ShortString>| value.as_ref().map(|text| text.as_str().to_owned());
    let headers: BTreeMap<String, String> =
        table(raw).filter_map(|(name, value)| Some((name.as_str().to_owned(), plain(value)?))).collect();
    // only our own users may write where a copy comes from, so that nobody else can claim the header
    let copied = [topology::TASK, topology::DEAD].contains(&exchange).then(|| headers.get(USER).cloned()).flatten();
    let seconds = raw.timestamp().and_then(|seconds| i64::try_from(seconds).ok());
    Properties {
        content_type: text(raw.content_type()),
        kind: text(raw.kind()),
        message_id: text(raw.message_id()),
        correlation_id: text(raw.correlation_id()),
        reply_to: text(raw.reply_to()),
        user: text(raw.user_id()).or(copied),
        tenant: tenant.map(str::to_owned),
        at: seconds.and_then(|seconds| seconds.checked_mul(1_000)),
        headers: headers.into_iter().filter(|(name, _)| !OURS.contains(&name.as_str()) && !TRAILS.contains(&name.as_str())).collect(),
    }
}

/// Whether the message was parked before.
pub(super) fn was_parked(raw: &BasicProperties) -> bool {
    table(raw).any(|(name, _)| name.as_str() == PARKED)
}

/// Why a dead letter is one: our reason, or the broker's.
pub(super) fn reason(raw: &BasicProperties) -> Option<String> {
    let find = |wanted: &str| table(raw).find(|(name, _)| name.as_str() == wanted).and_then(|(_, value)| plain(value));
    find(REASON).or_else(|| find("x-first-death-reason"))
}

/// The properties of a copy that waits or is buried.
pub(super) fn copy(raw: &BasicProperties, mark: Mark<'_>) -> BasicProperties {
    let mut headers = FieldTable::default();
    let mut room = HEADER_BYTES_MAX;
    for (name, value) in table(raw).filter(|(name, _)| !TRAILS.contains(&name.as_str())) {
        let Some(left) = plain(value).and_then(|text| room.checked_sub(name.as_str().len() + text.len())) else { continue };
        room = left;
        headers.insert(name.clone(), value.clone());
    }
    if let Some(user) = raw.user_id() {
        headers.insert(USER.into(), AMQPValue::LongString(user.as_str().into()));
    }
    let (name, value) = match mark {
        Mark::Parked => (PARKED, AMQPValue::Boolean(true)),
        Mark::Buried(reason) => (REASON, AMQPValue::LongString(reason[..reason.floor_char_boundary(REASON_BYTES_MAX)].into())),
    };
    headers.insert(name.into(), value);
    let mut out = BasicProperties::default().with_delivery_mode(PERSISTENT).with_headers(headers);
    // neither the user nor the time to live: a copy is ours, and stays
    if let Some(text) = raw.content_type() {
        out = out.with_content_type(text.clone());
    }
    if let Some(text) = raw.kind() {
        out = out.with_type(text.clone());
    }
    if let Some(text) = raw.message_id() {
        out = out.with_message_id(text.clone());
    }
    if let Some(text) = raw.correlation_id() {
        out = out.with_correlation_id(text.clone());
    }
    if let Some(text) = raw.reply_to() {
        out = out.with_reply_to(text.clone());
    }
    if let Some(text) = raw.app_id() {
        out = out.with_app_id(text.clone());
    }
    if let Some(seconds) = raw.timestamp() {
        out = out.with_timestamp(*seconds);
    }
    out
}

/// What a copy is for.
pub(super) enum Mark<'a> {
    /// Hidden for a while.
    Parked,
    /// Dead, for a reason.
    Buried(&'a str),
}

fn table(raw: &BasicProperties) -> impl Iterator<Item = (&ShortString, &AMQPValue)> {
    raw.headers().iter().flat_map(|table| table.inner())
}

/// The library panics on longer ones.
pub(super) fn short(text: &str) -> Option<ShortString> {
    ShortString::try_new(text).ok()
}

fn plain(value: &AMQPValue) -> Option<String> {
    Some(match value {
        AMQPValue::LongString(text) => String::from_utf8_lossy(text.as_bytes()).into_owned(),
        AMQPValue::ShortString(text) => text.as_str().to_owned(),
        AMQPValue::Boolean(truth) => truth.to_string(),
        AMQPValue::ShortShortInt(number) => number.to_string(),
        AMQPValue::ShortShortUInt(number) => number.to_string(),
        AMQPValue::ShortInt(number) => number.to_string(),
        AMQPValue::ShortUInt(number) => number.to_string(),
        AMQPValue::LongInt(number) => number.to_string(),
        AMQPValue::LongUInt(number) => number.to_string(),
        AMQPValue::LongLongInt(number) => number.to_string(),
        AMQPValue::Timestamp(number) => number.to_string(),
        _ => return None,
    })
}
