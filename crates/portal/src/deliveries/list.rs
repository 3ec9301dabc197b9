//! The list.

use std::sync::Arc;

use askama::Template;
use axum::extract::Query;
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;

use super::between::between;
use super::filters::{self, AFTER, Filters, local};
use super::known::Webhooks;
use super::row::{NextAttempt, Row};
use super::shown::{Again, Around};
use super::types::TypeChoices;
use crate::address::Address;
use crate::frame::{Frame, html};
use crate::list::{Choice, List};
use crate::model::{Delivery, EventTypes};
use crate::rest::{Refused, Rest, path_with};
use crate::viewer::{Viewer, Viewing};

/// Rows of a page.
const ROWS: &str = "50";
const ISSUED: &str = "issued";
const PUSH_URL: HeaderName = HeaderName::from_static("hx-push-url");

/// `GET /deliveries`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    pub deliveries: Vec<Delivery>,
    pub next: Option<String>,
    #[serde(default)]
    pub total: u64,
    #[serde(default)]
    pub total_is_at_least: bool,
}

#[derive(Template)]
#[template(path = "deliveries.html")]
struct ListPage {
    frame: Frame,
    list: List,
    /// There are none at all.
    is_blank: bool,
    /// It goes into a page that is there; the count is what is read next then.
    is_part: bool,
    since: Vec<Choice>,
    any_time: &'static str,
    types: TypeChoices,
    /// `None`: too many to choose among.
    webhooks: Option<Vec<Choice>>,
    statuses: Vec<Choice>,
    last: Vec<Choice>,
    next: Vec<Choice>,
    from: String,
    until: String,
    between: Option<String>,
    direction: &'static str,
    around: Around,
    rows: Vec<Row>,
}

/// Only what changes with the filters; the rows come first, since whoever reads a page has them nowhere else.
#[derive(Template)]
#[template(path = "deliveries-rows.html")]
struct RowsPart {
    between: Option<String>,
    around: Around,
    rows: Vec<Row>,
}

pub async fn list(
    Viewing(viewer): Viewing,
    Query(given): Query<Vec<(String, String)>>,
) -> Result<Response, Refused> {
    let is_untidy = given.iter().any(|(_, value)| value.is_empty());
    let address = filters::address(given);
    if is_untidy && !viewer.wants_part {
        // A form says what it leaves empty as well; what stands in the address then is no view to share.
        return Ok(Redirect::to(&address.href()).into_response());
    }
    let rest = &viewer.rest;
    let types = rest.get::<EventTypes>("/event-types");
    let (webhooks, types) = tokio::try_join!(Webhooks::of(rest), types)?;
    let list = List::of(address, AFTER, &[ISSUED], "-issued");
    let filters = Filters::of(&list.address, &viewer.zone, viewer.now, &webhooks);
    let found = Found::of(rest, &filters, &list).await?;
    let sort_href = without_place(&list);
    let redelivery = filters.redelivery();
    let may_write = viewer.may_write();
    let around = Around::of(&found, &filters.problems, &redelivery, &list.address, may_write, sort_href);
    let row = |delivery: &Delivery| {
        let url = webhooks.url(&delivery.subscription_id);
        Row::of(delivery, url, &types, &viewer.zone, viewer.now)
    };
    let rows: Vec<_> = found.deliveries.iter().map(row).collect();
    if viewer.wants_rows() {
        let (from, until) = ends(&list, &viewer);
        let part = RowsPart { between: between(&from, &until), around, rows };
        let mut response = html(axum::http::StatusCode::OK, &part);
        if let Ok(href) = HeaderValue::from_str(&list.address.href()) {
            response.headers_mut().insert(PUSH_URL, href);
        }
        return Ok(response);
    }
    Ok(html(axum::http::StatusCode::OK, &page(&viewer, list, &webhooks, &types, around, rows)))
}

