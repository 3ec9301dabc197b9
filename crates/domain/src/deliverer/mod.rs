//! The deliverer's decisions for one owned partition. The rules, with the traps, are those of `docs/protocol.md`.
//!
//! `attempts` alone decides: pending entries, tombstones, escalations, the next attempt and commits are repeatable
//! consequences of a line that was read back and is not void.
//!
//! One file a stage: [`fold`] (what `attempts` says), [`admit`] (a record of `deliveries` comes in), [`send`] (lanes and
//! requests), [`limited`] (tokens and bytes), [`settle`] (outcome → line → consequences), [`commit`] (how far, and from where the next owner folds).

mod action;
mod admit;
mod commit;
mod config;
mod failing;
mod fold;
mod item;
mod lane;
mod lanes;
mod limited;
mod pace;
mod places;
mod polled;
mod recalled;
mod send;
mod settle;
mod table;
mod top;

pub use action::{Action, Consequence, Ticket, Why};
pub use admit::Malformed;
pub use commit::{BadMetadata, Resume};
pub use config::{Config, Shared};
pub use failing::FailingConfig;
pub use fold::Fold;
pub use lane::LaneConfig;
pub use top::{LaneShown, LaneState};

use crate::clock::Now;
use crate::limits::{Held, Installation, Member};
use crate::policy::Policies;
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::attempts_record::Body;
use aerogram_wire::v1::{AttemptsRecord, Line, Subscription};
use commit::Commits;
use failing::Failing;
use fold::Applied;
use item::{Items, State};
use lanes::Lanes;
use polled::Polled;
use recalled::Recalled;
use std::collections::BTreeSet;
use std::sync::Arc;
use table::Table;

/// How often at least the end of `deliveries` is seen within the horizon, when nothing comes.
const PROBES_IN_HORIZON: i64 = 4;
/// Time between looks at the lanes.
const LOOK_MS: i64 = 500;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// Reading `attempts` up to the own claim.
    Folding,
    Running,
    /// Only what is in flight is finished.
    Draining,
    /// Another claim was read, or the memory does not suffice: the shell starts anew or gives up.
    Stopped,
}

/// The state of one owned partition, from one claim to the end of that ownership.
pub struct Partition {
    config: Config,
    policies: Arc<Policies>,
    installation: Arc<Installation>,
    /// Of the limits that the partitions of the process share.
    member: Member,
    /// Its part of what the process may hold.
    item_bytes: Held,
    memory_bytes: Held,
    rng: fastrand::Rng,
    phase: Phase,
    nonce: u64,
    epoch: i64,
    fold: Fold,
    table: Table,
    items: Items,
    lanes: Lanes,
    failing: Failing,
    /// When the lanes are looked at next for what waits too long.
    next_look_ms: i64,
    not_due: BTreeSet<(i64, i64)>,
    in_flight: usize,
    lines: Vec<Line>,
    lines_since_ms: i64,
    /// Pending entries whose write expired; repeated only after `attempts` was read to its end.
    expired: Vec<Ticket>,
    repeat_after: Option<i64>,
    /// To start again once nothing is in flight.
    leaving: Option<Why>,
    commits: Commits,
    /// A time before which the last polled record was not appended, unless the end was reached since; the beginning of
    /// time while nothing was polled: the records to come may have lines already.
    behind_since_ms: Option<i64>,
    polled: Polled,
    recalled: Recalled,
}

impl Partition {
    /// Begins an ownership: `resume` is what the last commit said, `nonce` and `seed` are random.
    ///
    /// The shell folds `subscriptions` from the beginning and `attempts` from `resume.fold_from`, and reads
    /// `deliveries` from `resume.offset`.
    pub fn new(
        config: Config,
        shared: Shared,
        resume: Resume,
        nonce: u64,
        seed: u64,
        now: Now,
        out: &mut Vec<Action>,
    ) -> Self {
        out.push(Action::Claim { nonce });
        let first_offset = resume.offset;
        Self {
            commits: Commits::new(resume.offset, now),
            fold: Fold::new(resume, now),
            policies: shared.policies,
            installation: shared.installation,
            member: Member::join(shared.limiter),
            item_bytes: Held::none(shared.item_bytes),
            memory_bytes: Held::none(shared.memory_bytes),
            rng: fastrand::Rng::with_seed(seed),
            phase: Phase::Folding,
            nonce,
            epoch: -1,
            table: Table::new(now),
            items: Items::default(),
            lanes: Lanes::new(config.lanes, config.in_flight_max),
            failing: Failing::new(config.failing.clone()),
            next_look_ms: now.mono_ms,
            not_due: BTreeSet::new(),
            in_flight: 0,
            lines: Vec::new(),
            lines_since_ms: 0,
            expired: Vec::new(),
            repeat_after: None,
            leaving: None,
            behind_since_ms: Some(i64::MIN),
            polled: Polled::new(first_offset, now),
            recalled: Recalled::new(),
            config,
        }
    }

