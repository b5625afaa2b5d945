//! Differentially private tree: a Markov network on the tree of pairs that a one-way model misses most.
//!
//! **Model.** `p(x)` of greatest entropy among those whose marginals fit noisy one- and two-way counts best.
//! **View.** `codes(32)`, equally wide, in a domain that is declared or bought.
//! **Options.** [`MstOptions`]. **Privacy.** (epsilon, delta) for add/remove-one, kept in rho; a third each
//! for one-way counts, for the choice of pairs, for their counts.
//! **Fit.**
//! 1. One-way counts, equal variance. Levels whose noisy count is below 3 widths of the noise become one
//!    level of m members; its count is the sum, of m times the variance (the reference measures the sum over
//!    √m at equal variance, which weighs the same).
//! 2. Score of a pair: `‖counts − one-way model‖₁`; d−1 picks by the exponential mechanism among pairs that
//!    join two parts of the growing forest (Kruskal).
//! 3. Counts of the chosen pairs; parameters by mirror descent with belief propagation.
//!
//! **Sample.** Ancestral along the tree; a merged level is one of its members, uniformly.
//! **Limits.** d ≤ 1,000; a pair has at most 1e6 cells, since no column has more than 1,000 levels.
//! **Cost.** `rows · d²/2` increments, then `iterations` passes over d tables.
//! **Reference.** McKenna, Miklau, Sheldon 2021, Winning the NIST contest, arXiv 2108.04978.

use crate::member::{Synthesizer, Train};
use crate::private::coding::Axis;
use crate::private::graph::estimation::{Measurement, Network};
use crate::private::graph::model::NetworkModel;
use crate::private::graph::opening::{Opening, open, width_of};
use crate::private::{Counts, Private};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use synthfleet_proto::about::{About, Accepts, Cost, CostClass, Shape};
use synthfleet_proto::options::{Checked, Options, Problem, Problems};
use synthfleet_proto::{Result, Seed};
use synthfleet_table::Budget;

/// Widths of noise below which a count tells nothing.
const WIDTHS_MIN: f64 = 3.0;

/// The differentially private tree.
pub struct Mst;

/// Options of [`Mst`].
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MstOptions {
    /// Privacy loss for a row more or less, 0.01 to 100.
    #[schemars(range(min = 0.01, max = 100.0))]
    pub epsilon: f64,
    /// Failure probability, at most one over the number of rows; left out: 1/n^1.5, rounded down to a power of ten.
    pub delta: Option<f64>,
    /// Steps of the fit to noisy counts, 10 to 100,000.
    #[schemars(range(min = 10, max = 100_000))]
    pub iterations: u32,
}

impl Default for MstOptions {
    fn default() -> Self {
        Self { epsilon: 1.0, delta: None, iterations: 1_000 }
    }
}

impl Options for MstOptions {
    fn check(&self) -> Vec<Problem> {
        Problems::none()
            .within("epsilon", self.epsilon, 0.01..=100.0)
            .within("delta", self.delta.unwrap_or(0.1), f64::MIN_POSITIVE..=0.5)
            .within("iterations", self.iterations, 10..=100_000)
            .into_vec()
    }
}

impl Synthesizer for Mst {
    type Options = MstOptions;
    type Model = NetworkModel;
    const ABOUT: About = About {
        name: "mst",
        aliases: &["MSTSynthesizer"],
        summary: "differentially private tree over noisy one- and two-way counts",
        paper: "McKenna, Miklau, Sheldon 2021, arXiv 2108.04978",
        cost: CostClass::Medium,
        accepts: Accepts { columns_max: 1_000, ..Accepts::ANY },
        private: true,
        ..About::LIGHT
    };

    fn estimate(shape: &Shape, options: &Checked<Self::Options>) -> Cost {
        let (rows, columns) = (shape.train_rows as f64, f64::from(shape.modelled()));
        let cells = shape.train_rows * u64::from(shape.modelled() + shape.other);
        let levels = (shape.levels_sum as f64 + 32.0 * f64::from(shape.number_like)) / columns.max(1.0);
        let tables = columns * (levels * levels).min(1e6);
        Cost {
            cpu_seconds: rows * columns * columns / 2.0 * 4e-9 + f64::from(options.iterations) * tables * 3e-8 + cells as f64 * 4e-7,
            peak_bytes: cells * 40 + shape.train_rows * 160,
            model_bytes: 16_384 + (tables * 8.0) as u64,
        }
    }

