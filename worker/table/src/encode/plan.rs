//! What is done with one column: chosen once per fit, stored beside the model, followed by every sample.

use super::date::Dates;
use super::exact::Exact;
use super::few::Few;
use super::id::IdRule;
use super::invented::Invented;
use super::labels::Labels;
use super::lookup::Lookup;
use super::number::Number;
use super::protect::Care;
use super::shelf::{Reader, Writer};
use super::text::TextForm;
use super::{Coded, Sort, broken};
use crate::table::{Column, Values};
use crate::{Bits, SeedExt, Strings};
use synthfleet_proto::metadata::{ColumnMeta, Kind, Role};
use synthfleet_proto::{Result, Seed};

/// What is done with one column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Plan {
    /// Always missing.
    Missing,
    /// Always the first cell of this code, nothing missing.
    Constant(Constant),
    /// Levels of labels.
    Labels(Labels),
    /// Ordered levels of few numbers.
    Few(Few),
    /// State + Value.
    Number(Number),
    /// Day, weekday, time.
    Dates(Dates),
    /// Numbered by a rule; whether cells may be missing.
    Id(IdRule, bool),
    /// Fictitious text; whether cells may be missing.
    Text(TextForm, bool),
    /// Invented numbers and labels; whether cells may be missing.
    Invented(Invented, bool),
    /// Exact, unprotected.
    Exact(Exact),
    /// Follows from another column.
    Lookup(Lookup),
}

/// The only value of a column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Constant {
    /// A label.
    Label(u32),
    /// A number.
    Number(Few),
}

/// Sorts of cells, so that an always missing column comes back as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cells {
    Real,
    Whole,
    Code,
    Text,
}

impl Cells {
    pub(crate) fn of(values: &Values) -> Self {
        match values {
            Values::Real(_) => Self::Real,
            Values::Whole(_) => Self::Whole,
            Values::Code(_) => Self::Code,
            Values::Text(_) => Self::Text,
        }
    }

    pub(crate) fn blank(self, rows: usize) -> Values {
        match self {
            Self::Real => Values::Real(vec![0.0; rows].into()),
            Self::Whole => Values::Whole(vec![0; rows].into()),
            Self::Code => Values::Code(vec![0; rows].into()),
            Self::Text => Values::Text(std::iter::repeat_n("", rows).collect::<Strings>()),
        }
    }
}

/// One coded column of a plan.
pub(crate) struct Part {
    /// What follows the column's name.
    pub(crate) suffix: String,
    pub(crate) sort: Sort,
    /// The level of missing cells.
    pub(crate) missing: Option<u32>,
    /// In a State: the number behind each level.
    pub(crate) atoms: Vec<Option<f64>>,
}

impl Part {
    /// Levels without a suffix; a missing level is the last.
    pub(crate) fn levels(suffix: &str, sort: Sort, missing: Option<u32>) -> Self {
        Self { suffix: suffix.to_owned(), sort, missing, atoms: Vec::new() }
    }

    /// Present (0) and missing (1).
    fn presence(missing: bool) -> Vec<Self> {
        let part = || Self::levels("#state", Sort::Levels { levels: 2, ordered: false }, Some(1));
        if missing { vec![part()] } else { Vec::new() }
    }
}

/// A chosen plan and whether too few rows left only one value to show.
pub(crate) struct Chosen {
    pub(crate) plan: Plan,
    pub(crate) collapsed: bool,
    /// Labels that would be hidden are shown, as the job asked.
    pub(crate) bare: bool,
}

/// Chooses the plan of a protected column.
pub(crate) fn choose(meta: &ColumnMeta, column: &Column, care: Care) -> Chosen {
    let k = care.rows;
    let rows: Vec<u32> = (0..column.len() as u32).filter(|&row| !column.is_missing(row as usize)).collect();
    let missing = rows.len() < column.len();
    if rows.is_empty() || matches!(meta.role, Role::Drop | Role::Null) || meta.kind == Kind::Empty {
        return Chosen { plan: Plan::Missing, collapsed: false, bare: false };
    }
    let mut bare = false;
    let (plan, collapsed) = match (column.values(), meta.role) {
        (Values::Text(texts), _) => (regenerated(meta, texts, &rows, missing, k), false),
        (_, Role::Generate) => match Invented::fit(column, &rows, meta.levels.len(), k) {
            Some((invented, collapsed)) => (Plan::Invented(invented, missing), collapsed),
            None => (Plan::Missing, false),
        },
        (Values::Code(_), _) => {
            bare = care.label_rows() < k && Labels::has_rarer(column, meta.levels.len(), k);
            let ordered = meta.kind == Kind::Ordinal;
            match Labels::fit(column, meta.levels.len(), ordered, care.label_rows(), care.token(meta)) {
                Some((labels, collapsed)) => (Plan::Labels(labels), collapsed),
                None => (Plan::Missing, false),
            }
        }
        _ => numbers(meta, column, &rows, missing, k),
    };
    Chosen { plan: constant(plan), collapsed, bare }
}

