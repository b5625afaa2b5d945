//! Presets and aliases become candidates and benchmarks here, and nowhere else.

use crate::Catalogue;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use synthfleet_proto::about::MemberDoc;
use synthfleet_proto::fact::{Candidate, ChosenBenchmark};
use synthfleet_proto::job::{Choice, JobSpec, Release};
use synthfleet_proto::options::Problem;
use synthfleet_proto::score::Finding;
use synthfleet_proto::{Error, Result, id};

/// Candidates that every job has: never eligible, one repeat each.
pub const BASELINES: [&str; 3] = ["identity", "uniform", "independent"];

/// A named list of synthesizers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// Name.
    pub name: &'static str,
    /// Synthesizers.
    pub members: &'static [&'static str],
    /// Those that belong to it and come later.
    pub absent: &'static [&'static str],
    /// Fits of each with other seeds.
    pub repeats: u32,
}

impl Preset {
    /// The remark that it leaves some of its synthesizers out.
    pub fn left_out(&self) -> Option<Finding> {
        let text = format!("preset {} leaves out {}: not in this version", self.name, self.absent.join(", "));
        let number = Some(self.absent.len() as f64);
        (!self.absent.is_empty()).then(|| Finding { code: "preset_incomplete".to_owned(), column: None, number, text })
    }
}

const PRESETS: [Preset; 4] = [
    Preset { name: "quick", members: &["gaussian_copula", "clbn", "seqtree"], absent: &[], repeats: 1 },
    Preset { name: "standard", members: &["gaussian_copula", "clbn", "seqtree", "arf", "latent_tree"], absent: &[], repeats: 3 },
    // of the ten names of 2020: three are baselines
    Preset { name: "sdgym2020", members: &["clbn", "privbn"], absent: &["ctgan", "medgan", "tablegan", "tvae", "veegan"], repeats: 3 },
    Preset { name: "dp", members: &["aim", "mst", "privbn"], absent: &[], repeats: 3 },
];

/// What is to be said of the preset of a job: that it leaves something out.
pub fn preset_notes(job: &JobSpec) -> Vec<Finding> {
    let preset = job.preset.as_deref().and_then(|name| preset(name).ok());
    preset.and_then(|preset| preset.left_out()).into_iter().collect()
}

/// Presets that are known by name and none of whose members exists in this version.
const LATER: [&str; 1] = ["full"];

/// Benchmarks of a job that names none, as far as they exist.
pub const DEFAULT_BENCHMARKS: [&str; 10] = [
    "diagnostic",
    "column_shapes",
    "pair_trends",
    "accuracy",
    "detection",
    "ml_efficacy",
    "coverage",
    "distances",
    "membership",
    "anonymity",
];

/// Benchmarks whose measure ranks in a weights profile of its own.
const MEASURES: [&str; 2] = ["sdgym2020", "likelihood"];

/// The presets of this version.
pub fn presets() -> &'static [Preset] {
    &PRESETS
}

/// The preset of a name.
pub fn preset(name: &str) -> Result<Preset> {
    if let Some(preset) = PRESETS.into_iter().find(|preset| preset.name == name) {
        return Ok(preset);
    }
    let known = PRESETS.map(|preset| preset.name);
    if LATER.contains(&name) {
        let message = format!("no member of the preset {name:?} exists in this version");
        return Err(Error::invalid("job::preset_later", message).at_pointer("/preset").help(format!("choose of {}", known.join(", "))));
    }
    let error = Error::invalid("job::unknown_preset", format!("no preset {name:?}, known: {}", known.join(", "))).at_pointer("/preset");
    Err(match id::nearest(name, known) {
        Some(near) => error.help(format!("did you mean {near:?}?")),
        None => error,
    })
}

/// Judges the options of a member: its kind (`synthesize`, `benchmark`), its name, its options.
pub type CheckOptions<'a> = &'a (dyn Fn(&str, &str, &Value) -> Vec<Problem> + Sync);

