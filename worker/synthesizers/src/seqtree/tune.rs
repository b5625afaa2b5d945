//! Leaf size, honesty and gap chosen inside the train table, behind a privacy gate.
//!
//! # Definition
//! Train is cut 70/30, at most 20,000 rows in all. Each cell of the grid (leaf rows 10, 25, 50, 100, 200;
//! honest or not; gap 2, 5) is fitted on the larger part and sampled. Its score is
//! `(bivariate closeness / that of the smaller part) · (2 − 2 · max(AUC, ½))`, with the AUC of a boosted
//! detector of the sample against the smaller part. The gate: the lower 95 % bound of the share of sample
//! rows nearer to the larger part than to the smaller is at most .52, and the attack that guesses
//! membership by the nearest sample row has an AUC of at most .52. The best cell inside the gate wins, else
//! the one with the lowest share. The whole grid goes into the findings.
//!
//! # Cost
//! Ten fits on 14,000 rows and twenty detectors: a few seconds on two cores.

use super::chain::Chain;
use super::{Draw, Plan};
use rayon::prelude::*;
use synthfleet_proto::score::Finding;
use synthfleet_proto::{Result, Seed};
use synthfleet_stats::auc::auc;
use synthfleet_table::encode::{Bins, Coded, Encoded};
use synthfleet_table::random::Draw as _;
use synthfleet_table::{Budget, SeedExt};
use synthfleet_trees::boost::{BinnedColumn, BinnedMatrix, Booster, Order, Settings, Target};

/// Most rows used in all.
const ROWS_MAX: usize = 20_000;
/// Fewer rows are not tuned on: the smaller part would tell nothing.
const ROWS_MIN: usize = 500;
/// Rows a side of neighbour searches.
const NEIGHBOUR_ROWS: usize = 2_000;
/// Bins of a column in comparisons.
const BINS_MAX: usize = 20;
/// Columns of which pairs are compared.
const PAIR_COLUMNS: usize = 40;
const LEAVES: [u32; 5] = [10, 25, 50, 100, 200];
const GAPS: [u32; 2] = [2, 5];
const SHARE_MAX: f64 = 0.52;
const ATTACK_MAX: f64 = 0.52;

/// What a cell of the grid scored.
struct Cell {
    plan: Plan,
    score: f64,
    share: f64,
    attack: f64,
}

impl Cell {
    /// Inside the gate; `rows` sample rows were compared.
    fn passes(&self, rows: usize) -> bool {
        self.share - 1.645 * (0.25 / rows as f64).sqrt() <= SHARE_MAX && self.attack <= ATTACK_MAX
    }
}

/// The plan that does best inside train; the given one if train is too small to be cut.
pub(super) fn choose(encoded: &Encoded, plan: &Plan, seed: &Seed, budget: &Budget) -> Result<Plan> {
    if encoded.rows() < ROWS_MIN {
        return Ok(plan.clone());
    }
    budget.progress(0.0, "tune");
    let mut rows = seed.child("split").rng().permutation(encoded.rows());
    rows.truncate(ROWS_MAX);
    let kept = rows.split_off(rows.len() * 7 / 10);
    let (seen, unseen) = (encoded.take(&rows), encoded.take(&kept));
    let judge = Judge::new(&seen, &unseen, budget)?;
    let fits: Vec<(u32, bool)> = LEAVES.into_iter().flat_map(|leaf| [(leaf, true), (leaf, false)]).collect();
    let cells: Vec<Vec<Cell>> = fits
        .into_par_iter()
        .map(|(leaf_rows, honest)| cells_of(&seen, plan, (leaf_rows, honest), &judge, seed, budget))
        .collect::<Result<_>>()?;
    let cells: Vec<Cell> = cells.into_iter().flatten().collect();
    let best = cells.iter().filter(|cell| cell.passes(judge.compared)).max_by(|a, b| a.score.total_cmp(&b.score));
    let best = best.or_else(|| cells.iter().min_by(|a, b| a.share.total_cmp(&b.share)));
    for cell in &cells {
        budget.find(finding("seqtree_grid", cell));
    }
    if let Some(best) = best {
        budget.find(finding("seqtree_tuned", best));
    }
    Ok(best.map_or_else(|| plan.clone(), |best| best.plan.clone()))
}

