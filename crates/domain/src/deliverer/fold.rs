//! What `attempts` says: the epoch in force, which runs have ended, which seq is settled, which attempts failed.
//! Rules 2 and 10 of the protocol.

use super::commit::Resume;
use crate::clock::Now;
use crate::history::{is_void, number};
use crate::sabotage::{Rule, removed};
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::{Line, LineKind};
use std::collections::{HashMap, VecDeque};

/// Claims that are remembered, and travel in the metadata of commits.
pub const CLAIMS_MAX: usize = 16;

/// Estimates for the byte limit.
const RUN_BYTES: usize = 160;
const TOLD_BYTES: usize = 96;

/// What a line did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Applied {
    Valid,
    /// Void: a claim after its epoch precedes it.
    OldEpoch,
    /// Void: its run has ended or its seq was settled already, or it repeats a failed attempt.
    AlreadySettled,
}

/// What is known of a run.
#[derive(Default)]
pub struct Run {
    pub ended: bool,
    /// It ended by a success.
    delivered: bool,
    /// The highest settled seq; -1: none.
    settled: Option<u32>,
    /// The highest seq polled by this owner.
    polled: u32,
    /// Valid `failed` lines, oldest first.
    failed: Vec<Line>,
    /// The line that settled the highest seq, if it has consequences a new owner may have to repeat.
    last: Option<Box<Line>>,
    /// Where the last valid line stands in `told`.
    told_index: u64,
    /// Where the line that settled the highest seq stands in `told`.
    settled_index: u64,
}

impl Run {
    /// Neither the run has ended nor is this seq settled, nor was a later one seen.
    pub fn is_open(&self, seq: u32) -> bool {
        !self.ended && self.settled.is_none_or(|settled| settled < seq) && self.polled <= seq
    }

    /// The line that settled just this seq, if its consequences may be missing.
    pub fn settling_line(&self, seq: u32) -> Option<&Line> {
        self.last.as_deref().filter(|line| line.seq == seq)
    }

    fn text_bytes(&self) -> usize {
        let lines = self.failed.iter().chain(self.last.as_deref());
        lines.filter_map(|line| line.attempt.as_ref()).map(|a| a.problem.len() + a.excerpt.len()).sum()
    }

    /// Where the line that settled just this seq stands in `told`, if no later one was read.
    pub fn settled_index(&self, seq: u32) -> Option<u64> {
        (self.settled == Some(seq)).then_some(self.settled_index)
    }

    pub fn failed(&self, seq: u32) -> impl Iterator<Item = &Line> {
        self.failed.iter().filter(move |line| line.seq == seq)
    }
}

/// A valid line, in log order.
struct Told {
    offset: i64,
    appended_ms: i64,
    /// No line about its record was appended before.
    record_since_ms: i64,
    epoch_before: Option<i64>,
    key: RunKey,
    seq: u32,
    /// When its consequences were acknowledged, or known to be somebody else's matter.
    done_ms: Option<i64>,
}

pub struct Fold {
    epoch: Option<i64>,
    /// The last claims up to `next_offset`, oldest first: the epoch in force wherever a fold begins.
    claims: VecDeque<i64>,
    last_nonce: Option<u64>,
    runs: HashMap<RunKey, Run>,
    /// Of the texts in the lines that `runs` keeps.
    text_bytes: usize,
    told: VecDeque<Told>,
    /// Index of the first of `told` since the beginning.
    told_base: u64,
    /// The next offset of `attempts`.
    pub next_offset: i64,
    /// Every line about a record that is not older is in memory; `None` until the first record of the fold says from
    /// when it is.
    covers_from_ms: Option<i64>,
    claimed_at_ms: i64,
    /// When the last claim was appended, by the broker's clock.
    claimed_ms: i64,
}

impl Fold {
    pub fn new(resume: Resume, now: Now) -> Self {
        Self {
            epoch: resume.epoch_there,
            claims: resume.claims.into(),
            last_nonce: None,
            runs: HashMap::new(),
            text_bytes: 0,
            told: VecDeque::new(),
            told_base: 0,
            next_offset: resume.fold_from,
            covers_from_ms: resume.covers_from_ms.or((resume.fold_from == 0).then_some(i64::MIN)),
            claimed_at_ms: now.wall_ms,
            claimed_ms: i64::MIN,
        }
    }

    pub fn epoch_in_force(&self) -> Option<i64> {
        self.epoch
    }

