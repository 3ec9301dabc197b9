//! The portal: pages for people who look after subscriptions, and what became of their deliveries.
//!
//! It is a client of the REST API within the same process: a page is made of what REST answers to the one who is signed in, so
//! whoever may not do something over REST may not do it here either, and there is no second way to anything.

mod address;
mod arrive;
mod assets;
mod catalogue;
mod deliveries;
mod error;
mod escalations;
mod events;
mod filled;
mod frame;
mod html;
mod list;
mod model;
mod overview;
mod rest;
mod session;
mod shield;
#[cfg(test)]
mod testing;
mod viewer;
mod webhook;
mod webhooks;
mod zone;

pub use rest::ViaPortal;

use std::sync::Arc;
use std::time::Duration;

use aerogram_seal::Sealer;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Redirect;
use axum::routing::get;
use axum::{Router, routing::post};

use crate::arrive::{Arrival, arrive};
use crate::rest::Api;

/// Stands before every page.
pub const BASE: &str = "/portal";

/// A body that REST takes has so many times its length in a form, where most of its signs are written as three.
const WRITTEN_IN_FORM: usize = 4;
/// What a form may hold besides.
const OTHER_FIELDS_BYTES_MAX: usize = 64 * 1_024;
/// Credentials, and where to go with them.
const SIGN_IN_BYTES_MAX: usize = 64 * 1_024;

/// What the pages share.
pub struct Portal {
    api: Api,
    /// Seals sessions; see [`session`].
    sealer: Sealer,
}

/// All pages, to be nested at [`BASE`]. `rest` is the REST API with its paths, which takes bodies of up to `body_bytes_max`;
/// `patience` is how long a form may take to arrive, and a long list may wait for its turn.
pub fn routes(rest: Router, sealer: Sealer, body_bytes_max: usize, patience: Duration) -> Router {
    let portal = Arc::new(Portal { api: Api::of(rest, patience), sealer });
    let form = Arrival { bytes_max: form_bytes_max(body_bytes_max), within: patience };
    let credentials = Arrival { bytes_max: SIGN_IN_BYTES_MAX, within: patience };
    // Who is not signed in is sent away before anything of a form is read.
    let pages = pages()
        .route_layer(from_fn_with_state(form, arrive))
        .route_layer(from_fn_with_state(Arc::clone(&portal), session::enter));
    let sign_in = get(session::show).post(session::sign_in).layer(from_fn_with_state(credentials, arrive));
    let sign_out = post(session::sign_out).layer(from_fn_with_state(credentials, arrive));
    Router::new()
        .route("/", get(async || Redirect::to("/portal/webhooks")))
        .route("/sign-in", sign_in)
        .route("/sign-out", sign_out)
        .route("/static/{name}", get(assets::serve))
        .merge(pages)
        .fallback(error::nothing_here)
        .layer(DefaultBodyLimit::max(form.bytes_max))
        .layer(from_fn(shield::guard))
        .with_state(portal)
}

/// REST limits what becomes of a form; this only has it get that far, so that a template of the greatest length can be edited.
fn form_bytes_max(body_bytes_max: usize) -> usize {
    body_bytes_max.saturating_mul(WRITTEN_IN_FORM).saturating_add(OTHER_FIELDS_BYTES_MAX)
}

/// Those for who is signed in.
fn pages() -> Router<Arc<Portal>> {
    Router::new()
        .merge(webhooks::routes())
        .merge(webhook::routes())
        .merge(overview::routes())
        .merge(deliveries::routes())
        .merge(escalations::routes())
        .merge(events::routes())
        .merge(catalogue::routes())
}
