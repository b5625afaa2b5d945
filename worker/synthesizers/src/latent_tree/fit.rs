//! From a train table to a model: view, tree, validation rows, number of states, training.

use super::draw::{Draws, Weights};
use super::parameters::Node;
use super::search::Search;
use super::training::{Problem, Run, Trained};
use super::view::{View, Viewed};
use super::{LatentTreeModel, LatentTreeOptions, States as Asked};
use crate::clbn::{forest, pairwise, subsample};
use crate::states::States;
use synthfleet_proto::score::Finding;
use synthfleet_proto::{ErrorKind, Result, Seed};
use synthfleet_table::encode::Encoded;
use synthfleet_table::random::Draw;
use synthfleet_table::{Budget, SeedExt};

/// Rows that mutual information is taken from.
const INFORMED_ROWS: usize = 200_000;
/// One row in so many judges.
const VALIDATION: usize = 10;
/// Smaller tables have no rows to judge by.
const VALIDATED_ROWS: usize = 50;
/// What `auto` tries.
const TRIED: [usize; 4] = [16, 32, 64, 128];
/// A train density that is this much above that of validation, in nats a row, is learnt by heart.
pub(super) const GAP_MAX: f64 = 0.5;

pub(super) fn fit(
    encoded: &Encoded,
    options: &LatentTreeOptions,
    seed: &Seed,
    states: &States<'_>,
    budget: &Budget,
) -> Result<LatentTreeModel> {
    let rows = encoded.rows();
    let Viewed { view, cells, binned, bins } = View::fit(encoded, &seed.child("jitter"), budget)?;
    let informed = subsample(&binned, rows, INFORMED_ROWS, seed);
    let information = pairwise(informed.as_deref().unwrap_or(&binned), &bins, true, budget)?;
    let nodes = nodes(&view, &information);
    let shares: Vec<Vec<f64>> = nodes.iter().map(|node| shares(&cells[node.column].codes, node.levels)).collect();
    let order = seed.child("validation").rng().permutation(rows);
    let (validation, train) = order.split_at(if rows < VALIDATED_ROWS { 0 } else { rows / VALIDATION });
    let problem = Problem {
        nodes: &nodes,
        cells: &cells,
        shares: &shares,
        train,
        validation,
        epochs_max: options.epochs_max,
        batch: options.batch as usize,
        prior: options.prior,
        patience: options.patience,
    };
    let trained = best(&problem, options, seed, states, budget)?;
    tell(&trained, options, budget);
    let draws = Draws::new(&nodes, &trained.parameters, &Weights::of(&trained.parameters));
    Ok(LatentTreeModel { view, nodes, parameters: trained.parameters, draws })
}

/// The tree, parents first.
fn nodes(view: &View, information: &[f64]) -> Vec<Node> {
    let mut place_of = vec![0; view.width()];
    let node = |(place, (column, parent)): (usize, (usize, Option<usize>))| {
        place_of[column] = place;
        let parent = parent.map(|parent| place_of[parent]);
        Node { column, parent, levels: view.levels(column), has_scores: view.has_scores(column) }
    };
    forest(view.width(), information).into_iter().enumerate().map(node).collect()
}

fn shares(codes: &[u32], levels: usize) -> Vec<f64> {
    let mut counts = vec![0.0; levels];
    codes.iter().for_each(|&code| counts[code as usize] += 1.0);
    counts.iter().map(|count| count / codes.len().max(1) as f64).collect()
}

/// The best laws: more states are tried while they help validation rows and learn nothing by heart, each number of
/// states from some starts, of which the best counts.
fn best(problem: &Problem<'_>, options: &LatentTreeOptions, seed: &Seed, states: &States<'_>, budget: &Budget) -> Result<Trained> {
    let most = (problem.train.len() / options.state_rows as usize).max(2);
    let asked = match options.states {
        Asked::Count(states) => vec![states as usize],
        Asked::Auto(_) => TRIED.to_vec(),
    };
    let fits = asked.len() as u32 * options.starts;
    let first = asked[0].min(most);
    let tried: Vec<usize> = std::iter::once(first).chain(asked[1..].iter().copied().take_while(|&states| states <= most)).collect();
    let found = states.found(|arrays| Search::load(arrays, problem.nodes, &tried, options.starts));
    let (mut search, mut run) = found.map_or((Search::default(), None), |(search, run)| (search, Some(run)));
    while search.fit < tried.len() as u32 * options.starts {
        let (width, start) = (tried[(search.fit / options.starts) as usize], search.fit % options.starts);
        let told = |epoch: u32, density: f64| {
            let done = (f64::from(search.fit) + f64::from(epoch) / f64::from(options.epochs_max)) / f64::from(fits);
            budget.progress(0.2 + 0.8 * done, "epochs");
            budget.measure("validation_log_density", u64::from(search.fit) * u64::from(options.epochs_max) + u64::from(epoch), density);
        };
        let keep = |run: &Run| states.keep(u64::from(run.steps), |arrays| search.save(run, arrays));
        let seed = seed.child("states").index(width as u64).index(u64::from(start));
        let trained = match problem.train(width, &seed, budget, run.take(), told, keep) {
            // what was fitted before is better than nothing
            Err(error) if error.kind() == ErrorKind::Stopped && search.has_any() => None,
            trained => Some(trained?),
        };
        search.fit += 1;
        let is_cut = trained.as_ref().is_none_or(|trained| trained.stopped);
        if let Some(trained) = trained {
            search.meet(trained);
        }
        if is_cut || start + 1 == options.starts {
            let helps = search.settle();
            if is_cut || !helps {
                return search.end(is_cut);
            }
        }
    }
    search.end(false)
}

fn tell(trained: &Trained, options: &LatentTreeOptions, budget: &Budget) {
    let find =
        |code: &str, number: f64, text: String| budget.find(Finding { code: code.to_owned(), column: None, number: Some(number), text });
    let states = trained.parameters.states;
    find(
        "log_density",
        trained.validation,
        format!(
            "train {:.3}, validation {:.3} nats a row with {states} states after {} epochs",
            trained.train, trained.validation, trained.epochs
        ),
    );
    if trained.gap() > GAP_MAX {
        let text = format!("train rows are {:.2} nats more probable than validation rows: take fewer states", trained.gap());
        find("overfit", trained.gap(), text);
    }
    if let Asked::Count(asked) = options.states
        && states < asked as usize
    {
        find("states_reduced", states as f64, format!("{states} of {asked} states: each has at least {} train rows", options.state_rows));
    }
    if trained.stopped {
        find(
            "stopped_by_deadline",
            f64::from(trained.epochs),
            format!("told to stop after {} of {} epochs", trained.epochs, options.epochs_max),
        );
    }
}
