//! Files, forms and sources that are hostile.

use super::support::{self, Desk, Dice, plain};
use super::{all_accounted, column, quick};

#[test]
fn h05_ragged_rows_are_told_and_each_policy_accounts_for_all_rows() {
    let desk = Desk::new();
    let mut lines: Vec<String> = plain(400, 5).lines().map(str::to_owned).collect();
    lines[20].push_str(",extra");
    lines[30] = "18,1000.00".to_owned();
    let file = desk.file("t.csv", lines.join("\n") + "\n");
    let file = file.to_str().expect("utf-8");
    let ended = quick(&desk, file, &[]).must_refuse(3, "csv::ragged");
    assert!(ended.stderr.contains("t.csv:21"), "{}", ended.stderr);
    assert!(!desk.path("out/manifest.json").exists());
    for (policy, rows) in [("skip", 398), ("save", 398), ("pad", 399)] {
        let ended = desk.run(&["profile", file, "--format", "json", "--bad-rows", policy]).must_end(0);
        let profile: serde_json::Value = serde_json::from_str(&ended.stdout).expect("json");
        assert_eq!(profile["table"]["rows"], rows, "{policy}");
        assert_eq!(profile["source"]["rejected_rows"], 400 - rows, "{policy}");
    }
}

#[test]
fn h06_duplicate_empty_and_spaced_headers_come_back_byte_equal() {
    let desk = Desk::new();
    let text = plain(400, 6).replacen("age,income,region,day,member", "a,a,, b ,c", 1);
    quick(&desk, desk.file("t.csv", text).to_str().expect("utf-8"), &[]).must_be_done();
    all_accounted(&desk);
    if desk.path("out/synthetic.csv").exists() {
        assert_eq!(desk.text("out/synthetic.csv").lines().next(), Some("a,a,, b ,c"));
    }
}

#[test]
fn h07_a_huge_cell_is_refused_naming_the_line_of_its_quote() {
    let desk = Desk::new();
    let mut text = plain(50, 7);
    text.push_str(&format!("20,1000.00,\"{}\",2024-01-01,yes\n", "x".repeat(10 << 20)));
    let open = plain(50, 7) + "20,1000.00,\"never closed,2024-01-01,yes\n" + &plain(1_700_000, 8);
    assert!(open.len() > 50_000_000, "{}", open.len());
    for (name, text) in [("cell.csv", text.as_bytes()), ("open.csv", open.as_bytes())] {
        let file = desk.file(name, text);
        let (ended, used) = desk.run_measured(&["run", file.to_str().expect("utf-8"), "-o", "out"]);
        let ended = ended.must_refuse(3, "csv::cell_too_large");
        assert!(ended.stderr.contains(&format!("{name}:52")), "{}", &ended.stderr[..ended.stderr.len().min(500)]);
        assert!(used.peak_bytes <= 64 << 20 && used.cpu_seconds <= 2.0, "{name}: {used:?}");
    }
    let mut short = plain(50, 7) + "20,1000.00,\"never closed,2024-01-01,yes\n" + &plain(2_000, 8);
    quick(&desk, desk.file("short.csv", &short).to_str().expect("utf-8"), &[]).must_refuse(3, "csv::unterminated_quote");
    // a cell below the limit is text like any other
    short = plain(300, 7).replacen("north", &"y".repeat(900 << 10), 1);
    desk.run(&["profile", desk.file("long.csv", short).to_str().expect("utf-8")]).must_end(0);
}

#[test]
fn h08_nul_bytes_are_refused_or_stripped_and_garbage_is_named() {
    let desk = Desk::new();
    let text = plain(300, 8).replacen("north", "no\0rth", 1);
    let file = desk.file("t.csv", text);
    let file = file.to_str().expect("utf-8");
    quick(&desk, file, &[]).must_refuse(3, "csv::nul_byte");
    desk.run(&["profile", file, "--bad-bytes", "strip"]).must_end(0);
    let mut dice = Dice(8);
    let garbage: Vec<u8> = (0..20_000).map(|_| dice.next() as u8).collect();
    let ended = quick(&desk, desk.file("g.csv", garbage).to_str().expect("utf-8"), &[]).must_end(3);
    assert!(ended.stderr.contains("error["), "{}", ended.stderr);
}

