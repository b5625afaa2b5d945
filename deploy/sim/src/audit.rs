//! What must hold whatever dies: each task one accepted outcome, none lost, none after the end of its job, and what
//! outcomes and judgements name is there. It sees every fact that the store acknowledges.

use crate::away::Wait;
use crate::store::Objects;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use synthfleet_proto::Result;
use synthfleet_proto::fact::{self, Claim, FinalFact, OutcomeFact, PlanFact, SelectionFact};
use synthfleet_proto::id::sha256_hex;
use synthfleet_proto::job::JobState;
use synthfleet_proto::key::{JobKeys, Key, Named};

/// Violations that are told one by one.
const TOLD_MAX: usize = 20;

/// What is known of one task.
#[derive(Debug, Default)]
struct Task {
    plan: u8,
    outcome_sha256: Option<String>,
}

/// What is known of one job.
#[derive(Debug, Default)]
struct Job {
    number: u64,
    tasks: BTreeMap<String, Task>,
    main_open: u64,
    open: u64,
    main_over_ms: Option<u64>,
    over_ms: u64,
    ended: Option<JobState>,
}

/// What was seen of the whole.
#[derive(Debug, Default)]
pub struct Audit {
    jobs: BTreeMap<String, Job>,
    /// Ended jobs that are to be looked at once more, with the time of their end.
    to_close: VecDeque<(u64, JobKeys)>,
    /// Violations by kind.
    pub violations: BTreeMap<&'static str, u64>,
    /// The first of them.
    pub told: Vec<String>,
    /// Jobs that were accepted.
    pub accepted: u64,
    /// Jobs that ended, by state.
    pub ended: BTreeMap<&'static str, u64>,
    /// Planned tasks.
    pub planned: u64,
    /// Claims.
    pub claims: u64,
    /// Outcomes.
    pub outcomes: u64,
    /// When the first job was accepted and the last one ended, in milliseconds.
    pub span_ms: (u64, u64),
    /// From the last outcome of each job's main plan to its judgement.
    pub fan_in: Vec<Wait>,
    /// Milliseconds from the last outcome of a job to its end.
    pub finish_ms: Vec<u64>,
}

impl Audit {
    /// Whether a job is the one in so many that a planted fault takes.
    pub fn is_nth_job(&mut self, job: &str, every: u64) -> bool {
        let number = self.jobs.len() as u64;
        let known = self.jobs.entry(job.to_owned()).or_insert_with(|| Job { number, ..Job::default() });
        known.number % every.max(1) == every.max(1) - 1
    }

    /// Notes a violation.
    pub fn violate(&mut self, kind: &'static str, what: impl FnOnce() -> String) {
        *self.violations.entry(kind).or_default() += 1;
        if self.told.len() < TOLD_MAX {
            self.told.push(format!("{kind}: {}", what()));
        }
    }

    /// A fact was acknowledged as new.
    pub fn created(&mut self, key: &Key, bytes: &[u8], now_ms: u64) {
        let segments: Vec<&str> = key.segments().collect();
        let ["t", tenant, "j", job, ..] = segments[..] else { return };
        let (tenant, job) = (tenant.to_owned(), job.to_owned());
        match key.named() {
            Some(Named::Spec) => {
                if self.accepted == 0 {
                    self.span_ms.0 = now_ms;
                }
                self.accepted += 1;
                let number = self.jobs.len() as u64;
                self.jobs.entry(job).or_insert_with(|| Job { number, ..Job::default() });
            }
            Some(Named::Plan(number)) => self.planned(&job, number, bytes),
            Some(Named::Claim { task, attempt }) => self.claimed(&job, task, attempt),
            Some(Named::Outcome(task)) => self.outcome(&job, task, bytes, now_ms),
            Some(Named::Selection) => {
                let over = self.jobs.get(&job).and_then(|job| job.main_over_ms);
                match over {
                    Some(from_ms) => self.fan_in.push(Wait { tenant, from_ms, until_ms: now_ms }),
                    None => self.violate("judged_too_early", || job),
                }
            }
            Some(Named::Final) => self.finished(&tenant, &job, bytes, now_ms),
            _ => {}
        }
    }

    fn planned(&mut self, job: &str, number: u8, bytes: &[u8]) {
        let Ok(plan) = fact::decode::<PlanFact>("plan", bytes) else {
            return self.violate("unreadable", || format!("plan {number} of {job}"));
        };
        let known = self.jobs.entry(job.to_owned()).or_default();
        for task in plan.groups.iter().flat_map(|group| group.tasks()) {
            self.planned += 1;
            known.open += 1;
            known.main_open += u64::from(number == 1);
            known.tasks.insert(task.to_string(), Task { plan: number, ..Task::default() });
        }
    }

    fn claimed(&mut self, job: &str, task: &str, attempt: u16) {
        self.claims += 1;
        let known = self.jobs.get(job);
        let is_over = known.is_none_or(|job| job.ended.is_some());
        if known.is_none_or(|job| !job.tasks.contains_key(task)) {
            self.violate("claim_of_no_task", || format!("{job}/{task}"));
        }
        if is_over {
            self.violate("claim_after_end", || format!("{job}/{task}, attempt {attempt}"));
        }
    }

