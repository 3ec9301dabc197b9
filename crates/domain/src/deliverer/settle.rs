//! Outcome → line → (read back) → consequences → settled. Rules 3, 5, 6, 7, 8 and 14.

use super::action::{Consequence, Ticket};
use super::admit::oldest_line_ms;
use super::item::State;
use super::lane::Went;
use super::{Action, Partition};
use crate::clock::Now;
use crate::ended::Ended;
use crate::history::shorten;
use crate::policy::{Answer, AttemptResult, Policy, Remark, Verdict};
use crate::sabotage::{Rule, removed};
use aerogram_wire::SCHEMA;
use aerogram_wire::key::{PendingKey, RunKey};
use aerogram_wire::v1::{
    Attempt, Delivery, Escalation, Line, LineBatch, LineKind, Outcome, PendingEntry, PendingKind, Reason,
};

/// Longest `problem` of an attempt.
const PROBLEM_MAX_BYTES: usize = 300;
/// Longest `excerpt` of an attempt; the configuration may ask for less.
const EXCERPT_MAX_BYTES: usize = 4_096;

impl Partition {
    /// A request ended. The outcome is written, and acted upon only when it was read back.
    pub fn on_response(&mut self, now: Now, offset: i64, result: AttemptResult, out: &mut Vec<Action>) {
        let made = self.attempts_made(offset);
        let Some(item) = self.items.get(offset).filter(|item| item.state == State::Sending) else { return };
        let Some((_, policy)) = item.sent_as.clone() else { return };
        let once = item.delivery.once;
        let subscription_id = item.delivery.subscription_id.clone();
        let first_ms =
            item.delivery.history.first().map_or(result.started_at_ms, |first| first.started_at_ms);
        let verdict = policy.decide(result.answer, made + 1, first_ms, now.wall_ms, self.rng.u64(..));
        self.note(now, &subscription_id, &policy, &result);
        self.lanes.close(now.mono_ms, &subscription_id, offset);
        let outcome = policy.outcome(result.answer);
        let remark = if verdict == Verdict::Delivered { Remark::default() } else { result.remark };
        let kind = match verdict {
            Verdict::Delivered => LineKind::Delivered,
            // Nobody is called for a test event, and it is not tried again.
            _ if once => LineKind::Expired,
            Verdict::AtOnce => LineKind::Failed,
            Verdict::Retry { .. } => LineKind::Retry,
            Verdict::Escalate(_) => LineKind::Escalated,
        };
        self.tell(now, offset, kind, |line| {
            line.attempt = Some(Attempt {
                number: made + 1,
                started_at_ms: result.started_at_ms,
                duration_ms: result.duration_ms,
                outcome: outcome.into(),
                status: match result.answer {
                    Answer::Status { status, .. } => status.into(),
                    Answer::Failed(_) => 0,
                },
                problem: cut(remark.problem, PROBLEM_MAX_BYTES),
                tls_problem: remark.tls_problem,
                excerpt: cut(remark.excerpt, EXCERPT_MAX_BYTES),
            });
            line.attempts_made = made + 1;
            match verdict {
                _ if once => {}
                Verdict::Retry { due_at_ms, counted } => {
                    line.due_at_ms = due_at_ms;
                    line.attempts_made = made + u32::from(counted);
                }
                Verdict::Escalate(reason) => line.reason = reason.into(),
                Verdict::Delivered | Verdict::AtOnce => {}
            }
        });
        self.pump(now, out);
    }

    /// How the receiver does, for its lane; what waits too long now is parked. A test event tells of the receiver as any other
    /// request does, with one exception: what it fails by is not held against the subscription (`hear_failure`).
    fn note(&mut self, now: Now, subscription_id: &str, policy: &Policy, result: &AttemptResult) {
        let went = match policy.outcome(result.answer) {
            Outcome::Delivered => Went::Well,
            Outcome::PlatformError => Went::Nothing,
            _ => Went::Badly,
        };
        if went == Went::Well {
            self.went_well(now, subscription_id);
        }
        let asked_ms = policy.asked_by_receiver(result.answer);
        let pause_until_ms = (asked_ms > 0).then_some(now.mono_ms + asked_ms);
        let took_ms = i64::from(result.duration_ms);
        self.lanes.went(now.mono_ms, subscription_id, went, took_ms, pause_until_ms);
        let late = self.lanes.take_too_late(now.mono_ms, subscription_id);
        self.park(now, late);
    }

