//! The metrics that there are, read from the catalogues in the sources, and what PromQL asks of them.

use std::collections::{BTreeMap, BTreeSet};

/// Where the catalogues are.
pub const FILES: [&str; 5] = [
    "worker/src/metrics.rs",
    "coordinator/src/metrics.rs",
    "proto/store/src/metrics.rs",
    "proto/broker/src/metrics.rs",
    "deploy/cli/src/traces/metrics.rs",
];
/// Labels that Prometheus itself gives.
const GIVEN: [&str; 5] = ["instance", "job", "le", "alertname", "alertstate"];

/// A family of series.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Family {
    /// `counter`, `gauge` or `histogram`.
    pub sort: String,
    /// Its labels.
    pub labels: BTreeSet<String>,
    /// What it says.
    pub help: String,
}

/// Every family by its full name.
pub type Catalogue = BTreeMap<String, Family>;

/// Reads all catalogues, from the root of the repository.
pub fn read() -> Result<Catalogue, String> {
    let mut all = Catalogue::new();
    for file in FILES {
        let text = std::fs::read_to_string(file).map_err(|e| format!("{file}: {e}"))?;
        for (name, family) in parse(&text) {
            all.entry(name).or_insert_with(|| Family { labels: BTreeSet::new(), ..family.clone() }).labels.extend(family.labels);
        }
    }
    if all.len() < 40 { Err(format!("only {} families in {}", all.len(), FILES.join(", "))) } else { Ok(all) }
}

/// The families of one source: lines `NAME = counter("name"; &[LABELS]; "help");`.
fn parse(source: &str) -> Catalogue {
    let product = source.split("#[cfg(test)]").next().unwrap_or_default();
    let mut constants = BTreeMap::new();
    for line in product.lines().filter_map(|line| line.strip_prefix("const ")) {
        if let (Some(name), Some(label)) = (line.split(':').next(), quoted(line).into_iter().next()) {
            constants.insert(name.to_owned(), label);
        }
    }
    let mut families = Catalogue::new();
    for line in product.lines() {
        let Some((_, call)) = line.split_once(" = ") else { continue };
        let Some((sort, rest)) = call.split_once('(').filter(|(sort, _)| ["counter", "gauge", "histogram"].contains(sort)) else {
            continue;
        };
        let (Some(name), Some(list)) = (quoted(rest).into_iter().next(), rest.split(';').nth(1)) else { continue };
        let labels = labels_of(list.trim(), &constants);
        let help = quoted(rest).pop().unwrap_or_default();
        families.insert(format!("synthfleet_{name}"), Family { sort: sort.to_owned(), labels, help });
    }
    families
}

/// The page that lists every family.
pub fn page(catalogue: &Catalogue) -> String {
    let row = |(name, family): (&String, &Family)| {
        let labels: Vec<&str> = family.labels.iter().map(String::as_str).collect();
        format!("| `{name}` | {} | {} | {} |\n", family.sort, labels.join(", "), family.help)
    };
    let rows: String = catalogue.iter().map(row).collect();
    format!(
        "# Metrics\n\nWhat `/metrics` of the port for operators tells, made from the catalogues in the sources by `cargo xtask \
         validate-deploy --write`. No label names a job, tenant, table, column or host.\n\n| name | sort | labels | meaning |\n\
         |---|---|---|---|\n{rows}"
    )
}

/// What real processes told: the `.txt` files of a folder, each the text that one of them gave to Prometheus.
pub fn scraped(folder: &str) -> Result<Catalogue, String> {
    let mut all = Catalogue::new();
    for entry in std::fs::read_dir(folder).map_err(|e| format!("{folder}: {e}"))?.flatten() {
        let text = std::fs::read_to_string(entry.path()).map_err(|e| format!("{}: {e}", entry.path().display()))?;
        for (name, family) in exposed(&text) {
            all.entry(name).or_insert_with(|| Family { labels: BTreeSet::new(), ..family.clone() }).labels.extend(family.labels);
        }
    }
    if all.is_empty() { Err(format!("nothing was told in {folder}")) } else { Ok(all) }
}

/// The families of a text in Prometheus' form.
fn exposed(text: &str) -> Catalogue {
    let mut families = Catalogue::new();
    for line in text.lines() {
        if let Some((name, sort)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            families.insert(name.to_owned(), Family { sort: sort.trim().to_owned(), ..Family::default() });
        }
        let Some((name, rest)) = line.split_once('{').filter(|_| !line.starts_with('#')) else { continue };
        let base =
            ["_bucket", "_count", "_sum"].iter().find_map(|part| name.strip_suffix(part).filter(|base| families.contains_key(*base)));
        let Some(family) = families.get_mut(base.unwrap_or(name)) else { continue };
        family.labels.extend(label_names(rest));
    }
    families
}

/// The names in `kind="x",name="y"} 1`; what stands between quotes is passed over.
fn label_names(mut rest: &str) -> Vec<String> {
    let mut names = Vec::new();
    while let Some((name, after)) = rest.split_once("=\"") {
        names.push(name.trim_start_matches(',').to_owned());
        let end = after.match_indices('"').map(|(place, _)| place).find(|place| !after[..*place].ends_with('\\'));
        rest = end.map_or("", |place| &after[place + 1..]);
    }
    names
}