fn page(
    viewer: &Arc<Viewer>,
    list: List,
    webhooks: &Webhooks,
    types: &EventTypes,
    around: Around,
    rows: Vec<Row>,
) -> ListPage {
    let (from, until) = ends(&list, viewer);
    let between = between(&from, &until);
    ListPage {
        frame: Frame::new(viewer, "deliveries", "Deliveries"),
        is_blank: rows.is_empty()
            && around.set == 0
            && list.address.get(AFTER).is_empty()
            && !viewer.wants_part,
        is_part: viewer.wants_part,
        since: filters::since_choices(),
        any_time: if between.is_some() { "Between two times" } else { "Any time" },
        types: TypeChoices::of(types, webhooks, list.value("type")),
        webhooks: webhooks.choices(list.value("webhook"), types),
        statuses: filters::status_choices(),
        last: filters::last_choices(),
        next: filters::next_choices(),
        from,
        until,
        between,
        direction: list.direction(ISSUED).unwrap_or("descending"),
        list,
        around,
        rows,
    }
}

impl Found {
    /// # Errors
    /// As REST refuses to list them.
    async fn of(rest: &Rest, filters: &Filters, list: &List) -> Result<Self, Refused> {
        if filters.is_vain() {
            return Ok(Self::default());
        }
        let sort = if list.is_descending() { "-issueDate" } else { "issueDate" };
        let filters = filters.query();
        let mut query: Vec<_> = filters.iter().map(|(name, value)| (*name, value.as_str())).collect();
        query.extend([("sort", sort), ("after", list.value(AFTER)), ("limit", ROWS), ("total", "true")]);
        rest.get(&path_with(&["deliveries"], &query)).await
    }
}

/// The other order, from its beginning.
fn without_place(list: &List) -> String {
    let address = Address::of(
        "/portal/deliveries",
        list.address.pairs().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        &[&filters::FILTERS[..], &[crate::list::SORT]].concat(),
    );
    List::of(address, AFTER, &[ISSUED], "-issued").sort_by(ISSUED)
}

/// What the fields of the range are set to.
fn ends(list: &List, viewer: &Viewer) -> (String, String) {
    let end = |name| local(&list.address, &viewer.zone, name);
    (end("from"), end("until"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::row::tests::row;
    use super::super::scope::Redelivery;
    use super::*;

    const HOSTILE: &str = "\"><script>alert('1')</script>\u{202e}{{7*7}}";

    #[test]
    fn rows_come_before_what_is_swapped_elsewhere_and_text_of_others_stays_text() {
        let rows = vec![row(
            &json!({"subject": HOSTILE, "eventType": HOSTILE, "subscriptionId": HOSTILE, "id": "msg_1", "lastOutcome": HOSTILE}),
            Some(HOSTILE),
        )];
        let given = vec![("subject".to_owned(), HOSTILE.to_owned())];
        let found = Found { total: 1, ..Found::default() };
        let address = filters::address(given);
        let sort = without_place(&List::of(address.clone(), AFTER, &[ISSUED], "-issued"));
        let around = Around::of(&found, &[HOSTILE.to_owned()], &Redelivery::Nothing, &address, true, sort);
        let shown = RowsPart { between: None, around, rows }.render().unwrap();
        assert!(shown.trim_start().starts_with("<tr"), "{shown}");
        assert!(!shown.contains("<script") && !shown.contains("\">&#60;script\""), "{shown}");
        assert!(shown.contains("innerHTML:#count") && shown.contains("id=\"t-msg_1\""), "{shown}");
        assert!(shown.contains("href=\"/portal/events?q=%22%3E%3Cscript"), "{shown}");
        assert!(shown.contains("sort=issued"), "{shown}");
    }

    #[test]
    fn nothing_found_says_so_in_the_list_itself() {
        let address = filters::address(vec![("type".to_owned(), "A".to_owned())]);
        let around = Around::of(&Found::default(), &[], &Redelivery::Nothing, &address, true, String::new());
        let shown =
            RowsPart { between: Some("From <b>".to_owned()), around, rows: Vec::new() }.render().unwrap();
        assert!(shown.contains("colspan=\"8\"") && shown.contains("Clear the filters"), "{shown}");
        assert!(
            shown.contains("button set\" id=\"range\" hx-swap-oob=\"true\">From &#60;b&#62;<"),
            "{shown}"
        );
    }
}