fn finding(code: &str, cell: &Cell) -> Finding {
    let gap = match cell.plan.draw {
        Draw::Gap(gap) => gap,
        Draw::Donor => 0,
    };
    let Plan { leaf_rows, honest, .. } = cell.plan;
    let text = format!(
        "leaf_rows {leaf_rows}, honest {honest}, gap {gap}: score {:.4}, share {:.4}, attack {:.4}",
        cell.score, cell.share, cell.attack
    );
    Finding { code: code.to_owned(), column: None, number: Some(cell.score), text }
}

/// Both gaps of one structure: the trees are the same, only draws differ.
fn cells_of(
    seen: &Encoded,
    plan: &Plan,
    (leaf_rows, honest): (u32, bool),
    judge: &Judge,
    seed: &Seed,
    budget: &Budget,
) -> Result<Vec<Cell>> {
    let mut cells = Vec::new();
    for gap in GAPS {
        let plan = Plan { leaf_rows, honest, draw: Draw::Gap(gap), ..plan.clone() };
        let chain = Chain::fit(seen, &plan, &seed.child("cell"), &budget.silent())?;
        let sample = chain.sample(seen.rows(), &seed.child("sample"), budget)?;
        let (score, share, attack) = judge.score(sample, budget)?;
        cells.push(Cell { plan, score, share, attack });
    }
    Ok(cells)
}

/// The two parts of train in coarse bins, and what does not depend on the sample.
struct Judge {
    encoded: Encoded,
    bins: Vec<Bins>,
    seen: Vec<Vec<u16>>,
    unseen: Vec<Vec<u16>>,
    ceiling: f64,
    compared: usize,
}

impl Judge {
    fn new(seen: &Encoded, unseen: &Encoded, budget: &Budget) -> Result<Self> {
        let bins = seen.bins(BINS_MAX, budget)?;
        let coarse = |table: &Encoded| -> Vec<Vec<u16>> {
            (0..bins.len()).map(|place| codes(&bins[place], table.columns(), place, table)).collect()
        };
        let (of_seen, of_unseen) = (coarse(seen), coarse(unseen));
        let ceiling = closeness(&bins, &of_seen, &of_unseen);
        let compared = NEIGHBOUR_ROWS.min(unseen.rows());
        Ok(Self { encoded: seen.clone(), bins, seen: of_seen, unseen: of_unseen, ceiling, compared })
    }

    /// Score, share nearer to the seen part, AUC of the membership attack.
    fn score(&self, sample: Vec<Coded>, budget: &Budget) -> Result<(f64, f64, f64)> {
        let rows = sample.first().map_or(0, Coded::len);
        let sample = Encoded::new(self.encoded.encoder().clone(), rows, sample)?;
        let made: Vec<Vec<u16>> = (0..self.bins.len()).map(|place| codes(&self.bins[place], sample.columns(), place, &sample)).collect();
        budget.go_on()?;
        let closeness = closeness(&self.bins, &self.seen, &made) / self.ceiling.max(1e-9);
        let auc = self.detect(&made, budget)?;
        let (share, attack) = self.neighbours(&made, budget)?;
        Ok((closeness.min(1.0) * (2.0 - 2.0 * auc.max(0.5)), share, attack))
    }

    /// AUC of a boosted detector: fitted on the first halves of unseen and made rows, judged on the second.
    fn detect(&self, made: &[Vec<u16>], budget: &Budget) -> Result<f64> {
        let each = self.unseen.first().map_or(0, Vec::len).min(made.first().map_or(0, Vec::len));
        let half = each / 2;
        let matrix = |from: usize, to: usize| {
            let column = |(bins, (real, made)): (&Bins, (&Vec<u16>, &Vec<u16>))| {
                let both = real[from..to].iter().chain(&made[from..to]).map(|&code| (code + 1).min(255) as u8).collect::<Vec<_>>();
                BinnedColumn::new(both, if bins.ordered || bins.count > 8 { Order::Ordered } else { Order::OneAgainstRest })
            };
            BinnedMatrix::new(2 * (to - from), self.bins.iter().zip(self.unseen.iter().zip(made)).map(column).collect())
        };
        let labels: Vec<bool> = (0..2 * half).map(|row| row < half).collect();
        let settings = Settings { rounds: 50, ..Settings::default() };
        let booster = Booster::fit_while(&matrix(0, half), &Target::Binary(&labels), &settings, |_| budget.go_on())?;
        let predicted = booster.predict(&matrix(half, 2 * half));
        Ok(auc(&predicted[..half], &predicted[half..]).unwrap_or(0.5))
    }

