//! Fits the plan of every column, codes tables by it and restores coded rows to cells.

use super::constraints::Constraints;
use super::plan::{At, Cells, Part, Plan, choose};
use super::protect::Care;
use super::public::PublicColumn;
use super::shelf::{Reader, Writer};
use super::{Coded, CodedColumn, Encoded, Sort, broken, check, lookup};
use crate::encode::exact::Exact;
use crate::{Arrays, Budget, Column, Table};
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;
use synthfleet_proto::metadata::{ColumnMeta, Metadata};
use synthfleet_proto::protection::ValueProtection;
use synthfleet_proto::score::Finding;
use synthfleet_proto::{Error, Result, Seed};

/// Share of cells with hidden labels above which that is told: the column is hardly one of labels.
const HIDDEN_TOLD: f64 = 0.5;

/// Whether values are protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Rare labels are hidden, extremes clipped, ids and texts invented.
    On,
    /// Every cell of every column is coded exactly: only for members whose samples are real rows.
    Off,
}

/// Fitted on a train table; the way there and back.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoder {
    /// Description of the table, or of the view in which constraints hold by themselves.
    metadata: Arc<Metadata>,
    /// The way to that view and back, if the table has constraints.
    constraints: Option<Constraints>,
    /// Plan and sort of cells of each column of the table, or of the view.
    plans: Vec<(Plan, Cells)>,
    columns: Vec<CodedColumn>,
    /// First coded column of each column of the table, and the end of the last.
    starts: Vec<usize>,
    target: Option<usize>,
}

impl Encoder {
    /// Fits on a train table. `shared` is the job's shared seed: every candidate protects alike.
    pub fn fit(train: &Table, protection: Protection, shared: &Seed, budget: &Budget) -> Result<Self> {
        if train.rows() == 0 {
            return Err(Error::unsupported("encode::no_rows", "the train table has no rows").help("give a table with at least one row"));
        }
        budget.progress(0.0, "encode");
        if protection == Protection::On
            && let Some(constraints) = Constraints::fit(train)?
        {
            let view = constraints.view(train, &Arc::new(constraints.inner()))?;
            return Ok(Self { constraints: Some(constraints), ..Self::fit_view(&view, protection, shared, budget)? });
        }
        Self::fit_view(train, protection, shared, budget)
    }

    fn fit_view(train: &Table, protection: Protection, shared: &Seed, budget: &Budget) -> Result<Self> {
        let described: Vec<(&ColumnMeta, &Column)> = train.described().collect();
        let asked = train.metadata().protection;
        if protection == Protection::On && asked.is_weak() {
            budget.find(weak(&asked));
        }
        let fit = |(meta, column): &(&ColumnMeta, &Column)| -> Result<(Plan, Cells)> {
            budget.go_on()?;
            let cells = Cells::of(column.values());
            if protection == Protection::Off {
                return Ok((Plan::Exact(Exact::fit(column)), cells));
            }
            let chosen = choose(meta, column, Care::of(asked, shared, &meta.name));
            if chosen.bare {
                budget.find(bare(meta));
            }
            if chosen.collapsed {
                budget.find(collapsed(meta));
            }
            let hidden = chosen.plan.hidden_share(column);
            if hidden > HIDDEN_TOLD {
                budget.find(mostly_hidden(meta, hidden));
            }
            Ok((chosen.plan, cells))
        };
        let plans = described.par_iter().map(fit).collect::<Result<Vec<_>>>()?;
        let mut plans = plans;
        if protection == Protection::On {
            budget.go_on()?;
            for (place, from) in lookup::replace(&mut plans, train.columns(), train.metadata().target_position()) {
                budget.find(looked_up(described[place].0, described[from].0));
            }
        }
        Ok(Self::assemble(Arc::clone(train.metadata()), plans))
    }

    /// The encoder of a domain that is known without a look at the rows: differentially private members.
    /// `like` lends the sorts of cells alone, which follow from how columns are stored.
    pub fn of_domain(metadata: Arc<Metadata>, columns: &[PublicColumn], like: &Table) -> Result<Self> {
        if columns.len() != metadata.columns.len() || columns.len() != like.width() {
            return Err(broken(format!("{} public columns for a table of {}", columns.len(), like.width())));
        }
        let plan = |((known, meta), column): ((&PublicColumn, &ColumnMeta), &Column)| {
            let cells = Cells::of(column.values());
            Ok((known.plan(meta, cells)?, cells))
        };
        let plans = columns.iter().zip(&metadata.columns).zip(like.columns()).map(plan).collect::<Result<Vec<_>>>()?;
        Ok(Self::assemble(metadata, plans))
    }

