//! Who subscribes to what, and which subscriptions an event is for: said here once more, so that the product's own
//! matching is judged by something else.

use crate::addresses::Addresses;
use crate::credentials::{Credentials, random_key};
use aerogram_testkit::{HttpClient, Receiver, Request, UpstreamEvent};
use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use uuid::Uuid;

pub const SKYHOP: &str = "SKYHOP";
pub const BOREALIS: &str = "BOREALIS";
pub const GULLIVER: &str = "GULLIVER";

/// The retry policy of the failing endpoint: with the usual one people would watch for minutes.
pub const QUICK_POLICY: &str = "demo";
pub const QUICK_DELAYS_MS: [u64; 4] = [1_000, 2_000, 4_000, 8_000];

/// The event whose endpoint fails twice for each delivery.
pub const FAILING: &str = "OrderTicketed";

/// The event of which the agency wants a body and a header of its own.
const TEMPLATED: &str = "FlightTimeChange";

/// Where somebody's own subscriptions may be sent, and the key whose signatures are checked there.
pub const OWN_PATH: &str = "/you";
pub const OWN_KEY: &str = "your-secret-signing-key-123";

/// A partner application that subscribes on behalf of an operator.
#[derive(Debug)]
pub struct Customer {
    pub name: &'static str,
    pub client: &'static str,
    pub operator: &'static str,
    profile: Option<&'static str>,
    /// Its signing keys are base64 behind `whsec_`, rather than plain text.
    encoded_keys: bool,
    /// What its endpoints answer when all is well.
    pub answers: u16,
    events: &'static [&'static str],
}

/// Borealis is nobody's operator: its flights are published and must reach no one.
pub const CUSTOMERS: [Customer; 3] = [
    Customer {
        name: "flight ops",
        client: "ops-app",
        operator: SKYHOP,
        profile: None,
        encoded_keys: false,
        answers: 200,
        events: &[
            "FLIGHT_CREATE",
            "FLIGHT_TIME_UPDATE",
            "FLIGHT_CREW_ASSIGNMENT",
            "FLIGHT_FBO_ASSIGNMENT",
            "FLIGHT_MOVEMENT_UPDATE",
            "FLIGHT_POST_FLIGHT_STATUS",
            "FLIGHT_CANCEL",
        ],
    },
    Customer {
        name: "agency",
        client: "agency-app",
        operator: GULLIVER,
        profile: None,
        encoded_keys: true,
        answers: 200,
        events: &[
            "OrderCreated",
            FAILING,
            "OrderDisrupted",
            "FlightTimeChange",
            "FlightCancelation",
            "ItineraryChange",
        ],
    },
    Customer {
        name: "staffing",
        client: "crew-app",
        operator: SKYHOP,
        profile: Some("staffing"),
        encoded_keys: false,
        answers: 201,
        events: &["FLIGHT_CREW_ASSIGNMENT"],
    },
];

/// A subscription of the demo.
#[derive(Clone, Debug)]
pub struct Subscription {
    pub id: String,
    pub event: &'static str,
    pub operator: &'static str,
    pub subscriber: &'static str,
    /// Of the receiver; no other subscription has it.
    pub path: String,
    pub key: String,
    /// A header that its receiver wants besides the signature.
    pub secret: Option<Secret>,
}

/// A header and what it must hold.
#[derive(Clone, Debug)]
pub struct Secret {
    pub header: &'static str,
    pub value: String,
}

impl Subscription {
    /// Whether this event is for it: the same operator, the same type, and production.
    pub fn wants(&self, event: &UpstreamEvent) -> bool {
        let production = event.environment.as_deref().is_none_or(|name| name == "production");
        production && self.operator == event.operator && self.event == event.kind
    }

    /// Whether the request carries the secret that was agreed on, where one was.
    pub fn shows_its_secret(&self, request: &Request) -> bool {
        let wanted = self.secret.as_ref();
        wanted.is_none_or(|secret| request.header(secret.header) == Some(secret.value.as_str()))
    }
}

/// Operators with the applications that may call for them.
pub fn operators() -> Vec<(&'static str, Vec<&'static str>)> {
    let clients_of = |operator| {
        CUSTOMERS
            .iter()
            .filter(|customer| customer.operator == operator)
            .map(|customer| customer.client)
            .collect()
    };
    [SKYHOP, GULLIVER].map(|operator| (operator, clients_of(operator))).into()
}

