//! New jobs made of an earlier one: the same again, with more benchmarks, or more rows of one candidate. Each is an
//! ordinary job with an ordinary verdict; what the earlier one finished is found by its fingerprint and not done again.

use super::answer::Answer;
use super::doors::Doors;
use super::dress::trace;
use super::guard::Call;
use super::jobs::{begun, created, document, idempotency_key};
use super::problem::{Problem, Slug};
use super::{quota, wanted};
use crate::intake::{Asked, submit_within};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use serde_json::{Value, json};
use std::sync::Arc;
use synthfleet_proto::Error;
use synthfleet_proto::fact::{Candidate, SpecFact};
use synthfleet_proto::job::{Choice, JobSpec, JobState};
use synthfleet_proto::key::{JobKeys, Key};
use synthfleet_proto::profile::Profile;
use synthfleet_proto::protection::RareLabels;
use synthfleet_proto::task::TaskId;
use synthfleet_store::fetch;

/// `POST /v1/jobs/{job}/retry`
pub async fn retry(State(doors): State<Arc<Doors>>, Path(job): Path<String>, call: Call, headers: HeaderMap) -> Answer {
    let spec = ended(&doors, &call, &job, |_| true, "the job has not ended").await?;
    let request = spec.request.clone();
    submit(&doors, &call, &headers, &spec, request).await
}

/// `POST /v1/jobs/{job}/benchmarks`
pub async fn benchmarks(State(doors): State<Arc<Doors>>, Path(job): Path<String>, call: Call, headers: HeaderMap, body: Bytes) -> Answer {
    let wish = document(&headers, &body)?;
    let wrong = || Problem::new(Slug::InvalidRequest, "the body is {\"benchmarks\": [\"name\", {\"name\": .., \"options\": {..}}]}");
    let only = wish.as_object().filter(|fields| fields.len() == 1).and_then(|fields| fields.get("benchmarks")?.as_array());
    let more = read(&json!({ "source": "sim:demo", "benchmarks": only.filter(|names| !names.is_empty()).ok_or_else(wrong)? }))?.benchmarks;
    let spec = reusable(&doors, &call, &job).await?;
    let mut all = measured(&spec);
    for choice in more {
        all.retain(|known| known.name != choice.name);
        all.push(choice);
    }
    // the table was looked at before the earlier job went on
    let request = JobSpec { benchmarks: all, hold: false, ..spec.request.clone() };
    submit(&doors, &call, &headers, &spec, request).await
}

/// `POST /v1/jobs/{job}/candidates/{candidate}/generate`
pub async fn generate(
    State(doors): State<Arc<Doors>>,
    Path((job, candidate)): Path<(String, String)>,
    call: Call,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let wish = document(&headers, &body)?;
    let fields = wish.as_object().filter(|fields| fields.keys().all(|key| ["rows", "seed", "formats", "where"].contains(&key.as_str())));
    let rows = fields.and_then(|fields| fields.get("rows")?.as_u64());
    let (Some(fields), Some(_)) = (fields, rows) else {
        return Err(Problem::new(
            Slug::InvalidRequest,
            "the body is {\"rows\": <number>, \"seed\"?: <number>, \"formats\"?: [..], \"where\"?: [\"age>=40\", ..]}",
        ));
    };
    let mut asked = json!({ "source": "sim:demo", "rows": rows });
    for (field, of_job) in [("formats", "formats"), ("where", "where"), ("seed", "rows_seed")] {
        if let Some(value) = fields.get(field) {
            asked[of_job] = value.clone();
        }
    }
    let asked = read(&asked)?;
    let spec = reusable(&doors, &call, &job).await?;
    let known = spec.candidates.iter().find(|known| known.name == candidate).ok_or_else(Problem::not_found)?;
    if known.baseline {
        return Err(Problem::new(Slug::Conflict, format!("{candidate} is a baseline: nothing of it is ever released")));
    }
    check_conditions(&doors, &call, &job, &spec, &asked.conditions).await?;
    let request = of_one(&spec, known, asked);
    submit(&doors, &call, &headers, &spec, request).await
}

