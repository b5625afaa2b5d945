//! Lists for people: one row an entry, columns as wide as they need to be.

use super::style::safe;
use comfy_table::{Table, TableStyle};
use serde_json::Value;

/// A table of texts.
pub fn text(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(TableStyle::new());
    table.set_header(header);
    for row in rows {
        table.add_row(row);
    }
    table.to_string()
}

/// A field as a cell: text as it is, `-` for what is absent.
pub fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) if text.is_empty() => "-".to_owned(),
        Value::String(text) => safe(text),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(","),
        other => safe(&other.to_string()),
    }
}

/// The entries of a list that a server gave.
pub fn items(list: &Value) -> &[Value] {
    list["items"].as_array().map_or(&[], Vec::as_slice)
}

/// Bytes as people read them.
pub fn size(bytes: u64) -> String {
    let mut size = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if size < 1024.0 {
            return if unit == "B" { format!("{bytes} B") } else { format!("{size:.1} {unit}") };
        }
        size /= 1024.0;
    }
    format!("{size:.1} TiB")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn sizes_have_the_unit_that_fits() {
        assert_eq!([0, 1023, 1024, 5_242_880, 3 << 40].map(size), ["0 B", "1023 B", "1.0 KiB", "5.0 MiB", "3.0 TiB"]);
    }

    #[test]
    fn cells_show_no_control_characters_and_never_nothing() {
        let cells = [json!(null), json!(""), json!("a\u{1b}[1m"), json!(["x", "y"]), json!(3)];
        assert_eq!(cells.each_ref().map(cell), ["-", "-", "a\\u{1b}[1m", "x,y", "3"]);
    }
}
