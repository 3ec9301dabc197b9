//! One ownership of one partition: reads `pending`, feeds the decisions, carries out what they say.

use crate::carry_out::Carrier;
use crate::parts::Parts;
use crate::top::Shown;
use aerogram_domain::scheduler::{Action, Partition, Room, read};
use aerogram_kafka::{Assignment, Failure, Item, Stopping, Unreadable};
use aerogram_telemetry::Condition;
use aerogram_wire::{Topic, headers};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::time::Instant;

/// Records taken before the rest has its turn.
const TURN_MAX: usize = 256;

pub struct Session<'a> {
    parts: &'a Arc<Parts>,
    assignment: &'a mut Assignment,
    condition: &'a Condition,
    core: Partition,
    carrier: Carrier,
    actions: Vec<Action>,
    was_ready: bool,
    shown: Shown,
}

impl<'a> Session<'a> {
    pub fn new(parts: &'a Arc<Parts>, assignment: &'a mut Assignment, condition: &'a Condition) -> Self {
        let mut core = Partition::new(
            parts.config.clone(),
            fastrand::u64(..),
            parts.layout_id.clone(),
            parts.clock.now(),
        );
        let mut actions = Vec::new();
        core.start(&mut actions);
        let carrier = Carrier::new(parts.clone(), assignment.partition, assignment);
        Self { parts, assignment, condition, core, carrier, actions, was_ready: false, shown: Shown::new() }
    }

    pub async fn run(mut self) -> Result<(), Failure> {
        loop {
            let taken = self.read()?;
            self.core.hold(self.parts.unfit.load(Ordering::Relaxed));
            let now = self.parts.clock.now();
            self.core.tick(now, &mut self.actions);
            self.shown.tell(now, &self.core);
            self.carry_out().await?;
            self.carrier.rest();
            self.say_when_ready();
            if self.core.is_lost() {
                tracing::warn!(
                    partition = self.assignment.partition,
                    "the partition is another's; giving it up"
                );
                return Ok(());
            }
            match self.assignment.stop.now() {
                Stopping::No => {}
                Stopping::Abandon => return Ok(()),
                Stopping::Drain { deadline } => return self.drain(deadline).await,
            }
            if taken == 0 {
                self.wait().await?;
            }
        }
    }

    fn read(&mut self) -> Result<usize, Failure> {
        for taken in 0..TURN_MAX {
            if !self.core.wants_more() {
                return Ok(taken);
            }
            match self.assignment.reader.try_next()? {
                None => return Ok(taken),
                Some(Item::End) => self.core.on_log_end(self.parts.clock.now(), &mut self.actions),
                Some(Item::Record(record)) => {
                    let outcome = record.header(headers::OUTCOME);
                    let key = record.key.clone().unwrap_or_default();
                    let read = read(record.offset, record.timestamp_ms, key, record.payload.clone(), outcome)
                        .map_err(|problem| Unreadable {
                            topic: Topic::Pending.name().to_owned(),
                            partition: self.assignment.partition,
                            offset: record.offset,
                            problem: problem.to_string(),
                        })?;
                    self.core.on_record(self.parts.clock.now(), read);
                }
            }
        }
        Ok(TURN_MAX)
    }

    async fn wait(&mut self) -> Result<(), Failure> {
        let clock = self.parts.clock;
        let wake = Instant::from_std(clock.instant(self.core.next_wake_ms()));
        tokio::select! {
            answer = self.carrier.next_answer() => answer.tell(clock.now(), &mut self.core, &mut self.actions)?,
            () = self.assignment.reader.ready(), if self.core.wants_more() => {}
            () = tokio::time::sleep_until(wake) => {}
            _ = self.assignment.stop.changed() => {}
        }
        self.carry_out().await
    }

    async fn carry_out(&mut self) -> Result<(), Failure> {
        self.carrier.carry_out(&mut self.assignment.reader, &mut self.actions).await
    }

    /// Nothing new is fired; what was fired is acknowledged, and marked where the time allows.
    async fn drain(&mut self, deadline: Instant) -> Result<(), Failure> {
        self.core.drain();
        while !self.core.is_drained() {
            let Ok(answer) = tokio::time::timeout_at(deadline, self.carrier.next_answer()).await else {
                break;
            };
            answer.tell(self.parts.clock.now(), &mut self.core, &mut self.actions)?;
            self.carry_out().await?;
        }
        Ok(())
    }

    fn say_when_ready(&mut self) {
        let ready = self.core.is_ready(self.parts.clock.now());
        if ready != self.was_ready {
            self.was_ready = ready;
            let text = match ready {
                true => "owned, caught up",
                false if self.parts.unfit.load(Ordering::Relaxed) => {
                    "the store may lose entries; nothing fires"
                }
                false if self.core.backlog().room == Room::Full => "the store is full; nothing fires",
                false => "catching up with pending; nothing fires",
            };
            self.condition.set(ready, text);
            tracing::info!(partition = self.assignment.partition, ready, "{text}");
        }
    }
}
