//! What became of deliveries, and sending them again.

mod attempts;
mod between;
mod detail;
mod filters;
mod known;
mod list;
mod next;
mod outcome;
mod range;
mod redeliver_many;
mod redeliver_one;
mod row;
mod scope;
mod show;
mod shown;
mod task;
#[cfg(test)]
mod tests;
mod types;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::Portal;

// What pages about something else show of deliveries as well.
pub use attempts::{AttemptResult, AttemptTable, took};
pub use known::Webhooks;
pub use next::{Next, Step};
pub use outcome::answer;
pub use row::{events_href, href, of_this_year, of_today, webhook_href};
pub use types::TypeChoices;

pub fn routes() -> Router<Arc<Portal>> {
    Router::new()
        .route("/deliveries", get(list::list))
        .route("/deliveries/redeliver", get(redeliver_many::ask).post(redeliver_many::redeliver))
        .route("/deliveries/{id}", get(show::show))
        .route("/deliveries/{id}/row", get(show::row))
        .route("/deliveries/{id}/redeliver", get(redeliver_one::ask).post(redeliver_one::redeliver))
        .route("/tasks/{id}", get(task::show))
        .route("/tasks/{id}/stop", post(task::stop))
}
