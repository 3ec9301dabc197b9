//! State × wish → records to write, or why not.

use super::{State, redelivery_run};
use crate::repair::{NoReceiver, first_record, no_receiver};
use crate::sabotage::{Rule, removed};
use aerogram_wire::SCHEMA;
use aerogram_wire::key::{PendingKey, RunKey};
use aerogram_wire::v1::{
    Delivery, Escalation, PendingEntry, PendingKind, Resolution, ResolutionKind, Subscription,
};

/// Longest words about it, in characters.
pub const WHY_CHARS_MAX: usize = 500;

/// A run that was given up, as it stands.
#[derive(Clone, Copy, Debug)]
pub struct Escalated<'a> {
    pub key: RunKey,
    /// The one that counts.
    pub resolution: Option<&'a Resolution>,
}

/// What somebody wants done.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Wish<'a> {
    /// Send it again, with the whole schedule.
    Redeliver {
        why: &'a str,
        /// As it was given up.
        delivery: &'a Delivery,
        /// As it is now; `None`: there is none any more.
        subscription: Option<&'a Subscription>,
    },
    /// Let it be.
    Dismiss { why: &'a str },
}

/// Who wants it, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Who<'a> {
    pub actor: &'a str,
    /// Milliseconds since 1970.
    pub now_ms: i64,
}

/// What is to be done.
#[derive(Clone, PartialEq, Debug)]
pub enum Decision {
    /// To be written to `escalations` under the key of the run that was given up, and read back: of several the log says
    /// which one counts. Then it is decided again.
    Resolve(Box<Escalation>),
    /// To be written to `pending`, and when that is acknowledged what follows to `escalations`. It follows from the redelivery that
    /// counts, so it is the same however often it is written; and it is written until it is said that it was.
    Send(PendingKey, Box<PendingEntry>, Box<Escalation>),
    /// It is so already.
    AlreadySo,
}

/// Why it is not done.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    #[error("it was redelivered already, which cannot be taken back")]
    Redelivered,
    #[error(transparent)]
    NoReceiver(#[from] NoReceiver),
}

/// Decides.
///
/// # Errors
/// Why it can't be done as things are.
pub fn decide(escalated: Escalated<'_>, wish: Wish<'_>, who: Who<'_>) -> Result<Decision, Refusal> {
    let state = State::of(escalated.resolution);
    match (wish, state) {
        // Whoever said it may have died before it was written. Also when the subscription is gone since.
        (Wish::Redeliver { delivery, .. }, State::Redelivering) => {
            let first = escalated.resolution.filter(|_| !removed(Rule::RedeliveryTime));
            let since_ms = first.map_or(who.now_ms, |resolution| resolution.at_ms);
            let run = RunKey { run: redelivery_run(escalated.key), ..escalated.key };
            let (key, entry) = first_record(run, delivery, since_ms, PendingKind::Retry);
            let said = escalated.resolution.cloned().unwrap_or_default();
            let sent = Resolution { kind: ResolutionKind::Redelivered.into(), ..said };
            Ok(Decision::Send(key, Box::new(entry), Box::new(resolved(sent))))
        }
        // A second entry of a run that is over might be sent again, once nobody remembers it.
        (Wish::Redeliver { .. }, State::Redelivered) => Ok(Decision::AlreadySo),
        (Wish::Dismiss { .. }, State::Redelivering | State::Redelivered) => Err(Refusal::Redelivered),
        (Wish::Dismiss { why }, State::Dismissed) if is_repeat(escalated.resolution, why, who) => {
            Ok(Decision::AlreadySo)
        }
        (Wish::Dismiss { why }, State::Open | State::Dismissed) => {
            Ok(resolve(ResolutionKind::Dismissed, why, who, 0))
        }
        (Wish::Redeliver { why, subscription, .. }, State::Open | State::Dismissed) => {
            if let Some(none) = no_receiver(subscription, who.now_ms) {
                return Err(none.into());
            }
            Ok(resolve(ResolutionKind::Redelivering, why, who, redelivery_run(escalated.key)))
        }
    }
}

fn is_repeat(resolution: Option<&Resolution>, why: &str, who: Who<'_>) -> bool {
    resolution.is_some_and(|there| there.why == why && there.actor == who.actor)
}

fn resolve(kind: ResolutionKind, why: &str, who: Who<'_>, run: u64) -> Decision {
    let resolution = Resolution {
        kind: kind.into(),
        actor: who.actor.to_owned(),
        at_ms: who.now_ms,
        why: why.to_owned(),
        run,
    };
    Decision::Resolve(Box::new(resolved(resolution)))
}

fn resolved(resolution: Resolution) -> Escalation {
    Escalation { schema: SCHEMA, resolution: Some(resolution), ..Escalation::default() }
}
