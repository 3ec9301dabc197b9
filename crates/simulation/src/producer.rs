//! The writers of one process: durable ones repeat until they are acknowledged, expiring ones give up after a limit.
//! Both are idempotent and keep the order within a topic and partition, each for itself.

use crate::kafka::{Late, Write};
use crate::limits::{LATE_WRITE_MS, WRITE_EXPIRES_MS};
use crate::surroundings::Surroundings;
use std::collections::{BTreeMap, VecDeque};

struct Queued<T> {
    partition: usize,
    write: Write,
    /// When it was given, if it may expire.
    expiring_since_ms: Option<i64>,
    token: Option<T>,
}

/// What came of a write; `T` names it.
pub struct Answer<T> {
    pub partition: usize,
    pub token: T,
    pub acknowledged: bool,
    not_before_ms: i64,
}

pub struct Producer<T> {
    /// By partition, topic, and whether by the expiring writer.
    queues: BTreeMap<(usize, u8, bool), VecDeque<Queued<T>>>,
    answers: Vec<Answer<T>>,
}

impl<T> Default for Producer<T> {
    fn default() -> Self {
        Self { queues: BTreeMap::new(), answers: Vec::new() }
    }
}

impl<T> Producer<T> {
    pub fn durable(&mut self, partition: usize, write: Write, token: Option<T>) {
        self.give(Queued { partition, write, expiring_since_ms: None, token });
    }

    pub fn expiring(&mut self, now_ms: i64, partition: usize, write: Write, token: T) {
        self.give(Queued { partition, write, expiring_since_ms: Some(now_ms), token: Some(token) });
    }

    fn give(&mut self, queued: Queued<T>) {
        let key = (queued.partition, queued.write.topic(), queued.expiring_since_ms.is_some());
        self.queues.entry(key).or_default().push_back(queued);
    }

    pub fn is_idle(&self) -> bool {
        self.queues.is_empty() && self.answers.is_empty()
    }

    /// Gives up on what has waited too long. It may be on its way all the same.
    pub fn expire(&mut self, world: &mut Surroundings) {
        let now_ms = world.now_ms;
        let expired = |queued: &mut Queued<T>| {
            queued.expiring_since_ms.is_some_and(|since| now_ms - since > WRITE_EXPIRES_MS)
        };
        for queue in self.queues.values_mut() {
            while let Some(queued) = queue.pop_front_if(expired) {
                let since = queued.expiring_since_ms.unwrap_or(now_ms);
                let at_ms = since + WRITE_EXPIRES_MS + world.rng.i64(0..LATE_WRITE_MS);
                if world.rng.u32(..5) == 0 && at_ms >= now_ms && !world.calm {
                    world.kafka.late.push(Late { at_ms, partition: queued.partition, write: queued.write });
                }
                self.answers.extend(queued.token.map(|token| Answer {
                    partition: queued.partition,
                    token,
                    acknowledged: false,
                    not_before_ms: now_ms,
                }));
            }
        }
        self.queues.retain(|_, queue| !queue.is_empty());
    }

    /// One write reaches its log.
    pub fn exchange(&mut self, world: &mut Surroundings) {
        if self.queues.is_empty() || world.rng.u32(..10) < 2 {
            return;
        }
        let index = world.rng.usize(..self.queues.len());
        let Some((&key, queue)) = self.queues.iter_mut().nth(index) else { return };
        let Some(queued) = queue.pop_front() else { return };
        if queue.is_empty() {
            self.queues.remove(&key);
        }
        world.append(queued.partition, queued.write);
        let Some(token) = queued.token else { return };
        // The acknowledgement may be late; for an expiring writer later than it waits.
        let slow = world.rng.u32(..10) == 0 && !world.calm;
        let (acknowledged, not_before_ms) = match queued.expiring_since_ms {
            Some(since) if slow => (false, since + WRITE_EXPIRES_MS),
            _ if slow => (true, world.now_ms + world.rng.i64(0..LATE_WRITE_MS)),
            _ => (true, world.now_ms),
        };
        self.answers.push(Answer { partition: queued.partition, token, acknowledged, not_before_ms });
    }

    /// An answer that has arrived, in no particular order.
    pub fn answer(&mut self, world: &mut Surroundings) -> Option<Answer<T>> {
        if self.answers.is_empty() {
            return None;
        }
        let index = world.rng.usize(..self.answers.len());
        (self.answers[index].not_before_ms <= world.now_ms).then(|| self.answers.swap_remove(index))
    }

    /// The process dies: of each queue the beginning may be on its way.
    pub fn crash(&mut self, world: &mut Surroundings) {
        for (_, queue) in std::mem::take(&mut self.queues) {
            let mut at_ms = world.now_ms;
            let arrive = world.rng.usize(..=queue.len());
            let sent = |queued: &Queued<T>| {
                queued.expiring_since_ms.is_none_or(|since| world.now_ms - since <= WRITE_EXPIRES_MS)
            };
            for queued in queue.into_iter().take(arrive).filter(sent).collect::<Vec<_>>() {
                at_ms += world.rng.i64(0..LATE_WRITE_MS / 4);
                let at_ms = at_ms.min(world.now_ms + LATE_WRITE_MS);
                world.kafka.late.push(Late { at_ms, partition: queued.partition, write: queued.write });
            }
        }
        self.answers.clear();
    }
}
