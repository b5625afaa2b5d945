//! What a column's kind asks of its description: form, range, levels in their order, missing tokens.

use super::{Column, ColumnFacts, Readings};
use crate::infer::{dates, number, numbers, words};
use synthfleet_proto::metadata::{ColumnMeta, Kind, NumberForm, Role, Storage};
use synthfleet_proto::{Error, Result};

/// More levels than this are told.
const LEVELS_NOTED: u64 = 500;

impl Column<'_> {
    pub(super) fn fill(&mut self, meta: &mut ColumnMeta, kind: Kind, readings: Readings) -> Result<ColumnFacts> {
        let evidence = self.evidence;
        let is_typed = readings.number.is_some() || readings.date.is_some();
        meta.kind = kind;
        meta.role = if matches!(kind, Kind::Id | Kind::Text) { Role::Generate } else { Role::Model };
        meta.storage = Storage::Utf8;
        let mut facts = ColumnFacts {
            distinct: if is_typed { evidence.distinct } else { self.text_distinct() },
            approximate: evidence.values.is_none(),
            bad_cells: self.bad_count(&readings),
            ..ColumnFacts::default()
        };
        if self.stated.kind.is_some() || self.stated.order.is_some() {
            facts.stated.push("kind".to_owned());
        }
        if facts.bad_cells > 0 {
            facts.bad_examples = match (&readings.number, &readings.date) {
                (Some(reading), _) => self.bad(|cell| number::parse(cell, reading.form.decimal_mark as u8).is_some()),
                (_, Some(reading)) => {
                    self.bad(|cell| reading.form.formats.iter().any(|(format, _)| crate::infer::date::parse_as(cell, format).is_some()))
                }
                _ => Vec::new(),
            };
        }
        match kind {
            Kind::Continuous => self.fill_number(meta, readings.number),
            Kind::Datetime => self.fill_date(meta, readings.date),
            Kind::Boolean | Kind::Ordinal | Kind::Categorical => self.fill_levels(meta, &mut facts, readings.number.as_ref())?,
            Kind::Id => meta.regex = self.stated.regex.clone().or_else(|| evidence.texts().regex().map(|found| found.0)),
            Kind::Text | Kind::Empty => meta.regex = self.stated.regex.clone(),
        }
        self.fill_missing(meta, &mut facts, is_typed);
        meta.constant = facts.distinct == 1 && facts.bad_cells == 0;
        meta.quoted = evidence.split.values > 0 && evidence.split.quoted == evidence.split.values;
        meta.high_cardinality = kind == Kind::Categorical && facts.distinct > LEVELS_NOTED;
        Ok(facts)
    }

    fn fill_missing(&self, meta: &mut ColumnMeta, facts: &mut ColumnFacts, typed: bool) {
        let split = &self.evidence.split;
        let soft = split.soft.iter().filter(|_| typed);
        let mut tokens: Vec<(&String, (u64, u64))> = split.missing.iter().chain(soft).map(|(token, sums)| (token, *sums)).collect();
        tokens.sort_by(|a, b| b.1.0.cmp(&a.1.0).then_with(|| a.0.cmp(b.0)));
        let cells: u64 = tokens.iter().map(|(_, sums)| sums.0).sum();
        facts.missing = cells + facts.bad_cells;
        meta.nullable = facts.missing > 0;
        meta.missing_token = tokens.first().map(|(token, _)| (*token).clone()).unwrap_or_default();
        meta.missing_quoted = tokens.first().is_some_and(|(_, sums)| sums.1 * 2 > sums.0);
        facts.missing_tokens = tokens.into_iter().map(|(token, sums)| (token.clone(), sums.0)).collect();
    }

    fn fill_number(&mut self, meta: &mut ColumnMeta, reading: Option<numbers::Reading>) {
        let Some(numbers::Reading { form, sums }) = reading else {
            meta.number = Some(NumberForm::default());
            return;
        };
        meta.storage = if form.integer { Storage::Int64 } else { Storage::Float64 };
        meta.range = Some((sums.min, sums.max));
        meta.number = Some(form);
    }

    fn fill_date(&mut self, meta: &mut ColumnMeta, reading: Option<dates::Reading>) {
        let Some(reading) = reading else { return };
        meta.storage = Storage::Timestamp;
        meta.range = Some((reading.range.0 as f64, reading.range.1 as f64));
        if reading.guessed {
            let text = format!("day and month could be either way round: read as {}", reading.form.format);
            self.note("date_order_guessed", None, text);
        }
        if reading.form.formats.len() > 1 {
            let shares: Vec<String> =
                reading.form.formats.iter().map(|(format, share)| format!("{format} {:.1} %", share * 100.0)).collect();
            self.note("mixed_date_formats", Some(shares.len() as f64), format!("dates are written in several ways: {}", shares.join(", ")));
        }
        meta.date = Some(reading.form);
    }

    fn fill_levels(&mut self, meta: &mut ColumnMeta, facts: &mut ColumnFacts, number: Option<&numbers::Reading>) -> Result<()> {
        let mut levels = self.levels(number.is_some());
        let value = |cell: &str| number.and_then(|reading| number::parse(cell, reading.form.decimal_mark as u8)).map(|found| found.value);
        if let Some(order) = &self.stated.order {
            let counts =
                |label: &String| levels.iter().find(|level| level.0 == *label || level.0.trim() == label).map_or(0, |level| level.1);
            let known: Vec<(String, u64)> = order.iter().map(|label| (label.clone(), counts(label))).collect();
            facts.bad_cells = levels.iter().map(|level| level.1).sum::<u64>() - known.iter().map(|level| level.1).sum::<u64>();
            facts.bad_examples = self.bad(|cell| order.iter().any(|label| label == cell || label == cell.trim()));
            levels = known;
        } else if meta.kind == Kind::Boolean {
            self.order_boolean(meta, &mut levels)?;
        } else if meta.kind == Kind::Ordinal && number.is_some() {
            levels.retain(|level| value(&level.0).is_some());
            levels.sort_by(|a, b| value(&a.0).unwrap_or(0.0).total_cmp(&value(&b.0).unwrap_or(0.0)).then_with(|| a.0.cmp(&b.0)));
        } else if meta.kind == Kind::Ordinal {
            let names: Vec<&str> = levels.iter().map(|level| level.0.as_str()).collect();
            match words::scale(&names, &self.name) {
                Some(places) => {
                    let mut placed: Vec<(usize, (String, u64))> = places.into_iter().zip(levels).collect();
                    placed.sort_by_key(|one| one.0);
                    levels = placed.into_iter().map(|one| one.1).collect();
                }
                None => levels.sort(),
            }
        } else if number.is_some() {
            levels.retain(|level| value(&level.0).is_some());
        }
        (meta.levels, facts.level_counts) = levels.into_iter().unzip();
        Ok(())
    }

    fn order_boolean(&self, meta: &mut ColumnMeta, levels: &mut [(String, u64)]) -> Result<()> {
        if levels.len() > 2 {
            let error = Error::data("metadata::value_outside", format!("{} has {} values, metadata says boolean", self.name, levels.len()));
            return Err(error.in_column(&self.name).help("state another kind: --kind"));
        }
        levels.sort();
        if let Some((no, _)) = words::opposites(levels.iter().map(|level| level.0.trim())) {
            levels.sort_by_key(|level| !level.0.trim().eq_ignore_ascii_case(no));
            meta.storage = if no == "false" { Storage::Bool } else { Storage::Utf8 };
        }
        Ok(())
    }
}
