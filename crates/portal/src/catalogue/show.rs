//! One type: what an event of it says.

use askama::Template;
use axum::extract::Path;
use axum::http::Method;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::choose::FAMILY;
use super::words;
use crate::address::Address;
use crate::frame::{Frame, Page};
use crate::html::{broken, indented};
use crate::model::{EventType, EventTypes};
use crate::rest::Refused;
use crate::viewer::Viewing;
use crate::zone::When;

#[derive(Template)]
#[template(path = "catalogue-type.html")]
pub struct Shown {
    frame: Frame,
    about: About,
}

/// What is said of a type.
struct About {
    event: EventType,
    example: String,
    happened: Option<When>,
    family: String,
    family_href: String,
    add: Option<String>,
}

/// Examples as they stand in the answer, which keeps the order of their fields.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Examples {
    event_types: Vec<Example>,
}

#[derive(Deserialize)]
struct Example {
    name: String,
    #[serde(default)]
    example: Box<RawValue>,
}

pub async fn show(Viewing(viewer): Viewing, Path(name): Path<String>) -> Result<Page<Shown>, Refused> {
    let answer = viewer.rest.send(Method::GET, "/event-types", None, &[]).await?;
    let types = answer.read::<EventTypes>()?.event_types;
    let event = types.into_iter().find(|event| event.name == name).ok_or(Refused::NotFound)?;
    let examples = answer.read::<Examples>()?.event_types;
    let example = examples.into_iter().find(|example| example.name == name);
    let about = About {
        example: example.map_or_else(String::new, |example| indented(example.example.get())),
        happened: event.example_time.map(|time| viewer.zone.second(time)),
        family: words::family(&event.family),
        family_href: Address::of("/portal/catalogue", Vec::new(), &[]).with(FAMILY, &event.family),
        add: (viewer.may_write() && event.entitled).then(|| words::add_href(&event.name)),
        event,
    };
    Ok(Page(Shown { frame: Frame::new(&viewer, "catalogue", about.event.title.clone()), about }))
}
