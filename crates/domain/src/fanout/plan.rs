//! From events and the table to deliveries and the receipt.

use super::{Sighting, event_name};
use crate::{
    identity::{EventIdentity, Position},
    matching::{Entry, Table},
};
use aerogram_wire::{
    SCHEMA,
    key::DeliveryId,
    v1::{Delivery, Envelope, EventReceipt, Receipt, Scope},
};
use bytes::Bytes;
use prost::Message as _;
use std::sync::Arc;

/// A plan takes no further event once it has this many matches: memory is bounded however large the fan-out is.
pub const MATCHES_MAX: usize = 20_000;
/// The same when its receipt is this long, in bytes: a record of `matches` may always have twice that, and the name of one event
/// has less than 10 KB.
pub const RECEIPT_BYTES_MAX: usize = 512 * 1_024;

/// Around each event's part of a receipt: its tag, and its length.
const FRAME_BYTES: usize = 4;

/// An event of `events` that was asked about and has no receipt yet.
#[derive(Clone, Debug)]
pub struct Fresh {
    pub position: Position,
    /// When it was appended to `events`.
    pub appended_at_ms: i64,
    pub envelope: Envelope,
    /// Of the record; empty: none.
    pub traceparent: String,
    pub sighting: Sighting,
}

/// What is to be written for the first [`Planned::events`] of a batch: the deliveries, and when they are acknowledged,
/// the receipt.
#[derive(Clone, Debug)]
pub struct Planned {
    /// How many events of the batch this is about; the rest needs another plan.
    pub events: usize,
    pub receipt: Receipt,
    matches: Vec<Match>,
    positions: Arc<[i64]>,
}

/// A delivery to be written to `deliveries`.
#[derive(Clone, PartialEq, Debug)]
pub struct PlannedDelivery<'p> {
    /// Of the subscription.
    pub partition: i32,
    /// The record's key.
    pub subscription_id: &'p str,
    pub delivery_id: DeliveryId,
    /// An encoded [`Delivery`].
    pub payload: Bytes,
}

#[derive(Clone, Debug)]
struct Match {
    event: usize,
    entry: Arc<Entry>,
}

/// Decides about a beginning of `batch`, events of one partition in their order, under the table as it is now.
///
/// An expiry is compared with the time at which the event was appended, so that a plan made again after a crash comes
/// to the same matches.
pub fn plan(table: &Table, batch: &[Fresh]) -> Planned {
    let mut matches = Vec::new();
    let mut receipts = Vec::new();
    let mut receipt_bytes = 0;
    for (index, fresh) in batch.iter().enumerate() {
        if matches.len() >= MATCHES_MAX || receipt_bytes >= RECEIPT_BYTES_MAX {
            break;
        }
        let before = matches.len();
        let mut receipt = EventReceipt { offset: fresh.position.offset, ..EventReceipt::default() };
        match (fresh.sighting, &fresh.envelope.event) {
            (Sighting::Duplicate(first), _) => receipt.duplicate_of = Some(first.into()),
            (Sighting::First, Some(event)) => {
                let found = table.matching(event, fresh.appended_at_ms);
                matches.extend(found.map(|entry| Match { event: index, entry: Arc::clone(entry) }));
            }
            (Sighting::First, None) => {}
        }
        receipt.matches = u32::try_from(matches.len() - before).unwrap_or(u32::MAX);
        if receipt.matches == 0 {
            receipt.name = event_name(&fresh.envelope);
        }
        receipt_bytes += receipt.encoded_len() + FRAME_BYTES;
        receipts.push(receipt);
    }
    let positions: Arc<[i64]> = table.positions().into();
    Planned {
        events: receipts.len(),
        receipt: Receipt { schema: SCHEMA, table_positions: positions.to_vec(), events: receipts },
        matches,
        positions,
    }
}

impl Planned {
    /// Deliveries to be written.
    pub fn matches(&self) -> usize {
        self.matches.len()
    }

