//! The true laws of the simulated sets: intake draws tables from them, `likelihood` holds samples against them.

mod bif;
mod mixture;
mod network;

pub use bif::parse as parse_network;
pub use mixture::Mixture;
pub use network::{Network, Variable};

use synthfleet_proto::Result;

/// The sets whose law is known, in the order of their names.
pub const NAMES: [&str; 7] = ["alarm", "asia", "child", "grid", "gridr", "insurance", "ring"];

/// The true law of a set.
#[derive(Debug, Clone, PartialEq)]
pub enum Law {
    /// A continuous law in the plane, of columns [`Mixture::COLUMNS`].
    Mixture(Mixture),
    /// A discrete law: a column a variable.
    Network(Network),
}

/// The law of a set; `None` if no law of that name is known. An error means that a built-in table is damaged.
pub fn law(name: &str) -> Result<Option<Law>> {
    let network = |text: &str| bif::parse(text).map(|network| Some(Law::Network(network)));
    match name {
        "grid" => Ok(Some(Law::Mixture(Mixture::grid()))),
        "gridr" => Ok(Some(Law::Mixture(Mixture::gridr()))),
        "ring" => Ok(Some(Law::Mixture(Mixture::ring()))),
        "asia" => network(include_str!("networks/asia.bif")),
        "alarm" => network(include_str!("networks/alarm.bif")),
        "child" => network(include_str!("networks/child.bif")),
        "insurance" => network(include_str!("networks/insurance.bif")),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_networks_have_their_published_sizes() {
        let sizes: Vec<_> = ["asia", "alarm", "child", "insurance"]
            .iter()
            .map(|name| match law(name) {
                Ok(Some(Law::Network(network))) => (network.variables().len(), network.edges(), network.free_parameters()),
                other => panic!("{name}: {other:?}"),
            })
            .collect();
        assert_eq!(sizes, [(8, 8, 18), (37, 46, 509), (20, 25, 230), (27, 52, 1_008)]);
    }

    #[test]
    fn every_name_has_a_law_and_no_other_name_has() {
        assert!(NAMES.iter().all(|name| law(name).expect("a sound table").is_some()));
        assert!(law("demo").expect("no table to be damaged").is_none());
    }
}
