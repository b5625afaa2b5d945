//! Leaf tables as named arrays, and back. Reading checks every length, code, reference and law.

use super::Density;
use super::cut_normal;
use super::tables::{Column, GAP, NONE, Table, Tables, columns};
use std::sync::Arc;
use synthfleet_proto::{Error, Result};
use synthfleet_table::Arrays;
use synthfleet_table::encode::Encoder;

/// Most trees of a model.
const TREES_MAX: u32 = 500;
/// Most rows by which a level may count more.
const PSEUDO_COUNT_MAX: f64 = 100.0;

/// Stores leaf tables.
pub(super) fn save(tables: &Tables, arrays: &mut Arrays) {
    arrays.put_u32("shape", vec![tables.trees.len() as u32, u32::from(tables.density == Density::TruncatedNormal)]);
    arrays.put_f64("pseudo_count", vec![tables.pseudo_count]);
    for (place, column) in tables.columns.iter().enumerate() {
        match column {
            Column::Levels { seen, .. } => arrays.put_u32(&format!("column/{place}"), seen.clone()),
            Column::Value { numbers, .. } => arrays.put_f64(&format!("column/{place}"), numbers.clone()),
        }
    }
    for (place, table) in tables.trees.iter().enumerate() {
        let name = |part: &str| format!("tree/{place}/{part}");
        arrays.put_u32(&name("coverage"), steps(&table.coverage));
        arrays.put_u32(&name("lengths"), steps(&table.starts[1..]));
        arrays.put_u32(&name("codes"), table.codes.clone());
        arrays.put_u32(&name("counts"), lists(&table.starts).flat_map(|list| steps(&table.ends[list])).collect::<Vec<_>>());
        arrays.put_u32(&name("loose_lengths"), steps(&table.loose_starts[1..]));
        arrays.put_u32(&name("loose"), table.loose.clone());
        arrays.put_u32(&name("fallback"), table.fallback.clone());
        arrays.put_f64(&name("laws"), table.laws.clone());
    }
}

/// Differences of a rising list that begins above 0.
fn steps(ends: &[u32]) -> Vec<u32> {
    let before = std::iter::once(0).chain(ends.iter().copied());
    ends.iter().zip(before).map(|(end, before)| end - before).collect()
}

/// The lists between neighbouring starts.
fn lists(starts: &[u32]) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
    starts.windows(2).map(|pair| pair[0] as usize..pair[1] as usize)
}

/// Sums of a list's first numbers; `None` beyond what 32 bits hold.
fn sums(steps: &[u32]) -> Option<Vec<u32>> {
    let mut sum = 0u32;
    steps
        .iter()
        .map(|&step| {
            sum = sum.checked_add(step)?;
            Some(sum)
        })
        .collect()
}

/// Starts of lists of these lengths, and the end of the last.
fn starts(lengths: &[u32]) -> Option<Vec<u32>> {
    Some(std::iter::once(0).chain(sums(lengths)?).collect())
}

/// Reads leaf tables.
pub(super) fn load(arrays: &Arrays, encoder: &Arc<Encoder>) -> Result<Tables> {
    let (trees, density) = match arrays.u32s("shape")? {
        [trees @ 1..=TREES_MAX, 0] => (*trees, Density::Gap),
        [trees @ 1..=TREES_MAX, 1] => (*trees, Density::TruncatedNormal),
        _ => return Err(damaged("the forest has no legal shape")),
    };
    let pseudo_count = match arrays.f64s("pseudo_count")? {
        [count] if (0.0..=PSEUDO_COUNT_MAX).contains(count) => *count,
        _ => return Err(damaged("the pseudo-count is out of range")),
    };
    let mut known = Vec::new();
    for (place, column) in encoder.columns().iter().enumerate() {
        let name = format!("column/{place}");
        known.push(match column.levels() {
            Some(_) => (arrays.u32s(&name)?.to_vec(), Vec::new()),
            None => (Vec::new(), arrays.f64s(&name)?.to_vec()),
        });
    }
    let (columns, values) = columns(encoder, known.into_iter());
    for (place, column) in columns.iter().enumerate() {
        let legal = match column {
            Column::Levels { levels, seen } => seen.iter().all(|level| level < levels),
            Column::Value { state, numbers, .. } => {
                numbers.iter().all(|number| number.is_finite())
                    && state.is_none_or(|state| state < place && matches!(columns[state], Column::Levels { .. }))
            }
        };
        if !legal {
            return Err(damaged("a column holds an unknown level or no finite number"));
        }
    }
    let mut tables = Tables { columns, values, trees: Vec::new(), density, pseudo_count };
    for place in 0..trees {
        let table = load_table(&format!("tree/{place}"), arrays)?;
        tables.check(&table)?;
        tables.trees.push(table);
    }
    Ok(tables)
}