    /// Share of made rows nearer to seen than to unseen rows (ties half), and the AUC of "near a made row"
    /// as a guess of "seen".
    fn neighbours(&self, made: &[Vec<u16>], budget: &Budget) -> Result<(f64, f64)> {
        let rows = |columns: &[Vec<u16>]| -> Vec<Vec<u16>> {
            let count = columns.first().map_or(0, Vec::len).min(self.compared);
            (0..count).map(|row| columns.iter().map(|column| column[row]).collect()).collect()
        };
        let (seen, unseen, made) = (rows(&self.seen), rows(&self.unseen), rows(made));
        let scales: Vec<(bool, u32)> = self.bins.iter().map(|bins| (bins.ordered, 840 / (bins.count - 1).clamp(1, 840))).collect();
        let nearest = |from: &[Vec<u16>], to: &[Vec<u16>]| -> Result<Vec<u32>> {
            budget.go_on()?;
            Ok(from.iter().map(|row| to.iter().map(|other| distance(row, other, &scales)).min().unwrap_or(0)).collect())
        };
        let (to_seen, to_unseen) = (nearest(&made, &seen)?, nearest(&made, &unseen)?);
        let credit: f64 = to_seen
            .iter()
            .zip(&to_unseen)
            .map(|(s, u)| {
                if s < u {
                    1.0
                } else if s == u {
                    0.5
                } else {
                    0.0
                }
            })
            .sum();
        let guess = |rows: &[Vec<u16>]| -> Result<Vec<f64>> { Ok(nearest(rows, &made)?.into_iter().map(|d| -f64::from(d)).collect()) };
        let attack = auc(&guess(&seen)?, &guess(&unseen)?).unwrap_or(0.5);
        Ok((credit / made.len().max(1) as f64, attack))
    }
}

fn codes(bins: &Bins, columns: &[Coded], place: usize, table: &Encoded) -> Vec<u16> {
    match &columns[place] {
        Coded::Levels(levels) => levels.iter().map(|&level| bins.place(level, 0.0)).collect(),
        Coded::Value(numbers) => {
            let state = place.checked_sub(1).and_then(|before| columns[before].codes()).filter(|_| !bins.of_state.is_empty());
            (0..table.rows()).map(|row| bins.place(state.map_or(0, |codes| codes[row]), numbers[row])).collect()
        }
    }
}

/// Distance of two rows in 840ths of a column: steps of ordered bins, or different levels.
fn distance(a: &[u16], b: &[u16], scales: &[(bool, u32)]) -> u32 {
    a.iter()
        .zip(b)
        .zip(scales)
        .map(|((&a, &b), &(ordered, step))| if ordered { u32::from(a.abs_diff(b)) * step } else { 840 * u32::from(a != b) })
        .sum()
}

/// One minus the mean total variation of all pairs of the first columns.
fn closeness(bins: &[Bins], real: &[Vec<u16>], made: &[Vec<u16>]) -> f64 {
    let width = bins.len().min(PAIR_COLUMNS);
    let (mut sum, mut pairs) = (0.0, 0u32);
    for a in 0..width {
        for b in 0..a {
            let cells = bins[a].count as usize * bins[b].count as usize;
            if cells > 1 << 16 {
                continue;
            }
            let mut shares = vec![0.0; cells];
            for (columns, sign) in [(real, 1.0), (made, -1.0)] {
                let weight = sign / columns[a].len().max(1) as f64;
                columns[a]
                    .iter()
                    .zip(&columns[b])
                    .for_each(|(&x, &y)| shares[usize::from(x) * bins[b].count as usize + usize::from(y)] += weight);
            }
            sum += 1.0 - 0.5 * shares.iter().map(|share: &f64| share.abs()).sum::<f64>();
            pairs += 1;
        }
    }
    if pairs == 0 { 1.0 } else { sum / f64::from(pairs) }
}
