//! The history of deliveries.

mod anew;
mod events;
mod fold;
mod keep;
mod last;
mod lists;
mod overview;
mod search;
mod world;

use std::path::Path;

use crate::log::options;
use aerogram_domain::identity::Position;
use aerogram_projection::{
    About, Batch, Change, DeliveryPage, DeliveryQuery, DeliveryRow, Issued, Options, Projection,
    ProjectionError,
};
use aerogram_wire::Topic;
use aerogram_wire::key::RunKey;
use aerogram_wire::v1::{Attempt, Line, LineKind, Outcome};

fn key(number: u64) -> RunKey {
    let mut delivery_id = [0; 16];
    delivery_id[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    delivery_id[8..].copy_from_slice(&number.to_be_bytes());
    RunKey { delivery_id, run: 0 }
}

fn about(number: u64, issued_at_ms: i64) -> About {
    About {
        partner: format!("app-{}", number % 3),
        operator: format!("op-{}", number % 2),
        subscription_id: format!("s-{}", number % 12),
        event_type: ["FLIGHT_CREATE", "FLIGHT_CANCEL", "OrderCreated"][number as usize % 7 % 3].into(),
        event_id: format!("e-{}", number / 4),
        subject: format!("AB{}", number / 4 % 20),
        environment: if number.is_multiple_of(5) { "non-production" } else { "production" }.into(),
        event_position: Position { partition: 1, offset: number.cast_signed() },
        issued_at_ms,
        once: false,
    }
}

fn issued(number: u64, issued_at_ms: i64) -> Change {
    let record = aerogram_domain::history::Record { since_ms: issued_at_ms, ..Default::default() };
    let (key, about) = (key(number), about(number, issued_at_ms));
    Change::Issued(Box::new(Issued { key, about, record, words: Vec::new() }))
}

fn told(number: u64, kind: LineKind, appended_at_ms: i64) -> Change {
    let attempt = Attempt {
        number: 1,
        started_at_ms: appended_at_ms - 7,
        duration_ms: 5,
        outcome: if kind == LineKind::Delivered { Outcome::Delivered } else { Outcome::Http5xx }.into(),
        status: if kind == LineKind::Delivered { 204 } else { 503 },
        ..Attempt::default()
    };
    let attempt = (!matches!(kind, LineKind::Parked | LineKind::Cancelled)).then_some(attempt);
    let attempts_made = u32::from(attempt.is_some());
    let line = Line {
        kind: kind.into(),
        attempt,
        attempts_made,
        due_at_ms: appended_at_ms + 60_000,
        ..Line::default()
    };
    Change::Line { key: key(number), line: Box::new(line), appended_at_ms }
}

async fn open(path: &Path) -> Projection {
    Projection::open(options(path)).await.unwrap()
}

async fn open_with(path: &Path, history_bytes_max: u64) -> Projection {
    Projection::open(Options { history_bytes_max, ..options(path) }).await.unwrap()
}

async fn apply(projection: &Projection, topic: Topic, changes: Vec<Change>) {
    let from = projection.position(topic, 0).await.unwrap().unwrap_or(0);
    let next_offset = from + i64::try_from(changes.len()).unwrap();
    projection.apply(Batch { changes, ..Batch::new(topic, 0, next_offset) }).await.unwrap();
}

async fn page(projection: &Projection, query: DeliveryQuery) -> DeliveryPage {
    projection.deliveries(query).await.unwrap()
}

async fn all(projection: &Projection) -> Vec<DeliveryRow> {
    page(projection, DeliveryQuery { limit: 100_000, ascending: true, ..DeliveryQuery::default() }).await.rows
}

#[tokio::test]
async fn what_takes_too_long_is_given_up_and_the_next_one_is_answered() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.sqlite");
    let projection = Projection::open(Options { read_timeout_ms: 0, ..options(&path) }).await.unwrap();
    apply(&projection, Topic::Deliveries, (0..5_000).map(|number| issued(number, 1_000)).collect()).await;
    // More than there are connections.
    for _ in 0..6 {
        let late = projection.count_deliveries(DeliveryQuery::default(), u64::MAX).await;
        assert!(matches!(late, Err(ProjectionError::Late { read_timeout_ms: 0, .. })), "{late:?}");
        assert!(projection.delivery(key(7), 0).await.unwrap().is_some());
    }
}
