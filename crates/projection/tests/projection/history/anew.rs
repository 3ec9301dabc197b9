//! History is made anew in its place.

use std::time::Duration;

use super::{all, apply, issued, key, open, told};
use crate::log::{all as escalations, batch, escalated};
use aerogram_domain::history::{Claims, Status};
use aerogram_projection::{Batch, DeliveryQuery, Projection, ProjectionError, ReadSoFar};
use aerogram_wire::Topic;
use aerogram_wire::v1::LineKind;

/// What the readers of history write down at the latest.
const NOW_MS: i64 = 600_000;

async fn filled(path: &std::path::Path) -> Projection {
    let projection = open(path).await;
    apply(&projection, Topic::Deliveries, (1..=3).map(|number| issued(number, 1_000)).collect()).await;
    let claims = Claims { epoch: Some(4), nonce: Some(5) };
    let lines = vec![told(1, LineKind::Delivered, 1_500)];
    projection.apply(Batch { changes: lines, claims, ..Batch::new(Topic::Attempts, 0, 7) }).await.unwrap();
    projection.apply(batch(0, &[escalated(1)])).await.unwrap();
    projection.followed(NOW_MS).await.unwrap();
    projection
}

fn is_refused<T>(answer: &Result<T, ProjectionError>) -> bool {
    matches!(answer, Err(ProjectionError::MadeAnew))
}

#[tokio::test]
async fn until_it_is_read_again_nothing_is_told_of_runs() {
    let dir = tempfile::tempdir().unwrap();
    let projection = filled(&dir.path().join("p.sqlite")).await;
    let before = projection.read_so_far(Topic::Attempts, 0).await.unwrap();
    assert_eq!((before.next_offset, before.left_at, before.generation), (Some(7), None, 0));
    assert_eq!((before.claims.epoch, before.followed_ms), (Some(4), Some(NOW_MS)));
    let mut generation = projection.made_anew();
    projection.make_anew(0).await.unwrap();
    assert_eq!(*generation.borrow_and_update(), 1);
    assert!(is_refused(&projection.deliveries(DeliveryQuery::default()).await));
    assert!(is_refused(&projection.count_deliveries(DeliveryQuery::default(), 9).await));
    assert!(is_refused(&projection.delivery(key(1), 0).await));
    assert!(is_refused(&projection.runs_of(vec![key(1).delivery_id]).await));
    // What is not made of runs stays, and where they were read up to is remembered until they are read again.
    assert_eq!(escalations(&projection).await.len(), 1);
    let left = projection.read_so_far(Topic::Attempts, 0).await.unwrap();
    let claims = Claims::default();
    let followed_ms = Some(NOW_MS);
    assert_eq!(left, ReadSoFar { next_offset: None, left_at: Some(7), claims, followed_ms, generation: 1 });
    // Whoever does not know it yet changes nothing, and does not make it anew once more.
    let late = Batch { changes: vec![issued(2, 1_000)], ..Batch::new(Topic::Deliveries, 0, 4) };
    assert!(is_refused(&projection.apply(late).await));
    projection.make_anew(0).await.unwrap();
    assert!(!generation.has_changed().unwrap());
    assert_eq!(projection.keep(2 * NOW_MS).await.unwrap().dropped, 0);

    let changes = vec![issued(2, 1_000)];
    let batch = Batch { changes, generation: 1, untold_until_ms: 900, ..Batch::new(Topic::Deliveries, 0, 9) };
    projection.apply(batch).await.unwrap();
    assert_eq!(projection.whole_since_ms(), 900);
    let again = projection.read_so_far(Topic::Deliveries, 0).await.unwrap();
    assert_eq!((again.next_offset, again.left_at, again.followed_ms), (Some(9), None, None));
    projection.whole_again(0);
    assert!(is_refused(&projection.delivery(key(2), 0).await), "an earlier one was whole");
    projection.whole_again(1);
    let rows: Vec<_> = all(&projection).await.iter().map(|row| (row.key, row.status)).collect();
    assert_eq!(rows, [(key(2), Status::Pending)]);
}

#[tokio::test]
async fn what_is_remembered_of_it_outlives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.sqlite");
    let projection = filled(&path).await;
    projection.make_anew(0).await.unwrap();
    projection.close().await.unwrap();
    let projection = open(&path).await;
    let left = projection.read_so_far(Topic::Attempts, 0).await.unwrap();
    assert_eq!((left.next_offset, left.left_at, left.followed_ms), (None, Some(7), Some(NOW_MS)));
    // Begun, and torn once more before all was read.
    let begun = Batch { untold_until_ms: 800, ..Batch::new(Topic::Deliveries, 0, 2) };
    projection.apply(begun).await.unwrap();
    projection.make_anew(0).await.unwrap();
    for (topic, left_at) in [(Topic::Deliveries, 2), (Topic::Attempts, 7)] {
        let left = projection.read_so_far(topic, 0).await.unwrap();
        assert_eq!((left.next_offset, left.left_at), (None, Some(left_at)), "{topic:?}");
        assert_eq!(left.followed_ms, Some(NOW_MS));
    }
    projection.close().await.unwrap();
    assert_eq!(open(&path).await.whole_since_ms(), 800);
}

