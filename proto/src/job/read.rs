//! Reads a job from JSON: unfolds shorthand, refuses unknown fields with their nearest neighbour and tells
//! every problem at once.

use super::check::GATES;
use super::{Choice, ColumnWish, DialectWish, Gate, JobSpec, Limits, Source, Weights};
use crate::constraint::Constraint;
use crate::protection::ValueProtection;
use crate::{Error, Result, id};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

impl JobSpec {
    /// Reads a job in its short or long form. The error is the first problem; the others hang on it.
    pub fn read(value: &Value) -> Result<Self> {
        let (spec, problems) = Self::read_all(value);
        let mut problems = problems.into_iter();
        match problems.next() {
            None => Ok(spec),
            Some(first) => Err(first.and(problems)),
        }
    }

    /// Reads what can be read, with all problems, each at its JSON pointer.
    pub fn read_all(value: &Value) -> (Self, Vec<Error>) {
        let mut reader = Reader::default();
        let unfolded = unfold(value);
        let spec: Self = reader.object(&unfolded, "");
        if reader.problems.is_empty() {
            reader.problems = spec.problems();
        }
        (spec, reader.problems)
    }
}

/// Replaces shorthand by the long form, without judging anything.
fn unfold(value: &Value) -> Value {
    let Some(fields) = value.as_object() else { return value.clone() };
    let mut fields = fields.clone();
    let into = |fields: &mut Map<String, Value>, field: &str, key: &str| {
        if let Some(text) = fields.get(field).and_then(Value::as_str) {
            let long = json!({ key: text });
            fields.insert(field.to_owned(), long);
        }
    };
    into(&mut fields, "source", "uri");
    into(&mut fields, "gate", "profile");
    into(&mut fields, "weights", "profile");
    into(&mut fields, "metadata", "uri");
    for (field, name) in fields.iter_mut().filter(|(field, _)| matches!(field.as_str(), "preset" | "weights")) {
        let name = if field == "preset" { Some(name) } else { name.get_mut("profile") };
        match name.as_ref().and_then(|name| name.as_str()) {
            Some("sdgym-2020" | "sdgym_2020") => name.map(|name| *name = json!("sdgym2020")),
            Some("strict_privacy") => name.map(|name| *name = json!("strict-privacy")),
            _ => None,
        };
    }
    for list in ["synthesizers", "benchmarks"] {
        if let Some(Value::Array(choices)) = fields.get_mut(list) {
            choices.iter_mut().filter(|choice| choice.is_string()).for_each(|choice| *choice = json!({ "name": choice.take() }));
        }
    }
    if let Some(Value::Object(weights)) = fields.get_mut("weights")
        && !weights.contains_key("profile")
        && !weights.contains_key("components")
    {
        let components = std::mem::take(weights);
        weights.insert("components".to_owned(), Value::Object(components));
    }
    if let Some(Value::Object(gate)) = fields.get_mut("gate") {
        limits_of(gate);
    }
    Value::Object(fields)
}

/// Limits may stand beside the profile: `{"disclosure": 0.05}` is `{"limits": {"disclosure": 0.05}}`.
fn limits_of(gate: &mut Map<String, Value>) {
    let named: Vec<String> = gate.keys().filter(|name| GATES.contains(&name.as_str())).cloned().collect();
    let short: Vec<(String, Value)> = named.into_iter().filter_map(|name| gate.remove_entry(&name)).collect();
    if short.is_empty() {
        return;
    }
    let limits = gate.entry("limits").or_insert_with(|| json!({}));
    if let Some(limits) = limits.as_object_mut() {
        limits.extend(short);
    }
}

/// Fields that are not written where nothing is asked, so that jobs of earlier versions keep their bytes.
const UNWRITTEN: [&str; 6] = ["/budget/attempts", "/constraints", "/noise_key", "/rows_seed", "/value_protection", "/where"];

/// Whether a field is known although a job that does not ask for it does not write it.
fn is_unwritten(place: &str) -> bool {
    let parts: Vec<&str> = place.split('/').collect();
    UNWRITTEN.contains(&place) || matches!(parts[..], ["", "source", "columns", _, "domain"])
}

#[derive(Default)]
struct Reader {
    problems: Vec<Error>,
}

impl Reader {
    /// Reads an object field by field, so that one wrong field does not hide the next.
    fn object<T: Default + Serialize + DeserializeOwned>(&mut self, value: &Value, pointer: &str) -> T {
        let Some(given) = value.as_object() else {
            self.problem("job::form", format!("must be an object, not {}", sort_of(value)), pointer);
            return T::default();
        };
        let mut fields = match serde_json::to_value(T::default()) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        for (field, value) in given.iter().filter(|(field, _)| !field.starts_with("x_")) {
            let place = format!("{pointer}/{}", escape(field));
            if !fields.contains_key(field) && !is_unwritten(&place) {
                self.unknown(field, &fields, &place);
                continue;
            }
            let before = fields.insert(field.clone(), self.nested(field, value, &place));
            if let Err(error) = serde_json::from_value::<T>(Value::Object(fields.clone())) {
                self.malformed(field, value, &error.to_string(), &place);
                before.map(|before| fields.insert(field.clone(), before));
            }
        }
        serde_json::from_value(Value::Object(fields)).unwrap_or_default()
    }

