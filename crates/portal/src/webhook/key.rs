//! The page that shows a signing key, once: it is the answer to the form that had it made.

use std::sync::Arc;

use askama::Template;
use axum::response::{IntoResponse as _, Response};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};

use crate::frame::{Frame, Page};
use crate::model::{EventTypes, Subscription};
use crate::rest::Refused;
use crate::viewer::Viewer;
use crate::zone::When;

/// A form that is sent again so soon may be one whose answer got lost.
const SHOWN_AGAIN: SignedDuration = SignedDuration::from_mins(1);

#[derive(Template)]
#[template(path = "webhook-key.html")]
struct KeyPage {
    frame: Frame,
    id: String,
    url: String,
    /// What the event type is called.
    title: String,
    told: Told,
    /// Nothing is sent to an inactive one, tests included.
    may_test: bool,
    /// `None`: it was shown before.
    key: Option<SecretString>,
}

enum Told {
    New {
        is_active: bool,
    },
    /// The form made its webhook then.
    Before(When),
    /// `None`: the key before is out at once.
    Rotated(Option<When>),
}

/// Of a webhook that the form made, this time or before.
///
/// # Errors
/// The event types cannot be read.
pub async fn of_new(
    viewer: &Arc<Viewer>,
    of: &Subscription,
    key: &SecretString,
) -> Result<Response, Refused> {
    // It may have got another key since; what the form would show then is good for nothing.
    let is_changed = of.updated_at_date_time != of.created_at_date_time;
    match is_changed || is_old(of.created_at_date_time, viewer.now) {
        true => {
            let told = Told::Before(viewer.zone.second(of.created_at_date_time));
            page(viewer, of, "Webhook", told, None).await
        }
        false => {
            let told = Told::New { is_active: of.status == "ACTIVE" };
            page(viewer, of, "Signing key", told, Some(key.clone())).await
        }
    }
}

/// Of a webhook that got another key.
///
/// # Errors
/// As [`of_new`].
pub async fn of_rotated(viewer: &Arc<Viewer>, of: &Subscription) -> Result<Response, Refused> {
    let until = of.previous_signing_key_until_date_time.filter(|until| *until > viewer.now);
    let told = Told::Rotated(until.map(|until| viewer.zone.second(until)));
    let key = of.signing_key.clone();
    page(viewer, of, "Signing key", told, key).await
}

async fn page(
    viewer: &Arc<Viewer>,
    of: &Subscription,
    heading: &str,
    told: Told,
    key: Option<SecretString>,
) -> Result<Response, Refused> {
    // It is there, whether or not its type can be named: a key that is not shown is lost.
    let types: Result<EventTypes, _> = viewer.rest.get("/event-types").await;
    let title = types.map_or_else(|_| of.event.clone(), |types| types.title(&of.event).to_owned());
    let frame = Frame::new(viewer, "webhooks", heading);
    let (id, url) = (of.id.clone(), of.callback_url.clone());
    Ok(Page(KeyPage { frame, id, url, title, told, may_test: of.status == "ACTIVE", key }).into_response())
}

fn is_old(made_at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(made_at) > SHOWN_AGAIN
}

impl KeyPage {
    /// Made for this one page.
    fn shown(&self) -> Option<&str> {
        self.key.as_ref().map(ExposeSecret::expose_secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_shown_again_only_to_who_may_not_have_seen_it() {
        let made: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        for (seconds, old) in [(-5, false), (0, false), (60, false), (61, true), (86_400, true)] {
            assert_eq!(is_old(made, made + SignedDuration::from_secs(seconds)), old, "{seconds}");
        }
    }
}