    fn fit(train: &Train, options: &Checked<Self::Options>, _: &Seed, budget: &Budget) -> Result<Self::Model> {
        let guarded = train.private()?;
        let mut opening = open(guarded, options.epsilon, options.delta, 1.0 / 3.0, budget)?;
        let merged: Vec<Merged> = opening.ones.iter().map(Merged::of).collect();
        let mut network = Network::new(merged.iter().map(|merged| merged.size).collect());
        network.measure(merged.iter().map(|merged| merged.measured.clone()).collect());
        network.descend(options.iterations, budget)?;
        budget.progress(0.3, "structure");
        let pairs = pick(&mut opening, &merged, &network, budget)?;
        let sigma = width_of(opening.rho / 3.0, pairs.len());
        let mut measured = Vec::with_capacity(pairs.len());
        for (a, b) in pairs {
            budget.go_on()?;
            let question = format!("counts of {:?} and {:?}", opening.names[a], opening.names[b]);
            let noisy = opening.ledger.gaussian_counts(&counts(&opening, &merged, (a, b)), sigma, &question)?;
            measured.push(Measurement::of(vec![a, b], &noisy, sigma));
        }
        guarded.close(&opening.ledger)?;
        network.measure(measured);
        budget.progress(0.5, "estimation");
        network.descend(options.iterations, budget)?;
        let maps: Vec<Vec<u32>> = merged.into_iter().map(|merged| merged.map).collect();
        NetworkModel::new(opening.domain.codes().clone(), &maps, &network, budget)
    }
}

/// A column whose rare levels are one.
struct Merged {
    /// Level of each code.
    map: Vec<u32>,
    size: usize,
    measured: Measurement,
}

impl Merged {
    /// Merges the counted levels below the noise; the merged level is the last.
    fn of(one: &Measurement) -> Self {
        let is_small = |code: usize| {
            let precision = one.precisions[code];
            precision > 0.0 && one.counts[code] < WIDTHS_MIN / precision.sqrt()
        };
        let small: Vec<usize> = (0..one.counts.len()).filter(|&code| is_small(code)).collect();
        let mut map = Vec::with_capacity(one.counts.len());
        let mut measured = Measurement { columns: one.columns.clone(), counts: Vec::new(), precisions: Vec::new() };
        let shown = (one.counts.len() - small.len()) as u32;
        for code in 0..one.counts.len() {
            if is_small(code) {
                map.push(shown);
                continue;
            }
            map.push(measured.counts.len() as u32);
            measured.counts.push(one.counts[code]);
            measured.precisions.push(one.precisions[code]);
        }
        if !small.is_empty() {
            measured.counts.push(small.iter().map(|&code| one.counts[code]).sum());
            measured.precisions.push(1.0 / small.iter().map(|&code| 1.0 / one.precisions[code]).sum::<f64>());
        }
        Self { map, size: measured.counts.len(), measured }
    }
}

/// Counts of a pair of columns in merged levels.
fn counts(opening: &Opening, merged: &[Merged], (a, b): (usize, usize)) -> Private<Counts> {
    let axis = |column: usize| Axis { column, map: &merged[column].map, cells: merged[column].size as u32 };
    opening.coding.counts_by(&[axis(a), axis(b)])
}

