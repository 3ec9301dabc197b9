//! Renewing a webhook that expires.

use askama::Template;
use axum::extract::Path;
use axum::http::Method;
use axum::http::header::IF_MATCH;
use axum::response::{IntoResponse as _, Redirect, Response};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use super::read::{Webhook, may_write};
use crate::deliveries::webhook_href;
use crate::filled::Filled;
use crate::frame::{Frame, Page};
use crate::model::RENEWABLE;
use crate::rest::{Refused, path};
use crate::viewer::Viewing;
use crate::zone::When;

#[derive(Template)]
#[template(path = "webhook-renew.html")]
struct RenewPage {
    frame: Frame,
    id: String,
    short: String,
    etag: String,
    can: Shown,
}

/// Whether it can be renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Can {
    Now { expires: Timestamp, then: Timestamp },
    Later { expires: Timestamp, from: Timestamp },
    TooLate { expired: Timestamp },
    NeverExpires,
}

/// The same for people.
enum Shown {
    Now { expires: When, then: When, until: String },
    Later { expires: When, from: When },
    TooLate { expired: When },
    NeverExpires,
}

/// Says until when it would last.
pub async fn ask(Viewing(viewer): Viewing, Path(id): Path<String>) -> Result<Response, Refused> {
    may_write(&viewer)?;
    let webhook = Webhook::read(&viewer, &id).await?;
    let zone = &viewer.zone;
    let can = match can(webhook.subscription.expiration_date_time, viewer.now) {
        Can::Now { expires, then } => Shown::Now {
            expires: zone.second(expires),
            then: zone.second(then),
            until: zone.format(then, "%-d %B %Y"),
        },
        Can::Later { expires, from } => {
            Shown::Later { expires: zone.second(expires), from: zone.second(from) }
        }
        Can::TooLate { expired } => Shown::TooLate { expired: zone.second(expired) },
        Can::NeverExpires => Shown::NeverExpires,
    };
    let page = RenewPage {
        frame: Frame::new(&viewer, "webhooks", "Renew webhook"),
        id: webhook.subscription.id.clone(),
        short: webhook.short().to_owned(),
        etag: webhook.etag.clone(),
        can,
    };
    Ok(Page(page).into_response())
}

/// From the expiry that was shown, so that a page that is loaded again does not renew twice.
pub async fn renew(
    Viewing(viewer): Viewing,
    Path(id): Path<String>,
    filled: Filled,
) -> Result<Response, Refused> {
    let headers = [(IF_MATCH, filled.get("etag").to_owned())];
    viewer.rest.send(Method::POST, &path(&["subscriptions", &id, "renewals"]), None, &headers).await?;
    Ok(Redirect::to(&format!("{}?done=renewed", webhook_href(&id))).into_response())
}

/// As REST decides it: not before the last days, and not at the expiry.
fn can(expires: Option<Timestamp>, now: Timestamp) -> Can {
    let Some(expires) = expires else { return Can::NeverExpires };
    let from = expires.saturating_sub(RENEWABLE).unwrap_or(Timestamp::MIN);
    match one_month_later(expires) {
        _ if now >= expires => Can::TooLate { expired: expires },
        _ if now < from => Can::Later { expires, from },
        Some(then) => Can::Now { expires, then },
        None => Can::NeverExpires,
    }
}

/// The same day of the next month in UTC, or its last one, at the same time of day.
fn one_month_later(time: Timestamp) -> Option<Timestamp> {
    time.to_zoned(TimeZone::UTC).checked_add(1.month()).ok().map(|later| later.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_month_is_the_calendars_and_keeps_the_time_of_day() {
        for (from, to) in [
            ("2026-11-24T13:05:00.007Z", "2026-12-24T13:05:00.007Z"),
            ("2026-01-31T23:59:59.999Z", "2026-02-28T23:59:59.999Z"),
            ("2028-01-31T00:00:00Z", "2028-02-29T00:00:00Z"),
            ("2026-02-28T00:00:00Z", "2026-03-28T00:00:00Z"),
            ("2026-12-31T12:00:00Z", "2027-01-31T12:00:00Z"),
        ] {
            assert_eq!(one_month_later(at(from)), Some(at(to)));
        }
    }

    #[test]
    fn it_can_be_renewed_in_its_last_five_days() {
        let expires = at("2026-11-24T13:05:00Z");
        let (from, then) = (at("2026-11-19T13:05:00Z"), at("2026-12-24T13:05:00Z"));
        for (now, expected) in [
            ("2026-11-19T13:04:59.999Z", Can::Later { expires, from }),
            ("2026-11-19T13:05:00Z", Can::Now { expires, then }),
            ("2026-11-24T13:04:59.999Z", Can::Now { expires, then }),
            ("2026-11-24T13:05:00Z", Can::TooLate { expired: expires }),
        ] {
            assert_eq!(can(Some(expires), at(now)), expected);
        }
        assert_eq!(can(None, expires), Can::NeverExpires);
    }
}
