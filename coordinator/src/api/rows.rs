//! Rows as pages show them: the first thousand of the real table, for who may see those, and of each sample. The
//! task that had the rows wrote one JSON object a line; here lines are counted and cut out, and none is read.

use super::answer::{Answer, with_type};
use super::doors::Doors;
use super::guard::Call;
use super::problem::{Problem, Slug};
use crate::auth::{Place, authorize};
use crate::job::View;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use std::sync::Arc;
use synthfleet_proto::fact::Output;
use synthfleet_proto::key::Key;
use synthfleet_proto::task::TaskId;
use synthfleet_proto::token::Scope;
use synthfleet_store::fetch;

/// Query parameters of rows.
pub const ROWS_QUERY: &[&str] = &["limit", "cursor"];
/// The file of a task that holds its first rows.
const ROWS: &str = "rows.jsonl";
/// Rows of such a file.
const ROWS_MAX: u64 = 1_000;
/// Longest such file that is brought here, in bytes: a thousand rows of a wide table with long texts.
const BYTES_MAX: u64 = 64 << 20;

/// `GET /v1/jobs/{job}/rows`
pub async fn real(State(doors): State<Arc<Doors>>, Path(job): Path<String>, call: Call) -> Answer {
    let found = doors.views.of(&call.job(&job)?, |view| output(view, &TaskId::profile())).await?.ok_or_else(Problem::not_found)?;
    let found = found.ok_or_else(|| Problem::new(Slug::Conflict, "the table is not read yet"))?;
    tracing::info!(job, by = call.principal.name, "real rows were shown");
    page(&doors, &call, &found).await
}

/// `GET /v1/jobs/{job}/candidates/{candidate}/rows`
pub async fn synthetic(State(doors): State<Arc<Doors>>, Path((job, candidate)): Path<(String, String)>, call: Call) -> Answer {
    let shown = |view: &View| {
        let known = view.spec()?.fact.candidates.iter().find(|known| known.name == candidate)?;
        let found = (0..known.repeats).find_map(|repeat| output(view, &TaskId::synthesize(&candidate, repeat)));
        Some((known.real_rows, found))
    };
    let (real_rows, found) = doors.views.of(&call.job(&job)?, shown).await?.flatten().ok_or_else(Problem::not_found)?;
    if real_rows {
        let denied = |_| Problem::new(Slug::Forbidden, format!("its rows are real ones: this needs the scope {}", Scope::ReadReal.name()));
        authorize(&call.principal, Place::Tenant(&call.tenant), Scope::ReadReal).map_err(denied)?;
        tracing::info!(job, candidate, by = call.principal.name, "real rows were shown");
    }
    let found = found.ok_or_else(|| Problem::new(Slug::Conflict, "this candidate has no rows to show"))?;
    page(&doors, &call, &found).await
}

fn output(view: &View, task: &TaskId) -> Option<Output> {
    view.outcome(task)?.fact.output(ROWS).cloned()
}

/// Some lines of a file, as a list with the place to go on from.
async fn page(doors: &Doors, call: &Call, file: &Output) -> Answer {
    let limit = call.query.number("limit", 1..=200, 50)? as usize;
    let first = call.query.number("cursor", 0..=ROWS_MAX, 0)? as usize;
    if file.bytes > BYTES_MAX {
        return Err(Problem::new(Slug::TooLarge, format!("the first rows have {} bytes, shown are {BYTES_MAX} at most", file.bytes)));
    }
    let object = fetch(doors.store(), &Key::parse(&file.key)?, &file.sha256).await?;
    Ok(with_type(StatusCode::OK, "application/json", list(&object.bytes, first, limit)))
}

/// `{items, next_cursor}` of lines that are JSON objects.
fn list(lines: &[u8], first: usize, limit: usize) -> Vec<u8> {
    let mut rest = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).skip(first);
    let items: Vec<&[u8]> = rest.by_ref().take(limit).collect();
    let next = rest.next().map_or_else(|| "null".to_owned(), |_| format!("\"{}\"", first + items.len()));
    let mut answer = b"{\"items\":[".to_vec();
    answer.extend(items.join(&b','));
    answer.extend(format!("],\"next_cursor\":{next}}}").bytes());
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_out_with_the_place_to_go_on_from() {
        let lines = b"{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n";
        let told = |first, limit| String::from_utf8(list(lines, first, limit)).expect("text");
        assert_eq!(told(0, 2), r#"{"items":[{"a":1},{"a":2}],"next_cursor":"2"}"#);
        assert_eq!(told(2, 2), r#"{"items":[{"a":3}],"next_cursor":null}"#);
        assert_eq!(told(9, 2), r#"{"items":[],"next_cursor":null}"#);
    }
}
