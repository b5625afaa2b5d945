//! The standing hostile inputs, as a person meets them on the command line. The number in a test's
//! name is the row of the set. "Done" means a winner or an explained refusal, never a crash.

mod files;
mod served;
#[path = "../support/mod.rs"]
mod support;
mod tables;

use support::Desk;

fn quick(desk: &Desk, source: &str, more: &[&str]) -> support::Ended {
    let mut arguments = vec!["run", source, "--preset", "quick", "-o", "out"];
    arguments.extend(more);
    desk.run(&arguments)
}

/// Every candidate is done, or skipped or failed with code and reason; every score a number or undefined with a reason.
fn all_accounted(desk: &Desk) {
    let results = desk.json("out/results.json");
    let candidates = results["candidates"].as_array().expect("candidates");
    assert!(!candidates.is_empty());
    for candidate in candidates {
        for repeat in candidate["repeats"].as_array().expect("repeats") {
            let error = &repeat["error"];
            assert!(error.is_null() || (error["code"].is_string() && error["message"].is_string()), "{candidate}");
            for score in repeat["scores"].as_array().into_iter().flatten() {
                let explained = score["value"].is_number() || (score["undefined"].is_string() && score["why"].is_string());
                assert!(explained, "{score}");
            }
        }
    }
    assert!(desk.path("out/manifest.json").exists(), "the output folder is not finished");
}

fn column(text: &str, place: usize) -> Vec<String> {
    text.lines().skip(1).map(|line| line.split(',').nth(place).unwrap_or_default().to_owned()).collect()
}
