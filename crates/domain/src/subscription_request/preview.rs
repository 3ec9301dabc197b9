//! What a template makes of an event, before anybody subscribes with it: the body of `POST /template-previews`, and the
//! catalogue's example sent in its terms.

use super::body::Body;
use super::fields::Fields;
use super::values::{parse_event, parse_profile};
use super::{FieldError, UrlCheck, delivery};
use crate::body::{BodyError, default_body, event_data, webhook_id};
use crate::catalogue::{Catalogue, EventType};
use crate::identity::{EventIdentity, Position};
use crate::request::{self, Says};
use crate::template::{BadData, BodyTooLarge, Template};
use aerogram_wire::key::DeliveryId;
use aerogram_wire::v1::Event;
use jiff::Timestamp;

/// The fields of a preview: of a creation those that what is sent depends on.
const OF_PREVIEW: [&str; 4] = ["event", "profile", "httpRequest", "allText"];

/// A valid wish to see what would be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PreviewRequest {
    /// A wire name of the catalogue.
    pub event: String,
    /// `None`: the default body, and no headers.
    pub template: Option<Template>,
    pub all_text: bool,
}

/// What a preview is checked against beside itself.
pub struct PreviewContext<'a> {
    /// The event types there are.
    pub catalogue: &'a Catalogue,
    /// What may be called.
    pub url_callable: UrlCheck<'a>,
}

/// What would be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Preview {
    pub body: String,
    /// In the order in which they are sent.
    pub headers: Vec<HeaderPreview>,
}

/// A header that would be sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeaderPreview {
    /// In lower case.
    pub name: String,
    /// `None`: nothing is shown of it, for it may be a secret or is made with one.
    pub value: Option<String>,
}

/// Why there is nothing to show.
#[derive(Debug, thiserror::Error)]
pub enum NoPreview {
    /// The template makes too much of the example.
    #[error(transparent)]
    TooLarge(#[from] BodyTooLarge),
    #[error(transparent)]
    Data(#[from] BadData),
    #[error(transparent)]
    Body(#[from] BodyError),
}

/// Checks the body of a preview as that of a creation is checked, as far as it goes.
///
/// # Errors
/// Every wrong field.
pub fn parse_preview(body: &Body, context: &PreviewContext<'_>) -> Result<PreviewRequest, Vec<FieldError>> {
    let mut fields = Fields::of(body, &OF_PREVIEW);
    let event = fields.required("event", |name| parse_event(name, context.catalogue));
    fields.optional("profile", parse_profile);
    let http_request = delivery::http_request(&mut fields, event, context.url_callable);
    let all_text = fields.boolean("allText").unwrap_or_default();
    match event {
        Some(event) if fields.errors.is_empty() => Ok(PreviewRequest {
            event: event.wire_name.as_ref().to_owned(),
            template: http_request.map(|request| request.template),
            all_text,
        }),
        _ => Err(fields.errors),
    }
}

impl Preview {
    /// Of the example of this type, which is the wish's, for a subscription that might have this id, by an installation that calls
    /// itself `user_agent`.
    ///
    /// # Errors
    /// The template makes too much of it, or the catalogue's example is none.
    pub fn of(
        wish: &PreviewRequest,
        event_type: &EventType,
        subscription_id: &str,
        user_agent: &str,
    ) -> Result<Self, NoPreview> {
        let event = example(event_type);
        let template = wish.template.clone().map(|template| template.all_text(wish.all_text));
        let own = match &template {
            Some(template) => template.body(&event_data(&event, subscription_id)?)?,
            None => None,
        };
        let body = match own {
            Some(body) => body,
            None => default_body(&event, subscription_id)?,
        };
        let names = template.iter().flat_map(Template::header_names);
        let header = |(name, says): (&str, Says)| HeaderPreview {
            name: name.to_owned(),
            value: match says {
                Says::Own | Says::Authentication | Says::Signature | Says::Traceparent => None,
                Says::ContentType => Some(request::CONTENT_TYPE.to_owned()),
                Says::Id => Some(webhook_id(&delivery_id(&event, subscription_id))),
                Says::Timestamp => Some((event.time_ms / 1_000).to_string()),
                Says::UserAgent => Some(user_agent.to_owned()),
            },
        };
        let headers = request::headers(names, None, false).into_iter().map(header).collect();
        Ok(Self { body: String::from_utf8_lossy(&body).into_owned(), headers })
    }
}

/// As it might be.
fn delivery_id(event: &Event, subscription_id: &str) -> DeliveryId {
    let identity = EventIdentity { scope: "", source: &event.source, id: &event.id };
    identity.deliveries(Position { partition: 0, offset: 0 }).of(subscription_id)
}

/// The example as if it had been published.
fn example(event_type: &EventType) -> Event {
    let whole = event_type.example_event();
    let text = |name: &str| whole[name].as_str().unwrap_or_default().to_owned();
    let time: Option<Timestamp> = event_type.example_time.parse().ok();
    Event {
        id: text("id"),
        source: text("source"),
        r#type: text("type"),
        subject: text("subject"),
        time_ms: time.map_or(0, Timestamp::as_millisecond),
        data: without_blanks(&event_type.example_text()).into(),
        ..Event::default()
    }
}

/// The same JSON, its fields in their order, as a publisher's machine would write it.
fn without_blanks(json: &str) -> String {
    let (mut in_text, mut escaped) = (false, false);
    let kept = |c: &char| {
        let keep = in_text || !c.is_ascii_whitespace();
        match c {
            '"' if !escaped => in_text = !in_text,
            _ => {}
        }
        escaped = in_text && *c == '\\' && !escaped;
        keep
    };
    json.chars().filter(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_go_but_those_of_texts_stay() {
        let json = "{\n  \"a b\": [1, \"x \\\" y\\\\\", \"\\\\\"] ,\n \"c\": { }\n}";
        let short = without_blanks(json);
        assert_eq!(short, "{\"a b\":[1,\"x \\\" y\\\\\",\"\\\\\"],\"c\":{}}");
        for event_type in Catalogue::builtin().types() {
            let text = without_blanks(&event_type.example_text());
            let example: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(example, event_type.example);
            assert!(text.len() <= event_type.example.to_string().len(), "{text}");
        }
    }
}
