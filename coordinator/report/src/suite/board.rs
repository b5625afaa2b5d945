//! Who got what on which table, and how often each won.
//!
//! # Definition
//! - *Value* of a measure: its mean over a candidate's repeats in which it is defined.
//! - *Wins of 2020*: over all (table, measure), the best value wins; baselines are left out, k tied share the win,
//!   1/k each. What failed wins nothing.
//! - *Wins of SDGym* (0.14.1 and later): tables on which its adjusted quality is not below gaussian_copula's and no
//!   other has both more adjusted quality and less adjusted time; baselines are left out. `None` without a
//!   gaussian_copula that has a quality, on any table.
//! - *Adjusted score*: the verdict's score, on failure the independent row's. *Rank* on a table: by adjusted score,
//!   baselines left out, ties in the middle. Both as means over tables; scores of weights profile `sdgym2020` have no
//!   mean, as they are shares on one table and log likelihoods on the next.

use super::measures::MEASURES;
use crate::results::{Adjusted, adjusted};
use std::collections::{BTreeMap, BTreeSet};
use synthfleet_proto::results::{CandidateResult, Results};

/// The synthesizer that SDGym's wins are counted against.
const STANDARD: &str = "gaussian_copula";

/// The weights profile whose scores have another scale on each table.
const UNSCALED: &str = "sdgym2020";

/// A leaderboard.
#[derive(Debug, Clone, PartialEq)]
pub struct Board {
    /// Tables, by name.
    pub tables: Vec<Table>,
    /// Candidates: by wins of 2020, mean rank, name; then baselines by name.
    pub rows: Vec<Row>,
}

/// One table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    /// Name.
    pub name: String,
    /// Measures of 2020 that somebody has a value of, in order.
    pub measures: Vec<&'static str>,
    /// Releases of 2020's evaluator that gave them: `v0.2.2`, `paper`.
    pub evaluators: BTreeSet<String>,
    /// What each candidate got.
    pub cells: BTreeMap<String, Cell>,
}

/// What one candidate got on one table.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cell {
    /// Synthesizer.
    pub synthesizer: String,
    /// Whether it is a baseline.
    pub baseline: bool,
    /// Measures of 2020.
    pub values: BTreeMap<&'static str, f64>,
    /// The verdict's score.
    pub score: Option<f64>,
    /// The same, or on failure the independent row's.
    pub adjusted_score: Option<f64>,
    /// `pair_trends.quality`, uniform's on failure.
    pub adjusted_quality: Option<f64>,
    /// Seconds beside uniform's.
    pub adjusted_seconds: Option<f64>,
    /// Errors, each once.
    pub errors: BTreeSet<String>,
}

/// One candidate over all tables.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Candidate.
    pub candidate: String,
    /// Whether it is a baseline; those win nothing.
    pub baseline: bool,
    /// Tables it was on.
    pub tables: usize,
    /// Of those, tables on which something failed.
    pub failed: usize,
    /// Wins by the rule of 2020.
    pub wins: f64,
    /// Wins by SDGym's rule of today.
    pub wins_sdgym: Option<u32>,
    /// Mean rank.
    pub mean_rank: Option<f64>,
    /// Mean adjusted score; `None` where tables have scores of different scales.
    pub mean_adjusted_score: Option<f64>,
}

impl Board {
    /// The leaderboard of some results.
    pub fn of(results: &[Results]) -> Self {
        let mut by_name: BTreeMap<&str, Vec<&Results>> = BTreeMap::new();
        results.iter().for_each(|results| by_name.entry(&results.table.name).or_default().push(results));
        let tables: Vec<Table> = by_name.into_iter().map(|(name, results)| Table::of(name, &results)).collect();
        let names: BTreeSet<&str> = tables.iter().flat_map(|table| table.cells.keys()).map(String::as_str).collect();
        let same_scale = results.iter().all(|results| results.verdict.profile != UNSCALED);
        let mut rows: Vec<Row> = names.into_iter().map(|name| Row::of(name, &tables, same_scale)).collect();
        let rank = |row: &Row| row.mean_rank.unwrap_or(f64::INFINITY);
        rows.sort_by(|a, b| {
            let wins = b.wins.total_cmp(&a.wins).then(rank(a).total_cmp(&rank(b)));
            a.baseline.cmp(&b.baseline).then(if a.baseline { std::cmp::Ordering::Equal } else { wins }).then(a.candidate.cmp(&b.candidate))
        });
        Self { tables, rows }
    }
}

