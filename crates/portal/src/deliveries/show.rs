//! One delivery: a row of the list that opens, and a page by itself.

use askama::Template;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use uuid::Uuid;

use super::detail::{Detail, Known, Repair, Value};
use super::row::{NextAttempt, Row, href, run};
use crate::frame::{Frame, Page, html};
use crate::model::EventTypes;
use crate::rest::Refused;
use crate::viewer::Viewing;
use crate::zone::When;

/// What opening and closing is told by.
#[derive(Debug, Deserialize)]
pub struct Turned {
    open: Option<bool>,
}

#[derive(Template)]
#[template(path = "delivery-row.html")]
struct RowPart {
    row: Row,
    detail: Option<Detail>,
}

/// What has just been done.
#[derive(Debug, Deserialize)]
pub struct Did {
    done: Option<String>,
}

#[derive(Template)]
#[template(path = "delivery.html")]
struct DeliveryPage {
    frame: Frame,
    /// It is a run that was asked for just now.
    is_new: bool,
    /// By somebody who deals with escalations.
    is_of_escalation: bool,
    row: Row,
    detail: Detail,
    /// What is sent twice with this key is done once.
    once: String,
    callback_url: Option<String>,
    run: &'static str,
    webhook_id: String,
    event_id: String,
    environment: String,
    changed: When,
    next: Option<When>,
}

/// The row, opened; or closed, with what was opened taken away.
pub async fn row(
    Viewing(viewer): Viewing,
    Path(id): Path<String>,
    Query(Turned { open }): Query<Turned>,
) -> Result<Response, Refused> {
    if !viewer.wants_part {
        return Ok(Redirect::to(&href(&id)).into_response());
    }
    let types = viewer.rest.get::<EventTypes>("/event-types");
    let (known, types) = tokio::try_join!(Known::of(&viewer, &id), types)?;
    let url = known.more.callback_url.as_deref();
    let mut row = Row::of(&known.delivery, url, &types, &viewer.zone, viewer.now);
    row.open = open.unwrap_or(true);
    let detail = row.open.then(|| known.detail(&viewer));
    Ok(html(StatusCode::OK, &RowPart { row, detail }))
}

pub async fn show(
    Viewing(viewer): Viewing,
    Path(id): Path<String>,
    Query(Did { done }): Query<Did>,
) -> Result<Response, Refused> {
    let types = viewer.rest.get::<EventTypes>("/event-types");
    let (known, types) = tokio::try_join!(Known::of(&viewer, &id), types)?;
    let detail = known.detail(&viewer);
    let Known { delivery, more } = known;
    let url = more.callback_url;
    Ok(Page(DeliveryPage {
        frame: Frame::new(&viewer, "deliveries", "Delivery"),
        is_new: matches!(done.as_deref(), Some("redelivered" | "sent")),
        is_of_escalation: done.as_deref() == Some("sent"),
        row: Row::of(&delivery, url.as_deref(), &types, &viewer.zone, viewer.now),
        detail,
        once: Uuid::new_v4().to_string(),
        callback_url: url,
        run: if delivery.run == "live" { "The first one" } else { run(&delivery) },
        changed: viewer.zone.second(delivery.changed_at_date_time),
        next: delivery.next_attempt_at_date_time.map(|time| viewer.zone.second(time)),
        webhook_id: delivery.webhook_id,
        event_id: delivery.event_id,
        environment: delivery.environment,
    })
    .into_response())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::attempts::AttemptTable;
    use super::super::detail::{Line, Sent};
    use super::super::next::Next;
    use super::super::row::tests::row;
    use super::*;
    use crate::zone::Zone;

    const HOSTILE: &str = "\"'><script>alert(1)</script>";

    fn detail() -> Detail {
        Detail {
            id: "msg_1".to_owned(),
            href: href("msg_1"),
            next: Next { text: HOSTILE.to_owned(), at: None, link: None },
            says: String::new(),
            attempts: AttemptTable::of(&[], &Zone::utc(), HOSTILE),
            sent: Sent { text: Some(HOSTILE.to_owned()), says: HOSTILE.to_owned() },
            headers: Some(vec![
                Line { name: HOSTILE.to_owned(), value: Value::Text(HOSTILE.to_owned()) },
                Line { name: "authorization".to_owned(), value: Value::Secret },
            ]),
            event_href: None,
            repair: Repair::Redeliver("/portal/deliveries/msg_1/redeliver".to_owned()),
        }
    }

    #[test]
    fn what_was_sent_is_shown_as_text_and_secrets_are_not() {
        let row = Row { open: true, ..row(&json!({"id": "msg_1", "subject": HOSTILE}), Some(HOSTILE)) };
        let shown = RowPart { row, detail: Some(detail()) }.render().unwrap();
        assert!(!shown.contains("<script") && !shown.contains("\"'>"), "{shown}");
        assert!(shown.trim_start().starts_with("<tr") && shown.contains("id=\"d-msg_1\""), "{shown}");
        assert!(shown.contains("<dd><span class=\"secret\">hidden</span></dd>"), "{shown}");
        assert!(shown.contains("aria-expanded=\"true\"") && shown.contains("row?open=false"), "{shown}");
    }

    #[test]
    fn closing_takes_the_details_away() {
        let shown = RowPart { row: row(&json!({"id": "msg_1"}), None), detail: None }.render().unwrap();
        assert!(shown.contains("<tr id=\"d-msg_1\" hx-swap-oob=\"delete\">"), "{shown}");
        assert!(shown.contains("aria-expanded=\"false\"") && shown.contains("id=\"t-msg_1\""), "{shown}");
    }
}
