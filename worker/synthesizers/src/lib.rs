//! The synthesizers. A member is one file and two lines here: its module and its place in the list.

pub mod aim;
pub mod arf;
pub mod clbn;
mod conditioned;
#[cfg(test)]
mod conformance;
mod container;
pub mod erased;
mod filled;
mod gaps;
pub mod gaussian_copula;
pub mod given;
pub mod identity;
pub mod independent;
pub mod latent_tree;
mod marginal;
pub mod member;
pub mod mst;
pub mod private;
pub mod privbn;
mod sample;
pub mod seqtree;
mod states;
mod stored_tree;
pub mod uniform;

pub use erased::{AnyModel, AnySynthesizer, Seeds};
pub use given::{Evidence, Given};
pub use member::{BLOCK_ROWS, Block, Model, Synthesizer, Train};
pub use sample::seed_of_rows;

use synthfleet_proto::{Error, Result, id, later};

/// Makes the list and the battery of tests of its members.
macro_rules! members {
    ($($module:ident::$member:ident),* $(,)?) => {
        /// Every synthesizer, in the order of their names.
        pub static SYNTHESIZERS: &[&dyn AnySynthesizer] = &[$(&$module::$member),*];

        #[cfg(test)]
        mod battery {
            $(
                mod $module {
                    crate::conformance::battery! {
                        stringify!($module);
                        hostile_tables, prefix_and_parts, threads_change_nothing, stored_models_give_the_same,
                        damaged_models_are_refused, a05_no_training_row_in_a_model, a_stop_ends_a_fit_soon,
                        little_memory_means_fewer_rows, a10_defaults_are_legal, missing_cells_follow_their_cause,
                        the_sample_is_pinned, conditions_hold_in_every_row,
                        conditions_keep_the_law, constraints_hold_in_every_row,
                        a_deadline_leaves_the_stop_or_a_model_that_says_so, missing_cells_are_as_frequent_as_in_train,
                        a_resumed_fit_is_like_one_that_was_never_stopped,
                    }
                }
            )*
        }
    };
}

members! {
    aim::Aim,
    arf::Arf,
    clbn::Clbn,
    gaussian_copula::GaussianCopula,
    identity::Identity,
    independent::Independent,
    latent_tree::LatentTree,
    mst::Mst,
    privbn::Privbn,
    seqtree::Seqtree,
    uniform::Uniform,
}

/// The synthesizer that answers to a name or alias, case-blind.
///
/// # Errors
/// `synthesizer::later` of a name that is known and not in this version, else `synthesizer::unknown`.
pub fn find(name: &str) -> Result<&'static dyn AnySynthesizer> {
    if let Some(member) = SYNTHESIZERS.iter().find(|member| member.about().answers_to(name)) {
        return Ok(*member);
    }
    later::check(name)?;
    Err({
        let error = Error::invalid("synthesizer::unknown", format!("no synthesizer {name:?}"));
        match id::nearest(name, SYNTHESIZERS.iter().map(|member| member.about().name)) {
            Some(near) => error.help(format!("did you mean {near:?}?")),
            None => error.help("list them with: synthfleet synthesizers ls"),
        }
    })
}

/// Reads the bytes of a `model.bin`, whichever member fitted it.
pub fn load_model(bytes: &[u8]) -> Result<Box<dyn AnyModel>> {
    let name = container::Container::name_in(bytes)?;
    let member = SYNTHESIZERS.iter().find(|member| member.about().name == name);
    let member = member.ok_or_else(|| {
        Error::unsupported("model::unknown_member", format!("the model is of {name:?}, which this version does not have"))
            .help("use the version that fitted it")
    })?;
    member.load_any(bytes)
}
