//! Changes that a subscription's owner asks for.

use super::{Decision, changed, header_clash, refuse};
use crate::sabotage::{Rule, removed};
use crate::subscription::{Profile, is_expired};
use aerogram_wire::v1::{Limits, PreviousKey, Refusal, ReplaceSigningKey, Status, Subscription, Update};

pub(super) fn decide_update(current: &Subscription, update: &Update, now_ms: i64) -> Decision {
    let mut next = current.clone();
    if !update.callback_url.is_empty() {
        next.callback_url.clone_from(&update.callback_url);
        if next.callback_url != current.callback_url {
            // Another receiver: how the one before did says nothing.
            next.failing_since_ms = 0;
        }
    }
    match Status::try_from(update.status) {
        Ok(Status::Unspecified) if is_empty(update) => {
            return refuse(Refusal::Invalid, "the update changes nothing");
        }
        Ok(Status::Unspecified) => {}
        Ok(Status::Active) if is_expired(current, now_ms) => {
            return refuse(
                Refusal::Expired,
                "an expired subscription can't be made active again; create a new one",
            );
        }
        Ok(Status::Active) => {
            next.set_status(Status::Active);
            next.status_reason.clear();
            // A new beginning: how it did before says nothing.
            next.failing_since_ms = 0;
            next.gave_up = false;
        }
        Ok(Status::Inactive) => {
            next.set_status(Status::Inactive);
            // Nothing is sent from now on, so nothing fails.
            next.failing_since_ms = 0;
            next.gave_up = false;
        }
        Ok(Status::Deleted) | Err(_) => {
            return refuse(Refusal::Invalid, "an update sets the status to active or inactive only");
        }
    }
    if let Some(refused) = concern(current, &mut next, update) {
        return refused;
    }
    if let Some(template) = &update.template {
        let is_none = template.headers.is_none() && template.body.is_empty();
        next.template = (!is_none).then(|| template.clone());
    }
    if let Some(authentication) = &update.authentication {
        next.authentication = authentication.value.is_some().then(|| authentication.clone());
    }
    if let Some(all_text) = update.all_text {
        next.all_text = all_text;
    }
    if let Some(policy) = &update.policy {
        next.policy.clone_from(policy);
    }
    if let Some(name) = &update.name {
        next.name.clone_from(name);
    }
    if let Some(limits) = &update.limits {
        next.limits = (*limits != Limits::default()).then_some(*limits);
    }
    if let Some(clash) = header_clash(&next) {
        return refuse(Refusal::Conflict, clash);
    }
    changed(current, next, now_ms)
}

/// Which events it is for from now on; `Some`: why that can't be. What is under way is for what it was.
fn concern(current: &Subscription, next: &mut Subscription, update: &Update) -> Option<Decision> {
    if !update.event_type.is_empty() {
        next.event_type.clone_from(&update.event_type);
    }
    if let Some(contract) = &update.contract {
        next.contract.clone_from(contract);
    }
    let is_other = next.event_type != current.event_type || next.contract != current.contract;
    let may = Profile::parse(&current.profile).is_some_and(Profile::changes_concern);
    (is_other && !may).then(|| {
        refuse(Refusal::Invalid, "only under the profile portal event type and contract can be changed")
    })
}

fn is_empty(update: &Update) -> bool {
    let Update {
        callback_url,
        status: _,
        template,
        all_text,
        authentication,
        policy,
        name,
        limits,
        event_type,
        contract,
    } = update;
    callback_url.is_empty()
        && event_type.is_empty()
        && contract.is_none()
        && template.is_none()
        && all_text.is_none()
        && authentication.is_none()
        && policy.is_none()
        && name.is_none()
        && limits.is_none()
}

/// The new key signs from now on; the one before signs too until the overlap ends, and the one before that no more.
pub(super) fn decide_replacement(
    current: &Subscription,
    replacement: &ReplaceSigningKey,
    now_ms: i64,
) -> Decision {
    if replacement.signing_key.is_none() || replacement.overlap_ms < 0 {
        return refuse(Refusal::Invalid, "the replacement has no signing key or a negative overlap");
    }
    let until_ms = now_ms.saturating_add(replacement.overlap_ms);
    let previous = current.signing_key.clone().map(|key| PreviousKey { key: Some(key), until_ms });
    let older = current.previous_signing_key.clone().filter(|_| removed(Rule::OneOldKey));
    let previous = older.or(previous);
    let next = Subscription {
        signing_key: replacement.signing_key.clone(),
        previous_signing_key: previous,
        ..current.clone()
    };
    changed(current, next, now_ms)
}
