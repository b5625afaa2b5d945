//! The whole model against enumeration of all hidden states, and its training against its promise.

use super::draw::{Draws, Weights};
use super::given::{Asked, given};
use super::messages::Engine;
use super::parameters::{Layout, Node, Parameters, Prior};
use super::training::Problem;
use super::view::Cells;
use crate::conformance::tables;
use crate::{Given, Seeds, find};
use serde_json::json;
use synthfleet_proto::Seed;
use synthfleet_stats::normal;
use synthfleet_table::random::Draw;
use synthfleet_table::{Budget, SeedExt};

const STATES: usize = 3;

/// Four nodes, two of them below the root: levels, State with scores, levels below it, scores alone. A fifth is a root
/// of its own.
fn nodes() -> Vec<Node> {
    let node = |column: usize, parent: Option<usize>, levels: usize, has_scores: bool| Node { column, parent, levels, has_scores };
    vec![node(2, None, 3, false), node(0, Some(0), 2, true), node(3, Some(1), 2, false), node(1, Some(0), 1, true), node(4, None, 2, false)]
}

/// Laws that have nothing in common.
fn laws(nodes: &[Node], seed: u64) -> Parameters {
    let layout = Layout::of(nodes, STATES);
    let mut random = Seed::shared(seed).rng();
    let mut parameters = Parameters::blank(nodes, STATES);
    let counts: Vec<f64> = (0..layout.length).map(|_| random.uniform() * random.uniform()).collect();
    let shares: Vec<Vec<f64>> = nodes.iter().map(|node| vec![1.0 / node.levels as f64; node.levels]).collect();
    parameters.maximise(&counts, &layout, &Prior { rows: 1.0, each: 0.01, shares: &shares });
    for laws in &mut parameters.laws {
        let scores = laws.means.iter_mut().zip(&mut laws.deviations).take(STATES);
        scores.for_each(|(mean, deviation)| (*mean, *deviation) = ((random.uniform() * 4.0 - 2.0) as f32, (0.2 + random.uniform()) as f32));
    }
    parameters
}

/// Rows that have every pair of codes.
fn rows(nodes: &[Node], count: usize) -> Vec<Cells> {
    let mut random = Seed::shared(9).rng();
    let mut cells: Vec<Cells> = nodes.iter().map(|_| Cells { codes: Vec::new(), scores: Vec::new() }).collect();
    for node in nodes {
        cells[node.column].codes = (0..count).map(|_| random.below(node.levels as u64) as u32).collect();
        if node.has_scores {
            cells[node.column].scores = (0..count).map(|_| normal::quantile(random.open_uniform()) as f32).collect();
        }
    }
    cells
}

/// Probability (density in scores) of a row, by the sum over all hidden states.
fn enumerated(nodes: &[Node], parameters: &Parameters, cells: &[Cells], row: usize) -> f64 {
    let settings = STATES.pow(nodes.len() as u32);
    let term = |setting: usize| {
        let state = |place: usize| setting / STATES.pow(place as u32) % STATES;
        let factor = |(place, node): (usize, &Node)| {
            let (laws, own) = (&parameters.laws[place], state(place));
            let from = node.parent.map_or(0, state);
            let code = cells[node.column].codes[row] as usize;
            let density = if code == 0 && node.has_scores {
                let (mean, deviation) = (f64::from(laws.means[own]), f64::from(laws.deviations[own]));
                normal::density((f64::from(cells[node.column].scores[row]) - mean) / deviation) / deviation
            } else {
                1.0
            };
            f64::from(laws.moves[from * parameters.width + own]) * f64::from(laws.shares[code * parameters.width + own]) * density
        };
        nodes.iter().enumerate().map(factor).product::<f64>()
    };
    (0..settings).map(term).sum()
}

#[test]
fn the_density_is_the_sum_over_all_hidden_states() {
    let (nodes, layout) = (nodes(), Layout::of(&nodes(), STATES));
    let (parameters, cells) = (laws(&nodes, 1), rows(&nodes, 40));
    let engine = Engine::new(&nodes, &cells, &layout, &parameters);
    for row in 0..40 {
        let found = engine.log_density(&[row as u32], &Budget::quiet(1)).expect("not stopped");
        let known = libm::log(enumerated(&nodes, &parameters, &cells, row));
        assert!((found - known).abs() < 2e-5, "row {row}: {found} for {known}");
    }
}

