//! Sending again what the list is filtered to: the page that asks, and doing it.

use std::sync::Arc;

use askama::Template;
use axum::extract::Query;
use axum::http::Method;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use uuid::Uuid;

use super::filters::{self, Filters};
use super::known::Webhooks;
use super::redeliver_one::{IDEMPOTENCY_KEY, once};
use super::row::DELIVERED;
use super::scope::{Redelivery, Scope, ScopeFacts};
use super::shown::deliveries;
use super::task::task_href;
use crate::filled::Filled;
use crate::frame::{Frame, Page};
use crate::html::number;
use crate::model::EventTypes;
use crate::rest::{Refused, Rest};
use crate::viewer::{Viewer, Viewing};

const PATH: &str = "/redeliveries";

/// Of a dry run.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DryRun {
    matching: u64,
    #[serde(default)]
    matching_is_at_least: bool,
}

#[derive(Template)]
#[template(path = "deliveries-redeliver.html")]
struct AskPage {
    frame: Frame,
    /// The list with its filters.
    list_href: String,
    asked: Asked,
}

/// What is asked, or why nothing is.
enum Asked {
    /// Only what has ended can be sent again.
    NotEnded,
    /// Filters of these columns stand in the way.
    InTheWay(String),
    /// Nothing fits.
    None,
    Some(Box<Question>),
}

struct Question {
    title: String,
    button: String,
    /// An upper bound, since what was dealt with already is left out.
    at_most: String,
    /// Some of it the receiver has taken before.
    was_taken: bool,
    facts: ScopeFacts,
    fields: Vec<(&'static str, String)>,
    once: String,
}

#[derive(Deserialize)]
struct Begun {
    id: String,
}

pub async fn ask(
    Viewing(viewer): Viewing,
    Query(given): Query<Vec<(String, String)>>,
) -> Result<Response, Refused> {
    let rest = &viewer.rest;
    let types = rest.get::<EventTypes>("/event-types");
    let (webhooks, types) = tokio::try_join!(Webhooks::of(rest), types)?;
    let address = filters::address(given);
    let filters = Filters::of(&address, &viewer.zone, viewer.now, &webhooks);
    let asked = match filters.redelivery() {
        Redelivery::Nothing => Asked::NotEnded,
        Redelivery::InTheWay(columns) => Asked::InTheWay(columns.join(" and ")),
        Redelivery::Offered(scope) => question(&viewer, scope.until(viewer.now), &webhooks, &types).await?,
    };
    let title = match &asked {
        Asked::Some(question) => question.title.clone(),
        _ => "Redeliver".to_owned(),
    };
    let frame = Frame::new(&viewer, "deliveries", title);
    Ok(Page(AskPage { frame, list_href: address.href(), asked }).into_response())
}

pub async fn redeliver(Viewing(viewer): Viewing, filled: Filled) -> Result<Response, Refused> {
    let scope = Scope::of(&filled)?;
    let headers = [(IDEMPOTENCY_KEY, once(&filled))];
    let answer = viewer.rest.send(Method::POST, PATH, Some(&scope.body(false)), &headers).await?;
    let Begun { id } = answer.read()?;
    Ok(Redirect::to(&task_href(&id)).into_response())
}

async fn question(
    viewer: &Arc<Viewer>,
    scope: Scope,
    webhooks: &Webhooks,
    types: &EventTypes,
) -> Result<Asked, Refused> {
    let DryRun { matching, matching_is_at_least } = dry_run(&viewer.rest, &scope).await?;
    if matching == 0 {
        return Ok(Asked::None);
    }
    let all = deliveries(matching, matching_is_at_least);
    let url = scope.webhook.as_deref().and_then(|id| webhooks.url(id));
    Ok(Asked::Some(Box::new(Question {
        title: format!("Redeliver {}?", all.replacen("More", "more", 1)),
        button: if matching_is_at_least {
            "Redeliver".to_owned()
        } else {
            format!("Redeliver {}", number(matching))
        },
        at_most: if matching_is_at_least { String::new() } else { number(matching) },
        was_taken: scope.statuses.iter().any(|status| status == DELIVERED),
        facts: scope.facts(&viewer.zone, types, url),
        fields: scope.fields(),
        once: Uuid::new_v4().to_string(),
    })))
}

async fn dry_run(rest: &Rest, scope: &Scope) -> Result<DryRun, Refused> {
    rest.send(Method::POST, PATH, Some(&scope.body(true)), &[]).await?.read()
}