    /// The first record says where the fold begins. Without the epoch in force there a zombie's line could pass as valid.
    fn begin(&mut self, offset: i64, appended_ms: i64) {
        self.covers_from_ms.get_or_insert(appended_ms);
        if self.epoch.is_none() {
            self.epoch = self.claims.iter().rev().find(|claim| **claim < offset).copied();
        }
    }

    /// The last claims, oldest first.
    pub fn claims(&self) -> impl Iterator<Item = i64> {
        self.claims.iter().copied()
    }

    /// A claim was read; false when it is a producer's repetition of the one before.
    pub fn claim(&mut self, offset: i64, appended_ms: i64, nonce: u64) -> bool {
        self.begin(offset, appended_ms);
        if self.last_nonce == Some(nonce) {
            return false;
        }
        self.epoch = Some(offset);
        self.claimed_ms = appended_ms;
        if self.claims.back().is_none_or(|last| *last < offset) {
            self.claims.push_back(offset);
            self.claims.drain(..self.claims.len().saturating_sub(CLAIMS_MAX));
        }
        self.last_nonce = Some(nonce);
        true
    }

    /// A line was read; `own`: we wrote it under this claim, so its consequences are ours to follow.
    pub fn line(
        &mut self,
        offset: i64,
        appended_ms: i64,
        epoch: i64,
        own: bool,
        key: RunKey,
        line: &Line,
    ) -> Applied {
        self.begin(offset, appended_ms);
        let epoch_before = self.epoch;
        let in_force = *self.epoch.get_or_insert(epoch);
        if epoch < in_force && !removed(Rule::Epoch) {
            return Applied::OldEpoch;
        }
        self.epoch = Some(epoch);
        let told_index = self.told_base + self.told.len() as u64;
        let run = self.runs.entry(key).or_default();
        let before = run.text_bytes();
        if !run.apply(line, told_index) {
            return Applied::AlreadySettled;
        }
        self.text_bytes = self.text_bytes - before + run.text_bytes();
        let follows = own && line.kind() != LineKind::Failed;
        let done_ms = (!follows).then_some(self.claimed_at_ms);
        let record_since_ms = if line.record_since_ms > 0 { line.record_since_ms } else { appended_ms };
        let seq = line.seq;
        self.told.push_back(Told { offset, appended_ms, record_since_ms, epoch_before, key, seq, done_ms });
        Applied::Valid
    }

    /// When the last claim was appended, by the broker's clock.
    pub fn claimed_ms(&self) -> i64 {
        self.claimed_ms
    }

    /// When the last valid line was appended, by the broker's clock.
    pub fn told_ms(&self) -> i64 {
        self.told.back().map_or(0, |told| told.appended_ms)
    }

    /// When the line was appended by which a run ended well; `None`: it did not, or that is forgotten.
    pub fn delivered_ms(&self, key: RunKey) -> Option<i64> {
        let run = self.runs.get(&key).filter(|run| run.delivered)?;
        let index = usize::try_from(run.settled_index.checked_sub(self.told_base)?).ok()?;
        self.told.get(index).map(|told| told.appended_ms)
    }

    pub fn run(&self, key: RunKey) -> Option<&Run> {
        self.runs.get(&key)
    }

    /// A record of this run and seq was polled (rule 8: a lower one after it is a duplicate).
    pub fn polled(&mut self, key: RunKey, seq: u32) {
        if seq > 0 {
            let run = self.runs.entry(key).or_default();
            run.polled = run.polled.max(seq);
        }
    }

    /// The consequences of a settling line were acknowledged. A later line of the run may have been read meanwhile.
    pub fn consequences_done(&mut self, now: Now, told_index: u64) {
        let index = told_index.checked_sub(self.told_base).and_then(|i| usize::try_from(i).ok());
        if let Some(told) = index.and_then(|index| self.told.get_mut(index)) {
            told.done_ms = Some(now.wall_ms);
        }
    }

    /// Since when every line is in memory.
    pub fn covers_from_ms(&self) -> Option<i64> {
        self.covers_from_ms
    }

    /// Whether a first-time record of an event appended then could have been settled before our memory begins.
    pub fn covers(&self, event_appended_ms: i64) -> bool {
        self.covers_from_ms.is_none_or(|from| event_appended_ms >= from)
    }

    pub fn memory_bytes(&self) -> usize {
        self.runs.len() * RUN_BYTES + self.told.len() * TOLD_BYTES + self.text_bytes
    }

