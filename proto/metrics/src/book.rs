//! The book of a process: families by name, written to from anywhere, read by a scrape.

use crate::process::Process;
use crate::series::{Label, Series, Sort};
use prometheus::core::Collector;
use prometheus::{CounterVec, GaugeVec, HistogramOpts, HistogramVec, Opts, Registry, TextEncoder};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

/// What stands for label values beyond those that are known or allowed.
const OTHER: &str = "other";

enum Held {
    Counter(CounterVec),
    Gauge(GaugeVec),
    Histogram(HistogramVec),
}

struct Family {
    held: Held,
    labels: &'static [Label],
    /// Values of open labels that came so far, by label.
    seen: Mutex<BTreeMap<&'static str, BTreeSet<String>>>,
}

/// Families of a process.
pub struct Book {
    registry: Registry,
    process: Process,
    families: BTreeMap<&'static str, Family>,
}

impl Book {
    /// A book of all families of some lists; of two with one name the first counts. Every series whose labels have
    /// known values begins at 0.
    pub fn new(lists: &[&[Series]]) -> Self {
        let registry = Registry::new();
        let mut book = Self { process: Process::new(&registry), registry, families: BTreeMap::new() };
        for series in lists.iter().copied().flatten() {
            if !book.families.contains_key(series.name) {
                book.add_family(series);
            }
        }
        book
    }

    fn add_family(&mut self, series: &Series) {
        let name = format!("synthfleet_{}", series.name);
        let labels: Vec<&str> = series.labels.iter().map(Label::name).collect();
        let made = match series.sort {
            Sort::Counter => CounterVec::new(Opts::new(name, series.help), &labels).map(Held::Counter),
            Sort::Gauge => GaugeVec::new(Opts::new(name, series.help), &labels).map(Held::Gauge),
            Sort::Histogram(buckets) => {
                HistogramVec::new(HistogramOpts::new(name, series.help).buckets(buckets()), &labels).map(Held::Histogram)
            }
        };
        let held = made.expect("names, labels and buckets of families are constants, and a test makes every book");
        let collector: Box<dyn Collector> = match &held {
            Held::Counter(counter) => Box::new(counter.clone()),
            Held::Gauge(gauge) => Box::new(gauge.clone()),
            Held::Histogram(histogram) => Box::new(histogram.clone()),
        };
        self.registry.register(collector).expect("each name is registered once");
        let family = Family { held, labels: series.labels, seen: Mutex::default() };
        for values in combinations(series.labels) {
            family.touch(&values);
        }
        self.families.insert(series.name, family);
    }

    /// Adds to a count. Values of labels are in the order of the family.
    pub fn add(&self, name: &str, labels: &[&str], amount: u64) {
        self.add_share(name, labels, amount as f64);
    }

    /// Adds to a count that has fractions: seconds. What is below 0 or no number is left out.
    pub fn add_share(&self, name: &str, labels: &[&str], amount: f64) {
        let Some(family) = self.family(name) else { return };
        if let Held::Counter(counter) = &family.held
            && amount >= 0.0
        {
            counter.with_label_values(&family.bounded(labels)).inc_by(amount);
        }
    }

    /// Sets a value of now.
    pub fn set(&self, name: &str, labels: &[&str], value: f64) {
        let Some(family) = self.family(name) else { return };
        if let Held::Gauge(gauge) = &family.held {
            gauge.with_label_values(&family.bounded(labels)).set(value);
        }
    }

    /// Adds to a value of now; a negative amount takes away.
    pub fn shift(&self, name: &str, labels: &[&str], amount: f64) {
        let Some(family) = self.family(name) else { return };
        if let Held::Gauge(gauge) = &family.held {
            gauge.with_label_values(&family.bounded(labels)).add(amount);
        }
    }

    /// Notes one value of a distribution.
    pub fn observe(&self, name: &str, labels: &[&str], value: f64) {
        let Some(family) = self.family(name) else { return };
        if let Held::Histogram(histogram) = &family.held {
            histogram.with_label_values(&family.bounded(labels)).observe(value);
        }
    }

    /// Makes a series with 0 whose label values become known while the process runs: members, pools.
    pub fn introduce(&self, name: &str, labels: &[&str]) {
        if let Some(family) = self.family(name) {
            family.touch(&family.bounded(labels));
        }
    }

    /// A count or value of now; `None`: there is no such series yet.
    pub fn value(&self, name: &str, labels: &[&str]) -> Option<f64> {
        let family = self.families.get(name)?;
        let labels = family.bounded(labels);
        match &family.held {
            Held::Counter(counter) => counter.get_metric_with_label_values(&labels).ok().map(|counter| counter.get()),
            Held::Gauge(gauge) => gauge.get_metric_with_label_values(&labels).ok().map(|gauge| gauge.get()),
            Held::Histogram(histogram) => {
                histogram.get_metric_with_label_values(&labels).ok().map(|histogram| histogram.get_sample_count() as f64)
            }
        }
    }