    /// The deliveries, in the order of the events; made one by one, so that never all of them are in memory. `batch` is
    /// what was planned.
    pub fn deliveries<'p>(&'p self, batch: &'p [Fresh]) -> impl Iterator<Item = PlannedDelivery<'p>> {
        let mut shared: Option<(usize, Shared)> = None;
        self.matches.iter().filter_map(move |found| {
            if shared.as_ref().is_none_or(|(event, _)| *event != found.event) {
                shared = Some((found.event, Shared::of(batch.get(found.event)?)?));
            }
            shared.as_ref().map(|(_, shared)| self.delivery(&found.entry, shared))
        })
    }

    fn delivery<'p>(&'p self, entry: &'p Entry, shared: &Shared) -> PlannedDelivery<'p> {
        let delivery_id = shared.ids.of(&entry.id);
        let position = usize::try_from(entry.partition).ok().and_then(|p| self.positions.get(p));
        let own = Delivery {
            schema: SCHEMA,
            delivery_id: Bytes::copy_from_slice(&delivery_id),
            subscription_id: entry.id.as_ref().to_owned(),
            subscription_offset: position.copied().unwrap_or(-1),
            scope: Some(Scope {
                partner: entry.partner.as_ref().to_owned(),
                operator: entry.operator.as_ref().to_owned(),
            }),
            ..Delivery::default()
        };
        let mut payload = Vec::with_capacity(own.encoded_len() + shared.encoded.len());
        payload.extend_from_slice(&own.encode_to_vec());
        payload.extend_from_slice(&shared.encoded);
        PlannedDelivery {
            partition: entry.partition,
            subscription_id: &entry.id,
            delivery_id,
            payload: payload.into(),
        }
    }
}

/// What all deliveries of an event have in common, encoded once. Protobuf messages that stand one after the other are
/// read as one message with the fields of both.
struct Shared {
    ids: crate::identity::DeliveryIds,
    encoded: Vec<u8>,
}

