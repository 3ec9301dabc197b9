//! Renewing what is about to expire.

use super::{Decision, changed, refuse};
use crate::subscription::{is_expired, renewable_from_ms};
use crate::time::{iso_millis, one_month_later};
use aerogram_wire::v1::{Refusal, Subscription};

/// A calendar month more, counted from the expiry and not from now. A paused subscription stays paused.
pub(super) fn decide_renewal(current: &Subscription, now_ms: i64) -> Decision {
    let Some(from_ms) = renewable_from_ms(current) else {
        return refuse(Refusal::NotRenewable, "this subscription never expires; there is nothing to renew");
    };
    let (from, expiry) = (iso_millis(from_ms), iso_millis(current.expires_at_ms));
    if is_expired(current, now_ms) {
        let detail = format!(
            "it expired at {expiry} and could be renewed from {from} until then; create a new subscription"
        );
        return refuse(Refusal::Expired, detail);
    }
    if now_ms < from_ms {
        let detail = format!("it expires at {expiry} and can be renewed from {from} until then");
        return refuse(Refusal::NotRenewable, detail);
    }
    match one_month_later(current.expires_at_ms) {
        Some(expires_at_ms) => changed(current, Subscription { expires_at_ms, ..current.clone() }, now_ms),
        None => refuse(Refusal::NotRenewable, format!("no calendar holds a month after {expiry}")),
    }
}
