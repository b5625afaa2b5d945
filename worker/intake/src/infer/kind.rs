//! From what was gathered of a column to its description: the first kind that fits.

mod fill;
mod notes;

use super::column::{Evidence, Values};
use super::options::{BadCells, ColumnOverride, Typed};
use super::{dates, number, numbers, words};
use synthfleet_proto::metadata::{ColumnMeta, DateForm, Kind};
use synthfleet_proto::score::Finding;
use synthfleet_proto::{Error, Result};

/// Examples of bad cells that are kept.
const EXAMPLES_MAX: usize = 5;

/// What holds for the whole file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context {
    /// Number of rows.
    pub(crate) rows: u64,
    /// Decimal mark where both would do.
    pub(crate) decimal: char,
    /// Day before month where both would do.
    pub(crate) day_first: bool,
    /// What happens to bad cells.
    pub(crate) bad_cells: BadCells,
}

/// What is known of a column beside its description.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ColumnFacts {
    /// Missing cells, bad ones included.
    pub missing: u64,
    /// Missing tokens with counts, commonest first.
    pub missing_tokens: Vec<(String, u64)>,
    /// Cells that are not of the column's type and become missing.
    pub bad_cells: u64,
    /// The commonest of them; not for logs.
    pub bad_examples: Vec<(String, u64)>,
    /// Distinct cells that are not missing.
    pub distinct: u64,
    /// There were too many to count exactly.
    pub approximate: bool,
    /// Rows of each level, in the order of the levels.
    pub level_counts: Vec<u64>,
    /// Fields that were stated rather than found.
    pub stated: Vec<String>,
}

/// A column's readings.
struct Readings {
    number: Option<numbers::Reading>,
    date: Option<dates::Reading>,
}

pub(crate) fn at_least_99(cells: u64, of: u64) -> bool {
    cells > 0 && u128::from(cells) * 100 >= u128::from(of) * 99
}

/// Describes a column. `meta` brings name and header.
pub(crate) fn describe(
    mut meta: ColumnMeta,
    evidence: &Evidence,
    stated: &ColumnOverride,
    context: Context,
) -> Result<(ColumnMeta, ColumnFacts, Vec<Finding>)> {
    let unstated = ColumnOverride { kind: None, ..stated.clone() };
    let mut column = Column { evidence, stated, context, name: meta.name.clone(), notes: Vec::new() };
    if stated.dates_too && column.holds_dates() {
        column.stated = &unstated;
    }
    let readings = column.readings()?;
    let kind = column.kind(&readings);
    let mut facts = column.fill(&mut meta, kind, readings)?;
    column.protect(&mut meta, &mut facts);
    if let Some(role) = stated.role {
        meta.role = role;
        facts.stated.push("role".to_owned());
    }
    column.remark(&meta, &facts);
    Ok((meta, facts, column.notes))
}

struct Column<'a> {
    evidence: &'a Evidence,
    stated: &'a ColumnOverride,
    context: Context,
    name: String,
    notes: Vec<Finding>,
}

