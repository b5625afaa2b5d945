//! What columns suggest together: one never above the other, one a multiple of the other, one decided by the other,
//! several of 0 and 1 of which exactly one is 1. Pairs drop out at the first row that contradicts them, so that few
//! are ever compared long. What could be kept as a constraint is told as one.

mod one_hot;

use one_hot::OneHot;
use std::collections::BTreeMap;
use synthfleet_proto::constraint::Constraint;
use synthfleet_proto::metadata::{Kind, Metadata};
use synthfleet_proto::profile::Hint;
use synthfleet_proto::score::Finding;
use synthfleet_table::rules::bind;
use synthfleet_table::{Column, Table, Values};

/// Most columns that are compared, and most distinct values of a column that decides or is decided.
const COLUMNS_MAX: usize = 64;
const LEVELS_MAX: usize = 1_000;
/// Fewest rows that support a hint.
const ROWS_MIN: u64 = 50;
/// Most constraints that a note names.
const TOLD_MAX: usize = 6;
/// Relative difference that still counts as a multiple.
const RATIO_DIFFERENCE_MAX: f64 = 1e-9;

/// Pairs that nothing contradicts yet.
pub(crate) struct Hints {
    numbers: Vec<usize>,
    coders: BTreeMap<usize, Coder>,
    below: Vec<Pair>,
    multiples: Vec<Multiple>,
    decided: Vec<Decided>,
    one_hot: OneHot,
}

struct Pair {
    a: usize,
    b: usize,
    rows: u64,
    strict: u64,
}

struct Multiple {
    a: usize,
    b: usize,
    ratio: Option<f64>,
    rows: u64,
}

struct Decided {
    by: usize,
    what: usize,
    values: Vec<u32>,
    rows: u64,
}

const UNSEEN: u32 = u32::MAX;

/// Small codes for the values of a column, as long as they are few.
enum Coder {
    Levels,
    Numbers(BTreeMap<u64, u32>),
}

impl Coder {
    /// Codes of a part of the column, `None` once there are too many values.
    fn codes(&mut self, column: &Column) -> Option<Vec<u32>> {
        let mut of_bits = |bits: u64| match self {
            Self::Levels => None,
            Self::Numbers(known) => {
                let next = known.len() as u32;
                Some(*known.entry(bits).or_insert(next)).filter(|code| (*code as usize) < LEVELS_MAX)
            }
        };
        match column.values() {
            Values::Code(codes) => Some(codes.to_vec()),
            Values::Whole(values) => values.iter().map(|value| of_bits(*value as u64)).collect(),
            Values::Real(values) => values.iter().map(|value| of_bits((value + 0.0).to_bits())).collect(),
            Values::Text(_) => None,
        }
    }
}

impl Hints {
    /// All pairs of the modelled columns, of the first 64 of each sort.
    pub(crate) fn new(metadata: &Metadata) -> Self {
        let meta = |place: usize| &metadata.columns[place];
        let live = || metadata.modelled().filter(|place| !meta(*place).constant);
        let numbers: Vec<usize> = live().filter(|place| meta(*place).kind.is_number_like()).take(COLUMNS_MAX).collect();
        let is_few = |place: &usize| !meta(*place).kind.is_discrete() || meta(*place).levels.len() <= LEVELS_MAX;
        let coder = |place: usize| (place, if meta(place).kind.is_discrete() { Coder::Levels } else { Coder::Numbers(BTreeMap::new()) });
        let coders: BTreeMap<usize, Coder> = live().filter(is_few).take(COLUMNS_MAX).map(coder).collect();
        let pairs = |places: &[usize]| -> Vec<(usize, usize)> {
            places.iter().flat_map(|&a| places.iter().map(move |&b| (a, b))).filter(|(a, b)| a != b).collect()
        };
        // instants of different grain count different units
        let alike = |(a, b): &(usize, usize)| {
            let grain = |place: usize| meta(place).date.as_ref().map(|date| date.grain);
            meta(*a).kind == meta(*b).kind && grain(*a) == grain(*b)
        };
        // disjoint ranges say nothing about rows
        let overlaps = |(a, b): &(usize, usize)| match (meta(*a).range, meta(*b).range) {
            (Some(a), Some(b)) => a.1 > b.0,
            _ => false,
        };
        let coded: Vec<usize> = coders.keys().copied().collect();
        let is_continuous = |(a, b): &(usize, usize)| a < b && meta(*a).kind == Kind::Continuous && meta(*b).kind == Kind::Continuous;
        Self {
            below: pairs(&numbers).into_iter().filter(alike).filter(overlaps).map(|(a, b)| Pair { a, b, rows: 0, strict: 0 }).collect(),
            multiples: pairs(&numbers).into_iter().filter(is_continuous).map(|(a, b)| Multiple { a, b, ratio: None, rows: 0 }).collect(),
            decided: pairs(&coded).into_iter().map(|(by, what)| Decided { by, what, values: Vec::new(), rows: 0 }).collect(),
            one_hot: OneHot::new(live().take(COLUMNS_MAX).collect()),
            numbers,
            coders,
        }
    }

