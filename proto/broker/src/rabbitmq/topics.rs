//! Broadcasts and events: one queue per process and topic, however many listen, made again in every life.

use super::{
    declare::{bind, declare_queue},
    fault::fault,
    gauges::count,
    live::{Live, lock},
    session::Session,
    words,
};
use crate::topology::{self, Queue};
use crate::{Listener, Properties, Topic};
use bytes::Bytes;
use futures::StreamExt;
use lapin::options::{BasicConsumeOptions, BasicPublishOptions};
use lapin::types::FieldTable;
use std::sync::{Arc, atomic::Ordering};
use std::time::Duration;
use synthfleet_proto::Result;
use synthfleet_proto::envelope::{Body, Envelope, EventType};
use tokio::sync::{broadcast, watch};
use tokio::time::timeout;

/// Messages kept for a slow listener.
const KEPT: usize = 4_096;
/// Longest time that an event may take to leave.
const EMIT_MAX: Duration = Duration::from_secs(1);
/// The pause before listening is tried again.
const AGAIN: Duration = Duration::from_millis(500);

/// What one process hears of a topic.
pub(super) struct Feed {
    heard: broadcast::Sender<Bytes>,
    /// Whether messages arrive now.
    on: watch::Sender<bool>,
}

/// Subscribes; returns once messages arrive.
pub(super) async fn listen(session: &Arc<Session>, topic: Topic) -> Result<Listener> {
    let (feed, fresh) = {
        let mut feeds = lock(&session.feeds);
        let fresh = !feeds.contains_key(&topic);
        let new = || Arc::new(Feed { heard: broadcast::channel(KEPT).0, on: watch::channel(false).0 });
        (Arc::clone(feeds.entry(topic).or_insert_with(new)), fresh)
    };
    if fresh {
        tokio::spawn(feed_on(Arc::clone(session), topic, Arc::clone(&feed)));
    }
    let (heard, mut on) = (feed.heard.subscribe(), feed.on.subscribe());
    tokio::select! {
        _ = on.wait_for(|on| *on) => Ok(Listener::new(heard)),
        () = session.stopped() => Err(session.closed()),
    }
}

/// Keeps a feed going through all lives of the session.
async fn feed_on(session: Arc<Session>, topic: Topic, feed: Arc<Feed>) {
    while let Ok(live) = session.live().await {
        if let Err(error) = hear(&session, &live, topic, &feed).await {
            tracing::warn!(code = error.code(), ?topic, "cannot listen");
        }
        feed.on.send_replace(false);
        tokio::time::sleep(AGAIN).await;
    }
    // dropped feeds end their listeners
    lock(&session.feeds).remove(&topic);
}

async fn hear(session: &Session, live: &Live, topic: Topic, feed: &Feed) -> Result<()> {
    // a new name for each life: the broker may not have noticed yet that the last one is over
    let process = format!("{}.{}", session.options.id, live.number);
    let queue = match topic {
        Topic::Control => Queue::control(&process),
        Topic::Events => Queue::event(&process),
    };
    let step = format!("listen to {}", queue.name);
    let channel = live.channel().await?;
    let name = queue.name.as_str().into();
    let begun = async {
        declare_queue(&channel, &queue, false).await?;
        bind(&channel, &queue).await?;
        let options = BasicConsumeOptions { no_ack: true, exclusive: true, ..BasicConsumeOptions::default() };
        channel.basic_consume(name, "feed".into(), options, FieldTable::default()).await
    };
    let mut consumer = super::live::within(live.answer, &live.place, &step, begun).await?;
    feed.on.send_replace(true);
    loop {
        let next = tokio::select! {
            next = consumer.next() => next,
            _ = live.over() => return Ok(()),
        };
        match next {
            // nobody listening is fine
            Some(Ok(message)) => _ = feed.heard.send(message.data.into()),
            Some(Err(error)) => return Err(fault(&live.place, &step, error)),
            None => return Ok(()),
        }
    }
}

/// Sends an event if that is possible now.
pub(super) async fn emit(session: &Session, body: &[u8]) {
    let sent = match session.now() {
        Some(live) if !session.counters.blocked.load(Ordering::Relaxed) => {
            let properties = words::outward(&Properties::of_envelope(body), false);
            let (options, key) = (BasicPublishOptions::default(), event_key(body));
            let publish = async {
                let key = words::short(&key).unwrap_or_default();
                live.events.basic_publish(topology::EVENT.into(), key, options, body, properties).await.is_ok()
            };
            timeout(EMIT_MAX, publish).await.unwrap_or(false)
        }
        _ => false,
    };
    if !sent {
        count(&session.counters.events_dropped);
    }
}

/// `<tenant>.<job>.<type>`, so that those who listen may choose.
fn event_key(body: &[u8]) -> String {
    let Ok(envelope) = Envelope::decode(body) else { return "-.-.-".to_owned() };
    let kind = match &envelope.body {
        Body::Event(event) => match event.kind {
            EventType::Progress => "progress",
            EventType::Measure => "measure",
            EventType::Log => "log",
            EventType::Announce => "announce",
            EventType::Beat => "beat",
            EventType::Started => "started",
            EventType::Unknown => "unknown",
        },
        body => body.kind(),
    };
    format!("{}.{}.{kind}", envelope.tenant, envelope.job.as_deref().unwrap_or("-"))
}
