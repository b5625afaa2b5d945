//! What a job's values may be. Names of members and their options are checked at submission, where the
//! catalogue is known.

use super::{JobSpec, Rows};
use crate::privacy::NoiseKey;
use crate::{Error, id};

/// Names of gate profiles.
pub const GATE_PROFILES: [&str; 3] = ["balanced", "strict", "off"];

/// Names of gates whose limit a job may replace.
pub const GATES: [&str; 13] = [
    "structure",
    "validity",
    "constraints",
    "pii_copy",
    "identical",
    "dcr_share",
    "nndr",
    "membership_nn",
    "membership_density",
    "singling_out",
    "linkability",
    "inference",
    "disclosure",
];

/// Gates that judge privacy.
pub const PRIVACY_GATES: [&str; 10] = [
    "pii_copy",
    "identical",
    "dcr_share",
    "nndr",
    "membership_nn",
    "membership_density",
    "singling_out",
    "linkability",
    "inference",
    "disclosure",
];

/// Names of weight profiles.
pub const WEIGHT_PROFILES: [&str; 4] = ["balanced", "utility", "strict-privacy", "sdgym2020"];

/// Components of the score, named after the scores that enter it.
pub const COMPONENTS: [&str; 4] = ["accuracy", "detection.gbt", "ml_efficacy", "accuracy.nmi"];

/// Forms of a delivered table.
pub const FORMATS: [&str; 7] = ["csv", "csv.gz", "csv.zst", "tsv", "tsv.gz", "tsv.zst", "parquet"];

/// Forms that are known by name and not written by this version.
const FORMATS_LATER: [&str; 4] = ["jsonl", "arrow", "npz", "xlsx"];

impl JobSpec {
    /// All problems of values that are legal by form, each at its JSON pointer.
    pub(super) fn problems(&self) -> Vec<Error> {
        let mut found = Found::default();
        found
            .expect(self.schema == Self::SCHEMA, "/schema", || format!("schema is {:?}, this version reads {}", self.schema, Self::SCHEMA));
        self.check_source(&mut found);
        found.within("/holdout", self.holdout, 0.05, 0.5);
        if let Some(repeats) = self.repeats {
            found.within("/repeats", f64::from(repeats), 1.0, 20.0);
        }
        self.check_choices(&mut found);
        self.check_output(&mut found);
        self.check_verdict(&mut found);
        found.within("/budget/seconds", self.budget.seconds, 0.001, 2_592_000.0);
        found.within("/budget/task_seconds", self.budget.task_seconds, 0.001, 604_800.0);
        found.within("/budget/memory_bytes_per_task", self.budget.memory_bytes_per_task as f64, (64u64 << 20) as f64, (1u64 << 40) as f64);
        if let Some(attempts) = self.budget.attempts {
            found.within("/budget/attempts", f64::from(attempts), 1.0, 20.0);
        }
        if let Some(epsilon) = self.epsilon {
            found.expect(epsilon > 0.0 && epsilon.is_finite(), "/epsilon", || format!("epsilon is {epsilon}, allowed: above 0"));
        }
        if let Some(delta) = self.delta {
            found.expect((0.0..1.0).contains(&delta), "/delta", || format!("delta is {delta}, allowed: 0 to below 1"));
        }
        if let Some(key) = &self.noise_key {
            let is_key = NoiseKey::parse(key).is_ok();
            found.expect(is_key, "/noise_key", || "the noise key is not 64 hexadecimal digits".to_owned());
        }
        found.expect(self.labels.len() <= 16, "/labels", || format!("{} labels, allowed: 16", self.labels.len()));
        for (key, value) in &self.labels {
            found.expect(key.len() <= 64 && value.len() <= 64, "/labels", || format!("label {key:?} is longer than 64 bytes"));
        }
        let summary = self.summary.as_deref().unwrap_or_default().chars().count();
        found.expect(summary <= 200, "/summary", || format!("{summary} characters, allowed: 200"));
        found.problems
    }

    fn check_source(&self, found: &mut Found) {
        let uri = &self.source.uri;
        found.expect(!uri.is_empty(), "/source", || "no source: name a file, - or sim:<name>".to_owned());
        found.expect(uri.len() <= 2_048, "/source", || format!("{} bytes, allowed: 2,048", uri.len()));
        found.one_of("/metadata_check", self.metadata_check.as_deref(), &["fail", "warn"]);
        found.one_of("/source/format", self.source.format.as_deref(), &["csv", "tsv", "parquet"]);
        found.one_of("/source/bad_rows", self.source.bad_rows.as_deref(), &["fail", "skip", "save", "pad"]);
        found.one_of("/source/on_bad_cell", self.source.on_bad_cell.as_deref(), &["null", "keep", "fail"]);
        found.one_of("/source/bad_bytes", self.source.bad_bytes.as_deref(), &["fail", "replace", "strip"]);
        found.one_of("/source/dialect/decimal", self.source.dialect.decimal.as_deref(), &[".", ","]);
        if let Some(share) = self.source.bad_rows_max {
            found.within("/source/bad_rows_max", share, 0.0, 1.0);
        }
    }

