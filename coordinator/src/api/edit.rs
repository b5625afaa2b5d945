//! `PATCH /v1/jobs/{job}`: labels and summary, the only things of a job that change. Each edit is a fact of its own
//! under the next number, so of two people who edit at once one is told to read again.

use super::answer::{Answer, names, tag, tagged};
use super::doors::Doors;
use super::guard::Call;
use super::jobs::document_of;
use super::problem::{Problem, Slug};
use super::shape;
use crate::job::View;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use synthfleet_proto::fact::{self, EditFact};
use synthfleet_proto::job::JobSpec;
use synthfleet_store::{Created, create_fact};

/// Most edits of one job.
const EDITS_MAX: u32 = 1_000;
/// The media types of an edit (RFC 7396).
const MEDIA: &[&str] = &["application/merge-patch+json", "application/json"];

/// What people say of a job.
struct Said {
    labels: BTreeMap<String, String>,
    summary: Option<String>,
}

/// `PATCH /v1/jobs/{job}`
pub async fn edit(State(doors): State<Arc<Doors>>, Path(job): Path<String>, call: Call, headers: HeaderMap, body: Bytes) -> Answer {
    let keys = call.job(&job)?;
    let (shown, edits, said) = doors.views.of(&keys, look).await?.ok_or_else(Problem::not_found)?;
    let known = headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok());
    let known = known.ok_or_else(|| Problem::new(Slug::InvalidRequest, "If-Match is needed: the ETag of the job as it was read"))?;
    let wish = document_of(&headers, &body, MEDIA)?;
    let changed = || Problem::new(Slug::Precondition, "the job changed since it was read");
    if !names(known, &tag(shown.to_string().as_bytes())) {
        return Err(changed());
    }
    if edits >= EDITS_MAX {
        return Err(Problem::new(Slug::Conflict, format!("the job was edited {EDITS_MAX} times, more is not kept")));
    }
    let said = merge(said, &wish)?;
    let (at, by) = (doors.parts.service.clock.now_ms() as i64, call.principal.name.clone());
    let fact = EditFact { v: fact::VERSION, by, at, labels: said.labels, summary: said.summary };
    let (created, _) = create_fact(doors.store(), &keys.edit(edits + 1)?, &fact, doors.parts.service.entropy.bits()).await?;
    if created == Created::Exists {
        return Err(changed());
    }
    let shown = doors.views.of(&keys, shape::job).await?.ok_or_else(Problem::not_found)?;
    Ok(tagged(&HeaderMap::new(), &shown))
}

fn look(view: &View) -> (Value, u32, Said) {
    let asked = view.spec().map(|spec| &spec.fact.request);
    let said = match view.edit() {
        Some(edit) => Said { labels: edit.labels.clone(), summary: edit.summary.clone() },
        None => Said {
            labels: asked.map(|asked| asked.labels.clone()).unwrap_or_default(),
            summary: asked.and_then(|asked| asked.summary.clone()),
        },
    };
    (shape::job(view), view.edits(), said)
}

/// Lays a wish over what was said: `null` removes, labels that are not named stay. Limits are those of a job.
fn merge(said: Said, wish: &Value) -> Result<Said, Problem> {
    let wrong =
        || Problem::new(Slug::InvalidRequest, "the body is {\"labels\"?: {..}, \"summary\"?: \"..\"}; nothing else of a job changes");
    let fields =
        wish.as_object().filter(|fields| fields.keys().all(|key| ["labels", "summary"].contains(&key.as_str()))).ok_or_else(wrong)?;
    let mut labels: Map<String, Value> = said.labels.into_iter().map(|(name, value)| (name, value.into())).collect();
    match fields.get("labels") {
        None => {}
        Some(Value::Null) => labels.clear(),
        Some(Value::Object(changes)) => {
            for (name, value) in changes {
                if value.is_null() {
                    labels.remove(name)
                } else {
                    labels.insert(name.clone(), value.clone())
                };
            }
        }
        Some(_) => return Err(wrong()),
    }
    let summary = fields.get("summary").cloned().unwrap_or_else(|| said.summary.into());
    let (job, problems) = JobSpec::read_all(&json!({ "source": "sim:demo", "labels": labels, "summary": summary }));
    let mut problems = problems.into_iter();
    match problems.next() {
        None => Ok(Said { labels: job.labels, summary: job.summary }),
        Some(first) => Err(first.and(problems).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Labels and summary.
    type Merged = (Vec<(String, String)>, Option<String>);

    fn merged(wish: Value) -> Option<Merged> {
        let labels = [("a", "1"), ("b", "2")].map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        merge(Said { labels, summary: Some("s".to_owned()) }, &wish).ok().map(|said| (said.labels.into_iter().collect(), said.summary))
    }

    #[test]
    fn what_is_not_named_stays_and_null_removes() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(merged(json!({})), Some((vec![pair("a", "1"), pair("b", "2")], Some("s".to_owned()))));
        let told = merged(json!({"labels": {"a": null, "c": "3"}, "summary": null}));
        assert_eq!(told, Some((vec![pair("b", "2"), pair("c", "3")], None)));
        assert_eq!(merged(json!({"labels": null})), Some((vec![], Some("s".to_owned()))));
    }

    #[test]
    fn other_fields_and_other_forms_are_refused() {
        for wish in [json!([]), json!({"seed": 1}), json!({"labels": []}), json!({"labels": {"a": 1}}), json!({"summary": "x".repeat(201)})]
        {
            assert_eq!(merged(wish.clone()), None, "{wish}");
        }
    }
}