    /// Whether the own claim was read back and the table read to its end.
    pub fn is_running(&self) -> bool {
        self.phase == Phase::Running && self.table.is_folded()
    }

    /// The claim's offset; -1 before it was read back.
    pub fn epoch(&self) -> i64 {
        self.epoch
    }

    /// Requests whose outcome line was not read back.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// `deliveries` was read to its end: there is no backlog that memory must reach back for.
    pub fn on_deliveries_end(&mut self, now: Now) {
        self.polled.at_end(now);
        self.behind_since_ms = None;
    }

    /// The answer to [`Action::ProbeDeliveriesEnd`]; `None`: it could not be found out.
    pub fn on_deliveries_probe(&mut self, end: Option<i64>) {
        if self.polled.told(end) {
            self.behind_since_ms = None;
        }
    }

    /// A record of `subscriptions`; `None`: a tombstone of an unknown kind, which only moves the position.
    pub fn on_subscription(
        &mut self,
        now: Now,
        offset: i64,
        state: Option<Subscription>,
        out: &mut Vec<Action>,
    ) {
        if let Some(state) = &state {
            let before = self.table.get(&state.id).map(AsRef::as_ref);
            if self.table.is_folded() {
                self.failing.read(now.mono_ms, before, state);
            }
            self.lanes.changed(before, state, &self.installation);
        }
        self.table.read(offset, state);
        self.note_who_shares(now);
        self.lanes.recheck_stale();
        self.pump(now, out);
    }

    /// `subscriptions` was read to its end, which was at least `end` when it was asked for before the reading began.
    pub fn on_subscriptions_end(&mut self, now: Now, end: i64, out: &mut Vec<Action>) {
        self.table.read_to_end(end);
        self.lanes.recheck_stale();
        self.pump(now, out);
    }

    /// The answer to [`Action::ProbeTableEnd`]; `None`: it could not be found out.
    pub fn on_table_end(&mut self, now: Now, end: Option<i64>, out: &mut Vec<Action>) {
        self.table.told(end, out);
        self.pump(now, out);
    }

    /// A record of `attempts`, in order: the fold at first, then the reading back of one's own.
    pub fn on_attempts(
        &mut self,
        now: Now,
        offset: i64,
        appended_ms: i64,
        record: AttemptsRecord,
        out: &mut Vec<Action>,
    ) {
        match record.body {
            Some(Body::Claim(claim)) => {
                let counted = self.fold.claim(offset, appended_ms, claim.nonce);
                match (self.phase, claim.nonce == self.nonce) {
                    (Phase::Folding, true) => {
                        self.epoch = self.fold.epoch_in_force().unwrap_or(offset);
                        self.phase = Phase::Running;
                    }
                    (Phase::Running | Phase::Draining, false) if counted => self.stop(Why::ForeignClaim, out),
                    _ => {}
                }
            }
            Some(Body::Batch(batch)) => {
                for line in batch.lines {
                    // A line whose id is not one was written by nobody of ours and can settle nothing.
                    let Some(key) = RunKey::new(&line.delivery_id, line.run) else { continue };
                    let own = batch.epoch == self.epoch && self.phase != Phase::Folding;
                    let applied = self.fold.line(offset, appended_ms, batch.epoch, own, key, &line);
                    if own {
                        self.read_back(now, key, line, applied, out);
                    }
                }
            }
            None => {}
        }
        self.fold.next_offset = offset + 1;
        self.pump(now, out);
    }

