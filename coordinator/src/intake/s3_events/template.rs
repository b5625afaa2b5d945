//! From a rule, an object and its sidecar to the document of a job.

use super::rules::RuleWish;
use serde_json::{Map, Value};
use synthfleet_proto::job::JobSpec;
use synthfleet_proto::{Error, Result};

/// Longest sidecar in bytes.
pub const SIDECAR_BYTES_MAX: u64 = 64 << 10;
/// What only the rule decides: whoever may write into the bucket may not choose it.
const OF_THE_RULE: [&str; 2] = ["output", "callback_url"];

/// A job without its source.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Template(Map<String, Value>);

impl Template {
    /// Reads a template or a sidecar.
    pub fn read(text: &str) -> Result<Self> {
        let fields: Map<String, Value> = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| text[..span.start].lines().count().max(1));
            let place = line.map(|line| format!(" at line {line}")).unwrap_or_default();
            Error::invalid("intake::template", format!("cannot read the job{place}: {}", error.message()))
        })?;
        let has_uri = match fields.get("source") {
            Some(Value::Object(source)) => source.contains_key("uri"),
            other => other.is_some(),
        };
        if has_uri {
            let error =
                Error::invalid("intake::template", "the source of a job from a bucket is the object itself").at_pointer("/source/uri");
            return Err(error.help("leave out the source's uri"));
        }
        Ok(Self(fields))
    }

    /// Refuses a template whose jobs would all be refused.
    pub(super) fn check(&self, rule: &RuleWish) -> Result<()> {
        if let Some(field) = self.0.keys().find(|field| OF_THE_RULE.contains(&field.as_str())) {
            return Err(Error::invalid("intake::template", format!("{field} belongs into the rule")).at_pointer(format!("/{field}")));
        }
        let document = self.document(rule, &format!("{}a.csv", rule.prefix), None)?;
        JobSpec::read(&document).map(drop)
    }

    /// The job for an object. A sidecar's fields lie over those of the template.
    ///
    /// # Errors
    /// `Invalid` with `intake::sidecar` when the sidecar asks for what only the rule decides or for tables
    /// elsewhere, or with `intake::template` when it cannot be read.
    pub fn document(&self, rule: &RuleWish, key: &str, sidecar: Option<&Template>) -> Result<Value> {
        let mut fields = self.0.clone();
        if let Some(sidecar) = sidecar {
            sidecar.may_ask(&rule.bucket)?;
            lay_over(&mut fields, &sidecar.0);
        }
        let source = fields.entry("source").or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(source) = source {
            source.insert("uri".to_owned(), format!("s3://{}/{key}", rule.bucket).into());
        }
        if let Some(output) = &rule.output {
            let name = key.strip_prefix(&rule.prefix).unwrap_or(key);
            fields.insert("output".to_owned(), format!("{}/{}", output.trim_end_matches('/'), name.trim_matches('/')).into());
        }
        Ok(Value::Object(fields))
    }

    fn may_ask(&self, bucket: &str) -> Result<()> {
        let refused = |field: &str| {
            let message = format!("a file beside a table may not set {field}");
            Err(Error::invalid("intake::sidecar", message).at_pointer(format!("/{}", field.replace('.', "/"))))
        };
        if let Some(field) = self.0.keys().find(|field| OF_THE_RULE.contains(&field.as_str())) {
            return refused(field);
        }
        let here = format!("s3://{bucket}/");
        let elsewhere = |value: Option<&Value>| value.and_then(Value::as_str).is_some_and(|link| !link.starts_with(&here));
        if elsewhere(self.0.get("holdout_source")) {
            return refused("holdout_source");
        }
        let metadata = self.0.get("metadata");
        if elsewhere(metadata) || elsewhere(metadata.and_then(|metadata| metadata.get("uri"))) {
            return refused("metadata.uri");
        }
        Ok(())
    }
}

/// Lays fields over others; objects are laid over each other in turn.
fn lay_over(under: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (field, value) in over {
        match (under.get_mut(field), value) {
            (Some(Value::Object(under)), Value::Object(over)) => lay_over(under, over),
            _ => {
                under.insert(field.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rule() -> RuleWish {
        RuleWish { bucket: "b".into(), prefix: "in/".into(), output: Some("s3://b/out".into()), ..RuleWish::default() }
    }

    fn document(template: &str, sidecar: Option<&str>) -> Result<Value> {
        let sidecar = sidecar.map(Template::read).transpose()?;
        Template::read(template)?.document(&rule(), "in/2024/a b+c%20.csv", sidecar.as_ref())
    }

    #[test]
    fn a_job_names_the_object_by_its_key_as_it_is() {
        let expected = json!({"source": {"uri": "s3://b/in/2024/a b+c%20.csv"}, "output": "s3://b/out/2024/a b+c%20.csv"});
        assert_eq!(document("", None).expect("legal"), expected);
    }

    #[test]
    fn a_sidecar_lies_over_the_template_field_by_field() {
        let template = "preset = \"quick\"\nseed = 1\n[source.dialect]\ndelimiter = \";\"\n[budget]\nseconds = 60\n";
        let sidecar = "seed = 2\n[source.dialect]\nquote = \"none\"\n[budget]\ntask_seconds = 5\n";
        let expected = json!({
            "preset": "quick", "seed": 2, "budget": {"seconds": 60, "task_seconds": 5},
            "source": {"uri": "s3://b/in/2024/a b+c%20.csv", "dialect": {"delimiter": ";", "quote": "none"}},
            "output": "s3://b/out/2024/a b+c%20.csv",
        });
        let document = document(template, Some(sidecar)).expect("legal");
        assert_eq!(document, expected);
        assert!(JobSpec::read(&document).is_ok());
    }

    #[test]
    fn a_sidecar_may_not_choose_what_it_could_harm_others_with() {
        let refused = [
            "output = \"s3://victim/x\"",
            "callback_url = \"https://inside/\"",
            "holdout_source = \"s3://secret/x.csv\"",
            "metadata = \"s3://secret/x.json\"",
            "[metadata]\nuri = \"https://inside/x.json\"",
        ];
        for sidecar in refused {
            assert_eq!(document("", Some(sidecar)).expect_err(sidecar).code(), "intake::sidecar");
        }
        assert!(document("", Some("holdout_source = \"s3://b/in/test.csv\"")).is_ok());
        for text in ["source = \"s3://secret/x.csv\"", "[source]\nuri = \"s3://secret/x.csv\""] {
            assert_eq!(document("", Some(text)).expect_err(text).code(), "intake::template");
        }
    }

    #[test]
    fn a_broken_template_is_refused_at_the_start_with_its_line() {
        let error = Template::read("seed = 1\nseed = = 2\n").expect_err("broken");
        assert!(error.message().contains("line 2"), "{error}");
        let unknown = Template::read("sede = 1").expect("readable").check(&rule()).expect_err("unknown field");
        assert_eq!((unknown.code(), unknown.helps()), ("job::unknown_field", &["did you mean \"seed\"?".to_owned()][..]));
        let misplaced = Template::read("output = \"s3://b/x\"").expect("readable").check(&rule()).expect_err("misplaced");
        assert_eq!(misplaced.code(), "intake::template");
    }
}
