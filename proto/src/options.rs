//! Options of members: plain structs that are checked once and then trusted.

use crate::{Error, Result, id};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

/// One wrong option: which, what it holds, what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Field name.
    pub option: String,
    /// What was given.
    pub value: String,
    /// What is allowed.
    pub allowed: String,
}

/// Collects every problem of an options struct.
#[derive(Debug, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// No problem so far.
    pub fn none() -> Self {
        Self::default()
    }

    /// Notes a problem unless `value` lies in `allowed`. NaN lies in no range.
    #[must_use]
    pub fn within<T: PartialOrd + std::fmt::Display>(mut self, option: &str, value: T, allowed: std::ops::RangeInclusive<T>) -> Self {
        if !allowed.contains(&value) {
            let (low, high) = (allowed.start(), allowed.end());
            self.0.push(Problem { option: option.to_owned(), value: value.to_string(), allowed: format!("{low} to {high}") });
        }
        self
    }

    /// Notes a problem unless `holds`.
    #[must_use]
    pub fn holds(mut self, option: &str, value: impl std::fmt::Display, holds: bool, allowed: &str) -> Self {
        if !holds {
            self.0.push(Problem { option: option.to_owned(), value: value.to_string(), allowed: allowed.to_owned() });
        }
        self
    }

    /// All problems found.
    pub fn into_vec(self) -> Vec<Problem> {
        self.0
    }
}

/// What every member's options can do.
pub trait Options: Default + Clone + Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// All problems at once: field, value, allowed range.
    fn check(&self) -> Vec<Problem>;
}

/// For members without options.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct NoOptions {}

impl Options for NoOptions {
    fn check(&self) -> Vec<Problem> {
        Vec::new()
    }
}

/// Options that passed their check.
#[derive(Debug, Clone)]
pub struct Checked<O>(O);

impl<O: Options> Checked<O> {
    /// Checks options; the error tells every problem.
    pub fn new(options: O) -> Result<Self> {
        let problems = options.check();
        if problems.is_empty() { Ok(Self(options)) } else { Err(error_of(&problems)) }
    }

    /// Decodes and checks options as a job gives them; `null` and `{}` are the defaults. An unknown
    /// field is refused with its nearest known neighbour.
    pub fn decode(value: &Value) -> Result<Self> {
        Self::new(decode(value)?)
    }
}

impl<O> std::ops::Deref for Checked<O> {
    type Target = O;

    fn deref(&self) -> &O {
        &self.0
    }
}

/// Problems of options as a job gives them, all at once; empty when they are fine.
pub fn problems_of<O: Options>(value: &Value) -> Vec<Problem> {
    match decode::<O>(value) {
        Ok(options) => options.check(),
        Err(error) => {
            let of_fields: Vec<Problem> =
                value.as_object().into_iter().flatten().filter_map(|(name, value)| of_field::<O>(name, value)).collect();
            let whole = || Problem { option: String::new(), value: value.to_string(), allowed: error.message().to_owned() };
            if of_fields.is_empty() { vec![whole()] } else { of_fields }
        }
    }
}

/// Why a field by itself, beside the defaults, cannot be read.
fn of_field<O: Options>(name: &str, value: &Value) -> Option<Problem> {
    let error = decode::<O>(&Value::Object([(name.to_owned(), value.clone())].into_iter().collect())).err()?;
    let allowed = match error.code() {
        "options::unknown" => format!("no option of this name; {}", error.helps().join("; ")),
        _ => expected(error.message()),
    };
    Some(Problem { option: name.to_owned(), value: value.to_string(), allowed })
}

/// What the reader of a value had expected, in words of people.
fn expected(message: &str) -> String {
    let wanted = message.split_once("expected ").map_or(message, |(_, wanted)| wanted);
    match wanted.split(" at line").next().unwrap_or(wanted) {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, not negative".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        other => other.to_owned(),
    }
}

fn decode<O: Options>(value: &Value) -> Result<O> {
    if value.is_null() {
        return Ok(O::default());
    }
    let Some(given) = value.as_object() else {
        return Err(Error::invalid("options::form", format!("options must be an object, not {value}")));
    };
    let defaults = serde_json::to_value(O::default()).map_err(|e| Error::internal("options::form", e.to_string()))?;
    let known: Vec<&str> = defaults.as_object().map(|fields| fields.keys().map(String::as_str).collect()).unwrap_or_default();
    if let Some(unknown) = given.keys().find(|field| !known.contains(&field.as_str())) {
        let error = Error::invalid("options::unknown", format!("no option {unknown:?}")).at_pointer(unknown.as_str());
        return Err(match id::nearest(unknown, known.iter().copied()) {
            Some(near) => error.help(format!("did you mean {near:?}?")),
            None => error.help(format!("known options: {}", known.join(", "))),
        });
    }
    serde_json::from_value(value.clone()).map_err(|e| Error::invalid("options::form", e.to_string()))
}

/// One error that tells every problem.
pub fn error_of(problems: &[Problem]) -> Error {
    let text: Vec<_> = problems.iter().map(|p| format!("{} is {}, allowed: {}", p.option, p.value, p.allowed)).collect();
    let pointer = problems.first().map(|p| p.option.clone()).unwrap_or_default();
    Error::invalid("options::range", text.join("; ")).at_pointer(pointer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
    #[serde(default, deny_unknown_fields)]
    struct Sample {
        rows: u32,
        share: f64,
    }

    impl Default for Sample {
        fn default() -> Self {
            Self { rows: 20, share: 0.5 }
        }
    }

    impl Options for Sample {
        fn check(&self) -> Vec<Problem> {
            Problems::none().within("rows", self.rows, 1..=100).within("share", self.share, 0.1..=0.9).into_vec()
        }
    }

    #[test]
    fn all_problems_are_told_at_once_and_nan_is_one() {
        let wrong = Sample { rows: 0, share: f64::NAN };
        assert_eq!(wrong.check().len(), 2);
    }

    #[test]
    fn an_unknown_option_names_its_neighbour() {
        let error = Checked::<Sample>::decode(&json!({"row": 3})).expect_err("row is unknown");
        assert_eq!(error.code(), "options::unknown");
        assert_eq!(error.helps(), ["did you mean \"rows\"?"]);
    }

    #[test]
    fn every_field_that_cannot_be_read_is_told_by_name() {
        let problems = problems_of::<Sample>(&json!({"row": 3, "rows": 0.5, "share": "much"}));
        let told: Vec<(&str, &str)> = problems.iter().map(|one| (one.option.as_str(), one.allowed.as_str())).collect();
        assert_eq!(
            told,
            [("row", "no option of this name; did you mean \"rows\"?"), ("rows", "a whole number, not negative"), ("share", "a number")]
        );
        assert_eq!(problems[1].value, "0.5");
        assert_eq!(problems_of::<Sample>(&json!([1]))[0].allowed, "options must be an object, not [1]");
    }

    #[test]
    fn nothing_given_means_the_defaults() {
        let checked = Checked::<Sample>::decode(&Value::Null).expect("defaults are legal");
        assert_eq!(checked.rows, 20);
    }
}