    fn assemble(metadata: Arc<Metadata>, plans: Vec<(Plan, Cells)>) -> Self {
        let mut columns: Vec<CodedColumn> = Vec::new();
        let mut starts = vec![0];
        let mut names: BTreeSet<String> = metadata.columns.iter().map(|meta| meta.name.clone()).collect();
        for (source, (plan, _)) in plans.iter().enumerate() {
            for Part { suffix, sort, missing, atoms } in plan.parts() {
                let place = columns.len();
                let follows_state = place > starts[source] && columns[place - 1].is_state();
                let sort = match sort {
                    Sort::Value { low, high, step, .. } => Sort::Value { state: follows_state.then(|| place - 1), low, high, step },
                    levels => levels,
                };
                let mut name = format!("{}{suffix}", metadata.columns[source].name);
                while !suffix.is_empty() && !names.insert(name.clone()) {
                    name.push('#');
                }
                columns.push(CodedColumn { name, source, sort, atoms, missing });
            }
            starts.push(columns.len());
        }
        let target = metadata.target_position().and_then(|source| {
            let is_target = |column: &CodedColumn| column.source == source && column.name == metadata.columns[source].name;
            columns.iter().position(is_target)
        });
        Self { metadata, constraints: None, plans, columns, starts, target }
    }

    /// Coded columns in order; a State stands immediately before its Value.
    pub fn columns(&self) -> &[CodedColumn] {
        &self.columns
    }

    /// First coded column of a column of the table.
    pub(crate) fn first_coded(&self, source: usize) -> usize {
        self.starts[source]
    }

    /// What is done with a column of the table, and the sort of its cells.
    pub(crate) fn plan(&self, source: usize) -> (&Plan, Cells) {
        let (plan, cells) = &self.plans[source];
        (plan, *cells)
    }

    /// Place of the coded column that holds the target, if it is modelled.
    pub fn target(&self) -> Option<usize> {
        self.target
    }

    /// The description of restored tables. After [`Encoder::load`] hidden labels have placeholder names
    /// and ranges are absent; codes mean the same.
    pub fn metadata(&self) -> &Arc<Metadata> {
        self.constraints.as_ref().map_or(&self.metadata, Constraints::outer)
    }

    /// The description of what is coded: of the table, or of the view in which its constraints hold by themselves.
    /// [`CodedColumn::source`] is a place in it.
    pub fn coded_metadata(&self) -> &Arc<Metadata> {
        &self.metadata
    }

    /// The way to the view, if the table has constraints.
    pub(crate) fn constraints(&self) -> Option<&Constraints> {
        self.constraints.as_ref()
    }

    /// Whether stored arrays are those of an encoder with constraints.
    pub fn has_constraints(arrays: &Arrays) -> bool {
        Constraints::stored_in(arrays)
    }

    /// Codes a table with the same columns as the train table.
    pub fn encode(self: &Arc<Self>, table: &Table) -> Result<Encoded> {
        let view = match &self.constraints {
            Some(constraints) if table.width() == constraints.outer().columns.len() => Some(constraints.view(table, &self.metadata)?),
            _ => None,
        };
        let table = view.as_ref().unwrap_or(table);
        if table.width() != self.plans.len() {
            let message = format!("{} columns, the encoder was fitted on {}", table.width(), self.plans.len());
            return Err(Error::internal("encode::broken", message));
        }
        let code = |((plan, _), column): (&(Plan, Cells), &Column)| plan.encode(column);
        let parts: Vec<Vec<Coded>> = self.plans.par_iter().zip(table.columns()).map(code).collect();
        Encoded::new(Arc::clone(self), table.rows(), parts.into_iter().flatten().collect())
    }

