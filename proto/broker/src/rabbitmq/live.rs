//! One life of the session: two connections, the channels on them, and what was declared. When anything
//! unexpected happens the life is over as a whole, and another one is built.

use super::{
    declare,
    fault::{fault, silent},
    gauges::Counters,
    options::{Options, place},
    publisher::Publisher,
};
use crate::topology::{self, Queue};
use futures::StreamExt;
use lapin::options::{BasicQosOptions, ConfirmSelectOptions, QueueDeleteOptions};
use lapin::tcp::AMQPUriTcpExt;
use lapin::{Channel, Connection, ConnectionProperties, Event};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering};
use std::time::Duration;
use synthfleet_proto::{Error, Result};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// Two connections and what hangs on them. Alarms of the broker block publishers only, hence two.
pub(super) struct Live {
    /// Number of this life within the process.
    pub number: u64,
    pub publisher: Publisher,
    /// Unconfirmed: events may be lost.
    pub events: Channel,
    pub place: String,
    pub answer: Duration,
    pub last_good: Mutex<Instant>,
    out: Connection,
    inward: Connection,
    /// Channels of slots that hold no delivery.
    idle: Mutex<Vec<Channel>>,
    declared: Mutex<BTreeSet<String>>,
    /// For questions; replaced when an answer closes it.
    control: tokio::sync::Mutex<Option<Channel>>,
    /// Why this life is over, once it is.
    over: watch::Sender<Option<String>>,
}

impl Live {
    /// Connects, declares or checks everything, and opens the standing channels.
    pub async fn begin(options: &Options, number: u64, counters: &Arc<Counters>) -> Result<Arc<Self>> {
        let times = &options.times;
        let place = place(&options.uri()?);
        let (out, inward) = (connect(options, "out").await?, connect(options, "in").await?);
        let open = |connection| open(connection, &place, times.answer);
        let (confirms, events) = (open(&out).await?, open(&out).await?);
        let step = "ask for confirmations";
        within(times.answer, &place, step, confirms.confirm_select(ConfirmSelectOptions::default())).await?;
        let (over, _) = watch::channel(None);
        let live = Self {
            number,
            publisher: Publisher::new(confirms, Arc::clone(counters)),
            events,
            answer: times.answer,
            last_good: Mutex::new(Instant::now()),
            out,
            inward,
            idle: Mutex::default(),
            declared: Mutex::default(),
            control: tokio::sync::Mutex::default(),
            over,
            place,
        };
        let queues = topology::queues(&options.pools, &options.tenants);
        if queues.len() > topology::QUEUES_WARN {
            tracing::warn!(queues = queues.len(), "many queues: each is a replicated log of its own");
        }
        let declaring = async {
            declare::exchanges(&live, options.declare).await?;
            for queue in &queues {
                live.ensure(queue, options).await?;
            }
            Ok(())
        };
        timeout(times.declare, declaring).await.unwrap_or_else(|_| Err(silent(&live.place, "declare the topology")))?;
        let live = Arc::new(live);
        live.watch(counters);
        Ok(live)
    }

    /// Ends this life; the first reason stays.
    pub fn end(&self, reason: impl Into<String>) {
        let reason = reason.into();
        self.over.send_if_modified(|over| {
            let first = over.is_none();
            if first {
                *over = Some(reason);
            }
            first
        });
    }

