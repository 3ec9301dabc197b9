//! What must hold. Numbers are those of the invariants in `docs/architecture.md`.
//!
//! 2: no commit passes unsettled work. 3: nothing is sent after a deletion was applied. 4: no attempt is early, and none
//! is more than the policy allows, but for a request in flight at a crash. 5: a run ends once, and a zombie does not
//! send once another may. And: every consequence has its line, nothing is lost, and nothing is left over.

use crate::limits::{LATE_WRITE_MS, PARTITIONS, SKEW_MS, STALENESS_MS, WRITE_EXPIRES_MS};
use crate::logs::Log;
use crate::reference::Reference;
use aerogram_domain::policy::Policy;
use aerogram_wire::key::{PendingKey, RunKey};
use aerogram_wire::v1::{
    AttemptsRecord, Delivery, Escalation, Line, LineKind, PendingEntry, Status, Subscription,
};
use std::collections::{BTreeMap, BTreeSet};
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
    pub policy: &'a Policy,
}

#[derive(Default)]
pub struct Oracle {
    /// The first violation.
    pub violation: Option<String>,
    pub references: [Reference; PARTITIONS],
    /// Runs that must end: partition, and the policy of the subscription.
    expected: BTreeMap<RunKey, (usize, Arc<Policy>)>,
    sends: BTreeMap<(RunKey, i64), u32>,
    pub sent: u64,
    entered: BTreeSet<PendingKey>,
    /// When the key's last tombstone was appended, while it is dead.
    dead_since_ms: BTreeMap<PendingKey, i64>,
    buried: BTreeSet<PendingKey>,
    escalations: BTreeMap<RunKey, Escalation>,
    pub deactivations: BTreeSet<RunKey>,
}

pub fn key_of(delivery: &Delivery) -> RunKey {
    RunKey { delivery_id: delivery.delivery_id.as_ref().try_into().unwrap_or_default(), run: delivery.run }
}

fn short(key: RunKey) -> String {
    format!("{}/{}", key.delivery_id[15], key.run)
}

impl Oracle {
    pub fn fail(&mut self, what: impl FnOnce() -> String) {
        if self.violation.is_none() {
            self.violation = Some(what());
        }
    }

