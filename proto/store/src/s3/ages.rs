//! Ages of objects. `Date` and `Last-Modified` of one answer are both of the server's clock, so their
//! difference is an age whatever this machine's clock says. A server that tells no dates is watched
//! instead: an object is as old as the time since it was first seen as it is.

use aws_sdk_s3::{
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeDeserializationInterceptorContextRef},
    error::BoxError,
    primitives::{DateTime, DateTimeFormat},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// Objects that are watched at most; beyond, all are watched anew, which only makes them younger.
const WATCHED_MAX: usize = 10_000;

/// The `Date` of an answer, caught on its way.
#[derive(Debug, Clone, Default)]
pub(super) struct Date(Arc<Mutex<Option<DateTime>>>);

impl Date {
    /// What the answer said.
    pub(super) fn told(&self) -> Option<DateTime> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for Date {
    fn name(&self) -> &'static str {
        "date"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let text = context.response().headers().get("date");
        let date = text.and_then(|text| DateTime::from_str(text, DateTimeFormat::HttpDate).ok());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = date;
        Ok(())
    }
}

/// The time from `modified` to `date`, in whole seconds as dates are; never negative.
pub(super) fn between(modified: Option<DateTime>, date: Option<DateTime>) -> Option<Duration> {
    let seconds = date?.secs() - modified?.secs();
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

/// Objects of a server without dates, with the time since each has been as it is.
#[derive(Debug, Default)]
pub(super) struct Ages(Mutex<HashMap<String, (String, Instant)>>);

impl Ages {
    /// The age that the server told, or else the time since `etag` was first seen at `place`.
    pub(super) fn of(&self, told: Option<Duration>, place: &str, etag: &str) -> Duration {
        if let Some(told) = told {
            return told;
        }
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if watched.len() >= WATCHED_MAX && !watched.contains_key(place) {
            watched.clear();
        }
        let now = Instant::now();
        let (seen, since) = watched.entry(place.to_owned()).or_insert_with(|| (etag.to_owned(), now));
        if seen != etag {
            (*seen, *since) = (etag.to_owned(), now);
        }
        now.duration_since(*since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_differences_of_one_clock_and_never_negative() {
        let at = |seconds| Some(DateTime::from_secs(seconds));
        assert_eq!(between(at(100), at(130)), Some(Duration::from_secs(30)));
        assert_eq!(between(at(130), at(100)), Some(Duration::ZERO));
        assert_eq!(between(None, at(100)), None);
        assert_eq!(between(at(100), None), None);
    }

    #[tokio::test(start_paused = true)]
    async fn without_dates_an_object_is_as_old_as_it_is_unchanged() {
        let ages = Ages::default();
        assert_eq!(ages.of(None, "lease", "1"), Duration::ZERO);
        tokio::time::advance(Duration::from_secs(20)).await;
        assert_eq!(ages.of(None, "lease", "1"), Duration::from_secs(20));
        assert_eq!(ages.of(None, "lease", "2"), Duration::ZERO);
        assert_eq!(ages.of(Some(Duration::from_secs(7)), "lease", "2"), Duration::from_secs(7));
    }
}