/// The write waits for another one's, so who reads meanwhile reads what was there before, and belongs to it.
#[tokio::test]
async fn what_was_read_before_it_is_gone_is_of_the_generation_before() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.sqlite");
    let projection = filled(&path).await;
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut made_anew = projection.made_anew();
    let making = tokio::spawn({
        let projection = projection.clone();
        async move { projection.make_anew(0).await }
    });
    // Whoever is told of it too early has this time to be told.
    let told = tokio::time::timeout(Duration::from_millis(300), made_anew.changed()).await;
    let before = projection.read_so_far(Topic::Attempts, 0).await.unwrap();
    other.execute_batch("ROLLBACK").unwrap();
    making.await.unwrap().unwrap();
    assert_eq!(before.next_offset, Some(7));
    let generation = before.generation;
    let late = Batch { generation, ..Batch::new(Topic::Attempts, 0, 8) };
    assert!(is_refused(&projection.apply(late).await), "its rows are gone");
    assert!(told.is_err());
    assert_eq!(*projection.made_anew().borrow(), 1);
    let after = projection.read_so_far(Topic::Attempts, 0).await.unwrap();
    assert_eq!((after.next_offset, after.left_at, after.generation), (None, Some(7), 1));
    // Of what was never read the generation is known as well.
    assert_eq!(projection.read_so_far(Topic::Attempts, 5).await.unwrap().generation, 1);
}

/// What was there can still be read, and it is tried again.
#[tokio::test]
async fn when_it_cannot_be_made_anew_all_is_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.sqlite");
    let projection = filled(&path).await;
    let other = rusqlite::Connection::open(&path).unwrap();
    let refuse = "CREATE TRIGGER refuse BEFORE DELETE ON deliveries BEGIN SELECT RAISE(ABORT, 'no'); END";
    other.execute_batch(refuse).unwrap();
    assert!(matches!(projection.make_anew(0).await, Err(ProjectionError::Sqlite { .. })));
    assert_eq!((all(&projection).await.len(), *projection.made_anew().borrow()), (3, 0));
    projection.apply(Batch::new(Topic::Attempts, 0, 8)).await.unwrap();
    other.execute_batch("DROP TRIGGER refuse").unwrap();
    projection.make_anew(0).await.unwrap();
    assert_eq!(*projection.made_anew().borrow(), 1);
    assert_eq!(projection.read_so_far(Topic::Attempts, 0).await.unwrap().left_at, Some(8));
}

/// A reader that began before and ends afterwards has seen a half.
#[tokio::test]
async fn what_is_read_while_it_is_made_anew_is_worth_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let projection = filled(&dir.path().join("p.sqlite")).await;
    let many = (10..4_000).map(|number| issued(number, 1_000)).collect();
    apply(&projection, Topic::Deliveries, many).await;
    let reads: Vec<_> = (0..64)
        .map(|_| {
            let projection = projection.clone();
            tokio::spawn(async move { projection.count_deliveries(DeliveryQuery::default(), u64::MAX).await })
        })
        .collect();
    projection.make_anew(0).await.unwrap();
    for read in reads {
        match read.await.unwrap() {
            Ok(counted) => assert_eq!(counted, 3_993),
            refused => assert!(is_refused(&refused)),
        }
    }
}

/// What began before the log was cut may have ended in what is gone.
#[tokio::test]
async fn what_was_under_way_then_is_not_told_as_if_it_still_were() {
    let dir = tempfile::tempdir().unwrap();
    let projection = open(&dir.path().join("p.sqlite")).await;
    apply(&projection, Topic::Deliveries, vec![issued(1, 1_000), issued(2, 1_000), issued(3, 2_000)]).await;
    apply(&projection, Topic::Attempts, vec![told(2, LineKind::Retry, 1_500)]).await;
    let cut = |topic| Batch { untold_until_ms: 2_000, ..Batch::new(topic, 0, 9) };
    projection.apply(cut(Topic::Matches)).await.unwrap();
    assert_eq!((projection.keep(3_000).await.unwrap().dropped, projection.whole_since_ms()), (0, 2_000));
    projection.apply(cut(Topic::Attempts)).await.unwrap();
    assert_eq!(projection.keep(3_000).await.unwrap().dropped, 1);
    let keys: Vec<_> = all(&projection).await.iter().map(|row| row.key).collect();
    assert_eq!(keys, [key(2), key(3)], "the first one is gone, and the second waits in pending");
}

/// Of the other partitions every line is there.
#[tokio::test]
async fn what_was_under_way_in_other_partitions_stays() {
    let dir = tempfile::tempdir().unwrap();
    let projection = open(&dir.path().join("p.sqlite")).await;
    let of = |partition, numbers: [u64; 2]| Batch {
        changes: numbers.map(|number| issued(number, 1_000)).to_vec(),
        ..Batch::new(Topic::Deliveries, partition, 2)
    };
    projection.apply(of(0, [1, 2])).await.unwrap();
    projection.apply(of(1, [3, 4])).await.unwrap();
    let changes = vec![told(4, LineKind::Delivered, 1_500)];
    projection.apply(Batch { changes, ..Batch::new(Topic::Attempts, 1, 1) }).await.unwrap();
    // Nothing is left of the first one, so it is torn until now.
    let cut = |topic| Batch { untold_until_ms: 9_000, ..Batch::new(topic, 0, 9) };
    projection.apply(cut(Topic::Attempts)).await.unwrap();
    assert_eq!(projection.keep(10_000).await.unwrap().dropped, 2);
    let left = async || {
        let mut keys: Vec<_> = all(&projection).await.iter().map(|row| row.key).collect();
        keys.sort();
        keys
    };
    let mut others = [key(3), key(4)];
    others.sort();
    assert_eq!(left().await, others);
    assert_eq!(projection.whole_since_ms(), 9_000, "what has ended is hidden");
    assert_eq!(projection.keep(10_000).await.unwrap().dropped, 0);
    // Read again, what the log tells of it is there again, and is looked at again.
    projection.make_anew(0).await.unwrap();
    for mut batch in [of(0, [1, 2]), of(1, [3, 4])] {
        batch.generation = 1;
        projection.apply(batch).await.unwrap();
    }
    projection.whole_again(1);
    assert_eq!(projection.keep(10_000).await.unwrap().dropped, 2);
    assert_eq!(left().await, others);
}