    fn window(&self, now: Now, delivery: &Delivery) -> u32 {
        u32::try_from(self.lanes.window(now.mono_ms, &delivery.subscription_id)).unwrap_or(u32::MAX)
    }

    /// Puts a line on its way.
    pub(super) fn tell(&mut self, now: Now, offset: i64, kind: LineKind, fill: impl FnOnce(&mut Line)) {
        let Some(item) = self.items.get_mut(offset) else { return };
        item.state = State::Lining;
        let mut line = Line {
            delivery_id: item.delivery.delivery_id.clone(),
            run: item.delivery.run,
            seq: item.delivery.seq,
            kind: kind.into(),
            attempts_made: item.delivery.attempts_made,
            record_since_ms: oldest_line_ms(&item.delivery),
            ..Line::default()
        };
        fill(&mut line);
        if self.lines.is_empty() {
            self.lines_since_ms = now.mono_ms;
        }
        self.lines.push(line);
    }

    pub(super) fn flush_lines(&mut self, now: Now, out: &mut Vec<Action>) {
        let waited = now.mono_ms - self.lines_since_ms >= self.config.line_batch_wait_ms;
        while self.lines.len() >= self.config.line_batch_max || (waited && !self.lines.is_empty()) {
            let n = self.lines.len().min(self.config.line_batch_max);
            let lines: Vec<_> = self.lines.drain(..n).collect();
            out.push(Action::Lines(LineBatch { epoch: self.epoch, lines: lines.clone() }));
            if removed(Rule::ReadBack) {
                self.act_unread(now, lines, out);
            }
        }
    }

    fn act_unread(&mut self, now: Now, lines: Vec<Line>, out: &mut Vec<Action>) {
        for line in lines {
            let key = RunKey::new(&line.delivery_id, line.run);
            if let Some(offset) = key.and_then(|key| self.items.find(key, line.seq)) {
                self.lined(now, offset, line, out);
            }
        }
    }

    /// The own line came back and is valid.
    pub(super) fn lined(&mut self, now: Now, offset: i64, line: Line, out: &mut Vec<Action>) {
        self.leave_flight(offset);
        self.hear_failure(now, offset, &line, out);
        if line.kind() == LineKind::Failed {
            // The next attempt follows at once: next in its lane.
            self.set_state(offset, State::Waiting);
            return self.enter_lane_first(now, offset);
        }
        if let Some(item) = self.items.get(offset) {
            // What people send again is as old as they were slow, and a test waits for whatever it tests.
            let accepted_at_ms =
                if item.delivery.run == 0 && !item.delivery.once { item.delivery.accepted_at_ms } else { 0 };
            out.push(Action::Settled { kind: line.kind(), accepted_at_ms });
        }
        self.consequences(now, offset, Some(line), out);
    }

    /// The record's run has ended or its seq is settled: it is not sent, but what should have followed is repeated.
    pub(super) fn duplicate(&mut self, now: Now, offset: i64, out: &mut Vec<Action>) {
        self.leave_flight(offset);
        let Some(item) = self.items.get(offset) else { return };
        let line = self.fold.run(item.key).and_then(|run| run.settling_line(item.delivery.seq));
        let line = line.filter(|_| !removed(Rule::Redo)).cloned();
        self.consequences(now, offset, line, out);
    }

    pub(super) fn leave_flight(&mut self, offset: i64) {
        if let Some(item) = self.items.get_mut(offset)
            && std::mem::take(&mut item.in_flight)
        {
            self.in_flight -= 1;
        }
    }

