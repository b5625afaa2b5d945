//! The standing hostile inputs that concern delimited files end as the table in the specification says.

use super::support::{code, infer, lenient, read};
use proptest::prelude::*;
use std::io::Write;
use synthfleet_intake::infer::Overrides;
use synthfleet_intake::read::{BadBytes, BadRows, ReadOptions};
use synthfleet_proto::metadata::Kind;

fn options(bad_rows: BadRows) -> ReadOptions {
    ReadOptions { bad_rows, bad_rows_max: 1.0, ..lenient() }
}

/// Twenty good rows with a short one, two long ones and one with inner quotes among them.
fn ragged() -> String {
    let mut text = "a,b,c\n".to_owned();
    for row in 0..20 {
        text.push_str(&format!("{row},x{row},\"y\"\n"));
        match row {
            3 => text.push_str("1,2\n"),
            7 | 9 => text.push_str("1,2,3,4\n"),
            11 => text.push_str("1,\"in \"ner\" q\",3\n"),
            _ => {}
        }
    }
    text
}

#[test]
fn ragged_rows_are_told_by_sort_with_first_lines() {
    let error = read(ragged(), &options(BadRows::Fail)).err().expect("refused");
    assert_eq!((error.code(), error.message()), ("csv::ragged", "row has 4 fields, header has 3"));
    assert_eq!((error.place().line, error.place().position), (Some(11), Some(7)));
    assert!(
        error.helps()[0].contains("4 of 24 records are like this: 2 long (4 fields), 1 short (2 fields), 1 with text"),
        "{:?}",
        error.helps()
    );
    let others: Vec<_> = error.others().iter().map(|other| (other.code().to_owned(), other.place().line)).collect();
    let expected = [("csv::ragged", 14), ("csv::ragged", 6), ("csv::after_quote", 17)];
    assert_eq!(others, expected.map(|(code, line)| (code.to_owned(), Some(line))));
}

#[test]
fn every_policy_accounts_for_every_record() {
    for (policy, rows, rejected, padded) in [(BadRows::Skip, 20, 4, 0), (BadRows::Save, 20, 4, 0), (BadRows::Pad, 21, 3, 1)] {
        let found = read(ragged(), &options(policy)).expect("let pass").accounting;
        assert_eq!((found.rows, found.rejected, found.padded, found.blank, found.records), (rows, rejected, padded, 0, 24), "{policy:?}");
    }
    let strict = ReadOptions { bad_rows_max: 0.01, ..options(BadRows::Skip) };
    assert_eq!(code(ragged(), &strict), "csv::too_many_bad_rows");
}

#[test]
fn odd_headers_get_names_and_keep_their_text() {
    let found = read("a,a,, b \n1,2,3,4\n5,6,7,8\n", &lenient()).expect("read").layout;
    let columns: Vec<_> = found.columns.iter().map(|column| (column.name.as_str(), column.header.as_str())).collect();
    assert_eq!(columns, [("a", "a"), ("a__2", "a"), ("column_3", ""), ("b", " b ")]);
    assert!(found.notes.iter().any(|note| note.code == "duplicate_header"));
}

#[test]
fn a_cell_of_ten_megabytes_names_the_line_of_its_quote() {
    let mut text = b"a,b\n1,2\n3,\"".to_vec();
    text.extend(std::iter::repeat_n(b'x', 10 << 20));
    text.extend(b"\"\n");
    let error = read(text, &lenient()).err().expect("refused");
    assert_eq!((error.code(), error.place().line, error.place().position), ("csv::cell_too_large", Some(3), Some(3)));
}

#[test]
fn an_open_quote_over_fifty_megabytes_is_found_soon() {
    let mut text = b"a,b\n1,2\n3,\"4\n".to_vec();
    while text.len() < 50 << 20 {
        text.extend_from_slice(b"1,2\n3,4\n5,6\n7,8\n");
    }
    let error = read(text, &lenient()).err().expect("refused");
    assert_eq!((error.code(), error.place().line), ("csv::cell_too_large", Some(3)));
}

