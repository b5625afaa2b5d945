//! `leaderboard.csv`: a row for each candidate, then those published; columns `table/measure` and `table/score`.

use super::board::{Board, Cell, Table};
use super::published::{self, Figure};
use crate::results::{number, push_record};

/// A column's name and its value.
type Column = (&'static str, fn(&Cell) -> Option<f64>);

/// Columns of each table beside the measures of 2020.
const OWN: [Column; 3] =
    [("score", |cell| cell.score), ("adjusted_quality", |cell| cell.adjusted_quality), ("adjusted_seconds", |cell| cell.adjusted_seconds)];

/// Columns before those of tables.
const HEAD: [&str; 10] = [
    "Synthesizer",
    "Source",
    "Evaluator",
    "Baseline",
    "Tables",
    "Failed_Tables",
    "Wins_2020",
    "Wins_SDGym",
    "Mean_Rank",
    "Mean_Adjusted_Score",
];

/// The text: UTF-8, RFC 4180; what is undefined is empty.
pub fn csv(board: &Board) -> String {
    let mut text = String::new();
    let names = |table: &Table| {
        let own = OWN.iter().map(|(name, _)| *name);
        table.measures.iter().copied().chain(own).map(|name| format!("{}/{name}", table.name)).collect::<Vec<_>>()
    };
    let header = HEAD.iter().map(|&name| name.to_owned()).chain(board.tables.iter().flat_map(names));
    push_record(&mut text, header.chain(["Errors".to_owned()]).collect());
    for row in &board.rows {
        let measured = |table: &&Table| table.cells.get(&row.candidate).is_some_and(|cell| !cell.values.is_empty());
        let evaluators: Vec<&str> = board.tables.iter().filter(measured).flat_map(|table| &table.evaluators).map(String::as_str).collect();
        let mut cells = vec![row.candidate.clone(), "synthfleet".to_owned(), distinct(evaluators), row.baseline.to_string()];
        cells.extend([row.tables.to_string(), row.failed.to_string()]);
        let wins = (!row.baseline).then_some(row.wins);
        let sdgym = row.wins_sdgym.filter(|_| !row.baseline).map(f64::from);
        cells.extend([wins, sdgym, row.mean_rank, row.mean_adjusted_score].map(number));
        for table in &board.tables {
            let cell = table.cells.get(&row.candidate);
            cells.extend(table.measures.iter().map(|measure| number(cell.and_then(|cell| cell.values.get(measure).copied()))));
            cells.extend(OWN.iter().map(|(_, value)| number(cell.and_then(value))));
        }
        let errors = board.tables.iter().filter_map(|table| Some((table, table.cells.get(&row.candidate)?)));
        let errors = errors.flat_map(|(table, cell)| cell.errors.iter().map(move |error| format!("{}: {error}", table.name)));
        cells.push(errors.collect::<Vec<_>>().join("; "));
        push_record(&mut text, cells);
    }
    for (synthesizer, figures) in published_rows(board) {
        let mut cells = vec![synthesizer.to_owned(), "published".to_owned(), published::EVALUATOR.to_owned()];
        cells.extend(vec![String::new(); HEAD.len() - cells.len()]);
        for table in &board.tables {
            let of_table = |measure: &str| {
                figures
                    .iter()
                    .find(|figure| figure.table.eq_ignore_ascii_case(&table.name) && figure.measure == measure)
                    .map(|figure| figure.value)
            };
            cells.extend(table.measures.iter().map(|measure| number(of_table(measure))));
            cells.extend(OWN.iter().map(|_| String::new()));
        }
        cells.push(String::new());
        push_record(&mut text, cells);
    }
    text
}

/// Published figures of measures on the board, by synthesizer.
pub fn published_rows(board: &Board) -> Vec<(&'static str, Vec<Figure>)> {
    let shown = |table: &Table| {
        let figures = published::figures_of(&table.name).into_iter();
        figures.filter(|figure| table.measures.contains(&figure.measure)).collect::<Vec<_>>()
    };
    let mut figures: Vec<Figure> = board.tables.iter().flat_map(shown).collect();
    figures.sort_by_key(|figure| figure.synthesizer);
    figures.chunk_by(|a, b| a.synthesizer == b.synthesizer).map(|figures| (figures[0].synthesizer, figures.to_vec())).collect()
}

/// Each text once, in order.
fn distinct(mut texts: Vec<&str>) -> String {
    texts.sort_unstable();
    texts.dedup();
    texts.join(" ")
}
