//! The profile task: from a source to staged parts, descriptions and notes.

mod describe;
mod source;

use crate::cast::Caster;
use crate::forms::Given;
use crate::infer::{ColumnOverride, Inference, Inferred, MissingWords, Overrides};
use crate::outside::{Outside, check_labels};
use crate::profile::kept::{KEPT_BYTES_MAX, Kept};
use crate::read::{Accounting, Batch, ReadOptions};
use crate::rejected::Rejects;
use crate::rows::Rows;
use crate::simulated;
use crate::split::{Part, SplitOptions, Splitter};
use crate::stage::{Choice, Staged, Stager, cast, check_rows, classes};
use source::{SourcePart, add_accounts, given, merge, source_of};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, mpsc};
use synthfleet_proto::constraint::Constraint;
use synthfleet_proto::fact::ProfileSummary;
use synthfleet_proto::job::{self, JobSpec};
use synthfleet_proto::metadata::{ColumnMeta, DeclaredDomain, Format, Kind, Metadata, ProblemType, Storage};
use synthfleet_proto::profile::Profile;
use synthfleet_proto::profile::RARE;
use synthfleet_proto::protection::{RareLabels, ValueProtection};
use synthfleet_proto::{Error, Result, Seed};
use synthfleet_table::rules::{Checker, bind};
use synthfleet_table::{Budget, Table};

/// Most train rows; more are sampled.
const FIT_ROWS_MAX: u64 = 1_000_000;
/// Batches between the thread that reads and the one that writes.
const BATCHES_AHEAD: usize = 4;

/// What a profile task is given.
#[derive(Debug, Clone)]
pub struct ProfileInput {
    /// The fields of a job that say what the table is; others are not read.
    pub job: JobSpec,
    /// The seed that all tasks of the job share; the split is its stream `split`.
    pub shared: Seed,
    /// Most train rows, 1,000,000 unless told otherwise.
    pub fit_rows_max: u64,
    /// Memory for values that are kept to be sorted, 128 MiB unless told otherwise. Beyond it files are
    /// sorted by DataFusion; the results are equal.
    pub kept_bytes_max: usize,
}

impl ProfileInput {
    /// A job's profile task.
    pub fn new(job: JobSpec, shared: Seed) -> Self {
        Self { job, shared, fit_rows_max: FIT_ROWS_MAX, kept_bytes_max: KEPT_BYTES_MAX }
    }
}

/// What a profile task made, besides its files.
#[derive(Debug, Clone)]
pub struct Profiled {
    /// The exact description, as in `metadata.json`.
    pub metadata: Metadata,
    /// The protected description, as in `profile.json`.
    pub profile: Profile,
    /// What planning needs, as in `summary.json`.
    pub summary: ProfileSummary,
}

/// Reads, types, splits and describes a table. Writes into `out`: `train.parquet`, `holdout.parquet`,
/// `metadata.json` (exact, private), `profile.json`, `metadata.sdv.json`, `metadata.sdgym2020.json`,
/// `rows.jsonl`, `summary.json` and, if anything was left out, `rejected.csv`. `scratch` holds what does
/// not fit into memory.
///
/// # Limits
/// Memory is bounded whatever the size of the source. Equal input, seed and options give equal files.
pub fn profile_task(input: &ProfileInput, out: &Path, scratch: &Path, budget: &Budget) -> Result<Profiled> {
    let table = Reading::start(&input.job)?;
    budget.progress(0.05, "infer");
    let read = table.infer(budget).and_then(|inferred| {
        budget.progress(0.4, "stage");
        Ok((table.stage(input, &inferred, out, scratch, budget)?, inferred))
    });
    table.unchanged()?;
    let ((metadata, staged, rejects), inferred) = read?;
    budget.progress(0.8, "profile");
    table.describe(input, metadata, inferred, staged, &rejects, Folders { out, scratch }, budget)
}

#[derive(Clone, Copy)]
struct Folders<'a> {
    out: &'a Path,
    scratch: &'a Path,
}

/// The table while it is read: its source, a given holdout, and what is stated of it.
struct Reading {
    source: SourcePart,
    holdout: Option<SourcePart>,
    overrides: Overrides,
    given: Given,
    name: String,
    problem_type: Option<ProblemType>,
    /// Name of the true law, if the source is a simulated set that has one.
    law: Option<String>,
    warn: bool,
    /// Rules of the job, columns named as the user does.
    constraints: Vec<Constraint>,
    protection: ValueProtection,
}

