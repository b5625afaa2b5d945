//! About how much memory a job's view takes: what its facts hold, by their own lengths.

use super::Fact;
use synthfleet_proto::fact::{Group, OutcomeFact, Output};
use synthfleet_proto::score::Score;

/// About so many bytes does a fact take in a view: its struct, its lists, its texts of free length. Texts of a few bytes
/// count as part of their struct.
pub fn of(fact: &Fact) -> u64 {
    let bytes = match fact {
        Fact::Spec(spec) => size_of_val(spec.fact.as_ref()) + text(&spec.fact.request),
        Fact::Plan(plan) => {
            let needs = |group: &Group| size_of::<Group>() + group.needs.iter().map(|task| task.as_str().len()).sum::<usize>();
            size_of_val(plan.fact.as_ref()) + plan.fact.groups.iter().map(needs).sum::<usize>()
        }
        Fact::Outcome(outcome) => of_outcome(&outcome.fact),
        Fact::Selection(selection) => size_of_val(selection.fact.as_ref()) + text(&selection.fact.verdict),
        Fact::Published(published) => published.fact.files.iter().map(|file| size_of_val(file) + file.path.len() + file.key.len()).sum(),
        other => size_of_val(other),
    };
    bytes as u64
}

fn of_outcome(outcome: &OutcomeFact) -> usize {
    let output = |output: &Output| size_of::<Output>() + output.key.len() + output.sha256.len();
    let score = |score: &Score| size_of::<Score>() + size_of_val(&score.folds[..]);
    size_of::<OutcomeFact>() + outcome.outputs.iter().map(output).sum::<usize>() + outcome.scores.iter().map(score).sum::<usize>()
}

/// Length of what has no fixed form.
fn text(value: &impl serde::Serialize) -> usize {
    serde_json::to_string(value).map_or(0, |text| text.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Known;
    use crate::testing::done;
    use synthfleet_proto::task::TaskId;

    #[test]
    fn an_outcome_takes_what_its_lists_hold_and_not_less_than_its_struct() {
        let task = TaskId::parse("ben-clbn-r0-accuracy").expect("legal");
        let bare = OutcomeFact { outputs: Vec::new(), scores: Vec::new(), ..done(task) };
        let of_bare = of(&Fact::Outcome(Known::new(bare.clone(), "")));
        assert_eq!(of_bare, size_of::<OutcomeFact>() as u64);
        let key = "k".repeat(100);
        let output = Output { role: "x".into(), key, bytes: 1, sha256: "0".repeat(64), content_type: "text/csv".into(), rows: None };
        let with_outputs = OutcomeFact { outputs: vec![output; 3], ..bare };
        assert_eq!(of(&Fact::Outcome(Known::new(with_outputs, ""))), of_bare + 3 * (size_of::<Output>() as u64 + 164));
    }
}
