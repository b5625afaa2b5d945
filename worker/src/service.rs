//! The loop of a worker: every slot takes, handles, settles. Coordinators tell it when to stop a task.

use crate::announce::{self, Card};
use crate::context::{Context, Options, Parts};
use crate::{metrics, take};
use std::os::unix::fs::DirBuilderExt;
use std::sync::Arc;
use std::time::Duration;
use synthfleet_broker::{Inbox, Topic};
use synthfleet_metrics::{Book, Raised};
use synthfleet_proto::attempts::StopCause;
use synthfleet_proto::class::Class;
use synthfleet_proto::envelope::{Body, ControlOp, Envelope};
use synthfleet_proto::key::JobKeys;
use synthfleet_proto::span::Spans;
use synthfleet_proto::task::TaskId;
use synthfleet_proto::{Error, ErrorKind, Result};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A worker.
///
/// ```ignore
/// let service = synthfleet_worker::Service::new(Options::embedded(2, scratch), Parts { store, broker, .. });
/// service.run(shutdown).await?; // returns when `shutdown` became true and no task runs
/// ```
pub struct Service {
    options: Options,
    parts: Parts,
    book: Arc<Book>,
    spans: Option<Arc<dyn Spans>>,
}

/// Pause after a broker error before it is asked again.
const BROKER_PAUSE: Duration = Duration::from_millis(500);
/// Pause before a look whether the scratch folder has room again.
const ROOM_PAUSE: Duration = Duration::from_secs(5);
/// Results of a slot that may wait for the broker while the next task runs.
const ENDINGS_MAX: usize = 2;
/// Time between two looks at the disk of the scratch folder, for measures.
const LOOK_EVERY: Duration = Duration::from_secs(15);

impl Service {
    /// A worker with its settings and parts. Nothing begins before [`Service::run`].
    pub fn new(options: Options, parts: Parts) -> Self {
        Self { options, parts, book: Arc::new(Book::new(&[metrics::CATALOGUE])), spans: None }
    }

    /// Counts in the book of the process, which scrapes read.
    #[must_use]
    pub fn counted(mut self, book: Arc<Book>) -> Self {
        book.set(metrics::BUILD_INFO, &[&self.options.version, "worker"], 1.0);
        self.book = book;
        self
    }

    /// Tells its attempts to a collector of traces, if there is one.
    #[must_use]
    pub fn traced(mut self, spans: Option<Arc<dyn Spans>>) -> Self {
        self.spans = spans;
        self
    }

    /// Works until `shutdown` becomes true, or a coordinator asks the worker to leave: then takes nothing more,
    /// gives running tasks the drain time, stops what still runs (their attempts end `released`) and returns.
    /// A worker whose term is over takes nothing more either, but waits for its tasks, however long they take.
    pub async fn run(self, mut shutdown: watch::Receiver<bool>) -> Result<()> {
        let context = Arc::new(Context::new(self.options, self.parts, self.book, self.spans));
        metrics::introduce(&context.book, &context.options.pool, &context.options.take);
        let scratch = &context.options.scratch;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(scratch).map_err(|e| Error::io(scratch.display(), e))?;
        let mut beside = JoinSet::new();
        if context.options.announces {
            let card = Card::introduce(&context, crate::members()).await?;
            beside.spawn(card.repeat(Arc::clone(&context)));
        }
        let mut slots = JoinSet::new();
        for number in 0..context.options.slots {
            slots.spawn(slot(Arc::clone(&context), number));
        }
        beside.spawn(control(Arc::clone(&context)));
        beside.spawn(watch_room(Arc::clone(&context)));
        tracing::info!(worker = context.options.name, pool = context.options.pool, slots = context.options.slots, "the worker takes tasks");
        tokio::select! {
            // an owner that is gone means the same as one that says stop
            _ = shutdown.wait_for(|stop| *stop) => context.stay.leave(),
            () = context.stay.leaving() => {}
            () = context.stay.idle() => context.stay.end(),
        }
        tracing::info!(running = context.running(|_, _| true).len(), "the worker takes nothing more");
        let drain = async {
            tokio::select! {
                _ = shutdown.wait_for(|stop| *stop) => context.stay.leave(),
                () = context.stay.told() => {}
            }
            tokio::time::sleep(context.options.drain).await;
        };
        let mut drain = std::pin::pin!(drain);
        let mut told = false;
        loop {
            tokio::select! {
                ended = slots.join_next() => if ended.is_none() { break },
                () = &mut drain, if !told => {
                    told = true;
                    tracing::info!(running = context.running(|_, _| true).len(), "running tasks are given back");
                    context.stop(StopCause::Drain, |_, _| true);
                }
            }
        }
        beside.shutdown().await;
        if context.options.announces {
            announce::leave(&context).await;
        }
        Ok(())
    }
}

