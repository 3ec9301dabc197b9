//! The story for people.

use serde::Deserialize;

use crate::attempts::{self, Attempt};
use crate::table::cut;

const TEXT_CHARS_MAX: usize = 500;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Story {
    event_id: String,
    history_since_date_time: String,
    events: Vec<Event>,
    #[serde(default)]
    events_left_out: u64,
    #[serde(default)]
    deliveries_left_out: u64,
    #[serde(default)]
    rejections: Vec<Rejection>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    source: Option<String>,
    r#type: String,
    subject: String,
    operator: String,
    contract: Option<String>,
    environment: String,
    accepted_at_date_time: Option<String>,
    /// Where the event stands that it repeats.
    #[serde(default)]
    repeats: Option<Repeats>,
    #[serde(default)]
    origin: Option<Origin>,
    deliveries: Vec<Delivery>,
    near_misses: Vec<NearMiss>,
    #[serde(default)]
    near_misses_left_out: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Repeats {
    partition: i32,
    offset: i64,
}

#[derive(Debug, Deserialize)]
struct Origin {
    topic: String,
    partition: i32,
    offset: i64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delivery {
    id: String,
    status: String,
    subscription_id: String,
    #[serde(default)]
    partner: Option<String>,
    next: Next,
    attempts: Vec<Attempt>,
}

#[derive(Debug, Deserialize)]
struct Next {
    what: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct NearMiss {
    subscription_id: String,
    #[serde(default)]
    partner: Option<String>,
    reasons: Vec<Miss>,
}

#[derive(Debug, Deserialize)]
struct Miss {
    detail: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rejection {
    offset: i64,
    reason: String,
    errors: Vec<String>,
    rejected_at_date_time: Option<String>,
    accepted_later: bool,
    #[serde(default)]
    origin: Option<Origin>,
}

impl Story {
    pub fn render(&self) -> String {
        let mut lines = Vec::new();
        for event in &self.events {
            event.render(&self.event_id, &mut lines);
            lines.push(String::new());
        }
        if self.events_left_out > 0 {
            lines.push(format!("{} more events with this id are not shown.", self.events_left_out));
        }
        if self.deliveries_left_out > 0 {
            lines.push(format!("{} more deliveries are not shown.", self.deliveries_left_out));
        }
        for rejection in &self.rejections {
            rejection.render(&self.event_id, &mut lines);
            lines.push(String::new());
        }
        lines.push(format!("History reaches back to {}.", text(&self.history_since_date_time)));
        lines.join("\n")
    }
}

impl Event {
    fn render(&self, id: &str, lines: &mut Vec<String>) {
        lines.push(format!("event {} ({})", text(id), text(&self.r#type)));
        let mut line = |name: &str, value: &str| {
            if !value.is_empty() {
                lines.push(format!("  {name:13}{}", text(value)));
            }
        };
        line("subject", &self.subject);
        line("operator", &self.operator);
        line("contract", self.contract.as_deref().unwrap_or_default());
        line("environment", &self.environment);
        line("source", self.source.as_deref().unwrap_or_default());
        line("came from", &self.origin.as_ref().map(Origin::render).unwrap_or_default());
        line("accepted", self.accepted_at_date_time.as_deref().unwrap_or("at a time that is not known"));
        if let Some(Repeats { partition, offset }) = &self.repeats {
            let first =
                format!("the event at partition {partition} offset {offset}, so nothing was sent for it");
            line("repeats", &first);
            return;
        }
        lines.push(match self.deliveries.as_slice() {
            [] => "  no deliveries".to_owned(),
            _ => "  deliveries".to_owned(),
        });
        for delivery in &self.deliveries {
            delivery.render(lines);
        }
        if !self.near_misses.is_empty() {
            lines.push("  nearly matched".to_owned());
        }
        for miss in &self.near_misses {
            let reasons: Vec<_> = miss.reasons.iter().map(|reason| text(&reason.detail)).collect();
            lines.push(format!(
                "    {}{}: {}",
                text(&miss.subscription_id),
                of(miss.partner.as_deref()),
                reasons.join("; ")
            ));
        }
        if self.near_misses_left_out > 0 {
            lines.push(format!("    and {} more, which are not shown", self.near_misses_left_out));
        }
    }
}

impl Delivery {
    fn render(&self, lines: &mut Vec<String>) {
        let of = of(self.partner.as_deref());
        lines.push(format!(
            "    {} to subscription {}{of} as {}",
            text(&self.status),
            text(&self.subscription_id),
            text(&self.id)
        ));
        if !self.attempts.is_empty() {
            lines.extend(attempts::table(&self.attempts).lines().map(|line| format!("      {line}")));
        }
        lines.push(format!("      next: {}", text(&self.next.what)));
    }
}

impl Origin {
    fn render(&self) -> String {
        format!("{} partition {} offset {}", self.topic, self.partition, self.offset)
    }
}

impl Rejection {
    fn render(&self, id: &str, lines: &mut Vec<String>) {
        let at = self.rejected_at_date_time.as_deref().unwrap_or("a time that is not known");
        lines.push(format!("event {} was rejected at {}: {}", text(id), text(at), text(&self.reason)));
        lines.extend(self.errors.iter().map(|error| format!("  {}", text(error))));
        if let Some(origin) = &self.origin {
            lines.push(format!("  it came from {}", text(&origin.render())));
        }
        lines.push(match self.accepted_later {
            true => "  it was accepted after all later".to_owned(),
            false => format!("  `aerogram rejected show {}` shows what was kept of it", self.offset),
        });
    }
}

fn of(partner: Option<&str>) -> String {
    partner.map(|partner| format!(" of {}", text(partner))).unwrap_or_default()
}

fn text(text: &str) -> String {
    cut(text, TEXT_CHARS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event() -> serde_json::Value {
        json!({
            "source": "/ops", "type": "FLIGHT_CREATE", "subject": "AB1", "operator": "acme", "contract": null,
            "environment": "production", "acceptedAtDateTime": "2026-11-21T10:30:00.000Z", "deliveries": [],
            "nearMisses": [],
        })
    }

    fn rendered(events: &serde_json::Value, rejections: &serde_json::Value) -> String {
        let story = json!({
            "eventId": "e-1", "historySinceDateTime": "2026-11-14T10:30:00.000Z", "events": events,
            "rejections": rejections,
        });
        serde_json::from_value::<Story>(story).unwrap().render()
    }

    #[test]
    fn a_story_says_who_got_it_and_who_nearly_did() {
        let mut event = event();
        event["deliveries"] = json!([{
            "id": "msg_1", "status": "RETRYING", "subscriptionId": "s-1", "partner": "app-1",
            "next": {"what": "attempt 2 is due at 2026-11-21T10:31:00.000Z"},
            "attempts": [{"number": 1, "startedAt": "2026-11-21T10:30:00.100Z", "durationMs": 12,
                "outcome": "http_5xx", "status": 500, "problem": null, "tlsProblem": null, "excerpt": "on \u{1b}fire"}],
        }]);
        event["nearMisses"] = json!([{"subscriptionId": "s-2", "reasons": [
            {"reason": "inactive", "detail": "it is not active"},
        ]}]);
        let shown = rendered(&json!([event]), &json!([]));
        for told in [
            "event e-1 (FLIGHT_CREATE)",
            "  deliveries\n    RETRYING to subscription s-1 of app-1 as msg_1\n",
            "      1   2026-11-21T10:30:00.100Z  12 ms  http_5xx  500\n          on \u{fffd}fire\n",
            "      next: attempt 2 is due at 2026-11-21T10:31:00.000Z\n",
            "  nearly matched\n    s-2: it is not active\n",
            "History reaches back to 2026-11-14T10:30:00.000Z.",
        ] {
            assert!(shown.contains(told), "{told:?} in {shown}");
        }
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let story = json!({
            "eventId": "e-1", "historySinceDateTime": "2026-11-14T10:30:00.000Z", "events": [event()], "eventsLeftOut": 3,
            "deliveriesLeftOut": 7,
        });
        let shown = serde_json::from_value::<Story>(story).unwrap().render();
        let told = "3 more events with this id are not shown.\n7 more deliveries are not shown.\n";
        assert!(shown.contains(told), "{shown}");
    }

    #[test]
    fn repetitions_rejections_and_nothing_are_told() {
        let mut repeats = event();
        repeats["repeats"] = json!({"partition": 3, "offset": 9});
        let rejection = json!({
            "offset": 7, "reason": "unknown_type", "errors": ["/type is no type"], "rejectedAtDateTime": null,
            "acceptedLater": false, "origin": {"topic": "flights", "partition": 1, "offset": 2},
        });
        let shown = rendered(&json!([event(), repeats]), &json!([rejection]));
        for told in [
            "  no deliveries\n",
            "  repeats      the event at partition 3 offset 9, so nothing was sent for it\n",
            "event e-1 was rejected at a time that is not known: unknown_type\n  /type is no type\n",
            "  it came from flights partition 1 offset 2\n",
            "`aerogram rejected show 7`",
        ] {
            assert!(shown.contains(told), "{told:?} in {shown}");
        }
    }
}
