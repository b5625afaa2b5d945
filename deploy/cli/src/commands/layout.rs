//! Further layouts of an output folder. `original`: the files of the 2020 course project, under its names.

use std::path::Path;
use std::sync::Arc;
use synthfleet_intake::write::{CsvOptions, Packing, write_csv};
use synthfleet_proto::metadata::{Dialect, Format};
use synthfleet_proto::results::Results;
use synthfleet_proto::{Error, Result};
use synthfleet_synthesizers::{Given, load_model};
use synthfleet_table::{Budget, Table};

/// Names that the original gave its four synthesizers. Its copy of the real rows is left out.
const ORIGINAL: [(&str, &str); 3] = [("uniform", "41_uniform"), ("independent", "42_independent"), ("clbn", "44_CLBN")];

/// Adds the files of the original to an output folder: the winner, the benchmarked results, the description, and
/// the samples of its synthesizers as far as they are candidates. Samples are drawn again from their models.
pub fn original(output: &Path, results: &Results, budget: &Budget) -> Result<()> {
    let copy = |from: &str, to: &str| -> Result<()> {
        let (from, to) = (output.join(from), output.join(to));
        if !from.exists() {
            return Ok(());
        }
        make_folder(&to)?;
        std::fs::copy(&from, &to).map(drop).map_err(|e| Error::io(to.display(), e))
    };
    if let Some(winner) = &results.verdict.winner {
        copy("synthetic.csv", &format!("output/{winner}.csv"))?;
    }
    copy("results.csv", "output/output_benchmarkedResults.csv")?;
    copy("metadata.sdgym2020.json", "meta/generated_metadata.json")?;
    for (name, file) in ORIGINAL {
        let model = output.join(format!("candidates/{name}/model.bin"));
        if model.exists() {
            sample(&model, results.table.train_rows, &output.join(format!("synth/{file}.csv")), budget)?;
        }
    }
    Ok(())
}

/// The scored rows of a model in the form of the input; of a Parquet table as plain CSV.
pub fn sample(model: &Path, rows: u64, to: &Path, budget: &Budget) -> Result<()> {
    let bytes = std::fs::read(model).map_err(|e| Error::io(model.display(), e))?;
    let mut table = load_model(&bytes)?.sample(0..rows, &Given::NOTHING, budget)?;
    if table.metadata().format != Format::Csv {
        let mut metadata = (**table.metadata()).clone();
        metadata.dialect = Dialect::default();
        table = Table::new(Arc::new(metadata), table.rows(), table.columns().to_vec())?;
    }
    make_folder(to)?;
    write_csv(to, &table, &CsvOptions { packing: Packing::None, csv_safe: false })
}

fn make_folder(file: &Path) -> Result<()> {
    let Some(folder) = file.parent() else { return Ok(()) };
    std::fs::create_dir_all(folder).map_err(|e| Error::io(folder.display(), e))
}
