//! One deliverer and one scheduler without any fault, so that what is left is the schedule: each action is carried out in
//! the millisecond it was asked for, records come back at once, and time jumps to where something may happen.

use aerogram_domain::clock::Now;
use aerogram_domain::deliverer::{self, Resume};
use aerogram_domain::policy::{Answer, AttemptResult, Policies, Remark};
use aerogram_domain::scheduler;
use aerogram_domain::store::{StoreState, execute};
use aerogram_wire::key::PendingKey;
use aerogram_wire::v1::attempts_record::Body;
use aerogram_wire::v1::{
    AttemptsRecord, Claim, Delivery, Escalation, Event, Line, PendingEntry, Status, Subscription,
};
use aerogram_wire::{Message as _, SCHEMA};
use std::collections::VecDeque;
use std::sync::Arc;

/// When the delivery comes, by the wall clock; the monotonic one began somewhere else.
pub const BEGINNING_MS: i64 = 1_000_000_000;
/// When the roles begin: early enough to have taken the partition over by then.
const STARTED_MS: i64 = BEGINNING_MS - 5 * STEP_MS;
const BOOTED_MS: i64 = STARTED_MS - 777;
/// Without anything due, time goes on like this, for leases and probes.
const STEP_MS: i64 = 1_000;

/// What a receiver does with one request, and how long it takes.
#[derive(Clone, Copy, Debug)]
pub struct Try {
    pub answer: Answer,
    pub takes_ms: i64,
}

/// A request that was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sent {
    pub number: u32,
    pub begun_ms: i64,
    pub ended_ms: i64,
}

/// How long the two roles wait for company; the schedule alone without.
#[derive(Clone, Copy)]
pub struct Waits {
    pub line_ms: i64,
    pub tick_ms: i64,
}

/// The partition of one subscription, with one delivery in it.
pub struct Machinery {
    now_ms: i64,
    waits: Waits,
    deliverer: deliverer::Partition,
    scheduler: scheduler::Partition,
    store: Option<StoreState>,
    asked_of_deliverer: VecDeque<deliverer::Action>,
    asked_of_scheduler: VecDeque<scheduler::Action>,
    subscriptions: Vec<Subscription>,
    attempts: Vec<AttemptsRecord>,
    pub deliveries: Vec<Delivery>,
    pub pending: Vec<(PendingKey, Option<PendingEntry>)>,
    pub escalations: Vec<Escalation>,
    pub deactivations: Vec<String>,
    /// Next offsets to be read: subscriptions, attempts, deliveries by the deliverer; pending by the scheduler.
    read: [usize; 4],
    ends_told: (bool, bool),
    tries: VecDeque<Try>,
    under_way: Option<(i64, Try, Sent)>,
    pub sent: Vec<Sent>,
    /// Where the last commit said that everything before is settled.
    pub committed: i64,
}

impl Machinery {
    /// A delivery for a subscription of the profile `staffing`, whose receiver does this, the last of it for ever.
    pub fn new(tries: &[Try], waits: Waits) -> Self {
        let now = Now { wall_ms: STARTED_MS, mono_ms: STARTED_MS - BOOTED_MS };
        let config = deliverer::Config { line_batch_wait_ms: waits.line_ms, ..deliverer::Config::default() };
        let mut asked = Vec::new();
        let (policies, resume) = (Arc::new(Policies::new([])), Resume::parse(0, "").expect("no metadata"));
        let shared = deliverer::Shared::unlimited(policies);
        let deliverer = deliverer::Partition::new(config, shared, resume, 11, 12, now, &mut asked);
        let config = scheduler::Config { tick_ms: waits.tick_ms, ..scheduler::Config::default() };
        let mut scheduler = scheduler::Partition::new(config, 13, "staffing".into(), now);
        let mut asked_too = Vec::new();
        scheduler.start(&mut asked_too);
        let mut subscription = Subscription {
            id: "s".into(),
            profile: "staffing".into(),
            callback_url: "https://crew.example/hook".into(),
            version: 1,
            ..Subscription::default()
        };
        subscription.set_status(Status::Active);
        let delivery = Delivery {
            schema: SCHEMA,
            delivery_id: vec![7; 16].into(),
            subscription_id: subscription.id.clone(),
            event: Some(Event::default()),
            event_appended_at_ms: BEGINNING_MS,
            accepted_at_ms: BEGINNING_MS,
            ..Delivery::default()
        };
        let mut machinery = Self {
            now_ms: STARTED_MS,
            waits,
            deliverer,
            scheduler,
            store: None,
            asked_of_deliverer: asked.into(),
            asked_of_scheduler: asked_too.into(),
            subscriptions: vec![subscription],
            attempts: Vec::new(),
            deliveries: Vec::new(),
            pending: Vec::new(),
            escalations: Vec::new(),
            deactivations: Vec::new(),
            read: [0; 4],
            ends_told: (false, false),
            tries: tries.iter().copied().collect(),
            under_way: None,
            sent: Vec::new(),
            committed: 0,
        };
        while machinery.now_ms < BEGINNING_MS {
            machinery.settle();
            machinery.now_ms += STEP_MS;
        }
        machinery.deliveries.push(delivery);
        machinery
    }