/// Notes the rules that rows keep, by the names or headers of their columns, and refuses those that no row could keep.
///
/// # Errors
/// `Invalid` at the pointer of the rule: an unknown or unfit column, rules against each other.
pub fn constrain(metadata: &mut Metadata, rules: &[Constraint]) -> Result<()> {
    let name = |stated: &str| {
        let by_header = || metadata.columns.iter().find(|meta| meta.header.trim() == stated).map(|meta| meta.name.clone());
        // a name that is none is told with its neighbours below
        Ok(metadata.position(stated).map(|_| stated.to_owned()).or_else(by_header).unwrap_or_else(|| stated.to_owned()))
    };
    let named = rules.iter().map(|rule| rule.renamed(name)).collect::<Result<_>>()?;
    metadata.constraints = named;
    bind(metadata).map(|_| ())
}

impl Reading {
    fn start(job: &JobSpec) -> Result<Self> {
        let options = ReadOptions::of(&job.source)?;
        let simulated = simulated::Request::parse(&job.source.uri).transpose()?;
        let source = SourcePart::open(&source_of(&job.source.uri, simulated.as_ref())?, &options)?;
        let name = job.table.clone().unwrap_or_else(|| source.opened.source.table_name());
        let holdout = match &job.holdout_source {
            None => None,
            Some(uri) => {
                let request = simulated::Request::parse(uri).transpose()?;
                Some(SourcePart::open(&source_of(uri, request.as_ref())?, &options)?.like(&source)?)
            }
        };
        let given = given(job, &source)?;
        let likelihood = simulated.as_ref().and_then(simulated::Request::problem_type);
        let target = match (&job.target, &given.target) {
            (Some(target), _) | (None, Some(target)) => Some(target.as_str()),
            // a simulated law is judged by likelihood, not by one of its columns
            (None, None) => likelihood.map(|_| "none"),
        };
        let mut overrides = Overrides::of(&job.source, target)?;
        merge(&mut overrides, &given);
        for (name, typed) in &source.typed {
            overrides.columns.entry(name.clone()).or_default().typed = Some(*typed);
        }
        if source.opened.format == Format::Parquet && overrides.missing_only.is_none() {
            // a null is a null there; words are values
            overrides.missing_only = Some(vec![String::new()]);
        }
        let problem_type = job.problem_type.or(given.problem_type).or(likelihood);
        let law = simulated.as_ref().and_then(simulated::Request::law).map(str::to_owned);
        let warn = match job.metadata_check.as_deref() {
            None | Some("fail") => false,
            Some("warn") => true,
            Some(other) => {
                let error = Error::invalid("job::option", format!("{other} is not one of fail, warn"));
                return Err(error.at_pointer("/metadata_check"));
            }
        };
        let (constraints, protection) = (job.constraints.clone(), job.value_protection);
        Ok(Self { source, holdout, overrides, given, name, problem_type, law, warn, constraints, protection })
    }

    fn parts(&self) -> impl Iterator<Item = (&SourcePart, Part)> {
        std::iter::once((&self.source, Part::Train)).chain(self.holdout.as_ref().map(|holdout| (holdout, Part::Holdout)))
    }

