//! Sending one delivery again: the page that asks, and doing it.

use std::sync::Arc;

use askama::Template;
use axum::extract::Path;
use axum::http::{HeaderName, Method, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::detail::{Known, Repair};
use super::row::{Row, href};
use crate::error::sentence;
use crate::filled::Filled;
use crate::frame::{Frame, html};
use crate::model::EventTypes;
use crate::rest::{Refused, path};
use crate::viewer::{Viewer, Viewing};

pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

#[derive(Template)]
#[template(path = "delivery-redeliver.html")]
struct AskPage {
    frame: Frame,
    row: Row,
    once: String,
    why: String,
    why_error: Option<String>,
}

/// Of the new run.
#[derive(Deserialize)]
struct Redelivered {
    id: String,
}

pub async fn ask(Viewing(viewer): Viewing, Path(id): Path<String>) -> Result<Response, Refused> {
    ask_page(&viewer, &id, Uuid::new_v4().to_string(), String::new(), None).await
}

pub async fn redeliver(
    Viewing(viewer): Viewing,
    Path(id): Path<String>,
    filled: Filled,
) -> Result<Response, Refused> {
    let why = filled.get("why").trim();
    let body = if why.is_empty() { json!({}) } else { json!({"why": why}) };
    let key = once(&filled);
    let headers = [(IDEMPOTENCY_KEY, key.clone())];
    let path = path(&["deliveries", &id, "redeliveries"]);
    match viewer.rest.send(Method::POST, &path, Some(&body), &headers).await {
        Ok(answer) => {
            let Redelivered { id } = answer.read()?;
            Ok(Redirect::to(&format!("{}?done=redelivered", href(&id))).into_response())
        }
        Err(Refused::Invalid { wrong, .. }) if wrong.iter().any(|wrong| wrong.pointer == "/why") => {
            let errors = wrong.iter().filter(|wrong| wrong.pointer == "/why");
            let error = errors.map(|wrong| sentence(&wrong.detail)).collect::<Vec<_>>().join(" ");
            ask_page(&viewer, &id, key, why.to_owned(), Some(error)).await
        }
        Err(refused) => Err(refused),
    }
}

/// The key of the form; one that was not made here is none.
pub fn once(filled: &Filled) -> String {
    let made = filled.get("once").parse::<Uuid>();
    made.unwrap_or_else(|_| Uuid::new_v4()).to_string()
}

async fn ask_page(
    viewer: &Arc<Viewer>,
    id: &str,
    once: String,
    why: String,
    why_error: Option<String>,
) -> Result<Response, Refused> {
    let types = viewer.rest.get::<EventTypes>("/event-types");
    let (known, types) = tokio::try_join!(Known::of(viewer, id), types)?;
    if !matches!(known.repair(viewer.may_write()), Repair::Redeliver(_)) {
        // Its page says why not.
        return Ok(Redirect::to(&href(id)).into_response());
    }
    let url = known.more.callback_url.as_deref();
    let row = Row::of(&known.delivery, url, &types, &viewer.zone, viewer.now);
    let status = if why_error.is_some() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let frame = Frame::new(viewer, "deliveries", "Redeliver it?");
    Ok(html(status, &AskPage { frame, row, once, why, why_error }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_forms_own_unless_somebody_made_it_up() {
        let filled = |value: &str| Filled::from_iter([("once".to_owned(), value.to_owned())]);
        let made = "0199ffd2-5a36-7cc1-8d5e-6a2b1c3d4e5f";
        assert_eq!(once(&filled(made)), made);
        for other in ["", "x", "a\r\nb: c"] {
            assert!(once(&filled(other)).parse::<Uuid>().is_ok(), "{other:?}");
        }
    }
}