    /// Forgets lines that no owner will need: appended and with their consequences acknowledged before `recent_ms`,
    /// about records older than `backlog_ms`, and of no record in work. Answers M and E: from where the next owner folds,
    /// and the epoch in force there.
    pub fn forget_before(
        &mut self,
        recent_ms: i64,
        backlog_ms: i64,
        in_work: impl Fn(RunKey, u32) -> bool,
    ) -> (i64, Option<i64>) {
        while let Some(told) = self.told.front() {
            let asked_for = told.appended_ms >= recent_ms
                || told.done_ms.is_none_or(|done| done >= recent_ms)
                || told.record_since_ms >= backlog_ms
                || in_work(told.key, told.seq);
            if asked_for && !removed(Rule::Memory) {
                return (told.offset, told.epoch_before);
            }
            self.covers_from_ms = self.covers_from_ms.map(|from| from.max(told.record_since_ms + 1));
            let (key, index) = (told.key, self.told_base);
            self.told.pop_front();
            self.told_base += 1;
            if self.runs.get(&key).is_some_and(|run| run.told_index <= index)
                && let Some(run) = self.runs.remove(&key)
            {
                self.text_bytes -= run.text_bytes();
            }
        }
        (self.next_offset, self.epoch)
    }
}

impl Run {
    /// False when the line is void.
    fn apply(&mut self, line: &Line, told_index: u64) -> bool {
        let failed = self.failed.iter().map(|told| (told.seq, number(told)));
        if is_void(line, self.ended, self.settled, failed) {
            return false;
        }
        if line.kind() == LineKind::Failed {
            self.failed.push(line.clone());
            self.told_index = told_index;
            return true;
        }
        self.settled = Some(line.seq);
        self.told_index = told_index;
        self.settled_index = told_index;
        match line.kind() {
            LineKind::Retry | LineKind::Parked => self.last = Some(Box::new(line.clone())),
            LineKind::Escalated => {
                self.ended = true;
                self.last = Some(Box::new(line.clone()));
            }
            _ => {
                self.ended = true;
                self.delivered = line.kind() == LineKind::Delivered;
                self.last = None;
            }
        }
        // What is repeated later carries the history, so those of earlier seqs stay too.
        if self.last.is_none() {
            self.failed = Vec::new();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: RunKey = RunKey { delivery_id: [1; 16], run: 0 };

    fn now(wall_ms: i64) -> Now {
        Now { wall_ms, mono_ms: wall_ms }
    }

    fn resume(fold_from: i64, claims: Vec<i64>) -> Resume {
        Resume { offset: 0, fold_from, epoch_there: None, covers_from_ms: Some(0), claims }
    }

    fn line(seq: u32, kind: LineKind) -> Line {
        Line { seq, kind: kind.into(), ..Line::default() }
    }

    #[test]
    fn a_fold_that_begins_anywhere_knows_the_epoch_there_from_the_claims() {
        let zombies = line(0, LineKind::Delivered);
        let mut fold = Fold::new(resume(20, vec![3, 12, 40]), now(0));
        assert_eq!(fold.line(20, 1, 3, false, KEY, &zombies), Applied::OldEpoch);
        assert_eq!(fold.line(21, 1, 12, false, KEY, &zombies), Applied::Valid);
    }

    #[test]
    fn consequences_that_are_done_late_do_not_hold_the_fold_back() {
        let mut fold = Fold::new(resume(0, Vec::new()), now(0));
        fold.claim(0, 0, 7);
        fold.line(1, 1, 0, true, KEY, &line(0, LineKind::Retry));
        let first = fold.run(KEY).unwrap().settled_index(0).unwrap();
        fold.line(2, 2, 0, true, KEY, &line(1, LineKind::Delivered));
        let second = fold.run(KEY).unwrap().settled_index(1).unwrap();
        fold.next_offset = 3;
        fold.consequences_done(now(5), second);
        assert_eq!(fold.forget_before(100, 100, |_, _| false), (1, Some(0)));
        fold.consequences_done(now(6), first);
        assert_eq!(fold.forget_before(100, 100, |_, _| false), (3, Some(0)));
    }

    #[test]
    fn failed_attempts_of_earlier_seqs_stay_for_what_is_repeated() {
        let mut fold = Fold::new(resume(0, Vec::new()), now(0));
        fold.line(1, 1, 0, true, KEY, &line(0, LineKind::Failed));
        fold.line(2, 1, 0, true, KEY, &line(0, LineKind::Retry));
        fold.line(3, 1, 0, true, KEY, &line(1, LineKind::Escalated));
        assert_eq!(fold.run(KEY).unwrap().failed(0).count(), 1);
    }
}
