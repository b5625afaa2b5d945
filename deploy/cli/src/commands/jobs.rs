//! `jobs`: see, follow, steer and fetch the jobs of a server.

use super::{Surroundings, follow};
use crate::arguments::{Jobs, JobsWhat};
use crate::client::{self, Client, Published, error_of};
use crate::present::error;
use crate::present::list::{cell, items, size, text};
use crate::present::style::safe;
use crate::{jobfile, say, tell};
use serde_json::{Value, json};
use std::path::Path;
use synthfleet_coordinator::deliver::{check_folder, deliver_from};
use synthfleet_proto::Result;

/// Entries that a server gives at once.
const PAGE: usize = 200;

/// Does what the flags say.
pub async fn run(flags: &Jobs, surroundings: &Surroundings) -> Result<u8> {
    let client = Client::open(&surroundings.config.client, flags.caller.tenant.as_deref())?;
    match &flags.what {
        JobsWhat::Ls { state, label, limit } => list(&client, (state.as_deref(), label.as_deref(), *limit), surroundings).await,
        JobsWhat::Show { id } => {
            let job = client.get(&["v1", "jobs", client::job(id)?], &[]).await?;
            show(&job, surroundings);
            Ok(0)
        }
        JobsWhat::Watch { id } => watch(&client, client::job(id)?, surroundings).await,
        JobsWhat::Cancel { id, reason } => {
            let body = reason.as_ref().map(|reason| json!({ "reason": reason }));
            // a job is cancelled once, however often that is asked
            let told = client.post_once(&["v1", "jobs", client::job(id)?, "cancel"], body.as_ref(), None).await?;
            done(&told, "cancelling", surroundings)
        }
        JobsWhat::Release { id } => {
            let told = client.post_once(&["v1", "jobs", client::job(id)?, "release"], None, None).await?;
            done(&told, "released", surroundings)
        }
        JobsWhat::Retry { id } => {
            let told = client.post_once(&["v1", "jobs", client::job(id)?, "retry"], None, None).await?;
            done(&told, "asked again", surroundings)
        }
        JobsWhat::Publish { id } => publish(&client, client::job(id)?, surroundings).await,
        JobsWhat::Rm { id } => {
            client.delete(&["v1", "jobs", client::job(id)?]).await?;
            if surroundings.json {
                say!("{}", json!({ "job": id, "removed": true }));
            } else {
                say!("removed {id}");
            }
            Ok(0)
        }
        JobsWhat::Files { id, output, force } => {
            let published = Published { client: &client, job: client::job(id)? };
            files(&published, output.as_deref(), *force, surroundings).await
        }
    }
}

