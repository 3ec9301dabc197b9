//! A task that sends many deliveries again: how far it is, and stopping it.

use askama::Template;
use axum::extract::{Path, Query};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::filters::rfc3339;
use super::scope::{Scope, ScopeFacts};
use crate::error::sentence;
use crate::filled::Filled;
use crate::frame::{Frame, html};
use crate::html::{State, number};
use crate::model::{EventTypes, Subscription};
use crate::rest::{Refused, Rest, path, query_of};
use crate::viewer::Viewing;
use crate::zone::{When, Zone};

/// The element that htmx asks for again and again.
const PART: &str = "task";
const RUNNING: &str = "RUNNING";
/// How often, in seconds: while it sends, and while something of what it sent has not ended, which may take days.
const SENDING_S: u32 = 2;
const WAITING_S: u32 = 10;
const LEFT_OUT: &str = "Left out is what is under way, what was sent again or dismissed before, what has no active webhook any more, and \
                        what the log does not hold any more.";

/// `GET /tasks/{id}`
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Task {
    id: String,
    state: String,
    created_by: String,
    created_at_date_time: Timestamp,
    updated_at_date_time: Timestamp,
    progress: Progress,
    redelivery: Option<RedeliveryOf>,
    replay: Option<ReplayOf>,
    waits_for: Option<String>,
    detail: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Progress {
    seen: u64,
    sent: u64,
    left_out: u64,
    waiting: Option<u64>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RedeliveryOf {
    status: Vec<String>,
    subscription_id: Option<String>,
    event_type: Option<String>,
    subject: Option<String>,
    since: Option<Timestamp>,
    until: Timestamp,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReplayOf {
    subscription_id: String,
    since: Timestamp,
    until: Timestamp,
}

/// How it stands, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stand {
    href: String,
    title: String,
    is_running: bool,
    /// What it sent has not ended.
    is_waited_for: bool,
    state: State,
    figures: Vec<(&'static str, String)>,
    says: Vec<String>,
    changed: When,
    /// What it sent, in the list.
    sent_href: Option<String>,
}

/// What the page that asks has seen.
#[derive(Debug, Deserialize)]
pub struct Seen {
    was: Option<String>,
}

#[derive(Template)]
#[template(path = "task.html")]
struct TaskPage {
    frame: Frame,
    may_write: bool,
    stand: Stand,
    facts: ScopeFacts,
    id: String,
    by: String,
    begun: When,
}

#[derive(Template)]
#[template(path = "task-part.html")]
struct TaskPart {
    stand: Stand,
    /// Words elsewhere change once.
    has_just_ended: bool,
}

pub fn task_href(id: &str) -> String {
    format!("{}{}", crate::BASE, path(&["tasks", id]))
}

pub async fn show(
    Viewing(viewer): Viewing,
    Path(id): Path<String>,
    Query(Seen { was }): Query<Seen>,
) -> Result<Response, Refused> {
    let task = viewer.rest.get::<Task>(&path(&["tasks", &id])).await?;
    let stand = Stand::of(&task, &viewer.zone);
    if viewer.wants_part && viewer.target.as_deref() == Some(PART) {
        return Ok(html(StatusCode::OK, &TaskPart::of(stand, was.as_deref())));
    }
    let types = viewer.rest.get::<EventTypes>("/event-types").await?;
    let scope = task.scope();
    let url = url(&viewer.rest, scope.webhook.as_deref()).await?;
    Ok(html(
        StatusCode::OK,
        &TaskPage {
            frame: Frame::new(&viewer, "deliveries", stand.title.clone()),
            may_write: viewer.may_write(),
            stand,
            facts: scope.facts(&viewer.zone, &types, url.as_deref()),
            begun: viewer.zone.second(task.created_at_date_time),
            id: task.id,
            by: task.created_by,
        },
    ))
}

/// What is on its way already is not called back.
pub async fn stop(Viewing(viewer): Viewing, Path(id): Path<String>, _: Filled) -> Result<Response, Refused> {
    match viewer.rest.send(Method::DELETE, &path(&["tasks", &id]), None, &[]).await {
        // It was over already: its page says so.
        Ok(_) | Err(Refused::Conflict(_)) => Ok(Redirect::to(&task_href(&id)).into_response()),
        Err(refused) => Err(refused),
    }
}

/// `None`: it was deleted.
async fn url(rest: &Rest, webhook: Option<&str>) -> Result<Option<String>, Refused> {
    let Some(webhook) = webhook else { return Ok(None) };
    match rest.get::<Subscription>(&path(&["subscriptions", webhook])).await {
        Ok(webhook) => Ok(Some(webhook.callback_url)),
        Err(Refused::NotFound) => Ok(None),
        Err(refused) => Err(refused),
    }
}

impl Task {
    fn scope(&self) -> Scope {
        match (&self.redelivery, &self.replay) {
            (Some(redelivery), _) => Scope {
                statuses: redelivery.status.clone(),
                webhook: redelivery.subscription_id.clone(),
                event_type: redelivery.event_type.clone(),
                subject: redelivery.subject.clone(),
                since: redelivery.since,
                until: Some(redelivery.until),
            },
            (None, Some(replay)) => Scope {
                webhook: Some(replay.subscription_id.clone()),
                since: Some(replay.since),
                until: Some(replay.until),
                ..Scope::default()
            },
            (None, None) => Scope::default(),
        }
    }
}

impl Task {
    /// Its runs are issued at the moment when it was begun, all of them.
    fn sent_href(&self) -> Option<String> {
        let until = self.created_at_date_time.checked_add(SignedDuration::from_millis(1)).ok()?;
        let (from, until) = (rfc3339(self.created_at_date_time), rfc3339(until));
        let query = query_of([("from", from.as_str()), ("until", until.as_str())]);
        let has_sent = self.redelivery.is_some() && self.progress.sent > 0;
        has_sent.then(|| format!("{}/deliveries?{query}", crate::BASE))
    }
}

impl Stand {
    fn of(task: &Task, zone: &Zone) -> Self {
        let what = if task.replay.is_some() { "Replay" } else { "Redelivery" };
        let (ending, state) = match task.state.as_str() {
            RUNNING => ("under way", State::new("Running", "s-again")),
            "DONE" => ("done", State::new("Done", "s-done")),
            "CANCELLED" => ("stopped", State::new("Stopped", "s-cut")),
            _ => ("failed", State::FAILED),
        };
        let progress = &task.progress;
        let mut figures = vec![
            ("Looked at", number(progress.seen)),
            ("Sent again", number(progress.sent)),
            ("Left out", number(progress.left_out)),
        ];
        figures.extend(progress.waiting.map(|waiting| ("Not ended yet", number(waiting))));
        let waits = task.waits_for.as_deref().map(|what| sentence(&format!("it waits for {what}")));
        let left_out = (progress.left_out > 0 && task.redelivery.is_some()).then(|| LEFT_OUT.to_owned());
        let says = waits.into_iter().chain(task.detail.as_deref().map(sentence)).chain(left_out);
        Self {
            href: task_href(&task.id),
            title: format!("{what} {ending}"),
            is_running: task.state == RUNNING,
            is_waited_for: progress.waiting.is_some_and(|waiting| waiting > 0),
            state,
            figures,
            says: says.collect(),
            changed: zone.second(task.updated_at_date_time),
            sent_href: task.sent_href(),
        }
    }

    /// `None`: nothing of it changes any more.
    fn asks_again_s(&self) -> Option<u32> {
        match (self.is_running, self.is_waited_for) {
            (true, _) => Some(SENDING_S),
            (false, true) => Some(WAITING_S),
            (false, false) => None,
        }
    }

    /// Says how it stood, so that its end is told once.
    fn part_href(&self) -> String {
        format!("{}{}", self.href, if self.is_running { "?was=RUNNING" } else { "" })
    }
}

impl TaskPart {
    fn of(stand: Stand, was: Option<&str>) -> Self {
        Self { has_just_ended: was == Some(RUNNING) && !stand.is_running, stand }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn task(more: &Value) -> Task {
        let mut task = json!({
            "id": "0199ffd2-5a36-7cc1-8d5e-6a2b1c3d4e5f", "state": "RUNNING", "createdBy": "partner-app/spring",
            "createdAtDateTime": "2026-11-21T10:52:00.000Z", "updatedAtDateTime": "2026-11-21T10:52:04.000Z",
            "progress": {"seen": 4000, "sent": 3990, "leftOut": 10, "waiting": 120}, "detail": null,
            "redelivery": {"status": ["ESCALATED"], "subscriptionId": null, "eventType": null, "subject": "<AB1>",
                "since": null, "until": "2026-11-21T10:52:00.000Z"},
        });
        for (name, value) in more.as_object().unwrap() {
            task[name] = value.clone();
        }
        serde_json::from_value(task).unwrap()
    }

    fn part(more: &Value) -> String {
        TaskPart::of(Stand::of(&task(more), &Zone::utc()), Some(RUNNING)).render().unwrap()
    }

    #[test]
    fn it_is_asked_for_again_only_while_it_runs() {
        let running = part(&json!({}));
        let ended = |more: Value| {
            let mut more = more;
            more["progress"] = json!({"seen": 4000, "sent": 3990, "leftOut": 10, "waiting": 0});
            part(&more)
        };
        assert!(running.contains("hx-trigger=\"every 2s\"") && running.contains("3,990"), "{running}");
        assert!(!running.contains("hx-swap-oob"), "{running}");
        for (state, title) in [("DONE", "done"), ("CANCELLED", "stopped"), ("FAILED", "failed")] {
            let over = ended(json!({"state": state, "detail": "<b>because</b>"}));
            assert!(!over.contains("hx-trigger") && !over.contains("hx-get"), "{over}");
            assert!(over.contains(&format!("Redelivery {title}")) && over.contains("hx-swap-oob"), "{over}");
            assert!(!over.contains("<b>because"), "{over}");
        }
    }

    #[test]
    fn what_it_sends_is_what_it_was_told() {
        let scope = task(&json!({})).scope();
        assert_eq!((scope.statuses, scope.subject), (vec!["ESCALATED".to_owned()], Some("<AB1>".to_owned())));
        let replay = json!({"subscriptionId": "w-1", "since": "2026-11-20T00:00:00Z", "until": "2026-11-21T00:00:00Z", "all": true});
        let replay = task(&json!({"redelivery": null, "replay": replay, "waitsFor": "fanout"}));
        assert_eq!(replay.scope().webhook.as_deref(), Some("w-1"));
        let stand = Stand::of(&replay, &Zone::utc());
        assert_eq!(
            (stand.title.as_str(), stand.says.clone()),
            ("Replay under way", vec!["It waits for fanout.".to_owned()])
        );
    }

    #[test]
    fn what_it_sent_is_watched_until_all_of_it_has_ended() {
        let stand = |more: Value| Stand::of(&task(&more), &Zone::utc());
        let waited_for = stand(json!({"state": "DONE"}));
        assert_eq!(
            (stand(json!({})).asks_again_s(), waited_for.asks_again_s()),
            (Some(SENDING_S), Some(WAITING_S))
        );
        let none = json!({"seen": 1, "sent": 1, "leftOut": 0, "waiting": 0});
        assert_eq!(stand(json!({"state": "DONE", "progress": none})).asks_again_s(), None);
        // Whoever has read that it is over is not told again.
        assert!(!TaskPart::of(waited_for.clone(), None).has_just_ended);
        assert!(TaskPart::of(waited_for, Some(RUNNING)).has_just_ended);
        assert!(!TaskPart::of(stand(json!({})), Some(RUNNING)).has_just_ended);
    }

    #[test]
    fn it_says_what_it_left_out_and_leads_to_what_it_sent() {
        let stand = |more: Value| Stand::of(&task(&more), &Zone::utc());
        assert_eq!(stand(json!({})).says, [LEFT_OUT]);
        let href = "/portal/deliveries?from=2026-11-21T10%3A52%3A00.000Z&until=2026-11-21T10%3A52%3A00.001Z";
        assert_eq!(stand(json!({})).sent_href.as_deref(), Some(href));
        let nothing = stand(json!({"progress": {"seen": 0, "sent": 0, "leftOut": 0, "waiting": 0}}));
        assert_eq!((nothing.says, nothing.sent_href), (Vec::new(), None));
    }
}