/// Creates all subscriptions over REST.
///
/// # Errors
/// The api does not answer 201.
pub async fn subscribe(
    http: &HttpClient,
    addresses: &Addresses,
    credentials: &Credentials,
    receiver: &Receiver,
) -> Result<Vec<Subscription>> {
    let url = addresses.subscriptions_url();
    let mut subscriptions = Vec::new();
    for customer in &CUSTOMERS {
        let headers =
            [("X-Api-Client-Id", customer.client), ("X-Auth-Token", credentials.of(customer.operator)?)];
        for event in customer.events() {
            let path = format!("/{}/{event}", customer.name.replace(' ', "-"));
            let key = customer.key();
            let mut body = json!({"event": event, "callbackUrl": receiver.url(&path), "signingKey": key});
            if let Some(profile) = customer.profile {
                body["profile"] = json!(profile);
            }
            let secret = ask_for_more(customer, event, &mut body);
            if event == FAILING {
                body["policy"] = json!(QUICK_POLICY);
            }
            let answer = http.post(&url, &headers, &body).await?;
            ensure!(answer.status == 201, "POST {url} for {event}: {} {}", answer.status, answer.text());
            let created = answer.json();
            let id = created["id"].as_str().context("a subscription was created without an id")?;
            subscriptions.push(Subscription {
                id: id.to_owned(),
                event,
                operator: customer.operator,
                subscriber: customer.name,
                path,
                key,
                secret,
            });
        }
    }
    Ok(subscriptions)
}

/// What a customer wants beyond the usual: staffing a secret in a header, the agency a body of its own for one event.
fn ask_for_more(customer: &Customer, event: &str, body: &mut Value) -> Option<Secret> {
    let value = Uuid::new_v4().simple().to_string();
    if customer.profile == Some("staffing") {
        body["authentication"] = json!({"type": "payloadSignature", "secret": value});
        return Some(Secret { header: "x-payload-signature", value });
    }
    if event != TEMPLATED {
        return None;
    }
    let value = format!("Basic {value}");
    body["httpRequest"] = json!({
        "url": body["callbackUrl"],
        "header": {"authorization": value},
        "jsonBody": {
            "id": "{{eventId}}", "type": "{{eventType}}", "subscriptionId": "{{subscriptionId}}",
            "orderID": "{{agwID}}", "freeText": "The times of {{agwID}} ({{fullPath}}) have changed",
        },
    });
    Some(Secret { header: "authorization", value })
}

impl Customer {
    /// The event types it subscribes to.
    pub fn events(&self) -> impl Iterator<Item = &'static str> {
        self.events.iter().copied()
    }

    fn key(&self) -> String {
        if self.encoded_keys {
            format!("whsec_{}", random_key())
        } else {
            format!("key of {}, {}", self.client, Uuid::new_v4().simple())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_for_the_subscriptions_of_its_operator_and_type() {
        let subscription = Subscription {
            id: String::new(),
            event: "FLIGHT_CREATE",
            operator: SKYHOP,
            subscriber: "flight ops",
            path: String::new(),
            key: String::new(),
            secret: None,
        };
        let event = |kind, operator, environment: Option<&str>| {
            let mut event = UpstreamEvent::new("1", kind, operator, "s", json!({}));
            event.environment = environment.map(ToOwned::to_owned);
            event
        };
        assert!(subscription.wants(&event("FLIGHT_CREATE", SKYHOP, None)));
        assert!(subscription.wants(&event("FLIGHT_CREATE", SKYHOP, Some("production"))));
        assert!(!subscription.wants(&event("FLIGHT_CREATE", SKYHOP, Some("non-production"))));
        assert!(!subscription.wants(&event("FLIGHT_CREATE", BOREALIS, None)));
        assert!(!subscription.wants(&event("FLIGHT_CANCEL", SKYHOP, None)));
    }

    #[test]
    fn every_operator_has_its_applications_once() {
        assert_eq!(operators(), [(SKYHOP, vec!["ops-app", "crew-app"]), (GULLIVER, vec!["agency-app"])]);
    }
}
