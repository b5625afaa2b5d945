//! `synthesizers` and `benchmarks`: what there is, what it costs, where it comes from.

use super::Surroundings;
use crate::arguments::Catalogue;
use crate::say;
use serde_json::{Value, json};
use synthfleet_proto::about::MemberDoc;
use synthfleet_proto::{Error, Result, id};

/// A member's document and its default options.
pub struct Member {
    pub doc: MemberDoc,
    pub defaults: Value,
}

/// Every synthesizer.
pub fn synthesizers() -> Vec<Member> {
    synthfleet_synthesizers::SYNTHESIZERS.iter().map(|member| Member { doc: member.doc(), defaults: member.defaults() }).collect()
}

/// Every benchmark.
pub fn benchmarks() -> Vec<Member> {
    synthfleet_benchmarks::BENCHMARKS.iter().map(|member| Member { doc: member.doc(), defaults: member.defaults() }).collect()
}

/// Prints the list or one member.
pub fn run(what: &Catalogue, members: &[Member], surroundings: &Surroundings) -> Result<u8> {
    match what {
        Catalogue::Ls if surroundings.json => say!("{}", json!(members.iter().map(|m| &m.doc).collect::<Vec<_>>())),
        Catalogue::Ls => members.iter().for_each(|member| say!("{:<18} {:<7} {}", member.doc.name, cost(&member.doc), member.doc.summary)),
        Catalogue::Show { name } => show(find(members, name)?, surroundings),
    }
    Ok(0)
}

fn find<'a>(members: &'a [Member], name: &str) -> Result<&'a Member> {
    let answers = |doc: &MemberDoc| doc.name.eq_ignore_ascii_case(name) || doc.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(name));
    members.iter().find(|member| answers(&member.doc)).ok_or_else(|| {
        let error = Error::invalid("member::unknown", format!("no member {name:?}"));
        match id::nearest(name, members.iter().map(|member| member.doc.name.as_str())) {
            Some(near) => error.help(format!("did you mean {near}?")),
            None => error.help("`ls` lists all"),
        }
    })
}

fn show(member: &Member, surroundings: &Surroundings) {
    let doc = &member.doc;
    if surroundings.json {
        say!("{}", json!(doc));
        return;
    }
    say!("{} {}\n{}\n", doc.name, doc.version, doc.summary);
    say!("cost       {}", cost(doc));
    if !doc.aliases.is_empty() {
        say!("also       {}", doc.aliases.join(", "));
    }
    say!("paper      {}", doc.paper);
    if doc.baseline {
        say!("baseline   shown for comparison, never eligible");
    }
    if !doc.scores.is_empty() {
        say!("scores     {}", doc.scores.iter().map(|score| score.id.as_str()).collect::<Vec<_>>().join(", "));
    }
    let properties = doc.options["properties"].as_object().into_iter().flatten();
    for (place, (name, schema)) in properties.enumerate() {
        let head = if place == 0 { "options   " } else { "          " };
        say!("{head} {name} = {}", member.defaults[name]);
        let about = schema["description"].as_str().unwrap_or_default().replace('\n', " ");
        say!("             {about}");
    }
}

fn cost(doc: &MemberDoc) -> String {
    format!("{:?}", doc.cost).to_lowercase()
}
