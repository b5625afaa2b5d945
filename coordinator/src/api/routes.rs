//! The table of routes. A handler is reachable only through its row, so each has its rights, its query parameters
//! and its place in the description of the API.

use super::doors::Doors;
use super::guard::guard;
use super::{
    again, candidates, catalogue, compare, describe, dress, edit, events, files, fleet, form, health, input, jobs, log, openapi, plots,
    publish, remove, results, rows, sniff, steer, tasks,
};
use super::{tables, tokens, ui, uploads};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::http::HeaderMap;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter, on};
use std::sync::Arc;
use synthfleet_proto::token::Scope;
use tower_http::compression::CompressionLayer;

/// Largest body that is not an upload, in bytes.
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody who reaches the port.
    Open,
    /// Callers with a scope, for what belongs to their tenant.
    Tenant(Scope),
    /// Callers with a scope, for what belongs to nobody; to change it, they must reach every tenant.
    Fleet(Scope),
}

/// What a request carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// Nothing.
    None,
    /// JSON, at most 1 MiB.
    Json,
    /// JSON or nothing.
    MaybeJson,
    /// JSON, at most 1 MiB, or a form of it and a file of any length.
    JsonOrForm,
    /// Bytes of any length, piece by piece.
    Bytes,
}

/// What is known of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Method.
    pub method: &'static str,
    /// Path with `{parameters}`.
    pub path: &'static str,
    /// Who may ask.
    pub access: Access,
    /// Query parameters it takes.
    pub query: &'static [&'static str],
    /// Those of them that may be given more than once.
    pub several: &'static [&'static str],
    /// What a request carries.
    pub body: Body,
    /// One sentence.
    pub summary: &'static str,
    /// For browsers: no part of the description of the API.
    pub page: bool,
}

impl Row {
    /// Whether its answer may take long to begin: it carries a table.
    pub fn is_patient(&self, headers: &HeaderMap) -> bool {
        self.body == Body::Bytes || (self.body == Body::JsonOrForm && form::is_form(headers))
    }
}

/// A row with its handler.
pub struct Route {
    /// What is known of it.
    pub row: Row,
    handler: MethodRouter<Arc<Doors>>,
}

fn route<H, T>(method: &'static str, path: &'static str, access: Access, body: Body, summary: &'static str, handler: H) -> Route
where
    H: Handler<T, Arc<Doors>>,
    T: 'static,
{
    let filter = match method {
        "POST" => MethodFilter::POST,
        "PUT" => MethodFilter::PUT,
        "PATCH" => MethodFilter::PATCH,
        "DELETE" => MethodFilter::DELETE,
        _ => MethodFilter::GET.or(MethodFilter::HEAD),
    };
    Route { row: Row { method, path, access, query: &[], several: &[], body, summary, page: false }, handler: on(filter, handler) }
}

impl Route {
    fn query(mut self, names: &'static [&'static str]) -> Self {
        self.row.query = names;
        self
    }

    fn several(mut self, names: &'static [&'static str]) -> Self {
        self.row.several = names;
        self.query(names)
    }

    fn page(mut self) -> Self {
        self.row.page = true;
        self.query(ui::PAGE_QUERY)
    }
}