    /// Why this life is over; waits until it is.
    pub async fn over(&self) -> String {
        let mut over = self.over.subscribe();
        let reason = over.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone());
        reason.unwrap_or_default()
    }

    pub fn is_over(&self) -> bool {
        self.over.borrow().is_some()
    }

    /// Notes a good round trip.
    pub fn good(&self) {
        *lock(&self.last_good) = Instant::now();
    }

    /// A channel of its own for a slot: prefetch of one, said explicitly, as none means two thousand.
    pub async fn slot(&self) -> Result<Channel> {
        loop {
            let idle = lock(&self.idle).pop();
            match idle {
                Some(channel) if channel.status().connected() => return Ok(channel),
                Some(_) => {}
                None => break,
            }
        }
        let channel = self.channel().await?;
        within(self.answer, &self.place, "set the prefetch", channel.basic_qos(1, BasicQosOptions::default())).await?;
        Ok(channel)
    }

    /// Gives a slot's channel back, when no delivery of it is unsettled.
    pub fn rest(&self, channel: Channel) {
        if channel.status().connected() && !self.is_over() {
            lock(&self.idle).push(channel);
        }
    }

    /// A fresh channel for reading.
    pub async fn channel(&self) -> Result<Channel> {
        open(&self.inward, &self.place, self.answer).await
    }

    /// Asks something on the channel for questions. An answer that closes the channel is an error like
    /// any other; the next question gets a new channel.
    pub async fn ask<T>(&self, step: &str, question: impl AsyncFnOnce(&Channel) -> lapin::Result<T>) -> Result<T, Failure> {
        let mut control = self.control.lock().await;
        let usable = control.take().filter(|channel| channel.status().connected());
        let channel = match usable {
            Some(channel) => channel,
            None => self.channel().await.map_err(Failure::Ours)?,
        };
        match timeout(self.answer, question(&channel)).await {
            Err(_) => Err(Failure::Ours(silent(&self.place, step))),
            Ok(Err(error)) => Err(Failure::Theirs(error)),
            Ok(Ok(answer)) => {
                self.good();
                *control = Some(channel);
                Ok(answer)
            }
        }
    }

    /// Makes sure that a queue is there, once per life.
    pub async fn ensure(&self, queue: &Queue, options: &Options) -> Result<()> {
        if lock(&self.declared).contains(&queue.name) {
            return Ok(());
        }
        declare::queue(self, queue, options.declare).await?;
        lock(&self.declared).insert(queue.name.clone());
        Ok(())
    }

    /// Deletes a queue and makes it again.
    pub async fn renew(&self, queue: &Queue, options: &Options) -> Result<()> {
        let (step, name) = (format!("delete the queue {}", queue.name), queue.name.as_str());
        let delete = self.ask(&step, async move |channel| channel.queue_delete(name.into(), QueueDeleteOptions::default()).await);
        delete.await.map_err(|failure| failure.into_error(&self.place, &step))?;
        self.forget(queue);
        self.ensure(queue, options).await
    }

    /// Somebody deleted the queue: it is looked for again before it is used.
    pub fn forget(&self, queue: &Queue) {
        lock(&self.declared).remove(&queue.name);
    }

    /// Closes both connections politely; what does not answer is dropped.
    pub async fn close(&self, time: Duration) {
        self.end("closed");
        let goodbye = async {
            let word = || "goodbye".into();
            tokio::join!(self.out.close(200, word()), self.inward.close(200, word()))
        };
        let _ = timeout(time, goodbye).await;
    }

    /// Listens to what the connections tell of themselves.
    fn watch(self: &Arc<Self>, counters: &Arc<Counters>) {
        for connection in [&self.out, &self.inward] {
            let mut events = Box::pin(connection.events_listener());
            let (live, counters) = (Arc::downgrade(self), Arc::clone(counters));
            tokio::spawn(async move {
                while let Some(event) = events.next().await {
                    let Some(live) = live.upgrade() else { return };
                    match event {
                        Event::ConnectionBlocked(reason) => {
                            tracing::warn!(reason, "the broker takes no messages");
                            counters.blocked.store(true, Ordering::Relaxed);
                        }
                        Event::ConnectionUnblocked => {
                            tracing::info!("the broker takes messages again");
                            counters.blocked.store(false, Ordering::Relaxed);
                        }
                        // an error of one channel is told to those who use it
                        Event::Error(error) if error.is_amqp_soft_error() => {}
                        Event::Error(error) => live.end(error.to_string()),
                        _ => {}
                    }
                }
            });
        }
    }
}

/// Why a question failed.
pub(super) enum Failure {
    /// The library or the broker says so.
    Theirs(lapin::Error),
    /// There was no answer.
    Ours(Error),
}

impl Failure {
    pub fn into_error(self, place: &str, step: &str) -> Error {
        match self {
            Self::Theirs(error) => fault(place, step, error),
            Self::Ours(error) => error,
        }
    }
}

/// Waits for an answer of the library, but not for ever.
pub(super) async fn within<T>(time: Duration, place: &str, step: &str, work: impl Future<Output = lapin::Result<T>>) -> Result<T> {
    match timeout(time, work).await {
        Err(_) => Err(silent(place, step)),
        Ok(result) => result.map_err(|error| fault(place, step, error)),
    }
}

pub(super) async fn open(connection: &Connection, place: &str, time: Duration) -> Result<Channel> {
    within(time, place, "open a channel", connection.create_channel()).await
}

pub(super) async fn connect(options: &Options, direction: &str) -> Result<Connection> {
    let uri = options.uri()?;
    let place = place(&uri);
    let step = format!("connect to the broker at {}:{}", uri.authority.host, uri.authority.port);
    let runtime = lapin::runtime::default_runtime().map_err(|error| fault(&place, &step, error))?;
    let (tls, time) = (options.tls(), options.times.connect);
    let properties = ConnectionProperties::default()
        .with_connection_name(options.connection_name(direction).into())
        .with_client_property("product".into(), "synthfleet".into())
        .with_client_property("version".into(), env!("CARGO_PKG_VERSION").into());
    // the time-out is inside, so that the library's own thread ends with it
    let dial = async move |uri: lapin::uri::AMQPUri, runtime| {
        let stream = timeout(time, AMQPUriTcpExt::connect_with_config_async(&uri, tls.as_ref(), &runtime)).await;
        stream.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into())).map_err(lapin::Error::from)
    };
    within(time + options.times.open, &place, &step, Connection::connector(uri, runtime, dial, properties)).await
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // no code under these locks can panic half way through a change
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
