//! What must hold. Numbers are those of the invariants in `docs/architecture.md`.
//!
//! 2: no commit passes unsettled work. 3: nothing is sent after a deletion was applied. 4: no attempt is early, and none
//! is more than the policy allows, but for a request in flight at a crash. 5: a run ends once, and a zombie does not
//! send once another may. And: every consequence has its line, nothing is lost, and nothing is left over.
//! c: commands. l: limits of receivers. s: what history says of a run. h: how receivers do. k: keys that sign. p: what an attempt leads to, under the policy of the state it was sent by.

mod book;
mod escalation;
mod health;
mod rates;
mod send;
mod verdict;

use crate::command_handler::deactivation_id;
use crate::limits::{LATE_WRITE_MS, PARTITIONS, SKEW_MS, STALENESS_MS, WRITE_EXPIRES_MS};
use crate::logs::Log;
use crate::reference::Reference;
use aerogram_domain::commands::partition::{Asked, CommandId};
use aerogram_domain::policy::Policies;
use aerogram_wire::key::{PendingKey, RunKey};
use aerogram_wire::v1::attempts_record::Body;
use aerogram_wire::v1::command::Change;
use aerogram_wire::v1::{
    Attempt, AttemptsRecord, CommandResult, Delivery, Escalation, Line, LineKind, PendingEntry, Reason,
    Subscription,
};
use book::Book;
use escalation::Judge;
pub use escalation::kept;
use health::Health;
use rates::Rates;
pub use send::{Decision, Sent};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use verdict::Made;

/// A run that must end.
#[derive(Clone)]
struct Expected {
    partition: usize,
    subscription_id: String,
    /// It is never sent by an older state than this.
    version: u64,
}

#[derive(Default)]
pub struct Oracle {
    /// The first violation.
    pub violation: Option<String>,
    pub references: [Reference; PARTITIONS],
    expected: BTreeMap<RunKey, Expected>,
    rates: Rates,
    book: Book,
    /// By run, claim, number of the attempt, and when it was begun.
    made: BTreeMap<(RunKey, i64, u32, i64), Made>,
    sends: BTreeMap<(RunKey, i64), u32>,
    pub sent: u64,
    entered: BTreeSet<PendingKey>,
    /// When the key's last tombstone was appended, while it is dead.
    dead_since_ms: BTreeMap<PendingKey, i64>,
    buried: BTreeSet<PendingKey>,
    escalations: BTreeMap<RunKey, Escalation>,
    /// Of runs that were given up: under which claim it was judged, and by which state.
    judges: BTreeMap<RunKey, Judge>,
    /// What an escalation was begun to be written for, whether it arrived or not.
    escalating: BTreeSet<RunKey>,
    health: Health,
    /// Ids of the commands of deliverers.
    deactivations: BTreeSet<CommandId>,
    /// How often something worth covering came about.
    pub counts: BTreeMap<&'static str, u64>,
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

    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// Fanout has matched an event with this state.
    pub fn expect(&mut self, partition: usize, key: RunKey, state: &Subscription) {
        let (subscription_id, version) = (state.id.clone(), state.version);
        self.expected.insert(key, Expected { partition, subscription_id, version });
    }

    /// A run is redelivered as another one.
    pub fn expect_again(&mut self, of: RunKey, key: RunKey) {
        if let Some(expected) = self.expected.get(&of).cloned() {
            self.expected.insert(key, expected);
        }
    }

    /// A command's transaction is committed. `handler_ms` is the handler's clock.
    pub fn decided(
        &mut self,
        asked: &Asked,
        next: Option<&Arc<Subscription>>,
        result: &CommandResult,
        handler_ms: i64,
        now_ms: i64,
        policies: &Policies,
    ) {
        match self.book.decided(asked, next, result, (handler_ms, now_ms), policies) {
            Ok(what) => self.count(what),
            Err(what) => self.fail(|| what),
        }
        if let Some(next) = next {
            self.noted(asked, next);
        }
    }

    /// What deliverers command, they command about runs that ended so.
    pub fn command_appended(&mut self, asked: &Asked) {
        if matches!(asked.command.change, Some(Change::Deactivate(_)))
            && !self.deactivations.insert(asked.command_id)
        {
            self.count("deactivations repeated");
        }
    }

    pub fn attempts(&mut self, partition: usize, offset: i64, record: &AttemptsRecord, now_ms: i64) {
        let epoch = match &record.body {
            Some(Body::Batch(batch)) => batch.epoch,
            _ => offset,
        };
        for (key, line, valid) in self.references[partition].append(offset, record) {
            if valid {
                self.valid_line(partition, epoch, key, &line);
                if let Some(expected) = self.expected.get(&key) {
                    self.told(expected.subscription_id.clone(), offset, &line, now_ms);
                }
            }
        }
    }

    /// Attempts at most, by any policy that was in force during the run.
    fn attempts_max(&self, expected: &Expected) -> u32 {
        let policies = self.book.policies_since(&expected.subscription_id, expected.version);
        policies.map(|policy| policy.attempts_max()).max().unwrap_or(0)
    }

