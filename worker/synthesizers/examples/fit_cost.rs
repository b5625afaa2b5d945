//! What a fit costs: seconds on the wall, and a hash of the model's bytes, so that two versions can be compared.
//!
//! `cargo run --release -p synthfleet-synthesizers --example fit_cost -- MEMBER TABLE [THREADS [RUNS [OPTIONS]]]`
//!
//! Tables: `adult.csv.gz` or another path (delimited by commas, no quotes; four fifths of the rows); `wide`, 20,000
//! rows of 30 label columns that hang on six common factors, labels declared; `numbers`, 10,000 rows of 40 numbers
//! that hang on the same. OPTIONS are the member's, as JSON.

#![expect(clippy::print_stdout, reason = "an example prints what it measures")]

use flate2::read::GzDecoder;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;
use std::time::Instant;
use synthfleet_proto::Seed;
use synthfleet_proto::metadata::{ColumnMeta, DeclaredDomain, Kind, Metadata};
use synthfleet_proto::privacy::NoiseKey;
use synthfleet_stats::normal;
use synthfleet_synthesizers::{Seeds, find};
use synthfleet_table::random::Draw;
use synthfleet_table::{Bits, Budget, Column, SeedExt, Table, Values};

type Failure = Box<dyn std::error::Error>;

/// Common factors of the made-up tables.
const FACTORS: usize = 6;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |place: usize, otherwise: &'static str| arguments.get(place).map_or(otherwise, String::as_str);
    let (member, table) = (find(argument(0, "aim"))?, argument(1, "wide"));
    let (threads, runs): (usize, usize) = (argument(2, "1").parse()?, argument(3, "1").parse()?);
    let options: Value = serde_json::from_str(argument(4, "null"))?;
    let table = match table {
        "wide" => labels(20_000, 30)?,
        "numbers" => numbers(10_000, 40)?,
        path => read(path)?,
    };
    let seeds = Seeds::of_task(0, "fit-cost").with_noise(NoiseKey::new([1; 32]));
    let mut seconds = Vec::with_capacity(runs);
    for _ in 0..runs.max(1) {
        let start = Instant::now();
        let model = member.fit_any(&table, &options, &seeds, &Budget::quiet(threads))?;
        seconds.push(start.elapsed().as_secs_f64());
        let spends = model.privacy().map_or(0, |bill| bill.ledger.len());
        let hash = Sha256::digest(model.save()?).iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>();
        println!("{:.2} s, {spends} spends, model {hash}", seconds[seconds.len() - 1]);
    }
    seconds.sort_by(f64::total_cmp);
    println!("median {:.2} s of {}", seconds[seconds.len() / 2], seconds.len());
    Ok(())
}

/// Standard normal numbers that hang on common factors, `[columns][rows]`: each column on two of them.
fn normals(rows: usize, columns: usize) -> Vec<Vec<f64>> {
    let mut random = Seed::shared(1).child("normals").rng();
    let mut column = || (0..rows).map(|_| normal::quantile(random.open_uniform())).collect::<Vec<f64>>();
    let factors: Vec<Vec<f64>> = (0..FACTORS).map(|_| column()).collect();
    let of = |(place, noise): (usize, Vec<f64>)| {
        let (first, second) = (&factors[place % FACTORS], &factors[(place / FACTORS + place + 1) % FACTORS]);
        (0..rows).map(|row| 0.7 * first[row] + 0.5 * second[row] + 0.51 * noise[row]).collect()
    };
    (0..columns).map(|place| (place, column())).collect::<Vec<_>>().into_iter().map(of).collect()
}

fn numbers(rows: usize, columns: usize) -> Result<Table, Failure> {
    let made = normals(rows, columns).into_iter().enumerate();
    made.map(|(place, numbers)| {
        Ok((ColumnMeta::plain(&format!("c{place}"), Kind::Continuous), Column::new(Values::Real(numbers.into()), None)?))
    })
    .collect::<Result<Vec<_>, Failure>>()
    .and_then(|columns| built(rows, columns))
}

/// Labels of equal mass, 4 to 16 of each column.
fn labels(rows: usize, columns: usize) -> Result<Table, Failure> {
    let one = |(place, numbers): (usize, Vec<f64>)| {
        let levels = 4 + place * 5 % 13;
        let mut meta = ColumnMeta::plain(&format!("c{place}"), Kind::Categorical);
        meta.levels = (0..levels).map(|level| format!("level {level:02}")).collect();
        meta.declared = Some(DeclaredDomain { levels: meta.levels.clone(), ..DeclaredDomain::default() });
        let code = |number: &f64| ((normal::cdf(*number) * levels as f64) as u32).min(levels as u32 - 1);
        Ok((meta, Column::new(Values::Code(numbers.iter().map(code).collect()), None)?))
    };
    normals(rows, columns).into_iter().enumerate().map(one).collect::<Result<Vec<_>, Failure>>().and_then(|columns| built(rows, columns))
}

/// A table of a file: whole numbers, or labels; `?` and nothing are missing.
fn read(path: &str) -> Result<Table, Failure> {
    let mut text = String::new();
    GzDecoder::new(std::fs::File::open(path)?).read_to_string(&mut text)?;
    let mut records = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = records.next().ok_or("no header")?;
    let cells: Vec<Vec<&str>> = records.enumerate().filter(|(row, _)| row % 5 != 0).map(|(_, record)| record).collect();
    let one = |(place, name): (usize, &&str)| {
        let texts: Vec<&str> = cells.iter().map(|record| record.get(place).map_or("", |text| text.trim())).collect();
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
        Ok((meta, Column::new(values, Some(missing))?))
    };
    header.iter().enumerate().map(one).collect::<Result<Vec<_>, Failure>>().and_then(|columns| built(cells.len(), columns))
}

fn built(rows: usize, columns: Vec<(ColumnMeta, Column)>) -> Result<Table, Failure> {
    let (metas, columns): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    let mut metadata = Metadata::plain("cost", metas);
    metadata.train_rows = rows as u64;
    Ok(Table::new(Arc::new(metadata), rows, columns)?)
}
