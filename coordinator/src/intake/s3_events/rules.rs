//! Which objects start jobs, and which never do.

use super::template::Template;
use serde::Deserialize;
use synthfleet_proto::{Error, Result};

/// Ending of the file beside a table that says how its job differs from the rule's template.
pub const SIDECAR: &str = ".job.toml";
/// Ending of what some tools write in place of a folder.
const FOLDER: &str = "_$folder$";

/// Whether a file `<key>.job.toml` beside the table is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sidecar {
    /// If it is there.
    #[default]
    Optional,
    /// The table waits for it.
    Required,
    /// Never.
    Off,
}

/// A rule as it is configured.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuleWish {
    /// Bucket.
    pub bucket: String,
    /// What keys begin with.
    pub prefix: String,
    /// What keys end with, in any case; anything if empty.
    pub suffix: Vec<String>,
    /// Keys below these prefixes are left alone.
    pub exclude: Vec<String>,
    /// File with the job that is started.
    pub job: Option<String>,
    /// Where results go: `s3://bucket/prefix/`. Those of `in/a.csv` under the prefix `in/` go to the folder
    /// `a.csv/` below it.
    pub output: Option<String>,
    /// Whether a sidecar is read.
    pub sidecar: Sidecar,
}

/// A rule that was checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// As it was configured.
    pub wish: RuleWish,
    /// The job without its source.
    pub template: Template,
}

/// Why an object starts no job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ignored {
    /// It lies where we write.
    Ours,
    /// It is a sidecar.
    Sidecar,
    /// It stands for a folder.
    Folder,
    /// It has no bytes.
    Empty,
    /// No rule is about it.
    NoRule,
}

/// All rules of one queue, in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    rules: Vec<Rule>,
    /// Buckets and prefixes that we write.
    outputs: Vec<(String, String)>,
}

impl Rules {
    /// Checks rules before anything starts. `read` gives the text of a template's file; `own` are further
    /// places that we write, such as the store.
    ///
    /// # Errors
    /// `Invalid`: `intake::rule` for what cannot be meant, `intake::loop` when results of a rule would start
    /// jobs, and what is wrong with a template.
    pub fn new(wishes: Vec<RuleWish>, read: &dyn Fn(&str) -> Result<String>, own: &[String]) -> Result<Self> {
        let mut outputs = own.iter().map(|link| place(link)).collect::<Result<Vec<_>>>()?;
        for output in wishes.iter().filter_map(|wish| wish.output.as_deref()) {
            outputs.push(place(output)?);
        }
        let mut rules = Vec::with_capacity(wishes.len());
        for wish in wishes {
            if wish.bucket.is_empty() {
                return Err(Error::invalid("intake::rule", "a rule of bucket events names no bucket"));
            }
            outputs.iter().try_for_each(|output| no_loop(&wish, output))?;
            let text = wish.job.as_deref().map(read).transpose()?;
            let template = Template::read(text.as_deref().unwrap_or_default()).map_err(|error| match &wish.job {
                Some(file) => error.in_source(file.clone()),
                None => error,
            })?;
            template.check(&wish)?;
            rules.push(Rule { wish, template });
        }
        Ok(Self { rules, outputs })
    }

    /// The first rule that is about a key, or why there is none.
    pub fn judge(&self, bucket: &str, key: &str, bytes: Option<u64>) -> Result<&Rule, Ignored> {
        if self.outputs.iter().any(|(own, prefix)| own == bucket && key.starts_with(prefix.as_str())) {
            return Err(Ignored::Ours);
        }
        if key.ends_with(SIDECAR) {
            return Err(Ignored::Sidecar);
        }
        if key.ends_with('/') || key.ends_with(FOLDER) {
            return Err(Ignored::Folder);
        }
        let rule = self.rules.iter().find(|rule| rule.is_about(bucket, key)).ok_or(Ignored::NoRule)?;
        if bytes == Some(0) { Err(Ignored::Empty) } else { Ok(rule) }
    }
}

impl Rule {
    fn is_about(&self, bucket: &str, key: &str) -> bool {
        let wish = &self.wish;
        let ends = |suffix: &String| key.to_ascii_lowercase().ends_with(&suffix.to_ascii_lowercase());
        let excluded = wish.exclude.iter().any(|prefix| key.starts_with(prefix.as_str()));
        wish.bucket == bucket && key.starts_with(&wish.prefix) && !excluded && (wish.suffix.is_empty() || wish.suffix.iter().any(ends))
    }
}

/// Bucket and prefix of a place that we write; the prefix is empty or ends with a slash.
fn place(link: &str) -> Result<(String, String)> {
    let wrong = || Error::invalid("intake::rule", format!("{link:?} is no place in a bucket")).help("write s3://bucket/prefix/");
    let (bucket, prefix) = link.strip_prefix("s3://").ok_or_else(wrong)?.split_once('/').unwrap_or((&link[5..], ""));
    if bucket.is_empty() {
        return Err(wrong());
    }
    let prefix = prefix.trim_end_matches('/');
    Ok((bucket.to_owned(), if prefix.is_empty() { String::new() } else { format!("{prefix}/") }))
}

