//! Deliveries that were given up, as people deal with them: what state one is in, whose fault it was, what may be done
//! about it and what is written then. The deliverer writes that one was given up, api what people made of it, both to
//! `escalations`.

mod decide;
#[cfg(test)]
mod tests;
mod told;

pub use decide::{Decision, Escalated, Refusal, WHY_CHARS_MAX, Who, Wish, decide};
pub use told::{Reader, problem_for};

use crate::body::webhook_id;
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::{Outcome, Reason, Resolution, ResolutionKind};
use sha2::{Digest as _, Sha256};

/// What people made of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum State {
    /// Nothing yet.
    Open,
    /// Nothing more will be done.
    Dismissed,
    /// It is to be sent again as another run, which is not written down yet.
    Redelivering,
    /// It was sent again as another run. This is never taken back.
    Redelivered,
}

impl State {
    pub const ALL: [State; 4] = [State::Open, State::Dismissed, State::Redelivering, State::Redelivered];

    pub const fn name(self) -> &'static str {
        match self {
            State::Open => "open",
            State::Dismissed => "dismissed",
            State::Redelivering => "redelivering",
            State::Redelivered => "redelivered",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// By the last resolution there is. One of a kind that this version does not know is none.
    pub fn of(resolution: Option<&Resolution>) -> Self {
        match resolution.map(Resolution::kind) {
            Some(ResolutionKind::Dismissed) => State::Dismissed,
            Some(ResolutionKind::Redelivering) => State::Redelivering,
            Some(ResolutionKind::Redelivered) => State::Redelivered,
            Some(ResolutionKind::Unspecified) | None => State::Open,
        }
    }

    /// Whether a resolution that comes now counts: the last one does, but a redelivery is never taken back, and of those that
    /// are said the first one stands until it is written down.
    pub fn yields_to(self, resolution: &Resolution) -> bool {
        match State::of(Some(resolution)) {
            State::Open => false,
            State::Redelivered => self != State::Redelivered,
            State::Dismissed | State::Redelivering => matches!(self, State::Open | State::Dismissed),
        }
    }
}

/// Whose fault it was.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Fault {
    Receiver,
    Platform,
}

impl Fault {
    pub const ALL: [Fault; 2] = [Fault::Receiver, Fault::Platform];

    pub const fn name(self) -> &'static str {
        match self {
            Fault::Receiver => "receiver",
            Fault::Platform => "platform",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.name() == name)
    }

    /// Ours is what was given up for that reason, and what failed here at last.
    pub fn of(reason: Reason, last: Option<Outcome>) -> Self {
        let ours = reason == Reason::Platform || last == Some(Outcome::PlatformError);
        if ours { Fault::Platform } else { Fault::Receiver }
    }
}

/// The reasons for which a delivery is given up.
pub const REASONS: [Reason; 4] =
    [Reason::Exhausted, Reason::Gone, Reason::Platform, Reason::SubscriptionGaveUp];

/// The word for a reason of [`REASONS`].
pub const fn reason_name(reason: Reason) -> &'static str {
    match reason {
        Reason::Exhausted => "exhausted",
        Reason::Gone => "gone",
        Reason::Platform => "platform",
        Reason::SubscriptionGaveUp => "gave_up",
        _ => "other",
    }
}

/// The reason a word of [`reason_name`] stands for.
pub fn parse_reason(name: &str) -> Option<Reason> {
    REASONS.into_iter().find(|reason| reason_name(*reason) == name)
}

/// How an attempt ends.
pub const OUTCOMES: [Outcome; 11] = [
    Outcome::Delivered,
    Outcome::Http4xx,
    Outcome::Http429,
    Outcome::Http5xx,
    Outcome::HttpOther,
    Outcome::Timeout,
    Outcome::Dns,
    Outcome::Connect,
    Outcome::Tls,
    Outcome::Blocked,
    Outcome::PlatformError,
];

/// The word for how an attempt ended.
pub const fn outcome_name(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Delivered => "delivered",
        Outcome::Http4xx => "http_4xx",
        Outcome::Http429 => "http_429",
        Outcome::Http5xx => "http_5xx",
        Outcome::HttpOther => "http_other",
        Outcome::Timeout => "timeout",
        Outcome::Dns => "dns",
        Outcome::Connect => "connect",
        Outcome::Tls => "tls",
        Outcome::Blocked => "blocked",
        Outcome::PlatformError | Outcome::Unspecified => "platform_error",
    }
}

/// Stands for the outcome where no attempt was made, where it can be asked for.
pub const NO_OUTCOME: &str = "none";

/// The outcome a word of [`outcome_name`] stands for.
pub fn parse_outcome(name: &str) -> Option<Outcome> {
    OUTCOMES.into_iter().find(|outcome| outcome_name(*outcome) == name)
}

/// How people name a run: by the `webhook-id` that receivers know, and for others than the live run by theirs in hex.
pub fn run_name(key: RunKey) -> String {
    match key.run {
        0 => webhook_id(&key.delivery_id),
        run => format!("{}-{run:x}", webhook_id(&key.delivery_id)),
    }
}

/// The run of a name; `None` unless it is exactly what [`run_name`] gives.
pub fn parse_run_name(name: &str) -> Option<RunKey> {
    let (id, run) = match name.split_once('-') {
        Some((id, run)) => (id, u64::from_str_radix(run, 16).ok()?),
        None => (name, 0),
    };
    let (pairs, rest) = id.strip_prefix("msg_")?.as_bytes().as_chunks::<2>();
    let mut delivery_id = [0; 16];
    if pairs.len() != delivery_id.len() || !rest.is_empty() {
        return None;
    }
    for (byte, pair) in delivery_id.iter_mut().zip(pairs) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    let key = RunKey { delivery_id, run };
    (run_name(key) == name).then_some(key)
}

/// The run by which a run that was given up is sent again. Always the same for the same one, so that asking twice, or again
/// after a crash, sends once; never 0, which is the live run.
pub fn redelivery_run(escalated: RunKey) -> u64 {
    let mut hasher = Sha256::new();
    hasher.update(b"redelivery");
    hasher.update(escalated.delivery_id);
    hasher.update(escalated.run.to_be_bytes());
    let hash = hasher.finalize();
    let first = hash.first_chunk().map_or(0, |first| u64::from_be_bytes(*first));
    first.max(1)
}
