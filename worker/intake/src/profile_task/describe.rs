//! The end of a profile task: everything that was found, as metadata, profile, forms and summary.

use super::{Folders, ProfileInput, Profiled, Reading};
use crate::engine::Engine;
use crate::forms::{sdgym2020, sdv};
use crate::infer::Inferred;
use crate::profile;
use crate::read::Source;
use crate::rejected::Rejects;
use crate::stage::Staged;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use synthfleet_proto::about::Shape;
use synthfleet_proto::fact::ProfileSummary;
use synthfleet_proto::job;
use synthfleet_proto::metadata::{Format, Metadata};
use synthfleet_proto::profile::{Profile, SourceProfile, SplitProfile, SplitStrategy, TableProfile};
use synthfleet_proto::score::Finding;
use synthfleet_proto::{Error, Result, id};
use synthfleet_table::Budget;

/// Memory that DataFusion may use before it spills.
const ENGINE_BYTES: usize = 192 << 20;

impl Reading {
    #[expect(clippy::too_many_arguments, reason = "the one place where everything that was found comes together")]
    pub(super) fn describe(
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
        inferred.notes.extend(profile::hints::kept_unasked(&hints, &shared));
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