    fn valid_line(&mut self, partition: usize, epoch: i64, key: RunKey, line: &Line) {
        let Some(expected) = self.expected.get(&key) else {
            return self.fail(|| format!("a line of {}, which nobody emitted", short(key)));
        };
        let (most, made) = (self.attempts_max(expected), line.attempts_made);
        self.check(made <= most, || {
            format!("(4) outcome {made} of {}, its policies allow {most}", short(key))
        });
        match &line.attempt {
            Some(attempt) => self.judged(partition, epoch, key, line, attempt),
            None => self.off(key, line),
        }
    }

    /// A line tells of an attempt: it was made, and the policy it was made under leads to this line.
    fn judged(&mut self, partition: usize, epoch: i64, key: RunKey, line: &Line, attempt: &Attempt) {
        let first = self.references[partition].runs.get(&key).and_then(|run| run.attempts.first());
        let first_ms = first.map_or(attempt.started_at_ms, |first| first.started_at_ms);
        let Some(made) = self.made.get(&(key, epoch, attempt.number, attempt.started_at_ms)) else {
            return self.fail(|| format!("(p) attempt {} of {} was never made", attempt.number, short(key)));
        };
        let wrong = verdict::misjudged(line, attempt, first_ms, made);
        let (beyond, gone) = (attempt.number > made.policy.attempts_max(), attempt.status == 410);
        let back = self
            .expected
            .get(&key)
            .is_some_and(|expected| self.book.is_back(&expected.subscription_id, made.version));
        if line.kind() == LineKind::Escalated {
            let (version, policy) = (made.version, made.policy.clone());
            self.judges.insert(key, Judge { epoch, version, policy });
        }
        self.check(wrong.is_none(), || {
            format!("(p) line {} of {} {}", attempt.number, short(key), wrong.unwrap_or_default())
        });
        match line.reason() {
            _ if line.kind() == LineKind::Expired => self.count("test events that failed"),
            Reason::Exhausted if beyond => self.count("exhausted by a change of policy"),
            Reason::Exhausted => self.count("escalated as exhausted"),
            Reason::Gone => self.count("escalated as gone"),
            Reason::Platform => self.count("escalated as our own fault"),
            _ if gone => self.count("410 as any failure"),
            _ if back && line.kind() == LineKind::Delivered => self.count("delivered after a reactivation"),
            _ => {}
        }
    }

    /// Since when a subscription is not active.
    pub fn off_since_ms(&self, subscription_id: &str) -> Option<i64> {
        self.book.off_since_ms(subscription_id)
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

    /// A command to deactivate is being written.
    pub fn deactivate(&mut self, partition: usize, key: RunKey) {
        let ended = self.references[partition].runs.get(&key).and_then(|run| run.ended.as_ref());
        let gone = ended.is_some_and(|line| line.reason() == Reason::Gone);
        self.check(gone, || format!("{} did not end by 410 and deactivates", short(key)));
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

    /// Whether the key was dead at some time.
    pub fn is_buried(&self, key: PendingKey) -> bool {
        self.buried.contains(&key)
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
            Some(LineKind::Escalated)
                if line.is_some_and(|line| line.reason() == Reason::Gone)
                    && !self.deactivations.contains(&deactivation_id(key)) =>
            {
                return Some(format!("{} has no deactivation", short(key)));
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
        let unfinished = self.expected.iter().filter(|(key, expected)| !ended(expected.partition, key));
        unfinished.map(|(key, _)| short(*key)).collect()
    }

    /// Everything has come to rest.
    pub fn finish(&mut self) {
        let unfinished = self.unfinished();
        self.check(unfinished.is_empty(), || format!("(1) lost: {unfinished:?}"));
        for (key, expected) in self.expected.clone() {
            let counted = self.references[expected.partition].runs.get(&key).map_or(0, |run| run.counted);
            let most = self.attempts_max(&expected);
            self.check(counted <= most, || {
                format!("(4) {counted} outcomes of {}, {most} allowed", short(key))
            });
        }
        self.finish_escalations();
        for ((key, epoch), sends) in std::mem::take(&mut self.sends) {
            let told = self.references.iter().filter_map(|r| r.told.get(&(key, epoch))).sum::<u32>();
            self.check(sends <= told + 1, || {
                format!("(4) {} was sent {sends} times under claim {epoch} for {told} outcomes", short(key))
            });
        }
    }

    /// Lines that are valid, by kind, and runs under several policies, for a summary.
    pub fn ends(&self) -> BTreeMap<&'static str, u64> {
        let mut ends = BTreeMap::new();
        let runs = self.references.iter().flat_map(|reference| reference.runs.values());
        for line in runs.filter_map(|run| run.ended.as_ref()) {
            *ends.entry(line.kind().as_str_name()).or_default() += 1;
        }
        let mut policies = BTreeMap::<RunKey, BTreeSet<&str>>::new();
        for ((key, ..), made) in &self.made {
            policies.entry(*key).or_default().insert(&made.policy.name);
        }
        let runs = self.references.iter().flat_map(|reference| &reference.runs);
        let redelivered = runs.filter(|(key, run)| key.run != 0 && run.ended.is_some()).count();
        ends.insert("redelivered runs that ended", redelivered as u64);
        let several = policies.values().filter(|names| names.len() > 1).count();
        ends.insert("runs under several policies", several as u64);
        ends.extend(&self.counts);
        ends
    }
}