#[test]
fn h09_windows_1252_is_read_with_a_note_and_written_as_utf_8() {
    let desk = Desk::new();
    let text = plain(600, 9).replace("north", "n\u{e9}rd").replace("south", "\u{201c}s\u{201d}");
    let bytes: Vec<u8> = text
        .chars()
        .map(|c| match c {
            '\u{201c}' => 0x93,
            '\u{201d}' => 0x94,
            c => c as u32 as u8,
        })
        .collect();
    let ended = quick(&desk, desk.file("t.csv", bytes).to_str().expect("utf-8"), &[]).must_be_done();
    assert!(ended.stderr.contains("encoding_guessed"), "{}", ended.stderr);
    if desk.path("out/synthetic.csv").exists() {
        assert!(desk.text("out/synthetic.csv").contains("n\u{e9}rd"));
    }
}

#[test]
fn h10_byte_order_marks_and_utf_16_read_like_their_twin() {
    let desk = Desk::new();
    let text = plain(300, 10);
    let twin = profile_columns(&desk, "twin.csv", text.as_bytes());
    let mut marked = vec![0xef, 0xbb, 0xbf];
    marked.extend(text.as_bytes());
    assert_eq!(profile_columns(&desk, "bom.csv", &marked), twin);
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for (name, mark, body) in [
        ("le.csv", &[0xff, 0xfe][..], &little),
        ("be.csv", &[0xfe, 0xff][..], &big),
        ("le0.csv", &[][..], &little),
        ("be0.csv", &[][..], &big),
    ] {
        assert_eq!(profile_columns(&desk, name, &[mark, body].concat()), twin, "{name}");
    }
}

fn profile_columns(desk: &Desk, name: &str, bytes: &[u8]) -> serde_json::Value {
    let file = desk.file(name, bytes);
    let ended = desk.run(&["profile", file.to_str().expect("utf-8"), "--format", "json"]).must_end(0);
    let profile: serde_json::Value = serde_json::from_str(&ended.stdout).expect("json");
    profile["columns"].clone()
}

#[test]
fn h13_mixed_date_formats_are_read_and_one_is_written() {
    let (desk, mut dice) = (Desk::new(), Dice(13));
    let mut text = String::from("when,amount,kind\n");
    for i in 0..600 {
        let (year, month, day) = (2_020 + dice.below(4), 1 + dice.below(12), 1 + dice.below(28));
        let date = match i % 10 {
            0 => format!("{day:02}.{month:02}.{year}"),
            1 => format!("{year}/{month:02}/{day:02}"),
            _ => format!("{year}-{month:02}-{day:02}"),
        };
        text.push_str(&format!("{date},{:.2},{}\n", dice.share() * 50.0, dice.pick(&["a", "b"])));
    }
    let ended = quick(&desk, desk.file("t.csv", text).to_str().expect("utf-8"), &[]).must_be_done();
    assert!(ended.stderr.contains("mixed_date_formats"), "{}", ended.stderr);
    if desk.path("out/synthetic.csv").exists() {
        let out = desk.text("out/synthetic.csv");
        assert!(column(&out, 0).iter().all(|cell| cell.len() == 10 && cell.as_bytes()[4] == b'-'), "{}", &out[..200]);
    }
}

#[test]
fn h15_empty_files_are_named_and_one_column_is_done() {
    let desk = Desk::new();
    for (name, bytes, code) in
        [("empty.csv", "", "input::empty"), ("blank.csv", "\n\n\n", "input::empty"), ("header.csv", "a,b,c\n", "csv::header_only")]
    {
        quick(&desk, desk.file(name, bytes).to_str().expect("utf-8"), &[]).must_refuse(3, code);
    }
    let one: String = std::iter::once("x\n".to_owned()).chain((0..200).map(|i| format!("{}\n", (i * 37) % 101))).collect();
    quick(&desk, desk.file("one.csv", one).to_str().expect("utf-8"), &[]).must_be_done();
    all_accounted(&desk);
}

#[test]
fn h16_pages_and_workbooks_are_named() {
    let desk = Desk::new();
    let html = "<!DOCTYPE html>\n<html><body>Not found</body></html>\n";
    let workbook = b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00[Content_Types].xml xl/workbook.xml";
    for (name, bytes) in [("page.csv", html.as_bytes()), ("book.csv", &workbook[..]), ("print.csv", &b"%PDF-1.7\n%..."[..])] {
        quick(&desk, desk.file(name, bytes).to_str().expect("utf-8"), &[]).must_refuse(3, "input::unsupported");
    }
}

