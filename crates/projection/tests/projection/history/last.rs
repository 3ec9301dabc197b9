//! The newest delivery of each subscription, against the same rows in memory.

use super::{about, all, apply, issued, open, told};
use aerogram_domain::history::Status;
use aerogram_projection::{DeliveryRow, LastDelivery, LastQuery, Projection};
use aerogram_wire::Topic;
use aerogram_wire::v1::LineKind;

const ROWS: u64 = 300;
const KINDS: [LineKind; 7] = [
    LineKind::Retry,
    LineKind::Parked,
    LineKind::Delivered,
    LineKind::Escalated,
    LineKind::Cancelled,
    LineKind::Superseded,
    LineKind::Expired,
];

async fn last(projection: &Projection, of: u64, not_before_ms: i64) -> Vec<Option<LastDelivery>> {
    let owner = about(of, 0);
    let names = (0..12).chain([99]).map(|number| format!("s-{number}"));
    let (partner, operator, subscription_ids) = (owner.partner, owner.operator, names.collect());
    let query = LastQuery { partner, operator, subscription_ids, not_before_ms };
    projection.last_deliveries(query).await.unwrap()
}

/// The same, as one would say it.
fn expected(rows: &[DeliveryRow], of: u64, not_before_ms: i64) -> Vec<Option<LastDelivery>> {
    let owner = about(of, 0);
    let of_subscription = |number: u64| {
        let theirs = |row: &&DeliveryRow| {
            (&row.about.partner, &row.about.operator) == (&owner.partner, &owner.operator)
                && row.about.subscription_id == format!("s-{number}")
                && (!row.status.is_final() || row.about.issued_at_ms >= not_before_ms)
        };
        let newest = rows.iter().filter(theirs).max_by_key(|row| row.cursor())?;
        let (key, status, issued_at_ms) = (newest.key, newest.status, newest.about.issued_at_ms);
        Some(LastDelivery { key, status, issued_at_ms })
    };
    (0..12).chain([99]).map(of_subscription).collect()
}

#[tokio::test]
async fn the_newest_of_each_subscription_is_found_whatever_became_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let projection = open(&dir.path().join("p.sqlite")).await;
    // Many of one moment.
    let issue = |number: u64| issued(number, 1_000 + (number * 37 % 50).cast_signed());
    apply(&projection, Topic::Deliveries, (0..ROWS).map(issue).collect()).await;
    let tell = |number: u64| Some(told(number, *KINDS.get((number * 13 % 31 % 9) as usize)?, 2_000));
    apply(&projection, Topic::Attempts, (0..ROWS).filter_map(tell).collect()).await;
    let rows = all(&projection).await;
    let mut statuses = Vec::new();
    for of in 0..6 {
        for not_before_ms in [0, 1_025, 1_048, 1_049, 5_000] {
            let found = last(&projection, of, not_before_ms).await;
            assert_eq!(found, expected(&rows, of, not_before_ms), "of {of}, not before {not_before_ms}");
            statuses.extend(found.into_iter().flatten().map(|last| last.status));
        }
    }
    assert!(Status::ALL.iter().filter(|status| statuses.contains(status)).count() > 4, "{statuses:?}");
}

#[tokio::test]
async fn there_is_none_of_what_nothing_is_known_of() {
    let dir = tempfile::tempdir().unwrap();
    let projection = open(&dir.path().join("p.sqlite")).await;
    assert_eq!(last(&projection, 1, 0).await, [None; 13]);
    // Only its end is known, so it is nobody's.
    apply(&projection, Topic::Attempts, vec![told(1, LineKind::Delivered, 2_000)]).await;
    assert_eq!(last(&projection, 1, 0).await, [None; 13]);
    apply(&projection, Topic::Deliveries, vec![issued(1, 1_000)]).await;
    let found = last(&projection, 1, 0).await;
    assert_eq!(found.iter().flatten().count(), 1);
    assert_eq!(found[1].unwrap().status, Status::Delivered);
    assert_eq!(last(&projection, 2, 0).await, [None; 13], "another pair's subscription of this name");
}