    /// Drops pairs that these rows contradict.
    pub(crate) fn take(&mut self, table: &Table) {
        self.one_hot.take(table);
        let numbers: BTreeMap<usize, Vec<f64>> = self.numbers.iter().map(|&place| (place, numbers_of(table.column(place)))).collect();
        let present =
            |a: usize, b: usize| (0..table.rows()).filter(move |&row| !table.column(a).is_missing(row) && !table.column(b).is_missing(row));
        self.below.retain_mut(|pair| {
            let (a, b) = (&numbers[&pair.a], &numbers[&pair.b]);
            present(pair.a, pair.b).all(|row| {
                pair.rows += 1;
                pair.strict += u64::from(a[row] < b[row]);
                a[row] <= b[row]
            })
        });
        self.multiples.retain_mut(|pair| {
            let (a, b) = (&numbers[&pair.a], &numbers[&pair.b]);
            present(pair.a, pair.b).all(|row| pair.holds(a[row], b[row]))
        });
        let wanted: Vec<usize> =
            self.coders.keys().copied().filter(|place| self.decided.iter().any(|pair| pair.by == *place || pair.what == *place)).collect();
        let mut codes: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        for place in wanted {
            if let Some(coded) = self.coders.get_mut(&place).and_then(|coder| coder.codes(table.column(place))) {
                codes.insert(place, coded);
            }
        }
        self.decided.retain_mut(|pair| {
            let (Some(by), Some(what)) = (codes.get(&pair.by), codes.get(&pair.what)) else { return false };
            present(pair.by, pair.what).all(|row| pair.holds(by[row], what[row]))
        });
    }

    /// The hints that rows support, in the order of the columns, and pairs that say the same.
    pub(crate) fn finish(self, metadata: &Metadata) -> (Vec<Hint>, Vec<(String, String)>) {
        let name = |place: usize| metadata.columns[place].name.clone();
        let hint = |code: &str, a: usize, b: usize, text: String| Hint { code: code.to_owned(), columns: vec![name(a), name(b)], text };
        let mut hints = Vec::new();
        for pair in self.below.iter().filter(|pair| pair.rows >= ROWS_MIN && pair.strict > 0) {
            let (code, word) = if pair.strict == pair.rows { ("less_than", "always below") } else { ("less_or_equal", "never above") };
            hints.push(hint(code, pair.a, pair.b, format!("{} is {word} {}", name(pair.a), name(pair.b))));
        }
        for pair in self.multiples.iter().filter(|pair| pair.rows >= ROWS_MIN) {
            let ratio = pair.ratio.unwrap_or(1.0);
            hints.push(hint("multiple", pair.a, pair.b, format!("{} is {ratio} times {}", name(pair.a), name(pair.b))));
        }
        // a value that decides must be met often enough for that to be no chance
        let told =
            |pair: &&Decided| pair.rows >= ROWS_MIN && pair.values.iter().filter(|value| **value != UNSEEN).count() as u64 * 5 <= pair.rows;
        let decided: Vec<(usize, usize)> = self.decided.iter().filter(told).map(|pair| (pair.by, pair.what)).collect();
        let mut same = Vec::new();
        for &(by, what) in &decided {
            let mutual = decided.contains(&(what, by));
            if !mutual {
                hints.push(hint("decides", by, what, format!("{} decides {}", name(by), name(what))));
            } else if by < what {
                hints.push(hint("decides", by, what, format!("{} and {} decide each other", name(by), name(what))));
                same.push((name(by), name(what)));
            }
        }
        for group in self.one_hot.finish(ROWS_MIN) {
            let columns: Vec<String> = group.into_iter().map(name).collect();
            let text = format!("exactly one of {} is 1 in every row", columns.join(", "));
            hints.push(Hint { code: "one_hot".to_owned(), columns, text });
        }
        (hints, same)
    }
}

