//! `profile`: what is in a table.

use super::{Surroundings, single};
use crate::arguments;
use crate::present::style::safe;
use crate::say;
use comfy_table::{CellAlignment, Table, TableStyle};
use synthfleet_proto::profile::{ColumnProfile, Profile};
use synthfleet_proto::{Error, Result};

/// Prints the description in the asked form.
pub fn run(flags: &arguments::Profile, surroundings: &Surroundings) -> Result<u8> {
    let scratch = single::Scratch::new(&flags.running, surroundings)?;
    let budget = single::budget(&flags.running, surroundings)?;
    let out = scratch.folder("out")?;
    let profiled = single::profile(single::reading(&flags.source, &flags.reading, &scratch)?, &out, &scratch.folder("scratch")?, &budget)?;
    single::tell_notes(&profiled.summary.notes, surroundings);
    let file = match flags.format.as_str() {
        "sdv" => Some("metadata.sdv.json"),
        "sdgym2020" => Some("metadata.sdgym2020.json"),
        _ if surroundings.json || flags.format == "json" => Some("profile.json"),
        _ => None,
    };
    match file {
        Some(name) => {
            let path = out.join(name);
            say!("{}", std::fs::read_to_string(&path).map_err(|e| Error::io(path.display(), e))?.trim_end());
        }
        None => show(&profiled.profile),
    }
    Ok(0)
}

fn show(profile: &Profile) {
    let table = &profile.table;
    say!(
        "{}   {} rows x {} columns   target: {}",
        safe(&table.name),
        table.rows,
        table.columns,
        profile.target.as_deref().map_or("none".to_owned(), safe)
    );
    let mut rows = Table::new();
    rows.load_style(TableStyle::new()).set_header(["column", "kind", "role", "missing", "distinct", "values"]);
    for column in &profile.columns {
        let distinct = format!("{}{}", if column.approximate { "~" } else { "" }, column.distinct);
        rows.add_row([
            safe(&column.name),
            column.kind.name().to_owned(),
            format!("{:?}", column.role).to_lowercase(),
            column.missing.to_string(),
            distinct,
            values(column),
        ]);
    }
    for place in [3, 4] {
        if let Some(column) = rows.column_mut(place) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    say!("{rows}");
}

/// The range of numbers and dates, or the commonest levels.
fn values(column: &ColumnProfile) -> String {
    if let Some(dates) = &column.dates {
        return format!("{} to {}", dates.min.as_deref().unwrap_or("?"), dates.max.as_deref().unwrap_or("?"));
    }
    if let Some(numeric) = &column.numeric {
        let number = |value: Option<f64>| value.map_or("?".to_owned(), |value| value.to_string());
        return format!("{} to {}", number(numeric.min), number(numeric.max));
    }
    let levels = column.levels.as_deref().unwrap_or_default();
    let shown: Vec<String> = levels.iter().take(3).map(|level| safe(&level.value)).collect();
    let more = if levels.len() > 3 { ", .." } else { "" };
    let text: String = shown.join(", ").chars().take(48).collect();
    format!("{text}{more}")
}