fn numbers(meta: &ColumnMeta, column: &Column, rows: &[u32], missing: bool, k: usize) -> (Plan, bool) {
    if let Some((few, collapsed)) = Few::fit(column, rows, missing, k) {
        return (Plan::Few(few), collapsed);
    }
    let grain = meta.date.as_ref().map(|date| date.grain).filter(|_| meta.kind == Kind::Datetime);
    if let Some((dates, collapsed)) = grain.and_then(|grain| Dates::fit(column, rows, grain, missing, k)) {
        return (Plan::Dates(dates), collapsed);
    }
    match Number::fit(column, rows, missing, k) {
        Some((number, collapsed)) => (Plan::Number(number), collapsed),
        None => (Plan::Missing, false),
    }
}

fn regenerated(meta: &ColumnMeta, texts: &Strings, rows: &[u32], missing: bool, k: usize) -> Plan {
    let present: Vec<&str> = rows.iter().map(|&row| texts.get(row as usize)).collect();
    if meta.kind == Kind::Id {
        return Plan::Id(IdRule::learn(&present, meta.regex.as_deref(), k), missing);
    }
    let what = meta.sensitivity.as_ref().map(|sensitivity| sensitivity.what.as_str());
    Plan::Text(TextForm::choose(what, &present, k), missing)
}

/// One level and nothing missing: nothing to model.
fn constant(plan: Plan) -> Plan {
    match plan {
        Plan::Labels(labels) if labels.levels() == 1 => Plan::Constant(Constant::Label(labels.shown()[0])),
        Plan::Few(few) if few.levels() == 1 => Plan::Constant(Constant::Number(few)),
        other => other,
    }
}

/// Where a restored block stands.
pub(crate) struct At<'a> {
    pub(crate) rows: usize,
    pub(crate) first_row: u64,
    /// The column's own stream; blocks draw at their first row.
    pub(crate) seed: &'a Seed,
}

impl Plan {
    /// The coded columns, in order.
    pub(crate) fn parts(&self) -> Vec<Part> {
        match self {
            Self::Missing | Self::Constant(_) | Self::Lookup(_) => Vec::new(),
            Self::Labels(labels) => vec![Part::levels("", labels.sort(), labels.missing_level())],
            Self::Few(few) => vec![Part::levels("", few.sort(), few.missing_level())],
            Self::Number(number) => number.parts(""),
            Self::Dates(dates) => dates.parts(),
            Self::Exact(exact) => vec![Part::levels("", exact.sort(), exact.missing_level())],
            Self::Id(_, missing) | Self::Text(_, missing) | Self::Invented(_, missing) => Part::presence(*missing),
        }
    }

    /// The share of a column's cells whose labels are hidden, if it has labels.
    pub(crate) fn hidden_share(&self, column: &Column) -> f64 {
        match self {
            Self::Labels(labels) => labels.hidden_share(column),
            _ => 0.0,
        }
    }

    /// The level behind which rare labels hide.
    pub(crate) fn rare_level(&self) -> Option<u32> {
        if let Self::Labels(labels) = self { labels.rare_level() } else { None }
    }

    /// Codes every row of a column.
    pub(crate) fn encode(&self, column: &Column) -> Vec<Coded> {
        match self {
            Self::Missing | Self::Constant(_) | Self::Lookup(_) => Vec::new(),
            Self::Labels(labels) => vec![labels.encode(column)],
            Self::Few(few) => vec![few.encode(column)],
            Self::Number(number) => number.encode(column),
            Self::Dates(dates) => dates.encode(column),
            Self::Exact(exact) => vec![exact.encode(column)],
            Self::Id(_, missing) | Self::Text(_, missing) | Self::Invented(_, missing) => match missing {
                true => vec![Coded::Levels((0..column.len()).map(|row| u32::from(column.is_missing(row))).collect())],
                false => Vec::new(),
            },
        }
    }

