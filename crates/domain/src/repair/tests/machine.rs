//! A deliverer and a scheduler of one partition without any fault, for the entries that api writes to `pending`.

use super::subscription;
use crate::clock::Now;
use crate::deliverer::{self, Action, Resume};
use crate::policy::{Answer, AttemptResult, Policies, Remark};
use crate::scheduler;
use crate::store::{StoreState, execute};
use aerogram_wire::Message as _;
use aerogram_wire::key::PendingKey;
use aerogram_wire::v1::attempts_record::Body;
use aerogram_wire::v1::{
    AttemptsRecord, Claim, Delivery, Escalation, Line, LineKind, PendingEntry, Subscription,
};
use bytes::Bytes;
use std::sync::Arc;

const STEP_MS: i64 = 10;
const BEGAN_MS: i64 = 1_000_000_000;

/// A request under way.
struct Open {
    offset: i64,
    began_ms: i64,
    answer: Answer,
}

pub struct Machine {
    pub now_ms: i64,
    deliverer: deliverer::Partition,
    scheduler: scheduler::Partition,
    store: Option<StoreState>,
    out: Vec<Action>,
    asked: Vec<scheduler::Action>,
    attempts: Vec<AttemptsRecord>,
    deliveries: Vec<Delivery>,
    pending: Vec<(PendingKey, Option<PendingEntry>, String)>,
    pub escalations: Vec<Escalation>,
    pub commands: usize,
    read: [usize; 3],
    open: Vec<Open>,
    /// What the receiver does, and how long it takes.
    pub answer: Answer,
    pub takes_ms: i64,
    /// Requests: when, and of what.
    pub sent: Vec<(i64, Arc<Delivery>)>,
    pub most_open: usize,
}

impl Machine {
    pub fn new() -> Self {
        let now = Now { wall_ms: BEGAN_MS, mono_ms: BEGAN_MS };
        let mut out = Vec::new();
        let resume = Resume::parse(0, "").unwrap();
        let shared = deliverer::Shared::unlimited(Arc::new(Policies::new([])));
        let config = deliverer::Config::default();
        let mut deliverer = deliverer::Partition::new(config, shared, resume, 1, 2, now, &mut out);
        deliverer.on_subscription(now, 0, Some(subscription()), &mut out);
        deliverer.on_subscriptions_end(now, 1, &mut out);
        let mut scheduler = scheduler::Partition::new(scheduler::Config::default(), 3, "layout".into(), now);
        let mut asked = Vec::new();
        scheduler.start(&mut asked);
        let mut machine = Self {
            now_ms: BEGAN_MS,
            deliverer,
            scheduler,
            store: None,
            out,
            asked,
            attempts: Vec::new(),
            deliveries: Vec::new(),
            pending: Vec::new(),
            escalations: Vec::new(),
            commands: 0,
            read: [0; 3],
            open: Vec::new(),
            answer: Answer::Status { status: 200, retry_after_ms: None },
            takes_ms: 20,
            sent: Vec::new(),
            most_open: 0,
        };
        // For as long as it takes to know what was removed lately.
        machine.run_for(scheduler::Config::default().rewrite_max_ms + 10_000);
        machine
    }

    /// The subscription changes.
    pub fn change(&mut self, offset: i64, state: Subscription) {
        self.deliverer.on_subscription(self.now(), offset, Some(state), &mut self.out);
    }

    /// Fanout writes one.
    pub fn deliver(&mut self, delivery: Delivery) {
        self.deliveries.push(delivery);
    }

    /// Api writes one.
    pub fn pend(&mut self, (key, entry): (PendingKey, PendingEntry)) {
        self.pending.push((key, Some(entry), String::new()));
    }

    /// What is written and not removed.
    pub fn waiting(&self) -> usize {
        let keys: std::collections::BTreeMap<_, _> =
            self.pending.iter().map(|(key, entry, _)| (*key, entry.is_some())).collect();
        keys.values().filter(|waits| **waits).count()
    }

    pub fn lines(&self) -> Vec<Line> {
        let batches = self.attempts.iter().filter_map(|record| match &record.body {
            Some(Body::Batch(batch)) => Some(batch.lines.clone()),
            _ => None,
        });
        batches.flatten().collect()
    }

    pub fn kinds(&self) -> Vec<LineKind> {
        self.lines().iter().map(Line::kind).collect()
    }

    pub fn run_for(&mut self, ms: i64) {
        let until_ms = self.now_ms + ms;
        while self.now_ms < until_ms {
            self.now_ms += STEP_MS;
            self.step();
        }
    }

    fn now(&self) -> Now {
        Now { wall_ms: self.now_ms, mono_ms: self.now_ms }
    }

