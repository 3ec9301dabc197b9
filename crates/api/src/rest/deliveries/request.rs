//! What goes with each attempt, without what is secret.

use aerogram_domain::authentication::Kind;
use aerogram_domain::request::{CONTENT_TYPE, Says, headers};
use aerogram_wire::v1::Subscription;
use serde::Serialize;
use utoipa::ToSchema;

/// The request of an attempt, as the subscription wants it today.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = DeliveryRequest)]
pub struct RequestView {
    /// Where it goes.
    url: String,
    /// In the order in which they are sent, but for those of the connection, which come after them, and for `traceparent`, which is there
    /// where the event's publisher gave one.
    headers: Vec<HeaderView>,
}

/// A header.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = RequestHeader)]
struct HeaderView {
    /// In lower case.
    name: String,
    /// `null`: it is hidden, or nothing was sent yet.
    #[schema(required)]
    value: Option<String>,
}

/// What is known of a request beside the subscription.
#[derive(Clone, Copy)]
pub struct Sent<'a> {
    pub webhook_id: &'a str,
    /// When the last attempt began, in milliseconds since 1970; `None`: none was made.
    pub began_at_ms: Option<i64>,
    /// What the deliverer calls itself.
    pub user_agent: &'a str,
}

impl RequestView {
    pub fn of(subscription: &Subscription, sent: Sent<'_>) -> Self {
        let own = subscription.template.as_ref().map_or(&[][..], |template| &template.header_names);
        let authentication = Kind::of(subscription.authentication.as_ref());
        let shown = |(name, says): (&str, Says)| HeaderView {
            name: name.to_owned(),
            value: match says {
                Says::Own | Says::Authentication | Says::Signature | Says::Traceparent => None,
                Says::ContentType => Some(CONTENT_TYPE.to_owned()),
                Says::Id => Some(sent.webhook_id.to_owned()),
                Says::Timestamp => sent.began_at_ms.map(|at_ms| (at_ms / 1_000).to_string()),
                Says::UserAgent => Some(sent.user_agent.to_owned()),
            },
        };
        let headers = headers(own.iter().map(String::as_str), authentication, false);
        Self { url: subscription.callback_url.clone(), headers: headers.into_iter().map(shown).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerogram_wire::v1::{Authentication, Template};

    #[test]
    fn what_is_secret_has_a_name_and_no_value() {
        let template = Template { header_names: vec!["cookie".into()], ..Template::default() };
        let authentication = Authentication { r#type: "apiKey".into(), value: None };
        let subscription = Subscription {
            callback_url: "https://receiver.example/hook".into(),
            template: Some(template),
            authentication: Some(authentication),
            ..Subscription::default()
        };
        let sent = Sent { webhook_id: "msg_1", began_at_ms: Some(1_705_314_600_999), user_agent: "Aerogram" };
        let view = RequestView::of(&subscription, sent);
        assert_eq!(view.url, "https://receiver.example/hook");
        let told: Vec<_> =
            view.headers.iter().map(|header| (header.name.as_str(), header.value.as_deref())).collect();
        let expected = [
            ("cookie", None),
            ("x-api-key", None),
            ("content-type", Some("application/json")),
            ("webhook-id", Some("msg_1")),
            ("webhook-timestamp", Some("1705314600")),
            ("webhook-signature", None),
            ("user-agent", Some("Aerogram")),
        ];
        assert_eq!(told, expected);
        let not_yet = RequestView::of(&subscription, Sent { began_at_ms: None, ..sent });
        assert_eq!(not_yet.headers[4].value, None);
    }
}