/// Families of the sources that no process told, or told as another sort. Counts of what may never happen begin with
/// their first event, so their absence says nothing.
pub fn untold(sources: &Catalogue, told: &Catalogue, events: &[&str]) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, family) in sources {
        match told.get(name) {
            None if !events.contains(&name.as_str()) => problems.push(format!("no process tells {name}")),
            Some(real) if real.sort != family.sort => {
                problems.push(format!("{name} is a {}, the catalogue says {}", real.sort, family.sort))
            }
            _ => {}
        }
    }
    problems.extend(
        told.keys()
            .filter(|name| name.starts_with("synthfleet_") && !sources.contains_key(*name))
            .map(|name| format!("no catalogue has {name}")),
    );
    problems
}

/// The labels of `&[KIND, Label::Of("reason", &["lost"])]`.
fn labels_of(list: &str, constants: &BTreeMap<String, String>) -> BTreeSet<String> {
    let own = ["Label::Of(", "Label::UpTo("].iter().flat_map(|call| list.split(call).skip(1));
    let own = own.filter_map(|rest| quoted(rest).into_iter().next());
    let words = list.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    own.chain(words.filter_map(|word| constants.get(word).cloned())).collect()
}

/// The texts between quotes.
fn quoted(text: &str) -> Vec<String> {
    text.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// What a PromQL expression asks for and does not exist.
pub fn unknown(expression: &str, catalogue: &Catalogue) -> Vec<String> {
    let mut problems = Vec::new();
    let mut known: BTreeSet<&str> = GIVEN.into_iter().collect();
    for (place, _) in expression.match_indices("synthfleet_") {
        if expression[..place].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '/') {
            continue;
        }
        let rest = &expression[place..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let parts = ["_bucket", "_count", "_sum"].iter().filter_map(|part| name.strip_suffix(part));
        let family = catalogue.get(name).or_else(|| parts.filter_map(|base| catalogue.get(base)).find(|family| family.sort == "histogram"));
        let Some(family) = family else {
            problems.push(format!("no metric {name}"));
            continue;
        };
        known.extend(family.labels.iter().map(String::as_str));
        let selector = after.strip_prefix('{').and_then(|inner| inner.split('}').next()).unwrap_or_default();
        let asked = selector.split(',').filter_map(|part| part.split(['=', '!']).next()).map(str::trim);
        let absent = asked.filter(|label| !label.is_empty() && !family.labels.contains(*label) && !GIVEN.contains(label));
        problems.extend(absent.map(|label| format!("{name} has no label {label}")));
    }
    for word in ["by (", "on (", "ignoring ("] {
        for (place, _) in expression.match_indices(word) {
            let inner = expression[place + word.len()..].split(')').next().unwrap_or_default();
            let absent = inner.split(',').map(str::trim).filter(|label| !known.contains(label));
            problems.extend(absent.map(|label| format!("{word}{label}): no metric of the expression has this label")));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = r#"
const KIND: Label = Label::Of("kind", &["profile"]);
catalogue! {
    A = counter("a_total"; &[KIND, Label::UpTo("name", 4)]; "A.");
    B = histogram("b_seconds", short; &[]; "B.");
}"#;

    #[test]
    fn families_are_read_with_their_labels() {
        let families = parse(SOURCE);
        assert_eq!(families["synthfleet_a_total"].labels, ["kind", "name"].map(str::to_owned).into());
        assert_eq!(families["synthfleet_b_seconds"].sort, "histogram");
    }

    #[test]
    fn what_was_told_is_read_and_compared() {
        let told = exposed(
            "# HELP synthfleet_a_total A.\n# TYPE synthfleet_a_total counter\nsynthfleet_a_total{kind=\"x\",name=\"a,b=\"} 1\n\
             # TYPE synthfleet_b_seconds histogram\nsynthfleet_b_seconds_bucket{le=\"+Inf\"} 0\nsynthfleet_b_seconds_count 0\n",
        );
        assert_eq!(told["synthfleet_a_total"].labels, ["kind", "name"].map(str::to_owned).into());
        assert_eq!(untold(&parse(SOURCE), &told, &[]), [""; 0]);
        assert_eq!(untold(&parse(SOURCE), &Catalogue::new(), &["synthfleet_a_total"]), ["no process tells synthfleet_b_seconds"]);
        assert_eq!(untold(&Catalogue::new(), &told, &[]).len(), 2);
    }

    #[test]
    fn metrics_and_labels_that_do_not_exist_are_told() {
        let families = parse(SOURCE);
        for legal in [
            "sum by (kind) (rate(synthfleet_a_total{name=\"x\",kind!=\"y\"}[5m]))",
            "histogram_quantile(0.9, sum by (le) (rate(synthfleet_b_seconds_bucket[5m])))",
            "\"/d/synthfleet_none\"",
        ] {
            assert_eq!(unknown(legal, &families), [""; 0], "{legal}");
        }
        for (wrong, word) in [
            ("synthfleet_c_total", "no metric"),
            ("synthfleet_a_total_bucket", "no metric"),
            ("synthfleet_a_total{host=\"x\"}", "no label host"),
            ("sum by (pool) (synthfleet_a_total)", "pool"),
        ] {
            assert!(unknown(wrong, &families).iter().any(|told| told.contains(word)), "{wrong}");
        }
    }
}
