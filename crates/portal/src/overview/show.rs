//! The page of one webhook.

use askama::Template;
use axum::extract::{Path, Query};
use axum::http::Method;
use jiff::Timestamp;

use super::breaker::{Breaker, LastAnswer};
use super::chart::{Answers, Deliveries};
use super::figures::{Figures, Next};
use super::model::Overview;
use super::settings::{Fact, settings, timeout_ms};
use super::stopped::Stopped;
use crate::deliveries::webhook_href;
use crate::frame::{Frame, Page};
use crate::html::{State, broken, shortened};
use crate::model::{EventTypes, Policies, RENEWABLE, Subscription};
use crate::rest::{Refused, path, query_of};
use crate::viewer::Viewing;
use crate::webhook::Once;
use crate::zone::{When, Zone};

pub const ACTIVE: &str = "ACTIVE";

#[derive(Template)]
#[template(path = "webhook.html")]
pub struct Whole {
    frame: Frame,
    about: About,
}

/// All that is shown.
struct About {
    /// What its owner calls it; else its URL, without what all have in common.
    name: String,
    /// That URL, if it has a name.
    url: Option<String>,
    subscription: Subscription,
    /// Its version, for the form that makes it active.
    etag: String,
    event_title: String,
    /// What was done just now.
    done: Option<&'static str>,
    stopped: Option<Stopped>,
    /// As the webhook itself knows it, when there is no more to be known.
    failing_since: Option<When>,
    /// `None`: it cannot be read right now.
    does: Option<Does>,
    settings: Vec<Fact>,
    life: Life,
    may_write: bool,
    /// Of the form that sends a test event.
    once: Once,
    href: String,
    deliveries_href: String,
    escalations_href: String,
}

/// How it does.
struct Does {
    breaker: Option<Breaker>,
    figures: Figures,
    deliveries: Deliveries,
    answers: Answers,
    /// With the delivery.
    last_success: Option<(When, String)>,
    last_failure: Option<(When, LastAnswer)>,
}

/// Its times.
struct Life {
    created: When,
    changed: When,
    expiry: Expiry,
    /// Until then two keys sign.
    both_keys_until: Option<When>,
}

/// Whether and when it ends.
#[derive(Debug, PartialEq, Eq)]
enum Expiry {
    Never,
    Over(When),
    /// It can be renewed now.
    Soon(When),
    /// And from when on it can be renewed.
    Later(When, When),
}

pub async fn show(
    Viewing(viewer): Viewing,
    Path(id): Path<String>,
    Query(given): Query<Vec<(String, String)>>,
) -> Result<Page<Whole>, Refused> {
    let paths = [path(&["subscriptions", &id]), path(&["subscriptions", &id, "overview"])];
    let (answer, overview, types, policies) = tokio::join!(
        viewer.rest.send(Method::GET, &paths[0], None, &[]),
        viewer.rest.get::<Overview>(&paths[1]),
        viewer.rest.get::<EventTypes>("/event-types"),
        viewer.rest.get::<Policies>("/policies"),
    );
    let answer = answer?;
    let subscription = answer.read::<Subscription>()?;
    // What it is stands in the page all the same.
    let overview = overview.inspect_err(|error| tracing::warn!("an overview cannot be read: {error}")).ok();
    let once = Once::new()?;
    let mut about = About::of(subscription, overview.as_ref(), &policies?, once, &viewer.zone, viewer.now);
    about.event_title = types?.title(&about.subscription.event).to_owned();
    about.etag = answer.etag.unwrap_or_default();
    let done = given.iter().find(|(name, _)| name == "done");
    about.done = done.and_then(|(_, done)| said(done, about.subscription.status == ACTIVE));
    about.may_write = viewer.may_write();
    Ok(Page(Whole { frame: Frame::new(&viewer, "webhooks", about.name.clone()), about }))
}

/// After a form has led here.
fn said(done: &str, is_active: bool) -> Option<&'static str> {
    Some(match done {
        "saved" if is_active => "Saved. It counts for new events at once.",
        "saved" => "Saved. It is inactive, so nothing is sent to it.",
        "activated" if is_active => "It is active. New events are sent to it from now on.",
        "overtaken" => "Somebody changed it meanwhile, so it was left as it is now.",
        "unchanged" => "It was like that already, so nothing was changed.",
        "renewed" => "Renewed.",
        _ => return None,
    })
}

impl About {
    fn of(
        subscription: Subscription,
        overview: Option<&Overview>,
        policies: &Policies,
        once: Once,
        zone: &Zone,
        now: Timestamp,
    ) -> Self {
        let url = &subscription.callback_url;
        let of_it = query_of([("webhook", subscription.id.as_str())]);
        let limit_ms = timeout_ms(subscription.limits.as_ref());
        Self {
            name: subscription.called().to_owned(),
            url: (subscription.called() != shortened(url)).then(|| shortened(url).to_owned()),
            etag: String::new(),
            event_title: subscription.event.clone(),
            done: None,
            stopped: Stopped::of(&subscription, now),
            failing_since: subscription.failing_since.map(|time| zone.minute(time)),
            does: overview
                .map(|overview| Does::of(overview, subscription.status == ACTIVE, limit_ms, zone, now)),
            settings: settings(&subscription, policies),
            life: Life {
                created: zone.second(subscription.created_at_date_time),
                changed: zone.second(subscription.updated_at_date_time),
                expiry: Expiry::of(subscription.expiration_date_time, zone, now),
                both_keys_until: subscription
                    .previous_signing_key_until_date_time
                    .map(|time| zone.second(time)),
            },
            may_write: false,
            once,
            href: webhook_href(&subscription.id),
            deliveries_href: format!("/portal/deliveries?{of_it}"),
            escalations_href: format!("/portal/escalations?{of_it}"),
            subscription,
        }
    }
}

impl Does {
    fn of(overview: &Overview, is_active: bool, limit_ms: Option<u64>, zone: &Zone, now: Timestamp) -> Self {
        let at = |time| zone.second(time);
        Self {
            // Nothing is sent to one that is not active, so nothing is kept from it.
            breaker: Breaker::of(overview, zone).filter(|_| is_active),
            figures: Figures::of(overview, zone, now),
            deliveries: Deliveries::of(&overview.hours, zone),
            answers: Answers::of(&overview.hours, limit_ms, zone),
            last_success: overview
                .last_success
                .as_ref()
                .map(|success| (at(success.at_date_time), crate::deliveries::href(&success.id))),
            last_failure: overview
                .last_failure
                .as_ref()
                .and_then(|failure| Some((at(failure.at_date_time), LastAnswer::of(overview)?))),
        }
    }
}

impl Expiry {
    fn of(expires: Option<Timestamp>, zone: &Zone, now: Timestamp) -> Self {
        let Some(expires) = expires else { return Self::Never };
        let renewable = expires.saturating_sub(RENEWABLE).unwrap_or(Timestamp::MIN);
        let at = zone.second(expires);
        match () {
            () if now >= expires => Self::Over(at),
            () if now >= renewable => Self::Soon(at),
            () => Self::Later(at, zone.minute(renewable)),
        }
    }

    fn is_renewable(&self) -> bool {
        matches!(self, Self::Soon(_))
    }
}

#[cfg(test)]
mod tests;
