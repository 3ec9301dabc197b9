//! `GET /portal/events/{id}`: the story of the events with this id.

use askama::Template;
use axum::extract::{Path, Query};
use axum::response::{IntoResponse as _, Response};

use super::model::{Event, OfDelivery, Rejection, Stories};
use super::search;
use super::story::{Story, Telling, Try};
use crate::deliveries::{Webhooks, events_href};
use crate::error::sentence;
use crate::frame::{Frame, Page};
use crate::html::{broken, number};
use crate::model::EventTypes;
use crate::rest::{Refused, path};
use crate::viewer::{Viewer, Viewing};
use crate::zone::{When, Zone};

/// Of more events with one id it is not read what they said.
const READ_MAX: usize = 3;

#[derive(Template)]
#[template(path = "event.html")]
struct Whole {
    frame: Frame,
    view: View,
}

/// What is drawn.
struct View {
    id: String,
    /// What was looked for, and where it was found.
    from: Option<(String, String)>,
    stories: Vec<Story>,
    rejections: Vec<Rejected>,
    events_left_out: Option<String>,
    deliveries_left_out: Option<String>,
}

/// It was not accepted.
struct Rejected {
    at: When,
    reason: String,
    errors: Vec<String>,
    accepted_later: bool,
}

pub async fn show(
    Viewing(viewer): Viewing,
    Path(id): Path<String>,
    Query(given): Query<Vec<(String, String)>>,
) -> Result<Response, Refused> {
    let asked = path(&["events", &id]);
    let (stories, webhooks, types) = tokio::join!(
        viewer.rest.get::<Stories>(&asked),
        Webhooks::of(&viewer.rest),
        viewer.rest.get::<EventTypes>("/event-types"),
    );
    let stories = match stories {
        Err(Refused::NotFound) => return Ok(search::nothing(&viewer, &id)),
        stories => stories?,
    };
    let telling = Telling {
        webhooks: &webhooks?,
        types: &types?,
        zone: &viewer.zone,
        now: viewer.now,
        is_cut: stories.deliveries_left_out > 0,
    };
    let mut told = Vec::new();
    for (number, event) in stories.events.iter().enumerate() {
        let says = if number < READ_MAX { said(&viewer, event).await } else { None };
        told.push(Story::of(event, says.as_deref(), &telling));
    }
    let q = given.into_iter().find(|(name, value)| name == "q" && !value.is_empty()).map(|(_, q)| q);
    let view = View::of(id, q, told, &stories, &viewer.zone);
    Ok(Page(Whole { frame: Frame::new(&viewer, "events", view.title()), view }).into_response())
}

/// What the event said, as one of its deliveries knows it; a page without it is still a page.
async fn said(viewer: &Viewer, event: &Event) -> Option<String> {
    let of = event.deliveries.iter().find(|of| of.delivery.run != "test")?;
    let known = viewer.rest.get::<OfDelivery>(&path(&["deliveries", &of.delivery.id])).await;
    let known = known.inspect_err(|error| tracing::debug!("an event is shown without what it said: {error}"));
    Some(known.ok()?.event?.get().to_owned())
}

impl View {
    fn of(id: String, q: Option<String>, stories: Vec<Story>, of: &Stories, zone: &Zone) -> Self {
        let rejected = |rejection: &Rejection| Rejected {
            at: zone.second(rejection.rejected_at_date_time),
            reason: rejection.reason.clone(),
            errors: rejection.errors.iter().map(|error| sentence(error)).collect(),
            accepted_later: rejection.accepted_later,
        };
        let some = |count: u64| (count > 0).then(|| number(count));
        Self {
            id,
            from: q.map(|q| (events_href(&q), q)),
            stories,
            rejections: of.rejections.iter().map(rejected).collect(),
            events_left_out: some(of.events_left_out),
            deliveries_left_out: some(of.deliveries_left_out),
        }
    }

    fn title(&self) -> String {
        match self.stories.as_slice() {
            [one] => format!("{}, {}", one.title, one.subject),
            [] => format!("Rejected: {}", self.id),
            several => format!("{} events with the id {}", number(several.len() as u64), self.id),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::story::tests::{delivery, event, telling};
    use super::*;

    /// The part of the page that is this module's.
    #[derive(Template)]
    #[template(path = "event-main.html")]
    struct Main {
        view: View,
    }

    fn shown(events: &[Value], more: &Value) -> String {
        let (webhooks, types, zone) =
            (Webhooks::default(), EventTypes { event_types: Vec::new() }, Zone::utc());
        let telling = telling(&webhooks, &types, &zone);
        let told = events.iter().map(|of| Story::of(&event(of), Some(r#"{"z":"<script>","a":1}"#), &telling));
        let mut of = json!({"events": []});
        for (name, value) in more.as_object().unwrap() {
            of[name] = value.clone();
        }
        let of: Stories = serde_json::from_value(of).unwrap();
        let view = View::of("<script>e".to_owned(), Some("<script>q".to_owned()), told.collect(), &of, &zone);
        Main { view }.render().unwrap()
    }

    #[test]
    fn a_story_goes_from_the_event_to_what_comes_next() {
        let miss = json!({"subscriptionId": "w-9", "reasons": [{"reason": "inactive", "detail": "it is not active"}]});
        let page = shown(
            &[json!({"deliveries": [delivery("RETRYING", 2, &json!({}))], "nearMisses": [miss]})],
            &json!({"deliveriesLeftOut": 12_000}),
        );
        for part in [
            "Accepted",
            "Matched with 1 of 2 webhooks",
            "/portal/deliveries/msg_1",
            "Attempt 3 is due at",
            "It is not active.",
            "12,000",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(page.find("&#34;z&#34;").unwrap() < page.find("&#34;a&#34;").unwrap(), "{page}");
        assert!(
            page.contains(r#"<li class="bad ahead">"#) && page.contains(r#"<li class="next last">"#),
            "{page}"
        );
    }

    #[test]
    fn several_events_of_one_id_have_ids_of_their_own() {
        let page =
            shown(&[json!({"repeats": {}}), json!({"source": null, "acceptedAtDateTime": null})], &json!({}));
        assert!(
            page.contains("2 events with the id") && page.contains("nothing was sent for this one"),
            "{page}"
        );
        for id in ["story-1", "story-2"] {
            assert_eq!(page.matches(&format!(r#" id="{id}""#)).count(), 1, "{page}");
        }
    }

    #[test]
    fn text_of_others_is_text() {
        let evil = "<script>\"'&\u{202e}";
        let miss =
            json!({"subscriptionId": evil, "name": evil, "reasons": [{"reason": evil, "detail": evil}]});
        let of = delivery(
            "ESCALATED",
            1,
            &json!({"id": evil, "subscriptionId": evil, "run": evil,
                                                  "next": {"what": "people deal with it: see escalation <script>"}}),
        );
        let page = shown(
            &[
                json!({"source": evil, "type": evil, "subject": evil, "contract": evil, "environment": evil, "deliveries": [of],
                     "nearMisses": [miss]}),
            ],
            &json!({"rejections": [{"reason": evil, "errors": [evil], "rejectedAtDateTime": "2026-11-21T10:50:02.000Z"}]}),
        );
        assert!(!page.contains("<script") && page.contains("&#60;script&#62;"), "{page}");
    }
}
