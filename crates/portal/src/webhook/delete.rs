//! Deleting a webhook, after having asked.

use std::sync::Arc;

use askama::Template;
use axum::extract::Path;
use axum::http::header::IF_MATCH;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};

use super::read::{Webhook, may_write};
use crate::filled::Filled;
use crate::frame::{Frame, html};
use crate::html::{State, number};
use crate::model::EventTypes;
use crate::overview::{Overview, Waiting};
use crate::rest::{Refused, path};
use crate::viewer::{Viewer, Viewing};
use crate::zone::When;

#[derive(Template)]
#[template(path = "webhook-delete.html")]
struct DeletePage {
    frame: Frame,
    id: String,
    short: String,
    etag: String,
    /// `None`: nothing was tried yet.
    overtaken: Option<Overtaken>,
    url: String,
    title: String,
    event: String,
    status: String,
    state: State,
    /// `None`: it is not known.
    waiting: Option<String>,
}

/// It is not as it was when somebody was asked.
struct Overtaken {
    changed_at: When,
    /// What the page said of it that is not so any more; none: it is something that the page does not show.
    was: Vec<(&'static str, String)>,
}

impl DeletePage {
    /// What it shows, as its form posts it back.
    fn shown(&self) -> [(&'static str, &str); 3] {
        [("url", &self.url), ("event", &self.event), ("status", &self.status)]
    }
}

/// Says what is lost.
pub async fn ask(Viewing(viewer): Viewing, Path(id): Path<String>) -> Result<Response, Refused> {
    may_write(&viewer)?;
    page(&viewer, &id, None).await
}

/// With what was posted by a page that was overtaken.
async fn page(viewer: &Arc<Viewer>, id: &str, posted: Option<&Filled>) -> Result<Response, Refused> {
    let webhook = Webhook::read(viewer, id).await?;
    let types: EventTypes = viewer.rest.get("/event-types").await?;
    // Who cannot be told how many may delete it all the same.
    let overview: Option<Overview> = viewer.rest.get(&path(&["subscriptions", id, "overview"])).await.ok();
    let of = &webhook.subscription;
    let overtaken = posted.map(|posted| Overtaken {
        changed_at: viewer.zone.second(of.updated_at_date_time),
        was: was(posted, &webhook, &types),
    });
    let status = if overtaken.is_some() { StatusCode::PRECONDITION_FAILED } else { StatusCode::OK };
    let page = DeletePage {
        frame: Frame::new(viewer, "webhooks", "Delete webhook"),
        id: of.id.clone(),
        short: webhook.short().to_owned(),
        etag: webhook.etag.clone(),
        overtaken,
        url: of.callback_url.clone(),
        title: types.title(&of.event).to_owned(),
        event: of.event.clone(),
        status: of.status.clone(),
        state: State::of_subscription(&of.status),
        waiting: overview.map(|of| told(of.waiting, of.counts_are_at_least)),
    };
    Ok(html(status, &page))
}

/// Only what was shown: if it is another one by now, it is asked once more.
pub async fn delete(
    Viewing(viewer): Viewing,
    Path(id): Path<String>,
    filled: Filled,
) -> Result<Response, Refused> {
    let headers = [(IF_MATCH, filled.get("etag").to_owned())];
    match viewer.rest.send(Method::DELETE, &path(&["subscriptions", &id]), None, &headers).await {
        Ok(_) => Ok(Redirect::to("/portal/webhooks?done=deleted").into_response()),
        Err(Refused::Changed(_)) => page(&viewer, &id, Some(&filled)).await,
        Err(refused) => Err(refused),
    }
}

/// What was shown and is not so any more.
fn was(posted: &Filled, now: &Webhook, types: &EventTypes) -> Vec<(&'static str, String)> {
    let of = &now.subscription;
    let [url, event, status] = ["url", "event", "status"].map(|name| posted.get(name));
    let all = [
        ("URL", url, &of.callback_url, url),
        ("Event Type", event, &of.event, types.title(event)),
        ("Status", status, &of.status, State::of_subscription(status).word),
    ];
    let differs = all.into_iter().filter(|(_, was, is, _)| !was.is_empty() && was != is);
    differs.map(|(label, .., told)| (label, told.to_owned())).collect()
}

/// Empty: none waits.
fn told(waiting: Waiting, at_least: bool) -> String {
    let Waiting { pending, retrying, parked, .. } = waiting;
    let all = pending.saturating_add(retrying).saturating_add(parked);
    let parts = [(pending, "pending"), (retrying, "retrying"), (parked, "parked")];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<_> = parts.map(|(count, word)| format!("{} {word}", number(*count))).collect();
    let at_least = if at_least { "at least " } else { "" };
    match all {
        0 => String::new(),
        1 => format!("{at_least}1 delivery that waits is cancelled: {}", parts.join(", ")),
        all => {
            let all = number(all);
            format!("{at_least}{all} deliveries that wait are cancelled: {}", parts.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_counted() {
        let waiting = |pending, retrying, parked| Waiting { pending, retrying, parked, escalated_open: 9 };
        let told = |pending, retrying, parked| super::told(waiting(pending, retrying, parked), false);
        assert_eq!(told(0, 0, 0), "");
        assert_eq!(told(0, 1, 0), "1 delivery that waits is cancelled: 1 retrying");
        assert_eq!(
            told(2, 4, 1_180),
            "1,186 deliveries that wait are cancelled: 2 pending, 4 retrying, 1,180 parked"
        );
        let many = super::told(waiting(0, 1, u64::MAX), true);
        assert!(many.starts_with("at least "), "{many}");
    }
}