impl Table {
    fn of(name: &str, results: &[&Results]) -> Self {
        let mut gathered: BTreeMap<String, Gathered> = BTreeMap::new();
        for results in results {
            for (candidate, adjusted) in results.candidates.iter().zip(adjusted(results)) {
                gathered.entry(candidate.name.clone()).or_default().add(results, candidate, adjusted);
            }
        }
        let evaluators = gathered.values().flat_map(|gathered| gathered.evaluators.iter().cloned()).collect();
        let cells: BTreeMap<String, Cell> = gathered.into_iter().map(|(name, gathered)| (name, gathered.cell())).collect();
        let measures = MEASURES.iter().map(|measure| measure.name);
        let measures = measures.filter(|measure| cells.values().any(|cell| cell.values.contains_key(measure))).collect();
        Self { name: name.to_owned(), measures, evaluators, cells }
    }

    /// Candidates that can win.
    fn rivals(&self) -> impl Iterator<Item = (&String, &Cell)> {
        self.cells.iter().filter(|(_, cell)| !cell.baseline)
    }

    /// The best value of a measure that a candidate other than a baseline has.
    pub fn best(&self, measure: &str) -> Option<f64> {
        self.rivals().filter_map(|(_, cell)| cell.values.get(measure).copied()).reduce(f64::max)
    }

    /// What a candidate's wins of 2020 on this table sum to.
    pub fn wins(&self, candidate: &str) -> f64 {
        let Some(own) = self.cells.get(candidate).filter(|cell| !cell.baseline) else { return 0.0 };
        let won = |measure: &&str| {
            let best = self.best(measure)?;
            let tied = self.rivals().filter(|(_, cell)| cell.values.get(*measure) == Some(&best)).count();
            (own.values.get(*measure) == Some(&best)).then(|| 1.0 / tied as f64)
        };
        // an empty sum of floats is minus zero
        self.measures.iter().filter_map(won).fold(0.0, |sum, won| sum + won)
    }

    /// Whether a candidate wins by SDGym's rule; `None` if nothing can be said of this table.
    pub fn wins_sdgym(&self, candidate: &str) -> Option<bool> {
        let of_standard = self.rivals().filter(|(_, cell)| cell.synthesizer == STANDARD);
        let standard = of_standard.filter_map(|(_, cell)| cell.adjusted_quality).reduce(f64::max)?;
        let Some(own) = self.cells.get(candidate).filter(|cell| !cell.baseline) else { return Some(false) };
        let point = |cell: &Cell| Some((cell.adjusted_quality?, cell.adjusted_seconds?));
        let Some((quality, seconds)) = point(own) else { return Some(false) };
        let beaten = self.rivals().filter_map(|(_, cell)| point(cell)).any(|other| other.0 > quality && other.1 < seconds);
        Some(quality >= standard && !beaten)
    }

    /// A candidate's rank by adjusted score, ties in the middle.
    pub fn rank(&self, candidate: &str) -> Option<f64> {
        let own = self.cells.get(candidate).filter(|cell| !cell.baseline)?.adjusted_score?;
        let others = || self.rivals().filter_map(|(_, cell)| cell.adjusted_score);
        let (above, equal) = (others().filter(|score| *score > own).count(), others().filter(|score| *score == own).count());
        Some(above as f64 + (equal as f64 + 1.0) / 2.0)
    }
}

impl Row {
    fn of(candidate: &str, tables: &[Table], same_scale: bool) -> Self {
        let cells: Vec<&Cell> = tables.iter().filter_map(|table| table.cells.get(candidate)).collect();
        let sdgym: Vec<bool> = tables.iter().filter_map(|table| table.wins_sdgym(candidate)).collect();
        Self {
            candidate: candidate.to_owned(),
            baseline: cells.iter().any(|cell| cell.baseline),
            tables: cells.len(),
            failed: cells.iter().filter(|cell| !cell.errors.is_empty()).count(),
            wins: tables.iter().map(|table| table.wins(candidate)).sum(),
            wins_sdgym: (!sdgym.is_empty()).then(|| sdgym.iter().filter(|won| **won).count() as u32),
            mean_rank: mean(&tables.iter().filter_map(|table| table.rank(candidate)).collect::<Vec<_>>()),
            mean_adjusted_score: mean(&cells.iter().filter_map(|cell| cell.adjusted_score).collect::<Vec<_>>()).filter(|_| same_scale),
        }
    }
}

/// What a candidate's repeats gave, before means are taken.
#[derive(Default)]
struct Gathered {
    synthesizer: String,
    baseline: bool,
    values: BTreeMap<&'static str, Vec<f64>>,
    evaluators: BTreeSet<String>,
    scores: Vec<f64>,
    adjusted_scores: Vec<f64>,
    qualities: Vec<f64>,
    seconds: Vec<f64>,
    errors: BTreeSet<String>,
}

