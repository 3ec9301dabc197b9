//! Looking for events by their id, or by what they are about.

use askama::Template;
use axum::extract::Query;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};

use super::model::{Found, Hit};
use crate::address::Address;
use crate::error::sentence;
use crate::frame::{Frame, html};
use crate::html::{State, number};
use crate::model::EventTypes;
use crate::rest::{Refused, path, path_with, query_of};
use crate::viewer::{Viewer, Viewing};
use crate::zone::When;

const PATH: &str = "/portal/events";
const TEXT: &str = "q";
const AFTER: &str = "after";
/// Events of a page.
const EVENTS_MAX: usize = 50;

#[derive(Template)]
#[template(path = "events.html")]
struct Whole {
    frame: Frame,
    view: View,
}

/// What is drawn.
#[derive(Default)]
pub struct View {
    q: String,
    /// What was typed, if it was this only without blanks and hyphens that something was found for.
    typed: Option<String>,
    /// What is wrong with it.
    error: Option<String>,
    /// `None`: nothing was looked for yet, or nothing can be.
    hits: Option<Vec<Row>>,
    history_since: Option<When>,
    next: Option<String>,
    first: Option<String>,
}

/// An event as the list shows it.
struct Row {
    accepted: Option<When>,
    title: String,
    wire: String,
    subject: String,
    id: String,
    href: String,
    deliveries: Vec<(State, String)>,
    is_repeat: bool,
}

pub async fn search(
    Viewing(viewer): Viewing,
    Query(given): Query<Vec<(String, String)>>,
) -> Result<Response, Refused> {
    let given = given.into_iter().map(|(name, value)| (name, value.trim().to_owned())).collect();
    let address = Address::of(PATH, given, &[TEXT, AFTER]);
    let page = |status, view| html(status, &Whole { frame: Frame::new(&viewer, "events", "Events"), view });
    let q = address.get(TEXT).to_owned();
    if q.is_empty() {
        return Ok(page(StatusCode::OK, View::default()));
    }
    let limit = EVENTS_MAX.to_string();
    let asked = path_with(&["events"], &[("search", &q), ("limit", &limit), ("after", address.get(AFTER))]);
    let (found, types) =
        tokio::join!(viewer.rest.get::<Found>(&asked), viewer.rest.get::<EventTypes>("/event-types"));
    match found {
        Ok(found) => match only(&found, &q) {
            Some(id) => Ok(Redirect::to(&href(id, "")).into_response()),
            // A test is not found, but it can be told.
            None if found.events.is_empty() && is_known(&viewer, &q).await => {
                Ok(Redirect::to(&href(&q, "")).into_response())
            }
            None => {
                let types = types?;
                let closer = if is_nothing(&found, &address) { closer(&viewer, &q).await } else { None };
                Ok(match closer {
                    Some((closer, found)) => match only(&found, closer.get(TEXT)) {
                        Some(id) => Redirect::to(&href(id, "")).into_response(),
                        None => {
                            let view = View::of(&closer, &found, &types, &viewer);
                            page(StatusCode::OK, View { typed: Some(q), ..view })
                        }
                    },
                    None => page(StatusCode::OK, View::of(&address, &found, &types, &viewer)),
                })
            }
        },
        Err(Refused::Invalid { detail, wrong }) => {
            let error = wrong.into_iter().next().map_or(detail, |wrong| wrong.detail);
            let view = View { q, error: Some(sentence(&error)), ..View::default() };
            Ok(page(StatusCode::BAD_REQUEST, view))
        }
        Err(refused) => Err(refused),
    }
}

/// Not on this page, nor on any other.
fn is_nothing(found: &Found, address: &Address) -> bool {
    found.events.is_empty() && found.next.is_none() && address.get(AFTER).is_empty()
}

/// What is found for it when it is written as events have it; with the address of that.
async fn closer(viewer: &Viewer, q: &str) -> Option<(Address, Found)> {
    let text = together(q)?;
    let limit = EVENTS_MAX.to_string();
    let asked = path_with(&["events"], &[("search", &text), ("limit", &limit)]);
    // It was not asked for, so what goes wrong with it is not told either.
    let found = viewer.rest.get::<Found>(&asked).await.ok()?;
    let address = Address::of(PATH, vec![(TEXT.to_owned(), text)], &[TEXT, AFTER]);
    (!is_nothing(&found, &address)).then_some((address, found))
}

