//! What the reader of a description is told of a column, and the role that its sensitivity gives it.

use super::{Column, ColumnFacts};
use crate::infer::{sensitive, words};
use synthfleet_proto::metadata::{ColumnMeta, Kind, Role, Sensitivity, Storage};
use synthfleet_proto::score::Finding;

impl Column<'_> {
    /// Direct identifiers are invented anew; others that tell much are flagged.
    pub(super) fn protect(&mut self, meta: &mut ColumnMeta, facts: &mut ColumnFacts) {
        let is_text = matches!(meta.kind, Kind::Text | Kind::Id | Kind::Categorical);
        let is_long = meta.kind == Kind::Continuous && meta.storage == Storage::Int64 && meta.range.is_some_and(|range| range.0 >= 1e8);
        let by_value = if is_text || is_long { self.evidence.forms().what() } else { None };
        let by_value =
            by_value.filter(|_| facts.distinct > 2).map(|what| Sensitivity { direct: true, what: what.to_owned(), by_value: true });
        let by_name = || {
            let found = sensitive::by_name(&self.name, facts.distinct, self.typed_cells())?;
            (!found.direct || is_text || is_long).then_some(found)
        };
        meta.sensitivity = by_value.or_else(by_name);
        let Some(found) = &meta.sensitivity else { return };
        if !found.direct {
            return;
        }
        let text =
            format!("looks like {} by its {}: values are invented, not learnt", found.what, if found.by_value { "values" } else { "name" });
        self.note("pii_by_name", None, text);
        meta.role = Role::Generate;
        if meta.kind != Kind::Id && self.stated.kind.is_none() {
            // nothing of a direct identifier is kept in the description
            (meta.kind, meta.storage, meta.number, meta.range) = (Kind::Text, Storage::Utf8, None, None);
            meta.high_cardinality = false;
            meta.levels.clear();
            facts.level_counts.clear();
        }
        if matches!(meta.kind, Kind::Id | Kind::Text)
            && found.what != "account_number"
            && meta.kind == Kind::Id
            && self.stated.kind.is_none()
        {
            (meta.kind, meta.regex) = (Kind::Text, None);
        }
    }

    pub(super) fn remark(&mut self, meta: &ColumnMeta, facts: &ColumnFacts) {
        let cells = self.context.rows.saturating_sub(facts.missing);
        if facts.bad_cells > 0 {
            let text = format!("{} cells are not of kind {}: they become missing", facts.bad_cells, meta.kind.name());
            self.note("bad_cells", Some(facts.bad_cells as f64), text);
        }
        if facts.approximate {
            self.note(
                "levels_approximate",
                Some(facts.distinct as f64),
                format!("about {} distinct values, too many to count", facts.distinct),
            );
        }
        if meta.high_cardinality {
            self.note("high_cardinality", Some(facts.distinct as f64), format!("{} levels", facts.distinct));
        }
        if self.evidence.split.formulas > 0 {
            let count = self.evidence.split.formulas;
            self.note("formula_cells", Some(count as f64), format!("{count} cells would run as formulas in a spreadsheet: kept as data"));
        }
        let most = facts.level_counts.iter().copied().max().unwrap_or(0);
        if facts.distinct > 1 && cells >= 100 && most * 1_000 > cells * 995 {
            self.note("near_constant", None, "one level holds more than 99.5 % of the rows".to_owned());
        }
        let tokens = words::tokens(&self.name);
        if meta.kind == Kind::Continuous
            && tokens.iter().any(|token| matches!(token.as_str(), "weight" | "weights" | "wgt" | "wt" | "fnlwgt" | "perwt"))
        {
            self.note("looks_like_weight", None, "the name says weight: modelled as any number".to_owned());
        }
        if meta.kind == Kind::Continuous && meta.storage == Storage::Int64 && cells >= 100 && facts.distinct == cells {
            self.note("looks_like_id", None, "every value is different: an id? --kind says so".to_owned());
        }
    }

    pub(super) fn note(&mut self, code: &str, number: Option<f64>, text: String) {
        self.notes.push(Finding { code: code.to_owned(), column: Some(self.name.clone()), number, text });
    }
}
