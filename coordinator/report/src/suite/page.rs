//! `leaderboard.html`: one file that asks for nothing and is read without scripts.

use super::board::{Board, Row, Table};
use super::published::{self, Figure};
use super::table::published_rows;
use crate::number::{score, score_or_dash, seconds};
use crate::page::document;
use maud::{Markup, html};

/// The whole page.
pub fn render(name: &str, board: &Board) -> String {
    let title = format!("Leaderboard {name}");
    let rivals = board.rows.iter().filter(|row| !row.baseline).count();
    document(
        &title,
        &html! {
            header {
                h1 { (headline(board)) }
                p.quiet { "Suite " strong { (name) } ": " (rivals) " candidates and " (board.rows.len() - rivals) " baselines on " (board.tables.len()) " tables." }
                nav aria-label="Sections" { ol {
                    li { a href="#all" { "All tables" } }
                    @for (place, table) in board.tables.iter().enumerate() { li { a href=(format!("#table-{place}")) { (table.name) } } }
                    li { a href="#words" { "Words" } }
                } }
            }
            main {
                section id="all" aria-labelledby="all-title" { h2 id="all-title" { "All tables" } (overall(board)) }
                @for (place, table) in board.tables.iter().enumerate() {
                    section id=(format!("table-{place}")) aria-labelledby=(format!("table-{place}-title")) {
                        h2 id=(format!("table-{place}-title")) { (table.name) }
                        (of_table(board, table))
                    }
                }
                (words())
            }
            footer { "Made by synthfleet. Baselines and published rows are shown for comparison and never win." }
        },
    )
}

fn headline(board: &Board) -> String {
    match board.rows.first().filter(|row| !row.baseline && row.wins > 0.0) {
        Some(row) => format!("{} wins most often: {}", row.candidate, wins(row.wins)),
        None => "Nobody wins by the measures of 2020".to_owned(),
    }
}

/// A sum of shares of wins.
fn wins(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

fn overall(board: &Board) -> Markup {
    let dash = || "–".to_owned();
    let rank = |row: &Row| row.mean_rank.map_or_else(dash, |rank| format!("{rank:.2}"));
    html! {
        div.scroll tabindex="0" {
            table {
                thead { tr {
                    th scope="col" { "Candidate" } th.n scope="col" { "Wins of 2020 ↑" } th.n scope="col" { "Wins of SDGym ↑" }
                    th.n scope="col" { "Mean rank ↓" } th.n scope="col" { "Mean adjusted score ↑" } th.n scope="col" { "Tables" } th.n scope="col" { "Failed" }
                } }
                tbody {
                    @for row in &board.rows {
                        tr class=(if row.baseline { "aside" } else { "" }) {
                            td { (row.candidate) @if row.baseline { br; span.small { "baseline" } } }
                            td.n { (if row.baseline { dash() } else { wins(row.wins) }) }
                            td.n { (row.wins_sdgym.filter(|_| !row.baseline).map_or_else(dash, |count| count.to_string())) }
                            td.n { (rank(row)) }
                            td.n { (score_or_dash(row.mean_adjusted_score)) }
                            td.n { (row.tables) }
                            td class=(if row.failed > 0 { "n fail" } else { "n" }) { (row.failed) }
                        }
                    }
                }
            }
        }
    }
}

/// Figures of one table, published ones below.
fn of_table(board: &Board, table: &Table) -> Markup {
    let told: Vec<&str> = table.evaluators.iter().map(String::as_str).collect();
    let published = published_rows(board);
    let published: Vec<(&str, Vec<&Figure>)> = published
        .iter()
        .map(|(name, figures)| (*name, figures.iter().filter(|figure| figure.table.eq_ignore_ascii_case(&table.name)).collect()))
        .filter(|(_, figures): &(&str, Vec<&Figure>)| !figures.is_empty())
        .collect();
    let value = |figures: &[&Figure], measure: &str| figures.iter().find(|figure| figure.measure == measure).map(|figure| figure.value);
    html! {
        @if !told.is_empty() {
            p.small.quiet {
                "Evaluator of 2020: " (told.join(", ")) "."
                @if !published.is_empty() && told.iter().any(|told| *told != published::EVALUATOR) { " Published figures are of " (published::EVALUATOR) ": not comparable." }
            }
        }
        div.scroll tabindex="0" {
            table {
                thead { tr {
                    th scope="col" { "Candidate" }
                    @for measure in &table.measures { th.n scope="col" { (measure) " ↑" } }
                    th.n scope="col" { "Score ↑" } th.n scope="col" { "Adjusted quality ↑" } th.n scope="col" { "Adjusted time ↓" } th scope="col" { "Errors" }
                } }
                tbody {
                    @for row in &board.rows { @if let Some(cell) = table.cells.get(&row.candidate) {
                        tr class=(if cell.baseline { "aside" } else { "" }) {
                            td { (row.candidate) @if cell.baseline { " " span.small { "baseline" } } }
                            @for measure in &table.measures {
                                @let value = cell.values.get(measure).copied();
                                @let is_best = !cell.baseline && value.is_some() && value == table.best(measure);
                                td class=(if is_best { "n pass" } else { "n" }) { @if is_best { strong { (score_or_dash(value)) } } @else { (score_or_dash(value)) } }
                            }
                            td.n { (score_or_dash(cell.score)) } td.n { (score_or_dash(cell.adjusted_quality)) }
                            td.n { (cell.adjusted_seconds.map_or_else(|| "–".to_owned(), seconds)) }
                            td.small.fail { @for error in &cell.errors { div { (error) } } }
                        }
                    } }
                    @for (name, figures) in &published {
                        tr.aside {
                            td { (name) " " span.small { "published, " (published::EVALUATOR) } }
                            @for measure in &table.measures { td.n { (value(figures, measure).map_or_else(|| "–".to_owned(), score)) } }
                            td.n { "–" } td.n { "–" } td.n { "–" } td {}
                        }
                    }
                }
            }
        }
    }
}

fn words() -> Markup {
    let words = [
        ("wins of 2020", "over every table and measure of 2020 the best candidate wins; tied ones share the win; baselines are left out"),
        (
            "wins of SDGym",
            "tables on which a candidate's adjusted quality is not below gaussian_copula's and no other is both better and faster",
        ),
        ("adjusted score", "the verdict's score; a failure gets that of independent columns"),
        ("adjusted quality, time", "as SDGym adjusts: a failure gets uniform's quality and pays uniform's sample, each pays uniform's fit"),
        ("mean rank", "by adjusted score on each table, baselines left out"),
        (
            "accuracy, f1, macro_f1, micro_f1, r2",
            "means over the models of the evaluator of 2020, learnt from the sample and tested on holdout rows, and over repeats",
        ),
        (
            "syn_likelihood, test_likelihood",
            "mean log likelihood of sample rows under the true law, and of holdout rows under a model of the sample, in nats",
        ),
        ("published", "SDGym's leaderboard of release 0.2.2, on its own splits"),
    ];
    html! {
        section id="words" aria-labelledby="words-title" {
            h2 id="words-title" { "Words" }
            dl.small { @for (word, meaning) in words { dt { (word) } dd { (meaning) } } }
        }
    }
}