    fn check_choices(&self, found: &mut Found) {
        found.expect(self.synthesizers.len() <= 64, "/synthesizers", || format!("{} given, allowed: 64", self.synthesizers.len()));
        found.expect(self.benchmarks.len() <= 32, "/benchmarks", || format!("{} given, allowed: 32", self.benchmarks.len()));
        for (place, choice) in self.synthesizers.iter().enumerate() {
            let pointer = format!("/synthesizers/{place}");
            found.expect(!choice.name.is_empty(), &pointer, || "a synthesizer has no name".to_owned());
            if let Some(alias) = &choice.alias {
                let pointer = format!("{pointer}/as");
                if let Err(error) = id::check_name("candidate name", alias, 24) {
                    found.problems.push(error.at_pointer(&pointer));
                }
                found.expect(!alias.starts_with("ref_"), &pointer, || format!("candidate name {alias:?} may not start with ref_"));
                let twins = self.synthesizers.iter().filter(|other| other.alias.as_ref() == Some(alias)).count();
                found.expect(twins == 1, &pointer, || format!("candidate name {alias:?} is given {twins} times"));
            }
            if let Some(repeats) = choice.repeats {
                found.within(&format!("{pointer}/repeats"), f64::from(repeats), 1.0, 20.0);
            }
        }
        for (place, choice) in self.benchmarks.iter().enumerate() {
            let pointer = format!("/benchmarks/{place}");
            found.expect(!choice.name.is_empty(), &pointer, || "a benchmark has no name".to_owned());
            found.expect(choice.alias.is_none() && choice.repeats.is_none(), &pointer, || {
                "a benchmark has neither as nor repeats".to_owned()
            });
        }
    }

    fn check_output(&self, found: &mut Found) {
        if let Rows::Count(rows) = self.rows {
            found.within("/rows", rows as f64, 1.0, 1e12);
        }
        if let Some(rows) = self.value_protection.rows_min {
            found.within("/value_protection/rows_min", f64::from(rows), 1.0, 1_000.0);
        }
        found.expect(self.conditions.len() <= 64, "/where", || format!("{} conditions, allowed: 64", self.conditions.len()));
        for (place, condition) in self.conditions.iter().enumerate() {
            let is_fit = !condition.trim().is_empty() && condition.len() <= 4_096;
            found.expect(is_fit, &format!("/where/{place}"), || "a condition has 1 to 4,096 bytes".to_owned());
        }
        for (place, format) in self.formats.iter().enumerate() {
            let pointer = format!("/formats/{place}");
            if FORMATS_LATER.contains(&format.as_str()) {
                let message = format!("{format} is not written by this version");
                found.problems.push(
                    Error::invalid("job::format_later", message).at_pointer(pointer).help(format!("choose of {}", FORMATS.join(", "))),
                );
            } else {
                found.one_of(&pointer, Some(format), &FORMATS);
            }
        }
        for (name, value) in &self.fail_under {
            found.expect(value.is_finite(), "/fail_under", || format!("{name} is {value}, allowed: a finite number"));
        }
    }

    fn check_verdict(&self, found: &mut Found) {
        found.one_of("/gate/profile", self.gate.profile.as_deref(), &GATE_PROFILES);
        for (gate, limit) in &self.gate.limits {
            found.one_of("/gate/limits", Some(gate), &GATES);
            found.expect(limit.is_finite(), "/gate/limits", || format!("{gate} is {limit}, allowed: a finite number"));
        }
        found.one_of("/weights/profile", self.weights.profile.as_deref(), &WEIGHT_PROFILES);
        let components = &self.weights.components;
        let ranked_by_one = self.weights.profile.as_deref() == Some("sdgym2020") && !components.is_empty();
        found.expect(!ranked_by_one, "/weights", || "profile sdgym2020 ranks by one measure and takes no weights".to_owned());
        for (component, weight) in components {
            found.one_of("/weights", Some(component), &COMPONENTS);
            found.expect(*weight >= 0.0 && weight.is_finite(), "/weights", || format!("{component} is {weight}, allowed: 0 or more"));
        }
        let useless = !components.is_empty() && components.values().all(|weight| *weight == 0.0);
        found.expect(!useless, "/weights", || "all weights are 0".to_owned());
    }
}

