//! What a subscription is: its profile's defaults, whether it is in force, and how its owner sees it.

pub mod one_url;
mod view;

pub use view::{AuthenticationView, HttpRequestView, MadeKey, SubscriptionView, brief_view, view};

use crate::authentication::Kind;
use crate::catalogue::Family;
use crate::sabotage::{Rule, removed};
use aerogram_wire::v1::{Authentication, PreviousKey, Sealed, Status, Subscription, Template};

/// A new subscription of the `flight` profile expires after 30 days.
const FLIGHT_LIFETIME_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

/// A subscription may be renewed in the last five days before its expiry.
const RENEWABLE_MS: i64 = 5 * 24 * 60 * 60 * 1_000;

/// A named set of defaults; what a subscription says itself goes before it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Profile {
    Flight,
    Portal,
    Order,
    Staffing,
}

impl Profile {
    pub const ALL: [Profile; 4] = [Profile::Flight, Profile::Portal, Profile::Order, Profile::Staffing];

    pub const fn name(self) -> &'static str {
        match self {
            Profile::Flight => "flight",
            Profile::Portal => "portal",
            Profile::Order => "order",
            Profile::Staffing => "staffing",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.name() == name)
    }

    /// The profile of subscriptions that name none themselves.
    pub const fn of_family(family: Family) -> Self {
        match family {
            Family::Flight => Profile::Flight,
            Family::Product => Profile::Portal,
            Family::Order => Profile::Order,
        }
    }

    /// Milliseconds from creation to expiry; `None`: never expires.
    pub const fn lifetime_ms(self) -> Option<i64> {
        match self {
            Profile::Flight => Some(FLIGHT_LIFETIME_MS),
            Profile::Portal | Profile::Order | Profile::Staffing => None,
        }
    }

    /// Whether its owners bring a signing key; for those of the others one is made when they bring none.
    pub const fn needs_signing_key(self) -> bool {
        matches!(self, Profile::Flight)
    }

    /// Of these kinds of authentication its subscriptions must have one; empty: any or none.
    pub const fn authentications(self) -> &'static [Kind] {
        match self {
            Profile::Flight | Profile::Portal | Profile::Order => &[],
            Profile::Staffing => &[Kind::PayloadSignature, Kind::ApiKey],
        }
    }

    /// Whether a partner's subscriptions for one operator and environment must all have the same URL.
    pub const fn one_callback_url(self) -> bool {
        matches!(self, Profile::Staffing)
    }

    /// Whether its owners may change event type and contract of a subscription.
    pub const fn changes_concern(self) -> bool {
        matches!(self, Profile::Portal)
    }

    /// Name of the retry policy of subscriptions that name none themselves, unless the configuration names another.
    pub const fn policy(self) -> &'static str {
        match self {
            Profile::Flight | Profile::Portal | Profile::Order => "standard",
            Profile::Staffing => "staffing",
        }
    }
}

/// Whether the same receiver is called as before the change, and was all along: what was seen of it still says something.
pub fn is_same_receiver(before: &Subscription, state: &Subscription) -> bool {
    let active = [before, state].iter().all(|subscription| subscription.status() == Status::Active);
    active && before.callback_url == state.callback_url
}

/// Expiry is never written down: it is this comparison, everywhere.
pub fn is_expired(subscription: &Subscription, now_ms: i64) -> bool {
    subscription.expires_at_ms != 0 && subscription.expires_at_ms <= now_ms
}

/// From then on, and before its expiry, a subscription may be renewed; `None`: it never expires.
pub fn renewable_from_ms(subscription: &Subscription) -> Option<i64> {
    let expires_at_ms = subscription.expires_at_ms;
    (expires_at_ms != 0).then(|| expires_at_ms.saturating_sub(RENEWABLE_MS))
}

/// The status as of `now_ms`: an expired subscription is inactive, whatever was last written.
pub fn effective_status(subscription: &Subscription, now_ms: i64) -> Status {
    match subscription.status() {
        Status::Active if is_expired(subscription, now_ms) => Status::Inactive,
        written => written,
    }
}

/// What may leave the few places that need what is sealed: everything else of a subscription.
pub fn without_secrets(mut subscription: Subscription) -> Subscription {
    subscription.signing_key = None;
    if let Some(Template { headers, .. }) = &mut subscription.template {
        *headers = None;
    }
    if let Some(Authentication { value, .. }) = &mut subscription.authentication {
        *value = None;
    }
    if let Some(previous) = &mut subscription.previous_signing_key {
        previous.key = None;
    }
    subscription
}

/// The sealed keys that sign at `now_ms`, the one that stays first. Whether the overlap of a replacement is over is never
/// written down: it is this comparison.
pub fn signing_keys(subscription: &Subscription, now_ms: i64) -> impl Iterator<Item = &Sealed> {
    let previous = subscription.previous_signing_key.as_ref();
    let signs = |previous: &&PreviousKey| now_ms < previous.until_ms || removed(Rule::OverlapEnds);
    let previous = previous.filter(signs).and_then(|previous| previous.key.as_ref());
    subscription.signing_key.iter().chain(previous)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expiring_at(expires_at_ms: i64, status: Status) -> Subscription {
        Subscription { expires_at_ms, status: status.into(), ..Subscription::default() }
    }

    #[test]
    fn profiles_carry_the_defaults_of_their_platform() {
        for profile in Profile::ALL {
            assert_eq!(Profile::parse(profile.name()), Some(profile));
        }
        assert_eq!(Profile::parse("Flight"), None);
        assert_eq!(Profile::Flight.lifetime_ms(), Some(2_592_000_000));
        for profile in [Profile::Portal, Profile::Order, Profile::Staffing] {
            assert_eq!(profile.lifetime_ms(), None);
        }
        assert_eq!(Profile::ALL.map(Profile::policy), ["standard", "standard", "standard", "staffing"]);
    }

    #[test]
    fn the_moment_of_expiry_is_already_expired() {
        let subscription = expiring_at(1_000, Status::Active);
        assert_eq!(effective_status(&subscription, 999), Status::Active);
        assert_eq!(effective_status(&subscription, 1_000), Status::Inactive);
        assert_eq!(effective_status(&expiring_at(0, Status::Active), i64::MAX), Status::Active);
        assert_eq!(effective_status(&expiring_at(0, Status::Inactive), 0), Status::Inactive);
        assert_eq!(effective_status(&expiring_at(1, Status::Deleted), 9), Status::Deleted);
    }
}
