//! How many jobs of a tenant may be under way at once.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use synthfleet_proto::key::{self, JobKeys};
use synthfleet_proto::{Result, id};
use synthfleet_store::Store;
use tokio::time::Instant;

/// How long a count is believed; submissions of this process are added to it.
const FRESH: Duration = Duration::from_secs(2);

/// Counts jobs that have not ended, by tenant.
pub struct LiveJobs {
    most: usize,
    counted: Mutex<BTreeMap<String, (Instant, usize)>>,
}

impl LiveJobs {
    /// Knows nothing yet.
    pub fn new(most: usize) -> Self {
        Self { most, counted: Mutex::default() }
    }

    /// The most there may be.
    pub fn most(&self) -> usize {
        self.most
    }

    /// Whether one more may come. A repeated submission starts nothing and always may.
    pub async fn may_come(&self, store: &dyn Store, tenant: &str, key: Option<&str>) -> Result<bool> {
        if self.count(store, tenant).await? < self.most {
            return Ok(true);
        }
        let Some(key) = key else { return Ok(false) };
        let keys = JobKeys::new(tenant, &id::job_id(tenant, key))?;
        Ok(store.head(keys.spec()?.key()).await?.is_some())
    }

    /// Jobs that have not ended, the one that is asked for not counted.
    async fn count(&self, store: &dyn Store, tenant: &str) -> Result<usize> {
        {
            let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some((at, count)) = counted.get_mut(tenant)
                && at.elapsed() < FRESH
            {
                *count += 1;
                return Ok(*count - 1);
            }
        }
        let (prefix, mut count, mut after) = (key::live_of(tenant)?, 0, None);
        while count < self.most {
            let page = store.list(&prefix, after.as_ref(), 1_000).await?;
            count += page.len();
            after = page.last().filter(|_| page.len() == 1_000).map(|entry| entry.key.clone());
            if after.is_none() {
                break;
            }
        }
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        counted.retain(|_, (at, _)| at.elapsed() < FRESH);
        counted.insert(tenant.to_owned(), (Instant::now(), count + 1));
        Ok(count)
    }
}
