//! Ids: the rule of the real ones is learned, new ones are numbered by it. No real id is kept.
//!
//! **Definition.** A sequence (dense whole numbers: start and step), a UUID (its version kept), or a
//! template: the given regular expression if it is simple, else the commonest form. Id of row i =
//! text number pi(i) with the permutation pi of [`Permutation`]: unique, whoever makes the row.

use super::shelf::{Reader, Writer};
use super::template::{Permutation, Template};
use crate::Strings;
use synthfleet_proto::{Error, Result, Seed};

/// How new ids are written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum IdRule {
    /// Whole numbers at a fixed distance, padded with zeros to a width (0: not padded).
    Sequence { start: i64, step: i64, width: u32 },
    /// 8-4-4-4-12 hexadecimal digits of a version.
    Uuid { version: u32, upper: bool },
    /// Texts of fixed form.
    Template(Template),
}

impl IdRule {
    /// Learns the rule of the texts that are present.
    pub(crate) fn learn(texts: &[&str], regex: Option<&str>, k: usize) -> Self {
        if let Some(rule) = sequence(texts) {
            return rule;
        }
        if let Some(version) = uuid_version(texts) {
            return Self::Uuid { version, upper: texts.iter().any(|text| text.contains(|c: char| c.is_ascii_uppercase())) };
        }
        let given = regex.and_then(Template::of_regex);
        let template = given.or_else(|| Template::learn(texts.iter().copied(), k)).unwrap_or_else(Template::plain);
        Self::Template(template)
    }

    /// Ids of `rows` rows from `first_row` on; `skip` tells rows without an id.
    pub(crate) fn texts(&self, rows: usize, first_row: u64, seed: &Seed, skip: impl Fn(usize) -> bool) -> Result<Strings> {
        let permutation = Permutation::new(self.size(), seed);
        let mut texts = Vec::with_capacity(rows);
        for row in 0..rows {
            texts.push(if skip(row) { String::new() } else { self.text(first_row + row as u64, &permutation)? });
        }
        Ok(texts.into_iter().collect())
    }

    fn size(&self) -> u128 {
        match self {
            Self::Sequence { .. } => 1,
            Self::Uuid { .. } => 1 << 122,
            Self::Template(template) => template.size(),
        }
    }

    fn text(&self, row: u64, permutation: &Permutation) -> Result<String> {
        match self {
            Self::Sequence { start, step, width } => {
                let number = i128::from(*start) + i128::from(*step) * i128::from(row);
                Ok(format!("{number:0width$}", width = *width as usize))
            }
            Self::Uuid { version, upper } => {
                let text = uuid(permutation.apply(row.into()), *version);
                Ok(if *upper { text.to_uppercase() } else { text })
            }
            Self::Template(template) if u128::from(row) < template.size() => Ok(template.text(permutation.apply(row.into()))),
            Self::Template(template) => {
                let message = format!("the id template holds only {} values, row {} needs another", template.size(), row + 1);
                Err(Error::data("encode::ids_exhausted", message).help("ask for fewer rows, or give the id column a wider regex"))
            }
        }
    }

    pub(crate) fn save(&self, out: &mut Writer) {
        match self {
            Self::Sequence { start, step, width } => out.wholes("sequence", &[0, *start, *step, i64::from(*width)]),
            Self::Uuid { version, upper } => out.wholes("sequence", &[1, i64::from(*version), i64::from(*upper), 0]),
            Self::Template(template) => {
                out.wholes("sequence", &[2, 0, 0, 0]);
                template.save(out);
            }
        }
    }

    pub(crate) fn load(reader: &Reader) -> Result<Self> {
        match reader.some_wholes("sequence")? {
            [0, start, step, width @ 0..=32] => Ok(Self::Sequence { start, step, width: width as u32 }),
            [1, version @ 0..=15, upper @ 0..=1, 0] => Ok(Self::Uuid { version: version as u32, upper: upper == 1 }),
            [2, 0, 0, 0] => Ok(Self::Template(Template::load(reader)?)),
            _ => Err(reader.damaged("sequence")),
        }
    }
}

