//! Outcomes to report, card, plots, and leaderboards over many tables: pure functions of numbers. No row is decoded
//! here; the synthetic rows that are shown come as text.

pub mod bundle;
pub mod card;
pub mod number;
pub mod page;
pub mod picture;
pub mod plots;
pub mod results;
pub mod scale;
pub mod suite;
pub mod words;

pub use bundle::{Bundle, File, SampleRows};

/// `report.html` and `card.md`.
pub fn render(bundle: &Bundle) -> Vec<File> {
    let file = |path: &str, text: String| File { path: path.to_owned(), bytes: text.into_bytes() };
    vec![file("report.html", page::render(bundle)), file("card.md", card::render(bundle))]
}
