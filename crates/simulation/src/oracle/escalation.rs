//! What an escalation must say, however often and by whomever it is written.

use super::{Oracle, key_of, short};
use crate::command_handler::deactivation_id;
use aerogram_domain::policy::Policy;
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::{Attempt, Escalation, LineKind, Outcome, Reason};
use std::sync::Arc;

/// Attempts that an escalation tells of: the first, and the last ones.
const ATTEMPTS_MAX: usize = 64;
/// Of so many, the last ones, the texts too.
const TEXTS_MAX: usize = 8;

/// What is kept of a run's attempts.
pub fn kept(all: &[Attempt]) -> Vec<Attempt> {
    let mut kept = all.to_vec();
    if kept.len() > ATTEMPTS_MAX {
        kept.drain(1..=all.len() - ATTEMPTS_MAX);
    }
    let older = kept.len().saturating_sub(TEXTS_MAX);
    for attempt in &mut kept[..older] {
        (attempt.problem, attempt.excerpt) = (String::new(), String::new());
    }
    kept
}

/// Numbers grow by one, but stay after a fault of our own, which does not count.
fn are_contiguous(attempts: &[Attempt]) -> bool {
    attempts.first().is_some_and(|first| first.number == 1)
        && attempts.windows(2).all(|pair| {
            let counted = pair[0].outcome() != Outcome::PlatformError;
            pair[1].number == pair[0].number + u32::from(counted)
        })
}

/// As of the run; the rest says which copy of the record it was, and what the subscription was when it was written.
fn essence(escalation: &Escalation) -> Escalation {
    let mut essence = escalation.clone();
    if let Some(delivery) = &mut essence.delivery {
        delivery.subscription_offset = 0;
    }
    essence.callback_url.clear();
    essence.policy.clear();
    essence
}

/// What led to an escalation.
pub struct Judge {
    pub epoch: i64,
    pub version: u64,
    pub policy: Arc<Policy>,
}

impl Oracle {
    /// An escalation is being written under a claim. Who judged knows what was called, and says so; who inherits the line
    /// before that was written can only say what is so now.
    pub fn escalate(&mut self, partition: usize, key: RunKey, epoch: i64, escalation: &Escalation) {
        let ended = self.references[partition].runs.get(&key).and_then(|run| run.ended.as_ref());
        let escalated = ended.is_some_and(|line| line.kind() == LineKind::Escalated);
        self.check(escalated, || format!("{} is escalated without a valid line", short(key)));
        let (Some(expected), Some(judge)) = (self.expected.get(&key), self.judges.get(&key)) else { return };
        let (id, url) = (&expected.subscription_id, &escalation.callback_url);
        let possible = self
            .book
            .since(id, expected.version)
            .any(|known| known.state.callback_url == *url && known.policy.name == escalation.policy);
        let called = self.book.known(id, judge.version);
        let as_judged = called.is_some_and(|known| known.state.callback_url == *url)
            && judge.policy.name == escalation.policy;
        let by_judge = judge.epoch == epoch;
        self.check(possible, || {
            format!("(1) {} was escalated with a URL or a policy it never had", short(key))
        });
        if self.escalating.insert(key) {
            self.count(match by_judge {
                true => "escalations first written by who judged",
                false => "escalations first written by who inherited",
            });
            self.check(as_judged || !by_judge, || {
                format!("(1) {} was escalated with another URL or policy than it was sent by", short(key))
            });
        }
    }

    /// An escalation, or what people made of one, was appended.
    pub fn escalation_appended(&mut self, partition: usize, key: RunKey, escalation: &Escalation) {
        let Some(delivery) = &escalation.delivery else { return };
        self.check(key_of(delivery) == key && delivery.history.is_empty(), || {
            format!("the escalation of {} carries another record", short(key))
        });
        if let Some(earlier) = self.escalations.get(&key) {
            let (same, alike) = (earlier == escalation, essence(earlier) == essence(escalation));
            self.count("escalations repeated");
            if !same {
                self.count("escalations repeated after a change of the subscription");
            }
            return self.check(alike, || format!("(1) {} was escalated twice, differently", short(key)));
        }
        let run = self.references[partition].runs.get(&key);
        let ended = run.and_then(|run| run.ended.as_ref()).filter(|line| line.kind() == LineKind::Escalated);
        let (Some(run), Some(line)) = (run, ended) else {
            return self.fail(|| format!("(1) {} was escalated without having ended so", short(key)));
        };
        let ours = run.attempts.last().is_some_and(|last| last.outcome() == Outcome::PlatformError);
        // Without an attempt it ends when that is decided, also before the first one.
        let off = line.reason() == Reason::SubscriptionGaveUp;
        let last_ms = run.attempts.last().map(|last| last.started_at_ms + i64::from(last.duration_ms));
        let end_ms = if off { Some(line.due_at_ms) } else { last_ms };
        let right = escalation.reason == line.reason
            && (off || (escalation.reason() == Reason::Platform) == ours)
            && Some(escalation.escalated_at_ms) == end_ms
            && (off && run.attempts.is_empty() || are_contiguous(&run.attempts));
        let complete = escalation.attempts == kept(&run.attempts);
        self.check(complete, || format!("(1) {} was escalated without its history", short(key)));
        self.check(right, || format!("(1) {} was escalated for something else", short(key)));
        self.escalations.insert(key, escalation.clone());
    }

    /// Every escalated run has its escalation, no other has one; and what answered 410 was deactivated, once.
    pub(super) fn finish_escalations(&mut self) {
        for (key, expected) in &self.expected {
            let Some(run) = self.references[expected.partition].runs.get(key) else { continue };
            let line = run.ended.as_ref();
            let escalated = line.filter(|line| line.kind() == LineKind::Escalated);
            let gone = escalated.is_some_and(|line| line.reason() == Reason::Gone);
            let command_id = deactivation_id(*key);
            let what = if escalated.is_some() != self.escalations.contains_key(key) {
                "has an escalation and another end, or none"
            } else if gone != self.deactivations.contains(&command_id) {
                "was deactivated for nothing, or was not"
            } else if gone && !self.book.is_answered(&command_id) {
                "has a deactivation that nobody answered"
            } else {
                continue;
            };
            self.violation.get_or_insert_with(|| format!("(1) {} {what}", short(*key)));
        }
    }
}
