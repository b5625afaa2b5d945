//! `results.csv` and `results.json`.
//!
//! `results.csv` has one row per candidate and repeat, then one per reference row with tasks of its own. It
//! begins with SDGym's columns in SDGym's spelling, so that tools for those read it; then one column per
//! further score; then ours. UTF-8, RFC 4180, `.` decimals, as many digits as bring the same number back
//! (at most 17); what is undefined is empty, with its reason in the last column. Times make it the one table
//! that differs between two runs of a job.

use std::collections::{BTreeMap, BTreeSet};
use synthfleet_proto::results::{CandidateResult, RepeatError, RepeatResult, Results};
use synthfleet_proto::verdict::{Ranked, Reference};
use synthfleet_proto::{Result, fact};

/// What SDGym writes for a time-out.
const TIMEOUT: &str = "Synthesizer Timeout";
/// SDGym's score columns and the scores that they are.
const SDGYM_SCORES: [(&str, &str); 4] = [
    ("Diagnostic_Score", "diagnostic"),
    ("Quality_Score", "pair_trends.quality"),
    ("Privacy_Score", "distances.dcr_baseline_protection"),
    ("Quality_Score_All", "pair_trends.quality_all"),
];

/// Of [`SDGYM_SCORES`], those that SDGym has.
const SDGYM_OWN: usize = 3;
/// Of the columns after the scores, those that SDGym has.
const SDGYM_AFTER: usize = 3;

/// Makes `results.json`: indented, keys in order.
pub fn json(results: &Results) -> Result<Vec<u8>> {
    fact::encode_pretty(results)
}

/// Makes `results.csv`.
pub fn csv(results: &Results) -> Vec<u8> {
    let board = Board::of(results);
    let mut text = String::new();
    push_record(&mut text, board.header());
    for candidate in &results.candidates {
        lines(&board, candidate).iter().for_each(|line| push_record(&mut text, line.cells()));
    }
    for row in &results.references {
        let reference = results.verdict.references.get(&row.name);
        let line = Line { board: &board, candidate: None, name: &row.name, repeat: Some(&row.result), ranked: None, reference };
        push_record(&mut text, line.cells());
    }
    text.into_bytes()
}

/// What a repeat of a candidate counts as beside uniform's, as SDGym adjusts failures.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Adjusted {
    /// Seconds of fit and sample, and of uniform's fit.
    pub seconds: Option<f64>,
    /// Quality, uniform's on a failure.
    pub quality: Option<f64>,
    /// The error, as `results.csv` tells it; empty if there was none.
    pub error: String,
}

/// What each repeat of each candidate counts as, in the order of the candidates; one entry for a candidate that was
/// never begun.
pub(crate) fn adjusted(results: &Results) -> Vec<Vec<Adjusted>> {
    let board = Board::of(results);
    let of = |candidate: &CandidateResult| {
        lines(&board, candidate)
            .into_iter()
            .map(|line| Adjusted { seconds: line.adjusted_seconds(), quality: line.adjusted_quality(), error: line.error_text() })
            .collect()
    };
    results.candidates.iter().map(of).collect()
}

/// SDGym's columns alone: the header, then a record for the first repeat of each candidate, by its name.
pub(crate) fn sdgym_records(results: &Results) -> (Vec<String>, Vec<Vec<String>>) {
    let board = Board::of(results);
    let after = &COLUMNS_AFTER[..SDGYM_AFTER];
    let names = COLUMNS_BEFORE.iter().map(|column| column.0).chain(SDGYM_SCORES[..SDGYM_OWN].iter().map(|column| column.0));
    let header = names.chain(after.iter().map(|column| column.0)).map(str::to_owned).collect();
    let record = |candidate: &CandidateResult| {
        let line = lines(&board, candidate).into_iter().next()?;
        let mut cells: Vec<String> = COLUMNS_BEFORE.iter().map(|column| column.1(&line)).collect();
        cells[0].clone_from(&candidate.name);
        cells.extend(SDGYM_SCORES[..SDGYM_OWN].iter().map(|(_, id)| number(line.repeat.and_then(|repeat| repeat.value(id)))));
        cells.extend(after.iter().map(|column| column.1(&line)));
        Some(cells)
    };
    (header, results.candidates.iter().filter_map(record).collect())
}