    fn read_back(&mut self, now: Now, key: RunKey, line: Line, applied: Applied, out: &mut Vec<Action>) {
        let Some(offset) = self.items.find(key, line.seq) else { return };
        if self.items.get(offset).is_none_or(|item| item.state != State::Lining) {
            return;
        }
        match applied {
            Applied::Valid => self.lined(now, offset, line, out),
            // Void because the run or the seq was settled before: the record is a duplicate.
            Applied::AlreadySettled => self.duplicate(now, offset, out),
            // Void because of a later claim, which was read before: we have stopped.
            Applied::OldEpoch => {}
        }
    }

    /// Whether the commit that was asked for succeeded; it was sent when [`Action::Commit`] was given.
    pub fn on_commit(&mut self, now: Now, succeeded: bool, out: &mut Vec<Action>) {
        self.commits.answered(succeeded, self.config.lease_ms);
        self.pump(now, out);
    }

    /// A rebalance has begun: nothing more is sent under this lease.
    /// Only a commit sent after it gives a new one.
    pub fn on_rebalance(&mut self) {
        self.commits.end_lease();
    }

    /// Stop taking and sending; what is in flight is finished.
    pub fn drain(&mut self) {
        self.leaving = None;
        if self.phase == Phase::Running {
            self.phase = Phase::Draining;
        }
        if self.phase == Phase::Folding {
            self.phase = Phase::Stopped;
        }
    }

    /// Nothing is in flight and every line has had its consequences.
    pub fn is_drained(&self) -> bool {
        self.phase != Phase::Running && self.lines.is_empty() && !self.items.any_in_flight()
    }

    /// The clock moved on; call at least when [`Partition::next_wake_ms`] is reached.
    pub fn tick(&mut self, now: Now, out: &mut Vec<Action>) {
        if !matches!(self.phase, Phase::Running | Phase::Draining) {
            return;
        }
        if self.lanes.stale_since().is_some_and(|since| now.mono_ms - since > self.config.freshness_wait_ms) {
            self.leave(Why::TableBehind);
        }
        self.table.ask_if_due(now, &self.config, out);
        self.polled.ask_if_due(now, self.config.horizon_ms / PROBES_IN_HORIZON, out);
        self.commit_if_due(now, out);
        self.look_at_lanes(now);
        self.note_health(now, out);
        self.pump(now, out);
    }

    /// When [`Partition::tick`] wants to be called next, by the monotonic clock; `now` tells what due times mean.
    pub fn next_wake_ms(&self, now: Now) -> i64 {
        if !matches!(self.phase, Phase::Running | Phase::Draining) {
            return now.mono_ms + self.config.commit_interval_ms;
        }
        let mut wake = self.commits.next_ms;
        if !self.lines.is_empty() {
            wake = wake.min(self.lines_since_ms + self.config.line_batch_wait_ms);
        }
        if self.phase == Phase::Running {
            if let Some((due, _)) = self.not_due.first() {
                wake = wake.min(now.mono_ms + (due - now.wall_ms).max(0));
            }
            if let Some(resumes_ms) = self.lanes.resumes_ms() {
                wake = wake.min(resumes_ms);
            }
            wake = wake.min(self.next_look_ms);
        }
        wake
    }

    /// An open request that takes long makes what is behind it late, though nothing happens.
    fn look_at_lanes(&mut self, now: Now) {
        if now.mono_ms >= self.next_look_ms && self.phase == Phase::Running {
            self.next_look_ms = now.mono_ms + LOOK_MS;
            self.note_who_shares(now);
            let late = self.lanes.take_all_too_late(now.mono_ms);
            self.park(now, late);
        }
    }

    fn pump(&mut self, now: Now, out: &mut Vec<Action>) {
        if self.phase == Phase::Running {
            self.send_what_may_be_sent(now, out);
        }
        if matches!(self.phase, Phase::Running | Phase::Draining) {
            self.repeat_expired(now, out);
            self.flush_lines(now, out);
        }
        if self.leaving.is_some() && self.phase == Phase::Draining && self.is_drained() {
            self.phase = Phase::Stopped;
            out.extend(self.leaving.take().map(Action::StartAgain));
        }
        self.count_bytes();
    }

    /// Starts again, but not before what is in flight has ended: a request cut off would be repeated.
    fn leave(&mut self, why: Why) {
        if self.phase == Phase::Running {
            self.phase = Phase::Draining;
            self.leaving = Some(why);
        }
    }

    fn stop(&mut self, why: Why, out: &mut Vec<Action>) {
        self.phase = Phase::Stopped;
        out.push(Action::StartAgain(why));
    }
}