    /// Writes what follows from a line: the pending entry of the next seq, the escalation, the tombstone.
    fn consequences(&mut self, now: Now, offset: i64, line: Option<Line>, out: &mut Vec<Action>) {
        let before = out.len();
        self.take_note_back(now, offset, out);
        if let Some(line) = &line {
            match line.kind() {
                LineKind::Retry | LineKind::Parked => self.pend(now, offset, line, out),
                LineKind::Escalated => self.escalate(offset, line, out),
                _ => {}
            }
        }
        let ended = self.ended(now, offset, line.as_ref());
        let Some(item) = self.items.get_mut(offset) else { return };
        item.told_index = self.fold.run(item.key).and_then(|run| run.settled_index(item.delivery.seq));
        let is_duplicate = item.state != State::Lining;
        if item.delivery.from_pending && !(is_duplicate && removed(Rule::DuplicateTombstone)) {
            out.push(Action::Tombstone {
                ticket: Ticket { offset, consequence: Consequence::Tombstone },
                key: PendingKey { run: item.key, seq: item.delivery.seq },
                ended,
            });
        }
        item.line = line.map(Box::new);
        item.state = State::Settling((out.len() - before) as u8);
        self.settle_if_done(now, offset);
    }

    /// What a tombstone tells the scheduler.
    fn ended(&self, now: Now, offset: i64, line: Option<&Line>) -> Ended {
        let id = self.items.get(offset).map_or("", |item| &item.delivery.subscription_id);
        let paused_until_ms = self.lanes.paused_long_until_ms(now.mono_ms, id);
        Ended {
            kind: line.and_then(kind_of),
            paused_until_ms: paused_until_ms.map(|until_ms| now.wall_ms + until_ms - now.mono_ms),
        }
    }

    fn pend(&self, now: Now, offset: i64, line: &Line, out: &mut Vec<Action>) {
        let Some(item) = self.items.get(offset) else { return };
        let seq = item.delivery.seq + 1;
        let kind = if line.kind() == LineKind::Parked { PendingKind::Parked } else { PendingKind::Retry };
        let delivery = Delivery {
            seq,
            attempts_made: line.attempts_made,
            due_at_ms: line.due_at_ms,
            from_pending: false,
            by_credit: false,
            history: self.history(offset, line),
            ..Delivery::clone(&item.delivery)
        };
        out.push(Action::Pend {
            ticket: Ticket { offset, consequence: Consequence::Pend },
            key: PendingKey { run: item.key, seq },
            entry: Box::new(PendingEntry {
                schema: SCHEMA,
                kind: kind.into(),
                due_at_ms: line.due_at_ms,
                delivery: Some(delivery),
                window_max: if kind == PendingKind::Parked { self.window(now, &item.delivery) } else { 0 },
            }),
        });
    }

    fn escalate(&self, offset: i64, line: &Line, out: &mut Vec<Action>) {
        let Some(item) = self.items.get(offset) else { return };
        // What was called and judged by; of an inherited line only what is so now.
        let sent_as = item.sent_as.as_ref().filter(|_| !removed(Rule::JudgedBy));
        let (callback_url, policy) = match (sent_as, self.table.get(&item.delivery.subscription_id)) {
            (Some((subscription, policy)), _) => (subscription.callback_url.clone(), policy.name.clone()),
            (None, Some(now)) => {
                (now.callback_url.clone(), self.policies.of(&now.policy, &now.profile).name.clone())
            }
            (None, None) => Default::default(),
        };
        // Without an attempt: when it was decided, whoever writes it.
        let ended_ms =
            line.attempt.as_ref().map_or(line.due_at_ms, |a| a.started_at_ms + i64::from(a.duration_ms));
        out.push(Action::Escalate {
            ticket: Ticket { offset, consequence: Consequence::Escalate },
            key: item.key,
            escalation: Box::new(Escalation {
                schema: SCHEMA,
                reason: line.reason,
                attempts: self.history(offset, line),
                escalated_at_ms: ended_ms,
                callback_url,
                policy,
                // How the record came is no part of it: a copy may have been fired another way.
                delivery: Some(Delivery {
                    history: Vec::new(),
                    due_at_ms: 0,
                    from_pending: false,
                    by_credit: false,
                    ..Delivery::clone(&item.delivery)
                }),
                resolution: None,
            }),
        });
        if line.reason() == Reason::Gone {
            out.push(Action::Deactivate {
                ticket: Ticket { offset, consequence: Consequence::Deactivate },
                key: item.key,
                subscription_id: item.delivery.subscription_id.clone(),
                detail: "the receiver answered 410 Gone".into(),
            });
        }
    }

