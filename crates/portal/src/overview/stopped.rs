//! Why nothing is sent to a webhook, and whether that can be changed.

use jiff::Timestamp;

use crate::error::sentence;
use crate::model::Subscription;

/// It is not active.
#[derive(Debug, PartialEq, Eq)]
pub enum Stopped {
    /// For good.
    Expired,
    /// With what the system says of it.
    BySystem(String),
    ByOwner,
}

impl Stopped {
    /// `None`: it is active.
    pub fn of(subscription: &Subscription, now: Timestamp) -> Option<Self> {
        if subscription.status == super::show::ACTIVE {
            return None;
        }
        Some(match &subscription.status_reason {
            _ if subscription.expiration_date_time.is_some_and(|at| at <= now) => Self::Expired,
            Some(reason) => Self::BySystem(sentence(reason)),
            None => Self::ByOwner,
        })
    }

    pub const fn is_by_system(&self) -> bool {
        matches!(self, Self::BySystem(_))
    }

    /// It can be made active.
    pub const fn may_start(&self) -> bool {
        !matches!(self, Self::Expired)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::overview::settings::tests::subscription;

    #[test]
    fn only_what_has_not_expired_can_be_started() {
        let now = "2026-11-21T10:52:00Z".parse().unwrap();
        let stopped = |more: Value| Stopped::of(&subscription(&more), now);
        assert_eq!(stopped(json!({"statusReason": "old"})), None);
        assert_eq!(stopped(json!({"status": "INACTIVE"})), Some(Stopped::ByOwner));
        let by_system = Stopped::BySystem("Answered 410.".to_owned());
        assert_eq!(stopped(json!({"status": "INACTIVE", "statusReason": "answered 410"})), Some(by_system));
        for (expires, expected) in
            [("2026-11-21T10:52:00Z", Stopped::Expired), ("2026-11-21T10:52:00.001Z", Stopped::ByOwner)]
        {
            assert_eq!(stopped(json!({"status": "INACTIVE", "expirationDateTime": expires})), Some(expected));
        }
        let both =
            json!({"status": "INACTIVE", "statusReason": "x", "expirationDateTime": "2026-11-20T00:00:00Z"});
        assert_eq!(stopped(both), Some(Stopped::Expired));
    }
}
