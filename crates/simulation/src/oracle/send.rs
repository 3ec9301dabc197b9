//! What must hold when a request leaves: when, by whom, to which state, under which policy, signed by which keys.

use super::verdict::Made;
use super::{Oracle, key_of, short};
use aerogram_domain::limits::{Key, Terms};
use aerogram_domain::policy::{Answer, Policy};
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::{Delivery, LineKind, Status, Subscription};
use bytes::Bytes;
use std::sync::Arc;

/// A request as its sender saw it.
pub struct Sent<'a> {
    pub partition: usize,
    pub name: &'a str,
    pub owns: bool,
    pub epoch: i64,
    pub wall_ms: i64,
    pub attempt: u32,
    pub delivery: &'a Delivery,
    pub subscription: &'a Subscription,
    /// The subscription as the sender had read it, and how far it had read.
    pub applied: Option<&'a Subscription>,
    pub applied_next: i64,
    pub policy: &'a Arc<Policy>,
    /// Nonces of the keys that sign it, in their order.
    pub keys: Vec<Bytes>,
    /// What the receiver will answer.
    pub answer: Answer,
}

/// A request as it is decided, before it is sent.
pub struct Decision<'a> {
    pub now_ms: i64,
    /// Which life of which process decides.
    pub life: (usize, u64),
    pub terms: &'a Terms,
    /// How many more are open to the subscription under the same claim.
    pub open: usize,
    /// What Redis forgot, and whether it always answers.
    pub losses: u32,
    pub is_prompt: bool,
}

impl Oracle {
    /// Its receiver is not asked for more than its limits allow.
    pub fn decide(&mut self, decision: &Decision<'_>) {
        let Decision { now_ms, life, terms, open, losses, is_prompt } = *decision;
        for limit in &terms.limits {
            let wrong = self.rates.decided(now_ms, life, limit, losses, is_prompt);
            self.count(match limit.key {
                Key::Subscription(_) => "sent under a subscription's rate",
                Key::Host(_) => "sent under a host's rate",
            });
            self.check(wrong.is_none(), || wrong.unwrap_or_default());
        }
        let allowed = terms.concurrency;
        self.check(open < allowed, || format!("(l) {open} requests were open, {allowed} are allowed"));
    }

    /// A request leaves for the receiver.
    pub fn send(&mut self, sent: &Sent<'_>) {
        self.sent += 1;
        let (key, seq) = (key_of(sent.delivery), sent.delivery.seq);
        let reference = &self.references[sent.partition];
        let ended = reference.runs.get(&key).is_some_and(|run| run.ended.is_some());
        let before = seq.checked_sub(1).and_then(|seq| reference.settling_line(key, seq));
        // What is parked is never due.
        let due_ms = match before {
            Some(line) if line.kind() == LineKind::Parked => None,
            Some(line) => Some(line.due_at_ms),
            None => Some(sent.delivery.due_at_ms),
        };
        let superseded = reference.last_claim.as_ref().is_some_and(|claim| claim.owner != sent.name);
        let who = if sent.owns { "the owner" } else { "a zombie" };
        self.check(!ended, || format!("(5) {} was sent after its end by {who}", short(key)));
        self.check(sent.owns || !superseded, || {
            format!("(5) a zombie sent {} after a newer claim", short(key))
        });
        // What was due and then fired by a credit may say when that was.
        let kept = due_ms.is_none_or(|due_ms| match sent.delivery.by_credit {
            true => due_ms <= sent.delivery.due_at_ms,
            false => due_ms == sent.delivery.due_at_ms,
        });
        self.check(kept, || format!("(4) {} lost its due time", short(key)));
        self.check(due_ms.is_none_or(|due_ms| due_ms <= sent.wall_ms), || {
            format!("(4) {} was sent before it was due", short(key))
        });
        self.check_attempt(key, sent);
        self.check_state(key, sent);
        let active = sent.applied.is_some_and(|applied| {
            applied.status() == Status::Active && applied.version == sent.subscription.version
        });
        self.check(active, || format!("(3) {} was sent to what is not the applied state", short(key)));
        let fresh = sent.delivery.subscription_offset < sent.applied_next;
        self.check(fresh, || format!("(3) {} was sent by a table older than its own", short(key)));
        *self.sends.entry((key, sent.epoch)).or_default() += 1;
        let made = Made {
            policy: sent.policy.clone(),
            version: sent.subscription.version,
            answer: sent.answer,
            once: sent.delivery.once,
        };
        let tried = sent.delivery.once && self.made.keys().any(|(other, ..)| *other == key);
        if tried {
            self.count("test events sent again after a crash");
        }
        self.made.insert((key, sent.epoch, sent.attempt, sent.wall_ms), made);
    }

    /// It is the one after those that count, by whatever the run was told of.
    fn check_attempt(&mut self, key: RunKey, sent: &Sent<'_>) {
        let reference = &self.references[sent.partition];
        let next = 1 + reference.runs.get(&key).map_or(0, |run| run.counted);
        let in_force = reference.last_claim.as_ref().is_some_and(|claim| claim.offset == sent.epoch);
        let settled = in_force && reference.settles(key, sent.delivery.seq);
        let most = self.expected.get(&key).map_or(0, |expected| self.attempts_max(expected));
        let attempt = sent.attempt;
        self.check(!settled, || format!("(5) {} seq {} was settled", short(key), sent.delivery.seq));
        self.check(attempt == next || !in_force && attempt < next, || {
            format!("(4) attempt {attempt} of {}, and not {next}", short(key))
        });
        self.check(attempt <= most, || format!("(4) attempt {attempt} of {}: above {most}", short(key)));
        if attempt > sent.policy.attempts_max() {
            self.count("attempts above the policy in force");
        }
    }

    /// The state is one that was written, and its policy and its keys are the ones used.
    fn check_state(&mut self, key: RunKey, sent: &Sent<'_>) {
        let (id, version) = (&sent.subscription.id, sent.subscription.version);
        let known = self.book.known(id, version);
        let real = known.is_some_and(|known| known.was(sent.subscription));
        let policy = known.is_some_and(|known| known.policy == *sent.policy);
        let keys = self.book.keys(id, version, sent.wall_ms);
        if keys.len() > 1 {
            self.count("signed by two keys");
        } else if self.book.has_old_key(id, version) {
            self.count("signed after an overlap");
        }
        self.check(real, || format!("{} was sent to a version {version} of {id} that never was", short(key)));
        self.check(policy, || format!("(p) {} was sent under another policy", short(key)));
        self.check(!keys.is_empty() && keys == sent.keys, || {
            format!("(k) {} was signed by {:?} and not by {keys:?}", short(key), sent.keys)
        });
    }
}
