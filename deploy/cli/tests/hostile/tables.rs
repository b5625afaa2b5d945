//! Tables whose cells, columns or rows are hostile.

use super::support::{Desk, Dice, plain};
use super::{all_accounted, column, quick};

#[test]
fn h01_thirty_percent_missing_is_kept_with_the_commonest_token() {
    let (desk, mut dice) = (Desk::new(), Dice(1));
    let mut text = String::from("a,b,c\n");
    for _ in 0..1_500 {
        let mut cell = |value: String| if dice.share() < 0.3 { ["NA", "NA", "", "null"][dice.below(4) as usize].to_owned() } else { value };
        let row = [cell("x".to_owned()), cell("17.5".to_owned()), cell("blue".to_owned())];
        let (a, b) = (dice.below(40), dice.share());
        let row = [
            row[0].replace('x', &a.to_string()),
            row[1].replace("17.5", &format!("{b:.3}")),
            row[2].replace("blue", dice.pick(&["blue", "red"])),
        ];
        text.push_str(&format!("{}\n", row.join(",")));
    }
    quick(&desk, desk.file("t.csv", &text).to_str().expect("utf-8"), &["--target", "none"]).must_be_done();
    all_accounted(&desk);
    if desk.path("out/synthetic.csv").exists() {
        let out = desk.text("out/synthetic.csv");
        for place in 0..3 {
            let rows = column(&out, place).len() as f64;
            let missing = column(&out, place).iter().filter(|cell| cell.as_str() == "NA").count() as f64 / rows;
            let kept = column(&text, place).iter().filter(|cell| matches!(cell.as_str(), "" | "NA" | "null")).count() as f64 / 1_500.0;
            // the rows that were kept aside and the draw itself each add their part of the deviation
            let deviation = (kept * (1.0 - kept) * (1.0 / rows + 1.0 / rows - 1.0 / 1_500.0)).sqrt();
            assert!((missing - kept).abs() < 3.0 * deviation, "column {place}: {missing} of {kept}");
        }
    }
}

#[test]
fn h02_constant_columns_come_back_exactly() {
    let desk = Desk::new();
    let text: String = plain(600, 2)
        .lines()
        .enumerate()
        .map(|(i, line)| if i == 0 { format!("{line},n,t,d\n") } else { format!("{line},7.50,only,2020-02-02\n") })
        .collect();
    quick(&desk, desk.file("t.csv", text).to_str().expect("utf-8"), &["--target", "member"]).must_be_done();
    all_accounted(&desk);
    if desk.path("out/synthetic.csv").exists() {
        assert!(desk.text("out/synthetic.csv").lines().skip(1).all(|line| line.ends_with(",7.50,only,2020-02-02")));
    }
}

#[test]
fn h03_twelve_categorical_columns_are_done() {
    let (desk, mut dice) = (Desk::new(), Dice(3));
    let mut text = (0..12).map(|i| format!("c{i}")).collect::<Vec<_>>().join(",") + "\n";
    for _ in 0..800 {
        let base = dice.below(4);
        let cells: Vec<String> = (0..12).map(|i| format!("v{}", if dice.share() < 0.6 { base } else { dice.below(3 + i) })).collect();
        text.push_str(&(cells.join(",") + "\n"));
    }
    quick(&desk, desk.file("t.csv", text).to_str().expect("utf-8"), &[]).must_be_done();
    all_accounted(&desk);
}

#[test]
fn h04_ten_rows_are_done_with_a_note_and_four_are_refused() {
    let desk = Desk::new();
    let ten = desk.file("ten.csv", plain(10, 4));
    let ended = quick(&desk, ten.to_str().expect("utf-8"), &[]).must_be_done();
    assert!(ended.stderr.contains("tiny_table") || ended.stdout.contains("tiny_table"), "{}", ended.stderr);
    all_accounted(&desk);
    let four = desk.file("four.csv", plain(4, 4));
    desk.run(&["run", four.to_str().expect("utf-8"), "-o", "four"]).must_refuse(3, "input::too_few_rows");
    assert!(!desk.path("four/manifest.json").exists());
}

#[test]
fn h11_a_million_labels_are_done_within_bounds() {
    use std::fmt::Write;
    let (desk, mut dice) = (Desk::new(), Dice(11));
    let mut text = String::from("label,n,group\n");
    for i in 0..2_000_000u64 {
        // every label comes twice on average; the first million rows hold each of them
        let label = if i < 1_000_000 { i } else { dice.below(1_000_000) };
        writeln!(text, "k{label:07}x,{},{}", dice.below(1_000), ["a", "b", "c"][dice.below(3) as usize]).expect("memory");
    }
    let file = desk.file("t.csv", text);
    let file = file.to_str().expect("utf-8");
    let (ended, used) = desk.run_measured(&["profile", file, "--format", "json"]);
    let ended = ended.must_end(0);
    let profile: serde_json::Value = serde_json::from_str(&ended.stdout).expect("json");
    assert_eq!(profile["table"]["rows"], 2_000_000);
    assert!(used.peak_bytes <= 512 << 20 && used.cpu_seconds <= 120.0, "intake: {used:?}");
    let label = &profile["columns"][0];
    assert_eq!((&label["kind"], &label["distinct"]), (&"categorical".into(), &1_000_000.into()));
    assert!(
        label["notes"].as_array().is_some_and(|notes| notes.iter().any(|note| note["code"] == "high_cardinality")),
        "{}",
        label["notes"]
    );
    let (ended, used) = desk.run_measured(&["run", file, "--preset", "quick", "-o", "out", "--target", "none"]);
    ended.must_be_done();
    all_accounted(&desk);
    assert!(used.peak_bytes <= 4 << 30, "{used:?}");
}