#[test]
fn h17_a_truncated_gzip_is_named() {
    let desk = Desk::new();
    let whole = gzip(plain(2_000, 17).as_bytes());
    quick(&desk, desk.file("cut.csv.gz", &whole[..whole.len() / 2]).to_str().expect("utf-8"), &[]).must_refuse(3, "source::truncated");
    let file = desk.file("whole.csv.gz", &whole);
    desk.run(&["profile", file.to_str().expect("utf-8")]).must_end(0);
}

#[test]
fn h17_a_bomb_is_refused_before_it_has_grown() {
    let desk = Desk::new();
    // ten gibibytes of zeros: the same member again and again
    let bomb = gzip(&vec![0; 64 << 20]).repeat(160);
    let file = desk.file("bomb.csv.gz", bomb);
    let (ended, used) = desk.run_measured(&["run", file.to_str().expect("utf-8"), "-o", "out"]);
    ended.must_refuse(3, "source::bomb");
    assert!(used.peak_bytes <= 512 << 20 && used.cpu_seconds <= 10.0, "{used:?}");
    assert!(!desk.path("out").exists(), "an output folder was begun");
}

#[test]
fn h17_an_archive_is_refused_by_name() {
    let desk = Desk::new();
    let archive =
        b"PK\x03\x04\x14\x00\x00\x00\x00\x00\x00\x00!\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x08\x00\x00\x00../t.csv";
    let ended = quick(&desk, desk.file("t.csv.zip", archive).to_str().expect("utf-8"), &[]).must_refuse(3, "input::unsupported");
    assert!(ended.stderr.contains("zip"), "{}", ended.stderr);
    assert!(!desk.path("../t.csv").exists());
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(bytes).expect("memory");
    writer.finish().expect("memory")
}

#[test]
fn h18_damaged_parquet_is_named() {
    let desk = Desk::new();
    let source = desk.file("t.csv", plain(500, 18));
    desk.run(&["synthesize", source.to_str().expect("utf-8"), "-s", "independent", "-o", "s"]).must_end(0);
    let good = std::fs::read(desk.path("s/sample.parquet")).expect("a sample");
    desk.run(&["profile", desk.path("s/sample.parquet").to_str().expect("utf-8")]).must_end(0);
    let mut footer = good.clone();
    let length = footer.len();
    footer[length - 8..length - 4].copy_from_slice(&u32::MAX.to_le_bytes());
    let cut = &good[..good.len() / 2];
    for (name, bytes) in [("footer.parquet", footer.as_slice()), ("cut.parquet", cut)] {
        quick(&desk, desk.file(name, bytes).to_str().expect("utf-8"), &[]).must_refuse(3, "parquet::footer");
    }
}

fn made_elsewhere(name: &str) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn h18_old_timestamps_of_parquet_are_instants() {
    let desk = Desk::new();
    let file = desk.file("t.parquet", made_elsewhere("int96.parquet"));
    let ended = desk.run(&["profile", file.to_str().expect("utf-8"), "--format", "sdv"]).must_end(0);
    let sdv: serde_json::Value = serde_json::from_str(&ended.stdout).expect("json");
    let table = sdv["tables"].as_object().and_then(|tables| tables.values().next()).expect("one table");
    assert_eq!(table["columns"]["at"]["sdtype"], "datetime", "{table}");
    quick(&desk, file.to_str().expect("utf-8"), &["--formats", "csv"]).must_be_done();
    all_accounted(&desk);
    if desk.path("out/synthetic.csv").exists() {
        let out = desk.text("out/synthetic.csv");
        assert!(column(&out, 0).iter().all(|cell| cell.starts_with("2021-")), "{}", &out[..200]);
    }
}

