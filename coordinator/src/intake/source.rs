//! Which links a door lets in. The fetcher checks again, with the addresses behind the names; here a request is
//! refused early, at its pointer.

use serde_json::Value;
use std::sync::Arc;
use synthfleet_proto::job::JobSpec;
use synthfleet_proto::{Error, Result, id};

/// Judges an `s3://` or `https://` link without asking anybody.
pub type CheckLink = Arc<dyn Fn(&str) -> Result<()> + Send + Sync>;

/// Places that may be read or written for somebody outside.
#[derive(Clone, Default)]
pub struct Sources {
    /// Paths of this machine: for a person at this machine alone.
    pub local_files: bool,
    /// Judge of links that are read; `None`: no link is followed.
    pub links: Option<CheckLink>,
    /// Judge of places that results go to; `None`: they stay in the store.
    pub outputs: Option<CheckLink>,
    /// Judge of pages that are called when a job ended; `None`: none is.
    pub callbacks: Option<CheckLink>,
}

impl Sources {
    /// What a job names and may not be read or written, each at its pointer.
    pub fn refused(&self, job: &JobSpec) -> Vec<Error> {
        let mut problems = Vec::new();
        let mut note = |pointer: &str, judged: Result<()>| problems.extend(judged.err().map(|error| error.at_pointer(pointer)));
        note("/source/uri", self.judge(&job.source.uri));
        if let Some(uri) = &job.holdout_source {
            note("/holdout_source", self.judge(uri));
        }
        if let Some(uri) = job.metadata.as_ref().and_then(only_uri) {
            note("/metadata/uri", self.judge(uri));
        }
        if let Some(place) = &job.output {
            note("/output", self.judge_output(place));
        }
        if let Some(page) = &job.callback_url {
            let off = || Error::invalid("job::callback_off", "no page is called from here").help("watch /v1/jobs/{id}/events");
            note("/callback_url", self.callbacks.as_ref().map_or_else(|| Err(off()), |check| check(page)));
        }
        problems
    }

    fn judge(&self, uri: &str) -> Result<()> {
        if is_scheme(uri, "sim") {
            return Ok(());
        }
        if let Some(upload) = uri.strip_prefix("upload:") {
            return if is_upload(upload) { Ok(()) } else { Err(Error::data("source::not_found", "no such upload")) };
        }
        if uri.contains("://") {
            return asked(self.links.as_ref(), uri);
        }
        self.judge_path(uri)
    }

    /// Results go to buckets, never to a page.
    fn judge_output(&self, place: &str) -> Result<()> {
        if place.contains("://") {
            return asked(self.outputs.as_ref(), place);
        }
        if is_scheme(place, "sim") || is_scheme(place, "upload") {
            return Err(refused("nothing is written there"));
        }
        self.judge_path(place)
    }

    fn judge_path(&self, uri: &str) -> Result<()> {
        if uri.is_empty() || uri == "-" || !self.local_files {
            return Err(refused("this is not a link that can be followed from here").help("use sim:, upload:, s3:// or https://"));
        }
        Ok(())
    }
}

fn asked(check: Option<&CheckLink>, link: &str) -> Result<()> {
    check.map_or_else(|| Err(refused("links are not followed here")), |check| check(link))
}

fn refused(why: &str) -> Error {
    Error::data("source::refused", why)
}

fn is_scheme(uri: &str, scheme: &str) -> bool {
    uri.strip_prefix(scheme).is_some_and(|rest| rest.starts_with(':'))
}

/// The link of `{"uri": ..}`; other metadata is the document itself.
fn only_uri(metadata: &Value) -> Option<&str> {
    let fields = metadata.as_object()?;
    if fields.len() == 1 { fields.get("uri")?.as_str() } else { None }
}

/// Whether some text has the form of an upload's id: `upl_` and 26 characters of base32.
pub(crate) fn is_upload(text: &str) -> bool {
    text.strip_prefix("upl_").is_some_and(id::is_base32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Follows what is in the bucket `in` and writes to the bucket `out`.
    fn sources() -> Sources {
        let only = |place: &'static str| {
            let check = move |link: &str| if link.starts_with(place) { Ok(()) } else { Err(refused("not this one")) };
            Some(Arc::new(check) as CheckLink)
        };
        Sources { local_files: false, links: only("s3://in/"), outputs: only("s3://out/"), callbacks: None }
    }

    fn refusals(sources: &Sources, job: Value) -> Vec<String> {
        let job = JobSpec::read(&job).expect("legal");
        sources.refused(&job).iter().map(|e| format!("{} {}", e.place().pointer.as_deref().unwrap_or(""), e.code())).collect()
    }

    #[test]
    fn listed_places_pass() {
        let upload = format!("upload:upl_{}", "0".repeat(26));
        for uri in ["sim:demo", "s3://in/a.csv", &upload] {
            assert_eq!(refusals(&sources(), json!({"source": uri})), [""; 0], "{uri}");
        }
    }

    #[test]
    fn every_other_place_is_refused() {
        for uri in ["/etc/passwd", "-", "file:///etc/passwd", "http://a/b.csv", "s3://other/a.csv", "ftp://in/a.csv", "a.csv"] {
            assert_eq!(refusals(&sources(), json!({"source": uri})), ["/source/uri source::refused"], "{uri}");
        }
        assert_eq!(refusals(&Sources::default(), json!({"source": "s3://in/a"})), ["/source/uri source::refused"]);
    }

    #[test]
    fn results_go_where_they_may_and_only_there() {
        for (output, refused) in [("s3://out/a/", 0), ("s3://in/a/", 1), ("https://out/a", 1), ("upload:x", 1), ("/tmp", 1)] {
            let job = json!({"source": "sim:demo", "output": output});
            assert_eq!(refusals(&sources(), job), vec!["/output source::refused"; refused], "{output}");
        }
    }

    #[test]
    fn an_upload_is_named_by_its_id() {
        assert_eq!(refusals(&sources(), json!({"source": "upload:../../x"})), ["/source/uri source::not_found"]);
    }

    #[test]
    fn holdout_metadata_output_and_callback_are_checked_too() {
        let job = json!({
            "source": "sim:demo", "holdout_source": "/a", "metadata": {"uri": "/b"}, "output": "sim:demo", "callback_url": "https://x/",
        });
        let expected = [
            "/holdout_source source::refused",
            "/metadata/uri source::refused",
            "/output source::refused",
            "/callback_url job::callback_off",
        ];
        assert_eq!(refusals(&sources(), job), expected);
    }

    #[test]
    fn only_pages_that_may_be_called_are() {
        let check = |page: &str| if page == "https://told/" { Ok(()) } else { Err(refused("not this one")) };
        let sources = Sources { callbacks: Some(Arc::new(check)), ..sources() };
        for (page, refused) in [("https://told/", 0), ("https://other/", 1)] {
            let job = json!({"source": "sim:demo", "callback_url": page});
            assert_eq!(refusals(&sources, job), vec!["/callback_url source::refused"; refused], "{page}");
        }
    }

    #[test]
    fn a_person_at_the_machine_may_name_its_files() {
        let local = Sources { local_files: true, ..Sources::default() };
        assert_eq!(refusals(&local, json!({"source": "data/a.csv", "output": "out"})), [""; 0]);
        assert_eq!(refusals(&local, json!({"source": "-"})), ["/source/uri source::refused"]);
    }
}
