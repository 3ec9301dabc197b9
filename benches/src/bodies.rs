//! The events, and the requests they become.

use aerogram_testkit::UpstreamEvent;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

/// The type of the events of the backlog; of those whose latency is measured; of those of the changing subscription.
pub const BACKLOG: &str = "FLIGHT_TIME_UPDATE";
pub const TIMED: &str = "FLIGHT_CREATE";
pub const CHANGING: &str = "FLIGHT_CANCEL";
/// Of the events of the ten receivers; of the one with a large backlog; of the operator with a mass disruption.
pub const NEIGHBOURLY: &str = "FLIGHT_MOVEMENT_UPDATE";
pub const FLOODED: &str = "FLIGHT_CREW_ASSIGNMENT";
pub const DISRUPTED: &str = "FLIGHT_PERMIT_ASSIGNMENT";

/// The operator of a subscription by its number.
pub fn operator(number: usize) -> String {
    format!("operator-{number}")
}

/// Data of about `bytes` bytes.
pub fn data(bytes: usize) -> Value {
    let data = json!({
        "flight": "XY1234", "origin": "ZRH", "destination": "LHR", "registration": "HB-ABC",
        "scheduledDeparture": "2026-03-04T05:06:07Z", "estimatedDeparture": "2026-03-04T05:36:07Z",
        "legs": [{"from": "ZRH", "to": "LHR", "blockMinutes": 105}],
    });
    let missing = bytes.saturating_sub(data.to_string().len() + "\"remark\":\"\",".len());
    let mut data = data;
    data["remark"] = json!("remark ".repeat(missing / 7 + 1)[..missing]);
    data
}

/// An event about one of 1,000 flights of the operator.
pub fn event(name: &str, number: usize, kind: &str, operator: &str, data: Value) -> UpstreamEvent {
    let subject = format!("{operator}/flight-{}", number % 1_000);
    UpstreamEvent::new(format!("{name}-{number}"), kind, operator, &subject, data)
}

/// The body of a delivery of the backlog.
pub fn delivery(data: &Value) -> Vec<u8> {
    let body = json!({
        "id": "backlog-12345", "type": BACKLOG, "timestamp": "2026-03-04T05:06:07.000Z",
        "subscriptionId": "01900000-0000-7000-8000-000000000000", "data": data,
    });
    body.to_string().into_bytes()
}

/// The headers of a delivery; each has a `webhook-id` of its own, as a delivery has.
pub fn headers(number: u64) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(8);
    let mut insert = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    insert("content-type", "application/json");
    insert("user-agent", "Aerogram/0.1.0");
    insert("webhook-id", &format!("msg_{number:032x}"));
    insert("webhook-timestamp", "1772600767");
    insert("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    headers
}
