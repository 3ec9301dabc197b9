//! What requests say. They are read by `aerogram_domain::subscription_request` and `rest::repair::fields`, which tell more about
//! what is wrong than a reader made from these types could; these describe what is read there, and the tests keep both alike.
#![allow(dead_code, reason = "nothing is ever made of these types: they are descriptions")]

use std::collections::BTreeMap;

use aerogram_domain::catalogue::{Environment, EventType};
use aerogram_domain::schema::{FinalStatus, SubscriptionStatus};
use aerogram_domain::subscription::Profile;
use serde_json::Value;
use utoipa::ToSchema;

/// What is to be sent where.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct NewSubscription {
    #[schema(inline = false)]
    event: EventType,
    /// May stand in `httpRequest.url` instead.
    callback_url: Option<CallbackUrl>,
    /// Any text; after `whsec_` base64. Required under the profile `flight`; under the others one is made and told once.
    #[schema(min_length = 1, max_length = 512)]
    signing_key: Option<String>,
    /// The event type's own unless given.
    profile: Option<Profile>,
    /// One of the operator's contracts: only its events.
    contract_id: Option<String>,
    /// `production` unless given.
    environment: Option<Environment>,
    /// The name of a retry policy: `standard`, `staffing`, or one of the installation's.
    policy: Option<String>,
    name: Option<SubscriptionName>,
    status: Option<SubscriptionStatus>,
    http_request: Option<HttpRequest>,
    /// Whether a placeholder that stands alone becomes text too.
    all_text: Option<bool>,
    authentication: Option<Authentication>,
    limits: Option<Limits>,
}

/// What is to be shown of what a subscription would send.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[schema(as = TemplatePreviewRequest)]
pub struct TemplatePreview {
    #[schema(inline = false)]
    event: EventType,
    profile: Option<Profile>,
    /// The default body without it.
    http_request: Option<HttpRequest>,
    /// Whether a placeholder that stands alone becomes text too.
    all_text: Option<bool>,
}

/// HTTPS, without user information and fragment, to a host outside our network.
#[derive(ToSchema)]
#[schema(
    value_type = String,
    max_length = 2048,
    pattern = "^[Hh][Tt][Tt][Pp][Ss]://[^/?#@\\s\\\\\\x00-\\x1f\\x7f-\\x9f]+([/?][^#\\s\\\\\\x00-\\x1f\\x7f-\\x9f]*)?$"
)]
pub struct CallbackUrl(String);

/// What its owner calls a subscription.
#[derive(ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 100, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]+$")]
pub struct SubscriptionName(String);

/// What is to be different; at least one of them. `null` takes away what a subscription can do without.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SubscriptionChange {
    /// As at creation.
    callback_url: Option<CallbackUrl>,
    status: Option<SubscriptionStatus>,
    /// Replaces body and headers together.
    http_request: Option<HttpRequest>,
    all_text: Option<bool>,
    authentication: Option<Authentication>,
    policy: Option<String>,
    name: Option<SubscriptionName>,
    limits: Option<Limits>,
    /// Under the profile `portal` the name of another event type; under the others it is ignored, whatever it is.
    event: Option<Value>,
    /// The same; one of the operator's contracts, `null`: all of them.
    contract_id: Option<Value>,
}

/// The target as its owner writes it. `{{field}}` in header values and in the texts of the body stands for a field of the event.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[serde(deny_unknown_fields)]
pub struct HttpRequest {
    /// The same as `callbackUrl`, or instead of it.
    url: Option<CallbackUrl>,
    /// Sent with every request, at most 32. Every value is a secret, and not shown again.
    header: Option<BTreeMap<HeaderName, HeaderValue>>,
    /// The default body without it.
    json_body: Option<JsonBody>,
}

/// An object or an array.
#[derive(ToSchema)]
#[serde(untagged)]
pub enum JsonBody {
    Object(BTreeMap<String, Value>),
    Array(Vec<Value>),
}

/// Not one of the connection, of the content, or of the signature.
#[derive(ToSchema)]
#[schema(value_type = String, min_length = 1, max_length = 128, pattern = "^[0-9A-Za-z!#$%&'*+.^_`|~-]+$")]
pub struct HeaderName(String);

#[derive(ToSchema)]
#[schema(value_type = String, max_length = 4096, pattern = "^[ -~]*$")]
pub struct HeaderValue(String);

