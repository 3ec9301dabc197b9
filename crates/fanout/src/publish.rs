//! A batch on its way: asked about, matched, its deliveries written and acknowledged, then its receipt.

use crate::{dedupe::Duplicates, table::SharedTable, window::Window};
use aerogram_domain::{
    fanout::{Fresh, Sighting, judge, plan},
    identity::EventIdentity,
};
use aerogram_kafka::{Ack, Out, WriteError, Writer};
use aerogram_telemetry::names;
use aerogram_wire::{Topic, v1::Receipt};
use prost::Message as _;
use std::sync::Arc;

/// Deliveries of one batch that wait for their acknowledgements: an event may match any number of subscriptions.
const ACKS_MAX: usize = 20_000;

/// What the partitions of a process share.
#[derive(Clone)]
pub struct Publisher {
    pub writer: Writer,
    pub table: SharedTable,
    pub duplicates: Duplicates,
    pub layout_id: Arc<str>,
}

/// A batch whose deliveries are written; they and the receipt are to be acknowledged.
pub struct Written {
    pub partition: i32,
    /// Of the batch's last event.
    pub last_offset: i64,
    receipts: Vec<Receipt>,
    acks: Window<Ack>,
}

/// A batch that is settled.
pub struct Settled {
    pub last_offset: i64,
    /// Where its last receipt stands in `matches`; -1: the broker did not say.
    pub receipt_offset: i64,
}

impl Publisher {
    /// Asks the store about every event, matches, and writes the deliveries; batches of a partition go through here one
    /// after the other, so that deliveries are written in the order of the events.
    ///
    /// # Errors
    /// A delivery cannot be written.
    pub async fn write(self, mut batch: Vec<Fresh>) -> Result<Option<Written>, WriteError> {
        let Some(last) = batch.last().map(|fresh| fresh.position) else { return Ok(None) };
        self.look_up(&mut batch).await;
        let (mut receipts, mut acks) = (Vec::new(), Window::new(ACKS_MAX));
        let mut rest = batch.as_slice();
        while !rest.is_empty() {
            let planned = plan(&self.table.read(), rest);
            for delivery in planned.deliveries(rest) {
                let out = Out {
                    topic: Topic::Deliveries,
                    partition: delivery.partition,
                    key: Some(delivery.subscription_id.as_bytes()),
                    payload: Some(&delivery.payload),
                    headers: &[],
                };
                acks.push(self.writer.enqueue(out).await?).await?;
            }
            metrics::counter!(names::FANOUT_MATCHES_TOTAL).increment(planned.matches() as u64);
            rest = rest.get(planned.events..).unwrap_or_default();
            receipts.push(planned.receipt);
        }
        Ok(Some(Written { partition: last.partition, last_offset: last.offset, receipts, acks }))
    }

    /// Waits until the deliveries are acknowledged, then writes the receipt and waits for that: a receipt says that its
    /// deliveries exist.
    ///
    /// # Errors
    /// Something cannot be written.
    pub async fn settle(self, written: Written) -> Result<Settled, WriteError> {
        written.acks.finished().await?;
        let mut receipt_offset = -1;
        for receipt in &written.receipts {
            let payload = receipt.encode_to_vec();
            let out = Out {
                topic: Topic::Matches,
                partition: written.partition,
                key: None,
                payload: Some(&payload),
                headers: &[],
            };
            receipt_offset = self.writer.write(out).await?.offset;
        }
        Ok(Settled { last_offset: written.last_offset, receipt_offset })
    }

    async fn look_up(&self, batch: &mut [Fresh]) {
        let asked: Vec<_> = batch
            .iter()
            .filter_map(|fresh| {
                let event = fresh.envelope.event.as_ref()?;
                let identity =
                    EventIdentity { scope: &fresh.envelope.scope, source: &event.source, id: &event.id };
                Some((identity.hash(&self.layout_id), fresh.position))
            })
            .collect();
        let outcome = |name: &'static str, count: usize| {
            let labels = [("topic", Topic::Events.name()), ("outcome", name)];
            metrics::counter!(names::RECORDS_CONSUMED_TOTAL, &labels).increment(count as u64);
        };
        let Some(found) = self.duplicates.remember(&asked).await else {
            outcome("unchecked", batch.len());
            return;
        };
        let mut duplicates = 0;
        for (fresh, found) in batch.iter_mut().zip(found) {
            fresh.sighting = judge(fresh.position, found);
            duplicates += usize::from(fresh.sighting != Sighting::First);
        }
        metrics::counter!(names::FANOUT_DUPLICATES_TOTAL).increment(duplicates as u64);
        outcome("duplicate", duplicates);
        outcome("ok", batch.len() - duplicates);
    }
}