/// The lines of a candidate: a repeat each, or one if it was never begun.
fn lines<'a>(board: &'a Board<'a>, candidate: &'a CandidateResult) -> Vec<Line<'a>> {
    let ranked = board.results.verdict.row(&candidate.name);
    let line = |repeat| Line { board, candidate: Some(candidate), name: &candidate.name, repeat, ranked, reference: None };
    if candidate.repeats.is_empty() { vec![line(None)] } else { candidate.repeats.iter().map(|repeat| line(Some(repeat))).collect() }
}

/// Adds a record to a CSV text.
pub(crate) fn push_record(text: &mut String, cells: Vec<String>) {
    for (place, cell) in cells.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        if cell.contains(['"', ',', '\r', '\n']) {
            text.push('"');
            text.push_str(&cell.replace('"', "\"\""));
            text.push('"');
        } else {
            text.push_str(cell);
        }
    }
    text.push_str("\r\n");
}

/// What all lines share.
struct Board<'a> {
    results: &'a Results,
    /// Further scores, in order of ids.
    scores: Vec<&'a str>,
    /// The baseline that failures are charged with.
    uniform: Option<&'a RepeatResult>,
    /// What a failure's adjusted score is.
    independent: Option<f64>,
    front: BTreeSet<&'a str>,
}

impl<'a> Board<'a> {
    fn of(results: &'a Results) -> Self {
        let of_candidates = results.candidates.iter().flat_map(|candidate| &candidate.repeats);
        let rows = of_candidates.chain(results.references.iter().map(|reference| &reference.result));
        let ids: BTreeSet<&str> = rows.flat_map(|repeat| &repeat.scores).map(|score| score.name.as_str()).collect();
        let further = |id: &&str| SDGYM_SCORES.iter().all(|(_, taken)| taken != id);
        let uniform = results.candidates.iter().find(|candidate| candidate.baseline && candidate.synthesizer == "uniform");
        Self {
            results,
            scores: ids.into_iter().filter(further).collect(),
            uniform: uniform.and_then(|candidate| candidate.repeats.first()).filter(|repeat| repeat.error.is_none()),
            independent: results.verdict.references.get("independent").and_then(|reference| reference.score),
            front: front(results),
        }
    }

    fn header(&self) -> Vec<String> {
        let names = COLUMNS_BEFORE.iter().map(|column| column.0);
        let names = names.chain(SDGYM_SCORES.iter().map(|column| column.0)).chain(self.scores.iter().copied());
        names.chain(COLUMNS_AFTER.iter().map(|column| column.0)).map(str::to_owned).collect()
    }
}

/// Candidates that no other beats in score, risk and measured seconds at once.
fn front(results: &Results) -> BTreeSet<&str> {
    let point = |ranked: &Ranked| {
        let candidate = results.candidates.iter().find(|candidate| candidate.name == ranked.candidate)?;
        let seconds: Vec<f64> = candidate.repeats.iter().filter_map(seconds).collect();
        let mean = seconds.iter().sum::<f64>() / seconds.len() as f64;
        Some((ranked.score?, ranked.risk.unwrap_or(f64::INFINITY), mean)).filter(|_| !ranked.baseline && mean.is_finite())
    };
    let points: BTreeMap<&str, _> =
        results.verdict.ranking.iter().filter_map(|ranked| Some((ranked.candidate.as_str(), point(ranked)?))).collect();
    let dominated =
        |own: &(f64, f64, f64)| points.values().any(|other| other.0 >= own.0 && other.1 <= own.1 && other.2 <= own.2 && other != own);
    points.iter().filter(|(_, point)| !dominated(point)).map(|(name, _)| *name).collect()
}