#[test]
fn large_cells_within_the_limit_pass_as_text() {
    let text = format!("a,b\n1,\"{}\"\n2,y\n3,z\n", "x".repeat(900 << 10));
    let found = read(text, &lenient()).expect("read");
    assert_eq!(found.rows[0][1].len(), 900 << 10);
}

#[test]
fn a_quote_that_never_closes_is_named() {
    let error = read("a,b\n1,2\n3,\"4\n5,6\n", &lenient()).err().expect("refused");
    assert_eq!((error.code(), error.message()), ("csv::unterminated_quote", "quote opened at 3:3 never closes"));
}

#[test]
fn nul_bytes_are_named_and_can_be_left_out() {
    let text = b"a,b\n1,x\n2,y\0z\n3,w\n";
    let error = read(*text, &lenient()).err().expect("refused");
    assert_eq!((error.code(), error.message()), ("csv::nul_byte", "NUL byte at line 3, column b"));
    let strip = ReadOptions { bad_bytes: BadBytes::Strip, ..lenient() };
    let found = read(*text, &strip).expect("read");
    assert_eq!((found.rows[1][1].as_str(), found.accounting.mended_bytes), ("yz", 1));
}

#[test]
fn garbage_is_not_taken_for_a_table() {
    let garbage: Vec<u8> = (0..50_000u64).map(|place| (place.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8).collect();
    assert!(["input::unsupported", "csv::dialect"].contains(&code(garbage, &lenient()).as_str()));
}

#[test]
fn windows_letters_are_read_with_a_note() {
    let found = read(b"name,n\nRen\xe9,1\n\x93quoted\x94,2\nx,3\n".to_vec(), &lenient()).expect("read");
    assert_eq!((found.rows[0][0].as_str(), found.rows[1][0].as_str()), ("René", "“quoted”"));
    assert_eq!(found.accounting.encoding, "windows-1252");
    assert!(found.accounting.notes.iter().any(|note| note.code == "encoding_guessed" && note.number == Some(2.0)));
}

#[test]
fn a_bad_byte_after_good_ones_is_an_error_or_replaced() {
    let text = "n\u{e4}me,n\nä,1\n".as_bytes().iter().copied().chain(*b"\xe9,2\nx,3\n").collect::<Vec<u8>>();
    let error = read(text.clone(), &lenient()).err().expect("refused");
    assert_eq!((error.code(), error.place().line), ("csv::encoding", Some(3)));
    let replace = ReadOptions { bad_bytes: BadBytes::Replace, ..lenient() };
    let found = read(text, &replace).expect("read");
    assert_eq!((found.rows[1][0].as_str(), found.accounting.mended_bytes), ("\u{fffd}", 1));
}

#[test]
fn marks_and_wide_encodings_equal_their_plain_twin() {
    let plain = "stadt,wert\nUlm,1\nGrün,2\nBern,3\n";
    let twin = read(plain, &lenient()).expect("read");
    let wide = |bom: bool, big: bool| -> Vec<u8> {
        let text = if bom { format!("\u{feff}{plain}") } else { plain.to_owned() };
        text.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    };
    let mut marked = b"\xef\xbb\xbf".to_vec();
    marked.extend(plain.as_bytes());
    for (bytes, bom) in
        [(marked, true), (wide(true, false), true), (wide(true, true), true), (wide(false, false), false), (wide(false, true), false)]
    {
        let found = read(bytes, &lenient()).expect("read");
        assert_eq!((&found.rows, &found.layout.columns), (&twin.rows, &twin.layout.columns));
        assert_eq!(found.accounting.bom, bom);
    }
}

#[test]
fn dates_in_three_formats_are_one_column() {
    let rows: String = (1..=12)
        .map(|day| format!("2020-01-{day:02},{day}/2/2020\n{day:02}.03.2020,{day}/3/2020\n\"Apr {day}, 2020\",{day}/4/2020\n"))
        .collect();
    let found = infer(format!("d,e\n{rows}"), &Overrides::default()).expect("inferred");
    let date = found.metadata.columns[0].date.as_ref().expect("a date");
    assert_eq!((found.metadata.columns[0].kind, date.formats.len()), (Kind::Datetime, 3));
    let codes: Vec<_> = found.notes.iter().map(|note| (note.code.as_str(), note.column.as_deref())).collect();
    assert!(codes.contains(&("mixed_date_formats", Some("d"))) && codes.contains(&("date_order_guessed", Some("e"))), "{codes:?}");
}

#[test]
fn empty_sources_are_told_apart() {
    assert_eq!(code("", &lenient()), "input::empty");
    assert_eq!(code("\n\n\r\n  \n", &lenient()), "input::empty");
    assert_eq!(code("a,b,c\n", &lenient()), "csv::header_only");
    assert_eq!(code("a,b\n1,2\n3,4\n", &ReadOptions::default()), "input::too_few_rows");
    assert_eq!(code("x\n1\n2\n3\n4\n5\n", &ReadOptions::default()), "read 5 rows");
}

#[test]
fn blank_lines_are_missing_cells_in_one_column_and_blank_elsewhere() {
    let one = read("x\n1\n\n3\n", &lenient()).expect("read");
    assert_eq!((one.rows.len(), one.accounting.blank), (3, 0));
    let two = read("x,y\n1,2\n\n3,4\n", &lenient()).expect("read");
    assert_eq!((two.rows.len(), two.accounting.blank, two.accounting.records), (2, 1, 3));
}

#[test]
fn a_page_or_a_document_is_refused_by_name() {
    for (bytes, name) in [
        (&b"<!DOCTYPE html>\n<html>"[..], "HTML"),
        (b"PK\x03\x04\0\0xl/workbook.xml", "xlsx"),
        (b"%PDF-1.4\n", "PDF"),
        (b"{\"a\":1}\n{\"a\":2}\n", "JSON"),
    ] {
        let error = read(bytes, &lenient()).err().expect("refused");
        assert_eq!(error.code(), "input::unsupported");
        assert!(error.message().contains(name) && !error.helps().is_empty(), "{error}");
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

#[test]
fn packed_sources_of_several_members_are_one_table() {
    let mut packed = gzip(b"a,b\n1,2\n3,");
    packed.extend(gzip(b"4\n5,6\n"));
    assert_eq!(read(packed, &lenient()).expect("read").rows.len(), 3);
    let packed = zstd::encode_all(&b"a,b\n1,2\n3,4\n"[..], 3).expect("memory");
    assert_eq!(read(packed, &lenient()).expect("read").rows.len(), 2);
}

#[test]
fn a_cut_gzip_file_is_truncated_not_short() {
    let text: String = (0..5_000u64).map(|row| format!("{row},{}\n", row.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect();
    let packed = gzip(format!("a,b\n{text}").as_bytes());
    assert_eq!(code(&packed[..packed.len() - 9], &lenient()), "source::truncated");
    assert_eq!(code(&packed[..packed.len() / 2], &lenient()), "source::truncated");
}

#[test]
fn a_bomb_is_stopped_by_its_ratio() {
    let mut options = lenient();
    // the limits of the product, a hundredth as large
    options.limits.ratio_from_bytes = 10 << 20;
    options.limits.ratio_max = 100;
    assert_eq!(code(gzip(&vec![0; 64 << 20]), &options), "source::bomb");
    let mut rows = b"a,b\n".to_vec();
    rows.extend(b"0,0\n".repeat(16 << 20));
    assert_eq!(code(zstd::encode_all(&rows[..], 3).expect("memory"), &options), "source::bomb");
    options.limits.input_bytes_max = 1 << 20;
    assert_eq!(code(&rows[..], &options), "source::too_large");
}

#[test]
fn numbers_at_the_edges_keep_what_they_are() {
    let mut text = "zip,big,wide,zero,tiny,odd\n".to_owned();
    for row in 0..200u64 {
        let odd = if row == 0 { "inf".to_owned() } else { format!("{row}.5") };
        text.push_str(&format!(
            "{:05},{},{}e306,-0.0,{}e-310,{odd}\n",
            row * 7,
            9_007_199_254_740_993 + row * row * 1_000,
            row % 100,
            row + 1
        ));
    }
    let found = infer(text, &Overrides::default()).expect("inferred");
    let kinds: Vec<Kind> = found.metadata.columns.iter().map(|column| column.kind).collect();
    assert!(matches!(kinds[0], Kind::Id | Kind::Text | Kind::Categorical), "codes stay text: {kinds:?}");
    assert_eq!(kinds[1..], [Kind::Continuous; 5]);
    let metas = &found.metadata.columns;
    assert_eq!(metas[1].storage, synthfleet_proto::metadata::Storage::Int64);
    assert_eq!((metas[2].range, metas[5].nullable, found.columns[5].bad_cells), (Some((0.0, 9.9e307)), true, 1));
    assert_eq!(metas[3].storage, synthfleet_proto::metadata::Storage::Float64);
}

#[test]
fn dangerous_texts_are_data() {
    let cells = ["=cmd|x", "<script>alert(1)</script>", "'; drop table t", "../x", "\u{1b}[31mred", "\u{202e}abc"];
    let mut text = "n,=evil,<b>\n".to_owned();
    for row in 0..30 {
        text.push_str(&format!("{row}.5,\"{}\",{}\n", cells[row % cells.len()], row % 2));
    }
    let found = infer(text, &Overrides::default()).expect("inferred");
    assert_eq!(found.metadata.columns[1].header, "=evil");
    let mut levels = found.metadata.columns[1].levels.clone();
    levels.sort();
    let mut expected = cells.to_vec();
    expected.sort_unstable();
    assert_eq!(levels, expected);
    assert!(found.notes.iter().any(|note| note.code == "formula_cells"));
}

#[test]
fn numbers_of_other_lands_are_numbers() {
    let mut text = "datum;wert;preis;anteil\r".to_owned();
    for row in 1..=28 {
        text.push_str(&format!("{row:02}.01.2020;1.{row:03},5;\"$1,2{row:02}.50\";{row} %\r"));
    }
    let found = infer(text, &Overrides::default()).expect("inferred");
    let columns = &found.metadata.columns;
    assert_eq!(
        columns.iter().map(|column| column.kind).collect::<Vec<_>>(),
        [Kind::Datetime, Kind::Continuous, Kind::Continuous, Kind::Continuous]
    );
    assert_eq!(found.metadata.dialect.line_end, "\r");
    let form = |place: usize| columns[place].number.clone().expect("a number");
    assert_eq!((form(1).decimal_mark, form(1).thousands), (',', Some('.')));
    assert_eq!((form(2).prefix.as_str(), form(2).decimal_mark, form(2).thousands), ("$", '.', Some(',')));
    assert_eq!((form(3).suffix.as_str(), form(3).integer), (" %", true));
    assert_eq!(columns[0].date.as_ref().map(|date| date.format.as_str()), Some("%d.%m.%Y"));
}

#[test]
fn too_many_columns_are_refused() {
    let mut options = lenient();
    options.limits.columns_max = 3;
    assert_eq!(code("a,b,c,d\n1,2,3,4\n5,6,7,8\n", &options), "input::too_many_columns");
}

#[test]
fn a_missing_file_names_its_neighbours() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("adult.csv.gz"), "x").expect("writes");
    let source = synthfleet_intake::read::Source::Path(folder.path().join("adult.csv"));
    let error = synthfleet_intake::read::open(&source, &lenient()).expect_err("missing");
    assert_eq!(error.code(), "source::not_found");
    assert!(error.helps().iter().any(|help| help.contains("adult.csv.gz")), "{:?}", error.helps());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_end_with_a_table_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = infer(bytes, &Overrides::default());
    }

    #[test]
    fn any_marks_end_with_a_table_or_an_error(text in "[a1,;\"'\\\\\t\r\n |.:/$%() #éNA-]{0,200}") {
        if let Ok(found) = infer(text, &Overrides::default()) {
            let all = found.accounting;
            prop_assert_eq!(all.rows + all.rejected + all.blank, all.records);
        }
    }
}
