//! Rules, their tests, their pages, and the questions of the dashboards: from one source, all names known.

use super::catalogue::{Catalogue, unknown};
use super::dashboards;
use super::tools::{Tools, judged};
use std::fs;

/// The source.
pub const RULES: &str = "deploy/prometheus/rules.yaml";
/// The source in the operator's wrapping.
const WRAPPED: &str = "deploy/prometheus/prometheusrule.yaml";
/// The cases of each alert.
const TESTS: [&str; 2] = ["deploy/prometheus/rules.test.yaml", "deploy/prometheus/rules.week.test.yaml"];
/// The list of all metrics.
const PAGE: &str = "deploy/docs/metrics.md";
/// Where dashboards lie.
const DASHBOARDS: &str = "deploy/grafana/dashboards";

/// An alert as the source says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// Its name.
    pub name: String,
    /// The text up to its notes: expression, duration, severity.
    pub body: String,
}

/// The alerts of a rules file.
pub fn alerts(rules: &str) -> Vec<Alert> {
    let parts = rules.split("- alert: ").skip(1);
    let alert = |part: &str| {
        let (name, rest) = part.split_once('\n').unwrap_or((part, ""));
        Alert { name: name.trim().to_owned(), body: rest.split("annotations:").next().unwrap_or_default().to_owned() }
    };
    parts.map(alert).collect()
}

/// Files that are made from others: compares them, or writes them.
pub fn generated(catalogue: &Catalogue, write: bool) -> Result<Vec<String>, String> {
    let rules = text(RULES)?;
    let mut files = vec![(WRAPPED.to_owned(), wrapped(&rules)), (PAGE.to_owned(), super::catalogue::page(catalogue))];
    for dashboard in dashboards::ALL {
        files.push((format!("{DASHBOARDS}/{}.json", dashboard.name), format!("{:#}\n", dashboard.json())));
    }
    let mut broken = Vec::new();
    for (path, wanted) in files {
        if write {
            fs::write(&path, &wanted).map_err(|e| format!("{path}: {e}"))?;
        } else if fs::read_to_string(&path).unwrap_or_default() != wanted {
            broken.push(format!("{path} is not what its source says: cargo xtask validate-deploy --write"));
        }
    }
    Ok(broken)
}

fn wrapped(rules: &str) -> String {
    let head = "# Made from rules.yaml by `cargo xtask validate-deploy --write`.\napiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata:\n  name: synthfleet\nspec:\n";
    let body = rules.lines().filter(|line| !line.starts_with('#')).map(|line| format!("  {line}\n"));
    head.to_owned() + &body.collect::<String>()
}

/// What can be judged without Prometheus: names, cases, pages, panels.
pub fn problems(catalogue: &Catalogue) -> Result<Vec<String>, String> {
    let rules = text(RULES)?;
    let tests = TESTS.iter().map(|file| text(file)).collect::<Result<Vec<_>, _>>()?.join("\n");
    let mut broken = of_rules(&rules, catalogue);
    let mut shown = String::new();
    for dashboard in dashboards::ALL {
        for question in dashboard.questions() {
            broken.extend(unknown(question, catalogue).into_iter().map(|problem| format!("dashboard {}: {problem}", dashboard.name)));
            shown += question;
        }
    }
    for alert in alerts(&rules) {
        let page = format!("deploy/docs/runbooks/{}.md", alert.name);
        if !fs::exists(&page).unwrap_or(false) {
            broken.push(format!("{}: no page {page}", alert.name));
        }
        let metric = alert.body.split("synthfleet_").nth(1).unwrap_or_default();
        let metric: String = metric.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        if metric.is_empty() || !shown.contains(&metric) {
            broken.push(format!("{}: no panel shows synthfleet_{metric}", alert.name));
        }
        broken.extend(cases(&alert.name, &tests).into_iter().map(|problem| format!("{}: {problem}", alert.name)));
    }
    Ok(broken)
}

