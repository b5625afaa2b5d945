//! Keys below one job.

use super::{DataKey, FactKey, MarkerKey, Prefix, segment};
use crate::Result;

/// Builds the keys of one job. Tenant and job are checked once, here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobKeys {
    tenant: String,
    job: String,
}

impl JobKeys {
    /// The keys of `job` of `tenant`.
    pub fn new(tenant: &str, job: &str) -> Result<Self> {
        let (tenant, job) = (segment("tenant", tenant)?.to_owned(), segment("job", job)?.to_owned());
        Ok(Self { tenant, job })
    }

    /// The tenant.
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The job id.
    pub fn job(&self) -> &str {
        &self.job
    }

    fn below(&self, rest: impl std::fmt::Display) -> String {
        format!("t/{}/j/{}/{rest}", self.tenant, self.job)
    }

    fn fact(&self, rest: impl std::fmt::Display) -> Result<FactKey> {
        FactKey::build(self.below(rest))
    }

    /// What was submitted.
    pub fn spec(&self) -> Result<FactKey> {
        self.fact("f/spec")
    }

    /// The secret key of the noise of private candidates: never published.
    pub fn noise(&self) -> Result<FactKey> {
        self.fact("f/noise")
    }

    /// The plan with number 0 (profile), 1 (main) or 2 (generate).
    pub fn plan(&self, number: u8) -> Result<FactKey> {
        self.fact(format_args!("f/plan-{number}"))
    }

    /// The release of a held job, with overrides.
    pub fn release(&self) -> Result<FactKey> {
        self.fact("f/release")
    }

    /// The cancellation of the whole job.
    pub fn cancel(&self) -> Result<FactKey> {
        self.fact("f/cancel")
    }

    /// The cancellation of one task.
    pub fn cancel_task(&self, task: &str) -> Result<FactKey> {
        self.fact(format_args!("f/x/{}", segment("task", task)?))
    }

    /// The outcome of a task.
    pub fn outcome(&self, task: &str) -> Result<FactKey> {
        self.fact(format_args!("f/o/{}", segment("task", task)?))
    }

    /// The seal over 1,000 consecutive finished tasks of a large group.
    pub fn seal(&self, group: &str, page: u32) -> Result<FactKey> {
        self.fact(format_args!("f/s/{}-{page}", segment("group", group)?))
    }

    /// The verdict with what it was computed from.
    pub fn selection(&self) -> Result<FactKey> {
        self.fact("f/selection")
    }

    /// What was published.
    pub fn published(&self) -> Result<FactKey> {
        self.fact("f/published")
    }

    /// The end of the job.
    pub fn last(&self) -> Result<FactKey> {
        self.fact("f/final")
    }

    /// The entry in the tenant's newest-first list of jobs. `submitted_ms` counts from 1970.
    pub fn index(&self, submitted_ms: u64) -> Result<FactKey> {
        let newest_first = 9_999_999_999_999_u64.saturating_sub(submitted_ms);
        FactKey::build(format!("t/{}/i/{newest_first:013}-{}", self.tenant, self.job))
    }

    /// The marker that the job is to be looked after.
    pub fn live(&self) -> Result<MarkerKey> {
        MarkerKey::build(format!("live/{}~{}", self.tenant, self.job))
    }

    /// The claim of attempt `number`, from 1.
    pub fn claim(&self, task: &str, number: u16) -> Result<FactKey> {
        self.fact(format_args!("f/a/{}/{number:03}.claim", segment("task", task)?))
    }

    /// The lease of attempt `number`; only its owner puts it.
    pub fn lease(&self, task: &str, number: u16) -> Result<MarkerKey> {
        MarkerKey::build(self.below(format_args!("f/a/{}/{number:03}.lease", segment("task", task)?)))
    }

    /// The end of attempt `number` without an outcome.
    pub fn end(&self, task: &str, number: u16) -> Result<FactKey> {
        self.fact(format_args!("f/a/{}/{number:03}.end", segment("task", task)?))
    }

    /// The data of one attempt: racing attempts never share a folder, because the claim's nonce
    /// (32 hexadecimal digits, of which 8 are used) is part of it.
    pub fn attempt(&self, task: &str, number: u16, nonce: &str) -> Result<AttemptKeys> {
        let short = nonce.get(..8).unwrap_or(nonce);
        let folder = self.below(format_args!("d/{}/{number:03}-{}", segment("task", task)?, segment("nonce", short)?));
        Ok(AttemptKeys { folder })
    }

    /// A published file, named by its content.
    pub fn publication(&self, sha256: &str, file: &str) -> Result<DataKey> {
        let short = sha256.get(..16).unwrap_or(sha256);
        DataKey::build(self.below(format_args!("p/{}/{}", segment("sha256", short)?, segment("file", file)?)))
    }

    /// The edit with a number from 1: each holds what people say of the job whole, so the last one counts.
    pub fn edit(&self, number: u32) -> Result<FactKey> {
        self.fact(format_args!("e/{number:06}"))
    }

    /// The tombstone: the job was deleted.
    pub fn deleted(&self) -> Result<FactKey> {
        self.fact("e/deleted")
    }

    /// That the page of the job was called, or will not be called again.
    pub fn called(&self) -> Result<FactKey> {
        self.fact("e/called")
    }

    /// That the copy in the user's own place was made after all.
    pub fn copied(&self) -> Result<FactKey> {
        self.fact("e/copied")
    }

    /// The marker that the page of the job is to be called.
    pub fn call(&self) -> Result<MarkerKey> {
        MarkerKey::build(format!("calls/{}~{}", self.tenant, self.job))
    }

    /// Edits, calls, the late copy and the tombstone: what may follow a job's end.
    pub fn afterwards(&self) -> Result<Prefix> {
        Prefix::build(self.below("e/"))
    }

    /// Everything of the job.
    pub fn everything(&self) -> Result<Prefix> {
        Prefix::build(self.below(""))
    }

    /// All facts.
    pub fn facts(&self) -> Result<Prefix> {
        Prefix::build(self.below("f/"))
    }

    /// All outcomes.
    pub fn outcomes(&self) -> Result<Prefix> {
        Prefix::build(self.below("f/o/"))
    }

    /// Claims, leases and ends of all tasks.
    pub fn attempts(&self) -> Result<Prefix> {
        Prefix::build(self.below("f/a/"))
    }

    /// Claims, leases and ends of one task.
    pub fn attempts_of(&self, task: &str) -> Result<Prefix> {
        Prefix::build(self.below(format_args!("f/a/{}/", segment("task", task)?)))
    }

    /// Cancellations of single tasks.
    pub fn cancelled_tasks(&self) -> Result<Prefix> {
        Prefix::build(self.below("f/x/"))
    }

    /// Data of all attempts.
    pub fn data(&self) -> Result<Prefix> {
        Prefix::build(self.below("d/"))
    }
}

/// Builds the data keys of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptKeys {
    folder: String,
}

impl AttemptKeys {
    /// An output by its path below `out/`, for example `sample.parquet`.
    pub fn output(&self, path: &str) -> Result<DataKey> {
        DataKey::build(format!("{}/out/{path}", self.folder))
    }

    /// A checkpoint by its sequence number.
    pub fn checkpoint(&self, sequence: u32) -> Result<DataKey> {
        DataKey::build(format!("{}/ckpt/{sequence:06}", self.folder))
    }

    /// The log.
    pub fn log(&self) -> Result<DataKey> {
        DataKey::build(format!("{}/log", self.folder))
    }

    /// Everything of the attempt.
    pub fn everything(&self) -> Result<Prefix> {
        Prefix::build(format!("{}/", self.folder))
    }
}
