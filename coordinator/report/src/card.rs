//! `card.md`: what somebody must know who is handed the synthetic table alone.

use crate::bundle::Bundle;
use crate::number::{count, percent, plain, score_or_dash};
use crate::words::{self, Fit};
use std::fmt::Write;
use synthfleet_proto::score::Score;
use synthfleet_proto::verdict::Decision;

/// Most scores in the card.
const SCORES_MAX: usize = 60;
/// Most columns in the card.
const COLUMNS_MAX: usize = 40;

/// The card, at most 200 lines.
pub fn render(bundle: &Bundle) -> String {
    let mut out = String::new();
    head(bundle, &mut out);
    uses(bundle, &mut out);
    method(bundle, &mut out);
    data(bundle, &mut out);
    scores(bundle, &mut out);
    gates(bundle, &mut out);
    limits(bundle, &mut out);
    out
}

/// Text that Markdown shows as it is, on one line.
fn plain_text(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            '\n' | '\r' | '\t' => out.push(' '),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '#' | '|' | '!' => {
                out.push('\\');
                out.push(letter);
            }
            letter if letter.is_control() => {}
            letter => out.push(letter),
        }
    }
    out
}

fn line(out: &mut String, text: &str) {
    let _ = writeln!(out, "{text}");
}

fn head(bundle: &Bundle, out: &mut String) {
    let (job, table, verdict) = (&bundle.results.job, &bundle.results.table, bundle.verdict());
    line(out, "---");
    line(out, &format!("synthetic: {}", verdict.outcome == Decision::Winner));
    line(out, &format!("table: {}", table.name));
    line(out, &format!("outcome: {}", if verdict.outcome == Decision::Winner { "winner" } else { "no_release" }));
    if let Some(subject) = bundle.subject() {
        line(out, &format!("synthesizer: {}", subject.synthesizer));
    }
    line(out, &format!("seed: \"{}\"", job.seed));
    line(out, &format!("generator: synthfleet {}", job.version));
    line(out, &format!("rule: {}", verdict.rule_version));
    line(out, "---");
    line(out, &format!("\n# Synthetic {}\n", plain_text(&table.name)));
    line(out, &format!("{}. {}", plain_text(&words::headline(bundle)), plain_text(&words::meaning(bundle))));
    if let Some(note) = words::tiny(bundle) {
        line(out, &format!("\n> **tiny\\_table** {}", plain_text(note)));
    }
    for warning in &verdict.warnings {
        line(out, &format!("\n> **{}** {}", plain_text(&warning.code), plain_text(&warning.text)));
    }
}

fn uses(bundle: &Bundle, out: &mut String) {
    let all = words::uses(bundle);
    for (title, wanted) in [("Intended use", [Fit::Yes, Fit::Care]), ("Not for", [Fit::No, Fit::Unknown])] {
        line(out, &format!("\n## {title}\n"));
        for one in all.iter().filter(|one| wanted.contains(&one.fit)) {
            line(out, &format!("- {} ({}): {}", one.what, one.fit.word(), plain_text(&one.rule)));
        }
        if title == "Not for" {
            line(out, "- decisions about single people: no row describes anybody");
            line(out, "- finding rare cases: values of fewer than five rows are protected");
        }
    }
}

fn method(bundle: &Bundle, out: &mut String) {
    line(out, "\n## Method\n");
    let Some(subject) = bundle.subject() else { return line(out, "No candidate was begun.") };
    let member = bundle.member(&subject.synthesizer);
    let version = member.map(|member| format!(" {}", member.version)).unwrap_or_default();
    line(out, &format!("- synthesizer: {}{version}", plain_text(&subject.synthesizer)));
    if let Some(member) = member {
        line(out, &format!("- {} {}", plain_text(&member.summary), plain_text(&member.paper)));
    }
    let options = bundle.candidate(&subject.candidate).map(|candidate| candidate.options.to_string()).unwrap_or_default();
    line(out, &format!("- options: {}", plain_text(if matches!(options.as_str(), "" | "null" | "{}") { "defaults" } else { &options })));
    if let Some(repeat) = bundle.subject_row().repeat() {
        line(out, &format!("- seed of the fit: {}", repeat.seed));
        let guarantee = match repeat.epsilon {
            Some(epsilon) => {
                format!("differential privacy, ε = {}, δ = {}", plain(epsilon), repeat.delta.map_or_else(|| "0".to_owned(), plain))
            }
            None => "no formal guarantee".to_owned(),
        };
        line(out, &format!("- privacy statement: {guarantee}; judged by the gates below"));
        if let Some(privacy) = &repeat.privacy {
            line(out, &format!("- relation: {}; public: {}", privacy.relation.name(), privacy.public));
            line(out, &format!("- {}", privacy.outside));
            line(out, "\n| ledger | mechanism | part of | epsilon | rho | delta |\n|---|---|---|---|---|---|");
            for spend in &privacy.ledger {
                let number = |number: Option<f64>| number.map_or_else(|| "–".to_owned(), plain);
                let (epsilon, rho, delta) = (number(spend.epsilon), number(spend.rho), number((spend.delta > 0.0).then_some(spend.delta)));
                let (asked, group) = (plain_text(&spend.id), spend.part_of.as_deref().unwrap_or("–"));
                line(out, &format!("| {asked} | {} | {group} | {epsilon} | {rho} | {delta} |", spend.mechanism));
            }
        }
    }
}

