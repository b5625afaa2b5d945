//! Reading keys back: what does a listed key name?

/// What a key names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named<'a> {
    /// The marker of a job to be looked after.
    Live {
        /// Tenant.
        tenant: &'a str,
        /// Job id.
        job: &'a str,
    },
    /// The marker of a job whose page is to be called.
    Call {
        /// Tenant.
        tenant: &'a str,
        /// Job id.
        job: &'a str,
    },
    /// An entry of a tenant's newest-first list.
    Index {
        /// Tenant.
        tenant: &'a str,
        /// Job id.
        job: &'a str,
        /// When it was submitted, in milliseconds since 1970.
        submitted_ms: u64,
    },
    /// The `spec` of a job.
    Spec,
    /// A plan by its number.
    Plan(u8),
    /// The release of a held job.
    Release,
    /// The cancellation of a job.
    Cancel,
    /// The cancellation of a task.
    CancelTask(&'a str),
    /// The claim of an attempt.
    Claim {
        /// Task id.
        task: &'a str,
        /// Attempt, from 1.
        attempt: u16,
    },
    /// The lease of an attempt.
    Lease {
        /// Task id.
        task: &'a str,
        /// Attempt, from 1.
        attempt: u16,
    },
    /// The end of an attempt.
    End {
        /// Task id.
        task: &'a str,
        /// Attempt, from 1.
        attempt: u16,
    },
    /// The outcome of a task.
    Outcome(&'a str),
    /// The verdict.
    Selection,
    /// What was published.
    Published,
    /// The end of a job.
    Final,
    /// An edit of what people say of a job, by its number.
    Edit(u32),
    /// That the page of a job was called.
    Called,
    /// That the copy in the user's own place was made after all.
    Copied,
    /// The tombstone of a job.
    Deleted,
    /// A file of an attempt.
    Data {
        /// Task id.
        task: &'a str,
        /// Attempt, from 1.
        attempt: u16,
        /// Path below the attempt's folder.
        path: &'a str,
    },
    /// A published file.
    Publication {
        /// The first 16 hexadecimal digits of its SHA-256.
        sha256: &'a str,
        /// File name.
        file: &'a str,
    },
}

impl<'a> Named<'a> {
    /// What `text` names. Keys of the fleet's documents and unknown ones give `None`.
    pub fn of(text: &'a str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix("live/") {
            let (tenant, job) = rest.split_once('~')?;
            return Some(Self::Live { tenant, job });
        }
        if let Some(rest) = text.strip_prefix("calls/") {
            let (tenant, job) = rest.split_once('~')?;
            return Some(Self::Call { tenant, job });
        }
        let (tenant, rest) = text.strip_prefix("t/")?.split_once('/')?;
        if let Some(entry) = rest.strip_prefix("i/") {
            let (newest_first, job) = entry.split_once('-')?;
            let submitted_ms = 9_999_999_999_999_u64.checked_sub(newest_first.parse().ok()?)?;
            return Some(Self::Index { tenant, job, submitted_ms });
        }
        let (_, below) = rest.strip_prefix("j/")?.split_once('/')?;
        let (part, name) = below.split_once('/')?;
        match part {
            "f" => Self::fact(name),
            "e" if name == "called" => Some(Self::Called),
            "e" if name == "copied" => Some(Self::Copied),
            "e" if name == "deleted" => Some(Self::Deleted),
            "e" => name.parse().ok().map(Self::Edit),
            "d" => {
                let (task, rest) = name.split_once('/')?;
                let (attempt, path) = rest.split_once('/')?;
                Some(Self::Data { task, attempt: attempt.split_once('-')?.0.parse().ok()?, path })
            }
            "p" => name.split_once('/').map(|(sha256, file)| Self::Publication { sha256, file }),
            _ => None,
        }
    }

    fn fact(name: &'a str) -> Option<Self> {
        match name {
            "spec" => return Some(Self::Spec),
            "release" => return Some(Self::Release),
            "cancel" => return Some(Self::Cancel),
            "selection" => return Some(Self::Selection),
            "published" => return Some(Self::Published),
            "final" => return Some(Self::Final),
            _ => {}
        }
        if let Some(number) = name.strip_prefix("plan-") {
            return number.parse().ok().map(Self::Plan);
        }
        match name.split_once('/')? {
            ("x", task) => Some(Self::CancelTask(task)),
            ("o", task) => Some(Self::Outcome(task)),
            ("a", rest) => {
                let (task, file) = rest.split_once('/')?;
                let (number, what) = file.split_once('.')?;
                let attempt = number.parse().ok()?;
                match what {
                    "claim" => Some(Self::Claim { task, attempt }),
                    "lease" => Some(Self::Lease { task, attempt }),
                    "end" => Some(Self::End { task, attempt }),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}
