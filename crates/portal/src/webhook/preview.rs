//! What a body of one's own makes of the catalogue's example.

use askama::Template;
use axum::http::Method;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::form::Form;
use super::places::place;
use super::to_json;
use crate::error::{sentence, words};
use crate::filled::Filled;
use crate::frame::Page;
use crate::html::indented;
use crate::model::{EventTypes, Header};
use crate::rest::{Refused, Rest, Wrong};
use crate::viewer::Viewing;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Preview {
    /// There is nothing to show yet, and why.
    Nothing(&'static str),
    Shown {
        body: String,
        headers: Vec<String>,
    },
    Wrong(Vec<String>),
}

#[derive(Template)]
#[template(path = "webhook-preview.html")]
struct PreviewPart {
    /// What the type is called that it is an example of.
    title: String,
    preview: Preview,
    is_part: bool,
}

/// `POST /template-previews`
#[derive(Deserialize)]
struct Answered {
    body: String,
    #[serde(default)]
    headers: Vec<Header>,
}

/// For htmx, while somebody types.
pub async fn preview(Viewing(viewer): Viewing, filled: Filled) -> Result<Response, Refused> {
    let form = Form::of(&filled);
    let types: EventTypes = viewer.rest.get("/event-types").await?;
    let preview = Preview::of(&viewer.rest, &form).await?;
    let title = types.title(&form.event).to_owned();
    Ok(Page(PreviewPart { title, preview, is_part: true }).into_response())
}

impl Preview {
    /// # Errors
    /// The credentials do not count any more.
    pub async fn of(rest: &Rest, form: &Form) -> Result<Self, Refused> {
        if form.event.is_empty() {
            return Ok(Self::Nothing("Choose an event type to see its example here."));
        }
        if form.body != "own" || form.template.trim().is_empty() && form.headers.is_empty() {
            return Ok(Self::Nothing("Write a body to see here what is sent."));
        }
        let wish = to_json::preview(form);
        let asked = rest.send_text(Method::POST, "/template-previews", Some(wish.text()?), &[]).await;
        Ok(match asked {
            Ok(answer) => {
                let Answered { body, headers } = answer.read()?;
                let headers = headers.into_iter().map(|header| header.name).collect();
                Self::Shown { body: indented(&body), headers }
            }
            Err(Refused::Unauthenticated) => return Err(Refused::Unauthenticated),
            Err(Refused::Invalid { wrong, .. }) if !wrong.is_empty() => {
                Self::Wrong(told(&wish.wrong, &wrong, form))
            }
            Err(refused) => Self::Wrong(vec![words(&refused).says]),
        })
    }
}

/// What was noticed here goes before what REST says.
fn told(noticed: &[Wrong], told: &[Wrong], form: &Form) -> Vec<String> {
    let all = if noticed.is_empty() { told } else { noticed };
    let line = |wrong: &Wrong| {
        let says = sentence(&wrong.detail);
        match place(&wrong.pointer, form) {
            Some(place) if !place.within.is_empty() => format!("At {}: {says}", place.within),
            Some(place) => format!("{}: {says}", place.label),
            None => says,
        }
    };
    all.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_says_where_and_is_escaped() {
        let wrong = |pointer: &str, detail: &str| Wrong {
            pointer: pointer.to_owned(),
            parameter: String::new(),
            detail: detail.to_owned(),
        };
        let form = Form { body: "own".to_owned(), ..Form::blank() };
        let lines = told(
            &[],
            &[wrong("/httpRequest/jsonBody/<a>", "unknown field"), wrong("/event", "is gone")],
            &form,
        );
        assert_eq!(lines, ["At <a>: Unknown field.", "Event Type: Is gone."]);
        let noticed = told(&[wrong("/httpRequest/jsonBody", "this is not JSON")], &[wrong("", "x")], &form);
        assert_eq!(noticed, ["Body: This is not JSON."]);
        let part = PreviewPart { title: "<i>".to_owned(), preview: Preview::Wrong(lines), is_part: true };
        let html = part.render().unwrap();
        assert!(
            html.contains("At &#60;a&#62;") && html.contains("&#60;i&#62;") && !html.contains("<i>"),
            "{html}"
        );
        let shown =
            Preview::Shown { body: "{\"a\": \"</code>\"}".to_owned(), headers: vec!["x-<b>".to_owned()] };
        let html = PreviewPart { title: String::new(), preview: shown, is_part: false }.render().unwrap();
        assert!(!html.contains("\"</code>") && !html.contains("<b>\"") && !html.contains("x-<b>"), "{html}");
    }
}
