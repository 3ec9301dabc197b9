//! Adding a webhook.

use std::sync::Arc;

use axum::extract::Query;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde::Deserialize;

use super::form::Form;
use super::form_page::{Blank, Subject, page};
use super::mistakes::{Asked, Mistakes};
use super::once::Once;
use super::read::may_write;
use super::twin::Twin;
use super::{key, to_json};
use crate::filled::Filled;
use crate::model::Subscription;
use crate::rest::{Refused, path};
use crate::viewer::{Viewer, Viewing};

/// What a link may fill in.
#[derive(Deserialize, Default)]
pub struct Given {
    #[serde(default)]
    event: String,
}

/// The empty form.
pub async fn show(Viewing(viewer): Viewing, Query(given): Query<Given>) -> Result<Response, Refused> {
    may_write(&viewer)?;
    let event = Some(given.event).filter(|event| viewer.me.event_types.contains(event));
    let form = Form { event: event.unwrap_or_default(), ..Form::blank() };
    page(&viewer, Subject::New(Blank::new(viewer.now)?), form, Mistakes::default(), StatusCode::OK).await
}

/// The answer to a form that made a webhook is the page with its signing key: nothing keeps that.
pub async fn add(Viewing(viewer): Viewing, filled: Filled) -> Result<Response, Refused> {
    let form = Form::of(&filled);
    let blank = Blank::posted(&filled, viewer.now)?;
    if filled.has("preview") {
        return page(&viewer, Subject::New(blank), form, Mistakes::default(), StatusCode::OK).await;
    }
    let twin = Twin::of(&viewer, &form, blank.opened).await;
    if let Some(twin) = twin.filter(|twin| twin.id != filled.get("twice")) {
        let blank = Blank { twin: Some(twin), ..blank };
        return page(&viewer, Subject::New(blank), form, Mistakes::default(), StatusCode::CONFLICT).await;
    }
    let signing_key = blank.once.signing_key();
    let written = to_json::creation(&form, &signing_key);
    let headers = [blank.once.header()];
    let asked =
        viewer.rest.send_text(Method::POST, &path(&["subscriptions"]), Some(written.text()?), &headers).await;
    match asked {
        Ok(answer) => key::of_new(&viewer, &answer.read::<Subscription>()?, &signing_key).await,
        Err(Refused::Unauthenticated) => Err(Refused::Unauthenticated),
        Err(refused) => again(&viewer, blank, form, &refused, &written.wrong).await,
    }
}

/// The form with what was typed, and what is wrong with it.
async fn again(
    viewer: &Arc<Viewer>,
    blank: Blank,
    form: Form,
    refused: &Refused,
    noticed: &[crate::rest::Wrong],
) -> Result<Response, Refused> {
    // Its number may have been used up; whoever sends the form once more wants another webhook.
    let once = if matches!(refused, Refused::Conflict(_)) { Once::new()? } else { blank.once };
    let mistakes = Mistakes::of(refused, noticed, &form, Asked::Creation);
    page(viewer, Subject::New(Blank { once, ..blank }), form, mistakes, refused.status()).await
}
