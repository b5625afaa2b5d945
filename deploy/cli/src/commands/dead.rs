//! `dead`: messages that were buried, with the reason.

use super::Surroundings;
use crate::arguments::DeadWhat;
use crate::client::Client;
use crate::present::list::{cell, items, text};
use crate::say;
use serde_json::{Value, json};
use synthfleet_proto::{Error, Result};

/// Does what the flags say.
pub async fn run(what: &DeadWhat, surroundings: &Surroundings) -> Result<u8> {
    let client = Client::open(&surroundings.config.client, None)?;
    match what {
        DeadWhat::Ls => {
            let told = client.get(&["v1", "dead-letters"], &[]).await?;
            if surroundings.json {
                say!("{told}");
            } else {
                say!("{}", text(&["letter", "at", "kind", "job", "task", "treatment", "reason"], items(&told).iter().map(row)));
            }
        }
        DeadWhat::Show { letter } => {
            let (day, id) = parts(letter)?;
            let told = client.get(&["v1", "dead-letters", day, id], &[]).await?;
            show(&told, surroundings);
        }
        DeadWhat::Requeue { letter } => {
            let (day, id) = parts(letter)?;
            // twice would be two messages: only tried again if it never arrived
            client.post(&["v1", "dead-letters", day, id, "requeue"], None).await?;
            done(letter, "requeued", surroundings);
        }
        DeadWhat::Discard { letter } => {
            let (day, id) = parts(letter)?;
            client.delete(&["v1", "dead-letters", day, id]).await?;
            done(letter, "discarded", surroundings);
        }
    }
    Ok(0)
}

fn row(letter: &Value) -> Vec<String> {
    let name = format!("{}/{}", cell(&letter["day"]), cell(&letter["id"]));
    let [at, kind, job, task, treatment, reason] = ["at", "kind", "job", "task", "treatment", "reason"].map(|name| cell(&letter[name]));
    vec![name, at, kind, job, task, treatment, reason]
}

fn show(letter: &Value, surroundings: &Surroundings) {
    if surroundings.json {
        say!("{letter}");
        return;
    }
    for (name, value) in letter.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
        say!("{name:<10} {}", cell(value));
    }
}

fn done(letter: &str, what: &str, surroundings: &Surroundings) {
    if surroundings.json {
        say!("{}", json!({ "letter": letter, what: true }));
    } else {
        say!("{what} {letter}");
    }
}

/// Day and id of a message as `dead ls` names it.
fn parts(letter: &str) -> Result<(&str, &str)> {
    letter.split_once('/').ok_or_else(|| {
        let shown: String = letter.chars().take(64).collect();
        Error::invalid("client::id", format!("{shown:?} names no buried message")).help("write DAY/ID as `synthfleet dead ls` shows it")
    })
}