    /// Cells of coded rows.
    pub(crate) fn decode(&self, cells: Cells, parts: &[Coded], at: &At) -> Result<Column> {
        let codes = parts.first().and_then(Coded::codes).unwrap_or_default();
        let mut random = at.seed.index(at.first_row).rng();
        let absent = |missing: bool| missing.then(|| Bits::collect(codes.iter().map(|&code| code == 1)));
        let (values, missing) = match self {
            Self::Missing => (cells.blank(at.rows), Some(Bits::collect((0..at.rows).map(|_| true)))),
            Self::Constant(Constant::Label(code)) => (Values::Code(vec![*code; at.rows].into()), None),
            Self::Constant(Constant::Number(few)) => few.decode(&vec![0; at.rows]),
            Self::Labels(labels) => labels.decode(codes, &mut random),
            Self::Few(few) => few.decode(codes),
            Self::Number(number) => number.decode(parts),
            Self::Dates(dates) => dates.decode(parts, &mut random),
            Self::Exact(exact) => exact.decode(codes),
            Self::Lookup(_) => return Err(broken("a column that follows from another is restored after it".to_owned())),
            Self::Id(rule, missing) => {
                let missing = absent(*missing);
                let texts = rule.texts(at.rows, at.first_row, at.seed, |row| missing.as_ref().is_some_and(|bits| bits.get(row)))?;
                (Values::Text(texts), missing)
            }
            Self::Text(form, missing) => {
                let missing = absent(*missing);
                let texts = form.texts(at.rows, &mut random, |row| missing.as_ref().is_some_and(|bits| bits.get(row)));
                (Values::Text(texts), missing)
            }
            Self::Invented(invented, missing) => (invented.values(at.rows, &mut random), absent(*missing)),
        };
        Column::new(values, missing)
    }

    /// Table codes of labels that may be shown, ascending; `None`: all.
    pub(crate) fn shown_labels(&self) -> Option<&[u32]> {
        match self {
            Self::Exact(_) => None,
            Self::Lookup(lookup) => lookup.shown_labels(),
            Self::Labels(labels) => Some(labels.shown()),
            Self::Constant(Constant::Label(code)) => Some(std::slice::from_ref(code)),
            Self::Invented(Invented::Labels(shown), _) => Some(shown),
            _ => Some(&[]),
        }
    }

    pub(crate) fn save(&self, out: &mut Writer) {
        let tag = |out: &mut Writer, tag: u32, missing: bool| out.codes("plan", &[tag, u32::from(missing)]);
        match self {
            Self::Missing => tag(out, 0, false),
            Self::Constant(Constant::Label(code)) => {
                tag(out, 1, false);
                out.code("label", *code);
            }
            Self::Constant(Constant::Number(few)) => {
                tag(out, 2, false);
                few.save(out);
            }
            Self::Labels(labels) => {
                tag(out, 3, false);
                labels.save(out);
            }
            Self::Few(few) => {
                tag(out, 4, false);
                few.save(out);
            }
            Self::Number(number) => {
                tag(out, 5, false);
                number.save(out);
            }
            Self::Dates(dates) => {
                tag(out, 6, false);
                dates.save(out);
            }
            Self::Id(rule, missing) => {
                tag(out, 7, *missing);
                rule.save(out);
            }
            Self::Text(form, missing) => {
                tag(out, 8, *missing);
                form.save(out);
            }
            Self::Invented(invented, missing) => {
                tag(out, 9, *missing);
                invented.save(out);
            }
            Self::Exact(exact) => {
                tag(out, 10, false);
                exact.save(out);
            }
            Self::Lookup(lookup) => {
                tag(out, 11, false);
                lookup.save(out);
            }
        }
    }

    /// Reads a plan for a column; the cells that it will give must be of the sort `cells`.
    pub(crate) fn load(reader: &Reader, meta: &ColumnMeta, cells: Cells) -> Result<Self> {
        let labels = meta.levels.len();
        let &[tag, missing @ 0..=1] = reader.codes("plan")? else { return Err(reader.damaged("plan")) };
        let missing = missing == 1;
        let plan = match (tag, cells) {
            (0, _) => Self::Missing,
            (1, Cells::Code) => match reader.code("label")? {
                code if (code as usize) < labels => Self::Constant(Constant::Label(code)),
                _ => return Err(reader.damaged("label")),
            },
            (2, Cells::Real | Cells::Whole) => Self::Constant(Constant::Number(Few::load(reader)?)),
            (3, Cells::Code) => Self::Labels(Labels::load(reader, labels)?),
            (4, Cells::Real | Cells::Whole) => Self::Few(Few::load(reader)?),
            (5, Cells::Real | Cells::Whole) => Self::Number(Number::load(reader)?),
            (6, Cells::Whole) => Self::Dates(Dates::load(reader)?),
            (7, Cells::Text) => Self::Id(IdRule::load(reader)?, missing),
            (8, Cells::Text) => Self::Text(TextForm::load(reader)?, missing),
            (9, Cells::Real | Cells::Whole | Cells::Code) => Self::Invented(Invented::load(reader, labels)?, missing),
            (10, _) => Self::Exact(Exact::load(reader, &cells.blank(0), labels)?),
            (11, _) if !reader.is_nested() => Self::Lookup(Lookup::load(reader, meta, cells)?),
            _ => return Err(reader.damaged("plan")),
        };
        Ok(plan)
    }
}
