//! `synthesizers` and `benchmarks`: what there is, what it costs, where it comes from.

use super::Surroundings;
use crate::arguments::Catalogue;
use crate::say;
use serde_json::{Value, json};
use synthfleet_proto::about::{Accepts, Conditional, Cost, MemberDoc, Shape};
use synthfleet_proto::{Error, Result, id, later};

/// A member's document and its default options.
pub struct Member {
    pub doc: MemberDoc,
    pub defaults: Value,
    /// What a fit and a sample cost on a table of [`SIZED`] shape.
    pub estimate: Option<Cost>,
}

/// A table that costs are told for: about the size of Adult.
const SIZED: Shape = Shape {
    train_rows: 40_000,
    holdout_rows: 10_000,
    number_like: 6,
    discrete: 9,
    levels_widest: 42,
    levels_sum: 102,
    other: 0,
    target: true,
};

/// Every synthesizer.
pub fn synthesizers() -> Vec<Member> {
    let known = synthfleet_synthesizers::SYNTHESIZERS.iter();
    let member = |member: &&dyn synthfleet_synthesizers::AnySynthesizer| Member {
        doc: member.doc(),
        defaults: member.defaults(),
        estimate: member.estimate_any(&SIZED, &Value::Null).ok(),
    };
    known.map(member).collect()
}

/// Every benchmark.
pub fn benchmarks() -> Vec<Member> {
    synthfleet_benchmarks::BENCHMARKS
        .iter()
        .map(|member| Member { doc: member.doc(), defaults: member.defaults(), estimate: None })
        .collect()
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
    if let Some(member) = members.iter().find(|member| answers(&member.doc)) {
        return Ok(member);
    }
    if members.iter().any(|member| member.doc.task == "synthesize") {
        later::check(name)?;
    }
    Err({
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
    if !doc.when.is_empty() {
        say!("when       {}", doc.when);
    }
    match &member.estimate {
        Some(estimate) => say!("cost       {}: {}", cost(doc), of_sized(estimate)),
        None => say!("cost       {}", cost(doc)),
    }
    if let Some(takes) = takes(&doc.accepts) {
        say!("takes      {takes}");
    }
    if doc.task == "synthesize" {
        say!("conditions {}", conditions(doc.given));
    }
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
        say!("             {about}{}", range(schema));
    }
}

/// Estimated cost in words.
fn of_sized(estimate: &Cost) -> String {
    let (rows, columns) = (SIZED.train_rows, SIZED.modelled());
    let megabytes = |bytes: u64| bytes.div_ceil(1 << 20);
    let (peak, model) = (megabytes(estimate.peak_bytes), megabytes(estimate.model_bytes));
    format!(
        "about {:.1} s on one core, {peak} MiB of memory, a model of {model} MiB for {rows} rows of {columns} columns",
        estimate.cpu_seconds
    )
}

/// How samples under conditions are drawn.
fn conditions(given: Conditional) -> &'static str {
    match given {
        Conditional::Exact => "exact",
        Conditional::NearlyExact => "exact where at most one is no single number, else approached by Gibbs sampling",
        Conditional::ExactInOrder => "exact where they stand first in its order, else by weighted particles",
        Conditional::Guided => "rows are led towards them, those that fail are refused, up to 100 proposals a row",
        Conditional::Refused => "rows that fail are refused, up to 100 proposals a row",
    }
}

/// Limits on tables, if there are any.
fn takes(accepts: &Accepts) -> Option<String> {
    let any = Accepts::ANY;
    let mut parts = Vec::new();
    if accepts.rows_min > any.rows_min {
        parts.push(format!("at least {} train rows", accepts.rows_min));
    }
    if accepts.holdout_rows_min > any.holdout_rows_min {
        parts.push(format!("at least {} holdout rows", accepts.holdout_rows_min));
    }
    if accepts.columns_min > any.columns_min {
        parts.push(format!("at least {} columns", accepts.columns_min));
    }
    if accepts.columns_max < any.columns_max {
        parts.push(format!("at most {} columns", accepts.columns_max));
    }
    if accepts.levels_max < any.levels_max {
        parts.push(format!("at most {} levels a column", accepts.levels_max));
    }
    if accepts.needs_numbers {
        parts.push("tables with a number column".to_owned());
    }
    if accepts.needs_target {
        parts.push("tables with a target".to_owned());
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// Bounds of an option that its sentence does not tell.
fn range(schema: &Value) -> String {
    match (schema["minimum"].as_f64(), schema["maximum"].as_f64()) {
        (Some(low), Some(high)) => format!(" [{low} to {high}]"),
        _ => String::new(),
    }
}

fn cost(doc: &MemberDoc) -> String {
    format!("{:?}", doc.cost).to_lowercase()
}
