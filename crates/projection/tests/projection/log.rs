//! A log to fold, and folding it.

use std::path::Path;

use aerogram_projection::{Batch, Change, Options, Page, Projection, Query, Row};
use aerogram_wire::Topic;
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::{
    Attempt, Delivery, Escalation, Event, Outcome, Reason, Resolution, ResolutionKind, Scope,
};

pub const PARTITION: i32 = 3;

pub fn key(number: u8) -> RunKey {
    RunKey { delivery_id: [number; 16], run: 0 }
}

/// The record of a delivery that was given up at `number` × 1000 ms.
pub fn record(number: u8) -> Escalation {
    let event = Event {
        id: format!("e-{number}"),
        r#type: "FLIGHT_CREATE".into(),
        subject: "AB1".into(),
        environment: "production".into(),
        ..Event::default()
    };
    let attempt = |number: u32, status| Attempt {
        number,
        status,
        outcome: Outcome::Http5xx.into(),
        ..Attempt::default()
    };
    Escalation {
        schema: 1,
        delivery: Some(Delivery {
            delivery_id: key(number).delivery_id.to_vec().into(),
            subscription_id: format!("s-{}", number % 2),
            scope: Some(Scope { partner: "app-1".into(), operator: "acme".into() }),
            event: Some(event),
            ..Delivery::default()
        }),
        reason: Reason::Exhausted.into(),
        attempts: vec![attempt(1, 500), attempt(2, 503)],
        escalated_at_ms: i64::from(number) * 1_000,
        ..Escalation::default()
    }
}

pub fn resolution(kind: ResolutionKind, why: &str) -> Resolution {
    let run = if kind == ResolutionKind::Redelivered { u64::MAX - 7 } else { 0 };
    Resolution { kind: kind.into(), actor: "app-1".into(), at_ms: 9_000, why: why.into(), run }
}

/// What stands at an offset: given up, or resolved.
#[derive(Clone)]
pub enum Entry {
    Escalated(RunKey, Box<Escalation>),
    Resolved(RunKey, Resolution),
}

pub fn escalated(number: u8) -> Entry {
    Entry::Escalated(key(number), Box::new(record(number)))
}

pub fn dismissed(number: u8, why: &str) -> Entry {
    Entry::Resolved(key(number), resolution(ResolutionKind::Dismissed, why))
}

pub fn redelivered(number: u8) -> Entry {
    Entry::Resolved(key(number), resolution(ResolutionKind::Redelivered, "fixed"))
}

/// The batch of entries from an offset on.
pub fn batch(from: i64, entries: &[Entry]) -> Batch {
    let mut batch = Batch::new(Topic::Escalations, PARTITION, from);
    for entry in entries {
        batch.changes.push(match entry.clone() {
            Entry::Escalated(key, record) => {
                Change::Escalated(Box::new(Row::of(PARTITION, batch.next_offset, key, &record).unwrap()))
            }
            Entry::Resolved(key, resolution) => Change::Resolved { key, resolution },
        });
        batch.next_offset += 1;
    }
    batch
}

pub fn options(path: &Path) -> Options {
    Options {
        path: Some(path.to_owned()),
        layout_id: "layout".to_owned(),
        escalations_max: 1_000,
        history_retention_ms: 1_000_000,
        log_retention_ms: 2_000_000,
        history_bytes_max: 1 << 40,
        read_timeout_ms: 60_000,
    }
}

pub async fn open(path: &Path) -> Projection {
    Projection::open(options(path)).await.unwrap()
}

pub async fn position(projection: &Projection) -> Option<i64> {
    projection.position(Topic::Escalations, PARTITION).await.unwrap()
}

pub async fn all(projection: &Projection) -> Vec<Row> {
    page(projection, Query { limit: 10_000, ..Query::default() }).await.rows
}

pub async fn page(projection: &Projection, query: Query) -> Page {
    projection.escalations(query).await.unwrap()
}

/// Events of the rows, by which they are told apart.
pub fn events(rows: &[Row]) -> Vec<&str> {
    rows.iter().map(|row| row.event_id.as_str()).collect()
}