/// The pairs of a spanning tree, each drawn by how far the one-way model is from its counts.
fn pick(opening: &mut Opening, merged: &[Merged], network: &Network, budget: &Budget) -> Result<Vec<(usize, usize)>> {
    let columns = merged.len();
    let total = network.total();
    let shares: Vec<&[f64]> = (0..columns).filter_map(|column| network.one_way(column)).collect();
    let pairs: Vec<(usize, usize)> = (0..columns).flat_map(|a| (a + 1..columns).map(move |b| (a, b))).collect();
    let error = |&(a, b): &(usize, usize)| {
        budget.go_on()?;
        Ok(counts(opening, merged, (a, b)).map(|counts| {
            let model = shares[a].iter().flat_map(|&x| shares[b].iter().map(move |&y| total * x * y));
            counts.cells().iter().zip(model).map(|(&count, model)| (count as f64 - model).abs()).sum::<f64>()
        }))
    };
    let errors: Private<Vec<f64>> = pairs.par_iter().map(error).collect::<Result<Vec<_>>>()?.into_iter().collect();
    let picks = columns.saturating_sub(1);
    let epsilon = (8.0 * opening.rho / 3.0 / picks.max(1) as f64).sqrt();
    let mut part: Vec<usize> = (0..columns).collect();
    let mut chosen = Vec::with_capacity(picks);
    for pick in 0..picks {
        budget.go_on()?;
        let open: Vec<usize> = (0..pairs.len()).filter(|&pair| part[pairs[pair].0] != part[pairs[pair].1]).collect();
        let scores = errors.map(|errors| open.iter().map(|&pair| errors[pair]).collect());
        let place = opening.ledger.exponential(&format!("pair {} of {picks}", pick + 1), &scores, 1.0, epsilon)?;
        let (a, b) = pairs[open[place]];
        let (kept, gone) = (part[a], part[b]);
        part.iter_mut().filter(|part| **part == gone).for_each(|part| *part = kept);
        chosen.push((a, b));
    }
    Ok(chosen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::tables;
    use crate::{Given, Seeds, find};
    use serde_json::json;
    use synthfleet_proto::privacy::NoiseKey;
    use synthfleet_table::random::Draw;
    use synthfleet_table::{SeedExt, Table, Values};

    const LEVELS: u32 = 4;

    /// Columns of four levels on the tree whose edges are (parent of i, i): a child keeps its parent's level or
    /// takes a random one.
    fn on_a_tree(parents: &[usize], rows: usize) -> Table {
        let mut random = Seed::shared(11).child("tree").rng();
        let mut columns: Vec<Vec<u32>> = Vec::new();
        for place in 0..=parents.len() {
            let fresh = |random: &mut rand_chacha::ChaCha8Rng| random.below(LEVELS.into()) as u32;
            let column = (0..rows).map(|row| match place.checked_sub(1).map(|edge| parents[edge]) {
                Some(parent) if random.uniform() < 0.6 => columns[parent][row],
                _ => fresh(&mut random),
            });
            let column = column.collect();
            columns.push(column);
        }
        let builder = tables::Builder::new(rows);
        let table = columns
            .iter()
            .enumerate()
            .fold(builder, |builder, (place, column)| builder.many_labels(&format!("c{place}"), LEVELS, |row| column[row]));
        tables::with_declared_labels(&table.build())
    }

    fn pair_counts(table: &Table, a: usize, b: usize) -> Vec<f64> {
        let mut counts = vec![0.0; (LEVELS * LEVELS) as usize];
        let (Values::Code(a), Values::Code(b)) = (table.column(a).values(), table.column(b).values()) else { panic!("labels") };
        a.iter().zip(b.iter()).for_each(|(&a, &b)| counts[(a * LEVELS + b) as usize] += 1.0);
        counts
    }

    #[test]
    fn a_known_tree_is_found_and_its_pairs_are_met_within_the_noise() {
        let parents = [0, 0, 1, 1, 4, 2];
        let (rows, drawn) = (20_000, 400_000);
        let table = on_a_tree(&parents, rows);
        let seeds = Seeds::of_task(1, "syn-mst-r0").with_noise(NoiseKey::new([3; 32]));
        let budget = Budget::quiet(2);
        let model = find("mst").expect("listed").fit_any(&table, &json!({"epsilon": 1.0}), &seeds, &budget).expect("fits");
        let bill = model.privacy().expect("private");
        let sample = model.sample(0..drawn, &Given::NOTHING, &budget).expect("samples");
        for (child, &parent) in (1..).zip(&parents) {
            let question = format!("counts of \"c{parent}\" and \"c{child}\"");
            let spend = bill.ledger.iter().find(|spend| spend.id == question).unwrap_or_else(|| panic!("{question} was not asked"));
            let noise = (1.0 / (2.0 * spend.rho.expect("in rho"))).sqrt();
            let scale = rows as f64 / drawn as f64;
            for (real, made) in pair_counts(&table, parent, child).iter().zip(pair_counts(&sample, parent, child)) {
                let drawing = scale * made.sqrt();
                assert!(
                    (made * scale - real).abs() <= 3.0 * noise.hypot(drawing),
                    "{question}: {} for {real}, noise {noise}",
                    made * scale
                );
            }
        }
    }

    #[test]
    fn a_third_of_rho_goes_to_each_part() {
        let table = on_a_tree(&[0, 1], 2_000);
        let seeds = Seeds::of_task(1, "syn-mst-r0").with_noise(NoiseKey::new([3; 32]));
        let model = find("mst").expect("listed").fit_any(&table, &json!({}), &seeds, &Budget::quiet(1)).expect("fits");
        let bill = model.privacy().expect("private");
        let total = bill.rho.expect("in rho");
        let part = |of: &dyn Fn(&str) -> bool| bill.ledger.iter().filter(|s| of(&s.id)).filter_map(|s| s.rho).sum::<f64>() / total;
        for share in [
            part(&|id| !id.contains(" and ") && !id.starts_with("pair")),
            part(&|id| id.starts_with("pair")),
            part(&|id| id.contains(" and ")),
        ] {
            assert!((share - 1.0 / 3.0).abs() < 1e-9, "{share}");
        }
        assert_eq!(bill.relation.name(), "add_remove_one");
    }

    #[test]
    fn levels_below_three_widths_become_one_of_equal_weight() {
        let one = Measurement::of(vec![0], &[100, 5, 40, -3, 29], 10.0);
        let merged = Merged::of(&one);
        assert_eq!((merged.map, merged.size), (vec![0, 2, 1, 2, 2], 3));
        assert_eq!(merged.measured.counts, [100.0, 40.0, 31.0]);
        let expected = [0.01, 0.01, 0.01 / 3.0];
        assert!(merged.measured.precisions.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15));
    }
}