/// Every route.
pub fn routes() -> Vec<Route> {
    use Access::{Fleet, Open, Tenant};
    use Body::{Bytes, Json, JsonOrForm, MaybeJson, None};
    use Scope::{Admin, Read, ReadReal, Submit};
    vec![
        route("POST", "/v1/jobs", Tenant(Submit), JsonOrForm, "Asks for a job.", jobs::submit),
        route("GET", "/v1/jobs", Tenant(Read), None, "Lists jobs, newest first.", jobs::list).query(jobs::LIST_QUERY),
        route("GET", "/v1/jobs/{job}", Tenant(Read), None, "Shows a job.", jobs::show),
        route("PATCH", "/v1/jobs/{job}", Tenant(Submit), Json, "Changes labels and summary; If-Match is needed.", edit::edit),
        route("DELETE", "/v1/jobs/{job}", Tenant(Admin), None, "Removes a job that ended.", remove::remove),
        route("POST", "/v1/jobs/{job}/cancel", Tenant(Submit), MaybeJson, "Stops a job.", steer::cancel),
        route("POST", "/v1/jobs/{job}/release", Tenant(Submit), None, "Lets a held job go on.", steer::release),
        route("POST", "/v1/jobs/{job}/retry", Tenant(Submit), None, "Asks for the same again; finished tasks are reused.", again::retry),
        route("POST", "/v1/jobs/{job}/publish", Tenant(Submit), None, "Copies the output to the job's own place again.", publish::publish),
        route(
            "POST",
            "/v1/jobs/{job}/benchmarks",
            Tenant(Submit),
            Json,
            "Asks for more benchmarks of a done job's samples.",
            again::benchmarks,
        ),
        route("GET", "/v1/jobs/{job}/plan", Tenant(Read), None, "Tells which tasks were planned, and what each needs.", tasks::plan),
        route("GET", "/v1/jobs/{job}/tasks", Tenant(Read), None, "Lists the tasks of a job.", tasks::list),
        route("GET", "/v1/jobs/{job}/tasks/{task}", Tenant(Read), None, "Shows a task.", tasks::show),
        route("GET", "/v1/jobs/{job}/tasks/{task}/log", Tenant(Read), None, "Tells what is known of a task, line by line.", log::show),
        route("GET", "/v1/jobs/{job}/events", Tenant(Read), None, "Tells what happens to a job.", events::watch).query(&["after", "wait"]),
        route("GET", "/v1/jobs/{job}/verdict", Tenant(Read), None, "Gives the judgement.", results::verdict),
        route("GET", "/v1/jobs/{job}/results", Tenant(Read), None, "Gives every number, as JSON or CSV.", results::results),
        route("GET", "/v1/jobs/{job}/metadata", Tenant(Read), None, "Describes the table of a job.", describe::metadata).query(&["form"]),
        route("GET", "/v1/jobs/{job}/rows", Tenant(ReadReal), None, "Shows the first real rows.", rows::real).query(rows::ROWS_QUERY),
        route("GET", "/v1/jobs/{job}/candidates", Tenant(Read), None, "Lists the candidates of a job.", candidates::list),
        route(
            "POST",
            "/v1/jobs/{job}/candidates/{candidate}/generate",
            Tenant(Submit),
            Json,
            "Asks for more rows of a candidate.",
            again::generate,
        ),
        route(
            "GET",
            "/v1/jobs/{job}/candidates/{candidate}",
            Tenant(Read),
            None,
            "Shows what was measured of a candidate.",
            candidates::show,
        ),
        route(
            "GET",
            "/v1/jobs/{job}/candidates/{candidate}/rows",
            Tenant(Read),
            None,
            "Shows the first rows of a sample.",
            rows::synthetic,
        )
        .query(rows::ROWS_QUERY),
        route(
            "GET",
            "/v1/jobs/{job}/plots/{plot}",
            Tenant(Read),
            None,
            "Draws a picture of a candidate, or gives its numbers.",
            plots::show,
        )
        .query(plots::PLOT_QUERY),
        route("GET", "/v1/jobs/{job}/files", Tenant(Read), None, "Lists the published files.", files::list),
        route(
            "GET",
            "/v1/jobs/{job}/files/{*path}",
            Tenant(Read),
            None,
            "Gives a published file; csv_safe=1: so that no spreadsheet runs a cell.",
            files::give,
        )
        .query(files::FILE_QUERY),
        route("POST", "/v1/sniff", Tenant(Submit), Json, "Looks at the beginning of a table; nothing is stored.", sniff::sniff),
        route("POST", "/v1/uploads", Tenant(Submit), Json, "Begins an upload.", uploads::begin),
        route("GET", "/v1/uploads/{upload}", Tenant(Submit), None, "Shows how far an upload is.", uploads::show),
        route("PUT", "/v1/uploads/{upload}", Tenant(Submit), Bytes, "Takes a table or a part of it.", uploads::take),
        route("POST", "/v1/uploads/{upload}/complete", Tenant(Submit), None, "Joins the parts of an upload.", uploads::complete),
        route("GET", "/v1/synthesizers", Fleet(Read), None, "Lists synthesizers.", catalogue::synthesizers),
        route("GET", "/v1/synthesizers/{name}", Fleet(Read), None, "Shows a synthesizer with its options.", catalogue::synthesizer),
        route("GET", "/v1/benchmarks", Fleet(Read), None, "Lists benchmarks.", catalogue::benchmarks),
        route("GET", "/v1/benchmarks/{name}", Fleet(Read), None, "Shows a benchmark with its options.", catalogue::benchmark),
        route("GET", "/v1/compare", Tenant(Read), None, "Sets the scores of two to six candidates beside each other.", compare::compare)
            .several(compare::COMPARE_QUERY),
        route(
            "GET",
            "/v1/tables",
            Tenant(Read),
            None,
            "Lists tables that jobs read, with their jobs and how far they moved.",
            tables::list,
        )
        .query(tables::TABLES_QUERY),
        route("GET", "/v1/tables/{table}", Tenant(Read), None, "Shows a table: its jobs, and what moved in it.", tables::show),
        route("GET", "/v1/workers", Fleet(Read), None, "Lists workers.", fleet::workers),
        route("POST", "/v1/workers/{worker}/drain", Fleet(Admin), None, "Asks a worker to end its tasks and leave.", fleet::drain),
        route("GET", "/v1/queues", Fleet(Read), None, "Shows how full the queues are.", fleet::queues),
        route("GET", "/v1/dead-letters", Fleet(Admin), None, "Lists buried messages.", fleet::dead),
        route("GET", "/v1/dead-letters/{day}/{id}", Fleet(Admin), None, "Shows a buried message.", fleet::dead_one),
        route("DELETE", "/v1/dead-letters/{day}/{id}", Fleet(Admin), None, "Forgets a buried message.", fleet::forget),
        route("POST", "/v1/dead-letters/{day}/{id}/requeue", Fleet(Admin), None, "Sends a buried message again.", fleet::requeue),
        route("GET", "/v1/tokens", Tenant(Admin), None, "Lists tokens, without their secrets.", tokens::list),
        route("POST", "/v1/tokens", Tenant(Admin), Json, "Makes a token; its secret is shown once.", tokens::make),
        route("DELETE", "/v1/tokens/{token}", Tenant(Admin), None, "Makes a token void.", tokens::revoke),
        route("POST", "/input", Tenant(Submit), Json, "Starts a quick job on a link.", input::start),
        route("GET", "/metrics", Fleet(Read), None, "Counts and measures, for Prometheus.", health::metrics),
        route("GET", "/healthz", Open, None, "Says that the process lives.", health::alive),
        route("GET", "/readyz", Open, None, "Says whether requests can be served.", health::ready),
        route("GET", "/version", Open, None, "Names the version.", health::version),
        route("GET", "/problems/{code}", Open, None, "Explains a sort of problem.", health::problem),
        route("GET", "/openapi.json", Open, None, "Describes this API.", openapi::describe),
        route("GET", "/", Open, None, "The web app: a new job.", ui::page).page(),
        route("GET", "/jobs", Open, None, "The web app: jobs.", ui::page).page(),
        route("GET", "/jobs/{*page}", Open, None, "The web app: one job.", ui::page).page(),
        route("GET", "/compare", Open, None, "The web app: candidates beside each other.", ui::page).page(),
        route("GET", "/tables", Open, None, "The web app: tables.", ui::page).page(),
        route("GET", "/fleet", Open, None, "The web app: workers and queues.", ui::page).page(),
        route("GET", "/docs", Open, None, "The web app: the description of this API.", ui::page).page(),
        route("GET", "/settings", Open, None, "The web app: settings.", ui::page).page(),
        route("GET", "/ui/{*file}", Open, None, "Files of the web app.", ui::file).page(),
    ]
}

/// The HTTP door.
pub fn router(doors: Arc<Doors>) -> Router {
    let mut router = Router::new();
    for Route { row, handler } in routes() {
        let limit = if row.body == Body::Bytes { DefaultBodyLimit::disable() } else { DefaultBodyLimit::max(BODY_BYTES_MAX) };
        let guarded = handler.route_layer(limit).route_layer(from_fn_with_state((Arc::clone(&doors), row), guard));
        router = router.route(row.path, guarded);
    }
    router
        .fallback(dress::nothing)
        .layer(from_fn_with_state(Arc::clone(&doors), dress::dress))
        .layer(CompressionLayer::new())
        .with_state(doors)
}
