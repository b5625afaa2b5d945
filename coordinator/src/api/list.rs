//! The list of a tenant's jobs, newest first, filtered. A page goes on after the last entry of the one before, so
//! that new jobs never shift it.

use super::answer::{Answer, json, put};
use super::doors::Doors;
use super::guard::Call;
use super::problem::{Problem, Slug};
use super::query::Query;
use super::shape;
use crate::afterwards::Afterwards;
use crate::job::View;
use axum::extract::State;
use axum::http::{StatusCode, header};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use std::sync::Arc;
use synthfleet_proto::calendar::ms_of_rfc3339;
use synthfleet_proto::fact::{EditFact, FinalFact, SpecFact};
use synthfleet_proto::job::JobState;
use synthfleet_proto::key::{self, JobKeys, Key, Named};
use synthfleet_proto::{Result, id};
use synthfleet_store::read_fact;

/// Query parameters of the list.
pub const LIST_QUERY: &[&str] = &["state", "label", "table", "since", "until", "q", "limit", "cursor"];
/// Entries that one request looks at; with hard filters a page may hold less than its limit and still go on.
const LOOKED_AT_MAX: usize = 1_000;
/// Entries that are read at once.
const AT_ONCE: usize = 16;

/// `GET /v1/jobs`
pub async fn list(State(doors): State<Arc<Doors>>, call: Call) -> Answer {
    let limit = call.query.number("limit", 1..=200, 50)? as usize;
    let filter = Filter::read(&call.query)?;
    let mut after = call.query.text("cursor").map(|cursor| entry(&call.tenant, cursor)).transpose()?;
    let (mut items, mut looked_at) = (Vec::new(), 0);
    let more = loop {
        let page = doors.store().list(&key::jobs_of(&call.tenant)?, after.as_ref(), 100).await?;
        let whole = page.len() < 100;
        let shown = stream::iter(page.clone()).map(|entry| one(&doors, &call.tenant, &filter, entry.key)).buffered(AT_ONCE);
        let shown: Vec<Option<Value>> = shown.try_collect().await?;
        let mut full = false;
        for (entry, shown) in page.iter().zip(shown) {
            if items.len() == limit {
                full = true;
                break;
            }
            items.extend(shown);
            after = Some(entry.key.clone());
        }
        looked_at += page.len();
        if full || looked_at >= LOOKED_AT_MAX {
            break true;
        }
        if whole {
            break false;
        }
    };
    let next = after.filter(|_| more).map(|key| key.last().to_owned());
    let mut response = json(StatusCode::OK, &json!({ "items": items, "next_cursor": next }));
    if let Some(next) = next {
        put(&mut response, header::LINK, &format!("</v1/jobs?cursor={next}&limit={limit}>; rel=\"next\""));
    }
    Ok(response)
}

/// The index entry that a cursor names. It is a place in the caller's own list and nothing else, whatever it says.
fn entry(tenant: &str, cursor: &str) -> std::result::Result<Key, Problem> {
    let illegal = || Problem::new(Slug::InvalidRequest, "this cursor is none of ours");
    let (number, job) = cursor.split_once('-').ok_or_else(illegal)?;
    let number: u64 = number.parse().ok().filter(|_| number.len() == 13).ok_or_else(illegal)?;
    if !id::is_job(job) {
        return Err(illegal());
    }
    Ok(JobKeys::new(tenant, job)?.index(9_999_999_999_999 - number)?.into())
}

async fn one(doors: &Doors, tenant: &str, filter: &Filter, entry: Key) -> Result<Option<Value>> {
    let Some(Named::Index { job, submitted_ms, .. }) = entry.named() else { return Ok(None) };
    if !filter.may_be_at(submitted_ms as i64) {
        return Ok(None);
    }
    let keys = JobKeys::new(tenant, job)?;
    let Some(mut spec) = read_fact::<SpecFact>(doors.store(), keys.spec()?.key()).await? else { return Ok(None) };
    let afterwards = Afterwards::of(doors.store(), &keys).await?;
    if let Some(key) = &afterwards.edit
        && let Some(edit) = read_fact::<EditFact>(doors.store(), key).await?
    {
        (spec.fact.request.labels, spec.fact.request.summary) = (edit.fact.labels, edit.fact.summary);
    }
    if afterwards.deleted || !filter.takes(&spec.fact) {
        return Ok(None);
    }
    let mut last = read_fact::<FinalFact>(doors.store(), keys.last()?.key()).await?.map(|kept| kept.fact);
    if let Some(last) = last.as_mut().filter(|_| afterwards.copied.is_some()) {
        last.publish_failed = None;
    }
    let state = match &last {
        Some(last) => last.state,
        None => doors.views.of(&keys, View::state).await?.unwrap_or(JobState::Queued),
    };
    Ok(filter.state.is_none_or(|wished| wished == state).then(|| shape::summary(&spec.fact, state, last.as_ref())))
}

#[derive(Default)]
struct Filter {
    state: Option<JobState>,
    label: Option<(String, String)>,
    table: Option<String>,
    since: Option<i64>,
    until: Option<i64>,
    text: Option<String>,
}

impl Filter {
    fn read(query: &Query) -> std::result::Result<Self, Problem> {
        let wrong = |what: &str| Problem::new(Slug::InvalidRequest, what.to_owned());
        let time = |name: &str| {
            let read = |text| ms_of_rfc3339(text).ok_or_else(|| wrong(&format!("{name} is a time like 2026-01-31T12:00:00Z")));
            query.text(name).map(read).transpose()
        };
        let states = [JobState::Queued, JobState::OnHold, JobState::InProgress, JobState::Done, JobState::Failed, JobState::Cancelled];
        let known = || wrong(&format!("state is one of {}", states.map(JobState::name).join(", ")));
        let state = |text| states.into_iter().find(|state| state.name() == text).ok_or_else(known);
        let label = |text: &str| {
            let pair = text.split_once(':').map(|(name, value)| (name.to_owned(), value.to_owned()));
            pair.ok_or_else(|| wrong("label is name:value"))
        };
        Ok(Self {
            state: query.text("state").map(state).transpose()?,
            label: query.text("label").map(label).transpose()?,
            table: query.text("table").map(str::to_owned),
            since: time("since")?,
            until: time("until")?,
            text: query.text("q").map(str::to_lowercase),
        })
    }

    fn may_be_at(&self, ms: i64) -> bool {
        self.since.is_none_or(|since| ms >= since) && self.until.is_none_or(|until| ms < until)
    }

    fn takes(&self, spec: &SpecFact) -> bool {
        let request = &spec.request;
        let holds = |text: &str, part: &str| text.to_lowercase().contains(part);
        self.label.as_ref().is_none_or(|(name, value)| request.labels.get(name) == Some(value))
            && self.table.as_ref().is_none_or(|table| request.table.as_ref() == Some(table))
            && self.text.as_ref().is_none_or(|text| {
                [request.summary.as_deref(), request.table.as_deref(), Some(spec.job.as_str())]
                    .into_iter()
                    .flatten()
                    .any(|field| holds(field, text))
            })
    }
}
