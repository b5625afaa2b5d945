//! The protected description of a table (`profile.json`), from what inference found and staging counted.

pub(crate) mod counts;
pub(crate) mod hints;
pub(crate) mod kept;
mod sorted;

use crate::infer::{ColumnFacts, Inferred};
use crate::write::instant;
use counts::ColumnCounts;
use kept::{Found, Ordered};
use sorted::summarize;
use synthfleet_proto::Result;
use synthfleet_proto::calendar::Grain;
use synthfleet_proto::metadata::{ColumnMeta, DateForm, Kind, Metadata, Storage};
use synthfleet_proto::profile::{
    ColumnProfile, DISCLOSED_ROWS_MIN, DateProfile, Disclosure, FormatShare, LevelCount, Note, NumericProfile, Profile, RARE,
    SensitivityProfile, TextProfile, TokenCount,
};
use synthfleet_proto::score::Finding;

/// Most levels that are listed.
const LEVELS_LISTED_MAX: usize = 1_000;

/// Describes all columns.
pub(crate) fn columns(
    metadata: &Metadata,
    inferred: &Inferred,
    counts: &[ColumnCounts],
    found: &mut Found,
    disclosure: Disclosure,
) -> Result<Vec<ColumnProfile>> {
    let columns = metadata.columns.iter().zip(&inferred.columns).zip(counts).enumerate();
    columns.map(|(place, ((meta, facts), counts))| Describer { meta, facts, counts, disclosure }.describe(place, inferred, found)).collect()
}

struct Describer<'a> {
    meta: &'a ColumnMeta,
    facts: &'a ColumnFacts,
    counts: &'a ColumnCounts,
    disclosure: Disclosure,
}

impl Describer<'_> {
    fn describe(&self, place: usize, inferred: &Inferred, found: &mut Found) -> Result<ColumnProfile> {
        let Self { meta, facts, counts, disclosure } = self;
        let mut column = ColumnProfile {
            name: meta.name.clone(),
            header: meta.header.clone(),
            position: place as u64,
            kind: meta.kind,
            role: meta.role,
            storage: storage(meta),
            missing: counts.missing,
            missing_tokens: facts.missing_tokens.iter().map(|(token, count)| TokenCount { token: token.clone(), count: *count }).collect(),
            distinct: facts.distinct,
            approximate: facts.approximate,
            constant: meta.constant,
            numeric: None,
            levels: None,
            levels_rest: 0,
            order: None,
            dates: None,
            text: None,
            sensitivity: sensitivity(meta),
            notes: notes(&inferred.notes, Some(&meta.name)),
            overridden: facts.stated.clone(),
        };
        match meta.kind {
            Kind::Continuous => {
                let ordered = found.ordered(place)?;
                let numeric = self.numeric(&ordered)?;
                (column.distinct, column.approximate) = (numeric.1, false);
                column.numeric = Some(numeric.0);
            }
            Kind::Datetime => {
                let ordered = found.ordered(place)?;
                (column.distinct, column.approximate) = (distinct_whole(&ordered)?, false);
                column.dates = meta.date.as_ref().map(|form| self.dates(form, &ordered)).transpose()?;
            }
            Kind::Boolean | Kind::Categorical | Kind::Ordinal => {
                column.distinct = counts.levels.iter().filter(|count| **count > 0).count() as u64;
                let (levels, rest) = self.levels();
                (column.levels, column.levels_rest) = (Some(levels), rest);
                column.order = (meta.kind == Kind::Ordinal).then(|| self.order());
            }
            Kind::Id | Kind::Text => {
                if facts.approximate {
                    (column.distinct, column.approximate) = (found.distinct(place, counts.missing > 0)?, false);
                }
                let shape = counts.shape();
                column.text = Some(TextProfile { length: counts.lengths(*disclosure), shape, regex: meta.regex.clone() });
            }
            Kind::Empty => {}
        }
        Ok(column)
    }

    fn numeric(&self, ordered: &Ordered) -> Result<(NumericProfile, u64)> {
        let form = self.meta.number.clone().unwrap_or_default();
        let summary = summarize(ordered, ordered.len(), form.integer, self.disclosure)?;
        let distinct = if ordered.is_whole() { distinct_whole(ordered)? } else { summary.distinct };
        let numeric = NumericProfile {
            min: summary.shown.map(|shown| shown.0),
            max: summary.shown.map(|shown| shown.1),
            mean: summary.mean,
            std: summary.std,
            quantiles: summary.quantiles,
            zeros: summary.zeros,
            negatives: summary.negatives,
            integer: form.integer,
            decimals: form.decimals,
            grain: self.step(ordered, form.decimals)?,
            affix: NumericProfile::affix_of(&form),
            histogram: summary.histogram,
        };
        Ok((numeric, distinct))
    }

    /// The greatest step of which all values are multiples, counted from the smallest.
    fn step(&self, ordered: &Ordered, decimals: Option<u8>) -> Result<Option<f64>> {
        use sorted::Ascending;
        let Some(decimals) = decimals.filter(|decimals| *decimals <= 15) else { return Ok(None) };
        let (mut last, mut step) = (None::<i128>, 0u128);
        let mut take = |value: i128| {
            if let Some(last) = last
                && step != 1
            {
                step = gcd(step, value.abs_diff(last));
            }
            last = Some(value);
        };
        let scale = 10f64.powi(i32::from(decimals));
        if ordered.is_whole() {
            ordered.walk_whole(&mut |value| take(i128::from(value)))?;
            return Ok((step > 0).then_some(step as f64));
        }
        ordered.walk(&mut |value| take((value * scale).round_ties_even() as i128))?;
        Ok((step > 0).then(|| step as f64 / scale))
    }

    fn dates(&self, form: &DateForm, ordered: &Ordered) -> Result<DateProfile> {
        let hidden = if self.disclosure == Disclosure::Exact { 0 } else { DISCLOSED_ROWS_MIN - 1 };
        let last = ordered.len().checked_sub(1);
        let (low, high) = match last {
            Some(last) if hidden <= last - hidden.min(last) => (hidden, last - hidden),
            Some(last) => (last / 2, last / 2),
            None => (u64::MAX, u64::MAX),
        };
        let (mut place, mut bounds) = (0, (None, None));
        ordered.walk_whole(&mut |value| {
            if place == low {
                bounds.0 = Some(value);
            }
            if place == high {
                bounds.1 = Some(value);
            }
            place += 1;
        })?;
        let written = |value: i64| {
            let mut text = String::new();
            instant(&mut text, value, form);
            text
        };
        Ok(DateProfile {
            formats: form.formats.iter().map(|(format, share)| FormatShare { format: format.clone(), share: *share }).collect(),
            grain: form.grain,
            min: bounds.0.map(written),
            max: bounds.1.map(written),
            tz: form.offset_minutes.map(zone),
            bounds: bounds.0.zip(bounds.1),
        })
    }

    /// Levels by falling count, then label, rare ones folded; and rows of levels that are not listed.
    fn levels(&self) -> (Vec<LevelCount>, u64) {
        let rare = |count: u64| self.disclosure == Disclosure::Protected && count < DISCLOSED_ROWS_MIN;
        let met = || self.meta.levels.iter().zip(&self.counts.levels).filter(|(_, count)| **count > 0);
        let mut levels: Vec<LevelCount> =
            met().filter(|(_, count)| !rare(**count)).map(|(label, count)| LevelCount { value: label.clone(), count: *count }).collect();
        let folded: u64 = met().map(|(_, count)| *count).filter(|count| rare(*count)).sum();
        if folded > 0 {
            levels.push(LevelCount { value: RARE.to_owned(), count: folded });
        }
        levels.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
        let rest = levels.iter().skip(LEVELS_LISTED_MAX).map(|level| level.count).sum();
        levels.truncate(LEVELS_LISTED_MAX);
        (levels, rest)
    }

    fn order(&self) -> Vec<String> {
        let shown = shown_levels(self.meta, &self.counts.levels, self.disclosure);
        shown.into_iter().map(str::to_owned).collect()
    }
}

