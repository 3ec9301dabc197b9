//! What is kept, and for how long.

use super::{all, apply, issued, key, open, open_with, told};
use crate::log::options;
use aerogram_domain::history::{Record, Status};
use aerogram_projection::{Change, Issued, Kept, Projection};
use aerogram_wire::Topic;
use aerogram_wire::key::PendingKey;
use aerogram_wire::v1::{LineKind, PendingKind};

/// As long as what has ended is kept in these tests, and as long as the log is.
const RETENTION_MS: i64 = 1_000_000;
const LOG_MS: i64 = 2_000_000;
/// For so long what has ended stays in any case.
const SETTLED_MS: i64 = 500_000;

async fn keep_all(projection: &Projection, now_ms: i64) -> usize {
    let mut dropped = 0;
    loop {
        let kept = projection.keep(now_ms).await.unwrap();
        dropped += kept.dropped;
        if !kept.more {
            return dropped;
        }
    }
}

async fn numbers(projection: &Projection) -> Vec<u64> {
    let number = |id: [u8; 16]| u64::from_be_bytes(id[8..].try_into().unwrap());
    let mut numbers: Vec<_> = all(projection).await.iter().map(|row| number(row.key.delivery_id)).collect();
    numbers.sort_unstable();
    numbers
}

#[tokio::test]
async fn what_has_ended_goes_when_it_is_too_old_and_what_has_not_stays() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.sqlite");
    let projection = open(&path).await;
    let kept = (options(&path).history_retention_ms, options(&path).log_retention_ms);
    assert_eq!(kept, (RETENTION_MS as u64, LOG_MS as u64));
    apply(&projection, Topic::Deliveries, (1..=8).map(|number| issued(number, 1_000)).collect()).await;
    apply(&projection, Topic::Deliveries, vec![issued(9, 1_001)]).await;
    let kinds = [
        (1, LineKind::Delivered),
        (2, LineKind::Escalated),
        (3, LineKind::Cancelled),
        (4, LineKind::Superseded),
        (5, LineKind::Expired),
        (6, LineKind::Parked),
        (7, LineKind::Retry),
        (9, LineKind::Delivered),
    ];
    let lines = kinds.map(|(number, kind)| told(number, kind, 1_500));
    apply(&projection, Topic::Attempts, lines.to_vec()).await;
    assert_eq!(keep_all(&projection, RETENTION_MS + 1_000).await, 0);
    assert_eq!(projection.keep(RETENTION_MS + 1_001).await.unwrap(), Kept { dropped: 5, more: false });
    assert_eq!(numbers(&projection).await, [6, 7, 8, 9]);
    assert_eq!(keep_all(&projection, LOG_MS + 1_000).await, 1);
    // It was under way when it was last heard of, and the log holds nothing of it any more.
    assert_eq!(keep_all(&projection, LOG_MS + 1_001).await, 1);
    assert_eq!(keep_all(&projection, 10 * LOG_MS).await, 0);
    assert_eq!(numbers(&projection).await, [6, 7]);
    assert_eq!(keep_all(&projection, i64::MIN).await, 0, "a clock that stands still");
}

#[tokio::test]
async fn many_go_in_slices() {
    let dir = tempfile::tempdir().unwrap();
    let projection = open(&dir.path().join("p.sqlite")).await;
    apply(&projection, Topic::Deliveries, (0..5_000).map(|number| issued(number, 1_000)).collect()).await;
    let lines = (0..5_000).map(|number| told(number, LineKind::Delivered, 1_500));
    apply(&projection, Topic::Attempts, lines.collect()).await;
    let kept = projection.keep(2 * RETENTION_MS).await.unwrap();
    assert!(kept.more && kept.dropped > 0 && kept.dropped < 5_000, "{kept:?}");
    assert_eq!(kept.dropped + keep_all(&projection, 2 * RETENTION_MS).await, 5_000);
    assert_eq!(numbers(&projection).await, [0; 0]);
}

#[tokio::test]
async fn what_only_lines_tell_of_goes_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let projection = open(&dir.path().join("p.sqlite")).await;
    let lines = vec![told(1, LineKind::Delivered, 1_500), told(2, LineKind::Retry, 1_500)];
    apply(&projection, Topic::Attempts, lines).await;
    assert_eq!(keep_all(&projection, LOG_MS + 1_500).await, 0);
    assert_eq!(keep_all(&projection, LOG_MS + 1_501).await, 2);
    apply(&projection, Topic::Deliveries, vec![issued(1, 1_000)]).await;
    assert_eq!(all(&projection).await[0].status, Status::Pending, "its line is forgotten");
}