/// Refuses conditions that no row of the job's table meets, as far as its protected description tells.
async fn check_conditions(doors: &Doors, call: &Call, job: &str, spec: &SpecFact, conditions: &[String]) -> Result<(), Problem> {
    if conditions.is_empty() {
        return Ok(());
    }
    let output = |view: &crate::job::View| view.outcome(&TaskId::profile())?.fact.output("profile.json").cloned();
    let output = doors.views.of(&call.job(job)?, output).await?.flatten();
    let Some(output) = output else { return Ok(()) };
    let object = fetch(doors.store(), &Key::parse(&output.key)?, &output.sha256).await?;
    let corrupt = |e: serde_json::Error| Error::unavailable("fact::corrupt", format!("cannot read profile.json: {e}"));
    let profile: Profile = serde_json::from_slice(&object.bytes).map_err(corrupt)?;
    let protection = spec.request.value_protection;
    let shows_rare = protection.is_weak() || protection.rare_labels == RareLabels::Keep;
    let mut problems = wanted::problems(conditions, &profile, shows_rare).into_iter();
    problems.next().map_or(Ok(()), |first| Err(first.and(problems).into()))
}

/// The job of one candidate: judged as before, with other rows delivered.
fn of_one(spec: &SpecFact, candidate: &Candidate, asked: JobSpec) -> JobSpec {
    let before = spec.request.clone();
    JobSpec {
        preset: None,
        synthesizers: vec![Choice {
            name: candidate.synthesizer.clone(),
            alias: Some(candidate.name.clone()),
            options: candidate.options.as_object().cloned().unwrap_or_default(),
            repeats: Some(candidate.repeats),
        }],
        benchmarks: measured(spec),
        // what was set is part of the options by now
        set: std::collections::BTreeMap::new(),
        epsilon: before.epsilon.filter(|_| candidate.private),
        delta: before.delta.filter(|_| candidate.private),
        rows: asked.rows,
        conditions: asked.conditions,
        rows_seed: asked.rows_seed,
        formats: if asked.formats.is_empty() { before.formats.clone() } else { asked.formats },
        hold: false,
        // the earlier job's own place is not written over
        output: None,
        ..before
    }
}

/// The benchmarks of a job as they were resolved.
fn measured(spec: &SpecFact) -> Vec<Choice> {
    let choice = |name: &str, options: &Value| Choice { options: options.as_object().cloned().unwrap_or_default(), ..Choice::of(name) };
    spec.benchmarks.iter().map(|benchmark| choice(&benchmark.name, &benchmark.options)).collect()
}

fn read(wish: &Value) -> Result<JobSpec, Problem> {
    let (job, problems) = JobSpec::read_all(wish);
    let mut problems = problems.into_iter();
    match problems.next() {
        None => Ok(job),
        Some(first) => Err(first.and(problems).into()),
    }
}

/// What was accepted of a job that ended in a state that fits.
async fn ended(doors: &Doors, call: &Call, job: &str, fits: fn(JobState) -> bool, why: &str) -> Result<Arc<SpecFact>, Problem> {
    let keys = call.job(job)?;
    let look = |view: &crate::job::View| {
        view.spec().filter(|_| view.last().is_some_and(|last| fits(last.fact.state))).map(|spec| Arc::clone(&spec.fact))
    };
    let spec = doors.views.of(&keys, look).await?.ok_or_else(Problem::not_found)?;
    spec.ok_or_else(|| Problem::new(Slug::Conflict, why))
}

/// A job that is done and whose finished tasks others may take over.
async fn reusable(doors: &Doors, call: &Call, job: &str) -> Result<Arc<SpecFact>, Problem> {
    let spec = ended(doors, call, job, |state| state == JobState::Done, "the job is not done").await?;
    if !spec.request.cache {
        // its samples would be made anew, under another noise key even
        return Err(Problem::new(Slug::Conflict, "the job shares no finished task with others: submit a new one"));
    }
    Ok(spec)
}

/// Submits a job on the table of an earlier one.
async fn submit(doors: &Doors, call: &Call, headers: &HeaderMap, spec: &SpecFact, request: JobSpec) -> Answer {
    let key = idempotency_key(headers)?;
    quota::check(doors, &call.tenant, key.as_deref()).await?;
    let asked = Asked {
        tenant: call.tenant.clone(),
        principal: call.principal.name.clone(),
        door: "http".to_owned(),
        key,
        job: request,
        source_sha256: spec.source_sha256.clone(),
        holdout_sha256: spec.holdout_sha256.clone(),
        reply: None,
    };
    let members = doors.members();
    let submitted = submit_within(&doors.desk(&members), asked, trace(headers)).await?;
    begun(doors, &call.tenant, &submitted).await;
    created(doors, &JobKeys::new(&call.tenant, &submitted.job)?, &submitted, StatusCode::ACCEPTED).await
}
