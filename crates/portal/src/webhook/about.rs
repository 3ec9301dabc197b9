//! What an event type tells, for whoever chooses one.

use askama::Template;
use axum::extract::Query;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use crate::frame::Page;
use crate::model::{EventType, EventTypes};
use crate::rest::{Refused, path};
use crate::viewer::Viewing;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    pub when: String,
    pub counts: &'static str,
    /// Where its fields stand.
    pub href: String,
}

#[derive(Template)]
#[template(path = "webhook-about.html")]
struct AboutPart {
    about: Option<About>,
}

#[derive(Deserialize, Default)]
pub struct Asked {
    #[serde(default)]
    event: String,
}

impl About {
    pub fn of(event: &EventType) -> Self {
        let counts = match event.kind.as_str() {
            "state" => "The newest counts: one that still waits gives way to a newer one about the same.",
            _ => "Each one counts: none replaces another.",
        };
        Self { when: event.when.clone(), counts, href: format!("/portal/catalogue{}", path(&[&event.name])) }
    }
}

/// For htmx, when another type is chosen.
pub async fn about(Viewing(viewer): Viewing, Query(asked): Query<Asked>) -> Result<Response, Refused> {
    let types: EventTypes = viewer.rest.get("/event-types").await?;
    Ok(Page(AboutPart { about: types.of(&asked.event).map(About::of) }).into_response())
}