    /// All families as Prometheus reads them.
    pub fn text(&self) -> String {
        self.process.look();
        // writing into memory cannot fail
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_default()
    }

    fn family(&self, name: &str) -> Option<&Family> {
        let family = self.families.get(name);
        debug_assert!(family.is_some(), "no family {name}");
        family
    }
}

impl Family {
    fn touch(&self, labels: &[String]) {
        match &self.held {
            Held::Counter(counter) => drop(counter.get_metric_with_label_values(labels)),
            Held::Gauge(gauge) => drop(gauge.get_metric_with_label_values(labels)),
            Held::Histogram(histogram) => drop(histogram.get_metric_with_label_values(labels)),
        }
    }

    /// The values to write: one for each label, those beyond the bounds as `other`.
    fn bounded(&self, given: &[&str]) -> Vec<String> {
        debug_assert_eq!(given.len(), self.labels.len(), "a value for each label");
        let value = |(at, label): (usize, &Label)| {
            let value = given.get(at).copied().unwrap_or(OTHER);
            let fits = match label {
                Label::Of(_, known) => known.contains(&value),
                Label::UpTo(name, most) => self.may_come(name, value, *most),
            };
            if fits { value.to_owned() } else { OTHER.to_owned() }
        };
        self.labels.iter().enumerate().map(value).collect()
    }

    fn may_come(&self, label: &'static str, value: &str, most: usize) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let values = seen.entry(label).or_default();
        values.contains(value) || (values.len() < most && values.insert(value.to_owned()))
    }
}

/// Every combination of values, if all labels are closed.
fn combinations(labels: &[Label]) -> Vec<Vec<String>> {
    let mut all = vec![Vec::new()];
    for label in labels {
        let Label::Of(_, known) = label else { return Vec::new() };
        all = all.into_iter().flat_map(|values| known.iter().map(move |value| [&values[..], &[(*value).to_owned()]].concat())).collect();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::short;

    const JOBS: Series = Series::counter("jobs_total", &[Label::Of("outcome", &["done", "failed"])], "Jobs.");
    const WAIT: Series = Series::histogram("wait_seconds", short, &[Label::UpTo("pool", 2)], "Waits.");
    const SLOTS: Series = Series::gauge("slots", &[], "Slots.");

    #[test]
    fn known_series_begin_at_zero() {
        let text = Book::new(&[&[JOBS, SLOTS]]).text();
        assert!(text.contains("synthfleet_jobs_total{outcome=\"failed\"} 0") && text.contains("synthfleet_slots 0"), "{text}");
    }

    #[test]
    fn counts_values_and_distributions_are_kept() {
        let book = Book::new(&[&[JOBS, WAIT, SLOTS]]);
        book.add("jobs_total", &["done"], 2);
        book.set("slots", &[], 3.0);
        book.shift("slots", &[], -1.0);
        book.observe("wait_seconds", &["a"], 0.002);
        assert_eq!(book.value("jobs_total", &["done"]), Some(2.0));
        assert_eq!(book.value("slots", &[]), Some(2.0));
        assert!(book.text().contains("synthfleet_wait_seconds_bucket{pool=\"a\",le=\"0.002\"} 1"));
    }

    #[test]
    fn a_count_of_seconds_has_fractions_and_never_falls() {
        let book = Book::new(&[&[JOBS]]);
        for amount in [0.25, -1.0, f64::NAN, 0.5] {
            book.add_share("jobs_total", &["done"], amount);
        }
        assert_eq!(book.value("jobs_total", &["done"]), Some(0.75));
    }

    #[test]
    fn labels_are_bounded() {
        let book = Book::new(&[&[JOBS, WAIT]]);
        book.add("jobs_total", &["job_0123"], 1);
        for pool in ["a", "b", "c", "a", "d"] {
            book.observe("wait_seconds", &[pool], 1.0);
        }
        assert_eq!(book.value("jobs_total", &["other"]), Some(1.0));
        let text = book.text();
        assert!(
            !text.contains("job_0123") && !text.contains("pool=\"c\"") && text.contains("wait_seconds_count{pool=\"other\"} 2"),
            "{text}"
        );
    }

    #[test]
    fn a_family_of_two_lists_is_one() {
        let book = Book::new(&[&[JOBS], &[JOBS, SLOTS]]);
        assert_eq!(book.text().matches("# TYPE synthfleet_jobs_total").count(), 1);
    }
}