/// What a receiver knows the caller by. Only the type is shown again.
#[derive(ToSchema)]
#[serde(untagged)]
pub enum Authentication {
    PayloadSignature(PayloadSignature),
    ApiKey(ApiKey),
    Basic(Basic),
    Bearer(Bearer),
}

/// `X-Payload-Signature`: the secret as it is.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PayloadSignature {
    #[schema(pattern = "^payloadSignature$")]
    r#type: String,
    #[schema(min_length = 1, max_length = 4096, pattern = "^[!-~]([ -~]*[!-~])?$")]
    secret: String,
}

/// `X-api-key`: the key as it is.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKey {
    #[schema(pattern = "^apiKey$")]
    r#type: String,
    #[schema(min_length = 1, max_length = 4096, pattern = "^[!-~]([ -~]*[!-~])?$")]
    key: String,
}

/// `Authorization: Basic`, in UTF-8; each of the two has at most 1024 bytes.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Basic {
    #[schema(pattern = "^basic$")]
    r#type: String,
    #[schema(max_length = 1024, pattern = "^[^:\\x00-\\x1f\\x7f-\\x9f]*$")]
    username: String,
    #[schema(max_length = 1024, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    password: String,
}

/// `Authorization: Bearer`
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Bearer {
    #[schema(pattern = "^bearer$")]
    r#type: String,
    #[schema(min_length = 1, max_length = 4089, pattern = "^[!-~]+$")]
    token: String,
}

/// What the receiver is not to be asked for more than; profile and installation may say less.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Attempts that are begun in a minute, evenly over it.
    #[schema(minimum = 1, maximum = 60000000)]
    rate_per_minute: Option<u32>,
    /// Of these, how many at once after a pause. Only with `ratePerMinute`.
    #[schema(minimum = 1, maximum = 1000000)]
    burst: Option<u32>,
    /// Requests open at once.
    #[schema(minimum = 1, maximum = 10000)]
    concurrency: Option<u32>,
    /// Time for one attempt.
    #[schema(minimum = 500, maximum = 600000)]
    timeout_ms: Option<u32>,
}

/// Another signing key.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct NewSigningKey {
    /// One is made, and told once, unless it is given.
    #[schema(min_length = 1, max_length = 512)]
    signing_key: Option<String>,
    /// How long the key before signs too; 24 unless given.
    #[schema(minimum = 0, maximum = 720)]
    overlap_hours: Option<i64>,
}

/// For whoever looks later.
#[derive(ToSchema)]
#[schema(
    value_type = String,
    min_length = 1,
    max_length = 500,
    pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*[^\\s\\x00-\\x1f\\x7f-\\x9f][^\\x00-\\x1f\\x7f-\\x9f]*$"
)]
pub struct Why(String);

/// Why.
#[derive(ToSchema)]
#[schema(as = RedeliverRequest)]
pub struct Redelivery {
    why: Option<Why>,
}

/// Why nothing more will be done.
#[derive(ToSchema)]
#[schema(as = DismissRequest)]
pub struct Dismissal {
    why: Why,
}

/// Which deliveries are to be sent again: all that match everything that is given.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[schema(as = RedeliverManyRequest)]
pub struct Redeliveries {
    /// `ESCALATED` unless given.
    status: Option<Ended>,
    #[schema(min_length = 1, max_length = 512)]
    subscription_id: Option<String>,
    #[schema(min_length = 1, max_length = 512)]
    event_type: Option<String>,
    /// A flight or an order.
    #[schema(min_length = 1, max_length = 512)]
    subject: Option<String>,
    /// Issued then or later.
    #[schema(format = DateTime)]
    since: Option<String>,
    /// Issued before; now unless given.
    #[schema(format = DateTime)]
    until: Option<String>,
    /// Tells what would be sent, and sends nothing.
    dry_run: Option<bool>,
}

/// One or several.
#[derive(ToSchema)]
#[serde(untagged)]
pub enum Ended {
    One(FinalStatus),
    Several(Vec<FinalStatus>),
}

/// What of the log is to be sent to a subscription.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[schema(as = ReplayRequest)]
pub struct Replay {
    /// Accepted then or later.
    #[schema(format = DateTime)]
    since: String,
    /// Accepted before; now unless given.
    #[schema(format = DateTime)]
    until: Option<String>,
    /// Also what was delivered or is under way.
    all: Option<bool>,
    /// Tells what would be sent, and sends nothing.
    dry_run: Option<bool>,
}

/// Of which type.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[schema(as = TestEventRequest)]
pub struct TestEvent {
    /// The subscription's unless given.
    event_type: Option<EventType>,
}
