//! Bayesian network with differential privacy: few parents where noise would drown many.
//!
//! **Model.** `p(x) = Π p(x_i | parents_i)`, the parents of an attribute placed before it, each as it is or
//! coarsened by its taxonomy.
//! **View.** 16 bins of equal width; taxonomy of bins 16 → 8 → 4 → 2, of labels groups of 4. Missing cells
//! and atoms are codes of their own at every step.
//! **Fit.** ε is split: where domains are not declared a tenth goes to ranges and a tenth to labels; of the
//! rest ε₁ = `structure_share` chooses the network, ε₂ fills it. The first attribute is uniform; each next is
//! chosen with its parents by the exponential mechanism on `R = ½ Σ |P(x,π) - P(x)P(π)|` with ε₁/(d-1), R
//! having sensitivity 3/n + 2/n². Candidates are the maximal parent sets with
//! `cells(x)·cells(π) ≤ n·ε₂/(2dθ)` (θ-usefulness; none: no parents), of at most k parents: the largest k
//! whose candidates can be scored within a fixed amount of work, known from n, d and the domain alone. Then d
//! joint tables with discrete Laplace noise of scale 2d/ε₂; below 0 is 0, a row of zeros is uniform.
//! **Sample.** Ancestral; a number uniform inside its bin.
//! **Privacy.** Replace-one. Pure ε if all labels are declared; else labels and ranges are measured by
//! Gaussian noise and the claim is (ε, δ).
//! **Options.** [`PrivbnOptions`]. **Limits.** 200 columns, 1,000 labels a column.
//! **Reference.** Zhang, Cormode, Procopiuc, Srivastava, Xiao 2017, doi 10.1145/3134428.

mod candidates;
mod network;
mod taxonomy;

use crate::member::{Block, Given, Model, Synthesizer, Train};
use crate::private::domain::{Width, Wish};
use crate::private::{Claim, Domain, Guarded, Ledger, account};
use network::{Network, Plan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use synthfleet_proto::about::{About, Accepts, Cost, CostClass, Shape};
use synthfleet_proto::options::{Checked, Options, Problem, Problems};
use synthfleet_proto::{Result, Seed};
use synthfleet_table::encode::{Coded, Codes, Encoder};
use synthfleet_table::random::Draw;
use synthfleet_table::{Arrays, Budget, SeedExt};

const BINS: usize = 16;
const COLUMNS_MAX: u32 = 200;
/// Share of epsilon that pays for ranges that nobody declared, and as much again for labels.
const DOMAIN_SHARE: f64 = 0.1;

/// The private Bayesian network.
pub struct Privbn;

/// Options of [`Privbn`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PrivbnOptions {
    /// Privacy loss, 0.01 to 100; smaller protects better and fits less. Default 1.
    #[schemars(range(min = 0.01, max = 100.0))]
    pub epsilon: f64,
    /// Failure probability where labels are measured, above 0 and at most 1 over the number of rows; default
    /// 1/n^1.5 rounded down to a power of ten.
    pub delta: Option<f64>,
    /// Share of epsilon that chooses the network, 0.05 to 0.95; the rest fills its tables. Default 0.3.
    #[schemars(range(min = 0.05, max = 0.95))]
    pub structure_share: f64,
    /// How many times the noise of a cell its mean count must be, 1 to 100. Default 4.
    #[schemars(range(min = 1.0, max = 100.0))]
    pub theta: f64,
    /// A published variant; it sets the other options itself.
    pub preset: Option<PrivbnPreset>,
}

/// Published variants of [`Privbn`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PrivbnPreset {
    /// SDGym of 2020: epsilon 10, structure share 0.5, theta 20, ranges 3 % wider, at most 25,000 rows, numbers
    /// in the middle of their bin.
    #[serde(rename = "sdgym2020", alias = "sdgym-2020", alias = "sdgym_2020")]
    Sdgym2020,
}

impl Default for PrivbnOptions {
    fn default() -> Self {
        Self { epsilon: 1.0, delta: None, structure_share: 0.3, theta: 4.0, preset: None }
    }
}

impl Options for PrivbnOptions {
    fn check(&self) -> Vec<Problem> {
        let plain = Self::default();
        let is_alone = (self.epsilon, self.structure_share, self.theta) == (plain.epsilon, plain.structure_share, plain.theta);
        Problems::none()
            .within("epsilon", self.epsilon, 0.01..=100.0)
            .within("delta", self.delta.unwrap_or(0.1), f64::MIN_POSITIVE..=0.5)
            .within("structure_share", self.structure_share, 0.05..=0.95)
            .within("theta", self.theta, 1.0..=100.0)
            .holds("preset", "sdgym2020", self.preset.is_none() || is_alone, "no epsilon, structure_share or theta beside a preset")
            .into_vec()
    }
}

impl PrivbnOptions {
    /// The options that a preset stands for, and most rows.
    fn resolved(&self) -> (Self, usize) {
        match self.preset {
            Some(PrivbnPreset::Sdgym2020) => (Self { epsilon: 10.0, structure_share: 0.5, theta: 20.0, ..self.clone() }, 25_000),
            None => (self.clone(), usize::MAX),
        }
    }
}

