//! The thread of a group: it polls all the time, hands partitions out and takes them back.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aerogram_telemetry::names;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError;
use rdkafka::{Message as _, Offset, TopicPartitionList};
use tokio::sync::mpsc;

use super::commit::Membership;
use super::hooks::{Hooks, Key, Rebalance};
use super::owned::{Given, Owned};
use super::{Committed, GroupError};
use crate::client::{Consumer, is_transient, release};
use crate::reader::Slot;
use crate::sync::write;

/// Longest poll; events end it at once.
const IDLE: Duration = Duration::from_millis(100);
/// Longest poll while tasks drain, whose end is no event.
const WATCHING: Duration = Duration::from_millis(5);
/// How long one question for committed offsets may keep the thread from polling.
const ASK: Duration = Duration::from_secs(1);
/// Time between log lines about offsets that can't be had.
const SAY_AGAIN: Duration = Duration::from_secs(10);

/// What the thread tells the async side.
pub(super) enum Signal {
    /// None: the group has settled without giving this member any.
    Assigned(Vec<Given>),
    /// The group can't go on; the thread drains and ends.
    Failed(GroupError),
}

/// The partitions being taken away.
struct Revoking {
    partitions: Vec<Key>,
    deadline: tokio::time::Instant,
}

pub(super) struct Driver {
    pub group: String,
    pub topics: Vec<String>,
    pub external: bool,
    pub drain: Duration,
    pub consumer: Arc<Consumer>,
    pub membership: Arc<Membership>,
    pub hooks: Arc<Hooks>,
    pub signals: mpsc::Sender<Signal>,
    pub leave: Arc<AtomicBool>,
    pub owned: HashMap<Key, Owned>,
    pub waiting: VecDeque<Rebalance>,
    pub said: Option<Instant>,
}

impl Driver {
    /// Runs until it is asked to leave or can't go on, then drains, and closes the consumer.
    pub fn run(mut self) {
        let mut revoking = None;
        while !self.leave.load(Ordering::SeqCst) {
            if let Err(error) = self.turn(&mut revoking) {
                // The other side may be gone, which ends the thread as well.
                let _ = self.signals.blocking_send(Signal::Failed(error));
                break;
            }
        }
        self.drain_all(revoking);
        self.close();
    }

    fn turn(&mut self, revoking: &mut Option<Revoking>) -> Result<(), GroupError> {
        self.poll(revoking.is_some() || !self.waiting.is_empty())?;
        if let Some(taken) = revoking.take() {
            *revoking = self.finish_revoking(taken);
            return Ok(());
        }
        let Some(rebalance) = self.waiting.pop_front() else { return Ok(()) };
        if rebalance.assign {
            if !self.assign(&rebalance.partitions)? {
                self.waiting.push_front(rebalance);
            }
        } else {
            *revoking = self.begin_revoking(rebalance);
        }
        Ok(())
    }

    /// Serves callbacks and notes what they left.
    fn poll(&mut self, watching: bool) -> Result<(), GroupError> {
        match self.consumer.poll(if watching { WATCHING } else { IDLE }) {
            Some(Ok(message)) => {
                let (topic, partition) = (message.topic(), message.partition());
                return Err(self.failed(format!(
                    "a record of {topic} partition {partition} came outside of its queue; this is a bug"
                )));
            }
            Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => {
                return Err(self.failed(error.to_string()));
            }
            // Said by the context; partitions' own errors go to their readers.
            Some(Err(_)) | None => {}
        }
        for rebalance in self.hooks.take_rebalances() {
            // At once, even when an assignment before it is still being prepared.
            if !rebalance.assign && !rebalance.lost {
                let deadline = self.deadline();
                rebalance
                    .partitions
                    .iter()
                    .filter_map(|key| self.owned.get(key))
                    .for_each(|o| o.drain(deadline));
            }
            self.waiting.push_back(rebalance);
        }
        Ok(())
    }