    fn outcome(&mut self, job: &str, task: &str, bytes: &[u8], now_ms: u64) {
        self.outcomes += 1;
        let Some(known) = self.jobs.get_mut(job) else { return self.violate("outcome_of_no_job", || format!("{job}/{task}")) };
        let is_over = known.ended.is_some();
        let Some(of) = known.tasks.get_mut(task) else { return self.violate("outcome_of_no_task", || format!("{job}/{task}")) };
        let is_second = of.outcome_sha256.is_some();
        if !is_second {
            of.outcome_sha256 = Some(sha256_hex(bytes));
            known.open -= 1;
            known.over_ms = now_ms;
            if of.plan == 1 {
                known.main_open -= 1;
                if known.main_open == 0 {
                    known.main_over_ms = Some(now_ms);
                }
            }
        }
        if is_second {
            self.violate("second_outcome", || format!("{job}/{task}"));
        }
        if is_over {
            self.violate("outcome_after_end", || format!("{job}/{task}"));
        }
    }

    fn finished(&mut self, tenant: &str, job: &str, bytes: &[u8], now_ms: u64) {
        let Ok(last) = fact::decode::<FinalFact>("final", bytes) else { return self.violate("unreadable", || format!("final of {job}")) };
        let Some(known) = self.jobs.get_mut(job) else { return self.violate("end_of_no_job", || job.to_owned()) };
        known.ended = Some(last.state);
        let (open, over_ms) = (known.open, known.over_ms);
        self.finish_ms.push(now_ms - over_ms);
        self.span_ms.1 = now_ms;
        *self.ended.entry(last.state.name()).or_default() += 1;
        if open > 0 && last.state == JobState::Done {
            self.violate("lost_task", || format!("{open} tasks of {job} have no outcome"));
        }
        if last.state != JobState::Done {
            let why = last.error.map(|error| format!("{}: {}", error.code, error.message)).unwrap_or_default();
            self.violate("job_not_done", || format!("{job}: {why}"));
        }
        if let Ok(keys) = JobKeys::new(tenant, job) {
            self.to_close.push_back((now_ms, keys));
        }
    }

    /// Jobs that ended.
    pub fn jobs_ended(&self) -> u64 {
        self.ended.values().sum()
    }

    /// Jobs that were accepted and have not ended.
    pub fn open_jobs(&self) -> u64 {
        self.accepted.saturating_sub(self.jobs_ended())
    }

    /// An ended job that is to be looked at once more, if one ended before that time.
    pub fn next_to_close(&mut self, before_ms: u64) -> Option<JobKeys> {
        self.to_close.pop_front_if(|(ended, _)| *ended <= before_ms).map(|(_, keys)| keys)
    }

    /// Looks at all facts of an ended job.
    pub(crate) fn close(&mut self, keys: &JobKeys, objects: &Objects) -> Result<()> {
        let Some(job) = self.jobs.remove(keys.job()) else { return Ok(()) };
        self.jobs.insert(keys.job().to_owned(), Job { ended: job.ended, ..Job::default() });
        let (everything, mut found, mut selection) = (keys.everything()?, BTreeMap::new(), None);
        for (key, held) in objects.of_job(&everything) {
            let text = key.as_str();
            match key.named() {
                Some(Named::Outcome(task)) => {
                    found.insert(task.to_owned(), sha256_hex(&held.bytes));
                    self.outcome_holds(keys, objects, &fact::decode(text, &held.bytes)?)?;
                }
                Some(Named::Selection) => selection = Some(fact::decode::<SelectionFact>(text, &held.bytes)?),
                _ => {}
            }
        }
        for (name, task) in &job.tasks {
            match (&task.outcome_sha256, found.get(name)) {
                (Some(accepted), Some(kept)) if accepted == kept => {}
                (accepted, kept) => {
                    let what = || format!("{}/{name}: accepted {accepted:?}, kept {kept:?}", keys.job());
                    self.violate("outcome_not_kept", what);
                }
            }
        }
        let judged: BTreeSet<&String> = job.tasks.iter().filter(|(_, task)| task.plan < 2).map(|(name, _)| name).collect();
        let Some(selection) = selection else {
            self.violate("no_judgement", || keys.job().to_owned());
            return Ok(());
        };
        let is_whole = selection.outcomes.iter().all(|(task, sha256)| found.get(task) == Some(sha256));
        if !is_whole || selection.outcomes.keys().collect::<BTreeSet<_>>() != judged {
            self.violate("judged_other_outcomes", || keys.job().to_owned());
        }
        Ok(())
    }

    /// What an outcome names is there: its claim with its nonce, and every object with its length.
    fn outcome_holds(&mut self, keys: &JobKeys, objects: &Objects, outcome: &OutcomeFact) -> Result<()> {
        if outcome.attempt > 0 {
            let key = keys.claim(outcome.task.as_str(), outcome.attempt)?;
            let claim = objects.get(key.as_str()).and_then(|held| fact::decode::<Claim>(key.as_str(), &held.bytes).ok());
            if claim.is_none_or(|claim| claim.nonce != outcome.nonce) {
                self.violate("outcome_of_no_claim", || format!("{}/{}", keys.job(), outcome.task));
            }
        }
        for output in &outcome.outputs {
            if objects.get(&output.key).is_none_or(|held| held.bytes.len() as u64 != output.bytes) {
                self.violate("absent_output", || output.key.clone());
            }
        }
        Ok(())
    }

    /// Jobs that were accepted and have no end.
    pub fn end(&mut self) {
        let open: Vec<String> = self.jobs.iter().filter(|(_, job)| job.ended.is_none()).map(|(id, _)| id.clone()).collect();
        for job in open {
            self.violate("job_without_end", || job);
        }
    }
}
