//! How its owner sees a subscription.

use super::{Profile, effective_status};
use crate::authentication::Kind;
use crate::catalogue::Environment;
use crate::schema::SubscriptionStatus;
use crate::time::iso_millis;
use aerogram_wire::v1::{Limits, Status, Subscription};
use serde::Serialize;
use serde_json::value::RawValue;
use std::fmt;
use utoipa::ToSchema;

/// A subscription as the API answers with it. Secrets have no place in it. What version 2.4.0 of the contract does not have
/// is there only where somebody asked for it, and `failingSince` only while it is so: nobody asks for that.
#[derive(Serialize, ToSchema, Debug)]
#[serde(rename_all = "camelCase")]
#[schema(as = Subscription, description = "A subscription. Secrets are not in it.", examples(json!({
    "id": "0199ffd2-5a36-7cc1-8d5e-6a2b1c3d4e5f",
    "event": "FLIGHT_CREATE",
    "callbackUrl": "https://hooks.example.com/flights",
    "status": "ACTIVE",
    "createdAtDateTime": "2026-11-21T10:30:00.000Z",
    "updatedAtDateTime": "2026-11-21T10:30:00.000Z",
    "expirationDateTime": "2026-12-21T10:30:00.000Z",
    "profile": "flight",
    "environment": "production",
})))]
pub struct SubscriptionView {
    #[schema(format = Uuid)]
    pub id: String,
    /// The event type.
    pub event: String,
    pub callback_url: String,
    #[schema(value_type = SubscriptionStatus)]
    pub status: &'static str,
    /// Why it was made inactive by the system rather than by its owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub status_reason: Option<String>,
    #[schema(format = DateTime)]
    pub created_at_date_time: String,
    #[schema(format = DateTime)]
    pub updated_at_date_time: String,
    /// From then on nothing is sent; `null`: it never expires.
    #[schema(format = DateTime, required)]
    pub expiration_date_time: Option<String>,
    #[schema(value_type = Profile)]
    pub profile: String,
    /// Only events under this contract.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub contract_id: Option<String>,
    #[schema(value_type = Environment)]
    pub environment: String,
    /// What its owner calls it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub name: Option<String>,
    /// The retry policy, where it is not the profile's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub http_request: Option<HttpRequestView>,
    /// Names of the headers of `httpRequest`, all that is shown of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<String>,
    /// A placeholder that stands alone becomes text too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub all_text: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub authentication: Option<AuthenticationView>,
    /// As its owner wants them; profile and installation may say less.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub limits: Option<LimitsView>,
    /// Since when every attempt has failed, once that lasted; there while it is active, or was made inactive for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = DateTime)]
    pub failing_since: Option<String>,
    /// Until then a replaced signing key signs too.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = DateTime)]
    pub previous_signing_key_until_date_time: Option<String>,
    /// A key that was made for its owner, told in this one answer only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<String>)]
    pub signing_key: Option<MadeKey>,
}

/// A signing key on its only way out; `Debug` shows nothing of it.
#[derive(Serialize)]
#[serde(transparent)]
pub struct MadeKey(pub String);

impl fmt::Debug for MadeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MadeKey(…)")
    }
}

/// What is shown of `httpRequest`.
#[derive(Serialize, ToSchema, Debug)]
#[serde(rename_all = "camelCase")]
#[schema(as = SubscriptionHttpRequest)]
pub struct HttpRequestView {
    #[schema(value_type = serde_json::Value)]
    pub json_body: Box<RawValue>,
}

/// What is shown of `authentication`.
#[derive(Serialize, ToSchema, Debug)]
#[schema(as = SubscriptionAuthentication)]
pub struct AuthenticationView {
    #[schema(value_type = Kind)]
    pub r#type: String,
}

/// What is shown of `limits`: each that was asked for.
#[derive(Serialize, ToSchema, Debug)]
#[serde(rename_all = "camelCase")]
#[schema(as = SubscriptionLimits)]
pub struct LimitsView {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub rate_per_minute: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub burst: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub concurrency: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub timeout_ms: Option<u32>,
}

fn limits_view(limits: &Limits) -> Option<LimitsView> {
    let asked = |limit: u32| (limit != 0).then_some(limit);
    (*limits != Limits::default()).then(|| LimitsView {
        rate_per_minute: asked(limits.rate_per_minute),
        burst: asked(limits.burst),
        concurrency: asked(limits.concurrency),
        timeout_ms: asked(limits.timeout_ms),
    })
}

/// How its owner sees a subscription at `now_ms`.
pub fn view(subscription: &Subscription, now_ms: i64) -> SubscriptionView {
    let template = subscription.template.as_ref();
    let body = template.and_then(|template| RawValue::from_string(template.body.clone()).ok());
    SubscriptionView {
        http_request: body.map(|json_body| HttpRequestView { json_body }),
        ..brief_view(subscription, now_ms)
    }
}

