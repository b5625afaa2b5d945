//! Section 5: the real table as its protected profile tells it, and a few synthetic rows.

use crate::bundle::Bundle;
use crate::number::{bytes, count, percent, plain};
use maud::{Markup, html};
use synthfleet_proto::profile::{ColumnProfile, Note};

/// Most columns in the table of columns.
const COLUMNS_MAX: usize = 200;
/// Most columns of the sample rows.
const SAMPLE_COLUMNS_MAX: usize = 60;
/// Most characters of a sample cell.
const CELL_MAX: usize = 60;

/// Profile, notes, rejected cells and sample rows.
pub fn section(bundle: &Bundle) -> Markup {
    let profile = bundle.profile;
    let (table, source) = (&profile.table, &profile.source);
    let notes: Vec<&Note> = profile.notes.iter().collect();
    html! {
        dl {
            dt { "source" } dd { (bytes(table.bytes)) ", " (format!("{:?}", source.format).to_lowercase()) @if source.compression != "none" { ", " (source.compression) } ", " (source.encoding) }
            dt { "rows" } dd { (count(table.rows)) " accepted, " (count(source.rejected_rows)) " rejected, " (count(source.rejected_cells)) " cells became missing; " (count(table.duplicate_rows)) " rows equal an earlier one" }
            dt { "split" } dd { (count(profile.split.train_rows)) " learnt from, " (count(profile.split.holdout_rows)) " held out (" (format!("{:?}", profile.split.strategy).to_lowercase()) ")" }
            dt { "target" } dd { (profile.target.as_deref().unwrap_or("none")) }
        }
        @if !notes.is_empty() { ul.small { @for note in notes { li { (note.text) } } } }
        div.scroll tabindex="0" {
            table {
                thead { tr { th scope="col" { "Column" } th scope="col" { "Kind" } th scope="col" { "Role" } th.n scope="col" { "Missing" } th.n scope="col" { "Distinct" } th scope="col" { "Values (protected)" } th scope="col" { "Notes" } } }
                tbody { @for column in profile.columns.iter().take(COLUMNS_MAX) { (line(column, table.rows)) } }
            }
        }
        @if profile.columns.len() > COLUMNS_MAX { p.small.quiet { "The first " (COLUMNS_MAX) " of " (profile.columns.len()) " columns." } }
        (sample(bundle))
    }
}

fn line(column: &ColumnProfile, rows: u64) -> Markup {
    let missing = if rows > 0 { column.missing as f64 / rows as f64 } else { 0.0 };
    html! {
        tr {
            td { (column.header) }
            td { (column.kind.name()) @if column.constant { ", constant" } }
            td { (format!("{:?}", column.role).to_lowercase()) }
            td.n { @if column.missing > 0 { (percent(missing)) } @else { "0" } }
            td.n { @if column.approximate { "about " } (count(column.distinct)) }
            td.small { (values(column)) }
            td.small.quiet { @for note in &column.notes { (note.text) " " } @if column.sensitivity.class != "none" { (column.sensitivity.class) " identifier" } }
        }
    }
}

fn values(column: &ColumnProfile) -> String {
    if let Some(numeric) = &column.numeric {
        let shown = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), plain);
        return format!("{} to {}, mean {}", shown(numeric.min), shown(numeric.max), shown(numeric.mean));
    }
    if let Some(dates) = &column.dates {
        return format!("{} to {}", dates.min.as_deref().unwrap_or("–"), dates.max.as_deref().unwrap_or("–"));
    }
    if let Some(levels) = &column.levels {
        let first: Vec<String> = levels.iter().take(5).map(|level| crate::plots::cut(&level.value, 24)).collect();
        let more = if levels.len() > first.len() { ", …" } else { "" };
        return format!("{}{more}", first.join(", "));
    }
    column.text.as_ref().and_then(|text| text.shape.clone()).map(|shape| format!("like {shape}")).unwrap_or_default()
}

fn sample(bundle: &Bundle) -> Markup {
    let sample = bundle.sample;
    if sample.rows.is_empty() {
        return html! {};
    }
    let shown = sample.header.len().min(SAMPLE_COLUMNS_MAX);
    html! {
        h3 { "First synthetic rows" }
        div.scroll tabindex="0" {
            table.sample {
                thead { tr { @for name in sample.header.iter().take(shown) { th scope="col" { (crate::plots::cut(name, CELL_MAX)) } } } }
                tbody { @for row in &sample.rows { tr { @for cell in row.iter().take(shown) { td { (crate::plots::cut(cell, CELL_MAX)) } } } } }
            }
        }
        @if shown < sample.header.len() { p.small.quiet { "The first " (shown) " of " (sample.header.len()) " columns." } }
    }
}
