//! Synthesizers whose names are known and that this version does not have: who asks for one is told so, and what is
//! nearest instead. A member that comes leaves this list.

use crate::{Error, Result};

/// The ten names of SDGym in February 2020.
pub const SDGYM_2020: [&str; 10] =
    ["clbn", "ctgan", "identity", "independent", "medgan", "privbn", "tablegan", "tvae", "uniform", "veegan"];

/// A name that is known before its synthesizer is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Later {
    /// The name.
    pub name: &'static str,
    /// Other names, case-blind. The form `<name>Synthesizer` is understood of each.
    pub aliases: &'static [&'static str],
    /// What it is, in a few words.
    pub what: &'static str,
    /// Synthesizers of this version that come nearest, the nearest first.
    pub nearest: &'static [&'static str],
}

/// Every one, in the order of their names.
pub const LATER: [Later; 8] = [
    Later { name: "argn", aliases: &["tabularargn"], what: "autoregressive neural networks", nearest: &["seqtree"] },
    Later { name: "copulagan", aliases: &[], what: "an adversarial neural network on copula scores", nearest: &["gaussian_copula", "arf"] },
    Later { name: "ctgan", aliases: &[], what: "a conditional adversarial neural network", nearest: &["arf", "seqtree"] },
    Later { name: "medgan", aliases: &[], what: "an adversarial neural network on an autoencoder", nearest: &["arf", "seqtree"] },
    Later { name: "tabddpm", aliases: &["ddpm"], what: "a diffusion model", nearest: &["latent_tree", "arf"] },
    Later { name: "tablegan", aliases: &[], what: "a convolutional adversarial neural network", nearest: &["arf", "seqtree"] },
    Later { name: "tvae", aliases: &[], what: "a variational autoencoder", nearest: &["latent_tree"] },
    Later { name: "veegan", aliases: &[], what: "an adversarial neural network that rebuilds its noise", nearest: &["arf", "seqtree"] },
];

/// The entry that a name or alias means, case-blind.
pub fn later(name: &str) -> Option<&'static Later> {
    let lower = name.to_ascii_lowercase();
    let bare = lower.strip_suffix("synthesizer").unwrap_or(&lower);
    LATER.iter().find(|later| later.name == bare || later.aliases.contains(&bare))
}

impl Later {
    /// What whoever asks for it is told.
    pub fn error(&self) -> Error {
        let list = if SDGYM_2020.contains(&self.name) { "one of SDGym's ten of February 2020" } else { "planned" };
        let message = format!("synthesizer {:?} ({}, {list}) is not in this version", self.name, self.what);
        let nearest = self.nearest.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(" or ");
        Error::invalid("synthesizer::later", message)
            .help(format!("nearest in this version: {nearest}"))
            .help("list all that there are with: synthfleet synthesizers ls")
    }
}

/// `Err` with what is told of a name that comes later; `Ok`: the name is none of those.
pub fn check(name: &str) -> Result<()> {
    later(name).map_or(Ok(()), |later| Err(later.error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_aliases_and_class_forms_mean_the_same_whatever_their_case() {
        for name in ["ctgan", "CTGAN", "CTGANSynthesizer"] {
            assert_eq!(later(name).map(|later| later.name), Some("ctgan"), "{name}");
        }
        assert_eq!(later("TabularARGN").map(|later| later.name), Some("argn"));
        assert_eq!((later("clbn"), later("synthesizer"), later("ctgann")), (None, None, None));
    }

    #[test]
    fn the_refusal_tells_where_the_name_is_from_and_what_there_is_instead() {
        let error = later("medgan").expect("known").error();
        assert!(error.message().contains("SDGym's ten of February 2020") && error.message().ends_with("is not in this version"), "{error}");
        assert_eq!(error.helps()[0], "nearest in this version: \"arf\" or \"seqtree\"");
        let error = later("tabddpm").expect("known").error();
        assert!(!error.message().contains("2020"), "{error}");
    }
}
