//! `GET /v1/compare`: the scores of some candidates, of one job or of several, set beside each other by name, each with
//! its difference from the first candidate.

use super::answer::{Answer, tagged};
use super::doors::Doors;
use super::files::published;
use super::guard::Call;
use super::problem::{Problem, Slug};
use crate::compare::Moves;
use crate::heavy::heavy;
use axum::extract::State;
use axum::http::HeaderMap;
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use synthfleet_proto::key::{JobKeys, Key};
use synthfleet_proto::results::{CandidateResult, RepeatResult, Results};
use synthfleet_proto::score::{Goal, Score};
use synthfleet_proto::verdict::{Component, Ranked};
use synthfleet_proto::{Error, Result};
use synthfleet_store::fetch;

/// Query parameters of a comparison.
pub const COMPARE_QUERY: &[&str] = &["candidate"];
/// How many candidates are compared.
const COMPARED: std::ops::RangeInclusive<usize> = 2..=6;
/// The name of the verdict's own score among those of benchmarks.
const SCORE: &str = "score";

/// `GET /v1/compare?candidate=<job>:<candidate>&candidate=..`
pub async fn compare(State(doors): State<Arc<Doors>>, call: Call, headers: HeaderMap) -> Answer {
    let wished = wished(call.query.all("candidate"))?;
    let mut files: BTreeMap<String, Bytes> = BTreeMap::new();
    for (job, _) in &wished {
        if !files.contains_key(job) {
            let keys = call.job(job)?;
            files.insert(job.clone(), results(&doors, &keys).await?);
        }
    }
    // megabytes of JSON
    let found = heavy(move || beside(&wished, &files)).await??;
    Ok(tagged(&headers, &found.ok_or_else(Problem::not_found)?))
}

/// Jobs and candidates that a request names.
fn wished(named: &[String]) -> std::result::Result<Vec<(String, String)>, Problem> {
    let wrong = |what: String| Problem::new(Slug::InvalidRequest, what);
    if !COMPARED.contains(&named.len()) {
        return Err(wrong(format!("candidate=<job>:<candidate> is given {} to {} times", COMPARED.start(), COMPARED.end())));
    }
    let pair = |text: &String| {
        let pair = text.split_once(':').map(|(job, candidate)| (job.to_owned(), candidate.to_owned()));
        pair.ok_or_else(|| wrong("candidate is <job>:<candidate>".to_owned()))
    };
    let wished = named.iter().map(pair).collect::<std::result::Result<Vec<_>, _>>()?;
    if wished.iter().collect::<BTreeSet<_>>().len() < wished.len() {
        return Err(wrong("a candidate is named twice".to_owned()));
    }
    Ok(wished)
}

async fn results(doors: &Doors, keys: &JobKeys) -> std::result::Result<Bytes, Problem> {
    let published = published(doors, keys).await?;
    let file = published.files.iter().find(|file| file.path == "results.json").ok_or_else(Problem::not_found)?;
    Ok(fetch(doors.store(), &Key::parse(&file.key)?, &file.sha256).await?.bytes)
}

/// A candidate with what it is judged against.
struct Entrant<'a> {
    results: &'a Results,
    candidate: &'a CandidateResult,
    row: &'a Ranked,
}

impl<'a> Entrant<'a> {
    fn of(results: &'a Results, name: &str) -> Option<Self> {
        let candidate = results.candidates.iter().find(|candidate| candidate.name == name)?;
        Some(Self { results, candidate, row: results.verdict.row(name)? })
    }

    fn repeats(&self) -> &'a [RepeatResult] {
        &self.candidate.repeats
    }

    fn moves(&self, name: &str) -> Option<Moves> {
        match name {
            SCORE => Moves::of_score(&self.results.verdict, self.row, self.repeats()),
            _ => Moves::of_measured(self.repeats(), name),
        }
    }

    /// What the verdict makes of a measured score, if it counts.
    fn component(&self, name: &str) -> Option<&'a Component> {
        self.results.verdict.components.iter().find(|component| component.used && component.score == name)
    }

    /// What rows that were held out got.
    fn reference(&self, name: &str) -> Option<f64> {
        if name == SCORE {
            return self.results.verdict.references.get("holdout")?.score;
        }
        self.results.references.iter().find(|reference| reference.name == "holdout")?.result.value(name)
    }

    fn told(&self) -> Value {
        let (results, row) = (self.results, self.row);
        let failure = self.repeats().iter().find_map(|repeat| repeat.error.as_ref()).map(|failed| &failed.error);
        json!({
            "job": results.job.id, "candidate": self.candidate.name, "synthesizer": self.candidate.synthesizer,
            "options": self.candidate.options, "baseline": self.candidate.baseline, "table": results.table.name,
            "rows": results.table.rows, "rank": row.rank, "eligible": row.eligible, "risk": row.risk,
            "winner": results.verdict.winner.as_deref() == Some(row.candidate.as_str()),
            "profile": results.verdict.profile, "gate": results.verdict.gate, "rule_version": results.verdict.rule_version,
            "repeats": row.repeats, "repeats_ok": row.repeats_ok,
            "failure": failure.or(self.candidate.skipped.as_ref()).map(|error| json!({ "code": error.code, "detail": error.message })),
            "href": format!("/v1/jobs/{}/candidates/{}", results.job.id, self.candidate.name),
        })
    }
}