impl Column<'_> {
    /// Values if the column holds numbers or dates.
    fn typed_cells(&self) -> u64 {
        self.evidence.split.values
    }

    /// Values if it does not: soft tokens are texts then.
    fn text_cells(&self) -> u64 {
        self.evidence.split.values + self.evidence.split.soft_count()
    }

    fn text_distinct(&self) -> u64 {
        self.evidence.distinct + self.evidence.split.soft.len() as u64
    }

    /// The column as numbers or dates, where at least 99 % of the cells are that, or where it is stated.
    fn readings(&mut self) -> Result<Readings> {
        let (wanted, cells) = (self.stated.kind, self.typed_cells());
        let by_text = self.stated.typed == Some(Typed::Text) && wanted.is_none();
        if cells == 0 || by_text || matches!(wanted, Some(Kind::Id | Kind::Text | Kind::Categorical | Kind::Empty)) {
            return Ok(Readings { number: None, date: None });
        }
        let mut number = self.number();
        // numbers with decimals are never dates
        let decimals = wanted.is_none() && number.as_ref().is_some_and(|reading| !reading.sums.is_whole());
        let dates = if decimals { dates::Dates::default() } else { self.evidence.dates() };
        let compact = dates.all_compact(cells);
        let mut date = match wanted {
            None if number.is_some() && !compact => None,
            _ => dates
                .reading(self.context.day_first)
                .filter(|reading| at_least_99(reading.cells, cells) && (number.is_none() || compact || wanted.is_some())),
        };
        if date.is_none() && matches!(wanted, None | Some(Kind::Datetime)) {
            date = number.as_ref().and_then(|reading| self.epoch(reading));
        }
        match wanted {
            Some(Kind::Continuous) if number.is_none() => return Err(self.misfit("a number")),
            Some(Kind::Datetime) if date.is_none() => return Err(self.misfit("a date")),
            Some(Kind::Datetime) => number = None,
            Some(_) => date = None,
            None if date.is_some() => number = None,
            None => {}
        }
        let read = number.as_ref().map(|reading| reading.sums.cells).or(date.as_ref().map(|reading| reading.cells));
        if read.is_some_and(|read| read < cells) {
            match self.context.bad_cells {
                BadCells::Keep if wanted.is_none() => return Ok(Readings { number: None, date: None }),
                BadCells::Fail => return Err(self.misfit(if number.is_some() { "numbers" } else { "dates" })),
                _ => {}
            }
        }
        Ok(Readings { number, date })
    }

    fn number(&self) -> Option<numbers::Reading> {
        let wanted = self.stated.kind == Some(Kind::Continuous);
        let cells = self.typed_cells();
        let fits = |reading: &numbers::Reading| {
            let codes = reading.sums.leading_zero > 0
                || (reading.sums.beyond > 0 && reading.sums.whole + reading.sums.beyond == reading.sums.cells);
            at_least_99(reading.sums.cells, cells) && (!codes || wanted)
        };
        let other = if self.context.decimal == '.' { ',' } else { '.' };
        [self.context.decimal, other].into_iter().find_map(|mark| self.evidence.numbers.reading(mark).filter(fits))
    }

    /// Whether the cells are dates and no numbers.
    fn holds_dates(&self) -> bool {
        let dates = self.evidence.dates().reading(self.context.day_first);
        self.number().is_none() && dates.is_some_and(|reading| at_least_99(reading.cells, self.typed_cells()))
    }

    /// Seconds or milliseconds since 1970: only where the name says so and the years are likely.
    fn epoch(&self, reading: &numbers::Reading) -> Option<dates::Reading> {
        let named = words::tokens(&self.name).iter().any(|token| matches!(token.as_str(), "ts" | "timestamp" | "epoch" | "at" | "time"));
        let (low, high) = (reading.sums.whole_min, reading.sums.whole_max);
        // 2000-01-01 and 2100-01-01
        let (first, last) = (946_684_800, 4_102_444_800);
        if !(named || self.stated.kind == Some(Kind::Datetime)) || !reading.sums.is_whole() || reading.form.fixed_decimals {
            return None;
        }
        let (format, grain) = match () {
            () if low >= first && high < last => ("%s", synthfleet_proto::calendar::Grain::Second),
            () if low >= first * 1_000 && high < last * 1_000 => ("%Q", synthfleet_proto::calendar::Grain::Millisecond),
            () => return None,
        };
        let form = DateForm { format: format.to_owned(), grain, offset_minutes: None, formats: vec![(format.to_owned(), 1.0)] };
        Some(dates::Reading { form, cells: reading.sums.cells, range: (low, high), guessed: false })
    }

    fn misfit(&self, what: &str) -> Error {
        let cells = self.typed_cells();
        let read = self.evidence.numbers.reading(self.context.decimal).map_or(0, |reading| reading.sums.cells);
        let date = self.evidence.dates().reading(self.context.day_first).map_or(0, |reading| reading.cells);
        let bad = cells - if what.contains("date") { date } else { read }.min(cells);
        let examples: Vec<String> = self.examples(|cell| super::date::parse(cell).is_some() || number::parse(cell, b'.').is_some());
        let message = format!("{bad} cells of {} are not {what}: {}", self.name, examples.join(", "));
        let error = Error::data("columns::bad_cell", message).in_column(&self.name);
        error
            .help("state what means missing: --missing TOKEN")
            .help("let them become missing: --on-bad-cell null   or keep them as text: --on-bad-cell keep")
    }

    /// The commonest cells that `good` does not accept.
    fn bad(&self, good: impl Fn(&str) -> bool) -> Vec<(String, u64)> {
        let values = self.evidence.values.iter().flat_map(Values::iter);
        let mut bad: Vec<(String, u64)> = values.filter(|(cell, _)| !good(cell)).map(|(cell, count)| (cell.to_owned(), count)).collect();
        bad.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        bad.truncate(EXAMPLES_MAX);
        bad
    }

    fn examples(&self, good: impl Fn(&str) -> bool) -> Vec<String> {
        self.bad(good).into_iter().map(|(cell, _)| crate::read::bad_rows::excerpt(&cell, 0)).collect()
    }

    fn kind(&self, readings: &Readings) -> Kind {
        if let Some(kind) = self.stated.kind {
            return kind;
        }
        if self.stated.order.is_some() {
            return Kind::Ordinal;
        }
        if self.text_cells() == 0 {
            return Kind::Empty;
        }
        let bad = self.bad_count(readings) > 0;
        let is_typed = readings.number.is_some() || readings.date.is_some();
        let (cells, distinct) =
            if is_typed { (self.typed_cells(), self.evidence.distinct) } else { (self.text_cells(), self.text_distinct()) };
        if distinct <= 2
            && !bad
            && readings.date.is_none()
            && words::opposites(self.levels(is_typed).iter().map(|level| level.0.as_str())).is_some()
        {
            return Kind::Boolean;
        }
        if readings.date.is_some() {
            return Kind::Datetime;
        }
        let whole = readings
            .number
            .as_ref()
            .is_some_and(|reading| reading.sums.is_whole() && reading.form.prefix.is_empty() && reading.form.suffix.is_empty());
        if (whole || readings.number.is_none()) && self.is_unique(cells, distinct) && cells >= 20 && self.is_id(readings) {
            return Kind::Id;
        }
        if let Some(reading) = &readings.number {
            return self.number_kind(reading, distinct);
        }
        if self.evidence.values.is_some() && distinct <= 20 {
            let levels = self.levels(false);
            let names: Vec<&str> = levels.iter().map(|level| level.0.as_str()).collect();
            if words::scale(&names, &self.name).is_some() {
                return Kind::Ordinal;
            }
        }
        let mostly_unique = distinct * 2 > cells && cells >= 100;
        if mostly_unique || distinct == cells && cells > 1 || self.evidence.values.is_none() || self.evidence.texts().mean_chars() > 60.0 {
            return Kind::Text;
        }
        Kind::Categorical
    }

    fn number_kind(&self, reading: &numbers::Reading, distinct: u64) -> Kind {
        let whole = reading.sums.is_whole();
        let few = ((self.context.rows as f64 / 10.0).round_ties_even() as u64).min(10);
        if whole && distinct <= few && self.values_differ(reading.form.decimal_mark) {
            return Kind::Ordinal;
        }
        let code = || {
            words::tokens(&self.name).iter().any(|token| matches!(token.as_str(), "code" | "zip" | "zipcode" | "postcode" | "fips" | "cd"))
        };
        if whole && distinct <= 1_000 && self.evidence.values.is_some() && code() {
            return Kind::Categorical;
        }
        Kind::Continuous
    }

    /// Whether cells that differ as texts differ as numbers.
    fn values_differ(&self, mark: char) -> bool {
        let values = self.evidence.values.iter().flat_map(Values::iter);
        let mut all: Vec<i64> = values.filter_map(|(cell, _)| number::parse(cell, mark as u8)?.whole).collect();
        let cells = all.len();
        all.sort_unstable();
        all.dedup();
        all.len() == cells
    }

    fn is_unique(&self, cells: u64, distinct: u64) -> bool {
        match &self.evidence.values {
            Some(_) => distinct == cells,
            // an estimate: within three standard errors
            None => distinct * 100 >= cells * 97,
        }
    }

    fn is_id(&self, readings: &Readings) -> bool {
        const NAMES: [&str; 10] = ["id", "uuid", "guid", "key", "no", "nr", "number", "index", "rowid", "ids"];
        if words::tokens(&self.name).iter().any(|token| NAMES.contains(&token.as_str())) {
            return true;
        }
        match &readings.number {
            Some(reading) => {
                let span = i128::from(reading.sums.whole_max) - i128::from(reading.sums.whole_min) + 1;
                i128::from(reading.sums.cells) * 10 >= span * 9
            }
            None => self.evidence.texts().regex().is_some_and(|(_, varying)| varying >= 4),
        }
    }

    fn bad_count(&self, readings: &Readings) -> u64 {
        let read = readings.number.as_ref().map(|reading| reading.sums.cells).or(readings.date.as_ref().map(|reading| reading.cells));
        read.map_or(0, |read| self.typed_cells() - read)
    }

    /// Labels with counts by falling count, then bytes; soft tokens among them unless `typed`.
    fn levels(&self, typed: bool) -> Vec<(String, u64)> {
        let values = self.evidence.values.iter().flat_map(Values::iter);
        let mut levels: Vec<(String, u64)> = values.map(|(cell, count)| (cell.to_owned(), count)).collect();
        if !typed {
            levels.extend(self.evidence.split.soft.iter().map(|(token, sums)| (token.clone(), sums.0)));
        }
        levels.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.as_bytes().cmp(b.0.as_bytes())));
        levels
    }
}