    /// First pass: kinds, levels and ranges over all rows, those of a given holdout included.
    fn infer(&self, budget: &Budget) -> Result<Inferred> {
        let layout = &self.source.layout;
        let mut inference = Inference::new(&layout.columns, &self.overrides, self.source.opened.options().thousands);
        let mut batch = Batch::default();
        let mut accounts: Vec<Accounting> = Vec::new();
        for (part, _) in self.parts() {
            let mut records = Rows::new(&part.opened, &part.layout)?;
            while records.next_batch(&mut batch)? {
                budget.go_on()?;
                inference.add(&batch);
            }
            accounts.push(records.finish()?);
        }
        let mut dialect = layout.dialect.clone();
        dialect.encoding.clone_from(&accounts[0].encoding);
        dialect.final_line_end = accounts[0].final_line_end;
        let account = accounts.into_iter().reduce(add_accounts).unwrap_or_default();
        let inferred = inference.finish(&self.name, self.source.opened.format, dialect, account);
        let mut inferred =
            inferred.map_err(|e| if e.place().source.is_some() { e } else { e.in_source(self.source.opened.source.name()) })?;
        inferred.notes.splice(0..0, layout.notes.iter().cloned());
        self.given.complete(&mut inferred.metadata);
        if self.problem_type.is_some() {
            inferred.metadata.problem_type = self.problem_type;
        }
        inferred.metadata.law.clone_from(&self.law);
        self.declare(&mut inferred.metadata)?;
        constrain(&mut inferred.metadata, &self.constraints)?;
        self.protect(&mut inferred.metadata);
        if !self.warn {
            let listed = |place: &usize| self.stated(&inferred.metadata, *place).is_some_and(|stated| stated.order.is_some());
            check_labels(&inferred, &(0..inferred.columns.len()).filter(listed).collect::<Vec<_>>())?;
        }
        for (place, (low, high)) in self.ranges(&inferred.metadata) {
            let found = &mut inferred.metadata.columns[place].range;
            // what is beyond is refused or left out
            *found = found.map(|(smallest, largest)| (smallest.clamp(low, high), largest.clamp(low, high)));
        }
        Ok(inferred)
    }

    /// Notes which values may occur, where that is known without the rows: a stated domain, a stated list of labels
    /// or range (cells may then be missing), the states of a true law.
    fn declare(&self, metadata: &mut Metadata) -> Result<()> {
        let law = self.law.as_deref().map(synthfleet_laws::law).transpose()?.flatten();
        let known = |meta: &ColumnMeta, place: usize, metadata: &Metadata| -> Option<DeclaredDomain> {
            let stated = self.stated(metadata, place);
            if let Some(domain) = stated.and_then(|stated| stated.domain.clone()) {
                return Some(domain);
            }
            if let Some(synthfleet_laws::Law::Network(network)) = &law {
                let variable = network.variables().iter().find(|variable| variable.name == meta.name)?;
                return Some(DeclaredDomain { levels: variable.states.clone(), ..DeclaredDomain::default() });
            }
            let levels = stated.and_then(|stated| stated.order.clone()).unwrap_or_default();
            let range = self.given.columns.get(meta.header.trim()).and_then(|given| given.range);
            let is_known = !levels.is_empty() || range.is_some();
            is_known.then(|| DeclaredDomain { levels, range, nullable: true, ..DeclaredDomain::default() })
        };
        let domains: Vec<_> = metadata.columns.iter().enumerate().map(|(place, meta)| known(meta, place, metadata)).collect();
        for (meta, domain) in metadata.columns.iter_mut().zip(domains) {
            if let Some(domain) = domain.as_ref().filter(|_| meta.kind.is_discrete()) {
                // a private sample may show a label that no row has
                let unseen: Vec<String> = domain.levels.iter().filter(|level| !meta.levels.contains(level)).cloned().collect();
                meta.levels.extend(unseen);
            }
            meta.declared = domain;
        }
        Ok(())
    }

    /// Notes how values are protected. A label that stands for rare ones must be legal before any sample has it.
    fn protect(&self, metadata: &mut Metadata) {
        metadata.protection = self.protection;
        let target = metadata.target.clone();
        let takes_token = |meta: &&mut ColumnMeta| {
            let nominal = meta.kind == Kind::Categorical && meta.storage == Storage::Utf8 && meta.is_modelled();
            // what is to be predicted keeps its classes
            nominal && target.as_ref() != Some(&meta.name) && !meta.levels.iter().any(|level| level == RARE)
        };
        if self.protection.rare_labels == RareLabels::Token {
            metadata.columns.iter_mut().filter(takes_token).for_each(|meta| meta.levels.push(RARE.to_owned()));
        }
    }

    /// What is stated of a column, by its name or its header.
    fn stated(&self, metadata: &Metadata, place: usize) -> Option<&ColumnOverride> {
        let meta = &metadata.columns[place];
        self.overrides.columns.get(&meta.name).or_else(|| self.overrides.columns.get(meta.header.trim()))
    }

