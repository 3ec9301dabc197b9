//! Whether there is anybody to send to.

use crate::subscription::{effective_status, is_expired};
use aerogram_wire::v1::{Status, Subscription};

/// Why nothing can be sent to a subscription.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoReceiver {
    #[error("its subscription is deleted, so there is nowhere to send it")]
    Deleted,
    #[error("its subscription is not active; make it active first (PATCH with status ACTIVE)")]
    Inactive,
    #[error("its subscription has expired; make a new one, the event itself can only be published again")]
    Expired,
}

/// Why nothing can be sent to the subscription as it is at `now_ms`; `None`: it can. A subscription that is not there any more is
/// `None`.
pub fn no_receiver(subscription: Option<&Subscription>, now_ms: i64) -> Option<NoReceiver> {
    let Some(subscription) = subscription else { return Some(NoReceiver::Deleted) };
    match effective_status(subscription, now_ms) {
        Status::Active => None,
        Status::Deleted => Some(NoReceiver::Deleted),
        Status::Inactive | Status::Unspecified if is_expired(subscription, now_ms) => {
            Some(NoReceiver::Expired)
        }
        Status::Inactive | Status::Unspecified => Some(NoReceiver::Inactive),
    }
}
