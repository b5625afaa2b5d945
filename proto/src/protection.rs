//! How values of the train part are protected before anything learns from them. Not differential privacy.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What becomes of labels with too few rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RareLabels {
    /// They are learnt as one level, and each of its cells becomes another label, drawn by frequency.
    #[default]
    Resample,
    /// They become the label `_RARE_`, in columns of text labels without an order that are not the target; elsewhere as
    /// `resample`.
    Token,
    /// They are shown: samples may hold a label that one person alone has.
    Keep,
}

/// How values are protected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ValueProtection {
    /// What becomes of labels with too few rows.
    pub rare_labels: RareLabels,
    /// Rows that a label, an extreme or a pattern needs to be shown, 1 to 1,000; 5, 6 or 7, drawn for each column, if
    /// absent. 1 protects nothing.
    pub rows_min: Option<u32>,
}

impl ValueProtection {
    /// Least number of rows that counts as protection.
    pub const ROWS_USUAL: u32 = 5;

    /// Whether nothing else is asked for than what is usual.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }

    /// Whether fewer rows are enough than usual.
    pub fn is_weak(&self) -> bool {
        self.rows_min.is_some_and(|rows| rows < Self::ROWS_USUAL)
    }
}
