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
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn results() -> Results {
        serde_json::from_value(results_json()).expect("the shape of results")
    }

    fn score(name: &str, value: Value) -> Value {
        let undefined = value.is_null().then_some("no_target");
        json!({"name": name, "value": value, "goal": "up", "range": [0.0, 1.0], "unit": "share", "undefined": undefined})
    }

    fn repeat(scores: &[Value], error: Value) -> Value {
        let times = json!({"fit_seconds": 2.0, "sample_seconds": 0.5, "benchmark_seconds": {"accuracy": 1.0, "distances": 0.25}});
        json!({"repeat": 0, "seed": "18446744073709551615", "rows": 100, "scores": scores, "details": {}, "times": times,
            "peak_rss_bytes": 1_500_000, "model_bytes": 2_000, "attempts": 1, "from_cache": false, "limited": false, "error": error})
    }

    fn ranked(name: &str, eligible: bool, score: Value) -> Value {
        json!({"candidate": name, "synthesizer": name, "rank": eligible.then_some(1), "eligible": eligible, "baseline": !eligible,
            "on_pareto": eligible, "score": score, "score_low": null, "score_high": null, "risk": 0.25, "cost": "light", "components": {},
            "gates": [], "delivered_repeat": 0, "repeats_ok": 1, "repeats": 1, "why": ""})
    }

    fn candidate(name: &str, baseline: bool, repeats: Vec<Value>) -> Value {
        json!({"name": name, "synthesizer": name, "options": {}, "baseline": baseline, "real_rows": false, "repeats": repeats})
    }

    fn results_json() -> Value {
        let good = [score("diagnostic", json!(1.0)), score("pair_trends.quality", json!(0.1 + 0.2)), score("ml_efficacy", Value::Null)];
        let timeout = json!({"phase": "fit", "seconds": 60.0, "timed_out": true,
            "error": {"kind": "stopped", "code": "task::timeout", "message": "time ran out"}});
        let mut late = repeat(&[], timeout);
        late["times"] = json!({"benchmark_seconds": {}});
        let mut skipped = candidate("clbn", false, vec![]);
        skipped["skipped"] =
            json!({"kind": "unsupported", "code": "accepts::too_many_levels", "message": "takes 100, \"x\" has 200, too many"});
        let uniform = repeat(&[score("pair_trends.quality", json!(0.4))], Value::Null);
        json!({
            "schema": "synthfleet.results.v1",
            "job": {"id": "job_1", "seed": "0", "version": "0.1.0", "task_seconds": 60.0, "seconds": 9.0},
            "table": {"name": "adult", "bytes": 3_900_000, "rows": 120, "columns": 3, "train_rows": 100, "holdout_rows": 20},
            "verdict": {"schema": "synthfleet.verdict.v1", "rule_version": "verdict.v1", "outcome": "winner", "winner": "seqtree",
                "delivered_repeat": 0, "profile": "balanced", "gate": "balanced", "weights": {}, "components": [],
                "ranking": [ranked("seqtree", true, json!(0.97)), ranked("slow", false, Value::Null), ranked("uniform", false, json!(0.1))],
                "references": {"independent": {"candidate": "independent", "score": 0.3, "score_low": null, "score_high": null, "risk": 0.0,
                    "components": {}, "gates": [], "passed": true}},
                "why": "", "warnings": [], "partial": false},
            "candidates": [candidate("seqtree", false, vec![repeat(&good, Value::Null)]), candidate("slow", false, vec![late]), skipped,
                candidate("uniform", true, vec![uniform])],
            "references": [{"name": "holdout", "result": repeat(&[score("diagnostic", json!(1.0))], Value::Null)}],
            "tasks": [],
        })
    }

    /// Records of the CSV by header. Commas inside quotes are kept together.
    fn table() -> Vec<BTreeMap<String, String>> {
        let text = String::from_utf8(csv(&results())).expect("UTF-8");
        let records: Vec<Vec<String>> = text.split("\r\n").filter(|line| !line.is_empty()).map(split).collect();
        let line = |record: &Vec<String>| records[0].iter().cloned().zip(record.iter().cloned()).collect();
        assert!(records.iter().all(|record| record.len() == records[0].len()), "records of one length");
        records[1..].iter().map(line).collect()
    }

    fn split(line: &str) -> Vec<String> {
        let (mut cells, mut quoted) = (vec![String::new()], false);
        for letter in line.chars() {
            match letter {
                '"' => quoted = !quoted,
                ',' if !quoted => cells.push(String::new()),
                other => cells.last_mut().expect("one cell").push(other),
            }
        }
        cells
    }

    #[test]
    fn columns_begin_as_sdgym_spells_them_and_end_with_ours() {
        let text = String::from_utf8(csv(&results())).expect("UTF-8");
        let header = text.split("\r\n").next().expect("a header");
        assert_eq!(
            header,
            "Synthesizer,Dataset,Dataset_Size_MB,Train_Time,Peak_Memory_MB,Synthesizer_Size_MB,Sample_Time,Evaluate_Time,\
             Diagnostic_Score,Quality_Score,Privacy_Score,Quality_Score_All,ml_efficacy,Error,Adjusted_Total_Time,\
             Adjusted_Quality_Score,Candidate,Repeat,Seed,Rows,Eligible,Gate_Passed,On_Pareto,Rank,Score,Score_Low,Score_High,\
             Adjusted_Score,Win_Share,Risk,Phase,Attempts,From_Cache,Limited,Epsilon,Delta,Undefined"
        );
    }

    #[test]
    fn the_columns_of_sdgym_alone_are_one_record_a_candidate() {
        let (header, records) = sdgym_records(&results());
        assert_eq!(
            header.join(","),
            "Synthesizer,Dataset,Dataset_Size_MB,Train_Time,Peak_Memory_MB,Synthesizer_Size_MB,Sample_Time,Evaluate_Time,\
             Diagnostic_Score,Quality_Score,Privacy_Score,Error,Adjusted_Total_Time,Adjusted_Quality_Score"
        );
        assert!(records.iter().all(|record| record.len() == header.len()));
        assert_eq!(records.iter().map(|record| record[0].as_str()).collect::<Vec<_>>(), ["seqtree", "slow", "clbn", "uniform"]);
        assert_eq!(records[1][11..], ["Synthesizer Timeout", "62.5", "0.4"]);
    }

    #[test]
    fn every_candidate_repeat_and_reference_has_a_row() {
        let names: Vec<String> = table().iter().map(|row| row["Synthesizer"].clone()).collect();
        assert_eq!(names, ["seqtree", "slow", "clbn", "uniform", "reference:holdout"]);
    }

    #[test]
    fn numbers_read_back_exactly_and_the_undefined_is_empty() {
        let row = &table()[0];
        assert_eq!(row["Quality_Score"].parse::<f64>(), Ok(0.1 + 0.2));
        assert_eq!((row["ml_efficacy"].as_str(), row["Undefined"].as_str()), ("", "ml_efficacy=no_target"));
        assert_eq!((row["Evaluate_Time"].as_str(), row["Peak_Memory_MB"].as_str()), ("1.25", "1.5"));
        assert_eq!(row["Seed"], "18446744073709551615");
        for value in [1e-300, 5e-324, 1.797e308, -0.1, 1.0 / 3.0, 12_345_678_901_234_567_890.0] {
            assert_eq!(number(Some(value)).parse::<f64>(), Ok(value));
            assert!(number(Some(value)).len() <= 25);
        }
    }

    #[test]
    fn a_time_out_pays_its_limit_and_a_uniform_sample() {
        let row = &table()[1];
        assert_eq!((row["Error"].as_str(), row["Phase"].as_str()), ("Synthesizer Timeout", "fit"));
        assert_eq!(row["Adjusted_Total_Time"], "62.5");
        assert_eq!((row["Adjusted_Quality_Score"].as_str(), row["Adjusted_Score"].as_str()), ("0.4", "0.3"));
    }

    #[test]
    fn a_success_pays_its_own_time_and_a_uniform_fit() {
        let row = &table()[0];
        assert_eq!((row["Adjusted_Total_Time"].as_str(), row["Adjusted_Score"].as_str()), ("4.5", "0.97"));
    }

    #[test]
    fn a_candidate_that_was_never_begun_tells_why() {
        let row = &table()[2];
        assert_eq!(row["Error"], "accepts::too_many_levels: takes 100, x has 200, too many");
        assert_eq!((row["Phase"].as_str(), row["Repeat"].as_str(), row["Eligible"].as_str()), ("plan", "", "false"));
    }

    #[test]
    fn a_reference_row_is_no_candidate() {
        let row = table().into_iter().next_back().expect("a row");
        assert_eq!((row["Candidate"].as_str(), row["Repeat"].as_str(), row["Eligible"].as_str()), ("", "", "false"));
        assert_eq!(row["Diagnostic_Score"], "1");
    }

    #[test]
    fn baselines_and_failures_are_not_on_the_front() {
        let front: Vec<String> = table().iter().map(|row| row["On_Pareto"].clone()).collect();
        assert_eq!(front, ["true", "false", "false", "false", "false"]);
    }

    #[test]
    fn results_json_reads_back() {
        let bytes = json(&results()).expect("plain data");
        assert_eq!(serde_json::from_slice::<Results>(&bytes).expect("own text"), results());
    }
}
