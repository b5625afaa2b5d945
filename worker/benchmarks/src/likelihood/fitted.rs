//! Any table: rows under the tree of train, and real rows under the tree of the sample.

use super::outcome::{Measured, Sides, enough, reason};
use super::rows::{Caps, chosen, mean};
use super::tree::{Edge, Tree};
use crate::member::Case;
use crate::parts::each::each;
use crate::parts::quantile_codes::Coding;
use serde_json::{Value, json};
use synthfleet_proto::{Result, Seed};
use synthfleet_table::{Budget, Table};

/// Most edges in the details.
const EDGES_SHOWN_MAX: usize = 2_000;

/// Measures a sample on the columns at `places`.
pub fn measure(case: &Case, places: &[usize], caps: &Caps, seed: &Seed, budget: &Budget) -> Result<Measured> {
    let shared = &case.real.shared;
    let (sample_folds, holdout_folds, train_seed) = (seed.child("sample"), shared.child("holdout"), shared.child("train"));
    let codings = each(budget, places.len(), |column| Ok(Coding::learn(&case.real.train, places[column])))?;
    let counts: Vec<usize> = codings.iter().map(Coding::count).collect();
    let coded = |table: &Table, most: usize, seed: &Seed| -> Result<Vec<Vec<u8>>> {
        let columns = each(budget, codings.len(), |column| Ok(codings[column].codes(table)))?;
        Ok(capped(columns, most, seed))
    };
    let rows = case.sample.rows().min(case.real.train.rows()).min(caps.rows);
    let sample = coded(&case.sample, rows, &sample_folds)?;
    let train = coded(&case.real.train, caps.rows, &train_seed)?;
    let holdout = coded(&case.real.holdout, caps.rows, &holdout_folds)?;
    let (has_sample, has_holdout) = (enough(rows, 1, "sample and train"), enough(holdout[0].len(), 1, "holdout"));
    let of_train = Tree::fit(&train, &counts, budget)?;
    let of_sample = Tree::fit(&sample, &counts, budget)?;
    let of_as_many =
        if rows == train[0].len() { of_train.clone() } else { Tree::fit(&capped(train.clone(), rows, &train_seed), &counts, budget)? };
    let holdout_under = |tree: &Tree| has_holdout.clone().map(|()| mean(&tree.log_densities(&holdout), &holdout_folds));
    let s = Sides {
        sample: has_sample.clone().map(|()| mean(&of_train.log_densities(&sample), &sample_folds)),
        reference: has_sample.clone().and_then(|()| holdout_under(&of_train)),
    };
    let t = Sides {
        sample: has_sample.clone().and_then(|()| holdout_under(&of_sample)),
        reference: has_sample.and_then(|()| holdout_under(&of_as_many)),
    };
    let mut details = json!({
        "rows": { "sample": rows, "train": train[0].len(), "holdout": holdout[0].len() },
        "edges": of_train.edges.len(),
        "edges_shared": of_train.edges.iter().filter(|edge| of_sample.joins(edge.from, edge.to)).count(),
    });
    details["tree"] = edges(case, places, &of_train, &of_sample);
    let truth = Err(reason("not_applicable", "the true law of the rows is not known"));
    Ok(Measured { form: "fitted", s, t, truth, details })
}

/// At most `most` rows of coded columns, chosen by what they hold.
fn capped(columns: Vec<Vec<u8>>, most: usize, seed: &Seed) -> Vec<Vec<u8>> {
    let rows = columns[0].len();
    if rows <= most {
        return columns;
    }
    let compare = |a: usize, b: usize| columns.iter().map(|column| column[a]).cmp(columns.iter().map(|column| column[b]));
    let places = chosen(&seed.child("rows"), rows, most, compare);
    columns.iter().map(|column| places.iter().map(|&place| column[place]).collect()).collect()
}

/// The edges of train's tree, strongest first, and whether the sample's tree has them too.
fn edges(case: &Case, places: &[usize], tree: &Tree, sample: &Tree) -> Value {
    let name = |column: usize| &case.sample.metadata().columns[places[column]].name;
    let mut edges: Vec<&Edge> = tree.edges.iter().collect();
    edges.sort_by(|a, b| b.information.total_cmp(&a.information).then_with(|| (a.from, a.to).cmp(&(b.from, b.to))));
    let entry = |edge: &&Edge| {
        let (from, to) = (edge.from, edge.to);
        json!({ "from": name(from), "to": name(to), "information": edge.information, "in_sample": sample.joins(from, to) })
    };
    edges.iter().take(EDGES_SHOWN_MAX).map(entry).collect()
}
