//! A webhook as the list has it.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use crate::model::{EventTypes, LastDelivery, RENEWABLE};

/// What the list reads of a subscription. Bodies and limits stay unread: there may be ten thousand.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listed {
    pub id: String,
    pub event: String,
    pub callback_url: String,
    pub status: String,
    pub status_reason: Option<String>,
    pub expiration_date_time: Option<Timestamp>,
    pub contract_id: Option<String>,
    pub name: Option<String>,
    pub failing_since: Option<Timestamp>,
    pub last_delivery: Option<LastDelivery>,
}

/// A line of the list.
#[derive(Clone, Debug)]
pub struct Row {
    /// Running, in the order of creation: it stays whatever is shown.
    pub no: usize,
    pub of: Listed,
    /// What people call its type.
    pub title: Arc<str>,
    pub is_renewable: bool,
}

impl Row {
    pub fn is_active(&self) -> bool {
        self.of.status == "ACTIVE"
    }

    /// It sends, and its receiver does not take it.
    pub fn is_failing(&self) -> bool {
        self.is_active() && self.of.failing_since.is_some()
    }
}

/// Of what REST lists, the oldest first.
pub fn numbered(listed: Vec<Listed>, types: &EventTypes, now: Timestamp) -> Vec<Row> {
    let titles = types.event_types.iter().map(|event| (event.name.as_str(), Arc::from(event.title.as_str())));
    let titles: HashMap<&str, Arc<str>> = titles.collect();
    let row = |(place, of): (usize, Listed)| Row {
        no: place + 1,
        title: titles.get(of.event.as_str()).cloned().unwrap_or_else(|| Arc::from(of.event.as_str())),
        is_renewable: of.expiration_date_time.is_some_and(|at| is_renewable(at, now)),
        of,
    };
    listed.into_iter().enumerate().map(row).collect()
}

fn is_renewable(expires_at: Timestamp, now: Timestamp) -> bool {
    let left = expires_at.duration_since(now);
    left.is_positive() && left <= RENEWABLE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn webhooks_are_numbered_as_they_come_and_have_titles() {
        let answer = r#"[
            {"id":"a","event":"PRODUCT_ADDED","callbackUrl":"https://a.example/","status":"ACTIVE","createdAtDateTime":"2026-11-21T10:00:00.000Z",
             "updatedAtDateTime":"2026-11-21T10:00:00.000Z","expirationDateTime":null,"profile":"portal","environment":"production","contractId":"C-100",
             "httpRequest":{"jsonBody":{"a":["b"]}},"lastDelivery":null},
            {"id":"b","event":"GONE_TYPE","callbackUrl":"https://b.example/","status":"INACTIVE","statusReason":"gone","createdAtDateTime":"2026-11-21T10:00:00.000Z",
             "updatedAtDateTime":"2026-11-21T10:00:00.000Z","expirationDateTime":"2026-11-26T10:00:00.000Z","profile":"flight","environment":"production",
             "lastDelivery":{"id":"msg_1","status":"DELIVERED","issuedAtDateTime":"2026-11-20T10:00:00.000Z"}}]"#;
        let types = r#"{"eventTypes":[{"name":"PRODUCT_ADDED","title":"Product added","family":"product","kind":"fact","when":"","subject":null}]}"#;
        let types = serde_json::from_str(types).unwrap();
        let rows =
            numbered(serde_json::from_str(answer).unwrap(), &types, "2026-11-21T10:00:00Z".parse().unwrap());
        let seen: Vec<_> =
            rows.iter().map(|row| (row.no, &*row.title, row.is_active(), row.is_renewable)).collect();
        assert_eq!(seen, [(1, "Product Added", true, false), (2, "GONE_TYPE", false, true)]);
        assert_eq!(rows[1].of.last_delivery.as_ref().unwrap().status, "DELIVERED");
    }

    #[test]
    fn renewing_is_for_the_last_five_days() {
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        for (at, renewable) in [
            ("2026-11-21T10:00:00Z", false),
            ("2026-11-21T10:00:00.001Z", true),
            ("2026-11-26T10:00:00Z", true),
            ("2026-11-26T10:00:00.001Z", false),
        ] {
            assert_eq!(is_renewable(at.parse().unwrap(), now), renewable, "{at}");
        }
    }
}
