//! What is there, as the api shows it.

use serde::Deserialize;

use super::declared::Json;

/// A subscription as `GET /subscriptions` has it.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Existing {
    pub id: String,
    pub event: String,
    pub callback_url: String,
    /// `ACTIVE` or `INACTIVE`.
    pub status: String,
    /// Why the system made it inactive.
    #[serde(default)]
    pub status_reason: Option<String>,
    #[serde(default)]
    pub expiration_date_time: Option<String>,
    pub profile: String,
    #[serde(default)]
    pub contract_id: Option<String>,
    pub environment: String,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub policy: Option<String>,
    #[serde(default)]
    pub http_request: Option<Shown>,
    /// Names of headers.
    #[serde(default)]
    pub headers: Vec<String>,
    #[serde(default)]
    pub all_text: bool,
    #[serde(default)]
    pub authentication: Option<Kind>,
    #[serde(default)]
    pub limits: Option<Json>,
}

/// What is shown of `httpRequest`.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    pub json_body: Json,
}

/// What is shown of `authentication`.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct Kind {
    pub r#type: String,
}

impl Existing {
    /// What people call it.
    pub fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.id)
    }

    pub fn body(&self) -> Option<&Json> {
        self.http_request.as_ref().map(|shown| &shown.json_body)
    }

    pub fn kind(&self) -> Option<&str> {
        self.authentication.as_ref().map(|kind| kind.r#type.as_str())
    }

    /// Whether it has expired. Times of the api are texts that sort like times.
    pub fn is_expired(&self, now: &str) -> bool {
        self.expiration_date_time.as_deref().is_some_and(|expires| expires <= now)
    }
}
