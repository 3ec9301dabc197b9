//! How one webhook does.

mod activate;
mod breaker;
mod chart;
mod figures;
mod model;
mod settings;
mod show;
mod stopped;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::Portal;

// What it costs to delete one.
pub use model::{Overview, Waiting};

pub fn routes() -> Router<Arc<Portal>> {
    Router::new()
        .route("/webhooks/{id}", get(show::show))
        .route("/webhooks/{id}/activate", post(activate::activate))
}

#[cfg(test)]
pub use settings::tests::{json as subscription_for_tests_json, subscription as subscription_for_tests};
#[cfg(test)]
mod tests;
