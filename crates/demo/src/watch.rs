//! From the receiver's log to what is shown, counted and written down.

use crate::customers::{OWN_KEY, OWN_PATH, Subscription};
use crate::ledger::{Ledger, Meaning, Seen, Signature};
use aerogram_testkit::verify::verify_request;
use aerogram_testkit::{Receiver, Request};
use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::path::Path;

/// One request that arrived, understood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arrival {
    /// Milliseconds since the Unix epoch.
    pub at_ms: u64,
    pub subscriber: String,
    /// Event type.
    pub kind: String,
    pub event_id: String,
    /// The flight or the order.
    pub label: String,
    /// 1 for the first.
    pub attempt: u32,
    pub signature: Signature,
    /// What was answered.
    pub status: Option<u16>,
    /// Milliseconds since the event was published.
    pub after_ms: Option<u64>,
    pub meaning: Meaning,
}

/// Looks at a receiver's log.
pub struct Watch {
    subscriptions: Vec<Subscription>,
    by_path: HashMap<String, usize>,
    log: File,
}

impl Watch {
    /// Each request becomes a line of JSON in `log` as well.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn new(subscriptions: Vec<Subscription>, log: &Path) -> Result<Self> {
        let by_path = subscriptions.iter().enumerate().map(|(at, s)| (s.path.clone(), at)).collect();
        let log = File::create(log).with_context(|| format!("making {}", log.display()))?;
        Ok(Self { subscriptions, by_path, log })
    }

    pub fn subscriptions(&self) -> &[Subscription] {
        &self.subscriptions
    }

    /// What arrived since the last look.
    ///
    /// # Errors
    /// The log cannot be written.
    pub fn look(&mut self, receiver: &Receiver, ledger: &mut Ledger) -> Result<Vec<Arrival>> {
        receiver
            .take_requests()
            .iter()
            .map(|request| {
                let arrival = self.understand(request, ledger);
                writeln!(self.log, "{}", line(&arrival, request)).context("writing the log of deliveries")?;
                Ok(arrival)
            })
            .collect()
    }

    fn understand(&self, request: &Request, ledger: &mut Ledger) -> Arrival {
        let body = request.json().unwrap_or_default();
        let text = |field: &str| body[field].as_str().unwrap_or_default();
        let subscription = self.by_path.get(&request.path).copied();
        let known = subscription.and_then(|at| self.subscriptions.get(at));
        let signature = match known {
            // A valid signature under a body that says it is for somebody else would be a mix-up.
            Some(known) if known.id != text("subscriptionId") || known.event != text("type") => {
                Signature::Failed
            }
            Some(known) if !known.shows_its_secret(request) => Signature::Failed,
            Some(known) => checked(&known.key, request),
            None if request.path == OWN_PATH => checked(OWN_KEY, request),
            None => Signature::Unknown,
        };
        let status = request.reply.status();
        let seen = Seen {
            event_id: text("id"),
            subscription,
            at: request.arrived,
            success: status.is_some_and(|status| (200..300).contains(&status)),
            signature,
        };
        let meaning = ledger.arrived(&seen);
        let (label, after_ms) = match ledger.published(text("id"), request.arrived) {
            Some((label, after)) => (label.to_owned(), u64::try_from(after.as_millis()).ok()),
            None => (own_label(&body), since(text("timestamp"), request.arrived_unix_ms)),
        };
        Arrival {
            at_ms: request.arrived_unix_ms,
            subscriber: match known {
                Some(known) => known.subscriber.to_owned(),
                None => request.path.trim_start_matches('/').to_owned(),
            },
            kind: text("type").to_owned(),
            event_id: text("id").to_owned(),
            label,
            attempt: request.nth,
            signature,
            status,
            after_ms,
            meaning,
        }
    }
}

fn checked(key: &str, request: &Request) -> Signature {
    match verify_request(key, request) {
        Ok(()) => Signature::Valid,
        Err(_) => Signature::Failed,
    }
}

/// What somebody else's event is about, as far as its data says.
fn own_label(body: &Value) -> String {
    let names = ["flightNumber", "flight", "agwID", "orderID", "flightId", "id"];
    let found = names.into_iter().find_map(|name| body["data"][name].as_str());
    found.or(body["id"].as_str()).unwrap_or_default().to_owned()
}

fn since(timestamp: &str, now_ms: u64) -> Option<u64> {
    let then = timestamp.parse::<jiff::Timestamp>().ok()?;
    now_ms.checked_sub(u64::try_from(then.as_millisecond()).ok()?)
}

fn line(arrival: &Arrival, request: &Request) -> Value {
    json!({
        "timestamp": time(arrival.at_ms),
        "path": request.path,
        "subscriber": arrival.subscriber,
        "webhookId": request.webhook_id(),
        "eventId": arrival.event_id,
        "type": arrival.kind,
        "about": arrival.label,
        "attempt": arrival.attempt,
        "verified": arrival.signature == Signature::Valid,
        "status": arrival.status,
        "afterMs": arrival.after_ms,
        "meaning": match arrival.meaning {
            Meaning::Delivered => "delivered",
            Meaning::NotYet => "again",
            Meaning::Repeated => "repeated",
            Meaning::Unexpected => "unexpected",
            Meaning::Own => "own",
        },
    })
}

fn time(ms: u64) -> Option<String> {
    let time = jiff::Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok()?;
    Some(time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
}
