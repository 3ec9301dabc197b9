//! The one place where a subscription changes: current state + command + now → new state or refusal.

mod health;
pub mod partition;
mod renew;
#[cfg(test)]
mod tests;
mod update;

use crate::authentication;
use crate::sabotage::{Rule, removed};
use crate::subscription::without_secrets;
use aerogram_wire::v1::command::Change;
use aerogram_wire::v1::command_result::Outcome;
use aerogram_wire::v1::{Command, CommandResult, Create, Refusal, Scope, Status, Subscription};
use health::{decide_deactivate, decide_note};
use renew::decide_renewal;
use update::{decide_replacement, decide_update};

/// What becomes of a command.
#[derive(Clone, PartialEq, Debug)]
pub enum Decision {
    /// The new state, to be written.
    Apply(Subscription),
    /// What was wanted is so already; there is nothing to write.
    Unchanged(Subscription),
    Refuse {
        refusal: Refusal,
        /// For the one who asked; names no secret.
        detail: String,
    },
}

impl Decision {
    /// The result record's content. What is sealed stays in `subscriptions` alone.
    pub fn to_result(&self) -> CommandResult {
        match self {
            Decision::Apply(state) | Decision::Unchanged(state) => CommandResult {
                outcome: Some(Outcome::Applied(without_secrets(state.clone()))),
                detail: String::new(),
                signing_key_nonce: state
                    .signing_key
                    .as_ref()
                    .map(|key| key.nonce.clone())
                    .unwrap_or_default(),
            },
            Decision::Refuse { refusal, detail } => CommandResult {
                outcome: Some(Outcome::Refused((*refusal).into())),
                detail: detail.clone(),
                ..CommandResult::default()
            },
        }
    }

    /// As [`Decision::to_result`], without the state but for its id and version: enough for a change that nobody waits for.
    fn to_bare_result(&self) -> CommandResult {
        match self {
            Decision::Apply(state) | Decision::Unchanged(state) => {
                let bare =
                    Subscription { id: state.id.clone(), version: state.version, ..Subscription::default() };
                CommandResult { outcome: Some(Outcome::Applied(bare)), ..CommandResult::default() }
            }
            Decision::Refuse { .. } => self.to_result(),
        }
    }
}

/// Decides about one command. Rules: versions grow by one with every change; deleted is final; another pair's
/// subscription does not exist; what expired can't be made active again or renewed. `current` is the state after everything that
/// was decided before, deleted ones included.
pub fn decide(
    current: Option<&Subscription>,
    subscription_id: &str,
    command: &Command,
    now_ms: i64,
) -> Decision {
    let Some(change) = &command.change else {
        return refuse(Refusal::Invalid, "the command asks for no change this version knows");
    };
    if let Change::Create(create) = change {
        return decide_create(current, subscription_id, create, command.scope.as_ref(), now_ms);
    }
    let is_deleted = |c: &Subscription| c.status() == Status::Deleted && !removed(Rule::DeletedIsFinal);
    let Some(current) = current.filter(|c| !is_deleted(c)) else {
        return not_found();
    };
    // The system deactivates and takes notes on behalf of nobody; everyone else sees their own pair's subscriptions only.
    if !by_system(command) && (current.scope.is_none() || current.scope != command.scope) {
        return not_found();
    }
    let is_other = command.expected_version != 0 && command.expected_version != current.version;
    if is_other && !removed(Rule::ExpectedVersion) {
        return refuse(
            Refusal::VersionMismatch,
            format!("it is at version {}, not {}", current.version, command.expected_version),
        );
    }
    match change {
        Change::Update(update) => decide_update(current, update, now_ms),
        Change::Delete(_) => Decision::Apply(deleted(current, now_ms)),
        Change::Deactivate(deactivate) => decide_deactivate(current, deactivate, now_ms),
        Change::NoteHealth(note) => decide_note(current, note),
        Change::ReplaceSigningKey(replacement) => decide_replacement(current, replacement, now_ms),
        Change::Renew(_) => decide_renewal(current, now_ms),
        Change::Create(_) => refuse(Refusal::Invalid, "a creation was decided as a change"),
    }
}

/// Whether it tells of a receiver, and comes from no owner.
fn by_system(command: &Command) -> bool {
    matches!(command.change, Some(Change::Deactivate(_) | Change::NoteHealth(_)))
}

fn decide_create(
    current: Option<&Subscription>,
    subscription_id: &str,
    create: &Create,
    scope: Option<&Scope>,
    now_ms: i64,
) -> Decision {
    if current.is_some() {
        return refuse(Refusal::AlreadyExists, "a subscription with this id was created before");
    }
    let (Some(wanted), Some(scope)) = (&create.subscription, scope) else {
        return refuse(Refusal::Invalid, "the creation lacks the subscription or its owner");
    };
    if wanted.id != subscription_id || wanted.signing_key.is_none() || create.lifetime_ms < 0 {
        return refuse(
            Refusal::Invalid,
            "the creation has another id, no signing key or a negative lifetime",
        );
    }
    if let Some(clash) = header_clash(wanted) {
        return refuse(Refusal::Invalid, clash);
    }
    let status = match wanted.status() {
        Status::Unspecified | Status::Active => Status::Active,
        Status::Inactive => Status::Inactive,
        Status::Deleted => return refuse(Refusal::Invalid, "the creation is of something deleted"),
    };
    Decision::Apply(Subscription {
        version: 1,
        scope: Some(scope.clone()),
        status: status.into(),
        created_at_ms: now_ms,
        updated_at_ms: now_ms,
        expires_at_ms: match create.lifetime_ms {
            0 => 0,
            lifetime => now_ms.saturating_add(lifetime),
        },
        status_reason: String::new(),
        previous_signing_key: None,
        failing_since_ms: 0,
        gave_up: false,
        ..wanted.clone()
    })
}

/// The last state of a subscription: without secrets, and without what is of no use any more.
fn deleted(current: &Subscription, now_ms: i64) -> Subscription {
    let mut last = current.clone();
    last.set_status(Status::Deleted);
    last.signing_key = None;
    last.previous_signing_key = None;
    last.template = None;
    last.authentication = None;
    last.callback_url.clear();
    last.status_reason.clear();
    last.failing_since_ms = 0;
    last.gave_up = false;
    with_next_version(current, last, now_ms)
}

fn changed(current: &Subscription, next: Subscription, now_ms: i64) -> Decision {
    if next == *current {
        Decision::Unchanged(next)
    } else {
        Decision::Apply(with_next_version(current, next, now_ms))
    }
}

/// Clocks of two owners differ; an update never looks older than the one before it. A replaced key that signs no more is
/// left out of whatever is written next.
fn with_next_version(current: &Subscription, next: Subscription, now_ms: i64) -> Subscription {
    Subscription {
        version: current.version + 1,
        updated_at_ms: now_ms.max(current.updated_at_ms),
        previous_signing_key: next.previous_signing_key.filter(|previous| now_ms < previous.until_ms),
        ..next
    }
}

/// Why the authentication and the template do not fit together; `None`: they do.
fn header_clash(state: &Subscription) -> Option<String> {
    let header = authentication::Kind::of(state.authentication.as_ref())?.header_name();
    let template = state.template.as_ref()?;
    let clash = template.header_names.iter().any(|name| name == header);
    clash.then(|| format!("the template sets the header {header}, and so does the authentication"))
}

fn not_found() -> Decision {
    refuse(Refusal::NotFound, "there is no such subscription")
}

fn refuse(refusal: Refusal, detail: impl Into<String>) -> Decision {
    Decision::Refuse { refusal, detail: detail.into() }
}
