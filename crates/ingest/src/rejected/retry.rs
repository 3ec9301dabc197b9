//! Accepting a rejected record after all: decide again, write, mark, each acknowledged before the next.

use super::{READ_WITHIN, Rejections, Trouble};
use crate::{clock, decide::Outgoing};
use aerogram_domain::intake::{self, Accepted, NotDecidable};
use aerogram_kafka::{Out, WriteError};
use aerogram_wire::{
    SCHEMA, Topic, headers,
    v1::{Envelope, Event, Rejected, Settled},
};
use prost::Message as _;
use serde::Serialize;
use std::{
    collections::HashSet,
    sync::{Arc, MutexGuard, PoisonError},
};
use tokio::time::{Instant, timeout, timeout_at};

/// What a rejected record became.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Retried {
    pub offset: i64,
    pub event: Became,
}

/// The event that was accepted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Became {
    pub id: String,
    pub r#type: String,
    pub operator: String,
    pub subject: String,
}

/// Why a rejected record is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum NotRetried {
    #[error(transparent)]
    Trouble(#[from] Trouble),
    #[error("it was accepted already")]
    Settled,
    #[error("it is being retried at this moment")]
    UnderWay,
    #[error("it came from {0:?}, which is not in ingest.sources any more: nothing says how to read it")]
    UnknownSource(String),
    #[error(transparent)]
    NotDecidable(#[from] NotDecidable),
    #[error("Kafka did not acknowledge it in time; try again, a second event is recognised as a duplicate")]
    NotAcknowledged,
}

impl Rejections {
    /// Decides about the record by the rules of today, and writes the event. Once begun it is finished, also when nobody waits
    /// for the answer any more.
    ///
    /// # Errors
    /// It was accepted already, is still wrong, can't be decided about, or was not acknowledged.
    pub async fn retry(self: &Arc<Self>, offset: i64, admin: &str) -> Result<Retried, NotRetried> {
        let (rejected, under_way) = self.begin(offset).await?;
        let accepted = self.decide(&rejected)?;
        let (shared, admin) = (Arc::clone(self), admin.to_owned());
        let traceparent = rejected.headers.get(headers::TRACEPARENT).cloned();
        let finishing = tokio::spawn(async move {
            let finished = shared.finish(offset, &accepted.envelope, traceparent.as_deref(), &admin).await;
            drop(under_way);
            finished
        });
        finishing.await.map_err(|_| NotRetried::NotAcknowledged)?
    }

    /// The record, and the right to retry it while that is held.
    async fn begin(self: &Arc<Self>, offset: i64) -> Result<(Rejected, UnderWay), NotRetried> {
        let deadline = Instant::now() + READ_WITHIN;
        let mut ledger = timeout_at(deadline, self.ledger.lock()).await.map_err(Trouble::from)?;
        let found = ledger.one(offset, deadline).await?;
        if found.settled {
            return Err(NotRetried::Settled);
        }
        // Under the ledger's lock: whoever holds the right marks the record before he gives it back.
        if !self.offsets_under_way().insert(offset) {
            return Err(NotRetried::UnderWay);
        }
        Ok((found.rejected, UnderWay { rejections: Arc::clone(self), offset }))
    }

    fn decide(&self, rejected: &Rejected) -> Result<Accepted, NotRetried> {
        let topic = rejected.origin.as_ref().map_or("", |origin| &origin.topic);
        let source = self.intake.source_of(topic);
        let source = source.ok_or_else(|| NotRetried::UnknownSource(topic.to_owned()))?;
        Ok(intake::again(&source.policy, &source.format, rejected, clock::now_ms())?)
    }

    async fn finish(
        &self,
        offset: i64,
        envelope: &Envelope,
        traceparent: Option<&str>,
        admin: &str,
    ) -> Result<Retried, NotRetried> {
        let event = envelope.event.clone().unwrap_or_default();
        let outgoing = Outgoing::event(&self.cluster, envelope, traceparent.map(str::as_bytes));
        let headers = outgoing.headers();
        self.write(outgoing.out(&headers)).await?;
        let mark = mark(offset, &event, admin).encode_to_vec();
        let at = self
            .write(Out {
                topic: Topic::Rejected,
                partition: 0,
                key: None,
                payload: Some(&mark),
                headers: &[],
            })
            .await?;
        self.ledger.lock().await.marked(offset, at);
        tracing::info!(offset, admin, id = event.id, "a rejected record was accepted after all");
        Ok(Retried {
            offset,
            event: Became {
                id: event.id,
                r#type: event.r#type,
                operator: event.operator,
                subject: event.subject,
            },
        })
    }

    async fn write(&self, out: Out<'_>) -> Result<i64, NotRetried> {
        let not_acknowledged = |error: Option<WriteError>| {
            let error = error.map_or_else(|| "no answer in time".to_owned(), |error| error.to_string());
            tracing::warn!("a retry was not acknowledged: {error}");
            NotRetried::NotAcknowledged
        };
        match timeout(self.acknowledge_within, self.writer.write(out)).await {
            Ok(Ok(written)) => Ok(written.offset),
            Ok(Err(error)) => Err(not_acknowledged(Some(error))),
            Err(_) => Err(not_acknowledged(None)),
        }
    }

    fn offsets_under_way(&self) -> MutexGuard<'_, HashSet<i64>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn mark(offset: i64, event: &Event, admin: &str) -> Rejected {
    let settled = Settled {
        offset,
        event_id: event.id.clone(),
        admin: admin.to_owned(),
        settled_at_ms: clock::now_ms(),
    };
    Rejected { schema: SCHEMA, settled: Some(settled), ..Rejected::default() }
}

/// The right to retry a record.
struct UnderWay {
    rejections: Arc<Rejections>,
    offset: i64,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.rejections.offsets_under_way().remove(&self.offset);
    }
}
