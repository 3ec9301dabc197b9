//! What happens next with a delivery, in a sentence.

use aerogram_domain::escalations::{State, run_name};
use aerogram_domain::history::Status;
use aerogram_domain::subscription::effective_status;
use aerogram_domain::time::iso_millis;
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::{Reason, Resolution, Status as SubscriptionStatus, Subscription};
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Clone, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[schema(as = NextStep)]
pub struct Next {
    pub what: String,
    /// When, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = DateTime)]
    pub at: Option<String>,
}

/// How a run stands.
#[derive(Clone, Copy, Debug)]
pub struct Stands<'a> {
    pub key: RunKey,
    pub status: Status,
    /// A test.
    pub once: bool,
    /// Those that count.
    pub attempts_counted: u32,
    /// When the next attempt is due, in milliseconds since 1970; 0: that is not said.
    pub due_at_ms: i64,
    /// Its receiver takes nothing at the moment, as far as that is known: see [`receiver_is_away`].
    pub receiver_is_away: bool,
    /// Why it ended so.
    pub reason: Reason,
    /// What people made of it, if it was given up.
    pub resolution: Option<&'a Resolution>,
}

impl Next {
    pub fn of(stands: Stands<'_>, now_ms: i64) -> Self {
        let attempt = stands.attempts_counted.saturating_add(1);
        let what = match stands.status {
            Status::Pending | Status::Retrying if stands.due_at_ms > now_ms => {
                let at = iso_millis(stands.due_at_ms);
                return Self { what: format!("attempt {attempt} is due at {at}"), at: Some(at) };
            }
            // A test is sent whatever is known of the receiver.
            Status::Pending | Status::Retrying if stands.receiver_is_away && !stands.once => {
                format!("attempt {attempt} is made when its receiver is back, or with a probe")
            }
            Status::Pending | Status::Retrying => {
                format!("attempt {attempt} is made as soon as its turn comes")
            }
            Status::Parked => format!("attempt {attempt} waits until its receiver may be asked again"),
            Status::Delivered => "nothing: delivered".to_owned(),
            Status::Escalated => given_up(stands),
            Status::Cancelled => match stands.reason {
                Reason::SubscriptionDeleted => "nothing: its subscription was deleted",
                Reason::SubscriptionInactive => "nothing: its subscription was not active",
                Reason::SubscriptionUnknown => "nothing: its subscription is not known any more",
                _ => "nothing: its subscription takes nothing any more",
            }
            .to_owned(),
            Status::Superseded => "nothing: a newer state of its subject was sent instead".to_owned(),
            Status::Expired if stands.once => {
                "nothing: a test is tried once, and this one was not delivered".to_owned()
            }
            Status::Expired => "nothing: it is not tried again, for that would come too late".to_owned(),
        };
        Self { what, at: None }
    }
}

/// Whether runs of this subscription wait for its receiver: it is noted to fail, or some are parked already.
pub fn receiver_is_away(subscription: &Subscription, has_parked: bool, now_ms: i64) -> bool {
    let is_called = effective_status(subscription, now_ms) == SubscriptionStatus::Active;
    is_called && (subscription.failing_since_ms != 0 || has_parked)
}

fn given_up(Stands { key, resolution, .. }: Stands<'_>) -> String {
    let again = || run_name(RunKey { run: resolution.map_or(0, |resolution| resolution.run), ..key });
    match State::of(resolution) {
        State::Open => format!("people deal with it: see escalation {}", run_name(key)),
        State::Dismissed => "nothing: people decided to let it be".to_owned(),
        State::Redelivering => format!("it is about to be sent again: see delivery {}", again()),
        State::Redelivered => format!("it was sent again: see delivery {}", again()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerogram_wire::v1::ResolutionKind;

    fn stands(status: Status) -> Stands<'static> {
        Stands {
            key: RunKey { delivery_id: [1; 16], run: 0 },
            status,
            once: false,
            attempts_counted: 2,
            due_at_ms: 0,
            receiver_is_away: false,
            reason: Reason::Unspecified,
            resolution: None,
        }
    }

    #[test]
    fn every_status_has_a_sentence_of_its_own() {
        let mut told: Vec<_> =
            Status::ALL.into_iter().map(|status| Next::of(stands(status), 5).what).collect();
        told.sort_unstable();
        told.dedup();
        // Whether it was tried before makes no difference to what comes.
        assert_eq!(told.len(), Status::ALL.len() - 1, "{told:?}");
    }

    #[test]
    fn what_is_due_later_says_when() {
        let due = Stands { due_at_ms: 1_000, ..stands(Status::Retrying) };
        let next = Next::of(due, 999);
        assert_eq!(next.what, "attempt 3 is due at 1970-01-01T00:00:01.000Z");
        assert_eq!(next.at.as_deref(), Some("1970-01-01T00:00:01.000Z"));
        assert_eq!(Next::of(due, 1_000).at, None);
    }

    #[test]
    fn what_has_no_time_waits_for_a_receiver_that_is_away() {
        let away = Stands { receiver_is_away: true, ..stands(Status::Pending) };
        let expected = "attempt 3 is made when its receiver is back, or with a probe";
        assert_eq!(Next::of(away, 5).what, expected);
        assert_eq!(Next::of(Stands { status: Status::Retrying, ..away }, 5).what, expected);
        for other in [Stands { once: true, ..away }, Stands { receiver_is_away: false, ..away }] {
            assert_eq!(Next::of(other, 5).what, "attempt 3 is made as soon as its turn comes");
        }
        assert_eq!(
            Next::of(Stands { due_at_ms: 1_000, ..away }, 5).at.as_deref(),
            Some("1970-01-01T00:00:01.000Z")
        );
    }

    #[test]
    fn a_receiver_is_away_when_it_is_noted_to_fail_or_something_is_parked() {
        let of = |status: SubscriptionStatus, failing_since_ms, has_parked| {
            let subscription =
                Subscription { status: status.into(), failing_since_ms, ..Subscription::default() };
            receiver_is_away(&subscription, has_parked, 5)
        };
        assert!(of(SubscriptionStatus::Active, 3, false) && of(SubscriptionStatus::Active, 0, true));
        assert!(!of(SubscriptionStatus::Active, 0, false));
        // Nothing is sent to it, whether it is back or not.
        assert!(!of(SubscriptionStatus::Inactive, 3, true));
    }

    #[test]
    fn a_test_that_was_not_delivered_did_not_come_too_late() {
        let test = Stands { once: true, ..stands(Status::Expired) };
        assert_eq!(Next::of(test, 5).what, "nothing: a test is tried once, and this one was not delivered");
    }

    #[test]
    fn what_was_given_up_names_where_it_goes_on() {
        let name = run_name(RunKey { delivery_id: [1; 16], run: 0 });
        assert!(Next::of(stands(Status::Escalated), 5).what.ends_with(&format!("see escalation {name}")));
        let sent =
            Resolution { kind: ResolutionKind::Redelivered.into(), run: 0xab, ..Resolution::default() };
        let stands = Stands { resolution: Some(&sent), ..stands(Status::Escalated) };
        assert!(Next::of(stands, 5).what.ends_with(&format!("see delivery {name}-ab")));
    }
}