#[test]
fn h12_an_empty_column_stays_empty() {
    let desk = Desk::new();
    let text: String = plain(500, 12)
        .lines()
        .enumerate()
        .map(|(i, line)| if i == 0 { format!("{line},void\n") } else { format!("{line},NA\n") })
        .collect();
    quick(&desk, desk.file("t.csv", text).to_str().expect("utf-8"), &["--target", "member"]).must_be_done();
    all_accounted(&desk);
    let sdv = desk.json("out/metadata.json");
    let table = sdv["tables"].as_object().and_then(|t| t.values().next()).expect("one table");
    assert_eq!(table["columns"]["void"]["sdtype"], "categorical");
    if desk.path("out/synthetic.csv").exists() {
        assert!(desk.text("out/synthetic.csv").lines().skip(1).all(|line| line.ends_with(",NA")));
    }
}

#[test]
fn h14_two_thousand_columns_are_done() {
    let (desk, mut dice) = (Desk::new(), Dice(14));
    let mut text = (0..2_000).map(|i| format!("c{i}")).collect::<Vec<_>>().join(",") + "\n";
    for _ in 0..500 {
        let base = dice.share();
        let cells: Vec<String> =
            (0..2_000).map(|i| if i % 4 == 0 { format!("l{}", dice.below(4)) } else { format!("{:.3}", base + dice.share()) }).collect();
        text.push_str(&(cells.join(",") + "\n"));
    }
    let file = desk.file("t.csv", text);
    let (ended, used) = desk.run_measured(&["run", file.to_str().expect("utf-8"), "--preset", "quick", "-o", "out"]);
    ended.must_be_done();
    all_accounted(&desk);
    // 120 s on two cores
    assert!(used.peak_bytes <= 4 << 30 && used.cpu_seconds <= 240.0, "{used:?}");
    let report = std::fs::metadata(desk.path("out/report.html")).expect("a report").len();
    assert!(report < 3_000_000, "the report has {report} bytes");
    // pairs are drawn, and it is told
    assert!(desk.text("out/report.html").contains("Of 1\u{202f}999\u{202f}000 pairs 100\u{202f}000 were drawn and compared"));
}

#[test]
fn h19_codes_and_great_numbers_keep_their_digits() {
    let (desk, mut dice) = (Desk::new(), Dice(19));
    let mut text = String::from("code,great,wide,small,label\n");
    for _ in 0..600 {
        let great = 9_007_199_254_740_993i64 + dice.below(50) as i64 * 2;
        let wide = if dice.share() < 0.5 { "1e308" } else { "-0.0" };
        text.push_str(&format!(
            "{:05},{great},{wide},{},{}\n",
            dice.below(60),
            dice.pick(&["5e-324", "1e-310", "0"]),
            dice.pick(&["inf", "x"])
        ));
    }
    quick(&desk, desk.file("t.csv", text).to_str().expect("utf-8"), &[]).must_be_done();
    all_accounted(&desk);
    if desk.path("out/synthetic.csv").exists() {
        let out = desk.text("out/synthetic.csv");
        assert!(column(&out, 0).iter().all(|cell| cell.len() == 5), "leading zeros were lost");
        assert!(column(&out, 1).iter().all(|cell| cell.parse::<i64>().is_ok_and(|n| n % 2 == 1)), "whole numbers lost digits");
    }
}

#[test]
fn h20_formulas_markup_and_escapes_are_data() {
    let (desk, mut dice) = (Desk::new(), Dice(20));
    let labels = ["=cmd|'/c calc'!A0", "<script>alert(1)</script>", "'; drop table x", "../x", "\u{1b}[31mred", "\u{202e}abc"];
    let mut text = String::from("<script>h</script>,n,=x\n");
    for _ in 0..900 {
        text.push_str(&format!("{},{},{}\n", dice.pick(&labels), dice.below(90), dice.pick(&["p", "q"])));
    }
    let ended = quick(&desk, desk.file("t.csv", &text).to_str().expect("utf-8"), &[]).must_be_done();
    assert!(!ended.stdout.contains('\u{1b}') && !ended.stderr.contains('\u{1b}'), "an escape reached the terminal");
    all_accounted(&desk);
    let report = desk.text("out/report.html");
    assert!(!report.contains("<script>alert(1)") && !report.contains("<script>h<"), "markup reached the page");
    if desk.path("out/synthetic.csv").exists() {
        assert!(desk.text("out/synthetic.csv").contains("<script>alert(1)</script>"));
    }
}

#[test]
fn h22_repeated_rows_and_columns_are_done_and_a_named_useless_target_is_refused() {
    let desk = Desk::new();
    let base = plain(60, 22);
    let mut lines: Vec<&str> = base.lines().collect();
    let head = lines.remove(0);
    let mut text = format!("{head},member2,same\n");
    for i in 0..600 {
        let line = lines[if i % 10 == 0 { i / 10 } else { 7 }];
        text.push_str(&format!("{line},{},k\n", line.rsplit(',').next().unwrap_or_default()));
    }
    let file = desk.file("t.csv", text);
    let file = file.to_str().expect("utf-8");
    quick(&desk, file, &[]).must_be_done();
    all_accounted(&desk);
    desk.run(&["run", file, "--target", "same", "-o", "named"]).must_refuse(3, "columns::target_unusable");
}