    /// Lets time pass until the run has ended, and then for as long again as `after_ms`.
    pub fn run(&mut self, after_ms: i64) {
        let mut ends_ms = None;
        self.settle();
        while ends_ms.is_none_or(|ends| self.now_ms < ends) {
            self.now_ms = self.next_ms();
            self.settle();
            if ends_ms.is_none() && self.lines().iter().any(|line| (1..=5).contains(&line.kind)) {
                ends_ms = Some(self.now_ms + after_ms);
            }
        }
    }

    /// Every line that was written, in order.
    pub fn lines(&self) -> Vec<&Line> {
        let lines = self.attempts.iter().filter_map(|record| match &record.body {
            Some(Body::Batch(batch)) => Some(&batch.lines),
            _ => None,
        });
        lines.flatten().collect()
    }

    /// When something may happen. The millisecond before a due time is one too: nothing may.
    fn next_ms(&self) -> i64 {
        let dues = self.pending.iter().filter_map(|(_, entry)| Some(entry.as_ref()?.due_at_ms));
        let ends = self.under_way.iter().map(|(_, _, sent)| sent.ended_ms);
        // Who wants to be woken every millisecond is woken when there is something to see.
        let ticks = Some(self.scheduler.next_wake_ms()).filter(|_| self.waits.tick_ms > 1);
        let wakes = ticks.into_iter().chain([self.deliverer.next_wake_ms(self.now())]);
        let may = dues.flat_map(|due| [due - 1, due]).chain(ends).chain(wakes.map(|wake| wake + BOOTED_MS));
        may.filter(|&ms| ms > self.now_ms).min().unwrap_or(i64::MAX).min(self.now_ms + STEP_MS)
    }

    fn now(&self) -> Now {
        Now { wall_ms: self.now_ms, mono_ms: self.now_ms - BOOTED_MS }
    }

    /// Everything that follows in this millisecond.
    fn settle(&mut self) {
        self.deliverer(|core, now, out| core.tick(now, out));
        self.scheduler(|core, now, out| core.tick(now, out));
        loop {
            if let Some(action) = self.asked_of_deliverer.pop_front() {
                self.carry_out(action);
            } else if let Some(action) = self.asked_of_scheduler.pop_front() {
                self.schedule(action);
            } else if !self.answer() && !self.read_on() {
                return;
            }
        }
    }

    /// A receiver's answer that has come by now.
    fn answer(&mut self) -> bool {
        let Some((offset, tried, sent)) = self.under_way.take_if(|(_, _, sent)| sent.ended_ms <= self.now_ms)
        else {
            return false;
        };
        let result = AttemptResult {
            started_at_ms: sent.begun_ms,
            duration_ms: tried.takes_ms as u32,
            answer: tried.answer,
            remark: Remark::default(),
        };
        self.deliverer(|core, now, out| core.on_response(now, offset, result, out));
        true
    }

    fn deliverer(&mut self, run: impl FnOnce(&mut deliverer::Partition, Now, &mut Vec<deliverer::Action>)) {
        let (now, mut out) = (self.now(), Vec::new());
        run(&mut self.deliverer, now, &mut out);
        self.asked_of_deliverer.extend(out);
    }

    fn scheduler(&mut self, run: impl FnOnce(&mut scheduler::Partition, Now, &mut Vec<scheduler::Action>)) {
        let (now, mut out) = (self.now(), Vec::new());
        run(&mut self.scheduler, now, &mut out);
        self.asked_of_scheduler.extend(out);
    }

