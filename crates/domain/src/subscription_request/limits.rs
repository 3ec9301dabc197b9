//! What a subscription's receiver is not to be asked for more than: `limits`.

use super::fields::{self, Fields, kind, pointer_step};
use aerogram_wire::v1::Limits;
use serde_json::Value;
use std::ops::RangeInclusive;

const RATE: &str = "ratePerMinute";
const BURST: &str = "burst";
const CONCURRENCY: &str = "concurrency";
const TIMEOUT: &str = "timeoutMs";

/// Attempts in a minute: up to a million a second, as the settings of profiles.
const RATE_PER_MINUTE: RangeInclusive<u32> = 1..=60_000_000;
const BURST_ATTEMPTS: RangeInclusive<u32> = 1..=1_000_000;
const CONCURRENCY_REQUESTS: RangeInclusive<u32> = 1..=10_000;
/// With less, a TLS connection to the other side of the world would never be made.
const TIMEOUT_MS: RangeInclusive<u32> = 500..=600_000;

/// What stands under `limits`. `None`: it is not there, says nothing, or is wrong. That it asks for more than its profile
/// allows is not wrong: what the profile says may change, and the lesser of both counts.
pub(super) fn limits(fields: &mut Fields<'_>) -> Option<Limits> {
    let members = fields.object("limits")?;
    let at = |name: &str| format!("/limits/{}", pointer_step(name));
    let known = [RATE, BURST, CONCURRENCY, TIMEOUT];
    // A limit under a name that is not known would be taken for one that is in force.
    for name in members.keys().filter(|name| !known.contains(&name.as_str())) {
        fields.wrong(at(name), format!("is not known; there are {}", known.join(", ")));
    }
    let mut number = |name: &str, range: RangeInclusive<u32>| {
        let value = members.get(name).filter(|value| !value.is_null())?;
        let number = whole(value, &range);
        number.map_err(|detail| fields.wrong(at(name), detail)).ok()
    };
    let limits = Limits {
        rate_per_minute: number(RATE, RATE_PER_MINUTE).unwrap_or_default(),
        burst: number(BURST, BURST_ATTEMPTS).unwrap_or_default(),
        concurrency: number(CONCURRENCY, CONCURRENCY_REQUESTS).unwrap_or_default(),
        timeout_ms: number(TIMEOUT, TIMEOUT_MS).unwrap_or_default(),
    };
    let rated = members.get(RATE).is_some_and(|rate| !rate.is_null());
    if limits.burst != 0 && !rated {
        fields.wrong(at(BURST), format!("means nothing without {RATE}"));
    }
    (limits != Limits::default()).then_some(limits)
}

fn whole(value: &Value, range: &RangeInclusive<u32>) -> Result<u32, String> {
    let wanted = || format!("must be a whole number from {} to {}", range.start(), range.end());
    if !value.is_number() {
        return Err(format!("{}, not {}", wanted(), kind(value)));
    }
    let number = fields::whole(value).and_then(|number| u32::try_from(number).ok());
    number.filter(|number| range.contains(number)).ok_or_else(wanted)
}
