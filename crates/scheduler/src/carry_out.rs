//! Carries out what the decisions say, and brings the answers back as the next inputs.

use crate::observe::Shown;
use crate::parts::Parts;
use crate::payloads::{PayloadReader, read_back};
use aerogram_domain::clock::Now;
use aerogram_domain::scheduler::{Action, Partition, ReadBack};
use aerogram_domain::store::StoreReply;
use aerogram_kafka::{Assignment, Committer, Failure, Out, PartitionReader, WriteError};
use aerogram_telemetry::names;
use aerogram_wire::key::PendingKey;
use aerogram_wire::{Message as _, Topic};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};
use metrics::histogram;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

const PROVE_AGAIN: Duration = Duration::from_millis(500);

/// Something that was under way is over.
pub enum Answer {
    Store(StoreReply),
    Proved(bool),
    End { end: Option<i64>, asked_at_ms: i64 },
    Fired { key: PendingKey, result: Result<(), WriteError> },
    ReadBack { number: u64, read: Vec<ReadBack> },
}

impl Answer {
    /// Tells the decisions; an error stops the partition.
    pub fn tell(self, now: Now, core: &mut Partition, out: &mut Vec<Action>) -> Result<(), Failure> {
        match self {
            Answer::Store(reply) => core.on_store(now, reply, out),
            Answer::Proved(ours) => core.on_proved(now, ours, out),
            Answer::End { end, asked_at_ms } => core.on_end(now, end, asked_at_ms, out),
            Answer::Fired { key, result: Ok(()) } => core.on_fired(now, &key, true, out),
            Answer::Fired { key, result: Err(WriteError::Expired) } => core.on_fired(now, &key, false, out),
            Answer::Fired { result: Err(error), .. } => return Err(Box::new(error)),
            Answer::ReadBack { number, read } => core.on_read_back(now, number, read, out),
        }
        Ok(())
    }
}

pub struct Carrier {
    parts: Arc<Parts>,
    partition: i32,
    committer: Committer,
    committed: i64,
    under_way: FuturesUnordered<BoxFuture<'static, Answer>>,
    shown: Shown,
    payloads: Arc<Mutex<PayloadReader>>,
}

impl Carrier {
    pub fn new(parts: Arc<Parts>, partition: i32, assignment: &Assignment) -> Self {
        // One future that never ends, so that the stream never does.
        let under_way = FuturesUnordered::new();
        under_way.push(futures::future::pending().boxed());
        let payloads = Arc::new(Mutex::new(PayloadReader::new(parts.clone(), partition)));
        Self {
            shown: Shown::new(partition, parts.rooms.clone()),
            payloads,
            parts,
            partition,
            committer: assignment.committer.clone(),
            committed: assignment.committed.as_ref().map_or(0, |c| c.offset),
            under_way,
        }
    }

    /// Cancel-safe.
    pub async fn next_answer(&mut self) -> Answer {
        match self.under_way.next().await {
            Some(answer) => answer,
            None => futures::future::pending().await,
        }
    }

    /// Gives back what is not used any more.
    pub fn rest(&self) {
        if let Ok(mut payloads) = self.payloads.try_lock() {
            payloads.rest();
        }
    }

    /// Carries out and empties `actions`. Waits only while a producer's queue is full, or for a seek.
    pub async fn carry_out(
        &mut self,
        reader: &mut PartitionReader,
        actions: &mut Vec<Action>,
    ) -> Result<(), Failure> {
        for action in actions.drain(..) {
            match action {
                Action::Store(op) => {
                    let (parts, partition) = (self.parts.clone(), self.partition);
                    self.under_way
                        .push(async move { Answer::Store(parts.store.execute(partition, op).await) }.boxed());
                }
                Action::Prove => {
                    let (committer, offset, partition) =
                        (self.committer.clone(), self.committed, self.partition);
                    self.under_way.push(prove(committer, offset, partition).boxed());
                }
                Action::ProbeEnd => {
                    let (parts, partition) = (self.parts.clone(), self.partition);
                    self.under_way.push(
                        async move {
                            let asked_at_ms = parts.clock.now().wall_ms;
                            let ends = parts.ends.high_watermarks(Topic::Pending, &[partition]).await;
                            Answer::End { end: ends.ok().and_then(|ends| ends.first().copied()), asked_at_ms }
                        }
                        .boxed(),
                    );
                }
                Action::ReadFrom { offset } => reader.seek(offset).await?,
                Action::ReadBack { number, offsets } => {
                    let payloads = self.payloads.clone();
                    let read =
                        async move { Answer::ReadBack { number, read: read_back(payloads, offsets).await } };
                    self.under_way.push(read.boxed());
                }
                Action::Fire { key, delivery, due_at_ms } => {
                    // What waited for a credit is not late.
                    if !delivery.by_credit {
                        let late_ms = (self.parts.clock.now().wall_ms - due_at_ms).max(0);
                        histogram!(names::SCHEDULE_LATENESS_SECONDS).record(late_ms as f64 / 1000.0);
                    }
                    let payload = delivery.encode_to_vec();
                    let out = Out {
                        topic: Topic::Deliveries,
                        partition: self.partition,
                        key: Some(delivery.subscription_id.as_bytes()),
                        payload: Some(&payload),
                        headers: &[],
                    };
                    let ack = self.parts.expiring.enqueue(out).await?;
                    self.under_way
                        .push(async move { Answer::Fired { key, result: ack.await.map(drop) } }.boxed());
                }
                Action::Show(backlog) => self.shown.set(backlog),
            }
        }
        Ok(())
    }
}

/// Only the group's present member can commit; who can't is told to stop by the group, so until then it is tried again.
async fn prove(committer: Committer, offset: i64, partition: i32) -> Answer {
    while let Err(error) = committer.commit(offset, "").await {
        tracing::warn!(partition, %error, "the ownership can't be shown by a commit yet; nothing is fired");
        tokio::time::sleep(PROVE_AGAIN).await;
    }
    Answer::Proved(true)
}
