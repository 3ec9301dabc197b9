//! One webhook: adding and changing it, its key, a test event, renewing and deleting it.

mod about;
mod choices;
mod conflict;
mod delete;
mod edit;
mod form;
mod form_page;
mod key;
mod mistakes;
mod new;
mod of_subscription;
mod once;
mod places;
mod preview;
mod read;
mod renew;
mod rotate;
mod test;
mod tested;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod to_json;
mod twin;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::Portal;

// The page about a webhook sends tests as well.
pub use once::Once;

pub fn routes() -> Router<Arc<Portal>> {
    Router::new()
        .route("/webhooks/new", get(new::show).post(new::add))
        .route("/webhooks/{id}/edit", get(edit::show).post(edit::save))
        .route("/webhooks/{id}/delete", get(delete::ask).post(delete::delete))
        .route("/webhooks/{id}/renew", get(renew::ask).post(renew::renew))
        .route("/webhooks/{id}/rotate", get(rotate::ask).post(rotate::rotate))
        .route("/webhooks/{id}/test", get(test::show).post(test::send))
        .route("/event-types/about", get(about::about))
        .route("/template-preview", post(preview::preview))
}
