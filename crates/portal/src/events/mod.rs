//! What became of an event.

mod model;
mod search;
mod show;
mod story;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use crate::Portal;
use crate::rest::path;

/// The story of one.
pub fn href(id: &str) -> String {
    format!("{}{}", crate::BASE, path(&["events", id]))
}

pub fn routes() -> Router<Arc<Portal>> {
    Router::new().route("/events", get(search::search)).route("/events/{id}", get(show::show))
}

#[cfg(test)]
mod tests;
