//! The synthesizers on adult: sizes of models, validity at full size, and what fit and sample cost.
//!
//! Costs are printed, not judged: `cargo nextest run --release -p synthfleet-synthesizers --test adult --no-capture`.

use flate2::read::GzDecoder;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use synthfleet_proto::about::Shape;
use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata};
use synthfleet_proto::privacy::NoiseKey;
use synthfleet_synthesizers::{Given, SYNTHESIZERS, Seeds};
use synthfleet_table::{Bits, Budget, Column, Table, Values};

fn shared() -> PathBuf {
    option_env!("SYNTHFLEET_SHARED").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from)
}

/// Adult, four fifths of its rows; `None` where the data folder is absent.
fn adult() -> Option<Table> {
    let file = std::fs::File::open(shared().join("data/adult.csv.gz")).ok()?;
    let mut text = String::new();
    GzDecoder::new(file).read_to_string(&mut text).expect("a whole file");
    let mut records = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = records.next().expect("a header");
    let cells: Vec<Vec<&str>> = records.enumerate().filter(|(row, _)| row % 5 != 0).map(|(_, record)| record).collect();
    let (mut metas, mut columns) = (Vec::new(), Vec::new());
    for (place, name) in header.iter().enumerate() {
        let texts: Vec<&str> = cells.iter().map(|record| record[place].trim()).collect();
        let missing = Bits::collect(texts.iter().map(|text| matches!(*text, "" | "?")));
        let numbers: Option<Vec<i64>> = texts.iter().map(|text| if *text == "?" { Some(0) } else { text.parse().ok() }).collect();
        let (mut meta, values) = match numbers {
            Some(numbers) => (ColumnMeta::plain(name, Kind::Continuous), Values::Whole(numbers.into())),
            None => {
                let mut meta = ColumnMeta::plain(name, Kind::Categorical);
                let codes: BTreeMap<&str, u32> = texts.iter().filter(|text| **text != "?").map(|text| (*text, 0)).collect();
                meta.levels = codes.keys().map(|level| (*level).to_owned()).collect();
                let code = |text: &&str| meta.levels.binary_search_by(|level| level.as_str().cmp(text)).unwrap_or(0) as u32;
                let codes = texts.iter().map(code).collect();
                (meta, Values::Code(codes))
            }
        };
        meta.nullable = missing.count() > 0;
        columns.push(Column::new(values, Some(missing)).expect("legal cells"));
        metas.push(meta);
    }
    let mut metadata = Metadata::plain("adult", metas);
    metadata.train_rows = cells.len() as u64;
    metadata.target = Some("income".to_owned());
    Some(Table::new(Arc::new(metadata), cells.len(), columns).expect("legal columns"))
}

fn seeds(name: &str) -> Seeds {
    Seeds::of_task(0, name).with_noise(NoiseKey::new([1; 32]))
}

#[test]
fn models_of_adult_are_small_and_their_costs_are_told() {
    let Some(table) = adult() else { return };
    let budget = Budget::quiet(2);
    let most_bytes = |name: &str| match name {
        "gaussian_copula" | "clbn" => 200_000,
        "seqtree" => 4_000_000,
        _ => usize::MAX,
    };
    for member in SYNTHESIZERS {
        let name = member.about().name;
        let start = Instant::now();
        let model = member.fit_any(&table, &Value::Null, &seeds(name), &budget).expect("fits");
        let fit = start.elapsed();
        let start = Instant::now();
        let sample = model.sample(0..table.rows() as u64, &Given::NOTHING, &budget).expect("samples");
        let sampled = start.elapsed();
        let bytes = model.save().expect("saves").len();
        let cost = member.estimate_any(&Shape::of(table.metadata()), &Value::Null).expect("defaults");
        println!("{name}: fit {fit:?}, sample {sampled:?}, model {bytes} bytes, estimate {:.2} CPU s", cost.cpu_seconds);
        assert_eq!(sample.rows(), table.rows());
        assert!(bytes <= most_bytes(name), "{name}: {bytes} bytes");
    }
}