#[test]
fn expected_counts_are_those_of_all_hidden_states() {
    let (nodes, layout) = (nodes(), Layout::of(&nodes(), STATES));
    let (parameters, cells) = (laws(&nodes, 1), rows(&nodes, 7));
    let engine = Engine::new(&nodes, &cells, &layout, &parameters);
    let mut counts = vec![0.0; layout.length];
    engine.count(&(0..7).collect::<Vec<u32>>(), &mut counts, &Budget::quiet(1)).expect("not stopped");
    // the expected count of a move is its share times the derivative of the log density by it
    let sum = |parameters: &Parameters| (0..7).map(|row| libm::log(enumerated(&nodes, parameters, &cells, row))).sum::<f64>();
    for (place, node) in nodes.iter().enumerate() {
        let from_rows = if node.parent.is_some() { STATES } else { 1 };
        for (from, to) in (0..from_rows).flat_map(|from| (0..STATES).map(move |to| (from, to))) {
            let at = from * parameters.width + to;
            let step = |sign: f32| {
                let mut moved = parameters.clone();
                moved.laws[place].moves[at] *= 1.0 + sign * 0.01;
                sum(&moved)
            };
            let known = (step(1.0) - step(-1.0)) / 0.02;
            let found = counts[layout.places[place].moves.start + at];
            assert!((found - known).abs() < 1e-3, "node {place}, {from} to {to}: {found} for {known}");
        }
        let scored = (0..7).filter(|&row| node.has_scores && cells[node.column].codes[row] == 0);
        let known: f64 = scored.map(|row| f64::from(cells[node.column].scores[row])).sum();
        let found: f64 = counts[layout.places[place].first.clone()].iter().sum();
        assert!((found - known).abs() < 1e-4, "node {place}: scores {found} for {known}");
    }
}

#[test]
fn a_fully_asked_row_has_its_density() {
    let nodes = nodes();
    let (parameters, cells) = (laws(&nodes, 2), rows(&nodes, 30));
    for row in 0..30 {
        let asked = |(cells, node): (&Cells, &Node)| {
            let code = cells.codes[row];
            let codes = (0..node.levels as u32).map(|level| level == code).collect();
            let scores = cells.scores.get(row).filter(|_| code == 0).map(|&score| [f64::from(score); 2]);
            Asked { codes, scores, numbers: None }
        };
        let by_column = |column: usize| nodes.iter().find(|node| node.column == column).expect("a node");
        let asked: Vec<Asked> = (0..5).map(|column| asked((&cells[column], by_column(column)))).collect();
        let (_, log) = given(&nodes, &parameters, &asked).expect("possible");
        let known = libm::log(enumerated(&nodes, &parameters, &cells, row));
        assert!((log - known).abs() < 1e-6, "{log} for {known}");
    }
}

#[test]
fn draws_given_some_cells_follow_the_enumerated_law() {
    const DRAWS: usize = 40_000;
    let nodes = nodes();
    let parameters = laws(&nodes, 3);
    // of column 2 two of three levels, of column 0 regular scores from -1 to 0.5, of column 3 level 1
    let stretch = [-1.0, 0.5];
    let mut asked = vec![Asked::default(); 5];
    asked[2].codes = vec![true, false, true];
    asked[0] = Asked { codes: vec![true, false], scores: Some(stretch), numbers: None };
    asked[3].codes = vec![false, true];
    let (weights, log) = given(&nodes, &parameters, &asked).expect("possible");
    // the law of columns 2 and 4, numbers integrated on a fine grid
    let grid: Vec<f64> = (0..600).map(|i| stretch[0] + (stretch[1] - stretch[0]) * (f64::from(i) + 0.5) / 600.0).collect();
    let alone: Vec<Node> = nodes.iter().map(|node| Node { has_scores: node.has_scores && node.column == 0, ..node.clone() }).collect();
    let probability = |second: u32, fourth: u32| {
        let codes = [0, 0, second, 1, fourth];
        let mut cells: Vec<Cells> = codes.iter().map(|&code| Cells { codes: vec![code; grid.len()], scores: Vec::new() }).collect();
        cells[0].scores = grid.iter().map(|&score| score as f32).collect();
        let sum: f64 = (0..grid.len()).map(|row| enumerated(&alone, &parameters, &cells, row)).sum();
        sum * (stretch[1] - stretch[0]) / grid.len() as f64
    };
    let settings = [(0, 0), (0, 1), (2, 0), (2, 1)];
    let known = settings.map(|(second, fourth)| probability(second, fourth));
    let total: f64 = known.iter().sum();
    assert!((log - libm::log(total)).abs() < 1e-4, "{log} for {}", libm::log(total));
    let drawn = Draws::new(&nodes, &parameters, &weights).cells(DRAWS, &Seed::shared(4), &Budget::quiet(1)).expect("not stopped");
    let codes = |column: usize| &drawn[nodes.iter().position(|node| node.column == column).expect("a node")].codes;
    for ((second, fourth), known) in settings.into_iter().zip(known) {
        let share = (0..DRAWS).filter(|&row| codes(2)[row] == second && codes(4)[row] == fourth).count() as f64 / DRAWS as f64;
        let known = known / total;
        let error = (known * (1.0 - known) / DRAWS as f64).sqrt();
        assert!((share - known).abs() <= 4.0 * error, "{second}, {fourth}: {share} for {known}");
    }
    assert!(codes(3).iter().all(|&code| code == 1) && codes(0).iter().all(|&code| code == 0));
    assert!(drawn[1].scores.iter().all(|score| (stretch[0]..=stretch[1]).contains(score)));
}

