//! One notification: what becomes of each of its objects, and then of itself.

use super::objects::Seen;
use super::rules::{Ignored, Rule, SIDECAR, Sidecar};
use super::template::{SIDECAR_BYTES_MAX, Template};
use super::{Place, S3Events};
use crate::intake::{Request, Submitted, admit_now};
use crate::metrics;
use std::time::Duration;
use synthfleet_broker::sqs::BucketEvent;
use synthfleet_proto::calendar::date_of_days;
use synthfleet_proto::fleet::DeadDoc;
use synthfleet_proto::s3_event::{Notice, ObjectEvent};
use synthfleet_proto::{Error, ErrorKind, Result, fact, id, key};
use tokio::sync::watch;

/// How long a notification is hidden from others at a time; renewed each quarter.
pub(super) const HIDDEN: Duration = Duration::from_secs(120);
/// How long one is left alone before it is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(30);
/// How often one is tried.
const RECEIVES_MAX: u32 = 5;
/// How long a table waits for a sidecar that its rule requires, and how often is looked.
const SIDECAR_WAIT: Duration = Duration::from_secs(600);
const SIDECAR_LOOK: Duration = Duration::from_secs(10);
/// Most bytes of a notification that the dead list keeps.
const DEAD_BYTES_MAX: usize = 64 << 10;
const MILLIS_PER_DAY: u64 = 86_400_000;

/// Why an object has no job yet.
enum Trouble {
    /// Something outside is away: try again.
    Later(Error),
    /// The process ends.
    Stopping,
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Later(error)
    }
}

/// Works on a notification, then deletes it, gives it back or puts it on the dead list.
pub(super) async fn settle(intake: &S3Events, event: &BucketEvent, place: Place, stopping: watch::Receiver<bool>) -> Result<()> {
    let mut message = Message { intake, event, place: Some(place), stopping };
    let queue = &intake.parts.queue;
    match message.work().await {
        Ok(()) => queue.delete(event).await,
        Err(Trouble::Stopping) => queue.hide(event, Duration::ZERO).await,
        Err(Trouble::Later(error)) if event.receives >= RECEIVES_MAX => {
            message.bury(None, "retries", &format!("{error}")).await?;
            queue.delete(event).await
        }
        Err(Trouble::Later(error)) => {
            tracing::info!(code = error.code(), receives = event.receives, "a bucket event waits: {}", error.message());
            intake.count("retried");
            queue.hide(event, RETRY_AFTER).await
        }
    }
}

impl S3Events {
    fn count(&self, outcome: &str) {
        self.parts.coordinator.book.add(metrics::BUCKET_EVENTS, &[outcome], 1);
    }
}

/// An object, its rule, and as what it was seen, if it could be.
type Found<'a> = (ObjectEvent, &'a Rule, Option<Seen>);

struct Message<'a> {
    intake: &'a S3Events,
    event: &'a BucketEvent,
    /// Given up while it waits.
    place: Option<Place>,
    stopping: watch::Receiver<bool>,
}