/// A description whose ordered levels are those that the profile shows: what exports are written from.
pub(crate) fn disclosed(metadata: &Metadata, profile: &Profile) -> Metadata {
    let mut metadata = metadata.clone();
    for (meta, shown) in metadata.columns.iter_mut().zip(&profile.columns) {
        if let Some(order) = &shown.order {
            let numbers = meta.levels.iter().all(|level| level.trim().parse::<f64>().is_ok());
            // an order of numbers needs no name for what is not shown
            meta.levels = order.iter().filter(|level| !numbers || *level != RARE).cloned().collect();
        }
    }
    metadata
}

/// Levels in order without rare ones, which one `_RARE_` at the end stands for.
fn shown_levels<'a>(meta: &'a ColumnMeta, counts: &[u64], disclosure: Disclosure) -> Vec<&'a str> {
    let is_shown = |count: &u64| disclosure == Disclosure::Exact || *count >= DISCLOSED_ROWS_MIN;
    let mut shown: Vec<&str> =
        meta.levels.iter().zip(counts).filter(|(_, count)| is_shown(count)).map(|(label, _)| label.as_str()).collect();
    if shown.len() < meta.levels.len() {
        shown.push(RARE);
    }
    shown
}

fn distinct_whole(ordered: &Ordered) -> Result<u64> {
    let (mut last, mut distinct) = (None, 0);
    ordered.walk_whole(&mut |value| {
        distinct += u64::from(last != Some(value));
        last = Some(value);
    })?;
    Ok(distinct)
}

fn gcd(a: u128, b: u128) -> u128 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// The physical type in words.
fn storage(meta: &ColumnMeta) -> String {
    match (meta.storage, &meta.date) {
        (Storage::Bool, _) => "bool".to_owned(),
        (Storage::Int64, _) => "int64".to_owned(),
        (Storage::Float64, _) => "float64".to_owned(),
        (Storage::Utf8, _) => "utf8".to_owned(),
        (Storage::Timestamp, Some(date)) if date.grain <= Grain::Day && date.offset_minutes.is_none() => "date".to_owned(),
        (Storage::Timestamp, date) => {
            let unit = match date.as_ref().map(|date| date.grain) {
                Some(Grain::Nanosecond) => "ns",
                Some(Grain::Microsecond) => "us",
                Some(Grain::Millisecond) => "ms",
                _ => "s",
            };
            match date.as_ref().and_then(|date| date.offset_minutes) {
                Some(minutes) => format!("timestamp[{unit},{}]", zone(minutes)),
                None => format!("timestamp[{unit}]"),
            }
        }
    }
}

fn zone(minutes: i32) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}

fn sensitivity(meta: &ColumnMeta) -> SensitivityProfile {
    match &meta.sensitivity {
        None => SensitivityProfile { class: "none".to_owned(), what: None, by: None },
        Some(found) => SensitivityProfile {
            class: if found.direct { "direct" } else { "quasi" }.to_owned(),
            what: Some(found.what.clone()),
            by: Some(if found.by_value { "value" } else { "name" }.to_owned()),
        },
    }
}

/// Remarks on a column, or on the table.
pub(crate) fn notes(findings: &[Finding], column: Option<&str>) -> Vec<Note> {
    let of_column = findings.iter().filter(|finding| finding.column.as_deref() == column);
    of_column.map(|finding| Note { code: finding.code.clone(), text: finding.text.clone() }).collect()
}
