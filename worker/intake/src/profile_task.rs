//! The profile task: from a source to staged parts, descriptions and notes.

use crate::cast::Caster;
use crate::engine::Engine;
use crate::forms::{Given, sdgym2020, sdv};
use crate::infer::{ColumnOverride, Inference, Inferred, MissingWords, Overrides, Typed};
use crate::outside::{Outside, check_labels};
use crate::profile;
use crate::profile::kept::{KEPT_BYTES_MAX, Kept};
use crate::read::{Accounting, Batch, Opened, ReadOptions, Source, open};
use crate::rejected::Rejects;
use crate::rows::{self, Rows};
use crate::simulated;
use crate::sniff::Layout;
use crate::split::{Part, SplitOptions, Splitter};
use crate::stage::{Choice, Staged, Stager, cast, check_rows, classes};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use synthfleet_proto::about::Shape;
use synthfleet_proto::fact::ProfileSummary;
use synthfleet_proto::job::{self, JobSpec};
use synthfleet_proto::metadata::{ColumnMeta, Format, Metadata, ProblemType};
use synthfleet_proto::profile::{Profile, SourceProfile, SplitProfile, SplitStrategy, TableProfile};
use synthfleet_proto::score::Finding;
use synthfleet_proto::{Error, Result, Seed, id};
use synthfleet_table::{Budget, Table};

/// Memory that DataFusion may use before it spills.
const ENGINE_BYTES: usize = 192 << 20;
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
    // a source that changes between two readings fails in many ways: the change is what to tell
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

/// A source whose form is known.
struct SourcePart {
    opened: Opened,
    layout: Layout,
    typed: BTreeMap<String, Typed>,
    stamp: Option<(u64, std::time::SystemTime)>,
}

/// The table while it is read: its source, a given holdout, and what is stated of it.
struct Reading {
    source: SourcePart,
    holdout: Option<SourcePart>,
    overrides: Overrides,
    given: Given,
    name: String,
    problem_type: Option<ProblemType>,
    warn: bool,
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
        let warn = match job.metadata_check.as_deref() {
            None | Some("fail") => false,
            Some("warn") => true,
            Some(other) => {
                let error = Error::invalid("job::option", format!("{other} is not one of fail, warn"));
                return Err(error.at_pointer("/metadata_check"));
            }
        };
        Ok(Self { source, holdout, overrides, given, name, problem_type, warn })
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

    #[expect(clippy::too_many_arguments, reason = "the one place where everything that was found comes together")]
    fn describe(
        &self,
        input: &ProfileInput,
        metadata: Arc<Metadata>,
        mut inferred: Inferred,
        staged: Staged,
        rejects: &Rejects,
        folders: Folders<'_>,
        budget: &Budget,
    ) -> Result<Profiled> {
        let job = &input.job;
        let mut metadata = Arc::unwrap_or_clone(metadata);
        (metadata.train_rows, metadata.holdout_rows) = (staged.train_rows, staged.holdout_rows);
        let shared = Arc::new(metadata);
        let engine = Engine::new(folders.scratch, ENGINE_BYTES, budget.threads());
        let mut found = staged.kept.finish(&shared, staged.files, engine)?;
        if staged.rest_rows > 0 {
            let text = format!("{} of {} rows are learnt from, drawn at random", staged.train_rows, inferred.accounting.rows);
            inferred.notes.push(note("fit_sampled", staged.train_rows, text));
        }
        if found.duplicates > 0 {
            inferred.notes.push(note("duplicate_rows", found.duplicates, format!("{} rows equal an earlier row", found.duplicates)));
        }
        let (hints, same) = staged.hints.finish(&shared);
        for (a, b) in &same {
            inferred.notes.push(Finding { text: format!("{a} and {b} say the same thing"), ..note("same_information", 0, String::new()) });
        }
        let columns = profile::columns(&shared, &inferred, &staged.counts, &mut found, job.disclosure)?;
        let metadata = Arc::unwrap_or_clone(shared);
        let strategy = match (&self.holdout, metadata.target_position(), job.split_strategy) {
            (Some(_), _, _) => SplitStrategy::Given,
            (None, Some(place), job::SplitStrategy::Auto | job::SplitStrategy::Stratified)
                if metadata.columns[place].kind.is_discrete() && (2..=50).contains(&metadata.columns[place].levels.len()) =>
            {
                SplitStrategy::Stratified
            }
            _ => SplitStrategy::Random,
        };
        let (bytes, sha256) = digest(&self.source.opened.source)?;
        let account = &inferred.accounting;
        let exact = to_json(&metadata)?;
        let profile = Profile {
            schema: Profile::SCHEMA.to_owned(),
            table: TableProfile {
                id: table_id(&folders, &exact)?,
                name: metadata.table.clone(),
                rows: account.rows,
                columns: metadata.columns.len() as u64,
                bytes,
                sha256,
                duplicate_rows: found.duplicates,
                disclosure: job.disclosure,
            },
            source: SourceProfile {
                format: metadata.format,
                compression: self.source.opened.compression.name().to_owned(),
                encoding: metadata.dialect.encoding.clone(),
                dialect: metadata.dialect.clone(),
                blank_lines: account.blank,
                rejected_rows: account.rejected,
                rejected_cells: rejects.cells(),
            },
            split: SplitProfile {
                holdout: job.holdout,
                seed: input.shared.task_seed().to_string(),
                train_rows: metadata.train_rows,
                holdout_rows: metadata.holdout_rows,
                strategy,
            },
            target: metadata.target.clone(),
            problem_type: metadata.problem_type,
            key: metadata.key.clone(),
            columns,
            hints,
            notes: profile::notes(&inferred.notes, None),
        };
        let summary = summary(&metadata, &profile, inferred.notes);
        let write = |name: &str, bytes: &[u8]| {
            let path = folders.out.join(name);
            std::fs::write(&path, bytes).map_err(|e| Error::io(path.display(), e))
        };
        write("metadata.json", &exact)?;
        write("profile.json", &to_json(&profile)?)?;
        let document = self.given.sdv.clone().unwrap_or_else(|| sdv::Document::of(&profile::disclosed(&metadata, &profile)));
        write("metadata.sdv.json", &to_json(&document.to_value())?)?;
        write("metadata.sdgym2020.json", &to_json(&sdgym2020::write(&metadata, &profile, false))?)?;
        write("summary.json", &to_json(&summary)?)?;
        Ok(Profiled { metadata, profile, summary })
    }
}

