//! `submit`: asks a server for jobs. Files of this machine are uploaded; links and simulated sets go as they are.

use super::Surroundings;
use super::follow::{self, End};
use super::run::NO_RELEASE;
use crate::arguments::Submit;
use crate::client::{self, Client};
use crate::present::{error, list};
use crate::{jobfile, say, source, tell};
use serde_json::{Map, Value, json};
use std::path::Path;
use synthfleet_proto::job::JobSpec;
use synthfleet_proto::{Error, Result};

/// Submits one job a source and, if wished, waits for their ends.
pub async fn run(flags: &Submit, surroundings: &Surroundings) -> Result<u8> {
    let client = Client::open(&surroundings.config.client, flags.caller.tenant.as_deref())?;
    // all are read before the first is sent
    let jobs = jobs(flags)?;
    let (mut accepted, mut refused) = (Vec::new(), None);
    for (place, job) in jobs.iter().enumerate() {
        let key = flags.idempotency_key.as_ref().map(|key| if jobs.len() == 1 { key.clone() } else { format!("{key}.{}", place + 1) });
        match send(&client, job.clone(), key.as_deref(), surroundings).await {
            Ok(told) => accepted.push(shown(&client, job, told, flags.wait, surroundings)),
            Err(error) if accepted.is_empty() => return Err(error),
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
    }
    let mut code = 0;
    if flags.wait {
        for job in &mut accepted {
            code = worse(code, wait(&client, job, surroundings).await?);
            if code == follow::LEFT {
                break;
            }
        }
    }
    if let Some(error) = &refused {
        tell!("{}", error::text(error, surroundings.style).trim_end());
        code = error.kind().exit_code();
    }
    if surroundings.json {
        let mut told = json!({ "jobs": accepted });
        if let (Some(error), Some(fields)) = (refused, told.as_object_mut()) {
            fields.insert("error".into(), json!(error.to_wire()));
        }
        say!("{told}");
    }
    Ok(code)
}

/// The exit code of two jobs together: a failure counts before a job without a release.
pub fn worse(one: u8, other: u8) -> u8 {
    match (one, other) {
        (0, other) => other,
        (NO_RELEASE, other) if other != 0 => other,
        (one, _) => one,
    }
}

/// The jobs of the flags, each checked as far as that can be done here.
fn jobs(flags: &Submit) -> Result<Vec<Value>> {
    let sources: Vec<Option<&str>> =
        if flags.sources.is_empty() { vec![None] } else { flags.sources.iter().map(|source| Some(source.as_str())).collect() };
    if flags.sources.iter().filter(|source| *source == "-").count() > 1 {
        return Err(Error::invalid("cli::flag", "standard input can be read once").help("name `-` only once"));
    }
    let mut jobs = Vec::with_capacity(sources.len());
    for source in sources {
        let mut job = jobfile::of_flags(source, &flags.wishes)?;
        if let Some(fields) = job.as_object_mut() {
            add(fields, flags)?;
        }
        let read = JobSpec::read(&job)?;
        for uri in [Some(&read.source.uri), read.holdout_source.as_ref()].into_iter().flatten().filter(|uri| is_local(uri) && *uri != "-") {
            source::path(uri, Path::new(""))?;
        }
        jobs.push(job);
    }
    Ok(jobs)
}

/// Fields that only a submission has.
fn add(job: &mut Map<String, Value>, flags: &Submit) -> Result<()> {
    let mut labels = job.remove("labels").and_then(|labels| labels.as_object().cloned()).unwrap_or_default();
    for label in &flags.label {
        let (name, value) = jobfile::pair("--label", label)?;
        labels.insert(name.to_owned(), json!(value));
    }
    if !labels.is_empty() {
        job.insert("labels".into(), Value::Object(labels));
    }
    for (field, value) in [("summary", &flags.summary), ("priority", &flags.priority), ("output", &flags.output)] {
        if let Some(value) = value {
            job.insert(field.into(), json!(value));
        }
    }
    if flags.hold {
        job.insert("hold".into(), json!(true));
    }
    if flags.no_cache {
        job.insert("cache".into(), json!(false));
    }
    Ok(())
}

/// Whether a source lies on this machine, so that the server has to be given its bytes.
fn is_local(uri: &str) -> bool {
    !uri.starts_with("sim:") && !uri.starts_with("upload:") && !uri.contains("://")
}

/// Sends what the job names and then the job; gives what the server tells of it.
pub async fn send(client: &Client, mut job: Value, key: Option<&str>, surroundings: &Surroundings) -> Result<Value> {
    for (pointer, part) in [("/source/uri", "source"), ("/holdout_source", "holdout")] {
        let Some(place) = job.pointer_mut(pointer) else { continue };
        let Some(uri) = place.as_str().filter(|uri| is_local(uri)).map(str::to_owned) else { continue };
        let key = key.map(|key| format!("{key}/{part}"));
        let sent =
            if uri == "-" { client.upload_input(key.as_deref()).await? } else { client.upload(Path::new(&uri), key.as_deref()).await? };
        if !surroundings.quiet && !surroundings.json {
            tell!("  upload   {uri}   {}", list::size(sent.bytes));
        }
        *place = json!(sent.source);
    }
    if let Some(path) = metadata_path(&job) {
        job["metadata"] = client::document(&path)?;
    }
    client.post_once(&["v1", "jobs"], Some(&job), key).await
}

/// The file of this machine that describes the table.
fn metadata_path(job: &Value) -> Option<String> {
    let metadata = &job["metadata"];
    let alone = metadata.as_object().filter(|fields| fields.len() == 1);
    let uri = metadata.as_str().or_else(|| alone?.get("uri")?.as_str())?;
    is_local(uri).then(|| uri.to_owned())
}

/// Tells of an accepted job, and keeps what is told of it at the end.
fn shown(client: &Client, job: &Value, told: Value, waits: bool, surroundings: &Surroundings) -> Value {
    let source = job["source"]["uri"].as_str().unwrap_or_default();
    let id = told["id"].as_str().unwrap_or_default();
    if !surroundings.json && !surroundings.quiet {
        let state = told["state"].as_str().unwrap_or_default();
        let lines = [format!("  job      {id}   {state}   {source}"), format!("  link     {}/v1/jobs/{id}", client.place())];
        for line in lines {
            if waits {
                tell!("{line}");
            } else {
                say!("{line}");
            }
        }
        if !waits {
            say!("  next     synthfleet jobs watch {id}");
        }
    }
    json!({ "id": id, "source": source, "state": told["state"], "outcome": told["outcome"], "links": told["links"] })
}

/// Waits for the end of an accepted job and adds it to what is told.
async fn wait(client: &Client, told: &mut Value, surroundings: &Surroundings) -> Result<u8> {
    let id = told["id"].as_str().unwrap_or_default().to_owned();
    let Some(job) = follow::follow(client, &id, surroundings).await? else { return Ok(follow::LEFT) };
    (told["state"], told["outcome"]) = (job["state"].clone(), job["outcome"].clone());
    match follow::end(client, job, surroundings).await {
        Ok(End { code, results, .. }) => {
            told["results"] = json!(results);
            Ok(code)
        }
        Err(error) => {
            tell!("{}", error::text(&error, surroundings.style).trim_end());
            told["error"] = json!(error.to_wire());
            Ok(error.kind().exit_code())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_this_machine_are_uploaded() {
        for uri in ["a.csv", "/data/a.csv", "-", "./sim"] {
            assert!(is_local(uri), "{uri}");
        }
        for uri in ["sim:demo", "upload:upl_0", "s3://b/a.csv", "https://h/a.csv", "http://h/a.csv"] {
            assert!(!is_local(uri), "{uri}");
        }
    }

    #[test]
    fn failures_count_before_missing_releases_and_these_before_winners() {
        assert_eq!([worse(0, 0), worse(0, 4), worse(4, 0), worse(4, 3), worse(3, 4), worse(5, 3)], [0, 4, 4, 3, 3, 5]);
    }

    #[test]
    fn metadata_that_are_a_file_are_told_from_the_document_itself() {
        assert_eq!(metadata_path(&json!({"metadata": "m.json"})).as_deref(), Some("m.json"));
        assert_eq!(metadata_path(&json!({"metadata": {"uri": "m.json"}})).as_deref(), Some("m.json"));
        assert_eq!(metadata_path(&json!({"metadata": {"uri": "s3://b/m.json"}})), None);
        assert_eq!(metadata_path(&json!({"metadata": {"columns": {}, "uri": "m.json"}})), None);
        assert_eq!(metadata_path(&json!({})), None);
    }
}
