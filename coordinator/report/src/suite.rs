//! Leaderboards over many tables: who wins how often, by the rules of 2020 and of SDGym today, and what was published
//! then beside what is found now.
//!
//! [`render`] makes `leaderboard.csv` and `leaderboard.html` of the results of any number of jobs; [`sdgym::files`] lays
//! the same results out as SDGym does.

pub mod board;
pub mod measures;
mod page;
pub mod published;
pub mod sdgym;
mod table;

pub use board::Board;

use crate::File;
use synthfleet_proto::results::Results;

/// What a leaderboard is made of.
#[derive(Debug, Clone, Copy)]
pub struct Suite<'a> {
    /// Its name, as people are shown it.
    pub name: &'a str,
    /// Results of jobs (`synthfleet.results.v1`), in any order. Jobs on tables of one name count as one table: means
    /// go over all their repeats.
    pub results: &'a [Results],
}

/// `leaderboard.csv` and `leaderboard.html`.
pub fn render(suite: &Suite) -> Vec<File> {
    let board = Board::of(suite.results);
    let file = |path: &str, text: String| File { path: path.to_owned(), bytes: text.into_bytes() };
    vec![file("leaderboard.csv", table::csv(&board)), file("leaderboard.html", page::render(suite.name, &board))]
}