impl SourcePart {
    fn open(source: &Source, options: &ReadOptions) -> Result<Self> {
        let stamp = stamp(source);
        let opened = open(source, options)?;
        let (layout, typed) = rows::layout(&opened)?;
        Ok(Self { opened, layout, typed, stamp })
    }

    /// A further part of the same table: it must have the same columns.
    fn like(self, first: &Self) -> Result<Self> {
        let names = |part: &Self| part.layout.columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>();
        let (wanted, has) = (names(first), names(&self));
        if wanted == has {
            return Ok(self);
        }
        let without =
            |these: &[String], those: &[String]| these.iter().filter(|name| !those.contains(name)).cloned().collect::<Vec<_>>().join(", ");
        let (lacks, extra) = (without(&wanted, &has), without(&has, &wanted));
        let name = self.opened.source.name();
        let message = if lacks.is_empty() && extra.is_empty() {
            format!("{name} has its columns in another order")
        } else {
            format!("{name} lacks {lacks:?}, has extra {extra:?}")
        };
        Err(Error::data("source::parts_differ", message).in_source(name))
    }

    fn unchanged(&self) -> Result<()> {
        if stamp(&self.opened.source) == self.stamp {
            return Ok(());
        }
        let name = self.opened.source.name();
        Err(Error::data("source::changed", format!("{name} changed while it was read"))
            .in_source(name)
            .help("read it again once nobody writes it"))
    }
}

/// Length and time of change of a file.
fn stamp(source: &Source) -> Option<(u64, std::time::SystemTime)> {
    match source {
        Source::Path(path) => std::fs::metadata(path).ok().and_then(|file| Some((file.len(), file.modified().ok()?))),
        Source::Bytes(..) => None,
    }
}

fn source_of(uri: &str, simulated: Option<&simulated::Request>) -> Result<Source> {
    match simulated {
        Some(request) => Ok(Source::Bytes(format!("{}.csv", request.name), request.csv()?.into())),
        None => Ok(Source::Path(PathBuf::from(uri.strip_prefix("file://").unwrap_or(uri)))),
    }
}

/// What a given description, or one that lies beside the source, says.
fn given(job: &JobSpec, source: &SourcePart) -> Result<Given> {
    let headers: Vec<&str> = source
        .layout
        .columns
        .iter()
        .map(|column| if column.header.trim().is_empty() { column.name.as_str() } else { column.header.trim() })
        .collect();
    let read = |path: &Path| std::fs::read_to_string(path).map_err(|e| Error::io(path.display(), e));
    let parse = |path: &Path| Given::parse(&read(path)?, job.table.as_deref()).map_err(|e| e.in_source(path.display().to_string()));
    let given = match &job.metadata {
        Some(value) => match value.get("uri").and_then(serde_json::Value::as_str) {
            Some(uri) => parse(Path::new(uri))?,
            None => Given::read(value, job.table.as_deref())?,
        },
        None => match beside(&source.opened.source, &headers) {
            Some(path) => parse(&path)?,
            None => return Ok(Given::default()),
        },
    };
    given.check_names(&headers)?;
    Ok(given)
}

