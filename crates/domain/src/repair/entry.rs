//! The first record of a run that people asked for.

use aerogram_wire::SCHEMA;
use aerogram_wire::key::{PendingKey, RunKey};
use aerogram_wire::v1::{Delivery, PendingEntry, PendingKind};

/// What is to be written to `pending`: the delivery as if it had never been tried, and due since it was asked for. Always then:
/// an entry that is written again must not look younger than the run's lines, or it would be sent again when those are
/// forgotten.
///
/// `RETRY` goes out at once, unless others of its subscription wait for their credits; `PARKED` waits for a credit with them, so
/// that many are no more than the receiver takes. The scheduler takes what is parked and read for the first time as not older
/// than its firing, so such an entry may be written again only for as long as its tombstone is remembered; who comes later has
/// to look into history first.
pub fn first_record(
    key: RunKey,
    delivery: &Delivery,
    since_ms: i64,
    kind: PendingKind,
) -> (PendingKey, PendingEntry) {
    let delivery = Delivery {
        run: key.run,
        seq: 0,
        attempts_made: 0,
        due_at_ms: since_ms,
        issued_at_ms: since_ms,
        from_pending: false,
        by_credit: false,
        once: false,
        history: Vec::new(),
        ..delivery.clone()
    };
    let entry = PendingEntry {
        schema: SCHEMA,
        kind: kind.into(),
        due_at_ms: since_ms,
        delivery: Some(delivery),
        window_max: 0,
    };
    (PendingKey { run: key, seq: 0 }, entry)
}
