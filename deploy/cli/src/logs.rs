//! Logs on stderr: lines for people, or one JSON object a line for machines. In an object the fields of a line and of
//! what it was written within (job, task, attempt, trace_id, tenant) stand side by side, so that one query finds all.

use crate::tell;
use serde_json::{Map, Value};
use std::fmt;
use synthfleet_proto::{Error, Result};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormattedFields};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, fmt as lines};

/// Starts logs. `format`: `text` or `json`; `verbose`: how often the user asked for more.
pub fn start(level: &str, format: &str, verbose: u8, colour: bool) -> Result<()> {
    let level = match verbose {
        0 => level,
        1 => "info",
        _ => "debug",
    };
    let logs = lines().with_env_filter(EnvFilter::new(level)).with_ansi(colour).with_writer(std::io::stderr);
    let started = match format {
        "text" => logs.try_init(),
        "json" => logs.fmt_fields(JsonFields::new()).event_format(Objects).try_init(),
        other => {
            let error = Error::invalid("config::value", format!("log.format takes text or json, not {other:?}"));
            return Err(error.help("synthfleet config show --origin names the place of each setting"));
        }
    };
    if started.is_err() {
        tell!("logs were started twice");
    }
    Ok(())
}

/// One JSON object a line.
struct Objects;

impl<S: Subscriber + for<'a> LookupSpan<'a>> FormatEvent<S, JsonFields> for Objects {
    fn format_event(&self, context: &FmtContext<'_, S, JsonFields>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Map::new();
        for span in context.event_scope().into_iter().flat_map(|scope| scope.from_root()) {
            let extensions = span.extensions();
            let kept = extensions.get::<FormattedFields<JsonFields>>().map_or("", |kept| kept.as_str());
            fields.extend(serde_json::from_str::<Map<String, Value>>(kept).unwrap_or_default());
        }
        event.record(&mut Fields(&mut fields));
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        // what a line is comes last, so that no field can take its place
        let what = [("timestamp", time), ("level", event.metadata().level().to_string()), ("target", event.metadata().target().to_owned())];
        fields.extend(what.map(|(name, text)| (name.to_owned(), Value::String(text))));
        writeln!(writer, "{}", Value::Object(fields))
    }
}

/// Takes up the fields of a line, numbers as numbers.
struct Fields<'a>(&'a mut Map<String, Value>);

impl Fields<'_> {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("whole").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The objects that some work writes.
    fn written(work: impl FnOnce()) -> Vec<Value> {
        let kept = Kept::default();
        let writer = kept.clone();
        let logs = lines().fmt_fields(JsonFields::new()).event_format(Objects).with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(logs, work);
        let bytes = kept.0.lock().expect("whole").clone();
        String::from_utf8(bytes).expect("UTF-8").lines().map(|line| serde_json::from_str(line).expect("an object a line")).collect()
    }

    #[test]
    fn a_line_has_the_fields_of_what_it_was_written_within_beside_its_own() {
        let lines = written(|| {
            let span = tracing::error_span!("task", job = "job_0", tenant = "a", attempt = tracing::field::Empty);
            let _within = span.enter();
            span.record("attempt", 2);
            tracing::info!(outcome = "ok", seconds = 1.5, code = None::<&str>, "task ended");
        });
        let [line] = &lines[..] else { panic!("{lines:?}") };
        let own = ["job", "tenant", "outcome", "message", "level"].map(|name| line[name].as_str().unwrap_or_default());
        assert_eq!(own, ["job_0", "a", "ok", "task ended", "INFO"]);
        assert_eq!((line["attempt"].as_u64(), line["seconds"].as_f64()), (Some(2), Some(1.5)));
        assert!(line["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')) && line.get("code").is_none(), "{line}");
    }

    #[test]
    fn no_field_takes_the_place_of_what_a_line_is_or_breaks_it() {
        let lines = written(|| tracing::warn!(level = "none", text = "two\nlines \"quoted\" \u{1b}[31m", "hm"));
        let [line] = &lines[..] else { panic!("{lines:?}") };
        assert_eq!((line["level"].as_str(), line["text"].as_str()), (Some("WARN"), Some("two\nlines \"quoted\" \u{1b}[31m")));
    }

    #[test]
    fn a_format_that_nobody_knows_is_refused() {
        assert_eq!(start("warn", "xml", 0, false).expect_err("refused").code(), "config::value");
    }
}