#[test]
fn h18_nested_decimal_and_zoned_columns_keep_their_values() {
    let desk = Desk::new();
    let good = made_elsewhere("rich.parquet");
    let file = desk.file("t.parquet", &good);
    quick(&desk, file.to_str().expect("utf-8"), &["--formats", "csv"]).must_be_done();
    all_accounted(&desk);
    if desk.path("out/synthetic.csv").exists() {
        let out = desk.text("out/synthetic.csv");
        assert!(out.starts_with("price,zoned,place.town,place.floor,list,kind,great\n"), "{}", &out[..200]);
        let cents = |cell: &String| cell.split_once('.').is_some_and(|(_, digits)| digits.len() == 2);
        assert!(column(&out, 0).iter().all(cents), "decimals lost their scale");
        assert!(column(&out, 1).iter().all(|cell| cell.starts_with("2021-") && cell.contains("+02:00")), "{}", &out[..200]);
        assert!(out.lines().skip(1).all(|line| line.rsplit(',').next().is_some_and(|n| n.parse::<i64>().is_ok_and(|n| n % 2 == 1))));
    }
    // the footer's count of rows, 400, becomes the largest number there is
    let place = good.windows(4).rposition(|bytes| bytes == [0x16, 0xa0, 0x06, 0x19]).expect("the count of rows");
    let count = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    let mut absurd = [&good[..=place], &count, &good[place + 3..]].concat();
    let length = absurd.len();
    let footer = u32::from_le_bytes(good[good.len() - 8..good.len() - 4].try_into().expect("four bytes")) + 8;
    absurd[length - 8..length - 4].copy_from_slice(&footer.to_le_bytes());
    let file = desk.file("absurd.parquet", absurd);
    let (ended, used) = desk.run_measured(&["run", file.to_str().expect("utf-8"), "-o", "absurd"]);
    let ended = ended.must_refuse(3, "parquet::footer");
    assert!(ended.stderr.contains("9223372036854775807") && used.peak_bytes <= 128 << 20, "{used:?}\n{}", ended.stderr);
}

#[test]
fn h21_line_ends_quoted_newlines_and_european_numbers_come_back() {
    let (desk, mut dice) = (Desk::new(), Dice(21));
    let mut text = String::from("preis;betrag;anteil;text\r");
    for _ in 0..700 {
        let (euro, cents) = (1 + dice.below(9), dice.below(100));
        let dollars = 1_000 + dice.below(8_000);
        text.push_str(&format!(
            "{euro}.{:03},{cents:02};\"$1,{:03}.50\";{} %;\"a\n{}\"\r",
            dice.below(1_000),
            dollars % 1_000,
            dice.below(100),
            dice.pick(&["b", "c"])
        ));
    }
    quick(&desk, desk.file("t.csv", &text).to_str().expect("utf-8"), &[]).must_be_done();
    all_accounted(&desk);
    if desk.path("out/synthetic.csv").exists() {
        let out = desk.text("out/synthetic.csv");
        assert!(out.starts_with("preis;betrag;anteil;text\r") && out.contains(" %;"), "{}", &out[..120]);
        assert!(out.contains("\"a\nb\"") && out.contains("$1,"), "{}", &out[..120]);
    }
}

#[test]
fn h23_a_file_that_is_not_there_is_named_with_its_neighbours() {
    let desk = Desk::new();
    desk.file("table.csv", plain(50, 23));
    let ended = desk.run(&["run", "tabel.csv"]).must_refuse(3, "source::not_found");
    assert!(ended.stderr.contains("table.csv"), "{}", ended.stderr);
}

#[test]
fn h23_a_file_that_changes_while_it_is_read_is_named_and_read_again_when_it_rests() {
    use std::io::Write;
    let desk = Desk::new();
    let file = desk.file("t.csv", plain(1_000_000, 23));
    let arguments = ["profile", file.to_str().expect("utf-8"), "--format", "json"];
    let mut child =
        desk.command(&arguments).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped()).spawn().expect("starts");
    // the rows that come later are like the others: only that there are more of them tells
    let mut growing = std::fs::OpenOptions::new().append(true).open(&file).expect("a file");
    while child.try_wait().expect("a child of this process").is_none() {
        growing.write_all(plain(1, 5).lines().nth(1).expect("a row").as_bytes()).and_then(|()| growing.write_all(b"\n")).expect("room");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let output = child.wait_with_output().expect("ended");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("error[source::changed]") && told.contains("help:"), "{told}");
    assert_eq!(output.status.code(), Some(3), "{told}");
    desk.run(&arguments).must_end(0);
}

