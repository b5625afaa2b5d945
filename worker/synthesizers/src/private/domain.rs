//! The domain in which a private member counts: declared by the user, or measured at a price.
//!
//! **Ranges** that nobody declared are measured as `ranges` says; cells beyond are clipped.
//! **Labels** that nobody declared: noisy counts of the labels that occur; shown are those above a threshold
//! that a single row passes with a chance of at most delta. All others share one level, which decodes by the
//! noisy counts of the shown ones. Missing cells are one label more.
//! **Declared** domains cost nothing. A cell outside counts as the nearest end, a label outside as the first;
//! cells are missing only where the declaration says that they may be.
//! **Bins** are equally wide on the range; on a grid they hold equally many of its points.
//! **Public**, hence free: names, kinds, how cells are written. Ids and texts are invented without a look.

use super::coding::{Coding, Counts};
use super::guarded::{Guarded, declared};
use super::ledger::{Ledger, Private};
use super::ranges;
pub use super::ranges::Width;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use synthfleet_proto::metadata::{ColumnMeta, Kind, Metadata, Role};
use synthfleet_proto::score::Finding;
use synthfleet_proto::{Error, Result};
use synthfleet_table::encode::{Codes, Encoder, PublicColumn};
use synthfleet_table::{Arrays, Budget, Column, Table, Values};

/// Most labels of a column that may be shown.
const LABELS_MAX: usize = 1_000;
/// What labels that are not shown are called; the name never reaches a sample.
const OTHER: &str = "_OTHER_";

/// How a domain is measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wish {
    /// Most bins of a number column.
    pub bins: usize,
    /// Decode to the middle of a bin.
    pub centres: bool,
    /// Share by which a range is widened at both ends.
    pub widened: f64,
    /// Noise of the bucket counts of each column without a declared range.
    pub ranges: Width,
    /// Width of the Gaussian noise of the label counts of each column without declared labels.
    pub labels_sigma: f64,
    /// The chance that a label of a single row is shown, for each such column.
    pub labels_delta: f64,
}

/// Noisy counts of the labels of one column: its one-way table, already paid.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Place of the code column.
    pub column: usize,
    /// Width of the noise.
    pub sigma: f64,
    /// Noisy count of each code, `[levels]`; `None` for the level that all other labels share.
    pub counts: Vec<Option<i64>>,
}

/// A domain with its encoder and its view.
pub struct Domain {
    encoder: Arc<Encoder>,
    codes: Codes,
    measured: Vec<Measured>,
}

/// What is known of a column, and what was measured of its labels.
struct Known {
    column: PublicColumn,
    levels: Vec<String>,
    /// Noisy counts of the shown labels in their order, then of missing cells if they are a level.
    counts: Option<(Vec<i64>, Option<i64>)>,
}

impl Domain {
    /// Reads the declared domain, measures the rest, and binds the ledger to what came out.
    pub fn measure(guarded: &Guarded, ledger: &mut Ledger, wish: &Wish, budget: &Budget) -> Result<Self> {
        let table = guarded.table();
        let metadata = Arc::clone(table.open().metadata());
        let mut known = Vec::with_capacity(metadata.columns.len());
        for (place, meta) in metadata.columns.iter().enumerate() {
            budget.go_on()?;
            let column = table.map(|table| table.column(place).clone());
            known.push(one(meta, &column, ledger, wish, budget).map_err(|error| error.in_column(&meta.name))?);
        }
        let public = public(&metadata, &known);
        let columns: Vec<PublicColumn> = known.iter().map(|known| known.column.clone()).collect();
        let encoder = Arc::new(Encoder::of_domain(Arc::new(public), &columns, table.open())?);
        let codes = Codes::of_width(&encoder, wish.bins, wish.centres);
        let measured = measured(&encoder, &codes, &known, wish.labels_sigma);
        let mut arrays = Arrays::default();
        encoder.save(&mut arrays)?;
        codes.save(&mut arrays);
        ledger.bind(&Sha256::digest(arrays.to_bytes()));
        guarded.keep(Arc::clone(&encoder))?;
        Ok(Self { encoder, codes, measured })
    }

    /// The encoder that restores samples.
    pub fn encoder(&self) -> &Arc<Encoder> {
        &self.encoder
    }

    /// The view: one code column for each modelled column.
    pub fn codes(&self) -> &Codes {
        &self.codes
    }

    /// One-way tables of labels that the domain has paid already.
    pub fn measured(&self) -> &[Measured] {
        &self.measured
    }

