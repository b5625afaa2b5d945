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
mod tests;