/// One table whose lists have the lengths that they claim.
fn load_table(name: &str, arrays: &Arrays) -> Result<Table> {
    let array = |part: &str| arrays.u32s(&format!("{name}/{part}"));
    let long = || damaged("a list is longer than a table can be");
    let table = Table {
        coverage: sums(array("coverage")?).ok_or_else(long)?,
        starts: starts(array("lengths")?).ok_or_else(long)?,
        codes: array("codes")?.to_vec(),
        ends: Vec::new(),
        loose_starts: starts(array("loose_lengths")?).ok_or_else(long)?,
        loose: array("loose")?.to_vec(),
        fallback: array("fallback")?.to_vec(),
        laws: arrays.f64s(&format!("{name}/laws"))?.to_vec(),
    };
    let counts = array("counts")?;
    let ends_with = |starts: &[u32], length: usize| starts.last().is_some_and(|&last| last as usize == length);
    let complete = ends_with(&table.starts, table.codes.len()) && counts.len() == table.codes.len();
    if !complete || !ends_with(&table.loose_starts, table.loose.len()) || counts.contains(&0) {
        return Err(damaged("lists of leaves do not fit their lengths"));
    }
    let mut ends = Vec::with_capacity(counts.len());
    for list in lists(&table.starts) {
        ends.extend(sums(&counts[list]).ok_or_else(long)?);
    }
    Ok(Table { ends, ..table })
}

impl Tables {
    /// Whether every list that a draw may ask for is there and holds what its column knows.
    fn check(&self, table: &Table) -> Result<()> {
        let leaves = table.coverage.len();
        let of_gap = if self.density == Density::Gap { leaves * self.values } else { 0 };
        let of_laws = leaves * self.values * cut_normal::NUMBERS * usize::from(self.density == Density::TruncatedNormal);
        let shaped = leaves > 0
            && table.coverage[0] > 0
            && table.coverage.is_sorted_by(|a, b| a < b)
            && table.starts.len() == leaves * self.columns.len() + 1
            && table.fallback.len() == of_gap
            && table.loose_starts.len() > of_gap
            && table.laws.len() == of_laws;
        if !shaped {
            return Err(damaged("tables of leaves have no legal shape"));
        }
        let mut legal = true;
        for list in 0..leaves * self.columns.len() {
            let (leaf, codes) = (list / self.columns.len(), table.counted(list).0);
            legal &= match &self.columns[list % self.columns.len()] {
                Column::Levels { levels, .. } => !codes.is_empty() && codes.iter().all(|code| code < levels),
                Column::Value { place, numbers, .. } => {
                    known(codes, numbers) && (self.density != Density::Gap || table.has_loose(leaf * self.values + place, numbers))
                }
            };
        }
        for place in 0..of_laws / cut_normal::NUMBERS {
            let law = table.law(place);
            let finite = [law.mean, law.deviation, law.low, law.high].iter().all(|number| number.is_finite());
            legal &= finite && law.deviation > 0.0 && law.low <= law.high;
        }
        if legal { Ok(()) } else { Err(damaged("a leaf holds what its column does not know")) }
    }
}

fn known(codes: &[u32], numbers: &[f64]) -> bool {
    codes.iter().all(|&code| (code as usize) < numbers.len())
}

impl Table {
    /// Whether a loose list holds known numbers, and, if they are too few, another one to fall back to.
    fn has_loose(&self, list: usize, numbers: &[f64]) -> bool {
        let own = self.loose(list);
        let wide = match self.fallback[list] {
            NONE => None,
            place if (place as usize) + 1 < self.loose_starts.len() => Some(self.loose(place as usize)),
            _ => return false,
        };
        let filled = wide.is_some_and(|wide| !wide.is_empty() && known(wide, numbers));
        known(own, numbers) && (filled || !(1..=2 * GAP).contains(&own.len()))
    }
}

fn damaged(message: &str) -> Error {
    Error::data("model::damaged", message).help("fit the model again")
}
