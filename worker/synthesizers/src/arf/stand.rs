//! Where the rounds stand between two of them, and how that waits in a state for a later attempt.

use crate::stored_tree::{load_tree, save_tree};
use synthfleet_proto::{Error, Result};
use synthfleet_table::Arrays;
use synthfleet_table::encode::Bins;
use synthfleet_trees::forest::{Forest, Grown};

/// Where the rounds stand: all that the next one needs.
pub(super) struct Stand {
    /// The forest that nobody has judged yet.
    pub(super) forest: Forest,
    /// The one before it, whose leaves are the best so far; `None`: columns apart.
    pub(super) before: Option<Forest>,
    /// Accuracy of each forest.
    pub(super) accuracies: Vec<f64>,
}

impl Stand {
    /// Stores itself.
    pub(super) fn save(&self, arrays: &mut Arrays) {
        arrays.put_f64("accuracies", self.accuracies.clone());
        for (name, forest) in [("forest", Some(&self.forest)), ("before", self.before.as_ref())] {
            let trees = forest.map_or(&[][..], |forest| &forest.trees);
            arrays.put_u32(name, vec![trees.len() as u32]);
            trees.iter().enumerate().for_each(|(place, grown)| save_tree(&format!("{name}/{place}"), &grown.tree, &grown.groups, arrays));
        }
    }

    /// Reads what [`Stand::save`] stored, for columns of these bins.
    pub(super) fn load(arrays: &Arrays, bins: &[Bins]) -> Result<Self> {
        let bins: Vec<u32> = bins.iter().map(|bins| bins.count).collect();
        let forest = |name: &str| -> Result<Forest> {
            let &[trees] = arrays.u32s(name)? else { return Err(damaged()) };
            let tree = |place: u32| load_tree(&format!("{name}/{place}"), &bins, arrays).map(|(tree, groups)| Grown { tree, groups });
            Ok(Forest { trees: (0..trees).map(tree).collect::<Result<_>>()? })
        };
        let (own, before, accuracies) = (forest("forest")?, forest("before")?, arrays.f64s("accuracies")?.to_vec());
        if own.trees.is_empty() || accuracies.is_empty() {
            return Err(damaged());
        }
        Ok(Self { forest: own, before: Some(before).filter(|before| !before.trees.is_empty()), accuracies })
    }
}

fn damaged() -> Error {
    Error::data("model::damaged", "a state holds what no fit leaves")
}