/// Whole numbers that fill at least half of their grid.
fn sequence(texts: &[&str]) -> Option<IdRule> {
    let width = texts.first()?.len();
    let is_padded = texts.iter().any(|text| text.len() > 1 && text.starts_with('0'));
    if is_padded && texts.iter().any(|text| text.len() != width) {
        return None;
    }
    let mut numbers = texts.iter().map(|text| text.parse::<i64>().ok()).collect::<Option<Vec<_>>>()?;
    if texts.iter().any(|text| text.starts_with('+')) {
        return None;
    }
    numbers.sort_unstable();
    numbers.dedup();
    let (first, last) = (*numbers.first()?, *numbers.last()?);
    let step = numbers.windows(2).fold(0u64, |step, pair| divisor(step, pair[1].abs_diff(pair[0]))).max(1);
    let places = last.abs_diff(first) / step + 1;
    let is_dense = places <= 2 * numbers.len() as u64 && step <= i64::MAX as u64;
    is_dense.then(|| IdRule::Sequence { start: first, step: step as i64, width: if is_padded { width.min(32) as u32 } else { 0 } })
}

fn divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

fn uuid_version(texts: &[&str]) -> Option<u32> {
    let is_uuid = |text: &&str| {
        text.len() == 36
            && text
                .bytes()
                .enumerate()
                .all(|(place, byte)| if [8, 13, 18, 23].contains(&place) { byte == b'-' } else { byte.is_ascii_hexdigit() })
    };
    if texts.is_empty() || !texts.iter().all(is_uuid) {
        return None;
    }
    texts[0].as_bytes().get(14).and_then(|&byte| (byte as char).to_digit(16))
}

/// 122 free bits, a version and the variant of RFC 9562.
fn uuid(bits: u128, version: u32) -> String {
    let (high, low) = ((bits >> 62) as u64, bits as u64 & ((1 << 62) - 1));
    let (first, third) = (high >> 12, high & 0xfff);
    format!("{:08x}-{:04x}-{version:x}{third:03x}-{:04x}-{:012x}", first >> 16, first & 0xffff, 0x8000 | low >> 48, low & 0xffff_ffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn made(rule: &IdRule, rows: usize) -> Vec<String> {
        rule.texts(rows, 0, &Seed::shared(1), |_| false).expect("room").iter().map(str::to_owned).collect()
    }

    #[test]
    fn part_of_a_sequence_is_continued_as_a_sequence() {
        let texts: Vec<String> = (1..=500).filter(|i| i % 5 != 3).map(|i| (i * 10).to_string()).collect();
        let rule = IdRule::learn(&texts.iter().map(String::as_str).collect::<Vec<_>>(), None, 5);
        assert_eq!(rule, IdRule::Sequence { start: 10, step: 10, width: 0 });
        assert_eq!(made(&rule, 3), ["10", "20", "30"]);
    }

    #[test]
    fn uuids_keep_their_version_and_differ() {
        let rule = IdRule::learn(&["2f1c9a34-7d2e-4b1a-9c55-0a1b2c3d4e5f"; 6], None, 5);
        let ids = made(&rule, 1_000);
        assert!(ids.iter().all(|id| id.len() == 36 && id.as_bytes()[14] == b'4' && b"89ab".contains(&id.as_bytes()[19])));
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 1_000);
    }

    #[test]
    fn templates_are_unique_until_they_are_used_up() {
        let texts: Vec<String> = (0..40).map(|i| format!("K{:02}", i * 7 % 100)).collect();
        let rule = IdRule::learn(&texts.iter().map(String::as_str).collect::<Vec<_>>(), None, 5);
        assert_eq!(made(&rule, 100).iter().collect::<BTreeSet<_>>().len(), 100);
        let error = rule.texts(101, 0, &Seed::shared(1), |_| false).expect_err("101 of 100");
        assert_eq!(error.code(), "encode::ids_exhausted");
    }

    #[test]
    fn blocks_made_apart_equal_rows_made_together() {
        let rule = IdRule::Template(Template::plain());
        let apart: Vec<String> = rule.texts(5, 95, &Seed::shared(1), |_| false).expect("room").iter().map(str::to_owned).collect();
        assert_eq!(apart, made(&rule, 100)[95..]);
    }
}