/// `X.csv.metadata.json`, or a `metadata.json` in the same folder that names exactly these columns.
fn beside(source: &Source, headers: &[&str]) -> Option<PathBuf> {
    let Source::Path(path) = source else { return None };
    let own = PathBuf::from(format!("{}.metadata.json", path.display()));
    if own.is_file() {
        return Some(own);
    }
    let common = path.with_file_name("metadata.json");
    let text = std::fs::read_to_string(&common).ok()?;
    let given = Given::parse(&text, None).ok()?;
    let names: Vec<&str> = given.columns.keys().map(String::as_str).collect();
    let mut wanted = headers.to_vec();
    wanted.sort_unstable();
    (names == wanted).then_some(common)
}

/// Puts a description under what flags state.
fn merge(overrides: &mut Overrides, given: &Given) {
    for (name, column) in &given.columns {
        let stated = overrides.columns.entry(name.clone()).or_default();
        stated.kind = stated.kind.or(column.wish.kind);
        stated.role = stated.role.or(column.wish.role);
        if stated.order.is_none() {
            stated.order.clone_from(&column.wish.order);
        }
        if stated.regex.is_none() {
            stated.regex.clone_from(&column.regex);
        }
    }
}

fn add_accounts(mut first: Accounting, second: Accounting) -> Accounting {
    first.records += second.records;
    first.rows += second.rows;
    first.rejected += second.rejected;
    first.blank += second.blank;
    first.padded += second.padded;
    first.comments += second.comments;
    first.bytes += second.bytes;
    first.mended_bytes += second.mended_bytes;
    first.faults.extend(second.faults);
    first.notes.extend(second.notes);
    first
}

fn note(code: &str, number: u64, text: String) -> Finding {
    Finding { code: code.to_owned(), column: None, number: Some(number as f64), text }
}

/// Length and SHA-256 of a source as given.
fn digest(source: &Source) -> Result<(u64, String)> {
    match source {
        Source::Bytes(_, bytes) => Ok((bytes.len() as u64, id::sha256_hex(bytes))),
        Source::Path(path) => {
            let broken = |e| Error::io(path.display(), e);
            let mut file = std::fs::File::open(path).map_err(broken)?;
            let mut hash = Sha256::new();
            let bytes = std::io::copy(&mut file, &mut hash).map_err(broken)?;
            Ok((bytes, id::hex(&hash.finalize())))
        }
    }
}

/// `tbl_` and 128 bits of the staged parts and the exact description.
fn table_id(folders: &Folders<'_>, metadata: &[u8]) -> Result<String> {
    let mut hash = Sha256::new();
    for name in ["train.parquet", "holdout.parquet"] {
        let (_, part) = digest(&Source::Path(folders.out.join(name)))?;
        hash.update(part);
    }
    hash.update(id::sha256_hex(metadata));
    let mut bits = [0; 16];
    bits.copy_from_slice(&hash.finalize()[..16]);
    Ok(format!("tbl_{}", id::base32(bits)))
}

fn summary(metadata: &Metadata, profile: &Profile, notes: Vec<Finding>) -> ProfileSummary {
    let mut kinds = BTreeMap::new();
    for column in &metadata.columns {
        *kinds.entry(column.kind.name().to_owned()).or_default() += 1;
    }
    let dialect = &metadata.dialect;
    let delimiter = match dialect.delimiter {
        ',' => "comma".to_owned(),
        ';' => "semicolon".to_owned(),
        '\t' => "tab".to_owned(),
        ' ' => "space".to_owned(),
        other => other.to_string(),
    };
    let reading = match metadata.format {
        Format::Csv => serde_json::json!({
            "bytes": profile.table.bytes,
            "compression": profile.source.compression,
            "dialect": delimiter,
            "header": dialect.header,
            "encoding": dialect.encoding,
        }),
        Format::Parquet => serde_json::json!({"bytes": profile.table.bytes, "format": "parquet"}),
    };
    ProfileSummary {
        table: metadata.table.clone(),
        shape: Shape::of(metadata),
        rows: profile.table.rows,
        columns: metadata.columns.len() as u32,
        target: metadata.target.clone(),
        problem_type: metadata.problem_type,
        reading,
        kinds,
        notes,
    }
}

/// Pretty JSON with a line end.
fn to_json(value: &impl serde::Serialize) -> Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|e| Error::internal("profile::json", e.to_string()))?;
    bytes.push(b'\n');
    Ok(bytes)
}
