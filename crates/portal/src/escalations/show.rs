//! The page of one: what was tried, why it was given up, and what can be done.

use askama::Template;
use axum::extract::{Path, Query};
use axum::http::{Method, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::model::{Escalation, More};
use super::row::href;
use super::words;
use crate::deliveries::{AttemptTable, webhook_href};
use crate::frame::{Frame, html};
use crate::html::{State, indented, shortened};
use crate::model::{EventTypes, Subscription};
use crate::rest::{Refused, path};
use crate::viewer::{Viewer, Viewing};
use crate::zone::{When, Zone};

#[derive(Template)]
#[template(path = "escalation.html")]
struct Whole {
    frame: Frame,
    about: About,
}

/// What people have typed, and why it did not do.
#[derive(Default)]
pub struct Tried {
    pub redeliver: Field,
    pub dismiss: Field,
    /// Why nothing could be done, as things are.
    pub problem: Option<String>,
}

/// A field of a form.
#[derive(Default)]
pub struct Field {
    pub value: String,
    pub error: Option<String>,
}

/// All that is shown.
struct About {
    href: String,
    event_type: String,
    subject: String,
    state: State,
    given_up: When,
    to: String,
    webhook_href: Option<String>,
    reason: &'static str,
    fault: &'static str,
    says: String,
    dealt_with: Option<DealtWith>,
    attempts: AttemptTable,
    event: String,
    /// It may not be shown what it says.
    is_hidden: bool,
    event_href: String,
    /// What was done just now.
    done: Option<&'static str>,
    redeliver: Redeliver,
    may_dismiss: bool,
    tried: Tried,
}

/// What people made of it.
struct DealtWith {
    by: String,
    at: When,
    why: Option<String>,
    /// The new run.
    run_href: Option<String>,
}

/// Whether it can be sent again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Redeliver {
    Offered,
    /// It was, or this viewer may not.
    Not,
    NoWebhook,
    /// It has to be made active first.
    Inactive,
}

#[derive(Deserialize)]
struct Event {
    data: Option<IgnoredAny>,
}

pub async fn show(
    Viewing(viewer): Viewing,
    Path(id): Path<String>,
    Query(given): Query<Vec<(String, String)>>,
) -> Result<Response, Refused> {
    let mut about = About::read(&viewer, &id).await?;
    let done = given.iter().find(|(name, _)| name == "done").map(|(_, done)| done.as_str());
    about.done = done.and_then(said);
    Ok(about.page(&viewer, StatusCode::OK))
}

/// The same after something that could not be done.
///
/// # Errors
/// As it cannot be read.
pub async fn again(
    viewer: &Viewing,
    id: &str,
    tried: Tried,
    status: StatusCode,
) -> Result<Response, Refused> {
    let Viewing(viewer) = viewer;
    let mut about = About::read(viewer, id).await?;
    about.tried = tried;
    Ok(about.page(viewer, status))
}

fn said(done: &str) -> Option<&'static str> {
    Some(match done {
        "dismissed" => "Dismissed. Nothing more is sent.",
        "redelivered" => "It is sent again, from the first attempt.",
        _ => return None,
    })
}

impl About {
    async fn read(viewer: &Viewer, id: &str) -> Result<Self, Refused> {
        let answer = viewer.rest.send(Method::GET, &path(&["escalations", id]), None, &[]).await?;
        let (of, more) = (answer.read::<Escalation>()?, answer.read::<More>()?);
        let webhook = path(&["subscriptions", &of.subscription_id]);
        let (webhook, types) = tokio::join!(
            viewer.rest.get::<Subscription>(&webhook),
            viewer.rest.get::<EventTypes>("/event-types"),
        );
        let webhook = match webhook {
            Err(Refused::NotFound) => None,
            found => Some(found?),
        };
        Ok(Self::of(&of, &more, webhook.as_ref(), &types?, &viewer.zone, viewer.may_write()))
    }

    fn of(
        of: &Escalation,
        more: &More,
        webhook: Option<&Subscription>,
        types: &EventTypes,
        zone: &Zone,
        may_write: bool,
    ) -> Self {
        let dealt_with = of.resolution.as_ref().map(|resolution| DealtWith {
            by: resolution.by.clone(),
            at: zone.second(resolution.at),
            why: resolution.why.clone(),
            run_href: resolution.redelivered_as.as_deref().map(crate::deliveries::href),
        });
        let was_sent = matches!(of.state.as_str(), "redelivering" | "redelivered");
        let redeliver = match webhook {
            _ if was_sent || !may_write => Redeliver::Not,
            None => Redeliver::NoWebhook,
            Some(webhook) if webhook.status != "ACTIVE" => Redeliver::Inactive,
            Some(_) => Redeliver::Offered,
        };
        let event = serde_json::from_str::<Event>(more.event.get());
        Self {
            href: href(&of.id),
            event_type: types.title(&of.event_type).to_owned(),
            subject: of.subject.clone(),
            state: words::state(&of.state),
            given_up: zone.second(of.escalated_at),
            to: shortened(&more.callback_url).to_owned(),
            webhook_href: webhook.map(|webhook| webhook_href(&webhook.id)),
            reason: words::reason(&of.reason),
            fault: words::fault(&of.fault),
            says: words::why(&of.reason, of.attempts_made, &more.policy),
            dealt_with,
            attempts: AttemptTable::of(&more.attempts, zone, "Attempts"),
            event: indented(more.event.get()),
            is_hidden: event.is_ok_and(|event| event.data.is_none()),
            event_href: crate::events::href(&of.event_id),
            done: None,
            redeliver,
            may_dismiss: may_write && of.state == words::OPEN,
            tried: Tried::default(),
        }
    }

    fn page(self, viewer: &std::sync::Arc<Viewer>, status: StatusCode) -> Response {
        let title = format!("{}, {}", self.event_type, self.subject);
        html(status, &Whole { frame: Frame::new(viewer, "escalations", title), about: self })
    }

    fn has_errors(&self) -> bool {
        self.tried.redeliver.error.is_some() || self.tried.dismiss.error.is_some()
    }
}

#[cfg(test)]
mod tests;