/// The constraints that hints stand for, as far as they can be kept beside those that are declared and beside each
/// other: groups first, since a column of a group is in no other constraint.
pub(crate) fn constraints(hints: &[Hint], metadata: &Metadata) -> Vec<Constraint> {
    let of = |code: &str| hints.iter().filter(move |hint| hint.code == code).filter_map(constraint).collect::<Vec<_>>();
    let mut tried = Metadata { constraints: metadata.constraints.clone(), ..metadata.clone() };
    let mut kept = Vec::new();
    for rule in ["one_hot", "decides", "less_than", "less_or_equal"].into_iter().flat_map(of) {
        tried.constraints.push(rule.clone());
        // what is also told by its text can be given as a flag
        let is_told = Constraint::parse(&rule.to_string()).is_ok_and(|read| read == rule);
        if is_told && bind(&tried).is_ok() {
            kept.push(rule);
        } else {
            tried.constraints.pop();
        }
    }
    kept
}

/// The note that names the constraints which every row keeps though nobody asked for them, as flags to be copied.
pub(crate) fn kept_unasked(hints: &[Hint], metadata: &Metadata) -> Option<Finding> {
    let rules = constraints(hints, metadata);
    let flags: Vec<String> =
        rules.iter().take(TOLD_MAX).map(|rule| format!("--constraint '{}'", rule.to_string().replace('\'', r"'\''"))).collect();
    let more = if rules.len() > TOLD_MAX { format!(" and {} more in the profile", rules.len() - TOLD_MAX) } else { String::new() };
    let text = format!("every row follows these rules, made rows only if asked to: {}{more}", flags.join(" "));
    let number = Some(rules.len() as f64);
    (!rules.is_empty()).then(|| Finding { code: "could_be_kept".to_owned(), column: None, number, text })
}

fn constraint(hint: &Hint) -> Option<Constraint> {
    match (hint.code.as_str(), &hint.columns[..]) {
        ("one_hot", columns) => Some(Constraint::OneHot { columns: columns.to_vec() }),
        ("decides", [by, column]) => Some(Constraint::Decides { by: vec![by.clone()], column: column.clone() }),
        ("less_than", [low, high]) => Some(Constraint::LessThan { low: low.clone(), high: high.clone() }),
        ("less_or_equal", [low, high]) => Some(Constraint::LessOrEqual { low: low.clone(), high: high.clone() }),
        _ => None,
    }
}

impl Multiple {
    fn holds(&mut self, a: f64, b: f64) -> bool {
        if a == 0.0 && b == 0.0 {
            return true;
        }
        self.rows += 1;
        let ratio = a / b;
        let known = *self.ratio.get_or_insert(ratio);
        known.is_finite() && known != 0.0 && (a - known * b).abs() <= RATIO_DIFFERENCE_MAX * a.abs()
    }
}

impl Decided {
    fn holds(&mut self, by: u32, what: u32) -> bool {
        self.rows += 1;
        let place = by as usize;
        if self.values.len() <= place {
            self.values.resize(place + 1, UNSEEN);
        }
        let known = &mut self.values[place];
        if *known == UNSEEN {
            *known = what;
        }
        *known == what
    }
}