    /// A field that cannot be read; a word that is none of a few is told with these and the nearest.
    fn malformed(&mut self, field: &str, value: &Value, why: &str, place: &str) {
        let words: Vec<&str> = match why.strip_prefix("unknown variant") {
            Some(list) => list.split('`').skip(3).step_by(2).collect(),
            None => Vec::new(),
        };
        if words.is_empty() {
            return self.problem("job::form", format!("{field} is {}: {why}", shown(value)), place);
        }
        let error = Error::invalid("job::form", format!("{field} is {}, allowed: {}", shown(value), words.join(", "))).at_pointer(place);
        self.problems.push(match id::nearest(value.as_str().unwrap_or_default(), words) {
            Some(near) => error.help(format!("did you mean {near:?}?")),
            None => error,
        });
    }

    /// Nested objects are read by the same rule first; what they hold then is legal.
    fn nested(&mut self, field: &str, value: &Value, place: &str) -> Value {
        match field {
            "source" if !value.is_null() => self.long::<Source>(value, place),
            "dialect" if value.is_object() => self.long::<DialectWish>(value, place),
            "columns" => self.columns(value, place),
            "constraints" => self.constraints(value, place),
            // one condition stands for a list of one
            "where" if value.is_string() => Value::Array(vec![value.clone()]),
            "value_protection" if value.is_object() => self.long::<ValueProtection>(value, place),
            "gate" => self.long::<Gate>(value, place),
            "weights" => self.long::<Weights>(value, place),
            "budget" => self.long::<Limits>(value, place),
            "synthesizers" | "benchmarks" => match value.as_array() {
                Some(choices) => {
                    let read = |(i, choice)| self.long::<Choice>(choice, &format!("{place}/{i}"));
                    Value::Array(choices.iter().enumerate().map(read).collect())
                }
                None => value.clone(),
            },
            _ => value.clone(),
        }
    }

    /// Rules written as text, or one of them alone, in their long form; each problem at its own place.
    fn constraints(&mut self, value: &Value, place: &str) -> Value {
        let rules = match value {
            Value::Array(rules) => rules.clone(),
            Value::Null => Vec::new(),
            one => vec![one.clone()],
        };
        let mut read = Vec::new();
        for (at, rule) in rules.iter().enumerate() {
            let place = format!("{place}/{at}");
            let parsed = match rule.as_str() {
                Some(text) => Constraint::parse(text),
                None => serde_json::from_value(rule.clone())
                    .map_err(|why| Error::invalid("constraint::syntax", format!("{} is no constraint: {why}", shown(rule)))),
            };
            match parsed {
                Ok(rule) => read.push(serde_json::to_value(rule).unwrap_or_default()),
                Err(error) => self.problems.push(error.at_pointer(place)),
            }
        }
        Value::Array(read)
    }

    fn columns(&mut self, value: &Value, place: &str) -> Value {
        let Some(columns) = value.as_object() else { return value.clone() };
        let mut read = Map::new();
        for (name, wish) in columns {
            read.insert(name.clone(), self.long::<ColumnWish>(wish, &format!("{place}/{}", escape(name))));
        }
        Value::Object(read)
    }

    fn long<T: Default + Serialize + DeserializeOwned>(&mut self, value: &Value, place: &str) -> Value {
        let read: T = self.object(value, place);
        serde_json::to_value(read).unwrap_or_default()
    }

    fn unknown(&mut self, field: &str, known: &Map<String, Value>, place: &str) {
        let error = Error::invalid("job::unknown_field", format!("no field {field:?}")).at_pointer(place);
        let near = id::nearest(field, known.keys().map(String::as_str));
        self.problems.push(match near {
            Some(near) => error.help(format!("did you mean {near:?}?")),
            None => error.help(format!("known fields: {}", known.keys().cloned().collect::<Vec<_>>().join(", "))),
        });
    }

    fn problem(&mut self, code: &str, message: String, pointer: &str) {
        self.problems.push(Error::invalid(code, message).at_pointer(pointer));
    }
}

fn escape(field: &str) -> String {
    field.replace('~', "~0").replace('/', "~1")
}