/// A job without presets, aliases and defaults.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// Candidates: baselines first, then in the order of the job.
    pub candidates: Vec<Candidate>,
    /// Benchmarks in the order of the job.
    pub benchmarks: Vec<ChosenBenchmark>,
}

/// Resolves a job; the error tells every problem.
pub fn resolve(job: &JobSpec, catalogue: &Catalogue, check: CheckOptions<'_>) -> Result<Resolved> {
    let mut resolver = Resolver { job, catalogue, check, taken: BTreeSet::new(), set: BTreeSet::new(), problems: Vec::new() };
    let candidates = resolver.candidates();
    let benchmarks = resolver.benchmarks();
    resolver.unused_settings();
    resolver.wishes_of_nobody(&candidates);
    let mut problems = resolver.problems.into_iter();
    match problems.next() {
        None => Ok(Resolved { candidates, benchmarks }),
        Some(first) => Err(first.and(problems)),
    }
}

struct Resolver<'a> {
    job: &'a JobSpec,
    catalogue: &'a Catalogue,
    check: CheckOptions<'a>,
    taken: BTreeSet<String>,
    set: BTreeSet<String>,
    problems: Vec<Error>,
}

impl Resolver<'_> {
    fn candidates(&mut self) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        for name in BASELINES {
            if let Ok(member) = self.catalogue.synthesizer(name) {
                self.taken.insert(name.to_owned());
                let options = self.options(&Choice::of(name), name, member, &format!("/set/{name}"));
                candidates.push(candidate(name.to_owned(), member, options, 1));
            }
        }
        let bare = self.job.preset.is_none() && self.job.synthesizers.is_empty();
        let named = if bare { Some("standard") } else { self.job.preset.as_deref() };
        let preset = named.and_then(|name| self.keep(preset(name), None));
        let repeats = self.job.repeats.or(preset.map(|preset| preset.repeats)).unwrap_or(1);
        for name in preset.map(|preset| preset.members).unwrap_or_default() {
            candidates.extend(self.candidate(&Choice::of(name), "/preset", repeats));
        }
        for (place, choice) in self.job.synthesizers.iter().enumerate() {
            candidates.extend(self.candidate(choice, &format!("/synthesizers/{place}"), repeats));
        }
        candidates
    }

    fn candidate(&mut self, choice: &Choice, pointer: &str, repeats: u32) -> Option<Candidate> {
        let member = self.keep(self.catalogue.synthesizer(&choice.name), Some(pointer))?;
        if member.baseline && choice.alias.is_none() && choice.options.is_empty() {
            return None; // it runs anyway
        }
        let name = match &choice.alias {
            Some(alias) => self.free(alias, pointer)?,
            None => self.next_free(&member.name),
        };
        let options = self.options(choice, &name, member, pointer);
        let repeats = if member.baseline { 1 } else { choice.repeats.unwrap_or(repeats) };
        Some(candidate(name, member, options, repeats))
    }

    /// The name itself, if no other candidate has it.
    fn free(&mut self, name: &str, pointer: &str) -> Option<String> {
        if self.taken.insert(name.to_owned()) {
            return Some(name.to_owned());
        }
        let message = format!("another candidate is called {name:?}");
        self.problems.push(Error::invalid("job::name_taken", message).at_pointer(pointer).help("give another name with \"as\""));
        None
    }

    /// The name, or the name with `_2`, `_3`, ..., cut so that it stays within 24 characters.
    fn next_free(&mut self, name: &str) -> String {
        let numbered = |n: u32| match n {
            1 => name.to_owned(),
            n => {
                let tail = format!("_{n}");
                format!("{}{tail}", &name[..name.len().min(24 - tail.len())])
            }
        };
        let free = (1..).map(numbered).find(|name| !self.taken.contains(name)).unwrap_or_default();
        self.taken.insert(free.clone());
        free
    }

    fn benchmarks(&mut self) -> Vec<ChosenBenchmark> {
        let mut wished = self.job.benchmarks.clone();
        if wished.is_empty() {
            let known = self.catalogue.benchmarks().iter().map(|member| member.name.as_str());
            let is_asked = |name: &str| DEFAULT_BENCHMARKS.contains(&name) || self.job.gate.limits.contains_key(name);
            wished = known.filter(|name| is_asked(name)).map(Choice::of).collect();
        }
        wished.extend(self.measures(&wished));
        let mut chosen: Vec<ChosenBenchmark> = Vec::new();
        for (place, choice) in wished.iter().enumerate() {
            let pointer = format!("/benchmarks/{place}");
            let Some(member) = self.keep(self.catalogue.benchmark(&choice.name), Some(&pointer)) else { continue };
            if chosen.iter().any(|other| other.name == member.name) {
                let message = format!("benchmark {:?} is given twice", member.name);
                self.problems.push(Error::invalid("job::name_taken", message).at_pointer(&pointer));
                continue;
            }
            let options = self.options(choice, &member.name, member, &pointer);
            chosen.push(ChosenBenchmark { name: member.name.clone(), options });
        }
        chosen
    }

    /// What the weights profile ranks by, unless the job names one of it.
    fn measures(&mut self, wished: &[Choice]) -> Vec<Choice> {
        let ranks = self.job.weights.profile.as_deref() == Some("sdgym2020");
        if !ranks || wished.iter().any(|choice| MEASURES.contains(&choice.name.as_str())) {
            return Vec::new();
        }
        let found: Vec<Choice> =
            MEASURES.iter().filter(|name| self.catalogue.benchmark(name).is_ok()).map(|name| Choice::of(name)).collect();
        if found.is_empty() {
            let message = "weights profile sdgym2020 ranks by a benchmark that no worker has";
            let error = Error::invalid("job::profile_later", message).at_pointer("/weights/profile");
            self.problems.push(error.help("choose of balanced, utility, strict-privacy"));
        }
        found
    }

    /// Options as given, with those of `set` laid over them; their problems are kept.
    fn options(&mut self, choice: &Choice, name: &str, member: &MemberDoc, pointer: &str) -> Value {
        let mut options: Map<String, Value> = choice.options.clone();
        if let Some(over) = self.job.set.get(name) {
            self.set.insert(name.to_owned());
            options.extend(over.clone());
        }
        self.privacy(member, &mut options);
        let options = Value::Object(options);
        for problem in (self.check)(&member.task, &member.name, &options) {
            let message = format!("{}: {} is {}, allowed: {}", member.name, problem.option, problem.value, problem.allowed);
            let error = Error::invalid("options::range", message).at_pointer(format!("{pointer}/options/{}", problem.option));
            self.problems.push(error);
        }
        options
    }

    /// Privacy loss and failure probability of the job, for private members that name none themselves.
    fn privacy(&self, member: &MemberDoc, options: &mut Map<String, Value>) {
        // a preset of a member sets its own
        if !member.private || options.contains_key("preset") {
            return;
        }
        for (name, wish) in [("epsilon", self.job.epsilon), ("delta", self.job.delta)] {
            let is_known = member.options["properties"].get(name).is_some();
            if let Some(number) = wish.filter(|_| is_known && !options.contains_key(name)) {
                options.insert(name.to_owned(), Value::from(number));
            }
        }
    }

    fn unused_settings(&mut self) {
        for name in self.job.set.keys().filter(|name| !self.set.contains(*name)) {
            let known = self.taken.iter().map(String::as_str).chain(self.catalogue.benchmarks().iter().map(|b| b.name.as_str()));
            let error =
                Error::invalid("job::unknown_member", format!("no candidate or benchmark {name:?} to set options of")).at_pointer("/set");
            self.problems.push(match id::nearest(name, known) {
                Some(near) => error.help(format!("did you mean {near:?}?")),
                None => error,
            });
        }
    }

    /// A privacy loss that no candidate answers to would read as a guarantee of what is published without one.
    fn wishes_of_nobody(&mut self, candidates: &[Candidate]) {
        if candidates.iter().any(|candidate| candidate.private) {
            return;
        }
        let dp_only = self.job.release == Release::DpOnly;
        for (name, given) in [("epsilon", self.job.epsilon.is_some()), ("delta", self.job.delta.is_some()), ("release", dp_only)] {
            if given {
                let message = format!("{name} is given and no candidate is differentially private");
                let error = Error::invalid("job::no_private_candidate", message).at_pointer(format!("/{name}"));
                self.problems.push(error.help("choose the preset dp, or one of the private synthesizers"));
            }
        }
    }

    fn keep<T>(&mut self, found: Result<T>, pointer: Option<&str>) -> Option<T> {
        match found {
            Ok(found) => Some(found),
            Err(error) => {
                self.problems.push(match pointer {
                    Some(pointer) => error.at_pointer(pointer),
                    None => error,
                });
                None
            }
        }
    }
}