/// A fitted network over the code columns.
pub struct PrivbnModel {
    codes: Codes,
    network: Network,
}

impl Synthesizer for Privbn {
    type Options = PrivbnOptions;
    type Model = PrivbnModel;
    const ABOUT: About = About {
        name: "privbn",
        aliases: &["PrivBNSynthesizer", "privbayes"],
        summary: "differentially private Bayesian network",
        paper: "Zhang, Cormode, Procopiuc, Srivastava, Xiao 2017, doi 10.1145/3134428",
        cost: CostClass::Medium,
        accepts: Accepts { columns_max: COLUMNS_MAX, ..Accepts::ANY },
        private: true,
        ..About::LIGHT
    };

    fn estimate(shape: &Shape, _: &Checked<Self::Options>) -> Cost {
        let cells = shape.train_rows * u64::from(shape.modelled() + shape.other);
        Cost {
            cpu_seconds: 0.5 + (candidates::WORK as f64).min(cells as f64 * 2e3 * f64::from(shape.modelled())) * 1e-9,
            // hashes of rows, codes, and what counting needs on each thread
            peak_bytes: (1 << 20) + cells * 40 + shape.train_rows * 256,
            model_bytes: 16_384 + u64::from(shape.modelled()) * 4_096,
        }
    }

    fn fit(train: &Train, options: &Checked<Self::Options>, seed: &Seed, budget: &Budget) -> Result<Self::Model> {
        let guarded = train.private()?;
        let (options, rows_max) = options.resolved();
        let is_preset = options.preset.is_some();
        let (mut ledger, domain, left) = measured(guarded, &options, is_preset, budget)?;
        let codes = domain.codes().clone();
        let mut coding = domain.code(guarded)?;
        let mut rows = guarded.rows();
        let mut scope = format!("privbn {}", serde_json::to_string(&options).unwrap_or_default());
        if rows > rows_max as u64 {
            let subset = seed.child("rows");
            let mut chosen = subset.rng().permutation(rows as usize);
            chosen.truncate(rows_max);
            coding = coding.map(|coding| coding.take(&chosen));
            (rows, scope) = (rows_max as u64, format!("{scope} rows {}", subset.number()));
        }
        ledger.bind(scope.as_bytes());
        budget.progress(0.2, "fit");
        let structure = left * options.structure_share;
        let names = codes.columns().iter().map(|column| domain.encoder().columns()[column.parts.end - 1].name.clone()).collect();
        let plan = Plan { rows, structure, tables: left - structure, theta: options.theta, names };
        let network = Network::fit(&coding, &codes, &plan, &mut ledger, seed, budget)?;
        guarded.close(&ledger)?;
        Ok(PrivbnModel { codes, network })
    }
}

/// The bill opened, the domain known, and what is left of epsilon.
fn measured(guarded: &Guarded, options: &PrivbnOptions, is_preset: bool, budget: &Budget) -> Result<(Ledger, Domain, f64)> {
    let (ranges, labels) = (guarded.undeclared_ranges().len() as f64, guarded.undeclared_labels().len() as f64);
    let shares = f64::from(u8::from(ranges > 0.0) + u8::from(labels > 0.0));
    let price = shares * DOMAIN_SHARE * options.epsilon;
    let mut wish = Wish {
        bins: BINS,
        centres: is_preset,
        widened: if is_preset { 0.03 } else { 0.0 },
        ranges: Width::Laplace(2.0 * ranges / price),
        labels_sigma: 1.0,
        labels_delta: 0.0,
    };
    if labels == 0.0 {
        let mut ledger = guarded.ledger(Claim::pure(options.epsilon, 0.0));
        let domain = Domain::measure(guarded, &mut ledger, &wish, budget)?;
        return Ok((ledger, domain, options.epsilon - price));
    }
    let delta = guarded.delta(options.delta)?;
    let sigma = ((ranges + labels) / account::rho_of(price, delta / 2.0)).sqrt();
    (wish.ranges, wish.labels_sigma, wish.labels_delta) = (Width::Gaussian(sigma), sigma, delta / 2.0 / labels);
    let mut ledger = guarded.ledger(Claim::pure(options.epsilon, delta));
    let domain = ledger.group("domain", price, delta / 2.0, |ledger| Domain::measure(guarded, ledger, &wish, budget))?;
    Ok((ledger, domain, options.epsilon - price))
}

impl Model for PrivbnModel {
    fn sample_block(&self, block: Block, _: &Given, seed: &Seed, budget: &Budget) -> Result<Vec<Coded>> {
        let mut columns: Vec<Vec<u32>> = vec![Vec::new(); self.codes.columns().len()];
        for node in self.network.nodes() {
            budget.go_on()?;
            let mut random = seed.index(node.column() as u64).rng();
            let codes = (0..block.rows).map(|row| node.draw(&columns, row, random.uniform())).collect();
            columns[node.column()] = codes;
        }
        Ok(self.codes.decode(&columns, &mut seed.child("decode").rng()))
    }