fn sort_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn shown(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 60 { text } else { format!("{}..", text.chars().take(60).collect::<String>()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_of_a_task_are_asked_for_within_their_bounds_and_not_written_otherwise() {
        let job = |attempts: Value| JobSpec::read(&json!({"source": "a.csv", "budget": {"attempts": attempts}}));
        assert_eq!(job(json!(5)).expect("legal").budget.attempts, Some(5));
        assert!(job(json!(0)).is_err() && job(json!(21)).is_err() && job(json!("many")).is_err());
        let plain = serde_json::to_value(JobSpec::of("a.csv")).expect("plain data");
        assert!(plain["budget"].get("attempts").is_none());
    }

    #[test]
    fn a_noise_key_and_a_declared_domain_are_read_and_not_written_otherwise() {
        let key = "0f".repeat(32);
        let job = json!({
            "source": {"uri": "a.csv", "columns": {"age": {"domain": {"range": [0.0, 120.0], "nullable": true}}}}, "noise_key": key,
        });
        let read = JobSpec::read(&job).expect("legal");
        assert_eq!(read.noise_key.as_deref(), Some(key.as_str()));
        let domain = read.source.columns["age"].domain.as_ref().expect("declared");
        assert_eq!((domain.range, domain.nullable), (Some((0.0, 120.0)), true));
        assert_eq!(
            JobSpec::read(&json!({"source": "a.csv", "noise_key": "0f"})).expect_err("too short").place().pointer.as_deref(),
            Some("/noise_key")
        );
        let plain = serde_json::to_value(JobSpec::of("a.csv")).expect("plain data");
        assert!(plain.get("noise_key").is_none());
    }

    #[test]
    fn constraints_are_read_as_text_and_as_objects_and_not_written_otherwise() {
        let job = json!({"source": "a.csv", "constraints": ["a <= b", {"rule": "one_hot", "columns": ["c", "d"]}]});
        let read = JobSpec::read(&job).expect("legal");
        assert_eq!(read.constraints.iter().map(ToString::to_string).collect::<Vec<_>>(), ["a <= b", "one hot c, d"]);
        let stored = serde_json::to_value(&read).expect("plain data");
        assert_eq!(JobSpec::read(&stored).expect("own form"), read);
        let (_, problems) = JobSpec::read_all(&json!({"source": "a.csv", "constraints": ["a <", {"rule": "range"}]}));
        let told: Vec<_> = problems.iter().map(|p| (p.code(), p.place().pointer.as_deref().unwrap_or_default())).collect();
        assert_eq!(told, [("constraint::syntax", "/constraints/0"), ("constraint::syntax", "/constraints/1")]);
        assert!(serde_json::to_value(JobSpec::of("a.csv")).expect("plain data").get("constraints").is_none());
    }

    #[test]
    fn shorthand_and_long_form_read_alike() {
        let short = json!({"source": "a.csv", "synthesizers": ["seqtree"], "gate": "strict", "weights": {"accuracy": 2.0}});
        let long = json!({
            "source": {"uri": "a.csv"}, "synthesizers": [{"name": "seqtree"}],
            "gate": {"profile": "strict"}, "weights": {"components": {"accuracy": 2.0}},
        });
        let spec = JobSpec::read(&short).expect("legal");
        assert_eq!(spec, JobSpec::read(&long).expect("legal"));
        assert_eq!(spec.synthesizers, [Choice::of("seqtree")]);
    }

    #[test]
    fn every_problem_is_told_with_its_pointer() {
        let (_, problems) = JobSpec::read_all(&json!({
            "source": {"uri": "a.csv", "dialekt": {}}, "reapets": 3, "seed": -1, "budget": {"seconds": "soon"},
            "synthesizers": [{"name": "seqtree", "option": {}}],
        }));
        let mut pointers: Vec<_> = problems.iter().filter_map(|p| p.place().pointer.clone()).collect();
        pointers.sort();
        assert_eq!(pointers, ["/budget/seconds", "/reapets", "/seed", "/source/dialekt", "/synthesizers/0/option"]);
    }

    #[test]
    fn an_unknown_field_names_its_neighbour() {
        let error = JobSpec::read(&json!({"source": "a.csv", "holdut": 0.2})).expect_err("holdut is unknown");
        assert_eq!((error.code(), error.helps()), ("job::unknown_field", &["did you mean \"holdout\"?".to_owned()][..]));
    }

    #[test]
    fn keys_that_start_with_x_are_free() {
        assert!(JobSpec::read(&json!({"source": "a.csv", "x_note": {"any": 1}})).is_ok());
    }

    #[test]
    fn the_stored_form_reads_back() {
        let spec = JobSpec::read(&json!({"source": "a.csv", "rows": "input", "preset": "quick"})).expect("legal");
        let stored = serde_json::to_value(&spec).expect("plain data");
        assert_eq!(JobSpec::read(&stored).expect("own form"), spec);
    }
}