async fn list(client: &Client, (state, label, limit): (Option<&str>, Option<&str>, usize), surroundings: &Surroundings) -> Result<u8> {
    let label = label.map(|label| jobfile::pair("--label", label).map(|(name, value)| format!("{name}:{value}"))).transpose()?;
    let (mut found, mut cursor): (Vec<Value>, Option<String>) = (Vec::new(), None);
    while found.len() < limit {
        let page = (limit - found.len()).min(PAGE).to_string();
        let filters = [("state", state), ("label", label.as_deref()), ("cursor", cursor.as_deref()), ("limit", Some(page.as_str()))];
        let query: Vec<(&str, &str)> = filters.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let told = client.get(&["v1", "jobs"], &query).await?;
        found.extend(items(&told).iter().cloned());
        cursor = told["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    if surroundings.json {
        say!("{}", json!({ "items": found, "more": cursor.is_some() }));
        return Ok(0);
    }
    let row = |job: &Value| {
        let result = if job["winner"].is_string() { &job["winner"] } else { &job["outcome"] };
        [&job["id"], &job["state"], result, &job["table"], &job["created"], &job["summary"]].map(cell).to_vec()
    };
    say!("{}", text(&["job", "state", "result", "table", "created", "summary"], found.iter().map(row)));
    if cursor.is_some() {
        say!("  there are more: --limit N, --state, --label");
    }
    Ok(0)
}

fn show(job: &Value, surroundings: &Surroundings) {
    if surroundings.json {
        say!("{job}");
        return;
    }
    let line = |name: &str, value: &Value| {
        if !value.is_null() {
            say!("{name:<10} {}", cell(value));
        }
    };
    line("job", &job["id"]);
    line("state", &job["state"]);
    line("outcome", &job["outcome"]);
    line("winner", &job["verdict"]["winner"]);
    line("source", &job["spec"]["source"]["uri"]);
    let table = &job["table"];
    match (table["rows"].as_u64(), table["columns"].as_u64()) {
        (Some(rows), Some(columns)) => {
            say!("table      {}   {rows} rows x {columns} columns   target: {}", cell(&table["name"]), cell(&table["target"]))
        }
        _ => line("table", &table["name"]),
    }
    for field in ["created", "started", "ended"] {
        line(field, &job[field]);
    }
    let counts = job["counts"].as_object().into_iter().flatten().filter(|(_, count)| count.as_u64().is_some_and(|count| count > 0));
    let counts: Vec<String> = counts.map(|(state, count)| format!("{count} {state}")).collect();
    say!(
        "tasks      {}   {:.0} % ended",
        if counts.is_empty() { "none yet".to_owned() } else { counts.join(", ") },
        job["progress"].as_f64().unwrap_or(0.0) * 100.0
    );
    for (name, value) in job["spec"]["labels"].as_object().into_iter().flatten() {
        say!("label      {}={}", safe(name), cell(value));
    }
    line("summary", &job["spec"]["summary"]);
    for problem in [&job["problem"], &job["publish_failed"]].into_iter().filter(|problem| problem.is_object()) {
        say!("{}", error::text(&error_of(problem), surroundings.style).trim_end());
    }
    if job["publish_failed"].is_object() {
        say!("next       synthfleet jobs publish {}", cell(&job["id"]));
    }
}

async fn watch(client: &Client, id: &str, surroundings: &Surroundings) -> Result<u8> {
    let Some(job) = follow::follow(client, id, surroundings).await? else { return Ok(follow::LEFT) };
    let end = follow::end(client, job, surroundings).await?;
    if surroundings.json {
        say!("{}", json!({ "job": end.job, "results": end.results }));
    }
    Ok(end.code)
}

/// Has the output copied and waits until it is, however long that takes; whoever leaves, leaves the copy to go on.
async fn publish(client: &Client, id: &str, surroundings: &Surroundings) -> Result<u8> {
    let path = ["v1", "jobs", id, "publish"];
    let waiting = || {
        if !surroundings.quiet {
            tell!("  copying  {id}   Ctrl-C leaves it to go on");
        }
    };
    tokio::select! {
        copied = client.post_until_done(&path, waiting) => done(&copied?, "copied", surroundings),
        _ = tokio::signal::ctrl_c() => {
            tell!("  the copy goes on; to wait for it again: synthfleet jobs publish {id}");
            Ok(follow::LEFT)
        }
    }
}

fn done(job: &Value, what: &str, surroundings: &Surroundings) -> Result<u8> {
    if surroundings.json {
        say!("{job}");
    } else {
        say!("{what} {}   {}", cell(&job["id"]), cell(&job["state"]));
    }
    Ok(0)
}

async fn files(published: &Published<'_>, output: Option<&Path>, force: bool, surroundings: &Surroundings) -> Result<u8> {
    if let Some(folder) = output {
        check_folder(folder, force)?;
    }
    let listed = published.list().await?;
    let shown: Vec<Value> = listed
        .files
        .iter()
        .map(|file| json!({ "path": file.path, "bytes": file.bytes, "sha256": file.sha256, "deterministic": file.deterministic }))
        .collect();
    if let Some(folder) = output {
        deliver_from(published, &listed, folder, force).await?;
    }
    if surroundings.json {
        say!("{}", json!({ "items": shown, "output": output }));
        return Ok(0);
    }
    match output {
        Some(folder) => {
            let bytes = listed.files.iter().map(|file| file.bytes).sum();
            say!("  wrote    {}   {} files, {}, every SHA-256 as published", folder.display(), listed.files.len(), size(bytes));
        }
        None => say!(
            "{}",
            text(
                &["file", "size", "sha256"],
                listed.files.iter().map(|file| vec![safe(&file.path), size(file.bytes), file.sha256.clone()])
            )
        ),
    }
    Ok(0)
}