    /// `false` when it has to be tried again.
    fn assign(&mut self, partitions: &[Key]) -> Result<bool, GroupError> {
        let Some(committed) = self.committed(partitions)? else { return Ok(false) };
        let mut list = TopicPartitionList::with_capacity(committed.len());
        let mut given = Vec::with_capacity(committed.len());
        for ((topic, partition), committed) in committed {
            let from = committed.as_ref().map_or(Offset::Beginning, |c| Offset::Offset(c.offset));
            list.add_partition_offset(&topic, partition, from)
                .map_err(|source| GroupError::Client { group: self.group.clone(), source })?;
            let position = committed.as_ref().map_or(0, |c| c.offset);
            let slot = Slot::split(&self.consumer, &topic, partition, position)
                .map_err(|error| self.failed(error.to_string()))?;
            given.push((topic, partition, committed, slot));
        }
        if let Err(error) = self.consumer.incremental_assign(&list) {
            // The membership ended meanwhile; the group takes back what it gave, or gives it again.
            tracing::warn!(group = self.group, "an assignment was not taken: {error}");
            return Ok(true);
        }
        if given.is_empty() {
            self.say_without();
            return Ok(true);
        }
        tracing::info!(
            group = self.group,
            partitions = list.count(),
            "partitions assigned: {}",
            names_of(partitions)
        );
        metrics::counter!(names::REBALANCES_TOTAL, "event" => "assigned").increment(1);
        let mut signal = Vec::with_capacity(given.len());
        for (topic, partition, committed, slot) in given {
            let key = (topic.clone(), partition);
            self.hooks.assigned(key.clone(), slot.position());
            let (owned, given) = Owned::new(&self.membership, topic, partition, committed, slot);
            if let Some(former) = self.owned.insert(key, owned) {
                former.close();
            }
            signal.push(given);
        }
        self.signals
            .blocking_send(Signal::Assigned(signal))
            .map(|()| true)
            .map_err(|_| self.failed("nobody takes its partitions any more".to_owned()))
    }

    /// The group has given this member nothing, and it has nothing: others have all, or there is nothing to have yet.
    fn say_without(&self) {
        if self.owned.is_empty() && (!self.external || self.topics_exist()) {
            // The other side may be gone, which the next assignment or the end of the thread shows.
            let _ = self.signals.blocking_send(Signal::Assigned(Vec::new()));
        }
    }

    /// Topics of others may not have been created yet.
    fn topics_exist(&self) -> bool {
        self.topics.iter().any(|topic| {
            let metadata = self.consumer.fetch_metadata(Some(topic), ASK);
            metadata
                .is_ok_and(|metadata| metadata.topics().iter().any(|found| !found.partitions().is_empty()))
        })
    }

