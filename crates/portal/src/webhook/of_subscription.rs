//! From a subscription to the form that changes it.

use serde_json::Value;

use super::form::{Form, Header};
use super::read::Webhook;
use crate::error::sentence;

/// What the form says of what it does not show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Contract and event type may be others; REST lets this profile do that.
    pub may_move: bool,
    /// It has a body or headers of its own.
    pub has_template: bool,
    pub header_names: Vec<String>,
    /// `None`: it has no authentication.
    pub authentication: Option<&'static str>,
    /// Why it was made inactive, if its owner did not do that.
    pub inactive_because: Option<String>,
}

impl Kept {
    pub fn of(webhook: &Webhook) -> Self {
        let of = &webhook.subscription;
        Self {
            may_move: of.profile == "portal",
            has_template: of.http_request.is_some() || !of.headers.is_empty(),
            header_names: of.headers.clone(),
            authentication: of.authentication.as_ref().map(|of| words(&of.r#type)),
            inactive_because: of.status_reason.as_deref().filter(|_| of.status != "ACTIVE").map(sentence),
        }
    }
}

/// The form as it is before anything is typed.
pub fn form(webhook: &Webhook) -> Form {
    let of = &webhook.subscription;
    let kept = Kept::of(webhook);
    let limit = |name: &str| {
        let number = of.limits.as_ref().and_then(|limits| limits.get(name)).and_then(Value::as_u64);
        number.map(|number| number.to_string()).unwrap_or_default()
    };
    let header = |name: &String| Header { name: name.clone(), ..Header::default() };
    Form {
        contract: of.contract_id.clone().unwrap_or_default(),
        url: of.callback_url.clone(),
        event: of.event.clone(),
        status: if of.status == "ACTIVE" { "active" } else { "inactive" }.to_owned(),
        profile: of.profile.clone(),
        policy: of.policy.clone().unwrap_or_default(),
        environment: of.environment.clone(),
        name: of.name.clone().unwrap_or_default(),
        body: if kept.has_template { "keep" } else { "default" }.to_owned(),
        template: webhook.template.clone().unwrap_or_default(),
        headers: of.headers.iter().map(header).collect(),
        all_text: of.all_text,
        auth: if kept.authentication.is_some() { "keep" } else { "none" }.to_owned(),
        rate: limit("ratePerMinute"),
        burst: limit("burst"),
        open: limit("concurrency"),
        timeout: limit("timeoutMs"),
        ..Form::default()
    }
}

/// What people call a way of authentication.
fn words(kind: &str) -> &'static str {
    match kind {
        "payloadSignature" => "payload signature",
        "apiKey" => "API key",
        "basic" => "basic",
        "bearer" => "bearer token",
        _ => "as it is",
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use serde_json::json;

    /// With all there is.
    pub fn full() -> Webhook {
        let of = json!({
            "id": "0199ffd2-5a36-7cc1-8d5e-6a2b1c3d4e5f", "event": "PRODUCT_ADDED", "callbackUrl": "https://a.example/h",
            "status": "INACTIVE", "createdAtDateTime": "2026-11-21T10:30:00.000Z",
            "updatedAtDateTime": "2026-11-21T10:30:00.000Z", "expirationDateTime": null, "profile": "portal",
            "contractId": "C-1", "environment": "non-production", "name": "<b>north</b>", "policy": "staffing",
            "httpRequest": {"jsonBody": {"a": 1}}, "headers": ["x-tenant"], "allText": true,
            "authentication": {"type": "basic"},
            "limits": {"ratePerMinute": 1200, "burst": 20, "concurrency": 4, "timeoutMs": 5000},
        });
        let subscription = serde_json::from_value(of).unwrap();
        let template = Some("{\n  \"b\": 1.10,\n  \"a\": 1\n}".to_owned());
        Webhook { subscription, template, etag: "\"3\"".to_owned() }
    }

    #[test]
    fn every_field_stands_in_the_form() {
        let form = form(&full());
        let pairs = form.pairs();
        for pair in [
            ("contract", "C-1"),
            ("url", "https://a.example/h"),
            ("event", "PRODUCT_ADDED"),
            ("status", "inactive"),
            ("profile", "portal"),
            ("policy", "staffing"),
            ("environment", "non-production"),
            ("name", "<b>north</b>"),
            ("body", "keep"),
            ("template", "{\n  \"b\": 1.10,\n  \"a\": 1\n}"),
            ("auth", "keep"),
            ("rate", "1200"),
            ("burst", "20"),
            ("open", "4"),
            ("timeout", "5000"),
            ("header-name", "x-tenant"),
            ("all-text", "on"),
        ] {
            assert!(pairs.contains(&pair), "{pair:?}");
        }
        assert!(!form.holds_secrets());
        let kept = Kept::of(&full());
        assert_eq!((kept.may_move, kept.authentication), (true, Some("basic")));
    }
}