/// The comparison; `None`: some job has no such candidate.
fn beside(wished: &[(String, String)], files: &BTreeMap<String, Bytes>) -> Result<Option<Value>> {
    let broken = |error: serde_json::Error| Error::internal("publish::form", format!("cannot read results.json: {error}"));
    let read = |(job, bytes): (&String, &Bytes)| Ok((job.clone(), serde_json::from_slice::<Results>(bytes).map_err(broken)?));
    let results = files.iter().map(read).collect::<Result<BTreeMap<_, _>>>()?;
    let entrants: Option<Vec<Entrant<'_>>> = wished.iter().map(|(job, candidate)| Entrant::of(results.get(job)?, candidate)).collect();
    let Some(entrants) = entrants else { return Ok(None) };
    let scores: Vec<Value> = names(&entrants).into_iter().map(|name| aligned(&entrants, name)).collect();
    let told: Vec<Value> = entrants.iter().map(Entrant::told).collect();
    Ok(Some(json!({ "candidates": told, "scores": scores })))
}

/// The verdict's score, then every score that some candidate has, in the order in which they are met.
fn names<'a>(entrants: &[Entrant<'a>]) -> Vec<&'a str> {
    let mut names = vec![SCORE];
    for score in entrants.iter().flat_map(|entrant| entrant.repeats()).flat_map(|repeat| &repeat.scores) {
        if !names.contains(&score.name.as_str()) {
            names.push(&score.name);
        }
    }
    names
}

/// One score of all candidates.
fn aligned(entrants: &[Entrant<'_>], name: &str) -> Value {
    let first = entrants.first().and_then(|first| Some((&first.results.job.id, first.moves(name)?)));
    let about = entrants.iter().flat_map(|entrant| entrant.repeats()).flat_map(|repeat| &repeat.scores).find(|score| score.name == name);
    let values: Vec<Value> = entrants
        .iter()
        .enumerate()
        .map(|(place, entrant)| {
            let moves = entrant.moves(name);
            let difference = first.as_ref().filter(|_| place > 0).zip(moves.as_ref()).map(|((job, first), moves)| {
                let paired = **job == entrant.results.job.id;
                let difference = moves.less(first, paired);
                let (low, high) = difference.interval.unzip();
                json!({ "value": difference.value, "low": low, "high": high, "paired": paired })
            });
            let (low, high) = interval(entrant, name, moves.as_ref(), about).unzip();
            let undefined =
                entrant.repeats().iter().flat_map(|repeat| &repeat.scores).find(|score| score.name == name && score.value.is_none());
            json!({
                "value": moves.as_ref().map(Moves::value), "low": low, "high": high, "reference": entrant.reference(name),
                "weight": entrant.component(name).map(|component| component.weight), "difference": difference,
                "undefined": undefined.filter(|_| moves.is_none()).map(|score| json!({ "code": score.undefined, "detail": score.why })),
            })
        })
        .collect();
    json!({
        "name": name,
        // as the verdict names what it weighs
        "component": entrants.iter().find_map(|entrant| entrant.component(name)).map(|component| component.name.as_str()),
        "goal": if about.is_some_and(|score| score.goal == Goal::Down) { "down" } else { "up" },
        "unit": about.map_or("", |score| score.unit.as_str()),
        "range": about.map_or((Some(0.0), Some(1.0)), |score| score.range),
        "fair": about.and_then(|score| score.fair),
        "values": values,
    })
}

/// The interval of a score by itself: as it was told where it was, and within its range.
fn interval(entrant: &Entrant<'_>, name: &str, moves: Option<&Moves>, about: Option<&Score>) -> Option<(f64, f64)> {
    if name == SCORE {
        return entrant.row.score_low.zip(entrant.row.score_high);
    }
    if let [only] = entrant.repeats() {
        let score = only.scores.iter().find(|score| score.name == name)?;
        return score.low.zip(score.high);
    }
    let (low, high) = moves?.interval()?;
    let (least, most) = about.map_or((None, None), |score| score.range);
    Some((low.max(least.unwrap_or(f64::NEG_INFINITY)), high.min(most.unwrap_or(f64::INFINITY))))
}