/// A file made anew reads entries that are over, when their tombstones are still there and their lines are not.
#[tokio::test]
async fn what_left_pending_waits_no_longer() {
    let dir = tempfile::tempdir().unwrap();
    let projection = open(&dir.path().join("p.sqlite")).await;
    let entry = |number| {
        let Change::Issued(issued) = issued(number, 1_000) else { unreachable!() };
        let record =
            Record { seq: 3, waits: Some(PendingKind::Parked), since_ms: 1_100, ..Record::default() };
        Change::Issued(Box::new(Issued { record, ..*issued }))
    };
    let left =
        |number| Change::LeftPending { key: PendingKey { run: key(number), seq: 3 }, appended_at_ms: 1_200 };
    apply(&projection, Topic::Pending, vec![entry(1), entry(2), left(2), left(3)]).await;
    let statuses: Vec<_> = all(&projection).await.iter().map(|row| (row.key, row.status)).collect();
    assert_eq!(statuses.len(), 2);
    assert!(statuses.contains(&(key(1), Status::Parked)) && statuses.contains(&(key(2), Status::Pending)));
    assert_eq!(keep_all(&projection, 2 * LOG_MS).await, 1);
    assert_eq!(numbers(&projection).await, [1]);
}

#[tokio::test]
async fn when_there_is_no_room_the_oldest_that_have_ended_go_first() {
    const BYTES_MAX: u64 = 3 << 20;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.sqlite");
    let projection = open_with(&path, BYTES_MAX).await;
    let used = || {
        let connection = rusqlite::Connection::open(&path).unwrap();
        let number =
            |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).unwrap();
        ((number("page_count") - number("freelist_count")) * number("page_size")) as u64
    };
    for begin in (0..20_000).step_by(1_000) {
        let numbers = || begin..begin + 1_000_u64;
        let issue = |number: u64| issued(number, 1_000 + number.cast_signed());
        apply(&projection, Topic::Deliveries, numbers().map(issue).collect()).await;
        // Every hundredth waits.
        let lines = numbers().map(|number| {
            let kind = if number % 100 == 0 { LineKind::Parked } else { LineKind::Delivered };
            told(number, kind, 30_000)
        });
        apply(&projection, Topic::Attempts, lines.collect()).await;
        keep_all(&projection, 30_000 + SETTLED_MS + 1).await;
        assert!(used() <= BYTES_MAX, "{}", used());
    }
    let left = numbers(&projection).await;
    let (waiting, ended): (Vec<u64>, Vec<u64>) = left.into_iter().partition(|number| number % 100 == 0);
    assert_eq!(waiting.len(), 200);
    assert!(ended.len() > 1_000, "{}", ended.len());
    let newest: Vec<u64> = (0..20_000).rev().filter(|number| number % 100 != 0).take(ended.len()).collect();
    assert!(ended.iter().rev().eq(&newest), "the newest are left");

    // It says how far back it is whole, and what comes late of before that is not brought back.
    let since_ms = projection.whole_since_ms();
    let oldest_ms = 1_000 + ended[0].cast_signed();
    assert!(since_ms > 1_000 && (since_ms..=since_ms + 1).contains(&oldest_ms), "{since_ms} {oldest_ms}");
    let late = vec![issued(1, 1_001), issued(77_777, since_ms - 1), issued(88_888, since_ms)];
    apply(&projection, Topic::Deliveries, late).await;
    let after = numbers(&projection).await;
    assert_eq!(after.len(), ended.len() + waiting.len() + 1);
    assert!(after.contains(&88_888));
    projection.close().await.unwrap();
    assert_eq!(open_with(&path, BYTES_MAX).await.whole_since_ms(), since_ms);
}

#[tokio::test]
async fn what_has_just_ended_stays_for_a_while() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.sqlite");
    for bytes_max in [1 << 40, 1] {
        let projection = open_with(&path, bytes_max).await;
        apply(&projection, Topic::Deliveries, vec![issued(1, 1_000)]).await;
        apply(&projection, Topic::Attempts, vec![told(1, LineKind::Delivered, 1_200_000)]).await;
        assert_eq!(keep_all(&projection, i64::MIN).await, 0);
        assert_eq!(keep_all(&projection, 1_200_000 + SETTLED_MS).await, 0);
        assert_eq!(keep_all(&projection, 1_200_000 + SETTLED_MS + 1).await, 1);
        assert_eq!(projection.whole_since_ms(), 0, "its age says where it is");
        projection.close().await.unwrap();
    }
}