/// One slot: one task at a time. Of several slots the first may be kept for what somebody waits for.
async fn slot(context: Arc<Context>, number: usize) {
    let (classes, idle) = match context.options.reserves && context.options.slots > 1 && number == 0 {
        true => (vec![Class::Interactive], "reserved"),
        false => (context.options.classes.clone(), "free"),
    };
    let inbox = Inbox::Pool { pool: context.options.pool.clone(), classes };
    let mut endings = JoinSet::new();
    let counts = |state: &str| Raised::new(&context.book, metrics::SLOTS, &[&context.options.pool, state], 1.0);
    while !context.stay.is_leaving() {
        let turn = tokio::select! {
            biased;
            () = context.stay.leaving() => break,
            turn = context.stay.turn() => turn,
        };
        let waiting = counts(idle);
        if !has_room(&context) {
            tracing::warn!("the scratch folder is full: no task is taken");
            context.stay.leaving_or(ROOM_PAUSE).await;
            continue;
        }
        let delivery = tokio::select! {
            biased;
            () = context.stay.leaving() => break,
            delivery = context.parts.broker.take(&inbox) => delivery,
        };
        let delivery = match delivery {
            Ok(delivery) => delivery,
            Err(error) => {
                tracing::warn!(code = error.code(), "the broker gives nothing");
                tokio::time::sleep(BROKER_PAUSE).await;
                continue;
            }
        };
        drop(waiting);
        let _working = counts("busy");
        let done = take::handle(&context, &delivery).await;
        context.stay.end_turn(turn, done.has_run());
        // the facts are stored: what is left to say waits for the broker alone, and the next task need not
        let own = Arc::clone(&context);
        endings.spawn(async move { done.end(&own, delivery).await });
        while endings.len() > ENDINGS_MAX {
            endings.join_next().await;
        }
    }
    // who leaves says everything first
    while endings.join_next().await.is_some() {}
}

/// Measures the disk of the scratch folder again and again.
async fn watch_room(context: Arc<Context>) {
    loop {
        metrics::room(&context.book, &context.options.scratch);
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Whether the scratch folder has room for a task.
fn has_room(context: &Context) -> bool {
    let needed = context.options.scratch_free_bytes_min;
    // where the system does not tell, the task finds out
    needed == 0 || rustix::fs::statvfs(&context.options.scratch).map_or(true, |fs| fs.f_bavail.saturating_mul(fs.f_frsize) >= needed)
}

/// Hears what coordinators tell everybody. A word to stop is believed only if the store says so too.
async fn control(context: Arc<Context>) {
    loop {
        match context.parts.broker.listen(Topic::Control).await {
            Ok(mut listener) => {
                while let Some(body) = listener.next().await {
                    if let Err(error) = heed(&context, &body).await {
                        tracing::warn!(code = error.code(), "a control message was not heeded");
                    }
                }
            }
            Err(error) if error.kind() == ErrorKind::Unavailable => {}
            Err(error) => tracing::warn!(code = error.code(), "cannot listen to control messages"),
        }
        tokio::time::sleep(BROKER_PAUSE).await;
    }
}

async fn heed(context: &Arc<Context>, body: &[u8]) -> Result<()> {
    let envelope = Envelope::decode(body)?;
    if let Body::Control(control) = &envelope.body
        && control.op == ControlOp::DrainWorker
        && control.target == context.options.name
    {
        context.stay.leave();
        return Ok(());
    }
    let (Body::Control(control), Some(job)) = (&envelope.body, &envelope.job) else { return Ok(()) };
    let keys = JobKeys::new(&envelope.tenant, job)?;
    let chosen: Vec<(String, TaskId)> = match control.op {
        ControlOp::CancelJob => context.running(|running, _| running == job),
        ControlOp::CancelTask => {
            let task = TaskId::parse(envelope.task.as_deref().unwrap_or_default())?;
            context.running(|running, of| running == job && *of == task)
        }
        _ => return Ok(()),
    };
    for (job, task) in chosen {
        if take::is_cancelled(context, &keys, &task).await? {
            context.stop(StopCause::Cancel, |running, of| running == job && *of == task);
        }
    }
    Ok(())
}
