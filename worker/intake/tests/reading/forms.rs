//! What was read is written back in the same bytes, whatever the form of numbers, dates and missing cells.

use super::support::{lenient, read, source};
use std::sync::Arc;
use synthfleet_intake::cast::{Cast, Caster};
use synthfleet_intake::infer::{self, Overrides};
use synthfleet_intake::{read, sniff, write};
use synthfleet_proto::metadata::{ColumnMeta, Kind, Storage};
use synthfleet_table::{Bits, Column, Table, Values};

/// The table as it would be written, with every real cell in its place.
fn written_back(text: &str) -> String {
    let opened = read::open(&source(text), &lenient()).expect("opens");
    let layout = sniff::layout(&opened).expect("sniffed");
    let inferred = infer::columns(&opened, &layout, &Overrides::default()).unwrap_or_else(|error| panic!("{error} in {text:?}"));
    let rows = read(text, &lenient()).expect("read").rows;
    let metadata = Arc::new(inferred.metadata);
    let columns = metadata.columns.iter().enumerate().map(|(place, meta)| column(meta, rows.iter().map(|row| row[place].as_str())));
    let table = Table::new(Arc::clone(&metadata), rows.len(), columns.collect()).expect("a table");
    write::to_text(&table, false)
}

fn column<'a>(meta: &ColumnMeta, cells: impl ExactSizeIterator<Item = &'a str>) -> Column {
    let caster = Caster::new(meta, Overrides::default().missing_words(&meta.name));
    let cast: Vec<Cast<'_>> = cells.map(|cell| caster.cast(cell)).collect();
    let whole = |cell: &Cast<'_>| if let Cast::Whole(value) = cell { *value } else { 0 };
    let values = match meta.kind {
        Kind::Continuous if meta.storage == Storage::Float64 => {
            Values::Real(cast.iter().map(|cell| if let Cast::Real(value) = cell { *value } else { 0.0 }).collect())
        }
        Kind::Continuous | Kind::Datetime => Values::Whole(cast.iter().map(whole).collect()),
        Kind::Boolean | Kind::Categorical | Kind::Ordinal => {
            Values::Code(cast.iter().map(|cell| if let Cast::Code(code) = cell { *code } else { 0 }).collect())
        }
        Kind::Id | Kind::Text | Kind::Empty => {
            Values::Text(cast.iter().map(|cell| if let Cast::Text(text) = cell { *text } else { "" }).collect())
        }
    };
    Column::new(values, Some(Bits::collect(cast.iter().map(|cell| *cell == Cast::Missing)))).expect("a column")
}

/// A table of one column under a header, with enough rows that it is no id and no free text.
fn column_of(cells: &[&str]) -> String {
    let rows = (0..40).map(|row| format!("{};{}\n", cells[row % cells.len()], row % 7));
    format!("x;n\n{}", rows.collect::<String>())
}

#[test]
fn forms_of_numbers_come_back() {
    let columns: [&[&str]; 14] = [
        &["1.50", "2.25", "-3.00", "12.75"],
        &["1.0", "2.25", "-3.5", "12.125"],
        &["$1,200.50", "$17.25", "-$5.00", "$2,000,000.00"],
        &["45 %", "5 %", "100 %", "61 %", "17 %"],
        &["1.234,5", "17,25", "-3,125", "20.000,5"],
        &["+1.5", "-2.5", "+3.25", "+0.5"],
        &["(1,200)", "3,400", "17", "(25)", "18"],
        &["1.5e+03", "2.25e-07", "-1e+20", "3e+00"],
        &["EUR 3.50", "EUR 17.25", "EUR 1.00"],
        &["9007199254740993", "-9223372036854775808", "12", "77", "5"],
        &["-0.0", "1.5", "0.0", "2.25"],
        &["1e+308", "5e-324", "0.1", "3.0"],
        &["1'234.5", "12.5", "1'000'000.5"],
        &["41.0", "7.0", "12.0", "1000.0", "33.0"],
    ];
    for cells in columns {
        let text = column_of(cells);
        assert_eq!(written_back(&text), text, "{cells:?}");
    }
}

#[test]
fn forms_of_dates_come_back() {
    let columns: [&[&str]; 12] = [
        &["2020-01-31", "1999-12-05", "2024-02-29"],
        &["31.01.2020", "05.12.1999"],
        &["1/31/2020", "12/5/1999"],
        &["31-Jan-20", "05-Dec-99"],
        &["January 31, 2020", "May 05, 1999"],
        &["20200131", "19991205"],
        &["2020-01", "1999-12"],
        &["2020-01-31 13:45:01", "1999-12-05 00:00:59"],
        &["2020-01-31T13:45:01.123Z", "1999-12-05T00:00:59.001Z"],
        &["2020-01-31T13:45:01+02:00", "1999-12-05T00:00:59+02:00"],
        &["1/31/2020 1:45 PM", "12/5/1999 11:05 AM"],
        &["13:45", "07:05", "00:10"],
    ];
    for cells in columns {
        let text = column_of(cells);
        assert_eq!(written_back(&text), text, "{cells:?}");
    }
}

#[test]
fn missing_tokens_quotes_and_line_ends_come_back() {
    let tables = [
        "a,b\r\nNA,x\r\n1.5,y\r\n2.5,x\r\n3.5,x\r\nNA,y\r\n",
        "\"a\",\"b\"\n\"1\",\"x\"\n\"2\",\"y\"\n\"30\",\"x\"\n\"30\",\"x\"\n\"2\",\"y\"\n\"1\",\"\"\n",
        "\"a\",\"b\"\n1.5,\"x\"\nNA,\"y\"\n30.5,\"x\"\n2.5,\"x\"\n2.5,\"x\"",
        "a; b \r1,5; x\r?;y\r3,25; x\r4,75;y\r4,75;y\r",
        "age, work, pay\n39, State-gov, <=50K\n50, Self-emp, <=50K\n38, State-gov, >50K\n53, ?, >50K\n28, State-gov, <=50K\n",
        "a,a,, b \n1.5,2.5,x,y\n2.5,3.5,x,y\n4.5,5.5,z,w\n4.5,3.5,z,w\n",
        "\u{feff}a\tb\n-\tx\n1.5\ty\n2.5\tx\n2.5\ty\n",
        "a,b,\n1.5,x,\n2.5,y,\n2.5,x,\n4.5,x,\n",
        "1.5,x\n2.5,y\n2.5,x\n4.5,x\n",
    ];
    for text in tables {
        assert_eq!(written_back(text), text, "{text:?}");
    }
}