    /// Cells of `rows` coded rows that start at `first_row` of a sample. `seed` names what is invented:
    /// ids, texts, what hides behind rare labels. Blocks made apart equal rows made together if they
    /// start at the same rows.
    pub fn restore(&self, columns: &[Coded], rows: usize, first_row: u64, seed: &Seed) -> Result<Table> {
        check(self, rows, columns)?;
        let mut restored: Vec<Option<Column>> = vec![None; self.plans.len()];
        // columns that follow from others come after these
        for follows in [false, true] {
            for (source, (plan, cells)) in self.plans.iter().enumerate().filter(|(_, (plan, _))| matches!(plan, Plan::Lookup(_)) == follows)
            {
                let meta = &self.metadata.columns[source];
                let at = At { rows, first_row, seed: &seed.child(&meta.name) };
                let column = match plan {
                    Plan::Lookup(lookup) => {
                        let other =
                            restored[lookup.from].as_ref().ok_or_else(|| broken("a column follows from one that follows".to_owned()))?;
                        lookup.decode(*cells, (&self.plans[lookup.from].0, other), &at)
                    }
                    plan => plan.decode(*cells, &columns[self.starts[source]..self.starts[source + 1]], &at),
                };
                restored[source] = Some(column.map_err(|error| error.in_column(&meta.name))?);
            }
        }
        let view = Table::new(Arc::clone(&self.metadata), rows, restored.into_iter().flatten().collect())?;
        match &self.constraints {
            Some(constraints) => constraints.restore(&view),
            None => Ok(view),
        }
    }

    /// A table of no rows.
    pub fn empty(&self) -> Result<Table> {
        let none = self.columns.iter().map(|column| match column.sort {
            Sort::Levels { .. } => Coded::Levels(Arc::from([])),
            Sort::Value { .. } => Coded::Value(Arc::from([])),
        });
        self.restore(&none.collect::<Vec<_>>(), 0, 0, &Seed::from_task_seed(0))
    }

    /// Stores everything that [`Encoder::load`] needs: no row, no real id or text, no hidden label.
    pub fn save(&self, arrays: &mut Arrays) -> Result<()> {
        let shown = self.shown_metadata();
        let text = serde_json::to_string(&shown).map_err(|e| Error::internal("encode::broken", e.to_string()))?;
        if let Some(constraints) = &self.constraints {
            constraints.save(arrays, &shown, |place| self.plans[place].0.shown_labels())?;
        }
        let mut out = Writer::new(arrays, "encoder");
        out.text("metadata", &text);
        for (source, (plan, cells)) in self.plans.iter().enumerate() {
            let mut out = out.below(&source.to_string());
            out.code("cells", *cells as u32);
            plan.save(&mut out);
        }
        Ok(())
    }

    /// Reads what [`Encoder::save`] stored; nothing is trusted.
    pub fn load(arrays: &Arrays) -> Result<Self> {
        let reader = Reader::new(arrays, "encoder");
        let metadata: Metadata = serde_json::from_str(reader.text("metadata")?).map_err(|_| reader.damaged("metadata"))?;
        let mut plans = Vec::new();
        for (source, meta) in metadata.columns.iter().enumerate() {
            let reader = reader.below(&source.to_string());
            let cells = match reader.code("cells")? {
                0 => Cells::Real,
                1 => Cells::Whole,
                2 => Cells::Code,
                3 => Cells::Text,
                _ => return Err(reader.damaged("cells")),
            };
            plans.push((Plan::load(&reader, meta, cells)?, cells));
        }
        for (plan, _) in &plans {
            if let Plan::Lookup(lookup) = plan
                && !plans.get(lookup.from).is_some_and(|(from, _)| lookup.fits(from))
            {
                return Err(reader.damaged("from"));
            }
        }
        let constraints = Constraints::load(arrays, &metadata)?;
        Ok(Self { constraints, ..Self::assemble(Arc::new(metadata), plans) })
    }

    /// The description without what protection hides.
    fn shown_metadata(&self) -> Metadata {
        let mut metadata = Metadata::clone(&self.metadata);
        for (meta, (plan, _)) in metadata.columns.iter_mut().zip(&self.plans) {
            let Some(shown) = plan.shown_labels() else { continue };
            meta.range = None;
            for (code, level) in meta.levels.iter_mut().enumerate() {
                if shown.binary_search(&(code as u32)).is_err() {
                    *level = format!("_HIDDEN_{code}_");
                }
            }
        }
        metadata
    }
}

fn looked_up(meta: &ColumnMeta, from: &ColumnMeta) -> Finding {
    Finding {
        code: "looked_up".to_owned(),
        column: Some(meta.name.clone()),
        number: None,
        text: format!("follows from column {} in every row and is looked up", from.name),
    }
}

fn mostly_hidden(meta: &ColumnMeta, share: f64) -> Finding {
    Finding {
        code: "labels_mostly_hidden".to_owned(),
        column: Some(meta.name.clone()),
        number: Some(share),
        text: format!("{:.0} % of the cells have labels of too few rows to be shown; others take their place", share * 100.0),
    }
}