/// Metrics and labels of rules that do not exist, and what each rule must say.
pub fn of_rules(rules: &str, catalogue: &Catalogue) -> Vec<String> {
    let mut broken = Vec::new();
    for alert in alerts(rules) {
        broken.extend(unknown(&alert.body, catalogue).into_iter().map(|problem| format!("{}: {problem}", alert.name)));
        if !["page", "ticket"].iter().any(|severity| alert.body.contains(&format!("severity: {severity}"))) {
            broken.push(format!("{}: its severity is neither page nor ticket", alert.name));
        }
    }
    for note in ["summary:", "runbook:", "dashboard:"] {
        if rules.matches(note).count() < alerts(rules).len() {
            broken.push(format!("an alert has no {note}"));
        }
    }
    broken
}

/// Which of the three cases an alert lacks: one where it fires, one where it is silent, one where it goes away.
fn cases(alert: &str, tests: &str) -> Vec<String> {
    let (mut fires, mut silent, mut resets) = (false, false, false);
    for group in tests.split("  - interval:").skip(1) {
        let asked = group.split("- expr: ").skip(1).filter(|question| question.contains(&format!("\"{alert}\"")));
        let answers: Vec<bool> = asked.map(|question| !question.contains("exp_samples: []")).collect();
        let first = answers.iter().position(|fired| *fired);
        fires |= first.is_some();
        silent |= first.is_none() && !answers.is_empty() || answers.first() == Some(&false);
        resets |= first.is_some_and(|place| answers[place..].contains(&false));
    }
    let wanted = [(fires, "fires"), (silent, "is silent"), (resets, "goes away again")];
    wanted.iter().filter(|(there, _)| !there).map(|(_, case)| format!("no test where it {case}")).collect()
}

/// What Prometheus' own tool says.
pub fn promtool(tools: &Tools) -> Result<Vec<String>, String> {
    let promtool = tools.machine("promtool")?;
    let mut broken = judged(&promtool, &["check", "rules", RULES])?;
    broken.extend(judged(&promtool, &["check", "config", "deploy/prometheus/prometheus.yaml"])?);
    broken.extend(judged(&promtool, &[&["test", "rules"], TESTS.as_slice()].concat())?);
    let questions: Vec<&str> = dashboards::ALL.iter().flat_map(dashboards::Dashboard::questions).collect();
    broken.extend(parsed(tools, "panels", &questions)?);
    Ok(broken)
}

/// Whether expressions are PromQL: each becomes a rule that is checked.
pub fn parsed(tools: &Tools, name: &str, expressions: &[&str]) -> Result<Vec<String>, String> {
    let promtool = tools.machine("promtool")?;
    let rule = |(number, expression): (usize, &&str)| {
        format!("      - record: panel:{number}\n        expr: {}\n", serde_json::Value::from(*expression))
    };
    let rules: String = expressions.iter().enumerate().map(rule).collect();
    let file = format!("{}/{name}.rules", super::render::FOLDER);
    fs::create_dir_all(super::render::FOLDER).map_err(|e| format!("{}: {e}", super::render::FOLDER))?;
    fs::write(&file, format!("groups:\n  - name: panels\n    rules:\n{rules}")).map_err(|e| format!("{file}: {e}"))?;
    judged(&promtool, &["check", "rules", &file])
}

fn text(path: &str) -> Result<String, String> {
    fs::read_to_string(path).map_err(|e| format!("{path}: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_found_with_what_they_ask() {
        let found = alerts("groups:\n  - alert: A\n    expr: x > 1\n    annotations:\n      y: synthfleet_z\n  - alert: B\n    expr: q\n");
        assert_eq!(found.iter().map(|alert| alert.name.as_str()).collect::<Vec<_>>(), ["A", "B"]);
        assert!(!found[0].body.contains("synthfleet_z"));
    }

    #[test]
    fn an_alert_without_one_of_the_three_cases_is_told() {
        let question =
            |fired: bool| format!("- expr: ALERTS{{alertname=\"A\"}}\n exp_samples:{}\n", if fired { "\n - labels" } else { " []" });
        let all = format!("  - interval: 1m\n{}{}{}", question(false), question(true), question(false));
        assert_eq!(cases("A", &all), [""; 0]);
        assert_eq!(cases("A", &format!("  - interval: 1m\n{}{}", question(false), question(true))), ["no test where it goes away again"]);
        assert_eq!(cases("B", &all).len(), 3);
    }
}
