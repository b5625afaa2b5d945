//! `synthesize`: one synthesizer fitted, its model and a sample written. Same task id as in a job, hence
//! the same bytes from the same train rows.

use super::{Surroundings, single};
use crate::{arguments, jobfile, say};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use synthfleet_intake::parquet::{read_table, write_table};
use synthfleet_intake::write::{CsvOptions, Packing, write_csv};
use synthfleet_proto::metadata::Format;
use synthfleet_proto::privacy::NoiseKey;
use synthfleet_proto::{Error, Result, fact};
use synthfleet_synthesizers::{Given, Seeds, find};

/// Fits, samples, writes `model.bin`, `sample.parquet` and the sample in the input's form.
pub fn run(flags: &arguments::Synthesize, surroundings: &Surroundings) -> Result<u8> {
    let member = find(&flags.synthesizer)?;
    let scratch = single::Scratch::new(&flags.running, surroundings)?;
    let budget = single::budget(&flags.running, surroundings)?;
    let out = scratch.folder("out")?;
    let job = single::reading(&flags.source, &flags.reading, &scratch)?;
    let seed = job.seed;
    let profiled = single::profile(job, &out, &scratch.folder("scratch")?, &budget)?;
    single::tell_notes(&profiled.summary.notes, surroundings);
    let train = read_table(&out.join("train.parquet"), &Arc::new(profiled.metadata.clone()))?;
    let mut options = Map::new();
    for text in &flags.set {
        let (name, value) = jobfile::pair("--set", text)?;
        options.insert(name.to_owned(), jobfile::value_of(value));
    }
    let mut seeds = Seeds::of_task(seed, &format!("syn-{}-r0", member.about().name));
    if member.about().private {
        seeds = seeds.with_noise(noise_key(flags.noise_key.as_deref())?);
    }
    let model = member.fit_any(&train, &Value::Object(options), &seeds, &budget)?;
    single::tell_notes(&budget.take_findings(), surroundings);
    let rows = flags.rows.unwrap_or(train.rows() as u64);
    let sample = model.sample(0..rows, &Given::NOTHING, &budget)?;
    let folder = &flags.output;
    std::fs::create_dir_all(folder).map_err(|e| Error::io(folder.display(), e))?;
    let (model_file, sample_file) = (folder.join("model.bin"), folder.join("sample.parquet"));
    std::fs::write(&model_file, model.save()?).map_err(|e| Error::io(model_file.display(), e))?;
    write_table(&sample_file, &sample, &[])?;
    let mut files = vec![model_file, sample_file];
    if profiled.metadata.format == Format::Csv {
        files.push(folder.join("sample.csv"));
        write_csv(&folder.join("sample.csv"), &sample, &CsvOptions { packing: Packing::None, csv_safe: false })?;
    }
    if let Some(privacy) = model.privacy() {
        let file = folder.join("privacy.json");
        std::fs::write(&file, fact::encode_pretty(privacy)?).map_err(|e| Error::io(file.display(), e))?;
        files.push(file);
    }
    let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    if surroundings.json {
        say!("{}", json!({"synthesizer": member.about().name, "train_rows": train.rows(), "rows": rows, "files": names}));
    } else {
        say!("{} fitted on {} rows, {rows} rows sampled", member.about().name, train.rows());
        say!("wrote    {}", names.join(" "));
    }
    Ok(0)
}

/// The given noise key, or a fresh one: there is no noise without a secret.
fn noise_key(given: Option<&str>) -> Result<NoiseKey> {
    if let Some(text) = given {
        return NoiseKey::parse(text.trim());
    }
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|e| Error::unavailable("privacy::no_entropy", format!("the system gives no random bits: {e}")))?;
    Ok(NoiseKey::new(bytes))
}
