//! What a report is made of: results, profile and a few synthetic rows.

use synthfleet_proto::about::MemberDoc;
use synthfleet_proto::profile::Profile;
use synthfleet_proto::results::{CandidateResult, RepeatResult, Results};
use synthfleet_proto::score::Score;
use synthfleet_proto::verdict::{Ranked, Verdict};

/// Everything that the files of a report are made of.
#[derive(Debug, Clone, Copy)]
pub struct Bundle<'a> {
    /// Every number of the job, its verdict included.
    pub results: &'a Results,
    /// The protected description of the real table.
    pub profile: &'a Profile,
    /// The members that took part, for what they say of themselves; those missing are shown by name.
    pub members: &'a [MemberDoc],
    /// The first rows of the released table, empty without a release.
    pub sample: &'a SampleRows,
    /// The command that makes the same output again.
    pub command: &'a str,
}

/// Synthetic rows as text, as the released file holds them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SampleRows {
    /// Header texts, `[columns]`.
    pub header: Vec<String>,
    /// Cells, `[rows][columns]`.
    pub rows: Vec<Vec<String>>,
}

/// A file of the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Path in the output folder.
    pub path: String,
    /// Content.
    pub bytes: Vec<u8>,
}

/// Scores and details of one row of the board.
#[derive(Debug, Clone, Copy, Default)]
pub struct Row<'a>(Option<&'a RepeatResult>);

impl<'a> Row<'a> {
    /// The repeat itself.
    pub fn repeat(self) -> Option<&'a RepeatResult> {
        self.0
    }

    /// A score.
    pub fn score(self, id: &str) -> Option<&'a Score> {
        self.0?.scores.iter().find(|score| score.name == id)
    }

    /// A score's value.
    pub fn value(self, id: &str) -> Option<f64> {
        self.score(id)?.value
    }

    /// A benchmark's details; null if there are none.
    pub fn details(self, benchmark: &str) -> &'a serde_json::Value {
        self.0.and_then(|repeat| repeat.details.get(benchmark)).unwrap_or(&serde_json::Value::Null)
    }

    /// Entries of a list in a benchmark's details.
    pub fn list(self, benchmark: &str, field: &str) -> &'a [serde_json::Value] {
        self.details(benchmark)[field].as_array().map(Vec::as_slice).unwrap_or_default()
    }
}

impl<'a> Bundle<'a> {
    /// The verdict.
    pub fn verdict(&self) -> &'a Verdict {
        &self.results.verdict
    }

    /// The candidate that the page is about: the winner, else the nearest, else the first of the ranking that is no
    /// baseline.
    pub fn subject(&self) -> Option<&'a Ranked> {
        let verdict = self.verdict();
        let named = verdict.winner.as_deref().or(verdict.nearest.as_deref()).and_then(|name| verdict.row(name));
        named.or_else(|| verdict.ranking.iter().find(|row| !row.baseline))
    }

    /// The subject's repeat that is or would be delivered.
    pub fn subject_row(&self) -> Row<'a> {
        let Some(subject) = self.subject() else { return Row(None) };
        self.candidate_row(&subject.candidate, subject.delivered_repeat.unwrap_or(0))
    }

    /// A candidate's result.
    pub fn candidate(&self, name: &str) -> Option<&'a CandidateResult> {
        self.results.candidates.iter().find(|candidate| candidate.name == name)
    }

    /// One repeat of a candidate.
    pub fn candidate_row(&self, name: &str, repeat: u32) -> Row<'a> {
        let repeats = self.candidate(name).map(|candidate| candidate.repeats.as_slice()).unwrap_or_default();
        Row(repeats.iter().find(|result| result.repeat == repeat))
    }

    /// A reference row: `holdout`, `train_copy`, `independent`, `flip10`; the middle two are baselines' rows.
    pub fn reference(&self, name: &str) -> Row<'a> {
        let own = self.results.references.iter().find(|reference| reference.name == name);
        match own {
            Some(reference) => Row(Some(&reference.result)),
            None => match self.verdict().references.get(name).and_then(|reference| reference.candidate.as_deref()) {
                Some(candidate) => self.candidate_row(candidate, 0),
                None => Row(None),
            },
        }
    }

    /// What a member says of itself.
    pub fn member(&self, name: &str) -> Option<&'a MemberDoc> {
        self.members.iter().find(|member| member.name == name)
    }

    /// Whether a candidate was fitted by an earlier job: its seconds were spent there.
    pub fn is_reused(&self, candidate: &str) -> bool {
        self.candidate(candidate).is_some_and(|candidate| candidate.repeats.iter().any(|repeat| repeat.from_cache))
    }

    /// Seconds to fit and sample a candidate, all repeats; `None` if none ended.
    pub fn seconds(&self, candidate: &str) -> Option<f64> {
        let repeats = self.candidate(candidate).map(|candidate| candidate.repeats.as_slice()).unwrap_or_default();
        repeats.iter().flat_map(|repeat| [repeat.times.fit_seconds, repeat.times.sample_seconds]).flatten().reduce(|a, b| a + b)
    }
}
