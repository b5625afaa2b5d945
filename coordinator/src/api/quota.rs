//! How much a tenant may ask for: submissions in a time, and jobs that have not ended.

use super::doors::Doors;
use super::problem::{Problem, Slug};
use crate::metrics;
use std::sync::PoisonError;
use std::time::Duration;
use synthfleet_proto::key::{self, JobKeys};
use synthfleet_proto::{Result, id};
use tokio::time::Instant;

/// How long a count of jobs is believed; submissions here are added to it.
const FRESH: Duration = Duration::from_secs(2);

/// Refuses a submission beyond the limits. A repeated one starts nothing and always passes the second.
pub async fn check(doors: &Doors, tenant: &str, key: Option<&str>) -> Result<(), Problem> {
    if let Err(wait) = doors.submissions.take(tenant) {
        doors.parts.book.add(metrics::QUOTA_REFUSALS, &["submissions"], 1);
        return Err(Problem::new(Slug::RateLimited, "too many submissions").retry_after(wait.as_secs_f64().ceil() as u64));
    }
    if live(doors, tenant).await? < doors.options.live_jobs_max || known(doors, tenant, key).await? {
        return Ok(());
    }
    doors.parts.book.add(metrics::QUOTA_REFUSALS, &["live_jobs"], 1);
    let message = format!("{} jobs have not ended", doors.options.live_jobs_max);
    Err(Problem::new(Slug::RateLimited, message).retry_after(30))
}

async fn known(doors: &Doors, tenant: &str, key: Option<&str>) -> Result<bool> {
    let Some(key) = key else { return Ok(false) };
    let keys = JobKeys::new(tenant, &id::job_id(tenant, key))?;
    Ok(doors.store().head(keys.spec()?.key()).await?.is_some())
}

/// Jobs of a tenant that have not ended, this submission not counted.
async fn live(doors: &Doors, tenant: &str) -> Result<usize> {
    {
        let mut live = doors.live.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, count)) = live.get_mut(tenant)
            && at.elapsed() < FRESH
        {
            *count += 1;
            return Ok(*count - 1);
        }
    }
    let most = doors.options.live_jobs_max;
    let (prefix, mut count, mut after) = (key::live_of(tenant)?, 0, None);
    while count < most {
        let page = doors.store().list(&prefix, after.as_ref(), 1_000).await?;
        count += page.len();
        after = page.last().filter(|_| page.len() == 1_000).map(|entry| entry.key.clone());
        if after.is_none() {
            break;
        }
    }
    let mut live = doors.live.lock().unwrap_or_else(PoisonError::into_inner);
    live.retain(|_, (at, _)| at.elapsed() < FRESH);
    live.insert(tenant.to_owned(), (Instant::now(), count + 1));
    Ok(count)
}