    fn carry_out(&mut self, action: deliverer::Action) {
        use deliverer::Action;
        let written = match action {
            Action::Claim { nonce } => {
                let claim = Claim { nonce, owner: "d".into() };
                self.attempts.push(AttemptsRecord { schema: SCHEMA, body: Some(Body::Claim(claim)) });
                None
            }
            Action::Lines(batch) => {
                self.attempts.push(AttemptsRecord { schema: SCHEMA, body: Some(Body::Batch(batch)) });
                None
            }
            Action::Pend { ticket, key, entry } => {
                self.pending.push((key, Some(*entry)));
                Some(ticket)
            }
            Action::Tombstone { ticket, key, .. } => {
                self.pending.push((key, None));
                Some(ticket)
            }
            Action::Escalate { ticket, escalation, .. } => {
                self.escalations.push(*escalation);
                Some(ticket)
            }
            Action::Deactivate { ticket, subscription_id, .. } => {
                self.deactivations.push(subscription_id);
                Some(ticket)
            }
            // Nobody fails here for long enough.
            Action::NoteHealth { ticket, .. } => ticket,
            Action::GiveUp { .. } => None,
            Action::Send { offset, attempt, .. } => {
                self.send(offset, attempt);
                None
            }
            Action::Commit { offset, .. } => {
                self.committed = offset;
                self.deliverer(|core, now, out| core.on_commit(now, true, out));
                None
            }
            Action::ProbeTableEnd => {
                let end = self.subscriptions.len() as i64;
                self.deliverer(|core, now, out| core.on_table_end(now, Some(end), out));
                None
            }
            Action::ProbeDeliveriesEnd => {
                self.deliverer.on_deliveries_probe(Some(self.deliveries.len() as i64));
                None
            }
            Action::Settled { .. } => None,
            other @ (Action::ProbeAttemptsEnd
            | Action::ReadTableAgain { .. }
            | Action::StartAgain(_)
            | Action::Lease(_)
            | Action::Limited { .. }) => {
                panic!("nothing went wrong, and yet: {other:?}")
            }
        };
        if let Some(ticket) = written {
            self.deliverer(|core, now, out| core.on_written(now, ticket, out));
        }
    }

    fn send(&mut self, offset: i64, number: u32) {
        assert!(self.under_way.is_none(), "two requests of one delivery at once");
        let tried = match self.tries.len() {
            1 => self.tries.front().copied(),
            _ => self.tries.pop_front(),
        };
        let tried = tried.expect("a receiver does something");
        let sent = Sent { number, begun_ms: self.now_ms, ended_ms: self.now_ms + tried.takes_ms };
        self.sent.push(sent);
        self.under_way = Some((offset, tried, sent));
    }

    fn schedule(&mut self, action: scheduler::Action) {
        use scheduler::Action;
        match action {
            Action::Store(op) => {
                let reply = execute(&mut self.store, op);
                self.scheduler(|core, now, out| core.on_store(now, reply, out));
            }
            Action::Prove => self.scheduler(|core, now, out| core.on_proved(now, true, out)),
            Action::ProbeEnd => {
                let (end, asked_ms) = (self.pending.len() as i64, self.now_ms);
                self.scheduler(|core, now, out| core.on_end(now, Some(end), asked_ms, out));
            }
            Action::ReadFrom { offset } => {
                self.read[3] = offset.max(0) as usize;
                self.ends_told.1 = false;
            }
            Action::Fire { key, delivery, .. } => {
                self.deliveries.push(*delivery);
                self.scheduler(|core, now, out| core.on_fired(now, &key, true, out));
            }
            Action::Show(_) => {}
            Action::ReadBack { .. } => panic!("the store keeps every payload"),
        }
    }

    /// Reads one record of any log, or tells that there is none any more; answers whether anything was new.
    fn read_on(&mut self) -> bool {
        let at = self.read;
        if let Some(state) = self.subscriptions.get(at[0]).cloned() {
            self.read[0] += 1;
            self.deliverer(|core, now, out| core.on_subscription(now, at[0] as i64, Some(state), out));
            let end = self.subscriptions.len() as i64;
            self.deliverer(|core, now, out| core.on_subscriptions_end(now, end, out));
        } else if let Some(record) = self.attempts.get(at[1]).cloned() {
            self.read[1] += 1;
            let appended_ms = self.now_ms;
            self.deliverer(|core, now, out| core.on_attempts(now, at[1] as i64, appended_ms, record, out));
        } else if self.deliverer.wants_more() && at[2] < self.deliveries.len() {
            self.read[2] += 1;
            self.ends_told.0 = false;
            let delivery = self.deliveries[at[2]].clone();
            self.deliverer(|core, now, out| {
                core.on_delivery(now, at[2] as i64, now.wall_ms, 100, delivery, out)
                    .expect("a delivery of ours");
            });
        } else if self.scheduler.wants_more() && at[3] < self.pending.len() {
            self.read[3] += 1;
            self.ends_told.1 = false;
            let (key, entry) = &self.pending[at[3]];
            let value = entry.as_ref().map(|entry| entry.encode_to_vec().into());
            let record = scheduler::read(at[3] as i64, self.now_ms, key.encode(), value, None);
            self.scheduler.on_record(self.now(), record.expect("an entry of ours"));
        } else if !std::mem::replace(&mut self.ends_told.0, true) {
            self.deliverer.on_deliveries_end(self.now());
        } else if self.scheduler.wants_more() && !std::mem::replace(&mut self.ends_told.1, true) {
            self.scheduler(|core, now, out| core.on_log_end(now, out));
        } else {
            return false;
        }
        true
    }
}
