//! What is known of a run.

use aerogram_wire::v1::{Attempt, Line, LineKind, PendingKind, Reason};

use super::Status;
use super::attempts::{add, shorten};
use super::void::{is_void, number};
use crate::sabotage::{Rule, removed};

/// How far a run is. Of two stages the greater one comes later.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Stage(i64);

/// What became of the record of a seq, in this order.
#[derive(Clone, Copy)]
enum Step {
    /// It stands in `pending`, as its entry says.
    Entered,
    /// It is to stand in `pending`, as the line says that settled the seq before.
    Told,
    /// It stands in `deliveries`.
    UnderWay,
    /// An attempt failed and the next one follows at once.
    Failed,
}

impl Stage {
    /// Neither a record nor a valid line was read.
    pub const UNKNOWN: Stage = Stage(-1);
    /// By a line.
    pub const ENDED: Stage = Stage(i64::MAX);
    const STEPS: i64 = 4;

    fn of(seq: u32, step: Step) -> Self {
        Self(i64::from(seq) * Self::STEPS + step as i64)
    }

    /// As it is kept.
    pub const fn number(self) -> i64 {
        self.0
    }

    /// What was kept.
    pub const fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// Its record is in `deliveries` and nowhere else: when that is gone and no line came, nobody will ever send it.
    pub const fn is_under_way(self) -> bool {
        self.0 >= 0 && self.0 != Self::ENDED.0 && self.0 % Self::STEPS >= Step::UnderWay as i64
    }
}

impl Default for Stage {
    fn default() -> Self {
        Self::UNKNOWN
    }
}

/// What a record of `deliveries` or of `pending` says of its run.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Record {
    pub seq: u32,
    /// Of an entry of `pending`: what it waits for. `None`: it is of `deliveries`.
    pub waits: Option<PendingKind>,
    /// Of an entry: when it is due, in milliseconds since 1970.
    pub due_at_ms: i64,
    pub attempts_made: u32,
    /// The attempts before it, oldest first.
    pub history: Vec<Attempt>,
    /// Since when it stands there.
    pub since_ms: i64,
}

/// What is known of a run.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Progress {
    pub stage: Stage,
    pub status: Status,
    /// The highest seq that a line settled.
    pub settled: Option<u32>,
    /// Seq and number of the attempt of each valid `failed` line whose seq is not settled.
    pub failed: Vec<(u32, u32)>,
    /// Oldest first; see [`shorten`].
    pub attempts: Vec<Attempt>,
    /// Those that count.
    pub attempts_made: u32,
    /// When the next attempt is due, in milliseconds since 1970; 0: that is not said.
    pub due_at_ms: i64,
    /// Why it ended so.
    pub reason: Reason,
    /// When it became what it is, in milliseconds since 1970.
    pub changed_at_ms: i64,
}

impl Progress {
    /// A line of a claim that is in force was read, which was appended then. False: it is void.
    pub fn apply(&mut self, line: &Line, appended_at_ms: i64) -> bool {
        if is_void(line, self.has_ended(), self.settled, self.failed.iter().copied()) {
            return false;
        }
        let attempt = line.attempt.iter().filter(|attempt| attempt.number > 0);
        self.remember(attempt, line.attempts_made);
        let (stage, status, due_at_ms) = match (line.kind(), Status::ended_by(line.kind())) {
            (_, Some(status)) => (Stage::ENDED, status, 0),
            (LineKind::Failed, None) => (Stage::of(line.seq, Step::Failed), Status::Pending, 0),
            (LineKind::Parked, None) => {
                (Stage::of(line.seq.saturating_add(1), Step::Told), Status::Parked, 0)
            }
            (_, None) => (Stage::of(line.seq.saturating_add(1), Step::Told), Status::Pending, line.due_at_ms),
        };
        if line.kind() == LineKind::Failed {
            self.failed.push((line.seq, number(line)));
        } else {
            self.settled = Some(line.seq);
            self.failed.retain(|(seq, _)| *seq > line.seq);
        }
        if stage >= self.stage {
            (self.stage, self.status) = (stage, status);
            (self.due_at_ms, self.reason, self.changed_at_ms) = (due_at_ms, line.reason(), appended_at_ms);
        }
        self.name_it();
        true
    }

    /// A record of the run was read.
    pub fn record(&mut self, record: &Record) {
        self.remember(record.history.iter(), record.attempts_made);
        match record.waits {
            None => self.reach(Stage::of(record.seq, Step::UnderWay), Status::Pending, 0, record.since_ms),
            Some(PendingKind::Parked) => {
                self.reach(Stage::of(record.seq, Step::Entered), Status::Parked, 0, record.since_ms);
            }
            Some(PendingKind::Retry | PendingKind::Behind | PendingKind::Unspecified) => {
                let stage = Stage::of(record.seq, Step::Entered);
                self.reach(stage, Status::Pending, record.due_at_ms, record.since_ms);
            }
        }
        self.name_it();
    }

    /// Its entry of this seq left `pending` then, for it was fired and settled.
    pub fn left_pending(&mut self, seq: u32, at_ms: i64) {
        self.reach(Stage::of(seq, Step::UnderWay), Status::Pending, 0, at_ms);
        self.name_it();
    }

    pub fn has_ended(&self) -> bool {
        self.stage == Stage::ENDED
    }

    fn reach(&mut self, stage: Stage, status: Status, due_at_ms: i64, at_ms: i64) {
        if stage > self.stage || removed(Rule::HistoryForward) {
            (self.stage, self.status) = (stage, status);
            (self.due_at_ms, self.reason, self.changed_at_ms) = (due_at_ms, Reason::Unspecified, at_ms);
        } else if stage == self.stage {
            // It stands there twice.
            self.changed_at_ms = self.changed_at_ms.min(at_ms);
        }
    }

    fn remember<'a>(&mut self, attempts: impl Iterator<Item = &'a Attempt>, made: u32) {
        for attempt in attempts {
            add(&mut self.attempts, attempt);
        }
        shorten(&mut self.attempts);
        self.attempts_made = self.attempts_made.max(made);
    }

    /// Whether it was tried may be known later than how far it is.
    fn name_it(&mut self) {
        if matches!(self.status, Status::Pending | Status::Retrying) {
            let tried = self.attempts_made > 0 || !self.attempts.is_empty();
            self.status = if tried { Status::Retrying } else { Status::Pending };
        }
    }
}