    /// The train table in this domain.
    pub fn code(&self, guarded: &Guarded) -> Result<Private<Coding>> {
        let (labels, levels) = (self.encoder.metadata(), self.codes.columns().iter().map(|column| column.levels).collect::<Vec<_>>());
        let coded = guarded.table().map(|table| {
            let encoded = self.encoder.encode(&relabelled(table, labels)?)?;
            Ok::<_, Error>(Coding::new(self.codes.code(&encoded), levels, table.rows()))
        });
        coded.whole()
    }
}

/// What is known of one column, or bought.
fn one(meta: &ColumnMeta, column: &Private<Column>, ledger: &mut Ledger, wish: &Wish, budget: &Budget) -> Result<Known> {
    let of = |column: PublicColumn| Known { column, levels: Vec::new(), counts: None };
    if !meta.is_modelled() {
        let invented = match (meta.kind, meta.role) {
            (_, Role::Drop | Role::Null) | (Kind::Empty, _) => PublicColumn::Absent,
            (Kind::Id, _) => PublicColumn::Id,
            (Kind::Text, _) => PublicColumn::Text,
            _ => {
                budget.find(finding("not_invented", meta, "its values would have to be learnt: the column is left empty"));
                PublicColumn::Absent
            }
        };
        return Ok(of(invented));
    }
    if meta.kind.is_number_like() {
        return Ok(of(number(meta, column, ledger, wish, budget)?));
    }
    if let Some(domain) = declared(meta) {
        let column = PublicColumn::Labels { shown: domain.levels.len() as u32, others: Vec::new(), missing: domain.nullable };
        return Ok(Known { column, levels: domain.levels.clone(), counts: None });
    }
    labels(meta, column, ledger, wish, budget)
}

fn number(meta: &ColumnMeta, column: &Private<Column>, ledger: &mut Ledger, wish: &Wish, budget: &Budget) -> Result<PublicColumn> {
    let unit = grain(meta, column);
    let (range, atoms, missing) = match declared(meta) {
        Some(domain) => (domain.range, domain.atoms.clone(), domain.nullable),
        None => {
            let (range, missing) = ranges::measure(column, unit, wish.ranges, &meta.name, ledger)?;
            (range, Vec::new(), missing)
        }
    };
    if range.is_none() {
        budget.find(finding("range_unknown", meta, "noise hides its range: the column is left at 0, declare a range or raise epsilon"));
    }
    let (low, high) = range.unwrap_or((0.0, 0.0));
    let wider = (high - low) * wish.widened;
    Ok(PublicColumn::Number { low: low - wider, high: high + wider, atoms, missing })
}

/// Distance of neighbours on the column's public grid; 2^-32 where it has none.
fn grain(meta: &ColumnMeta, column: &Private<Column>) -> f64 {
    // whether cells are whole follows from the public storage
    let is_whole = matches!(column.open().values(), Values::Whole(_));
    match meta.number.as_ref().and_then(|form| form.decimals) {
        _ if is_whole => 1.0,
        Some(decimals) => libm::pow(10.0, -f64::from(decimals)),
        None => libm::ldexp(1.0, -32),
    }
}

fn labels(meta: &ColumnMeta, column: &Private<Column>, ledger: &mut Ledger, wish: &Wish, budget: &Budget) -> Result<Known> {
    let missing_place = meta.levels.len();
    let counts = column.map(|column| {
        let mut cells = vec![0u64; missing_place + 1];
        if let Values::Code(codes) = column.values() {
            codes
                .iter()
                .enumerate()
                .for_each(|(row, &code)| cells[if column.is_missing(row) { missing_place } else { code as usize }] += 1);
        }
        Counts::of(cells)
    });
    let question = format!("labels of {}", meta.name);
    let mut kept = ledger.gaussian_threshold(&counts, wish.labels_sigma, wish.labels_delta, &question)?;
    let missing = kept.pop_if(|(place, _)| *place == missing_place).map(|(_, count)| count);
    if kept.len() > LABELS_MAX {
        kept.sort_by_key(|&(place, count)| (std::cmp::Reverse(count), place));
        kept.truncate(LABELS_MAX);
        kept.sort_unstable();
    }
    // the order of labels that have none must not tell which others stand between them
    if meta.kind != Kind::Ordinal {
        kept.sort_by(|a, b| meta.levels[a.0].cmp(&meta.levels[b.0]));
    }
    if kept.is_empty() {
        budget.find(finding("labels_unknown", meta, "noise hides its labels: the column is left empty, declare labels or raise epsilon"));
        return Ok(Known { column: PublicColumn::Absent, levels: Vec::new(), counts: None });
    }
    let mut levels: Vec<String> = kept.iter().map(|&(place, _)| meta.levels[place].clone()).collect();
    let mut other = OTHER.to_owned();
    while levels.contains(&other) {
        other.push('_');
    }
    levels.push(other);
    // weights are added up in 32 bits
    let divisor = kept.iter().map(|&(_, count)| count).sum::<i64>() / 1_000_000_000 + 1;
    let others = kept.iter().map(|&(_, count)| u32::try_from(count / divisor).unwrap_or(1).max(1)).collect();
    let column = PublicColumn::Labels { shown: kept.len() as u32, others, missing: missing.is_some() };
    Ok(Known { column, levels, counts: Some((kept.iter().map(|&(_, count)| count).collect(), missing)) })
}

