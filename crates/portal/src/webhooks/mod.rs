//! The list of webhooks, and the same as a spreadsheet.
//!
//! All of an operator's webhooks come in one answer; which of them are shown, and in what order, is decided here: numbers, titles
//! and what may be renewed are of the page, and REST does not know them.

mod answer;
mod asked;
mod choices;
mod columns;
mod excel;
mod filter;
mod numbers;
mod paging;
mod row;
mod said;
mod show;
mod sort;
#[cfg(test)]
mod testing;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use crate::Portal;

pub fn routes() -> Router<Arc<Portal>> {
    Router::new().route("/webhooks", get(answer::list)).route("/webhooks/download", get(answer::download))
}
