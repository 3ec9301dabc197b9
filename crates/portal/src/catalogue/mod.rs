//! Which event types there are.

mod choose;
mod list;
mod show;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use crate::Portal;

pub fn routes() -> Router<Arc<Portal>> {
    Router::new().route("/catalogue", get(list::list)).route("/catalogue/{name}", get(show::show))
}

#[cfg(test)]
mod tests;
