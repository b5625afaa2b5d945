//! Section 9: models trained on the synthetic table, tested on rows that were held out.

use super::scores;
use crate::bundle::Bundle;
use maud::{Markup, html};

/// All scores of `ml_efficacy`.
pub fn section(bundle: &Bundle) -> Markup {
    match &bundle.results.table.target {
        Some(target) => html! {
            p { "Models of " strong { (target) } " are trained on synthetic rows and on as many real ones, and both are tested on rows that were held out. 1 means that training on synthetic rows loses nothing." }
            (scores::table(bundle, "ml_efficacy"))
        },
        None => html! { p.empty { "The table has no target, so no model was trained." } },
    }
}
