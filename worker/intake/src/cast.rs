//! The text of a cell to its value, by the column's description.

use crate::infer::{MissingWords, date, number};
use std::collections::HashMap;
use synthfleet_proto::calendar::Grain;
use synthfleet_proto::metadata::{ColumnMeta, Kind, Storage};

const NANOS_PER_MINUTE: i128 = 60_000_000_000;

/// The value of a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cast<'a> {
    /// It is missing.
    Missing,
    /// A number with decimals.
    Real(f64),
    /// A whole number, or an instant in units of the column's grain since 1970.
    Whole(i64),
    /// The place of a label in the column's levels.
    Code(u32),
    /// An id or free text, as it stands in the file.
    Text(&'a str),
    /// It is none of these, and why. Treated as missing, it is handed over beside the table.
    Bad(&'static str),
}

/// Casts the cells of one column.
#[derive(Debug, Clone)]
pub struct Caster {
    words: MissingWords,
    soft: bool,
    how: How,
}

#[derive(Debug, Clone)]
enum How {
    Number { decimal: u8, whole: bool, prefix: String, suffix: String },
    Instant { formats: Vec<String>, grain: Grain, utc: bool },
    Label(HashMap<String, u32>),
    Text,
}

impl Caster {
    /// A caster for a column; `words` are the texts that mean a missing cell in it
    /// ([`crate::infer::Overrides::missing_words`]).
    pub fn new(meta: &ColumnMeta, words: MissingWords) -> Self {
        let soft = MissingWords::soft_counts(meta);
        let how = match meta.kind {
            Kind::Continuous => {
                let form = meta.number.clone().unwrap_or_default();
                let decimal = if form.decimal_mark == ',' { b',' } else { b'.' };
                How::Number { decimal, whole: meta.storage == Storage::Int64, prefix: form.prefix, suffix: form.suffix }
            }
            Kind::Datetime => {
                let form = meta.date.as_ref();
                let mut formats: Vec<String> =
                    form.map(|form| form.formats.iter().map(|(format, _)| format.clone()).collect()).unwrap_or_default();
                if let Some(form) = form.filter(|form| !formats.contains(&form.format)) {
                    formats.insert(0, form.format.clone());
                }
                // without one offset for all, instants are told in UTC
                let utc = form.is_none_or(|form| form.offset_minutes.is_none());
                How::Instant { formats, grain: form.map_or(Grain::Second, |form| form.grain), utc }
            }
            Kind::Boolean | Kind::Categorical | Kind::Ordinal => {
                How::Label(meta.levels.iter().enumerate().map(|(code, label)| (label.clone(), code as u32)).collect())
            }
            Kind::Id | Kind::Text | Kind::Empty => How::Text,
        };
        Self { words, soft, how }
    }

    /// The value of a cell.
    pub fn cast<'a>(&self, cell: &'a str) -> Cast<'a> {
        if let How::Label(codes) = &self.how
            && let Some(&code) = codes.get(cell)
        {
            return Cast::Code(code);
        }
        if self.words.contains(cell) || (self.soft && self.words.contains_soft(cell)) {
            return Cast::Missing;
        }
        match &self.how {
            How::Text => Cast::Text(cell),
            How::Label(codes) => {
                codes.get(cell.trim_matches([' ', '\t'])).map_or(Cast::Bad("not one of the column's levels"), |&code| Cast::Code(code))
            }
            How::Number { decimal, whole, prefix, suffix } => {
                let plain = |number: &number::Number<'_>| number.prefix.is_empty() && number.suffix.is_empty();
                let fits = |number: &number::Number<'_>| (number.prefix == prefix && number.suffix == suffix) || plain(number);
                match number::parse(cell, *decimal).filter(fits) {
                    None => Cast::Bad("not a number"),
                    Some(number) if *whole => number.whole.map_or(Cast::Bad("not a whole number of 64 bits"), Cast::Whole),
                    Some(number) => Cast::Real(number.value),
                }
            }
            How::Instant { formats, grain, utc } => instant(cell, formats, *grain, *utc),
        }
    }
}

impl Caster {
    /// The same; a label is also met by a cell that differs from it by the blanks around it alone, the first such
    /// label on ties.
    pub fn cast_near<'a>(&self, cell: &'a str) -> Cast<'a> {
        let exact = self.cast(cell);
        let (How::Label(codes), Cast::Bad(_)) = (&self.how, exact) else { return exact };
        let near = codes.iter().filter(|(label, _)| label.trim() == cell.trim()).map(|(_, &code)| code).min();
        near.map_or(exact, Cast::Code)
    }
}

fn instant(cell: &str, formats: &[String], grain: Grain, utc: bool) -> Cast<'static> {
    let Some((nanos, offset)) = formats.iter().find_map(|format| date::parse_as(cell, format)) else {
        return Cast::Bad("not a date in any of the column's formats");
    };
    let shift = if utc { i128::from(offset.unwrap_or(0)) * NANOS_PER_MINUTE } else { 0 };
    let value = grain.of_nanos(nanos - shift);
    if grain.to_nanos(value) == nanos - shift { Cast::Whole(value) } else { Cast::Bad("finer than the column's grain") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::infer::Overrides;
    use synthfleet_proto::metadata::{DateForm, NumberForm};

    fn cast_all(meta: &ColumnMeta, cells: &[&'static str]) -> Vec<Cast<'static>> {
        let caster = Caster::new(meta, Overrides::default().missing_words(&meta.name));
        cells.iter().map(|cell| caster.cast(cell)).collect()
    }

    #[test]
    fn money_becomes_a_number_and_soft_tokens_are_missing() {
        let mut meta = ColumnMeta::plain("price", Kind::Continuous);
        meta.number = Some(NumberForm { prefix: "$".into(), ..NumberForm::default() });
        let bad = Cast::Bad("not a number");
        assert_eq!(
            cast_all(&meta, &["$1,200.50", "7", "€5", " NA ", "-", "inf"]),
            [Cast::Real(1200.5), Cast::Real(7.0), bad, Cast::Missing, Cast::Missing, bad]
        );
    }

    #[test]
    fn labels_have_the_codes_of_their_places() {
        let mut meta = ColumnMeta::plain("town", Kind::Categorical);
        meta.levels = vec![" Ulm".into(), "-".into()];
        assert_eq!(
            cast_all(&meta, &[" Ulm", "-", "", "Bern"]),
            [Cast::Code(0), Cast::Code(1), Cast::Missing, Cast::Bad("not one of the column's levels")]
        );
    }

    #[test]
    fn instants_count_the_grain() {
        let mut meta = ColumnMeta::plain("day", Kind::Datetime);
        let formats = vec![("%Y-%m-%d".to_owned(), 0.5), ("%d.%m.%Y".to_owned(), 0.5)];
        meta.date = Some(DateForm { format: "%Y-%m-%d".into(), grain: Grain::Day, offset_minutes: None, formats });
        let bad = Cast::Bad("not a date in any of the column's formats");
        assert_eq!(cast_all(&meta, &["1970-01-02", "03.01.1970", "1970-02-30"]), [Cast::Whole(1), Cast::Whole(2), bad]);
    }

    #[test]
    fn whole_numbers_stay_exact() {
        let mut meta = ColumnMeta::plain("n", Kind::Continuous);
        meta.storage = Storage::Int64;
        assert_eq!(cast_all(&meta, &["9007199254740993", "41.0"]), [Cast::Whole(9_007_199_254_740_993), Cast::Whole(41)]);
    }
}
