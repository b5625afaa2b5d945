//! Plans of columns whose domain is known without a look at the rows: what differentially private members
//! encode by. Nothing here is protected, because nothing here was read.

use super::broken;
use super::id::IdRule;
use super::labels::Labels;
use super::number::Number;
use super::plan::{Cells, Plan};
use super::scale::Scale;
use super::template::Template;
use super::text::TextForm;
use synthfleet_proto::Result;
use synthfleet_proto::metadata::ColumnMeta;

/// What everybody may know of one column.
#[derive(Debug, Clone, PartialEq)]
pub enum PublicColumn {
    /// Always missing.
    Absent,
    /// Ids of a plain form.
    Id,
    /// Fictitious text of the description's kind.
    Text,
    /// Labels: the first `shown` of the description.
    Labels {
        /// How many labels may be shown.
        shown: u32,
        /// Weights of the shown labels, by which a label that is not shown is replaced; empty: all are shown.
        others: Vec<u32>,
        /// Cells may be missing.
        missing: bool,
    },
    /// Numbers and instants within a range.
    Number {
        /// Smallest value, in the column's own units.
        low: f64,
        /// Largest value.
        high: f64,
        /// Values with a level of their own.
        atoms: Vec<f64>,
        /// Cells may be missing.
        missing: bool,
    },
}

impl PublicColumn {
    /// The plan of a column whose cells are of the sort `cells`.
    pub(crate) fn plan(&self, meta: &ColumnMeta, cells: Cells) -> Result<Plan> {
        let plan = match (self, cells) {
            (Self::Absent, _) => Plan::Missing,
            (Self::Id, Cells::Text) => Plan::Id(IdRule::Template(Template::plain()), false),
            (Self::Text, Cells::Text) => {
                Plan::Text(TextForm::choose(meta.sensitivity.as_ref().map(|sensitivity| sensitivity.what.as_str()), &[], 1), false)
            }
            (Self::Labels { shown, others, missing }, Cells::Code) => {
                let labels = Labels::declared(*shown, others, *missing, meta);
                Plan::Labels(labels.ok_or_else(|| broken("shown labels and their weights do not agree".to_owned()))?)
            }
            (Self::Number { low, high, atoms, missing }, Cells::Real | Cells::Whole) => {
                let decimals = meta.number.as_ref().and_then(|form| form.decimals);
                let is_whole = cells == Cells::Whole;
                let (low, high) = if is_whole { (low.ceil(), high.floor()) } else { (*low, *high) };
                let scale = Scale::declared(is_whole, decimals, low, high);
                let high = high.max(low);
                Plan::Number(Number { scale, missing: *missing, atoms: atoms.clone(), low, high })
            }
            _ => return Err(broken(format!("column {} does not hold what its kind says", meta.name))),
        };
        Ok(plan)
    }
}
