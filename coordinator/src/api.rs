//! The HTTP door. One table of routes ([`routes`]) says for each what it is, who may ask and what it takes; the
//! guard before every handler goes by that table, so that no route can be forgotten.

pub mod admin;
mod again;
mod answer;
mod bind;
mod candidates;
mod catalogue;
mod compare;
mod copies;
mod describe;
mod doors;
mod dress;
mod edit;
mod events;
mod feeds;
mod files;
mod fleet;
mod form;
mod guard;
mod health;
mod input;
mod jobs;
mod list;
mod log;
mod openapi;
mod plots;
mod problem;
mod publish;
mod query;
mod quota;
mod remove;
mod results;
mod routes;
mod rows;
mod serve;
mod shape;
mod sniff;
mod steer;
mod tables;
mod tasks;
mod tokens;
mod ui;
mod uploads;
mod views;
mod wanted;

#[cfg(test)]
mod tests;

pub use bind::{Auth, Proxy, bind_rule};
pub use doors::{Check, Doors, Options, Parts};
pub(crate) use problem::of_job as problem_of;
pub use problem::{Problem, Slug};
pub use routes::{Access, Body, Route, Row, router, routes};
pub use serve::{serve, serve_router};
pub(crate) use shape::links as job_links;
pub use sniff::{Beginning, Sniff, Sniffed};