/// The description without what hangs on rows.
fn public(metadata: &Metadata, known: &[Known]) -> Metadata {
    let mut public = metadata.clone();
    (public.train_rows, public.holdout_rows) = (0, 0);
    public.key.clear();
    for (meta, known) in public.columns.iter_mut().zip(known) {
        meta.levels.clone_from(&known.levels);
        (meta.range, meta.regex, meta.declared) = (None, None, None);
        (meta.constant, meta.high_cardinality) = (false, false);
        meta.nullable = match &known.column {
            PublicColumn::Absent => true,
            PublicColumn::Labels { missing, .. } | PublicColumn::Number { missing, .. } => *missing,
            PublicColumn::Id | PublicColumn::Text => false,
        };
        if let Some(date) = &mut meta.date {
            date.formats.clear();
        }
        if let Some(sensitivity) = &mut meta.sensitivity {
            sensitivity.by_value = false;
        }
    }
    public
}

/// A table whose labels are coded by another description. Labels that it lacks take the place of what a measured
/// domain does not show, or else the first.
pub fn relabelled(table: &Table, metadata: &Arc<Metadata>) -> Result<Table> {
    let one = |(place, column): (usize, &Column)| {
        let Values::Code(codes) = column.values() else { return Ok(column.clone()) };
        let (from, to) = (&table.metadata().columns[place].levels, &metadata.columns[place].levels);
        if to.is_empty() {
            // nothing of it is shown: every cell is missing
            let missing = synthfleet_table::Bits::collect((0..codes.len()).map(|_| true));
            return Column::new(Values::Code(vec![0; codes.len()].into()), Some(missing));
        }
        let is_measured = to.last().is_some_and(|last| last.starts_with(OTHER));
        let outside = if is_measured { to.len() as u32 - 1 } else { 0 };
        let known: std::collections::BTreeMap<&str, u32> = to.iter().map(String::as_str).zip(0..).collect();
        let map: Vec<u32> = from.iter().map(|level| known.get(level.as_str()).copied().unwrap_or(outside)).collect();
        let cells = codes.iter().map(|&code| map.get(code as usize).copied().unwrap_or(outside)).collect();
        Column::new(Values::Code(cells), column.missing().cloned())
    };
    let columns = table.columns().iter().enumerate().map(one).collect::<Result<Vec<_>>>()?;
    Table::new(Arc::clone(metadata), table.rows(), columns)
}

/// The paid one-way tables, by code column.
fn measured(encoder: &Encoder, codes: &Codes, known: &[Known], sigma: f64) -> Vec<Measured> {
    let mut tables = Vec::new();
    for (column, view) in codes.columns().iter().enumerate() {
        let source = encoder.columns()[view.parts.start].source;
        if let Some((shown, missing)) = &known[source].counts {
            // the encoder's order: shown labels, missing, all others
            let mut counts: Vec<Option<i64>> = shown.iter().copied().map(Some).collect();
            counts.extend(missing.map(Some));
            counts.resize(view.levels as usize, None);
            tables.push(Measured { column, sigma, counts });
        }
    }
    tables
}