fn data(bundle: &Bundle, out: &mut String) {
    let (profile, table) = (bundle.profile, &bundle.results.table);
    line(out, "\n## Data\n");
    line(
        out,
        &format!(
            "{} rows and {} columns; {} rows learnt from, {} held out. Input SHA-256 {}.\n",
            count(table.rows),
            table.columns,
            count(table.train_rows),
            count(table.holdout_rows),
            profile.table.sha256
        ),
    );
    line(out, "| column | kind | missing | distinct |\n|---|---|---|---|");
    for column in profile.columns.iter().take(COLUMNS_MAX) {
        let missing = if profile.table.rows > 0 { column.missing as f64 / profile.table.rows as f64 } else { 0.0 };
        line(
            out,
            &format!("| {} | {} | {} | {} |", plain_text(&column.header), column.kind.name(), percent(missing), count(column.distinct)),
        );
    }
    if profile.columns.len() > COLUMNS_MAX {
        line(out, &format!("\nThe first {COLUMNS_MAX} of {} columns.", profile.columns.len()));
    }
}

fn scores(bundle: &Bundle, out: &mut String) {
    line(out, "\n## Scores\n\n| score | value | 95 % interval | held-out rows |\n|---|---|---|---|");
    let holdout = bundle.reference("holdout");
    let interval = |score: &Score| score.low.zip(score.high).map(|(low, high)| format!("{low:.3} – {high:.3}")).unwrap_or_default();
    let all = bundle.subject_row().repeat().map(|repeat| repeat.scores.as_slice()).unwrap_or_default();
    for score in chosen(all) {
        let value = score.value.map_or_else(|| score.undefined.clone().unwrap_or_default(), |value| format!("{value:.4}"));
        line(
            out,
            &format!(
                "| {} | {} | {} | {} |",
                plain_text(&score.name),
                plain_text(&value),
                interval(score),
                score_or_dash(holdout.value(&score.name))
            ),
        );
    }
    if all.len() > SCORES_MAX {
        line(out, &format!("\n{SCORES_MAX} of {} scores; all are in results.json and on the page.", all.len()));
    }
}

/// As many scores as the card has room for, in their order: each benchmark's first, then those with a value.
fn chosen(scores: &[Score]) -> Vec<&Score> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by_key(|&place| (scores[place].name.contains('.'), scores[place].value.is_none(), place));
    order.truncate(SCORES_MAX);
    order.sort_unstable();
    order.into_iter().map(|place| &scores[place]).collect()
}

fn gates(bundle: &Bundle, out: &mut String) {
    line(out, "\n## Gates\n\n| gate | value | limit | fair | state |\n|---|---|---|---|---|");
    for gate in bundle.subject().map(|subject| subject.gates.as_slice()).unwrap_or_default() {
        line(
            out,
            &format!(
                "| {} | {} | {} | {} | {} |",
                plain_text(&gate.name),
                score_or_dash(gate.value),
                plain(gate.limit),
                plain(gate.fair),
                words::state(gate.state)
            ),
        );
    }
}

fn limits(bundle: &Bundle, out: &mut String) {
    line(out, "\n## Limits\n");
    let (verdict, certainty) = (bundle.verdict(), words::certainty(bundle.verdict()));
    if !certainty.is_empty() {
        line(out, &format!("- The pick is {}.", plain_text(&certainty)));
    }
    for (gate, limit) in &verdict.limits {
        line(out, &format!("- The job judged the gate {} by a limit of its own: {}.", plain_text(gate), plain(*limit)));
    }
    line(out, "- The gates cover the attacks named above and no others; they are evidence, not proof.");
    for note in &bundle.results.job.notes {
        line(out, &format!("- {}.", plain_text(&note.text)));
    }
    if bundle.results.table.holdout_rows < 1_000 {
        line(out, "- Few rows were held out, so intervals are wide.");
    }
    line(out, "- The licence of the input was not given; it applies to this table as far as the law says so.");
    line(out, "\n## Provenance\n");
    line(
        out,
        &format!(
            "Job {}, synthfleet {}. To make it again:\n\n    {}",
            bundle.results.job.id,
            bundle.results.job.version,
            bundle.command.replace('\n', " ")
        ),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_become_markup() {
        assert_eq!(plain_text("a|b\n# <img>"), "a\\|b \\# &lt;img&gt;");
    }
}