    /// The committed offsets, in the order asked; `None` when it has to be tried again.
    #[allow(clippy::type_complexity)]
    fn committed(&mut self, partitions: &[Key]) -> Result<Option<Vec<(Key, Option<Committed>)>>, GroupError> {
        if partitions.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for (topic, partition) in partitions {
            list.add_partition(topic, *partition);
        }
        let answer = self.consumer.committed_offsets(list, ASK).and_then(|answer| {
            answer.elements().iter().try_for_each(|element| element.error()).map(|()| answer)
        });
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if is_transient(&error) => {
                if self.said.is_none_or(|said| said.elapsed() > SAY_AGAIN) {
                    self.said = Some(Instant::now());
                    tracing::warn!(group = self.group, "waiting for the committed offsets: {error}");
                }
                return Ok(None);
            }
            Err(source) => return Err(GroupError::Client { group: self.group.clone(), source }),
        };
        let mut found = Vec::with_capacity(partitions.len());
        for (topic, partition) in partitions {
            let element = answer.find_partition(topic, *partition);
            let committed = element.and_then(|element| match element.offset() {
                Offset::Offset(offset) => Some(Committed { offset, metadata: element.metadata().to_owned() }),
                _ => None,
            });
            if committed.is_none() && !self.external {
                let (group, topic, partition) = (self.group.clone(), topic.clone(), *partition);
                return Err(GroupError::MissingCommit { group, topic, partition });
            }
            found.push(((topic.clone(), *partition), committed));
        }
        Ok(Some(found))
    }

    fn begin_revoking(&mut self, rebalance: Rebalance) -> Option<Revoking> {
        let event = if rebalance.lost { "lost" } else { "revoked" };
        if !rebalance.partitions.is_empty() {
            metrics::counter!(names::REBALANCES_TOTAL, "event" => event).increment(1);
            tracing::info!(group = self.group, "partitions {event}: {}", names_of(&rebalance.partitions));
        }
        let taken = Revoking { partitions: rebalance.partitions, deadline: self.deadline() };
        if rebalance.lost {
            self.give_back(&taken.partitions);
            return None;
        }
        self.finish_revoking(taken)
    }

    /// Gives the partitions back when their tasks have ended, the time is over, or they are lost.
    fn finish_revoking(&mut self, taken: Revoking) -> Option<Revoking> {
        let late = tokio::time::Instant::now() >= taken.deadline;
        let working: Vec<_> = taken
            .partitions
            .iter()
            .filter(|key| self.owned.get(key).is_some_and(|o| !o.ended()))
            .cloned()
            .collect();
        if !working.is_empty() && !late && !self.consumer.assignment_lost() {
            return Some(taken);
        }
        if !working.is_empty() {
            tracing::warn!(
                group = self.group,
                "given back before their tasks had drained: {}; what was in flight is done again elsewhere",
                names_of(&working)
            );
        }
        self.give_back(&taken.partitions);
        None
    }

    fn give_back(&mut self, partitions: &[Key]) {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for key in partitions {
            self.close_partition(key);
            list.add_partition(&key.0, key.1);
        }
        release(&self.consumer, &list);
    }

    fn close_partition(&mut self, key: &Key) {
        if let Some(owned) = self.owned.remove(key) {
            owned.close();
        }
        self.hooks.released(key);
    }

    /// Polls on, so that commits are answered, until all tasks have ended or the time is over.
    fn drain_all(&mut self, mut revoking: Option<Revoking>) {
        let deadline = self.deadline();
        self.owned.values().for_each(|owned| owned.drain(deadline));
        while self.owned.values().any(|owned| !owned.ended()) && tokio::time::Instant::now() < deadline {
            if self.poll(true).is_err() {
                break;
            }
            if let Some(taken) = revoking.take() {
                revoking = self.finish_revoking(taken);
            } else if let Some(rebalance) = self.waiting.pop_front() {
                // New partitions are left to others.
                if rebalance.assign {
                    self.refuse();
                } else {
                    revoking = self.begin_revoking(rebalance);
                }
            }
        }
        if let Some(taken) = revoking {
            self.give_back(&taken.partitions);
        }
    }

    fn refuse(&self) {
        if let Err(error) = self.consumer.incremental_assign(&TopicPartitionList::new()) {
            tracing::debug!(group = self.group, "refusing an assignment: {error}");
        }
    }

    /// Leaves the group. Closing waits until every rebalance has been answered.
    fn close(mut self) {
        for key in self.owned.keys().cloned().collect::<Vec<_>>() {
            self.close_partition(&key);
        }
        self.consumer.context().begin_closing();
        let waiting = std::mem::take(&mut self.waiting);
        for rebalance in waiting.into_iter().chain(self.hooks.take_rebalances()) {
            if rebalance.assign {
                self.refuse();
            } else {
                self.give_back(&rebalance.partitions);
            }
        }
        write(&self.membership.consumer).take();
        let Self { consumer, signals, .. } = self;
        drop(consumer);
        // Last: its end says that the group was left.
        drop(signals);
    }

    fn deadline(&self) -> tokio::time::Instant {
        tokio::time::Instant::now() + self.drain
    }

    fn failed(&self, reason: String) -> GroupError {
        GroupError::Driver { group: self.group.clone(), reason }
    }
}

fn names_of(partitions: &[Key]) -> String {
    let names: Vec<_> = partitions.iter().map(|(topic, partition)| format!("{topic}/{partition}")).collect();
    names.join(", ")
}
