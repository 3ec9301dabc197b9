//! What REST answers, as far as several pages read it. A field that is not read does not stand here; one that may be missing is
//! an `Option` or has a default, so that an answer of another version is still understood.

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::html::shortened;

/// Before its expiry a webhook can be renewed for so long. REST decides; this only spares a link that leads nowhere.
pub const RENEWABLE: SignedDuration = SignedDuration::from_hours(5 * 24);

/// `GET /subscriptions` and `/subscriptions/{id}`
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    pub id: String,
    pub event: String,
    pub callback_url: String,
    pub status: String,
    pub status_reason: Option<String>,
    pub created_at_date_time: Timestamp,
    pub updated_at_date_time: Timestamp,
    pub expiration_date_time: Option<Timestamp>,
    pub profile: String,
    pub contract_id: Option<String>,
    pub environment: String,
    pub name: Option<String>,
    pub policy: Option<String>,
    pub http_request: Option<HttpRequest>,
    /// Names only.
    #[serde(default)]
    pub headers: Vec<String>,
    #[serde(default)]
    pub all_text: bool,
    pub authentication: Option<Authentication>,
    pub limits: Option<Value>,
    pub failing_since: Option<Timestamp>,
    pub previous_signing_key_until_date_time: Option<Timestamp>,
    /// Only in the answer that made it.
    #[serde(default, deserialize_with = "secret")]
    pub signing_key: Option<SecretString>,
}

impl Subscription {
    /// As people call it: by its name, or else by its URL without what all have in common.
    pub fn called(&self) -> &str {
        let name = self.name.as_deref().map(str::trim).filter(|name| !name.is_empty());
        name.unwrap_or_else(|| shortened(&self.callback_url))
    }
}

fn secret<'de, D: Deserializer<'de>>(given: D) -> Result<Option<SecretString>, D::Error> {
    Ok(Option::<String>::deserialize(given)?.map(SecretString::from))
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRequest {
    pub json_body: Option<Value>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Authentication {
    pub r#type: String,
}

/// Of a subscription, in a list that was asked for it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastDelivery {
    pub id: String,
    pub status: String,
    pub issued_at_date_time: Timestamp,
}

/// `GET /event-types`
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventTypes {
    #[serde(deserialize_with = "as_pages_say")]
    pub event_types: Vec<EventType>,
}

/// What the pages have always called the events of insurance-like travel products; the catalogue's own titles are sentences.
const PRODUCT_TITLES: [(&str, &str); 4] = [
    ("FLIGHT_DELAY_STATUS_CHANGE", "Flight Delay Status Change"),
    ("PRODUCT_ADDED", "Product Added"),
    ("PRODUCT_UPDATED", "Product Updated"),
    ("PRODUCT_REMOVED", "Product Removed"),
];

fn as_pages_say<'de, D: Deserializer<'de>>(given: D) -> Result<Vec<EventType>, D::Error> {
    let mut types = Vec::<EventType>::deserialize(given)?;
    for event in &mut types {
        if let Some((_, title)) = PRODUCT_TITLES.iter().find(|(name, _)| *name == event.name) {
            event.title = (*title).to_owned();
        }
    }
    Ok(types)
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventType {
    pub name: String,
    pub title: String,
    pub family: String,
    pub kind: String,
    pub when: String,
    pub subject: Option<String>,
    #[serde(default)]
    pub fields: Vec<Field>,
    pub example_time: Option<Timestamp>,
    /// Whether it may be subscribed.
    #[serde(default)]
    pub entitled: bool,
}

/// A field of an event's data.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Field {
    pub name: String,
    pub r#type: String,
    #[serde(default)]
    pub says: String,
    #[serde(default)]
    pub required: bool,
    /// The texts it may be; empty: any.
    #[serde(default)]
    pub one_of: Vec<String>,
}

impl EventTypes {
    /// What people call a type; its name when it is not known here.
    pub fn title<'a>(&'a self, name: &'a str) -> &'a str {
        self.of(name).map_or(name, |found| &found.title)
    }

    pub fn of(&self, name: &str) -> Option<&EventType> {
        self.event_types.iter().find(|event| event.name == name)
    }
}

/// `GET /policies`
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Policies {
    pub policies: Vec<Policy>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Policy {
    pub name: String,
    /// Those whose subscriptions have it unless they say otherwise.
    #[serde(default)]
    pub profiles: Vec<String>,
    #[serde(default)]
    pub summary: String,
}

impl Policies {
    /// That of subscriptions of a profile which name none.
    pub fn of_profile(&self, profile: &str) -> Option<&Policy> {
        self.policies.iter().find(|policy| policy.profiles.iter().any(|known| known == profile))
    }
}

/// A delivery as lists have it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    pub id: String,
    pub webhook_id: String,
    /// `live`, `redelivery` or `test`.
    pub run: String,
    pub subscription_id: String,
    pub event_type: String,
    pub event_id: String,
    pub subject: String,
    pub environment: String,
    pub status: String,
    pub issued_at_date_time: Timestamp,
    pub changed_at_date_time: Timestamp,
    pub attempts_made: u32,
    pub last_outcome: Option<String>,
    pub last_status: Option<u32>,
    pub next_attempt_at_date_time: Option<Timestamp>,
}

/// One try.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    pub number: u32,
    pub started_at: Timestamp,
    pub duration_ms: u32,
    pub outcome: String,
    pub status: Option<u32>,
    pub problem: Option<String>,
    pub tls_problem: Option<String>,
    pub excerpt: Option<String>,
}

/// A request as it goes out; a value that is not there is a secret.
#[derive(Clone, Debug, Deserialize)]
pub struct Request {
    pub url: String,
    #[serde(default)]
    pub headers: Vec<Header>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Header {
    pub name: String,
    pub value: Option<String>,
}

impl Attempt {
    pub fn is_good(&self) -> bool {
        self.outcome == "delivered"
    }
}