    /// Ranges that the description states, by place of their column.
    fn ranges(&self, metadata: &Metadata) -> BTreeMap<usize, (f64, f64)> {
        let range = |meta: &ColumnMeta| self.given.columns.get(meta.header.trim()).and_then(|given| given.range);
        metadata.columns.iter().enumerate().filter_map(|(place, meta)| Some((place, range(meta)?))).collect()
    }

    /// Second pass: values into the files of their parts.
    fn stage(
        &self,
        input: &ProfileInput,
        inferred: &Inferred,
        out: &Path,
        scratch: &Path,
        budget: &Budget,
    ) -> Result<(Arc<Metadata>, Staged, Rejects)> {
        let metadata = Arc::new(inferred.metadata.clone());
        let words = |name: &str| -> MissingWords { self.overrides.missing_words(name) };
        let casters: Vec<Caster> = metadata.columns.iter().map(|meta| Caster::new(meta, words(&meta.name))).collect();
        let choice = match self.holdout {
            Some(_) => Choice::Given,
            None => self.draw(input, inferred)?,
        };
        let mut stager = Stager::new(&metadata, choice, out, Kept::new(scratch, input.kept_bytes_max), &scratch.join("rest.parquet"))?;
        let names = metadata.columns.iter().map(|meta| meta.header.clone()).collect();
        let mut outside = Outside::new(self.ranges(&metadata), self.warn);
        let mut rejects = Rejects::new(&out.join("rejected.csv"), names);
        let mut checker = Checker::new(bind(&metadata)?);
        std::thread::scope(|scope| {
            let (sender, receiver) = mpsc::sync_channel::<(Table, Part)>(BATCHES_AHEAD);
            let stager = &mut stager;
            let writer = scope.spawn(move || receiver.iter().try_for_each(|(table, part)| stager.take(&table, part)));
            let mut read = || -> Result<()> {
                let mut batch = Batch::default();
                for (part, place) in self.parts() {
                    let mut records = Rows::new(&part.opened, &part.layout)?;
                    while records.next_batch(&mut batch)? {
                        budget.go_on()?;
                        let (table, mut bad) = cast(&batch, &casters, &metadata)?;
                        let table = outside.apply(table, &batch, &mut bad)?;
                        checker.take(&table);
                        rejects.add(&batch, &bad)?;
                        if sender.send((table, place)).is_err() {
                            return Ok(());
                        }
                    }
                }
                Ok(())
            };
            let read = read();
            drop(sender);
            let written = writer.join().unwrap_or_else(|_| Err(Error::internal("stage::panicked", "the writing thread panicked")));
            // a failed writer is why reading ended
            written.and(read)
        })?;
        rejects.finish()?;
        outside.finish(&metadata)?;
        checker.finish(&metadata)?;
        let staged = stager.finish(&metadata)?;
        check_rows(&staged, inferred.accounting.rows)?;
        Ok((metadata, staged, rejects))
    }

    fn draw(&self, input: &ProfileInput, inferred: &Inferred) -> Result<Choice> {
        let metadata = &inferred.metadata;
        let classes_of = |place: usize| {
            let meta = &metadata.columns[place];
            let few = meta.kind.is_discrete() && (2..=50).contains(&meta.levels.len());
            few.then(|| classes(inferred.columns[place].missing, &inferred.columns[place].level_counts))
        };
        let target = metadata.target_position().and_then(|place| classes_of(place).map(|classes| (place, classes)));
        let options = SplitOptions { holdout: input.job.holdout, fit_rows_max: input.fit_rows_max };
        let (target, classes) = match (input.job.split_strategy, target) {
            (job::SplitStrategy::Auto | job::SplitStrategy::Stratified, Some((place, classes))) => (Some(place), classes),
            (job::SplitStrategy::Stratified, None) => {
                let error = Error::invalid("split::no_target", "a stratified split needs a target of 2 to 50 levels");
                return Err(error.at_pointer("/split_strategy").help("name one with --target, or split at random"));
            }
            _ => (None, vec![inferred.accounting.rows]),
        };
        Ok(Choice::Drawn { splitter: Splitter::new(&classes, &options, &input.shared)?, target })
    }

    fn unchanged(&self) -> Result<()> {
        self.parts().try_for_each(|(part, _)| part.unchanged())
    }
}