    fn step(&mut self) {
        let now = self.now();
        let ended: Vec<_> =
            self.open.extract_if(.., |open| open.began_ms + self.takes_ms <= self.now_ms).collect();
        for Open { offset, began_ms, answer } in ended {
            let result = AttemptResult {
                started_at_ms: began_ms,
                duration_ms: (self.now_ms - began_ms) as u32,
                answer,
                remark: Remark { excerpt: "said".into(), ..Remark::default() },
            };
            self.deliverer.on_response(now, offset, result, &mut self.out);
        }
        self.deliverer.tick(now, &mut self.out);
        self.scheduler.tick(now, &mut self.asked);
        while self.carry_out() || self.read_on() {}
    }

    fn carry_out(&mut self) -> bool {
        let now = self.now();
        let (actions, asked) = (std::mem::take(&mut self.out), std::mem::take(&mut self.asked));
        let any = !actions.is_empty() || !asked.is_empty();
        for action in actions {
            let written = match action {
                Action::Claim { nonce } => {
                    let claim = Claim { nonce, owner: String::new() };
                    self.attempts.push(AttemptsRecord { body: Some(Body::Claim(claim)), schema: 1 });
                    None
                }
                Action::Lines(batch) => {
                    self.attempts.push(AttemptsRecord { body: Some(Body::Batch(batch)), schema: 1 });
                    None
                }
                Action::Pend { ticket, key, entry } => {
                    self.pending.push((key, Some(*entry), String::new()));
                    Some(ticket)
                }
                Action::Tombstone { ticket, key, ended } => {
                    self.pending.push((key, None, ended.to_string()));
                    Some(ticket)
                }
                Action::Escalate { ticket, escalation, .. } => {
                    self.escalations.push(*escalation);
                    Some(ticket)
                }
                Action::Deactivate { ticket, .. } => {
                    self.commands += 1;
                    Some(ticket)
                }
                Action::NoteHealth { ticket, .. } => {
                    self.commands += 1;
                    ticket
                }
                Action::GiveUp { .. } => {
                    self.commands += 1;
                    None
                }
                Action::Send { offset, delivery, .. } => {
                    self.sent.push((self.now_ms, delivery));
                    self.open.push(Open { offset, began_ms: self.now_ms, answer: self.answer });
                    self.most_open = self.most_open.max(self.open.len());
                    None
                }
                Action::Commit { .. } => {
                    self.deliverer.on_commit(now, true, &mut self.out);
                    None
                }
                Action::ProbeTableEnd => {
                    self.deliverer.on_table_end(now, Some(1), &mut self.out);
                    None
                }
                Action::ProbeDeliveriesEnd => {
                    self.deliverer.on_deliveries_probe(Some(self.deliveries.len() as i64));
                    None
                }
                Action::StartAgain(why) => panic!("memory does not suffice: {why:?}"),
                _ => None,
            };
            if let Some(ticket) = written {
                self.deliverer.on_written(now, ticket, &mut self.out);
            }
        }
        for action in asked {
            self.schedule(action);
        }
        any
    }

    fn schedule(&mut self, action: scheduler::Action) {
        use scheduler::Action;
        let now = self.now();
        match action {
            Action::Store(op) => {
                let reply = execute(&mut self.store, op);
                self.scheduler.on_store(now, reply, &mut self.asked);
            }
            Action::Prove => self.scheduler.on_proved(now, true, &mut self.asked),
            Action::ProbeEnd => {
                let end = self.pending.len() as i64;
                self.scheduler.on_end(now, Some(end), self.now_ms, &mut self.asked);
            }
            Action::ReadFrom { offset } => {
                self.read[2] = offset.max(0) as usize;
                if self.read[2] >= self.pending.len() {
                    self.scheduler.on_log_end(now, &mut self.asked);
                }
            }
            Action::Fire { key, delivery, .. } => {
                self.deliveries.push(*delivery);
                self.scheduler.on_fired(now, &key, true, &mut self.asked);
            }
            Action::Show(_) | Action::ReadBack { .. } => {}
        }
    }

    fn read_on(&mut self) -> bool {
        let (now, at) = (self.now(), self.read);
        if let Some(record) = self.attempts.get(at[0]).cloned() {
            self.read[0] += 1;
            self.deliverer.on_attempts(now, at[0] as i64, self.now_ms, record, &mut self.out);
        } else if self.deliverer.wants_more() && at[1] < self.deliveries.len() {
            self.read[1] += 1;
            let delivery = self.deliveries[at[1]].clone();
            let taken =
                self.deliverer.on_delivery(now, at[1] as i64, self.now_ms, 100, delivery, &mut self.out);
            taken.unwrap();
        } else if self.scheduler.wants_more() && at[2] < self.pending.len() {
            self.read[2] += 1;
            let (key, entry, ended) = &self.pending[at[2]];
            let value: Option<Bytes> = entry.as_ref().map(|entry| entry.encode_to_vec().into());
            let record =
                scheduler::read(at[2] as i64, self.now_ms, key.encode(), value, Some(ended.as_bytes()));
            self.scheduler.on_record(now, record.unwrap());
        } else {
            return false;
        }
        true
    }
}
