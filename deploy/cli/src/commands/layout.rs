//! Further layouts of an output folder. `original`: the file names of the 2020 course project.

use std::path::Path;
use synthfleet_proto::results::Results;
use synthfleet_proto::{Error, Result};

/// Names that the original gave its four synthesizers. Its copy of the real rows is left out.
const ORIGINAL: [(&str, &str); 3] = [("uniform", "41_uniform"), ("independent", "42_independent"), ("clbn", "44_CLBN")];

/// Copies the files of the output under the names of a layout.
pub fn write(layout: Option<&str>, output: &Path, results: &Results) -> Result<()> {
    match layout {
        Some("original") => original(output, results),
        Some(other) => {
            Err(Error::invalid("cli::flag", format!("--layout takes original, not {other:?}")).help("leave it out for the usual layout"))
        }
        None => Ok(()),
    }
}

fn original(output: &Path, results: &Results) -> Result<()> {
    let copy = |from: &str, to: &str| -> Result<()> {
        let (from, to) = (output.join(from), output.join(to));
        if !from.exists() {
            return Ok(());
        }
        if let Some(folder) = to.parent() {
            std::fs::create_dir_all(folder).map_err(|e| Error::io(folder.display(), e))?;
        }
        std::fs::copy(&from, &to).map(drop).map_err(|e| Error::io(to.display(), e))
    };
    if let Some(winner) = &results.verdict.winner {
        copy("synthetic.csv", &format!("output/{winner}.csv"))?;
    }
    copy("results.csv", "output/output_benchmarkedResults.csv")?;
    copy("metadata.sdgym2020.json", "meta/generated_metadata.json")?;
    for (name, file) in ORIGINAL {
        copy(&format!("candidates/{name}/sample.parquet"), &format!("synth/{file}.parquet"))?;
    }
    Ok(())
}
