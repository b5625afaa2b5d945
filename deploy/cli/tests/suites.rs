//! Commands over many tables: leaderboards here and on a fleet, and the judge judged.

mod support;

use serde_json::{Value, json};
use support::fleet::Ground;
use support::{Desk, shared};

/// A cheap suite: two laws of 2020 and a table.
const WHAT: [&str; 3] = ["sim:ring?rows=2000", "sim:asia?rows=2000", "people.csv"];

fn people() -> String {
    let mut table = "age,city,score,y\n".to_owned();
    for row in 0..600u64 {
        let city = ["Rome", "Oslo", "Bern"][(row * 7 % 11 % 3) as usize];
        table +=
            &format!("{},{city},{:.2},{}\n", 20 + row * 7 % 50, (row * 37 % 101) as f64 / 7.0, if row * 5 % 13 < 4 { "yes" } else { "no" });
    }
    table
}

/// The leaderboard without what depends on time.
fn board(text: &str) -> Vec<Vec<String>> {
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let header = lines.next().expect("a header");
    let timeless: Vec<usize> =
        (0..header.len()).filter(|&place| !header[place].ends_with("seconds") && header[place] != "Wins_SDGym").collect();
    std::iter::once(header.clone()).chain(lines).map(|line| timeless.iter().map(|&place| line[place].clone()).collect()).collect()
}

/// Runs a suite here and on a fleet of two workers: both leaderboards must be equal.
#[expect(clippy::print_stdout, reason = "the figures are what the long shelf is run for")]
fn equal_here_and_there(ground: &Ground, what: &[&str], flags: &[&str]) {
    let arguments = |output: &'static str| [&["suite"], what, flags, &["-o", output]].concat();
    ground.desk.run(&arguments("here")).must_end(0);
    let here = ground.desk.text("here/leaderboard.csv");
    let coordinator = ground.coordinator();
    let _workers = [ground.worker("*", 1), ground.worker("synthesize:*", 1)];
    coordinator.sees(2);
    let server = format!("http://127.0.0.1:{}", coordinator.port("api"));
    let there = [arguments("there").as_slice(), &["--fleet", "--server", &server]].concat();
    ground.desk.run(&there).must_end(0);
    assert_eq!(board(&ground.desk.text("there/leaderboard.csv")), board(&here));
    println!("{here}");
}

#[test]
fn a_suite_gives_one_leaderboard_here_and_the_same_on_a_fleet() {
    let ground = Ground::new();
    ground.desk.file("people.csv", people());
    let flags = ["--synthesizers", "clbn", "gaussian_copula", "--repeats", "1", "--weights", "sdgym2020", "--target", "none"];
    equal_here_and_there(&ground, &WHAT, &flags);
    assert!(ground.desk.text("here/leaderboard.html").contains("<table"));
    assert!(ground.desk.path("here/tables/people/report.html").exists());
}

#[test]
#[ignore = "long: eight tables, twice"]
fn the_suite_of_2020_gives_the_same_on_a_fleet() {
    let adult = shared("data/adult.csv.gz");
    equal_here_and_there(&Ground::new(), &["sdgym2020", adult.to_str().expect("utf-8")], &[]);
}

#[test]
fn a_table_that_fails_costs_itself_alone() {
    let desk = Desk::new();
    desk.file("good.csv", people());
    let ended = desk.run(&["suite", "good.csv", "missing.csv", "-s", "clbn", "--repeats", "1", "-b", "column_shapes", "-o", "out"]);
    assert!(ended.stderr.contains("source::not_found"), "{}", ended.stderr);
    ended.must_end(3);
    assert!(desk.text("out/leaderboard.csv").contains("clbn"));
}

#[test]
fn a_suite_without_any_result_tells_each_error_once() {
    let desk = Desk::new();
    let ended = desk.run(&["suite", "missing.csv", "--json", "-o", "out"]);
    assert_eq!(ended.stderr.matches("error[source::not_found]").count(), 1, "{}", ended.stderr);
    let told: Value = serde_json::from_str(&ended.stdout).expect("one object");
    assert_eq!((&told["tables"], &told["failed"]), (&json!(0), &json!(1)));
    ended.must_end(3);
}

#[test]
fn known_error_12_gates_and_score_know_the_answers_that_are_known() {
    let desk = Desk::new();
    let tables = ["data/adult.csv.gz", "data/california_housing.csv.gz", "data/titanic.csv"].map(shared);
    let mut arguments = vec!["doctor", "--json", "--seeds", "2", "--calibrate"];
    arguments.extend(tables.iter().map(|table| table.to_str().expect("utf-8")));
    let ended = desk.run(&arguments);
    let found: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{}", ended.stderr));
    assert_eq!(found["runs"], 10);
    assert_eq!(found["passed"], true, "{found:#}");
    ended.must_end(0);
}
