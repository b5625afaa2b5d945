//! The web app: files of this program, for browsers. Every page is the same document; its script reads the address.
//! They hold nothing of any job, so anybody who reaches the port may have them.

use super::answer::{put, tagged_bytes};
use super::guard::Call;
use super::problem::Problem;
use axum::extract::Path;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

/// What pages keep in their addresses.
pub const PAGE_QUERY: &[&str] = &[
    "benchmark",
    "candidate",
    "candidates",
    "column",
    "column2",
    "from",
    "jobs",
    "kind",
    "note",
    "order",
    "page",
    "q",
    "sample",
    "sort",
    "state",
    "step",
    "tab",
    "table",
    "task",
    "view",
];
/// What a page may do: run our scripts and styles, speak with this address, and be in no frame.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";
/// What the frame of a report may do: run the report's own script on its own data, and reach nothing.
const FRAME_POLICY: &str = "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
    img-src data:; frame-ancestors 'self'";
/// The file of the frame of a report.
const FRAME: &str = "report-frame.html";

macro_rules! files {
    ($($path:literal),* $(,)?) => {
        /// Files by path.
        const FILES: &[(&str, &[u8])] = &[$(($path, include_bytes!(concat!("../../ui/", $path)))),*];
    };
}

files! {
    "app.js",
    "candidate/columns.js",
    "candidate/overview.js",
    "candidate/pairs.js",
    "candidate/privacy.js",
    "candidate/rows.js",
    "candidate/run.js",
    "candidate/utility.js",
    "compare/pictures.js",
    "icon.svg",
    "job/copying.js",
    "job/crumbs.js",
    "job/dag.js",
    "job/files.js",
    "job/gantt.js",
    "job/model.js",
    "job/tasks.js",
    "lib/api.js",
    "lib/columns.js",
    "lib/csv.js",
    "lib/dialog.js",
    "lib/dom.js",
    "lib/draft.js",
    "lib/feed.js",
    "lib/figure.js",
    "lib/format.js",
    "lib/grid.js",
    "lib/long.js",
    "lib/meaning.js",
    "lib/rule.js",
    "lib/scatter.js",
    "lib/theme.js",
    "lib/view.js",
    "new/again.js",
    "new/benchmarks.js",
    "new/columns.js",
    "new/data.js",
    "new/equal.js",
    "new/faults.js",
    "new/link.js",
    "new/look.js",
    "new/options.js",
    "new/results.js",
    "new/state.js",
    "new/synthesizers.js",
    "pages/candidate.js",
    "pages/compare.js",
    "pages/docs.js",
    "pages/fleet.js",
    "pages/job.js",
    "pages/jobs.js",
    "pages/leaderboard.js",
    "pages/metadata.js",
    "pages/new.js",
    "pages/report.js",
    "pages/settings.js",
    "pages/tables.js",
    "report-frame.html",
    "style/base.css",
    "style/pages.css",
    "style/parts.css",
    "style/plots.css",
}

/// The document of every page.
const PAGE: &[u8] = include_bytes!("../../ui/index.html");

/// `GET /` and every other page
pub async fn page(_: Call, headers: HeaderMap) -> Response {
    given(&headers, "index.html", PAGE)
}

/// `GET /ui/{file}`
pub async fn file(Path(path): Path<String>, _: Call, headers: HeaderMap) -> Response {
    match FILES.iter().find(|(known, _)| *known == path) {
        Some((_, bytes)) => given(&headers, &path, bytes),
        None => Problem::not_found().into_response(),
    }
}

/// A file with its tag: a browser asks whether it changed, and is told in a few bytes that it did not.
fn given(headers: &HeaderMap, path: &str, bytes: &[u8]) -> Response {
    let mut response = tagged_bytes(headers, media_type(path), bytes.to_vec());
    put(&mut response, header::CACHE_CONTROL, "no-cache");
    put(&mut response, header::CONTENT_SECURITY_POLICY, if path == FRAME { FRAME_POLICY } else { PAGE_POLICY });
    put(&mut response, header::REFERRER_POLICY, "no-referrer");
    response
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => "text/html; charset=utf-8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::{Path as FilePath, PathBuf};

    fn folder() -> PathBuf {
        FilePath::new(env!("CARGO_MANIFEST_DIR")).join("ui")
    }

    fn collect(folder: &FilePath, below: &str, found: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let entry = entry.expect("an entry");
            let path = format!("{below}{}", entry.file_name().to_str().expect("text"));
            if entry.path().is_dir() {
                collect(&entry.path(), &format!("{path}/"), found);
            } else {
                found.insert(path);
            }
        }
    }

    #[test]
    fn every_file_of_the_folder_is_served_and_nothing_else() {
        let mut there = BTreeSet::new();
        collect(&folder(), "", &mut there);
        there.remove("index.html");
        let served: BTreeSet<String> = FILES.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!((served.len(), served), (FILES.len(), there));
    }

    /// Text of a table enters a page as text alone: nothing of the app reads markup or code from a string.
    #[test]
    fn nothing_reads_markup_or_code_from_text() {
        let words = ["innerHTML", "outerHTML", "insertAdjacentHTML", "parseFromString", "eval(", "new Function", "srcdoc", "javascript:"];
        for (path, bytes) in FILES.iter().filter(|(path, _)| path.ends_with(".js")) {
            let text = std::str::from_utf8(bytes).expect("text");
            let found: Vec<_> = words.iter().filter(|word| text.contains(**word)).collect();
            assert!(found.is_empty(), "{path}: {found:?}");
        }
    }

    #[test]
    fn the_app_is_small() {
        let counted = FILES.iter().filter(|(path, _)| path.ends_with(".js") || path.ends_with(".css"));
        let bytes: usize = counted.map(|(_, content)| content.len()).sum();
        assert!(bytes <= 350 << 10, "{bytes} bytes of script and style");
    }
}
