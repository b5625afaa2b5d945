//! The private Markov networks on simulated sets whose law is known: how well tables counted on a sample
//! explain new rows (T, mean `ln(p + 1e-8)`), beside the tree without privacy.
//!
//! Figures of every epsilon are printed:
//! `cargo nextest run --release -p synthfleet-synthesizers --test private_networks --no-capture`.

use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use std::sync::Arc;
use synthfleet_laws::{Law, Network, law};
use synthfleet_proto::Seed;
use synthfleet_proto::metadata::{ColumnMeta, DeclaredDomain, Kind, Metadata};
use synthfleet_proto::privacy::NoiseKey;
use synthfleet_synthesizers::{Given, Seeds, find};
use synthfleet_table::{Budget, Column, SeedExt, Table, Values};

const ROWS: usize = 10_000;

fn network(name: &str) -> Network {
    match law(name).expect("a known law") {
        Some(Law::Network(network)) => network,
        _ => panic!("{name} is no network"),
    }
}

fn drawn(law: &Network, random: &mut ChaCha8Rng) -> Vec<Vec<u32>> {
    (0..ROWS).map(|_| law.draw(random)).collect()
}

/// Rows as a table whose labels are declared.
fn table(law: &Network, rows: &[Vec<u32>]) -> Table {
    let (mut metas, mut columns) = (Vec::new(), Vec::new());
    for (place, variable) in law.variables().iter().enumerate() {
        let mut meta = ColumnMeta::plain(&variable.name, Kind::Categorical);
        meta.levels.clone_from(&variable.states);
        meta.declared = Some(DeclaredDomain { levels: variable.states.clone(), ..DeclaredDomain::default() });
        metas.push(meta);
        columns.push(Column::new(Values::Code(rows.iter().map(|row| row[place]).collect()), None).expect("legal"));
    }
    let mut metadata = Metadata::plain("law", metas);
    metadata.train_rows = rows.len() as u64;
    Table::new(Arc::new(metadata), rows.len(), columns).expect("legal")
}

fn states(law: &Network, table: &Table) -> Vec<Vec<u32>> {
    let cell = |place: usize, row: usize| match table.column(place).values() {
        Values::Code(codes) => {
            let label = &table.metadata().columns[place].levels[codes[row] as usize];
            law.variables()[place].states.iter().position(|state| state == label).unwrap_or(0) as u32
        }
        _ => panic!("labels"),
    };
    (0..table.rows()).map(|row| (0..table.width()).map(|place| cell(place, row)).collect()).collect()
}

/// T of a member's sample.
fn explained(member: &str, options: &Value, law: &Network, train: &Table, test: &[Vec<u32>]) -> f64 {
    let (seeds, budget) = (Seeds::of_task(5, member).with_noise(NoiseKey::new([5; 32])), Budget::quiet(2));
    let model = find(member).expect("listed").fit_any(train, options, &seeds, &budget).expect("fits");
    let sample = states(law, &model.sample(0..ROWS as u64, &Given::NOTHING, &budget).expect("samples"));
    let counted = law.refitted(sample.iter().map(Vec::as_slice));
    test.iter().map(|row| libm::log(counted.density(row) + 1e-8)).sum::<f64>() / test.len() as f64
}

fn at_epsilon_3_they_are_near_the_tree(name: &str) {
    let law = network(name);
    let mut random = Seed::shared(5).child(name).rng();
    let (train, test) = (table(&law, &drawn(&law, &mut random)), drawn(&law, &mut random));
    let tree = explained("clbn", &Value::Null, &law, &train, &test);
    for member in ["mst", "aim"] {
        let found = explained(member, &json!({ "epsilon": 3.0 }), &law, &train, &test);
        assert!(found >= tree - 0.6, "{name}: {member} {found}, clbn {tree}");
    }
}

#[test]
fn asia() {
    at_epsilon_3_they_are_near_the_tree("asia");
}

#[test]
fn alarm() {
    at_epsilon_3_they_are_near_the_tree("alarm");
}

#[test]
fn child() {
    at_epsilon_3_they_are_near_the_tree("child");
}

#[test]
fn insurance() {
    at_epsilon_3_they_are_near_the_tree("insurance");
}
