//! Deliveries that were given up, for people to decide about.

mod decide;
mod filters;
mod list;
mod model;
mod next;
mod row;
mod show;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::Portal;

pub fn routes() -> Router<Arc<Portal>> {
    Router::new()
        .route("/escalations", get(list::list))
        .route("/escalations/next", get(next::next))
        .route("/escalations/{id}", get(show::show))
        .route("/escalations/{id}/redeliver", post(decide::redeliver))
        .route("/escalations/{id}/dismiss", post(decide::dismiss))
}

#[cfg(test)]
mod tests;