/// The same without its `httpRequest`, which is by far the largest part of it.
pub fn brief_view(subscription: &Subscription, now_ms: i64) -> SubscriptionView {
    let expires = subscription.expires_at_ms;
    let non_empty = |text: &String| (!text.is_empty()).then(|| text.clone());
    let template = subscription.template.as_ref();
    let authentication = subscription.authentication.as_ref();
    let previous = subscription.previous_signing_key.as_ref();
    let status = effective_status(subscription, now_ms);
    let may_fail = status == Status::Active || subscription.gave_up;
    SubscriptionView {
        id: subscription.id.clone(),
        event: subscription.event_type.clone(),
        callback_url: subscription.callback_url.clone(),
        status: match status {
            Status::Active => "ACTIVE",
            Status::Inactive | Status::Deleted | Status::Unspecified => "INACTIVE",
        },
        status_reason: non_empty(&subscription.status_reason),
        created_at_date_time: iso_millis(subscription.created_at_ms),
        updated_at_date_time: iso_millis(subscription.updated_at_ms),
        expiration_date_time: (expires != 0).then(|| iso_millis(expires)),
        profile: subscription.profile.clone(),
        contract_id: non_empty(&subscription.contract),
        environment: subscription.environment.clone(),
        name: non_empty(&subscription.name),
        policy: non_empty(&subscription.policy),
        http_request: None,
        headers: template.map(|template| template.header_names.clone()).unwrap_or_default(),
        all_text: subscription.all_text,
        authentication: authentication.map(|of| AuthenticationView { r#type: of.r#type.clone() }),
        limits: subscription.limits.as_ref().and_then(limits_view),
        failing_since: (may_fail && subscription.failing_since_ms != 0)
            .then(|| iso_millis(subscription.failing_since_ms)),
        previous_signing_key_until_date_time: previous
            .filter(|previous| now_ms < previous.until_ms)
            .map(|previous| iso_millis(previous.until_ms)),
        signing_key: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerogram_wire::v1::{Authentication, PreviousKey, Sealed, Template};

    #[test]
    fn the_view_has_the_contractual_fields_and_no_key() {
        let mut subscription = Subscription {
            id: "s-1".into(),
            version: 4,
            profile: "flight".into(),
            event_type: "FLIGHT_CREATE".into(),
            callback_url: "https://example.com/hook".into(),
            status: Status::Active.into(),
            environment: "production".into(),
            created_at_ms: 1_705_314_600_000,
            updated_at_ms: 1_705_314_600_001,
            expires_at_ms: 1_707_906_600_000,
            signing_key: Some(Sealed { key_id: "k".into(), ..Sealed::default() }),
            policy: "standard".into(),
            ..Subscription::default()
        };
        assert_eq!(
            serde_json::to_string(&view(&subscription, 1_705_314_600_000)).unwrap(),
            concat!(
                r#"{"id":"s-1","event":"FLIGHT_CREATE","callbackUrl":"https://example.com/hook","status":"ACTIVE","#,
                r#""createdAtDateTime":"2024-01-15T10:30:00.000Z","updatedAtDateTime":"2024-01-15T10:30:00.001Z","#,
                r#""expirationDateTime":"2024-02-14T10:30:00.000Z","profile":"flight","environment":"production","policy":"standard"}"#
            )
        );
        subscription.template = Some(Template {
            headers: Some(Sealed { key_id: "hush".into(), ..Sealed::default() }),
            header_names: vec!["authorization".into()],
            body: r#"{"b":1.10,"a":"{{agwID}}"}"#.into(),
        });
        subscription.all_text = true;
        subscription.authentication =
            Some(Authentication { r#type: "apiKey".into(), value: Some(Sealed::default()) });
        subscription.previous_signing_key = Some(PreviousKey { key: None, until_ms: 1_705_314_600_000 });
        let shown = |now_ms| serde_json::to_string(&view(&subscription, now_ms)).unwrap();
        let end = concat!(
            r#""policy":"standard","httpRequest":{"jsonBody":{"b":1.10,"a":"{{agwID}}"}},"headers":["authorization"],"#,
            r#""allText":true,"authentication":{"type":"apiKey"}"#,
        );
        assert!(shown(1_705_314_600_000).ends_with(&format!("{end}}}")), "{}", shown(1_705_314_600_000));
        let overlap = r#","previousSigningKeyUntilDateTime":"2024-01-15T10:30:00.000Z"}"#;
        assert!(shown(1_705_314_599_999).ends_with(&format!("{end}{overlap}")));
        assert!(!shown(0).contains("hush"));
        subscription.limits = Some(Limits { concurrency: 4, timeout_ms: 5_000, ..Limits::default() });
        subscription.failing_since_ms = 1_705_314_600_000;
        let health =
            r#","limits":{"concurrency":4,"timeoutMs":5000},"failingSince":"2024-01-15T10:30:00.000Z"}"#;
        let shown = serde_json::to_string(&view(&subscription, 1_705_314_600_000)).unwrap();
        assert!(shown.ends_with(&format!("{end}{health}")), "{shown}");
        let fails = |state: &Subscription| view(state, 1_707_906_600_000).failing_since.is_some();
        assert!(!fails(&subscription), "it has expired");
        subscription.expires_at_ms = 0;
        assert!(fails(&subscription));
        subscription.set_status(Status::Inactive);
        assert!(!fails(&subscription));
        subscription.gave_up = true;
        assert!(fails(&subscription), "that is why");
        subscription.limits = Some(Limits::default());
        subscription.contract = "C-7".into();
        subscription.name = "orders of the north".into();
        let view = serde_json::to_value(view(&subscription, 0)).unwrap();
        assert_eq!(view.get("limits"), None);
        assert_eq!(view["expirationDateTime"], serde_json::Value::Null);
        assert_eq!((&view["contractId"], &view["name"]), (&"C-7".into(), &"orders of the north".into()));
    }
}