#[test]
fn h23_a_file_that_vanishes_while_it_is_read_is_named() {
    let desk = Desk::new();
    let file = desk.file("t.csv", plain(3_000_000, 23));
    let mut command = desk.command(&["profile", file.to_str().expect("utf-8"), "--format", "json"]);
    let mut child = command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped()).spawn().expect("starts");
    let mut is_over = || child.try_wait().expect("a child of this process").is_some();
    while !support::is_open(&file) {
        assert!(!is_over(), "it was never seen to read");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    std::fs::remove_file(&file).expect("own file");
    assert!(!is_over(), "it was read too fast to vanish meanwhile");
    let ended = support::Ended::of(&child.wait_with_output().expect("ended"));
    ended.must_refuse(3, "source::changed");
}

#[test]
fn h23_a_full_disk_ends_with_a_reason_and_the_next_run_goes_on() {
    let desk = Desk::new();
    let file = desk.file("t.csv", plain(900, 23));
    std::fs::create_dir(desk.path("small")).expect("a folder");
    // a folder of 300 kB that only this run sees
    let script = format!(
        "mount -t tmpfs -o size=300k none small && exec {} run {} --preset quick -o small/out",
        env!("CARGO_BIN_EXE_synthfleet"),
        file.display()
    );
    let output = desk.of_program("unshare", &["--map-root-user", "--mount", "sh", "-c", &script]).output().expect("unshare starts");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("error[io::disk_full]") && told.contains("help:"), "{told}");
    assert!(!told.contains('\u{1b}'), "an escape reached a file: {told}");
    assert_eq!(output.status.code(), Some(1), "{told}");
    let ended = quick(&desk, file.to_str().expect("utf-8"), &[]).must_be_done();
    let again = ended.stderr.lines().find(|line| line.contains(" syn-") && !line.contains("cached"));
    assert!(again.is_none(), "a finished task was done again: {}", ended.stderr);
    all_accounted(&desk);
}

#[test]
fn h23_a_file_that_may_not_be_read_is_named_with_its_remedy() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    let file = desk.file("t.csv", plain(50, 23));
    let set_rights =
        |path: &std::path::Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("own files");
    set_rights(&file, 0o000);
    set_rights(&desk.path(""), 0o777);
    // rights do not bind root: as somebody else, which root may become
    let own = ["run", "t.csv", "-o", "out"];
    let ended = match std::fs::read(&file) {
        Err(_) => desk.run(&own),
        Ok(_) => support::Ended::of(&desk.command_of_nobody(&own).output().expect("setpriv starts")),
    };
    ended.must_refuse(5, "source::denied");
}

#[test]
fn h24_wrong_metadata_is_refused_with_a_pointer() {
    let desk = Desk::new();
    let file = desk.file("t.csv", plain(200, 24));
    let file = file.to_str().expect("utf-8");
    let other = r#"{"tables":{"t":{"columns":{"height":{"sdtype":"numerical"}}}},"relationships":[],"METADATA_SPEC_VERSION":"V1"}"#;
    let strange =
        r#"{"tables":{"t":{"columns":{"age":{"sdtype":"numerical","colour":"red"}}}},"relationships":[],"METADATA_SPEC_VERSION":"V1"}"#;
    let three = r#"{"tables":{"a":{"columns":{}},"b":{"columns":{}},"c":{"columns":{}}},"relationships":[],"METADATA_SPEC_VERSION":"MULTI_TABLE_V1"}"#;
    for (name, text, code, pointer) in [
        ("o.json", other, "metadata::mismatch", "/tables/t/columns/height"),
        ("s.json", strange, "metadata::unknown_key", "/tables/t/columns/age/colour"),
        ("m.json", three, "metadata::multi_table", "/tables"),
    ] {
        let metadata = desk.file(name, text);
        let ended = desk.run(&["run", file, "--metadata", metadata.to_str().expect("utf-8"), "-o", "out"]);
        assert!(ended.stderr.contains(&format!("error[{code}]")), "expected {code}\n{}", ended.stderr);
        assert_eq!(ended.code, 3, "{}", ended.stderr);
        assert!(ended.stderr.contains(&format!("{name}  ")) && ended.stderr.contains(&format!("option {pointer}\n")), "{}", ended.stderr);
    }
}