fn numbers_of(column: &Column) -> Vec<f64> {
    match column.values() {
        Values::Real(values) => values.to_vec(),
        Values::Whole(values) => values.iter().map(|value| *value as f64).collect(),
        Values::Code(_) | Values::Text(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use synthfleet_proto::metadata::ColumnMeta;

    fn hints(columns: Vec<(ColumnMeta, Values)>) -> (Vec<Hint>, Vec<(String, String)>) {
        let rows = columns[0].1.len();
        let (metas, values): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
        let metadata = Arc::new(Metadata::plain("t", metas));
        let columns = values.into_iter().map(|values| Column::new(values, None).expect("legal")).collect();
        let table = Table::new(Arc::clone(&metadata), rows, columns).expect("legal");
        let mut hints = Hints::new(&metadata);
        hints.take(&table.head(rows / 2));
        hints.take(&table.take(&(rows as u32 / 2..rows as u32).collect::<Vec<_>>()));
        hints.finish(&metadata)
    }

    fn number(name: &str, value: impl Fn(u32) -> f64) -> (ColumnMeta, Values) {
        let values: Vec<f64> = (0..200).map(value).collect();
        let mut meta = ColumnMeta::plain(name, Kind::Continuous);
        meta.range = Some((values.iter().copied().fold(f64::MAX, f64::min), values.iter().copied().fold(f64::MIN, f64::max)));
        (meta, Values::Real(values.into()))
    }

    fn label(name: &str, levels: u32, value: impl Fn(u32) -> u32) -> (ColumnMeta, Values) {
        let mut meta = ColumnMeta::plain(name, Kind::Categorical);
        meta.levels = (0..levels).map(|level| level.to_string()).collect();
        (meta, Values::Code((0..200).map(value).collect()))
    }

    #[test]
    fn orders_and_multiples_are_found_and_disjoint_ranges_are_no_order() {
        let noise = |row: u32| f64::from(row * 7919 % 101);
        let (hints, _) = hints(vec![
            number("low", noise),
            number("high", move |row| noise(row) + f64::from(row % 3)),
            number("triple", move |row| noise(row) * 3.0 + 0.0),
            number("far", |row| 1e6 + f64::from(row * 31 % 57)),
        ]);
        let found: Vec<_> = hints.iter().map(|hint| (hint.code.as_str(), hint.columns.join(" "))).collect();
        assert_eq!(
            found,
            [("less_or_equal", "low high".to_owned()), ("less_or_equal", "low triple".to_owned()), ("multiple", "low triple".to_owned())]
        );
    }

    #[test]
    fn columns_of_which_exactly_one_is_1_are_a_group_and_a_constraint() {
        let one = |name: &str, code: u32| number(name, move |row| f64::from(row * 31 % 7 % 3 == code));
        let (hints, _) = hints(vec![
            number("before", |row| f64::from(row % 2)),
            one("red", 0),
            one("green", 1),
            one("blue", 2),
            number("low", |row| f64::from(row * 7 % 31)),
            number("high", |row| f64::from(row * 7 % 31 + 1)),
        ]);
        let found: Vec<_> = hints.iter().map(|hint| (hint.code.as_str(), hint.columns.join(" "))).collect();
        assert!(found.contains(&("one_hot", "red green blue".to_owned())), "{found:?}");
        assert!(found.contains(&("less_than", "low high".to_owned())), "{found:?}");
        let names = ["before", "red", "green", "blue", "low", "high"];
        let metadata = Metadata::plain("t", names.map(|name| ColumnMeta::plain(name, Kind::Continuous)).to_vec());
        let rules: Vec<String> = constraints(&hints, &metadata).iter().map(ToString::to_string).collect();
        assert_eq!(rules, ["one hot red, green, blue", "low -> high"]);
        let note = kept_unasked(&hints, &metadata).expect("two constraints");
        assert!(note.text.ends_with("--constraint 'one hot red, green, blue' --constraint 'low -> high'"), "{}", note.text);
    }

    #[test]
    fn a_column_that_decides_another_is_found_also_across_kinds() {
        let (hints, same) = hints(vec![
            label("town", 8, |row| row * 31 % 8),
            label("country", 2, |row| row * 31 % 8 / 4),
            number("town_number", |row| f64::from(row * 31 % 8) * 10.0),
            label("chance", 3, |row| row * 17 % 11 % 3),
        ]);
        let found: Vec<_> = hints.iter().map(|hint| hint.columns.join(" ")).collect();
        assert_eq!(found, ["town country", "town town_number", "town_number country"]);
        assert_eq!(same, [("town".to_owned(), "town_number".to_owned())]);
    }
}