    fn check(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.fail(what);
        }
    }

    pub fn expect(&mut self, partition: usize, key: RunKey, policy: Arc<Policy>) {
        self.expected.insert(key, (partition, policy));
    }

    pub fn attempts(&mut self, partition: usize, offset: i64, record: &AttemptsRecord) {
        for (key, line, valid) in self.references[partition].append(offset, record) {
            if valid {
                self.valid_line(key, &line);
            }
        }
    }

    fn valid_line(&mut self, key: RunKey, line: &Line) {
        let Some((_, policy)) = self.expected.get(&key).cloned() else {
            return self.fail(|| format!("a line of {}, which nobody emitted", short(key)));
        };
        let most = policy.attempts_max();
        let made = line.attempts_made;
        self.check(made <= most, || {
            format!("(4) outcome {made} of {}, the policy allows {most}", short(key))
        });
        if let (LineKind::Retry, Some(attempt)) = (line.kind(), &line.attempt)
            && made > 0
            && made >= attempt.number
        {
            let earliest = attempt.started_at_ms
                + i64::from(attempt.duration_ms)
                + policy.delays_ms.get(made as usize - 1).copied().unwrap_or(0);
            self.check(line.due_at_ms >= earliest, || format!("(4) {} is due before its delay", short(key)));
        }
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
        let most = sent.policy.attempts_max();
        self.check(sent.attempt <= most, || {
            format!("(4) attempt {} of {}: above {most}", sent.attempt, short(key))
        });
        let active = sent.applied.is_some_and(|applied| {
            applied.status() == Status::Active && applied.version == sent.subscription.version
        });
        self.check(active, || format!("(3) {} was sent to what is not the applied state", short(key)));
        let fresh = sent.delivery.subscription_offset < sent.applied_next;
        self.check(fresh, || format!("(3) {} was sent by a table older than its own", short(key)));
        *self.sends.entry((key, sent.epoch)).or_default() += 1;
    }

    /// A delivery is given up as cancelled: since fanout matched it, its subscription must have been seen to be off.
    pub fn cancel(&mut self, delivery: &Delivery, last_off: Option<i64>) {
        let off = last_off.is_some_and(|offset| offset > delivery.subscription_offset);
        self.check(off, || format!("(1) {} was cancelled for nothing", short(key_of(delivery))));
    }

    /// A pending entry is being written.
    pub fn pend(&mut self, partition: usize, key: PendingKey, entry: &PendingEntry) {
        let line =
            key.seq.checked_sub(1).and_then(|seq| self.references[partition].settling_line(key.run, seq));
        let follows = line.is_some_and(|line| {
            matches!(line.kind(), LineKind::Retry | LineKind::Parked) && line.due_at_ms == entry.due_at_ms
        });
        self.check(follows, || {
            format!("an entry of {} seq {} follows from no valid line", short(key.run), key.seq)
        });
    }

    /// A tombstone is being written.
    pub fn bury(&mut self, partition: usize, key: PendingKey) {
        let settled = self.references[partition].settles(key.run, key.seq);
        self.check(settled, || {
            format!("a tombstone of {} seq {}, which is not settled", short(key.run), key.seq)
        });
    }

    /// An escalation is being written.
    pub fn escalate(&mut self, partition: usize, key: RunKey) {
        let ended = self.references[partition].runs.get(&key).and_then(|run| run.ended.as_ref());
        let escalated = ended.is_some_and(|line| line.kind() == LineKind::Escalated);
        self.check(escalated, || format!("{} is escalated without a valid line", short(key)));
    }

    pub fn pending_appended(&mut self, now_ms: i64, key: PendingKey, alive: bool) {
        if alive {
            self.entered.insert(key);
            self.dead_since_ms.remove(&key);
        } else {
            self.buried.insert(key);
            // Compaction may leave the last one only.
            self.dead_since_ms.insert(key, now_ms);
        }
    }

    /// A record was appended to `deliveries`.
    pub fn delivery_appended(&mut self, now_ms: i64, delivery: &Delivery) {
        let key = PendingKey { run: key_of(delivery), seq: delivery.seq };
        if !delivery.from_pending {
            return;
        }
        let most = STALENESS_MS + WRITE_EXPIRES_MS + LATE_WRITE_MS + 4 * SKEW_MS;
        let stale = self.dead_since_ms.get(&key).is_some_and(|since| now_ms - since > most);
        self.check(!stale, || {
            format!("{} seq {} was fired long after its tombstone", short(key.run), key.seq)
        });
    }

    pub fn escalation_appended(&mut self, key: RunKey, escalation: Escalation) {
        self.escalations.insert(key, escalation);
    }

    /// (2) A commit moves the settled prefix.
    pub fn commit(&mut self, partition: usize, from: i64, to: i64, deliveries: &Log<Arc<Delivery>>) {
        self.check(to >= from, || format!("(2) the commit went back from {from} to {to}"));
        for (offset, stored) in deliveries.iter_from(from).take_while(|(offset, _)| *offset < to) {
            if let Some(why) = self.unsettled(partition, &stored.record) {
                self.fail(|| format!("(2) commit {to} of partition {partition} passes {offset}: {why}"));
            }
        }
    }

    fn unsettled(&self, partition: usize, delivery: &Delivery) -> Option<String> {
        let (key, seq) = (key_of(delivery), delivery.seq);
        let reference = &self.references[partition];
        if !reference.settles(key, seq) {
            return Some(format!("{} seq {seq} is not settled", short(key)));
        }
        let line = reference.settling_line(key, seq);
        let next = PendingKey { run: key, seq: seq + 1 };
        match line.map(Line::kind) {
            Some(LineKind::Retry | LineKind::Parked) if !self.entered.contains(&next) => {
                return Some(format!("{} seq {seq} has no pending entry", short(key)));
            }
            Some(LineKind::Escalated) if !self.escalations.contains_key(&key) => {
                return Some(format!("{} has no escalation", short(key)));
            }
            _ => {}
        }
        let own = PendingKey { run: key, seq };
        (delivery.from_pending && !self.buried.contains(&own))
            .then(|| format!("{} seq {seq} has no tombstone", short(key)))
    }

    /// Runs without an end.
    pub fn unfinished(&self) -> Vec<String> {
        let ended = |partition: usize, key| {
            self.references[partition].runs.get(key).is_some_and(|r| r.ended.is_some())
        };
        self.expected.iter().filter(|(key, (p, _))| !ended(*p, key)).map(|(key, _)| short(*key)).collect()
    }

    /// Everything has come to rest.
    pub fn finish(&mut self) {
        let unfinished = self.unfinished();
        self.check(unfinished.is_empty(), || format!("(1) lost: {unfinished:?}"));
        for (key, (partition, policy)) in self.expected.clone() {
            let Some(run) = self.references[partition].runs.get(&key) else { continue };
            let (counted, most) = (run.counted, policy.attempts_max());
            let escalated = run.ended.as_ref().filter(|line| line.kind() == LineKind::Escalated);
            let complete = escalated.is_none_or(|line| {
                self.escalations
                    .get(&key)
                    .is_some_and(|e| e.attempts == run.attempts && e.reason == line.reason)
            });
            let spurious = escalated.is_none() && self.escalations.contains_key(&key);
            self.check(counted <= most, || {
                format!("(4) {counted} outcomes of {}, {most} allowed", short(key))
            });
            self.check(complete, || format!("(1) {} was escalated without its history", short(key)));
            self.check(!spurious, || format!("(1) {} has an escalation and another end", short(key)));
        }
        for ((key, epoch), sends) in std::mem::take(&mut self.sends) {
            let told = self.references.iter().filter_map(|r| r.told.get(&(key, epoch))).sum::<u32>();
            self.check(sends <= told + 1, || {
                format!("(4) {} was sent {sends} times under claim {epoch} for {told} outcomes", short(key))
            });
        }
    }

    /// Lines that are valid, by kind, for a summary.
    pub fn ends(&self) -> BTreeMap<&'static str, u64> {
        let mut ends = BTreeMap::new();
        let runs = self.references.iter().flat_map(|reference| reference.runs.values());
        for line in runs.filter_map(|run| run.ended.as_ref()) {
            *ends.entry(line.kind().as_str_name()).or_default() += 1;
        }
        ends
    }
}
