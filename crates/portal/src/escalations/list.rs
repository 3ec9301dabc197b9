//! `GET /portal/escalations`: a page of what was given up, or its rows alone.

use askama::Template;
use axum::extract::Query;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use jiff::{SignedDuration, Timestamp};

use super::filters::{self, AFTER, AT, FILTERS, ROWS_MAX};
use super::model::Escalations;
use super::row::{Note, Row};
use crate::address::Address;
use crate::deliveries::{TypeChoices, Webhooks};
use crate::error::words;
use crate::frame::{Frame, html};
use crate::html::{broken, number};
use crate::list::{Choice, List};
use crate::model::EventTypes;
use crate::rest::{Refused, query_of};
use crate::viewer::{Viewer, Viewing};

/// Has htmx show this address instead of the one that it asked.
const PUSH_URL: HeaderName = HeaderName::from_static("hx-push-url");

#[derive(Template)]
#[template(path = "escalations.html")]
struct Whole {
    frame: Frame,
    view: View,
}

/// When a filter changes.
#[derive(Template)]
#[template(path = "escalations-rows.html")]
struct Rows {
    view: View,
}

/// What is drawn.
struct View {
    list: List,
    rows: Vec<Row>,
    /// Why there are none: it cannot be read, or what is looked for is not clear.
    problem: Option<String>,
    count: String,
    types: TypeChoices,
    /// All that were given up and fit the same filters, in the list of deliveries.
    many_href: String,
    /// It goes into a page that is there; the count is what is read next then.
    is_part: bool,
    /// `None`: there are too many; then the filter takes text.
    webhooks: Option<Vec<Choice>>,
    first: u64,
    total: Option<String>,
    next: Option<String>,
}

pub async fn list(
    Viewing(viewer): Viewing,
    Query(given): Query<Vec<(String, String)>>,
) -> Result<Response, Refused> {
    let is_untidy = given.iter().any(|(_, value)| value.is_empty());
    let address = filters::address(given);
    let href = address.href();
    if is_untidy && !viewer.wants_part {
        // A form says what it leaves empty as well; what stands in the address then is no view to share.
        return Ok(Redirect::to(&href).into_response());
    }
    let mut view = match View::read(&viewer, address.clone()).await {
        Ok(view) => view,
        Err(refused) if viewer.wants_rows() => {
            let words = words(&refused);
            View::without(address, format!("{}. {} {}", words.title, words.says, words.next))
        }
        Err(refused) => return Err(refused),
    };
    view.is_part = viewer.wants_part;
    if !viewer.wants_rows() {
        let frame = Frame::new(&viewer, "escalations", "Escalations");
        return Ok(html(StatusCode::OK, &Whole { frame, view }));
    }
    let mut response = html(StatusCode::OK, &Rows { view });
    if let Ok(href) = HeaderValue::from_str(&href) {
        response.headers_mut().insert(PUSH_URL, href);
    }
    Ok(response)
}

impl View {
    async fn read(viewer: &Viewer, address: Address) -> Result<Self, Refused> {
        let (webhooks, types) =
            tokio::join!(Webhooks::of(&viewer.rest), viewer.rest.get::<EventTypes>("/event-types"));
        let (webhooks, types) = (webhooks?, types?);
        let read = match filters::asked(&address, &webhooks, viewer.now) {
            Ok(path) => Ok(viewer.rest.get::<Escalations>(&path).await?),
            Err(problem) => Err(problem),
        };
        let choices = webhooks.choices(address.get("webhook"), &types);
        let chosen = TypeChoices::of(&types, &webhooks, address.get("type"));
        let many = many_href(&address, viewer.now);
        let mut view = match read {
            Ok(page) => {
                let row =
                    |of| Row::of(of, webhooks.url(&of.subscription_id), &types, &viewer.zone, viewer.now);
                let rows = page.escalations.iter().map(row).collect();
                Self::of(address, &page, rows)
            }
            Err(problem) => Self::without(address, problem),
        };
        (view.types, view.many_href) = (chosen, many);
        view.webhooks = choices;
        Ok(view)
    }

    fn of(address: Address, page: &Escalations, rows: Vec<Row>) -> Self {
        let first = address.get(AT).parse::<u64>().unwrap_or(1).max(1);
        let last = first.saturating_add(rows.len() as u64);
        let next = page.next.as_deref().map(|next| filters::page_at(&address, next, last));
        let more = if page.total_is_at_least { "more than " } else { "" };
        let total = page.total.map(|total| format!("{more}{}", number(total)));
        let mut view = Self::without(address, String::new());
        view.problem = None;
        view.count = count(&view.list, page);
        (view.rows, view.first, view.total, view.next) = (rows, first, total, next);
        view
    }

    fn without(address: Address, problem: String) -> Self {
        Self {
            many_href: String::new(),
            is_part: false,
            list: List::of(address, AFTER, &[], ""),
            rows: Vec::new(),
            count: String::new(),
            problem: Some(problem),
            types: TypeChoices::default(),
            webhooks: None,
            first: 1,
            total: None,
            next: None,
        }
    }

    fn set(&self) -> usize {
        self.list.address.set(&FILTERS)
    }

    /// Nothing waits for anybody, and nothing was looked for.
    fn is_empty(&self) -> bool {
        self.rows.is_empty()
            && self.problem.is_none()
            && self.set() == 0
            && self.list.value(AFTER).is_empty()
            && !self.is_part
    }

    fn dealt_with_href(&self) -> String {
        self.list.address.with_and_without("state", "all", &[AFTER, AT])
    }

    /// `51 to 100 of 120`
    fn pages(&self) -> String {
        let last = self.first.saturating_add(self.rows.len() as u64).saturating_sub(1);
        let of = self.total.as_ref().map(|total| format!(" of {total}")).unwrap_or_default();
        format!("{} to {}{of}", number(self.first), number(last))
    }

    fn first_href(&self) -> Option<String> {
        (!self.list.value(AFTER).is_empty()).then(|| self.list.address.without(&[AFTER, AT]))
    }
}

/// Deliveries are filtered by when they were issued, which is before they were given up: what fits both is sent, and not more.
fn many_href(address: &Address, now: Timestamp) -> String {
    let from = match address.get("since") {
        // That list does not reach back so far by itself.
        "30d" => now.checked_sub(SignedDuration::from_hours(30 * 24)).ok(),
        _ => None,
    };
    let from = from.map_or_else(String::new, |from| format!("{from:.3}"));
    let since = if from.is_empty() { address.get("since") } else { "" };
    let filters = [
        ("status", "ESCALATED"),
        ("type", address.get("type")),
        ("webhook", address.get("webhook")),
        ("since", since),
        ("from", &from),
    ];
    format!("{}/deliveries?{}", crate::BASE, query_of(filters))
}

/// How many there are, of those that were asked for.
fn count(list: &List, page: &Escalations) -> String {
    let total = page.total.unwrap_or(page.escalations.len() as u64);
    let noun = if total == 1 && !page.total_is_at_least { "escalation" } else { "escalations" };
    let (which, then) = match list.value("state") {
        "" => ("open ", ""),
        "redelivered" => ("", " sent again"),
        "dismissed" => ("dismissed ", ""),
        _ => ("", ""),
    };
    let more = if page.total_is_at_least { "More than " } else { "" };
    match total {
        0 => format!("No {which}{noun}{then}"),
        total => format!("{more}{} {which}{noun}{then}", number(total)),
    }
}

#[cfg(test)]
mod tests;
