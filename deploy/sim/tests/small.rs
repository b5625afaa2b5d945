//! A small fleet with every kind of fault, in seconds.

use synthfleet_sim::settings::{Defect, Settings};
use synthfleet_sim::{Report, scale};

fn simulate(settings: Settings) -> Report {
    scale(settings).expect("simulated")
}

fn number(report: &Report, pointer: &str) -> f64 {
    report.figures.pointer(pointer).and_then(serde_json::Value::as_f64).unwrap_or_else(|| panic!("no {pointer}"))
}

/// A tenth of the small fleet.
fn tiny() -> Settings {
    Settings { slots: 60, tasks: 600, tenants: 4, ..Settings::small() }
}

#[test]
fn five_thousand_tasks_end_once_each_while_slots_coordinators_and_broker_die() {
    let report = simulate(Settings::small());
    assert_eq!(report.violations, 0, "{}", report.text());
    assert!(number(&report, "/tasks/planned") >= 5_000.0);
    assert_eq!(number(&report, "/tasks/planned"), number(&report, "/tasks/outcomes"));
    assert!(number(&report, "/faults/slots") > 0.0 && number(&report, "/faults/coordinators") > 0.0, "{}", report.text());
    let dropped = number(&report, "/faults/tasks_in_dead_hands");
    assert!(number(&report, "/extra_attempts") <= dropped, "a death costs at most one more attempt:\n{}", report.text());
}

#[test]
fn equal_seeds_give_equal_figures() {
    assert_eq!(simulate(tiny()).figures, simulate(tiny()).figures);
    assert_ne!(simulate(tiny()).figures, simulate(Settings { seed: 2, ..tiny() }).figures);
}

#[test]
fn outcomes_that_the_store_forgets_are_told() {
    let report = simulate(Settings { defect: Some(Defect::DropOutcome(100)), ..tiny().calm() });
    assert!(number(&report, "/violations/by_kind/second_outcome") > 0.0, "{}", report.text());
}

#[test]
fn a_job_that_nobody_looks_after_is_told() {
    let report = simulate(Settings { defect: Some(Defect::LoseJob(3)), ..tiny().calm() });
    assert!(number(&report, "/violations/by_kind/job_without_end") > 0.0, "{}", report.text());
}