    fn save(&self, arrays: &mut Arrays) {
        self.codes.save(arrays);
        self.network.save(arrays);
    }

    fn load(arrays: &Arrays, encoder: &Arc<Encoder>) -> Result<Self> {
        let codes = Codes::load(arrays, encoder)?;
        let network = Network::load(arrays, &codes)?;
        Ok(Self { codes, network })
    }
}

#[cfg(test)]
mod tests {
    use crate::conformance::tables;
    use crate::{AnyModel, Given, Seeds, find};
    use serde_json::{Value, json};
    use synthfleet_proto::metadata::DeclaredDomain;
    use synthfleet_proto::privacy::NoiseKey;
    use synthfleet_table::{Budget, Table, Values};

    fn fitted(table: &Table, options: &Value) -> Box<dyn AnyModel> {
        let seeds = Seeds::of_task(0, "t").with_noise(NoiseKey::new([1; 32]));
        find("privbn").expect("listed").fit_any(table, options, &seeds, &Budget::quiet(2)).expect("fits")
    }

    fn codes(table: &Table, place: usize) -> Vec<&str> {
        let Values::Code(codes) = table.column(place).values() else { panic!("labels") };
        let labels = &table.metadata().columns[place].levels;
        codes.iter().map(|&code| labels[code as usize].as_str()).collect()
    }

    #[test]
    fn equal_columns_stay_equal_where_noise_is_small() {
        let label = |row: usize| (row * 7 / 3 % 4) as u32;
        let builder = tables::Builder::new(6_000).many_labels("a", 4, label).many_labels("noise", 3, |row| (row * row / 7 % 3) as u32);
        let table = builder.many_labels("b", 4, label).build();
        let model = fitted(&table, &json!({ "epsilon": 10.0 }));
        let sample = model.sample(0..4_096, &Given::NOTHING, &Budget::quiet(1)).expect("samples");
        let equal = codes(&sample, 0).iter().zip(codes(&sample, 2)).filter(|(a, b)| **a == *b).count();
        assert!(equal > 3_950, "{equal} of 4,096");
    }

    /// What costs Shape on adult: a value that most rows have is uniform in its bin unless it is declared as an atom.
    #[test]
    fn a_value_that_most_rows_have_stays_where_it_is_declared() {
        let table = tables::Builder::new(6_000).wholes("gain", |row| if row % 10 == 0 { 500 + row as i64 } else { 0 }).build();
        let zeros = |atoms: Vec<f64>| {
            let mut metadata = (**table.metadata()).clone();
            metadata.columns[0].declared = Some(DeclaredDomain { range: Some((0.0, 7_000.0)), atoms, ..DeclaredDomain::default() });
            let declared = Table::new(metadata.into(), table.rows(), table.columns().to_vec()).expect("legal");
            let model = fitted(&declared, &json!({ "epsilon": 10.0 }));
            let sample = model.sample(0..4_096, &Given::NOTHING, &Budget::quiet(1)).expect("samples");
            let Values::Whole(cells) = sample.column(0).values() else { panic!("whole numbers") };
            cells.iter().filter(|&&cell| cell == 0).count() as f64 / 4_096.0
        };
        assert!((zeros(vec![0.0]) - 0.9).abs() < 0.02 && zeros(Vec::new()) < 0.05);
    }

    #[test]
    fn little_epsilon_drowns_what_it_must() {
        let table = tables::Builder::new(200).many_labels("a", 2, |row| row as u32 % 2).many_labels("b", 2, |row| row as u32 % 2).build();
        let bill = fitted(&table, &json!({ "epsilon": 0.01, "delta": 0.004 })).privacy().expect("private").clone();
        assert!(bill.epsilon == 0.01 && (bill.delta - 0.004).abs() < 1e-12, "{bill:?}");
    }

    #[test]
    fn the_preset_is_spelled_in_three_ways_and_stands_alone() {
        let member = find("PrivBayes").expect("an alias");
        for spelling in ["sdgym2020", "sdgym-2020", "sdgym_2020"] {
            assert!(member.check(&json!({ "preset": spelling })).is_empty());
        }
        assert_eq!(member.check(&json!({ "preset": "sdgym2020", "theta": 9.0 })).len(), 1);
        let bill = fitted(&tables::plain(3_000), &json!({ "preset": "sdgym2020" })).privacy().expect("private").clone();
        assert_eq!(bill.epsilon, 10.0);
    }

    #[test]
    fn a_delta_above_one_row_is_refused() {
        let seeds = Seeds::of_task(0, "t").with_noise(NoiseKey::new([1; 32]));
        let member = find("privbn").expect("listed");
        let refused = member.fit_any(&tables::plain(3_000), &json!({ "delta": 0.01 }), &seeds, &Budget::quiet(1));
        assert_eq!(refused.err().map(|error| error.code().to_owned()).as_deref(), Some("privacy::delta"));
    }
}