impl Gathered {
    fn add(&mut self, results: &Results, candidate: &CandidateResult, adjusted: Vec<Adjusted>) {
        self.synthesizer.clone_from(&candidate.synthesizer);
        self.baseline |= candidate.baseline;
        for score in candidate.repeats.iter().flat_map(|repeat| &repeat.scores) {
            for (measure, value) in MEASURES.iter().filter_map(|measure| Some((measure, measure.value(score)?))) {
                self.values.entry(measure.name).or_default().push(value);
                if measure.score.starts_with("sdgym2020") {
                    self.evaluators.extend(score.profile.clone());
                }
            }
        }
        let score = results.verdict.row(&candidate.name).and_then(|ranked| ranked.score);
        let independent = results.verdict.references.get("independent").and_then(|reference| reference.score);
        self.scores.extend(score);
        self.adjusted_scores.extend(score.or(independent));
        for adjusted in adjusted {
            self.qualities.extend(adjusted.quality);
            self.seconds.extend(adjusted.seconds);
            self.errors.extend((!adjusted.error.is_empty()).then_some(adjusted.error));
        }
    }

    fn cell(self) -> Cell {
        Cell {
            synthesizer: self.synthesizer,
            baseline: self.baseline,
            values: self.values.into_iter().filter_map(|(measure, values)| Some((measure, mean(&values)?))).collect(),
            score: mean(&self.scores),
            adjusted_score: mean(&self.adjusted_scores),
            adjusted_quality: mean(&self.qualities),
            adjusted_seconds: mean(&self.seconds),
            errors: self.errors,
        }
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(synthesizer: &str, values: &[(&'static str, f64)], adjusted: [f64; 3]) -> Cell {
        let [score, quality, seconds] = adjusted.map(Some);
        Cell {
            synthesizer: synthesizer.to_owned(),
            baseline: synthesizer == "identity",
            values: values.iter().copied().collect(),
            score,
            adjusted_score: score,
            adjusted_quality: quality,
            adjusted_seconds: seconds,
            errors: BTreeSet::new(),
        }
    }

    fn table() -> Table {
        let cells = [
            ("a", cell("seqtree", &[("f1", 0.6), ("accuracy", 0.8)], [0.9, 0.95, 9.0])),
            ("b", cell("clbn", &[("f1", 0.6), ("accuracy", 0.7)], [0.9, 0.8, 2.0])),
            ("c", cell("gaussian_copula", &[("f1", 0.5), ("accuracy", 0.8)], [0.5, 0.85, 1.0])),
            ("d", cell("identity", &[("f1", 0.99), ("accuracy", 0.99)], [1.0, 1.0, 0.1])),
        ];
        let cells = cells.into_iter().map(|(name, cell)| (name.to_owned(), cell)).collect();
        Table { name: "t".to_owned(), measures: vec!["accuracy", "f1"], evaluators: BTreeSet::new(), cells }
    }

    #[test]
    fn ties_share_a_win_and_baselines_have_none() {
        let table = table();
        assert_eq!(["a", "b", "c", "d", "e"].map(|name| table.wins(name)), [1.0, 0.5, 0.5, 0.0, 0.0]);
    }

    #[test]
    fn sdgym_wins_are_quality_of_the_copula_on_the_front() {
        // a: best quality; b: below the copula; c: itself, nobody better is faster
        let table = table();
        assert_eq!(["a", "b", "c", "d"].map(|name| table.wins_sdgym(name)), [Some(true), Some(false), Some(true), Some(false)]);
        let mut slower = table.clone();
        slower.cells.insert("e".to_owned(), cell("tvae", &[], [0.5, 0.9, 10.0]));
        assert_eq!(slower.wins_sdgym("e"), Some(false), "a is better and faster");
        let mut without = table;
        without.cells.remove("c");
        assert_eq!(without.wins_sdgym("a"), None);
    }

    #[test]
    fn ranks_of_ties_lie_in_the_middle() {
        let table = table();
        assert_eq!(["a", "b", "c", "d"].map(|name| table.rank(name)), [Some(1.5), Some(1.5), Some(3.0), None]);
    }

    #[test]
    fn rows_stand_by_wins_then_rank_then_name_and_baselines_last() {
        let tables = [table()];
        let mut board = Board { tables: tables.to_vec(), rows: Vec::new() };
        board.rows = ["a", "b", "c", "d"].iter().map(|name| Row::of(name, &tables, true)).collect();
        let row = &board.rows[1];
        assert_eq!((row.wins, row.wins_sdgym, row.mean_rank, row.mean_adjusted_score), (0.5, Some(0), Some(1.5), Some(0.9)));
        assert_eq!((board.rows[3].baseline, board.rows[3].mean_rank), (true, None));
        assert_eq!(Row::of("b", &tables, false).mean_adjusted_score, None, "shares and log likelihoods have no mean");
    }
}