#[derive(Default)]
struct Found {
    problems: Vec<Error>,
}

impl Found {
    fn expect(&mut self, holds: bool, pointer: &str, message: impl FnOnce() -> String) {
        if !holds {
            self.problems.push(Error::invalid("job::range", message()).at_pointer(pointer));
        }
    }

    fn within(&mut self, pointer: &str, value: f64, low: f64, high: f64) {
        let field = pointer.rsplit('/').next().unwrap_or_default();
        self.expect((low..=high).contains(&value), pointer, || format!("{field} is {value}, allowed: {low} to {high}"));
    }

    fn one_of(&mut self, pointer: &str, given: Option<&str>, known: &[&str]) {
        let Some(given) = given.filter(|given| !known.contains(given)) else { return };
        let field = pointer.rsplit('/').next().unwrap_or_default();
        let message = format!("{field} is {given:?}, allowed: {}", known.join(", "));
        let error = Error::invalid("job::unknown_name", message).at_pointer(pointer);
        self.problems.push(match id::nearest(given, known.iter().copied()) {
            Some(near) => error.help(format!("did you mean {near:?}?")),
            None => error,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn codes(job: serde_json::Value) -> Vec<String> {
        JobSpec::read_all(&job).1.iter().map(|e| format!("{} {}", e.place().pointer.as_deref().unwrap_or(""), e.code())).collect()
    }

    #[test]
    fn values_out_of_range_are_all_told() {
        let found = codes(json!({"source": "a.csv", "holdout": 0.9, "repeats": 0, "gate": "hard", "rows": 0}));
        assert_eq!(found, ["/holdout job::range", "/repeats job::range", "/rows job::range", "/gate/profile job::unknown_name"]);
    }

    #[test]
    fn a_job_without_a_source_is_refused() {
        assert_eq!(codes(json!({})), ["/source job::range"]);
    }

    #[test]
    fn candidate_names_are_short_unique_and_not_reserved() {
        let found = codes(json!({"source": "a", "synthesizers": [
            {"name": "seqtree", "as": "ref_x"}, {"name": "clbn", "as": "a"}, {"name": "clbn", "as": "a"}, {"name": "clbn", "as": "A-B"},
        ]}));
        assert_eq!(found.len(), 4, "{found:?}");
    }

    #[test]
    fn weights_are_known_not_negative_and_not_all_zero() {
        assert_eq!(codes(json!({"source": "a", "weights": {"accuracy": 0.0}})), ["/weights job::range"]);
        assert_eq!(codes(json!({"source": "a", "weights": {"acuracy": 1.0}})), ["/weights job::unknown_name"]);
    }

    #[test]
    fn the_profile_of_2020_is_known_in_three_spellings_and_takes_no_weights() {
        for name in ["sdgym2020", "sdgym-2020", "sdgym_2020"] {
            assert!(codes(json!({"source": "a", "weights": name})).is_empty(), "{name}");
        }
        let weighted = json!({"profile": "sdgym2020", "components": {"accuracy": 1.0}});
        assert_eq!(codes(json!({"source": "a", "weights": weighted})), ["/weights job::range"]);
    }

    #[test]
    fn a_limit_may_stand_beside_the_gate_s_profile() {
        let short = JobSpec::read(&json!({"source": "a", "gate": {"profile": "strict", "disclosure": 0.05}})).expect("legal");
        let long = JobSpec::read(&json!({"source": "a", "gate": {"profile": "strict", "limits": {"disclosure": 0.05}}})).expect("legal");
        assert_eq!(short, long);
        assert_eq!(codes(json!({"source": "a", "gate": {"dcr": 0.6}})), ["/gate/dcr job::unknown_field"]);
    }

    #[test]
    fn conditions_and_protection_have_bounds() {
        assert_eq!(codes(json!({"source": "a", "where": ["age>=40", " "]})), ["/where/1 job::range"]);
        assert_eq!(codes(json!({"source": "a", "where": "age>=40", "rows_seed": 7})), Vec::<String>::new());
        assert_eq!(codes(json!({"source": "a", "value_protection": {"rows_min": 0}})), ["/value_protection/rows_min job::range"]);
        assert_eq!(codes(json!({"source": "a", "value_protection": {"rare_labels": "token", "rows_min": 1}})), Vec::<String>::new());
        let plain = serde_json::to_value(JobSpec::of("a")).expect("plain data");
        assert!(["where", "rows_seed", "value_protection"].iter().all(|field| plain.get(field).is_none()));
    }

    #[test]
    fn a_form_of_a_later_version_is_refused_by_name() {
        assert_eq!(codes(json!({"source": "a", "formats": ["jsonl"]})), ["/formats/0 job::format_later"]);
    }
}
