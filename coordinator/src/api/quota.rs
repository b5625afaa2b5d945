//! How much a tenant may ask for: submissions in a time, and jobs that have not ended.

use super::doors::Doors;
use super::problem::{Problem, Slug};
use crate::metrics;

/// Refuses a submission beyond the limits. A repeated one starts nothing and always passes the second.
pub async fn check(doors: &Doors, tenant: &str, key: Option<&str>) -> Result<(), Problem> {
    if let Err(wait) = doors.submissions.take(tenant) {
        doors.parts.book.add(metrics::QUOTA_REFUSALS, &["submissions"], 1);
        return Err(Problem::new(Slug::RateLimited, "too many submissions").retry_after(wait.as_secs_f64().ceil() as u64));
    }
    if doors.live.may_come(doors.store(), tenant, key).await? {
        return Ok(());
    }
    doors.parts.book.add(metrics::QUOTA_REFUSALS, &["live_jobs"], 1);
    let message = format!("{} jobs have not ended", doors.live.most());
    Err(Problem::new(Slug::RateLimited, message).retry_after(30))
}