impl Message<'_> {
    async fn work(&mut self) -> Result<(), Trouble> {
        let notice = match Notice::read(&self.event.body) {
            Ok(notice) => notice,
            Err(unreadable) => return Ok(self.bury(None, "unreadable", unreadable.reason()).await?),
        };
        if notice.test {
            self.intake.count("test");
        }
        (0..notice.others).for_each(|_| self.intake.count("other_event"));
        let mut trouble = None;
        for object in &notice.created {
            // what fails for one object holds up no other
            if let Err(error) = self.object(object).await {
                trouble.get_or_insert(error);
            }
        }
        trouble.map_or(Ok(()), Err)
    }

    /// Sees to it that an object has its job, or a reason why it has none.
    async fn object(&mut self, told: &ObjectEvent) -> Result<(), Trouble> {
        let intake = self.intake;
        let (object, rule, seen) = match Self::find(intake, told).await? {
            Ok(found) => found,
            Err(outcome) => {
                intake.count(outcome);
                return Ok(());
            }
        };
        match self.ask(&object, rule, seen).await {
            Ok(outcome) => intake.count(outcome),
            Err(Trouble::Later(error)) if matches!(error.kind(), ErrorKind::Invalid | ErrorKind::Data | ErrorKind::Unsupported) => {
                let reason = if error.code() == "intake::sidecar_missing" { "sidecar_missing" } else { "refused" };
                self.bury(Some(&object), reason, &format!("{error}")).await?;
            }
            Err(trouble) => return Err(trouble),
        }
        Ok(())
    }

    /// The object that an event is about, with its rule; or why it starts no job. An event may be encoded
    /// otherwise than its form asks, so where nothing lies under a key the other reading is tried.
    async fn find<'r>(intake: &'r S3Events, told: &ObjectEvent) -> Result<Result<Found<'r>, &'static str>, Trouble> {
        let other = told.other_key.clone().map(|key| ObjectEvent { key, ..told.clone() });
        let mut first = None;
        for object in [Some(told.clone()), other].into_iter().flatten() {
            let rule = match intake.options.rules.judge(&object.bucket, &object.key, object.bytes) {
                Ok(rule) => rule,
                Err(ignored) => {
                    first.get_or_insert(Err(outcome(ignored)));
                    continue;
                }
            };
            match intake.parts.objects.look(&object.bucket, &object.key, object.version_id.as_deref()).await {
                Ok(Some(seen)) => return Ok(judge(object, rule, seen)),
                // a version that is gone was replaced or taken back; a bare object that is gone becomes a job
                // that says so
                Ok(None) if object.version_id.is_some() => first.get_or_insert(Err("superseded")),
                Ok(None) => first.get_or_insert(Ok((object, rule, None))),
                // the job will say why
                Err(error) if error.code() == "source::denied" => first.get_or_insert(Ok((object, rule, None))),
                Err(error) if error.kind() == ErrorKind::Unavailable => return Err(error.into()),
                Err(_) => first.get_or_insert(Ok((object, rule, None))),
            };
        }
        Ok(first.unwrap_or(Err("no_rule")))
    }

    /// Submits the job of an object.
    async fn ask(&mut self, object: &ObjectEvent, rule: &Rule, seen: Option<Seen>) -> Result<&'static str, Trouble> {
        let intake = self.intake;
        let sidecar = self.sidecar(object, rule).await?;
        let document = rule.template.document(&rule.wish, &object.key, sidecar.as_ref())?;
        // what the event leaves out is taken from the object itself
        let etag = object.etag.clone().or_else(|| seen.and_then(|seen| seen.etag));
        let coordinator = &intake.parts.coordinator;
        let service = &coordinator.service;
        let request = Request {
            tenant: intake.options.tenant.clone(),
            principal: format!("s3:{}", object.bucket),
            door: "sqs",
            key: Some(ObjectEvent { etag, ..object.clone() }.identity()),
            document,
            reply: None,
        };
        match admit_now(service, coordinator.check.as_ref(), &intake.options.sources, request).await {
            Ok(submitted) => Ok(self.begun(&submitted).await),
            // the upload has its job; its rule or sidecar changed since
            Err(error) if error.code() == "job::key_reused" => {
                coordinator.book.add(metrics::SUBMISSIONS_REPLAYED, &["sqs"], 1);
                Ok("replayed")
            }
            Err(error) => {
                coordinator.book.add(metrics::SUBMISSIONS_REFUSED, &["sqs"], 1);
                Err(error.into())
            }
        }
    }

    async fn begun(&self, submitted: &Submitted) -> &'static str {
        let coordinator = &self.intake.parts.coordinator;
        let (counted, outcome) =
            if submitted.replayed { (metrics::SUBMISSIONS_REPLAYED, "replayed") } else { (metrics::JOBS_SUBMITTED, "submitted") };
        coordinator.book.add(counted, &["sqs"], 1);
        if let Err(error) = coordinator.handle.care(&self.intake.options.tenant, &submitted.job).await {
            // its marker is in the store: some coordinator finds it
            tracing::info!(job = submitted.job, code = error.code(), "nobody here looks after a job that was accepted");
        }
        outcome
    }

    /// What lies beside an object, waited for where the rule requires it.
    async fn sidecar(&mut self, object: &ObjectEvent, rule: &Rule) -> Result<Option<Template>, Trouble> {
        if rule.wish.sidecar == Sidecar::Off {
            return Ok(None);
        }
        let key = format!("{}{SIDECAR}", object.key);
        let waited = self.waited();
        let begun = tokio::time::Instant::now();
        loop {
            let text = match self.intake.parts.objects.text(&object.bucket, &key, SIDECAR_BYTES_MAX).await {
                Ok(text) => text,
                // without the right to list a bucket, what is absent is denied
                Err(error) if error.code() == "source::denied" => None,
                Err(error) => return Err(error.into()),
            };
            if let Some(text) = text {
                return Ok(Some(Template::read(&text).map_err(|error| error.in_source(format!("s3://{}/{key}", object.bucket)))?));
            }
            if rule.wish.sidecar == Sidecar::Optional {
                return Ok(None);
            }
            if waited + begun.elapsed() >= SIDECAR_WAIT {
                let message = format!("s3://{}/{key} did not come in {} s", object.bucket, SIDECAR_WAIT.as_secs());
                return Err(Error::data("intake::sidecar_missing", message).into());
            }
            self.pause(SIDECAR_LOOK).await?;
        }
    }

    /// How long the notification has waited since it was first received, in whatever process.
    fn waited(&self) -> Duration {
        let now = self.intake.parts.coordinator.service.clock.now_ms();
        let since = self.event.first_received.and_then(|first| now.checked_sub(u64::try_from(first).ok()?));
        since.map(Duration::from_millis).unwrap_or_default()
    }

    /// Lets others work meanwhile.
    async fn pause(&mut self, time: Duration) -> Result<(), Trouble> {
        let Some(Place { _held, active }) = self.place.take() else { return Err(Trouble::Stopping) };
        drop(active);
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            _ = self.stopping.wait_for(|stop| *stop) => return Err(Trouble::Stopping),
        }
        let active = self.intake.active.clone().acquire_owned().await.map_err(|_| Trouble::Stopping)?;
        self.place = Some(Place { _held, active });
        Ok(())
    }

    /// Puts the notification on the dead list, once for each object that has no job.
    async fn bury(&self, object: Option<&ObjectEvent>, reason: &str, why: &str) -> Result<()> {
        let intake = self.intake;
        let service = &intake.parts.coordinator.service;
        let name = object.map(|object| format!("s3://{}/{}", object.bucket, object.key)).unwrap_or_default();
        let now = service.clock.now_ms();
        let (year, month, day) = date_of_days((now / MILLIS_PER_DAY) as i64);
        let body = self.event.body.as_bytes();
        // the same failure of the same notification is one entry
        let digest = id::sha256_hex(format!("{reason}\0{name}\0{}", self.event.body).as_bytes());
        let doc = DeadDoc {
            v: fact::VERSION,
            id: digest[..26].to_owned(),
            at: now as i64,
            reason: format!("{reason}: {why}"),
            body: id::hex(&body[..body.len().min(DEAD_BYTES_MAX)]),
            kind: Some("bucket_event".to_owned()),
            job: None,
            tenant: Some(intake.options.tenant.clone()),
            task: None,
            treatment: "kept".to_owned(),
        };
        let key = key::dead(&format!("{year:04}{month:02}{day:02}"), &doc.id)?;
        service.store.put(&key, fact::encode(&doc)?.into()).await?;
        intake.count(reason);
        intake.parts.coordinator.book.add(metrics::DEAD_LETTERS_TOTAL, &[reason], 1);
        tracing::warn!(reason, object = name, "a bucket event is on the dead list: {why}");
        Ok(())
    }
}

const fn outcome(ignored: Ignored) -> &'static str {
    match ignored {
        Ignored::Ours => "ours",
        Ignored::Sidecar => "sidecar",
        Ignored::Folder => "folder",
        Ignored::Empty => "empty",
        Ignored::NoRule => "no_rule",
    }
}

/// What an object turns out to be.
fn judge(object: ObjectEvent, rule: &Rule, seen: Seen) -> Result<Found<'_>, &'static str> {
    if seen.ours {
        return Err("ours");
    }
    if seen.bytes == 0 {
        return Err("empty");
    }
    let replaced = object.version_id.is_none() && matches!((&object.etag, &seen.etag), (Some(told), Some(now)) if told != now);
    // its successor has an event of its own
    if replaced { Err("superseded") } else { Ok((object, rule, Some(seen))) }
}