fn seconds(repeat: &RepeatResult) -> Option<f64> {
    Some(repeat.times.fit_seconds? + repeat.times.sample_seconds?)
}

/// One row.
struct Line<'a> {
    board: &'a Board<'a>,
    candidate: Option<&'a CandidateResult>,
    name: &'a str,
    repeat: Option<&'a RepeatResult>,
    ranked: Option<&'a Ranked>,
    reference: Option<&'a Reference>,
}

type Column = (&'static str, fn(&Line<'_>) -> String);

const COLUMNS_BEFORE: [Column; 8] = [
    ("Synthesizer", |line| line.synthesizer()),
    ("Dataset", |line| line.board.results.table.name.clone()),
    ("Dataset_Size_MB", |line| megabytes(Some(line.board.results.table.bytes))),
    ("Train_Time", |line| number(line.repeat.and_then(|repeat| repeat.times.fit_seconds))),
    ("Peak_Memory_MB", |line| megabytes(line.repeat.and_then(|repeat| repeat.peak_rss_bytes))),
    ("Synthesizer_Size_MB", |line| megabytes(line.repeat.and_then(|repeat| repeat.model_bytes))),
    ("Sample_Time", |line| number(line.repeat.and_then(|repeat| repeat.times.sample_seconds))),
    ("Evaluate_Time", |line| number(line.repeat.map(|repeat| repeat.times.benchmark_seconds.values().sum()))),
];

const COLUMNS_AFTER: [Column; 24] = [
    ("Error", |line| line.error_text()),
    ("Adjusted_Total_Time", |line| number(line.adjusted_seconds())),
    ("Adjusted_Quality_Score", |line| number(line.adjusted_quality())),
    ("Candidate", |line| line.candidate.map(|candidate| candidate.name.clone()).unwrap_or_default()),
    ("Repeat", |line| line.candidate.and(line.repeat).map(|repeat| repeat.repeat.to_string()).unwrap_or_default()),
    ("Seed", |line| line.repeat.map(|repeat| repeat.seed.clone()).unwrap_or_default()),
    ("Rows", |line| line.repeat.and_then(|repeat| repeat.rows).map(|rows| rows.to_string()).unwrap_or_default()),
    ("Eligible", |line| line.ranked.is_some_and(|ranked| ranked.eligible).to_string()),
    ("Gate_Passed", |line| line.gate_passed().to_string()),
    ("On_Pareto", |line| line.board.front.contains(line.name).to_string()),
    ("Rank", |line| line.ranked.and_then(|ranked| ranked.rank).map(|rank| rank.to_string()).unwrap_or_default()),
    ("Score", |line| number(line.of_both(|ranked| ranked.score, |reference| reference.score))),
    ("Score_Low", |line| number(line.of_both(|ranked| ranked.score_low, |reference| reference.score_low))),
    ("Score_High", |line| number(line.of_both(|ranked| ranked.score_high, |reference| reference.score_high))),
    ("Adjusted_Score", |line| number(line.of_both(|ranked| ranked.score, |reference| reference.score).or(line.board.independent))),
    ("Win_Share", |line| number(line.ranked.and_then(|ranked| ranked.win_share))),
    ("Risk", |line| number(line.of_both(|ranked| ranked.risk, |reference| reference.risk))),
    ("Phase", |line| line.phase()),
    ("Attempts", |line| line.repeat.map(|repeat| repeat.attempts.to_string()).unwrap_or_default()),
    ("From_Cache", |line| line.repeat.is_some_and(|repeat| repeat.from_cache).to_string()),
    ("Limited", |line| line.repeat.is_some_and(is_limited).to_string()),
    ("Epsilon", |line| number(line.repeat.and_then(|repeat| repeat.epsilon))),
    ("Delta", |line| number(line.repeat.and_then(|repeat| repeat.delta))),
    ("Undefined", |line| line.undefined()),
];