/// Flight numbers are written as `SKH 1271` and `SKH-1271`, and sent as `SKH1271`. `None`: it is like that already.
fn together(text: &str) -> Option<String> {
    let divides = |char: char| char.is_whitespace() || matches!(char, '-' | '\u{2010}'..='\u{2015}');
    let together: String = text.chars().filter(|char| !divides(*char)).collect();
    (!together.is_empty() && together != text).then_some(together)
}

/// Nothing is known of an event with this id; how far back history reaches is not known here.
pub fn nothing(viewer: &std::sync::Arc<Viewer>, id: &str) -> Response {
    let view = View { q: id.to_owned(), hits: Some(Vec::new()), ..View::default() };
    html(StatusCode::NOT_FOUND, &Whole { frame: Frame::new(viewer, "events", "Events"), view })
}

/// Whether this is the id of an event.
async fn is_known(viewer: &Viewer, id: &str) -> bool {
    viewer.rest.send(Method::GET, &path(&["events", id]), None, &[]).await.is_ok()
}

/// The one that was found, if it was named by its id.
fn only<'a>(found: &'a Found, q: &str) -> Option<&'a str> {
    match found.events.as_slice() {
        [hit] if hit.event_id.eq_ignore_ascii_case(q) && found.next.is_none() => Some(&hit.event_id),
        _ => None,
    }
}

/// The story of one, from what was looked for.
fn href(id: &str, q: &str) -> String {
    let there = super::href(id);
    if q.is_empty() { there } else { format!("{there}?{}", query_of([(TEXT, q)])) }
}

