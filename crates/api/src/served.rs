//! All that the api role serves: the REST API, and the portal that is a client of it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::HeaderValue;
use axum::http::header::X_CONTENT_TYPE_OPTIONS;
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{Redirect, Response};
use axum::routing::get;

use crate::rest::observe::{Observer, observe};
use crate::rest::{self, Api};

/// # Errors
/// What there is to call cannot be described.
pub fn router(api: Arc<Api>) -> Result<Router, serde_json::Error> {
    let (settings, sealer) = (api.settings.clone(), api.sealer.clone());
    let rest = rest::router(api)?;
    if !settings.portal {
        return Ok(rest.layer(map_response(as_it_says)));
    }
    let patience = Duration::from_millis(settings.command_timeout_ms);
    let portal = aerogram_portal::routes(rest.clone(), sealer, settings.max_body_bytes, patience);
    let to_portal = || get(async || Redirect::to("/portal/webhooks"));
    Ok(Router::new()
        .nest(aerogram_portal::BASE, portal)
        .layer(from_fn_with_state(Observer::new(), observe))
        .route("/", to_portal())
        .route("/portal/", to_portal())
        .fallback_service(rest)
        .layer(map_response(as_it_says)))
}

/// No browser is to take an answer for something else than it says to be.
async fn as_it_says(mut response: Response) -> Response {
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
