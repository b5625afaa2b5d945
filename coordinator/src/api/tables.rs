//! Tables that a tenant's jobs read, by what was read: which jobs, the best score, and how far each moved from the one
//! of its name before it.

use super::answer::{Answer, put, tagged};
use super::doors::Doors;
use super::guard::Call;
use super::problem::{Problem, Slug};
use crate::drift::{ColumnDrift, Drift};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use synthfleet_proto::calendar::rfc3339;

mod shelf;

pub use shelf::Shelf;
use shelf::{Job, Read};

/// Query parameters of the list.
pub const TABLES_QUERY: &[&str] = &["limit", "cursor"];
/// Newest jobs that are looked at.
const JOBS_MAX: u16 = 1_000;
/// Tables whose drift is computed at once.
const AT_ONCE: usize = 4;

/// A table with the jobs that read it, newest first.
struct Table {
    read: Arc<Read>,
    jobs: Vec<Job>,
}

impl Table {
    fn id(&self) -> &str {
        &self.read.id
    }

    fn first_read(&self) -> i64 {
        self.jobs.last().map_or(0, |job| job.submitted_at)
    }

    fn last_read(&self) -> i64 {
        self.jobs.first().map_or(0, |job| job.submitted_at)
    }

    fn best(&self) -> Option<&Job> {
        let better = |one: &&Job, other: &&Job| one.score.unwrap_or(-1.0).total_cmp(&other.score.unwrap_or(-1.0));
        self.jobs.iter().filter(|job| job.score.is_some()).max_by(better)
    }

    fn told(&self) -> Value {
        let read = &self.read;
        let best = self.best().map(|job| json!({ "job": job.id, "candidate": job.winner, "score": job.score }));
        json!({
            "id": read.id, "name": read.name, "rows": read.rows, "columns": read.columns, "bytes": read.bytes, "sha256": read.sha256,
            "first_read": rfc3339(self.first_read()), "last_read": rfc3339(self.last_read()),
            "jobs": { "all": self.jobs.len(), "judged": self.jobs.iter().filter(|job| job.outcome.is_some()).count() },
            "best": best, "links": { "self": format!("/v1/tables/{}", read.id) },
        })
    }
}

/// `GET /v1/tables`
pub async fn list(State(doors): State<Arc<Doors>>, call: Call, headers: HeaderMap) -> Answer {
    let limit = call.query.number("limit", 1..=200, 50)? as usize;
    let (tables, whole) = tables(&doors, &call.tenant).await?;
    let first = match call.query.text("cursor") {
        None => 0,
        Some(cursor) => {
            let known = tables.iter().position(|table| table.id() == cursor);
            known.ok_or_else(|| Problem::new(Slug::InvalidRequest, "this cursor is none of ours"))? + 1
        }
    };
    let page = first..tables.len().min(first + limit);
    let shown = stream::iter(page.clone()).map(|place| with_drift(&doors, &call.tenant, &tables, place)).buffered(AT_ONCE);
    let items: Vec<Value> = shown.try_collect().await?;
    let next = (page.end < tables.len()).then(|| tables[page.end - 1].id());
    let mut response = tagged(&headers, &json!({ "items": items, "next_cursor": next, "all_jobs": whole }));
    if let Some(next) = next {
        put(&mut response, header::LINK, &format!("</v1/tables?cursor={next}&limit={limit}>; rel=\"next\""));
    }
    Ok(response)
}

/// `GET /v1/tables/{table}`
pub async fn show(State(doors): State<Arc<Doors>>, Path(table): Path<String>, call: Call, headers: HeaderMap) -> Answer {
    let (tables, _) = tables(&doors, &call.tenant).await?;
    let place = tables.iter().position(|known| known.id() == table).ok_or_else(Problem::not_found)?;
    let mut told = tables[place].told();
    told["jobs"] = tables[place].jobs.iter().map(job).collect();
    told["drift"] = match earlier(&tables, place) {
        None => Value::Null,
        Some(before) => {
            let found = doors.tables.drift(doors.store(), &call.tenant, &before.read, &tables[place].read).await?;
            drift(before, &found)
        }
    };
    Ok(tagged(&headers, &told))
}

fn job(job: &Job) -> Value {
    json!({
        "id": job.id, "created": rfc3339(job.submitted_at), "state": job.state.name(), "outcome": job.outcome, "winner": job.winner,
        "score": job.score, "labels": job.labels, "summary": job.summary, "links": { "self": format!("/v1/jobs/{}", job.id) },
    })
}

fn drift(before: &Table, drift: &Drift) -> Value {
    let column = |column: &ColumnDrift| {
        let (earlier, now) = column.missing;
        json!({ "name": column.name, "score": column.score, "missing_before": earlier, "missing": now, "was": column.was })
    };
    json!({
        "from": before.id(), "read": rfc3339(before.first_read()), "column_shapes": drift.score,
        "columns": drift.columns.iter().map(column).collect::<Value>(), "gone": drift.gone, "come": drift.come,
    })
}

/// A table as the list shows it.
async fn with_drift(doors: &Doors, tenant: &str, tables: &[Table], place: usize) -> Result<Value, Problem> {
    let mut told = tables[place].told();
    told["drift"] = match earlier(tables, place) {
        None => Value::Null,
        Some(before) => {
            let found = doors.tables.drift(doors.store(), tenant, &before.read, &tables[place].read).await?;
            json!({ "from": before.id(), "column_shapes": found.score })
        }
    };
    Ok(told)
}

/// The table of the same name that was first met before this one was; of two at one instant ids tell which came first.
fn earlier(tables: &[Table], place: usize) -> Option<&Table> {
    fn met(table: &Table) -> (i64, &str) {
        (table.first_read(), table.id())
    }
    let this = &tables[place];
    let before = |other: &&Table| other.read.name == this.read.name && met(other) < met(this);
    tables.iter().filter(before).max_by(|one, other| met(one).cmp(&met(other)))
}

/// Tables of the tenant's newest jobs, the last read first; and whether those are all jobs.
async fn tables(doors: &Doors, tenant: &str) -> Result<(Vec<Table>, bool), Problem> {
    let (jobs, whole) = doors.tables.jobs(doors, tenant, JOBS_MAX).await?;
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    for job in jobs {
        let Some(read) = job.read.clone() else { continue };
        tables.entry(read.id.clone()).or_insert_with(|| Table { read, jobs: Vec::new() }).jobs.push(job);
    }
    let mut tables: Vec<Table> = tables.into_values().collect();
    tables.sort_by(|one, other| other.last_read().cmp(&one.last_read()).then_with(|| one.id().cmp(other.id())));
    Ok((tables, whole))
}