impl Shared {
    fn of(fresh: &Fresh) -> Option<Self> {
        let envelope = &fresh.envelope;
        let event = envelope.event.as_ref()?;
        let identity = EventIdentity { scope: &envelope.scope, source: &event.source, id: &event.id };
        let common = Delivery {
            event: Some(event.clone()),
            event_position: Some(fresh.position.into()),
            event_appended_at_ms: fresh.appended_at_ms,
            accepted_at_ms: envelope.accepted_at_ms,
            traceparent: fresh.traceparent.clone(),
            ..Delivery::default()
        };
        Some(Self { ids: identity.deliveries(fresh.position), encoded: common.encode_to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aerogram_wire::{
        partitioner::partition_of,
        v1::{Event, EventName, Status, Subscription},
    };
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    const PARTITIONS: i32 = 4;

    fn table(per_operator: &[usize]) -> Table {
        let mut table = Table::new(PARTITIONS);
        for (operator, count) in per_operator.iter().enumerate() {
            for n in 0..*count {
                let id = format!("sub-{operator}-{n}");
                let scope = Some(Scope { partner: format!("partner-{n}"), operator: operator.to_string() });
                let event_type = "FLIGHT_CREATE".to_owned();
                let state = Subscription {
                    scope,
                    event_type,
                    status: Status::Active.into(),
                    ..Subscription::default()
                };
                table.apply(partition_of(id.as_bytes(), PARTITIONS), 7 + n as i64, &id, Some(&state));
            }
        }
        table
    }

    fn fresh(offset: i64, operator: usize, sighting: Sighting) -> Fresh {
        let event = Event {
            id: format!("e-{offset}"),
            source: "/s".into(),
            r#type: "FLIGHT_CREATE".into(),
            operator: operator.to_string(),
            data: Bytes::from_static(br#"{"pnr":"AB1"}"#),
            ..Event::default()
        };
        Fresh {
            position: Position { partition: 2, offset },
            appended_at_ms: 1_000 + offset,
            envelope: Envelope {
                event: Some(event),
                scope: "ops".into(),
                accepted_at_ms: 900 + offset,
                ..Envelope::default()
            },
            traceparent: if offset % 2 == 0 { format!("00-{offset}") } else { String::new() },
            sighting,
        }
    }

    proptest! {
        /// The receipt counts what is written, deliveries decode to what they should be, and ids do not repeat.
        #[test]
        fn receipts_and_deliveries_agree(
            per_operator in prop::collection::vec(0..6_usize, 3),
            events in prop::collection::vec((0..4_usize, prop::option::weighted(0.3, 0..50_i64)), 0..20),
        ) {
            let table = table(&per_operator);
            let sightings = events.iter().map(|(_, first)| first.map_or(Sighting::First, |offset| {
                Sighting::Duplicate(Position { partition: 0, offset })
            }));
            let batch: Vec<Fresh> = (100..).zip(&events).zip(sightings)
                .map(|((offset, (operator, _)), sighting)| fresh(offset, *operator, sighting)).collect();
            let planned = plan(&table, &batch);
            prop_assert_eq!(planned.events, batch.len());
            prop_assert_eq!(&planned.receipt.table_positions, table.positions());
            let deliveries: Vec<_> = planned.deliveries(&batch).collect();
            prop_assert_eq!(deliveries.len(), planned.matches());
            let ids: BTreeSet<_> = deliveries.iter().map(|d| d.delivery_id).collect();
            prop_assert_eq!(ids.len(), deliveries.len());
            let mut written = deliveries.iter();
            for (fresh, receipt) in batch.iter().zip(&planned.receipt.events) {
                let event = fresh.envelope.event.clone().unwrap();
                let operator: usize = event.operator.parse().unwrap();
                let expected = match fresh.sighting {
                    Sighting::First => per_operator.get(operator).copied().unwrap_or(0),
                    Sighting::Duplicate(_) => 0,
                };
                prop_assert_eq!((receipt.offset, receipt.matches as usize), (fresh.position.offset, expected));
                prop_assert_eq!(receipt.duplicate_of.is_some(), fresh.sighting != Sighting::First);
                let named = receipt.name.as_ref();
                prop_assert_eq!(named.is_some(), expected == 0, "{:?}", receipt);
                prop_assert!(named.is_none_or(|name| (&name.id, &*name.scope) == (&event.id, "ops")), "{:?}", named);
                for delivery in written.by_ref().take(expected) {
                    let decoded = Delivery::decode(delivery.payload.clone()).unwrap();
                    prop_assert_eq!(delivery.partition, partition_of(delivery.subscription_id.as_bytes(), PARTITIONS));
                    let (_, n) = decoded.subscription_id.rsplit_once('-').unwrap();
                    prop_assert_eq!(&decoded, &Delivery {
                        schema: SCHEMA,
                        delivery_id: Bytes::copy_from_slice(&delivery.delivery_id),
                        subscription_id: delivery.subscription_id.to_owned(),
                        subscription_offset: table.positions()[delivery.partition as usize],
                        scope: Some(Scope { partner: format!("partner-{n}"), operator: operator.to_string() }),
                        event: Some(event.clone()),
                        event_position: Some(fresh.position.into()),
                        event_appended_at_ms: fresh.appended_at_ms,
                        accepted_at_ms: fresh.envelope.accepted_at_ms,
                        traceparent: fresh.traceparent.clone(),
                        ..Delivery::default()
                    });
                }
            }
            prop_assert_eq!(written.len(), 0);
        }
    }

    #[test]
    fn planned_again_it_is_the_same() {
        let (table, batch) = (table(&[3]), [fresh(5, 0, Sighting::First)]);
        let (once, again) = (plan(&table, &batch), plan(&table, &batch));
        assert!(once.deliveries(&batch).eq(again.deliveries(&batch)));
    }

    #[test]
    fn a_large_fan_out_is_cut_between_events() {
        let table = table(&[MATCHES_MAX / 2 + 1]);
        let batch: Vec<_> = (0..5).map(|offset| fresh(offset, 0, Sighting::First)).collect();
        let planned = plan(&table, &batch);
        assert_eq!((planned.events, planned.receipt.events.len()), (2, 2));
        assert_eq!(planned.matches(), MATCHES_MAX + 2);
    }

    #[test]
    fn an_event_without_a_delivery_is_named() {
        let first = Position { partition: 0, offset: 3 };
        let batch = [
            fresh(4, 0, Sighting::First),
            fresh(5, 9, Sighting::First),
            fresh(6, 0, Sighting::Duplicate(first)),
        ];
        let names: Vec<_> =
            plan(&table(&[1]), &batch).receipt.events.into_iter().map(|event| event.name).collect();
        assert_eq!(names[0], None, "its delivery says it");
        for (name, fresh) in names.iter().zip(&batch).skip(1) {
            let event = fresh.envelope.event.clone().unwrap();
            assert_eq!(
                name.as_ref().unwrap(),
                &EventName {
                    id: event.id,
                    source: event.source,
                    scope: "ops".into(),
                    r#type: event.r#type,
                    operator: event.operator,
                    contract: event.contract,
                    environment: event.environment,
                    subject: event.subject,
                    accepted_at_ms: fresh.envelope.accepted_at_ms,
                    words: vec!["ab1".into()],
                }
            );
        }
    }

    #[test]
    fn a_receipt_with_long_names_is_cut_between_events() {
        use crate::catalogue::{ID_CHARS_MAX, NAME_CHARS_MAX, SOURCE_CHARS_MAX, SUBJECT_CHARS_MAX};
        let long = |chars: usize| "\u{1f6eb}".repeat(chars);
        let longest = |offset: i64| {
            let mut fresh = fresh(offset, 0, Sighting::First);
            fresh.envelope.event = Some(Event {
                id: long(ID_CHARS_MAX),
                source: long(SOURCE_CHARS_MAX),
                r#type: long(NAME_CHARS_MAX),
                operator: long(NAME_CHARS_MAX),
                contract: long(NAME_CHARS_MAX),
                environment: "non-production".into(),
                subject: long(SUBJECT_CHARS_MAX),
                data: format!("{{\"pnr\":{:?}}}", (0..20).map(|n| format!("{n:064}")).collect::<Vec<_>>())
                    .into(),
                ..Event::default()
            });
            fresh
        };
        let batch: Vec<_> = (0..200).map(longest).collect();
        let (mut rest, mut receipts) = (batch.as_slice(), 0);
        while !rest.is_empty() {
            let planned = plan(&table(&[1]), rest);
            assert!(planned.events > 0 && planned.events == planned.receipt.events.len());
            assert!(planned.receipt.encoded_len() < RECEIPT_BYTES_MAX + 10_000);
            rest = &rest[planned.events..];
            receipts += 1;
        }
        assert!(receipts > 1);
    }

    #[test]
    fn a_subscription_that_expired_before_the_event_gets_nothing() {
        let mut table = table(&[1]);
        let scope = Some(Scope { partner: "p".into(), operator: "0".into() });
        let state = Subscription {
            scope,
            event_type: "FLIGHT_CREATE".into(),
            status: Status::Active.into(),
            expires_at_ms: 1_005,
            ..Subscription::default()
        };
        table.apply(0, 1, "expiring", Some(&state));
        let batch = [fresh(4, 0, Sighting::First), fresh(5, 0, Sighting::First)];
        let counts: Vec<_> = plan(&table, &batch).receipt.events.iter().map(|e| e.matches).collect();
        assert_eq!(counts, [2, 1]);
    }
}
