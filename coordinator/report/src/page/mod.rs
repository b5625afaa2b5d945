//! `report.html`: one file that asks for nothing, read without scripts, light, dark and on paper.

mod accuracy;
mod board;
pub(crate) mod columns;
mod data;
mod further;
mod method;
mod pairs;
mod privacy;
mod scores;
pub(crate) mod utility;
mod verdict;

use crate::bundle::Bundle;
use crate::words;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// The style of every page.
pub(crate) const STYLE: &str = include_str!("style.css");

/// What a page may do: show its own style.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// Anchor, title, content.
type Section = (&'static str, &'static str, fn(&Bundle) -> Markup);

/// Sections in order.
const SECTIONS: [Section; 13] = [
    ("verdict", "Verdict", verdict::tiles),
    ("fit", "What it is fit for", verdict::uses),
    ("board", "All candidates", board::section),
    ("why", "Why this one", verdict::why),
    ("data", "The data", data::section),
    ("columns", "Columns", columns::section),
    ("pairs", "Pairs of columns", pairs::section),
    ("accuracy", "Accuracy and likeness", accuracy::section),
    ("utility", "Use for models", utility::section),
    ("privacy", "Privacy", privacy::section),
    ("method", "Method", method::section),
    ("limits", "Limits", method::limits),
    ("reproduce", "Reproduce", method::reproduce),
];

/// The whole page.
pub fn render(bundle: &Bundle) -> String {
    let table = &bundle.results.table;
    let title = format!("Synthetic {}: {}", table.name, words::headline(bundle));
    document(
        &title,
        &html! {
            header {
                h1 { (words::headline(bundle)) }
                p.quiet {
                    "Table " strong { (table.name) } ", " (crate::number::count(table.rows)) " rows, " (table.columns) " columns; "
                    (crate::number::count(table.train_rows)) " rows learnt from, " (crate::number::count(table.holdout_rows)) " held out. "
                    "Numbers in [brackets] are what the held-out real rows get."
                }
                nav aria-label="Sections" { ol { @for (anchor, title, _) in SECTIONS { li { a href=(format!("#{anchor}")) { (title) } } } } }
            }
            main {
                @for (anchor, title, content) in SECTIONS {
                    section id=(anchor) aria-labelledby=(format!("{anchor}-title")) {
                        h2 id=(format!("{anchor}-title")) { (title) }
                        (content(bundle))
                    }
                }
                (glossary())
            }
            footer { "Made by synthfleet " (bundle.results.job.version) ", rule " (bundle.verdict().rule_version) ". Only synthetic rows are shown." }
        },
    )
}

/// A whole file: one that asks for nothing and runs nothing.
pub fn document(title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                // a second lock beside escaping: the file may neither run nor fetch anything, wherever it is opened
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { (body) }
        }
    };
    page.into_string()
}

/// What grey, dashes and blue-green stand for.
fn legend() -> Markup {
    html! {
        p.legend {
            span { i.l-real {} "real (learnt from)" }
            span { i.l-ref {} "reference (held out)" }
            span { i.l-syn {} "synthetic" }
        }
    }
}

fn glossary() -> Markup {
    let words = [
        ("train", "real rows that synthesizers learnt from"),
        ("holdout", "real rows that no synthesizer saw: the measure of what is possible and of what is private"),
        ("reference", "what the holdout gets when it is scored as if it were synthetic"),
        ("gate", "a condition that a candidate must pass before its score counts"),
        ("score", "weighted geometric mean of the components accuracy, detection, utility and association"),
        ("risk", "largest share of a privacy limit that is used up: 0 is what an honest sample gets, 1 is the limit"),
        ("replicate", "what all scores would be on other rows of the same kind, from how much each twentieth of the rows moves them"),
        ("tied", "not told apart: scores within .002, or a difference that replicates explain by chance"),
        ("ceiling", "accuracy that sampling noise alone allows"),
        ("DCR", "distance to the closest record, counted in columns"),
        ("AUC", "how often a classifier ranks a real row above a synthetic one: .5 is guessing"),
        ("on the front", "no other candidate is better in score, risk and cost at once"),
    ];
    html! {
        section aria-labelledby="glossary" {
            h2 id="glossary" { "Words" }
            dl.small { @for (word, meaning) in words { dt { (word) } dd { (meaning) } } }
        }
    }
}