/// Refuses a rule whose keys are our own results.
fn no_loop(wish: &RuleWish, (bucket, prefix): &(String, String)) -> Result<()> {
    let watched = wish.bucket == *bucket && (prefix.starts_with(&wish.prefix) || wish.prefix.starts_with(prefix.as_str()));
    let excluded = wish.exclude.iter().any(|exclude| prefix.starts_with(exclude.as_str()));
    if !watched || excluded {
        return Ok(());
    }
    let message = format!("the rule for s3://{bucket}/{} watches s3://{bucket}/{prefix}, where results are written", wish.prefix);
    Err(Error::invalid("intake::loop", message).help(format!("choose another output, or leave it out with exclude = [{prefix:?}]")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(prefix: &str, output: Option<&str>) -> RuleWish {
        let output = output.map(str::to_owned);
        RuleWish { bucket: "b".into(), prefix: prefix.into(), suffix: vec![".csv".into(), ".csv.gz".into()], output, ..RuleWish::default() }
    }

    fn rules(wishes: Vec<RuleWish>) -> Result<Rules> {
        Rules::new(wishes, &|_| Ok(String::new()), &["s3://b/store".to_owned()])
    }

    #[test]
    fn every_key_has_its_rule_or_its_reason() {
        let second = RuleWish { prefix: "in/big/".into(), ..rule("", None) };
        let rules = rules(vec![rule("in/", Some("s3://b/out")), RuleWish { bucket: "c".into(), ..second }]).expect("legal");
        let judged = |bucket: &str, key: &str, bytes: u64| rules.judge(bucket, key, Some(bytes)).map(|rule| rule.wish.prefix.as_str());
        let cases = [
            ("b", "in/a.csv", 1, Ok("in/")),
            ("b", "in/deep/a b+ü%.CSV.GZ", 1, Ok("in/")),
            ("c", "in/big/a.csv", 1, Ok("in/big/")),
            ("c", "in/a.csv", 1, Err(Ignored::NoRule)),
            ("d", "in/a.csv", 1, Err(Ignored::NoRule)),
            ("b", "in/a.txt", 1, Err(Ignored::NoRule)),
            ("b", "in/a.csv", 0, Err(Ignored::Empty)),
            ("b", "in/folder/", 0, Err(Ignored::Folder)),
            ("b", "in/folder_$folder$", 0, Err(Ignored::Folder)),
            ("b", "in/a.csv.job.toml", 1, Err(Ignored::Sidecar)),
            ("b", "out/a.csv/sample.csv", 1, Err(Ignored::Ours)),
            ("b", "store/t/local/x.csv", 1, Err(Ignored::Ours)),
            ("b", "output/a.csv", 1, Err(Ignored::NoRule)),
        ];
        for (bucket, key, bytes, expected) in cases {
            assert_eq!(judged(bucket, key, bytes), expected, "{bucket}/{key}");
        }
    }

    #[test]
    fn the_first_rule_in_order_wins() {
        let narrow = RuleWish { sidecar: Sidecar::Required, ..rule("in/a/", None) };
        let both = [rule("in/", None), narrow.clone()];
        let first = rules(both.to_vec()).expect("legal");
        assert_eq!(first.judge("b", "in/a/x.csv", None).expect("a rule").wish.sidecar, Sidecar::Optional);
        let swapped = rules(vec![narrow, rule("in/", None)]).expect("legal");
        assert_eq!(swapped.judge("b", "in/a/x.csv", None).expect("a rule").wish.sidecar, Sidecar::Required);
    }

    #[test]
    fn a_rule_that_would_feed_on_results_is_refused() {
        let refused = [
            rule("", None),
            rule("in/", Some("s3://b/in/results")),
            rule("in/", Some("s3://b/in/")),
            rule("in/", Some("s3://b")),
            rule("store/t/", None),
        ];
        for wish in refused {
            assert_eq!(rules(vec![wish.clone()]).expect_err("a loop").code(), "intake::loop", "{wish:?}");
        }
        let excluded = RuleWish { exclude: vec!["in/results/".into(), "store/".into()], ..rule("", Some("s3://b/in/results")) };
        assert!(rules(vec![excluded]).is_ok());
        assert!(rules(vec![rule("in/", Some("s3://other/in/"))]).is_ok());
    }

    #[test]
    fn the_results_of_one_rule_are_no_tables_for_another() {
        let wishes = vec![rule("in/", Some("s3://b/out/")), rule("out/", None)];
        assert_eq!(rules(wishes).expect_err("a loop").code(), "intake::loop");
    }

    #[test]
    fn rules_that_cannot_be_meant_are_refused() {
        for output in ["b/out", "https://b/out", "s3://", "s3:///x"] {
            assert_eq!(rules(vec![rule("in/", Some(output))]).expect_err(output).code(), "intake::rule");
        }
        assert_eq!(rules(vec![RuleWish::default()]).expect_err("no bucket").code(), "intake::rule");
    }
}