fn candidate(name: String, member: &MemberDoc, options: Value, repeats: u32) -> Candidate {
    let synthesizer = member.name.clone();
    Candidate { name, synthesizer, options, repeats, baseline: member.baseline, real_rows: member.real_rows, private: member.private }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::catalogue;
    use serde_json::json;
    use synthfleet_proto::about::About;
    use synthfleet_proto::later;

    fn resolved(job: Value) -> Result<Resolved> {
        resolve(&JobSpec::read(&job).expect("legal form"), &catalogue(), &|_, _, _| Vec::new())
    }

    fn names(job: Value) -> Vec<(String, u32)> {
        resolved(job).expect("legal").candidates.into_iter().map(|c| (c.name, c.repeats)).collect()
    }

    fn with_baselines(names: &[(&str, u32)]) -> Vec<(String, u32)> {
        let baselines = BASELINES.iter().map(|name| ((*name).to_owned(), 1));
        baselines.chain(names.iter().map(|(name, repeats)| ((*name).to_owned(), *repeats))).collect()
    }

    #[test]
    fn a_bare_job_runs_the_standard_preset_beside_the_baselines() {
        let expected = with_baselines(&[("gaussian_copula", 3), ("clbn", 3), ("seqtree", 3), ("arf", 3), ("latent_tree", 3)]);
        assert_eq!(names(json!({"source": "a.csv"})), expected);
    }

    #[test]
    fn a_privacy_loss_that_nobody_keeps_is_refused() {
        for wish in [json!({"epsilon": 1.0}), json!({"delta": 1e-6}), json!({"release": "dp_only"})] {
            let mut job = json!({"source": "a.csv", "synthesizers": ["clbn"]});
            job.as_object_mut().expect("an object").extend(wish.as_object().expect("an object").clone());
            assert_eq!(resolved(job).expect_err("refused").code(), "job::no_private_candidate", "{wish}");
        }
    }

    #[test]
    fn further_candidates_of_one_member_are_numbered() {
        let job = json!({"source": "a.csv", "synthesizers": ["trees", "seqtree", {"name": "seqtree", "as": "mine", "repeats": 5}]});
        assert_eq!(names(job), with_baselines(&[("seqtree", 1), ("seqtree_2", 1), ("mine", 5)]));
    }

    #[test]
    fn a_baseline_that_is_asked_for_runs_once() {
        assert_eq!(names(json!({"source": "a.csv", "synthesizers": ["independent", "clbn"]})), with_baselines(&[("clbn", 1)]));
    }

    #[test]
    fn settings_reach_their_candidate_and_unknown_ones_are_told() {
        let job = json!({"source": "a", "synthesizers": ["seqtree"], "set": {"seqtree": {"leaf_rows": 30}}});
        let options = &resolved(job).expect("legal").candidates[3].options;
        assert_eq!(options, &json!({"leaf_rows": 30}));
        let error = resolved(json!({"source": "a", "set": {"seqtre": {"leaf_rows": 30}}})).expect_err("unknown");
        assert_eq!(error.helps(), ["did you mean \"seqtree\"?"]);
    }

    #[test]
    fn every_unknown_name_is_told_at_once() {
        let error =
            resolved(json!({"source": "a", "preset": "quik", "synthesizers": ["sectree"], "benchmarks": ["accurcy"]})).expect_err("3");
        assert_eq!((error.code(), error.others().len()), ("job::unknown_preset", 2));
    }

    fn benchmarks(job: Value, names: &[&'static str]) -> Result<Vec<String>> {
        let docs = names.iter().map(|name| MemberDoc::of("benchmark", &About { name, ..About::LIGHT }, Value::Null));
        let known = Catalogue::of(docs.chain(catalogue().synthesizers().iter().cloned()));
        let resolved = resolve(&JobSpec::read(&job).expect("legal form"), &known, &|_, _, _| Vec::new())?;
        Ok(resolved.benchmarks.into_iter().map(|benchmark| benchmark.name).collect())
    }

    #[test]
    fn a_job_that_names_no_benchmark_has_the_usual_ones_and_what_its_gate_and_weights_need() {
        let all = ["accuracy", "alpha_beta", "disclosure", "distances", "likelihood", "sdgym2020"];
        let of = |job: Value| benchmarks(job, &all).expect("legal");
        assert_eq!(of(json!({"source": "a"})), ["accuracy", "distances"]);
        assert_eq!(of(json!({"source": "a", "gate": {"disclosure": 0.05}})), ["accuracy", "disclosure", "distances"]);
        let ranked = of(json!({"source": "a", "weights": "sdgym-2020"}));
        assert_eq!(ranked, ["accuracy", "distances", "sdgym2020", "likelihood"]);
        let named = json!({"source": "a", "weights": "sdgym2020", "benchmarks": ["accuracy", "likelihood"]});
        assert_eq!(of(named), ["accuracy", "likelihood"]);
    }

    #[test]
    fn a_weights_profile_whose_measure_no_worker_has_is_refused() {
        let error = benchmarks(json!({"source": "a", "weights": "sdgym2020"}), &["accuracy"]).expect_err("no measure");
        assert_eq!((error.code(), error.place().pointer.as_deref()), ("job::profile_later", Some("/weights/profile")));
    }

    #[test]
    fn the_preset_of_2020_names_all_ten_there_or_not() {
        let preset = preset("sdgym2020").expect("known");
        let mut all: Vec<&str> = BASELINES.iter().chain(preset.members).chain(preset.absent).copied().collect();
        all.sort_unstable();
        assert_eq!(all, later::SDGYM_2020);
        assert!(preset.absent.iter().all(|name| later::later(name).is_some()));
        let notes = |job: Value| preset_notes(&JobSpec::read(&job).expect("legal form"));
        let told = notes(json!({"source": "a", "preset": "sdgym-2020"}));
        assert_eq!(told[0].text, "preset sdgym2020 leaves out ctgan, medgan, tablegan, tvae, veegan: not in this version");
        assert_eq!((notes(json!({"source": "a"})), notes(json!({"source": "a", "preset": "dp"}))), (Vec::new(), Vec::new()));
    }

    #[test]
    fn a_name_that_comes_later_is_refused_at_its_place() {
        let error = resolved(json!({"source": "a", "synthesizers": ["clbn", {"name": "TVAE"}]})).expect_err("later");
        assert_eq!((error.code(), error.place().pointer.as_deref()), ("synthesizer::later", Some("/synthesizers/1")));
    }

    #[test]
    fn a_preset_without_members_is_refused_by_name() {
        assert_eq!(resolved(json!({"source": "a", "preset": "full"})).expect_err("later").code(), "job::preset_later");
    }
}