    /// Every attempt of the run up to `line`, oldest first; past the cap those after the first are left out, and the texts
    /// of all but the last ones.
    fn history(&self, offset: i64, line: &Line) -> Vec<Attempt> {
        let Some(item) = self.items.get(offset) else { return Vec::new() };
        let failed = self.fold.run(item.key).into_iter().flat_map(|run| run.failed(line.seq));
        let mut history: Vec<_> = item
            .delivery
            .history
            .iter()
            .chain(failed.chain([line]).filter_map(|l| l.attempt.as_ref()))
            .cloned()
            .collect();
        shorten(&mut history);
        history
    }

    /// A consequence was acknowledged.
    pub fn on_written(&mut self, now: Now, ticket: Ticket, out: &mut Vec<Action>) {
        if let Some(item) = self.items.get_mut(ticket.offset)
            && let State::Settling(left) = item.state
        {
            item.state = State::Settling(left.saturating_sub(1));
            self.settle_if_done(now, ticket.offset);
        }
        self.pump(now, out);
    }

    /// A pending entry was not acknowledged in time: it may or may not be there. It is repeated only after `attempts`
    /// was read to its end, so that a later owner's claim would have stopped us.
    pub fn on_expired(&mut self, ticket: Ticket, out: &mut Vec<Action>) {
        self.expired.push(ticket);
        self.repeat_after = None;
        out.push(Action::ProbeAttemptsEnd);
    }

    /// The end of `attempts`; `None`: it could not be found out and is asked again.
    pub fn on_attempts_end(&mut self, now: Now, end: Option<i64>, out: &mut Vec<Action>) {
        match end {
            Some(end) => self.repeat_after = Some(end),
            None if !self.expired.is_empty() => out.push(Action::ProbeAttemptsEnd),
            None => {}
        }
        self.pump(now, out);
    }

    pub(super) fn repeat_expired(&mut self, now: Now, out: &mut Vec<Action>) {
        if self.expired.is_empty() || self.repeat_after.is_none_or(|end| self.fold.next_offset < end) {
            return;
        }
        self.repeat_after = None;
        for ticket in std::mem::take(&mut self.expired) {
            if let Some(line) = self.items.get(ticket.offset).and_then(|item| item.line.clone()) {
                self.pend(now, ticket.offset, &line, out);
            }
        }
    }

    fn settle_if_done(&mut self, now: Now, offset: i64) {
        let Some(item) = self.items.get(offset) else { return };
        if item.state == State::Settling(0) {
            if let Some(index) = item.told_index {
                self.fold.consequences_done(now, index);
            }
            self.items.settle(offset);
            self.advance();
        }
    }
}

/// What the scheduler learns of the receiver by a line.
fn kind_of(line: &Line) -> Option<LineKind> {
    match line.kind() {
        // As little as by a cancellation: the next one will need no attempt either.
        LineKind::Escalated if line.attempt.is_none() => Some(LineKind::Cancelled),
        // Nothing at all: it was not asked, for it wants to be left alone.
        LineKind::Retry if line.attempt.is_none() => None,
        kind => Some(kind),
    }
}

fn cut(mut text: String, max_bytes: usize) -> String {
    text.truncate(text.floor_char_boundary(max_bytes));
    text
}