#[test]
fn what_the_model_holds_for_impossible_is_told() {
    let nodes = nodes();
    let mut asked = vec![Asked::default(); 5];
    asked[2].codes = vec![false; 3];
    assert!(given(&nodes, &laws(&nodes, 1), &asked).is_none());
    let nothing = given(&nodes, &laws(&nodes, 1), &vec![Asked::default(); 5]).expect("anything is possible");
    assert!(nothing.1.abs() < 1e-6 && nothing.0.len() == Weights::of(&laws(&nodes, 1)).len());
}

#[test]
fn the_density_never_falls_in_steps_over_all_rows() {
    let nodes = nodes();
    let truth = laws(&nodes, 5);
    let drawn = Draws::new(&nodes, &truth, &Weights::of(&truth)).cells(3_000, &Seed::shared(6), &Budget::quiet(1)).expect("not stopped");
    let mut cells = vec![Cells { codes: Vec::new(), scores: Vec::new() }; 5];
    for (node, drawn) in nodes.iter().zip(drawn) {
        cells[node.column] = Cells { codes: drawn.codes, scores: drawn.scores.iter().map(|&score| score as f32).collect() };
    }
    let shares: Vec<Vec<f64>> = nodes.iter().map(|node| vec![1.0 / node.levels as f64; node.levels]).collect();
    let rows: Vec<u32> = (0..3_000).collect();
    let problem = Problem {
        nodes: &nodes,
        cells: &cells,
        shares: &shares,
        train: &rows,
        validation: &rows,
        epochs_max: 60,
        batch: 3_000,
        prior: 1e-6,
        patience: 60,
    };
    let mut seen = Vec::new();
    let trained =
        problem.train(8, &Seed::shared(7), &Budget::quiet(2), None, |_, density| seen.push(density), |_| ()).expect("not stopped");
    assert_eq!(seen.len(), 60);
    assert!(seen.windows(2).all(|pair| pair[1] >= pair[0] - 1e-6), "{seen:?}");
    let layout = Layout::of(&nodes, STATES);
    let of_truth = Engine::new(&nodes, &cells, &layout, &truth).log_density(&rows, &Budget::quiet(1)).expect("not stopped") / 3_000.0;
    assert!(trained.train > of_truth - 0.01 && seen[59] > seen[0], "{} for {of_truth}: {seen:?}", trained.train);
}

#[test]
fn states_are_a_number_or_auto() {
    let member = find("tabpc").expect("an alias");
    for states in [json!(2), json!(512), json!("auto")] {
        assert!(member.check(&json!({ "states": states })).is_empty());
    }
    for states in [json!(1), json!(513), json!("some")] {
        let problems = member.check(&json!({ "states": states }));
        assert_eq!((problems.len(), problems[0].option.as_str()), (1, "states"), "{problems:?}");
    }
    assert_eq!(member.check(&json!({"states": "some"}))[0].allowed, "a whole number of 2 to 512, or auto");
}

#[test]
fn fewer_states_for_small_tables_and_densities_are_told() {
    let model = find("latent_tree").expect("listed");
    let fitted = model.fit_any(&tables::plain(400), &json!({"states": "auto"}), &Seeds::of_task(1, "t"), &Budget::quiet(2)).expect("fits");
    let codes: Vec<&str> = fitted.findings().iter().map(|finding| finding.code.as_str()).collect();
    assert!(codes.contains(&"log_density"), "{codes:?}");
    let fitted = model.fit_any(&tables::plain(400), &json!({"epochs_max": 2}), &Seeds::of_task(1, "t"), &Budget::quiet(2)).expect("fits");
    let reduced = fitted.findings().iter().find(|finding| finding.code == "states_reduced").expect("told");
    assert_eq!(reduced.number, Some(3.0));
    assert_eq!(fitted.sample(0..10, &Given::NOTHING, &Budget::quiet(1)).expect("samples").rows(), 10);
}

#[test]
fn a_search_for_the_number_of_states_goes_on_where_it_stood() {
    let options = serde_json::json!({"states": "auto", "state_rows": 20, "epochs_max": 4, "starts": 2, "batch": 200});
    crate::conformance::goes_on("latent_tree", &tables::plain(900), &options, &tables::plain(800));
}
