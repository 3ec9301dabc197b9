//! A test event: the catalogue's example, sent once.

use std::sync::Arc;

use askama::Template;
use axum::extract::Path;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use serde_json::json;

use super::choices::{self, Group};
use super::once::Once;
use super::read::{Webhook, may_write};
use super::tested::{Shown, Tested, Verdict};
use crate::filled::Filled;
use crate::frame::{Frame, Page};
use crate::model::{EventTypes, Subscription};
use crate::rest::{Refused, path};
use crate::viewer::{Viewer, Viewing};

#[derive(Template)]
#[template(path = "webhook-test.html")]
struct TestPage {
    frame: Frame,
    id: String,
    short: String,
    url: String,
    etag: String,
    may: May,
    events: Vec<Group>,
    /// Another type than its own is chosen.
    is_other: bool,
    /// What its own type is called.
    title: String,
    /// Of the next one.
    once: Once,
    result: Option<Shown>,
    is_part: bool,
}

/// What can be done here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum May {
    Send,
    /// Nothing is sent to an inactive one, tests included.
    OnceActive,
    Never,
}

impl May {
    fn of(subscription: &Subscription, now: Timestamp) -> Self {
        match subscription.status.as_str() {
            "ACTIVE" => Self::Send,
            _ if subscription.expiration_date_time.is_some_and(|at| at <= now) => Self::Never,
            _ => Self::OnceActive,
        }
    }
}

/// For htmx.
#[derive(Template)]
#[template(path = "webhook-test-result.html")]
struct ResultPart {
    once: Once,
    result: Option<Shown>,
    is_part: bool,
}

pub async fn show(Viewing(viewer): Viewing, Path(id): Path<String>) -> Result<Response, Refused> {
    may_write(&viewer)?;
    let webhook = Webhook::read(&viewer, &id).await?;
    let event = webhook.subscription.event.clone();
    page(&viewer, &webhook, &event, Once::new()?, None).await
}

/// Sends it, and shows what was sent and answered. The same form sends one test, however often it is posted.
pub async fn send(
    Viewing(viewer): Viewing,
    Path(id): Path<String>,
    filled: Filled,
) -> Result<Response, Refused> {
    let webhook = Webhook::read(&viewer, &id).await?;
    let event = match filled.get("event") {
        "" => webhook.subscription.event.clone(),
        given => given.to_owned(),
    };
    let tests = path(&["subscriptions", &id, "test-events"]);
    let wish = json!({ "eventType": event });
    let once = Once::posted(&filled)?;
    let mut next = Once::new()?;
    let result = match viewer.rest.send(Method::POST, &tests, Some(&wish), &[once.header()]).await {
        Ok(answer) => {
            let under_way = answer.status == StatusCode::ACCEPTED;
            let url = &webhook.subscription.callback_url;
            Shown::of(answer.read::<Tested>()?, under_way, url, &viewer.zone)
        }
        Err(refused @ (Refused::Unauthenticated | Refused::NotFound)) => return Err(refused),
        Err(refused) => {
            // It may be on its way all the same; then to ask once more is to ask what became of it.
            if matches!(refused, Refused::Unavailable(_) | Refused::Broken(_)) {
                next = once;
            }
            Shown::refused(&refused)
        }
    };
    if viewer.wants_part {
        let part = ResultPart { once: next, result: Some(result), is_part: true };
        return Ok(Page(part).into_response());
    }
    page(&viewer, &webhook, &event, next, Some(result)).await
}

async fn page(
    viewer: &Arc<Viewer>,
    webhook: &Webhook,
    event: &str,
    once: Once,
    result: Option<Shown>,
) -> Result<Response, Refused> {
    let types: EventTypes = viewer.rest.get("/event-types").await?;
    let of = &webhook.subscription;
    let page = TestPage {
        frame: Frame::new(viewer, "webhooks", "Test event"),
        id: of.id.clone(),
        short: webhook.short().to_owned(),
        url: of.callback_url.clone(),
        etag: webhook.etag.clone(),
        may: May::of(of, viewer.now),
        events: choices::events(&types, event),
        is_other: event != of.event,
        title: types.title(&of.event).to_owned(),
        once,
        result,
        is_part: false,
    };
    Ok(Page(page).into_response())
}