impl View {
    fn of(address: &Address, found: &Found, types: &EventTypes, viewer: &Viewer) -> Self {
        let q = address.get(TEXT);
        let row = |hit: &Hit| Row {
            accepted: hit.accepted_at_date_time.map(|time| viewer.zone.second(time)),
            title: types.title(&hit.r#type).to_owned(),
            wire: hit.r#type.clone(),
            subject: hit.subject.clone(),
            id: hit.event_id.clone(),
            href: href(&hit.event_id, q),
            deliveries: counts(hit),
            is_repeat: hit.repeats.is_some(),
        };
        Self {
            q: q.to_owned(),
            typed: None,
            error: None,
            hits: Some(found.events.iter().map(row).collect()),
            history_since: Some(viewer.zone.second(found.history_since_date_time)),
            next: found.next.as_deref().map(|next| address.with(AFTER, next)),
            first: (!address.get(AFTER).is_empty()).then(|| address.without(&[AFTER])),
        }
    }

    /// Nothing was found, and there is nowhere else to look.
    fn is_nothing(&self) -> bool {
        self.hits.as_ref().is_some_and(Vec::is_empty) && self.next.is_none() && self.first.is_none()
    }

    fn count(&self, hits: &[Row]) -> String {
        let noun = if hits.len() == 1 { "event" } else { "events" };
        let count = if hits.is_empty() { "No".to_owned() } else { number(hits.len() as u64) };
        match (&self.next, &self.first) {
            (None, None) => format!("{count} {noun} for"),
            (Some(_), None) if !hits.is_empty() => format!("The newest {count} {noun} for"),
            (Some(_), None) => "Nothing so far, and there is more to look through for".to_owned(),
            (_, Some(_)) => format!("{count} older {noun} for"),
        }
    }
}

/// In the order in which states come about; none that this version does not know.
fn counts(hit: &Hit) -> Vec<(State, String)> {
    let of = |(name, state): &(&str, State)| {
        let count = hit.deliveries.get(*name).filter(|count| **count > 0)?;
        let more = if hit.deliveries_are_at_least { "+" } else { "" };
        Some((*state, format!("{}{more}", number(*count))))
    };
    State::DELIVERIES.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// The part of the page that is this module's.
    #[derive(Template)]
    #[template(path = "events-main.html")]
    struct Main {
        view: View,
    }

    fn hit(more: &Value) -> Hit {
        let mut all = json!({"eventId": "e-1", "type": "FLIGHT_CREATE", "subject": "FL-1", "environment": "production",
                             "acceptedAtDateTime": "2026-11-21T10:50:02.000Z", "deliveries": {"RETRYING": 1, "DELIVERED": 1200, "PARKED": 0}});
        for (name, value) in more.as_object().unwrap() {
            all[name] = value.clone();
        }
        serde_json::from_value(all).unwrap()
    }

    fn found(events: Vec<Hit>) -> Found {
        Found { events, next: None, history_since_date_time: "2026-11-14T10:52:00Z".parse().unwrap() }
    }

    fn shown(q: &str, hits: Vec<Row>) -> String {
        let since = crate::zone::Zone::utc().second("2026-11-14T10:52:00Z".parse().unwrap());
        let view = View { q: q.to_owned(), hits: Some(hits), history_since: Some(since), ..View::default() };
        Main { view }.render().unwrap()
    }

    fn row(hit: &Hit) -> Row {
        Row {
            accepted: None,
            title: hit.r#type.clone(),
            wire: hit.r#type.clone(),
            subject: hit.subject.clone(),
            id: hit.event_id.clone(),
            href: href(&hit.event_id, "<q>"),
            deliveries: counts(hit),
            is_repeat: hit.repeats.is_some(),
        }
    }

    #[test]
    fn an_id_leads_to_its_story_and_anything_else_to_a_list() {
        assert_eq!(only(&found(vec![hit(&json!({}))]), "e-1"), Some("e-1"));
        assert_eq!(only(&found(vec![hit(&json!({}))]), "FL-1"), None);
        assert_eq!(only(&found(vec![hit(&json!({})), hit(&json!({"eventId": "e-2"}))]), "e-1"), None);
        assert_eq!(only(&found(Vec::new()), "e-1"), None);
        assert_eq!(href("a/b", "FL 1"), "/portal/events/a%2Fb?q=FL%201");
    }

    #[test]
    fn what_is_written_apart_is_put_together() {
        for text in ["SKH 1271", "SKH-1271", "SKH\u{a0}1271", "SKH\u{2013}12 71"] {
            assert_eq!(together(text).as_deref(), Some("SKH1271"), "{text}");
        }
        assert_eq!([together("SKH1271"), together("- -"), together("")], [None, None, None]);
    }

    #[test]
    fn deliveries_are_counted_by_state() {
        let told = counts(&hit(&json!({})));
        let told: Vec<_> = told.iter().map(|(state, count)| (state.word, count.as_str())).collect();
        assert_eq!(told, [("Retrying", "1"), ("Delivered", "1,200")]);
        assert!(shown("FL-1", vec![row(&hit(&json!({"deliveries": {}})))]).contains("No webhook wanted it"));
    }

    #[test]
    fn a_page_without_events_may_lead_to_one_that_has_some() {
        let next = Some("/portal/events?q=x&after=c".to_owned());
        let view = View { q: "x".to_owned(), hits: Some(Vec::new()), next, ..View::default() };
        let page = Main { view }.render().unwrap();
        assert!(
            page.contains("Nothing so far")
                && page.contains("Older ones")
                && !page.contains("Nothing is known"),
            "{page}"
        );
    }

    #[test]
    fn nothing_found_says_what_to_do() {
        let none = shown("<script>\"'", Vec::new());
        assert!(
            none.contains("Nothing is known of") && none.contains("See which events there are"),
            "{none}"
        );
        assert!(!none.contains("<script") && none.contains("14 Nov 2026, 10:52:00"), "{none}");
        let blank = Main { view: View::default() }.render().unwrap();
        assert!(blank.contains(r#"id="q""#) && !blank.contains("Nothing is known"), "{blank}");
    }

    #[test]
    fn text_of_others_is_text() {
        let evil = "<script>\"'&\u{202e}";
        let page = shown(
            evil,
            vec![row(&hit(
                &json!({"eventId": evil, "type": evil, "subject": evil, "deliveries": {evil: 1}}),
            ))],
        );
        assert!(!page.contains("<script") && page.contains("&#60;script&#62;"), "{page}");
        let view = View { q: evil.to_owned(), error: Some(evil.to_owned()), ..View::default() };
        let wrong = Main { view }.render().unwrap();
        assert!(!wrong.contains("<script") && wrong.contains(r#"id="q-error""#), "{wrong}");
    }
}
