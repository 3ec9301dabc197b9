//! Somebody changed a webhook while somebody else had its form open.

use std::sync::Arc;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::form::Form;
use super::read::Webhook;
use crate::frame::{Frame, html};
use crate::html::State;
use crate::model::EventTypes;
use crate::rest::Refused;
use crate::viewer::Viewer;
use crate::zone::When;

#[derive(Template)]
#[template(path = "webhook-conflict.html")]
struct ConflictPage {
    frame: Frame,
    id: String,
    short: String,
    etag: String,
    changed_at: When,
    differences: Vec<Difference>,
    /// What was typed, to be posted again.
    typed: Vec<(String, String)>,
    /// Secrets were typed, which are not sent back.
    secrets_are_lost: bool,
}

/// A field that is not as it was typed.
#[derive(Debug, PartialEq, Eq)]
struct Difference {
    label: &'static str,
    now: Said,
    typed: Said,
}

#[derive(Debug, PartialEq, Eq)]
enum Said {
    State(State),
    Text(String),
    Code(String),
}

/// Shows both and saves neither.
///
/// # Errors
/// The event types cannot be read.
pub async fn page(
    viewer: &Arc<Viewer>,
    webhook: &Webhook,
    form: &Form,
    now: &Form,
) -> Result<Response, Refused> {
    let types: EventTypes = viewer.rest.get("/event-types").await?;
    let page = ConflictPage {
        frame: Frame::new(viewer, "webhooks", "Edit webhook"),
        id: webhook.subscription.id.clone(),
        short: webhook.short().to_owned(),
        etag: webhook.etag.clone(),
        changed_at: viewer.zone.second(webhook.subscription.updated_at_date_time),
        differences: differences(now, form, &types),
        typed: typed(form),
        secrets_are_lost: form.holds_secrets(),
    };
    Ok(html(StatusCode::PRECONDITION_FAILED, &page))
}

/// All but secrets; a body only if it is to be another one.
fn typed(form: &Form) -> Vec<(String, String)> {
    const OF_BODY: [&str; 4] = ["template", "header-name", "header-value", "all-text"];
    let counts = |name: &str| form.body == "own" || !OF_BODY.contains(&name);
    let pairs = form.pairs().into_iter().filter(|(name, _)| counts(name));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn differences(now: &Form, typed: &Form, types: &EventTypes) -> Vec<Difference> {
    let text = |text: &str, none: &str| match text {
        "" => Said::Text(none.to_owned()),
        text => Said::Text(text.to_owned()),
    };
    let type_of = |form: &Form| Said::Text(types.title(&form.event).to_owned());
    let state = |form: &Form| match form.status.as_str() {
        "active" => Said::State(State::ACTIVE),
        _ => Said::State(State::INACTIVE),
    };
    let row = |label, of: &dyn Fn(&Form) -> Said| Difference { label, now: of(now), typed: of(typed) };
    let mut all = vec![
        row("Contract", &|form| text(&form.contract, "none")),
        row("URL", &|form| text(&form.url, "none")),
        row("Event Type", &type_of),
        row("Status", &state),
        row("Name", &|form| text(&form.name, "none")),
        row("Retry policy", &|form| text(&form.policy, "the profile’s")),
        row("Attempts a minute", &|form| text(&form.rate, "no limit")),
        row("At once after a pause", &|form| text(&form.burst, "no limit")),
        row("Open requests", &|form| text(&form.open, "no limit")),
        row("Time for an answer, in milliseconds", &|form| text(&form.timeout, "ten seconds")),
    ];
    all.retain(|row| row.now != row.typed);
    let (has_body, has_authentication) = (now.body == "keep", now.auth == "keep");
    if typed.body == "own" || typed.body == "default" && has_body {
        all.push(Difference { label: "Body", now: body(now), typed: body(typed) });
    }
    if !matches!(typed.auth.as_str(), "keep" | "none") || typed.auth == "none" && has_authentication {
        all.push(Difference {
            label: "Authentication",
            now: authentication(now),
            typed: authentication(typed),
        });
    }
    all
}

fn body(form: &Form) -> Said {
    match form.body.as_str() {
        "default" => Said::Text("the standard body, without headers".to_owned()),
        _ if form.template.trim().is_empty() => Said::Text("the standard body, with headers".to_owned()),
        _ => Said::Code(form.template.clone()),
    }
}

fn authentication(form: &Form) -> Said {
    Said::Text(form.authentication().unwrap_or("as it was set").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::of_subscription::{self, tests::full};

    #[test]
    fn a_body_that_is_kept_is_not_posted_once_more() {
        let names = |body: &str| {
            let form = Form { body: body.to_owned(), ..of_subscription::form(&full()) };
            typed(&form).into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        let of_body = |names: &[String]| names.iter().any(|name| name == "template" || name == "header-name");
        assert!(of_body(&names("own")) && !of_body(&names("keep")) && !of_body(&names("default")));
        assert!(names("keep").contains(&"url".to_owned()));
    }

    #[test]
    fn what_differs_is_shown_as_it_is_and_as_it_was_typed() {
        let now = of_subscription::form(&full());
        let types = EventTypes { event_types: Vec::new() };
        assert_eq!(differences(&now, &now, &types), []);
        let typed = Form {
            status: "active".to_owned(),
            name: String::new(),
            url: "<b>".to_owned(),
            body: "default".to_owned(),
            auth: "bearer".to_owned(),
            ..now.clone()
        };
        let labels: Vec<_> = differences(&now, &typed, &types).iter().map(|row| row.label).collect();
        assert_eq!(labels, ["URL", "Status", "Name", "Body", "Authentication"]);
        let status = &differences(&now, &typed, &types)[1];
        assert_eq!(
            (&status.now, &status.typed),
            (&Said::State(State::INACTIVE), &Said::State(State::ACTIVE))
        );
    }
}
