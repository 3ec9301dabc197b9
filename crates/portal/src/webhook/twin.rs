//! A webhook that is sent the same already: a second one would make its receiver act twice.

use jiff::Timestamp;
use serde::Deserialize;
use url::Url;

use super::form::Form;
use crate::html::shortened;
use crate::rest::path_with;
use crate::viewer::Viewer;

/// One that there is, as far as it counts here.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Twin {
    pub id: String,
    event: String,
    callback_url: String,
    status: String,
    environment: String,
    contract_id: Option<String>,
    created_at_date_time: Timestamp,
    expiration_date_time: Option<Timestamp>,
}

impl Twin {
    /// Of what the form asks for; `opened`: when it was opened. When the list cannot be had there is none, for this is no more
    /// than a warning.
    pub async fn of(viewer: &Viewer, form: &Form, opened: Timestamp) -> Option<Self> {
        if form.url.is_empty() || form.event.is_empty() {
            return None;
        }
        let all = path_with(&["subscriptions"], &[("omit", "httpRequest")]);
        let all: Vec<Self> = viewer.rest.whole(&all).await.ok()?;
        all.into_iter().find(|known| known.is_twin(form, opened, viewer.now))
    }

    /// One that was made since the form was opened may be what this form made, whose answer got lost.
    fn is_twin(&self, form: &Form, opened: Timestamp, now: Timestamp) -> bool {
        let contract = self.contract_id.as_deref().unwrap_or_default();
        // With no contract it has the events of every one.
        let of_same_contract = contract == form.contract || contract.is_empty() || form.contract.is_empty();
        self.event == form.event
            && self.environment == form.environment
            && of_same_contract
            && self.created_at_date_time < opened
            && self.expiration_date_time.is_none_or(|at| at > now)
            && is_same(&self.callback_url, &form.url)
    }

    pub fn is_active(&self) -> bool {
        self.status == "ACTIVE"
    }

    /// Its URL, without what all have in common.
    pub fn short(&self) -> &str {
        shortened(&self.callback_url)
    }
}

/// REST keeps what may not stand in a URL encoded.
fn is_same(kept: &str, typed: &str) -> bool {
    kept == typed || matches!((Url::parse(kept), Url::parse(typed)), (Ok(kept), Ok(typed)) if kept == typed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn one_that_is_sent_the_same_is_found() {
        let there = json!({"id": "s-1", "event": "E", "callbackUrl": "https://a.example/%C3%A9", "status": "ACTIVE",
            "environment": "production", "contractId": "C-1", "createdAtDateTime": "2026-11-21T10:00:00Z", "expirationDateTime": null});
        let (now, opened) = (at("2026-11-21T11:00:00Z"), at("2026-11-21T10:30:00Z"));
        let text = str::to_owned;
        let form = Form {
            url: text("https://A.example/é"),
            event: text("E"),
            contract: text("C-1"),
            ..Form::blank()
        };
        let is_twin = |field: &str, value: serde_json::Value| {
            let mut of = there.clone();
            of[field] = value;
            serde_json::from_value::<Twin>(of).unwrap().is_twin(&form, opened, now)
        };
        for (field, value, twin) in [
            ("status", json!("INACTIVE"), true),
            ("contractId", json!(null), true),
            ("contractId", json!("C-2"), false),
            ("event", json!("F"), false),
            ("environment", json!("non-production"), false),
            ("callbackUrl", json!("https://a.example/e"), false),
            ("callbackUrl", json!("no url"), false),
            ("expirationDateTime", json!("2026-11-21T11:00:00Z"), false),
            ("expirationDateTime", json!("2026-11-22T11:00:00Z"), true),
            ("createdAtDateTime", json!("2026-11-21T10:29:59Z"), true),
            ("createdAtDateTime", json!("2026-11-21T10:30:00Z"), false),
        ] {
            assert_eq!(is_twin(field, value.clone()), twin, "{field} {value}");
        }
    }
}