impl Line<'_> {
    fn cells(&self) -> Vec<String> {
        let mut cells: Vec<String> = COLUMNS_BEFORE.iter().map(|column| column.1(self)).collect();
        let value = |id: &str| number(self.repeat.and_then(|repeat| repeat.value(id)));
        cells.extend(SDGYM_SCORES.iter().map(|(_, id)| value(id)));
        cells.extend(self.board.scores.iter().map(|id| value(id)));
        cells.extend(COLUMNS_AFTER.iter().map(|column| column.1(self)));
        cells
    }

    fn synthesizer(&self) -> String {
        self.candidate.map_or_else(|| format!("reference:{}", self.name), |candidate| candidate.synthesizer.clone())
    }

    fn error(&self) -> Option<&RepeatError> {
        self.repeat.and_then(|repeat| repeat.error.as_ref())
    }

    fn error_text(&self) -> String {
        let wire = self.error().map(|failed| &failed.error).or_else(|| self.candidate?.skipped.as_ref());
        match (self.error(), wire) {
            (Some(failed), _) if failed.timed_out => TIMEOUT.to_owned(),
            (_, Some(wire)) => format!("{}: {}", wire.code, wire.message),
            (_, None) => String::new(),
        }
    }

    fn phase(&self) -> String {
        let skipped = self.candidate.and_then(|candidate| candidate.skipped.as_ref()).map(|_| "plan".to_owned());
        self.error().map(|failed| failed.phase.clone()).or(skipped).unwrap_or_default()
    }

    fn failed(&self) -> bool {
        self.repeat.is_none() || self.error().is_some()
    }

    /// SDGym's: what it took beyond a uniform fit; a failure also pays for a uniform sample.
    fn adjusted_seconds(&self) -> Option<f64> {
        let uniform = self.board.uniform?;
        let spent_in = |phase: &str| self.error().filter(|failed| failed.phase == phase).map(|failed| failed.seconds);
        let own = match self.error() {
            Some(failed) if failed.timed_out => self.board.results.job.task_seconds,
            _ => {
                let times = self.repeat.map(|repeat| &repeat.times);
                let fit = times.and_then(|times| times.fit_seconds).or_else(|| spent_in("fit")).unwrap_or(0.0);
                fit + times.and_then(|times| times.sample_seconds).or_else(|| spent_in("sample")).unwrap_or(0.0)
            }
        };
        let penalty = if self.failed() { uniform.times.sample_seconds? } else { 0.0 };
        Some(uniform.times.fit_seconds? + own + penalty)
    }

    fn adjusted_quality(&self) -> Option<f64> {
        let row = if self.failed() { self.board.uniform } else { self.repeat };
        row?.value("pair_trends.quality")
    }

    fn gate_passed(&self) -> bool {
        let of_candidate = self.ranked.map(|ranked| !ranked.gates.is_empty() && ranked.gate_passed());
        of_candidate.or(self.reference.map(|reference| reference.passed)).unwrap_or(false)
    }

    fn of_both<T>(&self, ranked: impl Fn(&Ranked) -> Option<T>, reference: impl Fn(&Reference) -> Option<T>) -> Option<T> {
        self.ranked.and_then(ranked).or_else(|| self.reference.and_then(reference))
    }

    fn undefined(&self) -> String {
        let scores = self.repeat.map(|repeat| repeat.scores.as_slice()).unwrap_or_default();
        let codes = scores.iter().filter_map(|score| Some(format!("{}={}", score.name, score.undefined.as_ref()?)));
        codes.collect::<Vec<_>>().join("; ")
    }
}

fn is_limited(repeat: &RepeatResult) -> bool {
    repeat.limited || repeat.scores.iter().any(|score| score.limited.is_some())
}

/// The shortest text that reads back as the same number; empty for none.
pub(crate) fn number(value: Option<f64>) -> String {
    match value {
        None => String::new(),
        Some(value) if value != 0.0 && !(1e-5..1e16).contains(&value.abs()) => format!("{value:e}"),
        Some(value) => format!("{value}"),
    }
}

fn megabytes(bytes: Option<u64>) -> String {
    number(bytes.map(|bytes| bytes as f64 / 1e6))
}

#[cfg(test)]
mod tests;