fn finding(code: &str, meta: &ColumnMeta, text: &str) -> Finding {
    Finding { code: code.to_owned(), column: Some(meta.name.clone()), number: None, text: text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::ledger::Claim;
    use super::*;
    use crate::conformance::tables;
    use synthfleet_proto::metadata::DeclaredDomain;
    use synthfleet_proto::privacy::NoiseKey;

    const WISH: Wish =
        Wish { bins: 16, centres: false, widened: 0.0, ranges: Width::Gaussian(10.0), labels_sigma: 10.0, labels_delta: 1e-7 };

    fn measured(table: &Table) -> (Guarded, Domain, Vec<Finding>) {
        let guarded = Guarded::new(table.clone(), NoiseKey::new([4; 32]));
        let mut ledger = guarded.ledger(Claim::concentrated(3.0, 1e-5, true));
        let budget = Budget::quiet(1);
        let domain = Domain::measure(&guarded, &mut ledger, &WISH, &budget).expect("measured");
        (guarded, domain, budget.take_findings())
    }

    fn declared_as(table: &Table, domain: &DeclaredDomain) -> Table {
        let mut metadata = (**table.metadata()).clone();
        metadata.columns.iter_mut().for_each(|meta| meta.declared = Some(domain.clone()));
        Table::new(Arc::new(metadata), table.rows(), table.columns().to_vec()).expect("legal")
    }

    #[test]
    fn measured_ranges_and_labels_hold_the_mass_and_hide_the_rare() {
        let table = tables::Builder::new(4_000)
            .wholes("age", |row| if row == 5 { 1_000_000_000 } else { 17 + (row % 70) as i64 })
            .labels("disease", &["none", "zebra", "common"], |row| if row == 77 { 1 } else { (row % 3 / 2 * 2) as u32 })
            .build();
        let (guarded, domain, findings) = measured(&table);
        let (low, high) = match domain.encoder().columns()[0].sort {
            synthfleet_table::encode::Sort::Value { low, high, .. } => (low, high),
            _ => panic!("a number"),
        };
        assert!((16.0..=20.0).contains(&low) && high == 87.0, "{low} to {high}");
        assert_eq!(domain.encoder().metadata().columns[1].levels, ["common", "none", OTHER]);
        let counts = domain.measured()[0].counts.clone();
        assert!((counts[0].expect("shown") - 1_333).abs() < 60 && (counts[1].expect("shown") - 2_666).abs() < 60, "{counts:?}");
        assert_eq!((counts[2], findings.len()), (None, 0));
        // the hidden label is a level of its own, the extreme is clipped
        let coding = domain.code(&guarded).expect("coded");
        assert_eq!(coding.counts(&[1]).open().cells()[2], 1);
        assert_eq!(coding.counts(&[0]).open().cells().iter().sum::<u64>(), 4_000);
        assert!(coding.levels()[0] <= 16);
    }

    #[test]
    fn noise_leaves_a_small_table_without_a_domain_and_says_so() {
        let table = tables::Builder::new(10).wholes("x", |row| row as i64).labels("l", &["a"], |_| 0).build();
        let (_, domain, findings) = measured(&table);
        assert_eq!(findings.iter().map(|finding| finding.code.as_str()).collect::<Vec<_>>(), ["labels_unknown", "range_unknown"]);
        assert_eq!(domain.codes().columns().len(), 1);
    }

    #[test]
    fn a_declared_domain_costs_nothing_and_clips() {
        let numbers = tables::Builder::new(50).wholes("x", |row| row as i64).build();
        let range = DeclaredDomain { range: Some((10.0, 19.0)), atoms: vec![12.0], nullable: true, ..DeclaredDomain::default() };
        let guarded = Guarded::new(declared_as(&numbers, &range), NoiseKey::new([4; 32]));
        let mut ledger = guarded.ledger(Claim::pure(1.0, 0.0));
        let domain = Domain::measure(&guarded, &mut ledger, &WISH, &Budget::quiet(1)).expect("declared");
        assert!(ledger.close().ledger.is_empty());
        // ten bins of one value, missing, the atom; rows below and above stand in the first and the last bin
        let coding = domain.code(&guarded).expect("coded");
        assert_eq!(coding.counts(&[0]).open().cells(), [11, 1, 0, 1, 1, 1, 1, 1, 1, 31, 0, 1]);
    }

    #[test]
    fn a_label_outside_the_declaration_counts_as_the_first() {
        let labels = tables::Builder::new(9).labels("l", &["a", "b", "c"], |row| row as u32 % 3).build();
        let few = DeclaredDomain { levels: vec!["b".to_owned(), "a".to_owned(), "never".to_owned()], ..DeclaredDomain::default() };
        let (guarded, domain, _) = measured(&declared_as(&labels, &few));
        assert_eq!(domain.code(&guarded).expect("coded").counts(&[0]).open().cells(), [6, 3, 0]);
    }
}
