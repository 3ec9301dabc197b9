//! What a subscription is: its profile's defaults, whether it is in force, and how its owner sees it.

use crate::catalogue::Family;
use crate::time::iso_millis;
use aerogram_wire::v1::{Status, Subscription};
use serde::Serialize;

/// A new subscription of the `flight` profile expires after 30 days.
const FLIGHT_LIFETIME_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

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

    /// Name of the retry policy of subscriptions that name none themselves.
    pub const fn policy(self) -> &'static str {
        match self {
            Profile::Flight | Profile::Portal | Profile::Order => "standard",
            Profile::Staffing => "staffing",
        }
    }
}

/// Expiry is never written down: it is this comparison, everywhere.
pub fn is_expired(subscription: &Subscription, now_ms: i64) -> bool {
    subscription.expires_at_ms != 0 && subscription.expires_at_ms <= now_ms
}

/// The status as of `now_ms`: an expired subscription is inactive, whatever was last written.
pub fn effective_status(subscription: &Subscription, now_ms: i64) -> Status {
    match subscription.status() {
        Status::Active if is_expired(subscription, now_ms) => Status::Inactive,
        written => written,
    }
}

/// A subscription as the API answers with it. The signing key has no place in it.
#[derive(Serialize, PartialEq, Eq, Debug)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionView {
    pub id: String,
    pub event: String,
    pub callback_url: String,
    /// `ACTIVE` or `INACTIVE`.
    pub status: &'static str,
    pub created_at_date_time: String,
    pub updated_at_date_time: String,
    /// `null`: never expires. Present in any case, so that a reader needs no second way to ask.
    pub expiration_date_time: Option<String>,
    pub profile: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contract_id: Option<String>,
    pub environment: String,
}

/// How its owner sees a subscription at `now_ms`.
pub fn view(subscription: &Subscription, now_ms: i64) -> SubscriptionView {
    let expires = subscription.expires_at_ms;
    SubscriptionView {
        id: subscription.id.clone(),
        event: subscription.event_type.clone(),
        callback_url: subscription.callback_url.clone(),
        status: match effective_status(subscription, now_ms) {
            Status::Active => "ACTIVE",
            Status::Inactive | Status::Deleted | Status::Unspecified => "INACTIVE",
        },
        created_at_date_time: iso_millis(subscription.created_at_ms),
        updated_at_date_time: iso_millis(subscription.updated_at_ms),
        expiration_date_time: (expires != 0).then(|| iso_millis(expires)),
        profile: subscription.profile.clone(),
        contract_id: (!subscription.contract.is_empty()).then(|| subscription.contract.clone()),
        environment: subscription.environment.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerogram_wire::v1::Sealed;

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

    #[test]
    fn the_view_has_the_contractual_fields_and_no_key() {
        let mut subscription = Subscription {
            id: "s-1".into(),
            version: 4,
            profile: "flight".into(),
            event_type: "FLIGHT_CREATE".into(),
            callback_url: "https://example.com/hook".into(),
            status: Status::Active.into(),
            environment: "production".into(),
            created_at_ms: 1_705_314_600_000,
            updated_at_ms: 1_705_314_600_001,
            expires_at_ms: 1_707_906_600_000,
            signing_key: Some(Sealed { key_id: "k".into(), ..Sealed::default() }),
            policy: "standard".into(),
            ..Subscription::default()
        };
        assert_eq!(
            serde_json::to_string(&view(&subscription, 1_705_314_600_000)).unwrap(),
            concat!(
                r#"{"id":"s-1","event":"FLIGHT_CREATE","callbackUrl":"https://example.com/hook","status":"ACTIVE","#,
                r#""createdAtDateTime":"2024-01-15T10:30:00.000Z","updatedAtDateTime":"2024-01-15T10:30:00.001Z","#,
                r#""expirationDateTime":"2024-02-14T10:30:00.000Z","profile":"flight","environment":"production"}"#
            )
        );
        subscription.expires_at_ms = 0;
        subscription.contract = "C-7".into();
        let view = serde_json::to_value(view(&subscription, 0)).unwrap();
        assert_eq!(view["expirationDateTime"], serde_json::Value::Null);
        assert_eq!(view["contractId"], "C-7");
    }
}