fn collapsed(meta: &ColumnMeta) -> Finding {
    Finding {
        code: "protected_to_one_value".to_owned(),
        column: Some(meta.name.clone()),
        number: None,
        text: "too few rows to show more than one value of this column".to_owned(),
    }
}

fn bare(meta: &ColumnMeta) -> Finding {
    Finding {
        code: "unprotected".to_owned(),
        column: Some(meta.name.clone()),
        number: None,
        text: "labels of few rows are shown, as the job asks: a label may belong to one person".to_owned(),
    }
}

fn weak(asked: &ValueProtection) -> Finding {
    let rows = asked.rows_min.unwrap_or_default();
    Finding {
        code: "unprotected".to_owned(),
        column: None,
        number: Some(f64::from(rows)),
        text: format!("values of {rows} rows or more are shown, as the job asks, where {} are usual", ValueProtection::ROWS_USUAL),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bits, Values};
    use synthfleet_proto::calendar::Grain;
    use synthfleet_proto::metadata::{DateForm, Kind, Role};
    use synthfleet_proto::profile::RARE;
    use synthfleet_proto::protection::RareLabels;

    /// 600 rows of every kind, some cells missing.
    fn mixed() -> Table {
        let rows = 600usize;
        let mut colour = ColumnMeta::plain("colour", Kind::Categorical);
        colour.levels = ["red", "green", "blue", "secret"].map(str::to_owned).into();
        let mut day = ColumnMeta::plain("day", Kind::Datetime);
        day.date = Some(DateForm { format: "%Y-%m-%d %H:%M".to_owned(), grain: Grain::Minute, offset_minutes: None, formats: Vec::new() });
        let mut dropped = ColumnMeta::plain("dropped", Kind::Continuous);
        dropped.role = Role::Drop;
        let metas = vec![
            colour,
            ColumnMeta::plain("size", Kind::Continuous),
            ColumnMeta::plain("few", Kind::Continuous),
            day,
            ColumnMeta::plain("key", Kind::Id),
            ColumnMeta::plain("note", Kind::Text),
            dropped,
        ];
        let missing = || Some(Bits::collect((0..rows).map(|row| row % 11 == 3)));
        let column = |values: Values, missing: Option<Bits>| Column::new(values, missing).expect("legal");
        let columns = vec![
            column(Values::Code((0..rows).map(|i| if i == 77 { 3 } else { (i % 3) as u32 }).collect()), missing()),
            column(Values::Real((0..rows).map(|i| i as f64 * 0.25 - 7.0).collect()), missing()),
            column(Values::Whole((0..rows).map(|i| (i * i % 7) as i64).collect()), None),
            column(Values::Whole((0..rows).map(|i| i as i64 * 1_471).collect()), missing()),
            column(Values::Text((0..rows).map(|i| format!("user-{:05}", i * 37 % 99_991)).collect()), None),
            column(Values::Text((0..rows).map(|i| format!("something private {i}")).collect()), missing()),
            column(Values::Real((0..rows).map(|i| i as f64).collect()), None),
        ];
        Table::new(Arc::new(Metadata::plain("mixed", metas)), rows, columns).expect("legal")
    }

    fn fitted(protection: Protection) -> Arc<Encoder> {
        Arc::new(Encoder::fit(&mixed(), protection, &Seed::shared(0), &Budget::quiet(1)).expect("fits"))
    }

    fn there_and_back(encoder: &Arc<Encoder>) -> Table {
        let encoded = encoder.encode(&mixed()).expect("same columns");
        encoder.restore(encoded.columns(), 600, 0, &Seed::shared(0)).expect("own codes")
    }

    /// Labels of a sample of `mixed` that is protected in another way, whether `size` reaches its ends, and what is told to be
    /// unprotected: a column, or all.
    fn protected_as(rare_labels: RareLabels, rows_min: Option<u32>) -> (BTreeSet<u32>, bool, Vec<String>) {
        let table = mixed();
        let mut metadata = Metadata::clone(table.metadata());
        metadata.protection = ValueProtection { rare_labels, rows_min };
        metadata.columns[0].levels.push(RARE.to_owned());
        let table = Table::new(Arc::new(metadata), table.rows(), table.columns().to_vec()).expect("the same columns");
        let budget = Budget::quiet(1);
        let encoder = Arc::new(Encoder::fit(&table, Protection::On, &Seed::shared(0), &budget).expect("fits"));
        let encoded = encoder.encode(&table).expect("same columns");
        let back = encoder.restore(encoded.columns(), 600, 0, &Seed::shared(0)).expect("own codes");
        let Values::Code(codes) = back.column(0).values() else { panic!("labels") };
        let labels = (0..600).filter(|&row| !back.column(0).is_missing(row)).map(|row| codes[row]).collect();
        let Values::Real(sizes) = back.column(1).values() else { panic!("numbers") };
        let is_whole = sizes.contains(&-7.0) && sizes.contains(&(599.0 * 0.25 - 7.0));
        let told = budget.take_findings().into_iter().filter(|finding| finding.code == "unprotected");
        (labels, is_whole, told.map(|finding| finding.column.unwrap_or("all".to_owned())).collect())
    }

    #[test]
    fn rare_labels_are_drawn_anew_or_named_rare_or_kept_and_told() {
        assert_eq!(protected_as(RareLabels::Resample, None), ([0, 1, 2].into(), false, Vec::new()));
        assert_eq!(protected_as(RareLabels::Token, None), ([0, 1, 2, 4].into(), false, Vec::new()));
        let kept = vec!["colour".to_owned()];
        assert_eq!(protected_as(RareLabels::Keep, None), ([0, 1, 2, 3].into(), false, kept));
    }

    #[test]
    fn one_row_is_enough_where_the_job_says_so_and_that_is_told() {
        let told = vec!["all".to_owned()];
        assert_eq!(protected_as(RareLabels::Resample, Some(1)), ([0, 1, 2, 3].into(), true, told));
        assert_eq!(protected_as(RareLabels::Resample, Some(9)), ([0, 1, 2].into(), false, Vec::new()));
    }

    #[test]
    fn a_model_keeps_its_token_and_names_no_other_rare_label() {
        let table = mixed();
        let mut metadata = Metadata::clone(table.metadata());
        metadata.protection.rare_labels = RareLabels::Token;
        metadata.columns[0].levels.push(RARE.to_owned());
        let table = Table::new(Arc::new(metadata), table.rows(), table.columns().to_vec()).expect("the same columns");
        let encoder = Encoder::fit(&table, Protection::On, &Seed::shared(0), &Budget::quiet(1)).expect("fits");
        let mut arrays = Arrays::default();
        encoder.save(&mut arrays).expect("saves");
        let loaded = Encoder::load(&arrays).expect("loads");
        let levels = &loaded.metadata().columns[0].levels;
        assert_eq!((levels[4].as_str(), levels.iter().any(|level| level == "secret")), (RARE, false));
        assert_eq!(loaded.columns(), encoder.columns());
    }

    #[test]
    fn every_column_becomes_the_documented_coded_columns() {
        let names: Vec<String> = fitted(Protection::On).columns().iter().map(|column| column.name.clone()).collect();
        let expected =
            ["colour", "size#state", "size", "few", "day#state", "day", "day#weekday", "day#time#state", "day#time", "note#state"];
        assert_eq!(names, expected);
    }

    #[test]
    fn a06_a_restored_table_has_the_columns_levels_and_missing_cells_of_train() {
        let (table, back) = (mixed(), there_and_back(&fitted(Protection::On)));
        assert_eq!(back.metadata(), table.metadata());
        for place in 0..6 {
            assert_eq!(back.column(place).missing(), table.column(place).missing(), "column {place}");
        }
        assert_eq!(back.column(6).missing_count(), 600);
        assert_eq!(back.column(2), table.column(2));
    }

    #[test]
    fn nothing_hidden_comes_back() {
        let (table, back) = (mixed(), there_and_back(&fitted(Protection::On)));
        let Values::Code(colours) = back.column(0).values() else { panic!("codes") };
        assert!(colours.iter().all(|&code| code < 3));
        for place in [4, 5] {
            let (Values::Text(real), Values::Text(made)) = (table.column(place).values(), back.column(place).values()) else {
                panic!("texts")
            };
            let real: BTreeSet<&str> = real.iter().collect();
            let copied = made.iter().filter(|text| text.len() > 3 && real.contains(text)).count();
            assert!(copied <= 6, "{copied} of column {place}");
        }
    }

    #[test]
    fn without_protection_every_cell_comes_back() {
        let encoder = fitted(Protection::Off);
        let back = there_and_back(&encoder);
        let codes = |table: &Table| encoder.encode(table).expect("same columns").columns().to_vec();
        assert!(codes(&back) == codes(&mixed()));
        assert!(back.columns().iter().zip(mixed().columns()).all(|(a, b)| a.missing() == b.missing()));
    }

    #[test]
    fn a_stored_encoder_restores_the_same_cells_and_holds_nothing_hidden() {
        let encoder = fitted(Protection::On);
        let mut arrays = Arrays::default();
        encoder.save(&mut arrays).expect("saves");
        let bytes = arrays.to_bytes();
        for hidden in ["secret", "something private", "user-00037"] {
            assert!(!bytes.windows(hidden.len()).any(|window| window == hidden.as_bytes()), "{hidden}");
        }
        let loaded = Encoder::load(&Arrays::from_bytes(&bytes).expect("own bytes")).expect("own arrays");
        let encoded = encoder.encode(&mixed()).expect("same columns");
        let back = loaded.restore(encoded.columns(), 600, 0, &Seed::shared(0)).expect("own codes");
        assert_eq!(back.columns(), there_and_back(&encoder).columns());
    }

    #[test]
    fn a_table_of_three_rows_is_protected_and_says_so() {
        let (table, budget) = (mixed().head(3), Budget::quiet(1));
        let encoder = Arc::new(Encoder::fit(&table, Protection::On, &Seed::shared(0), &budget).expect("fits"));
        assert!(!budget.take_findings().is_empty());
        let encoded = encoder.encode(&table).expect("same columns");
        let back = encoder.restore(encoded.columns(), 3, 0, &Seed::shared(0)).expect("own codes");
        let Values::Real(sizes) = back.column(1).values() else { panic!("reals") };
        assert!(sizes.iter().all(|size| *size == sizes[0]));
    }

    #[test]
    fn a_column_that_follows_from_another_is_not_modelled_and_never_breaks_the_rule() {
        let rows = 300u32;
        let mut town = ColumnMeta::plain("town", Kind::Categorical);
        town.levels = (0..6).map(|i| format!("town {i}")).collect();
        let mut country = ColumnMeta::plain("country", Kind::Categorical);
        country.levels = vec!["north".to_owned(), "south".to_owned()];
        // town 5 is rare: its rows take another town, and that town's country
        let code = |row: u32| if row < 3 { 5 } else { row % 5 };
        let columns = vec![
            Column::new(Values::Code((0..rows).map(|row| u32::from(code(row) > 2)).collect()), None).expect("legal"),
            Column::new(Values::Code((0..rows).map(code).collect()), None).expect("legal"),
        ];
        let table = Table::new(Arc::new(Metadata::plain("t", vec![country, town])), rows as usize, columns).expect("legal");
        let encoder = Arc::new(Encoder::fit(&table, Protection::On, &Seed::shared(0), &Budget::quiet(1)).expect("fits"));
        assert_eq!(encoder.columns().iter().map(|column| column.name.as_str()).collect::<Vec<_>>(), ["town"]);
        let mut arrays = Arrays::default();
        encoder.save(&mut arrays).expect("saves");
        let codes = [Coded::Levels((0..600).map(|row| row % 6).collect())];
        let back = Encoder::load(&arrays).expect("own arrays").restore(&codes, 600, 0, &Seed::shared(0)).expect("levels");
        let (Values::Code(countries), Values::Code(towns)) = (back.column(0).values(), back.column(1).values()) else { panic!("codes") };
        assert!(countries.iter().zip(towns.iter()).all(|(&country, &town)| town < 5 && country == u32::from(town > 2)));
    }

    #[test]
    fn a_column_of_labels_that_hardly_repeat_is_told() {
        let told = |common: u32| {
            let mut meta = ColumnMeta::plain("street", Kind::Categorical);
            meta.levels = (0..2_000).map(|level| format!("street {level}")).collect();
            let code = |row: u32| if row < common { row % 4 } else { row };
            let column = Column::new(Values::Code((0..2_000).map(code).collect()), None).expect("legal");
            let table = Table::new(Arc::new(Metadata::plain("t", vec![meta])), 2_000, vec![column]).expect("legal");
            let budget = Budget::quiet(1);
            Encoder::fit(&table, Protection::On, &Seed::shared(0), &budget).expect("fits");
            budget.take_findings().iter().map(|finding| finding.code.clone()).collect::<Vec<_>>()
        };
        assert_eq!(told(800), ["labels_mostly_hidden"]);
        assert!(told(1_200).is_empty());
    }

    #[test]
    fn codes_out_of_range_are_refused() {
        let encoder = fitted(Protection::On);
        let mut columns = encoder.encode(&mixed()).expect("same columns").columns().to_vec();
        columns[0] = Coded::Levels(vec![99; 600].into());
        assert_eq!(encoder.restore(&columns, 600, 0, &Seed::shared(0)).expect_err("level 99").code(), "encode::broken");
    }
}
